// Package float8 holds the two 8-bit floats of machine learning hardware. [E4M3FN] has 4 exponent bits and 3 fraction
// bits: finer, to 448, without infinities. [E5M2] has 5 and 2: coarser, to 57344, with infinities as IEEE 754 has them.
//
// Source: Micikevicius et al., "FP8 formats for deep learning", 2022, arXiv:2209.05433; where that leaves a choice, the
// conversions of the Python package ml_dtypes.
package float8

import (
	"math"
	"strconv"
)

// E4M3FN is a number of 8 bits with 4 exponent bits, stored as its bits. FN: finite, and one NaN per sign, 0x7f and 0xff.
type E4M3FN uint8

// E5M2 is a number of 8 bits with 5 exponent bits, stored as its bits: the upper byte of a half.
type E5M2 uint8

// E4M3FNFromFloat64 rounds x to the nearest E4M3FN, ties to even, in one rounding. What is closer to 480 than to 448, the
// largest, is NaN, and so are the infinities; NaN keeps its sign.
func E4M3FNFromFloat64(x float64) E4M3FN {
	if math.IsNaN(x) {
		x = math.Copysign(math.Inf(1), x)
	}
	return E4M3FN(min(magnitude(math.Abs(x), 4, 3), 0x7f) | sign(x))
}

// E5M2FromFloat64 rounds x to the nearest E5M2, ties to even, in one rounding. From 61440 on, half a step beyond 57344, it is
// infinite; NaN keeps its sign.
func E5M2FromFloat64(x float64) E5M2 {
	if math.IsNaN(x) {
		return E5M2(0x7e | sign(x))
	}
	return E5M2(min(magnitude(math.Abs(x), 5, 2), 0x7c) | sign(x))
}

// E4M3FNFromFloat32 is [E4M3FNFromFloat64] for a float32.
func E4M3FNFromFloat32(x float32) E4M3FN { return E4M3FNFromFloat64(float64(x)) }

// E5M2FromFloat32 is [E5M2FromFloat64] for a float32.
func E5M2FromFloat32(x float32) E5M2 { return E5M2FromFloat64(float64(x)) }

func sign(x float64) uint8 { return uint8(math.Float64bits(x) >> 63 << 7) }

// magnitude rounds x, not negative and no NaN, to a number with the given widths whose largest exponent is one like
// others. Past the largest of those it returns 0x80: callers take
// the minimum with what overflow is in their format.
func magnitude(x float64, exponent, fraction int) uint8 {
	bits := math.Float64bits(x)
	bias := 1<<(exponent-1) - 1
	exp, frac := int(bits>>52)-1023, bits&(1<<52-1)
	drop := uint(52 - fraction)
	switch {
	case exp > bias+1:
		return 0x80
	case exp >= 1-bias: // normal
		return round(uint64(exp+bias)<<52|frac, drop)
	case exp >= -bias-fraction: // subnormal: the hidden bit becomes visible and moves right
		return round(frac|1<<52, drop+uint(1-bias-exp))
	}
	return 0
}

// round drops the n lowest bits of v, to nearest, ties to even.
func round(v uint64, n uint) uint8 {
	half := uint64(1) << (n - 1)
	return uint8((v + half - 1 + v>>n&1) >> n)
}

// Bits returns the bits of f.
func (f E4M3FN) Bits() uint8 { return uint8(f) }

// Bits returns the bits of f.
func (f E5M2) Bits() uint8 { return uint8(f) }

// Float64 returns f as a float64, exactly.
func (f E4M3FN) Float64() float64 {
	if f&0x7f == 0x7f {
		return math.Copysign(math.NaN(), float64(int8(f)))
	}
	return value(uint8(f), 4, 3)
}

// Float64 returns f as a float64, exactly.
func (f E5M2) Float64() float64 {
	switch m := f & 0x7f; {
	case m > 0x7c:
		return math.Copysign(math.NaN(), float64(int8(f)))
	case m == 0x7c:
		return math.Inf(int(int8(f)))
	}
	return value(uint8(f), 5, 2)
}

// Float32 returns f as a float32, exactly.
func (f E4M3FN) Float32() float32 { return float32(f.Float64()) }

// Float32 returns f as a float32, exactly.
func (f E5M2) Float32() float32 { return float32(f.Float64()) }

// value returns the number with the given bits where the largest exponent is one like others.
func value(bits uint8, exponent, fraction int) float64 {
	e, m := int(bits&0x7f)>>fraction, int(bits)&(1<<fraction-1)
	if e > 0 {
		m, e = m|1<<fraction, e-1
	}
	v := math.Ldexp(float64(m), e+2-(1<<(exponent-1))-fraction)
	return math.Copysign(v, float64(int8(bits)))
}

// String writes f with as few digits as it takes to tell it from its neighbours.
func (f E4M3FN) String() string {
	return shortest(f.Float64(), func(y float64) bool { return E4M3FNFromFloat64(y) == f })
}

// String writes f with as few digits as it takes to tell it from its neighbours.
func (f E5M2) String() string {
	return shortest(f.Float64(), func(y float64) bool { return E5M2FromFloat64(y) == f })
}

func shortest(x float64, same func(float64) bool) string {
	if x == math.Trunc(x) {
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	for digits := 1; digits <= 2; digits++ {
		text := strconv.FormatFloat(x, 'g', digits, 64)
		if y, err := strconv.ParseFloat(text, 64); err == nil && same(y) {
			return text
		}
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
}
