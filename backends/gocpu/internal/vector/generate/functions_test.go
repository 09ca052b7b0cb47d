package generate

import (
	"math"

	"github.com/quire-ml/quire/backends/gocpu/internal/vector/piece"
)

// Functions are computed in float64 unless said otherwise, with polynomials just long enough for float32: their results are
// then nearly always the nearest number, and no case needs care for what is lost in between. All polynomials were worked out
// by Chebyshev's interpolation with 60 digits; the largest error on the interval stands beside them.

// magic, added to a float64 below 2^51 and taken away again, rounds it to a whole number, which stands in the lowest bits of
// the sum.
const magic = 0x1.8p52

var (
	expTerms   = []float64{0.5000000013487226, 0.16666666681647016, 0.04166646471137908, 0.00833331090172597, 0.0013933673732931852, 0.0001989101718430203}                                                                                                                                    // (eʳ-1-r)/r² for |r| ≤ ln(2)/2: 1.4e-9
	logTerms   = []float64{0.33333331180030046, -0.24999996957950882, 0.200007157488921, -0.16667802319501254, 0.1424905764569748, -0.12425687331451106, 0.1168541992348674, -0.11479733846637635, 0.06971611471451178}                                                                        // (log(1+f)-f+f²/2)/f³ for √½-1 ≤ f ≤ √2-1: 2.9e-8
	sinTerms   = []float64{1, -0.1666666666362283, 0.008333331785217696, -0.00019840038872556747, 2.724378140946123e-06}                                                                                                                                                                       // sin(r)/r of r², for |r| ≤ π/4: 2e-11
	cosTerms   = []float64{1, -0.4999999996656692, 0.04166664966197666, -0.0013887536609763552, 2.4457042963646783e-05}                                                                                                                                                                        // cos(r) of r², for |r| ≤ π/4: 2.1e-10
	erfcxTerms = []float64{-5.439114846317988e-07, 0.5642311054422691, 1.1269635944576004, 2.003157017762356, 2.443859850586551, 6.134934221131523, -22.718580359555503, 96.30862603803112, -347.09874103922306, 706.6708175790951, -816.8854368730589, 514.311771962641, -138.82526280574328} // erfc(t)·exp(t²) of 1/(2+t), for 0 ≤ t ≤ 10.6: 5e-11, of 0.05 and more
)

// functions adds the pieces of functions.
func (m *machine) functions() {
	eachFunction(m.function, m.angles)
	for _, f := range fallingFunctions {
		if m.wide {
			m.split(f.kind, f.from, f.near, f.anywhere)
		} else {
			m.function(f.kind, 8, f.anywhere)
		}
	}
	m.powers()
}

// fallingFunctions fall away towards -∞.
var fallingFunctions = []struct {
	kind     piece.Kind
	from     float32 // from where on near does
	near     bodyOf  // of float32, on AVX-512
	anywhere bodyOf  // of float64
}{
	{piece.NormalCDF, normalFrom, share(normalScale, normalWide), func(b *body, x, _ value) value { return b.normalCDF(x) }},
	{piece.Gelu, normalFrom, gate(normalScale, geluWide), (*body).gelu},
	{piece.GeluApproximate, approximateFrom, gate(normalScale, approximateWide), (*body).geluApproximate},
	{piece.Sigmoid, sigmoidFrom, share(sigmoidScale, sigmoidWide), func(b *body, x, _ value) value { return b.inverse(b.onePlusExpNeg(x)) }},
	{piece.Silu, sigmoidFrom, gate(sigmoidScale, siluWide), (*body).silu},
	{piece.Softplus, softplusFrom, (*body).softplus32, (*body).softplus},
}

