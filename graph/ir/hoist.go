package ir

import (
	"fmt"
	"slices"
)

// hoistPass computes before a loop what its functions compute alike in every turn: calls on captured values and constants. They become
// captured values of the loop, those of inner loops step by step. A loop of which values say whether it has a turn at all keeps what its
// body computes, so that one of no turns computes nothing; its condition is run in any case. A loop whose number of turns is known is taken
// to have some: one of none, which only a [Builder] makes, computes in vain what moves before it.
func hoistPass(l *lowering, p *Program) (*Program, error) {
	if q := l.done[p]; q != nil {
		return q, nil
	}
	q, err := l.eachRegion(p, func(r *Program) (*Program, error) { return hoistPass(l, r) }) // the inner ones first
	if err != nil {
		return nil, err
	}
	q = l.hoist(q)
	l.done[p] = q
	return q, nil
}

// hoist does so for the loops that p itself calls.
func (l *lowering) hoist(p *Program) *Program {
	var b *Builder
	for i := range p.Instrs {
		in := &p.Instrs[i]
		h := l.hoisted(in)
		if h == nil {
			if b != nil {
				b.keep(*in)
			}
			continue
		}
		if b == nil {
			b = p.reopen(make([]int, len(p.Values)))
			b.p.Instrs = slices.Clone(p.Instrs[:i])
		}
		b.place = in.Place
		with := *in
		captured := in.In[len(in.In)-in.Captured:]
		with.In, with.Regions = slices.Clone(in.In), h.rest
		for _, before := range h.before {
			with.In = append(with.In, b.inline(before, captured)...)
		}
		with.Captured += len(with.In) - len(in.In)
		b.keep(with)
		l.note("%s out of %s", plural(h.calls, "call"), in.Op)
	}
	if b == nil {
		return p
	}
	q := b.finish(p.Outputs)
	q.Donated, q.Mesh, q.InputShardings, q.OutputShardings = p.Donated, p.Mesh, p.InputShardings, p.OutputShardings
	l.made[q] = true
	return q
}

// hoisting is a loop taken apart: what each of its functions computes alike in every turn, of the captured values, and the functions that
// capture that behind these.
type hoisting struct {
	before []*Program
	rest   []*Program
	calls  int
}

// hoisted takes a call apart; nil if it is no loop, or nothing in it is alike in every turn.
func (l *lowering) hoisted(in *Instr) *hoisting {
	if rules := in.Op.Regions; rules == nil || rules.Parts == nil || rules.Parts.State == nil {
		return nil
	}
	key := partOf{nil, fmt.Sprintf("%p %d", in.Op, in.Captured)}
	for _, r := range in.Regions {
		key.what += fmt.Sprintf(" %p", r)
	}
	if h, known := l.hoistings[key]; known { // loops that share their functions share what becomes of them
		return h
	}
	h := &hoisting{}
	var calls []map[Value]bool // per function, those that move, by their first result
	var moved [][]Value        // and what they make for others, which is captured from now on
	for k, r := range in.Regions {
		var own map[Value]bool
		if rules := in.Op.Regions; !rules.Endless || k < rules.Parts.From {
			own = r.invariant(in.Captured)
		}
		h.calls += len(own)
		before := &Program{Name: r.Name, Values: r.Values, Inputs: r.Inputs[len(r.Inputs)-in.Captured:], Outputs: r.madeFor(own)}
		if len(own) > 0 {
			before.Instrs = r.instrs(func(c *Instr) bool { return len(c.Out) > 0 && (c.Op == constOp() || own[c.Out[0]]) })
		}
		calls, h.before, moved = append(calls, own), append(h.before, before), append(moved, before.Outputs)
	}
	if h.calls == 0 {
		h = nil
	} else {
		for k, r := range in.Regions {
			h.rest = append(h.rest, r.capturing(in.Regions, moved, k, calls[k]))
		}
	}
	if l.hoistings == nil {
		l.hoistings = map[partOf]*hoisting{}
	}
	l.hoistings[key] = h
	return h
}

