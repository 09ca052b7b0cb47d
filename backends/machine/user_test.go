package machine_test

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quire-ml/quire/backends/machine"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/host"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ir/runstate"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/guard"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// inKernel is what the kernels of [userOp] call, as a whole and in pieces.
var inKernel, inPiece atomic.Pointer[func()]

var userOp = graph.Define(ir.Op{
	Name: "MachineTestUser", Family: "own", Doc: "x, by a kernel that breaks when it is asked to", DTypes: dtypes.Floats,
	Infer: func(_ any, in []shapes.Shape) (shapes.Shape, error) { return in[0], nil },
	Kernel: func(ir.Call) ir.Kernel {
		return func(a *ir.KernelArgs) {
			if bad := inKernel.Load(); bad != nil {
				(*bad)()
			}
			x, y := ir.Elements[float32](a.In[0]), ir.Elements[float32](a.Out[0])
			a.For(len(y), 1, func(lo, hi int) {
				if bad := inPiece.Load(); bad != nil {
					(*bad)()
				}
				copy(y[lo:hi], x[lo:hi])
			})
		}
	},
	Ref:     func(_ any, out, in []*tensors.Tensor) { panic(errors.New("the kernel is all there is")) },
	Samples: []ir.Sample{{In: []ir.Input{ir.Values(1, 2)}}},
}, graph.Rule{NoGrad: "it is of a test"})

// observerFunc is an observer that is a function.
type observerFunc func()

func (f observerFunc) Observe(*machine.Run, []runstate.Event, int) { f() }

// userFunctions are the places at which a machine calls a function of the user's: how a run goes of which that function calls bad, nil for a good
// one.
var userFunctions = map[string]func(t *testing.T, options []machine.Option, bad func()) error{
	"host.Call": func(t *testing.T, options []machine.Option, bad func()) error {
		return runOf(t, options, func(x *graph.Node) *graph.Node { return calling(x, host.Options{}, bad) })
	},
	"host.Call that waits": func(t *testing.T, options []machine.Option, bad func()) error {
		return runOf(t, options, func(x *graph.Node) *graph.Node { return calling(x, host.Options{Waits: "files"}, bad) })
	},
	"host.Call in a body": func(t *testing.T, options []machine.Option, bad func()) error {
		return runOf(t, options, func(x *graph.Node) *graph.Node {
			main := x.Graph()
			body := graph.NewClosure(main, func(g *graph.Graph) []*graph.Node { return []*graph.Node{calling(x, host.Options{}, bad)} })
			other := graph.NewClosure(main, func(g *graph.Graph) []*graph.Node { return []*graph.Node{graph.Neg(x)} })
			return graph.If(graph.GreaterThan(graph.ReduceAllSum(x), graph.ScalarZero(main, x.DType())), body, other)[0]
		})
	},
	"a kernel": func(t *testing.T, options []machine.Option, bad func()) error {
		return kernelOf(t, options, &inKernel, bad)
	},
	"a piece of a kernel": func(t *testing.T, options []machine.Option, bad func()) error {
		return kernelOf(t, options, &inPiece, bad)
	},
	"an observer": func(t *testing.T, options []machine.Option, bad func()) error {
		told := 0
		options = append(options, machine.WithObserver(observerFunc(func() {
			if bad != nil {
				bad()
			}
		})), machine.WithObserver(observerFunc(func() { told++ })))
		m := made(t, func(x *graph.Node) *graph.Node { return graph.Neg(x) }, []any{[]float32{1, 2}}, options...)
		r := ran(t, m, []float32{1, 2}) // which goes on
		err := r.Observed(t.Context())
		assert.Positive(t, told, "another observer is told all the same")
		return err
	},
	"the inputs of a stream": func(t *testing.T, options []machine.Option, bad func()) error {
		m := made(t, func(x *graph.Node) *graph.Node { return graph.Neg(x) }, []any{float32(1)}, options...)
		n := 0
		var err error
		for r, e := range m.Stream(t.Context(), func(yield func([]any) bool) {
			yield([]any{float32(1)})
			yield([]any{float32(2)})
			if bad != nil {
				bad()
			}
		}, 3) {
			if n++; n <= 2 {
				require.NoError(t, e)
				assert.Equal(t, -float32(n), r.Outputs()[0].Value())
			}
			err = e
			assert.Equal(t, e, r.Wait())
		}
		assert.Equal(t, bad != nil, n == 3)
		return err
	},
}

// calling is the identity by a function that calls bad.
func calling(x *graph.Node, o host.Options, bad func()) *graph.Node {
	return host.Call1(x.Graph(), o, func(_ context.Context, in []*tensors.Tensor) ([]*tensors.Tensor, error) {
		if bad != nil {
			bad()
		}
		return in, nil
	}, x.Shape(), x)
}

