package train_test

import (
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data/digits"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/metrics"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"

	"github.com/stretchr/testify/require"
)

func perceptron(scope *model.Scope, x *graph.Node) *graph.Node {
	x = graph.Reshape(x, x.Dim(0), -1)
	x = graph.Relu(layers.Dense(scope.In("hidden"), x, true, 128))
	x = layers.Dropout(scope.In("dropout"), x, 0.2)
	return layers.Dense(scope.In("readout"), x, true, 10)
}

// TestDigits trains on real handwritten digits with all that a real program has. On the 1,797 digits of
// other writers seeds 0 to 2 must all reach 95.5 %.
func TestDigits(t *testing.T) {
	backend := gocpu.New()
	defer backend.Close()
	for seed := range int64(3) {
		trainSet, testSet, err := digits.Datasets(64)
		require.NoError(t, err)
		store := model.NewStore()
		require.NoError(t, store.SetRNGStateFromSeed(seed))
		trainer := train.NewTrainer(backend, store, perceptron, losses.SparseCategoricalCrossEntropyLogits,
			optimizers.Adam().LearningRate(5e-3).Schedule(optimizers.Cosine(20*59)).Done(), metrics.NewSparseCategoricalAccuracy())
		loop := train.NewLoop(trainer)
		loop.EvalEachEpoch(testSet)
		results, err := loop.RunEpochs(trainSet, 20)
		require.NoError(t, err)
		acc := results.Value(testSet.Name() + " acc")
		t.Logf("seed %d: %s, %v a step", seed, results, loop.MedianTrainStepDuration())
		require.True(t, acc > 0.955, "seed %v %v", seed, results)
		if testing.Short() {
			return
		}
	}
}

// TestStepsKeepTheirMemory holds that training for long takes no more memory than training for a while.
func TestStepsKeepTheirMemory(t *testing.T) {
	backend := gocpu.New()
	defer backend.Close()
	trainSet, testSet, err := digits.Datasets(64)
	require.NoError(t, err)
	wide := func(scope *model.Scope, x *graph.Node) *graph.Node { // layers of 256 KiB and more: outside the Go heap
		x = graph.Relu(layers.Dense(scope.In("hidden"), graph.Reshape(x, x.Dim(0), -1), true, 1024))
		return layers.Dense(scope.In("readout"), x, true, 16)
	}
	trainer := train.NewTrainer(backend, model.NewStore(), wide, losses.SparseCategoricalCrossEntropyLogits, optimizers.Adam().Done())
	loop := train.NewLoop(trainer)
	loop.EvalEvery(10, testSet)
	_, err = loop.RunSteps(trainSet, 20)
	require.NoError(t, err)
	before := tensors.Stats()
	_, err = loop.RunSteps(trainSet, 60)
	require.NoError(t, err)
	after := tensors.Stats()
	require.True(t, before.Live > 1<<20, "the test looks at the right memory %v", before)
	require.True(t, after.Storages <= before.Storages+2 && after.Live <= before.Live+1<<20, "%v %v", before, after)
}
