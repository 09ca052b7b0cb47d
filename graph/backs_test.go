package graph_test

import (
	"slices"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Nodes of a gradient know the node that they go back through, and nodes the gradients that came by.
func TestNodesThatGoBack(t *testing.T) {
	backend := gocpu.New()
	defer backend.Close()
	g := graph.NewGraph(backend, "back")
	x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 3))
	y := graph.Sin(x)
	z := graph.ReduceAllSum(graph.Mul(y, y))
	forward := g.Nodes()
	dx := graph.Gradient(z, x)[0]
	first := g.Nodes()[len(forward):]
	for _, n := range forward {
		assert.Nil(t, n.BackThrough(), n)
	}
	through := map[*graph.Node]int{}
	for _, n := range first {
		if of := n.BackThrough(); of != nil {
			assert.Contains(t, forward, of)
			through[of]++
		}
	}
	assert.Positive(t, through[y])
	assert.Equal(t, []*graph.Node{dx}, x.Gradients())
	require.Len(t, y.Gradients(), 1)
	assert.Empty(t, dx.Gradients())

	second := graph.Gradient(graph.ReduceAllSum(dx), x)[0] // which goes back through nodes that go back
	assert.Equal(t, []*graph.Node{dx, second}, x.Gradients())
	assert.True(t, slices.ContainsFunc(g.Nodes(), func(n *graph.Node) bool {
		of := n.BackThrough()
		return of != nil && of.BackThrough() != nil
	}))
	require.NoError(t, g.Compile(y.Gradients()[0], dx))
	out, err := g.Run([]float32{0, 1, 2})
	require.NoError(t, err)
	assert.InDeltaSlice(t, []float32{0, 1.682942, 1.8185949}, out[0].Value(), 1e-6) // 2 sin(x)
	assert.InDeltaSlice(t, []float32{0, 0.90929743, -0.7568025}, out[1].Value(), 1e-6)
}
