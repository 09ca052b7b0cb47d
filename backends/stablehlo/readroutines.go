package stablehlo

import (
	"slices"
	"strconv"
	"strings"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/linalg"
	"github.com/quire-ml/quire/graph/shapes"
)

// Linear algebra arrives as calls of a library: of LAPACK's routines in JAX's exports for CPUs, of XLA's own in those for TPUs. What they
// compute is made of package linalg's functions, with their gradients, on any engine. A call has the results of the routine that it
// names, which are those of a Fortran program: a matrix overwritten by two, orders of rows as exchanges, numbers that say whether it
// worked. Memory layouts are named in a call and say nothing about values.
//
// Source: the LAPACK users' guide, 3rd edition, 1999, and JAX's jax/_src/lax/linalg.py for which routine is called how.

// routine is what a library computes of some operands.
type routine struct {
	operands int
	read     func(c *reading) []*graph.Node
}

// lapack are LAPACK's routines, without the letter that says the dtype, by the names under which JAX registers them.
var lapack = map[string]routine{
	"getrf": {1, func(c *reading) []*graph.Node {
		lu, pivots, _ := factors(c.in[0])
		return []*graph.Node{lu, graph.AddScalar(pivots, 1), firstOf(graph.IsZero(diagonal(lu)))}
	}},
	"geqrf": {1, readReflections},
	"orgqr": {2, readReflected},
	"ungqr": {2, readReflected},
	"gesdd": {1, readSingular},
	"gesvd": {1, readSingular},
	"gehrd": {1, readHessenberg},
	"ormqr": {3, readReflectedProduct},
	"unmqr": {3, readReflectedProduct},
	"gtsv":  {4, readTridiagonal},
	"syevd": {1, readEigen},
	"heevd": {1, readEigen},
	"geev":  {1, readGeneralEigen},
	"potrf": {1, func(c *reading) []*graph.Node {
		l := graph.Cholesky(c.in[0], c.letter("uplo", "LU") == 'L')
		return []*graph.Node{l, firstOf(graph.IsNaN(graph.Real(diagonal(l))))}
	}},
	"trsm": {2, one(func(c *reading) *graph.Node {
		kinds := map[byte]ir.TransposeKind{'N': ir.NotTransposed, 'T': ir.Transposed, 'C': ir.Adjoint}
		left, lower := c.letter("side", "LR") == 'L', c.letter("uplo", "LU") == 'L'
		return graph.TriangularSolve(c.in[0], c.in[1], left, lower, c.letter("diag", "NU") == 'U', kinds[c.letter("trans_x", "NTC")])
	})},
}

// libraries are the routines by the target of their calls: LAPACK's are added by init.
var libraries = map[string]routine{
	"LuDecomposition": {1, func(c *reading) []*graph.Node {
		lu, pivots, p := factors(c.in[0])
		return []*graph.Node{lu, pivots, p}
	}},
	"Qr": {1, readReflections},
	"ProductOfElementaryHouseholderReflectors": {2, readReflected},
	"Eigh": {1, func(c *reading) []*graph.Node {
		config, _, _ := strings.Cut(c.word("backend_config"), ",") // lower, sorted, and how often and how far to go
		if config != "0" && config != "1" {
			c.fail("its backend_config begins with 1 for the lower triangle or 0 for the upper one, not %q", config)
		}
		w, v := linalg.Eigh(hermitian(c.in[0], config == "1"))
		return []*graph.Node{v, w}
	}},
}

func init() {
	letters := map[byte]dtypes.DType{'s': dtypes.Float32, 'd': dtypes.Float64, 'c': dtypes.Complex64, 'z': dtypes.Complex128}
	for name, r := range lapack {
		for letter, d := range letters {
			libraries["lapack_"+string(letter)+name+"_ffi"] = routine{r.operands, func(c *reading) []*graph.Node {
				if c.in[0].DType() != d {
					c.fail("it takes %s, not %s", typeName(d), tensorType(c.in[0].Shape()))
				}
				return r.read(c)
			}}
		}
	}
}

