package nbrun

import "strings"

// lines is text as a terminal would leave it: what follows a carriage return replaces the line, so that
// a progress bar of ten thousand steps becomes its last state.
type lines struct {
	done strings.Builder // finished lines
	line string          // the last one, without newline
	cr   bool            // a carriage return came; the next text begins the line anew
	cut  int             // bytes left out after the limit
}

// maxStream bounds what a cell may leave on each run of stdout or stderr: front ends stall on more.
const maxStream = 8 << 20

// write adds text.
func (l *lines) write(text string) {
	if l.done.Len()+len(l.line)+len(text) > maxStream && !strings.Contains(text, "\r") {
		l.cut += len(text)
		return
	}
	for text != "" {
		i := strings.IndexAny(text, "\r\n")
		if i != 0 {
			part := text
			if i > 0 {
				part = text[:i]
			}
			if l.cr {
				l.line, l.cr = "", false
			}
			l.line += part
			text = text[len(part):]
			continue
		}
		if text[0] == '\n' {
			l.done.WriteString(l.line)
			l.done.WriteByte('\n')
			l.line, l.cr = "", false
		} else {
			l.cr = true
		}
		text = text[1:]
	}
}

// String returns the text.
func (l *lines) String() string {
	s := l.done.String() + l.line
	if l.cut > 0 {
		s += "\n[" + count(l.cut, "byte") + " more left out]\n"
	}
	return s
}
