package graph_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

func TestResultsOfANode(t *testing.T) {
	g := graph.NewGraph(nil, "g")
	x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 5))
	values, indices := graph.TopK(x, 2, 0)
	top := values.Input(0)
	require.Equal(t, 2, top.NumOutputs())
	require.Equal(t, []*graph.Node{values, indices}, top.Results())
	top.Results()[0] = nil // the caller's own list
	require.Equal(t, values, top.Results()[0])
	require.Equal(t, []*graph.Node{values}, values.Results())
	require.Equal(t, []*graph.Node{x}, x.Results())
	require.Error(t, graph.Catch(func() { new(graph.Node).Results() }))
}