// runOf runs a function between other nodes.
func runOf(t *testing.T, options []machine.Option, fn func(x *graph.Node) *graph.Node) error {
	m := made(t, func(x *graph.Node) *graph.Node {
		return graph.Add(graph.Neg(fn(graph.Neg(graph.Neg(x)))), graph.Exp(x))
	}, []any{[]float32{1, 2}}, options...)
	r, err := m.Run(t.Context(), []float32{1, 2})
	require.NoError(t, r.Trace().Check())
	return err
}

func kernelOf(t *testing.T, options []machine.Option, in *atomic.Pointer[func()], bad func()) error {
	if bad != nil {
		in.Store(&bad)
		defer in.Store(nil)
	}
	return runOf(t, options, func(x *graph.Node) *graph.Node { return graph.Apply(userOp, nil, x) })
}

// Whatever a function of the user's ends with is an error, on every engine and at every place; nothing hangs, and the next run is a good one.
func TestWhatFunctionsOfTheUserEndWithIsAnError(t *testing.T) {
	for place, run := range userFunctions {
		t.Run(place, func(t *testing.T) {
			onEach(t, func(t *testing.T, options []machine.Option) {
				for name, c := range map[string]struct {
					bad  func()
					want error
				}{
					"a panic":  {func() { panic(errBoom) }, errBoom},
					"a Goexit": {runtime.Goexit, guard.ErrGoexit},
					"both":     {func() { defer runtime.Goexit(); panic(errBoom) }, guard.ErrGoexit},
				} {
					require.ErrorIs(t, run(t, options, c.bad), c.want, name)
					require.NoError(t, run(t, options, nil), name)
				}
			})
		})
	}
}

// The function that builds a machine's graph runs on the caller's goroutine: a panic is an error, and a Goexit the caller's own affair.
func TestAMachineOfAFunctionThatBreaks(t *testing.T) {
	_, err := machine.FromFunc(func(*graph.Node) *graph.Node { panic(errBoom) }, []any{1.0})
	require.ErrorIs(t, err, errBoom)
	left := make(chan struct{})
	go func() {
		defer close(left)
		_, _ = machine.FromFunc(func(*graph.Node) *graph.Node { runtime.Goexit(); return nil }, []any{1.0})
	}()
	<-left
	ran(t, made(t, graph.Neg, []any{1.0}), 1.0)
}

// A stream ends with its context, though its inputs do not come, and says so.
func TestAStreamEndsWithItsContext(t *testing.T) {
	m := made(t, func(x *graph.Node) *graph.Node { return graph.Neg(x) }, []any{float32(1)})
	ctx, cancel := context.WithCancel(t.Context())
	never := make(chan struct{})
	var errs []error
	for r, err := range m.Stream(ctx, func(yield func([]any) bool) {
		if yield([]any{float32(1)}) {
			cancel()
			<-never
		}
	}, 2) {
		errs = append(errs, err)
		assert.Equal(t, err, r.Wait())
	}
	close(never)
	require.NotEmpty(t, errs)
	require.ErrorIs(t, errs[len(errs)-1], context.Canceled)
	for r, err := range (*machine.Machine)(nil).Stream(t.Context(), func(yield func([]any) bool) { yield(nil) }, 1) {
		require.Error(t, err)
		require.Error(t, r.Wait())
	}
}

// Inputs that go on after nobody wants more end with an error of theirs, and hang nobody.
func TestInputsThatDoNotStop(t *testing.T) {
	m := made(t, func(x *graph.Node) *graph.Node { return graph.Neg(x) }, []any{float32(1)})
	ended := make(chan any, 1)
	for range m.Stream(t.Context(), func(yield func([]any) bool) {
		defer func() { ended <- recover() }()
		for {
			yield([]any{float32(1)})
		}
	}, 1) {
		break
	}
	assert.Equal(t, "it yields inputs after yield has returned false", <-ended)
}

// Observed waits until observers know all, as long as its context allows.
func TestObserved(t *testing.T) {
	s := &sleeper{asleep: make(chan struct{}), go_: make(chan struct{})}
	m := made(t, func(x *graph.Node) *graph.Node { return graph.Neg(x) }, []any{float32(1)}, machine.WithObserver(s))
	r := ran(t, m, float32(1))
	<-s.asleep
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	require.ErrorIs(t, r.Observed(short), context.DeadlineExceeded)
	close(s.go_)
	require.NoError(t, r.Observed(t.Context()))
	assert.Equal(t, len(r.Trace().Events), s.seen)
	require.NoError(t, ran(t, made(t, graph.Neg, []any{1.0}), 1.0).Observed(t.Context()), "without observers")
	require.Error(t, (*machine.Run)(nil).Observed(t.Context()))
}
