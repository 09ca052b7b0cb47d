package train_test

import (
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"

	"github.com/stretchr/testify/require"
)

// userFunctions lists the places where a run calls functions of the user.
var userFunctions = map[string]func(t *testing.T, bad func()) (*train.Loop, data.Dataset){
	"the model": func(t *testing.T, bad func()) (*train.Loop, data.Dataset) {
		fn := func(s *model.Scope, x *graph.Node) *graph.Node { bad(); return linear(s, x) }
		return train.NewLoop(train.NewTrainer(graphtest.Reference(), model.NewStore(), fn, losses.MeanSquaredError, optimizers.SGD().Done())), line(t, "line")
	},
	"the loss": func(t *testing.T, bad func()) (*train.Loop, data.Dataset) {
		fn := func(labels, predictions []*graph.Node) *graph.Node {
			bad()
			return losses.MeanSquaredError(labels, predictions)
		}
		return train.NewLoop(train.NewTrainer(graphtest.Reference(), model.NewStore(), linear, fn, optimizers.SGD().Done())), line(t, "line")
	},
	"the data set": func(t *testing.T, bad func()) (*train.Loop, data.Dataset) {
		ds := data.Map(line(t, "line"), func(b data.Batch) (data.Batch, error) { bad(); return b, nil })
		return plain(), ds
	},
	"the data set, read ahead": func(t *testing.T, bad func()) (*train.Loop, data.Dataset) {
		ds := data.Prefetch(data.Map(line(t, "line"), func(b data.Batch) (data.Batch, error) { bad(); return b, nil }), 2)
		return plain(), ds
	},
	"the data set, in parallel": func(t *testing.T, bad func()) (*train.Loop, data.Dataset) {
		ds := data.ParallelMap(line(t, "line"), func(b data.Batch) (data.Batch, error) { bad(); return b, nil })
		return plain(), ds
	},
	"OnStart":   hooked(func(l *train.Loop, h train.Hook) { l.OnStart("bad", h) }),
	"OnStep":    hooked(func(l *train.Loop, h train.Hook) { l.OnStep("bad", h) }),
	"OnEpoch":   hooked(func(l *train.Loop, h train.Hook) { l.OnEpoch("bad", h) }),
	"OnSettled": hooked(func(l *train.Loop, h train.Hook) { l.OnSettled("bad", h) }),
	"OnSettledIf": hooked(func(l *train.Loop, h train.Hook) {
		l.OnSettledIf("bad", func(*train.Loop) bool { return true }, h)
	}),
	"OnSettledIf, its condition": hooked(func(l *train.Loop, h train.Hook) {
		l.OnSettledIf("bad", func(l *train.Loop) bool { h(l); return false }, func(*train.Loop) error { return nil })
	}),
	"OnEnd": hooked(func(l *train.Loop, h train.Hook) {
		l.OnEnd("bad", func(l *train.Loop, _ error, _ bool) error { return h(l) })
	}),
	"OnEval": hooked(func(l *train.Loop, h train.Hook) {
		l.OnEval("bad", func(l *train.Loop, _ string, _ train.Metrics) error { return h(l) })
	}),
	"OnDataset": hooked(func(l *train.Loop, h train.Hook) {
		l.OnDataset("bad", func(l *train.Loop, _ data.Dataset) error { return h(l) })
	}),
	"EveryNSteps":      hooked(func(l *train.Loop, h train.Hook) { train.EveryNSteps(l, 2, "bad", h) }),
	"NTimesDuringLoop": hooked(func(l *train.Loop, h train.Hook) { train.NTimesDuringLoop(l, 2, "bad", h) }),
	"PeriodicCallback": hooked(func(l *train.Loop, h train.Hook) { train.PeriodicCallback(l, 0, false, "bad", h) }),
	"Listen": hooked(func(l *train.Loop, h train.Hook) {
		l.Listen(func(e train.Event) {
			if e.Kind == train.Step {
				h(l)
			}
		})
	}),
}

func plain() *train.Loop { return train.NewLoop(newTrainer(optimizers.SGD().Done())) }

func hooked(add func(*train.Loop, train.Hook)) func(*testing.T, func()) (*train.Loop, data.Dataset) {
	return func(t *testing.T, bad func()) (*train.Loop, data.Dataset) {
		loop := plain()
		loop.EvalEvery(3, line(t, "test"))
		add(loop, func(*train.Loop) error { bad(); return nil })
		return loop, line(t, "line")
	}
}

func TestAPanicInAFunctionOfTheUserEndsTheRunWithAnError(t *testing.T) {
	broken := errors.New("broken")
	for name, setUp := range userFunctions {
		t.Run(name, func(t *testing.T) {
			loop, ds := setUp(t, func() { panic(broken) })
			ends := 0
			loop.Listen(func(e train.Event) {
				if e.Kind == train.End {
					ends++
				}
			})
			_, err := loop.RunSteps(ds, 8)
			require.ErrorIs(t, err, broken)
			require.ErrorContains(t, err, "user_test.go:")
			require.Equal(t, 1, ends)
		})
	}
}

// A Goexit, such as a test's FailNow, ends the goroutine in which the function runs: those of the library are none of
// the user's, and become errors; the one that trains ends, and tells those who listen.
func TestAGoexitInAFunctionOfTheUserHangsNothing(t *testing.T) {
	for name, setUp := range userFunctions {
		t.Run(name, func(t *testing.T) {
			loop, ds := setUp(t, runtime.Goexit)
			ended, left := newSignal(), newSignal()
			loop.Listen(func(e train.Event) {
				if e.Kind == train.End {
					close(ended)
				}
			})
			go func() {
				defer close(left)
				loop.RunSteps(ds, 8)
			}()
			for _, c := range []chan struct{}{left, ended} {
				select {
				case <-c:
				case <-time.After(30 * time.Second):
					t.Fatal("it hangs")
				}
			}
		})
	}
}

func newSignal() chan struct{} { return make(chan struct{}) }
