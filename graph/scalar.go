package graph

import (
	"fmt"
	"math"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

// Forms of the ops with a Go number as one operand. The number is converted to x's dtype; one that it cannot hold (0.5
// or 300 for an int8, 70000 for a float16) is an error rather than another number, see [ConstAsDType].

// AddScalar returns x + scalar, element by element.
func AddScalar[N dtypes.Scalar](x *Node, scalar N) *Node {
	return Add(x, scalarLike("AddScalar", x, scalar))
}

// SubScalar returns x - scalar, element by element.
func SubScalar[N dtypes.Scalar](x *Node, scalar N) *Node {
	return Sub(x, scalarLike("SubScalar", x, scalar))
}

// MulScalar returns x · scalar, element by element.
func MulScalar[N dtypes.Scalar](x *Node, scalar N) *Node {
	return Mul(x, scalarLike("MulScalar", x, scalar))
}

// DivScalar returns x / scalar, element by element; integers are divided as [Div] does. A scalar 0 for an
// integer x is an error.
func DivScalar[N dtypes.Scalar](x *Node, scalar N) *Node {
	return Div(x, divisorLike("DivScalar", x, scalar))
}

// PowScalar returns x to the power of scalar, element by element, as [Pow] does; a square is a
// product.
func PowScalar[N dtypes.Scalar](x *Node, scalar N) *Node {
	if isInexact(x.DType()) {
		switch scalar {
		case 1:
			return x
		case 2:
			return Square(x)
		}
	}
	return Pow(x, scalarLike("PowScalar", x, scalar))
}

// ModScalar returns the remainder of x / scalar, element by element, with the sign of x, as [Rem] does. A
// scalar 0 for an integer x is an error.
func ModScalar[N dtypes.Scalar](x *Node, scalar N) *Node {
	return Rem(x, divisorLike("ModScalar", x, scalar))
}

// MaxScalar returns the larger of x and scalar, element by element, as [Max] does: where they are equal, half of the
// gradient goes to x.
func MaxScalar[N dtypes.Scalar](x *Node, scalar N) *Node {
	return Max(x, scalarLike("MaxScalar", x, scalar))
}

// MinScalar returns the smaller of x and scalar, element by element, as [Min] does: where they are equal, half of the
// gradient goes to x.
func MinScalar[N dtypes.Scalar](x *Node, scalar N) *Node {
	return Min(x, scalarLike("MinScalar", x, scalar))
}

// BitwiseShiftLeftScalar returns x shifted left by n bits, as [BitwiseShiftLeft] does.
func BitwiseShiftLeftScalar[N dtypes.Scalar](x *Node, n N) *Node {
	return BitwiseShiftLeft(x, scalarLike("BitwiseShiftLeftScalar", x, n))
}

// BitwiseShiftRightArithmeticScalar returns x shifted right by n bits, the top bit being repeated, as
// [BitwiseShiftRightArithmetic] does.
func BitwiseShiftRightArithmeticScalar[N dtypes.Scalar](x *Node, n N) *Node {
	return BitwiseShiftRightArithmetic(x, scalarLike("BitwiseShiftRightArithmeticScalar", x, n))
}

// BitwiseShiftRightLogicalScalar returns x shifted right by n bits, zeros coming in, as
// [BitwiseShiftRightLogical] does.
func BitwiseShiftRightLogicalScalar[N dtypes.Scalar](x *Node, n N) *Node {
	return BitwiseShiftRightLogical(x, scalarLike("BitwiseShiftRightLogicalScalar", x, n))
}

// OnePlus returns 1 + x, element by element.
func OnePlus(x *Node) *Node { return Add(ScalarOne(x.graph, x.DType()), x) }

// OneMinus returns 1 - x, element by element.
func OneMinus(x *Node) *Node { return Sub(ScalarOne(x.graph, x.DType()), x) }

// MinusOne returns x - 1, element by element.
func MinusOne(x *Node) *Node { return Sub(x, ScalarOne(x.graph, x.DType())) }

// IsZero returns x = 0, element by element, as bools.
func IsZero(x *Node) *Node { return Equal(x, ScalarZero(x.graph, x.DType())) }

// IsPositive returns x > 0, element by element, as bools. NaN gives false.
func IsPositive(x *Node) *Node { return GreaterThan(x, ScalarZero(x.graph, x.DType())) }

// IsNegative returns x < 0, element by element, as bools. NaN gives false.
func IsNegative(x *Node) *Node { return LessThan(x, ScalarZero(x.graph, x.DType())) }

// IsNonNegative returns x ≥ 0, element by element, as bools. NaN gives false.
func IsNonNegative(x *Node) *Node { return GreaterOrEqual(x, ScalarZero(x.graph, x.DType())) }

// IsNonPositive returns x ≤ 0, element by element, as bools. NaN gives false.
func IsNonPositive(x *Node) *Node { return LessOrEqual(x, ScalarZero(x.graph, x.DType())) }

// PositiveIndicator returns 1 where x > 0 and 0 elsewhere, in x's dtype.
func PositiveIndicator(x *Node) *Node { return ConvertDType(IsPositive(x), x.DType()) }

// NegativeIndicator returns 1 where x < 0 and 0 elsewhere, in x's dtype.
func NegativeIndicator(x *Node) *Node { return ConvertDType(IsNegative(x), x.DType()) }

// NonNegativeIndicator returns 1 where x ≥ 0 and 0 elsewhere, in x's dtype.
func NonNegativeIndicator(x *Node) *Node { return ConvertDType(IsNonNegative(x), x.DType()) }

// NonPositiveIndicator returns 1 where x ≤ 0 and 0 elsewhere, in x's dtype.
func NonPositiveIndicator(x *Node) *Node { return ConvertDType(IsNonPositive(x), x.DType()) }

// SignPlusOrMinus returns 1 where x ≥ 0 and -1 elsewhere, in x's dtype, an integer or float; unlike [Sign] it
// is never 0. The gradient is 0.
func SignPlusOrMinus(x *Node) *Node {
	one := ScalarOne(x.graph, x.DType())
	return Where(IsNonNegative(x), one, Neg(one))
}

// MirroredLog1p returns sign(x) · log(1 + |x|), element by element: a logarithm for values of both signs. It is smooth,
// with slope 1 at 0. x must be a float.
func MirroredLog1p(x *Node) *Node {
	below := IsNegative(x)
	y := Log1p(Where(below, Neg(x), x)) // not |x|, whose slope at 0 is 0
	return Where(below, Neg(y), y)
}

// Infinity returns, as a scalar, +∞ if sign ≥ 0 and -∞ if it is negative. Integers have no infinity: they
// get the largest or smallest value of dtype. It panics with [Error] for other dtypes.
func Infinity(g *Graph, dtype dtypes.DType, sign int) *Node {
	lo, hi := dtypes.Limits(dtype)
	switch {
	case lo == nil:
		g.fail("Infinity", nil, fmt.Errorf("%s is not ordered", dtype))
	case dtype.IsFloat():
		return Scalar(g, dtype, math.Copysign(math.Inf(1), float64(2*sign+1)))
	case sign >= 0:
		return ConstAsDType(g, dtype, hi)
	}
	return ConstAsDType(g, dtype, lo)
}

// scalarLike returns v as a constant of x's dtype, which must be able to hold it.
func scalarLike[N dtypes.Scalar](op string, x *Node, v N) *Node {
	need(op, x)
	return scalarOf(op, x.graph, x.DType(), v, x.Shape())
}

// divisorLike is scalarLike for what integers are divided by.
func divisorLike[N dtypes.Scalar](op string, x *Node, v N) *Node {
	if v == 0 && x.DType().IsInt() {
		x.graph.fail(op, []shapes.Shape{x.Shape()}, errDivide)
	}
	return scalarLike(op, x, v)
}
