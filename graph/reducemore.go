package graph

import (
	"errors"
	"math"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/elementary"
)

// ReduceMean returns the mean of x over the given axes, which are removed; over all axes if none are given.
// Negative axes count from the end. The mean of no elements is NaN. x must be a float or complex.
func ReduceMean(x *Node, reduceAxes ...int) *Node {
	return Apply(reduceMean, ir.ReduceAttrs{Axes: adjust("ReduceMean", x, reduceAxes)}, x)
}

// ReduceAllMean returns the mean of all elements of x, a scalar, as [ReduceMean] does.
func ReduceAllMean(x *Node) *Node { return ReduceMean(x) }

// Variance returns the variance of x over the given axes, which are removed; over all axes if none are given:
//
//	y = Σ (x - mean(x))² / n
//
// It divides by n, not by n-1. Negative axes count from the end. The variance of no elements is NaN. That of a complex x is
// real, with |x - mean(x)|², and made of other ops. x must be a float or complex.
func Variance(x *Node, axes ...int) *Node {
	if need("Variance", x); x.DType().IsComplex() {
		return complexVariance(x, adjust("Variance", x, axes))
	}
	return Apply(variance, ir.ReduceAttrs{Axes: adjust("Variance", x, axes)}, x)
}

// LogSumExp returns the logarithm of a sum of exponentials over the given axes, which are removed; over all axes
// if none are given:
//
//	y = log Σ exp(x) = m + log Σ exp(x - m), with m = max(x)
//
// without overflow. Negative axes count from the end. Of no elements, or of -∞ only, it is -∞. x must be a float.
func LogSumExp(x *Node, reduceAxes ...int) *Node {
	return Apply(logSumExp, ir.ReduceAttrs{Axes: adjust("LogSumExp", x, reduceAxes)}, x)
}

var errNilReduction = errors.New("the reduction is nil: give one of the reductions, such as ReduceSum")

// ReduceAndKeep returns reduceFn(operand, reduceAxes...) with the reduced axes kept, as axes of size 1; all axes if
// none are given. reduceFn is one of the reductions, such as [ReduceSum].
func ReduceAndKeep(operand *Node, reduceFn func(operand *Node, reduceAxes ...int) *Node, reduceAxes ...int) *Node {
	axes := adjust("ReduceAndKeep", operand, reduceAxes)
	if reduceFn == nil {
		operand.graph.fail("ReduceAndKeep", []shapes.Shape{operand.Shape()}, errNilReduction)
	}
	return keepAxes(reduceFn(operand, reduceAxes...), operand, axes)
}

// ReduceLogicalAnd returns whether all of x hold over the given axes, which are removed; over all axes if none are
// given. Of no elements it is true. x holds bools.
func ReduceLogicalAnd(x *Node, reduceAxes ...int) *Node {
	return Apply(reduceLogicalAnd, ir.ReduceAttrs{Axes: adjust("ReduceLogicalAnd", x, reduceAxes)}, x)
}

// ReduceLogicalOr returns whether any of x holds over the given axes, which are removed; over all axes if none are
// given. Of no elements it is false. x holds bools.
func ReduceLogicalOr(x *Node, reduceAxes ...int) *Node {
	return Apply(reduceLogicalOr, ir.ReduceAttrs{Axes: adjust("ReduceLogicalOr", x, reduceAxes)}, x)
}

// ReduceLogicalXor returns whether an odd number of x hold over the given axes, which are removed; over all axes if
// none are given. x holds bools.
func ReduceLogicalXor(x *Node, reduceAxes ...int) *Node {
	return Apply(reduceLogicalXor, ir.ReduceAttrs{Axes: adjust("ReduceLogicalXor", x, reduceAxes)}, x)
}

// LogicalAll is [ReduceLogicalAnd] for any dtype: whether all of x are other than 0.
func LogicalAll(x *Node, reduceAxes ...int) *Node {
	return ReduceLogicalAnd(ConvertDType(x, dtypes.Bool), reduceAxes...)
}

// LogicalAny is [ReduceLogicalOr] for any dtype: whether any of x is other than 0.
func LogicalAny(x *Node, reduceAxes ...int) *Node {
	return ReduceLogicalOr(ConvertDType(x, dtypes.Bool), reduceAxes...)
}

// ReduceBitwiseAnd returns the bits that are set in all of x over the given axes, which are removed; over all axes
// if none are given. Of no elements all bits are set. x holds integers.
func ReduceBitwiseAnd(x *Node, reduceAxes ...int) *Node {
	return Apply(reduceBitwiseAnd, ir.ReduceAttrs{Axes: adjust("ReduceBitwiseAnd", x, reduceAxes)}, x)
}

