package graph

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Sort returns x with its elements in order along an axis, the smallest first, or, if not ascending, the
// largest. A negative axis counts from the end.
//
// NaN counts as larger than everything: it is last in ascending order. The order is stable, and -0 equals
// 0. x is of a real dtype. The gradient goes back to where the elements came from. It panics with [Error]
// if there is no such axis.
func Sort(x *Node, axis int, ascending bool) *Node {
	return Apply(sortOp, ir.SortAttrs{Axis: adjust1("Sort", x, axis), Descending: !ascending}, x)
}

// SortWithIndices is [Sort] that also returns where each element came from, as int32 indices along the axis.
func SortWithIndices(x *Node, axis int, ascending bool) (values, indices *Node) {
	out := ApplyMulti(sortWithIndices, ir.SortAttrs{Axis: adjust1("Sort", x, axis), Descending: !ascending}, x)
	return out[0], out[1]
}

// ArgSort returns the int32 indices along an axis that put x in the order of [Sort].
func ArgSort(x *Node, axis int, ascending bool) *Node {
	_, indices := SortWithIndices(x, axis, ascending)
	return indices
}

// TopK returns the k largest elements of x along an axis, the largest first, and their int32 indices along
// it. Among equals the first in x comes first. Floats are in the total order of IEEE 754, as in jax.lax.top_k, in which
// NaN is larger than everything, one with its sign bit set (which is what processors make of 0/0) smaller than
// everything, and -0 smaller than 0. The gradient goes back to where the values came from. It panics with [Error] if k
// is more than the axis has.
func TopK(x *Node, k int, axis int) (values, indices *Node) {
	out := ApplyMulti(topK, ir.TopKAttrs{Axis: adjust1("TopK", x, axis), K: k, Smallest: false}, x)
	return out[0], out[1]
}

// BottomK is [TopK] for the k smallest elements, the smallest first, in the same order.
func BottomK(x *Node, k int, axis int) (values, indices *Node) {
	out := ApplyMulti(topK, ir.TopKAttrs{Axis: adjust1("BottomK", x, axis), K: k, Smallest: true}, x)
	return out[0], out[1]
}

// TopKMask returns bools of x's shape that are true for the k elements along an axis that [TopK] returns.
func TopKMask(x *Node, k int, axis int) *Node {
	a := adjust1("TopKMask", x, axis)
	_, indices := TopK(x, k, a)
	mask, yes := Zeros(x.graph, x.Shape().WithDType(dtypes.Bool)), OnesLike(withoutNames(ConvertDType(indices, dtypes.Bool)))
	return ScatterUpdate(mask, alongAxis(indices, a), yes, false, true)
}

var sortOp, sortWithIndices, topK *ir.Op

func sortRule(attrs any, in []shapes.Shape) ([]shapes.Shape, error) {
	a, x := attrs.(ir.SortAttrs), in[0]
	if err := checkAxes("axis", []int{a.Axis}, x.Rank()); err != nil {
		return nil, err
	}
	if x.Dimensions[a.Axis] > math.MaxInt32 {
		return nil, fmt.Errorf("axis %d has %d elements, more than int32 indices reach", a.Axis, x.Dimensions[a.Axis])
	}
	return []shapes.Shape{x, x.WithDType(dtypes.Int32)}, nil
}

// compareElements returns a function that compares elements i and j of x for ascending order: negative if
// i comes first, 0 if they are equal.
func compareElements(x *tensors.Tensor, total bool) func(i, j int) int {
	switch d := x.DType(); {
	case d.IsFloat() && total:
		v := load[float64](x)
		return func(i, j int) int { return cmp.Compare(totalKey(v[i]), totalKey(v[j])) }
	case d.IsFloat():
		return comparing(load[float64](x))
	case d.IsUnsigned():
		return comparing(load[uint64](x))
	}
	return comparing(load[int64](x))
}

// totalKey returns integers in the total order of floats: the bits of negative ones count downwards.
func totalKey(v float64) int64 {
	bits := int64(math.Float64bits(v))
	if bits < 0 {
		return bits ^ math.MaxInt64
	}
	return bits
}

func comparing[T float64 | int64 | uint64](v []T) func(i, j int) int {
	return func(i, j int) int {
		a, b := v[i], v[j]
		switch {
		case a != a && b != b:
			return 0
		case a < b || b != b: // a number comes before NaN
			return -1
		case a > b || a != a:
			return 1
		}
		return 0
	}
}

