package stablehlo

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Operations whose sizes are operands are read if these are constants, or computed from constants and the sizes of
// other values: Quire's shapes are known before a program runs. A result of a static type needs no more than that type.

func init() {
	define("stablehlo.dynamic_broadcast_in_dim", 2, one(func(c *reading) *graph.Node {
		x, to := c.in[0], c.sizes(1)
		return broadcastIn(c, x, to, c.axes("broadcast_dimensions", c.perAxis("broadcast_dimensions", x.Rank(), 0), len(to)))
	}))
	define("stablehlo.dynamic_reshape", 2, one(func(c *reading) *graph.Node { return reshaped(c.in[0], c.sizes(1)) }))
	define("stablehlo.dynamic_iota", 1, one(func(c *reading) *graph.Node {
		s := shapes.Make(c.resultDType(), c.sizes(0)...)
		return graph.ApplyIn(c.g, ops.Iota, ir.IotaAttrs{Shape: s, Axis: c.axis("iota_dimension", s.Rank())}) // which may wrap around
	}))
	define("stablehlo.real_dynamic_slice", 4, one(func(c *reading) *graph.Node {
		rank := c.in[0].Rank()
		if (folding{}).value(c.in[1]) == nil {
			return c.movingSlice()
		}
		return sliced(c.in[0], c.constants(1, rank), c.constants(2, rank), c.constants(3, rank))
	}))
	define("stablehlo.dynamic_pad", 5, one(func(c *reading) *graph.Node {
		rank := c.in[0].Rank()
		low, high, interior := c.constants(2, rank), c.constants(3, rank), c.constants(4, rank)
		axes := make([]ir.PadAxis, rank)
		for i := range axes {
			axes[i] = ir.PadAxis{Start: low[i], End: high[i], Interior: interior[i]}
		}
		return padded(c.in[0], c.in[1], axes)
	}))
	define("stablehlo.dynamic_gather", 3, one(func(c *reading) *graph.Node {
		return readGather(c.static("slice_sizes", c.constants(2, c.in[0].Rank())))
	}))
	define("stablehlo.dynamic_conv", 3, one(func(c *reading) *graph.Node {
		return readConvolution(c.static("padding", c.constants(2, 2*max(0, c.in[0].Rank()-2))))
	}))
	define("stablehlo.set_dimension_size", 2, one(func(c *reading) *graph.Node {
		x := c.in[0]
		axis := c.axis("dimension", x.Rank())
		if n := c.constants(1, 1)[0]; n != x.Shape().Dimensions[axis] {
			c.fail("axis %d has %d elements, and cannot be told to have %d: Quire's shapes are fixed", axis, x.Shape().Dimensions[axis], n)
		}
		return x
	}))
}

// movingSlice is a slice of known sizes whose starts are not known: its limits are the starts and the sizes added up.
func (c *reading) movingSlice() *graph.Node {
	x, start, limit := c.in[0], c.in[1], c.in[2]
	moving := *c
	moving.in = nil
	for i := range limit.Inputs() {
		if limit.Op() == ops.Add && sameNode(limit.Input(i), start, maxDepth) {
			moving.in = []*graph.Node{limit.Input(1 - i)}
		}
	}
	if moving.in == nil {
		c.fail("operand 1, which says starts, is not a constant, and operand 2 is not a sum of it and sizes that are")
	}
	sizes, starts := moving.constants(0, x.Rank()), make([]*graph.Node, x.Rank())
	for a, stride := range c.constants(3, x.Rank()) {
		if stride != 1 {
			c.fail("axis %d: a stride of %d from a start that is not a constant", a, stride)
		}
		starts[a] = graph.Reshape(graph.Slice(start, graph.AxisRange(a, a+1)))
	}
	if x.Rank() == 0 {
		return x
	}
	return graph.DynamicSlice(x, starts, sizes)
}

// sameNode reports whether two nodes are made by the same operations of the same nodes.
func sameNode(x, y *graph.Node, depth int) bool {
	if x == y || depth == 0 {
		return x == y
	}
	in, other := x.Inputs(), y.Inputs()
	if x.Type() != y.Type() || len(in) == 0 || len(in) != len(other) || x.NumOutputs() != 1 || !reflect.DeepEqual(x.Attrs(), y.Attrs()) {
		return sameConstant(x, y)
	}
	for i := range in {
		if !sameNode(in[i], other[i], depth-1) {
			return false
		}
	}
	return true
}

func sameConstant(x, y *graph.Node) bool {
	t, u := x.ConstantValue(), y.ConstantValue()
	return t != nil && u != nil && t.Equal(u)
}

// shapeAssertion fails unless what JAX asserts of sizes holds; its message has operands in places {0}, {1}, ….
func (c *reading) shapeAssertion() {
	if len(c.in) == 0 || c.in[0].DType() != dtypes.Bool || c.in[0].Rank() != 0 {
		c.fail("it asserts a scalar bool")
	}
	holds := (folding{}).value(c.in[0])
	if holds == nil {
		c.fail("it asserts something that is not known before the program runs")
	}
	if holds.Equal(tensors.FromScalar(true)) {
		return
	}
	message, _ := c.op.attrs["error_message"].(string)
	for i, x := range c.in[1:] {
		if v := (folding{}).value(x); v != nil {
			message = strings.ReplaceAll(message, fmt.Sprintf("{%d}", i), fmt.Sprint(v.Value()))
		}
	}
	c.fail("%s", message)
}

