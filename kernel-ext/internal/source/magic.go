package source

import (
	"regexp"
	"slices"
	"strings"
)

// Magic is a line "%NAME ARGS" of a cell.
type Magic struct {
	Line       int // counted from 1
	Name, Args string
}

// Magics finds the lines of a cell that are commands of a name for which ours returns true, and returns the cell with
// these lines empty. What stands in a string or a comment is none, nor what is in a cell that is no Go, as of %%bash.
func Magics(text string, ours func(name string) bool) (rest string, found []Magic) {
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	if foreign(lines[0]) {
		return text, nil
	}
	var x lexer
	for i := 0; i < len(lines); i++ {
		if x.in != code || !isCommand(lines[i]) {
			x.line(lines, i)
			continue
		}
		n, command := joined(lines[i:])
		name, args := named(command)
		if command[0] == '%' && ours(name) {
			found = append(found, Magic{i + 1, name, args})
			clear(lines[i : i+n])
		}
		i += n - 1
	}
	if found == nil {
		return text, nil
	}
	return strings.Join(lines, "\n"), found
}

// Shell returns the commands of the shell of a cell that is nothing else, nil for any other: also for one with a command that runs in
// gonb's own directory, or that names the go command, after which gonb looks for modules.
func Shell(text string) (list []string) {
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		if lines[i] == "" {
			continue
		}
		if !isCommand(lines[i]) {
			return nil
		}
		n, command := joined(lines[i:])
		run := strings.TrimLeft(command[1:], " \t")
		if command[0] != '!' || run == "" || run == `\` || run[0] == '*' || goCommand.MatchString(run) {
			return nil
		}
		list = append(list, run)
		i += n - 1
	}
	return list
}

var goCommand = regexp.MustCompile(`\bgo\b`)

// Replaced returns a cell with another text for one of its lines, counted from 1.
func Replaced(text string, line int, by string) string {
	lines := strings.Split(text, "\n")
	if line >= 1 && line <= len(lines) {
		lines[line-1] = by
	}
	return strings.Join(lines, "\n")
}

// foreign reports whether a cell with this first line is something else than Go.
func foreign(first string) bool {
	words := strings.Fields(uncommented(first))
	return len(words) > 0 && slices.Contains(cellCommands, words[0])
}

// isCommand reports whether a line of code is a command.
func isCommand(line string) bool {
	c := uncommented(line)
	return len(c) > 1 && (c[0] == '%' || c[0] == '!')
}

// named returns the name of a command "%NAME ARGS", and the rest.
func named(command string) (name, args string) {
	text := strings.TrimSpace(command[1:])
	name, args, _ = strings.Cut(strings.ReplaceAll(text, "\t", " "), " ")
	return name, strings.TrimSpace(args)
}

// Blank reports whether a cell has nothing that could run: no line but empty ones.
func Blank(text string) bool { return strings.TrimSpace(text) == "" }

// Commands returns the names of the commands that gonb knows, sorted.
func Commands() []string {
	list := slices.Concat(commands, nil)
	for _, name := range cellCommands {
		list = append(list, strings.TrimPrefix(name, "%"))
	}
	slices.Sort(list)
	return list
}
