package quire_test

import (
	"fmt"
	"log"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/ml/data/digits"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/metrics"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"
	"github.com/quire-ml/quire/viz"
)

// The program of the README.
func Example() {
	backend := backends.MustNew() // $QUIRE_BACKEND or the best there is
	store := model.NewStore()
	trainer := train.NewTrainer(backend, store, digitsModel,
		losses.SparseCategoricalCrossEntropyLogits, optimizers.Adam().LearningRate(3e-3).Done(),
		metrics.NewSparseCategoricalAccuracy())
	training, test, err := digits.Datasets(64) // 5,620 real handwritten digits, within the program
	if err != nil {
		log.Fatal(err)
	}
	loop := train.NewLoop(trainer)
	loop.EvalEachEpoch(test)
	viz.Live(loop) // curves in a notebook, a progress bar in a terminal
	if _, err := loop.RunEpochs(training, 8); err != nil {
		log.Fatal(err)
	}
	fmt.Println(loop.LastEval(test.Name()))
}

func digitsModel(scope *model.Scope, images *graph.Node) *graph.Node {
	x := graph.Reshape(images, images.Dim(0), -1)                  // [B 64]
	x = graph.Relu(layers.Dense(scope.In("hidden"), x, true, 128)) // [B 128]
	return layers.Dense(scope.In("logits"), x, true, 10)           // [B 10]
}
