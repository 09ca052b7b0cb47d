package train_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/initializers"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/metrics"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"

	"github.com/stretchr/testify/require"
)

// allOptimizers holds every optimizer, plain and with what stands between a gradient and a variable.
var allOptimizers = map[string]optimizers.Interface{
	"SGD":                 optimizers.SGD().Done(),
	"SGD, momentum":       optimizers.SGD().Momentum(0.9).Done(),
	"SGD, clipped":        optimizers.SGD().ClipValue(1).ClipGlobalNorm(1).Done(),
	"SGD, norm clipped":   optimizers.SGD().ClipGlobalNorm(1).Done(),
	"Adam":                optimizers.Adam().Done(),
	"Adam, clipped":       optimizers.Adam().ClipValue(1).Done(),
	"AdamW":               optimizers.AdamW().Done(),
	"AdamW, at rate 0":    optimizers.AdamW().LearningRate(0).Done(),
	"AdamW, norm clipped": optimizers.AdamW().ClipGlobalNorm(1).Done(),
	"Lion":                optimizers.Lion().Done(),
	"Lion, norm clipped":  optimizers.Lion().ClipGlobalNorm(1).Done(),
	"AMSGrad":             optimizers.AMSGrad().Done(),
	"Adamax":              optimizers.Adamax().Done(),
	"NAdam":               optimizers.NAdam().Done(),
	"RAdam":               optimizers.RAdam().Done(),
	"LAMB":                optimizers.LAMB().WeightDecay(0.1).Done(),
	"RMSProp":             optimizers.RMSProp().Centered().Epsilon(1e-3).Done(),
	"Adagrad":             optimizers.Adagrad().Done(),
	"Adadelta":            optimizers.Adadelta().Done(),
	"Adafactor":           optimizers.Adafactor().Done(),
	"LARS":                optimizers.LARS().LearningRate(0.1).Done(),
	"Muon":                optimizers.Muon().Done(),
	"Shampoo":             optimizers.Shampoo().Done(),
	"SOAP":                optimizers.SOAP().Done(),
	"Sophia":              optimizers.Sophia().Every(1).Done(),
	"ScheduleFree":        optimizers.ScheduleFree().Done(),
	"LBFGS":               optimizers.LBFGS().LearningRate(0.01).Done(),
	"Lookahead":           optimizers.Lookahead(optimizers.EMA(optimizers.Adam().Done(), 0.9), 2, 0.5),
	"groups": optimizers.Groups(optimizers.Group{Pattern: "*", Optimizer: optimizers.SGD().Gradients(optimizers.Noise(0.01, 0.5), optimizers.Centralize()).Done()},
		optimizers.Group{Optimizer: optimizers.SWA(optimizers.Adam().Done(), 1, 1)}),
}

func TestAllOptimizersAreThere(t *testing.T) {
	for name, signature := range testenv.Functions(t, "../optimizers") {
		if strings.HasSuffix(signature, "Config") && !strings.HasSuffix(signature, "ScheduleConfig") {
			require.True(t, allOptimizers[name] != nil, "%s is an optimizer: add it to allOptimizers", name)
		}
	}
}

func batchOf(labels any, inputs ...any) data.Batch {
	b := data.Batch{Labels: []*tensors.Tensor{tensors.MustFromAnyValue(labels)}}
	for _, x := range inputs {
		b.Inputs = append(b.Inputs, tensors.MustFromAnyValue(x))
	}
	return b
}

// contents returns the values of all variables of a store.
func contents(store *model.Store) map[string]any {
	all := map[string]any{}
	for v := range store.IterVariables() {
		all[v.Path()] = v.MustValue().Value()
	}
	return all
}

