package linalg

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
)

// SVD returns the singular value decomposition of a,
//
//	a = u · diag(s) · vh
//
// a is [..., M, N]; u, [..., M, K], has orthonormal columns, vh, [..., K, N], orthonormal rows, K the smaller of M and N; s, [..., K] of the
// real dtype, are the singular values, in descending order. The element of the largest absolute value of a column of u is real and
// positive. The gradient is that of functions that do not depend on the phases of u and vh together; between equal singular values, whose
// vectors are not unique, none flows.
//
// Source: Golub and Van Loan, "Matrix computations", 2013, 8.6.3 (one-sided Jacobi, after QR); of the gradient: Wan and Zhang, "Automatic
// differentiation for complex valued SVD", 2019, arXiv:1909.02659.
func SVD(a *graph.Node) (u, s, vh *graph.Node) {
	a, m, n := matrix("SVD", a)
	a.Graph().BranchOn("linalg.SVD", m, n) // by which is smaller
	checkPlayers("SVD", a, min(m, n))
	if m < n {
		v, s, uh := SVD(adjoint(a))
		u, vh := adjoint(uh), adjoint(v)
		phase := graph.ExpandAxes(phases(u), -2) // of u, not of v
		return graph.Mul(u, graph.Conj(phase)), s, graph.Mul(transpose(phase), vh)
	}
	out := graph.WithCustomGradient([]*graph.Node{a}, func(in []*graph.Node) []*graph.Node {
		u, s, vh := orthogonalized(graph.StopGradient(in[0]))
		return []*graph.Node{u, s, vh}
	}, func(in, out, d []*graph.Node) []*graph.Node {
		return []*graph.Node{graph.Conj(svdGradient(out[0], out[1], out[2], graph.Conj(d[0]), d[1], graph.Conj(d[2])))}
	})
	return out[0], out[1], out[2]
}

// svdGradient takes and returns gradients that are conjugates of ours. With p = uᴴ·da·v and f[i,j] = 1/(s[j]²-s[i]²),
//
//	ds = Re diag(p),  du = u·(f∘(p·s + s·pᴴ)) + (1-u·uᴴ)·da·v·s⁻¹ + u·i·Im diag(p)/2s,  dv = v·(f∘(s·p + pᴴ·s)) + (1-v·vᴴ)·daᴴ·u·s⁻¹ - v·i·Im diag(p)/2s
func svdGradient(u, s, vh, gu, gs, gvh *graph.Node) *graph.Node {
	d, k := u.DType(), s.Dim(-1)
	gv, v := adjoint(gvh), adjoint(vh)
	f := graph.ConvertDType(inverseGaps(graph.Square(s)), d)
	x, y := graph.MatMul(adjoint(u), gu), graph.MatMul(vh, gv)
	fx, fy := graph.Mul(f, x), graph.Mul(f, y)
	none := graph.IsZero(s)
	inverse := graph.Where(none, graph.ZerosLike(s), graph.Reciprocal(graph.Where(none, graph.OnesLike(s), s)))
	p := graph.Add(scaled(graph.Add(fx, adjoint(fx)), s), transpose(scaled(transpose(graph.Add(fy, adjoint(fy))), s)))
	on := graph.ConvertDType(gs, d)
	if d.IsComplex() {
		turn := graph.Mul(graph.Sub(graph.Imag(diagonal(x)), graph.Imag(diagonal(y))), graph.DivScalar(inverse, 2))
		on = graph.Add(on, graph.Complex(graph.ZerosLike(turn), turn))
	}
	p = graph.Add(p, graph.Mul(eye(u, k, k), graph.ExpandAxes(on, -2)))
	ga := graph.MatMul(u, graph.MatMul(p, vh))
	outside := graph.Sub(gu, graph.MatMul(u, x)) // (1-u·uᴴ)·gu
	ga = graph.Add(ga, graph.MatMul(scaled(outside, inverse), vh))
	outside = graph.Sub(gv, graph.MatMul(v, y))
	return graph.Add(ga, graph.MatMul(scaled(u, inverse), adjoint(outside)))
}