// eachFunction calls function for each function that all machines compute in the same way, with the bytes of the numbers that they do it
// in, and angles for those of angles; those that fall are a list of their own.
func eachFunction(function func(k piece.Kind, element int, f bodyOf), angles func(k piece.Kind, near bodyOf, turn func(b *body, t, r value) value)) {
	for _, f := range []struct {
		kind piece.Kind
		wide func(b *body, x, y value) value // of float64
	}{
		{piece.Expm1, func(b *body, x, _ value) value { return b.copySign(b.expm1(b.limit(x)), x) }},
		{piece.Log1p, (*body).log1p},
	} {
		function(f.kind, 8, f.wide)
	}
	for _, f := range []struct {
		kind   piece.Kind
		narrow func(b *body, x, y value) value // of float32
	}{
		{piece.Rsqrt, (*body).rsqrt32},
		{piece.Exp, (*body).exp32},
		{piece.Log, (*body).log32},
		{piece.Tanh, (*body).tanh32},
		{piece.Erf, (*body).erf32},
	} {
		function(f.kind, 4, f.narrow)
	}
	for _, f := range []struct {
		kind   piece.Kind
		narrow func(b *body, x, y value) value // of angles up to nearAngle, in float32
		turn   func(b *body, t, r value) value // of n·π/2 + r, n in the lowest bits of t
	}{
		{piece.Sin, func(b *body, x, _ value) value { return b.circular32(x, 0) }, func(b *body, t, r value) value { return b.circular(t, r, 0) }},
		{piece.Cos, func(b *body, x, _ value) value { return b.circular32(x, 1) }, func(b *body, t, r value) value { return b.circular(t, r, 1) }},
		{piece.Tan, nil, (*body).tan},
	} {
		angles(f.kind, f.narrow, f.turn)
	}
}

// limit brings x to where eˣ is a float32 other than 0 and infinity, and a bit further. NaN stays.
func (b *body) limit(x value) value { return b.least(b.c(150), b.most(b.c(-150), x)) }

func (b *body) abs(x value) value { return b.and(x, b.word(math.MaxInt64)) }

// copySign gives a number that is positive, or has x's sign, the sign of x.
func (b *body) copySign(size, x value) value { return b.or(size, b.and(x, b.word(1<<63))) }

// exp returns p and s with eˣ = p·(1+s): x = k·ln(2) + r with |r| ≤ ln(2)/2, p = 2ᵏ and s = eʳ - 1. |x| is at most 600.
func (b *body) exp(x value) (p, s value) {
	t := b.mulAdd(x, b.c(math.Log2E), b.c(magic))
	r := b.negMulAdd(b.minus(t, b.c(magic)), b.c(math.Ln2), x)
	p = b.addInt(b.left(t, 52), b.c(1)) // k in the place of the exponent
	s = b.mulAdd(b.times(r, r), b.poly(r, expTerms...), r)
	return p, s
}

func (b *body) expm1(x value) value {
	p, s := b.exp(x)
	return b.mulAdd(p, s, b.minus(p, b.c(1)))
}

// inverse returns 1/x of an x with an exponent that is not extreme, to 28 bits at least.
func (b *body) inverse(x value) value {
	if !b.m.wide {
		return b.over(b.c(1), x)
	}
	y := b.op("VRCP14PD", x) // 14 bits, doubled by a step of Newton's
	return b.mulAdd(y, b.negMulAdd(x, y, b.c(1)), y)
}

// quotient returns x/y, likewise, to 50 bits at least.
func (b *body) quotient(x, y value) value {
	if !b.m.wide {
		return b.over(x, y)
	}
	z := b.inverse(y)
	q := b.times(x, z)
	return b.mulAdd(b.negMulAdd(q, y, x), z, q)
}

// onePlusExpNeg returns 1 + e⁻ˣ.
func (b *body) onePlusExpNeg(x value) value {
	p, s := b.exp(b.limit(b.xor(x, b.word(1<<63))))
	return b.plus(b.mulAdd(p, s, p), b.c(1))
}

func (b *body) silu(x, _ value) value {
	x = b.most(b.c(-150), x) // also -∞, whose product with 0 has no value
	return b.times(x, b.inverse(b.onePlusExpNeg(x)))
}

// softplus returns max(x, 0) + log(1 + e^-|x|).
func (b *body) softplus(x, _ value) value {
	p, s := b.exp(b.limit(b.or(x, b.word(1<<63))))
	e := b.mulAdd(p, s, p)
	return b.plus(b.most(b.c(0), x), b.log(b.plus(e, b.c(1)), e))
}

// log returns the logarithm of a positive finite x: x = 2ᵏ·(1+f) with 1+f from √½ to √2. If x was rounded from 1+e, e is given
// too.
func (b *body) log(x, e value) value {
	const base = 0x3fe6a09e667f3bcd // √½
	from := b.addInt(x, b.word(0x3ff<<52-base))
	biased := b.right(from, 52)
	// a number of few bits behind 2^52 is a float64 that is too large by it
	k := b.minus(b.or(biased, b.c(0x1p52)), b.c(0x1p52+1023))
	f := b.minus(b.addInt(b.subInt(x, b.left(biased, 52)), b.c(1)), b.c(1))
	if e.id != 0 {
		f = b.where(b.compare(equal, k, b.c(0)), e, f)
	}
	y := b.mulAdd(b.times(f, f), b.mulAdd(b.poly(f, logTerms...), f, b.c(-0.5)), f)
	return b.mulAdd(k, b.c(math.Ln2), y)
}

