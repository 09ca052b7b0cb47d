package train_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/golden"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/metrics"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"

	"github.com/stretchr/testify/require"
)

// dense is x·w + b with out columns.
func dense(scope *model.Scope, x *graph.Node, out int) *graph.Node {
	w := scope.VariableWithShape("w", shapes.Make(x.DType(), x.Dim(-1), out)).NodeValue(x)
	b := scope.VariableWithValue("b", make([]float32, out)).NodeValue(x)
	return graph.Add(graph.MatMul(x, w), b)
}

func linear(scope *model.Scope, x *graph.Node) *graph.Node { return dense(scope, x, 1) }

func mlp(scope *model.Scope, x *graph.Node) *graph.Node {
	return dense(scope.In("out"), graph.Tanh(dense(scope.In("hidden"), x, 8)), 2)
}

// line is a data set of y = 2a - 3b + 1, 50 examples in batches of 8: the last one has 2.
func line(t testing.TB, name string) *data.InMemoryDataset {
	x, y := make([][]float32, 50), make([][]float32, 50)
	for i := range x {
		a, b := float32(i%7)/3-1, float32(i%5)/2-1
		x[i], y[i] = []float32{a, b}, []float32{2*a - 3*b + 1}
	}
	ds, err := data.InMemory(name, x, y)
	require.NoError(t, err)
	return ds.BatchSize(8, false)
}

func newTrainer(opt optimizers.Interface, m ...metrics.Interface) *train.Trainer {
	return train.NewTrainer(graphtest.Reference(), model.NewStore(), linear, losses.MeanSquaredError, opt, m...)
}

func TestLinearRegressionFindsTheLine(t *testing.T) {
	trainer := newTrainer(optimizers.SGD().LearningRate(0.1).Momentum(0.9).Done())
	results, err := train.NewLoop(trainer).RunSteps(line(t, "line").Shuffle(1), 300)
	require.NoError(t, err)
	require.True(t, results.Value("batch") < 1e-6, results)
	w := tensors.MustCopyFlatData[float32](trainer.Store().GetVariable("/w").MustValue())
	b := tensors.MustCopyFlatData[float32](trainer.Store().GetVariable("/b").MustValue())
	require.Len(t, []float64{float64(w[0]), float64(w[1]), float64(b[0])}, 3)
	require.InDeltaSlice(t, []float64{2, -3, 1}, []float64{float64(w[0]), float64(w[1]), float64(b[0])}, 1e-3)
	require.Equal(t, int64(300), trainer.GlobalStep())
	y, err := trainer.Predict([][]float32{{1, 1}})
	require.NoError(t, err)
	require.InDelta(t, 0, y[0].Float64At(0), 1e-2)
}

func TestXOR(t *testing.T) {
	ds, err := data.InMemory("xor", [][]float32{{0, 0}, {0, 1}, {1, 0}, {1, 1}}, []int64{0, 1, 1, 0})
	require.NoError(t, err)
	for seed := range int64(3) {
		store := model.NewStore()
		require.NoError(t, store.SetRNGStateFromSeed(seed))
		trainer := train.NewTrainer(graphtest.Reference(), store, mlp, losses.SparseCategoricalCrossEntropyLogits,
			optimizers.Adam().LearningRate(0.05).Done(), metrics.NewSparseCategoricalAccuracy())
		_, err := train.NewLoop(trainer).RunSteps(ds.Copy().BatchSize(4, false), 300)
		require.NoError(t, err)
		results, err := trainer.Eval(ds.Copy().BatchSize(3, false))
		require.NoError(t, err)
		require.Equal(t, 1.0, results.Value("acc"), "seed %v %v", seed, results)
		require.True(t, results.Value("loss") < 0.05, "seed %v %v", seed, results)
	}
}

func TestEvalWeighsTheLastBatchForWhatItIs(t *testing.T) {
	trainer := newTrainer(optimizers.SGD().Done(), metrics.NewMeanAbsoluteError())
	small, err := trainer.Eval(line(t, "a"))
	require.NoError(t, err)
	whole, err := trainer.Eval(line(t, "b").BatchSize(50, false))
	require.NoError(t, err)
	require.InDelta(t, whole.Value("loss"), small.Value("loss"), 1e-5)
	require.InDelta(t, whole.Value("mae"), small.Value("mae"), 1e-5)
	require.Equal(t, int64(0), trainer.GlobalStep())
}

