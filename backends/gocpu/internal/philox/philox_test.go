package philox

import (
	"math"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The first known answers are those that the authors publish with their code (kat_vectors of Random123 1.14).
func TestKnownBlocks(t *testing.T) {
	for _, c := range []struct {
		state State
		want  [BlockWords]uint32
	}{
		{State{}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{State{math.MaxUint64, math.MaxUint64, math.MaxUint64}, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{State{0x299f31d0a4093822, 0x85a308d3243f6a88, 0x0370734413198a2e}, [4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	} {
		assert.Equal(t, c.want, c.state.block(), "%x", c.state)
	}
}

var states = []State{
	{1, 0, 0}, {0x0123456789abcdef, 1<<32 - 40, 5}, {7, 1<<32 - 1, 0}, {9, math.MaxUint64 - 37, 3}, {11, math.MaxUint64 - 64, math.MaxUint64},
}

func checkWords(t *testing.T, s State, n, skip int) {
	t.Helper()
	want := make([]uint32, skip+n)
	plainWords(want[skip:], s)
	for _, tier := range cpu.Tiers() {
		got := make([]uint32, skip+n)
		Words(tier, got[skip:], s)
		require.Equal(t, want, got, "%s: %d words from %x on", tier, n, s)
	}
}

func TestWordsAreTheSameOnEveryTier(t *testing.T) {
	for _, s := range states {
		for _, n := range []int{0, 1, 3, 4, 31, 32, 33, 63, 64, 65, 129, 1000, 70000} {
			checkWords(t, s, n, n%3)
		}
	}
}

// checkFloats compares the floats of words on every tier with those of plain Go.
func checkFloats(t *testing.T, words []uint32) {
	t.Helper()
	for _, tier := range cpu.Tiers() {
		want, got := append([]uint32{}, words...), append([]uint32{}, words...)
		Uniform(cpu.Portable, want)
		Uniform(tier, got)
		require.Equal(t, want, got, "%s, uniform", tier)

		want, got = append([]uint32{}, words...), append([]uint32{}, words...)
		Normal(cpu.Portable, want)
		Normal(tier, got)
		for i := range want {
			x, y := float64(math.Float32frombits(want[i])), float64(math.Float32frombits(got[i]))
			// Roundings are relative, but for that of the multiple of π/2 from which an angle's distance is taken.
			if math.Abs(x-y) > 8*0x1p-24*math.Abs(x)+1e-13 {
				t.Fatalf("%s, normal: element %d of words %#x, %#x is %v, want %v", tier, i, words[i&^1], words[i|1], y, x)
			}
		}
	}
}

// extremes are words at which a float may go wrong: the ends, and where the angle's quadrant changes.
var extremes = []uint32{0, 1, 2, 0xff, 0x100, 1 << 29, 1<<29 - 1, 1 << 30, 1<<30 - 256, 3 << 29, 1 << 31, 1<<31 - 1, 1<<31 + 256, 3 << 30, 0xffffff00, 0xfffffeff, math.MaxUint32, math.MaxUint32 - 128}

func TestFloatsOfWords(t *testing.T) {
	var words []uint32
	for _, x := range extremes {
		for _, y := range extremes {
			words = append(words, x, y)
		}
	}
	checkFloats(t, words)
	for _, n := range []int{0, 2, 14, 16, 18, 30, 32, 34, 100} {
		checkFloats(t, words[:n])
	}
	many := make([]uint32, 1<<18)
	Words(cpu.Portable, many, State{Key: 5})
	checkFloats(t, many)
}

// An element's bits do not depend on where a piece of work begins or ends.
func TestFloatsDoNotDependOnTheirPlace(t *testing.T) {
	for _, tier := range cpu.Tiers() {
		words := make([]uint32, 400)
		Words(tier, words, State{Key: 8})
		whole := append([]uint32{}, words...)
		Normal(tier, whole)
		for _, cut := range []int{2, 10, 32, 50} {
			parts := append([]uint32{}, words...)
			Normal(tier, parts[:cut])
			Normal(tier, parts[cut:])
			assert.Equal(t, whole, parts, "%s", tier)
		}
	}
}

func TestNormalsHaveTheMomentsOfTheirDistribution(t *testing.T) {
	for _, tier := range cpu.Tiers() {
		words := make([]uint32, 1<<20)
		Words(tier, words, State{Key: 3})
		Normal(tier, words)
		var moments [4]float64
		for _, w := range words {
			x, p := float64(math.Float32frombits(w)), 1.0
			for k := range moments {
				p *= x
				moments[k] += p / float64(len(words))
			}
		}
		for k, want := range []float64{0, 1, 0, 3} {
			assert.InDelta(t, want, moments[k], 0.05, "%s: moment %d", tier, k+1)
		}
	}
}

func FuzzWords(f *testing.F) {
	f.Add(uint64(1), uint64(1<<32-3), uint64(2), uint16(500))
	f.Fuzz(func(t *testing.T, key, low, high uint64, n uint16) {
		checkWords(t, State{key, low, high}, int(n%5000), int(n%7))
	})
}

func FuzzFloats(f *testing.F) {
	f.Add(uint32(0), uint32(1<<30))
	f.Fuzz(func(t *testing.T, first, second uint32) { checkFloats(t, []uint32{first, second}) })
}

func BenchmarkRandom(b *testing.B) {
	for _, tier := range cpu.Tiers() {
		z := make([]uint32, 1<<12)
		for _, c := range []struct {
			name string
			f    func()
		}{
			{"words", func() { Words(tier, z, State{}) }},
			{"uniform", func() { Words(tier, z, State{}); Uniform(tier, z) }},
			{"normal", func() { Words(tier, z, State{}); Normal(tier, z) }},
		} {
			b.Run(c.name+"/"+tier.String(), func(b *testing.B) {
				b.SetBytes(4 * int64(len(z)))
				for b.Loop() {
					c.f()
				}
			})
		}
	}
}
