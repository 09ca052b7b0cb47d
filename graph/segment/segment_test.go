package segment_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/segment"
	"github.com/quire-ml/quire/graph/shapes"
)

// The gradient of RaggedDot by w has no array that is more than three times as large as w, however many rows a group has.
func TestRaggedDotMemory(t *testing.T) {
	const k, n = 64, 48
	for _, c := range []struct{ m, groups int }{{1, 1}, {127, 1}, {1000, 1}, {4096, 2}, {4095, 3}, {5000, 7}, {3, 8}} {
		g := graph.NewGraph(nil, "g")
		x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32, c.m, k))
		w := graph.Parameter(g, "w", shapes.Make(dtypes.Float32, c.groups, k, n))
		sizes := graph.Parameter(g, "sizes", shapes.Make(dtypes.Int32, c.groups))
		require.NoError(t, graph.Catch(func() { graph.Gradient(graph.ReduceAllSum(segment.RaggedDot(x, w, sizes)), w) }))
		matrices := 0
		for _, node := range g.Nodes() {
			if s := node.Shape(); s.Rank() == 3 && s.Dim(1) == k && s.Dim(2) == n {
				matrices = max(matrices, s.Dim(0))
			}
		}
		assert.LessOrEqual(t, matrices, 3*c.groups, "matrices of the gradient of %d rows in %d groups", c.m, c.groups)
		assert.GreaterOrEqual(t, matrices, c.groups)
	}
}

// What does not fit is said in a sentence that names the function, the shapes and the remedy.
func TestWhatDoesNotFit(t *testing.T) {
	g := graph.NewGraph(nil, "g")
	of := func(d dtypes.DType, dims ...int) *graph.Node { return graph.Parameter(g, "", shapes.Make(d, dims...)) }
	f := func(dims ...int) *graph.Node { return of(dtypes.Float32, dims...) }
	for _, c := range []struct {
		x, w, sizes *graph.Node
		want        string
	}{
		{f(4, 3), f(2, 3, 5), f(2), "segment.RaggedDot float32[4 3] · float32[2 3 5] · float32[2]: sizes of groups must be integers, not float32 (convert them with ConvertDType)"},
		{of(dtypes.Bool, 4, 3), of(dtypes.Bool, 2, 3, 5), of(dtypes.Int32, 2), "bool is not a dtype that it takes"},
		{of(dtypes.Bool, 4, 3), of(dtypes.Bool, 2, 3, 5), of(dtypes.Int32, 2), "(convert it with ConvertDType)"},
		{f(4, 3), f(2, 3, 5), of(dtypes.Int32, 3), "2 matrices against 3 groups"},
	} {
		assert.ErrorContains(t, graph.Catch(func() { segment.RaggedDot(c.x, c.w, c.sizes) }), c.want)
	}
}
