// Command gan has two networks play against each other until one of them draws handwritten digits: two optimizers in one step.
//
// Source: Goodfellow et al., "Generative Adversarial Networks", 2014, arXiv:1406.2661, with the generator's loss of its section 3.
package main

import (
	"flag"
	"fmt"
	"log"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/examples/internal/curve"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/ml/data/digits"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/viz"
)

const noise = 16

func main() {
	seed, epochs := flag.Int64("seed", 1, "of weights, order and noise"), flag.Int("epochs", 60, "of training")
	flag.Parse()
	backend, store := backends.MustNew(), model.NewStore()
	check(store.SetRNGStateFromSeed(*seed))
	training, test, err := digits.Datasets(64)
	check(err)
	training = training.Shuffle(uint64(*seed))
	adam := func() optimizers.Interface { return optimizers.Adam().Betas(0.5, 0.999).LearningRate(5e-4).Done() }
	painter, critic := optimizers.Frozen(adam(), "/critic"), optimizers.Frozen(adam(), "/painter")
	step := must(model.NewExec2(backend, store, func(scope *model.Scope, x *graph.Node) (*graph.Node, *graph.Node) {
		fake := paint(scope, x.Graph(), x.Dim(0))
		real, made := judge(scope, graph.Reshape(x, -1, 64)), judge(scope, fake)
		criticLoss := graph.ReduceAllMean(graph.Add(graph.Softplus(graph.Neg(real)), graph.Softplus(made)))
		optimizers.Minimize(critic, store, criticLoss)
		again := judge(scope, fake) // by the critic as it is now
		painterLoss := graph.ReduceAllMean(graph.Softplus(graph.Neg(again)))
		optimizers.Minimize(painter, store, painterLoss)
		return criticLoss, painterLoss
	}))
	progress := viz.NewProgress(*epochs * training.NumBatches())
	for range *epochs {
		for batch, err := range training.Iter() {
			check(err)
			c, p, err := step.Call(batch.Inputs[0])
			check(err)
			progress.Set("critic", c.Float64At(0))
			progress.Set("painter", p.Float64At(0))
			progress.Step()
			check(batch.Close())
		}
	}
	progress.Close()
	curve.Save(progress)
	made := must(model.CallOnce(backend, store, func(scope *model.Scope, g *graph.Graph) *graph.Node { return paint(scope, g, 1000) }))
	viz.Show(viz.Images(must(graph.CallOnce(backend, func(x *graph.Node) *graph.Node {
		return graph.Reshape(graph.Slice(x, graph.AxisRange(0, 30)), 30, 8, 8, 1)
	}, made))))
	real, _, err := digits.Test()
	check(err)
	fmt.Printf("energy distance %.4f of %d test digits\n", must(graph.CallOnce(backend, energy, made, real)).Float64At(0), test.NumExamples())
}

// paint draws n digits, [n 64].
func paint(scope *model.Scope, g *graph.Graph, n int) *graph.Node {
	scope = scope.In("painter")
	x := scope.RandomNormal(g, shapes.Make(dtypes.Float32, n, noise))
	x = layers.LeakyRelu(layers.Dense(scope.In("hidden1"), x, true, 128), 0.2)
	x = layers.LeakyRelu(layers.Dense(scope.In("hidden2"), x, true, 128), 0.2)
	return graph.Sigmoid(layers.Dense(scope.In("pixels"), x, true, 64))
}

// judge says how real digits look, [B 1].
func judge(scope *model.Scope, x *graph.Node) *graph.Node {
	scope = scope.Shared("critic")
	x = layers.LeakyRelu(layers.Dense(scope.Shared("hidden1"), x, true, 128), 0.2)
	x = layers.LeakyRelu(layers.Dense(scope.Shared("hidden2"), x, true, 128), 0.2)
	return layers.Dense(scope.Shared("logit"), x, true, 1)
}

// energy is the distance of two distributions, 0 if they are the same: 2 E|x-y| - E|x-x'| - E|y-y'|.
func energy(x, y *graph.Node) *graph.Node {
	y = graph.Reshape(y, -1, 64)
	mean := func(a, b *graph.Node) *graph.Node {
		return graph.ReduceAllMean(graph.L2Norm(graph.Sub(graph.InsertAxes(a, 1), graph.InsertAxes(b, 0)), -1))
	}
	return graph.Sub(graph.MulScalar(mean(x, y), 2), graph.Add(mean(x, x), mean(y, y)))
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
