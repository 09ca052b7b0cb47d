package elementary

import "math"

// hyperbolic returns sinh and cosh of |x| ≤ 22.
func hyperbolic(x float64) (sinh, cosh float64) {
	t := math.Expm1(math.Abs(x))
	e := t + 1
	return math.Copysign(0.5*(t+t/e), x), 0.5 * (e + 1/e)
}

// halfExp returns exp(|x|)/2 as m·2ᵏ.
func halfExp(x float64) (m float64, k int) {
	m, _, k = expParts(math.Abs(x), 0)
	return m, k - 1
}

// complexSinh returns sinh(z) = sinh(x)·cos(y) + i·cosh(x)·sin(y).
func complexSinh(z complex128) complex128 {
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

// complexCosh returns cosh(z) = cosh(x)·cos(y) + i·sinh(x)·sin(y).
func complexCosh(z complex128) complex128 {
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
	w := complexSinh(complex(-imag(z), real(z)))
	return complex(imag(w), -real(w))
}

// ComplexCos returns cos(z) = cosh(iz).
func ComplexCos(z complex128) complex128 { return complexCosh(complex(-imag(z), real(z))) }

// ComplexTan returns tan(z) = -i·tanh(iz).
func ComplexTan(z complex128) complex128 {
	w := ComplexTanh(complex(-imag(z), real(z)))
	return complex(imag(w), -real(w))
}
