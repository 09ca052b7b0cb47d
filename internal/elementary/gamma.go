package elementary

import "math"

// Lgamma returns log|Γ(x)|, +∞ at 0, -1, -2, ….
//
// Method: for x > 16, and next to the zeros at 1 and 2, FreeBSD's e_lgamma_r.c, which Go has; below 16 Stirling's series with more
// digits; below 0 by Γ(x)·Γ(-x) = -π/(x·sin(πx)), to more digits, since there are
// zeros where the parts cancel.
func Lgamma(x float64) float64 {
	switch a := math.Abs(x); {
	case math.IsInf(x, 0):
		return a
	case a < 0x1p-70: // Γ(x) is 1/x
		return -Log(a)
	case x < 0:
		r := math.Abs(x - math.RoundToEven(x))
		if r == 0 {
			return math.Inf(1)
		}
		return lgammaBelow(a, r)
	}
	y, _ := math.Lgamma(x)
	if x < 16 && math.Abs(y) > 0x1p-6 { // from 1 to 2 it is off by up to 22 units in the last place
		hi, lo := lgammaParts(x)
		return hi + lo
	}
	return y
}

// lgammaBelow returns log|Γ(-a)| of a at a distance of r from a whole number.
func lgammaBelow(a, r float64) float64 {
	hi, lo := lgammaParts(a)
	hi, lo = addParts(logPiHi, logPiLo, -hi, -lo)
	h, l := logParts(a)
	hi, lo = addParts(hi, lo, -h, -l)
	p, q := twoProduct(r, math.Pi)
	s := sine(p, q+r*piLo)
	if p > math.Pi/4 {
		c, rest := twoSum(halfPiHi, -p)
		s = cosine(c, rest+(halfPiLo-q-r*piLo))
	}
	h, l = logParts(s)
	hi, lo = addParts(hi, lo, -h, -l)
	return hi + lo
}

// lgammaParts returns log Γ(x), for x > 0, as hi + lo, by Stirling's series (Abramowitz and Stegun, 6.1.40); of x < 16 by
// Γ(x) = Γ(x + n) / (x·(x + 1)·…·(x + n - 1)).
func lgammaParts(x float64) (hi, lo float64) {
	p, q, rest := 1.0, 0.0, 0.0
	for x < 16 {
		h, l := twoProduct(p, x)
		p, q = fastTwoSum(h, l+q*x+p*rest)
		sum, t := twoSum(x, 1)
		x, rest = sum, rest+t
	}
	z, tail := 1/(x*x), 0.0
	for k := len(stirling) - 1; k >= 0; k-- {
		tail = tail*z + stirling[k]
	}
	h, l := logSum(x, rest)
	c, d := twoSum(x, -0.5)
	hi, lo = twoProduct(c, h)
	lo += c*l + (d+rest)*h
	hi, lo = addParts(hi, lo, -x, -rest)
	hi, lo = addParts(hi, lo, logRootHi, logRootLo+tail/x)
	h, l = logSum(p, q)
	return addParts(hi, lo, -h, -l)
}

// addParts returns the sum of two such sums.
func addParts(x, xLow, y, yLow float64) (hi, lo float64) {
	hi, lo = twoSum(x, y)
	return fastTwoSum2(hi, lo+(xLow+yLow))
}

// Digamma returns the derivative of log Γ(x), NaN at 0, -1, -2, ….
//
// Method: for x from 1 to 2 a polynomial times the distance from the zero; up to 10 by ψ(x + 1) = ψ(x) + 1/x; above by the
// asymptotic series (Abramowitz and Stegun, 6.3.18); below 0 by ψ(1 - x) - π·cot(πx).
func Digamma(x float64) float64 {
	switch {
	case x != x || math.IsInf(x, 1):
		return x
	case x > 0:
		return digamma(x)
	}
	r := x - math.RoundToEven(x)
	if r == 0 || math.IsInf(x, 0) {
		return math.NaN()
	}
	cot := 1 / r // π times it
	if math.Abs(r) > 1e-9 {
		s, c := Sincos(math.Pi * r)
		cot = math.Pi * c / s
	}
	return digamma(1-x) - cot
}

// digamma is Digamma for x > 0.
func digamma(x float64) float64 {
	if x >= 10 {
		z := 1 / (x * x)
		p := 0.0
		for i := len(digammaTail) - 1; i >= 0; i-- {
			p = z * (p + digammaTail[i])
		}
		return Log(x) - (0.5/x + p)
	}
	sum := 0.0
	for x > 2 {
		x-- // exact
		sum += 1 / x
	}
	if x < 1 {
		sum = -1 / x
		x++
	}
	t, p := 2*x-3, 0.0
	for i := len(digammas) - 1; i >= 0; i-- {
		p = p*t + digammas[i]
	}
	return sum + ((x-psiRootHi)-psiRootLo)*p
}
