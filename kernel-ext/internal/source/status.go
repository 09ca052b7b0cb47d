package source

import (
	"go/scanner"
	"go/token"
	"strings"
)

// Completeness says whether a cell that is being typed is ready to run.
type Completeness string

// What a cell is: the words are Jupyter's.
const (
	Complete   Completeness = "complete"
	Incomplete Completeness = "incomplete"
	Invalid    Completeness = "invalid"
)

// Status says whether a cell is ready to run, and with what the next line begins if it is not. A cell with an open
// bracket, string or comment is not, nor one whose last line goes on. One with a main part, and one that is no Go, is
// when an empty line ends it: there is no other sign.
func Status(text string) (status Completeness, indent string) {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	lines := strings.Split(text, "\n")
	last := lines[len(lines)-1]
	ended := len(lines) > 1 && strings.TrimSpace(last) == ""
	if foreign(lines[0]) {
		return until(ended && len(lines) > 2), ""
	}
	body, begun := goOnly(lines)
	depth, open, wrong := brackets(body)
	switch {
	case wrong:
		return Invalid, ""
	case depth > 0:
		return Incomplete, strings.Repeat("\t", depth)
	case open:
		return Incomplete, ""
	case strings.HasSuffix(strings.TrimRight(last, " \t"), `\`) && isCommand(last):
		return Incomplete, ""
	case begun:
		return until(ended && !Blank(body)), ""
	}
	return Complete, ""
}

func until(ended bool) Completeness {
	if ended {
		return Complete
	}
	return Incomplete
}

// goOnly returns a cell's lines without those that are commands, and whether one begins its main part.
func goOnly(lines []string) (body string, begun bool) {
	lines = append([]string(nil), lines...)
	var x lexer
	for i := 0; i < len(lines); i++ {
		if x.in != code || !isCommand(lines[i]) {
			x.line(lines, i)
			continue
		}
		n, text := joined(lines[i:])
		words := strings.Fields(text)
		begun = begun || len(words) > 0 && (words[0] == "%%" || words[0] == "%main")
		clear(lines[i : i+n])
		i += n - 1
	}
	return strings.Join(lines, "\n"), begun
}

// brackets returns how many brackets a text opens and does not close, whether something else is open at its end, and
// whether a bracket is closed that is not open.
func brackets(text string) (depth int, open, wrong bool) {
	var s scanner.Scanner
	set := token.NewFileSet()
	s.Init(set.AddFile("", -1, len(text)), []byte(text), func(_ token.Position, msg string) {
		if strings.HasPrefix(msg, "raw string") || strings.HasPrefix(msg, "comment") {
			open = true
		} else {
			wrong = true
		}
	}, 0)
	for last := token.SEMICOLON; ; {
		_, tok, _ := s.Scan()
		switch tok {
		case token.LPAREN, token.LBRACE, token.LBRACK:
			depth++
		case token.RPAREN, token.RBRACE, token.RBRACK:
			depth--
			wrong = wrong || depth < 0
		case token.EOF:
			return depth, open || goesOn(last), wrong && !open
		}
		last = tok
	}
}

// goesOn reports whether a line that ends with a token has to go on.
func goesOn(last token.Token) bool {
	switch last {
	case token.SEMICOLON, token.COLON, token.RPAREN, token.RBRACE, token.RBRACK:
		return false
	}
	return last.IsOperator() && last != token.INC && last != token.DEC
}
