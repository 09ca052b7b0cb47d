package linalg

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// LU returns the factors of a with its rows in another order, by elimination with partial pivoting:
//
//	a[…, p[i], :] = Σ_k l[…, i, k] · u[…, k, :]
//
// p, int32 of [..., M], is the order of the rows; l is [..., M, K], lower triangular with ones on its diagonal, u [..., K, N], upper
// triangular, K the smaller of M and N. Of a column that is 0 from its diagonal on, the multipliers are 0. There is no gradient for a wide
// or tall matrix whose leading square part is singular.
//
// Source: Golub and Van Loan, "Matrix computations", 2013, algorithm 3.4.1; of the gradient: de Hoog, Anderssen and Lukas,
// "Differentiation of matrix functionals using triangular factorization", 2011.
func LU(a *graph.Node) (p, l, u *graph.Node) {
	a, m, n := matrix("LU", a)
	a.Graph().BranchOn("linalg.LU", m, n) // by which is smaller
	k := min(m, n)
	packed, p := eliminated(graph.StopGradient(a))
	// The packed factors, again with a gradient: of the rows in their order.
	ordered := graph.GatherWithBatchDims(a, graph.ExpandAxes(p, -1), a.Rank()-2)
	lu := graph.WithCustomGradient([]*graph.Node{ordered, graph.StopGradient(packed)}, func(in []*graph.Node) []*graph.Node {
		l := graph.Add(lowerPart(columnsOf(in[1], 0, k)), eye(a, m, k))
		u := upperPart(graph.SliceAxis(in[1], -2, graph.AxisRange(0, k)))
		return []*graph.Node{l, u}
	}, func(in, out, d []*graph.Node) []*graph.Node {
		return []*graph.Node{luGradient(out[0], out[1], d[0], d[1]), nil}
	})
	return p, lu[0], lu[1]
}

// luGradient: for square factors dl = l·tril(l⁻¹·da·u⁻¹, -1) and du = triu(l⁻¹·da·u⁻¹)·u, so that with
// s = tril(lᵀ·gl, -1) + triu(gu·uᵀ) the gradient of a is l⁻ᵀ·s·u⁻ᵀ. Rows of l beyond the square part are a·u⁻¹, columns of u l⁻¹·a.
func luGradient(l, u, gl, gu *graph.Node) *graph.Node {
	m, k, n := l.Dim(-2), l.Dim(-1), u.Dim(-1)
	rows := func(x *graph.Node, from, to int) *graph.Node {
		return graph.SliceAxis(x, -2, graph.AxisRange(from, to))
	}
	l1, u1, gl1, gu1 := rows(l, 0, k), columnsOf(u, 0, k), rows(gl, 0, k), columnsOf(gu, 0, k)
	var below, right *graph.Node
	if m > k { // l2 = a2·u⁻¹
		l2, gl2 := rows(l, k, m), rows(gl, k, m)
		below = solveTriangular(u1, gl2, false, false, false, ir.Transposed) // ga2 = gl2·u⁻ᵀ
		gu1 = graph.Sub(gu1, upperPart(graph.MatMul(transpose(l2), below)))
	}
	if n > k { // u2 = l⁻¹·a2
		u2, gu2 := columnsOf(u, k, n), columnsOf(gu, k, n)
		right = solveTriangular(l1, gu2, true, true, true, ir.Transposed) // ga2 = l⁻ᵀ·gu2
		gl1 = graph.Sub(gl1, lowerPart(graph.MatMul(right, transpose(u2))))
	}
	s := graph.Add(lowerPart(graph.MatMul(transpose(l1), gl1)), upperPart(graph.MatMul(gu1, transpose(u1))))
	s = solveTriangular(l1, s, true, true, true, ir.Transposed)
	s = solveTriangular(u1, s, false, false, false, ir.Transposed)
	if below != nil {
		s = graph.Concatenate([]*graph.Node{s, below}, -2)
	}
	if right != nil {
		s = graph.Concatenate([]*graph.Node{s, right}, -1)
	}
	return s
}

func solveTriangular(a, b *graph.Node, left, lower, unit bool, kind graph.TransposeKind) *graph.Node {
	return graph.TriangularSolve(a, b, left, lower, unit, kind)
}

