package graph

import (
	"fmt"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// L1Norm returns the sum of absolute values of x over the given axes, which are kept with size 1; over all axes, as a
// scalar, if none are given:
//
//	y = Σ |x|
//
// Negative axes count from the end. The norm of a complex x is real. x must be a number; the gradient at 0 is 0.
func L1Norm(x *Node, reduceAxes ...int) *Node { return norm(Abs(x), reduceAxes) }

// L2NormSquare returns the sum of squares of x over the given axes, which are kept with size 1; over all axes, as a
// scalar, if none are given:
//
//	y = Σ |x|²
//
// Negative axes count from the end. The norm of a complex x is real. x must be a number.
func L2NormSquare(x *Node, reduceAxes ...int) *Node {
	return ConvertDType(sumOfSquares(wide(x), reduceAxes), x.DType().Real())
}

// sumOfSquares is [L2NormSquare] in x's own dtype.
func sumOfSquares(x *Node, axes []int) *Node {
	if x.DType().IsComplex() { // |x|² is smooth at 0, |x| is not
		return norm(Add(Square(Real(x)), Square(Imag(x))), axes)
	}
	return norm(Square(x), axes)
}

// L2Norm returns the Euclidean length of x over the given axes, which are kept with size 1; over all axes, as a scalar,
// if none are given:
//
//	y = √(Σ |x|²)
//
// also where the squares are beyond what the dtype can hold. Negative axes count from the end. The norm of a complex x
// is real. x must be a float or complex; the gradient of a length of 0 is 0.
func L2Norm(x *Node, reduceAxes ...int) *Node {
	need("L2Norm", x)
	if !isInexact(x.DType()) {
		x.graph.fail("L2Norm", []shapes.Shape{x.Shape()}, fmt.Errorf("%s is not a dtype that it takes: float, complex (convert it with ConvertDType)", x.DType()))
	}
	w := wide(x)
	s := squareScale(w, reduceAxes, true)
	square := sumOfSquares(scaled(w, s), reduceAxes)
	none := IsZero(square)
	root := Where(none, square, Sqrt(Where(none, OnesLike(square), square)))
	return ConvertDType(Div(root, Reshape(s, root.Shape().Dimensions...)), x.DType().Real())
}

// squareScale returns, for the numbers along axes, which are kept, a power of two by which they can be multiplied so
// that their squares, and the sum of these, are numbers as exact as they are: 1 but for large ones and, with small, for
// small ones. No gradient flows through it.
//
// Source: Blue, "A Portable Fortran Program to Find the Euclidean Norm of a Vector", 1978, with one scale for all.
func squareScale(x *Node, axes []int, small bool) *Node {
	var size *Node
	if x.DType().IsComplex() {
		size = Max(Abs(Real(x)), Abs(Imag(x)))
	} else {
		size = Abs(x)
	}
	largest := StopGradient(ReduceAndKeep(size, ReduceMax, axes...))
	// Of float32: 2^44 and 2^-40 are where squares of 2^20 numbers get near the ends of the range; 2^80 brings what is
	// beyond, up to the ends, well within.
	high, low, by := 0x1p44, 0x1p-40, 0x1p80
	if size.DType() == dtypes.Float64 {
		high, low, by = 0x1p490, 0x1p-460, 0x1p600
	}
	number := func(v float64) *Node { return Scalar(x.graph, size.DType(), v) }
	s := number(1)
	if small {
		s = Where(LogicalAnd(IsPositive(largest), LessThan(largest, number(low))), number(by), s)
	}
	return Where(GreaterThan(largest, number(high)), number(1/by), s)
}

// scaled returns x · s, with a real s.
func scaled(x, s *Node) *Node {
	if x.DType().IsComplex() {
		return Complex(Mul(Real(x), s), Mul(Imag(x), s))
	}
	return Mul(x, s)
}

// L2Normalize returns x divided by its Euclidean length over the given axes:
//
//	y = x / √(Σ |x|²)
//
// Negative axes count from the end. What has length 0 stays 0, and gets the gradient of the result. The result has the
// shape and dtype of x, a float or complex.
func L2Normalize(x *Node, reduceAxis int, moreReduceAxes ...int) *Node {
	return L2NormalizeWithEpsilon(x, 0, reduceAxis, moreReduceAxes...)
}

// L2NormalizeWithEpsilon returns x divided by its Euclidean length over the given axes, with epsilon added to the sum of
// squares, so that short vectors are not blown up:
//
//	y = x / √(Σ |x|² + epsilon)
//
// Negative axes count from the end. The result has the shape and dtype of x, a float or complex.
func L2NormalizeWithEpsilon(x *Node, epsilon float64, reduceAxis int, moreReduceAxes ...int) *Node {
	axes := adjust("L2Normalize", x, append([]int{reduceAxis}, moreReduceAxes...))
	return Apply(l2Normalize, ir.NormalizeAttrs{Axes: axes, Epsilon: epsilon}, x)
}

var l2Normalize *ir.Op

func init() {
	l2Normalize = Define(ir.Op{
		Name: "L2Normalize", Family: "reduce", Cost: perOperandElement(3), Doc: "x / √(Σ |x|² + epsilon)", DTypes: dtypes.Inexact, Attrs: ir.NormalizeAttrs{},
		Infer: sameShape,
		Samples: []ir.Sample{
			{Name: "last axis", In: []ir.Input{ir.Ramp(2, 5)}, Attrs: ir.NormalizeAttrs{Axes: []int{1}}},
			{Name: "with epsilon", In: []ir.Input{ir.Ramp(2, 5)}, Attrs: ir.NormalizeAttrs{Axes: []int{0}, Epsilon: 0.5}},
			{Name: "two axes", In: []ir.Input{ir.Ramp(2, 3, 2)}, Attrs: ir.NormalizeAttrs{Axes: []int{0, 2}}},
			{Name: "by hand", In: []ir.Input{ir.Values(3, 4)}, Attrs: ir.NormalizeAttrs{Axes: []int{0}}, DTypes: dtypes.Floats, Want: []float64{0.6, 0.8}},
			{Name: "large and small", In: []ir.Input{ir.Array([]int{2, 2}, 3e18, 4e18, 3e-20, 4e-20)}, Attrs: ir.NormalizeAttrs{Axes: []int{1}}, DTypes: dtypes.Floats &^ dtypes.SetOf(dtypes.Float16), Want: []float64{0.6, 0.8, 0.6, 0.8}, Pole: true},
			{Name: "length 0", In: []ir.Input{ir.Array([]int{2, 2}, 0, 0, 3, 4)}, Attrs: ir.NormalizeAttrs{Axes: []int{1}}, Kink: true},
		},
		Tol: ir.ULP(8, "sums in another order"),
	}, Rule{
		Expand: func(attrs any, in []*Node) []*Node {
			a, x := attrs.(ir.NormalizeAttrs), in[0]
			w := wide(x)
			s := squareScale(w, a.Axes, a.Epsilon == 0) // beside epsilon small ones are nothing
			w = scaled(w, s)
			square := sumOfSquares(w, a.Axes)
			if a.Epsilon != 0 {
				square = Add(square, MulScalar(Square(s), a.Epsilon))
			}
			square = Where(IsZero(square), OnesLike(square), square) // what has length 0 stays 0
			return []*Node{ConvertDType(Div(w, ConvertDType(Sqrt(square), w.DType())), x.DType())}
		},
	})
}

// CosineSimilarity returns the cosine of the angle between lhs and rhs, vectors along the given axis, which is kept with
// size 1:
//
//	y = Σ x·conj(y) / (√(Σ |x|²) · √(Σ |y|²))
//
// lhs and rhs have the same rank and are broadcast. A negative axis counts from the end. With a vector of length 0 it is 0. The operands must be
// floats or complex.
func CosineSimilarity(lhs, rhs *Node, axis int) *Node {
	x, y := L2Normalize(wide(lhs), axis), L2Normalize(wide(rhs), axis)
	return ConvertDType(ReduceAndKeep(Mul(x, Conj(y)), ReduceSum, axis), lhs.DType())
}

// norm sums x; axes that are given are kept.
func norm(x *Node, axes []int) *Node {
	if len(axes) == 0 {
		return ReduceAllSum(x)
	}
	return ReduceAndKeep(x, ReduceSum, axes...)
}