// ReduceBitwiseOr returns the bits that are set in any of x over the given axes, which are removed; over all axes if
// none are given. Of no elements it is 0. x holds integers.
func ReduceBitwiseOr(x *Node, reduceAxes ...int) *Node {
	return Apply(reduceBitwiseOr, ir.ReduceAttrs{Axes: adjust("ReduceBitwiseOr", x, reduceAxes)}, x)
}

// ReduceBitwiseXor returns the bits that are set in an odd number of x over the given axes, which are removed; over
// all axes if none are given. Of no elements it is 0. x holds integers.
func ReduceBitwiseXor(x *Node, reduceAxes ...int) *Node {
	return Apply(reduceBitwiseXor, ir.ReduceAttrs{Axes: adjust("ReduceBitwiseXor", x, reduceAxes)}, x)
}

var reduceMean, variance, logSumExp *ir.Op
var reduceLogicalAnd, reduceLogicalOr, reduceLogicalXor, reduceBitwiseAnd, reduceBitwiseOr, reduceBitwiseXor *ir.Op

// keepAxes gives y, a reduction of x over axes, these axes again, with size 1.
func keepAxes(y, x *Node, axes []int) *Node {
	s := x.Shape().Without(axes, true)
	y = Reshape(y, s.Dimensions...)
	if s.HasNames() {
		y = y.WithAxisNames(s.AxisNames...)
	}
	return y
}

// reduceKeep applies the row of a reduction over just these axes, counted from 0, and keeps them.
func reduceKeep(op *ir.Op, x *Node, axes []int) *Node {
	return keepAxes(Apply(op, ir.ReduceAttrs{Axes: axes}, x), x, axes)
}

// lanes returns, per element of a reduction of in over axes, the flat indices of what goes into it.
func lanes(in shapes.Shape, axes []int) [][]int {
	v := make([][]int, in.Without(axes, false).Size())
	to := reduceIndex(in, axes)
	for i := range in.Size() {
		v[to(i)] = append(v[to(i)], i)
	}
	return v
}

// reduceLanes is the meaning of a reduction that f computes from all elements at once.
func reduceLanes[T number](f func(x []T) T) func(any, []*tensors.Tensor, []*tensors.Tensor) {
	return func(attrs any, out, in []*tensors.Tensor) {
		x := load[T](in[0])
		var v []T
		for _, lane := range lanes(in[0].Shape(), attrs.(ir.ReduceAttrs).Axes) {
			v = append(v, f(convert(lane, func(i int) T { return x[i] })))
		}
		store(out[0], v)
	}
}

func varianceOf(x []float64) float64 {
	m := meanOf(x)
	return meanOf(convert(x, func(v float64) float64 { return (v - m) * (v - m) }))
}

func logSumExpOf(x []float64) float64 {
	at := largestOf(x)
	if at < 0 {
		return math.Inf(-1)
	}
	if m := x[at]; math.IsInf(m, 0) || m != m {
		return m
	}
	return x[at] + math.Log1p(sumOf(othersOf(x, at)))
}

// largestOf returns the place of the first largest element, or of the first NaN; -1 of nothing.
func largestOf(x []float64) int {
	at := -1
	for i, v := range x {
		if at < 0 || !(v <= x[at]) && x[at] == x[at] {
			at = i
		}
	}
	return at
}

// othersOf returns exp(x - x[at]) of all elements but that one, which has 1: the logarithm of a sum next to 1 needs
// what it is more.
func othersOf(x []float64, at int) []float64 {
	return convert(slices.Delete(slices.Clone(x), at, at+1), func(v float64) float64 { return expDifference(v, x[at]) })
}

// expDifference returns exp(x - m); what the difference loses to rounding counts.
func expDifference(x, m float64) float64 {
	d := x - m
	e := elementary.Exp(d)
	if lost := sumOf([]float64{x, -m, -d}); lost-lost == 0 {
		e += e * lost
	}
	return e
}

// count returns the number of elements of x that go into each element of its reduction over axes.
func count(x *Node, axes []int) int {
	n := 1
	for _, axis := range axes {
		n *= x.Shape().Dimensions[axis]
	}
	return n
}

// shareOfSum returns sum(x) / n, with at most most elements added up, in float32 for a narrower x. Float32 has no more
// range than bfloat16: where its sum is infinite, shares are added up.
func shareOfSum(x, n, most *Node, sum func(x *Node) *Node) *Node {
	w := wide(x)
	s := sum(w)
	y := Div(s, n)
	if x.DType() == dtypes.BFloat16 {
		y = Where(IsFinite(s), y, Mul(sum(Div(w, most)), Div(most, n)))
	}
	return y
}

