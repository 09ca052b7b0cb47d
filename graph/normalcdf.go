package graph

import (
	"math"

	"github.com/quire-ml/quire/graph/dtypes"
)

// The normal distribution, with all digits also in its tails, where 1 + erf(x/√2) cancels.

// cdfEnd is from where on the normal distribution is 0 or 1 in every dtype.
const cdfEnd = 40

// erfcSeries are the Chebyshev coefficients, in 2t - 1, of log(erfc(x)/t) + x² for t = 2/(2 + x), of which the first
// counts half. They were worked out with 60 digits; what is left out is below 1e-17, and after 16 of them below 2e-10.
var erfcSeries = []float64{
	-1.302653719781709434, 0.6419697923564902603, 0.01947647320418583631, -0.009561514786808631642, -0.0009465953444820368663,
	0.0003668394978527614519, 0.00004252332480690777164, -0.00002027857811253424315, -1.624290004647025513e-6,
	1.303655835580523202e-6, 1.562644172206614318e-8, -8.523809591492654253e-8, 6.529054439098851496e-9,
	5.059343495551468942e-9, -9.913641564930330867e-10, -2.273651222931835856e-10, 9.646791102015526802e-11,
	2.394038083039114745e-12, -6.886027526497553398e-12, 8.944879273090725717e-13, 3.130921399342958078e-13,
	-1.127082236136725237e-13, 3.810905255189232055e-16, 7.106097613609236988e-15, -1.523028201457104304e-15,
	-9.457494571291234e-17, 1.210237189224278992e-16, -2.816663887747176972e-17,
}

// expandCDF is Φ by the series of the complementary error function, erfc(|x|/√2)/2 = Φ(-|x|).
func expandCDF(x *Node) *Node {
	size := Abs(ClipScalar(x, -cdfEnd, cdfEnd))
	t := Div(Scalar(x.graph, x.DType(), 2), AddScalar(MulScalar(size, math.Sqrt2/2), 2))
	terms := len(erfcSeries)
	if x.DType() == dtypes.Float32 {
		terms = 16
	}
	u := AddScalar(MulScalar(t, 4), -2) // twice the argument of the polynomials
	b, after := ZerosLike(x), ZerosLike(x)
	for k := terms - 1; k > 0; k-- { // Clenshaw's recurrence
		b, after = AddScalar(Sub(Mul(u, b), after), erfcSeries[k]), b
	}
	p := AddScalar(Sub(MulScalar(Mul(u, b), 0.5), after), erfcSeries[0]/2)
	high, low := halfSquare(size)
	tail := MulScalar(Mul(t, Mul(Exp(Neg(high)), Exp(Sub(p, low)))), 0.5)
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