// TestAStepThatIsNotFiniteIsNotMade: with every optimizer, in steps that update and in those that accumulate, a gradient
// that is not finite though the loss is ends the step; its variable is named, and nothing has changed: neither weights, nor
// the optimizer's state, nor the averages of batch norms, nor the random state.
func TestAStepThatIsNotFiniteIsNotMade(t *testing.T) {
	for name, optimizer := range allOptimizers {
		for _, dtype := range []dtypes.DType{dtypes.Float32, dtypes.Float64, dtypes.BFloat16} {
			for _, accumulate := range []int{1, 2} {
				root := func(scope *model.Scope, x *graph.Node) *graph.Node { // √(x·w): of x = 0 the gradient is 1/0
					x = graph.ConvertDType(x, dtype)
					fine := scope.In("fine").WithInitializer(initializers.One).VariableWithShape("w", shapes.Make(dtype, 2))
					w := scope.In("square_root").WithInitializer(initializers.One).VariableWithShape("w", shapes.Make(dtype, 2))
					y := graph.Add(graph.Sqrt(graph.Mul(x, w.NodeValue(x))), graph.Mul(x, fine.NodeValue(x)))
					noise := scope.RandomUniform(x.Graph(), y.Shape())
					norm := layers.BatchNorm(scope.In("norm"), graph.Add(graph.ExpandAxes(x, 0), noise), -1).LearnedOffset(false).LearnedGain(false).Done()
					return graph.Add(y, graph.MulScalar(graph.Squeeze(graph.StopGradient(norm), 0), 0))
				}
				trainer := train.NewTrainer(graphtest.Reference(), model.NewStore(), root, func(_, p []*graph.Node) *graph.Node {
					return graph.ReduceAllSum(p[0])
				}, optimizer)
				require.NoError(t, trainer.AccumulateGradients(accumulate))
				good, bad := batchOf([]float32{1, 1}, []float32{1, 4}), batchOf([]float32{1, 1}, []float32{1, 0})
				for range 2 * accumulate {
					_, err := trainer.TrainStep(good)
					require.NoError(t, err)
				}
				for range accumulate {
					before := contents(trainer.Store())
					_, err := trainer.TrainStep(bad)
					var notFinite *train.NotFiniteError
					require.True(t, errors.As(err, &notFinite), "%s: %v", name, err)
					require.Equal(t, "/square_root/w", notFinite.Variable, name)
					require.True(t, notFinite.Gradient && !math.IsNaN(notFinite.Loss), name)
					require.ErrorContains(t, err, `training step 3: the gradient of "/square_root/w" is not finite, though the loss is`)
					require.Equal(t, before, contents(trainer.Store()), name)
					_, err = trainer.TrainStep(good)
					require.NoError(t, err)
				}
				for path, v := range contents(trainer.Store()) {
					x, err := tensors.MustFromAnyValue(v).ConvertDType(dtypes.Float64)
					if err != nil || strings.Contains(path, "rng") {
						continue
					}
					require.True(t, !slices.ContainsFunc(tensors.MustCopyFlatData[float64](x), math.IsNaN), "%s: %s", name, path)
				}
			}
		}
	}
}

