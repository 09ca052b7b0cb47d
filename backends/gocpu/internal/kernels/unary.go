package kernels

import (
	"math"
	"math/bits"
	"unsafe"

	"github.com/quire-ml/quire/graph/dtypes/bfloat16"
	"github.com/quire-ml/quire/graph/dtypes/float16"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/internal/elementary"
)

// FloatOf returns the loop of a function of one float.
func FloatOf[T Float](op *ir.Op) (Loop1, bool) {
	switch op {
	case ops.Neg:
		return negOf[T](), true
	case ops.Square:
		return squareOf[T](), true
	case ops.Relu:
		return reluOf[T](), true
	case ops.Abs:
		return loop1(cheap, func(z, x []T) {
			x = x[:len(z)]
			for i := range z {
				z[i] = T(math.Abs(float64(x[i])))
			}
		}), true
	case ops.Reciprocal:
		return loop1(2*cheap, func(z, x []T) {
			x = x[:len(z)]
			for i := range z {
				z[i] = 1 / x[i]
			}
		}), true
	case ops.Rsqrt:
		return loop1(4, func(z, x []T) {
			x = x[:len(z)]
			for i := range z {
				z[i] = T(1 / math.Sqrt(float64(x[i])))
			}
		}), true
	case ops.IsFinite:
		return loop1(cheap, func(z []bool, x []T) {
			x = x[:len(z)]
			for i := range z {
				z[i] = x[i]-x[i] == 0
			}
		}), true
	case ops.IsNaN:
		return loop1(cheap, func(z []bool, x []T) {
			x = x[:len(z)]
			for i := range z {
				z[i] = x[i] != x[i]
			}
		}), true
	}
	if _, narrow := any(*new(T)).(float32); narrow {
		if l, ok := fast32[op]; ok {
			return l, true
		}
	}
	f, ok := functions[op]
	if !ok {
		return Loop1{}, false
	}
	return each1(func(x T) T { return T(f(float64(x))) }), true
}

func negOf[T Number]() Loop1 {
	return loop1(cheap, func(z, x []T) {
		x = x[:len(z)]
		for i := range z {
			z[i] = -x[i]
		}
	})
}

func squareOf[T Real]() Loop1 {
	return loop1(cheap, func(z, x []T) {
		x = x[:len(z)]
		for i := range z {
			z[i] = x[i] * x[i]
		}
	})
}

func squareComplexOf[T Complex, R Float]() Loop1 {
	return loop1(2*cheap, func(z, x []T) {
		w := Of[R](Bytes(z))
		u := Of[R](Bytes(x))[:len(w)]
		for i := 0; i < len(w)-1; i += 2 {
			a, b := u[i], u[i+1]
			re, im := R(a*a)-R(b*b), R(a*b)+R(b*a) // as in products
			if s := re + im; s-s != 0 {
				re, im = mulAgain(a, b, a, b)
			}
			w[i], w[i+1] = re, im
		}
	})
}

// reluOf returns the loop of max(x, 0); NaN stays.
func reluOf[T Real]() Loop1 {
	return loop1(cheap, func(z, x []T) {
		x = x[:len(z)]
		for i := range z {
			z[i] = max(x[i], 0)
		}
	})
}

// IntOf returns the loop of a function of one integer.
func IntOf[T Integer](op *ir.Op) (Loop1, bool) {
	switch op {
	case ops.Neg:
		return negOf[T](), true
	case ops.Square:
		return squareOf[T](), true
	case ops.Relu:
		return reluOf[T](), true
	case ops.Abs:
		return each1(func(x T) T {
			if x < 0 {
				return -x
			}
			return x
		}), true
	case ops.Sign:
		return each1(func(x T) T {
			switch {
			case x > 0:
				return 1
			case x < 0:
				return T(0) - 1
			}
			return 0
		}), true
	case ops.BitwiseNot:
		return each1(func(x T) T { return ^x }), true
	case ops.BitCount:
		mask := ^uint64(0) >> (64 - 8*unsafe.Sizeof(*new(T)))
		return each1(func(x T) T { return T(bits.OnesCount64(uint64(x) & mask)) }), true
	case ops.Clz:
		width := 8 * int(unsafe.Sizeof(*new(T)))
		mask := ^uint64(0) >> (64 - width)
		return each1(func(x T) T { return T(width - bits.Len64(uint64(x)&mask)) }), true
	}
	return Loop1{}, false
}

