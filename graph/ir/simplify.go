package ir

import (
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Rewrite is a call that a row's Simplify looks at, in a program that is being built.
type Rewrite struct {
	Op    *Op
	Attrs any
	In    []Value
	Out   []shapes.Shape

	b *Builder
}

// builder is that of the program; a Rewrite that no pass has made has an empty one.
func (r *Rewrite) builder() *Builder {
	if r.b == nil {
		return &Builder{}
	}
	return r.b
}

// Shape returns the shape of a value.
func (r *Rewrite) Shape(v Value) shapes.Shape { return r.builder().Shape(v) }

// Maker returns the call that makes v, a nil op for inputs.
func (r *Rewrite) Maker(v Value) (op *Op, attrs any, in []Value) {
	if i := r.builder().made(v); i != nil {
		return i.Op, i.Attrs, i.In
	}
	return nil, nil, nil
}

// Is reports whether v has exactly the shape of the call's only result, so that it may stand for it.
func (r *Rewrite) Is(v Value) bool { return len(r.Out) == 1 && r.Shape(v).Equal(r.Out[0]) }

// Uniform returns the number that all elements of v are, if it is a constant of equal real numbers, moved and repeated
// in whatever way.
func (r *Rewrite) Uniform(v Value) (x float64, ok bool) {
	i := r.builder().made(v)
	for i != nil && i.Op.Layout != Computes {
		i = r.builder().made(i.In[0])
	}
	if i == nil {
		return 0, false
	}
	c, isConst := i.Attrs.(ConstAttrs)
	if !isConst || c.Value.Size() == 0 || c.Value.Size() > maxUniform {
		return 0, false
	}
	return uniform(c.Value)
}

// ReadOnce reports whether one operand alone reads v, so that nobody misses it when that reads something else. What rules have made
// counts as read once, and outputs count.
func (r *Rewrite) ReadOnce(v Value) bool {
	b := r.builder()
	return b.has(v) && (int(v) >= len(b.reads) || b.reads[v] < 2)
}

// counted counts how many operands and outputs read each value of p, up to two.
func (p *Program) counted() []uint8 {
	reads := make([]uint8, len(p.Values))
	count := func(values []Value) {
		for _, v := range values {
			reads[v] = min(reads[v]+1, 2)
		}
	}
	for i := range p.Instrs {
		count(p.Instrs[i].In)
	}
	count(p.Outputs)
	return reads
}

// unrepeated returns the call of an elementwise op on what its operands repeat, where the op itself broadcasts that to the same shape;
// nil if that is none of them.
func (r *Rewrite) unrepeated() []Value {
	if !r.Op.Elementwise || len(r.In) < 2 || r.Op.Kernel != nil || r.Op.StableHLO != nil { // which know the shapes that they were asked for
		return nil
	}
	args, in := r.In, []shapes.Shape(nil)
	for k, v := range r.In {
		op, _, from := r.Maker(v)
		if op == nil || op.Layout != Repetition {
			continue
		}
		if in == nil {
			args, in = slices.Clone(r.In), r.b.p.ShapesOf(r.In)
		}
		args[k], in[k] = from[0], r.Shape(from[0])
		if out, err := r.Op.Results(r.Attrs, in); err != nil || len(out) != 1 || !out[0].Identical(r.Out[0]) {
			args[k], in[k] = v, r.Shape(v)
		}
	}
	if in == nil || slices.Equal(args, r.In) {
		return nil
	}
	return []Value{r.Apply(r.Op, r.Attrs, args...)}
}

// maxUniform bounds the work of looking whether the elements of a constant are equal.
const maxUniform = 1 << 12

func uniform(t *tensors.Tensor) (x float64, ok bool) {
	for i := range t.Size() {
		n, ok := realOf(element(t, i))
		if !ok || i > 0 && n != x {
			return 0, false
		}
		x = n
	}
	return x, true
}

// realOf returns a number as a float64, if it is real.
func realOf(v any) (x float64, ok bool) {
	if f, is := v.(float32); is {
		return float64(f), true
	}
	c, isNumber := dtypes.Convert(v, dtypes.Complex128).(complex128)
	return real(c), isNumber && imag(c) == 0
}

// Apply adds a call and returns its only result. One that does not fit its operands ends the rule, and the call that it looks at stays:
// views that change nothing are gone by then, so that what a rule finds may have other names of axes, or another shape, than what the
// graph was checked with.
func (r *Rewrite) Apply(op *Op, attrs any, in ...Value) Value {
	out, err := r.builder().Apply(op, attrs, in...)
	if err != nil {
		panic(refused{err})
	}
	return out[0]
}

// refused ends a rule that adds a call that does not fit.
type refused struct{ error }

// try applies a rule; nil if it leaves the call as it is.
func (r *Rewrite) try(rule func(r *Rewrite) []Value) (out []Value) {
	defer func() {
		if e := recover(); e != nil {
			if _, ok := e.(refused); !ok {
				panic(e)
			}
			out = nil
		}
	}()
	return rule(r)
}

// same returns the value that a view or a repetition is equal to: its operand, or what that is a view of.
func (r *Rewrite) same() (v Value, ok bool) {
	if r.Op.Layout != View && r.Op.Layout != Repetition {
		return 0, false
	}
	v = r.In[0]
	for !r.Is(v) {
		op, _, in := r.Maker(v)
		if op == nil || op.Layout != View || r.Op.Layout != View {
			return 0, false
		}
		v = in[0]
	}
	for axis := range r.Out[0].Rank() { // a name that was taken away or changed would meet others again
		if name := r.Shape(v).Name(axis); name != "" && name != r.Out[0].Name(axis) {
			return 0, false
		}
	}
	return v, true
}

// simplifyPass removes calls that change nothing and applies the rows' rules.
func simplifyPass(l *lowering, p *Program) (*Program, error) {
	r := &Rewrite{} // one after the other
	return l.rewrite(p, func(b *Builder, c call) ([]Value, error) {
		if c.Op.Effect != Pure {
			return nil, nil
		}
		if b.reads == nil { // before anything has changed
			b.reads = b.from.counted()
		}
		if c.Op.Simplify == nil && c.Op.Layout != View && c.Op.Layout != Repetition && !c.Op.Elementwise {
			return nil, nil
		}
		*r = Rewrite{Op: c.Op, Attrs: c.Attrs, In: c.args, Out: c.out(), b: b}
		if v, ok := r.same(); ok {
			l.note("%s that changes nothing", c.Op)
			return []Value{v}, nil
		}
		if c.Op.Simplify != nil {
			if out := r.try(c.Op.Simplify); out != nil && SameShapes("", b.p.ShapesOf(out), c.out()) == nil {
				l.note("%s", c.Op)
				return out, nil
			}
		}
		if out := r.try((*Rewrite).unrepeated); out != nil {
			l.note("%s reads what was repeated for it", c.Op)
			return out, nil
		}
		return nil, nil
	})
}

// maxFold is how many bytes the operands and the results of a call may have that is computed in advance.
const maxFold = 1 << 10

// foldPass computes calls on constants whose values are the same on every backend.
func foldPass(l *lowering, p *Program) (*Program, error) {
	return l.rewrite(p, func(b *Builder, c call) ([]Value, error) {
		op := c.Op
		if op.Ref == nil || op.Effect != Pure || op.Tol != (Tolerance{}) || len(c.args) == 0 || !b.constant(c.args[0]) {
			return nil, nil
		}
		if op.Layout == Repetition && c.out()[0].Size() > c.in()[0].Size() { // backends read one element as often as they need it
			return nil, nil
		}
		if Traffic(c.in(), c.out()) > maxFold || !b.constant(c.args...) {
			return nil, nil
		}
		in := make([]*tensors.Tensor, len(c.args))
		for i, v := range c.args {
			in[i] = b.made(v).Attrs.(ConstAttrs).Value
		}
		shapes := slices.Clone(c.out())
		out := computed(op, c.Attrs, shapes, in)
		if out == nil {
			return nil, nil
		}
		l.note("%s", op)
		results := make([]Value, len(out))
		for i, t := range out {
			results[i] = b.add(Instr{Op: constOp(), Attrs: ConstAttrs{t}, Place: c.Place}, shapes[i:i+1])[0]
		}
		return results, nil
	})
}

// constant reports whether values are all constants.
func (b *Builder) constant(values ...Value) bool {
	return !slices.ContainsFunc(values, func(v Value) bool {
		made := b.made(v)
		return made == nil || made.Op != constOp()
	})
}

// computed returns the results of a call, nil if there is no answer, such as to an integer division by zero: that is
// for the run to say.
func computed(op *Op, attrs any, out []shapes.Shape, in []*tensors.Tensor) (results []*tensors.Tensor) {
	defer func() {
		if recover() != nil {
			results = nil
		}
	}()
	for _, s := range out {
		if s.AxisNames != nil {
			return nil // constants have no names
		}
		t, err := tensors.New(s)
		if err != nil {
			return nil
		}
		results = append(results, t)
	}
	op.Ref(attrs, results, in)
	return results
}

// dropPass leaves out what neither an output nor the outside needs, and numbers what stays in order.
func dropPass(l *lowering, p *Program) (*Program, error) {
	if q := l.done[p]; q != nil {
		return q, nil
	}
	need := make([]bool, len(p.Values))
	for _, v := range p.Outputs {
		need[v] = true
	}
	keep := make([]bool, len(p.Instrs))
	all := true
	for i := len(p.Instrs) - 1; i >= 0; i-- {
		in := &p.Instrs[i]
		keep[i] = l.seen(in) || slices.ContainsFunc(in.Out, func(v Value) bool { return need[v] })
		if !keep[i] {
			l.note("%s", in.Op)
			all = false
			continue
		}
		for _, v := range in.In {
			need[v] = true
		}
	}
	q := p
	if !all || !p.inOrder() {
		q = p.without(keep, l.made[p])
		l.made[q] = true
	}
	q, err := l.eachRegion(q, func(r *Program) (*Program, error) { return dropPass(l, r) })
	l.done[p] = q
	return q, err
}

// seen reports whether a call does something besides returning results, itself or in a function that it runs.
func (l *lowering) seen(in *Instr) bool {
	return in.Op.Effect != Pure || slices.ContainsFunc(in.Regions, l.seenOf)
}

func (l *lowering) seenOf(r *Program) bool {
	seen, known := l.effects[r]
	if !known {
		for i := range r.Instrs {
			seen = seen || l.seen(&r.Instrs[i])
		}
		l.effects[r] = seen
	}
	return seen
}

// without returns p with the instructions that are to be kept, all if keep is nil. Of an own program the list of instructions is taken.
func (p *Program) without(keep []bool, own bool) *Program {
	b := NewBuilder(p.Name)
	b.p.Values, b.maker = make([]shapes.Shape, 0, len(p.Values)), make([]int, 0, len(p.Values))
	if b.p.Instrs = p.Instrs[:0]; !own {
		b.p.Instrs = make([]Instr, 0, len(p.Instrs))
	}
	m := make([]Value, len(p.Values))
	for i, id := range p.Inputs {
		m[id] = b.input(p.InputNames[i], p.Values[id])
	}
	for i, in := range p.Instrs {
		if keep != nil && !keep[i] {
			continue
		}
		out := in.Out
		in.In = b.pick(m, in.In)
		b.out = p.appendShapes(b.out[:0], out)
		for k, v := range b.add(in, b.out) {
			m[out[k]] = v
		}
	}
	q := b.finish(pick(m, p.Outputs))
	q.Donated, q.Mesh, q.InputShardings, q.OutputShardings = p.Donated, p.Mesh, p.InputShardings, p.OutputShardings
	return q
}

// eachRegion returns p with what fn makes of its regions; it copies what it changes.
func (l *lowering) eachRegion(p *Program, fn func(*Program) (*Program, error)) (*Program, error) {
	instrs := p.Instrs
	for i := range p.Instrs {
		for k, r := range p.Instrs[i].Regions {
			q, err := fn(r)
			if err != nil {
				return nil, err
			}
			if q == r {
				continue
			}
			if &instrs[0] == &p.Instrs[0] {
				instrs = slices.Clone(p.Instrs)
			}
			if &instrs[i].Regions[0] == &p.Instrs[i].Regions[0] {
				instrs[i].Regions = slices.Clone(p.Instrs[i].Regions)
			}
			instrs[i].Regions[k] = q
		}
	}
	if len(instrs) == 0 || &instrs[0] == &p.Instrs[0] {
		return p, nil
	}
	q := *p
	q.Instrs, q.whole = instrs, &q
	return &q, nil
}
