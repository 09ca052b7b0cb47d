package linalg

import (
	"math"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

// Eig returns the eigenvalues of a square matrix, and its right eigenvectors, the columns of v:
//
//	a · v = v · diag(w)
//
// a is [..., N, N], w [..., N], v [..., N, N], both complex, also for a real a. Eigenvalues are in ascending order of their real parts, those
// whose real parts agree to half of the dtype's digits, beside the largest eigenvalue, in that of their imaginary parts: the two of a real
// matrix that are conjugates of each other stand side by side. An eigenvector has length 1, and its element of the largest absolute value
// is real and positive. [Eigh] is for matrices that equal their adjoints: faster, with vectors that are orthonormal.
//
// A defective matrix has too few eigenvectors: v then has columns that are the same but for rounding errors, and eigenvalues that are
// equal have errors of up to the k-th root of a rounding error, k being how many they are. Where eigenvalues are not found within 30·N
// turns, or a matrix has a NaN or an infinity, all of its results are NaN.
//
// The gradient by v is that of functions that do not depend on the eigenvectors' phases. Between eigenvalues that are equal none flows, and
// between those that nearly are it is large; that of a defective matrix does not exist.
//
// It takes some 3·N² turns of a loop, each with work for two rows and two columns and all batches.
//
// Source: Golub and Van Loan, "Matrix computations", 2013, 7.4 and 7.5 (Hessenberg form, QR steps with one shift, in complex arithmetic); of
// the gradient: Boeddeker et al., "On the computation of complex-valued gradients with application to statistically optimum
// beamforming", 2017, arXiv:1701.00392, 4.5, with eigenvectors that keep their length.
func Eig(a *graph.Node) (w, v *graph.Node) {
	a, n := square("Eig", a)
	checkPlayers("Eig", a, n)
	a = graph.ConvertDType(a, complexOf(a.DType()))
	out := graph.WithCustomGradient([]*graph.Node{a}, func(in []*graph.Node) []*graph.Node {
		return eigen(graph.StopGradient(in[0]), true)
	}, func(in, out, d []*graph.Node) []*graph.Node {
		// With p = v⁻¹·da·v and m = f∘p, f[i,j] = 1/(w[j]-w[i]): dw = diag(p), dv = v·m - v·Re diag(vᴴ·v·m). Of gradients that are
		// conjugates of ours:
		w, v, gw, gv := out[0], out[1], graph.Conj(d[0]), graph.Conj(d[1])
		vh := adjoint(v)
		s := graph.MatMul(vh, gv)
		s = graph.Sub(s, scaled(graph.MatMul(vh, v), graph.Real(diagonal(s))))
		s = graph.Mul(graph.Conj(inverseGaps(w)), s)
		s = graph.Add(s, scaled(eye(v, n, n), gw))
		return []*graph.Node{graph.Conj(Solve(vh, graph.MatMul(s, vh)))}
	})
	return out[0], out[1]
}

// EigVals returns the eigenvalues that [Eig] returns, in less time, as it finds no eigenvectors; its gradient does, by Eig.
func EigVals(a *graph.Node) *graph.Node {
	a, n := square("EigVals", a)
	checkPlayers("EigVals", a, n)
	a = graph.ConvertDType(a, complexOf(a.DType()))
	return graph.WithCustomGradient([]*graph.Node{a}, func(in []*graph.Node) []*graph.Node {
		return eigen(graph.StopGradient(in[0]), false)
	}, func(in, _, d []*graph.Node) []*graph.Node {
		_, v := Eig(in[0])
		vh := adjoint(v)
		return []*graph.Node{graph.Conj(Solve(vh, graph.Mul(graph.ExpandAxes(graph.Conj(d[0]), -1), vh)))}
	})[0]
}

func complexOf(d dtypes.DType) dtypes.DType {
	if d == dtypes.Float32 || d == dtypes.Complex64 {
		return dtypes.Complex64
	}
	return dtypes.Complex128
}

// eigen is Eig of a complex matrix, without gradient; without eigenvectors if they are not wanted. a = z·t·zᴴ, t upper triangular, whose
// diagonal has the eigenvalues.
func eigen(a *graph.Node, vectors bool) []*graph.Node {
	n := a.Dim(-1)
	if a.Shape().Size() == 0 {
		w := graph.Zeros(a.Graph(), with(a.Shape(), []int{n, 1}).Without([]int{a.Rank() - 1}, false))
		return []*graph.Node{w, eye(a, n, n)}[:1+bit(vectors)]
	}
	// Divided by a power of two, which rounds nothing, so that no product is too large or too small.
	most := graph.ReduceAndKeep(graph.Abs(a), graph.ReduceMax, -2, -1)
	finite := graph.IsFinite(most)
	a = graph.Where(finite, a, graph.ZerosLike(a)) // as something that is found at once, in place of NaN
	some := graph.LogicalAnd(finite, graph.IsPositive(most))
	least, largest := -126.0, 127.0 // exponents of the dtype
	if a.DType() == dtypes.Complex128 {
		least, largest = -1022, 1023
	}
	scale := graph.Exp2(graph.ClipScalar(graph.Floor(graph.Log2(graph.Where(some, most, graph.OnesLike(most)))), least, largest))
	tz := []*graph.Node{onParts(a, func(x *graph.Node) *graph.Node { return graph.Div(x, scale) }), eye(a, n, n)}[:1+bit(vectors)]
	if n > 2 {
		tz = hessenberg(tz)
	}
	if n > 1 {
		tz = schur(tz)
	}
	w := diagonal(tz[0])
	order := eigenOrder(w)
	w = onParts(w, func(x *graph.Node) *graph.Node { return graph.Mul(x, graph.Squeeze(scale, -1)) })
	w = graph.GatherWithBatchDims(w, graph.ExpandAxes(order, -1), w.Rank()-1)
	nan := graph.Div(graph.ZerosLike(w), graph.ZerosLike(w))
	out := []*graph.Node{graph.Where(graph.Squeeze(finite, -1), w, nan)}
	if vectors {
		v := graph.MatMul(tz[1], triangularVectors(tz[0], diagonal(tz[0])))
		v = graph.Div(v, graph.ConvertDType(graph.L2Norm(v, -2), v.DType()))
		v = reordered(v, order)
		v = graph.Mul(v, graph.ExpandAxes(graph.Conj(phases(v)), -2))
		out = append(out, graph.Where(graph.ExpandAxes(graph.IsNaN(out[0]), -2), graph.ExpandAxes(nan, -2), v))
	}
	return out
}

// onParts returns the complex number of what fn makes of the two parts of x: a product with a real number neither is too small nor has a NaN
// where x is infinite.
func onParts(x *graph.Node, fn func(x *graph.Node) *graph.Node) *graph.Node {
	return graph.Complex(fn(graph.Real(x)), fn(graph.Imag(x)))
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// eigenOrder returns the order of eigenvalues that [Eig] says, int32 of the shape of w.
func eigenOrder(w *graph.Node) *graph.Node {
	most := graph.ReduceAndKeep(graph.Abs(w), graph.ReduceMax, -1)
	none := graph.LogicalNot(graph.IsPositive(most))
	unit := graph.MulScalar(graph.Where(none, graph.OnesLike(most), most), math.Sqrt(dtypes.Epsilon(most.DType())))
	in := func(x, order *graph.Node) *graph.Node {
		return graph.GatherWithBatchDims(x, graph.ExpandAxes(order, -1), x.Rank()-1)
	}
	order := graph.ConvertDType(graph.ArgSort(graph.Imag(w), -1, true), dtypes.Int32)
	coarse := graph.Round(graph.Div(graph.Real(w), unit))
	return in(order, graph.ArgSort(in(coarse, order), -1, true)) // which keeps the order of those that are equal
}

// In what follows tz holds t and, if eigenvectors are wanted, z: z·t·zᴴ stays the same.

// hessenberg makes what is below the diagonal under the main one of t 0: a turn of a loop reflects what is there in a column to the axis.
func hessenberg(tz []*graph.Node) []*graph.Node {
	tz = graph.ForI(tz[0].Dim(-1)-2, tz, func(turn *graph.Node, tz []*graph.Node) (next []*graph.Node) {
		v, tau := reflector(columnAt(tz[0], turn), graph.OnePlus(turn))
		t := reflect(tz[0], v, graph.Conj(tau))
		for _, x := range append([]*graph.Node{t}, tz[1:]...) {
			next = append(next, reflectColumns(x, v, tau))
		}
		return next
	})
	return append([]*graph.Node{graph.TakeUpperTriangular(tz[0], -1)}, tz[1:]...)
}

// reflectColumns returns x - tau·(x·v)·vᴴ.
func reflectColumns(x, v, tau *graph.Node) *graph.Node {
	return graph.Sub(x, graph.Mul(tau, graph.MatMul(graph.MatMul(x, v), adjoint(v))))
}

// schur makes t, which has nothing below the diagonal under the main one, upper triangular by QR steps; NaN where they do not end. Each batch
// works on its own upper left part, which ends where nothing below the main diagonal follows; last is where that is, 0 when all is done.
func schur(tz []*graph.Node) []*graph.Node {
	n := tz[0].Dim(-1)
	t, last := deflated(tz[0])
	stalled := graph.ZerosLike(last) // turns since a part became shorter
	state := append([]*graph.Node{graph.ScalarZero(t.Graph(), dtypes.Int32), last, stalled, t}, tz[1:]...)
	parameters := func(g *graph.Graph) []*graph.Node {
		in := make([]*graph.Node, len(state))
		for i, s := range state {
			in[i] = graph.Parameter(g, "", s.Shape())
		}
		return in
	}
	cond := graph.NewClosure(t.Graph(), func(g *graph.Graph) []*graph.Node {
		s := parameters(g)
		return []*graph.Node{graph.LogicalAnd(graph.LessThan(s[0], graph.ConstAs(s[0], 30*n)), graph.IsPositive(graph.ReduceAllMax(s[1])))}
	})
	body := graph.NewClosure(t.Graph(), func(g *graph.Graph) []*graph.Node {
		s := parameters(g)
		last, stalled, tz := s[1], s[2], s[3:]
		tz = step(tz, last, shift(tz[0], last, stalled))
		t, next := deflated(tz[0])
		stalled = graph.Where(graph.Equal(next, last), graph.OnePlus(stalled), graph.ZerosLike(stalled))
		return append([]*graph.Node{graph.OnePlus(s[0]), next, stalled, t}, tz[1:]...)
	})
	s := graph.While(cond, body, state...)
	failed := graph.ExpandAxes(graph.IsPositive(s[1]), -2, -1)
	none := graph.Div(graph.ZerosLike(s[3]), graph.ZerosLike(s[3]))
	return append([]*graph.Node{graph.Where(failed, none, graph.TakeUpperTriangular(s[3], 0))}, s[4:]...)
}

// deflated returns t with zeros for what is no more than a rounding error below its diagonal, and the last row that has something there,
// int32 of [...], 0 if none has.
func deflated(t *graph.Node) (_, last *graph.Node) {
	n := t.Dim(-1)
	size := graph.Abs(diagonal(t)) // [..., n]
	below := graph.Abs(belowDiagonal(t))
	beside := graph.Add(graph.SliceAxis(size, -1, graph.AxisRange(0, n-1)), graph.SliceAxis(size, -1, graph.AxisRange(1, n)))
	beside = graph.Where(graph.IsZero(beside), graph.OnesLike(beside), beside) // t has been scaled to 1
	has := graph.GreaterThan(below, graph.MulScalar(beside, dtypes.Epsilon(size.DType())))
	row := graph.Iota(t.Graph(), shapes.Make(dtypes.Int32, n-1), 0)
	last = graph.ReduceMax(graph.Where(has, graph.OnePlus(row), graph.ZerosLike(row)), -1)

	first := graph.SliceAxis(has, -1, graph.AxisRange(0, 1)) // row 0 has nothing there
	has = graph.ExpandAxes(graph.Concatenate([]*graph.Node{first, has}, -1), -1)
	i, j := places(t, n, n)
	zero := graph.LogicalAnd(graph.Equal(i, graph.OnePlus(j)), graph.LogicalNot(has))
	return graph.Where(zero, graph.ZerosLike(t), t), last
}

// belowDiagonal returns t[i+1, i], aboveDiagonal t[i, i+1]: [..., n-1].
func belowDiagonal(t *graph.Node) *graph.Node {
	n := t.Dim(-1)
	return diagonal(columnsOf(graph.SliceAxis(t, -2, graph.AxisRange(1, n)), 0, n-1))
}

func aboveDiagonal(t *graph.Node) *graph.Node { return belowDiagonal(transpose(t)) }

// shift returns the eigenvalue of the last square of two rows of the part that ends at row last, that is nearer to the last element: Wilkinson's
// shift. Where ten turns were in vain, as they are for a matrix that goes round in circles, it is something else.
func shift(t, last, stalled *graph.Node) *graph.Node {
	at := func(v, i *graph.Node) *graph.Node {
		return graph.Squeeze(graph.GatherWithBatchDims(v, graph.ExpandAxes(i, -2, -1), v.Rank()-1), -1)
	}
	before := graph.MaxScalar(graph.SubScalar(last, 1), 0)
	on, below := diagonal(t), at(belowDiagonal(t), before)
	a, d := at(on, before), at(on, last)
	bc := graph.Mul(below, at(aboveDiagonal(t), before))
	// The eigenvalues are d + p ± √(p²+bc) = d - bc/(p ∓ √(p²+bc)).
	p := graph.DivScalar(graph.Sub(a, d), 2)
	root := graph.Sqrt(graph.Add(graph.Mul(p, p), bc))
	turned := graph.IsNegative(graph.Real(graph.Mul(p, graph.Conj(root))))
	sum := graph.Add(p, graph.Where(turned, graph.Neg(root), root))
	none := graph.Equal(sum, graph.ZerosLike(sum))
	wilkinson := graph.Sub(d, graph.Where(none, graph.ZerosLike(d), graph.Div(bc, graph.Where(none, graph.OnesLike(sum), sum))))
	other := graph.Add(d, graph.ConvertDType(graph.MulScalar(graph.Abs(below), 0.75), d.DType()))
	vain := graph.Equal(graph.ModScalar(stalled, 10), graph.ConstAs(stalled, 9))
	return graph.Where(vain, other, wilkinson)
}

// step is a QR step on the rows 0 to last of t with a shift: t - shift·1 = q·r, and r·q + shift·1 takes its place. A turn of a loop for each
// row rotates it and the next one, so that what is below the diagonal becomes 0, and the two columns that the turn before was about.
func step(tz []*graph.Node, last, shift *graph.Node) []*graph.Node {
	t := tz[0]
	n, d := t.Dim(-1), t.DType()
	i, j := places(t, n, n)
	end := graph.ExpandAxes(last, -2, -1)
	shift = graph.ExpandAxes(shift, -2, -1)
	shift = graph.Where(graph.LogicalAnd(graph.Equal(i, j), graph.LessOrEqual(j, end)), shift, graph.ZerosLike(shift))
	row, _ := places(t, 2, 1)
	isSecond := graph.Equal(row, graph.ConstAs(row, 1))

	// A rotation is [c s; -conj(s) c].
	one, zero := graph.OnesLike(graph.ConvertDType(end, d)), graph.ZerosLike(graph.ConvertDType(end, d))
	state := append([]*graph.Node{one, zero, graph.Sub(t, shift)}, tz[1:]...)
	state = graph.ForI(n-1, state, func(turn *graph.Node, state []*graph.Node) []*graph.Node {
		c, s, t := state[0], state[1], state[2]
		pair := twoAt(t, -2, turn)
		x, y := columnAt(graph.SliceAxis(pair, -2, graph.AxisRange(0, 1)), turn), columnAt(graph.SliceAxis(pair, -2, graph.AxisRange(1, 2)), turn)
		length := graph.Hypot(graph.Abs(x), graph.Abs(y))
		idle := graph.LogicalOr(graph.Equal(y, zero), graph.GreaterOrEqual(turn, end))
		length = graph.ConvertDType(graph.Where(idle, graph.OnesLike(length), length), d)
		unit := graph.Sign(graph.Where(graph.Equal(x, zero), one, x))
		nextC := graph.Where(idle, one, graph.Div(graph.ConvertDType(graph.Abs(x), d), length))
		nextS := graph.Where(idle, zero, graph.Div(graph.Mul(unit, graph.Conj(y)), length))
		pair = rotated(pair, -2, nextC, nextS, graph.Neg(graph.Conj(nextS)))
		pair = graph.Where(graph.LogicalAnd(isSecond, graph.Equal(j, turn)), graph.ZerosLike(pair), pair) // without rounding errors
		t = graph.DynamicUpdateSlice(t, pair, startsAt(t, -2, turn))
		next := []*graph.Node{nextC, nextS, rotatedColumns(t, graph.MaxScalar(graph.SubScalar(turn, 1), 0), c, s)}
		for _, z := range state[3:] {
			next = append(next, rotatedColumns(z, turn, nextC, nextS))
		}
		return next
	})
	t = rotatedColumns(state[2], graph.Scalar(t.Graph(), dtypes.Int32, n-2), state[0], state[1])
	return append([]*graph.Node{graph.Add(t, shift)}, state[3:]...)
}

// rotatedColumns returns x with columns at and at+1 multiplied by the adjoint of a rotation.
func rotatedColumns(x, at, c, s *graph.Node) *graph.Node {
	pair := rotated(twoAt(x, -1, at), -1, c, graph.Conj(s), graph.Neg(s))
	return graph.DynamicUpdateSlice(x, pair, startsAt(x, -1, at))
}

// rotated returns, of two vectors that stand along an axis, c·first + s·second and c·second + t·first.
func rotated(pair *graph.Node, axis int, c, s, t *graph.Node) *graph.Node {
	return graph.Add(graph.Mul(c, pair), graph.Mul(graph.Concatenate([]*graph.Node{s, t}, axis), graph.Reverse(pair, axis)))
}

// twoAt returns elements i and i+1 along an axis.
func twoAt(x *graph.Node, axis int, i *graph.Node) *graph.Node {
	sizes := append([]int(nil), x.Shape().Dimensions...)
	sizes[x.Rank()+axis] = 2
	return graph.DynamicSlice(x, startsAt(x, axis, i), sizes)
}

// triangularVectors returns the eigenvectors, the columns of x, of an upper triangular t with eigenvalues w on its diagonal: x is 1 on its
// diagonal, and a turn of a loop finds a row, from the last to the first,
//
//	x[i, k] = Σ_{j>i} t[i, j]·x[j, k] / (w[k] - w[i])
//
// the difference not being smaller than a rounding error. Columns are made shorter as they grow.
func triangularVectors(t, w *graph.Node) *graph.Node {
	n, d := t.Dim(-1), t.DType()
	_, j := places(t, n, n)
	least := graph.MulScalar(graph.ReduceAndKeep(graph.Abs(t), graph.ReduceMax, -2, -1), dtypes.Epsilon(d.Real()))
	least = graph.Where(graph.IsZero(least), graph.OnesLike(least), least)
	w = graph.ExpandAxes(w, -2) // [..., 1, n]
	x := graph.ForI(n, []*graph.Node{eye(t, n, n)}, func(turn *graph.Node, s []*graph.Node) []*graph.Node {
		x, i := s[0], graph.Sub(graph.ConstAs(turn, n-1), turn)
		row := rowAt(t, i)
		right := graph.GreaterThan(j, i)
		sum := graph.MatMul(graph.Where(right, row, graph.ZerosLike(row)), x) // [..., 1, n]
		gap := graph.Sub(w, columnAt(w, i))
		gap = graph.Where(graph.LessThan(graph.Abs(gap), least), graph.ConvertDType(least, d), gap)
		value := graph.Where(right, graph.Div(sum, gap), rowAt(x, i))
		x = graph.DynamicUpdateSlice(x, value, startsAt(x, -2, i))
		return []*graph.Node{graph.Div(x, graph.ConvertDType(graph.MaxScalar(graph.Abs(value), 1), d))}
	})
	return x[0]
}
