package linalg_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/linalg"
	"github.com/quire-ml/quire/graph/shapes"
)

// What does not fit is said in a sentence that names the function and the shapes.
func TestWhatDoesNotFit(t *testing.T) {
	g := graph.NewGraph(nil, "g")
	p := func(dims ...int) *graph.Node { return graph.Parameter(g, "", shapes.Make(dtypes.Float64, dims...)) }
	of := func(d dtypes.DType, dims ...int) *graph.Node { return graph.Parameter(g, "", shapes.Make(d, dims...)) }
	for want, fn := range map[string]func(){
		"linalg.Solve float64[3 3] · float64[2 1]: a matrix of 3 rows and columns against 2 rows":               func() { linalg.Solve(p(3, 3), p(2, 1)) },
		"linalg.Solve float64[3]: a matrix has two axes, not 1 (add one with ExpandAxes)":                       func() { linalg.Solve(p(3, 3), p(3)) },
		"linalg.Solve float64[2 3 3] · float64[5 3 1]: batches: ":                                               func() { linalg.Solve(p(2, 3, 3), p(5, 3, 1)) },
		"linalg.Solve float64[3 3] · float32[3 1]: dtypes differ: float64 and float32":                          func() { linalg.Solve(p(3, 3), of(dtypes.Float32, 3, 1)) },
		"linalg.Det float64[3 4]: a matrix of 3 rows and 4 columns is not square":                               func() { linalg.Det(p(3, 4)) },
		"linalg.Eigh float16[3 3]: float16 is not a dtype that it takes: complex, float32, float64 (convert it": func() { linalg.Eigh(of(dtypes.Float16, 3, 3)) },
		"linalg.Eig float64[2 3]: a matrix of 2 rows and 3 columns is not square":                               func() { linalg.Eig(p(2, 3)) },
		"linalg.EigVals float64[2 3]: a matrix of 2 rows and 3 columns is not square":                           func() { linalg.EigVals(p(2, 3)) },
		"linalg.QR: an operand is nil": func() { linalg.QR(nil) },
		`linalg.Norm: there is no norm "L2": use one of the constants, such as linalg.Frobenius`: func() { linalg.Norm(p(2, 2), "L2") },
		"linalg.LeastSquares float64[4 2] · float64[3 1]: a matrix of 4 rows against 3 rows":     func() { linalg.LeastSquares(p(4, 2), p(3, 1)) },
	} {
		require.ErrorContains(t, graph.Catch(fn), want)
	}
}
