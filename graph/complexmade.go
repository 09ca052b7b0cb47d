package graph

import (
	"math"

	"github.com/quire-ml/quire/graph/shapes"
)

// Functions whose rows are of real numbers, for complex ones: made of other rows.

// complexPow returns exp(rhs·log(lhs)), with the principal logarithm. Of 0 it is 1 to the power of 0, 0 to one whose real part is above 0, and
// otherwise NaN.
func complexPow(lhs, rhs *Node) *Node {
	in := []shapes.Shape{lhs.Shape(), rhs.Shape()}
	if err := sameDType(in); err != nil {
		lhs.graph.fail(pow.Name, in, err)
	}
	s, err := shapes.Broadcast(in...)
	if err != nil {
		lhs.graph.fail(pow.Name, in, err)
	}
	operands := []*Node{BroadcastToShape(lhs, s), BroadcastToShape(rhs, s)}
	return WithCustomGradient(operands, func(in []*Node) []*Node {
		x, y := in[0], in[1]
		one, zero := ScalarOne(x.graph, x.DType()), ScalarZero(x.graph, x.DType())
		power := Exp(Mul(y, Log(Where(IsZero(x), one, x))))
		of0 := Where(IsPositive(Real(y)), zero, Div(zero, zero))
		return []*Node{Where(IsZero(y), one, Where(IsZero(x), of0, power))}
	}, func(in, out, dOut []*Node) []*Node {
		x, y, one := in[0], in[1], ScalarOne(in[0].graph, in[0].DType())
		// d(xʸ)/dx = y·xʸ⁻¹, 0 for y = 0, of 0 too.
		dx := Mul(y, Pow(x, MinusOne(Where(IsZero(y), one, y))))
		// d(xʸ)/dy = xʸ·log(x), 0 for x = 0, where there is no logarithm.
		dy := Where(IsZero(x), ZerosLike(x), Mul(out[0], Log(Where(IsZero(x), one, x))))
		return []*Node{Mul(dOut[0], dx), Mul(dOut[0], dy)}
	})[0]
}

// complexExpm1 is exp(a)·cos(b) - 1 = expm1(a)·cos(b) - 2·sin²(b/2), and exp(a)·sin(b).
func complexExpm1(x *Node) *Node {
	a, b := Real(x), Imag(x)
	re := Sub(Mul(Expm1(a), Cos(b)), MulScalar(Square(Sin(MulScalar(b, 0.5))), 2))
	// exp(a) may be infinite, whose product with sin(0) is NaN: a real number stays one.
	power := Exp(a)
	return Complex(re, Where(LogicalAnd(IsZero(b), LogicalNot(IsFinite(power))), b, Mul(power, Sin(b))))
}

// complexLog1p is log|1 + x| = log1p(a² + 2a + b²)/2 near 0, and the angle of 1 + x.
func complexLog1p(x *Node) *Node {
	a, b := Real(x), Imag(x)
	near := LogicalAnd(LessThan(Abs(a), Scalar(a.graph, a.DType(), 0.5)), LessThan(Abs(b), Scalar(a.graph, a.DType(), 0.5)))
	zero := ScalarZero(a.graph, a.DType())
	na, nb := Where(near, a, zero), Where(near, b, zero)
	small := MulScalar(Log1p(Add(Mul(na, AddScalar(na, 2)), Square(nb))), 0.5)
	far := Log(OnePlus(Where(near, ZerosLike(x), x)))
	return Complex(Where(near, small, Real(far)), Atan2(b, OnePlus(a)))
}

// complexLog2 and complexExp2 change the base of what is to base e.
func complexLog2(x *Node) *Node { return timesReal(Log(x), 1/math.Ln2) }
func complexExp2(x *Node) *Node { return Exp(timesReal(x, math.Ln2)) }

// timesReal multiplies both parts of a complex number by c. A product of complex numbers has c·y - 0·x in its parts, NaN where one is infinite.
func timesReal(x *Node, c float64) *Node {
	return Complex(MulScalar(Real(x), c), MulScalar(Imag(x), c))
}

// complexVariance is the mean of |x - mean(x)|², which is real.
func complexVariance(x *Node, axes []int) *Node {
	c := Sub(x, ReduceAndKeep(x, ReduceMean, axes...))
	return ReduceMean(Add(Square(Real(c)), Square(Imag(c))), axes...)
}
