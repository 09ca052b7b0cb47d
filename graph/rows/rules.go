package rows

import (
	"slices"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
)

// A rule returns where the rows of a call's results are, of which an operand has rows, or panics with mixed.
type rule func(a *call) []Axis

// ruleOf returns the rule of an op that is not elementwise and runs no functions, nil if there is none.
func ruleOf(op *ir.Op) rule {
	if r := rules[op]; r != nil {
		return r
	}
	switch {
	case op.Family == "reduce" && isReduction(op):
		return reduce
	case op.Layout == ir.View && op.Attrs == nil, op.Fixed:
		return same
	}
	return nil
}

func isReduction(op *ir.Op) bool {
	_, is := op.Attrs.(ir.ReduceAttrs)
	return is
}

var rules map[*ir.Op]rule

func init() {
	rules = map[*ir.Op]rule{
		ops.Const: nowhere, ops.Iota: nowhere,
		ops.RandomBits: nowhere,
		ops.Reshape:    reshape, ops.ExpandAxes: reshape, ops.Squeeze: reshape,
		ops.NameAxes: same, ops.Shard: same,
		ops.Transpose:   transpose,
		ops.Broadcast:   broadcast,
		ops.Reverse:     reverse,
		ops.Concatenate: concatenate,
		ops.CumSum:      func(a *call) []Axis { return a.along(a.x.Attrs.(ir.AxisAttrs).Axis) },
		ops.Sort:        func(a *call) []Axis { return a.along(a.x.Attrs.(ir.SortAttrs).Axis) },
		ops.SortWithIndices: func(a *call) []Axis {
			return a.along(a.x.Attrs.(ir.SortAttrs).Axis)
		},
		ops.TopK:   func(a *call) []Axis { return a.along(a.x.Attrs.(ir.TopKAttrs).Axis) },
		ops.ArgMax: argument, ops.ArgMin: argument,
		ops.Slice:        slice,
		ops.Pad:          pad,
		ops.DotGeneral:   dot,
		ops.Gather:       gather,
		ops.DynamicSlice: dynamicSlice,
		ops.ConvGeneral:  convolution,
		ops.ReduceWindow: window,
	}
}

// nowhere is the rule of ops without operands.
func nowhere(*call) []Axis { return []Axis{none} }

// same is the rule of ops that give each operand back, element for element.
func same(a *call) []Axis {
	if len(a.x.Out) != len(a.in) {
		mix("it is not known whether it mixes rows")
	}
	return a.in
}

// elementwise returns where the rows of the result are, whose axes are lined up at the last.
func (a *call) elementwise() Axis {
	rank, out := len(a.result().Dimensions), none
	for i, in := range a.in {
		if in.Axis == None {
			continue
		}
		in.Axis += rank - a.rank(i)
		if out != none && in != out {
			mix("rows along axis %d meet rows along axis %d", out.Axis, in.Axis)
		}
		out = in
	}
	return out
}

// along returns the same axes for all results, unless the op works along them.
func (a *call) along(axis int) []Axis {
	a.sameAttrs()
	for i := range a.in {
		if a.in[i].Axis == axis {
			mix("it works along axis %d, that of the rows", axis)
		}
		if a.in[i] != a.in[0] {
			mix("operands %d and 0 have rows in different places", i)
		}
	}
	return slices.Repeat([]Axis{a.in[0]}, len(a.x.Out))
}

func reduce(a *call) []Axis {
	a.sameAttrs()
	return []Axis{a.without(a.x.Attrs.(ir.ReduceAttrs).Axes)}
}

func argument(a *call) []Axis {
	a.sameAttrs()
	return []Axis{a.without([]int{a.x.Attrs.(ir.ArgAttrs).Axis})}
}

// without returns where the rows of the first operand are when axes are gone.
func (a *call) without(axes []int) Axis {
	out := a.in[0]
	for _, x := range axes {
		switch {
		case x == a.in[0].Axis:
			mix("it reduces axis %d, that of the rows", x)
		case x < a.in[0].Axis:
			out.Axis--
		}
	}
	return out
}

