package train_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"testing"
	"time"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/internal/counting"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/metrics"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"

	"github.com/stretchr/testify/require"
)

func newBackend(t testing.TB) *counting.Backend {
	inner := gocpu.New()
	t.Cleanup(func() { inner.Close() })
	return counting.New(inner)
}

// noisy has dropout, so that a step that is made twice, or not at all, shows in all that follows.
func noisy(scope *model.Scope, x *graph.Node) *graph.Node {
	return dense(scope.In("out"), layers.Dropout(scope.In("dropout"), graph.Tanh(dense(scope.In("hidden"), x, 8)), 0.2), 1)
}

func noisyLoop(b graph.Backend) *train.Loop {
	return train.NewLoop(train.NewTrainer(b, model.NewStore(), noisy, losses.MeanSquaredError,
		optimizers.Adam().LearningRate(0.05).ClipGlobalNorm(1).Done(), metrics.NewMeanAbsoluteError()))
}

// The reasons for which a loop waits for a step before it begins the next one, and after which steps of 10, of passes of 7.
func TestALoopIsAStepAheadOfItsMetrics(t *testing.T) {
	nothing := func(*train.Loop) error { return nil }
	all := []int{1, 2, 3, 4, 5, 6, 7, 8, 9}
	for name, c := range map[string]struct {
		add  func(t *testing.T, l *train.Loop)
		want []int // the steps that it waits for, besides the last one
	}{
		"nothing but the end of a pass": {func(*testing.T, *train.Loop) {}, []int{7}},
		"a listener":                    {func(_ *testing.T, l *train.Loop) { l.Listen(func(train.Event) {}) }, []int{7}},
		"a hook after each epoch":       {func(_ *testing.T, l *train.Loop) { l.OnEpoch("x", nothing) }, []int{7}},
		"a hook at start and end": {func(_ *testing.T, l *train.Loop) {
			l.OnStart("x", nothing)
			l.OnEnd("x", func(*train.Loop, error, bool) error { return nil })
		}, []int{7}},
		"a hook after each step":  {func(_ *testing.T, l *train.Loop) { l.OnStep("x", nothing) }, all},
		"a hook when all is done": {func(_ *testing.T, l *train.Loop) { l.OnSettled("x", nothing) }, all},
		"a hook that now and then has work": {func(_ *testing.T, l *train.Loop) {
			l.OnSettledIf("x", func(l *train.Loop) bool { return l.Step() == 4 }, nothing)
		}, []int{5, 7}},
		"every 3 steps": {func(_ *testing.T, l *train.Loop) { train.EveryNSteps(l, 3, "x", nothing) }, []int{3, 6, 7, 9}},
		"3 times":       {func(_ *testing.T, l *train.Loop) { train.NTimesDuringLoop(l, 3, "x", nothing) }, []int{4, 7}},
		"every hour":    {func(_ *testing.T, l *train.Loop) { train.PeriodicCallback(l, time.Hour, false, "x", nothing) }, []int{7}},
		"all the time":  {func(_ *testing.T, l *train.Loop) { train.PeriodicCallback(l, 0, false, "x", nothing) }, all},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBackend(t)
			loop := noisyLoop(b)
			c.add(t, loop)
			var waited []int
			runs := 0
			b.BeforeRun(func() error {
				switch read := b.Reads(); {
				case runs == 0:
				case read == runs:
					waited = append(waited, runs)
				case read != runs-1:
					t.Errorf("step %d begins when %d reports were read", runs+1, read)
				}
				runs++
				return nil
			})
			_, err := loop.RunSteps(line(t, "line"), 10)
			require.NoError(t, err)
			require.Equal(t, 10, runs)
			require.Equal(t, 10, b.Reads(), "reports that were read; the global step is none of what is")
			require.Equal(t, c.want, waited)
			require.NoError(t, loop.Trainer().Store().Close())
			require.Zero(t, b.Live(), "buffers that are left")
		})
	}
}

