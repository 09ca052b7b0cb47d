package graph

import (
	"math"
	"math/big"
)

// What sums and products of floats mean: the exact value, rounded once, whatever the order of the elements.

// exactly holds every sum of float64s: their bits from 2^-1074 to 2^1023, and 76 for carries.
const exactly = 2174

// sums adds up floats one after the other.
type sums struct {
	plain float64 // what is infinite or NaN
	exact *big.Float
}

func newSums() *sums { return &sums{exact: new(big.Float).SetPrec(exactly)} }

func (s *sums) add(x float64) {
	if x-x != 0 {
		s.plain += x
	} else {
		s.exact.Add(s.exact, new(big.Float).SetFloat64(x))
	}
}

func (s *sums) addAll(x []float64) *sums {
	for _, v := range x {
		s.add(v)
	}
	return s
}

// over returns the sum so far divided by n.
func (s *sums) over(n float64) float64 {
	if s.plain != 0 || n == 0 {
		return s.plain / n
	}
	if n == 1 {
		v, _ := s.exact.Float64()
		return v
	}
	v, _ := new(big.Float).Quo(s.exact, new(big.Float).SetFloat64(n)).Float64()
	return v
}

// sumOf returns Σ x.
func sumOf(x []float64) float64 { return newSums().addAll(x).over(1) }

// meanOf returns Σ x / n, NaN of nothing.
func meanOf(x []float64) float64 { return newSums().addAll(x).over(float64(len(x))) }

// partsOf applies f to the real and to the imaginary parts.
func partsOf(f func(x []float64) float64) func(x []complex128) complex128 {
	return func(x []complex128) complex128 {
		return complex(f(convert(x, func(c complex128) float64 { return real(c) })), f(convert(x, func(c complex128) float64 { return imag(c) })))
	}
}

// productOf returns Π x.
func productOf(x []float64) float64 {
	finite := true
	p, plain := new(big.Float).SetPrec(300).SetInt64(1), 1.0 // 10⁶ factors lose 20 of the 300 bits
	for _, v := range x {
		finite = finite && v-v == 0
		if v != 0 && v-v == 0 { // beside 0 and ∞ only the sign of a number counts
			plain *= math.Copysign(1, v)
		} else {
			plain *= v
		}
		if finite {
			p.Mul(p, new(big.Float).SetFloat64(v))
		}
	}
	if !finite {
		return plain
	}
	v, _ := p.Float64()
	return v
}