// reshape looks for the axis of the result that the rows lie along: with the same number of elements before it, and for each row.
func reshape(a *call) []Axis {
	in, from, to := a.in[0], a.shape(0).Dimensions, a.result().Dimensions
	before, each := product(from[:in.Axis]), in.Block*product(from[in.Axis+1:])
	for i, d := range to {
		if d%a.m == 0 && product(to[:i]) == before && d/a.m*product(to[i+1:]) == each {
			return []Axis{{i, d / a.m}}
		}
	}
	mix("it moves elements of rows along axis %d of %v between rows of %v", in.Axis, from, to)
	return nil
}

func product(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

func transpose(a *call) []Axis {
	a.sameAttrs()
	return []Axis{{slices.Index(a.x.Attrs.(ir.TransposeAttrs).Perm, a.in[0].Axis), a.in[0].Block}}
}

func broadcast(a *call) []Axis { return []Axis{a.elementwise()} }

func reverse(a *call) []Axis {
	a.sameAttrs()
	if slices.Contains(a.x.Attrs.(ir.AxesAttrs).Axes, a.in[0].Axis) {
		mix("it turns the order of the rows around")
	}
	return a.in
}

func concatenate(a *call) []Axis {
	a.sameAttrs()
	axis, out := a.x.Attrs.(ir.AxisAttrs).Axis, none
	for _, in := range a.in {
		if in == none {
			continue
		}
		if in.Axis == axis {
			mix("it joins values along axis %d, that of the rows", axis)
		}
		if out != none && in != out {
			mix("rows along axis %d meet rows along axis %d", out.Axis, in.Axis)
		}
		out = in
	}
	return []Axis{out}
}

func slice(a *call) []Axis {
	in, x, y := a.in[0].Axis, a.x.Attrs.(ir.SliceAttrs), a.y.Attrs.(ir.SliceAttrs)
	for i := range x.Start {
		switch {
		case i == in && (x.Start[i] != 0 || x.Stride[i] != 1 || y.Start[i] != 0 || y.Stride[i] != 1):
			mix("it takes rows by their numbers")
		case i != in && (x.Start[i] != y.Start[i] || x.Stride[i] != y.Stride[i] || x.Limit[i] != y.Limit[i]):
			mix("what it takes depends on the number of rows")
		}
	}
	return a.in
}

func pad(a *call) []Axis {
	a.sameAttrs()
	if a.in[1] != none {
		mix("it pads with a row's value")
	}
	if a.x.Attrs.(ir.PadAttrs).Axes[a.in[0].Axis] != (ir.PadAxis{}) {
		mix("it pads axis %d, that of the rows", a.in[0].Axis)
	}
	return a.in[:1]
}

// dot finds the axis of the result: batch axes stand first, then those of the left operand that are not summed, then the right one's.
func dot(a *call) []Axis {
	a.sameAttrs()
	d, out := a.x.Attrs.(ir.DotAttrs), none
	side := func(i int, batch, contract []int, first int) {
		in := a.in[i]
		if in == none {
			return
		}
		if slices.Contains(contract, in.Axis) {
			mix("it sums over axis %d of operand %d, that of the rows", in.Axis, i)
		}
		at := Axis{slices.Index(batch, in.Axis), in.Block}
		if at.Axis < 0 {
			at.Axis = first
			for k := range in.Axis {
				if !slices.Contains(batch, k) && !slices.Contains(contract, k) {
					at.Axis++
				}
			}
		}
		if out != none && at != out {
			mix("rows of one operand meet all rows of the other")
		}
		out = at
	}
	left := len(d.LhsBatch)
	side(0, d.LhsBatch, d.LhsContract, left)
	side(1, d.RhsBatch, d.RhsContract, a.rank(0)-len(d.LhsContract))
	return []Axis{out}
}

// gather looks up rows' own indices in a table of none.
func gather(a *call) []Axis {
	a.sameAttrs()
	if a.in[0] != none {
		mix("it takes parts of a value by their places, and the value has rows")
	}
	if a.in[1].Axis == a.rank(1)-1 {
		mix("the indices of a row are those of several axes")
	}
	return a.in[1:]
}

// dynamicSlice takes whole rows, from the same places in each.
func dynamicSlice(a *call) []Axis {
	for _, in := range a.in[1:] {
		if in != none {
			mix("where it begins depends on a row")
		}
	}
	axis := a.in[0].Axis
	if a.result().Dimensions[axis] != a.shape(0).Dimensions[axis] {
		mix("it takes rows by their numbers")
	}
	return a.in[:1]
}

func convolution(a *call) []Axis {
	a.sameAttrs()
	c := a.x.Attrs.(ir.ConvAttrs)
	if a.in[1] != none || a.in[0].Axis != c.Axes.InputBatch || c.BatchGroups > 1 {
		mix("rows are another axis than that of the examples")
	}
	return []Axis{{c.Axes.OutputBatch, a.in[0].Block}}
}

func window(a *call) []Axis {
	a.sameAttrs()
	w, axis := a.x.Attrs.(ir.WindowAttrs), a.in[0].Axis
	if w.Window[axis] != 1 || w.Strides[axis] != 1 || w.Paddings[axis] != [2]int{} {
		mix("its windows reach over axis %d, that of the rows", axis)
	}
	return a.in[:1]
}

// functions returns where the rows of the results of a call are that runs functions.
func (a *call) functions() []Axis {
	a.sameAttrs()
	own, captured := a.in[:len(a.in)-a.x.Captured], a.in[len(a.in)-a.x.Captured:]
	run := func(i int, in []Axis) []Axis {
		out, err := a.program(a.x.Regions[i], a.y.Regions[i], slices.Concat(in, captured))
		if err != nil {
			panic(err)
		}
		return out
	}
	r := a.x.Op.Regions
	if scan, ok := a.x.Attrs.(ir.ScanAttrs); ok {
		return a.scan(scan.Carries, own, run)
	}
	switch {
	case a.x.Attrs != nil:
	case len(own) == 1 && len(r.Inputs(nil, 0, a.q.ShapesOf(a.y.In[:1]))) == 0: // branches, of which the operand chooses one
		if own[0] != none {
			mix("a row says which branch is taken")
		}
		out := run(0, nil)
		for i := 1; i < len(a.x.Regions); i++ {
			out = a.joined(out, run(i, nil))
		}
		return out
	case r.Endless && len(a.x.Regions) == 2: // a condition and a body
		state := a.settled(slices.Clone(own), func(state []Axis) []Axis { return run(1, state) })
		if run(0, state)[0] != none {
			mix("a row says when the loop ends")
		}
		return state
	case len(a.x.Regions) == 1 && r.Names[0] == "function": // a call of it
		return run(0, own)
	}
	mix("it is not known whether it mixes rows")
	return nil
}

// scan returns where the rows of a loop over slices are: of its carries, and of what its turns return, stacked.
func (a *call) scan(carries int, own []Axis, run func(int, []Axis) []Axis) []Axis {
	var parts []Axis
	for _, x := range own[carries:] {
		switch {
		case x.Axis == 0:
			mix("it goes from row to row")
		case x != none:
			x.Axis--
		}
		parts = append(parts, x)
	}
	turn := func(state []Axis) []Axis { return run(0, slices.Concat(state, parts)) }
	out := a.settled(slices.Clone(own[:carries]), func(state []Axis) []Axis { return turn(state)[:carries] })
	for _, y := range turn(out)[carries:] {
		if y != none {
			y.Axis++
		}
		out = append(out, y)
	}
	return out
}

// joined returns where rows are of what is one of two values.
func (a *call) joined(x, y []Axis) []Axis {
	out := slices.Clone(x)
	for i := range out {
		switch {
		case out[i] == none:
			out[i] = y[i]
		case y[i] != none && y[i] != out[i]:
			mix("result %d has its rows along axis %d or along axis %d", i, out[i].Axis, y[i].Axis)
		}
	}
	return out
}

// settled returns where the rows of a loop's state are, whatever its turns make of it.
func (a *call) settled(state []Axis, turn func([]Axis) []Axis) []Axis {
	for {
		next := a.joined(state, turn(state))
		if slices.Equal(next, state) {
			return state
		}
		state = next
	}
}
