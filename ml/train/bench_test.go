package train_test

import (
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/metrics"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"

	"github.com/stretchr/testify/require"
)

// BenchmarkStep is a step of the tutorial's MLP on 64 digits, with all that a step is.
func BenchmarkStep(b *testing.B) {
	trainer, batch := benchTrainer(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := trainer.TrainStep(batch); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLoop is such a step in a loop, with its event.
func BenchmarkLoop(b *testing.B) {
	trainer, batch := benchTrainer(b)
	ds, err := data.InMemory("bench", batch.Inputs[0], batch.Labels[0])
	require.NoError(b, err)
	loop := train.NewLoop(trainer)
	ds.BatchSize(64, true).Infinite(true)
	_, err = loop.RunSteps(ds, 1)
	require.NoError(b, err)
	b.ReportAllocs()
	b.ResetTimer()
	_, err = loop.RunSteps(ds, b.N)
	require.NoError(b, err)
}

// BenchmarkBuild builds and compiles the graph of a training step: two hidden layers, their loss and Adam, without the trainer's report.
func BenchmarkBuild(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		build(b, gocpu.New(), model.NewStore(), 3)
	}
}

// BenchmarkBuildAgain does so on an engine that has compiled the same program before.
func BenchmarkBuildAgain(b *testing.B) {
	backend := gocpu.New()
	b.Cleanup(func() { backend.Close() })
	b.ReportAllocs()
	for b.Loop() {
		build(b, backend, model.NewStore(), 3)
	}
}

// BenchmarkBuildDeep does so for a network of so many layers that the step has some 2,000 ops.
func BenchmarkBuildDeep(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		p := build(b, gocpu.New(), model.NewStore(), 36)
		b.ReportMetric(float64(p.NumInstrs()), "instrs")
	}
}

func build(t testing.TB, backend graph.Backend, store *model.Store, layerCount int) *graph.Program {
	adam := optimizers.Adam().LearningRate(1e-3).Done()
	e := model.MustNewExec(backend, store, func(scope *model.Scope, x, y *graph.Node) *graph.Node {
		store.SetTraining(x.Graph(), true)
		for i := range layerCount - 1 {
			x = graph.Relu(layers.Dense(scope.In("d%d", i), x, true, 512))
		}
		loss := losses.Reduce(losses.SparseCategoricalCrossEntropyLogits([]*graph.Node{y}, []*graph.Node{layers.Dense(scope.In("out"), x, true, 10)}), nil)
		variables, gradients := optimizers.Gradients(store, loss)
		adam.UpdateGraphWithGradients(scope, variables, gradients)
		return loss
	})
	g, err := e.Compile(shapes.Make(dtypes.Float32, 128, 784), shapes.Make(dtypes.Int32, 128, 1))
	require.NoError(t, err)
	p := g.Program()
	require.NoError(t, e.Close())
	return p
}

func benchTrainer(b *testing.B) (*train.Trainer, data.Batch) {
	backend := gocpu.New()
	b.Cleanup(func() { backend.Close() })
	images, labels := make([][]float32, 64), make([]uint8, 64)
	for i := range images {
		images[i], labels[i] = make([]float32, 28*28), uint8(i%10)
		for j := range images[i] {
			images[i][j] = float32(i*j%17) / 17
		}
	}
	return train.NewTrainer(backend, model.NewStore(), func(scope *model.Scope, x *graph.Node) *graph.Node {
			x = graph.Relu(layers.Dense(scope.In("hidden1"), x, true, 256))
			x = graph.Relu(layers.Dense(scope.In("hidden2"), x, true, 128))
			return layers.Dense(scope.In("readout"), x, true, 10)
		}, losses.SparseCategoricalCrossEntropyLogits, optimizers.Adam().Schedule(optimizers.WarmUp(100, optimizers.Cosine(1000))).Done(), metrics.NewSparseCategoricalAccuracy()),
		data.Batch{Inputs: []*tensors.Tensor{tensors.FromValue(images)}, Labels: []*tensors.Tensor{tensors.FromValue(labels)}}
}
