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
	training, _, err := digits.Datasets(64)
	check(err)
	training = training.Shuffle(uint64(*seed))
	adam := func() optimizers.Interface { return optimizers.Adam().Betas(0.5, 0.999).LearningRate(5e-4).Done() }
	painter, critic := optimizers.Frozen(adam(), "/critic"), optimizers.Frozen(adam(), "/painter")
	step := must(model.NewExec1(backend, store, func(scope *model.Scope, x *graph.Node) *graph.Node {
		fake, judge := paint(scope, x.Graph(), x.Dim(0)), func(x *graph.Node) *graph.Node { return network(scope.Shared("critic"), x, 1) }
		real, made := judge(graph.Reshape(x, -1, 64)), judge(fake)
		criticLoss := graph.ReduceAllMean(graph.Add(graph.Softplus(graph.Neg(real)), graph.Softplus(made)))
		optimizers.Minimize(critic, store, criticLoss)
		painterLoss := graph.ReduceAllMean(graph.Softplus(graph.Neg(judge(fake)))) // by the critic as it is now
		optimizers.Minimize(painter, store, painterLoss)
		return criticLoss
	}))
	progress := viz.NewProgress(*epochs * training.NumBatches())
	for range *epochs {
		for batch, err := range training.Iter() {
			check(err)
			progress.Set("critic", must(step.Call(batch.Inputs[0])).Float64At(0))
			progress.Step()
			check(batch.Close())
		}
	}
	progress.Close()
	curve.Save(progress)
	made := must(model.CallOnce(backend, store, func(scope *model.Scope, g *graph.Graph) *graph.Node { return paint(scope, g, 1000) }))
	viz.Show(viz.Images(made.MustReshaped(1000, 8, 8, 1), viz.ImageOptions{Limit: 30}))
	real, _, err := digits.Test()
	check(err)
	fmt.Printf("energy distance %.4f of the test digits\n", must(graph.CallOnce(backend, energy, made, real)).Float64At(0))
}

// network is two layers of 128 and one of outputs.
func network(scope *model.Scope, x *graph.Node, outputs int) *graph.Node {
	for i := range 2 {
		x = layers.LeakyRelu(layers.Dense(scope.Shared("hidden%d", i), x, true, 128), 0.2)
	}
	return layers.Dense(scope.Shared("output"), x, true, outputs)
}

// paint draws n digits, [n 64].
func paint(scope *model.Scope, g *graph.Graph, n int) *graph.Node {
	return graph.Sigmoid(network(scope.Shared("painter"), scope.RandomNormal(g, shapes.Make(dtypes.Float32, n, noise)), 64))
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
