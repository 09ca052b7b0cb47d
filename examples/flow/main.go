// Command flow learns to carry a normal distribution to two half moons, by flow matching, and measures how near it comes.
//
// Source: Lipman et al., "Flow Matching for Generative Modeling", 2022, arXiv:2210.02747.
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
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/data/toy"
	"github.com/quire-ml/quire/ml/layers/blocks"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"
	"github.com/quire-ml/quire/viz"
	"github.com/quire-ml/quire/viz/plots"
)

func main() {
	seed, steps := flag.Int64("seed", 1, "of weights, points and noise"), flag.Int("steps", 2000, "of training")
	flag.Parse()
	backend, store := backends.MustNew(), model.NewStore()
	check(store.SetRNGStateFromSeed(*seed))
	points, _, err := toy.Moons(5000, 0.05, uint64(*seed))
	check(err)
	training := must(data.InMemory("moons", points, nil)).BatchSize(256, true).Shuffle(uint64(*seed))
	adam := optimizers.Adam().LearningRate(3e-3).Schedule(optimizers.Cosine(*steps)).Done()
	trainer := train.NewTrainer(backend, store, matching, func(_, predictions []*graph.Node) *graph.Node {
		return losses.MeanSquaredError([]*graph.Node{losses.Output(predictions[0].Graph(), "way")}, predictions)
	}, adam)
	loop := train.NewLoop(trainer)
	live := viz.Live(loop)
	must(loop.RunSteps(training, *steps))
	curve.Save(live)

	samples := must(model.CallOnce(backend, store, func(scope *model.Scope, g *graph.Graph) *graph.Node {
		x := scope.RandomNormal(g, shapes.Make(dtypes.Float32, 2000, 2))
		return graph.ForI(50, []*graph.Node{x}, func(i *graph.Node, x []*graph.Node) []*graph.Node { // Euler's steps
			t := graph.BroadcastToDims(graph.DivScalar(graph.ConvertDType(i, dtypes.Float32), 50), 2000, 1)
			return []*graph.Node{graph.Add(x[0], graph.DivScalar(velocity(scope, x[0], t), 50))}
		})[0]
	}))
	others, _, err := toy.Moons(2000, 0.05, uint64(*seed)+1000)
	check(err)
	viz.Show(plots.Scatter(plots.Options{}, cloud("moons", others), cloud("samples", samples)))
	fmt.Printf("energy distance %.4f\n", must(graph.CallOnce(backend, energy, samples, others)).Float64At(0))
}

// matching returns the velocity where a point is on its straight way from noise to data, at a random time.
func matching(scope *model.Scope, x *graph.Node) *graph.Node { // [B 2]
	noise := scope.RandomNormal(x.Graph(), x.Shape())
	t := scope.RandomUniform(x.Graph(), shapes.Make(dtypes.Float32, x.Dim(0), 1))
	losses.SetOutput("way", graph.Sub(x, noise))
	return velocity(scope, graph.Add(noise, graph.Mul(t, graph.Sub(x, noise))), t)
}

func velocity(scope *model.Scope, x, t *graph.Node) *graph.Node {
	x = graph.Concatenate([]*graph.Node{x, t, graph.Sin(graph.MulScalar(t, 6)), graph.Cos(graph.MulScalar(t, 6))}, -1)
	return blocks.FeedForward(scope.In("velocity"), x, 2).Hidden(3, 128).Activation("silu").Done()
}

func cloud(name string, points *tensors.Tensor) plots.Points {
	p := plots.Points{Name: name}
	for i := range points.Shape().Dim(0) {
		p.X, p.Y = append(p.X, points.Float64At(2*i)), append(p.Y, points.Float64At(2*i+1))
	}
	return p
}

// energy is the distance of two distributions, 0 if they are the same: 2 E|x-y| - E|x-x'| - E|y-y'|.
func energy(x, y *graph.Node) *graph.Node {
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
