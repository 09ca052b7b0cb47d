package stablehlo

import (
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
)

func init() {
	rules["stablehlo.broadcast_in_dim"] = rule{1, true, one(readBroadcast)}
	rules["stablehlo.reshape"] = rule{1, true, one(func(c *reading) *graph.Node {
		if c.lifted > 0 {
			c.scalarsOnly()
			return c.in[0]
		}
		return reshaped(c.in[0], c.result().Dimensions)
	})}
	define("stablehlo.iota", 0, one(func(c *reading) *graph.Node {
		s := c.result()
		return graph.ApplyIn(c.g, ops.Iota, ir.IotaAttrs{Shape: s, Axis: c.axis("iota_dimension", s.Rank())}) // which may wrap around
	}))
	define("stablehlo.transpose", 1, one(func(c *reading) *graph.Node {
		return transposed(c.in[0], c.axes("permutation", c.ints("permutation"), c.in[0].Rank()))
	}))
	define("stablehlo.reverse", 1, one(func(c *reading) *graph.Node {
		return reversed(c.in[0], c.axes("dimensions", c.ints("dimensions"), c.in[0].Rank()))
	}))
	define("stablehlo.slice", 1, one(func(c *reading) *graph.Node {
		rank := c.in[0].Rank()
		return sliced(c.in[0], c.perAxis("start_indices", rank, 0), c.perAxis("limit_indices", rank, 0), c.perAxis("strides", rank, 1))
	}))
	define("stablehlo.dynamic_slice", -1, one(func(c *reading) *graph.Node {
		c.atLeast(1)
		if c.in[0].Rank() == 0 {
			return graph.Identity(c.in[0])
		}
		return graph.DynamicSlice(c.in[0], c.in[1:], c.ints("slice_sizes"))
	}))
	define("stablehlo.dynamic_update_slice", -1, one(func(c *reading) *graph.Node {
		c.atLeast(2)
		if c.in[0].Rank() == 0 {
			return graph.Identity(c.in[1])
		}
		return graph.DynamicUpdateSlice(c.in[0], c.in[1], c.in[2:])
	}))
	define("stablehlo.concatenate", -1, one(func(c *reading) *graph.Node {
		c.atLeast(1)
		return graph.Concatenate(c.in, c.axis("dimension", c.in[0].Rank()))
	}))
	define("stablehlo.pad", 2, one(func(c *reading) *graph.Node {
		rank := c.in[0].Rank()
		low, high, interior := c.perAxis("edge_padding_low", rank, 0), c.perAxis("edge_padding_high", rank, 0), c.perAxis("interior_padding", rank, 0)
		axes := make([]ir.PadAxis, rank)
		for i := range axes {
			axes[i] = ir.PadAxis{Start: low[i], End: high[i], Interior: interior[i]}
		}
		return padded(c.in[0], c.in[1], axes)
	}))
	define("stablehlo.get_dimension_size", 1, one(func(c *reading) *graph.Node {
		return graph.Scalar(c.g, dtypes.Int32, int64(c.in[0].Shape().Dimensions[c.axis("dimension", c.in[0].Rank())]))
	}))
	define("stablehlo.dot_general", 2, one(readDot))
	define("stablehlo.dot", 2, one(func(c *reading) *graph.Node {
		x, y := c.in[0], c.in[1]
		if x.Rank() == 0 || y.Rank() == 0 {
			c.fail("it takes vectors and matrices, not scalars")
		}
		return c.dot(x, y, []int{x.Rank() - 1}, nil, []int{0}, nil)
	}))
	define("stablehlo.convolution", 2, one(readConvolution))
}

// scalarsOnly checks that an operation in the body of a reduction changes no shape.
func (c *reading) scalarsOnly() {
	if c.result().Rank() != 0 {
		c.fail("the body of a reduction must stay with scalars")
	}
}

func (c *reading) atLeast(n int) {
	if len(c.in) < n {
		c.fail("%d operands, it needs at least %d", len(c.in), n)
	}
}

// The functions below are those of package graph, but add nothing where nothing changes.

func reshaped(x *graph.Node, dims []int) *graph.Node {
	if slices.Equal(x.Shape().Dimensions, dims) {
		return x
	}
	if n := shapes.Make(x.DType(), dims...); n.Size() != x.Shape().Size() {
		graph.Errorf("%d elements cannot be dealt over %v", x.Shape().Size(), dims)
	}
	return graph.Reshape(x, dims...)
}

func transposed(x *graph.Node, perm []int) *graph.Node {
	if slices.Equal(perm, upTo(0, x.Rank())) {
		return x
	}
	return graph.TransposeAllAxes(x, perm...)
}

func reversed(x *graph.Node, axes []int) *graph.Node {
	if len(axes) == 0 {
		return x
	}
	return graph.Reverse(x, axes...)
}

func sliced(x *graph.Node, start, limit, strides []int) *graph.Node {
	s := x.Shape()
	if slices.Equal(limit, s.Dimensions) && !slices.ContainsFunc(start, func(v int) bool { return v != 0 }) && !slices.ContainsFunc(strides, func(v int) bool { return v != 1 }) {
		return x
	}
	return graph.Apply(ops.Slice, ir.SliceAttrs{Start: start, Limit: limit, Stride: strides}, x)
}

