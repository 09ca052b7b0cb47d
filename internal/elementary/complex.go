package elementary

import "math"

// Functions of complex numbers: parts are computed by themselves, without overflow or cancellation on the way. Where a part
// is not finite, results are those of C99's annex G.

func finite(x float64) bool { return x-x == 0 }

// ComplexAbs returns |z|.
func ComplexAbs(z complex128) float64 { return math.Hypot(real(z), imag(z)) }

// ComplexExp returns exp(z) = exp(x)·(cos y + i sin y).
func ComplexExp(z complex128) complex128 {
	x, y := real(z), imag(z)
	switch {
	case y == 0:
		return complex(Exp(x), y)
	case math.IsInf(x, -1) && !finite(y):
		return 0
	case math.IsInf(x, 1) && !finite(y):
		return complex(x, math.NaN())
	case x != x || !finite(y):
		return complex(math.NaN(), math.NaN())
	}
	s, c := Sincos(y)
	if math.IsInf(x, 1) {
		return complex(x*c, x*s)
	}
	m, _, k := expParts(x, 0)
	return complex(scale(m*c, k), scale(m*s, k))
}

// exponent returns k with 2ᵏ ≤ x < 2ᵏ⁺¹ for a positive finite x.
func exponent(x float64) int {
	_, k := math.Frexp(x)
	return k - 1
}

// ComplexLog returns log(z) = log|z| + i·atan2(y, x).
func ComplexLog(z complex128) complex128 {
	return complex(logAbs(math.Abs(real(z)), math.Abs(imag(z))), Atan2(imag(z), real(z)))
}

// logAbs returns log √(x² + y²).
func logAbs(x, y float64) float64 {
	switch {
	case math.IsInf(x, 0) || math.IsInf(y, 0):
		return math.Inf(1)
	case x != x || y != y:
		return math.NaN()
	case x < y:
		x, y = y, x
	}
	switch {
	case y == 0:
		return Log(x)
	case x == 1 && y < 0x1p-30:
		return 0.5 * y * y
	}
	k := 0
	if x < 0x1p-400 || x > 0x1p400 {
		k = exponent(x)
		x, y = math.Ldexp(x, -k), math.Ldexp(y, -k)
	}
	p, pLow := twoProduct(x, x)
	q, qLow := twoProduct(y, y)
	if x > 0.5 && x < 1.5 && k == 0 { // near the unit circle, where the logarithm is small
		s, sLow := twoSum(p, -1)
		t, tLow := twoSum(s, q)
		l, lLow := twoSum(pLow, qLow) // as large as t where that cancels
		t, low := twoSum(t, l)
		t, low = twoSum(t, low+(tLow+sLow)+lLow)
		return 0.5 * (math.Log1p(t) + low/(1+t))
	}
	s, sLow := fastTwoSum(p, q)
	hi, lo := logParts(s)
	lo += (sLow + pLow + qLow) / s
	a, b := twoSum(float64(k)*ln2Hi, hi/2)
	return a + (b + lo/2 + float64(k)*ln2Lo)
}

// ComplexSqrt returns the root of z with a real part of at least 0.
func ComplexSqrt(z complex128) complex128 {
	x, y := real(z), imag(z)
	switch {
	case x == 0 && y == 0:
		return complex(0, y)
	case math.IsInf(y, 0):
		return complex(math.Inf(1), y)
	case math.IsInf(x, 1) && finite(y):
		return complex(x, math.Copysign(0, y))
	case math.IsInf(x, 1):
		return complex(x, math.NaN())
	case math.IsInf(x, -1) && finite(y):
		return complex(0, math.Copysign(-x, y))
	case math.IsInf(x, -1):
		return complex(math.NaN(), -x)
	case x != x || y != y:
		return complex(math.NaN(), math.NaN())
	}
	a, b := math.Abs(x), math.Abs(y)
	k := 0 // half an exponent by which the parts are scaled
	if m := max(a, b); m > 0x1p500 || m < 0x1p-500 {
		k = exponent(m) / 2
		a, b = math.Ldexp(a, -2*k), math.Ldexp(b, -2*k)
	}
	w := scale(math.Sqrt((a+math.Sqrt(a*a+b*b))/2), k) // the larger of the parts, but for the smaller of z's
	if x >= 0 {
		return complex(w, y/(2*w))
	}
	return complex(math.Abs(y)/(2*w), math.Copysign(w, y))
}

// ComplexRsqrt returns 1/√z.
func ComplexRsqrt(z complex128) complex128 {
	x, y := real(z), imag(z)
	m := max(math.Abs(x), math.Abs(y))
	if !(m > 0 && m <= math.MaxFloat64) {
		return ComplexReciprocal(ComplexSqrt(z))
	}
	k := 0
	if m > 0x1p500 || m < 0x1p-500 {
		k = exponent(m) / 2
		x, y = math.Ldexp(x, -2*k), math.Ldexp(y, -2*k)
	}
	s := ComplexSqrt(complex(x, y)) // 1/√z = conj(√z)/|z|
	h := math.Sqrt(x*x + y*y)
	return complex(scale(real(s)/h, -k), scale(-imag(s)/h, -k))
}

