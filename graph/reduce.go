package graph

import (
	"math"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// ReduceSum returns the sum of x over the given axes, which are removed; over all axes if none are given.
// Negative axes count from the end. Floats narrower than float32 are summed in float32, and all floats
// in blocks, so that the error does not grow with the number of elements; integers wrap around.
func ReduceSum(x *Node, reduceAxes ...int) *Node {
	return Apply(reduceSum, ir.ReduceAttrs{Axes: adjust("ReduceSum", x, reduceAxes)}, x)
}

// ReduceAllSum returns the sum of all elements of x, a scalar, as [ReduceSum] does.
func ReduceAllSum(x *Node) *Node { return ReduceSum(x) }

// ReduceMultiply returns the product of x over the given axes, which are removed; over all axes if none are
// given. Negative axes count from the end. Integers wrap around; the product of no elements is 1. The
// gradient is exact also where elements are 0. x must be a number.
func ReduceMultiply(x *Node, reduceAxes ...int) *Node {
	return Apply(reduceMultiply, ir.ReduceAttrs{Axes: adjust("ReduceMultiply", x, reduceAxes)}, x)
}

// ReduceAllMultiply returns the product of all elements of x, a scalar, as [ReduceMultiply] does.
func ReduceAllMultiply(x *Node) *Node { return ReduceMultiply(x) }

// ReduceMax returns the largest element of x over the given axes, which are removed; over all axes if none are
// given. Negative axes count from the end. If an element is NaN, so is the result. The maximum of no elements is
// -∞, or the smallest integer. Where several elements are the largest, they share the gradient equally. x must be
// an integer or a float.
func ReduceMax(x *Node, reduceAxes ...int) *Node {
	return Apply(reduceMax, ir.ReduceAttrs{Axes: adjust("ReduceMax", x, reduceAxes)}, x)
}

// ReduceAllMax returns the largest of all elements of x, a scalar, as [ReduceMax] does.
func ReduceAllMax(x *Node) *Node { return ReduceMax(x) }

// ReduceMin returns the smallest element of x over the given axes, which are removed; over all axes if none are
// given. Negative axes count from the end. If an element is NaN, so is the result. The minimum of no elements is
// +∞, or the largest integer. Where several elements are the smallest, they share the gradient equally. x must be
// an integer or a float.
func ReduceMin(x *Node, reduceAxes ...int) *Node {
	return Apply(reduceMin, ir.ReduceAttrs{Axes: adjust("ReduceMin", x, reduceAxes)}, x)
}

// ReduceAllMin returns the smallest of all elements of x, a scalar, as [ReduceMin] does.
func ReduceAllMin(x *Node) *Node { return ReduceMin(x) }

var reduceSum, reduceMultiply, reduceMax, reduceMin *ir.Op

func reduceRule(attrs any, in []shapes.Shape) (shapes.Shape, error) {
	axes := attrs.(ir.ReduceAttrs).Axes
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
		to := reduceIndex(in[0].Shape(), attrs.(ir.ReduceAttrs).Axes)
		for i, x := range load[T](in[0]) {
			v[to(i)] = f(v[to(i)], x)
		}
		store(out[0], v)
	}
}

// extremeRef is the meaning of a reduction that starts from the lowest value of the dtype, or, with sign 1,
// from the highest.
func extremeRef[T number](sign int, f func(acc, x T) T) func(any, []*tensors.Tensor, []*tensors.Tensor) {
	return func(attrs any, out, in []*tensors.Tensor) {
		start := any(math.Inf(sign))
		if d := in[0].DType(); !d.IsFloat() {
			lo, hi := dtypes.Limits(d)
			if start = lo; sign > 0 {
				start = hi
			}
		}
		reduceRef(start.(T), f)(attrs, out, in)
	}
}

// extremeVJP gives dy to the elements that are the result, in equal shares.
func extremeVJP(y, dy *Node) []*Node {
	x, axes := y.Input(0), y.Attrs().(ir.ReduceAttrs).Axes
	return []*Node{shareAmong(Equal(x, expandReduced(y, x, axes)), x, dy, axes)}
}

// shareAmong gives dy, the gradient of a reduction of x over axes, to the chosen elements of x, in equal shares.
func shareAmong(chosen, x, dy *Node, axes []int) *Node {
	n := sumOver(ConvertDType(chosen, wide(dy).DType()), axes)
	share := ConvertDType(Div(wide(dy), n), dy.DType())
	return Mul(ConvertDType(chosen, dy.DType()), expandReduced(share, x, axes))
}

// sumOver is ReduceSum over just these axes, counted from 0: over none if there are none.
func sumOver(x *Node, axes []int) *Node { return Apply(reduceSum, ir.ReduceAttrs{Axes: axes}, x) }

