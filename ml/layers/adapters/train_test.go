package adapters_test

import (
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	. "github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/layers/adapters"
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
