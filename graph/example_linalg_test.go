package graph_test

import (
	"fmt"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
)

// The transform of a wave of two periods among eight values has its weight at 2.
func ExampleRealFFT() {
	strength := graph.MustCallOnce(graphtest.Reference(), func(x *graph.Node) *graph.Node {
		return graph.Round(graph.Abs(graph.RealFFT(x)))
	}, []float32{1, 0, -1, 0, 1, 0, -1, 0})
	fmt.Println(strength)
	// Output:
	// float32[5]
	// [0 0 4 0 0]
}

// Linear equations with a positive definite matrix are solved by its factor, once forwards and once backwards.
func ExampleCholesky() {
	x := graph.MustCallOnce(graphtest.Reference(), func(a, b *graph.Node) *graph.Node {
		l := graph.Cholesky(a, true)
		y := graph.TriangularSolve(l, b, true, true, false, ir.NotTransposed)
		return graph.TriangularSolve(l, y, true, true, false, ir.Adjoint)
	}, [][]float64{{4, 2}, {2, 5}}, [][]float64{{8}, {12}})
	fmt.Println(x)
	// Output:
	// float64[2 1]
	// [[1]
	//  [2]]
}
