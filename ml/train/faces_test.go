package train_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/train"

	"github.com/stretchr/testify/require"
)

// face is a way to run a function of one input, a column.
type face struct {
	call  func(ctx context.Context, x [][]float32) error
	keep  func(n int) // sets how many programs are kept
	close func()
}

// columnFn builds a graph of one column.
type columnFn = func(x *graph.Node) *graph.Node

// faces are all that run functions: they share one room of programs.
var faces = map[string]func(t *testing.T, b graph.Backend, fn columnFn) *face{
	"graph.Exec": func(t *testing.T, b graph.Backend, fn columnFn) *face {
		e := graph.MustNewExec(b, fn)
		return &face{
			func(ctx context.Context, x [][]float32) error { _, err := e.CallContext(ctx, x); return err },
			func(n int) { e.SetMaxCache(n) }, func() { require.NoError(t, e.Close()) },
		}
	},
	"model.Exec": func(t *testing.T, b graph.Backend, fn columnFn) *face {
		e := model.MustNewExec(b, model.NewStore(), withVariable(fn))
		return &face{
			func(ctx context.Context, x [][]float32) error { _, err := e.CallContext(ctx, x); return err },
			func(n int) { e.SetMaxCache(n) }, func() { require.NoError(t, e.Close()) },
		}
	},
	"Trainer": func(t *testing.T, b graph.Backend, fn columnFn) *face {
		tr := train.NewTrainer(b, model.NewStore(), withVariable(fn), losses.MeanSquaredError, nil)
		return &face{
			func(ctx context.Context, x [][]float32) error {
				ds, err := data.InMemory("columns", x, x)
				if err == nil {
					_, err = tr.EvalContext(ctx, ds.BatchSize(len(x), false))
				}
				return err
			},
			func(n int) { tr.OnExec(func(e *model.Exec) { e.SetMaxCache(n) }) }, tr.ResetComputationGraphs,
		}
	},
}

func withVariable(fn columnFn) func(scope *model.Scope, x *graph.Node) *graph.Node {
	return func(scope *model.Scope, x *graph.Node) *graph.Node {
		return graph.Add(fn(x), scope.VariableWithValue("w", float32(1)).NodeValue(x))
	}
}

func column(rows int) [][]float32 {
	x := make([][]float32, rows)
	for i := range x {
		x[i] = []float32{float32(i)}
	}
	return x
}

// stop is a place where something waits until it is told to go on.
type stop struct {
	reached chan bool
	goOn    chan error // what then comes of it
}

// gated is a backend that stops where it is told, and counts by the rows of a program's first input.
type gated struct {
	graph.Backend
	mu               sync.Mutex
	compiles, runs   map[int]*stop
	compiled, closed map[int]int
}

func newGated() *gated {
	return &gated{Backend: graphtest.Reference(), compiles: map[int]*stop{}, runs: map[int]*stop{}, compiled: map[int]int{}, closed: map[int]int{}}
}

// stopAt makes the next one for inputs of so many rows stop.
func (b *gated) stopAt(at map[int]*stop, rows int) *stop {
	b.mu.Lock()
	defer b.mu.Unlock()
	at[rows] = &stop{make(chan bool), make(chan error)}
	return at[rows]
}

