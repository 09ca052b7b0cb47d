package nbhtml

import (
	"go/doc"
	"go/scanner"
	"go/token"
	"html"
	"strings"
)

// colourGo returns the source of a cell as HTML with its tokens in spans: k keyword, s string, n number,
// c comment, f a name that is called, m a line for the kernel ("%…", "!…").
func colourGo(source string) string {
	var b strings.Builder
	text := []byte(blankMagic(source))
	var s scanner.Scanner
	file := token.NewFileSet().AddFile("", -1, len(text))
	s.Init(file, text, func(token.Position, string) {}, scanner.ScanComments) // cells may be half written
	type span struct {
		from, to int
		class    string
	}
	var spans []span
	for {
		pos, tok, lit := s.Scan()
		if tok == token.EOF {
			break
		}
		from := file.Offset(pos)
		if tok == token.LPAREN && len(spans) > 0 && spans[len(spans)-1].class == "" && spans[len(spans)-1].to == from {
			spans[len(spans)-1].class = "f"
		}
		switch {
		case tok == token.SEMICOLON || lit == "":
			continue
		case tok == token.COMMENT:
			spans = append(spans, span{from, from + len(lit), "c"})
		case tok == token.STRING || tok == token.CHAR:
			spans = append(spans, span{from, from + len(lit), "s"})
		case tok.IsLiteral() && tok != token.IDENT:
			spans = append(spans, span{from, from + len(lit), "n"})
		case tok.IsKeyword():
			spans = append(spans, span{from, from + len(lit), "k"})
		case tok == token.IDENT && (lit == "true" || lit == "false" || lit == "nil" || lit == "iota"):
			spans = append(spans, span{from, from + len(lit), "n"})
		case tok == token.IDENT && doc.IsPredeclared(lit):
			spans = append(spans, span{from, from + len(lit), "k"})
		case tok == token.IDENT:
			spans = append(spans, span{from, from + len(lit), ""})
		}
	}
	at := 0
	for _, sp := range spans {
		if sp.from < at || sp.to > len(source) { // a raw string with carriage returns is longer than its text
			continue
		}
		between(&b, source, at, sp.from)
		if sp.class == "" {
			b.WriteString(html.EscapeString(source[sp.from:sp.to]))
		} else {
			b.WriteString(`<span class="` + sp.class + `">` + html.EscapeString(source[sp.from:sp.to]) + "</span>")
		}
		at = sp.to
	}
	between(&b, source, at, len(source))
	return b.String()
}

// isMagic reports whether a line is for the kernel.
func isMagic(line string) bool { return strings.HasPrefix(line, "%") || strings.HasPrefix(line, "!") }

// blankMagic replaces lines for the kernel by spaces, so that offsets stay.
func blankMagic(source string) string {
	var b strings.Builder
	for line := range strings.Lines(source) {
		if isMagic(line) {
			text := strings.TrimRight(line, "\n")
			line = strings.Repeat(" ", len(text)) + line[len(text):]
		}
		b.WriteString(line)
	}
	return b.String()
}

// between writes what lies between tokens: space, punctuation, and lines for the kernel.
func between(b *strings.Builder, source string, from, to int) {
	for from < to {
		end := to
		if i := strings.IndexByte(source[from:to], '\n'); i >= 0 {
			end = from + i + 1
		}
		part := source[from:end]
		if atLineStart := from == 0 || source[from-1] == '\n'; atLineStart && isMagic(part) {
			line := strings.TrimRight(part, "\n")
			b.WriteString(`<span class="m">` + html.EscapeString(line) + "</span>" + part[len(line):])
		} else {
			b.WriteString(html.EscapeString(part))
		}
		from = end
	}
}
