package rows

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu/internal/columns"
	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/graph/dtypes/bfloat16"
	"github.com/quire-ml/quire/graph/dtypes/float16"
)

var (
	sizes    = []int{1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 100, 127, 129, 1000, 1025}
	specials = []float64{0, math.Copysign(0, -1), 1, -1, math.Inf(1), math.Inf(-1), math.NaN(), 0x1p-149, -0x1p-140, 0x1p-24, 0x1.fffffep127, 65504}
)

// row makes n numbers, some of them special, that do not begin where vectors like to.
func row[T any](rng *rand.Rand, n int, seldom int, of func(float64) T) []T {
	x := make([]T, n+1)[1:]
	for i := range x {
		if x[i] = of(math.Round(4 * rng.NormFloat64())); rng.IntN(seldom) == 0 { // many are equal
			x[i] = of(specials[rng.IntN(len(specials))])
		}
	}
	return x
}

func samePlace[T columns.Number](t *testing.T, tier cpu.Tier, x []T) {
	for _, smaller := range []bool{false, true} {
		want, got := place(x, 0, 1, smaller, wider[T]()), make([]int, 1)
		Places[T](tier, smaller)(got, x)
		require.Equal(t, want, got[0], "%s %T: smaller %v, %d numbers: %v is at %d", tier, x, smaller, len(x), x[want], want)
	}
}

func everyPlace[T columns.Number](t *testing.T, of func(float64) T) {
	for _, tier := range cpu.Tiers() {
		t.Run(fmt.Sprintf("%s/%T", tier, *new(T)), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			for _, n := range sizes {
				for _, seldom := range []int{2, 50, 1 << 30} {
					for range 20 {
						samePlace(t, tier, row(rng, n, seldom, of))
					}
				}
			}
			x := row(rng, 2*longest+5, 1<<30, of) // in several calls
			for _, at := range []int{0, longest - 1, longest, len(x) - 1} {
				x[at] = of(math.Inf(-1))
				samePlace(t, tier, x)
				x[at] = of(math.NaN())
				samePlace(t, tier, x)
			}
		})
	}
}

func float32Of(x float64) float32 { return float32(x) }

func TestTheFirstOfTheBestIsFound(t *testing.T) {
	everyPlace(t, float32Of)
	everyPlace(t, bfloat16.FromFloat64)
	everyPlace(t, float16.FromFloat64)
}

// closeSums compares sums of float64s: infinities and NaN are the same, others up to the rounding of additions in another order.
func closeSums(t *testing.T, tier cpu.Tier, want, got []float32, size float64) {
	for i := range want {
		w, g := float64(want[i]), float64(got[i])
		if w-w != 0 || g-g != 0 {
			require.Equal(t, fmt.Sprint(w), fmt.Sprint(g), "%s: sum %d of %d", tier, i, len(want))
			continue
		}
		require.InDelta(t, w, g, 0x1p-23*math.Abs(w)+0x1p-50*size, "%s: sum %d of %d", tier, i, len(want))
	}
}

func sumOfSizes(x []float32) (sum float64) {
	for _, v := range x {
		if v-v == 0 {
			sum += math.Abs(float64(v))
		}
	}
	return sum
}

func alongAsPlain(t *testing.T, tier cpu.Tier, x []float32) {
	want, got := make([]float32, len(x)), append([]float32(nil), x...)
	w, g := 0.5, 0.5
	sumsAlong(&w, want, x)
	SumsAlong(tier)(&g, got, got) // in place
	size := sumOfSizes(x) + 0.5
	closeSums(t, tier, want, got, size)
	closeSums(t, tier, []float32{float32(w)}, []float32{float32(g)}, size)
}

func downAsPlain(t *testing.T, tier cpu.Tier, x []float32, rows int) {
	n := len(x) / max(rows, 1)
	sums, z := make([]float64, n), make([]float32, n)
	same, got := make([]float64, n), append([]float32(nil), x...)
	for r := range rows {
		sumsDown(sums, z, x[r*n:])
		SumsDown(tier)(same, got[r*n:][:n], got[r*n:][:n]) // in place
		for i := range z {
			require.Equal(t, bits(z[i]), bits(got[r*n+i]), "%s: row %d, column %d of %d", tier, r, i, n)
		}
	}
}

// bits are those of a number, of any NaN the same.
func bits(x float32) uint32 {
	if x != x {
		return 0x7fc00000
	}
	return math.Float32bits(x)
}

func TestRunningSums(t *testing.T) {
	for _, tier := range cpu.Tiers() {
		t.Run(tier.String(), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(3, 4))
			for _, n := range sizes {
				for _, seldom := range []int{5, 1 << 30} {
					alongAsPlain(t, tier, row(rng, n, seldom, float32Of))
					downAsPlain(t, tier, row(rng, 5*n, seldom, float32Of), 5)
				}
			}
			alongAsPlain(t, tier, row(rng, longest+9, 1<<30, float32Of))
			downAsPlain(t, tier, row(rng, longest+9, 1<<30, float32Of), 1)
		})
	}
}

func TestEachRowHasItsPlace(t *testing.T) {
	for _, tier := range cpu.Tiers() {
		at := make([]int, 3)
		Places[float32](tier, true)(at, []float32{3, 1, 2, -1, 0, 1, 5, 6, 5})
		require.Equal(t, []int{1, 0, 0}, at, tier.String())
	}
}

func TestTooFewElementsPanic(t *testing.T) {
	for _, tier := range cpu.Tiers() {
		require.Panics(t, func() { SumsAlong(tier)(new(float64), make([]float32, 0, 15), make([]float32, 16)) }, tier.String())
		require.Panics(t, func() { SumsDown(tier)(make([]float64, 16), make([]float32, 16), make([]float32, 0, 15)) }, tier.String())
		require.Panics(t, func() { Places[float32](tier, false)(make([]int, 1), nil) }, tier.String())
	}
}

// FuzzRows compares the tiers on any bits.
func FuzzRows(f *testing.F) {
	f.Add([]byte("any bits at all, in a row that is longer than a vector, and some more of them"))
	f.Add(make([]byte, 400))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, tier := range cpu.Tiers() {
			fuzzed[float32](t, tier, b)
			fuzzed[bfloat16.BFloat16](t, tier, b)
			fuzzed[float16.Float16](t, tier, b)
			downAsPlain(t, tier, numbers[float32](b), 3)
		}
	})
}

func numbers[T any](b []byte) []T {
	size := int(unsafe.Sizeof(*new(T)))
	x := make([]T, len(b)/size)
	if len(x) > 0 {
		copy(unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), len(x)*size), b)
	}
	return x
}

func fuzzed[T columns.Number](t *testing.T, tier cpu.Tier, b []byte) {
	if x := numbers[T](b); len(x) > 0 {
		samePlace(t, tier, x)
	}
}
