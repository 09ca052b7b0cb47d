package graph

import (
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Gather returns the parts of params that indices point at: the last axis of indices, of size k, holds
// indices of the first k axes of params.
//
//	y[b…, r…] = params[indices[b…, 0], …, indices[b…, k-1], r…]
//
// params is [d0, …, dk-1, r…] of any dtype, indices [b…, k] of an integer dtype (a scalar counts as [1]);
// the result is [b…, r…]. To look up rows of a table, the indices need a last axis of size 1: see
// [ExpandAxes]. Indices outside of an axis are moved to its nearest end (clamped), as XLA does.
// indicesAreSorted promises backends that indices are in ascending order.
//
// It panics with [Error] if indices are not integers or k is more than params has axes.
func Gather(params, indices *Node, indicesAreSorted ...bool) *Node {
	need("Gather", params, indices)
	if indices.Rank() == 0 {
		indices = ExpandAxes(indices, 0)
	}
	sorted := len(indicesAreSorted) > 0 && indicesAreSorted[0]
	return Apply(gather, ir.GatherAttrs{Sorted: sorted}, params, indices)
}

// GatherSlices returns slices of input, of given sizes, that begin where start says: the last axis of
// start holds an index for each of slicedAxes.
//
//	y[b…, i0, i1, …] = input[i0 + s0, i1 + s1, …], where s[slicedAxes[j]] = start[b…, j], and 0 elsewhere
//
// sizes has an element per sliced axis; the other axes are taken whole. The result is [b…, input's axes],
// of these sizes. A start from which the slice would not fit is moved so that it does, as XLA does.
// It panics with [Error] if a size is larger than its axis.
func GatherSlices(input *Node, slicedAxes []int, start *Node, sizes []int, indicesAreSorted bool) *Node {
	return Apply(gatherSlices, ir.GatherSlicesAttrs{Axes: listOf("GatherSlices", input, slicedAxes), Sizes: slices.Clone(sizes), Sorted: indicesAreSorted}, input, start)
}

var gather, gatherSlices *ir.Op

// indexDepth returns the size of the last axis of indices, which point at the first axes of s.
func indexDepth(s, indices shapes.Shape) (int, error) {
	if !indices.DType.IsInt() {
		return 0, fmt.Errorf("indices must be integers, not %s", indices.DType)
	}
	if indices.Rank() == 0 {
		return 0, fmt.Errorf("indices need an axis, the last, that holds an index for each of the first axes (want ExpandAxes(indices, -1)?)")
	}
	k := indices.Dim(-1)
	if k < 1 || k > s.Rank() {
		hint := ""
		if s.Rank() > 0 {
			hint = " (want ExpandAxes(indices, -1)?)"
		}
		return 0, fmt.Errorf("the last axis of indices has size %d: it must hold 1 to %d indices, of the first axes of %s%s", k, s.Rank(), s.Dims(), hint)
	}
	return k, nil
}

func gatherRule(_ any, in []shapes.Shape) (shapes.Shape, error) {
	params, indices := in[0], in[1]
	k, err := indexDepth(params, indices)
	if err != nil {
		return shapes.Shape{}, err
	}
	if slices.Contains(params.Dimensions[:k], 0) && indices.Size() > 0 {
		return shapes.Shape{}, fmt.Errorf("there is nothing to take from %s", params.Dims())
	}
	b, r := pick(indices, axesFrom(0, indices.Rank()-1)), pick(params, axesFrom(k, params.Rank()-k))
	return joinShapes(params.DType, b, r), nil
}

// joinShapes returns the shape with a's axes and then b's.
func joinShapes(d dtypes.DType, a, b shapes.Shape) shapes.Shape {
	names := make([]string, 0, a.Rank()+b.Rank())
	for _, s := range []shapes.Shape{a, b} {
		for i := range s.Rank() {
			names = append(names, s.Name(i))
		}
	}
	return shapes.Make(d, append(slices.Clone(a.Dimensions), b.Dimensions...)...).WithAxisNames(names...)
}

// eachIndex walks over the index vectors in indices and gives fn, for each, its number and the offset of what
// it points at in s, or -1 if it points outside. With clamp it never does.
func eachIndex(s shapes.Shape, indices *tensors.Tensor, clamp bool, fn func(n, offset int)) {
	k := indices.Shape().Dim(-1)
	strides := s.Strides()
	v := load[int64](indices)
	unsigned := indices.DType() == dtypes.Uint64
	for n := range len(v) / k {
		offset := 0
		for a, i := range v[n*k : n*k+k] {
			last := int64(s.Dimensions[a]) - 1
			if unsigned && i < 0 {
				i = last + 1 // beyond int64
			}
			if i < 0 || i > last {
				if !clamp {
					offset = -1
					break
				}
				i = max(0, min(i, last))
			}
			offset += int(i) * strides[a]
		}
		fn(n, offset)
	}
}

// indexLimits returns the largest index of each of dims, as a vector of dtype d.
func indexLimits(g *Graph, d dtypes.DType, dims []int) *Node {
	_, hi := dtypes.Limits(d)
	most := dtypes.Convert(hi, dtypes.Uint64).(uint64)
	v := make([]uint64, len(dims))
	for i, dim := range dims {
		v[i] = min(most, uint64(max(0, dim-1)))
	}
	return ConstAsDType(g, d, v)
}

// clampIndices returns indices moved into dims, those of their last axis.
func clampIndices(indices *Node, dims []int) *Node {
	g, d := indices.graph, indices.DType()
	if !d.IsUnsigned() {
		indices = Max(indices, ScalarZero(g, d))
	}
	return Min(indices, indexLimits(g, d, dims))
}

// inside returns whether all of an index vector, those of the last axis of indices, lies in dims.
func inside(indices *Node, dims []int) *Node {
	g, d := indices.graph, indices.DType()
	in := LessOrEqual(indices, indexLimits(g, d, dims))
	if !d.IsUnsigned() {
		in = LogicalAnd(in, GreaterOrEqual(indices, ScalarZero(g, d)))
	}
	b := indices.Rank() - 1
	all := Squeeze(sliceAlong(in, b, 0, 1), b)
	for i := 1; i < len(dims); i++ {
		all = LogicalAnd(all, Squeeze(sliceAlong(in, b, i, i+1), b))
	}
	return all
}

// where0 returns x where all of an index vector lies in dims, and 0 elsewhere. x's first axes are those
// of indices but the last.
func where0(indices *Node, dims []int, x *Node) *Node {
	all := inside(indices, dims)
	all = Reshape(all, append(slices.Clone(all.Shape().Dimensions), filled(x.Rank()-all.Rank(), 1)...)...)
	return Where(BroadcastToDims(all, x.Shape().Dimensions...), x, ZerosLike(x))
}

// alongAxis returns indices that [Gather] takes elements of dims with, one per element of index: along
// axis at index, elsewhere at the element's own place.
func alongAxis(index *Node, axis int) *Node {
	dims := index.Shape().Dimensions
	at := make([]*Node, len(dims))
	for a := range dims {
		if a == axis {
			at[a] = index
		} else {
			at[a] = Iota(index.graph, shapes.Make(index.DType(), dims...), a)
		}
	}
	for a := range at {
		at[a] = withoutNames(at[a])
	}
	return Stack(at, -1)
}

// withoutNames returns x with unnamed axes.
func withoutNames(x *Node) *Node {
	return nameLike(x, shapes.Make(x.DType(), x.Shape().Dimensions...))
}

// batchGather takes from all examples at once, with the number of the example as another index.
func batchGather(attrs any, in []*Node, batched []bool) []*Node {
	if batched[0] {
		in = []*Node{in[0], exampleIndices(spreadAll(in, batched)[1])}
	}
	return []*Node{Apply(gather, attrs, in...)}
}

// batchGatherSlices does so for slices.
func batchGatherSlices(attrs any, in []*Node, batched []bool) []*Node {
	a, x, start := attrs.(ir.GatherSlicesAttrs), in[0], in[1]
	if !batched[0] {
		return []*Node{Apply(gatherSlices, a, x, start)}
	}
	a.Axes = slices.Clone(a.Axes)
	for i := range a.Axes {
		a.Axes[i]++
	}
	b := start.Rank() - 1
	if !batched[1] {
		return []*Node{moveAxis(Apply(gatherSlices, a, x, start), b, 0)}
	}
	a.Axes, a.Sizes = append([]int{0}, a.Axes...), append([]int{min(1, x.Dim(0))}, a.Sizes...)
	y := Apply(gatherSlices, a, x, exampleIndices(start)) // [B, b…, 1, …]
	return []*Node{Reshape(y, slices.Delete(slices.Clone(y.Shape().Dimensions), b, b+1)...)}
}

func init() {
	gather = Define(ir.Op{
		Name: "Gather", Family: "index", Doc: "z[b…, r…] = x[y[b…, 0], …, y[b…, k-1], r…], indices clamped", DTypes: dtypes.Any, Attrs: ir.GatherAttrs{}, HLO: "stablehlo.gather",
		Infer: gatherRule,
		Ref: func(_ any, out, in []*tensors.Tensor) {
			k := in[1].Shape().Dim(-1)
			rest := product(in[0].Shape().Dimensions[k:])
			eachIndex(in[0].Shape(), in[1], true, func(n, offset int) {
				for r := range rest {
					copyElement(out[0], n*rest+r, in[0], offset+r)
				}
			})
		},
		Samples: []ir.Sample{
			{Name: "rows", In: []ir.Input{ir.Ramp(4, 3), ir.Array([]int{3, 1}, 2, 0, 2).As(dtypes.Int32)}, Attrs: ir.GatherAttrs{}},
			{Name: "elements", In: []ir.Input{ir.Array([]int{2, 3}, 1, 2, 3, 4, 5, 6), ir.Array([]int{2, 2}, 1, 0, 0, 2).As(dtypes.Int64)}, Attrs: ir.GatherAttrs{}, DTypes: dtypes.Reals, Want: []float64{4, 3}},
			{Name: "batch of indices", In: []ir.Input{ir.Ramp(3, 2), ir.Array([]int{2, 2, 1}, 0, 1, 2, 1).As(dtypes.Uint8)}, Attrs: ir.GatherAttrs{}},
			{Name: "one", In: []ir.Input{ir.Ramp(3, 2), ir.Array([]int{1}, 1).As(dtypes.Int32)}, Attrs: ir.GatherAttrs{}},
			{Name: "outside", In: []ir.Input{ir.Values(1, 2, 3), ir.Array([]int{4, 1}, -1, 5, 0, -3).As(dtypes.Int32)}, Attrs: ir.GatherAttrs{}, DTypes: dtypes.Reals, Want: []float64{1, 3, 1, 1}},
			{Name: "outside, two axes", In: []ir.Input{ir.Ramp(2, 3), ir.Array([]int{2, 2}, -1, 1, 1, 7).As(dtypes.Int32)}, Attrs: ir.GatherAttrs{}},
			{Name: "sorted", In: []ir.Input{ir.Ramp(4), ir.Array([]int{3, 1}, 0, 1, 3).As(dtypes.Int32)}, Attrs: ir.GatherAttrs{Sorted: true}},
			{Name: "no indices", In: []ir.Input{ir.Ramp(2, 3), ir.Array([]int{0, 1}).As(dtypes.Int32)}, Attrs: ir.GatherAttrs{}},
		},
	}, Rule{
		JVPMulti: linear,
		Batch:    batchGather,
		VJP: func(y, dy *Node) []*Node { // each row's gradient goes back to where the row was taken
			params, indices := y.Input(0), y.Input(1)
			at := clampIndices(indices, params.Shape().Dimensions[:indices.Dim(-1)])
			return []*Node{ScatterSum(ZerosLike(params), at, dy, y.Attrs().(ir.GatherAttrs).Sorted, false), nil}
		},
	})
	gatherSlices = Define(ir.Op{
		Name: "GatherSlices", Family: "index", Doc: "slices of x that begin where y says", DTypes: dtypes.Any, Attrs: ir.GatherSlicesAttrs{}, HLO: "stablehlo.gather",
		Infer: func(attrs any, in []shapes.Shape) (shapes.Shape, error) {
			a, x, start := attrs.(ir.GatherSlicesAttrs), in[0], in[1]
			if !start.DType.IsInt() || start.Rank() == 0 || start.Dim(-1) != len(a.Axes) || len(a.Axes) == 0 {
				return x, fmt.Errorf("the last axis of start must hold an integer for each of the %d sliced axes", len(a.Axes))
			}
			if err := checkAxes("sliced axes", a.Axes, x.Rank()); err != nil {
				return x, err
			}
			if len(a.Sizes) != len(a.Axes) {
				return x, fmt.Errorf("%d sizes for %d sliced axes", len(a.Sizes), len(a.Axes))
			}
			dims := slices.Clone(x.Dimensions)
			for i, ax := range a.Axes {
				if a.Sizes[i] < 0 || a.Sizes[i] > dims[ax] {
					return x, fmt.Errorf("axis %d: a slice of %d does not fit into %d elements", ax, a.Sizes[i], dims[ax])
				}
				dims[ax] = a.Sizes[i]
			}
			return joinShapes(x.DType, pick(start, axesFrom(0, start.Rank()-1)), withDims(x, dims)), nil
		},
		Ref: func(attrs any, out, in []*tensors.Tensor) {
			a, x := attrs.(ir.GatherSlicesAttrs), in[0].Shape()
			room := x.Clone() // where a slice can begin, per axis
			axes := shapes.Make(x.DType, make([]int, len(a.Axes))...)
			for i, ax := range a.Axes {
				axes.Dimensions[i] = room.Dimensions[ax] - a.Sizes[i] + 1
			}
			b := in[1].Rank() - 1
			each := product(out[0].Shape().Dimensions[b:])
			index, begin, strides := make([]int, x.Rank()), make([]int, len(a.Axes)), x.Strides()
			eachIndex(axes, in[1], true, func(n, offset int) {
				unravel(offset, axes.Dimensions, begin)
				for r := range each {
					unravel(r, out[0].Shape().Dimensions[b:], index)
					for i, ax := range a.Axes {
						index[ax] += begin[i]
					}
					copyElement(out[0], n*each+r, in[0], ravel(index, strides))
				}
			})
		},
		Samples: []ir.Sample{
			{Name: "windows", In: []ir.Input{ir.Ramp(5), ir.Array([]int{3, 1}, 0, 2, 3).As(dtypes.Int32)}, Attrs: ir.GatherSlicesAttrs{Axes: []int{0}, Sizes: []int{2}, Sorted: false}},
			{Name: "of columns", In: []ir.Input{ir.Ramp(2, 5), ir.Array([]int{2, 1}, 1, 3).As(dtypes.Int32)}, Attrs: ir.GatherSlicesAttrs{Axes: []int{1}, Sizes: []int{2}, Sorted: false}},
			{Name: "two axes, crossed", In: []ir.Input{ir.Ramp(3, 2, 4), ir.Array([]int{2, 2}, 1, 0, 2, 1).As(dtypes.Int32)}, Attrs: ir.GatherSlicesAttrs{Axes: []int{2, 0}, Sizes: []int{2, 2}, Sorted: false}},
			{Name: "moved to fit", In: []ir.Input{ir.Values(1, 2, 3), ir.Array([]int{2, 1}, -1, 2).As(dtypes.Int32)}, Attrs: ir.GatherSlicesAttrs{Axes: []int{0}, Sizes: []int{2}, Sorted: false}, DTypes: dtypes.Reals, Want: []float64{1, 2, 2, 3}},
			{Name: "one", In: []ir.Input{ir.Ramp(4, 2), ir.Array([]int{1}, 1).As(dtypes.Int32)}, Attrs: ir.GatherSlicesAttrs{Axes: []int{0}, Sizes: []int{3}, Sorted: true}},
		},
	}, Rule{
		JVPMulti: linear,
		Batch:    batchGatherSlices,
		Expand: func(attrs any, in []*Node) []*Node { // an index for each element along the sliced axes
			a, x, start := attrs.(ir.GatherSlicesAttrs), in[0], ConvertDType(in[1], dtypes.Int64)
			k, b := len(a.Axes), in[1].Rank()-1
			room := make([]int, k)
			for i, ax := range a.Axes {
				room[i] = x.Dim(ax) - a.Sizes[i] + 1
			}
			batch := withoutNames(start).Shape().Dimensions[:b]
			start = Reshape(clampIndices(withoutNames(start), room), slices.Concat(batch, filled(k, 1), []int{k})...)
			indices := Add(start, gridIndices(x.graph, dtypes.Int64, a.Sizes)) // [b…, sizes…, k]
			others := axesExcept(x.Rank(), a.Axes)
			front := transposeTo(withoutNames(x), append(slices.Clone(a.Axes), others...))
			y := Gather(front, indices) // [b…, sizes…, others…]
			perm := axesFrom(0, b)
			for _, at := range inverse(append(slices.Clone(a.Axes), others...)) {
				perm = append(perm, b+at)
			}
			return []*Node{transposeTo(y, perm)}
		},
	})
}
