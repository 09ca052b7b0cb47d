package graph

import (
	"fmt"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// ArgMax returns the index of the largest element of x along an axis, which is removed: the first of several, and the
// index of the first NaN if there is one. A negative axis counts from the end. The result is an int32, or of the
// integer dtype given. It has no gradient. x must be an integer or a float; the axis must not be empty.
func ArgMax(x *Node, axis int, outputDType ...dtypes.DType) *Node {
	return Apply(argMax, argAttrs("ArgMax", x, axis, outputDType), x)
}

// ArgMin returns the index of the smallest element of x along an axis, which is removed: the first of several, and the
// index of the first NaN if there is one. A negative axis counts from the end. The result is an int32, or of the
// integer dtype given. It has no gradient. x must be an integer or a float; the axis must not be empty.
func ArgMin(x *Node, axis int, outputDType ...dtypes.DType) *Node {
	return Apply(argMin, argAttrs("ArgMin", x, axis, outputDType), x)
}

var argMax, argMin *ir.Op

func argAttrs(op string, x *Node, axis int, outputDType []dtypes.DType) ir.ArgAttrs {
	a := ir.ArgAttrs{Axis: adjust1(op, x, axis), DType: dtypes.Int32}
	switch len(outputDType) {
	case 0:
	case 1:
		a.DType = outputDType[0]
	default:
		x.graph.fail(op, []shapes.Shape{x.Shape()}, fmt.Errorf("%d output dtypes were given, not one", len(outputDType)))
	}
	return a
}

func argRule(attrs any, in []shapes.Shape) (shapes.Shape, error) {
	a := attrs.(ir.ArgAttrs)
	if _, err := shapes.AdjustAxis(a.Axis, in[0].Rank()); err != nil {
		return shapes.Shape{}, err
	}
	n := in[0].Dimensions[a.Axis]
	_, err := dtypes.Fit(n-1, a.DType)
	switch {
	case n == 0:
		return shapes.Shape{}, errEmptyAxis(a.Axis)
	case !a.DType.IsInt():
		return shapes.Shape{}, fmt.Errorf("an index cannot be %s: use an integer dtype", a.DType)
	case err != nil:
		return shapes.Shape{}, fmt.Errorf("%s cannot hold the indices of an axis of %d", a.DType, n)
	}
	return in[0].Without([]int{a.Axis}, false).WithDType(a.DType), nil
}

// argRef finds the first element that is better than all before it; NaN is better than any number.
func argRef[T ordered](better func(x, y T) uint64) func(any, []*tensors.Tensor, []*tensors.Tensor) {
	return func(attrs any, out, in []*tensors.Tensor) {
		x := load[T](in[0])
		var v []int64
		for _, lane := range lanes(in[0].Shape(), []int{attrs.(ir.ArgAttrs).Axis}) {
			best := 0
			for k, i := range lane {
				b := x[lane[best]]
				if b == b && (x[i] != x[i] || better(x[i], b) == 1) {
					best = k
				}
			}
			v = append(v, int64(best))
		}
		store(out[0], v)
	}
}

// argExpand returns the smallest index of an element that is the extreme, or NaN if that is.
func argExpand(extreme func(x *Node, axes ...int) *Node) func(attrs any, in []*Node) []*Node {
	return func(attrs any, in []*Node) []*Node {
		x, a := in[0], attrs.(ir.ArgAttrs)
		chosen := Equal(x, ReduceAndKeep(x, extreme, a.Axis))
		if x.DType().IsFloat() {
			chosen = LogicalOr(chosen, IsNaN(x))
		}
		index := Iota(x.graph, x.Shape().WithDType(a.DType), a.Axis)
		last := ConstAsDType(x.graph, a.DType, x.Shape().Dimensions[a.Axis]-1)
		return []*Node{ReduceMin(Where(chosen, index, last), a.Axis)}
	}
}

func init() {
	samples := func(want ...float64) []ir.Sample {
		last := ir.ArgAttrs{Axis: 1, DType: dtypes.Int32}
		return []ir.Sample{
			{In: []ir.Input{ir.Ramp(7)}, Attrs: ir.ArgAttrs{Axis: 0, DType: dtypes.Int32}},
			{Name: "last axis", In: []ir.Input{ir.Ramp(2, 5)}, Attrs: last},
			{Name: "middle, int64", In: []ir.Input{ir.Ramp(2, 3, 4)}, Attrs: ir.ArgAttrs{Axis: 1, DType: dtypes.Int64}},
			{Name: "first axis, uint8", In: []ir.Input{ir.Ramp(3, 4)}, Attrs: ir.ArgAttrs{Axis: 0, DType: dtypes.Uint8}},
			{Name: "the first of ties", Kink: true, In: []ir.Input{ir.Array([]int{3, 3}, 1, 1, 1, 2, 1, 2, 1, 2, 1)}, Attrs: last, Want: want},
			{Name: "the ends of the range", DTypes: dtypes.SetOf(dtypes.Int8), In: []ir.Input{ir.Values(127, -128, 127, -128)}, Attrs: ir.ArgAttrs{Axis: 0, DType: dtypes.Int32}},
			{Name: "the first NaN", Pole: true, DTypes: dtypes.Floats, In: []ir.Input{ir.Array([]int{2, 4}, 1, nan, inf, nan, nan, -inf, inf, 0)}, Attrs: last, Want: []float64{1, 0}},
			{Name: "infinities", Pole: true, DTypes: dtypes.Floats, In: []ir.Input{ir.Array([]int{2, 2}, -inf, -inf, inf, inf)}, Attrs: last, Want: []float64{0, 0}},
			{Name: "no rows", In: []ir.Input{ir.Ramp(0, 3)}, Attrs: last},
		}
	}
	argMax = Define(ir.Op{
		Name: "ArgMax", Family: "reduce", Cost: perOperandElement(1), Doc: "the first index of the largest x along an axis, of the first NaN if there is one", DTypes: dtypes.Reals, Attrs: ir.ArgAttrs{},
		Infer:   argRule,
		Ref:     byKind(0, argRef(greater[float64]), argRef(greater[int64]), argRef(greater[uint64]), nil),
		Samples: samples(0, 0, 1),
	}, Rule{Expand: argExpand(ReduceMax), ZeroGrad: "the result is an index"})
	argMin = Define(ir.Op{
		Name: "ArgMin", Family: "reduce", Cost: perOperandElement(1), Doc: "the first index of the smallest x along an axis, of the first NaN if there is one", DTypes: dtypes.Reals, Attrs: ir.ArgAttrs{},
		Infer:   argRule,
		Ref:     byKind(0, argRef(less[float64]), argRef(less[int64]), argRef(less[uint64]), nil),
		Samples: samples(0, 1, 0),
	}, Rule{Expand: argExpand(ReduceMin), ZeroGrad: "the result is an index"})
}
