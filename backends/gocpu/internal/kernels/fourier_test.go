package kernels

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/fourier"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/stretchr/testify/assert"
)

// transformSlowly is the sum that a plan computes.
func transformSlowly(x []complex128) []complex128 {
	n := len(x)
	y := make([]complex128, n)
	for k := range y {
		for j, v := range x {
			y[k] += v * fourier.RootOfOne(j*k%n, n)
		}
	}
	return y
}

func randomComplex(rng *rand.Rand, n int) []complex128 {
	x := make([]complex128, n)
	for i := range x {
		x[i] = complex(rng.NormFloat64(), rng.NormFloat64())
	}
	return x
}

func TestTransformsOfEveryLength(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	lengths := []int{256, 243, 625, 343, 1000, 1009, 1024, 29 * 31, 2 * 509}
	for n := 1; n <= 130; n++ {
		lengths = append(lengths, n)
	}
	for _, n := range lengths {
		from := randomComplex(rng, n)
		want := transformSlowly(from)
		for _, tier := range cpu.Tiers() {
			p, x := NewFourier(tier, n, never), slices.Clone(from)
			p.Transform(x, make([]complex128, p.Scratch()), never)
			for k := range x {
				if cmplx.Abs(x[k]-want[k]) > 1e-14*float64(n) {
					t.Fatalf("%s, length %d: element %d is %v, want %v", tier, n, k, x[k], want[k])
				}
			}
		}
	}
}

func BenchmarkFourier(b *testing.B) {
	for _, n := range []int{1024, 1000, 1009} {
		p, x := NewFourier(cpu.Use(), n, never), randomComplex(rand.New(rand.NewPCG(3, 4)), n)
		scratch, y := make([]complex128, p.Scratch()), make([]complex128, n)
		b.Run(map[int]string{1024: "power of two", 1000: "small factors", 1009: "prime"}[n], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				copy(y, x)
				p.Transform(y, scratch, never)
			}
		})
	}
}

func TestRealTransforms(t *testing.T) {
	for _, tier := range cpu.Tiers() {
		for n := 1; n <= 70; n++ {
			checkReal(t, tier, n, 3)
		}
		for _, n := range []int{96, 128, 1000, 1024} {
			checkReal(t, tier, n, 1)
			checkReal(t, tier, n, 17)
		}
	}
}

// checkReal transforms batch rows of length n and back.
func checkReal(t *testing.T, tier cpu.Tier, n, batch int) {
	t.Helper()
	rng := rand.New(rand.NewPCG(7, uint64(n)))
	x, whole := make([]float64, batch*n), make([]complex128, n)
	for i := range x {
		x[i] = rng.NormFloat64()
	}
	m := n/2 + 1
	y, back := make([]complex128, batch*m), make([]float64, batch*n)
	f, scratch := FFT(tier, dtypes.Float64, dtypes.Complex128, []int{batch, n}, []int{batch, m}, []int{1}, false, 2, never)
	run(f, scratch, 2, Bytes(y), Bytes(x))
	g, scratch := FFT(tier, dtypes.Complex128, dtypes.Float64, []int{batch, m}, []int{batch, n}, []int{1}, true, 2, never)
	run(g, scratch, 2, Bytes(back), Bytes(y))
	for b := range batch {
		for j := range whole {
			whole[j] = complex(x[b*n+j], 0)
		}
		want := transformSlowly(whole)
		for k := range m {
			if cmplx.Abs(y[b*m+k]-want[k]) > 1e-13*float64(n) {
				t.Fatalf("%s, length %d: element %d is %v, want %v", tier, n, k, y[b*m+k], want[k])
			}
		}
		for j := range n {
			if math.Abs(back[b*n+j]-x[b*n+j]) > 1e-13 {
				t.Fatalf("%s, length %d: element %d comes back as %v, was %v", tier, n, j, back[b*n+j], x[b*n+j])
			}
		}
	}
}

