// Package elementary computes elementary functions of float64 and complex128 accurately over their whole domains: next to
// their zeros and poles, at denormals and up to the edge of overflow. Go's math, which serves where it does that, fails in
// some of these places (on amd64, log of denormals and exp from 709.44; sin, cos and tan near multiples of π; powers of
// and to denormals; complex tan, tanh, sqrt and log of large parts).
//
// What each function promises is in the rows of the table of operations (ir.Op.Accuracy), and held there by tables of
// true values. Reference meanings and the go engine both use these functions.
//
// A value that needs more digits than a float64 has is the sum of two: hi, the nearest number, and lo, what is left.
package elementary

import "math"

// twoSum returns x + y as hi + lo.
func twoSum(x, y float64) (hi, lo float64) {
	hi = x + y
	t := hi - x
	return hi, (x - (hi - t)) + (y - t)
}

// fastTwoSum is twoSum for |x| ≥ |y|.
func fastTwoSum(x, y float64) (hi, lo float64) {
	hi = x + y
	return hi, y - (hi - x)
}

// twoProduct returns x · y as hi + lo. The conversion rounds hi: without it, Go may take the product unrounded into what is computed
// from hi, as it does on arm64.
func twoProduct(x, y float64) (hi, lo float64) {
	hi = float64(x * y)
	return hi, math.FMA(x, y, -hi)
}

// scale returns m·2ᵏ, rounded once also where it is a denormal. k may be anything.
func scale(m float64, k int) float64 {
	if k > -969 && k < 969 { // m has at most 53 bits below its first: no denormal for 1 ≤ |m| < 2
		if a := math.Abs(m); a >= 0x1p-53 && a < 0x1p54 {
			return m * math.Float64frombits(uint64(k+1023)<<52)
		}
	}
	return math.Ldexp(m, k)
}
