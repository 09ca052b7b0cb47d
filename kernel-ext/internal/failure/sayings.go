package failure

import (
	"regexp"
	"strings"

	"github.com/quire-ml/quire/kernel-ext/internal/cells"
)

// sayings is what a program writes on stderr. The dump with which Go ends a program is held back, from its first line on:
// what looks like the beginning of one and goes on differently passes, a little later. What a program says of who ends it is never shown.
type sayings struct {
	shown   tail   // what passed
	held    []byte // lines of what may be a dump, or is one
	cut     bool   // a dump was longer than what is kept of it
	dumping bool   // it is one: a goroutine's stack has come
	part    string // a line without its end that may become the first of a dump
	inLine  bool   // what passed last has no end of line

	stacking bool   // the stack of who ends the program comes
	stack    []byte // the last one that came
}

var (
	// opens matches the first line of a dump.
	opens = regexp.MustCompile(`^(panic: |fatal error: |runtime: goroutine stack exceeds |runtime: out of memory|unexpected fault address |SIG[A-Z]+: )`)
	// goesOn matches what may stand between that and the first stack.
	goesOn = regexp.MustCompile(`^(\t|$|PC=|\[signal |\[recovered|panic: |fatal error: |runtime: |runtime stack:|goroutine |\[originating )`)
	// stack matches the first line of a stack.
	stack = regexp.MustCompile(`^(goroutine \d+ .*\[.*\]:|runtime stack:)$`)
)

// beginnings are what lines of opens begin with, for lines that come in parts.
var beginnings = []string{"panic: ", "fatal error: ", "runtime: goroutine stack exceeds ", "runtime: out of memory", "unexpected fault address ", "SIG", cells.StackBegins}

// mayOpen reports whether a line without its end may become the first of a dump.
func mayOpen(line string) bool {
	for _, b := range beginnings {
		if strings.HasPrefix(b, line) || strings.HasPrefix(line, b) {
			return true
		}
	}
	return false
}

// maxDump bounds what is kept of a dump: one that is longer repeats itself.
const maxDump = 256 << 10

// take adds text, and returns what is to be shown.
func (s *sayings) take(text string) (show string) {
	var b strings.Builder
	text = s.part + text
	s.part = ""
	for text != "" {
		line, whole := text, false
		if i := strings.IndexByte(text, '\n'); i >= 0 {
			line, whole = text[:i+1], true
		}
		text = text[len(line):]
		if i := strings.Index(line, cells.StackBegins); i > 0 || i == 0 && s.inLine { // behind a line without an end
			b.WriteString(line[:i])
			line, s.inLine = line[i:], false
		}
		switch {
		case s.inLine:
			b.WriteString(line)
			s.inLine = !whole
		case whole:
			b.WriteString(s.line(line))
		case s.stacking || len(s.held) > 0 || mayOpen(line):
			s.part = line
		default:
			b.WriteString(line)
			s.inLine = true
		}
	}
	s.shown.write(b.String())
	return b.String()
}

// line takes a whole line.
func (s *sayings) line(line string) (show string) {
	text := strings.TrimRight(line, "\r\n")
	switch {
	case s.dumping:
		s.hold(line)
		return ""
	case s.stacking:
		if s.stacking = text != cells.StackEnds; s.stacking && len(s.stack) < maxDump {
			s.stack = append(s.stack, line...)
		}
		return ""
	case text == cells.StackBegins:
		s.stacking, s.stack = true, nil
		return ""
	case len(s.held) == 0 && opens.MatchString(text):
		s.hold(line)
		return ""
	case len(s.held) == 0:
		return line
	case !goesOn.MatchString(text) || len(s.held) > maxDump:
		show = string(s.held) + line
		s.held = nil
		return show
	}
	s.hold(line)
	s.dumping = stack.MatchString(text)
	return ""
}

func (s *sayings) hold(line string) {
	if s.dumping && len(s.held) > maxDump {
		s.cut = true
		return
	}
	s.held = append(s.held, line...)
}

// all returns what was said last.
func (s *sayings) all() string {
	if s.dumping {
		return string(s.held)
	}
	return s.shown.text + string(s.held) + s.part
}

// release returns what was held back.
func (s *sayings) release() string {
	text := string(s.held)
	if s.cut {
		text += "…\n"
	}
	text += s.part
	s.held, s.part, s.dumping = nil, "", false
	return text
}

// rest returns what was held back, unless it was a dump that the error tells.
func (s *sayings) rest(told bool) string {
	if told && (s.dumping || len(s.held) > 0) {
		return ""
	}
	return s.release()
}
