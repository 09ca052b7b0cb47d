package sizes

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
)

// Declaration says what sizes inputs of a function have: an expression for each axis, and what must hold of their symbols. It is
// immutable.
type Declaration struct {
	inputs      []Shape
	constraints []Constraint
	steps       []step
}

// step finds a symbol from the size of an axis, once the other symbols in its expression are known.
type step struct {
	input, axis int
	symbol      string
}

// Declare reads a declaration: a shape for each input, as [ParseShape] takes it, and constraints, as [ParseConstraint] does. A
// symbol is a size from 0 on. Each must follow from sizes: there is an axis whose expression has it, outside of functions, with
// others that follow from other axes; otherwise nothing would tell what it is, which is an error.
func Declare(inputs []string, constraints ...string) (*Declaration, error) {
	d := &Declaration{}
	for i, text := range inputs {
		s, err := ParseShape(text)
		if err != nil {
			return nil, fmt.Errorf("input %d: %w", i, err)
		}
		d.inputs = append(d.inputs, s)
	}
	for _, text := range constraints {
		c, err := ParseConstraint(text)
		if err != nil {
			return nil, err
		}
		d.constraints = append(d.constraints, c)
	}
	return d, d.order()
}

// MustDeclare is [Declare]; it panics on an error.
func MustDeclare(inputs []string, constraints ...string) *Declaration {
	d, err := Declare(inputs, constraints...)
	if err != nil {
		panic(err)
	}
	return d
}

// Inputs returns the shapes of the inputs.
func (d *Declaration) Inputs() []Shape { return slices.Clone(d.orNone().inputs) }

// orNone returns d, for which nil stands for a declaration of no inputs.
func (d *Declaration) orNone() *Declaration {
	if d == nil {
		return &Declaration{}
	}
	return d
}

// Constraints returns what must hold.
func (d *Declaration) Constraints() []Constraint { return slices.Clone(d.orNone().constraints) }

