package stablehlo

import (
	"math"
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

func init() {
	define("stablehlo.reduce", -1, readReduce)
	define("stablehlo.reduce_window", -1, readReduceWindow)
	define("stablehlo.select_and_scatter", 3, one(readSelectAndScatter))
	define("stablehlo.map", -1, func(c *reading) []*graph.Node {
		c.atLeast(1)
		c.wantRegions(1, len(c.in))
		for _, x := range c.in[1:] {
			if !x.Shape().EqualDimensions(c.in[0].Shape()) {
				c.fail("its operands have different shapes")
			}
		}
		return c.lift(c.op.regions[0], c.in)
	})
}

// reductions are the reductions that Quire has, by what joins two elements.
var reductions = map[string]struct {
	number, integer, logical func(x *graph.Node, axes ...int) *graph.Node
}{
	"stablehlo.add":      {graph.ReduceSum, graph.ReduceSum, graph.ReduceLogicalOr},
	"stablehlo.multiply": {graph.ReduceMultiply, graph.ReduceMultiply, graph.ReduceLogicalAnd},
	"stablehlo.maximum":  {graph.ReduceMax, graph.ReduceMax, graph.ReduceLogicalOr},
	"stablehlo.minimum":  {graph.ReduceMin, graph.ReduceMin, graph.ReduceLogicalAnd},
	"stablehlo.and":      {nil, graph.ReduceBitwiseAnd, graph.ReduceLogicalAnd},
	"stablehlo.or":       {nil, graph.ReduceBitwiseOr, graph.ReduceLogicalOr},
	"stablehlo.xor":      {nil, graph.ReduceBitwiseXor, graph.ReduceLogicalXor},
}

// neutral reports whether init is a constant that joining with leaves every element of its dtype as it is.
func neutral(init *graph.Node, name string) bool {
	t := init.ConstantValue()
	d := init.DType()
	if t == nil || t.Size() != 1 || init.Rank() != 0 {
		return false
	}
	isBool := d == dtypes.Bool
	var want float64
	switch name {
	case "stablehlo.add", "stablehlo.or", "stablehlo.xor":
		want = 0
	case "stablehlo.multiply":
		want = 1
	case "stablehlo.and":
		if want = 1; !isBool {
			return d.IsInt() && extreme(t, func(b byte) bool { return b == 0xFF })
		}
	case "stablehlo.maximum", "stablehlo.minimum":
		sign := 1.0
		if name == "stablehlo.maximum" {
			sign = -1
		}
		switch {
		case isBool:
			want = max(0, sign) // true for the minimum, false for the maximum
		case d.IsFloat():
			want = math.Inf(int(sign))
		case d.IsInt():
			lo, hi := dtypes.Limits(d)
			limit := lo
			if sign > 0 {
				limit = hi
			}
			l, err := tensors.FromAnyValue(limit)
			return err == nil && l.Equal(t)
		default:
			return false
		}
	default:
		return false
	}
	if d.IsComplex() {
		w, err := tensors.FromScalar(complex(want, 0)).ConvertDType(d)
		return err == nil && w.Equal(t)
	}
	return t.Float64At(0) == want
}

// extreme reports whether all bytes of t are as they should be.
func extreme(t *tensors.Tensor, ok func(b byte) bool) bool {
	all := true
	err := t.ConstBytes(func(data []byte) {
		for _, b := range data {
			all = all && ok(b)
		}
	})
	return err == nil && all
}

func readReduce(c *reading) []*graph.Node {
	n := len(c.in) / 2
	if len(c.in) != 2*n || n == 0 {
		c.fail("%d operands: it takes values and then as many to start from", len(c.in))
	}
	c.wantRegions(1, 2*n)
	r := c.op.regions[0]
	xs, inits := c.promoted(r, n, c.in[:n]), c.promoted(r, n, c.in[n:])
	axes := c.axes("dimensions", c.ints("dimensions"), xs[0].Rank())
	for _, x := range xs[1:] {
		if !x.Shape().EqualDimensions(xs[0].Shape()) {
			c.fail("its values have different shapes")
		}
	}
	for _, x := range inits {
		if x.Rank() != 0 {
			c.fail("what a reduction starts from must be a scalar, not %s", tensorType(x.Shape()))
		}
	}
	if n == 1 {
		if y := c.reduceOne(combiner(r), xs[0], inits[0], axes); y != nil {
			return []*graph.Node{y}
		}
	}
	if n == 2 && len(axes) == 1 {
		if out := c.reduceArg(r, xs, inits[0], axes[0]); out != nil {
			return out
		}
	}
	return c.reduceTree(r, xs, inits, axes)
}

// promoted brings operands to the dtypes in which the body of a reduction works, which may be wider than theirs.
func (c *reading) promoted(r *region, n int, list []*graph.Node) []*graph.Node {
	out := slices.Clone(list)
	for i, x := range out {
		if d := r.types[n+i].tensor().DType; d != x.DType() {
			out[i] = graph.ConvertDType(x, d)
		}
	}
	return out
}

// reduceOne is a reduction that Quire has an op for, nil if it is none.
func (c *reading) reduceOne(name string, x, init *graph.Node, axes []int) *graph.Node {
	kind := reductions[name]
	f := kind.number
	switch {
	case x.DType() == dtypes.Bool:
		f = kind.logical
	case x.DType().IsInt():
		f = kind.integer
	case x.DType().IsComplex() && (name == "stablehlo.maximum" || name == "stablehlo.minimum"):
		f = nil
	}
	if f == nil || init.DType() != x.DType() {
		return nil
	}
	y := x
	if len(axes) > 0 {
		y = f(x, axes...)
	}
	if !neutral(init, name) {
		y = rules[name].emit(&reading{reader: c.reader, op: c.op, in: []*graph.Node{to(init, y.Shape()), y}})[0]
	}
	return y
}

// reduceArg is the reduction of values and their indices that finds the first of the largest or smallest, as JAX
// writes it; nil if it is another.
func (c *reading) reduceArg(r *region, xs []*graph.Node, init *graph.Node, axis int) []*graph.Node {
	x, index := xs[0], xs[1]
	a, ok := index.Attrs().(ir.IotaAttrs)
	if !ok || a.Axis != axis || x.Shape().Dimensions[axis] == 0 || x.DType() == dtypes.Bool || !index.DType().IsInt() {
		return nil
	}
	switch (&matcher{region: r}).argument() {
	case "GT":
		if neutral(init, "stablehlo.maximum") {
			return []*graph.Node{graph.ReduceMax(x, axis), graph.ArgMax(x, axis, index.DType())}
		}
	case "LT":
		if neutral(init, "stablehlo.minimum") {
			return []*graph.Node{graph.ReduceMin(x, axis), graph.ArgMin(x, axis, index.DType())}
		}
	}
	return nil
}

// reduceTree joins the halves of an axis, again and again, by the region applied to whole tensors. A reduction may be
// done in any order.
func (c *reading) reduceTree(r *region, xs, inits []*graph.Node, axes []int) []*graph.Node {
	n := 1
	for _, a := range axes {
		n *= xs[0].Shape().Dimensions[a]
	}
	rest := slices.DeleteFunc(upTo(0, xs[0].Rank()), func(a int) bool { return slices.Contains(axes, a) })
	restDims := make([]int, len(rest))
	for i, a := range rest {
		restDims[i] = xs[0].Shape().Dimensions[a]
	}
	if n == 0 {
		out := make([]*graph.Node, len(xs))
		for i, x := range inits {
			out[i] = to(x, shapes.Make(x.DType(), restDims...))
		}
		return out
	}
	v := make([]*graph.Node, len(xs))
	for i, x := range xs {
		v[i] = reshaped(transposed(x, append(slices.Clone(axes), rest...)), append([]int{n}, restDims...))
	}
	part := func(x *graph.Node, from, to int) *graph.Node {
		return graph.Slice(x, graph.AxisRange(from, to))
	}
	for ; n > 1; n = n/2 + n%2 {
		half := n / 2
		args := make([]*graph.Node, 0, 2*len(v))
		for _, x := range v {
			args = append(args, part(x, 0, half))
		}
		for _, x := range v {
			args = append(args, part(x, half, 2*half))
		}
		joined := c.joined(r, args)
		for i := range v {
			if n%2 == 1 {
				joined[i] = graph.Concatenate([]*graph.Node{joined[i], part(v[i], n-1, n)}, 0)
			}
		}
		v = joined
	}
	args := make([]*graph.Node, 0, 2*len(v))
	for i, x := range inits {
		args = append(args, to(x, shapes.Make(x.DType(), restDims...)))
		v[i] = reshaped(v[i], restDims)
	}
	return c.joined(r, append(args, v...))
}

// joined applies the body of a reduction to tensors, the first half of args being those on the left.
func (c *reading) joined(r *region, args []*graph.Node) []*graph.Node {
	out := c.lift(r, args)
	if len(out) != len(args)/2 {
		c.fail("its body returns %d values, not %d", len(out), len(args)/2)
	}
	for i, y := range out {
		if y.DType() != args[i].DType() {
			c.fail("its body makes %s of %s", typeName(y.DType()), typeName(args[i].DType()))
		}
	}
	return out
}

// maxTaps is how many places a window may have whose reduction is written out.
const maxTaps = 1 << 10

func readReduceWindow(c *reading) []*graph.Node {
	n := len(c.in) / 2
	if len(c.in) != 2*n || n == 0 {
		c.fail("%d operands: it takes values and then as many to start from", len(c.in))
	}
	c.wantRegions(1, 2*n)
	r := c.op.regions[0]
	xs, inits := c.promoted(r, n, c.in[:n]), c.promoted(r, n, c.in[n:])
	rank := xs[0].Rank()
	window, strides := c.perAxis("window_dimensions", rank, 1), c.perAxis("window_strides", rank, 1)
	base, spread := c.perAxis("base_dilations", rank, 1), c.perAxis("window_dilations", rank, 1)
	padding := c.paddings("padding", rank)
	for a := range rank {
		if window[a] < 1 || strides[a] < 1 || base[a] < 1 || spread[a] < 1 || window[a] > 1<<31 || strides[a] > 1<<31 || base[a] > 1<<31 || spread[a] > 1<<31 {
			c.fail("axis %d: window, stride and dilations must be at least 1, and smaller than 2^31", a)
		}
	}
	for i, x := range inits {
		if x.Rank() != 0 || x.DType() != xs[i].DType() || !xs[i].Shape().EqualDimensions(xs[0].Shape()) {
			c.fail("the values must have one shape, and what they start from be scalars of their dtypes")
		}
	}
	if n == 1 {
		if y := c.windowOne(combiner(r), xs[0], inits[0], window, strides, base, spread, padding); y != nil {
			return []*graph.Node{y}
		}
	}
	axes := make([]ir.PadAxis, rank)
	for a, p := range padding {
		axes[a] = ir.PadAxis{Start: p[0], End: p[1], Interior: base[a] - 1}
	}
	for i, x := range xs {
		xs[i] = padded(x, inits[i], axes)
	}
	taps, dims := 1, make([]int, rank)
	for a, d := range xs[0].Shape().Dimensions {
		reach := (window[a]-1)*spread[a] + 1
		if dims[a] = 0; d >= reach {
			dims[a] = (d-reach)/strides[a] + 1
		}
		if taps *= window[a]; taps > maxTaps {
			c.fail("a window of more than %d elements, which is not a sum, maximum or minimum without dilation", maxTaps)
		}
	}
	acc := make([]*graph.Node, n)
	for i, x := range inits {
		acc[i] = to(x, shapes.Make(x.DType(), dims...))
	}
	if slices.Contains(dims, 0) {
		return acc
	}
	start, limit := make([]int, rank), make([]int, rank)
	for tap := range taps {
		for a, rest := rank-1, tap; a >= 0; a-- {
			start[a] = rest % window[a] * spread[a]
			rest /= window[a]
			limit[a] = start[a] + (dims[a]-1)*strides[a] + 1
		}
		args := slices.Clone(acc)
		for _, x := range xs {
			args = append(args, sliced(x, slices.Clone(start), slices.Clone(limit), strides))
		}
		acc = c.joined(r, args)
	}
	return acc
}

// windowOne is a sum, maximum or minimum over windows that Quire has an op for, nil if it is none.
func (c *reading) windowOne(name string, x, init *graph.Node, window, strides, base, spread []int, padding [][2]int) *graph.Node {
	kinds := map[string]ir.WindowKind{"stablehlo.add": ir.WindowSum, "stablehlo.maximum": ir.WindowMax, "stablehlo.minimum": ir.WindowMin}
	kind, ok := kinds[name]
	if !ok || !dtypes.Reals.Has(x.DType()) || !neutral(init, name) || slices.ContainsFunc(spread, func(s int) bool { return s != 1 }) {
		return nil
	}
	ones := !slices.ContainsFunc(slices.Concat(strides, base), func(s int) bool { return s != 1 })
	if long := slices.IndexFunc(window, func(w int) bool { return w != 1 }); kind == ir.WindowSum && ones && long >= 0 {
		n := x.Shape().Dimensions[long]
		others := slices.Clone(window)
		others[long] = 1
		flat := !slices.ContainsFunc(others, func(w int) bool { return w != 1 })
		for a, p := range padding {
			flat = flat && (a == long || p == [2]int{})
		}
		if flat && window[long] == n && padding[long] == [2]int{n - 1, 0} {
			return graph.CumSum(x, long)
		}
	}
	axes, pads := make([]ir.PadAxis, len(window)), slices.Clone(padding)
	for a, p := range padding { // what ReduceWindow does not do: crop, and spread the operand
		if p[0] < 0 || p[1] < 0 || base[a] > 1 {
			axes[a] = ir.PadAxis{Start: p[0], End: p[1], Interior: base[a] - 1}
			pads[a] = [2]int{}
		}
	}
	x = padded(x, init, axes)
	for a, d := range x.Shape().Dimensions {
		if d+pads[a][0]+pads[a][1] < window[a] {
			return nil
		}
	}
	return graph.ReduceWindow(x, ir.WindowAttrs{Kind: kind, Window: window, Strides: strides, Paddings: pads})
}

// readSelectAndScatter adds each value where its window has its first largest or smallest element.
func readSelectAndScatter(c *reading) *graph.Node {
	c.wantRegions(2, 2)
	choose, join := c.op.regions[0], c.op.regions[1]
	in := c.promoted(&region{types: slices.Repeat(join.types[1:], 4)}, 0, c.in)
	isBool := in[0].DType() == dtypes.Bool
	if isBool { // true is larger than false, and a sum is true if anything in it is
		for i := range in[:3] {
			in[i] = graph.ConvertDType(in[i], dtypes.Int32)
		}
	}
	x, values, init := in[0], in[1], in[2]
	attrs := ir.WindowAttrs{
		Window: c.perAxis("window_dimensions", x.Rank(), 1), Strides: c.perAxis("window_strides", x.Rank(), 1), Paddings: c.paddings("padding", x.Rank()),
	}
	m := matcher{region: choose}
	first := m.returned(0)
	if either := m.is(first, "stablehlo.or", 2); either != nil && m.comparison(either[1], choose.args[0], choose.args[0]) == "NE" {
		first = either[0] // or it is NaN, which wins here anyway
	}
	switch m.comparison(first, choose.args[0], choose.args[1]) {
	case "GE":
		attrs.Kind = ir.WindowMax
	case "LE":
		attrs.Kind = ir.WindowMin
	default:
		c.fail("Quire chooses the first largest (GE) or smallest (LE) element of a window, nothing else")
	}
	if sum := combiner(join); sum != "stablehlo.add" && !(isBool && sum == "stablehlo.or") || init.Rank() != 0 {
		c.fail("Quire adds up what is scattered, nothing else")
	}
	y := graph.Apply(ops.SelectAndScatter, attrs, x, values)
	if !neutral(init, "stablehlo.add") {
		y = graph.Add(y, init)
	}
	if isBool {
		y = graph.NotEqual(y, number(y, 0))
	}
	return y
}
