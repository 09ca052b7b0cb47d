package initializers_test

import (
	"math/rand/v2"
	"testing"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/ml/initializers"

	"github.com/stretchr/testify/require"
)

func TestMomentsOfInitializers(t *testing.T) {
	moments := func(init initializers.Initializer) (mean, variance float64) {
		flat := make([]float64, 300*100)
		init(rand.New(rand.NewPCG(1, 2)), shapes.Make(dtypes.Float64, 300, 100), flat)
		for _, x := range flat {
			mean += x / float64(len(flat))
		}
		for _, x := range flat {
			variance += (x - mean) * (x - mean) / float64(len(flat))
		}
		return mean, variance
	}
	for _, c := range []struct {
		name           string
		init           initializers.Initializer
		mean, variance float64
	}{
		{"Zero", initializers.Zero, 0, 0},
		{"One", initializers.One, 1, 0},
		{"RandomNormalFn", initializers.RandomNormalFn(0.5), 0, 0.25},
		{"RandomUniformFn", initializers.RandomUniformFn(0, 6), 3, 3},
		{"TruncatedNormalFn", initializers.TruncatedNormalFn(1), 0, 0.7737}, // 1 - 2·2φ(2)/(2Φ(2)-1)
		{"Default", initializers.Default, 0, 1.0 / 900},
		{"He", initializers.He, 0, 2.0 / 300},
		{"LeCun", initializers.LeCun, 0, 1.0 / 300},
		{"XavierNormal", initializers.XavierNormal, 0, 2.0 / 400},
		{"XavierUniform", initializers.XavierUniform, 0, 2.0 / 400},
		{"HeUniform", initializers.HeUniform, 0, 2.0 / 300},
		{"LeCunUniform", initializers.LeCunUniform, 0, 1.0 / 300},
		{"KaimingNormalFn", initializers.KaimingNormalFn(2, false), 0, 4.0 / 300},
		{"KaimingNormalFn, outputs", initializers.KaimingNormalFn(2, true), 0, 4.0 / 100},
		{"KaimingUniformFn", initializers.KaimingUniformFn(2, false), 0, 4.0 / 300},
		{"KaimingUniformFn, outputs", initializers.KaimingUniformFn(2, true), 0, 4.0 / 100},
		{"ScaledFn", initializers.ScaledFn(3, initializers.He), 0, 9 * 2.0 / 300},
		{"OrthogonalFn", initializers.OrthogonalFn(2), 0, 4.0 / 300},
		{"Identity", initializers.Identity, 1.0 / 300, 1.0/300 - 1.0/90000},
	} {
		t.Run(c.name, func(t *testing.T) {
			mean, variance := moments(c.init)
			require.InDelta(t, c.mean, mean, 0.03*(1+c.mean))
			require.InDelta(t, c.variance, variance, 0.03*c.variance+1e-9)
		})
	}
	in, out := initializers.Fans(shapes.Make(dtypes.Float32, 3, 3, 8, 16))
	require.Equal(t, []float64{72, 144}, []float64{in, out})
}

func TestOrthogonalMatrices(t *testing.T) {
	for _, dims := range [][]int{{5, 3}, {3, 5}, {4, 4}, {2, 3, 4, 7}, {7}, {}} {
		shape := shapes.Make(dtypes.Float64, dims...)
		out := make([]float64, shape.Size())
		initializers.OrthogonalFn(3)(rand.New(rand.NewPCG(1, 2)), shape, out)
		cols := 1
		if len(dims) > 0 {
			cols = dims[len(dims)-1]
		}
		rows := len(out) / cols
		n, length, at := cols, rows, func(v, i int) float64 { return out[i*cols+v] }
		if rows < cols {
			n, length, at = rows, cols, func(v, i int) float64 { return out[v*cols+i] }
		}
		for u := range n {
			for v := range n {
				dot, want := 0.0, 0.0
				for i := range length {
					dot += at(u, i) * at(v, i)
				}
				if u == v {
					want = 9
				}
				require.InDelta(t, want, dot, 1e-12, "%v: vectors %d and %d", dims, u, v)
			}
		}
	}
}

// TestFloat32sAreTheNumbersRounded compares what is written at once with what is written as float64 and rounded, for each function that is
// known, in pieces of any size.
func TestFloat32sAreTheNumbersRounded(t *testing.T) {
	for name, init := range map[string]initializers.Initializer{"He": initializers.He, "LeCun": initializers.LeCun, "XavierNormal": initializers.XavierNormal,
		"HeUniform": initializers.HeUniform, "LeCunUniform": initializers.LeCunUniform, "XavierUniform": initializers.XavierUniform} {
		draw := initializers.Float32s(init)
		require.NotNil(t, draw, name)
		for _, dims := range [][]int{{0, 3}, {}, {7}, {511, 1}, {2, 512}, {300, 301}} {
			shape := shapes.Make(dtypes.Float32, dims...)
			out, want := make([]float32, shape.Size()), make([]float64, shape.Size())
			for i := range out {
				out[i] = -1 // there may be anything
			}
			draw(rand.New(rand.NewPCG(1, 2)), shape, out)
			init(rand.New(rand.NewPCG(1, 2)), shape, want)
			for i, x := range want {
				require.Equal(t, float32(x), out[i], "%s of %v: element %d", name, dims, i)
			}
		}
	}
	for name, init := range map[string]initializers.Initializer{"Zero": initializers.Zero, "RandomNormalFn": initializers.RandomNormalFn(1),
		"a function of a user": func(_ *rand.Rand, _ shapes.Shape, _ []float64) {}} {
		require.Nil(t, initializers.Float32s(init), name)
	}
}

// Each exported function is shown at work.
func TestEveryExportHasAnExample(t *testing.T) { testenv.NeedExamples(t, ".") }
