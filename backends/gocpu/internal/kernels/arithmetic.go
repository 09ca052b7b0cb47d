package kernels

import (
	"errors"
	"math"
	"math/bits"
	"unsafe"

	"github.com/quire-ml/quire/internal/elementary"
)

// Float lists the types that Go computes with as floats.
type Float interface{ float32 | float64 }

// Signed lists the integers with a sign.
type Signed interface{ int8 | int16 | int32 | int64 }

// Unsigned lists the integers without a sign.
type Unsigned interface {
	uint8 | uint16 | uint32 | uint64
}

// Integer lists the integers.
type Integer interface{ Signed | Unsigned }

// Real lists what has an order.
type Real interface{ Integer | Float }

// Complex lists the complex numbers.
type Complex interface{ complex64 | complex128 }

// Number lists what can be added.
type Number interface{ Real | Complex }

// ErrDivide is what integer divisions by zero panic with.
var ErrDivide = errors.New("integer division by zero")

// AddOf returns the loops of x + y.
func AddOf[T Number]() Loop2 {
	vs := func(z, x, y []T) {
		x, s := x[:len(z)], y[0]
		for i := range z {
			z[i] = x[i] + s
		}
	}
	return loop2(cheap, add[T], vs, swapped(vs))
}

func add[T Number](z, x, y []T) {
	x, y = x[:len(z)], y[:len(z)]
	for i := range z {
		z[i] = x[i] + y[i]
	}
}

// SubOf returns the loops of x - y.
func SubOf[T Number]() Loop2 {
	return loop2(cheap,
		func(z, x, y []T) {
			x, y = x[:len(z)], y[:len(z)]
			for i := range z {
				z[i] = x[i] - y[i]
			}
		},
		func(z, x, y []T) {
			x, s := x[:len(z)], y[0]
			for i := range z {
				z[i] = x[i] - s
			}
		},
		func(z, x, y []T) {
			s, y := x[0], y[:len(z)]
			for i := range z {
				z[i] = s - y[i]
			}
		})
}

// MulOf returns the loops of x · y for integers and floats.
func MulOf[T Real]() Loop2 {
	vs := func(z, x, y []T) {
		x, s := x[:len(z)], y[0]
		for i := range z {
			z[i] = x[i] * s
		}
	}
	return loop2(cheap, func(z, x, y []T) {
		x, y = x[:len(z)], y[:len(z)]
		for i := range z {
			z[i] = x[i] * y[i]
		}
	}, vs, swapped(vs))
}

// MulComplexOf returns the loops of x · y for complex numbers with parts of type R.
func MulComplexOf[T Complex, R Float]() Loop2 {
	vs := func(z, x, y []T) {
		s := Of[R](Bytes(y[:1]))
		c, d := s[0], s[1]
		w := Of[R](Bytes(z))
		u := Of[R](Bytes(x))[:len(w)]
		for i := 0; i < len(w)-1; i += 2 {
			a, b := u[i], u[i+1]
			re, im := R(a*c)-R(b*d), R(a*d)+R(b*c) // rounded each: what is fused on some processors differs where one is infinite
			if s := re + im; s-s != 0 {
				re, im = mulAgain(a, b, c, d)
			}
			w[i], w[i+1] = re, im
		}
	}
	return loop2(2*cheap, func(z, x, y []T) {
		w := Of[R](Bytes(z))
		u, v := Of[R](Bytes(x))[:len(w)], Of[R](Bytes(y))[:len(w)]
		for i := 0; i < len(w)-1; i += 2 {
			a, b, c, d := u[i], u[i+1], v[i], v[i+1]
			re, im := R(a*c)-R(b*d), R(a*d)+R(b*c) // rounded each: what is fused on some processors differs where one is infinite
			if s := re + im; s-s != 0 {
				re, im = mulAgain(a, b, c, d)
			}
			w[i], w[i+1] = re, im
		}
	}, vs, swapped(vs))
}

// mulAgain returns the parts of (a + ib)·(c + id) where the plain sums of products are not finite: by an overflow, perhaps
// only on the way, or by operands.
func mulAgain[R Float](a, b, c, d R) (re, im R) {
	p := elementary.ComplexMul(complex(float64(a), float64(b)), complex(float64(c), float64(d)))
	return R(real(p)), R(imag(p))
}

// DivComplexOf returns the loops of x / y for complex numbers.
func DivComplexOf[T Complex]() Loop2 {
	return each2(func(x, y T) T { return T(elementary.ComplexDiv(complex128(x), complex128(y))) })
}

// DivOf returns the loops of x / y for floats.
func DivOf[T Float]() Loop2 {
	return loop2(cheap,
		func(z, x, y []T) {
			x, y = x[:len(z)], y[:len(z)]
			for i := range z {
				z[i] = x[i] / y[i]
			}
		},
		func(z, x, y []T) {
			x, s := x[:len(z)], y[0]
			for i := range z {
				z[i] = x[i] / s
			}
		},
		func(z, x, y []T) {
			s, y := x[0], y[:len(z)]
			for i := range z {
				z[i] = s / y[i]
			}
		})
}

