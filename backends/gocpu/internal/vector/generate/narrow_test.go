package generate

import "math"

// Functions in float32 take half the time of those in float64 or less. Where rounding counts, their result is a sum of a number
// that is exact, or nearly, and one that is small beside it: the error is that of the last addition and little more.

// ln(2) to 24 bits, and the rest.
const (
	ln2High = 0x1.62e43p-1
	ln2Low  = -0x1.05c610ca86c38p-29
)

// exp32 is 2ᵏ·eʳ, as exp.
func (b *body) exp32(x, _ value) value {
	x = b.least(b.keep(b.c(89)), b.most(b.keep(b.c(-104)), x))                                       // beyond, results are infinite or 0
	k := b.minus(b.mulAdd(x, b.keep(b.c(math.Log2E)), b.keep(b.c(0x1.8p23))), b.keep(b.c(0x1.8p23))) // rounded, as by magic
	r := b.negMulAdd(k, b.keep(b.c(ln2High)), x)
	r = b.negMulAdd(k, b.keep(b.c(ln2Low)), r)
	p := b.keep(b.c(expNarrow[len(expNarrow)-1]))
	for i := len(expNarrow) - 2; i >= 0; i-- {
		p = b.mulAdd(p, r, b.keep(b.c(expNarrow[i])))
	}
	if b.m.wide {
		return b.op("VSCALEFPS", p, k)
	}
	// in two steps, as a denormal result is too far away for one
	i := b.op("VCVTPS2DQ", k)
	j := b.now("VPSRAD", 1, i)
	return b.times(b.times(p, b.power(j)), b.power(b.subInt(i, j)))
}

// power is 2ⁱ of integers.
func (b *body) power(i value) value { return b.left(b.addInt(i, b.word(127)), 23) }

// expNarrow is eʳ for |r| ≤ ln(2)/2: 8e-9.
var expNarrow = []float64{1, 1, 0.5, 0.166665768946066, 0.0416665544984137, 0.008363194882419041, 0.0013926203361634337}

// log32 is k·ln(2) + log(1+f), with 1+f from ¾ to 3/2.
func (b *body) log32(x, _ value) value {
	k, m := b.parts(x)
	f := b.minus(m, b.c(1))
	// k·ln2Head is exact; high + low is k·ln2Head + f
	a := b.times(k, b.c(ln2Head))
	high := b.plus(a, f)
	low := b.mulAdd(k, b.c(ln2Rest), b.minus(f, b.minus(high, a)))
	p := b.mulAdd(b.poly(f, logNarrow...), f, b.c(-0.5))
	y := b.plus(high, b.mulAdd(b.times(f, f), p, low))
	if b.m.wide { // NaN as it is, -∞ at 0, NaN for what is negative, ∞ at ∞
		return b.add(line{kind: tied, name: "VFIXUPIMMPS", now: "$0, ", args: []value{y, x, b.word(0x03530422)}})
	}
	y = b.where(b.compare(less, x, b.c(math.Inf(1))), y, x)
	below := b.where(b.compare(equal, x, b.c(0)), b.c(math.Inf(-1)), b.c(math.NaN()))
	return b.where(b.compare(lessEqual, x, b.c(0)), below, y)
}

// parts returns k and m with x = m·2ᵏ and m from ¾ to 3/2, of a positive finite x.
func (b *body) parts(x value) (k, m value) {
	if b.m.wide {
		m = b.now("VGETMANTPS", 11, x)
		k = b.op("VGETEXPPS", x)
		return b.where(b.compare(less, m, b.c(1)), b.plus(k, b.c(1)), k), m
	}
	tiny := b.compare(less, x, b.c(0x1p-126)) // a denormal is made larger first
	x = b.where(tiny, b.times(x, b.c(0x1p23)), x)
	biased := b.right(b.addInt(x, b.word(0x3f800000-0x3f400000)), 23)
	k = b.minus(b.op("VCVTDQ2PS", biased), b.where(tiny, b.c(127+23), b.c(127)))
	return k, b.addInt(b.subInt(x, b.left(biased, 23)), b.c(1))
}

// ln(2) to 16 bits, and the rest.
const (
	ln2Head = 0x1.62e4p-1
	ln2Rest = 0x1.7f7d1cf79abcap-20
)

// logNarrow is (log(1+f)-f+f²/2)/f³ for -¼ ≤ f ≤ ½: 2.9e-8.
var logNarrow = []float64{0.33333333147292227, -0.2500005671435764, 0.2000014089619763, -0.16660817530625113, 0.14268305970332557, -0.12639311138337617, 0.11680681790547841, -0.09561340013603677, 0.04287197803729382}

func (b *body) tanh32(x, _ value) value {
	if b.m.wide {
		return b.byOctaves(x, 0.8, 9.25, tanhWide)
	}
	return b.byIntervals(x, 0.75, 9.25, tanhTable, true)
}

func (b *body) erf32(x, _ value) value {
	if b.m.wide {
		return b.byOctaves(x, 1.85, 4, erfWide)
	}
	return b.byIntervals(x, 0.5, 4, erfTable, false)
}

