package nbrun

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
)

var (
	// ansi matches the escape sequences with which gonb colours its texts.
	ansi = regexp.MustCompile("\x1b\\[[0-9;?]*[a-zA-Z]")
	// tempFile matches the directory of the program that a cell became: it differs in every run.
	tempFile = regexp.MustCompile(`/[^\s:"']*/quire-run-[0-9]+/t/gonb_[0-9a-f]+/`)
	// tempModule matches gonb's name for that program, as the compiler prints it above its errors.
	tempModule = regexp.MustCompile(`(?m)^# gonb_[0-9a-f]+\n?`)
	// cellLine matches the beginning of a compiler's error as gonb reports it.
	cellLine = regexp.MustCompile(`^Cell\[(\d+)\]: Line (\d+)\n`)
	// place matches the place of a line in a cell.
	place = regexp.MustCompile(`In\[\d+\]:\d+`)
)

// mask removes from a text what differs between two runs of the same notebook.
func mask(s string) string {
	if strings.Contains(s, "gonb_") {
		s = tempModule.ReplaceAllString(tempFile.ReplaceAllString(s, ""), "")
	}
	return s
}

// tidy makes an error of gonb readable: its value becomes the first error with the cell's line, instead
// of a line in a file that nobody sees.
func tidy(f jupyter.Failure) jupyter.Failure {
	var trace []string
	value := ""
	for _, entry := range f.Traceback {
		entry = strings.TrimRight(mask(entry), "\n")
		if entry == "" {
			continue
		}
		trace = append(trace, entry)
		if at := cellLine.FindStringSubmatch(entry); at != nil && value == "" {
			lines := plainLines(entry)
			value = fmt.Sprintf("In[%s]:%s: %s", at[1], at[2], lines[len(lines)-1])
		}
	}
	if value == "" {
		value = oneLine(mask(f.EValue))
	}
	return jupyter.Failure{EName: f.EName, EValue: value, Traceback: trace}
}

// cellError makes the error of a cell from the kernel's reply and from what the cell wrote to stderr.
func (r *runner) cellError(i int, reply *jupyter.Reply, stderr string) *CellError {
	c := r.nb.Cells[i]
	f := tidy(jupyter.Failure{EName: reply.EName, EValue: reply.EValue, Traceback: reply.Traceback})
	e := &CellError{Notebook: r.opts.Notebook, Cell: i + 1, Line: firstLine(c.Source), Name: f.EName, Value: f.EValue}
	e.Details = plainLines(strings.Join(f.Traceback, "\n"))
	if said := plainLines(stderr); len(said) > 0 && strings.HasPrefix(e.Value, "exit status") {
		e.Details, e.Value = program(said, e.Value)
	}
	if len(e.Details) > maxDetails {
		e.Details = append(e.Details[:maxDetails:maxDetails], "…")
	}
	return e
}

// program tells from what a program said on stderr before it ended why it did: a panic with the cell's
// line, or its last words.
func program(said []string, status string) (details []string, value string) {
	if last := len(said) - 1; said[last] == status {
		said = said[:last]
	}
	if len(said) == 0 {
		return []string{status}, status
	}
	for i, line := range said {
		if !strings.HasPrefix(line, "panic: ") && !strings.HasPrefix(line, "fatal error: ") {
			continue
		}
		for _, at := range said[i:] { // the message itself may name a line; else the innermost frame does
			if where := place.FindString(at); where != "" && at != line {
				return said[i:], where + ": " + line
			} else if where != "" {
				break
			}
		}
		return said[i:], line
	}
	return said[max(0, len(said)-maxDetails):], said[len(said)-1] + " (" + status + ")"
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