func TestALoadedModelIsEvaluatedWithoutAnOptimizer(t *testing.T) {
	trained := newTrainer(optimizers.SGD().LearningRate(0.1).Done(), metrics.NewMeanAbsoluteError())
	_, err := train.NewLoop(trained).RunSteps(line(t, "line"), 20)
	require.NoError(t, err)
	want, err := trained.Eval(line(t, "test"))
	require.NoError(t, err)
	store, err := trained.Store().Clone()
	require.NoError(t, err)
	trainer := train.NewTrainer(graphtest.Reference(), store, linear, losses.MeanSquaredError, nil, metrics.NewMeanAbsoluteError())
	got, err := trainer.Eval(line(t, "test"))
	require.NoError(t, err)
	require.Equal(t, want, got)
	_, err = trainer.Predict([][]float32{{1, 1}})
	require.NoError(t, err)
	_, err = train.NewLoop(trainer).RunSteps(line(t, "line"), 1)
	require.ErrorContains(t, err, "the trainer has no optimizer")
	require.Equal(t, int64(20), trainer.GlobalStep())
}

func TestAccumulatedGradientsAreThoseOfALargerBatch(t *testing.T) {
	weights := func(batch, accumulate, steps int) []float32 {
		trainer := newTrainer(optimizers.Adam().LearningRate(0.1).Done())
		require.NoError(t, trainer.AccumulateGradients(accumulate))
		ds := line(t, "line").Take(48).BatchSize(batch, true)
		_, err := train.NewLoop(trainer).RunSteps(ds, steps)
		require.NoError(t, err)
		require.Equal(t, int64(steps/accumulate), trainer.GlobalStep())
		return tensors.MustCopyFlatData[float32](trainer.Store().GetVariable("/w").MustValue())
	}
	a, b := weights(24, 1, 6), weights(8, 3, 18)
	for i := range a {
		require.InDelta(t, float64(a[i]), float64(b[i]), 1e-5)
	}
	trainer := newTrainer(optimizers.SGD().Done())
	require.ErrorContains(t, trainer.AccumulateGradients(0), "want 1 or more")
}

func TestAStepWithoutAFiniteLossChangesNothing(t *testing.T) {
	trainer := newTrainer(optimizers.Adam().Done())
	bad := data.Batch{Inputs: []*tensors.Tensor{tensors.FromValue([][]float32{{1, 2}})}, Labels: []*tensors.Tensor{tensors.FromValue([][]float32{{float32(math.NaN())}})}}
	good := data.Batch{Inputs: bad.Inputs, Labels: []*tensors.Tensor{tensors.FromValue([][]float32{{1}})}}
	_, err := trainer.TrainStep(good)
	require.NoError(t, err)
	before, err := trainer.Store().Clone()
	require.NoError(t, err)
	_, err = trainer.TrainStep(bad)
	var notFinite *train.NotFiniteError
	require.True(t, errors.As(err, &notFinite), err)
	require.Equal(t, int64(2), notFinite.Step)
	for v := range before.IterVariables() {
		require.Equal(t, v.MustValue().Value(), trainer.Store().GetVariable(v.Path()).MustValue().Value(), v.Path())
	}
	m, err := trainer.TrainStep(good)
	require.NoError(t, err)
	require.True(t, !math.IsNaN(m.Value("loss")))
}

