// Command lora teaches a network that reads handwritten digits to read those that lie on their side, by 3,584 parameters beside its 26,122.
//
// Source: Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", 2021, arXiv:2106.09685.
package main

import (
	"flag"
	"fmt"
	"log"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/examples/internal/curve"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/ml/data/digits"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/layers/adapters"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/metrics"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"
	"github.com/quire-ml/quire/viz"
)

func main() {
	seed, epochs := flag.Int64("seed", 1, "of weights and order"), flag.Int("epochs", 10, "of each training")
	flag.Parse()
	backend, store := backends.MustNew(), model.NewStore()
	check(store.SetRNGStateFromSeed(*seed))
	training, test, err := digits.Datasets(64)
	check(err)
	training = training.Shuffle(uint64(*seed))
	learn := func(fn func(*model.Scope, *graph.Node) *graph.Node) *train.Trainer {
		trainer := train.NewTrainer(backend, store, fn, losses.SparseCategoricalCrossEntropyLogits,
			optimizers.Adam().LearningRate(3e-3).Done(), metrics.NewSparseCategoricalAccuracy())
		loop := train.NewLoop(trainer)
		live := viz.Live(loop)
		must(loop.RunEpochs(training, *epochs))
		curve.Save(live)
		return trainer
	}
	upright := must(learn(mlp).Eval(test)).Value("acc")
	check(store.FreezeVariables("*"))
	check(adapters.LoRA(store, "hidden?/weights", 8, 16))
	lying := must(learn(func(scope *model.Scope, x *graph.Node) *graph.Node {
		return mlp(scope, graph.Transpose(x, 1, 2))
	}).Eval(test)).Value("acc")
	viz.Show(store)
	fmt.Printf("upright: accuracy %.4f\n", upright)
	fmt.Printf("lying on their side: accuracy %.4f\n", lying)
}

func mlp(scope *model.Scope, x *graph.Node) *graph.Node { // [B 8 8 1]
	x = graph.Reshape(x, x.Dim(0), -1)
	x = graph.Relu(layers.Dense(scope.In("hidden1"), x, true, 128))
	x = graph.Relu(layers.Dense(scope.In("hidden2"), x, true, 128))
	return layers.Dense(scope.In("logits"), x, true, 10)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func must[T any](value T, err error) T {
	check(err)
	return value
}
