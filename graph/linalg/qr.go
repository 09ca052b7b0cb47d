package linalg

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// QR returns a matrix q with orthonormal columns and an upper triangular r with
//
//	a = q · r
//
// a is [..., M, N], q [..., M, K], r [..., K, N], K the smaller of M and N. The signs are LAPACK's: a diagonal element of r has the sign
// opposite to that of the element that it comes from. The gradient needs the first K columns of a to be linearly independent.
//
// Source: Golub and Van Loan, "Matrix computations", 2013, algorithm 5.2.1 (Householder); of the gradient: Seeger et al., "Auto-differentiating
// linear algebra", 2017, arXiv:1710.08717.
func QR(a *graph.Node) (q, r *graph.Node) {
	a, m, n := matrix("QR", a)
	a.Graph().BranchOn("linalg.QR", m, n) // by which is smaller
	if n > m {                            // the columns beyond the square part are q times those of r
		q, left := QR(columnsOf(a, 0, m))
		return q, graph.Concatenate([]*graph.Node{left, graph.MatMul(adjoint(q), columnsOf(a, m, n))}, -1)
	}
	out := graph.WithCustomGradient([]*graph.Node{a}, func(in []*graph.Node) []*graph.Node {
		q, r := reflected(graph.StopGradient(in[0]))
		return []*graph.Node{q, r}
	}, func(in, out, d []*graph.Node) []*graph.Node {
		// Of gradients that are conjugates of ours: (gq + q·h(r·grᴴ - gqᴴ·q))·r⁻ᴴ, h making the lower triangle Hermitian.
		q, r, gq, gr := out[0], out[1], graph.Conj(d[0]), graph.Conj(d[1])
		s := graph.Sub(graph.MatMul(r, adjoint(gr)), graph.MatMul(adjoint(gq), q))
		low := lowerPart(s)
		on := graph.Sub(graph.TakeLowerTriangular(s, 0), low)
		s = graph.Add(graph.Add(low, adjoint(low)), graph.DivScalar(graph.Add(on, adjoint(on)), 2))
		ga := solveTriangular(r, graph.Add(gq, graph.MatMul(q, s)), false, false, false, ir.Adjoint)
		return []*graph.Node{graph.Conj(ga)}
	})
	return out[0], out[1]
}

// reflected is QR of a matrix with no more columns than rows: a turn of a loop for each column, which reflects it to the axis, and the
// same turns backwards for q.
func reflected(a *graph.Node) (q, r *graph.Node) {
	m, n := a.Dim(-2), a.Dim(-1)
	g := a.Graph()
	if a.Shape().Size() == 0 {
		return eye(a, m, n), graph.Zeros(g, with(a.Shape(), []int{n, n}))
	}
	turns := graph.Iota(g, shapes.Make(dtypes.Int32, n), 0)
	carry, ys := graph.Scan([]*graph.Node{a}, []*graph.Node{turns}, func(carry, turn []*graph.Node) (next, y []*graph.Node) {
		x, at := carry[0], turn[0]
		v, tau := reflector(columnAt(x, at), at)
		return []*graph.Node{reflect(x, v, graph.Conj(tau))}, []*graph.Node{v, tau}
	}).Done()
	r = upperPart(graph.SliceAxis(carry[0], -2, graph.AxisRange(0, n)))
	carry, _ = graph.Scan([]*graph.Node{eye(a, m, n)}, ys, func(carry, x []*graph.Node) (next, y []*graph.Node) {
		return []*graph.Node{reflect(carry[0], x[0], x[1])}, nil
	}).Reverse().Done()
	return carry[0], r
}

// reflector returns the v and tau for which [reflect] with the conjugate of tau makes 0 of the elements below row at of a column, and
// leaves those above it.
func reflector(column, at *graph.Node) (v, tau *graph.Node) {
	i, _ := places(column, column.Dim(-2), 1)
	zero := graph.ZerosLike(column)
	column = graph.Where(graph.LessThan(i, at), zero, column)
	top := rowAt(column, at) // [..., 1, 1]
	rest := graph.L2Norm(graph.Where(graph.Equal(i, at), zero, column), -2)
	length := graph.L2Norm(column, -2)
	end := graph.ConvertDType(graph.Neg(graph.Mul(graph.SignPlusOrMinus(graph.Real(top)), length)), column.DType())
	done := graph.IsZero(rest) // nothing to reflect
	if column.DType().IsComplex() {
		done = graph.LogicalAnd(done, graph.IsZero(graph.Imag(top)))
	}
	one := graph.OnesLike(top)
	tau = graph.Where(done, graph.ZerosLike(top), graph.Div(graph.Sub(end, top), graph.Where(done, one, end)))
	v = graph.Div(column, graph.Where(done, one, graph.Sub(top, end)))
	return graph.Where(graph.Equal(i, at), graph.OnesLike(v), v), tau
}

// reflect returns x - tau·v·(vᴴ·x).
func reflect(x, v, tau *graph.Node) *graph.Node {
	return graph.Sub(x, graph.Mul(graph.Mul(tau, v), graph.MatMul(adjoint(v), x)))
}