// What a run tells and what it makes are the same whether it waits for its steps or not.
func TestAStepAheadChangesNothingThatIsSeen(t *testing.T) {
	for _, accumulate := range []int{1, 2, 3} {
		for name, ds := range map[string]func() data.Dataset{
			"a pass of known length":   func() data.Dataset { return line(t, "line").Shuffle(3) },
			"a pass of unknown length": func() data.Dataset { return unsized{line(t, "line").Shuffle(3)} },
		} {
			run := func(waits bool) (told []string, store map[string]any) {
				loop := noisyLoop(newBackend(t))
				require.NoError(t, loop.Trainer().AccumulateGradients(accumulate))
				loop.EvalEvery(9, line(t, "test"))
				loop.Listen(func(e train.Event) {
					require.Equal(t, loop.Trainer().GlobalStep(), e.GlobalStep)
					require.Equal(t, loop.Step(), e.Step)
					if e.Kind == train.Step {
						require.Equal(t, loop.LastMetrics(), train.Metrics(e.Metrics))
					}
					told = append(told, fmt.Sprint(e.Kind, e.GlobalStep, e.Step, e.Epoch, e.Dataset, e.Metrics))
				})
				if waits {
					loop.OnStep("wait", func(*train.Loop) error { return nil })
				}
				_, err := loop.RunSteps(ds(), 24)
				require.NoError(t, err)
				return told, contents(loop.Trainer().Store())
			}
			wantTold, want := run(true)
			told, got := run(false)
			require.Equal(t, wantTold, told, "%s, %d batches to an update", name, accumulate)
			require.Equal(t, want, got, "%s, %d batches to an update", name, accumulate)
		}
	}
}

// unsized hides how many batches there are.
type unsized struct{ ds data.Dataset }

func (u unsized) Name() string                       { return u.ds.Name() }
func (u unsized) Iter() iter.Seq2[data.Batch, error] { return u.ds.Iter() }

// A batch that is not finite ends the run with its own step's number, and leaves the model of the step before, although the
// next step was begun already: that changes nothing either.
func TestAStepAheadOfOneThatIsNotMadeIsNotMade(t *testing.T) {
	for _, accumulate := range []int{1, 2, 3} {
		for bad := range 9 {
			n := 0
			spoiled := data.Map(line(t, "line"), func(b data.Batch) (data.Batch, error) {
				if n++; n == bad+1 {
					tensors.Flat[float32](b.Labels[0])[0] = float32(math.NaN())
				}
				return b, nil
			})
			b := newBackend(t)
			loop := noisyLoop(b)
			require.NoError(t, loop.Trainer().AccumulateGradients(accumulate))
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

			good := noisyLoop(newBackend(t))
			require.NoError(t, good.Trainer().AccumulateGradients(accumulate))
			_, err = good.RunSteps(line(t, "line"), bad)
			require.NoError(t, err)
			got := contents(loop.Trainer().Store())
			for path, want := range contents(good.Trainer().Store()) { // the other has more: what a graph of the bad step made
				require.Equal(t, want, got[path], "batch %d is bad: %s", bad, path)
			}
			require.NoError(t, loop.Trainer().Store().Close())
			require.Zero(t, b.Live(), "buffers that are left")

			_, err = good.RunSteps(line(t, "line"), 3)
			require.NoError(t, err)
		}
	}
}

// elsewhere is an engine whose runs are taken to be made in another process.
type elsewhere struct{ *counting.Backend }

func (elsewhere) RunsAhead() bool { return true }