// NotOf returns the loop of not x for bools.
func NotOf() Loop1 { return each1(func(x uint8) uint8 { return x ^ 1 }) }

// ComplexOf returns the loop of a function of one complex number with parts of type R.
func ComplexOf[T Complex, R Float](op *ir.Op) (Loop1, bool) {
	switch op {
	case ops.Neg:
		return negOf[T](), true
	case ops.Square:
		return squareComplexOf[T, R](), true
	case ops.Abs:
		return each1(func(x T) R { return R(elementary.ComplexAbs(complex128(x))) }), true
	case ops.Real:
		return each1(func(x T) R { return R(real(complex128(x))) }), true
	case ops.Imag:
		return each1(func(x T) R { return R(imag(complex128(x))) }), true
	case ops.IsNaN:
		return each1(func(x T) bool { z := complex128(x); return math.IsNaN(real(z)) || math.IsNaN(imag(z)) }), true
	}
	f, ok := map[*ir.Op]func(complex128) complex128{
		ops.Exp: elementary.ComplexExp, ops.Log: elementary.ComplexLog, ops.Sqrt: elementary.ComplexSqrt,
		ops.Sin: elementary.ComplexSin, ops.Cos: elementary.ComplexCos, ops.Tan: elementary.ComplexTan,
		ops.Tanh: elementary.ComplexTanh, ops.Rsqrt: elementary.ComplexRsqrt, ops.Reciprocal: elementary.ComplexReciprocal,
		ops.Sinh: elementary.ComplexSinh, ops.Cosh: elementary.ComplexCosh,
		ops.Conj: func(x complex128) complex128 { return complex(real(x), -imag(x)) },
	}[op]
	if !ok {
		return Loop1{}, false
	}
	return each1(func(x T) T { return T(f(complex128(x))) }), true
}

// Half is a 16-bit float: computed in float64, rounded once.
type Half interface {
	float16.Float16 | bfloat16.BFloat16
	Float64() float64
	Float32() float32
}

// halfOf returns the rounding to H.
func halfOf[H Half]() func(float64) H {
	if _, ok := any(*new(H)).(float16.Float16); ok {
		return func(x float64) H { return any(float16.FromFloat64(x)).(H) }
	}
	return func(x float64) H { return any(bfloat16.FromFloat64(x)).(H) }
}

// HalfOf returns the loop of a function of one 16-bit float.
func HalfOf[H Half](op *ir.Op) (Loop1, bool) {
	switch op {
	case ops.IsFinite:
		return each1(func(x H) bool { f := x.Float32(); return f-f == 0 }), true
	case ops.IsNaN:
		return each1(func(x H) bool { f := x.Float32(); return f != f }), true
	}
	f, ok := functions[op]
	if !ok {
		return Loop1{}, false
	}
	to := halfOf[H]()
	return each1(func(x H) H { return to(f(x.Float64())) }), true
}

// Half2Of returns the loops of a function of two 16-bit floats.
func Half2Of[H Half](f func(x, y float64) float64) Loop2 {
	to := halfOf[H]()
	return each2(func(x, y H) H { return to(f(x.Float64(), y.Float64())) })
}

// CompareHalfOf returns the loops of a comparison of 16-bit floats.
func CompareHalfOf[H Half](c Comparison) Loop2 {
	return each2(func(h, g H) bool {
		x, y := h.Float32(), g.Float32()
		switch c {
		case Equal:
			return x == y
		case NotEqual:
			return x != y
		case Greater:
			return x > y
		case GreaterEqual:
			return x >= y
		case Less:
			return x < y
		}
		return x <= y
	})
}

// MakeComplexOf returns the loops that make complex numbers of their parts.
func MakeComplexOf[T Complex, R Float]() Loop2 {
	return each2(func(re, im R) T { return T(complex(float64(re), float64(im))) })
}
