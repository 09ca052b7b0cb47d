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
		{"He", initializers.He, 0, 2.0 / 300},
		{"LeCun", initializers.LeCun, 0, 1.0 / 300},
		{"XavierNormal", initializers.XavierNormal, 0, 2.0 / 400},
		{"XavierUniform", initializers.XavierUniform, 0, 2.0 / 400},
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

// Each exported function is shown at work.
func TestEveryExportHasAnExample(t *testing.T) { testenv.NeedExamples(t, ".") }