// DivIntOf returns the loops of x / y towards zero for integers. They panic with ErrDivide where y is 0.
func DivIntOf[T Integer]() Loop2 {
	return each2(func(x, y T) T {
		if y == 0 {
			panic(ErrDivide)
		}
		return x / y
	})
}

// MulHiOf returns the loops of the upper half of x·y for integers.
func MulHiOf[T Integer]() Loop2 {
	width := 8 * int(unsafe.Sizeof(*new(T)))
	signed := ^T(0) < 0
	return each2(func(x, y T) T {
		hi, lo := bits.Mul64(uint64(x), uint64(y))
		if signed { // what the signs added
			hi -= uint64(int64(x)>>63)&uint64(y) + uint64(int64(y)>>63)&uint64(x)
		}
		return T(hi<<(64-width) | lo>>(width-1)>>1)
	})
}

// NextAfterOf returns the loops of the next number after x in the direction of y.
func NextAfterOf[T Float]() Loop2 {
	if unsafe.Sizeof(*new(T)) == 4 {
		return each2(func(x, y T) T { return T(math.Nextafter32(float32(x), float32(y))) })
	}
	return each2(func(x, y T) T { return T(math.Nextafter(float64(x), float64(y))) })
}

// NextAfterHalfOf returns them for 16-bit floats, by their bits.
func NextAfterHalfOf[H Half]() Loop2 {
	to := halfOf[H]()
	least := H(1)
	return each2(func(h, g H) H {
		x, y := h.Float32(), g.Float32()
		switch {
		case x != x || y != y:
			return to(math.NaN())
		case x == y:
			return g
		case x == 0 && y < 0:
			return least | 1<<15
		case x == 0:
			return least
		case (y > x) == (x > 0): // away from 0
			return h + 1
		}
		return h - 1
	})
}

// RemIntOf returns the loops of the remainder of x / y for integers. They panic with ErrDivide where y is 0.
func RemIntOf[T Integer]() Loop2 {
	return each2(func(x, y T) T {
		if y == 0 {
			panic(ErrDivide)
		}
		return x % y
	})
}

// MaxOf returns the loops of the larger of x and y, NaN if either is.
func MaxOf[T Real]() Loop2 {
	vs := func(z, x, y []T) {
		x, s := x[:len(z)], y[0]
		for i := range z {
			z[i] = max(x[i], s)
		}
	}
	return loop2(2*cheap, func(z, x, y []T) {
		x, y = x[:len(z)], y[:len(z)]
		for i := range z {
			z[i] = max(x[i], y[i])
		}
	}, vs, swapped(vs))
}

// MinOf returns the loops of the smaller of x and y, NaN if either is.
func MinOf[T Real]() Loop2 {
	vs := func(z, x, y []T) {
		x, s := x[:len(z)], y[0]
		for i := range z {
			z[i] = min(x[i], s)
		}
	}
	return loop2(2*cheap, func(z, x, y []T) {
		x, y = x[:len(z)], y[:len(z)]
		for i := range z {
			z[i] = min(x[i], y[i])
		}
	}, vs, swapped(vs))
}

// PowIntOf returns the loops of integer powers: negative exponents give 0, but for the bases 1 and -1.
func PowIntOf[T Integer]() Loop2 {
	return each2(func(x, y T) T {
		minusOne := T(0) - 1
		switch {
		case y < 0 && x == minusOne:
			return 1 - 2*(y&1)
		case y < 0 && x != 1:
			return 0
		case y < 0:
			return 1
		}
		p := T(1)
		for ; y > 0; y >>= 1 {
			if y&1 == 1 {
				p *= x
			}
			x *= x
		}
		return p
	})
}

// Func2Of returns the loops of a function of two floats, computed in float64.
func Func2Of[T Float](f func(x, y float64) float64) Loop2 {
	return each2(func(x, y T) T { return T(f(float64(x), float64(y))) })
}

// Comparison names the six comparisons.
type Comparison int

// The comparisons, with NaN all false but NotEqual.
const (
	Equal Comparison = iota
	NotEqual
	Greater
	GreaterEqual
	Less
	LessEqual
)

// EqualOf returns the loops of x == y, or of x != y, for anything.
func EqualOf[T comparable](c Comparison) Loop2 {
	if c == NotEqual {
		return each2(func(x, y T) bool { return x != y })
	}
	vs := func(z []bool, x, y []T) {
		x, s := x[:len(z)], y[0]
		for i := range z {
			z[i] = x[i] == s
		}
	}
	return loop2(cheap, func(z []bool, x, y []T) {
		x, y = x[:len(z)], y[:len(z)]
		for i := range z {
			z[i] = x[i] == y[i]
		}
	}, vs, swapped(vs))
}

