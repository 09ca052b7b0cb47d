package mistakes

import (
	"context"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/golden"
	"github.com/quire-ml/quire/ml/checkpoints"
	"github.com/quire-ml/quire/ml/checkpoints/pretrained"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/data/audio"
	"github.com/quire-ml/quire/ml/data/csv"
	"github.com/quire-ml/quire/ml/data/jsonl"
	"github.com/quire-ml/quire/ml/data/npz"
	"github.com/quire-ml/quire/ml/data/parquet"
	"github.com/quire-ml/quire/ml/data/pictures"
	"github.com/quire-ml/quire/ml/data/text"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/layers/adapters"
	"github.com/quire-ml/quire/ml/layers/norm"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/metrics"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/search"
	"github.com/quire-ml/quire/ml/tokenizers"
	"github.com/quire-ml/quire/ml/train"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type node = graph.Node

// setup is what mistakes are made with.
type setup struct {
	t     *testing.T
	dir   string // empty
	store *model.Store
	model func(scope *model.Scope, x *node) *node
	loss  losses.Fn
	ds    data.Dataset
	opt   optimizers.Interface
	ms    []metrics.Interface
	with  func(trainer *train.Trainer, loop *train.Loop) error
}

// classifier has two layers and three classes.
func classifier(scope *model.Scope, x *node) *node {
	return layers.Dense(scope.In("out"), graph.Relu(layers.Dense(scope.In("hidden"), x, true, 4)), true, 3)
}

// examples are n examples of two features and one of three classes.
func examples(t *testing.T, n int) (x [][]float32, y []int32) {
	for i := range n {
		x, y = append(x, []float32{float32(i % 5), float32(i % 3)}), append(y, int32(i%3))
	}
	return x, y
}

// set is a data set of these.
func set(t *testing.T, x, y any, batch int) *data.InMemoryDataset {
	ds, err := data.InMemory("train", x, y)
	require.NoError(t, err)
	return ds.BatchSize(batch, false)
}

// train trains for three steps, with what change says.
func (s *setup) train(change func(s *setup)) error {
	x, y := examples(s.t, 12)
	s.model, s.loss, s.ds, s.opt = classifier, losses.SparseCategoricalCrossEntropyLogits, set(s.t, x, y, 4), optimizers.SGD().Done()
	change(s)
	trainer := train.NewTrainer(graphtest.Reference(), s.store, s.model, s.loss, s.opt, s.ms...)
	loop := train.NewLoop(trainer)
	if s.with != nil {
		if err := s.with(trainer, loop); err != nil {
			return err
		}
	}
	_, err := loop.RunSteps(s.ds, 3)
	return err
}

// build builds a graph of the function once.
func (s *setup) build(fn func(scope *model.Scope, x *node) *node) error {
	_, err := model.CallOnceN(graphtest.Reference(), s.store, func(scope *model.Scope, x *node) []*node { return []*node{fn(scope, x)} }, [][]float32{{1, 2}})
	return err
}

// write writes a file, and returns its path.
func (s *setup) write(name, content string) string {
	path := filepath.Join(s.dir, name)
	require.NoError(s.t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(s.t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// source is a checkpoint in memory.
type source map[string]*tensors.Tensor

func (c source) Names() []string                             { return slices.Sorted(maps.Keys(c)) }
func (c source) Shape(name string) (shapes.Shape, error)     { return c[name].Shape(), nil }
func (c source) Tensor(name string) (*tensors.Tensor, error) { return c[name].Clone() }
func second[T any](_ T, err error) error                     { return err }
func zeros(dims ...int) *tensors.Tensor {
	return tensors.FromShape(shapes.Make(dtypes.Float32, dims...))
}
func constant(ds data.Dataset) error { return second(data.First(ds)) }

func at[T any](r data.Records[T], err error, row int) error {
	if err == nil {
		_, err = r.At(row)
	}
	return err
}

// load loads a checkpoint of one matrix into a model that wants it.
func load(src source, rules ...pretrained.Rule) error {
	wanted := map[string]shapes.Shape{"/hidden/weights": shapes.Make(dtypes.Float32, 2, 4)}
	return second(pretrained.Load(model.NewStore(), src, wanted, rules))
}

// mistakes are made one by one.
var mistakes = []struct {
	name string
	make func(s *setup) error
}{
	// Weights.
	{"a checkpoint lacks a weight", func(*setup) error { return load(source{}, pretrained.Rule{From: "fc1.weight", To: "/hidden/weights"}) }},
	{"a checkpoint has weights that no rule takes", func(*setup) error {
		return load(source{"fc1.weight": zeros(2, 4), "fc2.weight": zeros(4)}, pretrained.Rule{From: "fc1.weight", To: "/hidden/weights"})
	}},
	{"a weight that is not transposed", func(*setup) error {
		return load(source{"fc1.weight": zeros(4, 2)}, pretrained.Rule{From: "fc1.weight", To: "/hidden/weights"})
	}},
	{"a weight for a variable with a typing mistake", func(*setup) error {
		return load(source{"fc1.weight": zeros(2, 4)}, pretrained.Rule{From: "fc1.weight", To: "/hiden/weights"})
	}},
	{"a folder without checkpoints", func(s *setup) error {
		return second(checkpoints.Load(s.store).Dir(filepath.Join(s.dir, "runs")).Done())
	}},
	{"a checkpoint of a wider model", func(s *setup) error {
		if err := s.train(func(s *setup) {
			s.with = func(_ *train.Trainer, loop *train.Loop) error {
				h, err := checkpoints.Build(s.store).Dir(s.dir).Done()
				if err == nil {
					err = h.Attach(loop, 1)
				}
				return err
			}
		}); err != nil {
			return err
		}
		s.store = model.NewStore()
		if err := s.build(func(scope *model.Scope, x *node) *node { return layers.Dense(scope.In("hidden"), x, true, 8) }); err != nil {
			return err
		}
		return second(checkpoints.Load(s.store).Dir(s.dir).Done())
	}},
	{"a variable to delete with a typing mistake", func(s *setup) error {
		require.NoError(s.t, s.build(classifier))
		return s.store.DeleteVariable("/hidden/weigths")
	}},
	{"a variable of another shape", func(s *setup) error {
		require.NoError(s.t, s.build(classifier))
		return s.store.GetVariable("/out/biases").SetValue(zeros(5))
	}},

	// Values.
	{"NaN among the inputs", func(s *setup) error {
		return s.train(func(s *setup) {
			x, y := examples(s.t, 12)
			x[5][1] = float32(math.NaN())
			s.ds = set(s.t, x, y, 4)
		})
	}},
	{"infinity among the inputs", func(s *setup) error {
		return s.train(func(s *setup) {
			x, y := examples(s.t, 12)
			x[0][0] = float32(math.Inf(1))
			s.ds = set(s.t, x, y, 4)
		})
	}},
	{"NaN among the labels of a regression", func(s *setup) error {
		return s.train(func(s *setup) {
			x, _ := examples(s.t, 4)
			s.ds, s.loss = set(s.t, x, [][]float32{{1}, {float32(math.NaN())}, {1}, {1}}, 4), losses.MeanSquaredError
			s.model = func(scope *model.Scope, x *node) *node { return layers.Dense(scope, x, true, 1) }
		})
	}},
	{"a label that is no class", func(s *setup) error {
		return s.train(func(s *setup) {
			x, y := examples(s.t, 12)
			y[6] = 3
			s.ds = set(s.t, x, y, 4)
		})
	}},
	{"a label below 0", func(s *setup) error {
		return s.train(func(s *setup) {
			x, y := examples(s.t, 12)
			y[1] = -1
			s.ds = set(s.t, x, y, 4)
		})
	}},
	{"a label that is no class in an evaluation", func(s *setup) error {
		return s.train(func(s *setup) {
			x, y := examples(s.t, 12)
			y[11] = 7
			s.with = func(trainer *train.Trainer, _ *train.Loop) error { return second(trainer.Eval(set(s.t, x, y, 4))) }
		})
	}},
	{"a learning rate that is too high", func(s *setup) error {
		return s.train(func(s *setup) { s.opt = optimizers.SGD().LearningRate(1e30).Done() })
	}},
	{"labels that are floats", func(s *setup) error {
		return s.train(func(s *setup) {
			x, _ := examples(s.t, 4)
			s.ds = set(s.t, x, []float32{0, 1, 2, 0}, 4)
		})
	}},
	{"labels that are one-hot", func(s *setup) error {
		return s.train(func(s *setup) {
			x, _ := examples(s.t, 2)
			s.ds = set(s.t, x, [][]float32{{1, 0, 0}, {0, 0, 1}}, 2)
		})
	}},
	{"labels of another number than predictions", func(s *setup) error {
		return s.train(func(s *setup) {
			s.loss = losses.MeanSquaredError
			x, _ := examples(s.t, 4)
			s.ds = set(s.t, x, []float32{1, 2, 3, 4}, 4)
		})
	}},
	{"no labels", func(s *setup) error {
		return s.train(func(s *setup) {
			x, _ := examples(s.t, 4)
			s.ds = set(s.t, x, nil, 4)
		})
	}},
	{"pictures of other channels than the model was made for", func(s *setup) error {
		return s.train(func(s *setup) {
			require.NoError(s.t, s.build(classifier))
			s.ds = set(s.t, [][]float32{{1, 2, 3}, {4, 5, 6}}, []int32{0, 1}, 2)
		})
	}},
	{"a mask that hides all", func(s *setup) error {
		return s.train(func(s *setup) {
			x, y := examples(s.t, 4)
			inner := set(s.t, x, y, 4)
			s.ds = data.Map(inner, func(b data.Batch) (data.Batch, error) {
				b.Labels = append(b.Labels, tensors.FromValue([]bool{false, false, false, false}))
				return b, nil
			})
			s.with = func(trainer *train.Trainer, _ *train.Loop) error { return second(trainer.Eval(s.ds)) }
		})
	}},

	// Data sets.
	{"a data set of no examples", func(*setup) error { return second(data.InMemory("train", [][]float32{}, []int32{})) }},
	{"a data set that ends at once", func(s *setup) error {
		return s.train(func(s *setup) {
			s.ds = data.Filter(s.ds, func(data.Batch) (bool, error) { return false, nil })
		})
	}},
	{"a data set that is nil", func(s *setup) error { return s.train(func(s *setup) { s.ds = nil }) }},
	{"an evaluation on nothing", func(s *setup) error {
		return s.train(func(s *setup) {
			s.with = func(trainer *train.Trainer, _ *train.Loop) error {
				return second(trainer.Eval(data.Filter(s.ds, func(data.Batch) (bool, error) { return false, nil })))
			}
		})
	}},
	{"batches of size 0", func(s *setup) error { return constant(data.Batched(set(s.t, []float32{1, 2}, nil, 0), 0, true)) }},
	{"batches of a negative size in memory", func(s *setup) error {
		return s.train(func(s *setup) { s.ds = s.ds.(*data.InMemoryDataset).BatchSize(-4, false) })
	}},
	{"batches larger than the data", func(s *setup) error {
		return s.train(func(s *setup) { s.ds = s.ds.(*data.InMemoryDataset).BatchSize(64, true) })
	}},
	{"examples of different lengths", func(s *setup) error {
		return constant(data.Batched(data.Generate("lines", 4, func(p data.Position) (data.Batch, error) {
			return data.Batch{Inputs: []*tensors.Tensor{zeros(int(p.Batch) + 1)}}, nil
		}), 2, true))
	}},
	{"a test set that is the training set", func(s *setup) error {
		return s.train(func(s *setup) {
			s.with = func(_ *train.Trainer, loop *train.Loop) error { loop.EvalEvery(1, s.ds); return nil }
		})
	}},
	{"more folds than examples", func(*setup) error { return second(data.KFold(3, 5, 1)) }},
	{"a test part of everything", func(*setup) error { return second(data.TrainTest(10, 1, 1)) }},
	{"an example that is not there", func(s *setup) error { return second(data.Subset(set(s.t, []float32{1, 2}, nil, 0), []int{0, 2})) }},
	{"a function of a batch that panics", func(s *setup) error {
		return s.train(func(s *setup) {
			s.ds = data.ParallelMap(s.ds, func(b data.Batch) (data.Batch, error) { return data.Batch{Inputs: b.Inputs[3:]}, nil })
		})
	}},

	// Files.
	{"a table with a typing mistake", func(s *setup) error {
		s.write("penguins.csv", "mass\n1\n")
		return second(csv.Load(filepath.Join(s.dir, "penguin.csv"), csv.Options{}))
	}},
	{"a file of lines with a typing mistake", func(s *setup) error {
		s.write("reviews.jsonl", "{}\n")
		return second(jsonl.Open[struct{}](filepath.Join(s.dir, "reviews.json")))
	}},
	{"a file of arrays with a typing mistake", func(s *setup) error {
		s.write("train.npz", "")
		return second(npz.Open(filepath.Join(s.dir, "tran.npz")))
	}},
	{"a sound with a typing mistake", func(s *setup) error {
		s.write("bell.wav", "")
		return second(audio.Open(filepath.Join(s.dir, "ball.wav")))
	}},
	{"a Parquet file that is cut off", func(s *setup) error { return second(parquet.Open(s.write("x.parquet", "PAR1"))) }},
	{"a file that is a folder", func(s *setup) error { return second(csv.Load(s.dir, csv.Options{})) }},
	{"a column with a typing mistake", func(s *setup) error {
		t, err := csv.Load(s.write("birds.csv", "mass,wing\n1,2\n"), csv.Options{})
		if err == nil {
			_, err = t.Numbers("mas")
		}
		return err
	}},
	{"a value that is missing", func(s *setup) error { return second(csv.Load(s.write("birds.csv", "mass,wing\n1,\n"), csv.Options{})) }},
	{"a row that is too short", func(s *setup) error { return second(csv.Load(s.write("birds.csv", "mass,wing\n1\n"), csv.Options{})) }},
	{"an array with a typing mistake", func(s *setup) error {
		require.NoError(s.t, zeros(3, 2).Save(filepath.Join(s.dir, "images.npy")))
		f, err := npz.Open(filepath.Join(s.dir, "images.npy"))
		if err != nil {
			return err
		}
		defer f.Close()
		return second(f.Examples([]string{"image"}, nil))
	}},
	{"a line that is no JSON", func(s *setup) error {
		l, err := jsonl.Open[map[string]int](s.write("reviews.jsonl", "{\"stars\":5}\n{stars:4}\n"))
		return at(l, err, 1)
	}},
	{"a field of another type", func(s *setup) error {
		l, err := jsonl.Open[struct{ Stars int }](s.write("reviews.jsonl", "{\"stars\":\"five\"}\n"))
		return at(l, err, 0)
	}},
	{"a column of a Parquet file with a typing mistake", func(s *setup) error {
		f, err := parquet.Open("../../data/parquet/testdata/flowers.parquet")
		if err != nil {
			return err
		}
		defer f.Close()
		return second(f.Examples([]string{"width", "lenght"}, nil, csv.Refuse))
	}},
	{"text that is to be a number", func(s *setup) error {
		f, err := parquet.Open("../../data/parquet/testdata/flowers.parquet")
		if err != nil {
			return err
		}
		defer f.Close()
		return second(f.Examples([]string{"species"}, nil, csv.Refuse))
	}},
	{"a folder without pictures", func(s *setup) error { return second(pictures.Folder(s.dir, pictures.Options{})) }},
	{"a picture that is none", func(s *setup) error {
		s.write("rose/1.png", "no picture")
		f, err := pictures.Folder(s.dir, pictures.Options{Height: 8, Width: 8})
		if err == nil {
			_, err = f.Example(0)
		}
		return err
	}},
	{"a sound that is none", func(s *setup) error {
		return second(audio.Open(s.write("1.wav", "no sound, but long enough to be one")))
	}},
	{"a text without lines", func(s *setup) error { return second(text.OpenLines(s.write("empty.txt", ""))) }},
	{"a character that the vocabulary lacks", func(s *setup) error {
		v, err := text.NewVocabulary("abc")
		if err == nil {
			_, err = v.Encode("abd")
		}
		return err
	}},
	{"a tokenizer that is none", func(s *setup) error { return second(tokenizers.Open(s.write("tokenizer.json", "{}"))) }},
	{"a data set that is not on this machine", func(s *setup) error {
		s.t.Setenv("QUIRE_DATA", filepath.Join(s.dir, "data"))
		s.t.Setenv("QUIRE_CACHE", filepath.Join(s.dir, "cache"))
		return second(csv.Penguins(csv.Options{}))
	}},

	// Names.
	{"an activation with a typing mistake", func(s *setup) error {
		return s.build(func(_ *model.Scope, x *node) *node { return layers.Activation("gleu", x) })
	}},
	{"a norm with a typing mistake", func(s *setup) error {
		return s.build(func(scope *model.Scope, x *node) *node { return norm.ByName(scope, "layr", x) })
	}},
	{"a scaling of positions with a typing mistake", func(s *setup) error {
		return s.build(func(_ *model.Scope, x *node) *node {
			return layers.RotaryPositions(graph.Reshape(x, 1, 1, 1, 2), graph.Const(x.Graph(), []int32{0}), layers.Rotary{Scaling: "yran", Factor: 2, OriginalLength: 8})
		})
	}},
	{"an average of classes with a typing mistake", func(s *setup) error {
		return s.train(func(s *setup) { s.ms = []metrics.Interface{metrics.NewF1("marco")} })
	}},
	{"a reduction with a typing mistake", func(s *setup) error {
		return s.train(func(s *setup) { s.loss = losses.WithReduction(s.loss, "sums") })
	}},
	{"a mining of triplets with a typing mistake", func(s *setup) error {
		return s.train(func(s *setup) { s.loss = losses.MakeTripletLoss("semihard", losses.L2, 0.3) })
	}},
	{"a distance of triplets with a typing mistake", func(s *setup) error {
		return s.train(func(s *setup) { s.loss = losses.MakeTripletLoss(losses.Hard, "cosin", 0.3) })
	}},
	{"an output of the model with a typing mistake", func(s *setup) error {
		return s.train(func(s *setup) {
			s.model = func(scope *model.Scope, x *node) *node {
				y := classifier(scope, x)
				losses.SetOutput("logits", y)
				return y
			}
			s.loss = func(_, p []*node) *node { return graph.ReduceAllMean(losses.Output(p[0].Graph(), "logit")) }
		})
	}},
	{"a data set to keep the best by with a typing mistake", func(s *setup) error {
		return s.train(func(s *setup) {
			s.with = func(_ *train.Trainer, loop *train.Loop) error {
				x, y := examples(s.t, 3)
				test, err := data.InMemory("validation", x, y)
				require.NoError(s.t, err)
				loop.EvalEvery(1, test.BatchSize(3, true))
				h, err := checkpoints.Build(s.store).Dir(s.dir).KeepBest("validatoin", "acc").Done()
				if err == nil {
					err = h.Attach(loop, 1)
				}
				return err
			}
		})
	}},
	{"two metrics of one name", func(s *setup) error {
		return s.train(func(s *setup) {
			s.ms = []metrics.Interface{metrics.NewSparseCategoricalAccuracy(), metrics.NewSparseCategoricalAccuracy()}
		})
	}},
	{"a hyperparameter with a typing mistake", func(s *setup) error {
		return s.train(func(s *setup) { s.store.RootScope().SetParam("learning_rat", 0.1) })
	}},
	{"a hyperparameter of another type", func(s *setup) error {
		return s.train(func(s *setup) { s.store.RootScope().SetParam(optimizers.ParamLearningRate, "fast") })
	}},
	{"a group of variables with a typing mistake", func(s *setup) error {
		return s.train(func(s *setup) {
			s.opt = optimizers.Groups(optimizers.Group{Pattern: "/hiden", Optimizer: s.opt}, optimizers.Group{Optimizer: s.opt})
		})
	}},
	{"frozen variables with a typing mistake", func(s *setup) error {
		return s.train(func(s *setup) { s.opt = optimizers.Frozen(s.opt, "out/weight") })
	}},
	{"variables that are in no group", func(s *setup) error {
		return s.train(func(s *setup) { s.opt = optimizers.Groups(optimizers.Group{Pattern: "/hidden", Optimizer: s.opt}) })
	}},
	{"a layer to change with a typing mistake", func(s *setup) error {
		require.NoError(s.t, s.store.WrapResults("/hiden", func(_ *model.Scope, y *node) *node { return y }))
		return s.train(func(*setup) {})
	}},
	{"a layer for LoRA with a typing mistake", func(s *setup) error {
		require.NoError(s.t, adapters.LoRA(s.store, "otu/weights", 2, 4))
		return s.train(func(*setup) {})
	}},
	{"a result to look at with a typing mistake", func(s *setup) error {
		return second(model.CallOnceN(graphtest.Reference(), s.store, model.Capture(classifier, "/hidde"), [][]float32{{1, 2}}))
	}},
	{"a hyperparameter of a search with a typing mistake", func(s *setup) error {
		return second(search.Run(context.Background(), search.Options{Trials: 1}, search.Space{"learning rate": search.LogUniform(1e-4, 1)}, func(_ context.Context, t *search.Trial) (float64, error) {
			return t.Float("learningrate"), nil
		}))
	}},
	{"a range of a search that ends before it begins", func(s *setup) error {
		return second(search.Run(context.Background(), search.Options{}, search.Space{"width": search.Ints(64, 8)}, func(context.Context, *search.Trial) (float64, error) { return 0, nil }))
	}},

	// Settings.
	{"no optimizer", func(s *setup) error { return s.train(func(s *setup) { s.opt = nil }) }},
	{"no loss", func(s *setup) error { return s.train(func(s *setup) { s.loss = nil }) }},
	{"a model without variables", func(s *setup) error {
		return s.train(func(s *setup) {
			s.model = func(_ *model.Scope, x *node) *node { return graph.Concatenate([]*node{x, x}, 1) }
		})
	}},
	{"all variables frozen", func(s *setup) error {
		return s.train(func(s *setup) { s.opt = optimizers.Frozen(s.opt, "/hidden", "/out") })
	}},
	{"a loss that is no float", func(s *setup) error {
		return s.train(func(s *setup) { s.loss = func(y, _ []*node) *node { return graph.ReduceAllSum(y[0]) } })
	}},
	{"a negative learning rate", func(s *setup) error {
		return s.train(func(s *setup) { s.opt = optimizers.Adam().LearningRate(-1).Done() })
	}},
	{"a schedule of no steps", func(s *setup) error {
		return s.train(func(s *setup) { s.opt = optimizers.Adam().Schedule(optimizers.Cosine(0)).Done() })
	}},
	{"dropout of everything", func(s *setup) error {
		return s.train(func(s *setup) {
			s.model = func(scope *model.Scope, x *node) *node {
				return classifier(scope, layers.Dropout(scope.In("drop"), x, 1))
			}
		})
	}},
	{"one scope for two layers", func(s *setup) error {
		return s.train(func(s *setup) {
			s.model = func(scope *model.Scope, x *node) *node {
				return layers.Dense(scope, layers.Dense(scope, x, true, 3), true, 3)
			}
		})
	}},
	{"a negative number of steps", func(s *setup) error {
		return s.train(func(s *setup) {
			s.with = func(_ *train.Trainer, loop *train.Loop) error { return second(loop.RunSteps(s.ds, -1)) }
		})
	}},
	{"updates after no batch", func(s *setup) error {
		return s.train(func(s *setup) {
			s.with = func(trainer *train.Trainer, _ *train.Loop) error { return trainer.AccumulateGradients(0) }
		})
	}},
	{"averages of weights that nobody keeps", func(s *setup) error { return second(optimizers.UseAverages(s.store)) }},
}

// TestMistakes: every mistake is one sentence that says what, where, which shapes or names met, and what to do.
func TestMistakes(t *testing.T) {
	require.GreaterOrEqual(t, len(mistakes), 60)
	var page strings.Builder
	seen := map[string]bool{}
	for _, m := range mistakes {
		t.Run(m.name, func(t *testing.T) {
			require.False(t, seen[m.name], "it comes twice")
			seen[m.name] = true
			s := &setup{t: t, dir: t.TempDir(), store: model.NewStore()}
			err := m.make(s)
			if !assert.Error(t, err) {
				return
			}
			said := strings.ReplaceAll(err.Error(), s.dir, "DIR")
			assert.NotContains(t, said, "\n", "more than one line")
			for _, raw := range []string{"panicked", "runtime error: invalid memory", "%!", "nil pointer"} {
				assert.NotContains(t, said, raw, "no sentence of ours")
			}
			if strings.Contains(m.name, "typing mistake") {
				assert.Contains(t, said, "do you mean ", "the nearest name")
			}
			fmt.Fprintf(&page, "%s:\n\t%s\n", m.name, regexp.MustCompile(`_test\.go:\d+`).ReplaceAllString(said, "_test.go:N"))
		})
	}
	golden.Check(t, "testdata/mistakes.golden", page.String())
}
