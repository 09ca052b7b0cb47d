package train_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/metrics"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"

	"github.com/stretchr/testify/require"
)

// wild trains so fast that its loss goes up and down, with averages of weights and dropout.
func wild(t *testing.T) *train.Loop {
	return train.NewLoop(train.NewTrainer(newBackend(t), model.NewStore(), noisy, losses.MeanSquaredError,
		optimizers.EMA(optimizers.Adam().LearningRate(0.7).Done(), 0.9), metrics.NewMeanAbsoluteError()))
}

// kept returns what a store holds but for the global step, and but for what is kept of the best model.
func kept(store *model.Store) map[string]any {
	all := contents(store)
	for path := range all {
		if strings.HasPrefix(path, train.BestPath+"/") || path == train.GlobalStepPath {
			delete(all, path)
		}
	}
	return all
}

// The store is that of the best evaluation, bit for bit: variables, the optimizer's state, averages of weights, the random state; and so are the results.
func TestTheBestModelIsPutBack(t *testing.T) {
	for name, c := range map[string]struct {
		metric string
		mode   train.Mode
		attach func(loop *train.Loop, mode train.Mode) error
	}{
		"KeepBest": {"loss", train.Auto, func(loop *train.Loop, mode train.Mode) error {
			return train.KeepBest(loop, train.Best{Dataset: "test", Mode: mode})
		}},
		"KeepBest, the worst": {"mae", train.Max, func(loop *train.Loop, mode train.Mode) error {
			return train.KeepBest(loop, train.Best{Metric: "mae", Mode: mode})
		}},
		"EarlyStopping": {"loss", train.Min, func(loop *train.Loop, mode train.Mode) error {
			train.EarlyStopping(loop, train.EarlyStop{Dataset: "test", Patience: 3, Mode: mode, RestoreBest: true})
			return nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			loop := wild(t)
			best, at := math.NaN(), int64(0)
			var want map[string]any
			var results train.Metrics
			loop.EvalEvery(3, line(t, "test").Shuffle(5))
			loop.EvalEvery(6, line(t, "other"))
			loop.OnEval("look", func(loop *train.Loop, dataset string, m train.Metrics) error {
				better := m.Value(c.metric) < best
				if c.mode == train.Max {
					better = m.Value(c.metric) > best
				}
				if dataset == "test" && (math.IsNaN(best) || better) {
					best, at, want, results = m.Value(c.metric), loop.Trainer().GlobalStep(), kept(loop.Trainer().Store()), m
				}
				return nil
			})
			require.NoError(t, c.attach(loop, c.mode))
			got, err := loop.RunSteps(line(t, "line"), 60)
			require.NoError(t, err)
			require.Less(t, at, loop.Trainer().GlobalStep(), "the best is not the last one")
			require.Equal(t, want, kept(loop.Trainer().Store()))
			require.Equal(t, results.Value("loss"), got.Value("test loss"))
			require.Equal(t, at%6 == 0, !math.IsNaN(got.Value("other loss")), "the results are those of the best model's step")
			require.True(t, loop.BestRestored())
			require.Equal(t, name == "EarlyStopping", loop.StopReason() != "")

			evaluated, err := loop.Trainer().Eval(line(t, "test"))
			require.NoError(t, err)
			require.InDelta(t, results.Value("loss"), evaluated.Value("loss"), 1e-5)

			best = math.NaN() // of this run
			before, loss := results.Value(c.metric), results.Value("loss")
			_, err = loop.RunSteps(line(t, "line"), 3) // goes on from the best model
			require.NoError(t, err)
			if c.mode != train.Max && best >= before || c.mode == train.Max && best <= before {
				require.Equal(t, loss, loop.Results().Value("test loss"), "what came later is not better")
			}
		})
	}
}

func TestARunThatIsNotCompletePutsNothingBack(t *testing.T) {
	loop := wild(t)
	loop.EvalEvery(1, line(t, "test"))
	require.NoError(t, train.KeepBest(loop, train.Best{}))
	no := errors.New("no")
	var last map[string]any
	train.EveryNSteps(loop, 7, "fail", func(loop *train.Loop) error {
		last = kept(loop.Trainer().Store())
		return no
	})
	_, err := loop.RunSteps(line(t, "line"), 60)
	require.ErrorIs(t, err, no)
	require.Equal(t, last, kept(loop.Trainer().Store()))
	require.False(t, loop.BestRestored())
}

