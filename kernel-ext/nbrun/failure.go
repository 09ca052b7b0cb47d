package nbrun

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
)

// ansi matches the escape sequences with which gonb colours its texts.
var ansi = regexp.MustCompile("\x1b\\[[0-9;?]*[a-zA-Z]")

// cellError makes the error of a cell from the kernel's reply and from what the cell wrote to stderr.
func (r *runner) cellError(i int, reply *jupyter.Reply, stderr string) *CellError {
	c := r.nb.Cells[i]
	e := &CellError{
		Notebook: r.opts.Notebook, Cell: i + 1, Line: firstLine(c.Source),
		Name: reply.EName, Value: oneLine(reply.EValue),
	}
	e.Details = plainLines(strings.Join(reply.Traceback, "\n"))
	if said := plainLines(stderr); len(said) > 0 && len(e.Details) <= 1 { // the program's own last words
		e.Details = said[max(0, len(said)-maxDetails):]
	}
	if len(e.Details) > maxDetails {
		e.Details = append(e.Details[:maxDetails:maxDetails], "…")
	}
	return e
}

// maxDetails bounds an error's details: a stack overflow prints pages.
const maxDetails = 40

// oneLine returns the first line of a text that says something.
func oneLine(s string) string {
	for _, line := range plainLines(s) {
		return line
	}
	return "it failed"
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
