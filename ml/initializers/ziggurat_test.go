package initializers

import (
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph/shapes"
)

// The strips have one area, and the uppermost ends at the top of the curve: else r or v is another ziggurat's.
func TestStripsHaveOneArea(t *testing.T) {
	z := theZiggurat()
	for i := 1; i < strips; i++ {
		require.InDelta(t, stripArea, z.strips[i].width*places*(z.height[i-1]-z.height[i]), 1e-12, "strip %d", i)
	}
	below := baseWidth*bell(baseWidth) + math.Sqrt(math.Pi/2)*math.Erfc(baseWidth/math.Sqrt2)
	require.InDelta(t, stripArea, below, 1e-12, "the lowest, with its tail")
}

// Four million draws fall between the deciles of the normal distribution, and beyond where the tail begins, as often as they should.
func TestNormalsHaveTheirDistribution(t *testing.T) {
	const n = 1 << 22
	edges := []float64{-4.5, -4, -baseWidth, -3, -2, -1.5, -1, -0.5, -0.2, 0, 0.2, 0.5, 1, 1.5, 2, 3, baseWidth, 4, 4.5, math.Inf(1)}
	counts := make([]int, len(edges))
	r, out := rand.New(rand.NewPCG(3, 4)), make([]float64, n/4)
	for range 4 {
		normal(1).fill(r, out)
		for _, x := range out {
			i := 0
			for x >= edges[i] {
				i++
			}
			counts[i]++
		}
	}
	cdf := func(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }
	from := 0.0
	for i, edge := range edges {
		p := cdf(edge) - from
		from = cdf(edge)
		require.InDelta(t, n*p, counts[i], 4*math.Sqrt(n*p), "up to %v", edge)
	}
}

// Numbers next to one another, and the parts of one number that strip, sign and place are made of, have nothing to do with one another.
func TestNormalsAreIndependent(t *testing.T) {
	const n = 1 << 19
	out := make([]float64, n)
	normal(1).fill(rand.New(rand.NewPCG(5, 6)), out)
	for lag := 1; lag <= 32; lag++ {
		sum, squares := 0.0, 0.0
		for i := range n - lag {
			sum += out[i] * out[i+lag]
			squares += (out[i]*out[i] - 1) * (out[i+lag]*out[i+lag] - 1)
		}
		require.InDelta(t, 0, sum/n, 5/math.Sqrt(n), "lag %d", lag)
		require.InDelta(t, 0, squares/n/2, 5/math.Sqrt(n), "squares, lag %d", lag) // which have the variance 2
	}
}

// Draws that are filled in by many at once are those of one, and those of a longer variable begin like a shorter one's.
func TestElementsDoNotDependOnWhoFillsThem(t *testing.T) {
	draw := func(init Initializer, workers, n int) []float64 {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(workers))
		out := make([]float64, n)
		init(rand.New(rand.NewPCG(1, 2)), shapes.Shape{}, out)
		return out
	}
	for name, init := range map[string]Initializer{"normal": RandomNormalFn(0.1), "uniform": RandomUniformFn(-1, 2), "truncated": TruncatedNormalFn(1)} {
		t.Run(name, func(t *testing.T) {
			want := draw(init, 1, 100_000)
			for _, workers := range []int{2, 3, 16} {
				require.Equal(t, want, draw(init, workers, 100_000), "%d workers", workers)
			}
			require.Equal(t, want[:1000], draw(init, 2, 1000))
		})
	}
}

// Models keep their first values from version to version.
func TestNormalsStay(t *testing.T) {
	out := make([]float64, 6)
	normal(1).fill(rand.New(rand.NewPCG(1, 2)), out)
	want := []float64{0.2772079563248636, 1.5064031829494517, -0.9758430009816168, 0.3463786058385029, -0.0630943189842805, 0.009719882851664637}
	require.InDeltaSlice(t, want, out, 1e-14, "another processor's logarithm may differ in its last digit")
}

func BenchmarkNormals(b *testing.B) {
	z, out := theZiggurat(), make([]float64, 1<<16)
	for b.Loop() {
		z.normals(7, out, 0, 0.1)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(1<<16), "ns/number")
}