// TestAValueThatIsNotFiniteIsNotKept: what loss and gradients do not show, the new values of variables and of the
// optimizer's state do.
func TestAValueThatIsNotFiniteIsNotKept(t *testing.T) {
	scaled := func(gradient float64) func(scope *model.Scope, x *graph.Node) *graph.Node {
		return func(scope *model.Scope, x *graph.Node) *graph.Node {
			w := scope.VariableWithValue("w", []float32{1, 2}).NodeValue(x)
			return graph.MulScalar(graph.Mul(x, w), gradient)
		}
	}
	for _, c := range []struct {
		name, variable string
		optimizer      optimizers.Interface
		gradient       float64
	}{
		{"a learning rate that is too high", "/w", optimizers.SGD().LearningRate(1e38).Done(), 1e3},
		{"a square that is no number", "/optimizers/adam/v/w", optimizers.Adam().Done(), 1e25},
	} {
		trainer := train.NewTrainer(graphtest.Reference(), model.NewStore(), scaled(c.gradient), func(_, p []*graph.Node) *graph.Node {
			return graph.ReduceAllSum(p[0])
		}, c.optimizer)
		_, err := trainer.TrainStep(batchOf([]float32{0, 0}, []float32{0, 0}))
		require.NoError(t, err)
		before := contents(trainer.Store())
		_, err = trainer.TrainStep(batchOf([]float32{0, 0}, []float32{1, 1}))
		var notFinite *train.NotFiniteError
		require.True(t, errors.As(err, &notFinite), "%s: %v", c.name, err)
		require.Equal(t, c.variable, notFinite.Variable, c.name)
		require.True(t, !notFinite.Gradient, c.name)
		require.ErrorContains(t, err, `training step 2: the new value of "`+c.variable+`" is not finite`)
		require.Equal(t, before, contents(trainer.Store()), c.name)
	}
	// Clipping is for gradients that are large, and large ones are finite.
	trainer := train.NewTrainer(graphtest.Reference(), model.NewStore(), scaled(1e30), func(_, p []*graph.Node) *graph.Node {
		return graph.ReduceAllSum(p[0])
	}, optimizers.SGD().LearningRate(1).ClipGlobalNorm(5).Done())
	_, err := trainer.TrainStep(batchOf([]float32{0, 0}, []float32{3, 4}))
	require.NoError(t, err)
	near(t, []float32{1 - 3, 2 - 4}, trainer.Store().GetVariable("/w").MustValue().Value(), "/w")
}

// TestMaskedNaNsDoNotReachTheWeights is the step that left all weights NaN.
func TestMaskedNaNsDoNotReachTheWeights(t *testing.T) {
	nan := float32(math.NaN())
	for name, loss := range map[string]losses.Fn{"of the package": losses.MeanSquaredError, "for each example": func(labels, predictions []*graph.Node) *graph.Node {
		y, p := losses.FillMasked(labels[0], labels, 0), losses.FillMasked(predictions[0], labels, 0)
		return graph.Square(graph.Sub(p, y))
	}} {
		step := func(y [][]float32, mask []bool) map[string]any {
			trainer := train.NewTrainer(graphtest.Reference(), model.NewStore(), linear, loss, optimizers.SGD().LearningRate(0.5).Done())
			batch := batchOf(y, [][]float32{{1, 2}, {3, 4}}[:len(y)])
			batch.Labels = append(batch.Labels, tensors.MustFromAnyValue(mask))
			m, err := trainer.TrainStep(batch)
			require.NoError(t, err)
			require.True(t, !math.IsNaN(m.Value("loss")))
			return contents(trainer.Store())
		}
		require.Equal(t, step([][]float32{{1}}, []bool{true}), step([][]float32{{1}, {nan}}, []bool{true, false}), name)
	}
}

// masked is line's rule with weights and a mask of all kinds: of five examples some count, in each part another number.
func masked(from, to int) data.Batch {
	nan := float32(math.NaN())
	x := [][]float32{{1, 2}, {-1, 0.5}, {0.25, 3}, {2, -2}, {nan, nan}, {1, 1}}
	y := [][]float32{{1}, {2}, {-1}, {nan}, {3}, {0.5}}
	w := []float32{1, 3, 0.5, nan, nan, 2}
	m := []bool{true, true, true, false, false, true}
	b := batchOf(y[from:to], x[from:to])
	b.Labels = append(b.Labels, tensors.MustFromAnyValue(w[from:to]), tensors.MustFromAnyValue(m[from:to]))
	return b
}

