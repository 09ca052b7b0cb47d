package kernels

import (
	"math/rand/v2"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/stretchr/testify/require"
)

// depthwiseSlowly is the sum that a depthwise convolution is.
func depthwiseSlowly[T Float](d Depthwise, x, w []T) []T {
	y := make([]T, d.Batch*d.Out[0]*d.Out[1]*d.Channels)
	for at := range y {
		place := unravel(at, []int{d.Batch, d.Out[0], d.Out[1], d.Channels})
		sum := 0.0
		for ky := range d.Size[0] {
			for kx := range d.Size[1] {
				i := place[1]*d.Stride[0] - d.Before[0] + ky*d.Dilation[0]
				j := place[2]*d.Stride[1] - d.Before[1] + kx*d.Dilation[1]
				if i >= 0 && i < d.In[0] && j >= 0 && j < d.In[1] {
					from := ravel([]int{place[0], i, j, place[3]}, []int{d.Batch, d.In[0], d.In[1], d.Channels})
					sum += float64(x[from]) * float64(w[ky*d.Kernel[0]+kx*d.Kernel[1]+place[3]*d.Kernel[2]])
				}
			}
		}
		y[at] = T(sum)
	}
	return y
}

// randomDepthwise returns a convolution whose windows may reach over all edges, or lie outside altogether.
func randomDepthwise(rng *rand.Rand) Depthwise {
	d := Depthwise{Batch: 1 + rng.IntN(3), Channels: 1 + rng.IntN(40)}
	for i := range 2 {
		d.In[i], d.Size[i], d.Stride[i], d.Dilation[i], d.Before[i] = 1+rng.IntN(12), 1+rng.IntN(4), 1+rng.IntN(3), 1+rng.IntN(3), rng.IntN(6)
		d.Out[i] = 1 + rng.IntN(14)
	}
	d.Kernel = [3]int{d.Size[1] * d.Channels, d.Channels, 1}
	if rng.IntN(2) == 0 { // channels first
		d.Kernel = [3]int{d.Size[1], 1, d.Size[0] * d.Size[1]}
	}
	return d
}

func checkDepthwise[T Float](t *testing.T, rng *rand.Rand, d Depthwise) {
	t.Helper()
	x, w := make([]T, d.Batch*d.In[0]*d.In[1]*d.Channels), make([]T, d.Size[0]*d.Size[1]*d.Channels)
	for _, v := range [][]T{x, w} {
		for i := range v {
			v[i] = T(rng.IntN(9) - 4) // sums are exact
		}
	}
	want := depthwiseSlowly(d, x, w)
	for _, tier := range cpu.Tiers() {
		f, scratch := DepthwiseOnVectors(tier, d, sizeOf[T]())
		if f == nil {
			continue
		}
		y := make([]T, len(want))
		run(f, scratch, 2, Bytes(y), Bytes(x), Bytes(w))
		require.Equal(t, want, y, "%s: %+v", tier, d)
	}
}

func TestDepthwise(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	for range 400 {
		checkDepthwise[float32](t, rng, randomDepthwise(rng))
		checkDepthwise[float64](t, rng, randomDepthwise(rng))
	}
	f, _ := DepthwiseOnVectors(cpu.Best(), Depthwise{Batch: 1, Channels: 64, In: [2]int{9, 9}, Out: [2]int{9, 9}, Size: [2]int{3, 3}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Before: [2]int{1, 1}}, 4)
	require.Equal(t, cpu.Best() >= cpu.AVX2, f != nil, "the usual one is on vectors")
}

func FuzzDepthwise(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 3))
		checkDepthwise[float32](t, rng, randomDepthwise(rng))
	})
}
