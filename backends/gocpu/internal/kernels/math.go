package kernels

import (
	"math"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/internal/elementary"
)

// The functions of float32 below compute in float64, which costs scalar code nothing, with polynomials
// just long enough for float32: their results are within 1 unit in the last place (TestMathIsAccurate).

// exp returns exp(x) of |x| ≤ 150 to about 1e-8: 2ᵏ·exp(r) with |r| ≤ ln(2)/2 and exp by its Taylor series.
func exp(x float64) float64 {
	k, r := reduce(x)
	return math.Float64frombits(uint64(k+1023)<<52) * (1 + series(r))
}

// reduce returns k and r with x = k·ln(2) + r and |r| ≤ ln(2)/2.
func reduce(x float64) (k int64, r float64) {
	const round = 3 << 51 // added and taken away again, rounds to a whole number
	t := x*math.Log2E + round
	return int64(math.Float64bits(t)) - int64(math.Float64bits(round)), x - (t-round)*math.Ln2
}

// series returns exp(r) - 1 for |r| ≤ ln(2)/2. The first term left out is r⁸/8! ≤ 5e-9.
func series(r float64) float64 {
	r2 := r * r
	r4 := r2 * r2
	return r + r2*(1./2+r*(1./6)) + r4*((1./24+r*(1./120))+r2*(1./720+r*(1./5040)))
}

// clip limits x to where exp of it is a float32 other than 0 and infinity, and a bit further.
func clip(x float64) float64 {
	if x > 150 {
		return 150
	}
	if x < -150 {
		return -150
	}
	return x
}

// expm1 returns exp(x) - 1 of |x| ≤ 150, relative error 1e-8 also for tiny x.
func expm1(x float64) float64 {
	k, r := reduce(x)
	p := math.Float64frombits(uint64(k+1023) << 52)
	return p*series(r) + (p - 1)
}

func expm132(x float32) float32 {
	if x == 0 {
		return x // keeps the sign
	}
	return float32(expm1(clip(float64(x))))
}

func silu32(x float32) float32 {
	if x < -150 { // also -∞, whose product with 0 has no value
		return float32(math.Copysign(0, -1))
	}
	return float32(float64(x) / (1 + exp(clip(-float64(x)))))
}

// log returns the natural logarithm of a positive finite x to about 2e-9: x = 2ᵏ·m with m around 1, and
// log(m) = 2·artanh(s) with s = (m-1)/(m+1), |s| ≤ 0.172.
func log(x float64) float64 {
	const sqrtHalf = 0x3fe6a09e667f3bcd // bits of √½
	bits := math.Float64bits(x) - sqrtHalf
	k := int64(bits) >> 52
	m := math.Float64frombits(bits&(1<<52-1) + sqrtHalf)
	s := (m - 1) / (m + 1)
	s2 := s * s
	return float64(k)*math.Ln2 + 2*s*(1+s2*(1./3+s2*(1./5+s2*(1./7+s2*(1./9)))))
}

func log32(x float32) float32 {
	switch {
	case x > 0 && x <= math.MaxFloat32:
		return float32(log(float64(x)))
	case x == 0:
		return float32(math.Inf(-1))
	case x < 0:
		return float32(math.NaN())
	}
	return x // +∞ and NaN
}

// softplus32 returns log(1 + exp(x)).
func softplus32(x float32) float32 {
	v := float64(x)
	return float32(max(v, 0) + math.Log1p(elementary.Exp(-math.Abs(v))))
}

// LogAddExp returns log(exp(x) + exp(y)) of numbers that have at most the digits of a float32; elementary's has more of
// them near 0.
func LogAddExp(x, y float64) float64 {
	if math.IsInf(x, 0) || math.IsInf(y, 0) { // two equal infinities have no difference
		return max(x, y)
	}
	return max(x, y) + math.Log1p(elementary.Exp(-math.Abs(x-y)))
}

// Sign returns -1, 0 or 1; NaN and zeros stay.
func Sign(x float64) float64 {
	if x == 0 || x != x {
		return x
	}
	return math.Copysign(1, x)
}

// The loops below write out exp and expm1, which are too long for the compiler to put into a loop by itself; that
// saves half of the time.

