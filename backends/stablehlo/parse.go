package stablehlo

import (
	"fmt"
	"strings"

	"github.com/quire-ml/quire/graph/shapes"
)

// The parser reads MLIR text into a small tree of operations, in which nothing is left of whether an operation
// stood there in the generic form, "stablehlo.iota"() <{iota_dimension = 0 : i64}> : () -> tensor<3xf32>, or in
// its own pretty one, stablehlo.iota dim = 0 : tensor<3xf32>. What the operations mean is the reader's affair.
//
// Source: the MLIR language reference, https://mlir.llvm.org/docs/LangRef, and the custom forms that the
// StableHLO project's printers write.

// operation is one operation of a block.
type operation struct {
	name     string // with its dialect: "stablehlo.add"
	line     int
	operands []string // names of values, such as "%0" or "%1#2"
	results  []string
	attrs    map[string]any
	regions  []*region
	in, out  []mlirType       // in is nil if the pretty form does not say
	outAttrs []map[string]any // of a function's results: nil, or one each, which may be nil
}

// region is a block: regions of several are no part of StableHLO.
type region struct {
	line  int
	args  []string
	types []mlirType
	attrs []map[string]any // of a function's arguments: nil, or one each, which may be nil
	ops   []*operation
}

// mlirType is a type: a tensor's shape, or, if it is not a tensor that Quire knows, its text. Of a tensor with sizes that
// are left open, such as tensor<?x3xf32>, the rest is known: -1 stands for them.
type mlirType struct {
	shape shapes.Shape
	open  shapes.Shape
	grid  *grid // of elements that are coarser than their dtype
	text  string
}

func (t mlirType) known() bool { return t.shape.DType.IsValid() }

// fits reports whether a value of the shape s may have the type; dims says whether dimensions count. What is not known
// fits all.
func (t mlirType) fits(s shapes.Shape, dims bool) bool {
	switch {
	case t.known():
		return s.DType == t.shape.DType && (!dims || s.EqualDimensions(t.shape))
	case !t.open.DType.IsValid():
		return true
	}
	ok := s.DType == t.open.DType
	for i, d := range t.open.Dimensions {
		ok = ok && (!dims || s.Rank() == t.open.Rank() && (d < 0 || d == s.Dimensions[i]))
	}
	return ok && (!dims || s.Rank() == t.open.Rank())
}

// Attributes are int64, float64, bool, string, []any, map[string]any, and these.
type (
	symbol  string   // @name
	unit    struct{} // an attribute that is there or not
	keyword string   // a bare word, such as LT
	opaque  string   // what no operation here looks into
	numbers []int64  // array<i64: …>
	convDim struct{ input, kernel, output []string }
)

// dense is a constant as it stands in the text.
type denseAttr struct {
	text   string // between the angle brackets
	digits bool   // it is bytes in hexadecimal, without quotes: what the end of the text has under a name
	raw    bool   // it is bytes: what bytecode has
	typ    mlirType
	line   int
	kept   *denseValue
}

// syntaxError is what the parser panics with; [Read] returns it.
type syntaxError struct {
	line, column int
	text         string
}

// Error writes place and reason.
func (e *syntaxError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.line, e.column, e.text)
}

// maxDepth is how deep regions, attributes and constants may be nested. What compilers write stays far below.
const maxDepth = 150

type parser struct {
	text      string
	pos       int
	line      int // of linePos
	linePos   int
	depth     int
	bare      bool              // attributes have no types
	resources map[string]string // blobs named at the end of the text
}

// parse reads a module's operations: those inside module { … }, or all of the text if there is none.
func parse(text string) (top *region, err error) {
	p := &parser{text: text, line: 1}
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(*syntaxError)
			if !ok {
				panic(r)
			}
			err = e
		}
	}()
	p.findResources()
	top = &region{}
	for {
		p.space()
		switch {
		case p.pos == len(p.text) || strings.HasPrefix(p.text[p.pos:], "{-#"):
			return top, nil
		case p.text[p.pos] == '#' || p.text[p.pos] == '!': // an alias, of a location or an attribute no operation here needs
			p.skipLine()
		default:
			top.ops = append(top.ops, p.operation())
		}
	}
}

