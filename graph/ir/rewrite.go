package ir

import (
	"slices"

	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/internal/arena"
)

// visitor returns the values that stand for the results of a call on args, values of the program that is built; nil to
// keep the call.
type visitor func(b *Builder, c call) ([]Value, error)

// call is a call of the old program, on values of the new one.
type call struct {
	*Instr
	args []Value
	b    *Builder
}

// in returns the shapes of the operands; they are valid during the visit.
func (c call) in() []shapes.Shape {
	c.b.in = c.b.p.appendShapes(c.b.in[:0], c.In)
	return c.b.in
}

// out returns the shapes of the results; they are valid during the visit.
func (c call) out() []shapes.Shape {
	c.b.out = c.b.p.appendShapes(c.b.out[:0], c.Out)
	return c.b.out
}

func (c call) asked() Call { return Call{c.Op, c.Attrs, c.in(), c.out()} }

func (p *Program) appendShapes(list []shapes.Shape, values []Value) []shapes.Shape {
	for _, v := range values {
		list = append(list, p.Values[v])
	}
	return list
}

// rewrite returns p, regions first, with what visit says in the place of each call. A program in which nothing changed is
// returned as it was. Values keep their numbers and new ones get new numbers, so that calls before and between what
// changes are not made anew; [lowering.renumbered] closes the gaps that remain. A program that a pass has made is nobody else's, and
// is rewritten in its place as long as nothing is added to it.
func (l *lowering) rewrite(p *Program, visit visitor) (*Program, error) {
	if q := l.done[p]; q != nil {
		return q, nil
	}
	b := p.reopen(arena.Again(&l.numbers, len(p.Values)))
	if l.made[p] {
		b.p.Values = p.Values // there is nobody else who would add to them
	}
	var instead []Value              // of each value of p, what stands for it; nil where each stands for itself
	changed, inPlace := false, false // whether the calls of b lie where those of p that were read did
	for i := range p.Instrs {
		in := &p.Instrs[i]
		switch {
		case !changed:
			b.p.Instrs = p.Instrs[:i:i] // what is added goes to a copy
		case inPlace:
			b.p.Instrs = p.Instrs[:len(b.p.Instrs):i]
		}
		args := in.In
		if instead != nil {
			args = b.pickOthers(instead, in.In)
		}
		regions, same, err := l.regions(in, visit)
		if err != nil {
			return nil, err
		}
		c := call{in, args, b}
		if !same {
			with := *in
			with.Regions = regions
			if c.Instr = &with; !changed {
				changed, b.p.Instrs = true, slices.Grow(b.p.Instrs, len(p.Instrs)-i) // a copy of its own, whatever follows
			}
		}
		b.place = in.Place
		out, err := visit(b, c)
		if err != nil {
			return nil, err
		}
		inPlace = inPlace && cap(b.p.Instrs) == i // or something was added
		if !changed && (out != nil || len(b.p.Instrs) > i) {
			changed = true
			if inPlace = l.made[p] && len(b.p.Instrs) == i; !inPlace {
				b.p.Instrs = slices.Grow(b.p.Instrs, len(p.Instrs)-i)
			}
		}
		switch {
		case out == nil && changed:
			if inPlace {
				b.p.Instrs = p.Instrs[: len(b.p.Instrs) : i+1]
			}
			with := *c.Instr
			with.In = args
			b.keep(with)
		case out != nil && !slices.Equal(out, in.Out):
			if instead == nil {
				instead = identity(len(p.Values))
			}
			for k, v := range in.Out {
				instead[v] = out[k]
			}
		}
	}
	q := p
	if changed {
		outputs := p.Outputs
		if instead != nil {
			outputs = pick(instead, outputs)
		}
		q = b.finish(outputs)
		l.made[q] = true
		q.Donated, q.Mesh, q.InputShardings, q.OutputShardings = p.Donated, p.Mesh, p.InputShardings, p.OutputShardings
	}
	l.done[p] = q
	return q, nil
}

// reopen returns a Builder that knows all values of p, and has none of its calls yet. It shares what p consists of, and
// adds to copies. maker is memory for the Builder's.
func (p *Program) reopen(maker []int) *Builder {
	q := *p
	q.Values, q.Instrs, q.whole = p.Values[:len(p.Values):len(p.Values)], nil, nil
	b := &Builder{p: &q, maker: maker, from: p}
	for _, v := range p.Inputs {
		b.maker[v] = -1
	}
	for i := range p.Instrs {
		for _, v := range p.Instrs[i].Out {
			b.maker[v] = i
		}
	}
	return b
}

// keep adds an instruction whose results have their numbers.
func (b *Builder) keep(in Instr) {
	for _, v := range in.Out {
		b.maker[v] = len(b.p.Instrs)
	}
	b.p.Instrs = append(b.p.Instrs, in)
}

func identity(n int) []Value {
	list := make([]Value, n)
	for i := range list {
		list[i] = Value(i)
	}
	return list
}

// pickOthers is pick that returns values itself if each stands for itself.
func (b *Builder) pickOthers(m, values []Value) []Value {
	for i, v := range values {
		if m[v] != v {
			out := b.list(len(values))
			copy(out, values[:i])
			for k := i; k < len(values); k++ {
				out[k] = m[values[k]]
			}
			return out
		}
	}
	return values
}

// regions returns the rewritten regions of an instruction, and whether they are the same as before.
func (l *lowering) regions(in *Instr, visit visitor) (list []*Program, same bool, err error) {
	list = in.Regions
	for k, r := range in.Regions {
		q, err := l.rewrite(r, visit)
		if err != nil {
			return nil, false, err
		}
		if q == r {
			continue
		}
		if &list[0] == &in.Regions[0] {
			list = slices.Clone(in.Regions)
		}
		list[k] = q
	}
	return list, len(list) == 0 || &list[0] == &in.Regions[0], nil
}

// renumbered returns p with its values numbered in the order in which they are made, regions included.
func (l *lowering) renumbered(p *Program) (*Program, error) {
	if q := l.done[p]; q != nil {
		return q, nil
	}
	q, err := l.eachRegion(p, l.renumbered)
	if err != nil {
		return nil, err
	}
	if !q.inOrder() {
		q = q.without(nil, false)
	}
	l.done[p] = q
	return q, nil
}

// inOrder reports whether the values of p are numbered as they are made.
func (p *Program) inOrder() bool {
	next := Value(0)
	all := func(values []Value) bool {
		for _, v := range values {
			if v != next {
				return false
			}
			next++
		}
		return true
	}
	if !all(p.Inputs) {
		return false
	}
	for i := range p.Instrs {
		if !all(p.Instrs[i].Out) {
			return false
		}
	}
	return int(next) == len(p.Values)
}