// eliminated returns the factors of [LU], l below the diagonal of u, and the order of rows: a turn of a loop for each column.
func eliminated(a *graph.Node) (packed, p *graph.Node) {
	m, n := a.Dim(-2), a.Dim(-1)
	g, batch := a.Graph(), a.Rank()-2
	i, j := places(a, m, n)
	rows := graph.Iota(g, with(a.Shape(), []int{m, 1}, dtypes.Int32), a.Rank()-2)
	if a.Shape().Size() == 0 {
		return a, graph.Squeeze(rows, -1)
	}
	state := graph.ForI(min(m, n), []*graph.Node{a, rows}, func(at *graph.Node, s []*graph.Node) []*graph.Node {
		x, order := s[0], s[1]
		column := columnAt(x, at)
		size := graph.Abs(column)
		if a.DType().IsComplex() { // as LAPACK chooses
			size = graph.Add(graph.Abs(graph.Real(column)), graph.Abs(graph.Imag(column)))
		}
		size = graph.Where(graph.LessThan(i, at), graph.Scalar(g, size.DType(), -1), size)
		pivot := graph.ExpandAxes(graph.ArgMax(size, -2), -2) // [..., 1, 1]
		// Rows at and pivot change places.
		from := graph.Where(graph.Equal(i, at), pivot, graph.Where(graph.Equal(i, pivot), graph.BroadcastToShape(at, pivot.Shape()), i))
		x = graph.GatherWithBatchDims(x, from, batch)
		order = graph.GatherWithBatchDims(order, from, batch)

		column, row := columnAt(x, at), rowAt(x, at)
		top := columnAt(row, at) // [..., 1, 1]
		none := graph.Equal(top, graph.ZerosLike(top))
		below := graph.GreaterThan(i, at)
		factor := graph.Div(column, graph.Where(none, graph.OnesLike(top), top))
		factor = graph.Where(graph.LogicalAnd(below, graph.LogicalNot(none)), factor, graph.ZerosLike(factor))
		rest := graph.Where(graph.GreaterThan(j, at), row, graph.ZerosLike(row))
		x = graph.Sub(x, graph.Mul(factor, rest))
		return []*graph.Node{graph.Where(graph.LogicalAnd(below, graph.Equal(j, at)), factor, x), order}
	})
	return state[0], graph.Squeeze(state[1], -1)
}

// Solve returns the x with a·x = b:
//
//	x = a⁻¹·b
//
// a is [..., N, N], b [..., N, K] of the same dtype, with the same batches or with none on one side. Where a is singular, x is infinite or
// NaN. See [graph.TriangularSolve] for a triangular a, and [graph.Cholesky] for a positive definite one, which take half the time.
func Solve(a, b *graph.Node) *graph.Node {
	a, n := square("Solve", a)
	b, rows, _ := matrix("Solve", b)
	switch {
	case a.DType() != b.DType():
		graph.Errorf("linalg.Solve %s · %s: dtypes differ: %s and %s (convert one with ConvertDType)", a.Shape(), b.Shape(), a.DType(), b.DType())
	case rows != n:
		graph.Errorf("linalg.Solve %s · %s: a matrix of %d rows and columns against %d rows", a.Shape(), b.Shape(), n, rows)
	}
	a, b = sameBatches("Solve", a, b)
	factors, p := eliminated(graph.StopGradient(a))
	return solved(a, b, factors, p, ir.NotTransposed)
}

// solved returns a⁻¹·b, or a⁻ᵀ·b, by the factors of a: the gradient solves with the same factors.
func solved(a, b, factors, p *graph.Node, kind graph.TransposeKind) *graph.Node {
	return graph.WithCustomGradient([]*graph.Node{a, b, factors, p}, func(in []*graph.Node) []*graph.Node {
		b, f, p := in[1], in[2], graph.ExpandAxes(in[3], -1)
		batch := b.Rank() - 2
		if kind == ir.NotTransposed {
			x := graph.GatherWithBatchDims(b, p, batch)
			x = solveTriangular(f, x, true, true, true, kind)
			return []*graph.Node{solveTriangular(f, x, true, false, false, kind)}
		}
		x := solveTriangular(f, b, true, false, false, kind)
		x = solveTriangular(f, x, true, true, true, kind)
		back := graph.ArgSort(in[3], -1, true)
		return []*graph.Node{graph.GatherWithBatchDims(x, graph.ExpandAxes(back, -1), batch)}
	}, func(in, out, d []*graph.Node) []*graph.Node {
		other := graph.TransposeKind(ir.Transposed)
		if kind != ir.NotTransposed {
			other = ir.NotTransposed
		}
		db := solved(in[0], d[0], in[2], in[3], other)
		da := graph.Neg(graph.MatMul(db, transpose(out[0])))
		if kind != ir.NotTransposed {
			da = transpose(da)
		}
		return []*graph.Node{da, db, nil, nil}
	})[0]
}

