package indexed

import (
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// indices returns n indices, most of them within size, some of them far outside.
func indices[I Index](rng *rand.Rand, n, size int) []I {
	list := make([]I, n)
	for i := range list {
		switch list[i] = I(rng.IntN(size)); rng.IntN(8) {
		case 0:
			list[i] = []I{-1, I(size), I(size) - 1, 0, math.MaxInt32, math.MinInt32}[rng.IntN(6)]
		case 1:
			list[i] = ^I(0) << (8*unsafe.Sizeof(list[0]) - 1) // the least there is, and the largest one
			list[i] ^= -I(rng.IntN(2))
		}
	}
	return list
}

func checkTake[E Element, I Index](t *testing.T, rng *rand.Rand, size, n int) {
	t.Helper()
	x, at := make([]E, size), indices[I](rng, n+1, size)[1:]
	for i := range x {
		x[i] = E(rng.Uint64())
	}
	var want []E
	for _, tier := range cpu.Tiers() {
		z := make([]E, n+1)
		Take(tier, z[:n], x, at)
		if want == nil {
			want = z
		}
		require.Equal(t, want, z, "%s: %d of %d, %T", tier, n, size, at)
	}
}

func checkAdd[F Float, I Index](t *testing.T, rng *rand.Rand, size, n int) {
	t.Helper()
	x, at := make([]F, n), indices[I](rng, n, size)
	for i := range x {
		x[i] = F(rng.NormFloat64())
	}
	var want []F
	for _, tier := range cpu.Tiers() {
		z := make([]F, size)
		Add(tier, z, x, at)
		if want == nil {
			want = z
		}
		require.Equal(t, want, z, "%s: %d to %d, %T", tier, n, size, at)
	}
}

func checkAll(t *testing.T, rng *rand.Rand, size, n int) {
	t.Helper()
	checkTake[uint32, int32](t, rng, size, n)
	checkTake[uint32, int64](t, rng, size, n)
	checkTake[uint64, int32](t, rng, size, n)
	checkTake[uint64, int64](t, rng, size, n)
	checkAdd[float32, int32](t, rng, size, n)
	checkAdd[float32, int64](t, rng, size, n)
	checkAdd[float64, int32](t, rng, size, n)
	checkAdd[float64, int64](t, rng, size, n)
}

func TestEveryTierTakesAndAddsTheSame(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	for _, size := range []int{1, 2, 100, 5000} {
		for n := 1; n < 40; n++ {
			checkAll(t, rng, size, n)
		}
		checkAll(t, rng, size, 3*most+5)
	}
}

// Additions to one element are done in order, so that their sum is that of a loop.
func TestAdditionsAreInOrder(t *testing.T) {
	for _, tier := range cpu.Tiers() {
		z := make([]float32, 3)
		Add(tier, z, []float32{1e8, 1, -1e8, 3}, []int32{1, 1, 1, 5})
		assert.Equal(t, []float32{0, float32(float32(1e8)+1) - 1e8, 0}, z, "%s", tier)
	}
}

func TestPlainTakesClampedElements(t *testing.T) {
	z := make([]uint32, 5)
	Take(cpu.Portable, z, []uint32{7, 8, 9}, []int64{-1, 0, 2, 3, math.MinInt64})
	assert.Equal(t, []uint32{7, 7, 9, 9, 7}, z)
}

func FuzzIndexed(f *testing.F) {
	f.Add(uint64(1), uint16(20), uint16(100))
	f.Fuzz(func(t *testing.T, seed uint64, size, n uint16) {
		checkAll(t, rand.New(rand.NewPCG(seed, 1)), 1+int(size), 1+int(n)%2000)
	})
}
