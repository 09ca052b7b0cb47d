package train_test

import (
	"errors"
	"fmt"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/data/digits"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/metrics"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"
)

// digitTrainer and digitSets are what the examples train.
func digitTrainer() *train.Trainer {
	return train.NewTrainer(gocpu.New(), model.NewStore(), func(scope *model.Scope, images *graph.Node) *graph.Node {
		x := graph.Reshape(images, images.Dim(0), -1)
		x = graph.Relu(layers.Dense(scope.In("hidden"), x, true, 32))
		return layers.Dense(scope.In("readout"), x, true, 10)
	}, losses.SparseCategoricalCrossEntropyLogits, optimizers.Adam().LearningRate(3e-3).Done(), metrics.NewSparseCategoricalAccuracy())
}

func digitSets() (trainSet, testSet *data.InMemoryDataset) {
	trainSet, testSet, err := digits.Datasets(64)
	if err != nil {
		panic(err)
	}
	return trainSet.WithName("digits").Shuffle(1), testSet.WithName("test")
}

func ExampleKeepBest() {
	trainSet, testSet := digitSets()
	loop := train.NewLoop(digitTrainer())
	loop.EvalEvery(20, testSet)
	if err := train.KeepBest(loop, train.Best{Dataset: "test", Metric: "acc"}); err != nil {
		fmt.Println(err)
		return
	}
	results, err := loop.RunSteps(trainSet, 100)
	if err != nil {
		fmt.Println(err)
		return
	}
	now, err := loop.Trainer().Eval(testSet) // the store holds the best model
	fmt.Println(now.Value("acc") == results.Value("test acc"), err)
	// Output: true <nil>
}

func ExampleEarlyStopping() {
	trainSet, testSet := digitSets()
	loop := train.NewLoop(digitTrainer())
	loop.EvalEvery(10, testSet)
	train.EarlyStopping(loop, train.EarlyStop{Metric: "los", RestoreBest: true})
	_, err := loop.RunSteps(trainSet, 1000)
	fmt.Println(err)
	// Output: early stopping: train.EarlyStopping: an evaluation measures no metric "los": do you mean "loss"? (known: "loss" or "Mean loss", "acc" or "Accuracy")
}

func ExampleOverfit() {
	trainSet, _ := digitSets()
	batch, err := data.Peek(trainSet)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer batch.Close()
	report, err := train.Overfit(digitTrainer(), batch, 200)
	fmt.Println(report.Learnt(), err)
	// Output: true <nil>
}

func ExampleDryRun() {
	trainSet, testSet := digitSets()
	report, err := train.DryRun(digitTrainer(), trainSet, testSet)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Parameters, "parameters")
	for _, p := range report.Programs {
		fmt.Println(p.Name, p.Batch, "more than half a million operations:", p.FLOPs > 5e5)
	}
	// Output:
	// 2410 parameters
	// train [float32[64 8 8 1] int32[64 1]] more than half a million operations: true
	// eval test [float32[64 8 8 1] int32[64 1]] more than half a million operations: false
}

