package flow

import (
	"regexp"
	"strings"
)

// A command is a line, or several joined by backslashes, that gonb takes for an order to itself.
type command struct {
	line, lines int    // the first, from 0, and how many
	at          int    // offset in the source
	word, args  string // "%main", "--x=3"; "%%" becomes "%main"
}

var packageClause = regexp.MustCompile(`^package\s+\w+\s*(//.*|/\*.*)?$`)

// commands returns the commands of a cell and its Go text, in which they are blank: offsets and lines stay. What looks
// like a command within a raw string or a comment is none.
func commands(source string) (list []command, code string) {
	lines := strings.SplitAfter(source, "\n")
	text := []byte(source)
	at, in := 0, inCode
	for i := 0; i < len(lines); i++ {
		line := strings.TrimSuffix(lines[i], "\n")
		plain := strings.TrimPrefix(line, "//gonb:")
		switch {
		case in == inCode && len(plain) > 1 && (plain[0] == '%' || plain[0] == '!'):
			c := command{line: i, at: at}
			joined := ""
			for {
				line = strings.TrimPrefix(strings.TrimSuffix(lines[i], "\n"), "//gonb:")
				blank(text[at : at+len(lines[i])])
				at += len(lines[i])
				c.lines++
				more := strings.HasSuffix(line, `\`) && i+1 < len(lines)
				joined += strings.TrimSuffix(line, `\`) + " "
				if !more {
					break
				}
				i++
			}
			c.word, c.args = word(joined)
			list = append(list, c)
			continue
		case in == inCode && packageClause.MatchString(line):
			blank(text[at : at+len(lines[i])])
		default:
			in = in.after(line)
		}
		at += len(lines[i])
	}
	return list, string(text)
}

// word takes a command's name from its arguments.
func word(line string) (name, args string) {
	line = strings.TrimSpace(line)
	mark := line[:1]
	rest := strings.TrimSpace(line[1:])
	if mark == "!" {
		return "!", rest
	}
	if after, ok := strings.CutPrefix(rest, "%"); ok && (after == "" || after[0] == ' ' || after[0] == '\t') {
		return "%main", strings.TrimSpace(after)
	}
	name, args, _ = strings.Cut(strings.ReplaceAll(rest, "\t", " "), " ")
	return mark + name, strings.TrimSpace(args)
}

// foreign reports whether a cell is not Go: its first line is a command such as %%writefile.
func foreign(source string) bool {
	first, _, _ := strings.Cut(source, "\n")
	first = strings.TrimPrefix(first, "//gonb:")
	return strings.HasPrefix(first, "%%") && len(first) > 2 && first[2] != ' ' && first[2] != '\t' && first[2] != '\r'
}

// blank makes spaces of all but line ends.
func blank(text []byte) {
	for i, c := range text {
		if c != '\n' {
			text[i] = ' '
		}
	}
}

// blanked returns a text of the same length and lines that says nothing.
func blanked(text string) string {
	b := []byte(text)
	blank(b)
	return string(b)
}

// state is where a line begins: in code, in a raw string or in a comment.
type state int

const (
	inCode state = iota
	inRaw
	inComment
)

// after returns the state behind a line.
func (in state) after(line string) state {
	for k := 0; k < len(line); k++ {
		rest := line[k:]
		switch in {
		case inRaw:
			if line[k] == '`' {
				in = inCode
			}
		case inComment:
			if strings.HasPrefix(rest, "*/") {
				in = inCode
				k++
			}
		default:
			switch c := line[k]; {
			case c == '`':
				in = inRaw
			case strings.HasPrefix(rest, "//"):
				return in
			case strings.HasPrefix(rest, "/*"):
				in = inComment
				k++
			case c == '"' || c == '\'':
				for k++; k < len(line) && line[k] != c; k++ {
					if line[k] == '\\' {
						k++
					}
				}
			}
		}
	}
	return in
}
