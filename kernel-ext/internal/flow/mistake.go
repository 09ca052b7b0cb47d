package flow

import (
	"fmt"
	"go/scanner"
	"strings"
)

// A Mistake is why a cell was not sent to gonb.
type Mistake struct {
	Cell         int // number of the cell where it is: mostly this one
	Line, Column int // in that cell, from 1
	Message      string
	Remedy       string // what to do, if that is known
}

// Error names place, mistake and remedy.
func (m *Mistake) Error() string {
	text := fmt.Sprintf("%s:%d:%d: %s", cellName(m.Cell), m.Line, m.Column, m.Message)
	if m.Remedy != "" {
		text += ": " + m.Remedy
	}
	return text
}

// syntax makes a mistake of what the parser says of a file whose first line begins with a head.
func syntax(err error, head int) error {
	list, ok := err.(scanner.ErrorList)
	if !ok || len(list) == 0 {
		return &Mistake{Line: 1, Column: 1, Message: fmt.Sprint(err)}
	}
	e := list[0]
	m := &Mistake{Line: max(1, e.Pos.Line), Column: max(1, e.Pos.Column), Message: e.Msg}
	if e.Pos.Line == 1 {
		m.Column = max(1, e.Pos.Column-head)
	}
	m.Message, m.Remedy = syntaxWords(e.Msg)
	return m
}

// syntaxWords explains what the parser says.
func syntaxWords(msg string) (message, remedy string) {
	switch {
	case strings.Contains(msg, "found 'EOF'"), strings.Contains(msg, "found EOF"):
		return msg, "something that was opened is not closed"
	case strings.Contains(msg, "found newline"), strings.Contains(msg, "unexpected newline"):
		return msg, "the line ends too early"
	case strings.Contains(msg, "imports must appear before other declarations"):
		return msg, "put imports first"
	case strings.Contains(msg, "not terminated"):
		return msg, "close it"
	}
	return msg, ""
}
