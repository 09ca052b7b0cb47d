// Package bytesize writes numbers of bytes for people.
//
//	bytesize.Text(3_211_264) // "3.21 MB"
package bytesize

import "fmt"

// Text writes n with three digits and a unit that is a power of ten: "640 B", "12.5 kB", "3.21 MB".
func Text(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	x, unit := float64(n), 0
	for x >= 999.5 && unit < len(units)-1 { // which would be written as 1e+03
		x, unit = x/1000, unit+1
	}
	return fmt.Sprintf("%.3g %s", x, units[unit])
}

var units = [...]string{"B", "kB", "MB", "GB", "TB", "PB", "EB"}
