package stablehlo

import (
	"math"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

func init() {
	lowerings[ops.Gather] = func(f *function, c call) []value {
		x, at := c.in[0], f.indices(c.in[1])
		k, b := at.shape.Dim(-1), at.shape.Rank()-1
		sizes := slices.Clone(x.shape.Dimensions)
		for i := range k {
			sizes[i] = 1
		}
		return []value{f.gather(c.Op.HLO, x, at, c.out[0], upTo(b, c.out[0].Rank()), upTo(0, k), upTo(0, k), sizes, c.Attrs.(ir.GatherAttrs).Sorted)}
	}
	lowerings[ops.GatherSlices] = func(f *function, c call) []value {
		x, at, a := c.in[0], f.indices(c.in[1]), c.Attrs.(ir.GatherSlicesAttrs)
		sizes := slices.Clone(x.shape.Dimensions)
		for i, axis := range a.Axes {
			sizes[axis] = a.Sizes[i]
		}
		return []value{f.gather(c.Op.HLO, x, at, c.out[0], upTo(at.shape.Rank()-1, c.out[0].Rank()), nil, a.Axes, sizes, a.Sorted)}
	}
	for op, mnemonic := range map[*ir.Op]string{
		ops.ScatterSum: ops.Add.HLO, ops.ScatterMax: ops.Max.HLO, ops.ScatterMin: ops.Min.HLO, ops.ScatterUpdate: "",
	} {
		lowerings[op] = func(f *function, c call) []value {
			if c.in[2].shape.Size() == 0 {
				return c.in[:1]
			}
			x, at, updates := c.in[0], f.indices(c.in[1]), c.in[2]
			if op == ops.ScatterSum {
				x, updates = f.wide(x), f.wide(updates)
			}
			return []value{f.convert(f.scatter(c.Op.HLO, mnemonic, x, at, updates, c.Attrs.(ir.ScatterAttrs)), c.out[0].DType)}
		}
	}
	lowerings[ops.DynamicSlice] = func(f *function, c call) []value {
		if len(c.in) == 1 {
			return c.in
		}
		in := append([]value{c.in[0]}, f.starts(c.in[1:])...)
		if f.devices > 1 { // a start that is moved so that the slice fits would be moved for each device's part of it
			for i, start := range in[1:] {
				in[1+i] = f.within(start, f.fill(start.shape, c.in[0].shape.Dimensions[i]-c.out[0].Dimensions[i]))
			}
		}
		out := f.define(c.out[0])
		f.line("%s = "+ops.DynamicSlice.HLO+" %s, sizes = %s : %s", out, refs(in), ints(c.out[0].Dimensions), signature(in, []value{out}))
		return []value{out}
	}
	lowerings[ops.DynamicUpdateSlice] = func(f *function, c call) []value {
		switch {
		case len(c.in) == 2:
			return c.in[1:]
		case c.in[1].shape.Size() == 0:
			return c.in[:1]
		}
		in := append(slices.Clone(c.in[:2]), f.starts(c.in[2:])...)
		out := f.define(c.out[0])
		f.line("%s = "+ops.DynamicUpdateSlice.HLO+" %s : %s", out, refs(in), signature(in, []value{out}))
		return []value{out}
	}
}

// upTo returns from, …, to-1.
func upTo(from, to int) []int {
	list := make([]int, 0, max(0, to-from))
	for i := from; i < to; i++ {
		list = append(list, i)
	}
	return list
}

// indices returns x as int32 or int64, with what is too large for them at their upper end. A compiler compares
// indices with the axis's end in their own dtype, in which a narrow one cannot say it.
func (f *function) indices(x value) value {
	switch d := x.shape.DType; d {
	case dtypes.Int32, dtypes.Int64:
		return x
	case dtypes.Uint32:
		return f.convert(x, dtypes.Int64)
	case dtypes.Uint64:
		return f.convert(f.binary(ops.Min.HLO, x, f.fill(x.shape, uint64(math.MaxInt64))), dtypes.Int64)
	}
	return f.convert(x, dtypes.Int32)
}

// starts are the indices of a dynamic slice.
func (f *function) starts(in []value) []value {
	out := make([]value, len(in))
	for i, x := range in {
		out[i] = f.indices(x)
	}
	return out
}

// within moves indices into the range from 0 to last.
func (f *function) within(x, last value) value {
	return f.op(x.shape, ops.Clamp.HLO+" %s, %s, %s : %s", f.fill(x.shape, 0), x, last, x.typ())
}

// gather writes a gather: which axes of the result are of slices, which axes of x have no place there, which axes
// of x the indices speak of, and the slices' sizes. Starts are moved so that slices fit.
func (f *function) gather(mnemonic string, x, at value, s shapes.Shape, offset, collapsed, axes, sizes []int, sorted bool) value {
	if f.devices > 1 && s.Size() > 0 { // a slice would be moved for each device's part of it
		bounds := make([]int64, len(axes))
		for i, axis := range axes {
			bounds[i] = int64(x.shape.Dimensions[axis] - sizes[axis])
		}
		last := f.convert(f.constant(tensors.FromValue(bounds)), at.shape.DType)
		at = f.within(at, f.along(last, at.shape, []int{at.shape.Rank() - 1}))
	}
	out := f.define(s)
	f.line(`%s = %q(%s, %s) <{dimension_numbers = #stablehlo.gather<offset_dims = %s, collapsed_slice_dims = %s, start_index_map = %s, index_vector_dim = %d>, indices_are_sorted = %t, slice_sizes = %s}> : %s`,
		out, mnemonic, x, at, ints(offset), ints(collapsed), ints(axes), at.shape.Rank()-1, sorted, array(sizes), signature([]value{x, at}, []value{out}))
	return out
}

// scatter writes a scatter that joins values with an operation, or, without one, replaces them. Updates that
// point outside of x are dropped.
func (f *function) scatter(mnemonic, join string, x, at, updates value, a ir.ScatterAttrs) value {
	k, b := at.shape.Dim(-1), at.shape.Rank()-1
	out := f.define(x.shape)
	f.line(`%s = %q(%s, %s, %s) <{indices_are_sorted = %t, scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = %s, inserted_window_dims = %s, scatter_dims_to_operand_dims = %s, index_vector_dim = %d>, unique_indices = %t}> ({`,
		out, mnemonic, x, at, updates, a.Sorted, ints(upTo(b, updates.shape.Rank())), ints(upTo(0, k)), ints(upTo(0, k)), b, a.Unique)
	d := x.shape.DType
	if join != "" {
		f.combiner(d, join)
	} else {
		f.region([]shapes.Shape{shapes.Scalar(d), shapes.Scalar(d)}, func(args []value) []value { return args[1:] })
	}
	f.line("}) : %s", signature([]value{x, at, updates}, []value{out}))
	return out
}
