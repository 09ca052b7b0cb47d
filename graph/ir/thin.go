package ir

import (
	"fmt"
	"slices"
)

// Parts says how the results of a call that runs functions hang on its operands one by one, so that passes may leave some out.
type Parts struct {
	// From is the first region whose results are those of the call, one for one; those before it decide something.
	From int

	// State returns how many of the first operands are the state of a loop: result i of a region is input i of the next turn. It is
	// nil for ops that are no loops.
	State func(attrs any, operands int) int

	// Attrs returns the attributes of a call with fewer values of state; nil if they stay as they are.
	Attrs func(attrs any, state int) any
}

// thinPass leaves out results of calls that nobody reads, where they run functions, with what is computed for them alone: in the
// functions, and before the call. A loop whose state holds a value that is only read to make the next one, and not after the loop,
// does not compute it.
func thinPass(l *lowering, p *Program) (*Program, error) {
	if q := l.done[p]; q != nil {
		return q, nil
	}
	q := p
	if slices.ContainsFunc(p.Instrs, func(in Instr) bool { return in.Op.Regions != nil }) {
		q = l.thin(p)
	}
	q, err := l.eachRegion(q, func(r *Program) (*Program, error) { return thinPass(l, r) })
	l.done[p] = q
	return q, err
}

// thin does so for the calls of p itself, from the last to the first: one may read what another returns.
func (l *lowering) thin(p *Program) *Program {
	need, keep := p.marked(p.Outputs), make([]bool, len(p.Instrs))
	instrs := p.Instrs
	for i := len(instrs) - 1; i >= 0; i-- {
		in := &instrs[i]
		if keep[i] = l.seen(in) || in.returnsAny(need); !keep[i] {
			continue
		}
		if t, ok := l.thinned(in, need); ok {
			l.note("%d of the %d results of %s", len(in.Out)-len(t.Out), len(in.Out), in.Op)
			if &instrs[0] == &p.Instrs[0] {
				instrs = slices.Clone(p.Instrs)
			}
			instrs[i] = t
			in = &instrs[i]
		}
		for _, v := range in.In {
			need[v] = true
		}
	}
	if len(instrs) == 0 || &instrs[0] == &p.Instrs[0] {
		return p
	}
	q := *p
	q.Instrs, q.whole = selected(instrs, keep), &q // others may read what is not returned any more
	return &q
}

// marked tells which values of p are among those given.
func (p *Program) marked(values []Value) []bool {
	marks := make([]bool, len(p.Values))
	for _, v := range values {
		marks[v] = true
	}
	return marks
}

func (in *Instr) returnsAny(need []bool) bool {
	return slices.ContainsFunc(in.Out, func(v Value) bool { return need[v] })
}

// thinned returns a call that returns what is needed of in alone, if that is less, and some of it is needed.
func (l *lowering) thinned(in *Instr, need []bool) (Instr, bool) {
	rules := in.Op.Regions
	if rules == nil || rules.Parts == nil || !in.returnsAny(need) {
		return *in, false
	}
	own, parts, state := len(in.Operands()), rules.Parts, 0
	if parts.State != nil {
		state = parts.State(in.Attrs, own)
	}
	out, operand := make([]bool, len(in.Out)), make([]bool, len(in.In)) // what stays: captured values stand behind the operands
	for i, v := range in.Out {
		out[i] = need[v]
	}
	for again := true; again; {
		for k, r := range in.Regions {
			of := r.Outputs
			if k >= parts.From {
				of = selected(r.Outputs, out)
			}
			inputs := r.marked(nil)
			l.reads(r, of, inputs)
			before := len(in.In) - len(r.Inputs) // operands that no function gets, as the condition of an If
			for i := range before {
				operand[i] = true
			}
			for i, v := range r.Inputs {
				operand[before+i] = operand[before+i] || inputs[v]
			}
		}
		again = false
		for i := range state {
			if again = again || operand[i] && !out[i]; operand[i] || out[i] {
				operand[i], out[i] = true, true
			}
		}
	}
	if parts.State != nil && !slices.Contains(operand[:own], true) {
		return *in, false // a loop needs something to go over
	}
	if !slices.Contains(out, false) && !slices.Contains(operand, false) {
		return *in, false
	}
	t := *in
	t.In, t.Out, t.Regions = selected(in.In, operand), selected(in.Out, out), slices.Clone(in.Regions)
	for _, stays := range operand[own:] {
		if !stays {
			t.Captured--
		}
	}
	for k, r := range in.Regions {
		outputs := r.Outputs
		if k >= parts.From {
			outputs = selected(outputs, out)
		}
		t.Regions[k] = l.part(r, operand[len(in.In)-len(r.Inputs):], outputs)
	}
	if parts.Attrs != nil {
		left := 0
		for _, stays := range operand[:state] {
			if stays {
				left++
			}
		}
		t.Attrs = parts.Attrs(in.Attrs, left)
	}
	return t, true
}

// selected returns the elements of list that are marked.
func selected[T any](list []T, marks []bool) []T {
	var some []T
	for i, v := range list {
		if marks[i] {
			some = append(some, v)
		}
	}
	return some
}

// reads marks the values of r that the outputs given, and what is seen from outside, are made of, and returns which calls make them.
func (l *lowering) reads(r *Program, outputs []Value, need []bool) (keep []bool) {
	keep = make([]bool, len(r.Instrs))
	for _, v := range outputs {
		need[v] = true
	}
	for i := len(r.Instrs) - 1; i >= 0; i-- {
		in := &r.Instrs[i]
		if keep[i] = l.seen(in) || in.returnsAny(need); keep[i] {
			for _, v := range in.In {
				need[v] = true
			}
		}
	}
	return keep
}

// partOf names a part of a program: the inputs that it keeps, and its outputs.
type partOf struct {
	of   *Program
	what string
}

// part returns r with the inputs that are marked and the outputs given, and what makes these. Calls that want the same of a region have
// one part of it: in regions of regions they would double at each level.
func (l *lowering) part(r *Program, inputs []bool, outputs []Value) *Program {
	key := partOf{r, fmt.Sprint(inputs, outputs)}
	if q := l.parts[key]; q != nil {
		return q
	}
	q := *r
	if l.parts == nil {
		l.parts = map[partOf]*Program{}
	}
	l.parts[key] = &q
	q.Inputs, q.InputNames, q.Outputs = selected(r.Inputs, inputs), selected(r.InputNames, inputs), outputs
	q.Instrs, q.whole = selected(r.Instrs, l.reads(r, outputs, r.marked(nil))), &q
	return &q
}
