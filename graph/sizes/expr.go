package sizes

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Expr is a whole number that depends on symbols: a polynomial of these, of quotients, remainders, maxima and minima, in normal form.
// The zero value is 0. It is immutable.
type Expr struct{ terms []term } // by descending degree, then by key; none is 0, no two have the same factors

// term is a product.
type term struct {
	coefficient int
	factors     []*atom // sorted by text; a power is the same factor several times
	key         string  // what tells factors apart
}

// atom is a symbol, or a function of two expressions.
type atom struct {
	text string
	fn   string // "" for a symbol
	x, y Expr
}

// Values are what symbols stand for.
type Values map[string]int

// String writes the values by their symbols' names.
func (v Values) String() string {
	var list []string
	for _, name := range sortedKeys(v) {
		list = append(list, fmt.Sprintf("%s=%d", name, v[name]))
	}
	return strings.Join(list, " ")
}

func sortedKeys(v Values) []string {
	names := make([]string, 0, len(v))
	for name := range v {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Bounds of an expression, so that a short text cannot ask for much.
const (
	maxTerms  = 256
	maxDegree = 16
)

// excess is panicked with by arithmetic on expressions that leaves these bounds, or those of int, and recovered by who parses.
type excess struct{ what string }

// Number returns n as an expression.
func Number(n int) Expr {
	if n == 0 {
		return Expr{}
	}
	return Expr{[]term{{coefficient: n}}}
}

// symbol returns a symbol as an expression.
func symbol(name string) Expr { return ofAtom(&atom{text: name}) }

func ofAtom(a *atom) Expr {
	return Expr{[]term{{coefficient: 1, factors: []*atom{a}, key: a.text}}}
}

// number returns the value of an expression without symbols.
func (e Expr) number() (n int, ok bool) {
	switch {
	case len(e.terms) == 0:
		return 0, true
	case len(e.terms) == 1 && len(e.terms[0].factors) == 0:
		return e.terms[0].coefficient, true
	}
	return 0, false
}

// Equal reports whether two expressions have the same normal form.
func (e Expr) Equal(f Expr) bool {
	return slices.EqualFunc(e.terms, f.terms, func(a, b term) bool { return a.coefficient == b.coefficient && a.key == b.key })
}

// String writes the normal form, which [Parse] reads.
func (e Expr) String() string {
	if len(e.terms) == 0 {
		return "0"
	}
	var s strings.Builder
	for i, t := range e.terms {
		switch {
		case t.coefficient < 0:
			s.WriteByte('-')
		case i > 0:
			s.WriteByte('+')
		}
		if t.coefficient != 1 && t.coefficient != -1 || len(t.factors) == 0 {
			s.WriteString(strings.TrimPrefix(strconv.Itoa(t.coefficient), "-"))
			if len(t.factors) > 0 {
				s.WriteByte('*')
			}
		}
		s.WriteString(t.key)
	}
	return s.String()
}

// Symbols returns the names of the symbols of the expression, sorted.
func (e Expr) Symbols() []string {
	names := map[string]bool{}
	e.collect(names)
	list := make([]string, 0, len(names))
	for name := range names {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

func (e Expr) collect(names map[string]bool) {
	for _, t := range e.terms {
		for _, a := range t.factors {
			if a.fn == "" {
				names[a.text] = true
				continue
			}
			a.x.collect(names)
			a.y.collect(names)
		}
	}
}

// Eval returns the value of the expression. It is an error if a symbol has none, if something is divided by 0, or if a value is larger
// than an int.
func (e Expr) Eval(v Values) (sum int, err error) {
	for _, t := range e.terms {
		product := t.coefficient
		for _, a := range t.factors {
			x, err := a.eval(v)
			if err != nil {
				return 0, err
			}
			if product, err = times(product, x); err != nil {
				return 0, err
			}
		}
		if sum, err = plus(sum, product); err != nil {
			return 0, err
		}
	}
	return sum, nil
}

func (a *atom) eval(v Values) (int, error) {
	if a.fn == "" {
		n, ok := v[a.text]
		if !ok {
			return 0, fmt.Errorf("the size %s is not known", a.text)
		}
		return n, nil
	}
	x, err := a.x.Eval(v)
	if err != nil {
		return 0, err
	}
	y, err := a.y.Eval(v)
	if err != nil {
		return 0, err
	}
	return apply(a.fn, x, y)
}

// apply computes one of the functions of two numbers.
func apply(fn string, x, y int) (int, error) {
	switch fn {
	case "max":
		return max(x, y), nil
	case "min":
		return min(x, y), nil
	}
	if y == 0 {
		return 0, fmt.Errorf("%s(%d, 0) has no value", fn, x)
	}
	if x == math.MinInt && y == -1 {
		return 0, errRange
	}
	q, r := x/y, x%y
	if r != 0 && (r < 0) != (y < 0) { // Go rounds to zero
		q, r = q-1, r+y
	}
	if fn == "mod" {
		return r, nil
	}
	return q, nil
}

var errRange = errors.New("a size is larger than an int")

func plus(x, y int) (int, error) {
	if s := x + y; (s > x) == (y > 0) {
		return s, nil
	}
	return 0, errRange
}

func times(x, y int) (int, error) {
	if x == 0 || y == 0 {
		return 0, nil
	}
	if p := x * y; p/y == x && !(x == -1 && y == math.MinInt) && !(y == -1 && x == math.MinInt) {
		return p, nil
	}
	return 0, errRange
}

func mustNumber(n int, err error) int {
	if err != nil {
		panic(excess{err.Error()})
	}
	return n
}

// normal sorts terms and puts those together that have the same factors.
func normal(terms []term) Expr {
	slices.SortStableFunc(terms, func(a, b term) int {
		return cmp.Or(cmp.Compare(len(b.factors), len(a.factors)), cmp.Compare(a.key, b.key))
	})
	var out []term
	for _, t := range terms {
		if n := len(out); n > 0 && out[n-1].key == t.key {
			out[n-1].coefficient = mustNumber(plus(out[n-1].coefficient, t.coefficient))
			continue
		}
		out = append(out, t)
	}
	out = slices.DeleteFunc(out, func(t term) bool { return t.coefficient == 0 })
	if slices.ContainsFunc(out, func(t term) bool { return t.coefficient == math.MinInt }) { // its sign cannot be turned
		panic(excess{errRange.Error()})
	}
	if len(out) > maxTerms {
		panic(excess{fmt.Sprintf("it has more than %d terms", maxTerms)})
	}
	return Expr{out}
}

func add(e, f Expr) Expr { return normal(slices.Concat(e.terms, f.terms)) }

func scale(e Expr, n int) Expr {
	out := make([]term, len(e.terms))
	for i, t := range e.terms {
		t.coefficient = mustNumber(times(t.coefficient, n))
		out[i] = t
	}
	return normal(out)
}

func multiply(e, f Expr) Expr {
	if len(e.terms)*len(f.terms) > maxTerms*4 {
		panic(excess{fmt.Sprintf("it has more than %d terms", maxTerms)})
	}
	var out []term
	for _, a := range e.terms {
		for _, b := range f.terms {
			out = append(out, product(a, b))
		}
	}
	return normal(out)
}

func product(a, b term) term {
	t := term{coefficient: mustNumber(times(a.coefficient, b.coefficient)), factors: slices.Concat(a.factors, b.factors)}
	if len(t.factors) > maxDegree {
		panic(excess{fmt.Sprintf("it has products of more than %d factors", maxDegree)})
	}
	slices.SortFunc(t.factors, func(x, y *atom) int { return cmp.Compare(x.text, y.text) })
	t.key = keyOf(t.factors)
	return t
}

// keyOf writes factors, equal ones as a power.
func keyOf(factors []*atom) string {
	var list []string
	for i := 0; i < len(factors); {
		k := i + 1
		for k < len(factors) && factors[k].text == factors[i].text {
			k++
		}
		if text := factors[i].text; k == i+1 {
			list = append(list, text)
		} else {
			list = append(list, fmt.Sprintf("%s^%d", text, k-i))
		}
		i = k
	}
	return strings.Join(list, "*")
}

// call returns a function of two expressions.
func call(fn string, x, y Expr) Expr {
	n, isNumber := y.number()
	if m, ok := x.number(); ok && isNumber {
		return Number(mustNumber(apply(fn, m, n)))
	}
	switch {
	case fn == "max" || fn == "min":
		if x.Equal(y) {
			return x
		}
		if cmp.Compare(x.String(), y.String()) > 0 {
			x, y = y, x
		}
	case isNumber && n > 0:
		quotient, rest := split(x, n)
		if fn == "floordiv" {
			if len(rest.terms) == 0 {
				return quotient
			}
			if m, ok := rest.number(); ok && m < n { // split leaves nothing below 0
				return quotient
			}
			return add(quotient, ofCall(fn, rest, y))
		}
		if m, ok := rest.number(); ok {
			return Number(m)
		}
		return ofCall(fn, rest, y)
	case isNumber && n == 0:
		panic(excess{"it divides by 0"})
	}
	return ofCall(fn, x, y)
}

// split returns q and r of x = n·q + r, r with coefficients from 0 to n-1.
func split(x Expr, n int) (q, r Expr) {
	var quotients, rests []term
	for _, t := range x.terms {
		a, b := t, t
		a.coefficient, _ = apply("floordiv", t.coefficient, n)
		b.coefficient, _ = apply("mod", t.coefficient, n)
		quotients, rests = append(quotients, a), append(rests, b)
	}
	return normal(quotients), normal(rests)
}

func ofCall(fn string, x, y Expr) Expr {
	text := fmt.Sprintf("%s(%s, %s)", fn, x, y)
	if len(text) > maxText {
		panic(excess{"it is too long"})
	}
	return ofAtom(&atom{text: text, fn: fn, x: x, y: y})
}