// sameBatches gives a and b the batches of both.
func sameBatches(op string, a, b *graph.Node) (x, y *graph.Node) {
	batches := func(n *graph.Node) shapes.Shape {
		return shapes.Make(dtypes.Bool, n.Shape().Dimensions[:n.Rank()-2]...)
	}
	s, err := shapes.Broadcast(batches(a), batches(b))
	if err != nil {
		graph.Errorf("linalg.%s %s · %s: batches: %v", op, a.Shape(), b.Shape(), err)
	}
	to := func(n *graph.Node) *graph.Node {
		dims := append(append([]int(nil), s.Dimensions...), n.Dim(-2), n.Dim(-1))
		return graph.BroadcastToDims(n, dims...)
	}
	return to(a), to(b)
}

// Inverse returns the inverse of a, a square matrix:
//
//	x·a = a·x = 1
//
// [Solve] is faster and more accurate where a product with the inverse is wanted. Where a is singular, it is infinite or NaN.
func Inverse(a *graph.Node) *graph.Node {
	a, n := square("Inverse", a)
	return Solve(a, eye(a, n, n))
}

// Det returns the determinant of a, a square matrix, by its factors. That of a matrix without rows is 1. At a singular matrix the gradient
// is NaN.
func Det(a *graph.Node) *graph.Node {
	a, _ = square("Det", a)
	factors, p := eliminated(graph.StopGradient(a))
	return graph.WithCustomGradient([]*graph.Node{a, factors, p}, func(in []*graph.Node) []*graph.Node {
		d := diagonal(in[1])
		return []*graph.Node{graph.Mul(graph.ReduceMultiply(d, -1), graph.ConvertDType(parity(in[2]), d.DType()))}
	}, func(in, out, d []*graph.Node) []*graph.Node {
		g := graph.ExpandAxes(graph.Mul(d[0], out[0]), -2, -1)
		return []*graph.Node{graph.Mul(g, transposedInverse(in[0], in[1], in[2])), nil, nil}
	})[0]
}

// LogDet returns the sign of the determinant of a, a square matrix, and the logarithm of its absolute value:
//
//	det(a) = sign · exp(log)
//
// also where the determinant is beyond what the dtype holds. For complex a the sign is a number of absolute value 1. Of a singular matrix
// they are 0 and -∞, with a gradient of NaN.
func LogDet(a *graph.Node) (sign, log *graph.Node) {
	a, _ = square("LogDet", a)
	factors, p := eliminated(graph.StopGradient(a))
	out := graph.WithCustomGradient([]*graph.Node{a, factors, p}, func(in []*graph.Node) []*graph.Node {
		d := diagonal(in[1])
		s := graph.Mul(graph.ReduceMultiply(graph.Sign(d), -1), graph.ConvertDType(parity(in[2]), d.DType()))
		return []*graph.Node{s, graph.ReduceSum(graph.Log(graph.Abs(d)), -1)}
	}, func(in, out, d []*graph.Node) []*graph.Node {
		g := graph.ConvertDType(d[1], a.DType())
		if a.DType().IsComplex() { // the sign turns with the imaginary part of the trace of a⁻¹·da
			turn := graph.Imag(graph.Mul(d[0], out[0]))
			g = graph.Add(g, graph.Complex(graph.ZerosLike(turn), turn))
		}
		return []*graph.Node{graph.Mul(graph.ExpandAxes(g, -2, -1), transposedInverse(in[0], in[1], in[2])), nil, nil}
	})
	return out[0], out[1]
}

func transposedInverse(a, factors, p *graph.Node) *graph.Node {
	return solved(a, eye(a, a.Dim(-1), a.Dim(-1)), factors, p, ir.Transposed)
}

// parity returns 1 for even permutations, along the last axis of p, and -1 for odd ones: their inversions counted.
func parity(p *graph.Node) *graph.Node {
	before := graph.ExpandAxes(p, -1)
	after := graph.ExpandAxes(p, -2)
	swapped := graph.TakeUpperTriangular(graph.ConvertDType(graph.GreaterThan(before, after), dtypes.Int32), 1)
	odd := graph.ModScalar(graph.ReduceSum(swapped, -2, -1), 2)
	return graph.OneMinus(graph.MulScalar(odd, 2))
}

// MatrixPower returns the product of n matrices a, a square matrix; of its inverse if n is negative, and the identity if it is 0. It takes
// some 2·log₂|n| products.
func MatrixPower(a *graph.Node, n int) *graph.Node {
	a, size := square("MatrixPower", a)
	if n < 0 {
		a, n = Inverse(a), -n
	}
	var y *graph.Node
	for power := a; n > 0; n >>= 1 {
		if n&1 == 1 {
			if y == nil {
				y = power
			} else {
				y = graph.MatMul(y, power)
			}
		}
		if n > 1 {
			power = graph.MatMul(power, power)
		}
	}
	if y == nil {
		return eye(a, size, size)
	}
	return y
}
