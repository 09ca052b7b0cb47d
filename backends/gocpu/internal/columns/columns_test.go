package columns

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/graph/dtypes/bfloat16"
	"github.com/quire-ml/quire/graph/dtypes/float16"
)

var specials = []float64{0, math.Copysign(0, -1), 1, -1, math.Inf(1), math.Inf(-1), math.NaN(), 0x1p-149, -0x1p-140, 0x1p-24, 0x1.fffffep127, 65504}

// same compares a tier with plain Go, bit by bit but for what NaN it is: the order of the additions is the same.
func same[T Number](t *testing.T, tier cpu.Tier, acc []float64, x []T, rows, stride int) {
	want, got := append([]float64(nil), acc...), append([]float64(nil), acc...)
	add(want, x, rows, stride, wider[T]())
	For[T](tier)(got, x, rows, stride)
	for i := range want {
		if want[i] != want[i] && got[i] != got[i] {
			continue
		}
		require.Equal(t, math.Float64bits(want[i]), math.Float64bits(got[i]), "%s %T: column %d of %d, %d rows of %d: %v, want %v", tier, x, i, len(acc), rows, stride, got[i], want[i])
	}
}

func everySize[T Number](t *testing.T, of func(float64) T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, tier := range cpu.Tiers() {
		t.Run(fmt.Sprintf("%s/%T", tier, *new(T)), func(t *testing.T) {
			for _, cols := range []int{1, 7, 8, 15, 16, 17, 31, 33, 100, 1025} {
				for _, rows := range []int{0, 1, 2, 3, 4, 5, 8, 11} {
					for _, more := range []int{0, 1, 5} {
						stride := cols + more
						x := make([]T, 1+rows*stride+cols)[1:] // not aligned
						for i := range x {
							if x[i] = of(rng.NormFloat64()); rng.IntN(20) == 0 {
								x[i] = of(specials[rng.IntN(len(specials))])
							}
						}
						acc := make([]float64, cols)
						for i := range acc {
							acc[i] = rng.NormFloat64()
						}
						same(t, tier, acc, x, rows, stride)
					}
				}
			}
		})
	}
}

func float32Of(x float64) float32 { return float32(x) }

func TestColumnsAreAddedAsInPlainGo(t *testing.T) {
	everySize(t, float32Of)
	everySize(t, bfloat16.FromFloat64)
	everySize(t, float16.FromFloat64)
}

func TestTooFewElementsPanic(t *testing.T) {
	for _, tier := range cpu.Tiers() {
		require.Panics(t, func() { For[float32](tier)(make([]float64, 16), make([]float32, 31), 2, 16) }, tier.String())
	}
}

// FuzzColumns compares the tiers on any bits.
func FuzzColumns(f *testing.F) {
	f.Add([]byte("any bits at all, in rows of a few columns, and some more of them"), uint8(3), uint8(1))
	f.Add(make([]byte, 400), uint8(17), uint8(0))
	f.Fuzz(func(t *testing.T, bits []byte, cols, more uint8) {
		for _, tier := range cpu.Tiers() {
			fuzzed[float32](t, tier, bits, int(cols), int(more))
			fuzzed[bfloat16.BFloat16](t, tier, bits, int(cols), int(more))
			fuzzed[float16.Float16](t, tier, bits, int(cols), int(more))
		}
	})
}

func fuzzed[T Number](t *testing.T, tier cpu.Tier, bits []byte, cols, more int) {
	size := int(unsafe.Sizeof(*new(T)))
	x := make([]T, len(bits)/size)
	if len(x) == 0 {
		return
	}
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), len(x)*size), bits)
	cols = min(cols, len(x))
	stride := max(cols+more, 1)
	same(t, tier, make([]float64, cols), x, (len(x)-cols)/stride+1, stride)
}
