package codes

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/stretchr/testify/require"
)

// check compares the row of every tier with sums in float64.
func check(t *testing.T, rng *rand.Rand, bits, group, groups int, what whole, biased bool) {
	t.Helper()
	values := make([]float32, 1<<bits)
	for i := range values {
		switch what {
		case others:
			values[i] = float32(rng.NormFloat64())
		case unsigned:
			values[i] = float32(i)
		case signed:
			values[i] = float32(int8(i))
		}
	}
	n := group * groups
	x, scales, biases := make([]float32, n), make([]float32, groups), make([]float32, groups)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	for i := range scales {
		scales[i], biases[i] = float32(rng.NormFloat64()), float32(rng.NormFloat64())
	}
	packed := make([]byte, n*bits/8)
	for i := range packed {
		packed[i] = byte(rng.Uint32())
	}
	if !biased {
		biases = nil
	}
	var want, size float64
	for i, v := range x {
		w := float64(values[packed[i*bits/8]>>(i*bits%8)&(1<<bits-1)]) * float64(scales[i/group])
		if biased {
			size += math.Abs(float64(v) * float64(biases[i/group]))
		}
		size += math.Abs(w * float64(v))
		if biased {
			w += float64(biases[i/group])
		}
		want += w * float64(v)
	}
	for _, tier := range cpu.Tiers() {
		k := New(tier, bits, values, group)
		y, sums := make([]float32, n), make([]float32, groups)
		k.Arrange(y, sums, x)
		got := k.Row(packed, y, scales, biases, sums)
		require.InDelta(t, want, got, 1e-6*float64(4+bits)*(1e-3+size), "%s: %d bits, %d groups of %d, numbers %v, biased %v", tier, bits, groups, group, what, biased)
	}
}

func TestEveryTierAddsUpTheSame(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for _, bits := range []int{2, 4, 8} {
		for _, group := range []int{4, 8, 16, 32, 64, 96, 128} {
			for _, groups := range []int{1, 2, 7} {
				for i := range 6 {
					check(t, rng, bits, group, groups, whole(i%3), i%2 == 1)
				}
			}
		}
		check(t, rng, bits, 64, 2*most/64+3, others, true) // more than one call into assembly
	}
}

// Groups of a few numbers may begin within a byte.
func TestGroupsWithinABytes(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	check(t, rng, 2, 2, 6, others, true)
	check(t, rng, 4, 1, 6, unsigned, false)
}

func TestUsualGroupsHaveAssembly(t *testing.T) {
	for _, tier := range cpu.Tiers() {
		for _, bits := range []int{2, 4, 8} {
			for _, group := range []int{32, 64, 128} {
				k := New(tier, bits, make([]float32, 1<<bits), group)
				require.Equal(t, tier >= cpu.AVX2, k.Native(), "%s: %d bits in groups of %d", tier, bits, group)
			}
		}
	}
}

func FuzzRow(f *testing.F) {
	f.Add(uint64(1), uint8(1), uint8(2), uint8(5), uint8(3))
	f.Fuzz(func(t *testing.T, seed uint64, bits, group, groups, how uint8) {
		b := []int{2, 4, 8}[bits%3]
		check(t, rand.New(rand.NewPCG(seed, 1)), b, 8/b*(1+int(group)%64), 1+int(groups)%40, whole(how%3), how&4 == 4)
	})
}
