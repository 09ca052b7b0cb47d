// Command cnn trains a convolutional network on 10,000 of MNIST's digits, turned and moved a little, and tests it on the 10,000 test digits.
package main

import (
	"flag"
	"fmt"
	"log"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/examples/internal/curve"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/data/ingraph"
	"github.com/quire-ml/quire/ml/data/mnist"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/metrics"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"
	"github.com/quire-ml/quire/viz"
)

func main() {
	seed, epochs := flag.Int64("seed", 1, "of weights, order and changes"), flag.Int("epochs", 8, "of training")
	flag.Parse()
	backend, store := backends.MustNew(), model.NewStore()
	check(store.SetRNGStateFromSeed(*seed))
	training, test, err := mnist.Datasets(100)
	check(err)
	training = training.Take(10000).Shuffle(uint64(*seed))
	varied := ingraph.Map(backend, training, uint64(*seed), func(state *graph.Node, in, labels []*graph.Node) ([]*graph.Node, []*graph.Node) {
		_, x := ingraph.RandomAffine(state, in[0], ingraph.Affine{Rotate: 12, Scale: 0.1, Shift: 2, Shear: 5})
		return []*graph.Node{x}, labels
	})
	adam := optimizers.Adam().LearningRate(1e-2).Schedule(optimizers.OneCycle(*epochs * training.NumBatches())).Done()
	trainer := train.NewTrainer(backend, store, cnn, losses.SparseCategoricalCrossEntropyLogits, adam, metrics.NewSparseCategoricalAccuracy())
	loop := train.NewLoop(trainer)
	loop.EvalEvery(4*training.NumBatches(), test)
	live := viz.Live(loop)
	must(loop.RunEpochs(data.Prefetch(varied, 2), *epochs))
	curve.Save(live)
	fmt.Printf("test accuracy %.4f\n", must(trainer.Eval(test)).Value("acc"))
}

func cnn(scope *model.Scope, x *graph.Node) *graph.Node { // [B 28 28 1]
	for i, channels := range []int{24, 48, 96} {
		s := scope.In("block%d", i)
		x = layers.Convolution(s.In("conv"), x).Channels(channels).KernelSize(3).PadSame().Bias(false).Done()
		x = graph.Relu(layers.BatchNorm(s.In("norm"), x, -1).Done())
		x = graph.MaxPool(x).Window(2).Done() // 14, 7, 3
	}
	x = layers.Dropout(scope.In("dropout"), graph.Reshape(x, x.Dim(0), -1), 0.3) // [B 864]
	return layers.Dense(scope.In("logits"), x, true, 10)
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
