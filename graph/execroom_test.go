package graph_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/require"
)

// closing is the reference backend, whose programs count how often they were closed, and can stop in a run.
type closing struct {
	graph.Backend
	closed atomic.Int32
	begun  chan bool // if not nil, a run says here that it has begun, and waits for the same
}

type closingExe struct {
	ir.Executable
	b *closing
}

func (b *closing) Compile(ctx context.Context, p *graph.Program) (ir.Executable, error) {
	e, err := b.Backend.Compile(ctx, p)
	return closingExe{e, b}, err
}

func (e closingExe) Run(ctx context.Context, in []graph.Buffer, donate []bool) ([]graph.Buffer, error) {
	if e.b.begun != nil {
		e.b.begun <- true
		<-e.b.begun
	}
	return e.Executable.Run(ctx, in, donate)
}

var errClosing = errors.New("the device is gone")

func (e closingExe) Close() error {
	e.b.closed.Add(1)
	return errClosing
}

func vector(n int) shapes.Shape { return shapes.Make(dtypes.Float64, n) }

func TestAGraphThatCompileReturnedOutlivesItsPlaceInTheCache(t *testing.T) {
	b := &closing{Backend: graphtest.Reference()}
	e := graph.MustNewExec(b, graph.Neg).SetMaxCache(1)
	g, err := e.Compile(vector(1))
	require.NoError(t, err)
	e.MustCall([]float64{1, 2})
	require.Zero(t, b.closed.Load())
	out, err := g.Run([]float64{3})
	require.NoError(t, err)
	require.Equal(t, []float64{-3}, out[0].Value())
	require.ErrorIs(t, g.Close(), errClosing)
	require.NoError(t, g.Close(), "it is closed once")
	require.ErrorIs(t, e.Close(), errClosing)
	require.NoError(t, e.Close())
	require.EqualValues(t, 2, b.closed.Load())
	_, err = g.Run([]float64{3})
	require.ErrorContains(t, err, `the graph "exec" was finalized: it cannot be run any more`)
}

func TestAGraphThatItsCallerFinalizedIsCompiledAnew(t *testing.T) {
	e := graph.MustNewExec(graphtest.Reference(), graph.Neg)
	g, err := e.Compile(vector(1))
	require.NoError(t, err)
	require.NoError(t, g.Close())
	require.Equal(t, []float64{-3}, e.MustCall1([]float64{3}).Value())
}

func TestFinalizeWaitsForRunsOfTheGraph(t *testing.T) {
	b := &closing{Backend: graphtest.Reference(), begun: make(chan bool)}
	e := graph.MustNewExec(b, graph.Neg)
	g, err := e.Compile(vector(1))
	require.NoError(t, err)
	done := make(chan error)
	go func() {
		_, err := g.Run([]float64{3})
		done <- err
	}()
	<-b.begun
	require.NoError(t, g.Close())
	require.Zero(t, b.closed.Load())
	b.begun <- true
	require.ErrorIs(t, <-done, errClosing) // the run that ends last closes it
	require.EqualValues(t, 1, b.closed.Load())
}

// offset is a feeder of one input, and of a first argument; a run finds the generation changed as often as it is told.
type offset struct {
	generation, changes, builds int
	compiled                    []bool
	broken                      error
	taken                       any
}

type offsetNode struct{ *graph.Node }

func (o *offset) Generation() int { return o.generation }

func (o *offset) Build(g *graph.Graph, in []*graph.Node, function func(first ...any) []*graph.Node) (graph.ExecFeed, error) {
	o.builds++
	extra := graph.Parameter(g, "offset", vector(1))
	out := function(offsetNode{extra})
	return graph.ExecFeed{Outputs: out, Extra: []*graph.Node{graph.Neg(extra)},
		Compiled: func(ok bool) { o.compiled = append(o.compiled, ok) },
		Run: func(ctx context.Context, in []graph.Buffer, run graph.RunFunc) ([]graph.Buffer, error) {
			if o.changes > 0 {
				o.changes--
				o.generation++
				return nil, errors.New("too old")
			}
			b, err := g.Backend().Put(tensors.FromValue([]float64{10}))
			if err != nil {
				return nil, err
			}
			out, err := run(ctx, append(in[:len(in):len(in)], b), nil)
			if err != nil {
				return nil, err
			}
			t, err := out[1].ToHost()
			o.taken = t.Value()
			return out[:1], err
		}}, o.broken
}

func newOffset(t *testing.T, o *offset) *graph.Exec {
	e, err := graph.NewFedExec(graphtest.Reference(), o, func(o offsetNode, x *graph.Node) *graph.Node { return graph.Add(x, o.Node) })
	require.NoError(t, err)
	return e
}

func TestAFeederFeedsAndTakes(t *testing.T) {
	o := &offset{}
	e := newOffset(t, o)
	for range 2 {
		require.Equal(t, []float64{11}, e.MustCall1([]float64{1}).Value())
	}
	require.Equal(t, []float64{-10}, o.taken)
	require.Equal(t, 1, o.builds)
	o.generation++
	e.MustCall([]float64{1})
	require.Equal(t, 2, o.builds, "another generation, another graph")
	require.Equal(t, []bool{true, true}, o.compiled)
}

func TestAGraphThatIsTooOldWhenItRunsIsBuiltAnew(t *testing.T) {
	o := &offset{changes: 2}
	require.Equal(t, []float64{11}, newOffset(t, o).MustCall1([]float64{1}).Value())
	require.Equal(t, 3, o.builds)
}

func TestAFeederThatFailsIsAnError(t *testing.T) {
	o := &offset{broken: errors.New("no variables")}
	e := newOffset(t, o)
	_, err := e.Call([]float64{1})
	require.ErrorIs(t, err, o.broken)
	o.broken = nil
	e.MustCall([]float64{1})
	require.Equal(t, 2, o.builds)

	_, err = e.Call([]float64{1}, 2.0)
	require.ErrorContains(t, err, `"exec" takes 1 inputs, got 2: [float64[1] float64[]] for graph_test.newOffset`)
	for _, none := range []any{nil, 1, (func(x *graph.Node) *graph.Node)(nil), func(x int) int { return x }} {
		_, err := graph.NewFedExec(graphtest.Reference(), o, none)
		require.Error(t, err)
	}
}
