package machine_test

import (
	"context"
	"testing"

	"github.com/quire-ml/quire/backends/machine"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestGradientsOfWhatIsNotNeeded makes a machine of gradients alone, whose forward nodes the program does without: there are 2⁸⁰ ways
// back through them.
func TestGradientsOfWhatIsNotNeeded(t *testing.T) {
	g := graph.NewGraph(nil, "doubled")
	x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 2))
	y := x
	for range 80 {
		y = graph.Add(y, y)
	}
	dx := graph.Gradient(graph.ReduceAllSum(y), x)
	m, err := machine.FromGraph(dx)
	require.NoError(t, err)
	defer m.Close()
	r, err := m.Run(context.Background(), []float32{1, 2})
	require.NoError(t, err)
	assert.Equal(t, []float32{1 << 80, 1 << 80}, r.Outputs()[0].Value())
}

// TestLargeGraphs keeps all values of a program of many nodes.
func TestLargeGraphs(t *testing.T) {
	n := 20_000
	if sweep() {
		n = 100_000
	}
	m := made(t, func(x *graph.Node) *graph.Node {
		for range n {
			x = graph.AddScalar(x, 1)
		}
		return x
	}, []any{float32(0)}, machine.RetainAll(), machine.WithEngine(machine.Dataflow))
	r := ran(t, m, float32(1))
	assert.Equal(t, float32(n+1), r.Outputs()[0].Value())
}