// On an engine elsewhere more steps are under way, and all is told and made as if they were not: the events of all steps, the model, the
// step that fails, the steps that a run has that is given up.
func TestManyStepsAhead(t *testing.T) {
	const steps = 100
	for _, perCall := range []int{1, 3} {
		for name, c := range map[string]struct {
			bad  int // the batch that is not finite
			stop int // the step at which a listener stops the run
		}{"all goes well": {}, "a batch that is not finite": {bad: 57}, "a run that is stopped": {stop: 41}} {
			run := func(b graph.Backend, most int) (told []string, values map[string]any, err error) {
				n := 0
				ds := data.Map(unsized{line(t, "line").Infinite(true)}, func(b data.Batch) (data.Batch, error) {
					if n++; n == c.bad {
						tensors.Flat[float32](b.Labels[0])[0] = float32(math.NaN())
					}
					return b, nil
				})
				loop := noisyLoop(b)
				require.NoError(t, loop.Trainer().StepsPerCall(perCall))
				loop.Listen(func(e train.Event) {
					require.Equal(t, loop.Trainer().GlobalStep(), e.GlobalStep)
					if told = append(told, fmt.Sprint(e.Kind, e.GlobalStep, e.Step, e.Metrics)); most == 0 && e.Kind == train.Step && e.Step == c.stop {
						loop.Stop("enough")
					}
				})
				if most > 0 { // as many steps as the other one made
					_, err = loop.RunSteps(ds, most)
				} else {
					_, err = loop.RunSteps(ds, steps)
				}
				store := loop.Trainer().Store()
				require.Equal(t, int64(loop.Step()), loop.Trainer().GlobalStep())
				values = contents(store)
				require.NoError(t, store.Close())
				return told, values, err
			}
			b := elsewhere{newBackend(t)}
			runs := 0
			b.BeforeRun(func() error { runs++; return nil })
			told, values, err := run(b, 0)
			require.Zero(t, b.Live(), "buffers that are left")
			made := len(told) - 2 // a start and an end
			want, wantValues, wantErr := run(newBackend(t), made)
			switch {
			case c.bad > 0:
				require.Equal(t, c.bad-1, made)
				var notFinite *train.NotFiniteError
				require.ErrorAs(t, err, &notFinite, name)
				require.Equal(t, int64(c.bad), notFinite.Step)
			case c.stop > 0:
				require.NoError(t, err)
				require.GreaterOrEqual(t, made, c.stop)
				require.LessOrEqual(t, made, c.stop+17*perCall)
			default:
				require.NoError(t, err)
				require.Equal(t, steps, made)
			}
			require.NoError(t, wantErr)
			require.Equal(t, want[:made+1], told[:made+1], "%s, %d steps a call", name, perCall)
			require.Equal(t, wantValues, values, "%s, %d steps a call", name, perCall)
		}
	}
}

// A run that fails or is given up while a step is under way counts that step, and all steps of a call that is under way.
func TestARunThatEndsCountsTheStepUnderWay(t *testing.T) {
	broken := errors.New("broken")
	for perCall, ends := range map[int]int{1: 4, 3: 7} { // where one ends that is given up at step 3: 1, 2 to 4, 5 to 7
		t.Run(fmt.Sprint(perCall), func(t *testing.T) { runsThatEnd(t, broken, perCall, ends) })
	}
}

func runsThatEnd(t *testing.T, broken error, perCall, ends int) {
	for name, c := range map[string]struct {
		ds      func(cancel func()) data.Dataset
		listen  func(l *train.Loop, cancel func()) func(train.Event)
		wantErr error
	}{
		"a data set that fails": {ds: func(func()) data.Dataset {
			return fails{line(t, "line"), 4, func() error { return broken }}
		}, wantErr: broken},
		"a data set that panics": {ds: func(func()) data.Dataset {
			return fails{line(t, "line"), 4, func() error { panic(broken) }}
		}, wantErr: broken},
		"a listener that stops": {listen: func(l *train.Loop, _ func()) func(train.Event) {
			return func(e train.Event) {
				if e.Kind == train.Step && e.Step == 3 {
					l.Stop("enough")
				}
			}
		}},
		"a listener that cancels": {listen: func(_ *train.Loop, cancel func()) func(train.Event) {
			return func(e train.Event) {
				if e.Kind == train.Step && e.Step == 3 {
					cancel()
				}
			}
		}, wantErr: train.ErrInterrupted},
		"a listener that panics": {listen: func(*train.Loop, func()) func(train.Event) {
			return func(e train.Event) {
				if e.Kind == train.Step && e.Step == 3 {
					panic(broken)
				}
			}
		}, wantErr: broken},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBackend(t)
			loop := noisyLoop(b)
			require.NoError(t, loop.Trainer().StepsPerCall(perCall))
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			var ds data.Dataset = line(t, "line").Infinite(true)
			want := ends
			if c.ds != nil {
				ds, want = c.ds(cancel), 4
			}
			told := 0
			loop.Listen(func(e train.Event) {
				if e.Kind == train.Step {
					told = e.Step
				}
			})
			if c.listen != nil {
				loop.Listen(c.listen(loop, cancel))
			}
			_, err := loop.RunStepsContext(ctx, ds, 30)
			require.ErrorIs(t, err, c.wantErr)
			require.Equal(t, want, told, "the last step that was told")
			require.Equal(t, want, loop.Step())
			require.Equal(t, int64(want), loop.Trainer().GlobalStep())
			require.Equal(t, int64(want), loop.Trainer().Store().GetVariable(train.GlobalStepPath).MustValue().Value())
			require.NoError(t, loop.Trainer().Store().Close())
			require.Zero(t, b.Live(), "buffers that are left")
		})
	}
}

