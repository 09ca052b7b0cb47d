package nbrun

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
)

// ansi matches the escape sequences with which texts are coloured.
var ansi = regexp.MustCompile("\x1b\\[[0-9;?]*[a-zA-Z]")

// cellError makes the error of a run from that of a cell.
func (r *runner) cellError(i int, f jupyter.Failure) *CellError {
	c := r.nb.Cells[i]
	return &CellError{
		Notebook: r.opts.Notebook, Cell: i + 1, Line: firstLine(c.Source),
		Name: f.EName, Value: f.EValue, Details: plainLines(strings.Join(f.Traceback, "\n")),
	}
}

// plainLines returns the lines of s that are not empty, without colours.
func plainLines(s string) []string {
	var list []string
	for line := range strings.Lines(ansi.ReplaceAllString(s, "")) {
		if line = strings.TrimRight(line, " \r\n"); line != "" {
			list = append(list, line)
		}
	}
	return list
}

// count writes "1 byte", "2 bytes".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
