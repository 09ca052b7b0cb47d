package checkpoints_test

import (
	"fmt"
	"os"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/ml/checkpoints"
	"github.com/quire-ml/quire/ml/data/digits"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"
)

// trainTo goes on from what is saved in dir, if anything is, until the model has had so many updates.
func trainTo(dir string, steps int64) error {
	trainSet, _, err := digits.Datasets(32)
	if err != nil {
		return err
	}
	store := model.NewStore()
	trainer := train.NewTrainer(gocpu.New(), store, func(scope *model.Scope, x *graph.Node) *graph.Node {
		return layers.Dense(scope, graph.Reshape(x, x.Dim(0), -1), true, 10)
	}, losses.SparseCategoricalCrossEntropyLogits, optimizers.Adam().Done())
	loop := train.NewLoop(trainer)
	handler, err := checkpoints.Build(store).Dir(dir).Keep(2).Done()
	if err != nil {
		return err
	}
	if err := handler.Attach(loop, 10); err != nil {
		return err
	}
	fmt.Println("from step", trainer.GlobalStep())
	_, err = loop.RunToGlobalStep(trainSet, steps)
	fmt.Println("to step", trainer.GlobalStep())
	return err
}

func Example() {
	dir, err := os.MkdirTemp("", "checkpoints")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	for _, steps := range []int64{25, 40} {
		if err := trainTo(dir, steps); err != nil {
			fmt.Println(err)
		}
	}
	list, _ := checkpoints.List(dir)
	for _, c := range list {
		fmt.Println(c.Name, c.Verify() == nil)
	}
	// Output:
	// from step 0
	// to step 25
	// from step 25
	// to step 40
	// checkpoint-000004-step-30 true
	// checkpoint-000005-step-40 true
}
