// Command gpt trains a small transformer on Shakespeare's plays, character by character, and has it write.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/examples/internal/curve"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/ml/data/text"
	"github.com/quire-ml/quire/ml/generation"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"
	"github.com/quire-ml/quire/viz"
)

const length, width, heads, depth = 64, 128, 4, 2

func main() {
	seed, steps := flag.Int64("seed", 1, "of weights and batches"), flag.Int("steps", 300, "of training")
	flag.Parse()
	plays := must(text.Shakespeare())
	vocabulary := must(text.NewVocabulary(plays))
	tokens := must(vocabulary.Encode(plays))
	cut := len(tokens) / 10 * 9
	training := must(text.Windows("training", tokens[:cut], length, 32, uint64(*seed)))
	validation := must(text.InOrder("validation", tokens[cut:], length, 32))

	gpt := func(scope *model.Scope, x *graph.Node) *graph.Node { // int32 [B T]
		x = layers.Embedding(scope.In("tokens"), x, dtypes.Float32, vocabulary.Len(), width)
		x = layers.LearnedPositions(scope.In("positions"), x, length)
		for i := range depth {
			block := scope.In("block%d", i)
			h := layers.LayerNorm(block.In("norm1"), x, -1).Done()
			x = graph.Add(x, layers.SelfAttention(block.In("attention"), h, heads, width/heads).CausalMask(true).Done())
			h = layers.LayerNorm(block.In("norm2"), x, -1).Done()
			h = graph.Gelu(layers.Dense(block.In("up"), h, true, 4*width))
			x = graph.Add(x, layers.Dense(block.In("down"), h, true, width))
		}
		x = layers.LayerNorm(scope.In("norm"), x, -1).Done()
		return layers.Dense(scope.In("logits"), x, true, vocabulary.Len()) // [B T V]
	}
	backend, store := backends.MustNew(), model.NewStore()
	check(store.SetRNGStateFromSeed(*seed))
	adam := optimizers.AdamW().LearningRate(2e-3).Schedule(optimizers.WarmUp(50, optimizers.Cosine(*steps-50))).Done()
	trainer := train.NewTrainer(backend, store, gpt, losses.SparseCategoricalCrossEntropyLogits, adam)
	loop := train.NewLoop(trainer)
	live := viz.Live(loop)
	must(loop.RunSteps(training, *steps))
	curve.Save(live)

	writer := generation.FromLogits(model.MustNewExec(backend, store, gpt), length)
	for token, err := range generation.New().MaxTokens(200).Temperature(0.8).Stream(context.Background(), writer, []int{0}) {
		check(err)
		fmt.Print(must(vocabulary.Decode([]int32{int32(token)})))
	}
	fmt.Printf("\nvalidation loss %.4f\n", must(trainer.Eval(validation)).Value("loss"))
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
