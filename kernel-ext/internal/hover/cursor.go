package hover

import (
	"go/scanner"
	"go/token"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/quire-ml/quire/kernel-ext/internal/cells"
)

// offset returns the byte of code at a cursor, which counts code points as the protocol says, or UTF-16 units as some front
// ends do: the latter if only they lead to a word.
func offset(code string, cursor int) int {
	points, units := offsets(code, cursor)
	if points != units && !touches(code, points) && touches(code, units) {
		return units
	}
	if utf8.RuneCountInString(code) < cursor {
		return units
	}
	return points
}

func offsets(code string, cursor int) (points, units int) {
	points, units = len(code), len(code)
	n, u := 0, 0
	for i, r := range code {
		if n == max(cursor, 0) {
			points = i
		}
		if u >= cursor && units == len(code) {
			units = i
		}
		n++
		if u++; r > 0xffff {
			u++
		}
	}
	return points, units
}

// cursorOf returns the code points before a byte of code.
func cursorOf(code string, offset int) int { return utf8.RuneCountInString(code[:offset]) }

func letter(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// touches reports whether there is a word at a byte of code or right before it.
func touches(code string, offset int) bool {
	begin, end := word(code, offset)
	return begin < end
}

// word returns the word at a byte of code or right before it.
func word(code string, offset int) (begin, end int) {
	begin, end = offset, offset
	for begin > 0 {
		r, n := utf8.DecodeLastRuneInString(code[:begin])
		if !letter(r) {
			break
		}
		begin -= n
	}
	for end < len(code) {
		r, n := utf8.DecodeRuneInString(code[end:])
		if !letter(r) {
			break
		}
		end += n
	}
	return begin, end
}

// place is what stands at a byte of a cell.
type place struct {
	tok        token.Token // IDENT, STRING, COMMENT, or another; EOF for nothing
	text       string
	begin, end int
	call       int  // where the name of the innermost call around it begins, -1 for none
	imported   bool // it is the path of an import
}

// placeAt finds the token at a byte of code, whose commands are blank: the one that begins or goes on there; of a name,
// also the one that ends there.
func placeAt(code string, offset int) place {
	p := place{tok: token.EOF, call: -1}
	set := token.NewFileSet()
	file := set.AddFile("", -1, len(code))
	var s scanner.Scanner
	s.Init(file, []byte(code), func(token.Position, string) {}, scanner.ScanComments)
	var calls []int // where the names of open calls begin, -1 for other parentheses
	name := -1      // of the name before the present token
	importing, listed := false, false
	for {
		pos, tok, lit := s.Scan()
		if tok == token.EOF {
			break
		}
		begin := file.Offset(pos)
		end := begin + len(lit)
		if tok.IsOperator() {
			end = begin + len(tok.String())
		}
		end = min(end, len(code))
		if begin > offset || begin == offset && tok != token.IDENT && tok != token.STRING {
			break
		}
		switch tok {
		case token.IMPORT:
			importing = true
		case token.LPAREN:
			calls = append(calls, name)
			listed = listed || importing && name < 0
		case token.RPAREN:
			if len(calls) > 0 {
				calls = calls[:len(calls)-1]
			}
			importing, listed = importing && !listed, false
		case token.SEMICOLON:
			importing = importing && listed
		}
		name = -1
		if tok == token.IDENT {
			name = begin
		}
		inside := offset < end || tok == token.IDENT && offset == end || tok == token.COMMENT && strings.HasPrefix(lit, "//") && offset == end ||
			offset == end && open(tok, lit)
		if inside && lit != "\n" {
			p.tok, p.text, p.begin, p.end, p.imported = tok, lit, begin, end, tok == token.STRING && importing
			if tok == token.IDENT && offset == end {
				continue // what begins here is of no interest: it is no name
			}
			break
		}
	}
	if n := len(calls); n > 0 {
		p.call = calls[n-1]
	}
	return p
}

// open reports whether a string or comment has no end.
func open(tok token.Token, lit string) bool {
	switch tok {
	case token.STRING:
		return len(lit) < 2 || lit[len(lit)-1] != lit[0]
	case token.COMMENT:
		return strings.HasPrefix(lit, "/*") && !(len(lit) >= 4 && strings.HasSuffix(lit, "*/"))
	}
	return false
}

// withoutCommands returns code with its lines that are no Go blank, so that all bytes stay where they are.
func withoutCommands(code string) string {
	lines := strings.Split(code, "\n")
	for i := range cells.Commands(lines) {
		lines[i] = strings.Repeat(" ", len(lines[i]))
	}
	return strings.Join(lines, "\n")
}

// lineAt returns the number of the line at a byte of code, from 1, and where it begins and ends.
func lineAt(code string, offset int) (number, begin, end int) {
	begin = strings.LastIndexByte(code[:offset], '\n') + 1
	end = len(code)
	if i := strings.IndexByte(code[offset:], '\n'); i >= 0 {
		end = offset + i
	}
	return 1 + strings.Count(code[:offset], "\n"), begin, end
}
