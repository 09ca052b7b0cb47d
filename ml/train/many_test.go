package train_test

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/metrics"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"

	"github.com/stretchr/testify/require"
)

// busy has all that steps leave behind: weights, state of an optimizer, averages of a norm, random state, a loss added in the model.
func busy(scope *model.Scope, x *graph.Node) *graph.Node {
	x = graph.Tanh(dense(scope.In("hidden"), x, 8))
	x = layers.BatchNorm(scope.In("norm"), x, -1).Done()
	y := dense(scope.In("out"), layers.Dropout(scope.In("dropout"), x, 0.2), 1)
	losses.AddL2Regularization(0.01, scope.GetVariable("/hidden/w").NodeValue(x))
	return y
}

func busyLoop(b graph.Backend, o optimizers.Interface) *train.Loop {
	return train.NewLoop(train.NewTrainer(b, model.NewStore(), busy, losses.MeanSquaredError, o, metrics.NewMeanAbsoluteError()))
}

// told trains and returns what listeners are told, and the store.
func told(t *testing.T, loop *train.Loop, run func(l *train.Loop) error) (events []string, store map[string]any) {
	loop.Listen(func(e train.Event) {
		require.Equal(t, loop.Trainer().GlobalStep(), e.GlobalStep)
		events = append(events, fmt.Sprint(e.Kind, e.GlobalStep, e.Step, e.Epoch, e.Dataset, e.Metrics, e.Err))
	})
	require.NoError(t, run(loop))
	return events, contents(loop.Trainer().Store())
}

// Steps that are made by one call are told, and leave behind, what they do one by one, to the last bit: with every optimizer, with what
// is between gradients and variables, and with gradients that are accumulated.
func TestStepsOfOneCallAreThoseOfManyCalls(t *testing.T) {
	for name, o := range allOptimizers {
		for _, accumulate := range []int{1, 2, 3} {
			run := func(k int) ([]string, map[string]any) {
				loop := busyLoop(newBackend(t), o)
				require.NoError(t, loop.Trainer().AccumulateGradients(accumulate))
				require.NoError(t, loop.Trainer().StepsPerCall(k))
				return told(t, loop, func(l *train.Loop) error {
					_, err := l.RunSteps(line(t, "line").BatchSize(8, true).Shuffle(3).Infinite(true), 23)
					return err
				})
			}
			wantTold, want := run(1)
			for _, k := range []int{2, 3, 4, 6} {
				gotTold, got := run(k)
				require.Equal(t, wantTold, gotTold, "%s, %d batches to an update, %d steps by a call", name, accumulate, k)
				require.Equal(t, want, got, "%s, %d batches to an update, %d steps by a call", name, accumulate, k)
			}
		}
	}
}