// library reads the call of a library's routine.
func (c *reading) library(r routine) []*graph.Node {
	if c.op.attrs["indices_of_shape_operands"] != nil && len(c.in) > r.operands { // shapes of results that the text leaves open
		c.in = c.in[:r.operands]
	}
	if len(c.in) != r.operands {
		c.fail("%d operands, not %d", len(c.in), r.operands)
	}
	for _, x := range c.in {
		if !dtypes.Inexact.Has(x.DType()) || x.DType().IsHalf() {
			c.fail("it takes f32, f64 and complex numbers, not %s", tensorType(x.Shape()))
		}
	}
	x := c.in[0]
	if len(c.in) == 4 { // diagonals, and then the matrix
		x = c.in[3]
	}
	if x.Rank() < 2 {
		c.fail("it takes matrices, not %s", tensorType(x.Shape()))
	}
	return r.read(c)
}

// letter returns a setting of a routine of LAPACK's, a letter among some, of which the text has the code.
func (c *reading) letter(name, among string) byte {
	config, ok := c.op.attrs["mhlo.backend_config"].(map[string]any)
	if !ok {
		config, _ = c.op.attrs["backend_config"].(map[string]any)
	}
	code, ok := config[name].(int64)
	if !ok || code < 0 || code > 127 || !strings.Contains(among, string(rune(code))) {
		c.fail("the setting %s of its backend_config must be the code of a letter among %s", name, strconv.Quote(among))
	}
	return byte(code)
}

// batchesOf returns the shape of an array with numbers of d for each matrix of x, and more axes.
func batchesOf(x *graph.Node, d dtypes.DType, more ...int) shapes.Shape {
	return shapes.Make(d, slices.Concat(x.Shape().Dimensions[:x.Rank()-2], more)...)
}

func adjoint(x *graph.Node) *graph.Node { return graph.Conj(graph.Transpose(x, -2, -1)) }

// partOf returns elements from to to-1 of an axis.
func partOf(x *graph.Node, axis, from, to int) *graph.Node {
	return graph.SliceAxis(x, axis, graph.AxisRange(from, to))
}

// diagonal returns the main diagonals of matrices.
func diagonal(x *graph.Node) *graph.Node {
	n := min(x.Dim(-2), x.Dim(-1))
	return graph.Einsum("...ii->...i", partOf(partOf(x, -2, 0, n), -1, 0, n))
}

// identity returns identity matrices, one for each matrix of x.
func identity(x *graph.Node, rows, columns int) *graph.Node {
	i := graph.Iota(x.Graph(), shapes.Make(dtypes.Int32, rows, columns), 0)
	j := graph.Iota(x.Graph(), shapes.Make(dtypes.Int32, rows, columns), 1)
	return graph.BroadcastToShape(graph.ConvertDType(graph.Equal(i, j), x.DType()), batchesOf(x, x.DType(), rows, columns))
}

// grown gives matrices rows and columns of zeros below and on the right.
func grown(x *graph.Node, rows, columns int) *graph.Node {
	axes := make([]ir.PadAxis, x.Rank())
	axes[x.Rank()-2].End, axes[x.Rank()-1].End = rows-x.Dim(-2), columns-x.Dim(-1)
	return padded(x, number(x, 0), axes)
}

// firstOf returns the number, from 1, of the first of the elements along the last axis that hold, 0 if none does: how routines say where
// they could not go on.
func firstOf(holds *graph.Node) *graph.Node {
	s := holds.Shape().Without([]int{holds.Rank() - 1}, false)
	s.DType = dtypes.Int32
	if holds.Shape().Size() == 0 {
		return graph.Zeros(holds.Graph(), s)
	}
	first := graph.AddScalar(graph.ArgMax(graph.ConvertDType(holds, dtypes.Int32), -1), 1)
	return graph.Where(graph.ReduceLogicalOr(holds, -1), first, graph.Zeros(holds.Graph(), s))
}

// worked is the number that says that a routine did what it should.
func worked(x *graph.Node) *graph.Node { return graph.Zeros(x.Graph(), batchesOf(x, dtypes.Int32)) }

