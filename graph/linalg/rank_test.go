package linalg_test

import (
	"math/rand/v2"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/linalg"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/require"
)

// TestEigenvectorsOfLittleRankAreOrthonormal: where eigenvalues are 0, what is left of the matrix is rounding errors, and not symmetric.
func TestEigenvectorsOfLittleRankAreOrthonormal(t *testing.T) {
	worst := graph.MustNewExec1(graphtest.Reference(), func(x *graph.Node) *graph.Node {
		a := graph.MatMul(graph.Transpose(x, 0, 1), x)
		w, v := linalg.Eigh(a)
		back := graph.MatMul(graph.Mul(v, graph.ExpandAxes(w, 0)), graph.Transpose(v, 0, 1))
		one := graph.MatMul(graph.Transpose(v, 0, 1), v)
		n := x.Dim(1)
		off := graph.Sub(one, graph.DiagonalWithValue(graph.ScalarOne(x.Graph(), x.DType()), n))
		return graph.Max(graph.ReduceAllMax(graph.Abs(off)), graph.ReduceAllMax(graph.Abs(graph.Sub(back, a))))
	})
	r := rand.New(rand.NewPCG(1, 2))
	for _, dims := range [][2]int{{1, 4}, {2, 4}, {3, 7}, {2, 9}, {5, 6}} {
		for range 5 {
			x := make([]float64, dims[0]*dims[1])
			for i := range x {
				x[i] = r.NormFloat64()
			}
			got := worst.MustCall(tensors.FromFlatDataAndDimensions(x, dims[:]...))
			require.Less(t, got.Value(), 1e-12, "%v", dims)
		}
	}
}
