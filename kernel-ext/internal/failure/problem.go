package failure

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
)

// What an error is called: the ename of its output.
const (
	SyntaxError  = "syntax error"
	CompileError = "compile error"
	Panic        = "panic"
	FatalError   = "fatal error" // of Go's runtime: deadlock, stack overflow
	GraphError   = "graph error"
	OutOfMemory  = "out of memory"
	DiskFull     = "no space left"
	TestFailed   = "test failed"
	Exit         = "exit" // with a status other than 0
	Killed       = "killed"
	Interrupted  = "interrupted"
	Command      = "command error" // a line %name cannot be done
	KernelError  = "kernel error"  // whatever else gonb says
)

// spot is a place in a cell, or a cell if line is 0; the zero spot is none.
type spot struct{ cell, line int }

// String writes it as In[3]:5, or In[3].
func (s spot) String() string {
	if s.line == 0 {
		return fmt.Sprintf("In[%d]", s.cell)
	}
	return fmt.Sprintf("In[%d]:%d", s.cell, s.line)
}

// problem is one thing that is wrong.
type problem struct {
	kind     string
	at       spot
	file     string // where it is if not in a cell, as "own.go:4:9"
	sentence string // what is wrong
	code     string // the line in which it is, "" if that is not known
	column   int    // in bytes of code, from 1; 0 if only the line is known
	notes    []string
	frames   []string
	remedy   string
}

// where returns the problem's place, "" if there is none.
func (p *problem) where() string {
	if p.at != (spot{}) {
		return p.at.String()
	}
	return p.file
}

// value returns place and sentence.
func (p *problem) value() string {
	if where := p.where(); where != "" {
		return where + ": " + p.sentence
	}
	return p.sentence
}

// Colours of a traceback.
const (
	red   = "\x1b[31m"
	blue  = "\x1b[34m"
	plain = "\x1b[0m"
)

// lines returns the problem as it is shown.
func (p *problem) lines() []string {
	list := []string{red + p.value() + plain}
	for _, note := range p.notes {
		list = append(list, "  "+strings.TrimSpace(note))
	}
	list = append(list, p.excerpt()...)
	if len(p.frames) > 0 {
		list = append(list, "  called by")
		for _, f := range p.frames {
			list = append(list, "    "+f)
		}
	}
	if p.remedy != "" {
		list = append(list, blue+"→ "+p.remedy+plain)
	}
	return list
}

// longLine is how much of a line is shown, in characters, so that the caret stays below what it points at.
const longLine = 160

// excerpt returns the line in which the problem is, with a caret below it.
func (p *problem) excerpt() []string {
	code := strings.TrimRight(p.code, " \t\r")
	if strings.TrimSpace(code) == "" {
		return nil
	}
	at := p.column - 1
	if at < 0 || at > len(code) {
		at = len(code) - len(strings.TrimLeft(code, " \t"))
	}
	before := code[:at]
	if utf8.RuneCountInString(code) > longLine {
		code, before = around(code, at)
	}
	code, before = untabbed(code), untabbed(before)
	number := ""
	if p.at != (spot{}) {
		number = fmt.Sprint(p.at.line)
	} else if parts := strings.Split(p.file, ":"); len(parts) > 1 {
		number = parts[1]
	}
	gap := strings.Repeat(" ", len(number))
	return []string{
		"  " + number + " │ " + code,
		"  " + gap + " │ " + strings.Repeat(" ", utf8.RuneCountInString(before)) + red + "^" + plain,
	}
}

// around returns the part of a long line around a place, and what of it stands before the place.
func around(code string, at int) (part, before string) {
	left := []rune(code[:at])
	right := []rune(code[at:])
	if len(left) > longLine/2 {
		left = append([]rune("…"), left[len(left)-longLine/2:]...)
	}
	if len(right) > longLine/2 {
		right = append(right[:longLine/2:longLine/2], '…')
	}
	return string(left) + string(right), string(left)
}

// untabbed writes tabs as four spaces, whose width everybody agrees on.
func untabbed(s string) string { return strings.ReplaceAll(s, "\t", "    ") }

// most bounds how many problems are shown; the compiler itself stops at ten.
const most = 10

// written returns problems as the content of an error output; the first is its value.
func written(list []problem) jupyter.Failure {
	f := jupyter.Failure{EName: list[0].kind, EValue: list[0].value()}
	for i := range list {
		if i == most {
			f.Traceback = append(f.Traceback, fmt.Sprintf("… and %d more", len(list)-most))
			break
		}
		f.Traceback = append(f.Traceback, list[i].lines()...)
	}
	return f
}
