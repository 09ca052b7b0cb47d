// Command pinn solves the heat equation ∂u/∂t = κ ∂²u/∂x² with a network that is told nothing but the equation, the beginning and the ends.
//
// Source: Raissi, Perdikaris and Karniadakis, "Physics-informed neural networks", 2019.
package main

import (
	"flag"
	"fmt"
	"log"
	"math"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/examples/internal/curve"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/ml/initializers"
	"github.com/quire-ml/quire/ml/layers/blocks"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/viz"
)

const kappa = 0.1

func main() {
	seed, steps := flag.Int64("seed", 1, "of weights and points"), flag.Int("steps", 2000, "of training")
	flag.Parse()
	backend, store := backends.MustNew(), model.NewStore()
	check(store.SetRNGStateFromSeed(*seed))
	adam := optimizers.Adam().LearningRate(3e-3).Schedule(optimizers.Cosine(*steps)).Done()
	step := must(model.NewExec1(backend, store, func(scope *model.Scope, g *graph.Graph) *graph.Node {
		draw := func() *graph.Node { return scope.RandomUniform(g, shapes.Make(dtypes.Float32, 256, 1)) }
		x, t := draw(), draw()
		u := net(scope, x, t)
		ux, ut := slope(u, x), slope(u, t)
		inside := graph.Sub(ut, graph.MulScalar(slope(ux, x), kappa))
		begin := graph.Sub(net(scope, x, graph.ZerosLike(t)), graph.Sin(graph.MulScalar(x, math.Pi)))
		end := graph.Add(graph.Square(net(scope, graph.ZerosLike(x), t)), graph.Square(net(scope, graph.OnesLike(x), t)))
		loss := graph.ReduceAllMean(graph.Add(graph.Add(graph.Square(inside), graph.Square(begin)), end))
		optimizers.Minimize(adam, store, loss)
		return loss
	}))
	progress := viz.NewProgress(*steps)
	for range *steps {
		progress.Set("loss", must(step.Call()).Float64At(0))
		progress.Step()
	}
	progress.Close()
	curve.Save(progress)
	wrong := must(model.CallOnce(backend, store, func(scope *model.Scope, g *graph.Graph) *graph.Node {
		grid := graph.DivScalar(graph.IotaFull(g, shapes.Make(dtypes.Float32, 10000, 1)), 100)
		x, t := graph.Sub(grid, graph.Floor(grid)), graph.DivScalar(graph.Floor(grid), 100)
		exact := graph.Mul(graph.Exp(graph.MulScalar(t, -kappa*math.Pi*math.Pi)), graph.Sin(graph.MulScalar(x, math.Pi)))
		return graph.Div(graph.L2Norm(graph.Sub(net(scope, x, t), exact)), graph.L2Norm(exact))
	}))
	fmt.Printf("relative error %.5f\n", wrong.Float64At(0))
}

// net is u at places x and times t, [B 1].
func net(scope *model.Scope, x, t *graph.Node) *graph.Node {
	x = graph.Concatenate([]*graph.Node{x, t}, -1)
	scope = scope.Shared("net").WithBiasInitializer(initializers.RandomUniformFn(-0.7, 0.7)) // each bends at a place of its own
	return blocks.FeedForward(scope, x, 1).Hidden(3, 32).Activation("tanh").Done()
}

func slope(y, x *graph.Node) *graph.Node { return graph.Gradient(graph.ReduceAllSum(y), x)[0] }

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func must[T any](value T, err error) T {
	check(err)
	return value
}