func ExampleFindRate() {
	trainSet, _ := digitSets()
	curve, err := train.FindRate(digitTrainer(), trainSet, train.RateRange{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("between 0.0001 and 0.1:", curve.Suggested > 1e-4 && curve.Suggested < 0.1)
	// viz.Show(viz.RateFinder(curve)) draws it
	// Output: between 0.0001 and 0.1: true
}

func ExampleCheckData() {
	ds, err := data.InMemory("mine", [][]float32{{1, 0}, {2, 0}, {3, 0}}, []int32{0, 1, 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	report, err := train.CheckData(ds.BatchSize(2, false), train.DataChecks{Classes: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report)
	// Output:
	// "mine": 2 batches, 3 examples
	// error: batch 1, label 0: 1 of 1 labels are no class, the first one, 2, at [0]: classes are numbered from 0 to 1
	// warning: input 0: 1 of 2 features are the same in all 3 examples, the first one, 0, at [1]
}

func ExampleCrossValidate() {
	trainSet, _ := digitSets()
	result, err := train.CrossValidate(trainSet.Take(600), train.Folding{Folds: 3}, func(fold int, trainSet, testSet data.Dataset) (train.Metrics, error) {
		trainer := digitTrainer() // anew, from the same seed
		if _, err := train.NewLoop(trainer).RunEpochs(trainSet, 8); err != nil {
			return nil, err
		}
		return trainer.Eval(testSet)
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mean, std := result.Mean("acc") // fmt.Println(result) is a table
	fmt.Println(len(result.Folds), "folds, more than 80 %:", mean > 0.8, std < 0.1)
	// Output: 3 folds, more than 80 %: true true
}

func ExampleTasks() {
	loss, measures := train.Tasks(
		train.Task{Name: "sum", Loss: losses.MeanSquaredError},
		train.Task{Name: "product", Loss: losses.MeanSquaredError, Weight: 0.1})
	trainer := train.NewTrainer(gocpu.New(), model.NewStore(), func(scope *model.Scope, x *graph.Node) []*graph.Node {
		h := graph.Tanh(layers.Dense(scope.In("shared"), x, true, 16))
		return []*graph.Node{layers.Dense(scope.In("sum"), h, true, 1), layers.Dense(scope.In("product"), h, true, 1)}
	}, loss, optimizers.Adam().Done(), measures...)
	m, err := trainer.TrainStep(data.Batch{
		Inputs: []*tensors.Tensor{tensors.FromValue([][]float32{{1, 2}, {3, 4}})},
		Labels: []*tensors.Tensor{tensors.FromValue([][]float32{{3}, {7}}), tensors.FromValue([][]float32{{2}, {12}})},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, x := range m {
		fmt.Println(x.Name)
	}
	// Output:
	// Batch loss
	// Mean loss
	// sum
	// product
}

func ExampleTrainer_SetObjectives() {
	trainer := train.NewTrainer(gocpu.New(), model.NewStore(), gan, nil, nil) // gan returns what the discriminator says of real and of made numbers
	err := trainer.SetObjectives(
		train.Objective{Name: "discriminator", Variables: []string{"/discriminator"}, Optimizer: optimizers.Adam().Done(), Loss: func(_, p []*graph.Node) *graph.Node {
			return graph.Add(graph.ReduceAllMean(bce(p[0], 1)), graph.ReduceAllMean(bce(p[1], 0)))
		}},
		train.Objective{Name: "generator", Variables: []string{"/generator"}, Optimizer: optimizers.Adam().Done(), Loss: func(_, p []*graph.Node) *graph.Node {
			return graph.ReduceAllMean(bce(p[1], 1))
		}})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = train.NewLoop(trainer.InTurn(true)).RunSteps(threes(), 10)
	fmt.Println(trainer.GlobalStep(), err)
	// Output: 10 <nil>
}

func ExampleTrainer_LocateNotFinite() {
	trainer := train.NewTrainer(gocpu.New(), model.NewStore(), func(scope *model.Scope, x *graph.Node) *graph.Node {
		return layers.Dense(scope.In("readout"), graph.Log(x), true, 1)
	}, losses.MeanSquaredError, optimizers.SGD().Done()).LocateNotFinite(true)
	_, err := trainer.TrainStep(data.Batch{
		Inputs: []*tensors.Tensor{tensors.FromValue([][]float32{{1}, {-2}})},
		Labels: []*tensors.Tensor{tensors.FromValue([][]float32{{0}, {0}})},
	})
	var bad *train.NotFiniteError
	if errors.As(err, &bad) {
		fmt.Println(bad.First.Pass, bad.First.What, "of", bad.First.Inputs[0])
	}
	// Output: forward Log of float32[2 1] in [-2, 1]
}