// logOf puts right what log(x) is not: -∞ at 0, NaN below, and x itself where that is +∞ or NaN.
func (b *body) logOf(x, keep, y value) value {
	y = b.where(b.compare(less, x, b.c(math.Inf(1))), y, keep)
	y = b.where(b.compare(greater, x, b.c(0)), y, b.where(b.compare(equal, x, b.c(0)), b.c(math.Inf(-1)), b.where(b.compare(less, x, b.c(0)), b.c(math.NaN()), keep)))
	return y
}

func (b *body) log1p(x, _ value) value {
	u := b.plus(x, b.c(1))
	return b.copySign(b.logOf(u, x, b.log(u, x)), x)
}

// normalCDF returns Φ(x) = erfc(-x/√2)/2, of |x| up to 15, beyond which it is 0 or 1.
func (b *body) normalCDF(x value) value {
	a := b.least(b.c(15), b.abs(x))
	w := b.inverse(b.mulAdd(a, b.c(math.Sqrt2/2), b.c(2)))
	p, s := b.exp(b.times(b.times(a, a), b.c(-0.5)))
	tail := b.times(b.times(b.mulAdd(p, s, p), b.c(0.5)), b.poly(w, erfcxTerms...))
	return b.where(b.compare(greater, x, b.c(0)), b.minus(b.c(1), tail), tail)
}

func (b *body) gelu(x, _ value) value {
	x = b.most(b.c(-20), x) // also -∞, whose product with 0 has no value
	return b.times(x, b.normalCDF(x))
}

// geluApproximate returns x/2·(1 + tanh(u)) = x/(1 + e^-2u) with u = √(2/π)·(x + 0.044715·x³).
func (b *body) geluApproximate(x, _ value) value {
	const scale = 2 * 0.7978845608028653558798921198687637369517 // 2·√(2/π)
	x = b.most(b.c(-20), x)
	u := b.times(x, b.mulAdd(b.times(x, x), b.c(scale*0.044715), b.c(scale)))
	return b.times(x, b.inverse(b.onePlusExpNeg(u)))
}

// turn returns t, in whose lowest bits n stands, and r with x = n·π/2 + r and |r| ≤ π/4. |x| is less than 2^31.
func (b *body) turn(x value) (t, r value) {
	const (
		head = 0x1.921fb54442p0      // π/2 to 41 bits: x - n·head is a multiple of its last one, and exact
		rest = 0x1.a308d313198a3p-41 // what is left
	)
	t = b.mulAdd(x, b.c(2/math.Pi), b.c(magic))
	n := b.minus(t, b.c(magic))
	r = b.negMulAdd(n, b.c(head), x)
	return t, b.negMulAdd(n, b.c(rest), r)
}

// circular returns the sine of n·π/2 + r, quarters·π/2 further on.
func (b *body) circular(t, r value, quarters uint64) value {
	z := b.times(r, r)
	sine, cosine := b.times(r, b.poly(z, sinTerms...)), b.poly(z, cosTerms...)
	if quarters > 0 {
		t = b.addInt(t, b.word(quarters))
	}
	y := b.odd(t, cosine, sine)
	return b.xor(y, b.left(b.and(t, b.word(2)), 62)) // the other half of the circle
}

// odd is yes where the last bit of t is set, else no.
func (b *body) odd(t, yes, no value) value {
	switch {
	case b.m.arm:
		return b.where(b.op("VCMTST", t, b.word(1)), yes, no)
	case !b.m.wide:
		return b.where(b.left(t, 8*b.element-1), yes, no) // the sign decides
	}
	return b.where(b.mask(line{name: "VPTESTM" + b.integer(), args: []value{t, b.word(1)}}), yes, no)
}

// tan returns sin/cos, or -cos/sin after an odd number of quarters.
func (b *body) tan(t, r value) value {
	z := b.times(r, r)
	sine, cosine := b.times(r, b.poly(z, sinTerms...)), b.poly(z, cosTerms...)
	up := b.odd(t, cosine, sine)
	down := b.odd(t, sine, cosine)
	return b.xor(b.over(up, down), b.left(t, 63))
}

// round rounds to a whole number, ties to even.
func (b *body) round(x value) value {
	if b.m.wide {
		return b.now("VRNDSCALE"+b.suffix(), 8, x)
	}
	return b.now("VROUND"+b.suffix(), 8, x)
}
