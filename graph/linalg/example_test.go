package linalg_test

import (
	"fmt"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/linalg"
)

// The line that fits points best, and the gradient of how well by the points: least squares is differentiable like any op.
func ExampleLeastSquares() {
	x, y := []float64{0, 1, 2, 3}, []float64{1, 3, 5, 7}
	fit := func(x, y *graph.Node) []*graph.Node {
		design := graph.Stack([]*graph.Node{x, graph.OnesLike(x)}, 1)
		line := graph.Squeeze(linalg.LeastSquares(design, graph.ExpandAxes(y, -1)), 1)
		slope := graph.SliceAxis(line, 0, graph.AxisElem(0))
		return append([]*graph.Node{line}, graph.Gradient(graph.ReduceAllSum(slope), y)...)
	}
	for _, t := range graph.MustCallOnceN(backends.MustNew(), fit, x, y) {
		fmt.Printf("%.3f\n", t.Value())
	}
	// Output:
	// [2.000 1.000]
	// [-0.300 -0.100 0.100 0.300]
}

func ExampleEigh() {
	w := graph.MustCallOnce(backends.MustNew(), func(a *graph.Node) *graph.Node {
		w, _ := linalg.Eigh(a)
		return w
	}, [][]float64{{2, 1}, {1, 2}})
	fmt.Printf("%.3f\n", w.Value())
	// Output: [1.000 3.000]
}

// A matrix that turns the plane by a quarter has the eigenvalues -i and i.
func ExampleEig() {
	w := graph.MustCallOnce(backends.MustNew(), linalg.EigVals, [][]float64{{0, -1}, {1, 0}})
	fmt.Printf("%.3f\n", w.Value())
	// Output: [(0.000-1.000i) (0.000+1.000i)]
}