func expLoop(z, x []float32) {
	x = x[:len(z)]
	for i := range z {
		k, r := reduce(clip(float64(x[i])))
		z[i] = float32(math.Float64frombits(uint64(k+1023)<<52) * (1 + series(r)))
	}
}

func sigmoidLoop(z, x []float32) {
	x = x[:len(z)]
	for i := range z {
		k, r := reduce(clip(-float64(x[i])))
		z[i] = float32(1 / (1 + math.Float64frombits(uint64(k+1023)<<52)*(1+series(r))))
	}
}

func tanhLoop(z, x []float32) {
	x = x[:len(z)]
	for i := range z {
		k, r := reduce(clip(2 * float64(x[i])))
		p := math.Float64frombits(uint64(k+1023) << 52)
		e := p*series(r) + (p - 1)
		z[i] = float32(math.Copysign(e/(e+2), float64(x[i]))) // the sign of zeros
	}
}

// expInto replaces v by exp(v - m) and returns the sum.
func expInto(v []float64, m float64) (sum float64) {
	for i, x := range v {
		k, r := reduce(clip(x - m))
		e := math.Float64frombits(uint64(k+1023)<<52) * (1 + series(r))
		v[i] = e
		sum += e
	}
	return sum
}

// fast32 holds the functions that float32 has versions of its own of.
var fast32 = map[*ir.Op]Loop1{
	ops.Exp: loop1(2, expLoop), ops.Sigmoid: loop1(3, sigmoidLoop), ops.Tanh: loop1(3, tanhLoop),
	ops.Expm1: quick(expm132), ops.Log: quick(log32), ops.Silu: quick(silu32), ops.Softplus: each1(softplus32),
	ops.Erf: quick(erf32), ops.NormalCDF: quick(normalCDF32), ops.Gelu: quick(gelu32), ops.GeluApproximate: quick(geluApproximate32),
	ops.Sqrt: loop1(2, func(z, x []float32) {
		x = x[:len(z)]
		for i := range z {
			z[i] = float32(math.Sqrt(float64(x[i])))
		}
	}),
}

// quick is each1 for functions of about 3 ns.
func quick(f func(float32) float32) Loop1 {
	l := each1(f)
	l.cost = 3
	return l
}

// functions holds the functions of one float, by op.
var functions = map[*ir.Op]func(float64) float64{
	ops.Exp: elementary.Exp, ops.Expm1: elementary.Expm1, ops.Log: elementary.Log, ops.Log1p: elementary.Log1p, ops.Sqrt: math.Sqrt,
	ops.Rsqrt:      func(x float64) float64 { return 1 / math.Sqrt(x) },
	ops.Reciprocal: func(x float64) float64 { return 1 / x },
	ops.Sin:        elementary.Sin, ops.Cos: elementary.Cos, ops.Tan: elementary.Tan, ops.Tanh: elementary.Tanh, ops.Erf: elementary.Erf,
	ops.Floor: math.Floor, ops.Ceil: math.Ceil, ops.Round: math.RoundToEven, ops.Sign: Sign, ops.Abs: math.Abs,
	ops.Neg:     func(x float64) float64 { return -x },
	ops.Square:  func(x float64) float64 { return x * x },
	ops.Relu:    func(x float64) float64 { return max(x, 0) },
	ops.Sigmoid: elementary.Sigmoid, ops.Silu: elementary.Silu, ops.Softplus: elementary.Softplus,
	ops.NormalCDF: elementary.NormalCDF, ops.Gelu: elementary.Gelu, ops.GeluApproximate: elementary.GeluApproximate,
	ops.Asin: elementary.Asin, ops.Acos: elementary.Acos, ops.Atan: elementary.Atan, ops.Sinh: elementary.Sinh, ops.Cosh: elementary.Cosh,
	ops.Asinh: elementary.Asinh, ops.Acosh: elementary.Acosh, ops.Atanh: elementary.Atanh,
	ops.Log2: elementary.Log2, ops.Exp2: elementary.Exp2, ops.Cbrt: elementary.Cbrt,
	ops.Erfc: elementary.Erfc, ops.ErfInv: elementary.ErfInv, ops.Lgamma: elementary.Lgamma, ops.Digamma: elementary.Digamma,
	ops.BesselI0e: elementary.BesselI0e, ops.BesselI1e: elementary.BesselI1e,
}