// fail panics with a syntax error at the current place.
func (p *parser) fail(format string, args ...any) {
	p.failAt(p.pos, format, args...)
}

func (p *parser) failAt(pos int, format string, args ...any) {
	pos = min(pos, len(p.text))
	before := p.text[:pos]
	panic(&syntaxError{strings.Count(before, "\n") + 1, pos - strings.LastIndexByte(before, '\n'), fmt.Sprintf(format, args...)})
}

// lineAt returns the number of the line at the current place. Places are asked for in ascending order.
func (p *parser) lineAt() int {
	if p.pos >= p.linePos {
		p.line += strings.Count(p.text[p.linePos:p.pos], "\n")
		p.linePos = p.pos
	}
	return p.line
}

// enter counts a level of nesting; the function returned leaves it.
func (p *parser) enter() func() {
	if p.depth++; p.depth > maxDepth {
		p.fail("nested more than %d deep", maxDepth)
	}
	return func() { p.depth-- }
}

// space skips blanks and comments.
func (p *parser) space() {
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			p.pos++
		case c == '/' && strings.HasPrefix(p.text[p.pos:], "//"):
			p.skipLine()
		default:
			return
		}
	}
}

func (p *parser) skipLine() {
	if i := strings.IndexByte(p.text[p.pos:], '\n'); i >= 0 {
		p.pos += i + 1
	} else {
		p.pos = len(p.text)
	}
}

// at reports whether what comes next is s.
func (p *parser) at(s string) bool {
	p.space()
	return strings.HasPrefix(p.text[p.pos:], s)
}

// accept skips s if it comes next. A word is not taken for the beginning of a longer one.
func (p *parser) accept(s string) bool {
	if !p.at(s) {
		return false
	}
	end := p.pos + len(s)
	if isLetter(s[len(s)-1]) && end < len(p.text) && isWord(p.text[end]) {
		return false
	}
	p.pos = end
	return true
}

func (p *parser) expect(s string) {
	if !p.accept(s) {
		p.fail("expected %q, found %s", s, p.found())
	}
}

