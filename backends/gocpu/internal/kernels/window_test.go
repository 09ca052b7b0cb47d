package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/stretchr/testify/require"
)

// checkWindowMost compares windows over [height, width, channels] with plain loops.
func checkWindowMost[T Real](t *testing.T, x []T, none T, w Windows) {
	t.Helper()
	for _, smaller := range []bool{false, true} {
		want := make([]T, size(w.Out))
		for o := range want {
			at := unravel(o, w.Out)
			best, found := none, false
			for k := range size(w.Size) {
				inside, index := true, make([]int, len(at))
				for i, step := range unravel(k, w.Size) {
					index[i] = at[i]*w.Stride[i] - w.Before[i] + step
					inside = inside && index[i] >= 0 && index[i] < w.In[i]
				}
				if !inside {
					continue
				}
				switch v := x[ravel(index, w.In)]; {
				case !found:
					best, found = v, true
				case smaller:
					best = min(best, v)
				default:
					best = max(best, v)
				}
			}
			want[o] = best
		}
		for _, tier := range cpu.Tiers() {
			got := make([]T, len(want))
			run(WindowMost(tier, smaller, none, w), 0, 2, Bytes(got), Bytes(x))
			require.Equal(t, packedBits(want), packedBits(got), "%v, smaller %v, %s", w, smaller, tier)
		}
	}
}

// packedBits returns elements as text, in which NaN equals NaN and the zeros differ.
func packedBits[T Real](v []T) (list []string) {
	for _, x := range v {
		list = append(list, fmt.Sprint(x, math.Signbit(float64(x))))
		if x != x {
			list[len(list)-1] = "NaN"
		}
	}
	return list
}

func randomWindows(rng *rand.Rand) Windows {
	var w Windows
	for i := range 3 {
		in, window, stride, before := 1+rng.IntN(9), 1+rng.IntN(4), 1+rng.IntN(3), rng.IntN(3)
		if i == 2 && rng.IntN(2) == 0 {
			window, stride, before = 1, 1, 0 // channels
			in += rng.IntN(2) * 2 * fewElements
		}
		after := rng.IntN(3)
		if i == 2 && window == 1 && stride == 1 && before == 0 {
			after = 0
		}
		room := in + before + after - window
		if room < 0 {
			return randomWindows(rng)
		}
		w.In, w.Size, w.Stride, w.Before = append(w.In, in), append(w.Size, window), append(w.Stride, stride), append(w.Before, before)
		w.Out = append(w.Out, room/stride+1)
	}
	return w
}

func checkRandomWindows(t *testing.T, rng *rand.Rand) {
	t.Helper()
	w := randomWindows(rng)
	x, y := make([]float32, size(w.In)), make([]int16, size(w.In))
	for i := range x {
		x[i] = []float32{0, float32(math.Copysign(0, -1)), float32(math.NaN()), float32(math.Inf(1)), 1, 2, 3, rng.Float32(), rng.Float32(), -rng.Float32()}[rng.IntN(10)]
		y[i] = int16(rng.Uint32())
	}
	checkWindowMost(t, x, float32(math.Inf(-1)), w)
	checkWindowMost(t, y, math.MinInt16, w)
}

func TestTheMostOfWindows(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 9))
	for range 500 {
		checkRandomWindows(t, rng)
	}
}

func FuzzWindowMost(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { checkRandomWindows(t, rand.New(rand.NewPCG(seed, 4))) })
}

func BenchmarkWindow(b *testing.B) {
	w := Windows{In: []int{64, 28, 28, 16}, Out: []int{64, 14, 14, 16}, Size: []int{1, 2, 2, 1}, Stride: []int{1, 2, 2, 1}, Before: []int{0, 0, 0, 0}}
	x, y := make([]float32, size(w.In)), make([]float32, size(w.Out))
	for i := range x {
		x[i] = rand.Float32()
	}
	back, scratch := SelectAndScatter(PreferFloat32(false), w, 1)
	before, more := ReduceWindow(MaxReal(float32(math.Inf(-1))), w, 1)
	for _, c := range []struct {
		name    string
		f       Func
		scratch int
		in      [][]byte
		out     []float32
	}{
		{"largest", WindowMost(cpu.Use(), false, float32(math.Inf(-1)), w), 0, [][]byte{Bytes(x)}, make([]float32, len(y))},
		{"largest by accumulators", before, more, [][]byte{Bytes(x)}, make([]float32, len(y))},
		{"gradient", back, scratch, [][]byte{Bytes(x), Bytes(y)}, make([]float32, len(x))},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(4 * int64(len(x)+len(y)))
			a := &Args{Out: [][]byte{Bytes(c.out)}, In: c.in, Scratch: make([]byte, c.scratch), Workers: 1}
			b.ReportAllocs()
			for b.Loop() {
				c.f(a)
			}
		})
	}
}
