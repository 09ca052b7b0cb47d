package viz

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

func TestFlops(t *testing.T) {
	g := graph.NewGraph(nil, "flops")
	p := func(dims ...int) *graph.Node { return graph.Parameter(g, "", shapes.Make(dtypes.Float32, dims...)) }
	for _, c := range []struct {
		name string
		node *graph.Node
		want int64
	}{
		{"a product of matrices", graph.MatMul(p(3, 4), p(4, 5)), 2 * 3 * 4 * 5},
		{"a batch of them", graph.MatMul(p(7, 3, 4), p(7, 4, 5)), 2 * 7 * 3 * 4 * 5},
		{"a product of vectors", graph.Dot(p(6), p(6)).Product(), 2 * 6},
		{"einsum", graph.Einsum("bqhd,bkhd->bhqk", p(2, 3, 4, 5), p(2, 6, 4, 5)), 2 * 2 * 3 * 4 * 5 * 6},
		{"einsum with any batch", graph.Einsum("...ij,jk->...ik", p(7, 3, 4), p(4, 5)), 2 * 7 * 3 * 4 * 5},
		{"a convolution", graph.Convolve(p(2, 8, 8, 3), p(3, 3, 3, 16)).PadSame().Done(), 2 * (2 * 8 * 8 * 16) * (3 * 3 * 3)},
		{"an element-wise op", graph.Add(p(3, 4), p(3, 4)), 12},
		{"a reduction", graph.ReduceSum(p(3, 4), 0), 12},
		{"a change of axes", graph.Transpose(p(3, 4), 0, 1), 0},
		{"a constant", graph.Const(g, []float32{1, 2}), 0},
	} {
		var in []shapes.Shape
		for _, x := range c.node.Inputs() {
			in = append(in, x.Shape())
		}
		assert.Equal(t, c.want, costOf(c.node.Op(), c.node.Attrs(), in, outShapes(c.node)), c.name)
	}
}