// sortRef writes the first elements of each line of in[0] along axis, in order, as many as out has, and
// their indices, if out asks for them.
func sortRef(a ir.SortAttrs, out, in []*tensors.Tensor) {
	x, axis := in[0], a.Axis
	compare, stride, n := compareElements(x, a.Total), x.Shape().Strides()[axis], x.Shape().Dimensions[axis]
	lines := slices.Clone(x.Shape().Dimensions)
	lines[axis] = 1
	to, line := out[0].Shape().Strides(), make([]int, len(lines))
	order := make([]int, n)
	for l := range product(lines) {
		unravel(l, lines, line)
		from, start := ravel(line, x.Shape().Strides()), ravel(line, to)
		copy(order, axesFrom(0, n))
		slices.SortStableFunc(order, func(i, j int) int {
			if a.Descending {
				i, j = j, i
			}
			return compare(from+i*stride, from+j*stride)
		})
		for k := range out[0].Shape().Dimensions[axis] {
			copyElement(out[0], start+k*to[axis], x, from+order[k]*stride)
			if len(out) > 1 {
				tensors.Flat[int32](out[1])[start+k*to[axis]] = int32(order[k])
			}
		}
	}
}

// scatterBack is the gradient of an op that moves elements along an axis: those of dys[0] go back to the
// places that the second result says.
func scatterBack(axis int, ys, dys []*Node) []*Node {
	if dys[0] == nil {
		return nil
	}
	x := ys[0].Input(0).Input(0)
	return []*Node{ScatterSum(ZerosLike(x), alongAxis(ys[1], axis), dys[0], false, true)}
}

