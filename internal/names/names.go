// Package names finds the name that was meant, for errors about one that is not known.
package names

import "fmt"

// Hint returns `: do you mean "loss"?` for the known name that is most like the given one, "" if none is near.
func Hint(name string, known []string) string {
	if near := Nearest(name, known); near != "" {
		return fmt.Sprintf(": do you mean %q?", near)
	}
	return ""
}

// Nearest returns the name that is most like the given one, "" if none is near: of one with which it has no letter in common it is not.
func Nearest(name string, names []string) string {
	best, distance := "", 1+max(2, len(name)/3)
	for _, n := range names {
		if d := Distance(name, n); d < distance && d < max(len(name), len(n)) {
			best, distance = n, d
		}
	}
	return best
}

// Distance returns the number of letters to insert, delete or replace to make a into b.
func Distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			d := before
			if a[i] != b[j] {
				d = 1 + min(before, row[j], row[j+1])
			}
			before, row[j+1] = row[j+1], d
		}
	}
	return row[len(b)]
}
