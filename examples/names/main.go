// Command names learns from 32,033 first names, letter by letter, and makes up new ones.
package main

import (
	"flag"
	"fmt"
	"log"
	"math"
	"math/rand/v2"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/examples/internal/curve"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/data/text"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"
	"github.com/quire-ml/quire/viz"
)

const before = 5 // letters that the next one depends on

func main() {
	seed, steps := flag.Int64("seed", 1, "of weights and order"), flag.Int("steps", 3000, "of training")
	flag.Parse()
	names := must(text.Names())
	rand.New(rand.NewPCG(uint64(*seed), 0)).Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	training, validation := letters("training", names[:29000]), letters("validation", names[29000:])
	mlp := func(scope *model.Scope, x *graph.Node) *graph.Node { // int32 [B before]
		x = layers.Embedding(scope.In("letters"), x, dtypes.Float32, 27, 16)
		x = layers.Dense(scope.In("hidden"), graph.Reshape(x, -1, before*16), true, 128)
		return layers.Dense(scope.In("logits"), graph.Tanh(x), true, 27) // [B 27]
	}
	store := model.NewStore()
	check(store.SetRNGStateFromSeed(*seed))
	adam := optimizers.Adam().LearningRate(5e-3).Schedule(optimizers.Cosine(*steps)).Done()
	trainer := train.NewTrainer(backends.MustNew(), store, mlp, losses.SparseCategoricalCrossEntropyLogits, adam)
	loop := train.NewLoop(trainer)
	live := viz.Live(loop)
	must(loop.RunSteps(training.BatchSize(256, true).Shuffle(uint64(*seed)), *steps))
	curve.Save(live)

	random := rand.New(rand.NewPCG(uint64(*seed), 1))
	for range 10 {
		name := make([]int32, before)
		for next := int32(-1); next != 0; name = append(name, next) {
			logits := must(trainer.Predict([][]int32{name[len(name)-before:]}))[0]
			next = draw(random, tensors.MustCopyFlatData[float32](logits))
		}
		for _, c := range name[before : len(name)-1] {
			fmt.Print(string('a' + c - 1))
		}
		fmt.Println()
	}
	fmt.Printf("validation loss %.4f\n", must(trainer.Eval(validation.BatchSize(1024, false))).Value("loss"))
}

// letters returns each letter of some names, and the end of each, after those before it: 0 is no letter, 1 to 26 are a to z.
func letters(name string, names []string) *data.InMemoryDataset {
	var x, y []int32
	for _, n := range names {
		window := make([]int32, before)
		for _, c := range append([]byte(n), 'a'-1) {
			next := int32(c - 'a' + 1)
			x, y = append(x, window...), append(y, next)
			window = append(window[1:], next)
		}
	}
	n := len(y)
	return must(data.InMemory(name, tensors.FromFlatDataAndDimensions(x, n, before), tensors.FromFlatDataAndDimensions(y, n, 1)))
}

// draw returns a class by its probability.
func draw(random *rand.Rand, logits []float32) int32 {
	best, class := 0.0, int32(0)
	for i, logit := range logits { // Gumbel's trick
		if score := float64(logit) - math.Log(random.ExpFloat64()); i == 0 || score > best {
			best, class = score, int32(i)
		}
	}
	return class
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
