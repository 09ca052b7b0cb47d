package ir

import (
	"errors"
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/shapes"
)

// Builder makes a [Program]: inputs first or in between, calls of ops in the order in which they will run, and at last
// the program with its outputs. What does not fit is an error, and nothing is added. A Builder is for one goroutine.
type Builder struct {
	p     *Program
	place Site
	maker []int // of each value, the instruction that makes it, -1 for inputs

	checked checked // regions that are known to be well formed: functions may be called from many places

	in, out []shapes.Shape // of a call that is looked at
	lists   []Value        // what is left of memory for operands and results

	from  *Program // that is being rewritten
	reads []uint8  // of its values, see [Rewrite.ReadOnce]
}

// NewBuilder starts a program.
func NewBuilder(name string) *Builder { return &Builder{p: &Program{Name: name}} }

// At sets the place in the user's code of the calls that follow.
func (b *Builder) At(place Site) { b.place = place }

// Input adds an input. Its name shows in texts and errors.
func (b *Builder) Input(name string, s shapes.Shape) (Value, error) {
	if b.p == nil {
		return 0, errBuilt
	}
	if err := s.Check(); err != nil {
		return 0, fmt.Errorf("input %q: %w", name, err)
	}
	return b.input(name, s), nil
}

func (b *Builder) input(name string, s shapes.Shape) Value {
	v := b.value(s)
	b.maker[v] = -1
	b.p.Inputs = append(b.p.Inputs, v)
	b.p.InputNames = append(b.p.InputNames, name)
	return v
}

// value adds a value that the next instruction makes, or an input.
func (b *Builder) value(s shapes.Shape) Value {
	b.p.Values = append(b.p.Values, s)
	b.maker = append(b.maker, len(b.p.Instrs))
	return Value(len(b.p.Values) - 1)
}

// Shape returns the shape of a value, a zero one if there is no such value.
func (b *Builder) Shape(v Value) shapes.Shape {
	if !b.has(v) {
		return shapes.Shape{}
	}
	return b.p.Values[v]
}

// has reports whether v is a value of the program that is built.
func (b *Builder) has(v Value) bool { return b.p != nil && v >= 0 && int(v) < len(b.p.Values) }

var errBuilt = errors.New("the Builder is a zero one, or has made its program already: begin another with NewBuilder")

// made returns the instruction that makes v, nil for inputs.
func (b *Builder) made(v Value) *Instr {
	if !b.has(v) || b.maker[v] < 0 {
		return nil
	}
	return &b.p.Instrs[b.maker[v]]
}

// Apply adds a call of op and returns its results.
func (b *Builder) Apply(op *Op, attrs any, in ...Value) ([]Value, error) {
	return b.Call(op, attrs, in, 0)
}

// Call adds a call of op, with functions: regions, whose inputs are their own and then the captured values, which are
// the last of in.
func (b *Builder) Call(op *Op, attrs any, in []Value, captured int, regions ...*Program) ([]Value, error) {
	if b.p == nil {
		return nil, errBuilt
	}
	if op == nil || op.Name == "" {
		return nil, errors.New("the op is nil or has no name: it must be a row of the table of ops (Define, OpByName)")
	}
	for i, v := range in {
		if !b.has(v) {
			return nil, fmt.Errorf("%s: operand %d is not a value of this program", op.Name, i)
		}
	}
	for _, r := range regions {
		if r != nil && r.whole == r { // call by call, so that functions in functions are not checked once per level
			continue
		}
		if b.checked == nil {
			b.checked = checked{}
		}
		if err := r.checkRegion(b.checked); err != nil {
			return nil, fmt.Errorf("%s: %w", op.Name, err)
		}
	}
	instr := Instr{Op: op, Attrs: attrs, In: b.list(len(in)), Regions: regions, Captured: captured, Place: b.place}
	copy(instr.In, in)
	out, err := instr.results(b.p.ShapesOf(in))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op.Name, err)
	}
	return b.add(instr, out), nil
}

// Known is [Builder.Call] for a call whose results are known to have the shapes out, since [Op.Results] has said so of operands
// of these shapes: it is not asked again. in is kept.
func (b *Builder) Known(op *Op, attrs any, in []Value, captured int, regions []*Program, out []shapes.Shape) []Value {
	if b.p == nil {
		return nil
	}
	return b.add(Instr{Op: op, Attrs: attrs, In: in, Regions: regions, Captured: captured, Place: b.place}, out)
}