// byIntervals is an odd function that is a constant from last on, by a table of polynomials, one per quarter of an octave from
// first on; there are no more of them than the table has elements. If it is cubic, f(x) = x + x³·(…) below first.
func (b *body) byIntervals(x value, first, last float32, table [8][16]float32, cubic bool) value {
	a := b.least(b.keep(b.c(float64(last))), b.and(x, b.word(math.MaxInt32)))
	near := b.compare(less, a, b.c(float64(first)))
	i := b.op("VPSUBUSW", b.right(a, 21), b.keep(value{bits: repeat(math.Float32bits(first)>>21-1, b.m.width/4)}))
	d := b.minus(a, b.pick(i, table[0]))
	v := b.where(near, b.times(d, d), d)
	p := b.pick(i, table[7])
	for k := 6; k >= 2; k-- {
		p = b.mulAdd(p, v, b.pick(i, table[k]))
	}
	if cubic {
		d = b.where(near, b.times(d, v), d)
	}
	y := b.mulAdd(d, p, b.where(near, a, b.pick(i, table[1])))
	return b.or(y, b.and(x, b.word(1<<31)))
}

// pick is element i of a list: in two registers of AVX2, or four of NEON.
func (b *body) pick(i value, list [16]float32) value {
	words := make([]uint32, 16)
	for k, x := range list {
		words[k] = math.Float32bits(x)
	}
	if b.m.arm {
		return b.op("VTBL", b.bytesOf(i), value{bits: words})
	}
	upper := b.left(i, 28) // its sign decides
	return b.where(upper, b.op("VPERMPS", i, value{bits: words[8:]}), b.op("VPERMPS", i, value{bits: words[:8]}))
}

// rsqrt32 is a value near 1/√x and a step of Newton's: y + y/2·(1 - x·y²), which is rounded once but for what is small. Where y
// is 0 or infinite, so is the result.
func (b *body) rsqrt32(x, _ value) value {
	var y value
	if b.m.wide {
		y = b.op("VRSQRT14PS", x)
	} else {
		y = b.over(b.c(1), b.op("VSQRTPS", x))
	}
	h := b.times(x, y)
	e := b.negMulAdd(h, y, b.c(1))
	e = b.negMulAdd(b.mulSub(x, y, h), y, e) // and what is lost in h
	if b.m.wide {                            // 14 bits are not enough for one step: 3/8·e² is the next term
		e = b.times(e, b.mulAdd(e, b.c(0.375), b.c(0.5)))
	} else {
		e = b.times(e, b.c(0.5))
	}
	return b.where(b.compare(unordered, e, e), y, b.mulAdd(y, e, y))
}

// π/2 to 23 bits, the rest to 14, and what is left then. None is negative: zeros keep their sign.
const (
	halfPi1 = 0x1.921fb4p+0
	halfPi2 = 0x1.444p-24
	halfPi3 = 0x1.68c234p-39
)

// circular32 returns the sine of x + quarters·π/2 for |x| below nearAngle: x = n·π/2 + r + low. Products of n, which has 10
// bits, with the first two parts of π/2 are exact; so are the difference from the first, and what is lost in the second one.
func (b *body) circular32(x value, quarters uint64) value {
	t := b.mulAdd(x, b.keep(b.c(2/math.Pi)), b.keep(b.c(0x1.8p23))) // n in the lowest bits
	n := b.minus(t, b.keep(b.c(0x1.8p23)))
	first := b.negMulAdd(n, b.keep(b.c(halfPi1)), x)
	r := b.negMulAdd(n, b.keep(b.c(halfPi2)), first)
	low := b.negMulAdd(n, b.keep(b.c(halfPi2)), b.minus(first, r))
	low = b.negMulAdd(n, b.keep(b.c(halfPi3)), low)
	z := b.times(r, r)
	// sin(r + low) = r + (low + r³·(…)), whose sign is r's also where that is a zero
	sine := b.plus(r, b.mulAdd(b.times(r, z), b.poly(z, sinTerms[1:]...), low))
	sine = b.or(sine, b.and(r, b.word(1<<31)))
	// cos(r + low) = 1 - z/2 + (what is lost in that + z²·(…) - r·low)
	h := b.times(z, b.keep(b.c(0.5)))
	w := b.minus(b.keep(b.c(1)), h)
	rest := b.minus(b.minus(b.keep(b.c(1)), w), h)
	rest = b.mulAdd(b.times(z, z), b.poly(z, cosTerms[2:]...), rest)
	cosine := b.plus(w, b.negMulAdd(r, low, rest))
	if quarters > 0 {
		t = b.addInt(t, b.word(quarters))
	}
	y := b.odd(t, cosine, sine)
	return b.xor(y, b.left(b.and(t, b.word(2)), 30))
}