// hermitian returns the matrix of which one triangle of x is given. What stands in the other one does not count.
func hermitian(x *graph.Node, lower bool) *graph.Node {
	half := graph.TakeUpperTriangular(x, 1)
	if lower {
		half = graph.TakeLowerTriangular(x, -1)
	}
	on := graph.Sub(graph.TakeLowerTriangular(x, 0), graph.TakeLowerTriangular(x, -1))
	if x.DType().IsComplex() {
		on = graph.ConvertDType(graph.Real(on), x.DType())
	}
	return graph.Add(graph.Add(half, adjoint(half)), on)
}

// factors returns those of [linalg.LU] in one matrix, l below the diagonal of u; which row was exchanged with each row in turn; and the
// order of rows that these exchanges lead to.
func factors(x *graph.Node) (lu, pivots, p *graph.Node) {
	m, n := x.Dim(-2), x.Dim(-1)
	p, l, u := linalg.LU(x)
	lu = graph.Add(grown(graph.TakeLowerTriangular(l, -1), m, n), grown(u, m, n))
	return lu, exchanges(p, min(m, n)), p
}

// exchanges returns the k exchanges of rows, one after the other, that bring rows into the order p, [..., M]: in turn i row i changes places
// with row y[..., i].
func exchanges(p *graph.Node, k int) *graph.Node {
	if p.Shape().Size() == 0 || k == 0 {
		return graph.Zeros(p.Graph(), shapes.Make(p.DType(), slices.Concat(p.Shape().Dimensions[:p.Rank()-1], []int{k})...))
	}
	place := graph.Iota(p.Graph(), p.Shape(), p.Rank()-1)
	turns := graph.Iota(p.Graph(), shapes.Make(dtypes.Int32, k), 0)
	_, y := graph.Scan([]*graph.Node{place}, []*graph.Node{turns, leading(partOf(p, -1, 0, k))}, func(carry, x []*graph.Node) (next, y []*graph.Node) {
		order, at, want := carry[0], x[0], graph.ExpandAxes(x[1], -1)
		from := graph.ArgMax(graph.ConvertDType(graph.Equal(order, want), dtypes.Int32), -1) // where the row is that comes next
		here := graph.Equal(place, at)
		first := graph.ReduceAndKeep(graph.Where(here, order, graph.ZerosLike(order)), graph.ReduceSum, -1)
		order = graph.Where(graph.Equal(place, graph.ExpandAxes(from, -1)), first, order)
		return []*graph.Node{graph.Where(here, want, order)}, []*graph.Node{from}
	}).Done()
	return trailing(y[0])
}

// leading puts the last axis first, trailing the first one last.
func leading(x *graph.Node) *graph.Node {
	return graph.TransposeAllAxes(x, append([]int{x.Rank() - 1}, upTo(0, x.Rank()-1)...)...)
}

func trailing(x *graph.Node) *graph.Node {
	return graph.TransposeAllAxes(x, append(upTo(1, x.Rank()), 0)...)
}

func readReflections(c *reading) []*graph.Node {
	packed, tau := reflections(c.in[0])
	return []*graph.Node{packed, tau}
}