func init() {
	negativeNaN := math.Copysign(math.NaN(), -1)
	samples := []ir.Sample{
		{In: []ir.Input{ir.Ramp(6)}, Attrs: ir.SortAttrs{Axis: 0}},
		{Name: "descending", In: []ir.Input{ir.Ramp(5)}, Attrs: ir.SortAttrs{Axis: 0, Descending: true}},
		{Name: "rows", In: []ir.Input{ir.Ramp(2, 4)}, Attrs: ir.SortAttrs{Axis: 1}},
		{Name: "columns, descending", In: []ir.Input{ir.Ramp(4, 3)}, Attrs: ir.SortAttrs{Axis: 0, Descending: true}},
		{Name: "middle", In: []ir.Input{ir.Ramp(2, 3, 2)}, Attrs: ir.SortAttrs{Axis: 1}},
		{Name: "worked out", In: []ir.Input{ir.Values(3, 1, 2)}, Attrs: ir.SortAttrs{Axis: 0}, DTypes: dtypes.Reals, Want: []float64{1, 2, 3}},
		{Name: "ties", In: []ir.Input{ir.Values(2, 1, 2, 1, 1)}, Attrs: ir.SortAttrs{Axis: 0}, Kink: true},
		{Name: "ties, descending", In: []ir.Input{ir.Values(2, 1, 2, 1, 1)}, Attrs: ir.SortAttrs{Axis: 0, Descending: true}, Kink: true},
		{Name: "NaN is last", In: []ir.Input{ir.Values(math.NaN(), 1, math.Inf(1), math.NaN(), math.Inf(-1))}, Attrs: ir.SortAttrs{Axis: 0}, DTypes: dtypes.Floats, Pole: true},
		{Name: "NaN is first, descending", In: []ir.Input{ir.Values(1, math.NaN(), math.Inf(1), math.NaN(), 0)}, Attrs: ir.SortAttrs{Axis: 0, Descending: true}, DTypes: dtypes.Floats, Pole: true},
		{Name: "total order", In: []ir.Input{ir.Values(0, math.NaN(), math.Copysign(0, -1), negativeNaN, 1, 0, math.Inf(-1), negativeNaN)}, Attrs: ir.SortAttrs{Axis: 0, Total: true}, DTypes: dtypes.Floats, Pole: true},
		{Name: "total order, descending", In: []ir.Input{ir.Values(negativeNaN, math.Copysign(0, -1), 0, math.NaN(), 1)}, Attrs: ir.SortAttrs{Axis: 0, Descending: true, Total: true}, DTypes: dtypes.Floats, Pole: true},
		{Name: "one", In: []ir.Input{ir.Ramp(3, 1)}, Attrs: ir.SortAttrs{Axis: 1}},
		{Name: "empty", In: []ir.Input{ir.Ramp(0, 2)}, Attrs: ir.SortAttrs{Axis: 0}},
	}
	sortOp = Define(ir.Op{
		Name: "Sort", Family: "sort", Cost: perOperandElement(1), Doc: "x in order along an axis, NaN as the largest", DTypes: dtypes.Reals, Attrs: ir.SortAttrs{}, HLO: "stablehlo.sort",
		Infer: func(attrs any, in []shapes.Shape) (shapes.Shape, error) {
			_, err := sortRule(attrs, in)
			return in[0], err
		},
		Ref: func(attrs any, out, in []*tensors.Tensor) {
			sortRef(attrs.(ir.SortAttrs), out, in)
		},
		Samples: samples,
	}, Rule{
		Expand: func(attrs any, in []*Node) []*Node { return ApplyMulti(sortWithIndices, attrs, in...)[:1] },
	})
	sortWithIndices = Define(ir.Op{
		Name: "SortWithIndices", Family: "sort", Cost: perOperandElement(1), Doc: "x in order along an axis, and where the elements came from", DTypes: dtypes.Reals, Attrs: ir.SortAttrs{}, HLO: "stablehlo.sort",
		InferMulti: sortRule,
		Ref: func(attrs any, out, in []*tensors.Tensor) {
			sortRef(attrs.(ir.SortAttrs), out, in)
		},
		Samples: samples,
	}, Rule{
		VJPMulti: func(ys, dys []*Node) []*Node {
			return scatterBack(ys[0].Input(0).Attrs().(ir.SortAttrs).Axis, ys, dys)
		},
	})
	topK = Define(ir.Op{
		Name: "TopK", Family: "sort", Cost: perOperandElement(1), Doc: "the K largest (or smallest) of x along an axis in the total order of floats, and where they are", DTypes: dtypes.Reals, Attrs: ir.TopKAttrs{},
		InferMulti: func(attrs any, in []shapes.Shape) ([]shapes.Shape, error) {
			a := attrs.(ir.TopKAttrs)
			out, err := sortRule(ir.SortAttrs{Axis: a.Axis}, in)
			if err != nil {
				return nil, err
			}
			dims := slices.Clone(in[0].Dimensions)
			if a.K < 0 || a.K > dims[a.Axis] {
				return nil, fmt.Errorf("%d elements cannot be taken of axis %d, which has %d", a.K, a.Axis, dims[a.Axis])
			}
			dims[a.Axis] = a.K
			return []shapes.Shape{withDims(out[0], dims), withDims(out[1], dims)}, nil
		},
		Ref: func(attrs any, out, in []*tensors.Tensor) {
			sortRef(attrs.(ir.TopKAttrs).Sort(), out, in)
		},
		Samples: []ir.Sample{
			{In: []ir.Input{ir.Ramp(6)}, Attrs: ir.TopKAttrs{Axis: 0, K: 2, Smallest: false}},
			{Name: "smallest", In: []ir.Input{ir.Ramp(2, 5)}, Attrs: ir.TopKAttrs{Axis: 1, K: 3, Smallest: true}},
			{Name: "columns", In: []ir.Input{ir.Ramp(4, 3)}, Attrs: ir.TopKAttrs{Axis: 0, K: 1, Smallest: false}},
			{Name: "worked out", In: []ir.Input{ir.Values(3, 1, 5, 2)}, Attrs: ir.TopKAttrs{Axis: 0, K: 2, Smallest: false}, DTypes: dtypes.Reals, Want: []float64{5, 3}},
			{Name: "ties", In: []ir.Input{ir.Values(1, 2, 2, 1, 2)}, Attrs: ir.TopKAttrs{Axis: 0, K: 4, Smallest: false}, Kink: true},
			{Name: "NaN", In: []ir.Input{ir.Values(1, math.NaN(), 3)}, Attrs: ir.TopKAttrs{Axis: 0, K: 2, Smallest: false}, DTypes: dtypes.Floats, Pole: true},
			{Name: "total order", In: []ir.Input{ir.Values(math.Copysign(0, -1), negativeNaN, 0, math.NaN(), math.Inf(1))}, Attrs: ir.TopKAttrs{Axis: 0, K: 5, Smallest: false}, DTypes: dtypes.Floats, Pole: true},
			{Name: "total order, smallest", In: []ir.Input{ir.Values(0, math.NaN(), math.Copysign(0, -1), negativeNaN)}, Attrs: ir.TopKAttrs{Axis: 0, K: 3, Smallest: true}, DTypes: dtypes.Floats, Pole: true},
			{Name: "all", In: []ir.Input{ir.Ramp(3)}, Attrs: ir.TopKAttrs{Axis: 0, K: 3, Smallest: true}},
			{Name: "none", In: []ir.Input{ir.Ramp(3)}, Attrs: ir.TopKAttrs{Axis: 0, K: 0, Smallest: false}},
		},
	}, Rule{
		Expand: func(attrs any, in []*Node) []*Node {
			a := attrs.(ir.TopKAttrs)
			out := ApplyMulti(sortWithIndices, a.Sort(), in...)
			values, indices := out[0], out[1]
			return []*Node{sliceAlong(values, a.Axis, 0, a.K), sliceAlong(indices, a.Axis, 0, a.K)}
		},
		VJPMulti: func(ys, dys []*Node) []*Node {
			return scatterBack(ys[0].Input(0).Attrs().(ir.TopKAttrs).Axis, ys, dys)
		},
	})
}
