package graph_test

import (
	"fmt"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/graphtest"
)

// The gradient of each example's loss, of a model that is written for one.
func ExampleVMap() {
	loss := func(x, y, w *graph.Node) *graph.Node { return graph.Square(graph.Sub(graph.DotProduct(x, w), y)) }
	perExample := graph.MustNewExec1(graphtest.Reference(), func(x, y, w *graph.Node) *graph.Node {
		return graph.VMap(func(example []*graph.Node) []*graph.Node {
			return graph.Gradient(loss(example[0], example[1], w), w)
		}, x, y).Done()[0]
	})
	fmt.Println(perExample.MustCall([][]float64{{1, 0}, {0, 1}, {1, 1}}, []float64{1, 2, 3}, []float64{2, 2}).Value())
	// Output: [[2 0] [0 0] [2 2]]
}