// Transforms over several axes are the same on every tier, of any layout and with any number of workers.
func TestTransformsOverAxes(t *testing.T) {
	for _, c := range []struct {
		dims, half, axes []int
	}{
		{[]int{4, 6, 10}, nil, []int{2}}, {[]int{4, 6, 10}, nil, []int{1, 2}}, {[]int{5, 9, 35}, nil, []int{0, 1, 2}},
		{[]int{3, 14, 22}, nil, []int{1, 2}}, {[]int{20, 1, 64}, nil, []int{0, 1, 2}}, {[]int{2, 1 << 13}, nil, []int{1}},
		{[]int{6, 20, 16}, []int{6, 20, 9}, []int{1, 2}}, {[]int{2, 12, 10}, []int{2, 12, 6}, []int{0, 1, 2}}, {[]int{4, 9}, []int{4, 5}, []int{0, 1}},
		{[]int{40, 32}, []int{40, 17}, []int{1}}, {[]int{0, 8}, nil, []int{1}}, {[]int{1 << 13, 3}, nil, []int{0}},
	} {
		in, dims := dtypes.Complex64, c.dims
		if c.half != nil {
			in, dims = dtypes.Float32, c.half
		}
		rng := rand.New(rand.NewPCG(9, 9))
		x := make([]float32, elementsIn(c.dims)*in.Size()/4)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		var want, wantBack []float32
		for _, tier := range cpu.Tiers() {
			var ofOne []float32
			for _, workers := range []int{1, 2} {
				y, back := make([]float32, 2*elementsIn(dims)), make([]float32, len(x))
				f, scratch := FFT(tier, in, dtypes.Complex64, c.dims, dims, c.axes, false, workers, never)
				run(f, scratch, workers, Bytes(y), Bytes(x))
				g, scratch := FFT(tier, dtypes.Complex64, in, dims, c.dims, c.axes, true, workers, never)
				run(g, scratch, workers, Bytes(back), Bytes(y))
				if want == nil {
					want, wantBack = y, x
				}
				if ofOne == nil {
					ofOne = y
				}
				assert.Equal(t, ofOne, y, "%v, %v on %s: bits with %d workers", c.dims, c.axes, tier, workers)
				assert.InDeltaSlice(t, want, y, 2e-6*math.Sqrt(float64(len(x)))*4, "%v, %v on %s", c.dims, c.axes, tier)
				assert.InDeltaSlice(t, wantBack, back, 2e-6, "%v, %v on %s: and back", c.dims, c.axes, tier)
			}
		}
	}
}

func TestPlansAreKeptUpToABound(t *testing.T) {
	one := planOf[float32](cpu.Best(), 480, never)
	assert.Same(t, one, planOf[float32](cpu.Best(), 480, never))
	for n := 1 << 18; n < 1<<24; n *= 2 {
		planOf[float64](cpu.Best(), n, never)
		planOf[float64](cpu.Best(), n/4*3, never)
	}
	assert.LessOrEqual(t, keptPlans.bytes, maxPlans)
	assert.Len(t, keptPlans.order, len(keptPlans.plans))
	assert.Nil(t, planOf[float32](cpu.Best(), 7, never))
}

func never() bool { return false }

// A transform of one lane, and its plan, may be all that a call or compilation does: they end when it does.
func TestATransformEndsEarly(t *testing.T) {
	for _, tier := range cpu.Tiers() {
		t.Run(tier.String(), func(t *testing.T) { checkEnd(t, tier) })
	}
}

func checkEnd(t *testing.T, tier cpu.Tier) {
	const n = 131_101 // a prime number, which is convolved over 2¹⁸
	looks := 0
	count := func(end bool) func() bool { return func() bool { looks++; return end } }
	x := make([]complex128, n)
	p := NewFourier(tier, n, count(false))
	assert.GreaterOrEqual(t, looks, 16, "a plan looks %d times whether to end", looks)
	looks = 0
	NewFourier(tier, n, count(true))
	assert.LessOrEqual(t, looks, 3, "a plan looks %d times after it was told to end", looks)
	looks = 0
	p.Transform(x, make([]complex128, p.Scratch()), count(false))
	assert.GreaterOrEqual(t, looks, 16, "a transform looks %d times whether to end", looks)
	looks = 0
	p.Transform(x, make([]complex128, p.Scratch()), count(true))
	assert.LessOrEqual(t, looks, 2, "a transform looks %d times after it was told to end", looks)
}
