package graph_test

import (
	"math"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
)

// solveByCholesky solves x·y = b for a positive definite x, one factor after the other.
func solveByCholesky(x, b *graph.Node) *graph.Node {
	l := graph.Cholesky(x, true)
	y := graph.TriangularSolve(l, b, true, true, false, ir.NotTransposed)
	return graph.TriangularSolve(l, y, true, true, false, ir.Adjoint)
}

func TestLinearEquationsAreSolvedInBatches(t *testing.T) {
	a := ir.Ramp(2, 4, 4).Tensor(dtypes.Complex128)
	b := ir.Ramp(4, 3).Tensor(dtypes.Complex128) // one for both matrices
	got := graph.MustCallOnce(graphtest.Reference(), func(a, b *graph.Node) *graph.Node {
		x := graph.MatMul(a, graph.Conj(graph.Transpose(a, -2, -1)))
		x = graph.Add(x, graph.ConvertDType(graph.Diagonal(a.Graph(), 4), x.DType()))
		return graph.Sub(graph.MatMul(x, solveByCholesky(x, b)), b)
	}, a, b)
	assert.NoError(t, graphtest.Diff(got, tensors.FromShape(shapes.Make(dtypes.Complex128, 2, 4, 3)), ir.Tolerance{Abs: 1000}))
}

// A singular matrix is solved row by row like any other. It is no sample of the row, because engines that invert blocks
// of the matrix have NaN where this has an infinity.
func TestSingularMatricesGiveInfinities(t *testing.T) {
	for _, b := range []ir.Backend{graphtest.Reference(), gocpu.New()} {
		got := graph.MustCallOnce(b, func(a, y *graph.Node) *graph.Node {
			return graph.TriangularSolve(a, y, true, true, false, ir.NotTransposed)
		}, [][]float32{{0, 0}, {1, 2}}, [][]float32{{1}, {1}}).Value().([][]float32)
		if !math.IsInf(float64(got[0][0]), 1) || !math.IsInf(float64(got[1][0]), -1) {
			t.Errorf("%s: %v, want +Inf and -Inf", b.Name(), got)
		}
	}
}

func TestMatricesThatCannotBeSolvedFor(t *testing.T) {
	g := graph.NewGraph(nil, "g")
	p := func(d dtypes.DType, dims ...int) *graph.Node { return graph.Parameter(g, "", shapes.Make(d, dims...)) }
	f := dtypes.Float32
	solve := func(a, b *graph.Node, left bool, kind ir.TransposeKind) func() {
		return func() { graph.TriangularSolve(a, b, left, true, false, kind) }
	}
	for _, c := range []struct {
		f    func()
		want string
	}{
		{func() { graph.Cholesky(p(f, 3, 4), true) }, "a matrix of 3 rows and 4 columns is not square"},
		{func() { graph.Cholesky(p(f, 3), true) }, "a matrix has two axes, not 1"},
		{func() { graph.Cholesky(p(dtypes.Int32, 3, 3), true) }, "int32 is not a dtype that it takes"},
		{solve(p(f, 3, 3), p(f, 3), true, ir.NotTransposed), "the right-hand side has two axes at least, not 1 (add one with ExpandAxes)"},
		{solve(p(f, 3, 3), p(f, 2, 3), true, ir.NotTransposed), "a matrix of 3 rows and columns against 2 rows"},
		{solve(p(f, 3, 3), p(f, 3, 2), false, ir.NotTransposed), "a matrix of 3 rows and columns against 2 columns"},
		{solve(p(f, 2, 3, 3), p(f, 5, 3, 1), true, ir.NotTransposed), "batches: axis 0: 2 against 5"},
		{solve(p(f, 3, 3), p(dtypes.Float64, 3, 1), true, ir.NotTransposed), "dtypes differ: float32 and float64"},
		{solve(p(f, 3, 3), p(f, 3, 1), true, "sideways"), `a matrix is "no", "transpose" or "adjoint", not "sideways"`},
		{solve(nil, p(f, 3, 1), true, ir.Adjoint), "operand 0 is nil"},
	} {
		assert.ErrorContains(t, graph.Catch(c.f), c.want)
	}
}
