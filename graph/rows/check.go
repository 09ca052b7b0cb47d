package rows

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Axis says where the rows of a value are: row i is the Block elements from i·Block on of axis Axis. A value that does not depend on
// rows has the axis [None].
type Axis struct{ Axis, Block int }

// None is the axis of values without rows.
const None = -1

var none = Axis{Axis: None}

// Check proves that no row of a program's results depends on other rows, and returns where the rows of each output are. p and q are the
// programs of one function for n and m rows, n < m, and inputs says where the rows of each input are, as Axis values of Block 1 or with
// the axis [None]; inputs that are left out have no rows.
//
// The proof goes op by op along the axis. It needs two programs to see what depends on the number of rows without depending on rows,
// such as a division by it. What it cannot prove it refuses: the error names the op and the line.
func Check(p, q *ir.Program, n, m int, inputs ...Axis) ([]Axis, error) {
	if n < 2 || m <= n {
		return nil, fmt.Errorf("rows.Check: programs for %d and %d rows: want two numbers from 2 on, the smaller first", n, m)
	}
	return check(&checker{n: n, m: m}, p, q, inputs)
}

func check(c *checker, p, q *ir.Program, inputs []Axis) ([]Axis, error) {
	p, err := expanded(p)
	if err == nil {
		q, err = expanded(q)
	}
	if err != nil {
		return nil, err
	}
	in := make([]Axis, len(p.Inputs))
	for i := range in {
		if in[i] = none; i < len(inputs) {
			in[i] = inputs[i]
		}
	}
	return c.program(p, q, in)
}

// expanded returns a program of calls that there are rules for, as far as calls can be expanded.
func expanded(p *ir.Program) (*ir.Program, error) {
	if p == nil {
		return nil, errors.New("rows.Check: the program is nil")
	}
	for _, pass := range ir.Passes() {
		if pass.Name == "expand" {
			return pass.Run(p, func(c ir.Call) bool { return c.Op.Elementwise || c.Op.Regions != nil || ruleOf(c.Op) != nil })
		}
	}
	return p, nil
}

// checker compares two programs, call by call.
type checker struct {
	n, m  int  // how many rows they have
	parts bool // rows are computed some after others: their numbers may not matter
}

// mixed is what a rule panics with.
type mixed struct{ why string }

func mix(format string, args ...any) { panic(mixed{fmt.Sprintf(format, args...)}) }

// program returns where the rows of the outputs are.
func (c *checker) program(p, q *ir.Program, in []Axis) ([]Axis, error) {
	if len(p.Values) != len(q.Values) || len(p.Instrs) != len(q.Instrs) || !slices.Equal(p.Inputs, q.Inputs) || !slices.Equal(p.Outputs, q.Outputs) {
		return nil, fmt.Errorf("the program %q is another one for %d rows than for %d: what it computes depends on the number of rows", p.Name, c.n, c.m)
	}
	at := make([]Axis, len(p.Values))
	for i, v := range p.Inputs {
		at[v] = in[i]
		if err := c.fits(in[i], p.Values[v], q.Values[v]); err != nil {
			return nil, fmt.Errorf("input %d (%s) of the program %q: %w", i, p.InputNames[i], p.Name, err)
		}
	}
	for i := range p.Instrs {
		a := &call{checker: c, p: p, q: q, x: &p.Instrs[i], y: &q.Instrs[i]}
		for _, v := range a.x.In {
			a.in = append(a.in, at[v])
		}
		out, err := a.results()
		if err != nil {
			return nil, err
		}
		for k, v := range a.x.Out {
			at[v] = out[k]
		}
	}
	out := make([]Axis, len(p.Outputs))
	for i, v := range p.Outputs {
		out[i] = at[v]
	}
	return out, nil
}

// fits returns an error unless two values, for n and m rows, have them where a says and are of the same sizes otherwise.
func (c *checker) fits(a Axis, x, y shapes.Shape) error {
	if x.DType != y.DType || x.Rank() != y.Rank() {
		return fmt.Errorf("it is %s for %d rows and %s for %d", x, c.n, y, c.m)
	}
	for i := range x.Dimensions {
		d, e := x.Dimensions[i], y.Dimensions[i]
		switch {
		case i == a.Axis && (d != c.n*a.Block || e != c.m*a.Block):
			return fmt.Errorf("axis %d has %d elements for %d rows and %d for %d", i, d, c.n, e, c.m)
		case i != a.Axis && d != e:
			return fmt.Errorf("the size of axis %d, %d for %d rows and %d for %d, depends on how many there are", i, d, c.n, e, c.m)
		}
	}
	if a.Axis >= x.Rank() {
		return fmt.Errorf("it is %s and has no axis %d", x, a.Axis)
	}
	return nil
}

