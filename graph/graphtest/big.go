package graphtest

import (
	"math"
	"math/big"
)

// The truth about reductions, in numbers so long that their rounding does not matter.

const expBits = 160 // of exponentials and logarithms

// bigs returns x in as many bits as their sum needs, and the sum of their squares.
func bigs(x []float64) []*big.Float {
	low, high := 2000, -2000
	for _, v := range x {
		if _, e := math.Frexp(v); v != 0 {
			low, high = min(low, e), max(high, e)
		}
	}
	bits := uint(max(0, 2*(high-low)) + 200)
	y := make([]*big.Float, len(x))
	for i, v := range x {
		y[i] = new(big.Float).SetPrec(bits).SetFloat64(v)
	}
	return y
}

func like(x *big.Float) *big.Float { return new(big.Float).SetPrec(x.Prec()) }

func one(f func(x []*big.Float) *big.Float) func(x []*big.Float) []*big.Float {
	return func(x []*big.Float) []*big.Float { return []*big.Float{f(x)} }
}

func bigSum(x []*big.Float) *big.Float {
	s := like(x[0])
	for _, v := range x {
		s.Add(s, v)
	}
	return s
}

func bigMean(x []*big.Float) *big.Float {
	s := bigSum(x)
	return s.Quo(s, big.NewFloat(float64(len(x))))
}

func bigProduct(x []*big.Float) *big.Float {
	p := new(big.Float).SetPrec(expBits).SetInt64(1)
	for _, v := range x {
		p.Mul(p, v)
	}
	return p
}

func bigMax(x []*big.Float) *big.Float {
	m := x[0]
	for _, v := range x {
		if v.Cmp(m) > 0 {
			m = v
		}
	}
	return m
}

func bigMin(x []*big.Float) *big.Float {
	m := x[0]
	for _, v := range x {
		if v.Cmp(m) < 0 {
			m = v
		}
	}
	return m
}

func bigRunning(x []*big.Float) []*big.Float {
	s := like(x[0])
	y := make([]*big.Float, len(x))
	for i, v := range x {
		s.Add(s, v)
		y[i] = like(s).Set(s)
	}
	return y
}

func bigVariance(x []*big.Float) *big.Float {
	m := bigMean(x)
	y := make([]*big.Float, len(x))
	for i, v := range x {
		y[i] = like(v).Sub(v, m)
		y[i].Mul(y[i], y[i])
	}
	return bigMean(y)
}

func bigNormalize(x []*big.Float) []*big.Float {
	s := like(x[0])
	for _, v := range x {
		s.Add(s, like(v).Mul(v, v))
	}
	s = new(big.Float).SetPrec(expBits).Set(s)
	s.Sqrt(s)
	y := make([]*big.Float, len(x))
	for i, v := range x {
		y[i] = new(big.Float).SetPrec(expBits)
		if s.Sign() != 0 {
			y[i].Quo(v, s)
		}
	}
	return y
}

// bigExps returns exp(x - m) and their sum.
func bigExps(x []*big.Float, m *big.Float) (e []*big.Float, sum *big.Float) {
	sum = new(big.Float).SetPrec(expBits)
	for _, v := range x {
		y := bigExp(new(big.Float).SetPrec(expBits).Sub(v, m))
		e = append(e, y)
		sum.Add(sum, y)
	}
	return e, sum
}

func bigLogSumExp(x []*big.Float) *big.Float {
	m := bigMax(x)
	_, sum := bigExps(x, m)
	y := bigLog(sum)
	return y.Add(y, m)
}

func bigSoftmax(x []*big.Float) []*big.Float {
	e, sum := bigExps(x, bigMax(x))
	for _, y := range e {
		y.Quo(y, sum)
	}
	return e
}

func bigLogSoftmax(x []*big.Float) []*big.Float {
	m := bigMax(x)
	_, sum := bigExps(x, m)
	log := bigLog(sum)
	y := make([]*big.Float, len(x))
	for i, v := range x {
		y[i] = new(big.Float).SetPrec(expBits).Sub(v, m)
		y[i].Sub(y[i], log)
	}
	return y
}

// bigCrossEntropy is that of the last element.
func bigCrossEntropy(x []*big.Float) *big.Float {
	y := bigLogSoftmax(x)[len(x)-1]
	return y.Neg(y)
}

// bigExp returns eˣ for |x| < 128: the series of e^(x/2^k), squared k times.
func bigExp(x *big.Float) *big.Float {
	const k = 16
	y := new(big.Float).SetPrec(expBits).SetMantExp(x, -k) // below 2^-9: the series ends at 2^-130
	sum := new(big.Float).SetPrec(expBits).SetInt64(1)
	for i := len(reciprocals) - 1; i >= 0; i-- { // 1 + y·(1 + y/2·(1 + …))
		sum.Mul(sum, y)
		sum.Mul(sum, reciprocals[i])
		sum.Add(sum, unit)
	}
	for range k {
		sum.Mul(sum, sum)
	}
	return sum
}

var unit = new(big.Float).SetPrec(expBits).SetInt64(1)

var reciprocals = func() (r [12]*big.Float) {
	for i := range r {
		r[i] = new(big.Float).SetPrec(expBits).Quo(unit, new(big.Float).SetInt64(int64(i+1)))
	}
	return r
}()

// bigLog returns log x for x > 0, by Newton's method on bigExp.
func bigLog(x *big.Float) *big.Float {
	e := x.MantExp(nil)
	y := new(big.Float).SetPrec(expBits).SetFloat64(float64(e) * 0.6931471805599453)
	for range 12 { // y ← y + 2·(x - eʸ)/(x + eʸ) triples the digits, from a first one
		ey := bigExp(y)
		d := new(big.Float).SetPrec(expBits).Sub(x, ey)
		d.Quo(d, ey.Add(ey, x))
		y.Add(y, d.Add(d, d))
	}
	return y
}
