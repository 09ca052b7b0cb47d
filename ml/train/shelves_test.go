package train_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/metrics"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// scalarModel returns a model y = w·x, and how often it was built.
func scalarModel() (fn func(scope *model.Scope, x *graph.Node) *graph.Node, built *int) {
	built = new(int)
	return func(scope *model.Scope, x *graph.Node) *graph.Node {
		*built++
		return graph.Mul(x, scope.VariableWithValue("w", float32(0)).NodeValue(x))
	}, built
}

// downhill is a loss whose gradient is -1 everywhere, so that a step of SGD is its learning rate.
func downhill(_, predictions []*graph.Node) *graph.Node {
	return graph.Neg(graph.ReduceAllMean(predictions[0]))
}

func valueOf(t *testing.T, store *model.Store, path string) float64 {
	t.Helper()
	v := store.GetVariable(path)
	require.NotNil(t, v, path)
	return v.MustValue().Float64At(0)
}

// TestALearningRateThatChangesCompilesNothing: by a schedule, by the factor before and while training, and by several steps of a call.
func TestALearningRateThatChangesCompilesNothing(t *testing.T) {
	fn, built := scalarModel()
	store := model.NewStore()
	require.NoError(t, optimizers.SetRateFactor(store, 1))
	trainer := train.NewTrainer(graphtest.Reference(), store, fn, downhill, optimizers.SGD().LearningRate(1).Schedule(optimizers.StepAt(0.5, 3)).Done())
	want := 0.0
	for step, factor := range []float64{1, 0.25, 4, 2, 0} {
		require.NoError(t, optimizers.SetRateFactor(store, factor))
		_, err := trainer.TrainStep(batchOf([]float32{0}, []float32{1}))
		require.NoError(t, err)
		if step >= 3 {
			factor /= 2
		}
		want += factor
		require.InDelta(t, want, valueOf(t, store, "/w"), 1e-6)
	}
	require.Equal(t, 1, *built)

	// Where it is first said after a step, the step is compiled once more.
	fn, built = scalarModel()
	store = model.NewStore()
	trainer = train.NewTrainer(graphtest.Reference(), store, fn, downhill, optimizers.SGD().LearningRate(1).Done())
	for _, factor := range []float64{0.5, 0.25, 0.125} {
		_, err := trainer.TrainStep(batchOf([]float32{0}, []float32{1}))
		require.NoError(t, err)
		require.NoError(t, optimizers.SetRateFactor(store, factor))
	}
	require.Equal(t, 1+0.5+0.25, valueOf(t, store, "/w"))
	require.Equal(t, 2, *built)

	for want, factor := range map[string]float64{"the factor is -1, want 0 or more": -1, "the factor is NaN": math.NaN(), "the factor is +Inf": math.Inf(1)} {
		require.ErrorContains(t, optimizers.SetRateFactor(store, factor), want)
	}
	require.ErrorContains(t, optimizers.SetRateFactor(nil, 1), "the store is nil")
	other := model.NewStore()
	_, err := other.CreateVariable(optimizers.RateFactorPath, tensors.FromValue([]float32{1, 2}))
	require.NoError(t, err)
	require.ErrorContains(t, optimizers.SetRateFactor(other, 1), "is float32[2], want the factor of learning rates, a float32 scalar")
}

// TestReduceOnPlateau lowers the rate when evaluations do not improve, within one compilation of the step, and remembers where it is.
func TestReduceOnPlateau(t *testing.T) {
	fn, built := scalarModel()
	store := model.NewStore()
	trainer := train.NewTrainer(graphtest.Reference(), store, fn, func(_, predictions []*graph.Node) *graph.Node {
		return graph.MulScalar(downhill(nil, predictions), 0) // which never improves
	}, optimizers.SGD().Done())
	loop := train.NewLoop(trainer)
	require.NoError(t, train.ReduceOnPlateau(loop, train.Plateau{Factor: 0.5, Patience: 2, Cooldown: 1, Smallest: 0.2}))
	var factors []float64
	loop.OnEval("factors", func(*train.Loop, string, train.Metrics) error {
		f, err := optimizers.RateFactor(store)
		factors = append(factors, f)
		return err
	})
	ds, err := data.InMemory("points", []float32{1, 2}, []float32{0, 0})
	require.NoError(t, err)
	loop.EvalEvery(1, ds.Copy())
	_, err = loop.RunSteps(ds.BatchSize(2, true).Infinite(true), 16)
	require.NoError(t, err)
	require.InDeltaSlice(t, []float64{1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.2, 0.2, 0.2, 0.2, 0.2}, factors, 1e-7) // as PyTorch's
	require.Equal(t, 2, *built, "training and evaluation")

	state, err := loop.State()
	require.NoError(t, err)
	again := train.NewLoop(trainer)
	require.NoError(t, train.ReduceOnPlateau(again, train.Plateau{Factor: 0.5, Patience: 2, Cooldown: 1}))
	require.NoError(t, again.SetState(state))
	back, err := again.State()
	require.NoError(t, err)
	var was, is struct{ Hooks map[string][]byte }
	require.NoError(t, json.Unmarshal(state, &was))
	require.NoError(t, json.Unmarshal(back, &is))
	require.Equal(t, was.Hooks, is.Hooks)
	require.NotEmpty(t, is.Hooks)
	for _, bad := range []train.Plateau{{Factor: 2}, {Factor: -1}, {Patience: -1}, {Cooldown: -1}, {Smallest: -1}} {
		assert.ErrorContains(t, train.ReduceOnPlateau(loop, bad), "train.ReduceOnPlateau: a factor of")
	}
}