// TestBatchesThatAreJoinedWeighWhatWasCounted: updates of accumulated gradients, evaluations and the means of epochs
// are those of one batch, however the examples are dealt over batches: one of them is masked as a whole.
func TestBatchesThatAreJoinedWeighWhatWasCounted(t *testing.T) {
	clean := func(scope *model.Scope, x *graph.Node) *graph.Node { // NaN in the inputs must not reach the weights: 0·NaN
		x = graph.Where(graph.IsFinite(x), x, graph.ZerosLike(x))
		y := dense(scope, x, 1)
		losses.AddL2Regularization(0.1, scope.GetVariable("w").NodeValue(x))
		return y
	}
	newTrainer := func() *train.Trainer {
		return train.NewTrainer(graphtest.Reference(), model.NewStore(), clean, losses.MeanSquaredError,
			optimizers.Adam().LearningRate(0.1).Done(), metrics.NewMeanAbsoluteError(), metrics.FromLoss("Huber", "huber", losses.MakeHuberLoss(1)))
	}
	whole := newTrainer()
	_, err := whole.TrainStep(masked(0, 6))
	require.NoError(t, err)
	want, wantEpoch := contents(whole.Store()), whole.EpochMetrics()
	for _, parts := range [][]int{{0, 1, 3, 5, 6}, {0, 3, 5, 6}, {0, 2, 6}, {0, 5, 6}} {
		trainer := newTrainer()
		require.NoError(t, trainer.AccumulateGradients(len(parts)-1))
		for i := range len(parts) - 1 {
			_, err := trainer.TrainStep(masked(parts[i], parts[i+1]))
			require.NoError(t, err)
		}
		got := contents(trainer.Store())
		for path, v := range want {
			near(t, v, got[path], path)
		}
		for i, m := range trainer.EpochMetrics() {
			require.InDelta(t, wantEpoch[i].Value, m.Value, 1e-5, m.Name)
		}
		require.Equal(t, float32(0), got["/accumulated_weight"])
	}
	// Where nothing counts, what was added to the loss does, as in one batch.
	nothing, halves := newTrainer(), newTrainer()
	require.NoError(t, halves.AccumulateGradients(2))
	_, err = nothing.TrainStep(masked(3, 5))
	require.NoError(t, err)
	for i := range 2 {
		_, err = halves.TrainStep(masked(3+i, 4+i))
		require.NoError(t, err)
	}
	for path, v := range contents(nothing.Store()) {
		near(t, v, contents(halves.Store())[path], path)
	}
}

func near(t *testing.T, want, got any, what string) {
	t.Helper()
	a, err := tensors.MustFromAnyValue(want).ConvertDType(dtypes.Float64)
	require.NoError(t, err)
	b, err := tensors.MustFromAnyValue(got).ConvertDType(dtypes.Float64)
	require.NoError(t, err)
	require.InDeltaSlice(t, tensors.MustCopyFlatData[float64](a), tensors.MustCopyFlatData[float64](b), 1e-5, what)
}

// TestWhereNothingIsCounted: loss and metrics are 0 everywhere; an evaluation of nothing is an error.
func TestWhereNothingIsCounted(t *testing.T) {
	trainer := newTrainer(optimizers.SGD().Done(), metrics.NewMeanAbsoluteError())
	nothing := masked(3, 5)
	nothing.Inputs = []*tensors.Tensor{tensors.MustFromAnyValue([][]float32{{1, 2}, {3, 4}})}
	trained, err := trainer.TrainStep(nothing)
	require.NoError(t, err)
	evaluated, err := trainer.EvalStep(nothing)
	require.NoError(t, err)
	for _, m := range slices.Concat(trained, evaluated, trainer.EpochMetrics()) {
		require.Equal(t, 0.0, m.Value, m.Name)
	}
	ds, err := data.InMemory("hidden", [][]float32{{1, 2}, {3, 4}}, [][]float32{{1}, {2}})
	require.NoError(t, err)
	_, err = trainer.Eval(data.Map(ds.BatchSize(1, false), func(b data.Batch) (data.Batch, error) {
		b.Labels = append(b.Labels, tensors.MustFromAnyValue([]bool{false}))
		return b, nil
	}))
	require.ErrorContains(t, err, `evaluating "hidden": nothing was counted`)
}