// reflections takes x apart, [..., M, N], as LAPACK's geqrf does: reflections bring its columns to the axes, one after the other,
//
//	x = h[0]·h[1]·…·h[K-1]·r,  h[i] = 1 - tau[i]·v[i]·v[i]ᴴ
//
// r stands on and above the diagonal of the first result, and v[i] in column i below it, where all elements above are 0 and that on the
// diagonal is 1. tau is [..., K], K the smaller of M and N.
//
// Source: Golub and Van Loan, "Matrix computations", 2013, algorithm 5.2.1, with the signs of LAPACK's larfg.
func reflections(x *graph.Node) (packed, tau *graph.Node) {
	m, n := x.Dim(-2), x.Dim(-1)
	k := min(m, n)
	if x.Shape().Size() == 0 {
		return x, graph.Zeros(x.Graph(), batchesOf(x, x.DType(), k))
	}
	i := graph.Iota(x.Graph(), shapes.Make(dtypes.Int32, m, 1), 0)
	turns := graph.Iota(x.Graph(), shapes.Make(dtypes.Int32, k), 0)
	carry, y := graph.Scan([]*graph.Node{x}, []*graph.Node{turns}, func(carry, turn []*graph.Node) (next, y []*graph.Node) {
		x, at := carry[0], turn[0]
		v, tau := reflection(sliceAt(x, -1, at), i, at)
		x = graph.Sub(x, graph.Mul(graph.Mul(graph.Conj(tau), v), graph.MatMul(adjoint(v), x)))
		return []*graph.Node{x}, []*graph.Node{graph.Squeeze(v, -1), graph.Squeeze(tau, -2, -1)}
	}).Done()
	v := grown(graph.TakeLowerTriangular(trailing(y[0]), -1), m, n)
	return graph.Add(graph.TakeUpperTriangular(carry[0], 0), v), trailing(y[1])
}

// reflection returns v and tau of the reflection 1 - tau·v·vᴴ that brings what a column, [..., M, 1], has from row at on to that row alone; i are the
// numbers of rows. v is 0 above and 1 in that row; tau is [..., 1, 1].
func reflection(column, i, at *graph.Node) (v, tau *graph.Node) {
	zero := graph.ZerosLike(column)
	column = graph.Where(graph.LessThan(i, at), zero, column)
	top := sliceAt(column, -2, at) // [..., 1, 1]
	done := graph.IsZero(graph.L2Norm(graph.StopGradient(graph.Where(graph.Equal(i, at), zero, column)), -2))
	if column.DType().IsComplex() {
		done = graph.LogicalAnd(done, graph.IsZero(graph.Imag(top)))
	}
	// Where there is nothing to reflect, no gradient flows through divisions by 0 either.
	length := graph.L2Norm(graph.Where(done, graph.OnesLike(column), column), -2)
	end := graph.ConvertDType(graph.Neg(graph.Mul(graph.SignPlusOrMinus(graph.Real(top)), length)), column.DType())
	tau = graph.Where(done, graph.ZerosLike(top), graph.Div(graph.Sub(end, top), end))
	v = graph.Div(column, graph.Where(done, graph.OnesLike(top), graph.Sub(top, end)))
	return graph.Where(graph.Equal(i, at), graph.OnesLike(v), v), tau
}

// sliceAt returns the slice of size 1 of an axis, counted from the end, at i, a scalar in the graph.
func sliceAt(x *graph.Node, axis int, i *graph.Node) *graph.Node {
	start := make([]*graph.Node, x.Rank())
	for a := range start {
		start[a] = graph.ScalarZero(x.Graph(), dtypes.Int32)
	}
	sizes := slices.Clone(x.Shape().Dimensions)
	start[x.Rank()+axis], sizes[x.Rank()+axis] = i, 1
	return graph.DynamicSlice(x, start, sizes)
}

func readReflected(c *reading) []*graph.Node {
	x, tau := c.in[0], c.in[1]
	if k := tau.Shape().Dimensions; tau.Rank() != x.Rank()-1 || !tau.Shape().Equal(batchesOf(x, x.DType(), k[len(k)-1])) || k[len(k)-1] > x.Dim(-1) || x.Dim(-1) > x.Dim(-2) {
		c.fail("reflections %s of %s make no columns that are orthonormal", tensorType(x.Shape()), tensorType(tau.Shape()))
	}
	return []*graph.Node{reflected(x, tau)}
}

