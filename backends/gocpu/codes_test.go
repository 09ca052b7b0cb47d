package gocpu

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// codeOf compiles a graph and returns the code that runs it.
func codeOf(t *testing.T, b ir.Backend, name string, s shapes.Shape, fn func(x *graph.Node) *graph.Node) *code {
	t.Helper()
	g := graph.NewGraph(b, name)
	require.NoError(t, g.Compile(fn(graph.Parameter(g, "x", s))))
	t.Cleanup(func() { g.Close() })
	return g.Executable().(*executable).code
}

// A program that is made again, from the same lines, has the code that there is; one that differs in whatever way has its own.
func TestProgramsMadeAgainAreNotCompiledAgain(t *testing.T) {
	vector := shapes.Make(dtypes.Float32, 4)
	scaled := func(by float64) func(x *graph.Node) *graph.Node {
		return func(x *graph.Node) *graph.Node { return graph.MulScalar(graph.Sin(x), by) }
	}
	sums := func(axis int) func(x *graph.Node) *graph.Node {
		return func(x *graph.Node) *graph.Node { return graph.ReduceSum(x, axis) }
	}
	turns := func(by float64) func(x *graph.Node) *graph.Node {
		return func(x *graph.Node) *graph.Node {
			return graph.While(
				graph.NewClosure(x.Graph(), func(g *graph.Graph) []*graph.Node {
					return []*graph.Node{graph.LessThan(graph.ReduceAllSum(graph.Parameter(g, "y", vector)), graph.Const(g, float32(9)))}
				}),
				graph.NewClosure(x.Graph(), func(g *graph.Graph) []*graph.Node {
					return []*graph.Node{graph.AddScalar(graph.Parameter(g, "y", vector), by)}
				}), x)[0]
		}
	}
	large := make([]float32, keepConstants/4+1)
	for _, c := range []struct {
		name       string
		s          shapes.Shape
		one, other func(x *graph.Node) *graph.Node
		same       bool
	}{
		{"made again", vector, scaled(2), nil, true},
		{"another constant", vector, scaled(2), scaled(3), false},
		{"other attributes", shapes.Make(dtypes.Float32, 4, 4), sums(0), sums(1), false},
		{"another line", vector, scaled(2), func(x *graph.Node) *graph.Node { return graph.MulScalar(graph.Sin(x), 2) }, false},
		{"functions", vector, turns(1), nil, true},
		{"another constant in a function", vector, turns(1), turns(2), false},
		{"constants that are too large to be kept", vector, func(x *graph.Node) *graph.Node {
			return graph.Add(graph.ReduceAllSum(x), graph.Const(x.Graph(), large))
		}, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := New()
			t.Cleanup(func() { b.Close() })
			other := c.other
			if other == nil {
				other = c.one
			}
			var codes []*code
			for _, fn := range []func(x *graph.Node) *graph.Node{c.one, other, c.one} {
				codes = append(codes, codeOf(t, b, "g", c.s, fn))
			}
			require.Equal(t, c.same, codes[0] == codes[1], "the other")
			require.Equal(t, c.same || c.other != nil, codes[0] == codes[2], "the first, again")
			require.False(t, codes[0] == codeOf(t, b, "other name", c.s, c.one), "errors name the program")
			require.False(t, codes[0] == codeOf(t, New(), "g", c.s, c.one), "another backend")
		})
	}
}

// Executables of one code run side by side, and one that is closed leaves the others as they are.
func TestExecutablesShareCode(t *testing.T) {
	b := New()
	defer b.Close()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for k := range 20 {
				e := graph.MustNewExec(b, func(x *graph.Node) *graph.Node {
					return graph.ReduceAllSum(graph.Sin(graph.MatMul(x, x)))
				})
				x := make([][]float32, 8)
				for r := range x {
					x[r] = make([]float32, 8)
				}
				y, err := e.Call(x)
				if err == nil {
					err = e.Close()
				}
				if err != nil || tensors.ToScalar[float32](y[0]) != 0 {
					t.Errorf("goroutine %d, run %d: %v, %v", i, k, y, err)
				}
			}
		})
	}
	all.Wait()
}

// What is kept is bounded, and goes with the backend.
func TestKeptCodesAreBounded(t *testing.T) {
	b := New().(*backend)
	for i := range 2 * keepCodes {
		codeOf(t, b, fmt.Sprint(i), shapes.Make(dtypes.Float32, 4), graph.Sin)
	}
	require.Len(t, b.codes.list, keepCodes)
	first := codeOf(t, b, fmt.Sprint(keepCodes), shapes.Make(dtypes.Float32, 4), graph.Sin)
	require.True(t, b.codes.list[0].code == first, "the latest is first")
	require.Len(t, b.codes.list, keepCodes)
	require.NoError(t, b.Close())
	require.Empty(t, b.codes.list)
	_, err := b.Compile(context.Background(), first.program)
	require.ErrorIs(t, err, errClosed)
}
