package graph

import (
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// ReduceSum returns the sum of x over the given axes, which are removed; over all axes if none are given.
// Negative axes count from the end. Floats narrower than float32 are summed in float32, and all floats
// in blocks, so that the error does not grow with the number of elements; integers wrap around.
func ReduceSum(x *Node, reduceAxes ...int) *Node {
	return Apply(reduceSum, ReduceAttrs{adjust("ReduceSum", x, reduceAxes)}, x)
}

// ReduceAllSum returns the sum of all elements of x, a scalar, as [ReduceSum] does.
func ReduceAllSum(x *Node) *Node { return ReduceSum(x) }

// ReduceAttrs holds the axes that are reduced, counted from 0 and sorted.
type ReduceAttrs struct{ Axes []int }

var reduceSum *Op

func reduceRule(attrs any, in []shapes.Shape) (shapes.Shape, error) {
	axes := attrs.(ReduceAttrs).Axes
	if len(axes) > 0 { // a scalar has none to check
		if _, err := shapes.AdjustAxes(axes, in[0].Rank()); err != nil {
			return shapes.Shape{}, err
		}
	}
	return in[0].Without(axes, false), nil
}

// reduceRef is the meaning of a reduction from start with f.
func reduceRef[T number](start T, f func(acc, x T) T) func(any, []*tensors.Tensor, []*tensors.Tensor) {
	return func(attrs any, out, in []*tensors.Tensor) {
		v := make([]T, out[0].Size())
		for i := range v {
			v[i] = start
		}
		to := reduceIndex(in[0].Shape(), attrs.(ReduceAttrs).Axes)
		for i, x := range load[T](in[0]) {
			v[to(i)] = f(v[to(i)], x)
		}
		store(out[0], v)
	}
}

// reduceIndex returns a function from the flat index of an element of in to that of the result that it
// goes into.
func reduceIndex(in shapes.Shape, axes []int) func(i int) int {
	strides := make([]int, in.Rank())
	n := 1
	for axis := in.Rank() - 1; axis >= 0; axis-- {
		if !slices.Contains(axes, axis) {
			strides[axis] = n
			n *= in.Dimensions[axis]
		}
	}
	return func(i int) int {
		j := 0
		for axis := in.Rank() - 1; axis >= 0; axis-- {
			j += i % in.Dimensions[axis] * strides[axis]
			i /= in.Dimensions[axis]
		}
		return j
	}
}

// reduceSamples are the calls that every reduction is tested with.
func reduceSamples() []Sample {
	return []Sample{
		{Name: "last axis", In: []Input{Ramp(2, 5)}, Attrs: ReduceAttrs{[]int{1}}},
		{Name: "first axis", In: []Input{Ramp(3, 4)}, Attrs: ReduceAttrs{[]int{0}}},
		{Name: "middle", In: []Input{Ramp(2, 3, 4)}, Attrs: ReduceAttrs{[]int{1}}},
		{Name: "outer two", In: []Input{Ramp(2, 3, 4)}, Attrs: ReduceAttrs{[]int{0, 2}}},
		{Name: "all", In: []Input{Ramp(3, 3)}, Attrs: ReduceAttrs{[]int{0, 1}}},
	}
}

// expandReduced gives dy, a reduction's result or gradient, x's shape again.
func expandReduced(dy, x *Node, axes []int) *Node {
	return BroadcastToDims(Reshape(dy, x.Shape().Without(axes, true).Dimensions...), x.Shape().Dimensions...)
}

func init() {
	reduceSum = Define(Op{
		Name: "ReduceSum", Family: "reduce", Doc: "Σ x over the axes", DTypes: dtypes.Numbers, Attrs: ReduceAttrs{}, HLO: "stablehlo.reduce",
		Infer: reduceRule,
		Ref: byKind(0,
			reduceRef(0, func(a, x float64) float64 { return a + x }), reduceRef(0, func(a, x int64) int64 { return a + x }),
			reduceRef(0, func(a, x uint64) uint64 { return a + x }), reduceRef(0, func(a, x complex128) complex128 { return a + x })),
		VJP: func(y, dy *Node) []*Node {
			return []*Node{expandReduced(dy, y.Input(0), y.Attrs().(ReduceAttrs).Axes)}
		},
		Samples: append(reduceSamples(), Sample{Name: "none", In: []Input{Ramp(0, 3)}, Attrs: ReduceAttrs{[]int{0}}}),
		Tol:     ULP(8, "sums in another order"),
	})
}