func TestEventsComeInOrder(t *testing.T) {
	loop := train.NewLoop(newTrainer(optimizers.SGD().Done(), metrics.NewMeanAbsoluteError()))
	loop.EvalEachEpoch(line(t, "test"))
	loop.EvalEvery(10, line(t, "often"))
	var got []string
	var last train.Event
	cancel := loop.Listen(func(e train.Event) {
		if e.Kind != train.Step || e.Step == 1 {
			got = append(got, fmt.Sprintf("%s %d/%d %d/%d %s", e.Kind, e.Step, e.Steps, e.Epoch, e.Epochs, e.Dataset))
		}
		last = e
	})
	results, err := loop.RunEpochs(line(t, "line"), 2)
	require.NoError(t, err)
	require.Equal(t, []string{
		"start 0/14 0/2 ", "step 1/14 1/2 ", "epoch 7/14 1/2 ", "eval 7/14 1/2 test",
		"eval 10/14 2/2 often", "eval 14/14 2/2 often", "epoch 14/14 2/2 ", "eval 14/14 2/2 test", "end 14/14 2/2 ",
	}, got)
	require.True(t, last.Err == nil && !last.Interrupted)
	require.Equal(t, results.Value("test loss"), loop.LastEval("test").Value("loss"))
	require.True(t, loop.MedianTrainStepDuration() > 0)
	cancel()
	n := len(got)
	_, err = loop.RunSteps(line(t, "line"), 1)
	require.NoError(t, err)
	require.Equal(t, n, len(got))

	series, ok := loop.History().Get("test", "mae")
	require.True(t, ok)
	require.Equal(t, []int64{7, 14}, series.Steps)
	saved, err := json.Marshal(loop.History())
	require.NoError(t, err)
	restored := train.NewHistory()
	require.NoError(t, json.Unmarshal(saved, restored))
	require.Equal(t, loop.History().Series(), restored.Series())
}

func TestStepsThatEndWithAPassEndAnEpoch(t *testing.T) {
	for steps, want := range map[int]int{6: 0, 7: 1, 8: 1, 14: 2} {
		loop, epochs := train.NewLoop(newTrainer(optimizers.SGD().Done())), 0
		loop.Listen(func(e train.Event) {
			if e.Kind == train.Epoch {
				epochs++
			}
		})
		_, err := loop.RunSteps(line(t, "line"), steps)
		require.NoError(t, err)
		require.Equal(t, want, epochs, "steps %v", steps)
		require.Equal(t, steps, loop.Step())
	}
}

func TestAContextEndsTheLoopAndKeepsTheModel(t *testing.T) {
	loop := train.NewLoop(newTrainer(optimizers.SGD().Done()))
	ctx, cancel := context.WithCancel(context.Background())
	train.EveryNSteps(loop, 3, "cancel", func(*train.Loop) error { cancel(); return nil })
	var end train.Event
	loop.Listen(func(e train.Event) { end = e })
	results, err := loop.RunStepsContext(ctx, line(t, "line"), 1000)
	require.ErrorIs(t, err, train.ErrInterrupted)
	require.ErrorIs(t, err, context.Canceled)
	require.True(t, end.Kind == train.End && end.Interrupted && end.Err == nil)
	require.Equal(t, int64(3), loop.Trainer().GlobalStep())
	require.True(t, results.Value("loss") > 0)
	_, err = loop.RunSteps(line(t, "line"), 2)
	require.NoError(t, err)
	require.Equal(t, int64(5), loop.Trainer().GlobalStep())
}

func TestAContextEndsAnEvaluationToo(t *testing.T) {
	loop := train.NewLoop(newTrainer(optimizers.SGD().Done()))
	ctx, cancel := context.WithCancel(context.Background())
	loop.EvalEvery(2, data.Map(line(t, "test"), func(b data.Batch) (data.Batch, error) {
		cancel()
		return b, nil
	}))
	_, err := loop.RunStepsContext(ctx, line(t, "line"), 10)
	require.ErrorIs(t, err, train.ErrInterrupted)
	require.Equal(t, 2, loop.Step())
}

func TestAnInterruptEndsTheLoopAndKeepsTheModel(t *testing.T) {
	if runtime.GOOS == "windows" || runtime.GOOS == "js" {
		t.Skip("a process cannot interrupt itself here")
	}
	loop := train.NewLoop(newTrainer(optimizers.SGD().Done()))
	var sent time.Time
	train.EveryNSteps(loop, 5, "Ctrl-C", func(*train.Loop) error {
		if sent.IsZero() {
			sent = time.Now()
			me, _ := os.FindProcess(os.Getpid())
			return me.Signal(os.Interrupt)
		}
		return nil
	})
	_, err := loop.RunSteps(line(t, "line"), 1<<30)
	require.ErrorIs(t, err, train.ErrInterrupted)
	require.True(t, time.Since(sent) < 30*time.Second)
	require.True(t, loop.Trainer().GlobalStep() >= 5)
}