// pass stops where that was asked for.
func (b *gated) pass(ctx context.Context, at map[int]*stop, rows int) error {
	b.mu.Lock()
	s := at[rows]
	delete(at, rows)
	b.mu.Unlock()
	if s == nil {
		return nil
	}
	close(s.reached)
	select {
	case err := <-s.goOn:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *gated) count(what map[int]int, rows int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	what[rows]++
}

func (b *gated) counted(what map[int]int, rows int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return what[rows]
}

func (b *gated) Compile(ctx context.Context, p *graph.Program) (ir.Executable, error) {
	rows := p.Values[p.Inputs[0]].Dim(0)
	b.count(b.compiled, rows)
	if err := b.pass(ctx, b.compiles, rows); err != nil {
		return nil, err
	}
	e, err := b.Backend.Compile(ctx, p)
	return &gatedExe{e, b, rows}, err
}

type gatedExe struct {
	ir.Executable
	b    *gated
	rows int
}

func (e *gatedExe) Run(ctx context.Context, in []graph.Buffer, donate []bool) ([]graph.Buffer, error) {
	if e.b.counted(e.b.closed, e.rows) >= e.b.counted(e.b.compiled, e.rows) {
		return nil, errors.New("a closed program is run")
	}
	if err := e.b.pass(ctx, e.b.runs, e.rows); err != nil {
		return nil, err
	}
	return e.Executable.Run(ctx, in, donate)
}

func (e *gatedExe) Close() error {
	e.b.count(e.b.closed, e.rows)
	return e.Executable.Close()
}

// start calls f in a goroutine, and returns when it has reached s, if that is not nil.
func (f *face) start(ctx context.Context, rows int, s *stop) chan error {
	done := make(chan error, 1)
	go func() { done <- f.call(ctx, column(rows)) }()
	if s != nil {
		<-s.reached
	}
	return done
}

// TestEveryFaceOfTheRoomKeepsItsRules does each thing with each face.
func TestEveryFaceOfTheRoomKeepsItsRules(t *testing.T) {
	for name, rule := range map[string]func(t *testing.T, b *gated, f *face){
		"a compiled shape does not wait for another's compilation, nor does a new one": func(t *testing.T, b *gated, f *face) {
			require.NoError(t, f.call(t.Context(), column(1)))
			s := b.stopAt(b.compiles, 2)
			slow := f.start(t.Context(), 2, s)
			require.NoError(t, f.call(t.Context(), column(1))) // would wait for ever
			require.NoError(t, f.call(t.Context(), column(3)))
			s.goOn <- nil
			require.NoError(t, <-slow)
		},
		"callers of one shape compile once": func(t *testing.T, b *gated, f *face) {
			s := b.stopAt(b.compiles, 1)
			first := f.start(t.Context(), 1, s)
			second, third := f.start(t.Context(), 1, nil), f.start(t.Context(), 1, nil)
			s.goOn <- nil
			require.NoError(t, errors.Join(<-first, <-second, <-third))
			require.Equal(t, 1, b.counted(b.compiled, 1))
		},
		"who waits can leave, and the compilation goes on": func(t *testing.T, b *gated, f *face) {
			s := b.stopAt(b.compiles, 1)
			first := f.start(t.Context(), 1, s)
			ctx, cancel := context.WithCancel(t.Context())
			second := f.start(ctx, 1, nil)
			cancel()
			require.ErrorIs(t, <-second, context.Canceled)
			s.goOn <- nil
			require.NoError(t, <-first)
			require.Equal(t, 1, b.counted(b.compiled, 1))
		},
		"where the first is cancelled the next compiles": func(t *testing.T, b *gated, f *face) {
			s := b.stopAt(b.compiles, 1)
			ctx, cancel := context.WithCancel(t.Context())
			first := f.start(ctx, 1, s)
			second := f.start(t.Context(), 1, nil)
			cancel()
			require.ErrorIs(t, <-first, context.Canceled)
			require.NoError(t, <-second)
			require.Equal(t, 2, b.counted(b.compiled, 1))
		},
		"a compilation that fails is not kept": func(t *testing.T, b *gated, f *face) {
			s := b.stopAt(b.compiles, 1)
			first := f.start(t.Context(), 1, s)
			s.goOn <- errors.New("the device is full")
			require.ErrorContains(t, <-first, "the device is full")
			require.NoError(t, f.call(t.Context(), column(1)))
		},
		"what drops out during a run is closed when the run ends": func(t *testing.T, b *gated, f *face) {
			require.NoError(t, f.call(t.Context(), column(1)))
			f.keep(1)
			s := b.stopAt(b.runs, 1)
			run := f.start(t.Context(), 1, s)
			require.NoError(t, f.call(t.Context(), column(2)))
			require.Zero(t, b.counted(b.closed, 1))
			s.goOn <- nil
			require.NoError(t, <-run)
			require.Equal(t, 1, b.counted(b.closed, 1))
			require.NoError(t, f.call(t.Context(), column(1)))
			require.Equal(t, 1, b.counted(b.closed, 2), "nobody ran it")
		},
		"Close during runs lets them end, and later calls compile anew": func(t *testing.T, b *gated, f *face) {
			require.NoError(t, f.call(t.Context(), column(1)))
			s := b.stopAt(b.runs, 1)
			run := f.start(t.Context(), 1, s)
			f.close()
			require.Zero(t, b.counted(b.closed, 1))
			require.NoError(t, f.call(t.Context(), column(1)))
			s.goOn <- nil
			require.NoError(t, <-run)
			require.Equal(t, 1, b.counted(b.closed, 1))
			f.close()
			require.Equal(t, 2, b.counted(b.closed, 1))
		},
		"Close during a compilation closes what comes of it": func(t *testing.T, b *gated, f *face) {
			s := b.stopAt(b.compiles, 1)
			first := f.start(t.Context(), 1, s)
			f.close()
			s.goOn <- nil
			require.NoError(t, <-first)
			require.Equal(t, 1, b.counted(b.closed, 1))
		},
		"Close, drops and calls from everywhere": func(t *testing.T, b *gated, f *face) {
			var wg sync.WaitGroup
			for i := range 12 {
				wg.Go(func() {
					for k := range 8 {
						if i == 0 {
							f.keep(1 + k%3)
							f.close()
						} else if err := f.call(t.Context(), column(1+(i+k)%5)); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			f.close()
			require.Equal(t, b.compiled, b.closed, "each program is closed once")
		},
	} {
		for of, open := range faces {
			t.Run(name+"/"+of, func(t *testing.T) {
				b := newGated()
				rule(t, b, open(t, b, graph.Square))
			})
		}
	}
}

func TestAPanicInTheFunctionIsAnErrorInEveryFace(t *testing.T) {
	for of, open := range faces {
		t.Run(of, func(t *testing.T) {
			f := open(t, newGated(), func(x *graph.Node) *graph.Node {
				if x.Dim(0) == 1 {
					panic("mine")
				}
				return x
			})
			for range 2 {
				require.ErrorContains(t, f.call(t.Context(), column(1)), "the function panicked: mine")
			}
			require.NoError(t, f.call(t.Context(), column(2)))
		})
	}
}

func TestAFunctionThatCallsItselfIsAnErrorInEveryFace(t *testing.T) {
	for of, open := range faces {
		for inner := range 2 {
			t.Run(of, func(t *testing.T) {
				var f *face
				f = open(t, newGated(), func(x *graph.Node) *graph.Node {
					if err := f.call(t.Context(), column(1+inner)); err != nil {
						panic(err)
					}
					return x
				})
				require.ErrorContains(t, f.call(t.Context(), column(1)), "called while its own function builds a graph")
			})
		}
	}
}
