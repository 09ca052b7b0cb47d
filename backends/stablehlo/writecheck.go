package stablehlo

import (
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
)

// A compiled module cannot stop at an integer division by zero, so one that is checked says that it met one: an int32
// beside its results is 0, or the number of the place whose divisor held a zero, the first of them. Functions that are
// called return it, branches and loops hand it on, and a loop ends when it is not 0, since what is computed from then
// on may never end it.

// status is the shape of what says where a divisor was zero.
var status = shapes.Scalar(dtypes.Int32)

// checkDivisor notes a zero among the divisors of c, unless there is none for sure.
func (f *function) checkDivisor(c call) {
	y := c.in[1]
	if !f.checks || !y.shape.DType.IsInt() || y.nonzero {
		return
	}
	place := c.Op.Name
	if at := c.Place.String(); at != "" {
		place = at + ": " + place
	}
	number := slices.Index(f.places, place) + 1 // once, so that functions called twice stay one function
	if number == 0 {
		f.places = append(f.places, place)
		number = len(f.places)
	}
	met := f.anyTrue(f.compare("EQ", y, f.fill(y.shape, 0)))
	f.note(f.choose(met, f.fill(status, number), f.fill(status, 0)))
}

// note keeps what a part of the function met, unless something was met before.
func (f *function) note(met value) {
	if f.met.ref != "" {
		met = f.choose(f.compare("NE", f.met, f.fill(status, 0)), f.met, met)
	}
	f.met = met
}

// part is what a region does: the text up to its return, what it returns, and what was met inside.
type part struct {
	text    string
	results []value
	met     value // without a ref if nothing divides
}

// part writes a region on its own.
func (f *function) part(write func() []value) part {
	outer := *f
	defer func() { f.out, f.indent, f.met = outer.out, outer.indent, outer.met }()
	f.out, f.indent, f.met = newText(), outer.indent+"  ", value{}
	results := write()
	return part{f.out.String(), results, f.met}
}

// extend adds to a part what write writes, with its results for the part's.
func (f *function) extend(p *part, write func(results []value) []value) {
	added := f.part(func() []value { return write(p.results) })
	p.text, p.results = p.text+added.text, added.results
}

// put writes a part with its return.
func (f *function) put(p part) {
	f.out.WriteString(p.text)
	f.line("  stablehlo.return%s", returned(p.results))
}

// carried puts a loop's condition into its state, as the last value, and the condition's function is called before the
// loop and after each pass: what a condition meets has no other way out.
func (f *function) carried(cond *ir.Program, state, more []value, body func([]value) []value) []value {
	n := len(state)
	callee := f.private(cond)
	test := func(state []value) value {
		return f.invoke(callee, slices.Concat(state, more), []shapes.Shape{shapes.Scalar(dtypes.Bool)})[0]
	}
	next := func(state []value) []value {
		state = body(state[:n])
		if f.err != nil {
			return nil
		}
		return append(slices.Clip(state), test(state))
	}
	if f.err != nil {
		return nil
	}
	// A first test that meets a zero is noted, which keeps the loop from running.
	begin := append(slices.Clip(state), test(state))
	return f.repeat(begin, func(state []value) []value { return state[n:] }, next)[:n]
}

// divides reports whether p divides integers.
func divides(p *ir.Program) bool { return dividesWithin(p, map[*ir.Program]bool{}) }

// dividesWithin is divides given the programs that are known not to, or are being looked at.
func dividesWithin(p *ir.Program, seen map[*ir.Program]bool) bool {
	if seen[p] {
		return false
	}
	seen[p] = true
	return slices.ContainsFunc(p.Instrs, func(in ir.Instr) bool {
		return (in.Op == ops.Div || in.Op == ops.Rem) && p.Values[in.In[1]].DType.IsInt() ||
			slices.ContainsFunc(in.Regions, func(b *ir.Program) bool { return dividesWithin(b, seen) })
	})
}