func padded(x, fill *graph.Node, axes []ir.PadAxis) *graph.Node {
	if !slices.ContainsFunc(axes, func(a ir.PadAxis) bool { return a != ir.PadAxis{} }) {
		return x
	}
	return graph.Pad(x, fill, axes...)
}

// readBroadcast puts axis i of its operand at axis dims[i] of the result and repeats it along the others.
func readBroadcast(c *reading) *graph.Node {
	x, s := c.in[0], c.result()
	if c.lifted > 0 {
		c.scalarsOnly()
		return x
	}
	return broadcastIn(c, x, s.Dimensions, c.axes("broadcast_dimensions", c.perAxis("broadcast_dimensions", x.Rank(), 0), s.Rank()))
}

func broadcastIn(c *reading, x *graph.Node, to, dims []int) *graph.Node {
	if slices.Equal(x.Shape().Dimensions, to) && slices.Equal(dims, upTo(0, len(to))) {
		return x
	}
	order := upTo(0, len(dims)) // the operand's axes as they follow each other in the result
	slices.SortFunc(order, func(i, j int) int { return dims[i] - dims[j] })
	wide := slices.Repeat([]int{1}, len(to))
	for i, d := range dims {
		if n := x.Shape().Dimensions[i]; n != 1 && n != to[d] {
			c.fail("axis %d has %d elements and cannot be repeated to %d", i, n, to[d])
		}
		wide[d] = x.Shape().Dimensions[i]
	}
	x = reshaped(transposed(x, order), wide)
	if slices.Equal(wide, to) {
		return x
	}
	return graph.BroadcastToDims(x, to...)
}

func readDot(c *reading) *graph.Node {
	numbers, ok := c.op.attrs["dot_dimension_numbers"].(map[string]any)
	if !ok {
		c.fail("the attribute dot_dimension_numbers is missing")
	}
	axes := func(name string) []int { return c.intsOf(name, numbers[name]) }
	return c.dot(c.in[0], c.in[1], axes("lhs_contracting_dimensions"), axes("lhs_batching_dimensions"),
		axes("rhs_contracting_dimensions"), axes("rhs_batching_dimensions"))
}

// dot makes a product with the dtype of the result; operands of two dtypes are brought to that of the result first.
func (c *reading) dot(x, y *graph.Node, xContract, xBatch, yContract, yBatch []int) *graph.Node {
	d := c.resultDType()
	if x.DType() != y.DType() || x.DType().IsComplex() != d.IsComplex() || x.DType().IsInt() != d.IsInt() {
		x, y = graph.ConvertDType(x, d), graph.ConvertDType(y, d)
	}
	b := graph.Dot(x, y)
	if d != x.DType() {
		b = b.WithOutputDType(d)
	}
	return b.General(xContract, xBatch, yContract, yBatch)
}

func readConvolution(c *reading) *graph.Node {
	x, k := c.in[0], c.in[1]
	dims, ok := c.op.attrs["dimension_numbers"].(convDim)
	if !ok {
		c.fail("the attribute dimension_numbers is missing")
	}
	n := x.Rank() - 2
	if n < 1 || k.Rank() != n+2 || len(dims.input) != n+2 || len(dims.kernel) != n+2 || len(dims.output) != n+2 {
		c.fail("input, kernel and dimension_numbers must have as many axes as each other, and at least 3")
	}
	find := func(names []string, what string) int {
		i := slices.Index(names, what)
		if i < 0 {
			c.fail("dimension_numbers: there is no axis %q among %v", what, names)
		}
		return i
	}
	spatial := func(names []string) []int {
		list := make([]int, n)
		for i := range list {
			list[i] = find(names, string(rune('0'+i)))
		}
		return list
	}
	if n > 9 {
		c.fail("a convolution over %d axes", n)
	}
	axes := ir.ConvolveAxesConfig{
		InputBatch: find(dims.input, "b"), InputChannels: find(dims.input, "f"), InputSpatial: spatial(dims.input),
		KernelInputChannels: find(dims.kernel, "i"), KernelOutputChannels: find(dims.kernel, "o"), KernelSpatial: spatial(dims.kernel),
		OutputBatch: find(dims.output, "b"), OutputChannels: find(dims.output, "f"), OutputSpatial: spatial(dims.output),
	}
	var turned []int
	for i, r := range c.perAxis("window_reversal", n, 0) {
		if r != 0 {
			turned = append(turned, axes.KernelSpatial[i])
		}
	}
	d := c.resultDType()
	if out := c.op.out[0]; out.known() && out.shape.Size() == 0 { // a kernel that reaches over the input, among others
		return graph.Zeros(c.g, out.shape)
	}
	if d != x.DType() || d != k.DType() {
		x, k = graph.ConvertDType(x, d), graph.ConvertDType(k, d)
	}
	return graph.ConvGeneral(x, reversed(k, turned), axes, c.perAxis("window_strides", n, 1), c.paddings("padding", n),
		c.perAxis("lhs_dilation", n, 1), c.perAxis("rhs_dilation", n, 1), c.int("feature_group_count", 1), c.int("batch_group_count", 1))
}

// paddings returns an attribute that holds two numbers for each of n axes.
func (c *reading) paddings(name string, n int) [][2]int {
	flat := c.perAxis(name, 2*n, 0)
	list := make([][2]int, n)
	for i := range list {
		list[i] = [2]int{flat[2*i], flat[2*i+1]}
	}
	return list
}
