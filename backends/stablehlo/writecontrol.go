package stablehlo

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
)

// Bodies of branches and loops use values around them by name, as regions may; functions that are called get all
// they use as arguments.

// clampIndex returns an index from 0 to below n.
func (f *function) clampIndex(x value, n int) value {
	return f.op(x.shape, ops.Clamp.HLO+" %s, %s, %s : %s", f.fill(x.shape, 0), x, f.fill(x.shape, n-1), x.typ())
}

func init() {
	lowerings[ops.If] = func(f *function, c call) []value { return f.branch(c, c.in[0]) }
	lowerings[ops.Switch] = func(f *function, c call) []value { return f.branch(c, f.clampIndex(c.in[0], len(c.Regions))) }
	lowerings[ops.While] = (*function).loop
	lowerings[ops.Call] = (*function).callFunction
}

// branch writes an op that runs one of its regions, chosen by choice.
func (f *function) branch(c call, choice value) []value {
	if len(c.out) == 0 {
		return nil
	}
	v := f.define(shapes.Shape{})
	branches := make([]part, len(c.Regions))
	checked := false
	for i := range c.Regions {
		if !f.deeper(c, func() {
			branches[i] = f.part(func() []value { return f.program(c.Regions[i], c.in[1:]) })
		}) {
			return nil
		}
		checked = checked || branches[i].met.ref != ""
	}
	out := c.out
	if checked {
		out = append(slices.Clip(out), status)
		for i := range branches {
			f.extend(&branches[i], func(results []value) []value {
				met := branches[i].met
				if met.ref == "" {
					met = f.fill(status, 0)
				}
				return append(slices.Clip(results), met)
			})
		}
	}
	results, names := v.spreadOver(out)
	f.line(`%s = "%s"(%s) ({`, names, c.Op.HLO, choice)
	for i, branch := range branches {
		if i > 0 {
			f.line("}, {")
		}
		f.put(branch)
	}
	f.line("}) : %s", signature(c.in[:1], results))
	return f.noted(results, checked)
}

// noted takes what was met from the results of an operation, if it is the last of them.
func (f *function) noted(results []value, checked bool) []value {
	if !checked {
		return results
	}
	last := len(results) - 1
	f.note(results[last])
	return results[:last]
}

// loop writes While.
func (f *function) loop(c call) (results []value) {
	n := len(c.out)
	if n == 0 {
		return f.fail("While without a state runs never or for ever: give it the values that change")
	}
	run := func(body int) func([]value) []value {
		return func(state []value) []value { return f.program(c.Regions[body], slices.Concat(state, c.in[n:])) }
	}
	f.deeper(c, func() {
		if f.checks && divides(c.Regions[0]) {
			results = f.carried(c.Regions[0], c.in[:n], c.in[n:], run(1))
		} else {
			results = f.repeat(c.in[:n], run(0), run(1))
		}
	})
	return results
}

// repeat writes a loop: as long as cond of the state is true, body gives the next one.
func (f *function) repeat(state []value, cond, body func(state []value) []value) []value {
	v := f.define(shapes.Shape{})
	args := make([]value, len(state))
	for i, s := range state {
		args[i] = f.define(s.shape)
	}
	test := f.part(func() []value { return cond(args) })
	next := f.part(func() []value { return body(args) })
	if f.err != nil {
		return nil
	}
	checked, met := next.met.ref != "", f.met
	if checked { // passes before met nothing, or there would be no next one
		if met.ref == "" {
			met = f.fill(status, 0)
		}
		state, met = append(slices.Clip(state), met), f.define(status)
		args = append(args, met)
		next.results = append(slices.Clip(next.results), next.met)
	}
	if met.ref != "" {
		f.extend(&test, func(results []value) []value {
			return []value{f.binary(ops.BitwiseAnd.HLO, results[0], f.compare("EQ", met, f.fill(status, 0)))}
		})
	}
	out, begin := make([]shapes.Shape, len(state)), make([]string, len(state))
	for i, s := range state {
		out[i], begin[i] = s.shape, fmt.Sprintf("%s = %s", args[i], s)
	}
	results, names := v.spreadOver(out)
	f.line("%s = %s(%s) : %s", names, ops.While.HLO, strings.Join(begin, ", "), types(results))
	f.line("cond {")
	f.put(test)
	f.line("} do {")
	f.put(next)
	f.line("}")
	return f.noted(results, checked)
}

// deeper runs write, which writes a body of c, unless that is nested too deep. It reports whether all went well.
func (f *function) deeper(c call, write func()) bool {
	tooDeep := func() bool {
		if f.deepest > maxNesting {
			f.fail("%s: branches, loops and calls are nested more than %d deep, which compilers do not bear: choose among values (Where) or repeat (While) instead", c.Op.Name, maxNesting)
		}
		return f.deepest > maxNesting
	}
	f.depth++
	f.deepest = max(f.deepest, f.depth)
	if !tooDeep() {
		write()
		tooDeep()
	}
	f.depth--
	return f.err == nil
}

// callFunction writes Call.
func (f *function) callFunction(c call) []value {
	var callee private
	if !f.deeper(c, func() { callee = f.private(c.Regions[0]) }) || len(c.out) == 0 {
		return nil
	}
	return f.invoke(callee, c.in, c.out)
}

// invoke calls a private function, which if checked returns also what it met.
func (f *function) invoke(callee private, in []value, out []shapes.Shape) []value {
	if callee.checked {
		out = append(slices.Clip(out), status)
	}
	results, names := f.defineAll(out)
	f.line("%s = %s @%s(%s) : %s", names, ops.Call.HLO, callee.name, refs(in), signature(in, results))
	return f.noted(results, callee.checked)
}