// TestALabelThatIsNoClassIsNamed with its value, its place and the number of classes, by losses and by metrics, in
// training and in evaluation; masked ones are not looked at.
func TestALabelThatIsNoClassIsNamed(t *testing.T) {
	x := [][]float32{{1, 2}, {3, 4}, {5, 6}}
	sparse := losses.SparseCategoricalCrossEntropyLogits
	other := func(_, p []*graph.Node) *graph.Node { return graph.ReduceAllMean(graph.Square(p[0])) }
	for _, c := range []struct {
		name    string
		labels  any
		loss    losses.Fn
		metrics []metrics.Interface
		want    string
	}{
		{"too large", []int32{0, 1, 2}, sparse, nil, "SparseCategoricalCrossEntropyLogits: the label 2 at [2] is no class: the predictions have 2 classes, numbered from 0 to 1"},
		{"negative", []int64{0, -100, 7}, sparse, nil, "the label -100 at [1] is no class"},
		{"a column of bytes", [][]uint8{{255}, {0}, {1}}, sparse, nil, "the label 255 at [0] is no class"},
		{"larger than any float32", []int64{0, 1, 1<<40 + 1}, sparse, nil, "the label 1099511627777 at [2] is no class"},
		{"smoothed", []int32{0, 3, 2}, losses.MakeSparseCategoricalCrossEntropyLogits(0.1), nil, "the label 3 at [1] is no class"},
		{"of an accuracy alone", []int32{0, 3, 2}, other, []metrics.Interface{metrics.NewSparseCategoricalAccuracy()}, "Accuracy: the label 3 at [1] is no class"},
		{"of a top-k accuracy alone", []int32{0, 3, 2}, other, []metrics.Interface{metrics.NewTopKAccuracy(1)}, "Top-1 accuracy: the label 3 at [1] is no class"},
	} {
		trainer := train.NewTrainer(graphtest.Reference(), model.NewStore(), mlp, c.loss, optimizers.Adam().Done(), c.metrics...)
		_, err := trainer.TrainStep(batchOf([]int32{0, 1, 0}, x))
		require.NoError(t, err)
		before := contents(trainer.Store())
		_, err = trainer.TrainStep(batchOf(c.labels, x))
		require.ErrorContains(t, err, c.want, c.name)
		require.ErrorContains(t, err, "training step 2: ")
		require.Equal(t, before, contents(trainer.Store()), c.name)
		_, err = trainer.EvalStep(batchOf(c.labels, x))
		require.ErrorContains(t, err, c.want, c.name)
	}
	trainer := train.NewTrainer(graphtest.Reference(), model.NewStore(), mlp, sparse, optimizers.Adam().Done(), metrics.NewSparseCategoricalAccuracy(), metrics.NewTopKAccuracy(1))
	batch := batchOf([]int32{0, -1, 99}, x)
	batch.Labels = append(batch.Labels, tensors.MustFromAnyValue([]bool{true, false, false}))
	_, err := trainer.TrainStep(batch)
	require.NoError(t, err)
	evaluated, err := trainer.EvalStep(batch)
	require.NoError(t, err)
	require.True(t, !math.IsNaN(evaluated.Value("loss")))
}

// TestTwoTrainersOfOneStoreKeepApart, as of a generator and a discriminator.
func TestTwoTrainersOfOneStoreKeepApart(t *testing.T) {
	steps := func(store *model.Store, names ...string) map[string]any {
		var trainers []*train.Trainer
		for _, name := range names {
			trainers = append(trainers, train.NewTrainer(graphtest.Reference(), store, func(scope *model.Scope, x *graph.Node) *graph.Node {
				return dense(scope.In(name), x, 1)
			}, losses.MeanSquaredError, optimizers.Adam().LearningRate(0.1).Done()))
		}
		for range 4 {
			for _, trainer := range trainers {
				_, err := trainer.TrainStep(batchOf([][]float32{{1}, {2}}, [][]float32{{1, 2}, {3, 4}}))
				require.NoError(t, err)
			}
		}
		return contents(store)
	}
	both := steps(model.NewStore(), "a", "b")
	for _, name := range []string{"a", "b"} {
		for path, want := range steps(model.NewStore(), name) {
			if path != train.GlobalStepPath { // it counts the updates of the store
				require.Equal(t, want, both[path], path)
			}
		}
	}
}

