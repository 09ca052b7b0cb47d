package train_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"
)

// A step whose model chooses a branch by its input, with variables that the run is given up, learns in the branch that was chosen.
func TestAStepWithASwitch(t *testing.T) {
	backend := gocpu.New()
	defer backend.Close()
	store := model.NewStore()
	trainer := train.NewTrainer(backend, store, func(scope *model.Scope, x *graph.Node) *graph.Node {
		g := x.Graph()
		which := graph.ConvertDType(graph.ReduceAllMax(x), dtypes.Int32)
		branches := make([]*graph.Function, 20)
		for k := range branches {
			w := scope.VariableWithValue(string(rune('a'+k)), float32(1)).NodeValue(g)
			branches[k] = graph.NewClosure(g, func(*graph.Graph) []*graph.Node { return []*graph.Node{graph.Mul(x, w)} })
		}
		return graph.Switch(which, branches...)[0]
	}, losses.MeanSquaredError, optimizers.SGD().LearningRate(0.01).Done())
	batch := data.Batch{Inputs: []*tensors.Tensor{tensors.FromValue([][]float32{{3}, {1}})}, Labels: []*tensors.Tensor{tensors.FromValue([][]float32{{0}, {0}})}}
	for range 5 {
		_, err := trainer.TrainStep(batch)
		require.NoError(t, err)
	}
	for k := range 20 {
		name := "/" + string(rune('a'+k))
		w := tensors.ToScalar[float32](store.GetVariable(name).MustValue())
		if k == 3 {
			assert.Less(t, w, float32(0.8), name)
		} else {
			assert.Equal(t, float32(1), w, name)
		}
	}
}

// The first step of a new trainer leaves the model's state in memory, and no second copy of it that waits for a collection.
func TestTheFirstStepLeavesOneCopyOfTheState(t *testing.T) {
	backend := gocpu.New()
	defer backend.Close()
	images, labels := tensors.FromScalarAndDimensions(float32(0.5), 16, 784), tensors.FromScalarAndDimensions(int32(1), 16)
	store := model.NewStore()
	runtime.GC()
	before := tensors.Stats().Live
	trainer := train.NewTrainer(backend, store, func(scope *model.Scope, x *graph.Node) *graph.Node {
		x = graph.Relu(layers.Dense(scope.In("d1"), x, true, 512))
		return layers.Dense(scope.In("d2"), x, true, 10)
	}, losses.SparseCategoricalCrossEntropyLogits, optimizers.Adam().Done())
	batch := data.Batch{Inputs: []*tensors.Tensor{images}, Labels: []*tensors.Tensor{labels}}
	for step := range 3 {
		_, err := trainer.TrainStep(batch)
		require.NoError(t, err)
		live := tensors.Stats().Live - before
		assert.LessOrEqual(t, live, store.ByteSize()*3/2, "step %d: blocks are rounded up, and a run keeps an arena", step)
	}
	runtime.KeepAlive(trainer)
}
