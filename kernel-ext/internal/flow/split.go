package flow

import (
	"go/scanner"
	"go/token"
)

// span is a part of a cell, by offsets.
type span struct{ from, to int }

// parts is a cell taken apart.
type parts struct {
	declarations []span // imports, types, functions and methods; before %% and in cells without statements also var and const
	statements   string // the cell's Go text without them, blank where they were
	any          bool   // there are statements
}

// split takes a cell's Go text apart. main is the offset of its %% line, -1 without one.
func split(code string, main int) parts {
	toks := tokens(code)
	if main >= 0 {
		at := 0
		for at < len(toks)-1 && toks[at].from < main {
			at++
		}
		before, rest := lift(code, toks[:at:at], true)
		after, rest2 := lift(code, toks[at:], false)
		return leave(code, append(before, after...), rest || rest2)
	}
	if all, rest := lift(code, toks, true); !rest {
		return leave(code, all, false)
	}
	some, rest := lift(code, toks, false)
	return leave(code, some, rest)
}

func leave(code string, declarations []span, any bool) parts {
	text := []byte(code)
	for _, d := range declarations {
		blank(text[d.from:d.to])
	}
	return parts{declarations, string(text), any}
}

type lexeme struct {
	is       token.Token
	from, to int
	first    bool // it begins a line
}

// tokens returns those of a text; the last one is EOF.
func tokens(text string) (list []lexeme) {
	file := token.NewFileSet().AddFile("", -1, len(text))
	var s scanner.Scanner
	s.Init(file, []byte(text), func(token.Position, string) {}, 0)
	for {
		pos, tok, lit := s.Scan()
		from := file.Offset(pos)
		size := len(lit)
		if tok == token.SEMICOLON && lit == "\n" {
			size = 0 // the line end, or the end of the text
		} else if size == 0 && tok != token.EOF {
			size = len(tok.String())
		}
		list = append(list, lexeme{tok, from, min(from+size, len(text)), from == 0 || text[from-1] == '\n'})
		if tok == token.EOF {
			return list
		}
	}
}

// lift finds the declarations among statements; with all, also those of variables and constants. rest says that
// something else is there.
func lift(text string, toks []lexeme, all bool) (list []span, rest bool) {
	at := func(i int) lexeme {
		if i < len(toks) {
			return toks[i]
		}
		return lexeme{is: token.EOF, from: len(text), to: len(text)}
	}
	depth, start := 0, true
	for i := 0; at(i).is != token.EOF; i++ {
		if start && depth == 0 && declares(func(k int) token.Token { return at(i + k).is }, all) {
			end := extent(at, i)
			list = append(list, span{at(i).from, at(end - 1).to})
			i = end
			if at(i).is == token.EOF || at(i).is != token.SEMICOLON {
				i-- // what follows begins anew
			}
			continue
		}
		depth = max(0, depth+nesting(at(i).is))
		start = at(i).is == token.SEMICOLON
		rest = rest || !start || at(i).to > at(i).from
	}
	return list, rest
}

// extent returns the token behind a declaration that begins with the i-th. A declaration whose brackets do not close ends
// where, at the beginning of a line, another one seems to begin: so one mistake leaves the others whole.
func extent(at func(int) lexeme, i int) int {
	depth, end := 0, i
	for ; at(end).is != token.EOF; end++ {
		depth += nesting(at(end).is)
		if depth <= 0 && at(end).is == token.SEMICOLON {
			return end
		}
	}
	if depth > 0 {
		for k := i + 1; k < end; k++ {
			if at(k).first && declares(func(n int) token.Token { return at(k + n).is }, false) {
				return k
			}
		}
	}
	return end
}

func nesting(t token.Token) int {
	switch t {
	case token.LPAREN, token.LBRACE, token.LBRACK:
		return 1
	case token.RPAREN, token.RBRACE, token.RBRACK:
		return -1
	}
	return 0
}

// declares says that tokens begin an import, a type, a function with a name or a method; with all, also var and const.
func declares(at func(int) token.Token, all bool) bool {
	switch at(0) {
	case token.IMPORT, token.TYPE:
		return true
	case token.VAR, token.CONST:
		return all
	case token.FUNC:
		if at(1) == token.IDENT {
			return true
		}
		if at(1) != token.LPAREN {
			return false
		}
		k, depth := 1, 0 // func (receiver) name (
		for ; at(k) != token.EOF; k++ {
			depth += nesting(at(k))
			if depth == 0 {
				break
			}
		}
		return at(k+1) == token.IDENT && (at(k+2) == token.LPAREN || at(k+2) == token.LBRACK)
	}
	return false
}
