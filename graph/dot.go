package graph

import (
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// DotGeneral returns the sums of products of lhs and rhs over their contracting axes, for each element of
// the batch axes, which both have:
//
//	y[b…, i…, j…] = Σ_k… lhs[b…, i…, k…] · rhs[b…, j…, k…]
//
// The result has the batch axes, then the other axes of lhs, then those of rhs, each in their order; the
// operands' axes may stand anywhere. Axes are paired by their place in the lists, must have the same
// sizes, and names that do not contradict each other; negative ones count from the end. Both operands
// have the same dtype, a number, which is the result's.
//
// Floats narrower than float32 are summed in float32 and rounded once; integers wrap around. Other
// accumulators and results are chosen with [Dot]. It panics with [Error] if axes do not fit.
func DotGeneral(lhs *Node, lhsContractingAxes, lhsBatchAxes []int, rhs *Node, rhsContractingAxes, rhsBatchAxes []int) *Node {
	return Dot(lhs, rhs).General(lhsContractingAxes, lhsBatchAxes, rhsContractingAxes, rhsBatchAxes)
}

// DotBuilder makes products with a chosen precision, see [Dot].
type DotBuilder struct {
	lhs, rhs            *Node
	accumulator, output dtypes.DType
}

// Dot starts a product of lhs and rhs, which one of the methods then makes:
//
//	y := Dot(x, w).WithOutputDType(dtypes.Float32).MatMul()
func Dot(lhs, rhs *Node) *DotBuilder {
	graphOf(dotGeneral, []*Node{lhs, rhs})
	return &DotBuilder{lhs: lhs, rhs: rhs}
}

// WithAccumulatorDType sets the dtype in which products are summed. By default it is that of the result,
// and at least float32 for floats. A backend may sum in a wider one. For integers it says where sums wrap.
func (b *DotBuilder) WithAccumulatorDType(dtype dtypes.DType) *DotBuilder {
	b.accumulator = dtype
	return b
}

// WithOutputDType sets the dtype of the result; by default it is that of the operands.
func (b *DotBuilder) WithOutputDType(dtype dtypes.DType) *DotBuilder {
	b.output = dtype
	return b
}

// MatMul makes the product that [MatMul] describes.
func (b *DotBuilder) MatMul() *Node {
	return Apply(matMul, ir.MatMulAttrs{Accumulator: b.accumulator, Output: b.output}, b.lhs, b.rhs)
}

// Product makes the product that [DotProduct] describes.
func (b *DotBuilder) Product() *Node {
	return Apply(dot, ir.MatMulAttrs{Accumulator: b.accumulator, Output: b.output}, b.lhs, b.rhs)
}

// General makes the product that [DotGeneral] describes.
func (b *DotBuilder) General(lhsContractingAxes, lhsBatchAxes []int, rhsContractingAxes, rhsBatchAxes []int) *Node {
	return Apply(dotGeneral, ir.DotAttrs{
		LhsContract: listOf("DotGeneral", b.lhs, lhsContractingAxes), LhsBatch: listOf("DotGeneral", b.lhs, lhsBatchAxes),
		RhsContract: listOf("DotGeneral", b.rhs, rhsContractingAxes), RhsBatch: listOf("DotGeneral", b.rhs, rhsBatchAxes),
		Accumulator: b.accumulator, Output: b.output,
	}, b.lhs, b.rhs)
}

// EinsumAxes makes the product that [EinsumAxes] describes.
func (b *DotBuilder) EinsumAxes(contractingAxes, batchAxes [][2]int) *Node {
	side := func(pairs [][2]int, i int) []int {
		axes := make([]int, len(pairs))
		for k, p := range pairs {
			axes[k] = p[i]
		}
		return axes
	}
	return b.General(side(contractingAxes, 0), side(batchAxes, 0), side(contractingAxes, 1), side(batchAxes, 1))
}

// EinsumAxes is [DotGeneral] with the axes in pairs: {axis of lhs, axis of rhs}.
func EinsumAxes(lhs, rhs *Node, contractingAxes, batchAxes [][2]int) *Node {
	return Dot(lhs, rhs).EinsumAxes(contractingAxes, batchAxes)
}

var dotGeneral *ir.Op

// free returns the axes of both operands that are neither contracted nor batches.
func free(a ir.DotAttrs, lhs, rhs shapes.Shape) (l, r []int) {
	return axesExcept(lhs.Rank(), a.LhsContract, a.LhsBatch), axesExcept(rhs.Rank(), a.RhsContract, a.RhsBatch)
}

// dotDTypes returns the dtype of the result, or what is wrong with the chosen ones.
func dotDTypes(accumulator, output dtypes.DType, in []shapes.Shape) (dtypes.DType, error) {
	if err := sameDType(in); err != nil {
		return 0, err
	}
	d := in[0].DType
	if output == dtypes.Invalid {
		output = d
	}
	for _, o := range []dtypes.DType{output, accumulator} {
		if o != dtypes.Invalid && (!dtypes.Numbers.Has(o) || o.IsFloat() != d.IsFloat() || o.IsComplex() != d.IsComplex()) {
			return 0, fmt.Errorf("a product of %s cannot be summed in or become %s: both must be integers, floats or complex", d, o)
		}
	}
	return output, nil
}

func dotRule(attrs any, in []shapes.Shape) (shapes.Shape, error) {
	a, lhs, rhs := attrs.(ir.DotAttrs), in[0], in[1]
	d, err := dotDTypes(a.Accumulator, a.Output, in)
	if err != nil {
		return shapes.Shape{}, err
	}
	if len(a.LhsContract) != len(a.RhsContract) || len(a.LhsBatch) != len(a.RhsBatch) {
		return shapes.Shape{}, fmt.Errorf("axes come in pairs: contracted %v and %v, batches %v and %v", a.LhsContract, a.RhsContract, a.LhsBatch, a.RhsBatch)
	}
	if err := checkAxes("axes of the left side", append(slices.Clone(a.LhsBatch), a.LhsContract...), lhs.Rank()); err != nil {
		return shapes.Shape{}, err
	}
	if err := checkAxes("axes of the right side", append(slices.Clone(a.RhsBatch), a.RhsContract...), rhs.Rank()); err != nil {
		return shapes.Shape{}, err
	}
	var dims []int
	var names []string
	pair := func(what string, l, r []int, keep bool) error {
		for i := range l {
			if x, y := lhs.Dimensions[l[i]], rhs.Dimensions[r[i]]; x != y {
				return fmt.Errorf("%s axes %d and %d have sizes %d and %d", what, l[i], r[i], x, y)
			}
			name, err := shapes.JoinName(lhs.Name(l[i]), rhs.Name(r[i]))
			if err != nil {
				return fmt.Errorf("%s axes %d and %d: %w", what, l[i], r[i], err)
			}
			if keep {
				dims, names = append(dims, lhs.Dimensions[l[i]]), append(names, name)
			}
		}
		return nil
	}
	if err := pair("batch", a.LhsBatch, a.RhsBatch, true); err != nil {
		return shapes.Shape{}, err
	}
	if err := pair("contracted", a.LhsContract, a.RhsContract, false); err != nil {
		return shapes.Shape{}, err
	}
	lf, rf := free(a, lhs, rhs)
	for _, ax := range lf {
		dims, names = append(dims, lhs.Dimensions[ax]), append(names, lhs.Name(ax))
	}
	for _, ax := range rf {
		dims, names = append(dims, rhs.Dimensions[ax]), append(names, rhs.Name(ax))
	}
	return shapes.Make(d, dims...).WithAxisNames(names...), nil
}

// dotRef sums products in the widest type of the kind.
func dotRef[T number](attrs any, out, in []*tensors.Tensor) {
	a := attrs.(ir.DotAttrs)
	lhs, rhs := in[0].Shape(), in[1].Shape()
	lf, rf := free(a, lhs, rhs)
	x, y := load[T](in[0]), load[T](in[1])
	xs, ys := lhs.Strides(), rhs.Strides()
	offset := func(index, axes, strides []int) (o int) {
		for i, ax := range axes {
			o += index[i] * strides[ax]
		}
		return o
	}
	inner := make([]int, len(a.LhsContract))
	for i, ax := range a.LhsContract {
		inner[i] = lhs.Dimensions[ax]
	}
	index, k := make([]int, out[0].Rank()), make([]int, len(inner))
	b, l := len(a.LhsBatch), len(a.LhsBatch)+len(lf)
	v := make([]T, out[0].Size())
	for i := range v {
		unravel(i, out[0].Shape().Dimensions, index)
		ox := offset(index[:b], a.LhsBatch, xs) + offset(index[b:l], lf, xs)
		oy := offset(index[:b], a.RhsBatch, ys) + offset(index[l:], rf, ys)
		for j := range product(inner) {
			unravel(j, inner, k)
			v[i] += x[ox+offset(k, a.LhsContract, xs)] * y[oy+offset(k, a.RhsContract, ys)]
		}
	}
	if a.Accumulator.IsInt() { // where integer sums wrap is part of the meaning
		t := tensors.FromShape(shapes.Make(a.Accumulator, len(v)))
		store(t, v)
		v = load[T](t)
	}
	store(out[0], v)
}

// dotVJP: with y = Σ_k lhs·rhs, d lhs = Σ_j dy·rhs and d rhs = Σ_i dy·lhs, put back into the order of
// the operand's axes.
func dotVJP(y, dy *Node) []*Node {
	a, lhs, rhs := y.Attrs().(ir.DotAttrs), y.Input(0), y.Input(1)
	lf, rf := free(a, lhs.Shape(), rhs.Shape())
	b, l := len(a.LhsBatch), len(a.LhsBatch)+len(lf)
	dy = ConvertDType(dy, lhs.DType())
	batch, left, right := axesFrom(0, b), axesFrom(b, len(lf)), axesFrom(l, len(rf))
	side := func(other *Node, mine, contract, otherBatch, otherContract, otherFree, sumOver, keep []int) *Node {
		sorted := slices.Clone(otherContract)
		slices.Sort(sorted)
		var summed []int // my contracted axes, in the order of other's
		for _, ax := range sorted {
			summed = append(summed, contract[slices.Index(otherContract, ax)])
		}
		if len(keep) > 0 && len(summed) > 0 && slices.Min(summed) < slices.Min(keep) {
			// [batch, other's contracted axes in its order, my free axes]: mostly my own order
			d := Apply(dotGeneral, ir.DotAttrs{
				LhsContract: otherFree, LhsBatch: otherBatch, RhsContract: sumOver, RhsBatch: batch,
				Accumulator: a.Accumulator,
			}, other, dy)
			return transposeTo(d, inverse(slices.Concat(mine, summed, keep)))
		}
		// [batch, my free axes, other's contracted axes in its order]
		d := Apply(dotGeneral, ir.DotAttrs{
			LhsContract: sumOver, LhsBatch: batch, RhsContract: otherFree, RhsBatch: otherBatch,
			Accumulator: a.Accumulator,
		}, dy, other)
		order := slices.Concat(mine, keep, summed)
		return transposeTo(d, inverse(order))
	}
	return []*Node{
		nameLike(side(rhs, a.LhsBatch, a.LhsContract, a.RhsBatch, a.RhsContract, rf, right, lf), lhs.Shape()),
		nameLike(side(lhs, a.RhsBatch, a.RhsContract, a.LhsBatch, a.LhsContract, lf, left, rf), rhs.Shape()),
	}
}

// batchDot makes the batch of both operands one of the product, and that of one operand a free axis, which comes first in the result
// of its own accord where nothing stands before it.
func batchDot(attrs any, in []*Node, batched []bool) []*Node {
	a, lhs, rhs := attrs.(ir.DotAttrs), in[0], in[1]
	by1 := func(axes []int) []int {
		list := slices.Clone(axes)
		for i := range list {
			list[i]++
		}
		return list
	}
	if batched[0] {
		a.LhsContract, a.LhsBatch = by1(a.LhsContract), by1(a.LhsBatch)
	}
	if batched[1] {
		a.RhsContract, a.RhsBatch = by1(a.RhsContract), by1(a.RhsBatch)
	}
	b := len(a.LhsBatch)
	left, right := free(a, lhs.Shape(), rhs.Shape())
	switch {
	case batched[0] && batched[1]:
		a.LhsBatch, a.RhsBatch = append([]int{0}, a.LhsBatch...), append([]int{0}, a.RhsBatch...)
		return []*Node{Apply(dotGeneral, a, lhs, rhs)}
	case batched[0]:
		return []*Node{moveAxis(Apply(dotGeneral, a, lhs, rhs), b, 0)}
	case len(left) == 0 || len(right) == 1: // [b…, B, j…] or [b…, B, i…]
		a.LhsContract, a.RhsContract, a.LhsBatch, a.RhsBatch = a.RhsContract, a.LhsContract, a.RhsBatch, a.LhsBatch
		return []*Node{moveAxis(Apply(dotGeneral, a, rhs, lhs), b, 0)}
	}
	return []*Node{moveAxis(Apply(dotGeneral, a, lhs, rhs), b+len(left), 0)}
}

func init() {
	dotGeneral = Define(ir.Op{
		Name: "DotGeneral", Family: "dot", Simplify: simplerDot, Cost: sumOfProducts(contracted), Doc: "z[b…, i…, j…] = Σ_k x[b…, i…, k…] · y[b…, j…, k…]", DTypes: dtypes.Numbers, Attrs: ir.DotAttrs{}, HLO: "stablehlo.dot_general",
		Infer: dotRule,
		Ref:   byKind(0, dotRef[float64], dotRef[int64], dotRef[uint64], dotRef[complex128]),
		Samples: []ir.Sample{
			{Name: "matrices", In: []ir.Input{ir.Ramp(2, 3), ir.Ramp(3, 4)}, Attrs: ir.DotAttrs{LhsContract: []int{1}, RhsContract: []int{0}}},
			{Name: "worked out", In: []ir.Input{ir.Array([]int{2, 2}, 1, 2, 3, 4), ir.Array([]int{2, 2}, 5, 6, 7, 8)}, DTypes: dtypes.Reals &^ dtypes.SetOf(dtypes.Int8), Attrs: ir.DotAttrs{LhsContract: []int{1}, RhsContract: []int{0}}, Want: []float64{19, 22, 43, 50}},
			{Name: "both transposed", In: []ir.Input{ir.Ramp(3, 2), ir.Ramp(4, 3)}, Attrs: ir.DotAttrs{LhsContract: []int{0}, RhsContract: []int{1}}},
			{Name: "batch", In: []ir.Input{ir.Ramp(2, 3, 4), ir.Ramp(2, 4, 2)}, Attrs: ir.DotAttrs{LhsContract: []int{2}, LhsBatch: []int{0}, RhsContract: []int{1}, RhsBatch: []int{0}}},
			{Name: "batch inside", In: []ir.Input{ir.Ramp(3, 2, 4), ir.Ramp(4, 3, 2)}, Attrs: ir.DotAttrs{LhsContract: []int{2}, LhsBatch: []int{1}, RhsContract: []int{0}, RhsBatch: []int{2}}},
			{Name: "two contracted, crossed", In: []ir.Input{ir.Ramp(2, 3, 4), ir.Ramp(4, 2, 3)}, Attrs: ir.DotAttrs{LhsContract: []int{0, 2}, RhsContract: []int{1, 0}}},
			{Name: "two batches, crossed", In: []ir.Input{ir.Ramp(2, 3, 2), ir.Ramp(3, 2, 2)}, Attrs: ir.DotAttrs{LhsContract: []int{2}, LhsBatch: []int{0, 1}, RhsContract: []int{2}, RhsBatch: []int{1, 0}}},
			{Name: "outer product", In: []ir.Input{ir.Ramp(2), ir.Ramp(3)}, Attrs: ir.DotAttrs{}},
			{Name: "nothing to sum", In: []ir.Input{ir.Ramp(2, 0), ir.Ramp(0, 3)}, Attrs: ir.DotAttrs{LhsContract: []int{1}, RhsContract: []int{0}}},
			{Name: "float32 result", In: []ir.Input{ir.Ramp(2, 3), ir.Ramp(3, 2)}, DTypes: dtypes.Halves | dtypes.SetOf(dtypes.Float64), Attrs: ir.DotAttrs{LhsContract: []int{1}, RhsContract: []int{0}, Output: dtypes.Float32}, Kink: true},
			{Name: "wide integers", In: []ir.Input{ir.Ramp(2, 3).Plus(60), ir.Ramp(3, 2).Plus(60)}, DTypes: dtypes.SetOf(dtypes.Int8), Attrs: ir.DotAttrs{LhsContract: []int{1}, RhsContract: []int{0}, Accumulator: dtypes.Int32, Output: dtypes.Int32}},
		},
		Tol: ir.Tolerance{ULP: 16, Abs: 32, Why: "sums in another order"},
	}, Rule{JVPMulti: multilinear, Batch: batchDot, VJP: dotVJP})
}