// call is a call in both programs.
type call struct {
	*checker
	p, q *ir.Program
	x, y *ir.Instr // in p and q
	in   []Axis    // of the operands and captured values
}

// shape returns the shape of operand i for m rows.
func (a *call) shape(i int) shapes.Shape { return a.q.Values[a.y.In[i]] }

func (a *call) rank(i int) int { return len(a.shape(i).Dimensions) }

// result returns the shape of the first result for m rows.
func (a *call) result() shapes.Shape { return a.q.Values[a.y.Out[0]] }

// has reports whether an operand has rows.
func (a *call) has() bool {
	return slices.ContainsFunc(a.in, func(x Axis) bool { return x.Axis != None })
}

func (a *call) results() (out []Axis, err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case mixed:
			err = a.error(r.why)
		case error:
			err = r
		default:
			panic(r)
		}
	}()
	x, y := a.x, a.y
	if x.Op != y.Op || !slices.Equal(x.In, y.In) || !slices.Equal(x.Out, y.Out) || x.Captured != y.Captured || len(x.Regions) != len(y.Regions) {
		mix("another op stands there for %d rows than for %d: what is computed depends on the number of rows", a.n, a.m)
	}
	switch rule := ruleOf(x.Op); {
	case x.Op.Regions != nil:
		out = a.functions()
	case !a.has():
		out = a.made()
	case x.Op.Elementwise:
		a.sameAttrs()
		out = []Axis{a.elementwise()}
	case rule != nil:
		out = rule(a)
	default:
		mix("it is not known whether it mixes rows")
	}
	for i, v := range x.Out {
		if err := a.fits(out[i], a.p.Values[v], a.q.Values[v]); err != nil {
			mix("%v", err)
		}
	}
	return out, nil
}

// error says what a call does to rows.
func (a *call) error(why string) error {
	text := a.x.Op.Name
	for _, v := range a.x.Operands() {
		text += " " + a.p.Values[v].String()
	}
	if place := a.x.Place.String(); place != "" {
		text = place + ": " + text
	}
	return fmt.Errorf("%s: %s: rows that are padding would change what the others become; give the function a mask of the rows (Exec.Masked), or call it without padding", text, why)
}

// sameAttrs refuses attributes that depend on how many rows there are.
func (a *call) sameAttrs() {
	if !reflect.DeepEqual(a.x.Attrs, a.y.Attrs) {
		mix("its settings depend on the number of rows: %v for %d, %v for %d", a.x.Attrs, a.n, a.y.Attrs, a.m)
	}
}

// made returns where the rows of results are that depend on no row, but may have as many elements as there are rows.
func (a *call) made() []Axis {
	if v, ok := a.x.Attrs.(ir.ConstAttrs); ok {
		if w, ok := a.y.Attrs.(ir.ConstAttrs); !ok || !sameBytes(v.Value, w.Value) {
			mix("the constant is another one for %d rows than for %d", a.n, a.m)
		}
		return []Axis{none}
	}
	out := make([]Axis, len(a.x.Out))
	for i, v := range a.x.Out {
		out[i] = none
		d, e := a.p.Values[v].Dimensions, a.q.Values[v].Dimensions
		for k := range min(len(d), len(e)) {
			if d[k] == e[k] {
				continue
			}
			if a.x.Op != ops.Iota && a.x.Op != ops.Broadcast {
				mix("it makes values for as many rows as there are, which would be others for more rows")
			}
			if at, ok := a.x.Attrs.(ir.IotaAttrs); ok && a.parts && at.Axis == k {
				mix("it counts rows, and parts of them are computed one after another")
			}
			out[i] = Axis{k, d[k] / a.n}
			break
		}
	}
	if !slices.ContainsFunc(out, func(x Axis) bool { return x != none }) {
		a.sameAttrs()
	}
	return out
}

func sameBytes(x, y *tensors.Tensor) (same bool) {
	if !x.Shape().Equal(y.Shape()) {
		return false
	}
	_ = x.ConstBytes(func(a []byte) {
		_ = y.ConstBytes(func(b []byte) { same = string(a) == string(b) })
	})
	return same
}
