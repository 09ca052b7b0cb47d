package stablehlo

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph/shapes"
)

// Bodies of branches and loops use values around them by name, as regions may; functions that are called get all
// they use as arguments.

// branch writes If.
func (f *function) branch(c call) []value {
	if len(c.out) == 0 {
		return nil
	}
	results, names := f.defineAll(c.out)
	f.line(`%s = "stablehlo.if"(%s) ({`, names, c.in[0])
	for i := range c.Bodies {
		if i > 0 {
			f.line("}, {")
		}
		if !f.nested(c, i, c.in[1:]) {
			return nil
		}
	}
	f.line("}) : %s", signature(c.in[:1], results))
	return results
}

// loop writes While.
func (f *function) loop(c call) (results []value) {
	n := len(c.out)
	if n == 0 {
		return f.fail("While without a state runs never or for ever: give it the values that change")
	}
	run := func(body int) func([]value) []value {
		return func(state []value) []value { return f.program(c.Bodies[body], slices.Concat(state, c.in[n:])) }
	}
	f.deeper(c, func() { results = f.repeat(c.in[:n], run(0), run(1)) })
	return results
}

// repeat writes a loop: as long as cond of the state is true, body gives the next one.
func (f *function) repeat(state []value, cond, body func(state []value) []value) []value {
	out := make([]shapes.Shape, len(state))
	for i, v := range state {
		out[i] = v.shape
	}
	results, names := f.defineAll(out)
	args, begin := make([]value, len(state)), make([]string, len(state))
	for i, v := range state {
		args[i] = f.define(v.shape)
		begin[i] = fmt.Sprintf("%s = %s", args[i], v)
	}
	f.line("%s = stablehlo.while(%s) : %s", names, strings.Join(begin, ", "), types(results))
	f.line("cond {")
	f.region(nil, func([]value) []value { return cond(args) })
	f.line("} do {")
	f.region(nil, func([]value) []value { return body(args) })
	f.line("}")
	return results
}

// nested writes a body of c as a region without block arguments.
func (f *function) nested(c call, body int, args []value) bool {
	return f.deeper(c, func() {
		f.region(nil, func([]value) []value { return f.program(c.Bodies[body], args) })
	})
}

// deeper runs write, which writes a body of c, unless that is nested too deep. It reports whether all went well.
func (f *function) deeper(c call, write func()) bool {
	if f.depth++; f.depth > maxNesting {
		f.fail("%s: branches, loops and calls are nested more than %d deep, which compilers do not bear: choose among values (Where) or repeat (While) instead", c.Op.Name, maxNesting)
	} else {
		write()
	}
	f.depth--
	return f.err == nil
}

// callFunction writes Call.
func (f *function) callFunction(c call) []value {
	var name string
	if !f.deeper(c, func() { name = f.private(c.Bodies[0]) }) || len(c.out) == 0 {
		return nil
	}
	results, names := f.defineAll(c.out)
	f.line("%s = func.call @%s(%s) : %s", names, name, refs(c.in), signature(c.in, results))
	return results
}
