package elementary

import "math"

// Erf returns the error function.
func Erf(x float64) float64 { return math.Erf(x) }

// Erfc returns 1 - erf(x).
func Erfc(x float64) float64 {
	switch {
	case x < 0.5:
		return 1 - math.Erf(x)
	case x > 28:
		return 0
	case x != x:
		return x
	}
	hi, lo := twoProduct(x, -x) // all digits of the square: exp's relative error is their absolute one
	m, tail, k := expParts(hi, lo)
	return scale(erfcx(x)*(m+tail), k)
}

// ErfInv returns the number whose error function is y.
//
// Method: Wichura's approximation ("Algorithm AS 241: The percentage points of the normal distribution", 1988), which Go has, and
// a step of Newton's.
func ErfInv(y float64) float64 {
	x := math.Erfinv(y)
	a := math.Abs(x)
	switch {
	case a < 0x1p-30:
		return y * (math.Sqrt(math.Pi) / 2)
	case !(a < 7): // ±∞, NaN
		return x
	}
	slope := 2 / math.Sqrt(math.Pi) * Exp(-x*x)
	if a < 0.5 {
		return x - (math.Erf(x)-y)/slope
	}
	return math.Copysign(a+(Erfc(a)-(1-math.Abs(y)))/slope, y)
}

// erfcx returns erfc(x)·exp(x²) for x ≥ 0.
func erfcx(x float64) float64 {
	q := (x - 2) / (x + 2)
	p := 0.0
	for i := len(erfcxs) - 1; i >= 0; i-- {
		p = p*q + erfcxs[i]
	}
	return p / (1 + 2*x)
}

// NormalCDF returns Φ(x) = erfc(-x/√2)/2, the normal distribution.
func NormalCDF(x float64) float64 {
	switch {
	case x > -1:
		return (1 + math.Erf(x*(math.Sqrt2/2))) / 2
	case x < -45:
		return 0
	case x != x:
		return x
	}
	m, k := normalTail(x)
	return scale(m, k)
}

// normalTail returns Φ(x), of x from -45 to -1, as m·2ᵏ.
func normalTail(x float64) (m float64, k int) {
	hi, lo := twoProduct(x, -x/2) // all digits of the square: exp's relative error is their absolute one
	m, _, k = expParts(hi, lo)
	return erfcx(-x*(math.Sqrt2/2)) / 2 * m, k
}

// Gelu returns x·Φ(x) = x/2 · erfc(-x/√2), Φ being the normal distribution.
func Gelu(x float64) float64 {
	switch {
	case x > -1:
		return x / 2 * (1 + math.Erf(x*(math.Sqrt2/2)))
	case x < -45:
		return math.Copysign(0, -1)
	case x != x:
		return x
	}
	m, k := normalTail(x)
	return scale(x*m, k)
}

// GeluApproximate returns x/2 · (1 + tanh(u)) = x / (1 + exp(-2u)) with u = √(2/π)·(x + 0.044715·x³).
func GeluApproximate(x float64) float64 {
	switch {
	case x > 40:
		return x
	case x < -40:
		return math.Copysign(0, -1)
	case x != x || x == 0:
		return x
	}
	// 2u = x · 2√(2/π) · (1 + 0.044715·x²), to twice as many digits: where it is large, its error is exp's relative one
	s, sLow := twoProduct(x, x)
	c, cLow := twoProduct(s, geluCubeHi)
	cLow += s*geluCubeLo + sLow*geluCubeHi
	d, dLow := twoSum(1, c)
	dLow += cLow
	g, gLow := twoProduct(x, geluScaleHi)
	gLow += x * geluScaleLo
	u, uLow := twoProduct(d, g)
	uLow += d*gLow + dLow*g
	if x > 0 {
		return x / (1 + Exp(-u))
	}
	m, tail, k := expParts(u, uLow)
	return scale(x*(m+tail)/(1+scale(m, k)), k)
}

// ErfcSeries are the Chebyshev coefficients, in 2t - 1, of log(erfc(x)/t) + x² for t = 2/(2 + x), of which the first
// counts half. They were worked out with 60 digits; what is left out is below 1e-17, and after
// 16 of them below 2e-10.
var ErfcSeries = []float64{
	-1.302653719781709434, 0.6419697923564902603, 0.01947647320418583631, -0.009561514786808631642, -0.0009465953444820368663,
	0.0003668394978527614519, 0.00004252332480690777164, -0.00002027857811253424315, -1.624290004647025513e-6,
	1.303655835580523202e-6, 1.562644172206614318e-8, -8.523809591492654253e-8, 6.529054439098851496e-9,
	5.059343495551468942e-9, -9.913641564930330867e-10, -2.273651222931835856e-10, 9.646791102015526802e-11,
	2.394038083039114745e-12, -6.886027526497553398e-12, 8.944879273090725717e-13, 3.130921399342958078e-13,
	-1.127082236136725237e-13, 3.810905255189232055e-16, 7.106097613609236988e-15, -1.523028201457104304e-15,
	-9.457494571291234e-17, 1.210237189224278992e-16, -2.816663087747176972e-17,
}
