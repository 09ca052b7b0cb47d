// Command crashtest trains a small model and saves a checkpoint every second step, until it is killed or
// has made the given number of steps. For each step it writes the global step and the bits of the loss.
// It is killed by the test of package checkpoints.
package main

import (
	"flag"
	"fmt"
	"math"
	"os"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/ml/checkpoints"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"
)

func main() {
	dir := flag.String("dir", "", "directory of the checkpoints")
	steps := flag.Int64("steps", 0, "global step to end at")
	behind := flag.Bool("background", false, "save in the background")
	flag.Parse()
	if err := run(*dir, *steps, *behind); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// noisy is a regression whose inputs get noise, so that the random generator's state matters.
func noisy(scope *model.Scope, x *graph.Node) *graph.Node {
	if scope.IsTraining(x.Graph()) {
		x = graph.Add(x, graph.MulScalar(scope.RandomUniform(x.Graph(), x.Shape()), 0.1))
	}
	w := scope.VariableWithShape("w", shapes.Make(dtypes.Float32, 2, 1)).NodeValue(x)
	return graph.MatMul(x, w)
}

func run(dir string, steps int64, behind bool) error {
	x, y := make([][]float32, 37), make([][]float32, 37)
	for i := range x {
		a, b := float32(i%7), float32(i%5)
		x[i], y[i] = []float32{a, b}, []float32{2*a - 3*b}
	}
	ds, err := data.InMemory("line", x, y)
	if err != nil {
		return err
	}
	ds.Shuffle(3).BatchSize(5, false)

	store := model.NewStore()
	trainer := train.NewTrainer(gocpu.New(), store, noisy, losses.MeanSquaredError, optimizers.Adam().Done())
	loop := train.NewLoop(trainer)
	config := checkpoints.Build(store).Dir(dir).Keep(2)
	if behind {
		config.InBackground()
	}
	handler, err := config.Done()
	if err != nil {
		return err
	}
	if err := handler.Attach(loop, 2); err != nil {
		return err
	}
	loop.Listen(func(e train.Event) {
		if e.Kind == train.Step {
			m := train.Metrics(e.Metrics)
			fmt.Printf("%d %x %x\n", e.GlobalStep, math.Float64bits(m.Value("batch")), math.Float64bits(m.Value("loss")))
		}
	})
	_, err = loop.RunToGlobalStep(ds, steps)
	return err
}