// A name that is mistyped is told before the first step, with the nearest one.
func TestNamesOfWhatIsWatched(t *testing.T) {
	for _, c := range []struct {
		name   string
		attach func(loop *train.Loop) error
		want   string
	}{
		{"a metric that is best", func(l *train.Loop) error { return train.KeepBest(l, train.Best{Metric: "mea"}) },
			`train.KeepBest: an evaluation measures no metric "mea": do you mean "mae"? (known: "loss" or "Mean loss", "mae" or "Mean absolute error")`},
		{"a mode", func(l *train.Loop) error { return train.KeepBest(l, train.Best{Mode: 7}) }, "train.KeepBest: Mode(7) is no mode: want Auto, Min or Max"},
		{"two that are kept", func(l *train.Loop) error {
			return errors.Join(train.KeepBest(l, train.Best{}), train.KeepBest(l, train.Best{Metric: "mae"}))
		}, "train.KeepBest: the loop keeps a best model already"},
		{"a data set that is best", func(l *train.Loop) error { return train.KeepBest(l, train.Best{Dataset: "tset"}) },
			`best model: train.KeepBest: the loop does not evaluate "tset": do you mean "test"? (it evaluates "test")`},
		{"a metric to stop by", func(l *train.Loop) error { train.EarlyStopping(l, train.EarlyStop{Metric: "Loss"}); return nil },
			`early stopping: train.EarlyStopping: an evaluation measures no metric "Loss": do you mean "loss"?`},
		{"a data set to stop by", func(l *train.Loop) error { train.EarlyStopping(l, train.EarlyStop{Dataset: "text"}); return nil },
			`early stopping: train.EarlyStopping: the loop does not evaluate "text": do you mean "test"?`},
		{"both keep", func(l *train.Loop) error {
			train.EarlyStopping(l, train.EarlyStop{RestoreBest: true})
			train.EarlyStopping(l, train.EarlyStop{Metric: "mae", RestoreBest: true})
			return nil
		}, "early stopping 2: train.EarlyStopping: the loop keeps a best model already"},
		{"a data set of a plateau", func(l *train.Loop) error { return train.ReduceOnPlateau(l, train.Plateau{Dataset: "tests"}) },
			`reduce on plateau: train.ReduceOnPlateau: the loop does not evaluate "tests": do you mean "test"?`},
	} {
		t.Run(c.name, func(t *testing.T) {
			loop := wild(t)
			loop.EvalEvery(1, line(t, "test"))
			err := c.attach(loop)
			if err == nil {
				_, err = loop.RunSteps(line(t, "line"), 1)
			}
			require.ErrorContains(t, err, c.want)
			require.Zero(t, loop.Step())
		})
	}
	loop := wild(t)
	train.EarlyStopping(loop, train.EarlyStop{})
	_, err := loop.RunSteps(line(t, "line"), 1)
	require.ErrorContains(t, err, "train.EarlyStopping: the loop evaluates nothing: call its EvalEachEpoch or EvalEvery")
}

// scaled is a model of one variable.
func scaled(scope *model.Scope, x *graph.Node) *graph.Node {
	return graph.Mul(x, scope.VariableWithValue("w", float32(1)).NodeValue(x))
}

func TestAMode(t *testing.T) {
	acc, loss := train.Metric{Kind: "accuracy", Value: 2}, train.Metric{Kind: "loss", Value: 2}
	one := train.Metric{Value: 1}
	require.True(t, train.Auto.Better(acc, one))
	require.False(t, train.Auto.Better(loss, one))
	require.True(t, train.Max.Better(loss, one))
	require.False(t, train.Min.Better(acc, one))
	require.Equal(t, "max", train.Max.String())
	_, err := train.Metrics{loss}.Find("x")
	require.Error(t, err)
}
