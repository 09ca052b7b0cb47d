package bfloat16

import (
	"math"
	"math/big"
	"math/rand/v2"
	"sort"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// infinity is the bits of +Inf. Its place in the row of numbers, where rounding is concerned, is
// that of the next power of two.
const infinity = 0x7f80

var top = math.Ldexp(1, 128)

// value returns the number with the given bits, the sign bit clear, top for infinity.
func value(bits uint16) float64 {
	if bits == infinity {
		return top
	}
	return FromBits(bits).Float64()
}

// nearest rounds x by definition: of the two numbers around it the closer one, of two as close the
// one whose last bit is 0.
func nearest(x float64) BFloat16 {
	sign := BFloat16(0)
	if math.Signbit(x) {
		sign, x = 0x8000, -x
	}
	if x >= top {
		return sign | infinity
	}
	hi := uint16(sort.Search(infinity, func(bits int) bool { return value(uint16(bits)) >= x }))
	if value(hi) == x {
		return sign | BFloat16(hi)
	}
	lo := hi - 1
	exact := func(v float64) *big.Float { return new(big.Float).SetPrec(2200).SetFloat64(v) }
	below, above := exact(x), exact(value(hi))
	below.Sub(below, exact(value(lo)))
	above.Sub(above, exact(x))
	switch c := below.Cmp(above); {
	case c < 0, c == 0 && lo&1 == 0:
		return sign | BFloat16(lo)
	}
	return sign | BFloat16(hi)
}

func check(t *testing.T, x float64, want BFloat16) {
	t.Helper()
	assert.Equal(t, want, FromFloat64(x), "FromFloat64(%x)", x)
	if float64(float32(x)) == x {
		assert.Equal(t, want, FromFloat32(float32(x)), "FromFloat32(%x)", x)
	}
}

// Every number comes back from float32 and float64; NaN stays NaN, with its sign.
func TestEveryNumberComesBack(t *testing.T) {
	for bits := range 1 << 16 {
		x := FromBits(uint16(bits))
		require.Equal(t, uint16(bits), x.Bits(), "%#04x has the bits", bits)
		if bits&0x7fff > infinity {
			for _, y := range []BFloat16{FromFloat64(x.Float64()), FromFloat32(x.Float32())} {
				if y.Bits()&0x7fff <= infinity || !math.IsNaN(y.Float64()) || y>>15 != x>>15 {
					t.Errorf("the NaN %#04x becomes %#04x", bits, y.Bits())
				}
			}
			continue
		}
		check(t, x.Float64(), x)
		assert.Equal(t, x.Float64(), float64(x.Float32()), "%#04x is %g", bits, x.Float32())
	}
}

// Between every two neighbours: the middle goes to the even one, and what is a float64's last bit
// beside it to the closer one. A rounding by way of float32 fails here.
func TestTheMiddleOfAllNeighbours(t *testing.T) {
	for bits := range uint16(infinity) {
		lo, hi := value(bits), value(bits+1)
		middle := lo + (hi-lo)/2 // exact: one more bit than the numbers
		even := BFloat16(bits + bits&1)
		for _, sign := range []float64{1, -1} {
			s := BFloat16(0)
			if sign < 0 {
				s = 0x8000
			}
			check(t, sign*middle, s|even)
			check(t, sign*math.Nextafter(middle, 0), s|BFloat16(bits))
			check(t, sign*math.Nextafter(middle, top), s|BFloat16(bits+1))
		}
	}
}

func TestRandomNumbersAreRoundedToNearest(t *testing.T) {
	const seed = 1
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 20_000 {
		x := math.Ldexp(2*rng.Float64()-1, rng.IntN(300)-160)
		check(t, x, nearest(x))
		check(t, float64(float32(x)), nearest(float64(float32(x))))
	}
	for _, x := range []float64{0, math.Copysign(0, -1), math.SmallestNonzeroFloat64, -math.SmallestNonzeroFloat64, math.MaxFloat64, math.MaxFloat32, -math.MaxFloat32, math.Inf(1), math.Inf(-1), math.SmallestNonzeroFloat32} {
		check(t, x, nearest(x))
	}
}

// The text of every number reads back as this number, and has no digit too many.
func TestStringTellsNumbersApart(t *testing.T) {
	for bits := range 1 << 16 {
		x := FromBits(uint16(bits))
		text := x.String()
		y, err := strconv.ParseFloat(text, 64)
		switch {
		case err != nil:
			t.Errorf("%#04x prints %q", bits, text)
		case bits&0x7fff > infinity:
			assert.Equal(t, "NaN", text, "%#04x prints", bits)
		case FromFloat64(y) != x:
			t.Errorf("%#04x prints %q, which is %#04x", bits, text, FromFloat64(y).Bits())
		}
	}
	for text, x := range map[string]float64{"0.1": 0.1, "1": 1, "-2.5": -2.5, "+Inf": math.Inf(1), "-Inf": math.Inf(-1), "0": 0, "-0": math.Copysign(0, -1)} {
		assert.Equal(t, text, FromFloat64(x).String(), "%g prints", x)
	}
}

func BenchmarkFromFloat32(b *testing.B) {
	x := make([]float32, 1024)
	for i := range x {
		x[i] = float32(i) / 7
	}
	var sink BFloat16
	b.SetBytes(4 * 1024)
	for b.Loop() {
		for _, v := range x {
			sink ^= FromFloat32(v)
		}
	}
	_ = sink
}