// meanOver returns the mean of x over axes, in float32 for a narrower x.
func meanOver(x *Node, axes []int) *Node {
	n := Scalar(x.graph, wide(x).DType(), count(x, axes))
	return shareOfSum(x, n, n, func(x *Node) *Node { return sumOver(x, axes) })
}

// notInfinite returns m, the maximum of numbers that it is subtracted from, with 0 for -∞: then there are no
// other numbers.
func notInfinite(m *Node) *Node {
	return Where(Equal(m, Infinity(m.graph, m.DType(), -1)), ScalarZero(m.graph, m.DType()), m)
}

func init() {
	const other = "sums in another order"
	scalar := ir.Sample{Name: "scalar", In: []ir.Input{ir.ScalarValue(-1.25)}, Attrs: ir.ReduceAttrs{}}
	none := ir.Sample{Name: "none", Pole: true, In: []ir.Input{ir.Ramp(0, 3)}, Attrs: ir.ReduceAttrs{Axes: []int{0}}}
	last := ir.ReduceAttrs{Axes: []int{1}}
	reduceMean = Define(ir.Op{
		Name: "ReduceMean", Family: "reduce", Cost: perOperandElement(1), Doc: "Σ x / n over the axes", DTypes: dtypes.Inexact, Attrs: ir.ReduceAttrs{},
		Infer:   reduceRule,
		Ref:     byKind(0, reduceLanes(meanOf), nil, nil, reduceLanes(partsOf(meanOf))),
		Samples: append(reduceSamples(), scalar, none),
		Tol:     ir.ULP(16, other),
	}, Rule{
		JVPMulti: linear,
		Expand: func(attrs any, in []*Node) []*Node {
			return []*Node{ConvertDType(meanOver(in[0], attrs.(ir.ReduceAttrs).Axes), in[0].DType())}
		},
		VJP: func(y, dy *Node) []*Node {
			x, axes := y.Input(0), y.Attrs().(ir.ReduceAttrs).Axes
			dx := DivScalar(wide(dy), max(1, count(x, axes))) // float16 ends at 65504
			return []*Node{expandReduced(ConvertDType(dx, dy.DType()), x, axes)}
		},
	})
	variance = Define(ir.Op{
		Name: "Variance", Family: "reduce", Cost: perOperandElement(1), Doc: "Σ (x - mean)² / n over the axes", DTypes: dtypes.Floats, Attrs: ir.ReduceAttrs{},
		Infer: reduceRule,
		Ref:   reduceLanes(varianceOf),
		Samples: append(reduceSamples(), scalar, none,
			ir.Sample{Name: "a large mean", In: []ir.Input{ir.Values(1000, 1001, 1003, 998)}, Attrs: ir.ReduceAttrs{Axes: []int{0}}, Want: []float64{3.25}}),
		Tol: ir.ULP(32, other),
	}, Rule{
		Expand: func(attrs any, in []*Node) []*Node {
			x, axes := in[0], attrs.(ir.ReduceAttrs).Axes
			mean := reduceKeep(reduceMean, x, axes)
			if x.DType().IsHalf() { // not rounded to it
				mean = keepAxes(meanOver(x, axes), x, axes)
			}
			square := Square(Sub(wide(x), mean))
			return []*Node{ConvertDType(Apply(reduceMean, attrs, square), x.DType())}
		},
	})
	logSumExp = Define(ir.Op{
		Name: "LogSumExp", Family: "reduce", Cost: perOperandElement(1), Doc: "log Σ exp(x) over the axes", DTypes: dtypes.Floats, Attrs: ir.ReduceAttrs{},
		Infer: reduceRule,
		Ref:   reduceLanes(logSumExpOf),
		Samples: append(reduceSamples(), scalar, none,
			ir.Sample{Name: "large", In: []ir.Input{ir.Array([]int{2, 3}, 1000, 1001, 999, -1000, -1001, -999)}, Attrs: last},
			ir.Sample{Name: "NaN and infinities", Pole: true, In: []ir.Input{ir.Array([]int{4, 2}, -inf, -inf, -inf, 3, inf, 2, nan, 1)}, Attrs: last, Want: []float64{-inf, 3, inf, nan}}),
		Tol: ir.Tolerance{ULP: 8, Abs: 8, Why: library + ", and the logarithm may cancel the maximum"},
	}, Rule{
		Expand: inWide(func(attrs any, in []*Node) *Node {
			x, axes := in[0], attrs.(ir.ReduceAttrs).Axes
			m := notInfinite(StopGradient(reduceKeep(reduceMax, x, axes)))
			finite := Where(IsFinite(m), m, ScalarZero(m.graph, m.DType())) // ∞ - ∞ is not 0
			sum := Log(sumOver(Exp(Sub(x, finite)), axes))
			return Add(sum, Reshape(finite, sum.Shape().Dimensions...))
		}),
		VJP: func(y, dy *Node) []*Node { // dy·softmax(x); 0 of -∞ only, and what is +∞ leaves nothing to the rest
			x, axes := y.Input(0), y.Attrs().(ir.ReduceAttrs).Axes
			high, low := Infinity(x.graph, x.DType(), 1), Infinity(x.graph, x.DType(), -1)
			infinite := expandReduced(Equal(y, high), x, axes)
			x = Where(LogicalAnd(infinite, NotEqual(x, high)), low, Where(infinite, ScalarZero(x.graph, x.DType()), x))
			p := Apply(maskedSoftmax, ir.ReduceAttrs{Axes: axes}, x, ConstTensor(x.graph, tensors.FromScalar(true)))
			return []*Node{Mul(expandReduced(dy, x, axes), p)}
		},
	})

	truths := func(want ...float64) []ir.Sample {
		return []ir.Sample{
			{In: []ir.Input{ir.Array([]int{4, 3}, 0, 0, 0, 0, 1, 0, 1, 0, 1, 1, 1, 1)}, Attrs: last, Want: want},
			{Name: "first axis", In: []ir.Input{ir.Array([]int{2, 3}, 0, 1, 1, 0, 0, 1)}, Attrs: ir.ReduceAttrs{Axes: []int{0}}},
			{Name: "all", In: []ir.Input{ir.Array([]int{2, 2}, 1, 1, 1, 0)}, Attrs: ir.ReduceAttrs{Axes: []int{0, 1}}},
			{Name: "scalar", In: []ir.Input{ir.ScalarValue(1)}, Attrs: ir.ReduceAttrs{}},
			{Name: "none", In: []ir.Input{ir.Ramp(0, 2)}, Attrs: ir.ReduceAttrs{Axes: []int{0}}},
		}
	}
	logical := func(name, doc string, start uint64, f func(a, x uint64) uint64, want ...float64) *ir.Op {
		return Define(ir.Op{
			Name: name, Family: "reduce", Cost: perOperandElement(1), Doc: doc, DTypes: dtypes.Bools, Attrs: ir.ReduceAttrs{}, HLO: "stablehlo.reduce",
			Infer: reduceRule, Ref: reduceRef(start, f), Samples: truths(want...),
		}, Rule{ZeroGrad: "the result is a bool"})
	}
	and, or, xor := func(a, x uint64) uint64 { return a & x }, func(a, x uint64) uint64 { return a | x }, func(a, x uint64) uint64 { return a ^ x }
	reduceLogicalAnd = logical("ReduceLogicalAnd", "whether all x hold over the axes", 1, and, 0, 0, 0, 1)
	reduceLogicalOr = logical("ReduceLogicalOr", "whether any x holds over the axes", 0, or, 0, 1, 1, 1)
	reduceLogicalXor = logical("ReduceLogicalXor", "whether an odd number of x hold over the axes", 0, xor, 0, 1, 0, 1)

	bits := func(name, doc string, start uint64, f func(a, x uint64) uint64) *ir.Op {
		signed := func(a, x int64) int64 { return int64(f(uint64(a), uint64(x))) }
		return Define(ir.Op{
			Name: name, Family: "reduce", Cost: perOperandElement(1), Doc: doc, DTypes: dtypes.Ints, Attrs: ir.ReduceAttrs{}, HLO: "stablehlo.reduce",
			Infer: reduceRule, Ref: byKind(0, nil, reduceRef(int64(start), signed), reduceRef(start, f), nil),
			Samples: []ir.Sample{
				{In: []ir.Input{ir.Array([]int{2, 3}, 7, 13, 5, 100, -1, 96)}, Attrs: last},
				{Name: "first axis", In: []ir.Input{ir.Array([]int{2, 3}, 7, 13, 5, 100, -1, 96)}, Attrs: ir.ReduceAttrs{Axes: []int{0}}},
				{Name: "scalar", In: []ir.Input{ir.ScalarValue(5)}, Attrs: ir.ReduceAttrs{}},
				{Name: "none", In: []ir.Input{ir.Ramp(0, 2)}, Attrs: ir.ReduceAttrs{Axes: []int{0}}},
			},
		}, Rule{ZeroGrad: "integers have no gradient"})
	}
	reduceBitwiseAnd = bits("ReduceBitwiseAnd", "the bits set in all x over the axes", math.MaxUint64, and)
	reduceBitwiseOr = bits("ReduceBitwiseOr", "the bits set in any x over the axes", 0, or)
	reduceBitwiseXor = bits("ReduceBitwiseXor", "the bits set in an odd number of x over the axes", 0, xor)
}
