package train_test

import (
	"fmt"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/ml/data/digits"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/metrics"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"
)

func Example() {
	trainSet, testSet, err := digits.Datasets(64)
	if err != nil {
		fmt.Println(err)
		return
	}
	mlp := func(scope *model.Scope, images *graph.Node) *graph.Node {
		x := graph.Reshape(images, images.Dim(0), -1)
		x = graph.Relu(layers.Dense(scope.In("hidden"), x, true, 64))
		return layers.Dense(scope.In("readout"), x, true, 10)
	}
	store := model.NewStore()
	trainer := train.NewTrainer(gocpu.New(), store, mlp, losses.SparseCategoricalCrossEntropyLogits,
		optimizers.Adam().LearningRate(3e-3).Done(), metrics.NewSparseCategoricalAccuracy())
	loop := train.NewLoop(trainer)
	loop.EvalEachEpoch(testSet)
	results, err := loop.RunEpochs(trainSet, 3)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(store.NumParameters(), "parameters,", trainer.GlobalStep(), "steps")
	fmt.Println("more than 90 % of the test digits:", results.Value(testSet.Name()+" acc") > 0.9)
	// Output:
	// 4810 parameters, 177 steps
	// more than 90 % of the test digits: true
}
