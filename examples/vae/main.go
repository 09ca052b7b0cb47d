// Command vae trains a variational autoencoder on 3,823 handwritten digits, which are part of the program, and shows digits that it makes up.
//
// Source: Kingma and Welling, "Auto-Encoding Variational Bayes", 2013, arXiv:1312.6114.
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
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"
	"github.com/quire-ml/quire/viz"
)

const code = 8

func main() {
	seed, epochs := flag.Int64("seed", 1, "of weights, order and noise"), flag.Int("epochs", 40, "of training")
	flag.Parse()
	backend, store := backends.MustNew(), model.NewStore()
	check(store.SetRNGStateFromSeed(*seed))
	training, test, err := digits.Datasets(64)
	check(err)
	trainer := train.NewTrainer(backend, store, vae, bound, optimizers.Adam().LearningRate(2e-3).Done())
	loop := train.NewLoop(trainer)
	live := viz.Live(loop)
	must(loop.RunEpochs(training.Shuffle(uint64(*seed)), *epochs))
	curve.Save(live)

	viz.Show(viz.Images(must(model.CallOnce(backend, store, func(scope *model.Scope, g *graph.Graph) *graph.Node {
		z := scope.RandomNormal(g, shapes.Make(dtypes.Float32, 30, code))
		return graph.Reshape(graph.Sigmoid(decoder(scope, z)), 30, 8, 8, 1)
	}))))
	fmt.Printf("test loss %.3f nats a digit\n", must(trainer.Eval(test)).Value("loss"))
}

func vae(scope *model.Scope, x *graph.Node) *graph.Node { // [B 8 8 1]
	h := graph.Relu(layers.Dense(scope.In("hidden"), graph.Reshape(x, x.Dim(0), -1), true, 128))
	mean, logVar := layers.Dense(scope.In("mean"), h, true, code), layers.Dense(scope.In("logvar"), h, true, code)
	losses.SetOutput("mean", mean)
	losses.SetOutput("logvar", logVar)
	noise := scope.RandomNormal(x.Graph(), mean.Shape())
	return decoder(scope, graph.Add(mean, graph.Mul(noise, graph.Exp(graph.MulScalar(logVar, 0.5)))))
}

func decoder(scope *model.Scope, z *graph.Node) *graph.Node { // [B code] to logits [B 64]
	z = graph.Relu(layers.Dense(scope.In("decoder"), z, true, 128))
	return layers.Dense(scope.In("pixels"), z, true, 64)
}

// bound is the negative lower bound of the logarithm of a digit's probability.
func bound(_, predictions []*graph.Node) *graph.Node {
	logits := predictions[0]
	x := graph.Reshape(losses.Inputs(logits.Graph())[0], logits.Dim(0), -1)
	entropy := graph.Sub(graph.Softplus(logits), graph.Mul(x, logits))
	mean, logVar := losses.Output(logits.Graph(), "mean"), losses.Output(logits.Graph(), "logvar")
	kl := graph.SubScalar(graph.Sub(graph.Add(graph.Square(mean), graph.Exp(logVar)), logVar), 1)
	return graph.ReduceAllMean(graph.Add(graph.ReduceSum(entropy, -1), graph.MulScalar(graph.ReduceSum(kl, -1), 0.5)))
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
