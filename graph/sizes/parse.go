package sizes

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// maxText is how long a text may be, and maxDepth how deep parentheses may stand in each other.
const (
	maxText  = 4096
	maxDepth = 64
)

// Parse reads an expression.
func Parse(text string) (e Expr, err error) {
	err = parsing(text, "a size", func(p *parser) {
		e = p.sum()
		p.end()
	})
	return e, err
}

// Shape is the sizes of all axes of a value.
type Shape []Expr

// ParseShape reads the sizes of the axes of a value, between commas, with or without brackets. A scalar is [] or an empty text.
func ParseShape(text string) (s Shape, err error) {
	err = parsing(text, "a shape", func(p *parser) {
		closed := p.takes("[")
		for p.token != "" && p.token != "]" {
			if len(s) > 0 {
				p.expect(",")
			}
			s = append(s, p.sum())
		}
		if closed {
			p.expect("]")
		}
		p.end()
	})
	return s, err
}

// String writes the sizes in brackets, which [ParseShape] reads.
func (s Shape) String() string {
	list := make([]string, len(s))
	for i, e := range s {
		list[i] = e.String()
	}
	return "[" + strings.Join(list, ", ") + "]"
}

// At returns the sizes for given values of the symbols. It is an error if a symbol has none, or a size is negative or beyond an int.
func (s Shape) At(v Values) ([]int, error) {
	dims := make([]int, len(s))
	for i, e := range s {
		n, err := e.Eval(v)
		if err == nil && n < 0 {
			err = fmt.Errorf("%s is %d where %s", e, n, v)
		}
		if err != nil {
			return nil, fmt.Errorf("axis %d of %s: %w", i, s, err)
		}
		dims[i] = n
	}
	return dims, nil
}

// Constraint is something that must hold of symbols: a comparison of two expressions.
type Constraint struct {
	text, sign string
	x, y       Expr
}

// ParseConstraint reads a comparison such as seq >= 2 or batch % 8 == 0, with one of ==, !=, <, <=, > and >=.
func ParseConstraint(text string) (c Constraint, err error) {
	c.text = strings.TrimSpace(text)
	err = parsing(text, "a constraint", func(p *parser) {
		c.x = p.sum()
		switch p.token {
		case "==", "!=", "<", "<=", ">", ">=":
			c.sign = p.token
			p.next()
		default:
			p.fail("a comparison (==, !=, <, <=, >, >=)")
		}
		c.y = p.sum()
		p.end()
	})
	return c, err
}

// String returns the constraint as it was written.
func (c Constraint) String() string { return c.text }

// Holds reports whether the constraint holds for values of its symbols.
func (c Constraint) Holds(v Values) (bool, error) {
	x, err := c.x.Eval(v)
	if err != nil {
		return false, err
	}
	y, err := c.y.Eval(v)
	switch c.sign {
	case "==":
		return x == y, err
	case "!=":
		return x != y, err
	case "<":
		return x < y, err
	case "<=":
		return x <= y, err
	case ">":
		return x > y, err
	}
	return x >= y, err
}

// parser reads one token ahead.
type parser struct {
	rest  string
	token string // "" at the end
	depth int
}

// syntax is panicked with by a parser that cannot go on.
type syntax struct{ text string }

func parsing(text, what string, read func(*parser)) (err error) {
	if len(text) > maxText {
		return fmt.Errorf("%s of %d characters: %d are the most", what, len(text), maxText)
	}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case syntax:
			err = fmt.Errorf("%q is not %s: %s", text, what, r.text)
		case excess:
			err = fmt.Errorf("%q is not %s: %s", text, what, r.what)
		default:
			panic(r)
		}
	}()
	p := &parser{rest: text}
	p.next()
	read(p)
	return nil
}

func (p *parser) fail(want string) {
	got := "it ends"
	if p.token != "" {
		got = fmt.Sprintf("%q stands", p.token)
	}
	panic(syntax{fmt.Sprintf("%s where %s is expected", got, want)})
}

// next takes the next token: a name, a number, or a sign.
func (p *parser) next() {
	p.rest = strings.TrimLeft(p.rest, " \t\n")
	n := 0
	for n < len(p.rest) && isWord(p.rest[n]) {
		n++
	}
	switch {
	case n > 0:
	case p.rest == "":
	case len(p.rest) > 1 && strings.Contains(" // == != <= >= ", " "+p.rest[:2]+" "):
		n = 2
	default:
		n = len(string([]rune(p.rest[:min(4, len(p.rest))])[:1]))
		n = min(n, len(p.rest))
	}
	p.token, p.rest = p.rest[:n], p.rest[n:]
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func isName(s string) bool { return s != "" && isWord(s[0]) && (s[0] < '0' || s[0] > '9') }

func (p *parser) takes(token string) bool {
	if p.token != token {
		return false
	}
	p.next()
	return true
}

func (p *parser) expect(token string) {
	if !p.takes(token) {
		p.fail(strconv.Quote(token))
	}
}

func (p *parser) end() {
	if p.token != "" {
		p.fail("the end")
	}
}

func (p *parser) sum() Expr {
	if p.depth++; p.depth > maxDepth {
		panic(syntax{fmt.Sprintf("parentheses stand more than %d deep", maxDepth)})
	}
	defer func() { p.depth-- }()
	e := p.product()
	for {
		switch {
		case p.takes("+"):
			e = add(e, p.product())
		case p.takes("-"):
			e = add(e, scale(p.product(), -1))
		default:
			return e
		}
	}
}

func (p *parser) product() Expr {
	e := p.power()
	for {
		switch {
		case p.takes("*"):
			e = multiply(e, p.power())
		case p.takes("//"):
			e = call("floordiv", e, p.power())
		case p.takes("%"):
			e = call("mod", e, p.power())
		default:
			return e
		}
	}
}

func (p *parser) power() Expr {
	if p.takes("-") {
		return scale(p.power(), -1)
	}
	e := p.factor()
	if !p.takes("^") {
		return e
	}
	n, ok := p.factor().number()
	if !ok || n < 0 || n > maxDegree {
		panic(syntax{fmt.Sprintf("a power is a number from 0 to %d", maxDegree)})
	}
	y := Number(1)
	for range n {
		y = multiply(y, e)
	}
	return y
}

func (p *parser) factor() Expr {
	token := p.token
	switch {
	case p.takes("("):
		e := p.sum()
		p.expect(")")
		return e
	case isName(token):
		p.next()
		if p.token != "(" {
			return symbol(token)
		}
		switch token {
		case "floordiv", "mod", "max", "min":
		default:
			panic(syntax{fmt.Sprintf("there is no function %s: there are floordiv, mod, max and min", token)})
		}
		p.expect("(")
		x := p.sum()
		p.expect(",")
		y := p.sum()
		p.expect(")")
		return call(token, x, y)
	case token != "" && isWord(token[0]):
		n, err := strconv.Atoi(token)
		if errors.Is(err, strconv.ErrRange) {
			panic(syntax{fmt.Sprintf("%s is larger than an int", token)})
		}
		if err != nil {
			panic(syntax{fmt.Sprintf("%s is neither a number nor a name", token)})
		}
		p.next()
		return Number(n)
	}
	p.fail("a number, a name or a parenthesis")
	return Expr{}
}