// dynamicWindow is a reduction over windows whose settings are operands.
func (c *reading) dynamicWindow() []*graph.Node {
	list, _ := c.op.attrs["called_computations"].([]any)
	if len(c.in) != 7 || len(list) != 1 {
		c.fail("%d operands and %d functions: Quire reads one value, what it starts from, five settings and a function", len(c.in), len(list))
	}
	name, _ := list[0].(symbol)
	body := c.module.byName[string(name)]
	if body == nil || len(body.body.types) != 2 {
		c.fail("there is no function @%s of two values", name)
	}
	op := *c.op
	op.name, op.attrs, op.regions = "stablehlo.reduce_window", map[string]any{}, []*region{body.body}
	rank := c.in[0].Rank()
	for i, name := range []string{"window_dimensions", "window_strides", "base_dilations", "window_dilations"} {
		op.attrs[name] = numbersOf(c.constants(2+i, rank))
	}
	op.attrs["padding"] = numbersOf(c.constants(6, 2*rank))
	return readReduceWindow(&reading{c.reader, &op, c.in[:2], nil})
}

func numbersOf(list []int) numbers {
	values := make(numbers, len(list))
	for i, v := range list {
		values[i] = int64(v)
	}
	return values
}

// static returns the operation without its last operand, whose numbers become an attribute.
func (c *reading) static(name string, list []int) *reading {
	op := *c.op
	op.attrs = map[string]any{}
	for k, v := range c.op.attrs {
		op.attrs[k] = v
	}
	op.attrs[name] = numbersOf(list)
	return &reading{c.reader, &op, c.in[:len(c.in)-1], c.scope}
}

// sizes returns the dimensions of the result: those of its type, or, if that leaves some open, those that operand i
// holds.
func (c *reading) sizes(i int) []int {
	if want := c.op.out[0]; want.known() {
		if (folding{}).value(c.in[i]) != nil {
			if list := c.constants(i, -1); !slices.Equal(list, want.shape.Dimensions) {
				c.fail("operand %d says the sizes %v, and the result is %s", i, list, want.text)
			}
		}
		return want.shape.Dimensions
	}
	list := c.constants(i, -1)
	for _, n := range list {
		if n < 0 || n > math.MaxInt32 {
			c.fail("operand %d: there is no axis of %d elements", i, n)
		}
	}
	if s := shapes.Make(dtypes.Float32, list...); s.Check() != nil {
		c.fail("operand %d: a value of dimensions %v does not fit into memory", i, list)
	}
	return list
}

// constants returns the whole numbers that operand i holds: n of them, or any number if n is negative.
func (c *reading) constants(i, n int) []int {
	t := folding{}.value(c.in[i])
	switch {
	case t == nil:
		c.fail("operand %d, which says sizes, is not a constant: Quire needs to know shapes before a program runs (InputShapes and InputValue give them)", i)
	case !t.DType().IsInt() || t.Rank() > 2 || n >= 0 && t.Size() != n || t.Size() > maxAttr:
		c.fail("operand %d must be %d whole numbers, not %s", i, max(n, 0), tensorType(t.Shape()))
	}
	t, err := t.ConvertDType(dtypes.Int64)
	if err != nil {
		c.fail("operand %d: %v", i, err)
	}
	list := make([]int, 0, t.Size())
	for _, v := range tensors.MustCopyFlatData[int64](t) {
		list = append(list, c.small("of sizes", v))
	}
	return list
}

// size returns a constant for whole numbers that may be sizes and depend on constants alone, others as they are.
func (r *reader) size(n *graph.Node) *graph.Node {
	if !r.sizes || r.lifted > 0 || !n.DType().IsInt() && n.DType() != dtypes.Bool || n.Shape().Size() > maxSizes || n.ConstantValue() != nil {
		return n
	}
	if t := (folding{}).value(n); t != nil {
		return graph.ConstTensor(r.g, t)
	}
	return n
}

// maxSizes is how many numbers a value may have to be taken for sizes.
const maxSizes = 64

// maxFold is how many elements a value may have to be computed while a text is read, and maxFolded from how many values.
const maxFold, maxFolded = 1 << 10, 1 << 10

// folding computes values that depend on constants alone.
type folding map[*graph.Node]*tensors.Tensor

// value returns the value of a node, nil if it depends on more than constants or is no small matter.
func (f folding) value(n *graph.Node) (t *tensors.Tensor) {
	if t = n.ConstantValue(); t != nil {
		return t
	}
	if t, ok := f[n]; ok {
		return t
	}
	f[n] = nil
	if n.Op().Ref == nil || n.NumOutputs() != 1 || n.Shape().Size() > maxFold || len(f) > maxFolded {
		return nil
	}
	in := make([]*tensors.Tensor, len(n.Inputs()))
	for i, x := range n.Inputs() {
		if in[i] = f.value(x); in[i] == nil {
			return nil
		}
	}
	defer func() {
		if recover() != nil { // a value without an answer, such as a division by zero
			t = nil
		}
	}()
	out, err := tensors.New(n.Shape())
	if err != nil {
		return nil
	}
	n.Op().Ref(n.Attrs(), []*tensors.Tensor{out}, in)
	f[n] = out
	return out
}
