package graph

import (
	"fmt"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// CumSum returns the running sum of x along an axis:
//
//	y[i] = x[0] + … + x[i]
//
// A negative axis counts from the end. Integers wrap around. The result has the shape and dtype of x, a number.
func CumSum(x *Node, axis int) *Node {
	return Apply(cumSum, ir.AxisAttrs{Axis: adjust1("CumSum", x, axis)}, x)
}

var cumSum *ir.Op

// cumSumRef is the meaning of CumSum with the running sums of a lane.
func cumSumRef[T number](running func(lane []T) []T) func(any, []*tensors.Tensor, []*tensors.Tensor) {
	return func(attrs any, out, in []*tensors.Tensor) {
		v := load[T](in[0])
		for _, lane := range lanes(in[0].Shape(), []int{attrs.(ir.AxisAttrs).Axis}) {
			for k, y := range running(convert(lane, func(i int) T { return v[i] })) {
				v[lane[k]] = y
			}
		}
		store(out[0], v)
	}
}

func runningSums(x []float64) []float64 {
	s := newSums()
	return convert(x, func(v float64) float64 {
		s.add(v)
		return s.over(1)
	})
}

func runningComplexSums(x []complex128) []complex128 {
	re, im := newSums(), newSums()
	return convert(x, func(v complex128) complex128 {
		re.add(real(v))
		im.add(imag(v))
		return complex(re.over(1), im.over(1))
	})
}

func runningIntegerSums[T int64 | uint64](x []T) []T {
	var s T
	return convert(x, func(v T) T {
		s += v
		return s
	})
}

// cumSumTree adds x moved by 1, 2, 4, … places: log₂(n) steps instead of n.
func cumSumTree(attrs any, in []*Node) *Node {
	y, axis := in[0], attrs.(ir.AxisAttrs).Axis
	n := y.Shape().Dimensions[axis]
	y.graph.BranchOn("CumSum", n)
	for step := 1; step < n; step *= 2 {
		gap := y.Shape().Clone()
		gap.Dimensions[axis] = step
		y = Add(y, Concatenate([]*Node{Zeros(y.graph, gap), sliceAlong(y, axis, 0, n-step)}, axis))
	}
	return y
}

func init() {
	cumSum = Define(ir.Op{
		Name: "CumSum", Family: "reduce", Cost: perOperandElement(1), Doc: "x[0] + … + x[i] along an axis", DTypes: dtypes.Numbers, Attrs: ir.AxisAttrs{},
		Infer: func(attrs any, in []shapes.Shape) (shapes.Shape, error) {
			_, err := shapes.AdjustAxis(attrs.(ir.AxisAttrs).Axis, in[0].Rank())
			return in[0], err
		},
		Ref: byKind(0, cumSumRef(runningSums), cumSumRef(runningIntegerSums[int64]), cumSumRef(runningIntegerSums[uint64]), cumSumRef(runningComplexSums)),
		Samples: []ir.Sample{
			{In: []ir.Input{ir.Ramp(7)}, Attrs: ir.AxisAttrs{}},
			{Name: "last axis", In: []ir.Input{ir.Ramp(2, 5)}, Attrs: ir.AxisAttrs{Axis: 1}},
			{Name: "middle", In: []ir.Input{ir.Ramp(2, 3, 4)}, Attrs: ir.AxisAttrs{Axis: 1}},
			{Name: "one element", In: []ir.Input{ir.Ramp(3, 1)}, Attrs: ir.AxisAttrs{Axis: 1}},
			{Name: "none", In: []ir.Input{ir.Ramp(0, 3)}, Attrs: ir.AxisAttrs{}},
			{Name: "from an infinity on", Pole: true, DTypes: dtypes.Floats, In: []ir.Input{ir.Values(1, inf, 2, -inf, 3)}, Attrs: ir.AxisAttrs{}, Want: []float64{1, inf, inf, nan, nan}},
		},
		Tol: ir.ULP(16, "sums in another order"),
	}, Rule{
		JVPMulti: linear,
		Expand:   inWide(cumSumTree),
		VJP: func(y, dy *Node) []*Node { // x[i] is in all sums from y[i] on
			axis := y.Attrs().(ir.AxisAttrs).Axis
			return []*Node{Reverse(CumSum(Reverse(dy, axis), axis), axis)}
		},
	})
}

// ConsecutiveDifference returns the difference of each element of x and the one before it along an axis:
//
//	y[i] = x[i+1] - x[i]
//
// which is one shorter than x. With preserveShape the first element of x is put before that, so that the shape is
// x's and [CumSum] restores x. A negative axis counts from the end. x must be a number; the axis must not be empty.
func ConsecutiveDifference(x *Node, axis int, preserveShape bool) *Node {
	axis = adjust1("ConsecutiveDifference", x, axis)
	n := x.Shape().Dimensions[axis]
	if n == 0 {
		x.graph.fail("ConsecutiveDifference", []shapes.Shape{x.Shape()}, errEmptyAxis(axis))
	}
	y := Sub(sliceAlong(x, axis, 1, n), sliceAlong(x, axis, 0, n-1))
	if preserveShape {
		y = Concatenate([]*Node{sliceAlong(x, axis, 0, 1), y}, axis)
	}
	return y
}

func errEmptyAxis(axis int) error { return fmt.Errorf("axis %d is empty", axis) }
