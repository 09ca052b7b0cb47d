package source

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// cellCommands are those that may begin a cell; what follows is not Go, or not Go alone.
var cellCommands = []string{"%%writefile", "%%script", "%%bash", "%%sh", "%%gx"}

// commands are those that gonb knows. To others it says so in passing and reports success.
var commands = strings.Fields("% main args test exec wasm widgets widgets_hb env cd goflags autoget noautoget help version reset ls list " +
	"rm remove with_inputs with_password track untrack goworkfix capture")

// Sent returns what is sent to gonb for the source of a cell, the number-th that runs, with the same number of lines.
//
// gonb takes every line that begins with % or ! for a command, also within a raw string or a comment, drops every line
// that begins with "package", keeps one function init of several, and dies of an empty command. Shell commands run
// under the guard: their stdin is at its end, and what they leave running does not keep the cell. So do cells that are scripts, whose
// stdin is the cell.
func Sent(source string, number int) (string, error) {
	source = strings.ReplaceAll(source, "\r\n", "\n")
	lines := strings.Split(source, "\n")
	if foreign(lines[0]) {
		lines[0] = script(lines[0])
		return strings.Join(lines, "\n"), nil
	}
	asks := false
	for _, line := range lines {
		asks = asks || strings.HasPrefix(uncommented(line), "%with_")
	}
	var x lexer
	inits, mains := 0, 0
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		switch {
		case x.in == raw && misread(line):
			lines[i] = "`+`" + line
			x.split = true
		case x.in == comment && misread(line):
			lines[i] = " " + line
		case x.in != code:
		case isCommand(line):
			n, text := joined(lines[i:])
			became, err := command(text, asks)
			if isMain(text) {
				mains++
			}
			if mains > 1 && err == nil && isMain(text) { // gonb would put one into the other, and die of many
				err = fmt.Errorf("%s begins a second main part: a cell has one", strings.Fields(text)[0])
			}
			if err != nil {
				return "", &LineError{i + 1, err}
			}
			if became != text {
				lines[i] = became
				clear(lines[i+1 : i+n])
			}
			i += n - 1
			continue
		case strings.HasPrefix(line, "package") && !packageClause.MatchString(line):
			lines[i] = "\t" + line
		case initFunc.MatchString(line):
			inits++
			lines[i] = initFunc.ReplaceAllString(line, fmt.Sprintf("func init_%d_%d(", number, inits))
		}
		x.line(lines, i)
	}
	return strings.Join(lines, "\n"), nil
}

// guardedScript is the name by which gonb finds the guard that runs a script.
const guardedScript = "cellguard-script"

// script puts the guard between gonb and what runs the script that a first line begins, if it begins one.
func script(line string) string {
	words := strings.Fields(uncommented(line))
	switch {
	case len(words) == 1 && (words[0] == "%%bash" || words[0] == "%%sh"):
		return "%%script " + guardedScript + " " + strings.TrimPrefix(words[0], "%%")
	case len(words) > 1 && words[0] == "%%script":
		_, run, _ := strings.Cut(uncommented(line), words[0])
		return "%%script " + guardedScript + run
	}
	return line
}

var (
	packageClause = regexp.MustCompile(`^package\s+\w+\s*(//.*|/\*.*)?$`)
	initFunc      = regexp.MustCompile(`^func\s+init\s*\(`)
)

// uncommented returns a line without the comment in which a command may stand.
func uncommented(line string) string { return strings.TrimPrefix(line, "//gonb:") }

// misread reports whether gonb takes a line for something that it is not, within a string or a comment.
func misread(line string) bool {
	return isCommand(line) || strings.HasPrefix(line, "package")
}

// isMain reports whether a command begins the main part of a cell.
func isMain(text string) bool {
	words := strings.Fields(text)
	return len(words) > 0 && (words[0] == "%%" || words[0] == "%main" || words[0] == "%exec")
}

// joined returns the command with which lines begin, with those that go on after a backslash, and how many they are.
func joined(lines []string) (n int, text string) {
	for n = 1; n <= len(lines); n++ {
		text += uncommented(lines[n-1])
		if !strings.HasSuffix(text, `\`) || n == len(lines) {
			break
		}
		text = text[:len(text)-1] + " "
	}
	return n, text
}

// command returns what becomes of a command.
func command(text string, asks bool) (string, error) {
	rest := strings.TrimLeft(text[1:], " \t")
	switch {
	case rest == "", rest == `\`:
		return "", nil
	case text[0] == '!' && asks:
		return text, nil
	case text[0] == '!':
		if rest[0] == '*' { // gonb's own directory is not that of other commands
			return "!*" + `exec "$QUIRE_GUARD_DIR/bin/shell-inside" ` + quoted(rest[1:]), nil
		}
		return `!exec "$QUIRE_GUARD_DIR/bin/shell" ` + quoted(rest), nil
	}
	if m := assigns.FindStringSubmatch(rest); m != nil { // gonb takes a name of one letter for none
		return "%env " + m[1] + " " + m[2], nil
	}
	name := strings.FieldsFunc(rest, func(r rune) bool { return r == ' ' || r == '\t' })[0]
	if !slices.Contains(commands, name) && !slices.Contains(cellCommands, "%"+name) {
		return "", UnknownCommand(name)
	}
	return text, nil
}

// assigns matches a command that sets a variable of the environment as the shell does.
var assigns = regexp.MustCompile(`^env\s+(\w+)=(\S+)\s*$`)

// LineError is what is wrong with a line of a cell, counted from 1.
type LineError struct {
	Line int
	Err  error
}

// Error names the line.
func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap returns what is wrong.
func (e *LineError) Unwrap() error { return e.Err }

// UnknownCommand is the name of a command that there is not.
type UnknownCommand string

// Error names the command.
func (name UnknownCommand) Error() string {
	return fmt.Sprintf("there is no command %%%s (%%help lists those there are)", string(name))
}

// quoted returns a text as one word of the shell.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// The states of a lexer at the beginning of a line.
const (
	code = iota
	raw
	comment
)

// lexer knows whether a line begins within a raw string or a comment.
type lexer struct {
	in    int
	open  [2]int // line and column of the raw string that began last
	split bool   // it has been taken apart, and needs parentheses
}

// line goes on over a line, and puts parentheses around a raw string that was taken apart.
func (x *lexer) line(lines []string, i int) {
	s := lines[i]
	k := 0
	if x.split && strings.HasPrefix(s, "`+`") {
		k = 3
	}
	for k < len(s) {
		switch x.in {
		case raw:
			end := strings.IndexByte(s[k:], '`')
			if end < 0 {
				return
			}
			k += end + 1
			if x.split {
				s = s[:k] + ")" + s[k:]
				lines[i] = s
				at := lines[x.open[0]]
				lines[x.open[0]] = at[:x.open[1]] + "(" + at[x.open[1]:]
				k++
			}
			x.in, x.split = code, false
		case comment:
			end := strings.Index(s[k:], "*/")
			if end < 0 {
				return
			}
			k += end + 2
			x.in = code
		default:
			k = x.code(s, k, i)
		}
	}
}

// code goes on over one token of code, and returns where the next begins.
func (x *lexer) code(s string, k, line int) int {
	switch c := s[k]; {
	case c == '`':
		x.in, x.open = raw, [2]int{line, k}
	case strings.HasPrefix(s[k:], "//"):
		return len(s)
	case strings.HasPrefix(s[k:], "/*"):
		x.in = comment
		return k + 2
	case c == '"' || c == '\'':
		for k++; k < len(s) && s[k] != c; k++ {
			if s[k] == '\\' {
				k++
			}
		}
	}
	return k + 1
}
