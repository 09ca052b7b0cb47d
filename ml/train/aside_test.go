package train_test

import (
	"iter"
	"maps"
	"math"
	"strings"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/metrics"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"

	"github.com/stretchr/testify/require"
)

// What is tried aside leaves store, trainer and data set as they were, bit for bit: before the first step, and in the middle of training.
func TestWhatIsTriedAsideLeavesNoTrace(t *testing.T) {
	for name, try := range map[string]func(tr *train.Trainer, ds data.Dataset) error{
		"Overfit": func(tr *train.Trainer, ds data.Dataset) error {
			b, err := data.Peek(ds)
			if err != nil {
				return err
			}
			defer b.Close()
			_, err = train.Overfit(tr, b, 5)
			return err
		},
		"DryRun": func(tr *train.Trainer, ds data.Dataset) error {
			_, err := train.DryRun(tr, ds, line(t, "test"))
			return err
		},
		"FindRate": func(tr *train.Trainer, ds data.Dataset) error {
			_, err := train.FindRate(tr, ds, train.RateRange{Steps: 12})
			return err
		},
		"CheckData": func(_ *train.Trainer, ds data.Dataset) error {
			_, err := train.CheckData(ds, train.DataChecks{})
			return err
		},
	} {
		for _, after := range []int{0, 9} {
			for _, accumulate := range []int{1, 2} {
				alone, tried := noisyLoop(newBackend(t)), noisyLoop(newBackend(t))
				one, other := line(t, "line").Shuffle(3), line(t, "line").Shuffle(3)
				run := func(l *train.Loop, ds data.Dataset, n int) {
					_, err := l.RunSteps(ds, n)
					require.NoError(t, err)
				}
				for _, l := range []*train.Loop{alone, tried} {
					require.NoError(t, l.Trainer().AccumulateGradients(accumulate))
				}
				require.NoError(t, tried.Trainer().Store().SetParam(optimizers.ParamLearningRate, 0.03))
				require.NoError(t, alone.Trainer().Store().SetParam(optimizers.ParamLearningRate, 0.03))
				run(alone, one, after)
				run(tried, other, after)
				before, state := contents(tried.Trainer().Store()), must(tried.Trainer().State())
				require.NoError(t, try(tried.Trainer(), other), name)
				require.Equal(t, before, contents(tried.Trainer().Store()), name)
				require.Equal(t, string(state), string(must(tried.Trainer().State())), name)
				require.Equal(t, must(one.State()), must(other.State()), name)
				run(alone, one, 10)
				run(tried, other, 10)
				require.Equal(t, contents(alone.Trainer().Store()), contents(tried.Trainer().Store()), name)
			}
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestOverfit(t *testing.T) {
	b, err := data.Peek(line(t, "line"))
	require.NoError(t, err)
	defer b.Close()
	tr := newTrainer(optimizers.Adam().LearningRate(0.1).Done())
	r, err := train.Overfit(tr, b, 200)
	require.NoError(t, err)
	require.True(t, r.Learnt(), "%s", r)
	require.Contains(t, r.String(), "in 200 steps on one batch: the model learns it by heart")
	require.Zero(t, tr.GlobalStep())
	require.Zero(t, tr.Store().NumVariables())

	r, err = train.Overfit(newTrainer(optimizers.SGD().LearningRate(0).Done()), b, 3)
	require.NoError(t, err)
	require.False(t, r.Learnt())
	require.Contains(t, r.String(), "it does not fall")
	r, err = train.Overfit(newTrainer(optimizers.SGD().LearningRate(1e-3).Done()), b, 3)
	require.NoError(t, err)
	require.Contains(t, r.String(), "it falls, not to 0")
	r, err = train.Overfit(newTrainer(optimizers.SGD().LearningRate(1e18).Done()), b, 9)
	require.NoError(t, err)
	var bad *train.NotFiniteError
	require.ErrorAs(t, r.Failed, &bad)
	require.Contains(t, r.String(), "training step")

	_, err = train.Overfit(tr, b, 0)
	require.EqualError(t, err, "train.Overfit: 0 steps, want 1 or more")
	_, err = train.Overfit(nil, b, 1)
	require.ErrorContains(t, err, "the trainer is nil")
	_, err = train.Overfit(new(train.Trainer), b, 1)
	require.ErrorContains(t, err, "make it with NewTrainer")
	require.Equal(t, "no step was made", new(train.OverfitReport).String())
}

// A loss that begins below 0 is not near it since it is small.
func TestOverfitOfALossBelow0(t *testing.T) {
	for _, c := range []struct {
		losses []float64
		learnt bool
		says   string
	}{
		{[]float64{-1, -0.9}, false, "it does not fall"},
		{[]float64{-1, -1}, false, "it does not fall"},
		{[]float64{-1, -7}, false, "it falls, not to 0"},
		{[]float64{1, 0.01}, true, "learns it by heart"},
		{[]float64{1, 0.01, 0.5}, false, "loses it again"},
		{[]float64{0, 0}, true, "learns it by heart"},
	} {
		r := &train.OverfitReport{Losses: c.losses}
		require.Equal(t, c.learnt, r.Learnt(), c.losses)
		require.Contains(t, r.String(), c.says)
	}
}

// panics is a data set that panics after some batches.
type panics struct{ data.Dataset }

func (p panics) Iter() iter.Seq2[data.Batch, error] {
	return func(yield func(data.Batch, error) bool) {
		n := 0
		for b, err := range p.Dataset.Iter() {
			if n++; n > 3 {
				panic("no more")
			}
			if !yield(b, err) {
				return
			}
		}
	}
}

// What panics is an error, and leaves no trace either.
func TestADataSetThatPanicsLeavesNoTrace(t *testing.T) {
	for _, rate := range []any{nil, 0.03} {
		tr := newTrainer(optimizers.SGD().Done())
		if rate != nil {
			require.NoError(t, tr.Store().SetParam(optimizers.ParamLearningRate, rate))
		}
		params := func() map[string]any { return maps.Collect(tr.Store().IterParams()) }
		before := params()
		_, err := train.FindRate(tr, panics{line(t, "line")}, train.RateRange{})
		require.ErrorContains(t, err, "no more")
		require.Equal(t, before, params())
		require.Empty(t, contents(tr.Store()))
	}
	_, err := train.CheckData(panics{line(t, "line")}, train.DataChecks{Batches: 9})
	require.ErrorContains(t, err, "no more")
}

func TestDryRun(t *testing.T) {
	tr := train.NewTrainer(gocpu.New(), model.NewStore(), noisy, losses.MeanSquaredError, optimizers.Adam().Done(), metrics.NewMeanAbsoluteError())
	r, err := train.DryRun(tr, line(t, "line"), line(t, "test"), line(t, "validation"))
	require.NoError(t, err)
	require.Len(t, r.Programs, 3)
	require.Equal(t, []string{"train", "eval test", "eval validation"}, []string{r.Programs[0].Name, r.Programs[1].Name, r.Programs[2].Name})
	weights := 2*8 + 8 + 8 + 1
	require.Equal(t, weights, r.Parameters)
	require.Equal(t, weights, r.Trainable)
	require.Equal(t, int64(4*weights), r.ParameterBytes)
	require.Greater(t, r.StateBytes, 2*r.ParameterBytes, "Adam keeps two numbers for each")
	require.Greater(t, r.Programs[0].FLOPs, 3*float64(8*(2*2*8+2*8)), "a forward pass and more than that back")
	require.Less(t, r.Programs[1].FLOPs, r.Programs[0].FLOPs)
	for _, p := range r.Programs {
		require.True(t, p.Planned)
		require.Positive(t, p.Memory.Arguments)
		require.False(t, math.IsNaN(p.Metrics.Value("loss")))
		require.Equal(t, "[float32[8 2] float32[8 1]]", "["+p.Batch[0].String()+" "+p.Batch[1].String()+"]")
	}
	require.Contains(t, r.String(), "33 parameters, 33 of them trained")
	require.Contains(t, r.String(), "eval validation")

	wrong := train.NewTrainer(graphtest.Reference(), model.NewStore(), func(scope *model.Scope, x *graph.Node) *graph.Node {
		if !scope.IsTraining(x.Graph()) { // a mistake that a loop finds after an epoch
			return dense(scope, x, 3)
		}
		return dense(scope, x, 1)
	}, losses.MeanSquaredError, optimizers.SGD().Done())
	_, err = train.DryRun(wrong, line(t, "line"), line(t, "test"))
	require.ErrorContains(t, err, "train.DryRun: eval test: ")
	require.Zero(t, wrong.Store().NumVariables())
	_, err = train.DryRun(wrong, nil)
	require.ErrorContains(t, err, "the data set is nil")
	_, err = train.DryRun(newTrainer(nil), line(t, "line"))
	require.ErrorContains(t, err, "the trainer has no optimizer")
}

func TestFindRate(t *testing.T) {
	tr := newTrainer(optimizers.SGD().Done())
	c, err := train.FindRate(tr, line(t, "line"), train.RateRange{From: 1e-5, To: 100, Steps: 60})
	require.NoError(t, err)
	require.True(t, c.Diverged)
	require.InDelta(t, 1e-5, c.Rates[0], 1e-12)
	require.Less(t, len(c.Rates), 60)
	require.InDelta(t, math.Pow(1e7, 1.0/59), c.Rates[1]/c.Rates[0], 1e-9)
	require.Greater(t, c.Suggested, 1e-3, "%s", c)
	require.Less(t, c.Suggested, 1.0, "%s", c)
	require.InDelta(t, c.Losses[0], c.Smoothed[0], 1e-12)
	require.Contains(t, c.String(), "the loss falls fastest at")

	best := tr
	require.NoError(t, optimizers.SetRateFactor(best.Store(), c.Suggested/0.01)) // of SGD's own rate
	loop := train.NewLoop(best)
	results, err := loop.RunEpochs(line(t, "line"), 20)
	require.NoError(t, err)
	require.Less(t, results.Value("loss"), c.Smoothed[0]/10)

	for _, bad := range []train.RateRange{{From: -1}, {From: 1, To: 0.1}, {Steps: 3}, {Diverged: 0.5}, {To: math.Inf(1)}} {
		_, err := train.FindRate(tr, line(t, "line"), bad)
		require.ErrorContains(t, err, "train.FindRate: ")
	}
	_, err = train.FindRate(tr, nil, train.RateRange{})
	require.ErrorContains(t, err, "the data set is nil")
	flat, err := train.FindRate(train.NewTrainer(graphtest.Reference(), model.NewStore(), func(scope *model.Scope, x *graph.Node) *graph.Node {
		return graph.Add(graph.MulScalar(graph.StopGradient(layers.Dense(scope.In("a"), x, true, 1)), 0), graph.MulScalar(scaled(scope, graph.Slice(x, graph.AxisRange(), graph.AxisElem(0))), 0))
	}, losses.MeanSquaredError, optimizers.SGD().Done()), data.Take(line(t, "line"), 1), train.RateRange{Steps: 10})
	require.NoError(t, err)
	require.Zero(t, flat.Suggested)
	require.Contains(t, flat.String(), "nowhere falls")
}

func TestCheckData(t *testing.T) {
	check := func(inputs, labels any, o train.DataChecks) *train.DataReport {
		t.Helper()
		ds, err := data.InMemory("x", inputs, labels)
		require.NoError(t, err)
		r, err := train.CheckData(ds.BatchSize(2, false), o)
		require.NoError(t, err)
		return r
	}
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	good := [][]float32{{1, 2}, {3, 4}, {5, 6}, {7, 8}}
	for _, c := range []struct {
		name           string
		inputs, labels any
		o              train.DataChecks
		want           string
	}{
		{"good data", good, []int32{0, 1, 2, 0}, train.DataChecks{Classes: 3}, "\"x\": 2 batches, 4 examples, nothing to complain of"},
		{"numbers that are not finite", [][]float32{{1, 2}, {3, 4}, {5, nan}, {inf, 8}}, []int32{0, 1, 2, 0}, train.DataChecks{},
			"\"x\": 2 batches, 4 examples\nerror: batch 1, input 0: 2 of 4 values are not finite, the first one, NaN, at [0 1]"},
		{"labels that are no class", good, []int32{0, 1, 3, -1}, train.DataChecks{Classes: 3},
			"\"x\": 2 batches, 4 examples\nerror: batch 1, label 0: 2 of 2 labels are no class, the first one, 3, at [0]: classes are numbered from 0 to 2"},
		{"negative labels", good, []int32{0, -1, 2, -7}, train.DataChecks{},
			"\"x\": 2 batches, 4 examples\nerror: batch 0, label 0: 1 of 2 labels are no class, the first one, -1, at [1]: classes are numbered from 0 (and 1 more such batches)"},
		{"a feature that says nothing", [][]float32{{1, 2}, {1, 4}, {1, 6}, {1, 8}}, []int32{0, 1, 2, 0}, train.DataChecks{},
			"\"x\": 2 batches, 4 examples\nwarning: input 0: 1 of 2 features are the same in all 4 examples, the first one, 1, at [0]"},
		{"one class", good, []int32{2, 2, 2, 2}, train.DataChecks{}, "\"x\": 2 batches, 4 examples\nwarning: label 0: all labels are 2: there is nothing to learn"},
		{"a batch that is there twice", [][]float32{{1, 2}, {3, 4}, {1, 2}, {3, 4}}, []int32{0, 1, 0, 1}, train.DataChecks{},
			"\"x\": 2 batches, 4 examples\nwarning: batch 1, batch: it has the values of batch 0"},
		{"one batch of two", good, []int32{0, 1, -1, 0}, train.DataChecks{Batches: 1}, "\"x\": 1 batches, 2 examples, nothing to complain of"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := check(c.inputs, c.labels, c.o)
			require.Equal(t, c.want, r.String())
			serious := false
			for _, p := range r.Problems {
				serious = serious || !p.Warning
			}
			require.Equal(t, serious, r.Err() != nil)
		})
	}

	sets := func(b ...data.Batch) data.Dataset {
		return data.Generate("mixed", len(b), func(p data.Position) (data.Batch, error) { return b[p.Batch], nil })
	}
	for want, ds := range map[string]data.Dataset{
		"warning: batch 1, input 0: it is float32[1 2], in the first batch float32[1 3]": sets(batchOf([]int32{1}, [][]float32{{1, 2, 3}}), batchOf([]int32{0}, [][]float32{{1, 2}})),
		"error: batch 1, input 0: it is float64[1 3], in the first batch float32[1 3]":   sets(batchOf([]int32{1}, [][]float32{{1, 2, 3}}), batchOf([]int32{0}, [][]float64{{1, 2, 4}})),
		"error: batch 1, batch: it has 2 inputs, the first one has 1":                    sets(batchOf([]int32{1}, [][]float32{{1}}), batchOf([]int32{0}, [][]float32{{2}}, [][]float32{{2}})),
		"error: batch 0, label 0: it is int32[2], but the batch has 1 examples":          sets(batchOf([]int32{1, 0}, [][]float32{{1}})),
		"error: batch 0, input 0: it is float32[0]: there are no examples":               sets(batchOf([]int32{}, []float32{})),
	} {
		r, err := train.CheckData(ds, train.DataChecks{})
		require.NoError(t, err)
		require.Contains(t, r.String(), want)
	}
	// Where a data set does not say how long a pass is, the next pass is none of batches that are there twice.
	long := line(t, "line").Infinite(true)
	for want, c := range map[string]struct {
		ds      data.Dataset
		batches int
	}{
		`"line": 10 batches`: {long, 10},
		`"few": 8 batches`:   {few{1, 2, 3}, 8},
		"warning: batch 2, batch: it has the values of batch 1": {few{1, 2, 2}, 8},
	} {
		r, err := train.CheckData(c.ds, train.DataChecks{Batches: c.batches})
		require.NoError(t, err)
		require.Contains(t, r.String(), want)
		require.NotContains(t, r.String(), "more such batches")
		require.Equal(t, strings.HasPrefix(want, "warning"), strings.Contains(r.String(), "values of batch"), r.String())
	}
	masked := batchOf([]int32{-1, 1}, [][]float32{{1}, {2}})
	masked.Labels = append(masked.Labels, batchOf([]bool{false, true}).Labels...)
	r, err := train.CheckData(sets(masked), train.DataChecks{})
	require.NoError(t, err)
	require.NoError(t, r.Err(), "what a mask hides may be anything")

	_, err = train.CheckData(nil, train.DataChecks{})
	require.ErrorContains(t, err, "the data set is nil")
	_, err = train.CheckData(line(t, "line"), train.DataChecks{Batches: -1})
	require.ErrorContains(t, err, "want 0 or more")
	_, err = train.CheckData(sets(), train.DataChecks{})
	require.ErrorContains(t, err, "passes of 0 batches")
}

// few is a data set of somebody's own, of batches of a number each, which does not say how many a pass has.
type few []float32

func (few) Name() string { return "few" }

func (u few) Iter() iter.Seq2[data.Batch, error] {
	return func(yield func(data.Batch, error) bool) {
		for i, x := range u {
			if !yield(batchOf([]int32{int32(min(i, 1))}, [][]float32{{x}}), nil) {
				return
			}
		}
	}
}