// TestAPlateauOfAMetricThatIsNotThere is a typing mistake, not a reason to lower the rate.
func TestAPlateauOfAMetricThatIsNotThere(t *testing.T) {
	fn, _ := scalarModel()
	loop := train.NewLoop(train.NewTrainer(graphtest.Reference(), model.NewStore(), fn, downhill, optimizers.SGD().Done()))
	require.EqualError(t, train.ReduceOnPlateau(loop, train.Plateau{Metric: "los"}), `train.ReduceOnPlateau: an evaluation measures no metric "los": do you mean "loss"? (known: "loss" or "Mean loss")`)
	require.NoError(t, train.ReduceOnPlateau(loop, train.Plateau{}))
	ds, err := data.InMemory("points", []float32{1, 2}, []float32{0, 0})
	require.NoError(t, err)
	_, err = loop.RunSteps(ds.BatchSize(2, true).Infinite(true), 3)
	require.ErrorContains(t, err, "train.ReduceOnPlateau: the loop evaluates nothing: call its EvalEachEpoch or EvalEvery")
	require.Zero(t, loop.Step())
}

// TestAnEvaluationOfAStreamingMetricIsExact over batches of other sizes, where a mean over batches is not.
func TestAnEvaluationOfAStreamingMetricIsExact(t *testing.T) {
	identity := func(scope *model.Scope, x *graph.Node) *graph.Node {
		return graph.Add(x, graph.MulScalar(scope.VariableWithValue("w", float32(0)).NodeValue(x), 0))
	}
	trainer := train.NewTrainer(graphtest.Reference(), model.NewStore(), identity, losses.BinaryCrossentropyLogits, optimizers.SGD().Done(),
		metrics.NewROCAUC(), metrics.NewBinaryRecall(0), metrics.NewBinaryAccuracy())
	labels, logits := []float32{1, 1, 0, 0, 1, 0}, []float32{2, -1, 1, -2, 3, -3}
	whole, err := trainer.EvalStep(batchOf(labels, logits))
	require.NoError(t, err)
	parts, err := trainer.Eval(data.Generate("parts", 3, func(p data.Position) (data.Batch, error) {
		cut := []int{0, 1, 5, 6}
		a, b := cut[p.Batch], cut[p.Batch+1]
		return batchOf(labels[a:b], logits[a:b]), nil
	}))
	require.NoError(t, err)
	for _, name := range []string{"ROC AUC", "Recall", "Accuracy"} {
		require.InDelta(t, whole.Value(name), parts.Value(name), 1e-7, name) // the accuracy of a batch is a float32
	}
	require.InDelta(t, 8./9, parts.Value("ROC AUC"), 1e-12)
	m, _ := parts.Get("rec")
	require.Equal(t, []float64{2, 3, 3}, m.State)

	// A step of training shows that of its batch; a batch without any does not count.
	step, err := trainer.TrainStep(batchOf(labels[:1], logits[:1]))
	require.NoError(t, err)
	require.Equal(t, []float64{0, 1}, []float64{step.Value("ROC AUC"), step.Value("Recall")})
	step, err = trainer.TrainStep(batchOf(labels, logits))
	require.NoError(t, err)
	require.InDelta(t, 8./9, step.Value("ROC AUC"), 1e-12)
}

// TestALossSeesInputsAndOutputs of the model, in training and in evaluation.
func TestALossSeesInputsAndOutputs(t *testing.T) {
	fn := func(scope *model.Scope, x *graph.Node) *graph.Node {
		w := scope.VariableWithValue("w", float32(2)).NodeValue(x)
		losses.SetOutput("code", graph.Mul(x, w))
		return graph.OnePlus(x)
	}
	loss := func(_, predictions []*graph.Node) *graph.Node {
		g := predictions[0].Graph()
		return graph.Add(losses.MeanSquaredError(losses.Inputs(g), predictions), graph.ReduceAllMean(graph.Square(losses.Output(g, "code"))))
	}
	trainer := train.NewTrainer(graphtest.Reference(), model.NewStore(), fn, loss, optimizers.SGD().Done())
	batch := batchOf([]float32{0, 0}, []float32{1, 1})
	results, err := trainer.EvalStep(batch)
	require.NoError(t, err)
	require.Equal(t, 5.0, results.Value("loss"))
	_, err = trainer.TrainStep(batch)
	require.NoError(t, err)
	require.Less(t, valueOf(t, trainer.Store(), "/w"), 2.0)
}

