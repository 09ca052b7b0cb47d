package graph_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// powers is a Switch of n branches, of which branch k returns k·x² + k; its derivative is 2·k·x.
func powers(n int) func(x, index *graph.Node) (*graph.Node, *graph.Node) {
	return func(x, index *graph.Node) (*graph.Node, *graph.Node) {
		branches := make([]*graph.Function, n)
		for k := range branches {
			branches[k] = graph.NewClosure(x.Graph(), func(*graph.Graph) []*graph.Node {
				return []*graph.Node{graph.AddScalar(graph.MulScalar(graph.Square(x), k), k)}
			})
		}
		y := graph.Switch(index, branches...)[0]
		return y, graph.Gradient(graph.ReduceAllSum(y), x)[0]
	}
}

func TestSwitchOfManyBranches(t *testing.T) {
	backend := gocpu.New()
	defer backend.Close()
	e := graph.MustNewExec(backend, powers(20))
	defer e.Close()
	x := tensors.FromValue([]float32{1, -2})
	for _, c := range []struct{ index, branch int32 }{{0, 0}, {1, 1}, {7, 7}, {19, 19}, {20, 19}, {-3, 0}} {
		y, dx := e.MustCall2(x, c.index)
		k := float32(c.branch)
		assert.Equal(t, []float32{2 * k, 5 * k}, y.Value(), "index %d", c.index)
		assert.Equal(t, []float32{2 * k, -4 * k}, dx.Value(), "index %d", c.index)
	}
}

// A program with a Switch goes on as part of another graph, and gradients go through it there.
func TestInlineOfASwitchHasItsGradient(t *testing.T) {
	g := graph.NewGraph(nil, "g")
	x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 2))
	index := graph.Parameter(g, "index", shapes.Make(dtypes.Int32))
	f := graph.NewFunction(g, "f", func(g *graph.Graph) []*graph.Node {
		z := graph.Parameter(g, "z", x.Shape())
		y, _ := powers(3)(z, index)
		return []*graph.Node{y}
	})
	p, err := graph.NewProgram(g, f.Call(graph.Neg(x))...)
	require.NoError(t, err)
	for _, backend := range []graph.Backend{gocpu.New(), graphtest.Reference()} {
		e := graph.MustNewExec(backend, func(x, index *graph.Node) (*graph.Node, *graph.Node) {
			y := graph.Inline(x.Graph(), p, x, index)[0]
			return y, graph.Gradient(graph.ReduceAllSum(y), x)[0]
		})
		y, dx := e.MustCall2([]float32{1, -2}, int32(2))
		assert.Equal(t, []float32{4, 10}, y.Value())
		assert.Equal(t, []float32{4, -8}, dx.Value())
		require.NoError(t, e.Close())
		require.NoError(t, backend.Close())
	}
}
