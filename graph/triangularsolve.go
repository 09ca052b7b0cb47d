package graph

import (
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// TriangularSolve returns the x with
//
//	op(a) · x = b with leftSide, x · op(a) = b without
//
// where op(a) is a, its transpose or its adjoint. a is [..., N, N], a triangular matrix: with lower only the lower
// triangle of a (before it is transposed) is read, without only the upper one; with unitDiagonal its diagonal counts as
// 1 and is not read either. b is [..., N, K] with leftSide, else [..., K, N]. The axes before the last two are batches;
// they are broadcast. a and b have one dtype: float32, float64 or complex. Where the diagonal is 0, x is infinite or
// NaN. The gradient with respect to what is not read is zero.
//
// It panics with [Error] if shapes or dtypes do not fit.
func TriangularSolve(a, b *Node, leftSide, lower, unitDiagonal bool, transposeA ir.TransposeKind) *Node {
	need("TriangularSolve", a, b)
	attrs := ir.TriangularSolveAttrs{LeftSide: leftSide, Lower: lower, UnitDiagonal: unitDiagonal, TransposeA: transposeA}
	if a.Rank() >= 2 && b.Rank() >= 2 {
		batch, err := shapes.BroadcastDims(matrixBatch(a.Shape()), matrixBatch(b.Shape()))
		if err != nil {
			a.graph.fail("TriangularSolve", inShapes([]*Node{a, b}), fmt.Errorf("batches: %w", err))
		}
		along := func(x *Node) *Node {
			return BroadcastToDims(x, append(slices.Clone(batch.Dimensions), x.Dim(-2), x.Dim(-1))...)
		}
		a, b = along(a), along(b)
	}
	return Apply(triangularSolve, attrs, a, b)
}

var triangularSolve *ir.Op

func triangularSolveRule(attrs any, in []shapes.Shape) (shapes.Shape, error) {
	t, a, b := attrs.(ir.TriangularSolveAttrs), in[0], in[1]
	if err := sameDType(in); err != nil {
		return b, err
	}
	if err := checkSquare(a); err != nil {
		return b, err
	}
	if b.Rank() < 2 {
		return b, fmt.Errorf("the right-hand side has two axes at least, not %d (add one with ExpandAxes)", b.Rank())
	}
	switch t.TransposeA {
	case ir.NotTransposed, ir.Transposed, ir.Adjoint:
	default:
		return b, fmt.Errorf("a matrix is %q, %q or %q, not %q", ir.NotTransposed, ir.Transposed, ir.Adjoint, t.TransposeA)
	}
	axis, what := -1, "columns"
	if t.LeftSide {
		axis, what = -2, "rows"
	}
	if b.Dim(axis) != a.Dim(-1) {
		return b, fmt.Errorf("a matrix of %d rows and columns against %d %s", a.Dim(-1), b.Dim(axis), what)
	}
	if !matrixBatch(a).EqualDimensions(matrixBatch(b)) {
		return b, fmt.Errorf("batches differ: %s against %s", matrixBatch(a).Dims(), matrixBatch(b).Dims())
	}
	return b, nil
}

// triangularSolveRef finds the elements of x one after the other, from the end of the triangle with one element on.
func triangularSolveRef[T float64 | complex128](attrs any, out, in []*tensors.Tensor) {
	t := attrs.(ir.TriangularSolveAttrs)
	a, x := load[T](in[0]), load[T](in[1])
	n, rows, columns := in[0].Shape().Dim(-1), in[1].Shape().Dim(-2), in[1].Shape().Dim(-1)
	lines, step, next := rows, 1, columns // x · m = b has an equation mᵀ · x = b per row
	if t.LeftSide {
		lines, step, next = columns, columns, 1
	}
	for batch := range in[1].Shape().Size() / max(1, rows*columns) {
		// m is the matrix of equations m · x = b, and whether it is lower triangular.
		turned := (t.TransposeA != ir.NotTransposed) == t.LeftSide
		m := func(i, j int) T {
			if turned {
				i, j = j, i
			}
			if t.TransposeA == ir.Adjoint {
				return conjugate(a[(batch*n+i)*n+j])
			}
			return a[(batch*n+i)*n+j]
		}
		for line := range lines {
			at := batch*rows*columns + line*next
			for k := range n {
				i, from, to := k, 0, k
				if t.Lower == turned {
					i = n - 1 - k
					from, to = i+1, n
				}
				for j := from; j < to; j++ {
					x[at+i*step] -= m(i, j) * x[at+j*step]
				}
				if !t.UnitDiagonal {
					x[at+i*step] /= m(i, i)
				}
			}
		}
	}
	store(out[0], x)
}

// triangularSolveVJP: with G the gradient of x, b gets Gb with op(a)ᵀ · Gb = G (or Gb · op(a)ᵀ = G), and op(a) gets
// -Gb · xᵀ (or -xᵀ · Gb).
func triangularSolveVJP(x, dx *Node) []*Node {
	t := x.Attrs().(ir.TriangularSolveAttrs)
	a := withoutNames(x.Input(0))
	x, dx = withoutNames(x), withoutNames(dx)
	back, m := t, a
	switch t.TransposeA {
	case ir.NotTransposed:
		back.TransposeA = ir.Transposed
	case ir.Transposed:
		back.TransposeA = ir.NotTransposed
	default: // the transpose of the adjoint is the conjugate
		back.TransposeA, m = ir.NotTransposed, Conj(a)
	}
	db := Apply(triangularSolve, back, m, dx)
	var da *Node
	if t.LeftSide {
		da = Neg(MatMul(db, Transpose(x, -2, -1)))
	} else {
		da = Neg(MatMul(Transpose(x, -2, -1), db))
	}
	switch t.TransposeA {
	case ir.Transposed:
		da = Transpose(da, -2, -1)
	case ir.Adjoint:
		da = adjoint(da)
	}
	k := 0 // what is read of a: with the diagonal or without
	if t.UnitDiagonal {
		k = 1
	}
	if t.Lower {
		da = TakeLowerTriangular(da, -k)
	} else {
		da = TakeUpperTriangular(da, k)
	}
	return []*Node{da, db}
}

func init() {
	matrix := func(n int, batch ...int) ir.Input { // the diagonal is well away from 0, so that x stays small
		in := ir.Ramp(append(batch, n, n)...)
		for i := range in.Data {
			if i%(n*n)%(n+1) == 0 {
				in.Data[i] += 4
			}
		}
		return in
	}
	var samples []ir.Sample
	for _, left := range []bool{true, false} {
		for _, lower := range []bool{true, false} {
			for _, t := range []ir.TransposeKind{ir.NotTransposed, ir.Transposed, ir.Adjoint} {
				b, side, which := ir.Ramp(3, 2), "left", "upper"
				if !left {
					b, side = ir.Ramp(2, 3), "right"
				}
				if lower {
					which = "lower"
				}
				samples = append(samples, ir.Sample{Name: fmt.Sprintf("%s, %s, transposed: %s", side, which, t), In: []ir.Input{matrix(3), b.Plus(0.125)}, Attrs: ir.TriangularSolveAttrs{LeftSide: left, Lower: lower, UnitDiagonal: false, TransposeA: t}})
			}
		}
	}
	plain := ir.TriangularSolveAttrs{LeftSide: true, Lower: true, TransposeA: ir.NotTransposed}
	unit := plain
	unit.UnitDiagonal = true
	samples = append(samples,
		ir.Sample{Name: "worked out", In: []ir.Input{ir.Array([]int{2, 2}, 2, 9, 1, 4), ir.Array([]int{2, 2}, 2, 4, 9, 10)}, Attrs: plain, DTypes: dtypes.Floats, Want: []float64{1, 2, 2, 2}},
		ir.Sample{Name: "a diagonal of ones", In: []ir.Input{matrix(3), ir.Ramp(3, 2).Plus(0.125)}, Attrs: unit},
		ir.Sample{Name: "a diagonal of ones, from the right", In: []ir.Input{matrix(3), ir.Ramp(2, 3).Plus(0.125)}, Attrs: ir.TriangularSolveAttrs{LeftSide: false, Lower: false, UnitDiagonal: true, TransposeA: ir.Transposed}},
		ir.Sample{Name: "batch", In: []ir.Input{matrix(2, 2, 2), ir.Ramp(2, 2, 2, 3)}, Attrs: plain},
		ir.Sample{Name: "batch, from the right", In: []ir.Input{matrix(3, 2), ir.Ramp(2, 1, 3)}, Attrs: ir.TriangularSolveAttrs{LeftSide: false, Lower: true, UnitDiagonal: false, TransposeA: ir.Adjoint}},
		ir.Sample{Name: "larger", In: []ir.Input{matrix(9), ir.Ramp(9, 4)}, Attrs: ir.TriangularSolveAttrs{LeftSide: true, Lower: false, UnitDiagonal: false, TransposeA: ir.NotTransposed}},
		ir.Sample{Name: "one element", In: []ir.Input{ir.Array([]int{1, 1}, 4), ir.Ramp(1, 1)}, Attrs: plain},
		ir.Sample{Name: "nothing to solve for", In: []ir.Input{matrix(2), ir.Ramp(2, 0)}, Attrs: plain},
	)
	triangularSolve = Define(ir.Op{
		Name: "TriangularSolve", Family: "linalg", Cost: solveCost, Doc: "the z with op(x) · z = y, or z · op(x) = y, for a triangular x", DTypes: solvable, Attrs: ir.TriangularSolveAttrs{}, HLO: "stablehlo.triangular_solve",
		Infer:   triangularSolveRule,
		Ref:     byKind(0, triangularSolveRef[float64], nil, nil, triangularSolveRef[complex128]),
		Samples: samples,
		Tol:     ir.Tolerance{ULP: 64, Abs: 64, Why: "sums in another order, divisions or products with a reciprocal"},
	}, Rule{Batch: batchTogether(&triangularSolve), VJP: triangularSolveVJP})
}
