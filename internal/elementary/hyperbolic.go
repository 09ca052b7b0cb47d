package elementary

import "math"

// hyperbolic returns sinh and cosh of |x| ≤ 22.
func hyperbolic(x float64) (sinh, cosh float64) {
	t := math.Expm1(math.Abs(x))
	e := t + 1
	return math.Copysign(0.5*(t+t/e), x), 0.5 * (e + 1/e)
}

// Sinh returns the hyperbolic sine, (exp(x) - exp(-x))/2.
func Sinh(x float64) float64 {
	a := math.Abs(x)
	switch {
	case a < 0.3:
		z := x * x // Taylor's series, the first term left out is x¹⁵/15!
		return x + x*z*(1./6+z*(1./120+z*(1./5040+z*(1./362880+z*(1./39916800+z*(1./6227020800))))))
	case a <= 22:
		hi, lo, inverse, rest := expBoth(a)
		s, t := twoSum(hi, -inverse)
		return math.Copysign((s+(t+(lo-rest)))/2, x)
	case x != x || math.IsInf(x, 0):
		return x
	}
	m, tail, k := expParts(a, 0)
	return math.Copysign(scale(m+tail, k-1), x)
}

// Cosh returns the hyperbolic cosine, (exp(x) + exp(-x))/2.
func Cosh(x float64) float64 {
	a := math.Abs(x)
	switch {
	case a <= 22:
		hi, lo, inverse, rest := expBoth(a)
		s, t := twoSum(hi, inverse)
		return (s + (t + (lo + rest))) / 2
	case x != x || math.IsInf(x, 0):
		return a
	}
	m, tail, k := expParts(a, 0)
	return scale(m+tail, k-1)
}

// expBoth returns exp(x) and exp(-x) of x from 0 to 22, each as a sum.
func expBoth(x float64) (hi, lo, inverse, rest float64) {
	m, tail, k := expParts(x, 0)
	p := math.Float64frombits(uint64(k+1023) << 52)
	hi, lo = m*p, tail*p
	inverse = 1 / hi
	return hi, lo, inverse, (math.FMA(-inverse, hi, 1) - inverse*lo) * inverse
}

// halfExp returns exp(|x|)/2 as m·2ᵏ.
func halfExp(x float64) (m float64, k int) {
	m, _, k = expParts(math.Abs(x), 0)
	return m, k - 1
}

// ComplexSinh returns sinh(z) = sinh(x)·cos(y) + i·cosh(x)·sin(y).
func ComplexSinh(z complex128) complex128 {
	x, y := real(z), imag(z)
	switch nan := math.NaN(); {
	case finite(x) && finite(y):
		s, c := Sincos(y)
		if math.Abs(x) > 22 {
			m, k := halfExp(x)
			return complex(scale(math.Copysign(m, x)*c, k), scale(m*s, k))
		}
		sh, ch := hyperbolic(x)
		return complex(sh*c, ch*s)
	case x == 0:
		return complex(x, nan)
	case y == 0:
		return z
	case math.IsInf(x, 0) && finite(y):
		s, c := Sincos(y)
		return complex(x*c, math.Inf(1)*s)
	case math.IsInf(x, 0):
		return complex(x, nan)
	default:
		return complex(nan, nan)
	}
}

// ComplexCosh returns cosh(z) = cosh(x)·cos(y) + i·sinh(x)·sin(y).
func ComplexCosh(z complex128) complex128 {
	x, y := real(z), imag(z)
	switch nan := math.NaN(); {
	case finite(x) && finite(y):
		s, c := Sincos(y)
		if math.Abs(x) > 22 {
			m, k := halfExp(x)
			return complex(scale(m*c, k), scale(math.Copysign(m, x)*s, k))
		}
		sh, ch := hyperbolic(x)
		return complex(ch*c, sh*s)
	case x == 0:
		return complex(nan, x)
	case y == 0:
		return complex(math.Abs(x), math.Copysign(0, x)*math.Copysign(1, y))
	case math.IsInf(x, 0) && finite(y):
		s, c := Sincos(y)
		return complex(math.Inf(1)*c, x*s)
	case math.IsInf(x, 0):
		return complex(math.Inf(1), nan)
	default:
		return complex(nan, nan)
	}
}

// ComplexTanh returns tanh(z) = (sinh(x)·cosh(x) + i·sin(y)·cos(y)) / (sinh²(x) + cos²(y)).
func ComplexTanh(z complex128) complex128 {
	x, y := real(z), imag(z)
	switch nan := math.NaN(); {
	case math.IsInf(x, 0):
		s, c := 1.0, 1.0
		if finite(y) {
			s, c = Sincos(y)
		}
		return complex(math.Copysign(1, x), math.Copysign(0, s*c))
	case x != x && y == 0:
		return z
	case x == 0 && !finite(y):
		return complex(x, nan)
	case x != x || !finite(y):
		return complex(nan, nan)
	}
	s, c := Sincos(y)
	if math.Abs(x) > 22 { // sinh², cosh² and their product are exp(2|x|)/4 to the last place
		m, _, k := expParts(-2*math.Abs(x), 0)
		return complex(math.Copysign(1, x), scale(4*s*c*m, k))
	}
	sh, ch := hyperbolic(x)
	n := sh*sh + c*c
	return complex(sh*ch/n, s*c/n)
}

// ComplexSin returns sin(z) = -i·sinh(iz).
func ComplexSin(z complex128) complex128 {
	w := ComplexSinh(complex(-imag(z), real(z)))
	return complex(imag(w), -real(w))
}

// ComplexCos returns cos(z) = cosh(iz).
func ComplexCos(z complex128) complex128 { return ComplexCosh(complex(-imag(z), real(z))) }

// ComplexTan returns tan(z) = -i·tanh(iz).
func ComplexTan(z complex128) complex128 {
	w := ComplexTanh(complex(-imag(z), real(z)))
	return complex(imag(w), -real(w))
}
