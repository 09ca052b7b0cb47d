package cells

import "strings"

// none is the line of what comes from no cell.
const none = -1

// goFile returns the Go file that gonb makes of a cell before it takes it apart, and for each of its lines the line of
// the cell, counted from 0. It does what gonb v0.11 does (createGoFileFromLines), except where that panics.
func goFile(lines []string) (text string, from []int) {
	var b strings.Builder
	add := func(line string, at int) {
		b.WriteString(line + "\n")
		from = append(from, at)
	}
	skip := Commands(lines)
	add("package main", none)
	add("", none)
	closing := false
	for i, line := range lines {
		command := uncommented(line)
		switch {
		case isMain(command):
			add("func main() {", i)
			add("\tflag.Parse()", i)
			closing = true
		case strings.HasPrefix(command, "%exec"):
			name := ""
			if words := strings.Split(command, " "); len(words) > 1 {
				name = words[1]
			}
			for _, s := range []string{"func main() {", "\tflag.Parse()", "\t" + name + "()", "}"} {
				add(s, i)
			}
		case skip[i], strings.HasPrefix(line, "package"):
		default:
			add(line, i)
		}
	}
	if closing {
		add("", none)
		add("}", none)
	}
	return b.String(), from
}

// isMain reports whether a line makes the rest of the cell the function main.
func isMain(line string) bool {
	return strings.HasPrefix(line, "%main") || line == "%%" || strings.HasPrefix(line, "%% ") || strings.HasPrefix(line, "%%\t")
}

// uncommented returns a line without the comment in which a command may stand.
func uncommented(line string) string { return strings.TrimPrefix(line, "//gonb:") }

// Commands returns the lines of a cell that gonb takes for commands, not for Go, wherever they stand: those that begin
// with % or !, and those that go on after a backslash.
func Commands(lines []string) map[int]bool {
	used := map[int]bool{}
	for i := range lines {
		if t := uncommented(lines[i]); used[i] || len(t) < 2 || t[0] != '%' && t[0] != '!' {
			continue
		}
		for k := i; k < len(lines); k++ {
			used[k] = true
			if !strings.HasSuffix(uncommented(lines[k]), `\`) {
				break
			}
		}
	}
	return used
}