// Where something is to be done between steps, or a batch is another one than that before, fewer steps are made by one call, and what is
// told is the same.
func TestCallsEndWhereSomethingIsDue(t *testing.T) {
	endless := func(t *testing.T) data.Dataset { return line(t, "line").BatchSize(8, true).Infinite(true) }
	nothing := func(*train.Loop) error { return nil }
	for name, c := range map[string]struct {
		ds   func(t *testing.T) data.Dataset
		add  func(t *testing.T, l *train.Loop)
		want []int // steps of the calls
	}{
		"nothing is due":         {endless, nil, []int{1, 4, 4, 4, 4, 1}},
		"a hook after each step": {endless, func(_ *testing.T, l *train.Loop) { l.OnStep("x", nothing) }, slices.Repeat([]int{1}, 18)},
		"every 5 steps":          {endless, func(_ *testing.T, l *train.Loop) { train.EveryNSteps(l, 5, "x", nothing) }, []int{1, 4, 4, 1, 4, 1, 1, 1, 1}},
		"a hook now and then": {endless, func(_ *testing.T, l *train.Loop) {
			l.OnSettledIf("x", func(l *train.Loop) bool { return l.Step() == 6 }, nothing)
		}, []int{1, 4, 1, 1, 4, 4, 1, 1, 1}},
		"evaluations":              {endless, func(t *testing.T, l *train.Loop) { l.EvalEvery(7, line(t, "test")) }, []int{1, 4, 1, 1, 4, 1, 1, 1, 4}},
		"passes, a smaller batch":  {func(t *testing.T) data.Dataset { return line(t, "line") }, nil, []int{1, 4, 1, 1, 1, 4, 1, 1, 1, 1, 1, 1}},
		"passes of unknown length": {func(t *testing.T) data.Dataset { return unsized{line(t, "line")} }, nil, []int{1, 4, 1, 1, 1, 4, 1, 1, 1, 1, 1, 1}},
		"batches of two sizes": {func(t *testing.T) data.Dataset {
			return sizes{line(t, "line"), []int{4, 4, 4, 4, 4, 4, 3, 4, 4, 4, 4, 4, 4, 3, 3, 3, 3, 3}}
		}, nil, []int{1, 4, 1, 1, 1, 4, 1, 1, 4}},
		"the model logs a node":     {endless, nil, slices.Repeat([]int{1}, 18)},
		"batches of different Spec": {func(t *testing.T) data.Dataset { return specs{endless(t)} }, nil, []int{1, 1, 4, 1, 1, 1, 4, 1, 1, 1, 1, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			run := func(k int) (events []string, store map[string]any, calls []int) {
				counted := newBackend(t)
				b := &recording{Backend: counted}
				fn := func(scope *model.Scope, spec any, in []*graph.Node) *graph.Node {
					if name == "the model logs a node" {
						in[0].SetLogged("")
					}
					return noisy(scope, in[0])
				}
				loop := train.NewLoop(train.NewTrainer(b, model.NewStore(), fn, losses.MeanSquaredError, optimizers.Adam().Done()))
				require.NoError(t, loop.Trainer().StepsPerCall(k))
				if c.add != nil {
					c.add(t, loop)
				}
				events, store = told(t, loop, func(l *train.Loop) error {
					_, err := l.RunSteps(c.ds(t), 18)
					return err
				})
				require.NoError(t, loop.Trainer().Store().Close())
				require.Zero(t, counted.Live(), "buffers that are left")
				return events, store, b.steps
			}
			wantTold, want, ones := run(1)
			require.Equal(t, slices.Repeat([]int{1}, 18), ones)
			gotTold, got, calls := run(4)
			require.Equal(t, wantTold, gotTold)
			require.Equal(t, want, got)
			require.Equal(t, c.want, calls, "the steps of each call")
		})
	}
}

// recording notes how many steps of training are made by each run.
type recording struct {
	graph.Backend
	steps []int
}

type recorded struct {
	ir.Executable
	by    *recording
	steps int
}

func (r *recording) Compile(ctx context.Context, p *ir.Program) (ir.Executable, error) {
	exe, err := r.Backend.Compile(ctx, p)
	if err != nil || len(p.Outputs) == 1 { // an evaluation
		return exe, err
	}
	report := p.ShapesOf(p.Outputs)[0]
	if report.Rank() == 1 {
		return &recorded{exe, r, 1}, nil
	}
	return &recorded{exe, r, report.Dimensions[0]}, nil
}

func (r *recorded) Run(ctx context.Context, inputs []ir.Buffer, donate []bool) ([]ir.Buffer, error) {
	r.by.steps = append(r.by.steps, r.steps)
	return r.Executable.Run(ctx, inputs, donate)
}

// sizes cuts the batches of a data set.
type sizes struct {
	ds   data.Dataset
	list []int
}

func (s sizes) Name() string { return s.ds.Name() }
func (s sizes) Iter() iter.Seq2[data.Batch, error] {
	return func(yield func(data.Batch, error) bool) {
		for i, n := range s.list {
			x, y := make([][]float32, n), make([][]float32, n)
			for j := range x {
				x[j], y[j] = []float32{float32(i), float32(j)}, []float32{float32(i - j)}
			}
			if !yield(batchOf(y, x), nil) {
				return
			}
		}
	}
}