// reflected returns the first columns of the product of reflections, as many as packed has, see [reflections]. It is 1 - v·t·vᴴ, where
//
//	t = (1 + tau·s)⁻¹·tau,  s = vᴴ·v above its diagonal
//
// Source: Joffrain et al., "Accumulating Householder transformations, revisited", 2006, for tau that may be 0.
func reflected(packed, tau *graph.Node) *graph.Node {
	m, n, k := packed.Dim(-2), packed.Dim(-1), tau.Dim(-1)
	one := identity(packed, m, n)
	if packed.Shape().Size() == 0 || k == 0 {
		return one
	}
	v := graph.Add(graph.TakeLowerTriangular(partOf(packed, -1, 0, k), -1), identity(packed, m, k))
	d := graph.ExpandAxes(tau, -1) // multiplies rows
	s := graph.TakeUpperTriangular(graph.MatMul(adjoint(v), v), 1)
	right := graph.Mul(d, adjoint(partOf(v, -2, 0, n)))
	t := graph.TriangularSolve(graph.Add(graph.Mul(d, s), identity(packed, k, k)), right, true, false, true, ir.NotTransposed)
	return graph.Sub(one, graph.MatMul(v, t))
}

// readReflectedProduct multiplies a matrix by the product q of reflections, or its adjoint, on the left or on the right.
func readReflectedProduct(c *reading) []*graph.Node {
	x, tau, y := c.in[0], c.in[1], c.in[2]
	left, adjointOf := c.flag("left"), c.flag("transpose")
	m := x.Dim(-2)
	side := y.Dim(-1)
	if left {
		side = y.Dim(-2)
	}
	if k := tau.Dim(-1); k > x.Dim(-1) || x.Dim(-1) > m || side != m {
		c.fail("reflections %s of %s make no square matrix for %s", tensorType(x.Shape()), tensorType(tau.Shape()), tensorType(y.Shape()))
	}
	q := reflected(grown(x, m, m), tau)
	if adjointOf {
		q = adjoint(q)
	}
	if left {
		return []*graph.Node{graph.MatMul(q, y)}
	}
	return []*graph.Node{graph.MatMul(y, q)}
}

// flag returns a setting of a routine that is true or false.
func (c *reading) flag(name string) bool {
	config, ok := c.op.attrs["mhlo.backend_config"].(map[string]any)
	if !ok {
		config, _ = c.op.attrs["backend_config"].(map[string]any)
	}
	v, ok := config[name].(bool)
	if !ok {
		c.fail("the setting %s of its backend_config must be true or false", name)
	}
	return v
}

// readTridiagonal solves for matrices of three diagonals, of which the first and the last have an element outside, and returns what is left of
// these as it came.
func readTridiagonal(c *reading) []*graph.Node {
	below, on, above, b := c.in[0], c.in[1], c.in[2], c.in[3]
	n := on.Dim(-1)
	for _, d := range c.in[:3] {
		if !d.Shape().Equal(batchesOf(b, b.DType(), n)) || b.Dim(-2) != n {
			c.fail("diagonals %s do not belong to %s", tensorType(d.Shape()), tensorType(b.Shape()))
		}
	}
	// spread puts element i of a diagonal at row i, and column i + by.
	row := graph.Iota(c.g, shapes.Make(dtypes.Int32, n, n), 0)
	column := graph.Iota(c.g, shapes.Make(dtypes.Int32, n, n), 1)
	all := batchesOf(b, b.DType(), n, n).Dimensions
	spread := func(d *graph.Node, by int) *graph.Node {
		here := graph.BroadcastToDims(graph.Equal(graph.Sub(column, row), number(row, float64(by))), all...)
		wide := graph.BroadcastToDims(graph.ExpandAxes(d, -1), all...)
		return graph.Where(here, wide, graph.ZerosLike(wide))
	}
	x := linalg.Solve(graph.Add(spread(below, -1), graph.Add(spread(on, 0), spread(above, 1))), b)
	return []*graph.Node{below, on, above, x, worked(b)}
}