// TestVariablesOfTheModelWithNamesOfTheTrainer either work or are refused with a sentence.
func TestVariablesOfTheModelWithNamesOfTheTrainer(t *testing.T) {
	try := func(use func(scope *model.Scope, x *graph.Node)) error {
		trainer := train.NewTrainer(graphtest.Reference(), model.NewStore(), func(scope *model.Scope, x *graph.Node) *graph.Node {
			use(scope, x)
			return dense(scope, x, 1)
		}, losses.MeanSquaredError, optimizers.SGD().Momentum(0.9).Done(), metrics.NewMeanAbsoluteError())
		if err := trainer.AccumulateGradients(2); err != nil {
			return err
		}
		for range 4 {
			if _, err := trainer.TrainStep(batchOf([][]float32{{1}}, [][]float32{{1, 2}})); err != nil {
				return err
			}
		}
		require.Equal(t, int64(2), trainer.GlobalStep())
		return nil
	}
	require.NoError(t, try(func(scope *model.Scope, x *graph.Node) {
		for _, path := range []string{"/mine/optimizers/sgd/momentum", "/optimizers/adam", "/mine/metrics/0", "/mine/accumulated_gradients", "/metrics"} {
			scope.Store().Scope(path).VariableWithValue("w", float32(1)).NodeValue(x)
		}
		for _, name := range []string{"global_step", "rng_state", "accumulated_weight"} {
			scope.Store().Scope("/mine").VariableWithValue(name, float32(1)).NodeValue(x)
		}
		for _, alias := range []string{"loss", "learning_rate", "step", "gradient"} {
			graph.Identity(x).WithAlias(alias)
		}
	}))
	require.NoError(t, try(func(scope *model.Scope, x *graph.Node) { // to read how far training is
		scope.VariableWithValue("global_step", int64(0)).SetTrainable(false).NodeValue(x)
	}))
	require.ErrorContains(t, try(func(scope *model.Scope, x *graph.Node) {
		v := scope.VariableWithValue("global_step", int64(0))
		v.SetNodeValue(graph.AddScalar(v.NodeValue(x), 1))
	}), `the model changes its variable "/global_step", in which trainers keep something of their own: give it another name`)
	require.ErrorContains(t, try(func(scope *model.Scope, x *graph.Node) {
		scope.VariableWithValue("global_step", float32(0)).NodeValue(x)
	}), `variable "/global_step" is float32[]`)
	require.ErrorContains(t, try(func(scope *model.Scope, x *graph.Node) { scope.In("metrics").In("0") }), `scope "/metrics/0" is used twice`)
	require.ErrorContains(t, try(func(scope *model.Scope, x *graph.Node) {
		scope.VariableWithValue("rng_state", float32(0))
		scope.RandomUniform(x.Graph(), x.Shape())
	}), `variable "/rng_state" is float32[]`)
	for path, value := range map[string]any{"/accumulated_weight": float32(0), "/accumulated_gradients/b": []float32{0}} {
		scopePath, leaf := model.SplitPath(path)
		require.ErrorContains(t, try(func(scope *model.Scope, x *graph.Node) {
			scope.Store().Scope(scopePath).VariableWithValue(leaf, value).NodeValue(x)
		}), fmt.Sprintf("the model changes its variable %q", path))
	}
}

