package ingraph_test

import (
	"fmt"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/data/ingraph"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"

	"github.com/quire-ml/quire/graph"
)

// While a step is made, the two batches after it go to the backend's device.
func ExampleOnDevice() {
	backend := gocpu.New()
	defer backend.Close()
	pairs, err := data.InMemory("sums", [][]float32{{1, 2}, {3, 4}, {5, 6}, {7, 8}}, [][]float32{{3}, {7}, {11}, {15}})
	if err != nil {
		fmt.Println(err)
		return
	}
	net := func(scope *model.Scope, x *graph.Node) *graph.Node { return layers.Dense(scope.In("sum"), x, true, 1) }
	trainer := train.NewTrainer(backend, model.NewStore(), net, losses.MeanSquaredError, optimizers.Adam().Done())
	_, err = train.NewLoop(trainer).RunEpochs(ingraph.OnDevice(backend, pairs.BatchSize(2, true), 2), 3)
	fmt.Println(trainer.GlobalStep(), err)
	// Output: 6 <nil>
}
