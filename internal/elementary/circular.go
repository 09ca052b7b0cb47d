package elementary

import (
	"math"
	"math/bits"
)

// reduce returns x = n·π/2 + r with |r| ≤ π/4, and of n the last two bits; r is hi + lo. x is finite.
func reduce(x float64) (n int, hi, lo float64) {
	switch a := math.Abs(x); {
	case a <= math.Pi/4:
		return 0, x, 0
	case a > 1<<20:
		return reduceLarge(x)
	}
	const round = 3 << 51
	t := x*(2/math.Pi) + round
	n = int(int64(math.Float64bits(t))-int64(math.Float64bits(round))) & 3
	f := t - round
	// The parts of π/2 have 33 bits, f at most 20: products and the first difference are exact.
	r, a := twoSum(x-f*halfPi1, -f*halfPi2)
	r, b := twoSum(r, -f*halfPi3)
	hi, lo = fastTwoSum(r, (a+b)-f*halfPi4)
	return n, hi, lo
}

// reduceLarge is reduce by a multiplication with 192 bits of 2/π, those before having no part in the last two bits of n
// (Payne and Hanek, "Radian reduction for trigonometric functions", SIGNUM Newsletter 18, 1983). The closest that a number
// comes to a multiple of π/2 is 2⁻⁶²: more than 64 bits are left then.
func reduceLarge(x float64) (n int, hi, lo float64) {
	b := math.Float64bits(x)
	m, e := b&(1<<52-1)|1<<52, int(b>>52&0x7ff)-1075
	// m·2ᵉ·2/π modulo 4: from the bit of weight 2^(2-e) on, counted behind the table's zeros
	at := uint(e - 2 + 64)
	word, shift := at/64, at%64
	var w [3]uint64
	for i := range w {
		w[i] = twoOverPi[word+uint(i)]<<shift | twoOverPi[word+uint(i)+1]>>(64-shift)
	}
	h2, p2 := bits.Mul64(m, w[2])
	h1, p1 := bits.Mul64(m, w[1])
	p1, carry := bits.Add64(p1, h2, 0)
	p0, _ := bits.Add64(m*w[0], h1, carry)
	// p0 p1 p2 has two bits before the point
	n = int(p0 >> 62)
	p0, p1, p2 = p0<<2|p1>>62, p1<<2|p2>>62, p2<<2
	negative := p0>>63 == 1
	if negative { // the fraction is above ½: the distance to the next multiple
		n++
		var borrow uint64
		p2, borrow = bits.Sub64(0, p2, 0)
		p1, borrow = bits.Sub64(0, p1, borrow)
		p0, _ = bits.Sub64(0, p0, borrow)
	}
	exp := 0
	for p0 == 0 {
		p0, p1, p2, exp = p1, p2, 0, exp-64
		if exp < -192 {
			break
		}
	}
	z := uint(bits.LeadingZeros64(p0))
	p0, p1 = p0<<z|p1>>(64-z), p1<<z|p2>>(64-z)
	exp -= int(z)
	// the fraction is p0 p1 · 2^exp; 53 bits and the rest of them
	f := math.Ldexp(float64(p0>>11), exp-53)
	g := math.Ldexp(float64(p0<<53>>1|p1>>12), exp-53-63)
	hi, lo = twoProduct(f, halfPiHi)
	hi, lo = fastTwoSum(hi, lo+f*halfPiLo+g*halfPiHi)
	if math.Signbit(x) {
		n = -n
	}
	if negative != math.Signbit(x) {
		hi, lo = -hi, -lo
	}
	return n & 3, hi, lo
}

// sine returns the sine of hi + lo, at most π/4 in magnitude: FreeBSD's k_sin.c.
func sine(hi, lo float64) float64 {
	z := hi * hi
	w := z * z
	r := 8.33333333332248946124e-03 + z*(-1.98412698298579493134e-04+z*2.75573137070700676789e-06) + z*w*(-2.50507602534068634195e-08+z*1.58969099521155010221e-10)
	v := z * hi
	return hi - ((z*(0.5*lo-v*r) - lo) + v*1.66666666666666324348e-01)
}

// cosine returns the cosine of hi + lo, at most π/4 in magnitude: FreeBSD's k_cos.c.
func cosine(hi, lo float64) float64 {
	z := hi * hi
	w := z * z
	r := z*(4.16666666666666019037e-02+z*(-1.38888888888741095749e-03+z*2.48015872894767294178e-05)) + w*w*(-2.75573143513906633035e-07+z*(2.08757232129817482790e-09+z*-1.13596475577881948265e-11))
	h := 0.5 * z
	w = 1 - h
	return w + (((1 - w) - h) + (z*r - hi*lo))
}

// Sincos returns the sine and the cosine of x.
func Sincos(x float64) (sin, cos float64) {
	if x-x != 0 {
		return math.NaN(), math.NaN()
	}
	n, hi, lo := reduce(x)
	s, c := sine(hi, lo), cosine(hi, lo)
	switch n {
	case 1:
		return c, -s
	case 2:
		return -s, -c
	case 3:
		return -c, s
	}
	if x == 0 {
		return x, 1
	}
	return s, c
}

// Sin returns the sine of x.
func Sin(x float64) float64 {
	if x-x != 0 {
		return math.NaN()
	}
	if x == 0 {
		return x
	}
	n, hi, lo := reduce(x)
	if n&1 == 0 {
		hi = sine(hi, lo)
	} else {
		hi = cosine(hi, lo)
	}
	if n&2 != 0 {
		return -hi
	}
	return hi
}

// Cos returns the cosine of x.
func Cos(x float64) float64 {
	if x-x != 0 {
		return math.NaN()
	}
	n, hi, lo := reduce(x)
	if n&1 == 0 {
		hi = cosine(hi, lo)
	} else {
		hi = -sine(hi, lo)
	}
	if n&2 != 0 {
		return -hi
	}
	return hi
}

// Tan returns the tangent of x.
func Tan(x float64) float64 {
	s, c := Sincos(x)
	return s / c
}

// Atan2 returns the angle of the point (x, y).
func Atan2(y, x float64) float64 {
	if x == 0 || y == 0 || x-x != 0 || y-y != 0 {
		return math.Atan2(y, x) // multiples of π/4, by rules
	}
	z := math.Atan(math.Abs(y) / math.Abs(x))
	if x < 0 {
		z = math.Pi - (z - piLo)
	}
	return math.Copysign(z, y)
}
