// Package float16 holds the IEEE 754 half-precision type: 5 exponent bits and 10 fraction bits,
// a range to 65504 and about 3 decimal digits.
package float16

import (
	"math"
	"strconv"
)

// Float16 is a half-precision number, stored as its bits.
type Float16 uint16

// FromFloat32 rounds x to the nearest half, ties to even. Beyond 65504 (by half a step) it is
// infinite; NaN stays NaN, with its sign.
func FromFloat32(x float32) Float16 { return FromFloat64(float64(x)) }

// FromFloat64 rounds x to the nearest half, ties to even, in one rounding.
func FromFloat64(x float64) Float16 {
	bits := math.Float64bits(x)
	sign := Float16(bits >> 48 & 0x8000)
	exp := int(bits>>52&0x7ff) - 1023
	frac := bits & (1<<52 - 1)
	switch {
	case exp == 1024 && frac != 0:
		return sign | 0x7e00 | Float16(frac>>42)
	case exp > 15:
		return sign | 0x7c00
	case exp >= -14: // normal
		return sign | round(uint64(exp+15)<<52|frac, 42)
	case exp >= -25: // subnormal: the hidden bit becomes visible and moves right
		return sign | round(frac|1<<52, uint(42-14-exp))
	}
	return sign
}

// round drops the n lowest bits of v, to nearest, ties to even.
func round(v uint64, n uint) Float16 {
	half := uint64(1) << (n - 1)
	return Float16((v + half - 1 + v>>n&1) >> n)
}

// FromBits returns the half with the given bits.
func FromBits(bits uint16) Float16 { return Float16(bits) }

// Bits returns the bits of f.
func (f Float16) Bits() uint16 { return uint16(f) }

// Float32 returns f as a float32, exactly.
func (f Float16) Float32() float32 {
	sign := uint32(f&0x8000) << 16
	exp := uint32(f >> 10 & 0x1f)
	frac := uint32(f & 0x3ff)
	switch exp {
	case 0x1f:
		return math.Float32frombits(sign | 0xff<<23 | frac<<13)
	case 0: // zero or subnormal: frac · 2^-24
		v := float32(frac) * (1.0 / (1 << 24))
		if sign != 0 {
			v = -v
		}
		return v
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}

// Float64 returns f as a float64, exactly.
func (f Float16) Float64() float64 { return float64(f.Float32()) }

// String writes f with as few digits as it takes to tell it from its neighbours, 5 at most.
func (f Float16) String() string {
	x := f.Float64()
	for digits := 1; digits <= 4; digits++ {
		text := strconv.FormatFloat(x, 'g', digits, 64)
		if y, err := strconv.ParseFloat(text, 64); err == nil && FromFloat64(y) == f {
			return text
		}
	}
	return strconv.FormatFloat(x, 'g', 5, 64)
}