// CompareOf returns the loops of a comparison of numbers that have an order.
func CompareOf[T Real](c Comparison) Loop2 {
	gt := func(z []bool, x, y []T) {
		x, y = x[:len(z)], y[:len(z)]
		for i := range z {
			z[i] = x[i] > y[i]
		}
	}
	gts := func(z []bool, x, y []T) {
		x, s := x[:len(z)], y[0]
		for i := range z {
			z[i] = x[i] > s
		}
	}
	lts := func(z []bool, x, y []T) {
		x, s := x[:len(z)], y[0]
		for i := range z {
			z[i] = x[i] < s
		}
	}
	ge := func(z []bool, x, y []T) {
		x, y = x[:len(z)], y[:len(z)]
		for i := range z {
			z[i] = x[i] >= y[i]
		}
	}
	ges := func(z []bool, x, y []T) {
		x, s := x[:len(z)], y[0]
		for i := range z {
			z[i] = x[i] >= s
		}
	}
	les := func(z []bool, x, y []T) {
		x, s := x[:len(z)], y[0]
		for i := range z {
			z[i] = x[i] <= s
		}
	}
	switch c {
	case Greater:
		return loop2(cheap, gt, gts, swapped(lts))
	case Less:
		return loop2(cheap, swapped(gt), lts, swapped(gts))
	case GreaterEqual:
		return loop2(cheap, ge, ges, swapped(les))
	case LessEqual:
		return loop2(cheap, swapped(ge), les, swapped(ges))
	}
	return EqualOf[T](c)
}

// Bits names the bitwise and shifting ops.
type Bits int

// The ops on bits. A shift by the width or more gives 0, an arithmetic one the sign everywhere; counts
// are taken as unsigned.
const (
	And Bits = iota
	Or
	Xor
	ShiftLeft
	ShiftRightArithmetic
	ShiftRightLogical
)

// BitsOf returns the loops of an op on bits. U is T without a sign, S with one.
func BitsOf[T Integer, S Signed, U Unsigned](op Bits) Loop2 {
	width := U(8 * unsafe.Sizeof(*new(T)))
	switch op {
	case And:
		return each2(func(x, y T) T { return x & y })
	case Or:
		return each2(func(x, y T) T { return x | y })
	case Xor:
		return each2(func(x, y T) T { return x ^ y })
	case ShiftLeft:
		return each2(func(x, y U) U { return x << y })
	case ShiftRightArithmetic:
		return each2(func(x, y S) S { return x >> min(U(y), width-1) })
	}
	return each2(func(x, y U) U { return x >> y })
}

// BoolsOf returns the loops of an op on bools.
func BoolsOf(op Bits) Loop2 {
	switch op {
	case And:
		return each2(func(x, y uint8) uint8 { return x & y })
	case Or:
		return each2(func(x, y uint8) uint8 { return x | y })
	}
	return each2(func(x, y uint8) uint8 { return x ^ y })
}

// WhereOf returns the loop that picks the second operand where the first, a bool, holds, else the third.
func WhereOf[T any]() Loop3 {
	size := sizeOf[T]()
	run := func(zb, cb, xb, yb []byte, step []int) {
		z, x, y := Of[T](zb), Of[T](xb), Of[T](yb)
		if step[0] == 0 {
			src, s := y, step[2]
			if cb[0] != 0 {
				src, s = x, step[1]
			}
			if s != 0 {
				copy(z, src)
				return
			}
			z[0] = src[0]
			repeat(zb, size)
			return
		}
		c := cb[:len(z)]
		switch {
		case step[1] != 0 && step[2] != 0:
			x, y := x[:len(z)], y[:len(z)]
			for i := range z {
				v := y[i]
				if c[i] != 0 {
					v = x[i]
				}
				z[i] = v
			}
		case step[1] != 0:
			x, s := x[:len(z)], y[0]
			for i := range z {
				v := s
				if c[i] != 0 {
					v = x[i]
				}
				z[i] = v
			}
		case step[2] != 0:
			s, y := x[0], y[:len(z)]
			for i := range z {
				v := y[i]
				if c[i] != 0 {
					v = s
				}
				z[i] = v
			}
		default:
			p, q := x[0], y[0]
			for i := range z {
				v := q
				if c[i] != 0 {
					v = p
				}
				z[i] = v
			}
		}
	}
	return Loop3{run, size, [3]int{1, size, size}, 1}
}

// ClampOf returns the loop of min(max(x, lo), hi), with x as the second operand; NaN in any gives NaN.
func ClampOf[T Real]() Loop3 {
	size := sizeOf[T]()
	run := func(zb, lob, xb, hib []byte, step []int) {
		z, lo, x, hi := Of[T](zb), Of[T](lob), Of[T](xb), Of[T](hib)
		if step[0] == 0 && step[1] != 0 && step[2] == 0 { // the usual bounds
			lo, hi, x := lo[0], hi[0], x[:len(z)]
			for i := range z {
				z[i] = min(max(x[i], lo), hi)
			}
			return
		}
		for i := range z {
			z[i] = min(max(x[i*step[1]], lo[i*step[0]]), hi[i*step[2]])
		}
	}
	return Loop3{run, size, [3]int{size, size, size}, 1}
}