// orthogonalized is SVD of a matrix with no more columns than rows, without gradient: a = q·r, and the columns of rᴴ are turned until they
// are orthogonal: rᴴ·j = u'·s, so that a = (q·j)·s·u'ᴴ.
func orthogonalized(a *graph.Node) (u, s, vh *graph.Node) {
	n, real := a.Dim(-1), a.DType().Real()
	if a.Shape().Size() == 0 {
		return eye(a, a.Dim(-2), n), graph.Zeros(a.Graph(), with(a.Shape(), []int{n, 1}, real).Without([]int{a.Rank() - 1}, false)), eye(a, n, n)
	}
	q, r := reflected(a)
	columns, jh := rowsFirst(r), eyeRows(a, n) // adjoints of the columns of rᴴ
	if n > 1 {
		state := jacobi(n, []*graph.Node{columns, jh}, func(partner *graph.Node, s []*graph.Node) (next []*graph.Node, met *graph.Node) {
			x, jh := s[0], s[1]
			lengths := graph.ReduceAndKeep(squares(x), graph.ReduceSum, 2)
			theirs := graph.Gather(lengths, partner)
			off := graph.ReduceAndKeep(graph.Mul(x, graph.Conj(graph.Gather(x, partner))), graph.ReduceSum, 2)
			c, t := rotation(partner, lengths, theirs, off)
			// Columns that are rounding errors beside the longest one need not be orthogonal.
			most := graph.MulScalar(graph.ReduceAndKeep(lengths, graph.ReduceMax, 0), dtypes.Epsilon(real))
			beside := graph.Add(graph.Mul(graph.Sqrt(lengths), graph.Sqrt(theirs)), most)
			idle := graph.LogicalOr(graph.Equal(t, graph.ZerosLike(t)), graph.IsZero(beside))
			met = graph.Where(idle, graph.ZerosLike(c), graph.Div(graph.Abs(off), graph.Where(idle, graph.OnesLike(beside), beside)))
			met = graph.DivScalar(met, float64(n)) // sums of n products
			return []*graph.Node{turned(x, partner, c, t), turned(jh, partner, c, t)}, met
		})
		columns, jh = state[0], state[1]
	}
	x, j := adjoint(matricesOf(columns, a)), adjoint(matricesOf(jh, a))
	s = graph.Squeeze(graph.L2Norm(x, -2), -2)
	order := graph.ArgSort(s, -1, false)
	s = graph.Sort(s, -1, false)
	x, j = reordered(x, order), reordered(j, order)
	// The columns divided by their lengths; QR finds what is orthogonal to them where these are 0.
	v, rest := reflected(x)
	v = graph.Mul(v, graph.ExpandAxes(graph.ConvertDType(graph.SignPlusOrMinus(graph.Real(diagonal(rest))), v.DType()), -2))
	u = graph.MatMul(q, j)
	phase := graph.ExpandAxes(graph.Conj(phases(u)), -2)
	return graph.Mul(u, phase), s, adjoint(graph.Mul(v, phase))
}

// squares returns |x|².
func squares(x *graph.Node) *graph.Node {
	if x.DType().IsComplex() {
		return graph.Add(graph.Square(graph.Real(x)), graph.Square(graph.Imag(x)))
	}
	return graph.Square(x)
}

// cutoff is which part of the largest singular value others need, so that they count: rounding errors are smaller.
func cutoff(m, n int, d dtypes.DType) float64 {
	return float64(max(m, n)) * dtypes.Epsilon(d.Real())
}

// counting returns which singular values count.
func counting(s *graph.Node, m, n int) *graph.Node {
	return graph.GreaterThan(s, graph.MulScalar(graph.ReduceAndKeep(s, graph.ReduceMax, -1), cutoff(m, n, s.DType())))
}

// MatrixRank returns how many linearly independent columns a has, int32 of [...]: how many singular values are larger than the largest one
// times ε·max(M, N), ε the distance from 1 to the next number of the dtype.
func MatrixRank(a *graph.Node) *graph.Node {
	a, m, n := matrix("MatrixRank", a)
	if a.Shape().Size() == 0 {
		return graph.Zeros(a.Graph(), with(a.Shape(), []int{1, 1}, dtypes.Int32).Without([]int{a.Rank() - 2, a.Rank() - 1}, false))
	}
	_, s, _ := SVD(a)
	return graph.ReduceSum(graph.ConvertDType(counting(s, m, n), dtypes.Int32), -1)
}

// Pinv returns the Moore-Penrose inverse of a, [..., N, M], by its singular values, of which those that [MatrixRank] does not count are 0.
// The gradient is right where the rank does not change.
//
// Source of the gradient: Golub and Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems", 1973.
func Pinv(a *graph.Node) *graph.Node {
	a, m, n := matrix("Pinv", a)
	if a.Shape().Size() == 0 {
		return transpose(a)
	}
	return graph.WithCustomGradient([]*graph.Node{a}, func(in []*graph.Node) []*graph.Node {
		u, s, vh := SVD(graph.StopGradient(in[0]))
		counts := counting(s, m, n)
		inverse := graph.Where(counts, graph.Reciprocal(graph.Where(counts, s, graph.OnesLike(s))), graph.ZerosLike(s))
		return []*graph.Node{graph.MatMul(scaled(adjoint(vh), inverse), adjoint(u))}
	}, func(in, out, d []*graph.Node) []*graph.Node {
		a, p, g := in[0], out[0], graph.Conj(d[0])
		ph, gh := adjoint(p), adjoint(g)
		ga := graph.Neg(graph.MatMul(graph.MatMul(ph, g), ph))
		left := graph.MatMul(gh, graph.MatMul(p, ph)) // gᴴ·p·pᴴ, of which the part outside of a's columns counts
		ga = graph.Add(ga, graph.Sub(left, graph.MatMul(a, graph.MatMul(p, left))))
		right := graph.MatMul(graph.MatMul(ph, p), gh)
		return []*graph.Node{graph.Conj(graph.Add(ga, graph.Sub(right, graph.MatMul(graph.MatMul(right, p), a))))}
	})[0]
}

// LeastSquares returns the x for which a·x is nearest to b, of all these the shortest:
//
//	x = pinv(a) · b
//
// a is [..., M, N], b [..., M, K] of the same dtype; x is [..., N, K]. See [Pinv] for the gradient.
func LeastSquares(a, b *graph.Node) *graph.Node {
	a, rows, _ := matrix("LeastSquares", a)
	b, n, _ := matrix("LeastSquares", b)
	switch {
	case a.DType() != b.DType():
		graph.Errorf("linalg.LeastSquares %s · %s: dtypes differ: %s and %s (convert one with ConvertDType)", a.Shape(), b.Shape(), a.DType(), b.DType())
	case rows != n:
		graph.Errorf("linalg.LeastSquares %s · %s: a matrix of %d rows against %d rows", a.Shape(), b.Shape(), rows, n)
	}
	a, b = sameBatches("LeastSquares", a, b)
	return graph.MatMul(Pinv(a), b)
}