// found quotes what comes next, for errors.
func (p *parser) found() string {
	p.space()
	rest := p.text[p.pos:]
	if rest == "" {
		return "the end of the text"
	}
	if i := strings.IndexByte(rest, '\n'); i >= 0 {
		rest = rest[:i]
	}
	if len(rest) > 20 {
		rest = rest[:20] + "…"
	}
	return fmt.Sprintf("%q", rest)
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isWord(c byte) bool   { return isLetter(c) || isDigit(c) || c == '$' || c == '.' || c == '-' }

// word reads a name such as stablehlo.add, "" if there is none.
func (p *parser) word() string {
	p.space()
	start := p.pos
	if p.pos < len(p.text) && isLetter(p.text[p.pos]) {
		for p.pos < len(p.text) && isWord(p.text[p.pos]) {
			if strings.HasPrefix(p.text[p.pos:], "->") {
				break
			}
			p.pos++
		}
	}
	return p.text[start:p.pos]
}

func (p *parser) needWord(what string) string {
	w := p.word()
	if w == "" {
		p.fail("expected %s, found %s", what, p.found())
	}
	return w
}

// value reads the name of a value: %0, %arg1, %1#2.
func (p *parser) value() string {
	p.space()
	start := p.pos
	if p.pos >= len(p.text) || p.text[p.pos] != '%' {
		p.fail("expected a value, found %s", p.found())
	}
	for p.pos++; p.pos < len(p.text) && (isWord(p.text[p.pos]) || p.text[p.pos] == '#') && !strings.HasPrefix(p.text[p.pos:], "->"); {
		p.pos++
	}
	if p.pos == start+1 {
		p.fail("a value without a name")
	}
	return strings.TrimSuffix(p.text[start:p.pos], "#0")
}

// quoted reads a string.
func (p *parser) quoted() string {
	p.expect(`"`)
	var b strings.Builder
	start := p.pos
	for ; p.pos < len(p.text); p.pos++ {
		switch c := p.text[p.pos]; c {
		case '"':
			p.pos++
			if b.Len() == 0 {
				return p.text[start : p.pos-1]
			}
			return b.String()
		case '\n':
			p.failAt(start-1, "a string that does not end on its line")
		case '\\':
			b.WriteString(p.text[start:p.pos])
			rest := p.text[p.pos:]
			var r byte
			n := 1
			switch {
			case len(rest) > 1 && (rest[1] == '"' || rest[1] == '\\'):
				r = rest[1]
			case len(rest) > 1 && rest[1] == 'n':
				r = '\n'
			case len(rest) > 1 && rest[1] == 't':
				r = '\t'
			default: // two hexadecimal digits
				if n = 2; len(rest) < 3 {
					p.fail("a string that does not end")
				}
				if _, err := fmt.Sscanf(rest[1:3], "%02x", &r); err != nil {
					p.fail("an escape that is not known: %q", rest[:3])
				}
			}
			b.WriteByte(r)
			p.pos += n
			start = p.pos + 1
		default:
			if b.Len() > 0 {
				b.WriteByte(c)
				start = p.pos + 1
			}
		}
	}
	p.failAt(start-1, "a string that does not end")
	return ""
}

// symbol reads a name of a function: @main, @"a b".
func (p *parser) symbol() symbol {
	p.expect("@")
	if p.at(`"`) {
		return symbol(p.quoted())
	}
	start := p.pos
	for p.pos < len(p.text) && isWord(p.text[p.pos]) && !strings.HasPrefix(p.text[p.pos:], "->") {
		p.pos++
	}
	if p.pos == start {
		p.fail("a symbol without a name")
	}
	return symbol(p.text[start:p.pos])
}

// balanced skips text up to the bracket that closes the one that comes next, and returns it with both. Strings
// inside may hold anything.
func (p *parser) balanced() string {
	p.space()
	start := p.pos
	var open []byte
	for ; p.pos < len(p.text); p.pos++ {
		switch c := p.text[p.pos]; c {
		case '(', '[', '{', '<':
			open = append(open, c+1+btoi(c != '('))
		case ')', ']', '}', '>':
			if c == '>' && p.text[p.pos-1] == '-' { // an arrow
				continue
			}
			if len(open) == 0 || open[len(open)-1] != c {
				p.failAt(start, "a bracket %q that nothing closes", p.text[start:start+1])
			}
			if open = open[:len(open)-1]; len(open) == 0 {
				p.pos++
				return p.text[start:p.pos]
			}
		case '"':
			p.quoted()
			p.pos--
		}
		if len(open) == 0 {
			p.fail("expected a bracket, found %s", p.found())
		}
	}
	p.failAt(start, "a bracket %q that nothing closes", p.text[start:min(start+1, len(p.text))])
	return ""
}

func btoi(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// findResources reads the blobs that follow the module: {-# dialect_resources: { builtin: { name: "0x…" } } #-}.
func (p *parser) findResources() {
	i := strings.LastIndex(p.text, "{-#")
	if i < 0 {
		return
	}
	p.resources = map[string]string{}
	for _, line := range strings.Split(p.text[i:], "\n") {
		name, blob, ok := strings.Cut(line, `: "0x`)
		if end := strings.IndexByte(blob, '"'); ok && end >= 8 { // the first four bytes are the alignment
			p.resources[strings.TrimSpace(name)] = blob[8:end]
		}
	}
}