// productTree multiplies x over the axes in pairs, so that its gradient needs no division.
func productTree(attrs any, in []*Node) *Node {
	x, axes := in[0], attrs.(ir.ReduceAttrs).Axes
	var perm []int
	n := 1
	for axis := range x.Rank() {
		if !slices.Contains(axes, axis) {
			perm = append(perm, axis)
		}
	}
	for _, axis := range axes {
		n *= x.Shape().Dimensions[axis]
	}
	out := x.Shape().Without(axes, false)
	if n == 0 {
		return Ones(x.graph, out)
	}
	if x.Rank() > 0 {
		x = TransposeAllAxes(x, append(perm, axes...)...)
	}
	x = Reshape(x, out.Size(), n)
	for ; n > 1; n = n/2 + n%2 {
		half := n / 2
		pairs := Mul(sliceAlong(x, 1, 0, half), sliceAlong(x, 1, half, 2*half))
		if n%2 == 1 {
			pairs = Concatenate([]*Node{pairs, sliceAlong(x, 1, 2*half, n)}, 1)
		}
		x = pairs
	}
	return Reshape(x, out.Dimensions...)
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
func reduceSamples() []ir.Sample {
	return []ir.Sample{
		{Name: "last axis", In: []ir.Input{ir.Ramp(2, 5)}, Attrs: ir.ReduceAttrs{Axes: []int{1}}},
		{Name: "first axis", In: []ir.Input{ir.Ramp(3, 4)}, Attrs: ir.ReduceAttrs{Axes: []int{0}}},
		{Name: "middle", In: []ir.Input{ir.Ramp(2, 3, 4)}, Attrs: ir.ReduceAttrs{Axes: []int{1}}},
		{Name: "outer two", In: []ir.Input{ir.Ramp(2, 3, 4)}, Attrs: ir.ReduceAttrs{Axes: []int{0, 2}}},
		{Name: "all", In: []ir.Input{ir.Ramp(3, 3)}, Attrs: ir.ReduceAttrs{Axes: []int{0, 1}}},
	}
}

// expandReduced gives dy, a reduction's result or gradient, x's shape again.
func expandReduced(dy, x *Node, axes []int) *Node {
	return BroadcastToDims(Reshape(dy, x.Shape().Without(axes, true).Dimensions...), x.Shape().Dimensions...)
}

func init() {
	reduceSum = Define(ir.Op{
		Name: "ReduceSum", Family: "reduce", Cost: perOperandElement(1), Doc: "Σ x over the axes", DTypes: dtypes.Numbers, Attrs: ir.ReduceAttrs{}, HLO: "stablehlo.reduce",
		Infer: reduceRule,
		Ref: byKind(0,
			reduceLanes(sumOf), reduceRef(0, func(a, x int64) int64 { return a + x }),
			reduceRef(0, func(a, x uint64) uint64 { return a + x }), reduceLanes(partsOf(sumOf))),
		Samples: append(reduceSamples(), ir.Sample{Name: "none", In: []ir.Input{ir.Ramp(0, 3)}, Attrs: ir.ReduceAttrs{Axes: []int{0}}}),
		Tol:     ir.ULP(8, "sums in another order"),
	}, Rule{
		JVPMulti: linear,
		VJP: func(y, dy *Node) []*Node {
			return []*Node{expandReduced(dy, y.Input(0), y.Attrs().(ir.ReduceAttrs).Axes)}
		},
	})
	empty := ir.Sample{Name: "none", In: []ir.Input{ir.Ramp(0, 3)}, Attrs: ir.ReduceAttrs{Axes: []int{0}}}
	scalar := ir.Sample{Name: "scalar", In: []ir.Input{ir.ScalarValue(-1.25)}, Attrs: ir.ReduceAttrs{}}
	reduceMultiply = Define(ir.Op{
		Name: "ReduceMultiply", Family: "reduce", Cost: perOperandElement(1), Doc: "Π x over the axes", DTypes: dtypes.Numbers, Attrs: ir.ReduceAttrs{}, HLO: "stablehlo.reduce",
		Infer: reduceRule,
		Ref: byKind(0,
			reduceLanes(productOf), reduceRef(1, func(a, x int64) int64 { return a * x }),
			reduceRef(1, func(a, x uint64) uint64 { return a * x }), reduceRef(1, func(a, x complex128) complex128 { return a * x })),
		Samples: append(reduceSamples(), empty, scalar,
			ir.Sample{Name: "with zeros", In: []ir.Input{ir.Array([]int{3, 3}, 2, 0, 3, 0, 0, 5, 0, 0, 0)}, Attrs: ir.ReduceAttrs{Axes: []int{1}}}),
		Tol: ir.ULP(16, "products in another order"),
	}, Rule{Expand: inWide(productTree)})
	extremes := func(lowest, want float64) []ir.Sample {
		none := empty
		none.Pole = true
		return append(reduceSamples(), none, scalar,
			ir.Sample{Name: "ties", Kink: true, In: []ir.Input{ir.Array([]int{2, 3}, 1, 1, 1, 2, 1, 2)}, Attrs: ir.ReduceAttrs{Axes: []int{1}}},
			ir.Sample{Name: "NaN and infinities", Pole: true, DTypes: dtypes.Floats, In: []ir.Input{ir.Array([]int{3, 3}, 1, nan, 2, -inf, inf, 0, lowest, lowest, lowest)},
				Attrs: ir.ReduceAttrs{Axes: []int{1}}, Want: []float64{nan, want, lowest}})
	}
	reduceMax = Define(ir.Op{
		Name: "ReduceMax", Family: "reduce", Cost: perOperandElement(1), Doc: "the largest x over the axes, NaN if one is", DTypes: dtypes.Reals, Attrs: ir.ReduceAttrs{}, HLO: "stablehlo.reduce",
		Infer:   reduceRule,
		Ref:     byKind(0, extremeRef(-1, larger[float64]), extremeRef(-1, larger[int64]), extremeRef(-1, larger[uint64]), nil),
		Samples: extremes(-inf, inf),
	}, Rule{VJP: extremeVJP})
	reduceMin = Define(ir.Op{
		Name: "ReduceMin", Family: "reduce", Cost: perOperandElement(1), Doc: "the smallest x over the axes, NaN if one is", DTypes: dtypes.Reals, Attrs: ir.ReduceAttrs{}, HLO: "stablehlo.reduce",
		Infer:   reduceRule,
		Ref:     byKind(0, extremeRef(1, smaller[float64]), extremeRef(1, smaller[int64]), extremeRef(1, smaller[uint64]), nil),
		Samples: extremes(inf, -inf),
	}, Rule{VJP: extremeVJP})
}