// tanhTable and erfTable hold, per interval, a centre c, the function there, and the coefficients of a polynomial of the
// distance d from it: f(c+d) = f(c) + d·(…). Centres are numbers near the middle at which the function is within 0.003 of a last
// place from a float32. The first interval has the function around 0: f(x) = x + x³·(…) for tanh, x + x·(…) for erf, of x². The
// polynomials were worked out by Chebyshev's interpolation with 36 digits; the largest error is 0.03 of a last place.
var tanhTable = [8][16]float32{
	{0.0, 0.8123404, 0.9373371, 1.124647, 1.3746467, 1.6246897, 1.8746567, 2.2493403, 2.7493026, 3.2493474, 3.7493038, 4.4986053, 5.498578, 6.4989524, 7.381865, 8.317766},
	{0.0, 0.6708793, 0.7339964, 0.80917925, 0.87974685, 0.9253016, 0.9540144, 0.9779974, 0.9918484, 0.9969937, 0.9988929, 0.9997525, 0.9999665, 0.99999547, 0.9999992, 0.9999999},
	{-0.3333333, 0.549921, 0.4612493, 0.34522894, 0.22604547, 0.14381693, 0.08985648, 0.043521043, 0.016236734, 0.006003522, 0.0022129682, 0.0004948987, 6.699524e-05, 9.060297e-06, 1.5497209e-06, 2.3841486e-07},
	{0.13333179, -0.36893058, -0.3385553, -0.2793521, -0.19886279, -0.13307403, -0.08572438, -0.042563464, -0.016104378, -0.0059854733, -0.002210518, -0.0004947733, -6.6992594e-05, -9.060204e-06, -1.5496183e-06, -2.3841518e-07},
	{-0.053935852, 0.064200774, 0.094748564, 0.11096996, 0.09960108, 0.075195044, 0.0518303, 0.027120179, 0.010560625, 0.003966169, 0.0014703571, 0.00032946415, 4.4628327e-05, 6.035957e-06, 1.0330062e-06, 1.5916714e-07},
	{0.021615319, 0.07990583, 0.04330668, 0.0033236183, -0.021335471, -0.025219772, -0.020871952, -0.012335743, -0.005106665, -0.0019592126, -0.0007319411, -0.00016463849, -2.232066e-05, -3.0191427e-06, -5.1896427e-07, -7.980788e-08},
	{-0.007933808, -0.06269148, -0.05308262, -0.03206771, -0.009518677, 0.0013986984, 0.0046043163, 0.003981389, 0.0019154571, 0.0007704717, 0.00029263465, 6.809421e-05, 9.251234e-06, 1.2517361e-06, 2.1002481e-07, 3.02327e-08},
	{0.0019095024, 0.0072411206, 0.016986307, 0.018498575, 0.01096974, 0.004111152, 0.0006456506, -0.00072280294, -0.0005454808, -0.00024316259, -9.5453186e-05, -2.2350872e-05, -3.0474237e-06, -4.1279353e-07, -5.7787197e-08, -6.538839e-09},
}

var erfTable = [8][16]float32{
	{0.0, 0.5623279, 0.68733054, 0.81232136, 0.9373396, 1.1246538, 1.3746611, 1.624644, 1.874644, 2.2493193, 2.7493052, 3.2503798, 3.6237051, 3.6237051, 3.6237051, 3.6237051},
	{0.0, 0.57353294, 0.66896546, 0.74935985, 0.81502724, 0.888278, 0.9481123, 0.9784151, 0.9919781, 0.9985324, 0.99989897, 0.9999957, 0.9999997, 0.9999997, 0.9999997, 0.9999997},
	{0.12837917, 0.82248056, 0.70353264, 0.5832824, 0.4686855, 0.31852192, 0.1705186, 0.0805654, 0.033590633, 0.0071642213, 0.00058852637, 2.9118366e-05, 2.236664e-06, 2.236664e-06, 2.236664e-06, 2.236664e-06},
	{-0.37612638, -0.46250376, -0.48355946, -0.4738128, -0.4393175, -0.3582269, -0.2344053, -0.1308901, -0.06297048, -0.016114628, -0.001618024, -9.464239e-05, -8.1056105e-06, -8.1056105e-06, -8.1056105e-06, -8.1056105e-06},
	{0.11283774, -0.10077441, -0.012934227, 0.062164523, 0.1182978, 0.16241221, 0.1579792, 0.11491226, 0.067501955, 0.021778114, 0.0027680509, 0.00019499648, 1.8895194e-05, 1.8895194e-05, 1.8895194e-05, 1.8895194e-05},
	{-0.026863143, 0.18250191, 0.16563137, 0.13268866, 0.09099645, 0.028079985, -0.030448081, -0.04971475, -0.042280305, -0.019121692, -0.0032676812, -0.00028576973, -3.1609055e-05, -3.1609055e-05, -3.1609055e-05, -3.1609055e-05},
	{0.0052004135, -0.0107591655, -0.04155935, -0.06165233, -0.06950625, -0.061130643, -0.03068345, -0.00231005, 0.011338381, 0.010603894, 0.0028228424, 0.00032928566, 3.710554e-05, 3.710554e-05, 3.710554e-05, 3.710554e-05},
	{-0.0007694534, -0.046578825, -0.0345807, -0.018638492, -0.0025211074, 0.0153926285, 0.022061968, 0.0144033125, 0.0041403053, -0.0028102593, -0.0016657544, -0.00027113204, -2.2656192e-05, -2.2656192e-05, -2.2656192e-05, -2.2656192e-05},
}
