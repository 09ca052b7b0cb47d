package live_test

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/host"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/live"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/guard"
)

var errBoom = errors.New("boom")

// breaking is an engine that calls a function in each run.
type breaking struct {
	ir.Backend
	bad *func()
}

type breakingExecutable struct {
	ir.Executable
	bad *func()
}

func (b breaking) Compile(ctx context.Context, p *ir.Program) (ir.Executable, error) {
	e, err := b.Backend.Compile(ctx, p)
	return breakingExecutable{e, b.bad}, err
}

func (e breakingExecutable) Run(ctx context.Context, in []ir.Buffer, donate []bool) ([]ir.Buffer, error) {
	if *e.bad != nil {
		(*e.bad)()
	}
	return e.Executable.Run(ctx, in, donate)
}

// userFunctions are the places at which package live calls a function of the user's, with the error that comes of it. The first ones are called on
// the caller's goroutine, where a Goexit is the caller's own affair.
var userFunctions = []struct {
	name string
	own  bool
	call func(s *live.Session, x *live.Array, bad func()) error
}{
	{"Call", true, func(_ *live.Session, x *live.Array, bad func()) error {
		return live.Call1(func(x *graph.Node) *graph.Node { bad(); return x }, x).Err()
	}},
	{"Grad", true, func(_ *live.Session, x *live.Array, bad func()) error {
		loss, _ := live.Grad(func(in []*graph.Node) *graph.Node { bad(); return graph.ReduceAllSum(in[0]) }, x)
		return loss.Err()
	}},
	{"Eval", false, func(_ *live.Session, x *live.Array, bad func()) error {
		return live.Eval(context.Background(), hostCall(x, bad))
	}},
	{"AsyncEval", false, func(_ *live.Session, x *live.Array, bad func()) error {
		return live.AsyncEval(context.Background(), hostCall(x, bad)).Wait(context.Background())
	}},
	{"Stream.Eval", false, func(s *live.Session, x *live.Array, bad func()) error {
		return s.On("stream").Eval(context.Background(), hostCall(x, bad))
	}},
	{"printing", false, func(_ *live.Session, x *live.Array, bad func()) error {
		_, err := hostCall(x, bad).Tensor()
		return err
	}},
}

// hostCall is the identity by a function of Go that calls bad.
func hostCall(x *live.Array, bad func()) *live.Array {
	return live.Call1(func(x *graph.Node) *graph.Node {
		return host.Call1(x.Graph(), host.Options{}, func(_ context.Context, in []*tensors.Tensor) ([]*tensors.Tensor, error) {
			bad()
			return in, nil
		}, x.Shape(), x)
	}, x)
}

// Whatever a function of the user's ends with is an error, hangs nobody, and leaves the session as it was.
func TestWhatFunctionsOfTheUserEndWithIsAnError(t *testing.T) {
	for _, c := range userFunctions {
		t.Run(c.name, func(t *testing.T) {
			s := session(t)
			x := s.Of([]float32{1, 2}).Add(1)
			require.ErrorIs(t, c.call(s, x, func() { panic(errBoom) }), errBoom)
			err, left := error(nil), make(chan struct{})
			go func() {
				defer close(left)
				err = c.call(s, x, runtime.Goexit)
			}()
			<-left
			if !c.own {
				require.ErrorIs(t, err, guard.ErrGoexit)
			}
			require.NoError(t, c.call(s, x, func() {}))
			require.Equal(t, []float32{2, 3}, floats(t, x))
		})
	}
}

// A scope gives back what was computed in it, however its function ends.
func TestScopesOfFunctionsThatBreak(t *testing.T) {
	for name, bad := range map[string]func(){"a panic": func() { panic(errBoom) }, "a Goexit": runtime.Goexit} {
		s, e := counted(t)
		var inside *live.Array
		left := make(chan struct{})
		go func() {
			defer close(left)
			defer func() { _ = recover() }()
			_, _ = s.Scope(context.Background(), func() []*live.Array {
				inside = s.Of([]float32{1, 2}).Add(1)
				assert.NoError(t, live.Eval(context.Background(), inside))
				bad()
				return nil
			})
		}()
		<-left
		_, err := inside.Tensor()
		require.ErrorIs(t, err, live.ErrReleased, name)
		runtime.GC()
		require.Equal(t, e.bytes(), s.Memory().Live, name)
		require.Equal(t, []float32{2}, floats(t, s.Of([]float32{1}).Add(1)), name)
	}
}

// An engine that breaks, too, is an error, and whoever waits for the array computes it.
func TestEnginesThatBreak(t *testing.T) {
	for name, c := range map[string]struct {
		bad  func()
		want error
	}{"a panic": {func() { panic(errBoom) }, errBoom}, "a Goexit": {runtime.Goexit, guard.ErrGoexit}} {
		t.Run(name, func(t *testing.T) {
			bad := &c.bad
			backend := gocpu.New()
			defer backend.Close()
			s, err := live.NewSession(breaking{backend, bad})
			require.NoError(t, err)
			x := s.Of([]float32{1, 2}).Add(1)
			require.ErrorIs(t, live.AsyncEval(context.Background(), x).Wait(context.Background()), c.want)
			require.ErrorIs(t, s.On("one").Eval(context.Background(), x), c.want)
			left := make(chan struct{})
			go func() {
				defer close(left)
				_ = live.Eval(context.Background(), x) // on the caller's goroutine, which a Goexit ends
			}()
			<-left
			*bad = nil
			require.Equal(t, []float32{2, 3}, floats(t, x))
		})
	}
}
