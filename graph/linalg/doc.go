// Package linalg takes matrices apart and solves with them: factorizations, determinants, inverses, eigenvalues and singular values,
// functions of matrices. [graph.Cholesky] and [graph.TriangularSolve], which engines have kernels for, are in package graph, and so are
// norms of vectors.
//
// Matrices are the last two axes of an array; the axes before them are batches. They hold float32, float64 or complex numbers; others are
// converted first, with ConvertDType. All functions have gradients of all orders, except where a doc says so, and run on every engine: they
// are made of ops, loops over columns or over rotations of many columns at once, each with work for a whole matrix and all batches.
//
// The functions panic with [graph.Error] if shapes or dtypes do not fit. A matrix for which there is no result gives infinities or NaN, and
// no error, as elsewhere in a graph.
package linalg

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/internal/axes"
	"github.com/quire-ml/quire/graph/shapes"
)

// solvable are the dtypes of matrices.
var solvable = dtypes.SetOf(dtypes.Float32, dtypes.Float64) | dtypes.Complexes

// matrix panics unless a is a matrix, and returns it without names of axes, and its numbers of rows and columns.
func matrix(op string, a *graph.Node) (x *graph.Node, rows, columns int) {
	switch {
	case a == nil:
		graph.Errorf("linalg.%s: an operand is nil", op)
	case a.Rank() < 2:
		graph.Errorf("linalg.%s %s: a matrix has two axes, not %d (add one with ExpandAxes)", op, a.Shape(), a.Rank())
	case !solvable.Has(a.DType()):
		graph.Errorf("linalg.%s %s: %s is not a dtype that it takes: %s (convert it with ConvertDType)", op, a.Shape(), a.DType(), solvable)
	}
	a = axes.Unnamed(a)
	return a, a.Dim(-2), a.Dim(-1)
}

// square is matrix for one with as many rows as columns.
func square(op string, a *graph.Node) (x *graph.Node, n int) {
	x, rows, columns := matrix(op, a)
	if rows != columns {
		graph.Errorf("linalg.%s %s: a matrix of %d rows and %d columns is not square", op, a.Shape(), rows, columns)
	}
	return x, rows
}

// with returns the shape of s with other sizes of its last axes, of another dtype if one is given.
func with(s shapes.Shape, last []int, dtype ...dtypes.DType) shapes.Shape {
	dims := append(append([]int(nil), s.Dimensions[:s.Rank()-2]...), last...)
	d := s.DType
	if len(dtype) > 0 {
		d = dtype[0]
	}
	return shapes.Make(d, dims...)
}

func transpose(x *graph.Node) *graph.Node { return graph.Transpose(x, -2, -1) }

// adjoint returns the conjugate transpose.
func adjoint(x *graph.Node) *graph.Node { return graph.Conj(transpose(x)) }

// eye returns identity matrices for the batches of x, of some rows and columns.
func eye(x *graph.Node, rows, columns int) *graph.Node {
	i, j := places(x, rows, columns)
	return graph.BroadcastToShape(graph.ConvertDType(graph.Equal(i, j), x.DType()), with(x.Shape(), []int{rows, columns}))
}

// places returns the numbers of rows, a column, and of columns, a row.
func places(x *graph.Node, rows, columns int) (i, j *graph.Node) {
	g := x.Graph()
	return graph.Iota(g, shapes.Make(dtypes.Int32, rows, 1), 0), graph.Iota(g, shapes.Make(dtypes.Int32, 1, columns), 1)
}

// diagonal returns the main diagonal of x.
func diagonal(x *graph.Node) *graph.Node {
	n := min(x.Dim(-2), x.Dim(-1))
	x = graph.SliceAxis(graph.SliceAxis(x, -2, graph.AxisRangeFromStart(n)), -1, graph.AxisRangeFromStart(n))
	return graph.Einsum("...ii->...i", x)
}

// scaled returns x with its columns multiplied by d.
func scaled(x, d *graph.Node) *graph.Node {
	return graph.Mul(x, graph.ConvertDType(graph.ExpandAxes(d, -2), x.DType()))
}

// columnsOf returns columns from to to-1.
func columnsOf(x *graph.Node, from, to int) *graph.Node {
	return graph.SliceAxis(x, -1, graph.AxisRange(from, to))
}

// columnAt returns column j, a scalar in the graph, of x.
func columnAt(x, j *graph.Node) *graph.Node { return at(x, -1, j) }

// rowAt returns row i, a scalar in the graph, of x.
func rowAt(x, i *graph.Node) *graph.Node { return at(x, -2, i) }

func at(x *graph.Node, axis int, i *graph.Node) *graph.Node {
	sizes := append([]int(nil), x.Shape().Dimensions...)
	sizes[x.Rank()+axis] = 1
	return graph.DynamicSlice(x, startsAt(x, axis, i), sizes)
}

// startsAt returns where a part of x starts that is at i, a scalar in the graph, along an axis.
func startsAt(x *graph.Node, axis int, i *graph.Node) []*graph.Node {
	start := make([]*graph.Node, x.Rank())
	for a := range start {
		start[a] = graph.ScalarZero(x.Graph(), dtypes.Int32)
	}
	start[x.Rank()+axis] = i
	return start
}

// lowerPart returns the elements below the diagonal, upperPart those on and above it.
func lowerPart(x *graph.Node) *graph.Node { return graph.TakeLowerTriangular(x, -1) }
func upperPart(x *graph.Node) *graph.Node { return graph.TakeUpperTriangular(x, 0) }
