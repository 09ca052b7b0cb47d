// Command tabular tells three species of penguins apart, with hyperparameters that a search finds by cross-validation.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/data/csv"
	"github.com/quire-ml/quire/ml/layers/blocks"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/metrics"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/search"
	"github.com/quire-ml/quire/ml/train"
)

func main() {
	seed, trials := flag.Int64("seed", 1, "of weights, order, folds and trials"), flag.Int("trials", 12, "of the search")
	flag.Parse()
	backend := backends.MustNew()
	table := must(csv.Penguins(csv.Options{Missing: csv.DropRow}))
	x := must(table.Numbers("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"))
	penguins := must(data.InMemory("penguins", x, must(table.Categories("species"))))
	split := must(data.StratifiedTrainTest(must(penguins.Classes()), 0.25, uint64(*seed)))
	training, test := must(penguins.Subset(split.Train)), must(penguins.Subset(split.Test))

	learn := func(t *search.Trial, training *data.InMemoryDataset) *train.Trainer {
		mean, deviation, err := data.Normalization(training, 0, -1)
		check(err)
		mlp := func(scope *model.Scope, x *graph.Node) *graph.Node {
			x = graph.Div(graph.Sub(x, graph.Const(x.Graph(), mean)), graph.Const(x.Graph(), deviation))
			return blocks.FeedForward(scope, x, 3).Hidden(t.Int("layers"), t.Int("width")).Dropout(t.Float("dropout")).Done()
		}
		store := model.NewStore()
		check(store.SetRNGStateFromSeed(*seed))
		adam := optimizers.AdamW().LearningRate(t.Float("rate")).Done()
		trainer := train.NewTrainer(backend, store, mlp, losses.SparseCategoricalCrossEntropyLogits, adam, metrics.NewSparseCategoricalAccuracy())
		must(train.NewLoop(trainer).RunEpochs(training.BatchSize(32, true).Shuffle(uint64(*seed)), 30))
		return trainer
	}
	space := search.Space{
		"rate": search.LogUniform(1e-4, 1e-1), "width": search.LogInts(4, 64), "layers": search.Ints(1, 3), "dropout": search.Uniform(0, 0.5)}
	found := must(search.Run(context.Background(), search.Options{Trials: *trials, Seed: uint64(*seed)}, space,
		func(ctx context.Context, t *search.Trial) (loss float64, err error) {
			folds := must(data.KFold(training.NumExamples(), 4, uint64(*seed)))
			for _, fold := range folds {
				trainer := learn(t, must(training.Subset(fold.Train)))
				loss += must(trainer.Eval(must(training.Subset(fold.Test)).BatchSize(64, false))).Value("loss") / float64(len(folds))
			}
			return loss, nil
		}))
	fmt.Println(found)
	best := learn(found.Best(), training)
	fmt.Printf("test accuracy %.4f\n", must(best.Eval(test.BatchSize(64, false))).Value("acc"))
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
