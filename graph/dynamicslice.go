package graph

import (
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// DynamicSlice returns the part of operand, of size sliceDims, that begins at startIndices, which are
// values of the graph: an integer scalar per axis, all of one dtype.
//
//	y[i…] = operand[start + i …]
//
// A start from which the slice would not fit is moved so that it does, as XLA does. Names stay. It panics
// with [Error] if the slice is larger than operand or a start is not an integer scalar.
func DynamicSlice(operand *Node, startIndices []*Node, sliceDims []int) *Node {
	return Apply(dynamicSlice, ir.ShapeAttrs{Dims: slices.Clone(sliceDims)}, append([]*Node{operand}, startIndices...)...)
}

// DynamicUpdateSlice returns operand with update, of the same dtype and number of axes, in the place of
// the part that begins at startIndices: an integer scalar per axis. A start from which the update would
// not fit is moved so that it does. It panics with [Error] if update is larger than operand.
func DynamicUpdateSlice(operand *Node, update *Node, startIndices []*Node) *Node {
	return Apply(dynamicUpdateSlice, nil, append([]*Node{operand, update}, startIndices...)...)
}

var dynamicSlice, dynamicUpdateSlice *ir.Op

// checkStarts returns what is wrong with the starts of a part with the given dimensions of x.
func checkStarts(x shapes.Shape, dims []int, starts []shapes.Shape) error {
	if len(dims) != x.Rank() || len(starts) != x.Rank() {
		return fmt.Errorf("%d starts and %d sizes for %d axes", len(starts), len(dims), x.Rank())
	}
	for a, s := range starts {
		if !s.DType.IsInt() || s.Rank() != 0 || s.DType != starts[0].DType {
			return fmt.Errorf("start %d is %s: starts must be integer scalars of one dtype", a, s)
		}
		if dims[a] < 0 || dims[a] > x.Dimensions[a] {
			return fmt.Errorf("axis %d: a part of %d does not fit into %d elements", a, dims[a], x.Dimensions[a])
		}
	}
	return nil
}

// startOffset returns the offset in x at which a part of the given dimensions begins.
func startOffset(x shapes.Shape, dims []int, starts []*tensors.Tensor) int {
	offset, strides := 0, x.Strides()
	for a, t := range starts {
		i := load[int64](t)[0]
		last := int64(x.Dimensions[a] - dims[a])
		if i < 0 && t.DType() == dtypes.Uint64 {
			i = last
		}
		offset += int(max(0, min(i, last))) * strides[a]
	}
	return offset
}

// batchDynamicSlice takes the same part of all examples, or gathers one of each.
func batchDynamicSlice(attrs any, in []*Node, batched []bool) []*Node {
	x, starts, dims := in[0], in[1:], attrs.(ir.ShapeAttrs).Dims
	if !slices.Contains(batched[1:], true) {
		d := dtypes.Int32
		if len(starts) > 0 {
			d = starts[0].DType()
		}
		starts = append([]*Node{ScalarZero(x.graph, d)}, starts...)
		return []*Node{DynamicSlice(x, starts, append([]int{x.Dim(0)}, dims...))}
	}
	a := ir.GatherSlicesAttrs{Axes: axesFrom(0, len(dims)), Sizes: dims}
	start := stackedStarts(starts, batched[1:], batchSize(in, batched))
	return batchGatherSlices(a, []*Node{x, start}, []bool{batched[0], true})
}

// batchDynamicUpdateSlice puts the parts into the same place of all examples, or scatters them, as few elements at a time as it can: the
// last axes, along which a part is as large as the whole, begin at 0.
func batchDynamicUpdateSlice(_ any, in []*Node, batched []bool) []*Node {
	n := batchSize(in, batched)
	if starts := in[2:]; !slices.Contains(batched[2:], true) {
		xs := spreadAll(in[:2], batched[:2])
		d := dtypes.Int32
		if len(starts) > 0 {
			d = starts[0].DType()
		}
		return []*Node{DynamicUpdateSlice(xs[0], xs[1], append([]*Node{ScalarZero(xs[0].graph, d)}, starts...))}
	}
	both := []*Node{in[0], in[1]}
	for i, x := range both {
		if !batched[i] {
			both[i] = BroadcastPrefix(x, n)
		}
	}
	x, update := both[0], both[1]
	whole, sizes := x.Shape().Dimensions[1:], update.Shape().Dimensions[1:]
	k := len(sizes)
	for k > 1 && whole[k-1] == sizes[k-1] {
		k--
	}
	room := make([]int, k)
	for i := range room {
		room[i] = whole[i] - sizes[i] + 1
	}
	starts := ConvertDType(clampIndices(stackedStarts(in[2:2+k], batched[2:2+k], n), room), dtypes.Int64)
	starts = Reshape(starts, slices.Concat([]int{n}, filled(k, 1), []int{k})...)
	at := exampleIndices(Add(starts, gridIndices(x.graph, dtypes.Int64, sizes[:k]))) // [B, sizes…, 1+k]
	return []*Node{ScatterUpdate(withoutNames(x), at, withoutNames(update), false, true)}
}

func init() {
	at := func(i float64) ir.Input { return ir.ScalarValue(i).As(dtypes.Int32) }
	dynamicSlice = Define(ir.Op{
		Name: "DynamicSlice", Family: "index", Variadic: true, Doc: "a part of x that begins where the other operands say", DTypes: dtypes.Any, Attrs: ir.ShapeAttrs{}, HLO: "stablehlo.dynamic_slice",
		Infer: func(attrs any, in []shapes.Shape) (shapes.Shape, error) {
			dims := attrs.(ir.ShapeAttrs).Dims
			return withDims(in[0], dims), checkStarts(in[0], dims, in[1:])
		},
		Ref: func(attrs any, out, in []*tensors.Tensor) {
			dims, strides := attrs.(ir.ShapeAttrs).Dims, in[0].Shape().Strides()
			offset, index := startOffset(in[0].Shape(), dims, in[1:]), make([]int, len(dims))
			for i := range out[0].Size() {
				unravel(i, dims, index)
				copyElement(out[0], i, in[0], offset+ravel(index, strides))
			}
		},
		Samples: []ir.Sample{
			{In: []ir.Input{ir.Ramp(5), at(1)}, Attrs: ir.ShapeAttrs{Dims: []int{3}}},
			{Name: "moved to fit", In: []ir.Input{ir.Values(1, 2, 3, 4), at(3)}, Attrs: ir.ShapeAttrs{Dims: []int{2}}, DTypes: dtypes.Reals, Want: []float64{3, 4}},
			{Name: "moved from below", In: []ir.Input{ir.Values(1, 2, 3, 4), at(-2)}, Attrs: ir.ShapeAttrs{Dims: []int{2}}, DTypes: dtypes.Reals, Want: []float64{1, 2}},
			{Name: "two axes", In: []ir.Input{ir.Ramp(3, 4), at(1), at(2)}, Attrs: ir.ShapeAttrs{Dims: []int{2, 2}}},
			{Name: "scalar", In: []ir.Input{ir.ScalarValue(1.5)}, Attrs: ir.ShapeAttrs{Dims: nil}},
		},
	}, Rule{
		JVPMulti: linear,
		Batch:    batchDynamicSlice,
		VJP: func(y, dy *Node) []*Node {
			dx := make([]*Node, len(y.Inputs()))
			dx[0] = DynamicUpdateSlice(ZerosLike(y.Input(0)), dy, y.Inputs()[1:])
			return dx
		},
	})
	dynamicUpdateSlice = Define(ir.Op{
		Name: "DynamicUpdateSlice", Family: "index", Variadic: true, Doc: "x with y in it, beginning where the other operands say", DTypes: dtypes.Any, HLO: "stablehlo.dynamic_update_slice",
		Infer: func(_ any, in []shapes.Shape) (shapes.Shape, error) {
			if err := sameDType(in[:2]); err != nil {
				return in[0], err
			}
			return in[0], checkStarts(in[0], in[1].Dimensions, in[2:])
		},
		Ref: func(_ any, out, in []*tensors.Tensor) {
			copyRef(nil, out, in)
			dims, strides := in[1].Shape().Dimensions, in[0].Shape().Strides()
			offset, index := startOffset(in[0].Shape(), dims, in[2:]), make([]int, len(dims))
			for i := range in[1].Size() {
				unravel(i, dims, index)
				copyElement(out[0], offset+ravel(index, strides), in[1], i)
			}
		},
		Samples: []ir.Sample{
			{In: []ir.Input{ir.Ramp(5), ir.Ramp(2).Plus(0.3), at(1)}},
			{Name: "moved to fit", In: []ir.Input{ir.Values(1, 2, 3, 4), ir.Values(8, 9), at(3)}, DTypes: dtypes.Reals, Want: []float64{1, 2, 8, 9}},
			{Name: "two axes", In: []ir.Input{ir.Ramp(3, 4), ir.Ramp(2, 2).Plus(0.3), at(0), at(2)}},
		},
	}, Rule{
		JVPMulti: linear,
		Batch:    batchDynamicUpdateSlice,
		VJP: func(y, dy *Node) []*Node {
			update, starts, dx := y.Input(1), y.Inputs()[2:], make([]*Node, len(y.Inputs()))
			dx[0] = DynamicUpdateSlice(dy, ZerosLike(update), starts)
			dx[1] = nameLike(DynamicSlice(dy, starts, update.Shape().Dimensions), update.Shape())
			return dx
		},
	})
}