// Symbols returns the names of all symbols, sorted.
func (d *Declaration) Symbols() []string {
	d = d.orNone()
	names := map[string]bool{}
	for _, s := range d.inputs {
		for _, e := range s {
			e.collect(names)
		}
	}
	for _, c := range d.constraints {
		c.x.collect(names)
		c.y.collect(names)
	}
	list := make([]string, 0, len(names))
	for name := range names {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

// String writes the shapes, and behind them what must hold.
func (d *Declaration) String() string {
	d = d.orNone()
	list := make([]string, len(d.inputs))
	for i, s := range d.inputs {
		list[i] = s.String()
	}
	text := strings.Join(list, ", ")
	for i, c := range d.constraints {
		text += []string{" where ", ", "}[min(i, 1)] + c.String()
	}
	return text
}

// order finds out from which axes the symbols follow, simple ones first.
func (d *Declaration) order() error {
	known := map[string]bool{}
	for {
		best, rank := step{}, math.MaxInt
		for i, s := range d.inputs {
			for a, e := range s {
				if name, r := e.tells(known); r < rank {
					best, rank = step{i, a, name}, r
				}
			}
		}
		if rank == math.MaxInt {
			break
		}
		known[best.symbol] = true
		d.steps = append(d.steps, best)
	}
	for _, name := range d.Symbols() {
		if !known[name] {
			return fmt.Errorf("nothing tells the size %s in %s: an axis must have it outside of functions, beside sizes that other axes tell", name, d)
		}
	}
	return nil
}

// tells returns the only symbol of e that is not known, with how hard it is to find: a symbol alone is the easiest.
func (e Expr) tells(known map[string]bool) (name string, rank int) {
	for _, s := range e.Symbols() {
		switch {
		case known[s]:
		case name != "":
			return "", math.MaxInt
		default:
			name = s
		}
	}
	if name == "" {
		return "", math.MaxInt
	}
	degree, scaled := 0, 0
	for _, t := range e.terms {
		n := 0
		if t.coefficient != 1 {
			scaled = 1
		}
		for _, a := range t.factors {
			switch {
			case a.fn == "" && a.text == name:
				n++
			case a.fn != "" && slices.Contains(ofAtom(a).Symbols(), name):
				return "", math.MaxInt
			}
		}
		degree = max(degree, n)
	}
	return name, degree*(maxTerms+2) + len(e.terms) + scaled
}

// Solve finds the symbols from the sizes of all inputs, and checks that these are as declared.
func (d *Declaration) Solve(inputs ...[]int) (Values, error) {
	d = d.orNone()
	if len(inputs) != len(d.inputs) {
		return nil, fmt.Errorf("%d inputs, where %d are declared: %s", len(inputs), len(d.inputs), d)
	}
	for i, dims := range inputs {
		if len(dims) != len(d.inputs[i]) {
			return nil, fmt.Errorf("input %d is %v, declared %s: it has %d axes, not %d", i, dims, d.inputs[i], len(dims), len(d.inputs[i]))
		}
	}
	v := Values{}
	for _, s := range d.steps {
		n, err := d.inputs[s.input][s.axis].solve(s.symbol, inputs[s.input][s.axis], v)
		if err != nil {
			return nil, fmt.Errorf("input %d is %v, declared %s: axis %d: %w", s.input, inputs[s.input], d.inputs[s.input], s.axis, err)
		}
		v[s.symbol] = n
	}
	for i, dims := range inputs {
		want, err := d.inputs[i].At(v)
		if err != nil {
			return nil, fmt.Errorf("input %d is %v, declared %s: %w", i, dims, d.inputs[i], err)
		}
		for a, n := range dims {
			if n != want[a] {
				return nil, fmt.Errorf("input %d is %v, declared %s, which is %v%s: axis %d is %d, not %d", i, dims, d.inputs[i], want, where(v), a, n, want[a])
			}
		}
	}
	for _, c := range d.constraints {
		holds, err := c.Holds(v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c, err)
		}
		if !holds {
			return nil, fmt.Errorf("%s does not hold%s, of inputs %v, declared %s", c, where(v), inputs, d)
		}
	}
	return v, nil
}

// where writes the values behind a word, nothing if there are none.
func where(v Values) string {
	if len(v) == 0 {
		return ""
	}
	return " where " + v.String()
}

// solve returns the size that the symbol must be for e to be n.
func (e Expr) solve(name string, n int, v Values) (int, error) {
	powers, err := e.powers(name, v)
	if err != nil {
		return 0, err
	}
	if powers[0], err = plus(powers[0], -n); err != nil {
		return 0, err
	}
	if len(powers) == 2 {
		switch c, r := powers[1], -powers[0]; {
		case c == 0 && r == 0:
			return 0, fmt.Errorf("%s can be any size%s", name, where(v))
		case c == 0 || r%c != 0:
			return 0, fmt.Errorf("no %s makes %s equal to %d%s", name, e, n, where(v))
		case r/c < 0:
			return 0, fmt.Errorf("%s would be %d for %s to be %d%s", name, r/c, e, n, where(v))
		default:
			return r / c, nil
		}
	}
	if !slices.ContainsFunc(powers, func(c int) bool { return c != 0 }) {
		return 0, fmt.Errorf("%s can be any size%s", name, where(v))
	}
	for _, c := range powers[1:] {
		if c < 0 {
			return 0, fmt.Errorf("%s cannot be found from %s: only where it falls nowhere as %s grows", name, e, name)
		}
	}
	value := func(x int) int { // at most math.MaxInt
		sum := 0
		for i := len(powers) - 1; i >= 0; i-- {
			p, err := times(sum, x)
			if err == nil {
				sum, err = plus(p, powers[i])
			}
			if err != nil {
				return math.MaxInt
			}
		}
		return sum
	}
	x := sort.Search(min(max(-powers[0], 0), math.MaxInt-1)+1, func(x int) bool { return value(x) >= 0 })
	if value(x) != 0 {
		return 0, fmt.Errorf("no %s makes %s equal to %d%s", name, e, n, where(v))
	}
	return x, nil
}

// powers returns the coefficients of e as a polynomial of one symbol, the others being known.
func (e Expr) powers(name string, v Values) ([]int, error) {
	list := []int{0, 0}
	for _, t := range e.terms {
		power, c := 0, t.coefficient
		for _, a := range t.factors {
			if a.fn == "" && a.text == name {
				power++
				continue
			}
			x, err := a.eval(v)
			if err != nil {
				return nil, err
			}
			if c, err = times(c, x); err != nil {
				return nil, err
			}
		}
		for len(list) <= power {
			list = append(list, 0)
		}
		var err error
		if list[power], err = plus(list[power], c); err != nil {
			return nil, err
		}
	}
	return list, nil
}