// TestMetricsKeepApart: all metrics, each twice, in one trainer, some of them with variables and aliases of their own.
func TestMetricsKeepApart(t *testing.T) {
	counting := func(name string, by float32) metrics.Interface { // counts batches in a variable of its scope
		return metrics.New(name, name, "count", func(scope *model.Scope, labels, predictions []*graph.Node) *graph.Node {
			count := scope.VariableWithValue("count", float32(0)).SetTrainable(false)
			g := predictions[0].Graph()
			count.SetNodeValue(graph.AddScalar(count.NodeValue(g), by))
			return count.NodeValue(g).WithAlias(name)
		})
	}
	sparse := []metrics.Interface{
		metrics.NewSparseCategoricalAccuracy(), metrics.NewSparseCategoricalAccuracy().Named("A2", "a2"),
		metrics.NewTopKAccuracy(1), metrics.NewTopKAccuracy(1).Named("T2", "t2"), counting("ones", 1), counting("threes", 3),
		metrics.FromLoss("L1", "l1", losses.SparseCategoricalCrossEntropyLogits), metrics.FromLoss("L2", "l2", losses.SparseCategoricalCrossEntropyLogits),
	}
	single := []metrics.Interface{
		metrics.NewMeanAbsoluteError(), metrics.NewMeanAbsoluteError().Named("M2", "m2"), metrics.NewBinaryAccuracy(), metrics.NewBinaryAccuracy().Named("B2", "b2"),
		metrics.NewBinaryLogitsAccuracy().Named("B3", "b3"), metrics.NewBinaryLogitsAccuracy().Named("B4", "b4"),
		metrics.NewCategoricalAccuracy().Named("C1", "c1"), metrics.NewCategoricalAccuracy().Named("C2", "c2"),
	}
	a := train.NewTrainer(graphtest.Reference(), model.NewStore(), mlp, losses.SparseCategoricalCrossEntropyLogits, optimizers.Adam().Done(), sparse...)
	b := train.NewTrainer(graphtest.Reference(), model.NewStore(), mlp, losses.MeanSquaredError, optimizers.Adam().Done(), single...)
	x := [][]float32{{1, 2}, {3, 4}}
	for step := 1; step <= 3; step++ {
		m, err := a.TrainStep(batchOf([]int32{0, 1}, x))
		require.NoError(t, err)
		for _, pair := range [][2]string{{"Accuracy", "A2"}, {"top1", "t2"}, {"l1", "l2"}, {"loss", "l1"}} {
			require.InDelta(t, m.Value(pair[0]), m.Value(pair[1]), 1e-6, "%v", pair)
		}
		require.InDelta(t, float64(1+step)/2, m.Value("ones"), 1e-6)
		require.InDelta(t, 3*float64(1+step)/2, m.Value("threes"), 1e-6)
		m, err = b.TrainStep(batchOf([][]float32{{0, 1}, {1, 0}}, x))
		require.NoError(t, err)
		for _, pair := range [][2]string{{"mae", "m2"}, {"Accuracy", "b2"}, {"b3", "b4"}, {"c1", "c2"}} {
			require.Equal(t, m.Value(pair[0]), m.Value(pair[1]), "%v", pair)
		}
	}
}

// TestAMeshWeighsWhatWasCounted: a mask that hides other numbers of examples on each device changes nothing.
func TestAMeshWeighsWhatWasCounted(t *testing.T) {
	nan := float32(math.NaN())
	batch := batchOf([][]float32{{1}, {nan}, {nan}, {nan}, {2}, {3}, {4}, {nan}}, [][]float32{{1, 2}, {3, 4}, {5, 6}, {7, 8}, {9, 1}, {2, 3}, {4, 5}, {6, 7}})
	batch.Labels = append(batch.Labels, tensors.MustFromAnyValue([]bool{true, false, false, false, true, true, true, false}))
	var want map[string]any
	var wantMetrics train.Metrics
	for _, mesh := range []*graph.Mesh{nil, grid(t, 2, 1), grid(t, 4, 1)} {
		trainer := train.NewTrainer(gocpu.New(), model.NewStore(), linear, losses.MeanSquaredError, optimizers.Adam().ClipGlobalNorm(1).Done(), metrics.NewMeanAbsoluteError()).WithMesh(mesh)
		m, err := trainer.TrainStep(batch)
		require.NoError(t, err)
		if mesh == nil {
			want, wantMetrics = contents(trainer.Store()), m
		}
		require.Equal(t, want, contents(trainer.Store()))
		require.Equal(t, wantMetrics, m)
	}
}