// TestGroupsAndFrozenVariables: each variable moves as its group says, what is frozen gets no gradient, and mistakes are said.
func TestGroupsAndFrozenVariables(t *testing.T) {
	fn := func(scope *model.Scope, x *graph.Node) *graph.Node {
		y := x
		for _, name := range []string{"stem", "body", "head"} {
			y = graph.Add(y, graph.Mul(x, scope.In("%s", name).In("dense").VariableWithValue("w", float32(0)).NodeValue(x)))
		}
		return y
	}
	sgd := func(rate float64) optimizers.Interface { return optimizers.SGD().LearningRate(rate).Done() }
	for _, c := range []struct {
		name      string
		optimizer optimizers.Interface
		want      []float64 // of stem, body, head after a step
		wantErr   string
	}{
		{"by path", optimizers.Groups(optimizers.Group{Pattern: "/stem"}, optimizers.Group{Pattern: "/body", Optimizer: sgd(0.5)}, optimizers.Group{Optimizer: sgd(2)}), []float64{0, 0.5, 2}, ""},
		{"by the end of a path", optimizers.Groups(optimizers.Group{Pattern: "body/dense", Optimizer: sgd(0.5)}, optimizers.Group{Pattern: "w", Optimizer: sgd(2)}), []float64{2, 0.5, 2}, ""},
		{"by wildcards", optimizers.Frozen(sgd(1), "/[sb]*"), []float64{0, 0, 1}, ""},
		{"within a wrapper", optimizers.EMA(optimizers.Frozen(sgd(1), "stem"), 0.5), []float64{0, 1, 1}, ""},
		{"a variable in no group", optimizers.Groups(optimizers.Group{Pattern: "/stem", Optimizer: sgd(1)}), nil, "Groups: the variable /body/dense/w is in no group: give the last group an empty pattern, for all others"},
		{"a group without variables", optimizers.Groups(optimizers.Group{Pattern: "/tail", Optimizer: sgd(1)}, optimizers.Group{Optimizer: sgd(1)}), nil, `Groups: the model has no variable of the pattern "/tail" of group 0`},
		{"a frozen group without variables", optimizers.Frozen(sgd(1), "/tail"), nil, `Groups: the model has no variable of the pattern "/tail" of group 0`},
		{"all frozen", optimizers.Frozen(sgd(1), "w"), nil, "the optimizer leaves all 3 trainable variables of the model as they are: there is nothing to train"},
	} {
		store := model.NewStore()
		trainer := train.NewTrainer(graphtest.Reference(), store, fn, downhill, c.optimizer)
		_, err := trainer.TrainStep(batchOf([]float32{0}, []float32{1}))
		if c.wantErr != "" {
			require.ErrorContains(t, err, c.wantErr, c.name)
			continue
		}
		require.NoError(t, err, c.name)
		for i, name := range []string{"stem", "body", "head"} {
			require.Equal(t, c.want[i], valueOf(t, store, "/"+name+"/dense/w"), "%s: %s", c.name, name)
		}
		for v := range store.IterVariables() {
			if c.want[0] == 0 {
				require.False(t, strings.HasPrefix(v.Path(), optimizers.StatePath) && strings.Contains(v.Path(), "stem"), "%s: state of what is frozen: %s", c.name, v.Path())
			}
		}
		require.NoError(t, c.optimizer.Clear(store.Scope(optimizers.StatePath)))
	}
}

// TestAGroupMayBeFrozenForAWhile: what the store freezes is no typing mistake in the groups, and moves again when it is thawed.
func TestAGroupMayBeFrozenForAWhile(t *testing.T) {
	fn := func(scope *model.Scope, x *graph.Node) *graph.Node {
		y := x
		for _, name := range []string{"body", "head"} {
			y = graph.Add(y, graph.Mul(x, scope.In("%s", name).VariableWithValue("w", float32(0)).NodeValue(x)))
		}
		return y
	}
	store := model.NewStore()
	require.NoError(t, store.FreezeVariables("body/..."))
	sgd := optimizers.SGD().LearningRate(1).Done()
	trainer := train.NewTrainer(graphtest.Reference(), store, fn, downhill, optimizers.Groups(optimizers.Group{Pattern: "/body", Optimizer: sgd}, optimizers.Group{Optimizer: sgd}))
	step := func() {
		_, err := trainer.TrainStep(batchOf([]float32{0}, []float32{1}))
		require.NoError(t, err)
	}
	step()
	require.Equal(t, []float64{0, 1}, []float64{valueOf(t, store, "/body/w"), valueOf(t, store, "/head/w")})
	require.NoError(t, store.UnfreezeVariables("body/..."))
	step()
	require.Equal(t, []float64{1, 2}, []float64{valueOf(t, store, "/body/w"), valueOf(t, store, "/head/w")})
}
