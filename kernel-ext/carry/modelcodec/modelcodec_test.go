package modelcodec_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/kernel-ext/carry"
	_ "github.com/quire-ml/quire/kernel-ext/carry/datacodec"
	_ "github.com/quire-ml/quire/kernel-ext/carry/modelcodec"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/data/digits"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"
)

// run is what a notebook carries of its training: it makes the trainer anew in each cell.
type run struct {
	Store *model.Store
	Data  *data.InMemoryDataset
}

func newRun(t testing.TB) *run {
	set, _, err := digits.Datasets(32)
	require.NoError(t, err)
	return &run{model.NewStore(), set}
}

func (r *run) trainer() *train.Trainer {
	mlp := func(scope *model.Scope, x *graph.Node) *graph.Node {
		x = graph.Relu(layers.Dense(scope.In("hidden"), graph.Reshape(x, x.Dim(0), -1), true, 32))
		return layers.Dense(scope.In("readout"), layers.Dropout(scope.In("drop"), x, 0.1), true, 10)
	}
	return train.NewTrainer(gocpu.New(), r.Store, mlp, losses.SparseCategoricalCrossEntropyLogits, optimizers.Adam().Done())
}

// steps trains a few steps with a trainer of its own, and returns their losses.
func (r *run) steps(t testing.TB, n int) (list []float64) {
	loop := train.NewLoop(r.trainer())
	for range n {
		m, err := loop.RunSteps(r.Data, 1)
		require.NoError(t, err)
		list = append(list, m.Value("loss"))
	}
	return list
}

// Weights, the state of the optimizer, of the random generator and of the data set flow: training goes on as if there were one cell.
func TestTrainingGoesOnInTheNextCell(t *testing.T) {
	whole := newRun(t).steps(t, 9)
	here := newRun(t)
	var got []float64
	for range 3 {
		got = append(got, here.steps(t, 3)...)
		var file bytes.Buffer
		require.NoError(t, carry.Encode(&file, &here))
		here = nil
		require.NoError(t, carry.Decode(&file, &here))
	}
	require.Equal(t, whole, got)
	require.NotContains(t, whole, 0.0, "no loss was read")
}

// BenchmarkTrainerMadeAgain is what a cell pays that goes on training: the trainer, its program, the first step.
func BenchmarkTrainerMadeAgain(b *testing.B) {
	r := newRun(b)
	r.steps(b, 1)
	for b.Loop() {
		r.steps(b, 1)
	}
}
