package graph

import (
	"math"

	"github.com/quire-ml/quire/graph/dtypes"
)

// The normal distribution, with all digits also in its tails, where 1 + erf(x/√2) cancels.

// cdfEnd is from where on the normal distribution is 0 or 1 in every dtype.
const cdfEnd = 40

// expandCDF is Φ by the series of the complementary error function, erfc(|x|/√2)/2 = Φ(-|x|).
func expandCDF(x *Node) *Node {
	size := Abs(ClipScalar(x, -cdfEnd, cdfEnd))
	high, low := halfSquare(size)
	tail := MulScalar(erfcTail(MulScalar(size, math.Sqrt2/2), high, low), 0.5)
	return Where(IsNegative(x), tail, OneMinus(tail))
}

// halfSquare returns x²/2 as a sum of an exact part and a small one: an exponential shows how it was rounded.
func halfSquare(x *Node) (high, low *Node) {
	bits := 11 // a square has twice as many
	if x.DType() == dtypes.Float64 {
		bits = 25
	}
	h := StopGradient(ReducePrecision(x, exponentBits(x.DType()), bits))
	return MulScalar(Square(h), 0.5), MulScalar(Mul(Sub(x, h), Add(x, h)), 0.5)
}

func exponentBits(d dtypes.DType) int {
	if d == dtypes.Float64 {
		return 11
	}
	return 8
}

// normalDensity returns φ(x) = exp(-x²/2) / √(2π).
func normalDensity(x *Node) *Node {
	high, low := halfSquare(ClipScalar(x, -cdfEnd, cdfEnd))
	return MulScalar(Mul(Exp(Neg(high)), Exp(Neg(low))), 1/math.Sqrt(2*math.Pi))
}