// Grow makes room for so many more calls, or for many if they are more.
func (b *Builder) Grow(calls int) {
	const many = 1 << 16
	if b.p == nil {
		return
	}
	calls = min(max(calls, 0), many)
	b.p.Values, b.p.Instrs = slices.Grow(b.p.Values, calls), slices.Grow(b.p.Instrs, calls)
	b.maker = slices.Grow(b.maker, calls)
}

// list returns room for n values.
func (b *Builder) list(n int) []Value {
	if len(b.lists) < n {
		b.lists = make([]Value, max(n, min(16+len(b.p.Instrs), 1024)))
	}
	list := b.lists[:n:n]
	b.lists = b.lists[n:]
	return list
}

// add adds an instruction whose results are known to have the given shapes.
func (b *Builder) add(in Instr, out []shapes.Shape) []Value {
	in.Out = b.list(len(out))
	for i, s := range out {
		in.Out[i] = b.value(s)
	}
	b.p.Instrs = append(b.p.Instrs, in)
	return in.Out
}

// Inline adds the instructions of p, with in for its inputs, and returns the values of its outputs. They stand where p
// says, or where it says nothing, at the Builder's place.
func (b *Builder) Inline(p *Program, in ...Value) ([]Value, error) {
	if b.p == nil {
		return nil, errBuilt
	}
	if err := p.Check(); err != nil {
		return nil, err
	}
	if len(in) != len(p.Inputs) {
		return nil, fmt.Errorf("program %q takes %d inputs, got %d", p.Name, len(p.Inputs), len(in))
	}
	for i, id := range p.Inputs {
		if !b.has(in[i]) {
			return nil, fmt.Errorf("program %q: input %d is not a value of this program", p.Name, i)
		}
		if s := b.Shape(in[i]); !s.Equal(p.Values[id]) {
			return nil, fmt.Errorf("program %q: input %d is %s, got %s", p.Name, i, p.Values[id], s)
		}
	}
	return b.inline(p, in), nil
}

func (b *Builder) inline(p *Program, in []Value) []Value {
	m := make([]Value, len(p.Values))
	for i, id := range p.Inputs {
		m[id] = in[i]
	}
	for _, instr := range p.Instrs {
		c := instr
		if c.In = b.pick(m, instr.In); c.Place == (Site{}) {
			c.Place = b.place
		}
		for i, v := range b.add(c, p.ShapesOf(instr.Out)) {
			m[instr.Out[i]] = v
		}
	}
	return pick(m, p.Outputs)
}

func (b *Builder) pick(m, values []Value) []Value {
	out := b.list(len(values))
	for i, v := range values {
		out[i] = m[v]
	}
	return out
}

func pick(m, values []Value) []Value {
	out := make([]Value, len(values))
	for i, v := range values {
		out[i] = m[v]
	}
	return out
}

// Program ends the building and returns the program of outputs. The Builder must not be used any more.
func (b *Builder) Program(outputs ...Value) (*Program, error) {
	if b.p == nil {
		return nil, errBuilt
	}
	for i, v := range outputs {
		if !b.has(v) {
			return nil, fmt.Errorf("program %q: output %d is not a value of it", b.p.Name, i)
		}
	}
	return b.finish(outputs), nil
}

func (b *Builder) finish(outputs []Value) *Program {
	p := b.p
	p.Outputs, p.whole = slices.Clone(outputs), p
	b.p = nil
	return p
}

// Divide says over which devices p, of which this is a copy, runs, and how its inputs and outputs are divided over
// them, nil or one per input and output.
func (p *Program) Divide(mesh *Mesh, inputs, outputs []Sharding) (*Program, error) {
	if p == nil {
		return nil, errNoProgram
	}
	q := *p
	q.Mesh, q.InputShardings, q.OutputShardings = mesh, inputs, outputs
	if p.whole == p {
		q.whole = &q
	}
	if err := q.Check(); err != nil {
		return nil, err
	}
	return &q, nil
}

// Donate returns p with marks, one per input, of what runs are expected to donate.
func (p *Program) Donate(marks []bool) *Program {
	if p == nil {
		return nil
	}
	q := *p
	if q.Donated = marks; p.whole == p {
		q.whole = &q
	}
	return &q
}