// ComplexReciprocal returns 1/z.
func ComplexReciprocal(z complex128) complex128 {
	x, y := real(z), imag(z)
	m := max(math.Abs(x), math.Abs(y))
	switch {
	case !(m > 0 && m <= math.MaxFloat64):
		return divideSpecial(1, 0, x, y)
	case m > 0x1p-500 && m < 0x1p500:
		n := x*x + y*y
		return complex(x/n, -y/n)
	}
	k := exponent(m)
	x, y = math.Ldexp(x, -k), math.Ldexp(y, -k)
	n := x*x + y*y
	return complex(scale(x/n, -k), scale(-y/n, -k))
}

// ComplexMul returns z · w.
func ComplexMul(z, w complex128) complex128 {
	a, b, c, d := real(z), imag(z), real(w), imag(w)
	p := complex(float64(a*c)-float64(b*d), float64(a*d)+float64(b*c)) // rounded each, which z*w is not on processors that fuse
	if finite(real(p)) && finite(imag(p)) {
		return p
	}
	return multiplyAgain(z, w, p)
}

// multiplyAgain returns z·w where p, the plain product, has a part that is not finite: by overflow on the way or by operands.
func multiplyAgain(z, w, p complex128) complex128 {
	a, b, c, d := real(z), imag(z), real(w), imag(w)
	if finite(a) && finite(b) && finite(c) && finite(d) {
		i, j := exponent(max(math.Abs(a), math.Abs(b))), exponent(max(math.Abs(c), math.Abs(d)))
		a, b, c, d = math.Ldexp(a, -i), math.Ldexp(b, -i), math.Ldexp(c, -j), math.Ldexp(d, -j)
		// Rounded one by one: products that cancel have to, which one taken unrounded by a fused subtraction does not.
		if x := scale(float64(a*c)-float64(b*d), i+j); !finite(real(p)) {
			p = complex(x, imag(p))
		}
		if y := scale(float64(a*d)+float64(b*c), i+j); !finite(imag(p)) {
			p = complex(real(p), y)
		}
		return p
	}
	x, y := real(p), imag(p)
	if x == x || y == y {
		return p
	}
	again := false // an infinity times what is not 0 is an infinity: C99, G.5.1
	if math.IsInf(a, 0) || math.IsInf(b, 0) {
		a, b, c, d, again = box(a), box(b), zeroNaN(c), zeroNaN(d), true
	}
	if math.IsInf(c, 0) || math.IsInf(d, 0) {
		c, d, a, b, again = box(c), box(d), zeroNaN(a), zeroNaN(b), true
	}
	if again {
		inf := math.Inf(1)
		return complex(inf*(a*c-b*d), inf*(a*d+b*c))
	}
	return p
}

// box returns the signed 1 of an infinity and the signed 0 of what is finite.
func box(x float64) float64 {
	if math.IsInf(x, 0) {
		return math.Copysign(1, x)
	}
	return math.Copysign(0, x)
}

func zeroNaN(x float64) float64 {
	if x != x {
		return math.Copysign(0, x)
	}
	return x
}

// ComplexDiv returns z / w.
func ComplexDiv(z, w complex128) complex128 {
	a, b, c, d := real(z), imag(z), real(w), imag(w)
	m, n := max(math.Abs(a), math.Abs(b)), max(math.Abs(c), math.Abs(d))
	switch {
	case n > 0x1p-400 && n < 0x1p400 && m < 0x1p400 && (m > 0x1p-400 || m == 0):
		s := c*c + d*d
		return complex((a*c+b*d)/s, (b*c-a*d)/s)
	case !(n > 0 && n <= math.MaxFloat64 && m <= math.MaxFloat64):
		return divideSpecial(a, b, c, d)
	case m == 0:
		return complex(a*c+b*d, b*c-a*d)
	}
	i, j := exponent(m), exponent(n)
	a, b, c, d = math.Ldexp(a, -i), math.Ldexp(b, -i), math.Ldexp(c, -j), math.Ldexp(d, -j)
	s := c*c + d*d
	return complex(scale((a*c+b*d)/s, i-j), scale((b*c-a*d)/s, i-j))
}

// divideSpecial returns (a + ib)/(c + id) where the divisor is 0 or a part is not finite: C99, G.5.1.
func divideSpecial(a, b, c, d float64) complex128 {
	n := max(math.Abs(c), math.Abs(d))
	if n > 0 && n <= math.MaxFloat64 {
		k := exponent(n)
		c, d = math.Ldexp(c, -k), math.Ldexp(d, -k)
	}
	s := c*c + d*d
	x, y := (a*c+b*d)/s, (b*c-a*d)/s
	if x == x || y == y {
		return complex(x, y)
	}
	inf := math.Inf(1)
	switch {
	case s == 0 && (a == a || b == b):
		return complex(math.Copysign(inf, c)*a, math.Copysign(inf, c)*b)
	case (math.IsInf(a, 0) || math.IsInf(b, 0)) && finite(c) && finite(d):
		a, b = box(a), box(b)
		return complex(inf*(a*c+b*d), inf*(b*c-a*d))
	case math.IsInf(n, 0) && finite(a) && finite(b):
		c, d = box(c), box(d)
		return complex(0*(a*c+b*d), 0*(b*c-a*d))
	}
	return complex(x, y)
}
