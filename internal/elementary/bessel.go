package elementary

import "math"

// The scaled modified Bessel functions of the first kind: up to 8 by their power series, whose terms are all positive, beyond by
// Chebyshev series in 16/x - 1, as in Moshier's Cephes; the coefficients are make.py's.

// BesselTerms is how many terms of the power series count up to 8.
const BesselTerms = 26

// BesselI0e returns exp(-|x|)·I₀(x).
func BesselI0e(x float64) float64 {
	a := math.Abs(x)
	if a <= 8 {
		return besselSeries(a, 0) * Exp(-a)
	}
	return clenshaw(BesselI0Far[:], 16/a-1) / math.Sqrt(a)
}

// BesselI1e returns exp(-|x|)·I₁(x).
func BesselI1e(x float64) float64 {
	a := math.Abs(x)
	if a <= 8 {
		return x / 2 * (besselSeries(a, 1) * Exp(-a))
	}
	return math.Copysign(clenshaw(BesselI1Far[:], 16/a-1)/math.Sqrt(a), x)
}

// besselSeries returns the sum of (x²/4)ᵏ·n!/(k!·(k+n)!): Iₙ(x) without its factor (x/2)ⁿ/n!. Abramowitz and Stegun, 9.6.10.
func besselSeries(x float64, n int) float64 {
	z, sum := x*x/4, 1.0
	for k := BesselTerms; k > 0; k-- {
		sum = 1 + z*sum/float64(k*(k+n))
	}
	return sum
}

// clenshaw returns the sum of c[k]·T_k(t).
func clenshaw(c []float64, t float64) float64 {
	b, after := 0.0, 0.0
	for k := len(c) - 1; k > 0; k-- {
		b, after = 2*t*b-after+c[k], b
	}
	return t*b - after + c[0]
}
