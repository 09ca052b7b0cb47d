package float8

import (
	"math"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
)

// format is one of the two, as its definition has it: the widths of its parts, its largest number and the codes of what
// is larger and of NaN.
type format struct {
	name               string
	exponent, fraction int
	largest            uint8 // the code of the largest number; the next one is where it overflows to
	nan                uint8
	from               func(float64) uint8
	to                 func(uint8) float64
	text               func(uint8) string
}

var formats = []format{
	{"E4M3FN", 4, 3, 0x7e, 0x7f,
		func(x float64) uint8 { return E4M3FNFromFloat64(x).Bits() },
		func(b uint8) float64 { return E4M3FN(b).Float64() },
		func(b uint8) string { return E4M3FN(b).String() }},
	{"E5M2", 5, 2, 0x7b, 0x7e,
		func(x float64) uint8 { return E5M2FromFloat64(x).Bits() },
		func(b uint8) float64 { return E5M2(b).Float64() },
		func(b uint8) string { return E5M2(b).String() }},
}

// number is (-1)^s · 2^(e-bias) · 1.m, and 2^(1-bias) · 0.m where e is 0.
func (f format) number(code uint8) float64 {
	bias := float64(int(1)<<(f.exponent-1) - 1)
	e, m := float64(code&0x7f>>f.fraction), float64(code&(1<<f.fraction-1))/float64(int(1)<<f.fraction)
	if e == 0 {
		return math.Pow(2, 1-bias) * m
	}
	return math.Pow(2, e-bias) * (1 + m)
}

// Every number has the value of the format's definition and comes back; NaN and infinity stay what they are.
func TestEveryCode(t *testing.T) {
	for _, f := range formats {
		for code := range 256 {
			b := uint8(code)
			x, sign := f.to(b), b&0x80
			assert.Equal(t, sign != 0, math.Signbit(x), "%s %#02x: the sign", f.name, b)
			switch m := b & 0x7f; {
			case m <= f.largest:
				assert.Equal(t, f.number(m), math.Abs(x), "%s %#02x", f.name, b)
				assert.Equal(t, b, f.from(x), "%s %#02x comes back", f.name, b)
				y, err := strconv.ParseFloat(f.text(b), 64)
				assert.NoError(t, err)
				assert.Equal(t, b, f.from(y), "%s %#02x comes back from its text %s", f.name, b, f.text(b))
			case f.name == "E5M2" && m == 0x7c:
				assert.True(t, math.IsInf(x, 0), "%s %#02x = %v", f.name, b, x)
				assert.Equal(t, b, f.from(x))
			default:
				assert.True(t, math.IsNaN(x), "%s %#02x = %v", f.name, b, x)
				assert.Equal(t, sign|f.nan, f.from(x), "%s: NaN keeps its sign", f.name)
			}
		}
	}
}

// Between two neighbours the middle goes to the even one, and what lies beside the middle to the closer. The neighbour of
// the largest number is the one that the next code would stand for: what is rounded to it overflows.
func TestTies(t *testing.T) {
	for _, f := range formats {
		for lo := uint8(0); lo <= f.largest; lo++ {
			hi := lo + 1
			middle := (f.number(lo) + f.number(hi)) / 2 // exact: one more bit
			even := lo + lo&1
			for _, sign := range []uint8{0, 0x80} {
				s := math.Copysign(1, float64(int8(sign)))
				assert.Equal(t, sign|even, f.from(s*middle), "%s: the middle of %#02x and %#02x", f.name, lo, hi)
				assert.Equal(t, sign|lo, f.from(s*math.Nextafter(middle, 0)), "%s: below the middle of %#02x and %#02x", f.name, lo, hi)
				assert.Equal(t, sign|hi, f.from(s*math.Nextafter(middle, math.Inf(1))), "%s: above the middle of %#02x and %#02x", f.name, lo, hi)
			}
		}
		for _, x := range []float64{1e6, math.MaxFloat64, math.Inf(1)} {
			assert.Equal(t, f.largest+1, f.from(x), "%s of %g", f.name, x)
			assert.Equal(t, f.largest+1|0x80, f.from(-x), "%s of %g", f.name, -x)
		}
		assert.Equal(t, uint8(0), f.from(math.SmallestNonzeroFloat64), f.name)
		assert.Equal(t, uint8(0x80), f.from(math.Copysign(0, -1)), f.name)
	}
}
