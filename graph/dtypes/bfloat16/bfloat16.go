// Package bfloat16 holds the brain floating point type: the upper half of a float32, with its
// 8 exponent bits and 7 fraction bits. It keeps float32's range (3.4e38) and about 2 decimal digits.
package bfloat16

import (
	"math"
	"strconv"
)

// BFloat16 is a bfloat16 number, stored as its bits.
type BFloat16 uint16

// FromFloat32 rounds x to the nearest bfloat16, ties to even. NaN stays NaN, with its sign.
func FromFloat32(x float32) BFloat16 {
	bits := math.Float32bits(x)
	if x != x { // rounding could carry a NaN's fraction into infinity: keep it quiet and non-zero
		return BFloat16(bits>>16 | 0x40)
	}
	return BFloat16((bits + 0x7fff + bits>>16&1) >> 16)
}

// FromFloat64 rounds x to the nearest bfloat16, ties to even, in one rounding.
func FromFloat64(x float64) BFloat16 {
	return FromFloat32(toOdd(x))
}

// toOdd converts x to float32 rounding to odd, so that a second rounding to fewer bits is as good
// as one (Boldo and Melquiond, "When double rounding is odd", 2005).
func toOdd(x float64) float32 {
	y := float32(x)
	if float64(y) == x || x != x || math.IsInf(float64(y), 0) {
		return y
	}
	bits := math.Float32bits(y)
	if bits&1 == 0 { // y is even and inexact: the neighbour on x's side is the odd one
		if (float64(y) < x) == (y > 0 || bits == 0 && x > 0) {
			bits++
		} else {
			bits--
		}
	}
	if y == 0 { // x is below float32's smallest: keep its sign and that it is not zero
		bits = 1
		if math.Signbit(x) {
			bits |= 1 << 31
		}
	}
	return math.Float32frombits(bits)
}

// FromBits returns the bfloat16 with the given bits.
func FromBits(bits uint16) BFloat16 { return BFloat16(bits) }

// Bits returns the bits of b.
func (b BFloat16) Bits() uint16 { return uint16(b) }

// Float32 returns b as a float32, exactly.
func (b BFloat16) Float32() float32 { return math.Float32frombits(uint32(b) << 16) }

// Float64 returns b as a float64, exactly.
func (b BFloat16) Float64() float64 { return float64(b.Float32()) }

// String writes b with as few digits as it takes to tell it from its neighbours, 4 at most.
func (b BFloat16) String() string {
	x := b.Float64()
	for digits := 1; digits <= 3; digits++ {
		text := strconv.FormatFloat(x, 'g', digits, 64)
		if y, err := strconv.ParseFloat(text, 64); err == nil && FromFloat64(y) == b {
			return text
		}
	}
	return strconv.FormatFloat(x, 'g', 4, 64)
}
