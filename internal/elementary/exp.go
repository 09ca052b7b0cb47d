package elementary

import "math"

// expRange is beyond where scale makes 0 or infinity of exp's parts, also when they are multiplied by the largest or
// smallest number.
const expRange = 1500

// expParts returns exp(hi + lo) as (m + tail)·2ᵏ with 1 ≤ m < 2 and |tail| below m's last place. hi is limited to
// expRange on both sides; |lo| is at most hi's last place.
//
// Method: hi + lo = n·ln(2)/128 + r with |r| ≤ ln(2)/256; 2^(n/128) is a power of two times an entry of a table.
func expParts(hi, lo float64) (m, tail float64, k int) {
	hi = min(max(hi, -expRange), expRange)
	const round = 3 << 51 // added and taken away again, rounds to a whole number
	t := hi*perStep + round
	n := int(int64(math.Float64bits(t)) - int64(math.Float64bits(round)))
	f := t - round
	r := hi - f*stepHi
	low := lo - f*stepLo
	p := &powers[n&127]
	// exp(r + low) - 1, the first term left out is r⁷/7! < 2⁻⁷¹
	r1 := r + low
	r2 := r1 * r1
	q := r2*(0.5+r1*(1./6)) + r2*r2*(1./24+r1*(1./120)+r2*(1./720))
	m, tail = fastTwoSum(p[0], p[0]*r)
	tail += p[1] + p[0]*(low+q)
	m, tail = fastTwoSum(m, tail)
	return m, tail, n >> 7
}

// Exp returns eˣ.
func Exp(x float64) float64 {
	if !(x > -746 && x < 710) {
		switch {
		case x >= 710:
			return math.Inf(1)
		case x <= -746:
			return 0
		}
		return x
	}
	// expParts, but for the digits that are rounded away
	const round = 3 << 51
	t := x*perStep + round
	n := int64(math.Float64bits(t)) - int64(math.Float64bits(round))
	f := t - round
	r := (x - f*stepHi) - f*stepLo
	p := &powers[n&127]
	r2 := r * r
	m := p[0] + (p[1] + p[0]*(r+r2*(0.5+r*(1./6)+r2*(1./24+r*(1./120)))))
	if k := n >> 7; k > -1022 && k < 1023 {
		return m * math.Float64frombits(uint64(k+1023)<<52)
	}
	return math.Ldexp(m, int(n>>7))
}

// Exp2 returns 2ˣ, exactly of a whole number.
func Exp2(x float64) float64 {
	switch {
	case x >= 1024:
		return math.Inf(1)
	case x <= -1076:
		return 0
	case x != x:
		return x
	}
	// expParts, of steps that are exact
	const round = 3 << 51
	t := x*128 + round
	n := int(int64(math.Float64bits(t)) - int64(math.Float64bits(round)))
	r := x - (t-round)/128
	hi, lo := twoProduct(r, math.Ln2)
	lo += r * ln2Rest
	p := &powers[n&127]
	r2 := hi * hi
	q := r2*(0.5+hi*(1./6)) + r2*r2*(1./24+hi*(1./120)+r2*(1./720))
	m, tail := fastTwoSum(p[0], p[0]*hi)
	return scale(m+(tail+(p[1]+p[0]*(lo+q))), n>>7)
}

// Expm1 returns eˣ - 1.
func Expm1(x float64) float64 {
	if x > 700 {
		return Exp(x)
	}
	return math.Expm1(x)
}

// Sigmoid returns 1 / (1 + exp(-x)).
func Sigmoid(x float64) float64 {
	if x >= 0 {
		return 1 / (1 + Exp(-x))
	}
	e := Exp(x)
	return e / (1 + e)
}

// Silu returns x / (1 + exp(-x)).
func Silu(x float64) float64 {
	switch {
	case x > -40:
		return x / (1 + Exp(-x))
	case x < -expRange:
		return math.Copysign(0, -1)
	case x != x:
		return x
	}
	m, _, k := expParts(x, 0) // exp(-x) + 1 is exp(-x) here
	return scale(x*m, k)
}

// Softplus returns log(1 + exp(x)).
func Softplus(x float64) float64 { return max(x, 0) + math.Log1p(Exp(-math.Abs(x))) }

// Tanh returns the hyperbolic tangent.
func Tanh(x float64) float64 { return math.Tanh(x) }
