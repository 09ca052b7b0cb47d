package graph_test

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/internal/testenv"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// observed collects, by the graph's name, how many nodes the observers of this test binary were told of.
var observed = sync.OnceValue(func() *sync.Map {
	var seen sync.Map
	graph.Observe(nil)
	graph.Observe(func(*graph.Graph) { panic("a tool of little care") })
	graph.Observe(func(*graph.Graph) { runtime.Goexit() })
	graph.Observe(func(g *graph.Graph) { seen.Store(g.Name(), len(g.Nodes())) })
	return &seen
})

func TestObserversAreTold(t *testing.T) {
	seen := observed()
	b := gocpu.New()
	defer b.Close()
	good := graph.MustNewExec(b, func(x *graph.Node) *graph.Node { return graph.Tanh(x) }).WithName("observed good")
	_, err := good.Call([]float32{1})
	require.NoError(t, err)
	n, _ := seen.Load("observed good")
	assert.Equal(t, 2, n)
	bad := graph.MustNewExec(b, func(x *graph.Node) *graph.Node { graph.Tanh(x); panic(errors.New("on purpose")) }).WithName("observed bad")
	_, err = bad.Call([]float32{1})
	require.Error(t, err)
	n, _ = seen.Load("observed bad")
	assert.Equal(t, 2, n, "of a graph that was not built to its end")
}

// Without observers, or of a graph that nobody is told of, there is nothing to pay.
func TestObservingCostsNothing(t *testing.T) {
	testenv.AllocatesAtMost(t, 0, func() { graph.ObserveNone() })
}

func TestDerivedNodes(t *testing.T) {
	g := graph.NewGraph(nil, "g")
	x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 3))
	y := graph.ReduceAllSum(graph.Tanh(x))
	before := g.LastNode()
	dx := graph.Gradient(y, x)[0]
	z := graph.Tanh(dx)
	ddx := graph.Gradient(graph.ReduceAllSum(z), x)[0]
	last := graph.Tanh(ddx)
	for _, n := range g.Nodes() {
		if n.Id() <= before.Id() {
			assert.False(t, n.IsDerived(), "%s", n)
		}
	}
	for name, c := range map[string]struct {
		n    *graph.Node
		want bool
	}{"a parameter": {x, false}, "a value": {y, false}, "a gradient": {dx, true}, "after it": {z, false}, "a second gradient": {ddx, true}, "the last": {last, false}} {
		assert.Equal(t, c.want, c.n.IsDerived(), name)
	}
}

func ExampleObserve() {
	graph.Observe(func(g *graph.Graph) {
		if g.Name() == "square" {
			fmt.Println(g.LastNode().Shape())
		}
	})
	b := gocpu.New()
	defer b.Close()
	square := graph.MustNewExec(b, func(x *graph.Node) *graph.Node { return graph.Mul(x, x) }).WithName("square")
	square.MustCall1([]float32{1, 2, 3})
	// Output: float32[3]
}
