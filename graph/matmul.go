package graph

import (
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// MatMul returns the matrix product of lhs and rhs as NumPy's matmul does:
//
//	y[…, i, j] = Σ_k lhs[…, i, k] · rhs[…, k, j]
//
// The axes before the last two are batches, which are broadcast. A lhs of one axis counts as a row, a rhs
// of one axis as a column, and that axis is removed from the result. dtypes and sums are those of
// [DotGeneral]. It panics with [Error] if the inner axes differ or an operand is a scalar.
func MatMul(lhs, rhs *Node) *Node { return Dot(lhs, rhs).MatMul() }

// DotProduct returns the product of two vectors (a scalar), a matrix and a vector, or two matrices. For
// more axes there are [MatMul] and [Einsum]. It panics with [Error] if the inner axes differ.
func DotProduct(lhs, rhs *Node) *Node { return Dot(lhs, rhs).Product() }

var matMul, dot *ir.Op

// matMulRule is the shape rule of MatMul.
func matMulRule(attrs any, in []shapes.Shape) (shapes.Shape, error) {
	lhs, rhs := in[0], in[1]
	a := attrs.(ir.MatMulAttrs)
	d, err := dotDTypes(a.Accumulator, a.Output, in)
	if err != nil {
		return shapes.Shape{}, err
	}
	if lhs.Rank() == 0 || rhs.Rank() == 0 {
		return shapes.Shape{}, fmt.Errorf("a scalar has no axis to sum over (scale with Mul)")
	}
	inner := max(0, rhs.Rank()-2)
	k, rows := lhs.Dim(-1), rhs.Dimensions[inner]
	if k != rows {
		hint := ""
		if rhs.Rank() >= 2 && rhs.Dim(-1) == k {
			hint = fmt.Sprintf(" (want Transpose(w, %d, %d)?)", rhs.Rank()-2, rhs.Rank()-1)
		}
		return shapes.Shape{}, fmt.Errorf("inner axes differ: %d columns against %d rows%s", k, rows, hint)
	}
	if _, err := shapes.JoinName(lhs.Name(-1), rhs.Name(inner)); err != nil {
		return shapes.Shape{}, fmt.Errorf("inner axes: %w", err)
	}
	batch, err := shapes.BroadcastDims(matrixBatch(lhs), matrixBatch(rhs))
	if err != nil {
		return shapes.Shape{}, fmt.Errorf("batches: %w", err)
	}
	dims, names := batch.Dimensions, make([]string, batch.Rank())
	for i := range names {
		names[i] = batch.Name(i)
	}
	if lhs.Rank() > 1 {
		dims, names = append(dims, lhs.Dim(-2)), append(names, lhs.Name(-2))
	}
	if rhs.Rank() > 1 {
		dims, names = append(dims, rhs.Dim(-1)), append(names, rhs.Name(-1))
	}
	return shapes.Make(d, dims...).WithAxisNames(names...), nil
}

// matrixBatch returns s without its last two axes.
func matrixBatch(s shapes.Shape) shapes.Shape { return pick(s, axesFrom(0, max(0, s.Rank()-2))) }

// expandMatMul writes a matrix product as one DotGeneral: batch axes of equal size are batches, and one
// that is repeated is left out of the side that repeats it, so that nothing is copied.
func expandMatMul(attrs any, in []*Node) []*Node {
	a, lhs, rhs := attrs.(ir.MatMulAttrs), in[0], in[1]
	want, _ := matMulRule(attrs, []shapes.Shape{lhs.Shape(), rhs.Shape()})
	lb, rb := max(0, lhs.Rank()-2), max(0, rhs.Rank()-2)
	rank := max(lb, rb)
	// Per axis of the result's batch, the axis of each operand that goes along it.
	var common, lAlone, rAlone, lDrop, rDrop []int // places in the batch; then axes to remove
	for i := range rank {
		l, r := i-(rank-lb), i-(rank-rb)
		ld, rd := -1, -1
		if l >= 0 {
			ld = lhs.Dim(l)
		}
		if r >= 0 {
			rd = rhs.Dim(r)
		}
		switch {
		case ld == rd:
			common = append(common, i)
		case ld == -1 || ld == 1:
			rAlone = append(rAlone, i)
			if ld == 1 {
				lDrop = append(lDrop, l)
			}
		default:
			lAlone = append(lAlone, i)
			if rd == 1 {
				rDrop = append(rDrop, r)
			}
		}
	}
	if len(lDrop) > 0 {
		lhs = Squeeze(lhs, lDrop...)
	}
	if len(rDrop) > 0 {
		rhs = Squeeze(rhs, rDrop...)
	}
	places := func(own []int) (axes []int) { // of common among the batch axes that are left on a side
		all := append(slices.Clone(common), own...)
		slices.Sort(all)
		for _, c := range common {
			axes = append(axes, slices.Index(all, c))
		}
		return axes
	}
	y := Apply(dotGeneral, ir.DotAttrs{
		LhsContract: []int{lhs.Rank() - 1}, LhsBatch: places(lAlone),
		RhsContract: []int{max(0, rhs.Rank()-2)}, RhsBatch: places(rAlone),
		Accumulator: a.Accumulator, Output: a.Output,
	}, lhs, rhs)
	// y is [common, lAlone, row, rAlone, column]; the result wants [batch, row, column].
	var from []int
	row, column := -2, -1
	from = append(append(from, common...), lAlone...)
	if in[0].Rank() > 1 {
		from = append(from, row)
	}
	from = append(from, rAlone...)
	if in[1].Rank() > 1 {
		from = append(from, column)
	}
	var perm []int
	for i := range rank {
		perm = append(perm, slices.Index(from, i))
	}
	for _, m := range []int{row, column} {
		if i := slices.Index(from, m); i >= 0 {
			perm = append(perm, i)
		}
	}
	return []*Node{nameLike(transposeTo(y, perm), want)}
}

func init() {
	matMul = Define(ir.Op{
		Name: "MatMul", Family: "dot", Cost: sumOfProducts(overLastAxis), Doc: "z[…, i, j] = Σ_k x[…, i, k] · y[…, k, j], batches broadcast", DTypes: dtypes.Numbers, Attrs: ir.MatMulAttrs{},
		Infer: matMulRule,
		Samples: []ir.Sample{
			{Name: "worked out", In: []ir.Input{ir.Array([]int{2, 2}, 1, 2, 3, 4), ir.Array([]int{2, 2}, 5, 6, 7, 8)}, Attrs: ir.MatMulAttrs{}, DTypes: dtypes.Reals, Want: []float64{19, 22, 43, 50}},
			{Name: "matrix and vector", In: []ir.Input{ir.Ramp(2, 3), ir.Ramp(3)}, Attrs: ir.MatMulAttrs{}},
			{Name: "vector and matrix", In: []ir.Input{ir.Ramp(3), ir.Ramp(3, 2)}, Attrs: ir.MatMulAttrs{}},
			{Name: "vectors", In: []ir.Input{ir.Ramp(3), ir.Ramp(3)}, Attrs: ir.MatMulAttrs{}},
			{Name: "batch", In: []ir.Input{ir.Ramp(2, 2, 3), ir.Ramp(2, 3, 4)}, Attrs: ir.MatMulAttrs{}},
			{Name: "batch on the left", In: []ir.Input{ir.Ramp(2, 2, 3), ir.Ramp(3, 4)}, Attrs: ir.MatMulAttrs{}},
			{Name: "batch on the right", In: []ir.Input{ir.Array([]int{1, 2}, 1, 2), ir.Array([]int{2, 2, 1}, 1, 2, 3, 4)}, Attrs: ir.MatMulAttrs{}, DTypes: dtypes.Reals, Want: []float64{5, 11}},
			{Name: "batches repeat on both sides", In: []ir.Input{ir.Ramp(2, 1, 2, 3), ir.Ramp(1, 3, 3, 2)}, Attrs: ir.MatMulAttrs{}},
			{Name: "vector and batch", In: []ir.Input{ir.Ramp(3), ir.Ramp(2, 3, 2)}, Attrs: ir.MatMulAttrs{}},
			{Name: "empty", In: []ir.Input{ir.Ramp(0, 3), ir.Ramp(3, 2)}, Attrs: ir.MatMulAttrs{}},
		},
		Tol: ir.Tolerance{ULP: 16, Abs: 32, Why: "sums in another order"},
	}, Rule{JVPMulti: multilinear, Expand: expandMatMul})
	dot = Define(ir.Op{
		Name: "Dot", Family: "dot", Cost: sumOfProducts(overLastAxis), Doc: "the product of vectors or matrices", DTypes: dtypes.Numbers, Attrs: ir.MatMulAttrs{},
		Infer: func(attrs any, in []shapes.Shape) (shapes.Shape, error) {
			if in[0].Rank() > 2 || in[1].Rank() > 2 {
				return shapes.Shape{}, fmt.Errorf("it takes vectors and matrices only (want MatMul?)")
			}
			return matMulRule(attrs, in)
		},
		Samples: []ir.Sample{
			{Name: "vectors", In: []ir.Input{ir.Ramp(3), ir.Ramp(3)}, Attrs: ir.MatMulAttrs{}},
			{Name: "worked out", In: []ir.Input{ir.Array([]int{3}, 1, 2, 3), ir.Array([]int{3}, 4, 5, 6)}, Attrs: ir.MatMulAttrs{}, DTypes: dtypes.Reals, Want: []float64{32}},
			{Name: "matrix and vector", In: []ir.Input{ir.Ramp(2, 3), ir.Ramp(3)}, Attrs: ir.MatMulAttrs{}},
			{Name: "matrices", In: []ir.Input{ir.Ramp(2, 3), ir.Ramp(3, 2)}, Attrs: ir.MatMulAttrs{}},
		},
		Tol: ir.Tolerance{ULP: 16, Abs: 32, Why: "sums in another order"},
	}, Rule{JVPMulti: multilinear, Expand: expandMatMul})
}
