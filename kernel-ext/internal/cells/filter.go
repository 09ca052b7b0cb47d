package cells

import (
	"regexp"
	"strconv"
	"strings"
)

// programLine matches what gonb takes for a line of a cell's program, wherever it stands.
var programLine = regexp.MustCompile(`main(_test)?\.go:\d+`)

// Tame rewrites a line that gonb cannot read: in every line of stderr, and of the compiler's words, it looks for
// "main.go:12" or "main.go:12:3", takes what stands between the colons for numbers, and dies of what it does not
// expect, such as the time before a message. Places that are its own in the form of the compiler stay if compiler is
// set; all others become "main.go line 12".
func Tame(line string, compiler bool) string {
	at := programLine.FindAllStringIndex(line, -1)
	if at == nil {
		return line
	}
	if compiler && leads.MatchString(line) {
		at = at[1:]
	}
	var b strings.Builder
	done := 0
	for _, m := range at {
		colon := m[0] + strings.IndexByte(line[m[0]:m[1]], ':')
		b.WriteString(line[done:colon] + " line ")
		done = colon + 1
	}
	b.WriteString(line[done:])
	return b.String()
}

// leads matches a line that begins with a place as the compiler writes it, with numbers that gonb can bear.
var leads = regexp.MustCompile(`^\s*[^\s:]*main(_test)?\.go:\d{1,6}(:[1-9]\d{0,3}: .*|[^\d:].*|:\D.*|:)?\n?$`)

// Filter rewrites what a cell prints.
type Filter struct {
	Dir    string   // of the program
	Places []string // of its lines
	// Stderr says that it is the stream in which gonb looks for lines of the program: it gets none, and "main.go:12: "
	// is a line of this program even without Dir. In stdout only those are written anew which nobody else writes: with
	// Dir, or as a test reports them.
	Stderr bool
}

// Line returns a whole line, or several, as it is shown.
func (f *Filter) Line(line string) string {
	if !strings.Contains(line, "main") {
		return line
	}
	var b strings.Builder
	done := 0
	for _, m := range programLine.FindAllStringIndex(line, -1) {
		start := m[0]
		in := f.Dir != "" && strings.HasSuffix(line[done:start], f.Dir+"/")
		if in {
			start -= len(f.Dir) + 1
		}
		logged := f.Stderr && (start == 0 || strings.IndexByte(" \t\n", line[start-1]) >= 0)                  // by package log
		tested := strings.HasSuffix(line[:start], "    ") && strings.HasPrefix(line[start:], "main_test.go:") // by package testing
		bare := (logged || tested) && strings.HasPrefix(line[m[1]:], ": ")
		if !in && !bare {
			continue
		}
		_, number, _ := strings.Cut(line[m[0]:m[1]], ":")
		if n, err := strconv.Atoi(number); err == nil && n > 0 && n <= len(f.Places) && f.Places[n-1] != "" {
			b.WriteString(line[done:start] + f.Places[n-1])
			done = m[1]
		}
	}
	line = b.String() + line[done:]
	if f.Stderr {
		line = Tame(line, false)
	}
	return line
}

// open matches the end of a text that may become a place of the program with what comes next.
var open = regexp.MustCompile(`m(a(i(n(_(t(e(st?)?)?)?)?(\.(g(o(:\d*)?)?)?)?)?)?)?$|main_test(\.(g(o(:\d*)?)?)?)?$`)

// longestPath bounds how much of a path before an open place is kept back.
const longestPath = 512

// Ready returns how much of a text that came without the end of its line may be shown now: all but what may become,
// with what comes next, a place of the program or a character of several bytes.
func (f *Filter) Ready(text []byte) int {
	n := len(text) - unfinished(text)
	if !f.Stderr {
		return n
	}
	if m := open.FindIndex(text[:n]); m != nil {
		for n = m[0]; n > 0 && m[0]-n < longestPath && !isSpace(text[n-1]); n-- {
		}
	}
	return n
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// unfinished returns how many bytes at the end of a text begin a character that is not complete.
func unfinished(text []byte) int {
	for n := 1; n <= 3 && n <= len(text); n++ {
		c := text[len(text)-n]
		if c < 0x80 {
			return 0
		}
		if c >= 0xf8 {
			return 0
		}
		if c >= 0xc0 { // the first byte of a character
			need := 2
			if c >= 0xf0 {
				need = 4
			} else if c >= 0xe0 {
				need = 3
			}
			if n < need {
				return n
			}
			return 0
		}
	}
	return 0
}

// Parts cuts a text into parts of at most n bytes, none of which ends within a character.
func Parts(text []byte, n int) (list [][]byte) {
	for len(text) > n {
		part := text[:n]
		part = part[:n-unfinished(part)]
		list = append(list, part)
		text = text[len(part):]
	}
	return append(list, text)
}
