package elementary

import "math"

// The inverse circular and hyperbolic functions.

// asinRatio returns (asin(√z) - √z)/√z for 0 ≤ z ≤ ¼: FreeBSD's e_asin.c.
func asinRatio(z float64) float64 {
	p := z * (1.66666666666666657415e-01 + z*(-3.25565818622400915405e-01+z*(2.01212532134862925881e-01+z*(-4.00555345006794114027e-02+z*(7.91534994289814532176e-04+z*3.47933107596021167570e-05)))))
	q := 1 + z*(-2.40339491173441421878e+00+z*(2.02094576023350569471e+00+z*(-6.88283971605453293030e-01+z*7.70381505559019352791e-02)))
	return p / q
}

// rootParts returns √z as an upper half of the digits and what is left.
func rootParts(z float64) (hi, lo float64) {
	s := math.Sqrt(z)
	hi = math.Float64frombits(math.Float64bits(s) &^ (1<<32 - 1))
	return hi, (z - hi*hi) / (s + hi)
}

// Asin returns the angle from -π/2 to π/2 whose sine is x.
func Asin(x float64) float64 {
	a := math.Abs(x)
	switch {
	case a < 0x1p-26:
		return x
	case a < 0.5:
		return x + x*asinRatio(x*x)
	case !(a < 1):
		if a == 1 {
			return math.Copysign(halfPiHi, x)
		}
		return math.NaN()
	}
	z := (1 - a) / 2 // asin(a) = π/2 - 2·asin(√z)
	r := asinRatio(z)
	if a >= 0.975 {
		s := math.Sqrt(z)
		return math.Copysign(halfPiHi-(2*(s+s*r)-halfPiLo), x)
	}
	hi, lo := rootParts(z)
	p := 2*math.Sqrt(z)*r - (halfPiLo - 2*lo)
	return math.Copysign(halfPiHi/2-(p-(halfPiHi/2-2*hi)), x)
}

// Acos returns the angle from 0 to π whose cosine is x.
func Acos(x float64) float64 {
	switch a := math.Abs(x); {
	case a < 0x1p-57:
		return halfPiHi
	case a < 0.5:
		return halfPiHi - (x - (halfPiLo - x*asinRatio(x*x)))
	case !(a <= 1):
		return math.NaN()
	case x < 0:
		z := (1 + x) / 2
		s := math.Sqrt(z)
		return math.Pi - 2*(s+(asinRatio(z)*s-halfPiLo))
	case x == 1:
		return 0
	}
	z := (1 - x) / 2
	hi, lo := rootParts(z)
	return 2 * (hi + (asinRatio(z)*math.Sqrt(z) + lo))
}

// atanParts are the arctangents of ½, 1 and 1½, and π/2.
var atanParts = [4][2]float64{
	{4.63647609000806093515e-01, 2.26987774529616870924e-17}, {7.85398163397448278999e-01, 3.06161699786838301793e-17},
	{9.82793723247329054082e-01, 1.39033110312309984516e-17}, {1.57079632679489655800e+00, 6.12323399573676603587e-17},
}

// Atan returns the angle from -π/2 to π/2 whose tangent is x: FreeBSD's s_atan.c.
func Atan(x float64) float64 {
	a := math.Abs(x)
	if a < 0x1p-27 || x != x {
		return x
	}
	k := -1
	switch {
	case a >= 0x1p66:
		return math.Copysign(halfPiHi, x)
	case a >= 2.4375:
		k, a = 3, -1/a
	case a >= 1.1875:
		k, a = 2, (a-1.5)/(1+1.5*a)
	case a >= 0.6875:
		k, a = 1, (a-1)/(a+1)
	case a >= 0.4375:
		k, a = 0, (2*a-1)/(2+a)
	}
	z := a * a
	w := z * z
	s := z * (3.33333333333329318027e-01 + w*(1.42857142725034663711e-01+w*(9.09088713343650656196e-02+w*(6.66107313738753120669e-02+w*(4.97687799461593236017e-02+w*1.62858201153657823623e-02)))))
	s += w * (-1.99999999998764832476e-01 + w*(-1.11111104054623557880e-01+w*(-7.69187620504482999495e-02+w*(-5.83357013379057348645e-02+w*-3.65315727442169155270e-02))))
	if k < 0 {
		return math.Copysign(a-a*s, x)
	}
	return math.Copysign(atanParts[k][0]-((a*s-atanParts[k][1])-a), x)
}

// logSum returns log(x + y), |y| being at most a last place of x, as hi + lo.
func logSum(x, y float64) (hi, lo float64) {
	hi, lo = logParts(x)
	return fastTwoSum2(hi, lo+y/x)
}

// logDouble returns log(2x) for a large x.
func logDouble(x float64) float64 {
	hi, lo := logParts(x)
	s, t := twoSum(hi, math.Ln2)
	return s + (t + lo + ln2Rest)
}

// root returns √(hi + lo) as such a sum.
func root(hi, lo float64) (r, rest float64) {
	r = math.Sqrt(hi)
	if r == 0 {
		return 0, 0
	}
	return r, (math.FMA(-r, r, hi) + lo) / (2 * r)
}

// Asinh returns the number whose hyperbolic sine is x: log(|x| + √(x² + 1)) with its sign.
func Asinh(x float64) float64 {
	a := math.Abs(x)
	switch {
	case a < 0x1p-28 || x != x || math.IsInf(x, 0):
		return x
	case a > 0x1p28:
		return math.Copysign(logDouble(a), x)
	}
	square, low := twoProduct(a, a)
	h, t := twoSum(1, square)
	r, rest := root(fastTwoSum(h, t+low))
	s, t := twoSum(a, r)
	s, t = fastTwoSum(s, t+rest)
	hi, lo := logSum(s, t)
	return math.Copysign(hi+lo, x)
}

// Acosh returns the number from 0 on whose hyperbolic cosine is x: log(x + √(x² - 1)).
func Acosh(x float64) float64 {
	switch {
	case x < 1:
		return math.NaN()
	case x == 1 || x != x || math.IsInf(x, 0):
		return x - 1
	case x > 0x1p28:
		return logDouble(x)
	}
	square, low := twoProduct(x, x)
	h, t := twoSum(square, -1)
	r, rest := root(fastTwoSum(h, t+low))
	s, t := twoSum(x, r)
	s, t = fastTwoSum(s, t+rest)
	hi, lo := logSum(s, t)
	return hi + lo
}

// Atanh returns the number whose hyperbolic tangent is x: (log(1 + x) - log(1 - x))/2.
func Atanh(x float64) float64 {
	a := math.Abs(x)
	switch {
	case a < 0x1p-28:
		return x
	case !(a < 1):
		if a == 1 {
			return math.Copysign(math.Inf(1), x)
		}
		return math.NaN()
	}
	hi, lo := logSum(twoSum(1, a))
	hi2, lo2 := logSum(twoSum(1, -a))
	s, t := twoSum(hi, -hi2)
	return math.Copysign((s+(t+(lo-lo2)))/2, x)
}
