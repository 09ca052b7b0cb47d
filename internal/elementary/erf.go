package elementary

import "math"

// Erf returns the error function.
func Erf(x float64) float64 { return math.Erf(x) }

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