// fails is a data set that comes to its end early, with an error or a panic.
type fails struct {
	ds   data.Dataset
	n    int
	then func() error
}

func (f fails) Name() string { return f.ds.Name() }
func (f fails) Iter() iter.Seq2[data.Batch, error] {
	return func(yield func(data.Batch, error) bool) {
		n := 0
		for b, err := range f.ds.Iter() {
			if n++; n > f.n {
				err = f.then()
			}
			if !yield(b, err) || n > f.n {
				return
			}
		}
	}
}

// Whoever reads while a model trains changes nothing: the same bits come out, and evaluations on a snapshot are those of
// its step.
func TestReadersOfSnapshotsChangeNothing(t *testing.T) {
	quiet := noisyLoop(newBackend(t))
	want := map[int64]float64{}
	quiet.OnStep("evaluate", func(l *train.Loop) error {
		m, err := l.Trainer().Eval(line(t, "test"))
		want[l.Trainer().GlobalStep()] = m.Value("loss")
		return err
	})
	_, err := quiet.RunSteps(line(t, "line"), 60)
	require.NoError(t, err)

	b := newBackend(t)
	loop := noisyLoop(b)
	trainer := loop.Trainer()
	_, err = loop.RunSteps(line(t, "line"), 7)
	require.NoError(t, err)
	stop, readers := make(chan struct{}), make(chan int, 3)
	for range cap(readers) {
		go func() {
			n := 0
			for more := true; more; n++ {
				select {
				case <-stop:
					more = false
				default:
				}
				func() {
					snapshot := trainer.Store().Snapshot()
					defer snapshot.Close()
					step, err := snapshot.Value(train.GlobalStepPath).ToHost()
					if err != nil {
						t.Error(err)
						return
					}
					m, err := trainer.EvalSnapshot(context.Background(), snapshot, line(t, "test"))
					if n := tensors.ToScalar[int64](step); err != nil || m.Value("loss") != want[n] {
						t.Errorf("step %d: the loss is %v on the snapshot, %v in a run without readers (%v)", n, m.Value("loss"), want[n], err)
					}
				}()
			}
			readers <- n
		}()
	}
	_, err = loop.RunSteps(unsized{line(t, "line")}, 53)
	require.NoError(t, err)
	close(stop)
	for range cap(readers) {
		require.Positive(t, <-readers)
	}
	require.Equal(t, contents(quiet.Trainer().Store()), contents(trainer.Store()))
	require.NoError(t, trainer.Store().Close())
	require.Zero(t, b.Live(), "buffers that are left")
}

func TestEvalSnapshotWantsASnapshotOfItsStore(t *testing.T) {
	trainer := newTrainer(nil)
	for _, s := range []*model.Snapshot{nil, model.NewStore().Snapshot()} {
		_, err := trainer.EvalSnapshot(context.Background(), s, line(t, "test"))
		require.EqualError(t, err, "train.EvalSnapshot: the snapshot is nil or of another store than the trainer's: take it with trainer.Store().Snapshot()")
	}
}

// A listener that asks for what belongs to a step while the next one is under way is told where to ask.
func TestAListenerCannotSaveAStepThatIsOver(t *testing.T) {
	loop := noisyLoop(newBackend(t))
	trainer := loop.Trainer()
	asked := 0
	loop.Listen(func(e train.Event) {
		if e.Kind == train.Step && e.Step == 2 {
			asked++
			_, err := trainer.State()
			require.ErrorContains(t, err, "ask in a hook")
			_, err = trainer.TrainStep(batchOf([][]float32{{1}}, [][]float32{{1, 2}}))
			require.ErrorContains(t, err, "use a hook")
			require.Error(t, trainer.AccumulateGradients(2))
			require.ErrorContains(t, trainer.StepsPerCall(2), "call it before the run")
		}
	})
	_, err := loop.RunSteps(line(t, "line"), 5)
	require.NoError(t, err)
	require.Equal(t, 1, asked)
	_, err = trainer.State()
	require.NoError(t, err)
}
