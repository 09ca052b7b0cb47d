package elementary

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
)

const digits = 400 // bits of the numbers that tests compute with

func number(parts ...float64) *big.Float {
	sum := new(big.Float).SetPrec(digits)
	for _, x := range parts {
		sum.Add(sum, new(big.Float).SetFloat64(x))
	}
	return sum
}

// near reports whether x is y up to a relative error of 2^-bits.
func near(x, y *big.Float, bits int) bool {
	d := new(big.Float).SetPrec(digits).Sub(x, y)
	return d.Sign() == 0 || d.MantExp(nil) < y.MantExp(nil)-bits
}

// exp is the series of the exponential function.
func exp(x *big.Float) *big.Float {
	sum, term := number(1), number(1)
	for n := 1; n < 200; n++ {
		term.Mul(term, x).Quo(term, number(float64(n)))
		sum.Add(sum, term)
	}
	return sum
}

func TestTables(t *testing.T) {
	for i, p := range powers {
		y := number(p[0], p[1])
		for range 7 {
			y.Mul(y, y)
		}
		if !near(y, number(math.Ldexp(1, i)), 95) {
			t.Errorf("powers[%d] is not a 128th root of 2^%d", i, i)
		}
	}
	for i, l := range logs {
		if y := exp(number(l.hi, l.lo)); !near(y.Mul(y, number(l.inv)), number(1), 90) {
			t.Errorf("logs[%d] is not the logarithm of 1/%v", i, l.inv)
		}
	}
	assert.True(t, near(exp(number(ln2Hi, ln2Lo)), number(2), 90), "ln(2)")
}

// The values themselves are held to tables of true ones by package graphtest. Here: the digits below the last place of the
// parts that others are made of.
func TestPartsHaveTheirDigits(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		x := 40 * (rng.Float64() - 0.5)
		lo := (rng.Float64() - 0.5) * 0x1p-53 * x
		m, tail, k := expParts(x, lo)
		assert.True(t, near(new(big.Float).SetMantExp(number(m, tail), k), exp(number(x, lo)), 60), "expParts(%v, %v)", x, lo)
		a := math.Ldexp(1+rng.Float64(), rng.IntN(60)-30)
		if rng.IntN(2) == 0 {
			a = 1 + (rng.Float64()-0.5)*math.Ldexp(1, -rng.IntN(20))
		}
		hi, low := logParts(a)
		if hi != 0 && !near(exp(number(hi, low)), number(a), 66-max(0, math.Ilogb(hi))) {
			t.Errorf("logParts(%v)", a)
		}
		w, v := rng.NormFloat64(), math.Ldexp(rng.NormFloat64(), rng.IntN(1000)-20)
		if s, c := Sincos(v); s != Sin(v) || c != Cos(v) || math.Abs(s*s+c*c-1) > 0x1p-51 {
			t.Errorf("Sincos(%v) is %v, %v; Sin %v, Cos %v", v, s, c, Sin(v), Cos(v))
		}
		p, q := twoProduct(w, v)
		assert.True(t, near(number(p, q), new(big.Float).Mul(number(w), number(v)), 104), "twoProduct(%v, %v)", w, v)
	}
}

// Both ways of reduction agree where both may be used.
func TestReductions(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 10000 {
		x := math.Ldexp(1+rng.Float64(), rng.IntN(19)) * float64(1-2*rng.IntN(2))
		n, hi, lo := reduce(x)
		m, high, low := reduceLarge(x)
		if n != m && math.Abs(hi) < 0.785 || math.Abs((hi-high)+(lo-low)) > 0x1p-100 {
			t.Fatalf("of %v: %d %v %v and %d %v %v", x, n, hi, lo, m, high, low)
		}
	}
}
