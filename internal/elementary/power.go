package elementary

import "math"

// Cbrt returns the cube root.
func Cbrt(x float64) float64 { return math.Cbrt(x) }

// Hypot returns √(x² + y²), without overflow on the way; +∞ if either operand is infinite, also beside NaN.
//
// Method: the root of the rounded sum, mended by what the squares lost (Borges, "An improved algorithm for hypot(a, b)", 2019,
// arXiv:1904.09481).
func Hypot(x, y float64) float64 {
	if x, y = math.Abs(x), math.Abs(y); x < y {
		x, y = y, x
	}
	switch {
	case math.IsInf(x, 0) || math.IsInf(y, 0):
		return math.Inf(1)
	case x != x || y != y:
		return math.NaN()
	case y <= x*0x1p-54:
		return x + y
	case x > 0x1p510:
		return 0x1p600 * hypot(x*0x1p-600, y*0x1p-600)
	case y < 0x1p-459:
		return 0x1p-600 * hypot(x*0x1p600, y*0x1p600)
	}
	return hypot(x, y)
}

// hypot is Hypot for x ≥ y > 0 whose squares are normal numbers.
func hypot(x, y float64) float64 {
	h := math.Sqrt(math.FMA(x, x, float64(y*y)))
	square, xx := float64(h*h), float64(x*x)
	off := math.FMA(-y, y, square-xx) + math.FMA(h, h, -square) - math.FMA(x, x, -xx)
	return h - off/(2*h)
}