// specs gives batches different Specs now and then.
type specs struct{ ds data.Dataset }

func (s specs) Name() string { return s.ds.Name() }
func (s specs) Iter() iter.Seq2[data.Batch, error] {
	return func(yield func(data.Batch, error) bool) {
		n := 0
		for b, err := range s.ds.Iter() {
			if n++; n%7 < 2 {
				b.Spec = "other"
			}
			if !yield(b, err) {
				return
			}
		}
	}
}

// A step that is not finite ends the run with its own number wherever it is in a call, and nothing is made of the steps after it.
func TestAStepInACallThatIsNotMade(t *testing.T) {
	for _, accumulate := range []int{1, 2} {
		for bad := range 12 {
			n := 0
			spoiled := data.Map(line(t, "line").BatchSize(8, true).Infinite(true), func(b data.Batch) (data.Batch, error) {
				if n++; n == bad+1 {
					tensors.Flat[float32](b.Labels[0])[0] = float32(math.NaN())
				}
				return b, nil
			})
			b := newBackend(t)
			loop := busyLoop(b, optimizers.Adam().Done())
			require.NoError(t, loop.Trainer().AccumulateGradients(accumulate))
			require.NoError(t, loop.Trainer().StepsPerCall(4))
			steps := 0
			loop.Listen(func(e train.Event) {
				if e.Kind == train.Step {
					steps = e.Step
				}
			})
			_, err := loop.RunSteps(spoiled, 30)
			var notFinite *train.NotFiniteError
			require.ErrorAs(t, err, &notFinite)
			require.Equal(t, int64(bad/accumulate)+1, notFinite.Step)
			require.Equal(t, bad, steps, "the steps that were told")
			require.Equal(t, int64(bad/accumulate), loop.Trainer().GlobalStep())

			good := busyLoop(newBackend(t), optimizers.Adam().Done())
			require.NoError(t, good.Trainer().AccumulateGradients(accumulate))
			_, err = good.RunSteps(line(t, "line").BatchSize(8, true).Infinite(true), bad)
			require.NoError(t, err)
			got := contents(loop.Trainer().Store())
			for path, want := range contents(good.Trainer().Store()) {
				require.Equal(t, want, got[path], "batch %d is bad: %s", bad, path)
			}
			require.NoError(t, loop.Trainer().Store().Close())
			require.Zero(t, b.Live(), "buffers that are left")
		}
	}
}

// What goes wrong in a step of a call names the user's own line, as it does in a step by itself.
func TestAStepInACallThatGoesWrongNamesItsLine(t *testing.T) {
	run := func(k int) error {
		loop := train.NewLoop(train.NewTrainer(newBackend(t), model.NewStore(), func(scope *model.Scope, x *graph.Node) *graph.Node {
			count := graph.ConvertDType(graph.ReduceAllSum(x), dtypes.Int32)
			x = graph.Mul(x, graph.ConvertDType(graph.Div(graph.OnesLike(count), count), x.DType()))
			return dense(scope, x, 1)
		}, losses.MeanSquaredError, optimizers.SGD().Done()))
		require.NoError(t, loop.Trainer().StepsPerCall(k))
		n := 0
		_, err := loop.RunSteps(data.Map(line(t, "line").BatchSize(8, true).Infinite(true), func(b data.Batch) (data.Batch, error) {
			for i := range tensors.Flat[float32](b.Inputs[0]) {
				tensors.Flat[float32](b.Inputs[0])[i] = 1
			}
			if n++; n == 4 {
				clear(tensors.Flat[float32](b.Inputs[0]))
			}
			return b, nil
		}), 12)
		return err
	}
	one, many := run(1), run(4)
	require.ErrorContains(t, one, "training step 4: ")
	require.ErrorContains(t, many, "training steps 2 to 5, which are one call: ")
	require.ErrorContains(t, one, "integer division by zero")
	require.ErrorContains(t, one, "many_test.go:")
	require.Contains(t, many.Error(), one.Error()[strings.Index(one.Error(), "many_test.go:"):])
}
