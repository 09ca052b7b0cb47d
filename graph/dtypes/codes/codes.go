// Package codes says which numbers codes of few bits are: those that weights are held in, see package quant.
package codes

import (
	"fmt"
	"math"

	"github.com/quire-ml/quire/graph/dtypes/float8"
)

// Kind says what numbers codes are.
type Kind string

const (
	Unsigned Kind = "unsigned"       // 0 … 2ᵇ-1, of 2, 4 or 8 bits
	Signed   Kind = "signed"         // in two's complement, of 2, 4 or 8 bits
	NF4      Kind = "nf4"            // places in a table of 16 numbers, quantiles of a normal distribution
	E2M1     Kind = "float4_e2m1fn"  // a sign, two bits of exponent and one of mantissa: 0, 0.5, 1, 1.5, 2, 3, 4, 6
	E4M3FN   Kind = "float8_e4m3fn"  // the bits of a float8_e4m3fn
	E5M2     Kind = "float8_e5m2"    // the bits of a float8_e5m2
	E8M0     Kind = "float8_e8m0fnu" // powers of 2, from 2⁻¹²⁷ to 2¹²⁷, and NaN
)

// normalFloats are the numbers of NF4: quantiles of the normal distribution, 8 of its negative half and 9 of its positive one that share
// 0, divided by the largest. Source: Dettmers et al., "QLoRA: efficient finetuning of quantized LLMs", 2023, arXiv:2305.14314, appendix E.
var normalFloats = []float64{-1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
	-0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224, 0.44070982933044434,
	0.5626170039176941, 0.7229568362236023, 1}

// float4s are the numbers of E2M1, without their sign. Source: OCP Microscaling Formats (MX) Specification 1.0, 2023, section 5.3.3.
var float4s = []float64{0, 0.5, 1, 1.5, 2, 3, 4, 6}

// Values returns the numbers that codes of so many bits are, 2ᵇⁱᵗˢ of them by code. It returns an error if there are no such codes.
func (c Kind) Values(bits int) ([]float64, error) {
	var list []float64
	add := func(value func(code int) float64) {
		for code := range 1 << bits {
			list = append(list, value(code))
		}
	}
	whole := bits == 2 || bits == 4 || bits == 8
	switch {
	case c == Unsigned && whole:
		add(func(code int) float64 { return float64(code) })
	case c == Signed && whole:
		add(func(code int) float64 { return float64(code - code>>(bits-1)<<bits) })
	case c == NF4 && bits == 4:
		add(func(code int) float64 { return normalFloats[code] })
	case c == E2M1 && bits == 4:
		add(func(code int) float64 {
			return math.Copysign(float4s[code&7], float64(7-code))
		})
	case c == E4M3FN && bits == 8:
		add(func(code int) float64 { return float8.E4M3FN(code).Float64() })
	case c == E5M2 && bits == 8:
		add(func(code int) float64 { return float8.E5M2(code).Float64() })
	case c == E8M0 && bits == 8:
		add(func(code int) float64 { return math.Ldexp(1, code-127) })
		list[255] = math.NaN()
	default:
		return nil, fmt.Errorf("there are no codes %q of %d bits", string(c), bits)
	}
	return list, nil
}
