package linalg

import "github.com/quire-ml/quire/graph"

// Eigh returns the eigenvalues of a Hermitian matrix, for real a a symmetric one, in ascending order, and its eigenvectors, the columns of
// v, which are orthonormal:
//
//	a · v = v · diag(w)
//
// a is [..., N, N], w [..., N] of the real dtype, v [..., N, N]. Only the mean of a and its adjoint counts. An eigenvector's element of the
// largest absolute value is real and positive. The gradient by v is that of functions that do not depend on the eigenvectors' phases;
// between equal eigenvalues, whose eigenvectors are not unique, none flows.
//
// Source: Golub and Van Loan, "Matrix computations", 2013, 8.5 (Jacobi's method); of the gradient: Giles, "Collected matrix derivative
// results", 2008, 3.1.
func Eigh(a *graph.Node) (w, v *graph.Node) {
	a, n := square("Eigh", a)
	checkPlayers("Eigh", a, n)
	out := graph.WithCustomGradient([]*graph.Node{a}, func(in []*graph.Node) []*graph.Node {
		a := graph.StopGradient(in[0])
		w, v := diagonalized(graph.DivScalar(graph.Add(a, adjoint(a)), 2))
		return []*graph.Node{w, v}
	}, func(in, out, d []*graph.Node) []*graph.Node {
		w, v, gw, gv := out[0], out[1], d[0], graph.Conj(d[1]) // gradients that are conjugates of ours
		s := graph.Mul(graph.ConvertDType(inverseGaps(w), v.DType()), graph.MatMul(adjoint(v), gv))
		s = graph.Add(s, scaled(eye(v, n, n), gw))
		ga := graph.MatMul(v, graph.MatMul(s, adjoint(v)))
		return []*graph.Node{graph.Conj(graph.DivScalar(graph.Add(ga, adjoint(ga)), 2))}
	})
	return out[0], out[1]
}

// inverseGaps returns 1/(w[j]-w[i]), and 0 where both are equal.
func inverseGaps(w *graph.Node) *graph.Node {
	gap := graph.Sub(graph.ExpandAxes(w, -2), graph.ExpandAxes(w, -1))
	none := graph.IsZero(gap)
	return graph.Where(none, graph.ZerosLike(gap), graph.Reciprocal(graph.Where(none, graph.OnesLike(gap), gap)))
}

// diagonalized is Eigh of a Hermitian matrix, without gradient.
func diagonalized(a *graph.Node) (w, v *graph.Node) {
	n, real := a.Dim(-1), a.DType().Real()
	if a.Shape().Size() == 0 {
		return graph.Zeros(a.Graph(), with(a.Shape(), []int{n, 1}, real).Without([]int{a.Rank() - 1}, false)), eye(a, n, n)
	}
	if n > 1 {
		x := rowsFirst(a)
		scale := graph.ReduceMax(graph.Abs(x), 0, 2) // [batch]
		scale = graph.ExpandAxes(graph.Where(graph.IsZero(scale), graph.OnesLike(scale), scale), 0, 2)
		s := jacobi(n, []*graph.Node{x, eyeRows(a, n)}, func(partner *graph.Node, s []*graph.Node) (next []*graph.Node, met *graph.Node) {
			x, vh := s[0], s[1] // x = vᴴ·a·v
			on := graph.ExpandAxes(graph.Real(graph.Einsum("ibi->ib", x)), -1)
			off := graph.ExpandAxes(graph.Conj(graph.Einsum("ibi->ib", graph.Gather(x, partner))), -1)
			// Both of a pair must turn by the same angle, or v is no rotation any more; of numbers that are rounding errors, as where a has
			// little rank, x holds two that differ.
			off = graph.MulScalar(graph.Add(off, graph.Conj(graph.Gather(off, partner))), 0.5)
			c, t := rotation(partner, on, graph.Gather(on, partner), off)
			x = turned(x, partner, c, t)
			x = turned(graph.Conj(graph.Transpose(x, 0, 2)), partner, c, t) // both are Hermitian in the end
			met = graph.Where(graph.Equal(t, graph.ZerosLike(t)), graph.ZerosLike(c), graph.Div(graph.Abs(off), scale))
			return []*graph.Node{x, turned(vh, partner, c, t)}, met
		})
		a, v = matricesOf(s[0], a), adjoint(matricesOf(s[1], a))
	} else {
		v = eye(a, n, n)
	}
	w = graph.Real(diagonal(a))
	order := graph.ArgSort(w, -1, true)
	w = graph.Sort(w, -1, true)
	v = reordered(v, order)
	return w, graph.Mul(v, graph.ExpandAxes(graph.Conj(phases(v)), -2))
}