func TestEarlyStopping(t *testing.T) {
	loop := train.NewLoop(newTrainer(optimizers.SGD().LearningRate(0.1).Done()))
	loop.EvalEvery(10, line(t, "test"))
	train.EarlyStopping(loop, train.EarlyStop{Patience: 3, MinDelta: 1e-3})
	_, err := loop.RunSteps(line(t, "line"), 10_000)
	require.NoError(t, err)
	require.Equal(t, "early stopping: loss of test has not improved", loop.StopReason())
	require.True(t, loop.Step() < 1000 && loop.LastEval("test").Value("loss") < 0.01, loop.Step())
}

func TestCallbacks(t *testing.T) {
	loop := train.NewLoop(newTrainer(optimizers.SGD().Done()))
	var every, times []int
	periodic := 0
	train.EveryNSteps(loop, 4, "every", func(l *train.Loop) error { every = append(every, l.Step()); return nil })
	train.NTimesDuringLoop(loop, 3, "times", func(l *train.Loop) error { times = append(times, l.Step()); return nil })
	train.PeriodicCallback(loop, time.Hour, true, "periodic", func(*train.Loop) error { periodic++; return nil })
	_, err := loop.RunSteps(line(t, "line"), 10)
	require.NoError(t, err)
	require.Equal(t, []int{4, 8}, every)
	require.Equal(t, []int{4, 7, 10}, times)
	require.Equal(t, 1, periodic)
	_, err = loop.RunToGlobalStep(line(t, "line"), 12)
	require.NoError(t, err)
	require.Equal(t, 2, loop.Step())
}

// broken is a data set that ends with an error, or without a batch.
type broken struct{ err error }

func (b broken) Name() string { return "broken" }
func (b broken) Iter() iter.Seq2[data.Batch, error] {
	return func(yield func(data.Batch, error) bool) {
		if b.err != nil {
			yield(data.Batch{}, b.err)
		}
	}
}

func TestSpecsAreModelsOfTheirOwn(t *testing.T) {
	trainer := train.NewTrainer(graphtest.Reference(), model.NewStore(), func(scope *model.Scope, spec any, in []*graph.Node) *graph.Node {
		if spec == "twice" {
			return graph.MulScalar(dense(scope, in[0], 1), 2)
		}
		return dense(scope, in[0], 1)
	}, losses.MeanSquaredError, optimizers.SGD().LearningRate(0).Done())
	a, err := trainer.Eval(line(t, "a"))
	require.NoError(t, err)
	b, err := trainer.Eval(line(t, "b").WithSpec("twice"))
	require.NoError(t, err)
	require.NotEqual(t, a.Value("loss"), b.Value("loss"))
	_, err = trainer.Eval(line(t, "c").WithSpec([]int{1}))
	require.ErrorContains(t, err, "the batch's Spec is a []int, which cannot be compared")
}

func TestExtraLossesTrainButAreNotShown(t *testing.T) {
	trainer := train.NewTrainer(graphtest.Reference(), model.NewStore(), func(scope *model.Scope, x *graph.Node) *graph.Node {
		y := dense(scope, x, 1)
		losses.AddExtra(graph.MulScalar(graph.ReduceAllSum(graph.Square(scope.GetVariable("w").NodeValue(x))), 100))
		return y
	}, losses.MeanSquaredError, optimizers.SGD().LearningRate(1e-3).Done())
	loop := train.NewLoop(trainer)
	results, err := loop.RunSteps(line(t, "line"), 200)
	require.NoError(t, err)
	require.True(t, results.Value("batch") < 50, results)
	for _, w := range tensors.MustCopyFlatData[float32](trainer.Store().GetVariable("/w").MustValue()) {
		require.InDelta(t, 0, float64(w), 0.05)
	}
}

func TestMetricsAsText(t *testing.T) {
	m := train.Metrics{{Name: "Mean loss", Short: "loss", Value: 0.123456}, {Name: "Accuracy", Short: "acc", Kind: "accuracy", Value: 0.97314, Percent: true}}
	require.Equal(t, "Mean loss 0.1235, Accuracy 97.31%", m.String())
	require.Equal(t, 0.97314, m.Value("acc"))
	require.True(t, math.IsNaN(m.Value("other")))
	text, err := json.Marshal(train.Metric{Name: "x", Value: math.Inf(-1)})
	require.NoError(t, err)
	var back train.Metric
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, math.Inf(-1), back.Value)
}

