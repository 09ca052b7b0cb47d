package train_test

import (
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/metrics"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"
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
	if err != nil {
		b.Fatal(err)
	}
	loop := train.NewLoop(trainer)
	ds.BatchSize(64, true).Infinite(true)
	if _, err := loop.RunSteps(ds, 1); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	if _, err := loop.RunSteps(ds, b.N); err != nil {
		b.Fatal(err)
	}
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
