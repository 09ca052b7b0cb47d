package elementary

import "math"

// logParts returns log(x) as hi + lo, of a positive finite x, with an error of about 2⁻⁶⁶ of it.
//
// Method: x = 2ᵏ·z with z around 1; a table has 1/c, to 10 bits, and log(c) for a c near z; log(z/c) = log(1 + r) is a
// polynomial of r = z/c - 1, |r| < 2⁻⁷.
func logParts(x float64) (hi, lo float64) {
	e := 0
	if x < 0x1p-1022 {
		x, e = x*0x1p54, -54
	}
	bits := math.Float64bits(x)
	from := bits - logBase
	k := float64(int64(from)>>52 + int64(e))
	z := bits - from&(0xfff<<52)
	t := &logs[from>>45&127]
	// r = z·inv - 1, exactly r + rest: z in two halves, whose products with 10 bits have no error.
	head := math.Float64frombits(z &^ (1<<27 - 1))
	a, b := head*t.inv-1, (math.Float64frombits(z)-head)*t.inv
	r, rest := fastTwoSum(a, b)
	if a == 0 {
		r, rest = b, 0
	}
	// log(1 + r) = r - r²/2 + r³·(1/3 - r/4 + …)
	s, sLow := twoProduct(r, -0.5*r)
	r2 := r * r
	p := r * r2 * ((1./3 - r*(1./4)) + r2*((1./5-r*(1./6))+r2*((1./7-r*(1./8))+r2*(1./9-r*(1./10)))))
	hi = k*ln2Hi + t.hi // exact
	hi, lo = fastTwoSum2(hi, r)
	hi, c := fastTwoSum(hi, s)
	lo += c + (rest - r*rest) + sLow + (k*ln2Lo + t.lo) + p
	return fastTwoSum(hi, lo)
}

// fastTwoSum2 is twoSum for |x| ≥ |y| or x = 0.
func fastTwoSum2(x, y float64) (hi, lo float64) {
	if x == 0 {
		return y, 0
	}
	return fastTwoSum(x, y)
}

// Log returns the natural logarithm.
func Log(x float64) float64 {
	switch {
	case x >= 0x1p-1022 && x <= math.MaxFloat64:
		// logParts, but for the digits that are rounded away
		bits := math.Float64bits(x)
		from := bits - logBase
		z := math.Float64frombits(bits - from&(0xfff<<52))
		t := &logs[from>>45&127]
		head := math.Float64frombits(math.Float64bits(z) &^ (1<<27 - 1))
		a, b := head*t.inv-1, (z-head)*t.inv
		r := a + b
		k := float64(int64(from) >> 52)
		hi := k*ln2Hi + t.hi
		w := hi + r
		low := (hi - w) + a + b + (k*ln2Lo + t.lo)
		r2 := r * r
		return w + (low + r2*(-0.5+r*((1./3-r*(1./4))+r2*((1./5-r*(1./6))+r2*(1./7-r*(1./8))))))
	case x > 0 && x < 1:
		hi, _ := logParts(x)
		return hi
	case x == 0:
		return math.Inf(-1)
	case x < 0:
		return math.NaN()
	}
	return x // +∞ and NaN
}

// Log2 returns the logarithm to base 2, exactly of a power of 2.
func Log2(x float64) float64 {
	if !(x > 0 && x <= math.MaxFloat64) {
		return Log(x)
	}
	hi, lo := logParts(x)
	y, rest := twoProduct(hi, log2eHi)
	return y + (rest + (hi*log2eLo + lo*log2eHi))
}

// Log1p returns log(1 + x).
func Log1p(x float64) float64 { return math.Log1p(x) }

// LogAddExp returns log(exp(x) + exp(y)).
func LogAddExp(x, y float64) float64 {
	hi, lo := max(x, y), min(x, y)
	switch d := lo - hi; {
	case hi != hi, math.IsInf(hi, 0), math.IsInf(lo, 0):
		return hi
	case d < -40: // log(1 + e) is e
		return hi + Exp(d)
	case math.Abs(hi) > 3: // and so the result above 2: errors of the logarithm, which is at most log(2), are lost in it
		return hi + math.Log1p(Exp(d))
	}
	d, rest := twoSum(lo, -hi)
	m, tail, k := expParts(d, rest)
	e := scale(m, k)
	s, t := fastTwoSum(1, e)
	t += scale(tail, k)
	l, low := logParts(s)
	low += t / s // the derivative of the logarithm
	y, c := twoSum(hi, l)
	return y + (c + low)
}

// Pow returns x to the power of y.
func Pow(x, y float64) float64 {
	a := math.Abs(x)
	if !(a > 0 && a <= math.MaxFloat64) || !(math.Abs(y) <= math.MaxFloat64) || x == 1 || a == 1 || y == 0 {
		return math.Pow(x, y) // exact, by rules
	}
	sign := 1.0
	if x < 0 {
		switch whole, f := math.Modf(y); {
		case f != 0:
			return math.NaN()
		case math.Abs(whole) < 1<<53 && int64(whole)&1 == 1:
			sign = -1
		}
	}
	if y == 1 {
		return x
	}
	l, low := logParts(a)
	p := y * l
	if p > expRange || p < -expRange {
		return sign * scale(1, int(math.Copysign(2000, p)))
	}
	m, _, k := expParts(p, math.FMA(y, l, -p)+y*low)
	return sign * scale(m, k)
}