// TestErrors pins what users read.
func TestErrors(t *testing.T) {
	run := func(trainer *train.Trainer, ds data.Dataset) error {
		_, err := train.NewLoop(trainer).RunSteps(ds, 3)
		return err
	}
	sgd := optimizers.SGD().Done()
	var got strings.Builder
	for _, c := range []struct {
		name string
		err  error
	}{
		{"shapes that do not fit", run(train.NewTrainer(graphtest.Reference(), model.NewStore(), func(scope *model.Scope, x *graph.Node) *graph.Node {
			return graph.MatMul(x, scope.VariableWithShape("w", shapes.Make(dtypes.Float32, 3, 1)).NodeValue(x))
		}, losses.MeanSquaredError, sgd), line(t, "line"))},
		{"labels that do not fit", run(train.NewTrainer(graphtest.Reference(), model.NewStore(), func(scope *model.Scope, x *graph.Node) *graph.Node {
			return graph.Squeeze(linear(scope, x), -1)
		}, losses.MeanSquaredError, sgd), line(t, "line"))},
		{"nothing to train", run(train.NewTrainer(graphtest.Reference(), model.NewStore(), func(_ *model.Scope, x *graph.Node) *graph.Node {
			return graph.ReduceAndKeep(x, graph.ReduceSum, -1)
		}, losses.MeanSquaredError, sgd), line(t, "line"))},
		{"no loss", run(train.NewTrainer(graphtest.Reference(), model.NewStore(), linear, nil, sgd), line(t, "line"))},
		{"training without an optimizer", run(newTrainer(nil), line(t, "line"))},
		{"two metrics of a name", run(newTrainer(sgd, metrics.NewBinaryAccuracy(), metrics.NewCategoricalAccuracy()), line(t, "line"))},
		{"an unknown hyperparameter", func() error {
			store := model.NewStore()
			store.SetParam("learning_rte", 0.1)
			return run(train.NewTrainer(graphtest.Reference(), store, linear, losses.MeanSquaredError, sgd), line(t, "line"))
		}()},
		{"an empty data set", run(newTrainer(sgd), broken{})},
		{"a data set that fails", run(newTrainer(sgd), broken{errors.New("disk on fire")})},
		{"an evaluation that fails", func() error {
			loop := train.NewLoop(newTrainer(sgd))
			loop.EvalEvery(1, broken{errors.New("disk on fire")})
			_, err := loop.RunSteps(line(t, "line"), 3)
			return err
		}()},
		{"trained on and evaluated on", func() error {
			ds := line(t, "line")
			loop := train.NewLoop(newTrainer(sgd))
			loop.EvalEvery(1, ds)
			_, err := loop.RunSteps(ds, 3)
			return err
		}()},
		{"a loss that is not finite", run(newTrainer(optimizers.SGD().LearningRate(1e30).Done()), line(t, "line"))},
		{"a hook that fails", func() error {
			loop := train.NewLoop(newTrainer(sgd))
			loop.OnStep("plotting", func(*train.Loop) error { return errors.New("no screen") })
			_, err := loop.RunSteps(line(t, "line"), 3)
			return err
		}()},
		{"negative steps", func() error {
			_, err := train.NewLoop(newTrainer(sgd)).RunSteps(line(t, "line"), -1)
			return err
		}()},
		{"no step by a call", newTrainer(sgd).StepsPerCall(0)},
		{"all steps by a call", newTrainer(sgd).StepsPerCall(1001)},
		{"another trainer's state", newTrainer(sgd).SetState([]byte(`{"moving":[{},{},{}],"means":[{},{},{}]}`))},
	} {
		require.True(t, c.err != nil, c.name)
		got.WriteString(c.name + ":\n\t" + c.err.Error() + "\n")
	}
	golden.Check(t, "testdata/errors.golden", regexp.MustCompile(`_test\.go:\d+`).ReplaceAllString(got.String(), "_test.go:N"))
}
