package adapters_test

import (
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	. "github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/initializers"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/layers/adapters"
	"github.com/quire-ml/quire/ml/layers/norm"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"

	"github.com/stretchr/testify/require"
)

// A trained model learns something else by LoRA: the loss falls, and of what it was nothing has changed.
func TestTrainingWithLoRA(t *testing.T) {
	const n = 64
	x, y := make([][]float32, n), make([][]float32, n)
	for i := range n {
		a, b := float32(i%8)/4-1, float32(i/8)/4-1
		x[i], y[i] = []float32{a, b}, []float32{a * b}
	}
	ds, err := data.InMemory("product", x, y)
	require.NoError(t, err)
	ds = ds.BatchSize(n, false).Infinite(true)
	net := func(scope *model.Scope, x *Node) *Node {
		scope = scope.WithInitializer(initializers.He) // what is frozen must be worth something
		h := Tanh(layers.Dense(scope.In("hidden"), x, true, 32))
		return layers.Dense(scope.In("readout"), h, true, 1)
	}
	store := model.NewStore()
	_, err = model.CallOnce(gocpu.New(), store, net, x)
	require.NoError(t, err)
	before := store.Snapshot()
	defer before.Close()

	require.NoError(t, store.FreezeVariables("*"))
	require.NoError(t, adapters.LoRA(store, "*/weights", 4, 4))
	trainer := train.NewTrainer(gocpu.New(), store, net, losses.MeanSquaredError, optimizers.Adam().LearningRate(0.02).Done())
	loop := train.NewLoop(trainer)
	first, err := loop.RunSteps(ds, 1)
	require.NoError(t, err)
	last, err := loop.RunSteps(ds, 300)
	require.NoError(t, err)
	require.Less(t, last[0].Value, first[0].Value/5)
	for _, path := range []string{"/hidden/weights", "/hidden/biases", "/readout/weights", "/readout/biases"} {
		was, err := before.Value(path).ToHost()
		require.NoError(t, err)
		require.Equal(t, was.Value(), store.GetVariable(path).MustValue().Value(), path)
	}
}

// Adapters begin as the model was also where it computes in another dtype than its variables have.
func TestAdaptersInMixedPrecisionBeginAsTheModelWas(t *testing.T) {
	net := func(scope *model.Scope, x *Node) *Node {
		h := Tanh(layers.Dense(scope.In("hidden"), x, true, 8))
		return layers.Dense(scope.In("readout"), h, true, 1)
	}
	x := [][]float32{{1, 2}, {-1, 0.5}, {0.25, -2}}
	for name, adapt := range map[string]func(s *model.Store) error{
		"LoRA":       func(s *model.Store) error { return adapters.LoRA(s, "*/weights", 2, 4) },
		"DoRA":       func(s *model.Store) error { return adapters.DoRA(s, "*/weights", 2, 4) },
		"WeightNorm": func(s *model.Store) error { return adapters.WeightNorm(s, "*/weights") },
		"Bottleneck": func(s *model.Store) error { return adapters.Bottleneck(s, "hidden", 3) },
	} {
		for _, compute := range []dtypes.DType{dtypes.BFloat16, dtypes.Float16} {
			store := model.NewStore()
			trainer := train.NewTrainer(graphtest.Reference(), store, net, losses.MeanSquaredError, optimizers.SGD().Done())
			require.NoError(t, trainer.SetPrecision(train.Precision{Compute: compute}))
			before, err := trainer.Predict(x)
			require.NoError(t, err)
			require.NoError(t, adapt(store), name)
			after, err := trainer.Predict(x)
			require.NoError(t, err, name)
			require.InDeltaSlice(t, floats(before[0]), floats(after[0]), 0.03, "%s in %s", name, compute)
		}
	}
}

// A column of zeros has a length that can be divided by, and a gradient, in every dtype.
func TestLengthsOfZeros(t *testing.T) {
	for _, d := range []dtypes.DType{dtypes.Float16, dtypes.BFloat16, dtypes.Float32, dtypes.Float64} {
		out, err := CallOnceN(graphtest.Reference(), func(x *Node) []*Node {
			w := ConvertDType(x, d)
			y := Div(w, norm.ColumnNorms(w))
			return []*Node{ConvertDType(y, dtypes.Float64), ConvertDType(Gradient(ReduceAllSum(y), w)[0], dtypes.Float64)}
		}, [][]float64{{0, 3}, {0, 4}})
		require.NoError(t, err)
		require.InDeltaSlice(t, []float64{0, 0.6, 0, 0.8}, floats(out[0]), 0.01, d)
		for _, g := range floats(out[1]) {
			require.True(t, g-g == 0, "%s: a gradient of %g", d, g)
		}
	}
}

// The vector that spectral norms begin with has any length: before a step of training, too, weights are divided by an estimate of
// their largest singular value, which is not above it.
func TestSpectralNormBeforeTraining(t *testing.T) {
	w, err := model.CallOnce(graphtest.Reference(), model.NewStore(), func(scope *model.Scope, x *Node) *Node {
		return norm.Spectral(scope.In("w"), x)
	}, [][]float64{{2, 0, 0}, {0, 2, 0}, {0, 0, 2}}) // which makes all vectors twice as long
	require.NoError(t, err)
	require.InDeltaSlice(t, []float64{1, 0, 0, 0, 1, 0, 0, 0, 1}, floats(w), 1e-12)
}