// invariant returns which calls of r, a function of a loop that captures its last inputs, are to be made once, before the loop, by their
// first result.
func (r *Program) invariant(captured int) map[Value]bool {
	alike, maker := make([]bool, len(r.Values)), make([]*Instr, len(r.Values))
	for _, v := range r.Inputs[len(r.Inputs)-captured:] {
		alike[v] = true
	}
	var wanted []*Instr
	for i := range r.Instrs {
		in := &r.Instrs[i]
		if in.Op.Effect != Pure || in.Op.Fixed || len(in.Regions) > 0 || slices.ContainsFunc(in.In, func(v Value) bool { return !alike[v] }) {
			continue
		}
		for _, v := range in.Out {
			alike[v], maker[v] = true, in
		}
		if r.worthKeeping(in) {
			wanted = append(wanted, in)
		}
	}
	calls := map[Value]bool{}
	for len(wanted) > 0 { // with what makes their operands
		in := wanted[len(wanted)-1]
		wanted = wanted[:len(wanted)-1]
		if len(in.Out) == 0 || calls[in.Out[0]] || in.Op == constOp() {
			continue
		}
		calls[in.Out[0]] = true
		for _, v := range in.In {
			if maker[v] != nil {
				wanted = append(wanted, maker[v])
			}
		}
	}
	return calls
}

// worthKeeping reports whether the results of a call are better kept than computed again: not what merely moves, which backends read where it
// lies, nor what is larger than all that it is made of, which takes longer to read.
func (r *Program) worthKeeping(in *Instr) bool {
	if in.Op.Layout != Computes || len(in.In) == 0 {
		return false
	}
	if !in.Op.Elementwise {
		return in.Op.Cost != nil && in.Op.CostOf(in.Attrs, r.ShapesOf(in.In), r.ShapesOf(in.Out)).FLOPs > 0
	}
	most := 0
	for _, v := range in.In {
		most = max(most, r.Values[v].Size())
	}
	return r.Values[in.Out[0]].Size() <= most
}

// madeFor returns the results of the calls that are read by others, or returned.
func (r *Program) madeFor(calls map[Value]bool) (values []Value) {
	read := make([]bool, len(r.Values))
	for i := range r.Instrs {
		if in := &r.Instrs[i]; len(in.Out) == 0 || !calls[in.Out[0]] {
			for _, v := range in.In {
				read[v] = true
			}
		}
	}
	for _, v := range r.Outputs {
		read[v] = true
	}
	for i := range r.Instrs {
		if in := &r.Instrs[i]; len(in.Out) > 0 && calls[in.Out[0]] {
			for _, v := range in.Out {
				if read[v] {
					values = append(values, v)
				}
			}
		}
	}
	return values
}

// capturing returns regions[k] without the calls that move, and with what was moved out of all functions as further captured values.
func (r *Program) capturing(regions []*Program, moved [][]Value, k int, calls map[Value]bool) *Program {
	q := *r
	q.whole = &q
	q.Values, q.Inputs, q.InputNames = slices.Clip(r.Values), slices.Clip(r.Inputs), slices.Clip(r.InputNames)
	for i, values := range moved {
		for _, v := range values {
			if i != k { // which it does not read
				q.Values = append(q.Values, regions[i].Values[v])
				v = Value(len(q.Values) - 1)
			}
			q.Inputs, q.InputNames = append(q.Inputs, v), append(q.InputNames, fmt.Sprintf("hoisted%d", len(q.Inputs)-len(r.Inputs)))
		}
	}
	q.Instrs = r.instrs(func(c *Instr) bool { return len(c.Out) == 0 || !calls[c.Out[0]] })
	return &q
}

// instrs returns those of p that are to be kept.
func (p *Program) instrs(keep func(in *Instr) bool) (list []Instr) {
	for i := range p.Instrs {
		if keep(&p.Instrs[i]) {
			list = append(list, p.Instrs[i])
		}
	}
	return list
}
