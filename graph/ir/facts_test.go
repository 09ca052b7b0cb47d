package ir_test

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// sampled is a call of a row on a sample, with its results by the reference meaning.
type sampled struct {
	sample  ir.Sample
	in, out []*tensors.Tensor
}

// sampledCalls runs the samples of a row that has a reference meaning, at one dtype each.
func sampledCalls(t *testing.T, op *ir.Op) (list []sampled) {
	for _, s := range op.Samples {
		set := op.DTypes
		if s.DTypes != 0 {
			set = s.DTypes
		}
		d := dtypes.Float32
		if set != 0 && !set.Has(d) {
			d = set.List()[0]
		}
		in := s.Tensors(d)
		var shapesOf []shapes.Shape
		for _, x := range in {
			shapesOf = append(shapesOf, x.Shape())
		}
		out, err := op.Results(s.Attrs, shapesOf)
		require.NoError(t, err, "%s %s", op, s.Name)
		results := reference(op, s.Attrs, out, in)
		list = append(list, sampled{s, in, results})
	}
	return list
}

func reference(op *ir.Op, attrs any, out []shapes.Shape, in []*tensors.Tensor) []*tensors.Tensor {
	var results []*tensors.Tensor
	for _, s := range out {
		results = append(results, tensors.FromShape(s))
	}
	op.Ref(attrs, results, in)
	return results
}

func bytesOf(t *tensors.Tensor) []byte {
	var b []byte
	t.MustConstBytes(func(data []byte) { b = slices.Clone(data) })
	return b
}

// elements returns the bits of each element, in row-major order.
func elements(t *tensors.Tensor) []string {
	size := t.DType().Size()
	var list []string
	for part := range slices.Chunk(bytesOf(t), size) {
		list = append(list, string(part))
	}
	return list
}

// isElementwise reports whether each element of the result is what the call gives for the elements of the operands that
// it is lined up with, and how many elements show that.
func (c sampled) isElementwise(op *ir.Op) (ok bool, shown int) {
	y := c.out[0].Shape()
	for i := range y.Size() {
		var in []*tensors.Tensor
		var scalars []shapes.Shape
		for _, x := range c.in {
			if x.Shape().BroadcastableTo(y.Dimensions...) != nil {
				return false, 0
			}
			e := tensors.FromShape(shapes.Make(x.DType()))
			k := linedUp(y, x.Shape(), i)
			e.MustMutableBytes(func(data []byte) { copy(data, bytesOf(x)[k*len(data):]) })
			in, scalars = append(in, e), append(scalars, e.Shape())
		}
		out, err := op.Results(c.sample.Attrs, scalars)
		if err != nil || len(out) != 1 || out[0].Rank() != 0 {
			return false, 0
		}
		if elements(reference(op, c.sample.Attrs, out, in)[0])[0] != elements(c.out[0])[i] {
			return false, 0
		}
	}
	return true, y.Size()
}

// linedUp returns the index of the element of x that lies under element i of y.
func linedUp(y, x shapes.Shape, i int) int {
	strides, k := x.Strides(), 0
	for axis := y.Rank() - 1; axis >= 0; axis-- {
		at := i % y.Dimensions[axis]
		i /= y.Dimensions[axis]
		if a := axis - (y.Rank() - x.Rank()); a >= 0 && x.Dimensions[a] != 1 {
			k += at * strides[a]
		}
	}
	return k
}

// layout returns which layouts the result may be by its elements: a view, a permutation, a repetition.
func (c sampled) layout() (view, permutation, repetition bool) {
	if len(c.in) == 0 || len(c.out) != 1 || c.in[0].DType() != c.out[0].DType() {
		return false, false, false
	}
	x, y := elements(c.in[0]), elements(c.out[0])
	view = slices.Equal(x, y)
	count := map[string]int{}
	for _, e := range x {
		count[e]++
	}
	times := 0
	if len(x) > 0 {
		times = len(y) / len(x)
	}
	have := map[string]int{}
	for _, e := range y {
		have[e]++
	}
	repetition = len(y) == times*len(x)
	for e, n := range count {
		repetition = repetition && have[e] == n*times
	}
	return view, repetition && times <= 1 && len(x) == len(y), repetition
}