// readHessenberg brings square matrices to such with zeros below the diagonal that is next to the main one, by reflections on both sides:
// x = q·y·qᴴ. What made the zeros stands in their places.
func readHessenberg(c *reading) []*graph.Node {
	x := c.in[0]
	n := x.Dim(-1)
	if x.Dim(-2) != n {
		c.fail("it takes square matrices, not %s", tensorType(x.Shape()))
	}
	if n < 2 || x.Shape().Size() == 0 {
		return []*graph.Node{x, graph.Zeros(c.g, batchesOf(x, x.DType(), max(0, n-1))), worked(x)}
	}
	i := graph.Iota(c.g, shapes.Make(dtypes.Int32, n, 1), 0)
	turns := graph.Iota(c.g, shapes.Make(dtypes.Int32, n-1), 0)
	carry, y := graph.Scan([]*graph.Node{x}, []*graph.Node{turns}, func(carry, turn []*graph.Node) (next, y []*graph.Node) {
		x, at := carry[0], turn[0]
		v, tau := reflection(sliceAt(x, -1, at), i, graph.AddScalar(at, 1))
		x = graph.Sub(x, graph.Mul(graph.Mul(graph.Conj(tau), v), graph.MatMul(adjoint(v), x)))
		x = graph.Sub(x, graph.Mul(tau, graph.MatMul(graph.MatMul(x, v), adjoint(v))))
		return []*graph.Node{x}, []*graph.Node{graph.Squeeze(v, -1), graph.Squeeze(tau, -2, -1)}
	}).Done()
	v := graph.TakeLowerTriangular(grown(trailing(y[0]), n, n), -2)
	return []*graph.Node{graph.Add(graph.TakeUpperTriangular(carry[0], -1), v), trailing(y[1]), worked(x)}
}

// readSingular reads a singular value decomposition: the matrix, which is overwritten, the singular values, u, vᴴ and whether it worked.
func readSingular(c *reading) []*graph.Node {
	x, mode := c.in[0], c.letter("mode", "ASN")
	m, n := x.Dim(-2), x.Dim(-1)
	u, s, vh := linalg.SVD(x)
	switch mode {
	case 'A':
		u, vh = completed(u, m), adjoint(completed(adjoint(vh), n))
	case 'N':
		u, vh = c.room(2), c.room(3)
	}
	return []*graph.Node{x, s, u, vh, worked(x)}
}

// room returns what stands in the place of vectors that a routine was not asked for: there is room for them.
func (c *reading) room(i int) *graph.Node {
	if i >= len(c.op.out) || !c.op.out[i].known() {
		c.fail("the type of result %d must be known", i)
	}
	return graph.Zeros(c.g, c.op.out[i].shape)
}

// completed adds columns to orthonormal ones, so that there are m. No gradient flows through them, which are not unique.
func completed(u *graph.Node, m int) *graph.Node {
	k := u.Dim(-1)
	if k == m {
		return u
	}
	packed, tau := reflections(graph.StopGradient(u))
	all := reflected(grown(packed, m, m), tau)
	return graph.Concatenate([]*graph.Node{u, partOf(all, -1, k, m)}, -1)
}

// readGeneralEigen reads the eigenvalues of any matrix, of a real one their real and imaginary parts; its left and its right eigenvectors,
// of length 1; and whether it worked.
func readGeneralEigen(c *reading) []*graph.Node {
	x, left, right := c.in[0], c.letter("compute_left", "VN") == 'V', c.letter("compute_right", "VN") == 'V'
	first := 2 // result that is vectors
	if x.DType().IsComplex() {
		first = 1
	}
	var w, vl, vr *graph.Node
	if left || right {
		w, vr = linalg.Eig(x)
	} else {
		w = linalg.EigVals(x)
	}
	if left { // vlᴴ·x = w·vlᴴ, as rows of the inverse of vr
		vl = adjoint(linalg.Inverse(vr))
		vl = graph.Div(vl, graph.ConvertDType(graph.L2Norm(vl, -2), vl.DType()))
	} else {
		vl = c.room(first)
	}
	if !right {
		vr = c.room(first + 1)
	}
	out := []*graph.Node{w}
	if first == 2 {
		out = []*graph.Node{graph.Real(w), graph.Imag(w)}
	}
	return append(out, vl, vr, worked(x))
}

// readEigen reads eigenvectors, which stand where the matrix was, eigenvalues and whether it worked.
func readEigen(c *reading) []*graph.Node {
	x := c.in[0]
	c.letter("mode", "VN")
	w, v := linalg.Eigh(hermitian(x, c.letter("uplo", "LU") == 'L'))
	return []*graph.Node{v, w, worked(x)}
}