// kept are the rows that look like a layout op and are not one: what they do is not in the numbers.
var kept = map[*ir.Op]string{
	ops.Shard:               "it says where the value lives",
	ops.OptimizationBarrier: "nothing may be moved across it",
	ops.DynamicSlice:        "its samples may be whole",
}

// TestFactsAreTrue holds what rows say of themselves to what their reference meanings do, and finds rows that could say it.
func TestFactsAreTrue(t *testing.T) {
	for _, op := range ir.Ops() {
		if op.Ref == nil {
			continue
		}
		t.Run(op.Name, func(t *testing.T) {
			elementwise, view, permutation, repetition, shown := true, true, true, true, 0
			for _, c := range sampledCalls(t, op) {
				ok, n := c.isElementwise(op)
				elementwise, shown = elementwise && ok, shown+n
				v, p, r := c.layout()
				view, permutation, repetition = view && v, permutation && p, repetition && r
				cost := op.CostOf(c.sample.Attrs, shapesOf(c.in), shapesOf(c.out))
				require.False(t, cost.FLOPs < 0 || cost.Bytes < 0 || math.IsNaN(cost.FLOPs) || math.IsInf(cost.FLOPs, 0), "%+v", cost)
				if op.Layout == ir.View {
					require.Zero(t, cost, "a view costs nothing")
				}
			}
			switch op.Layout {
			case ir.View:
				require.True(t, view)
			case ir.Permutation:
				require.True(t, permutation)
			case ir.Repetition:
				require.True(t, repetition)
			default:
				require.False(t, view && kept[op] == "" && !op.Elementwise, "it is a view, and the row does not say so")
			}
			if op.Elementwise {
				require.True(t, elementwise, "it is not elementwise")
			} else if op.Layout == ir.Computes && kept[op] == "" {
				require.False(t, elementwise && shown > 8, "it is elementwise, and the row does not say so")
			}
		})
	}
}

func shapesOf(list []*tensors.Tensor) (out []shapes.Shape) {
	for _, x := range list {
		out = append(out, x.Shape())
	}
	return out
}

func TestCosts(t *testing.T) {
	f32 := func(dims ...int) shapes.Shape { return shapes.Make(dtypes.Float32, dims...) }
	for _, c := range []struct {
		op    *ir.Op
		attrs any
		in    []shapes.Shape
		want  ir.Cost
	}{
		{ops.Add, nil, []shapes.Shape{f32(4, 5), f32(5)}, ir.Cost{FLOPs: 20, Bytes: 4 * (20 + 5 + 20)}},
		{ops.Reshape, ir.ShapeAttrs{Dims: []int{20}}, []shapes.Shape{f32(4, 5)}, ir.Cost{}},
		{ops.Transpose, ir.TransposeAttrs{Perm: []int{1, 0}}, []shapes.Shape{f32(4, 5)}, ir.Cost{Bytes: 160}},
		{ops.MatMul, ir.MatMulAttrs{}, []shapes.Shape{f32(2, 3), f32(3, 5)}, ir.Cost{FLOPs: 2 * 2 * 3 * 5, Bytes: 4 * (6 + 15 + 10)}},
		{ops.DotGeneral, ir.DotAttrs{LhsContract: []int{0}, RhsContract: []int{0}}, []shapes.Shape{f32(3, 2), f32(3, 5)}, ir.Cost{FLOPs: 60, Bytes: 124}},
		{ops.Einsum, ir.EinsumAttrs{Equation: "ik,kj->ij"}, []shapes.Shape{f32(2, 3), f32(3, 5)}, ir.Cost{FLOPs: 60, Bytes: 124}},
		{ops.ReduceSum, ir.ReduceAttrs{Axes: []int{0}}, []shapes.Shape{f32(4, 5)}, ir.Cost{FLOPs: 20, Bytes: 100}},
		{ops.Softmax, ir.ReduceAttrs{Axes: []int{1}}, []shapes.Shape{f32(4, 5)}, ir.Cost{FLOPs: 100, Bytes: 160}},
		{ops.Cholesky, ir.CholeskyAttrs{}, []shapes.Shape{f32(6, 6)}, ir.Cost{FLOPs: 72, Bytes: 288}},
	} {
		out, err := c.op.Results(c.attrs, c.in)
		require.NoError(t, err)
		require.Equal(t, c.want, c.op.CostOf(c.attrs, c.in, out), "%s", c.op)
	}
}
