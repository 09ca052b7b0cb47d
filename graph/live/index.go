package live

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/internal/slicetext"
)

// At returns the part of x at indices of its first axes, which are removed: with an index for each axis one element, as an array without axes. A
// negative index counts from the end. The indices are parameters of what is compiled, so one program serves them all; they must lie within
// their axes.
//
//	m.At(3)    // row 3
//	m.At(3, 0) // its first element
func (x *Array) At(index ...int) *Array {
	x = x.check()
	if x.err != nil || len(index) == 0 {
		return x
	}
	if len(index) > x.Rank() {
		return failed(x.session, "%s has no %d axes to index", x.shape, len(index))
	}
	in := []*Array{x}
	for axis, i := range index {
		at, err := slicetext.Index(i, x.shape.Dimensions[axis])
		if err != nil {
			return failed(x.session, "%s, axis %d: %w", x.shape, axis, err)
		}
		in = append(in, x.session.number1(int32(at), dtypes.Int32))
	}
	return x.session.record(at, []int{len(index)}, "", in...)
}

// at is [Array.At]: in are x and indices of its first axes.
func at(in []*graph.Node) *graph.Node {
	x, index := in[0], in[1:]
	starts, sizes, dropped := make([]*graph.Node, x.Rank()), make([]int, x.Rank()), make([]int, len(index))
	for axis, dim := range x.Shape().Dimensions {
		if axis < len(index) {
			starts[axis], sizes[axis], dropped[axis] = index[axis], 1, axis
		} else {
			starts[axis], sizes[axis] = graph.ScalarZero(x.Graph(), dtypes.Int32), dim
		}
	}
	return graph.Squeeze(graph.DynamicSlice(x, starts, sizes), dropped...)
}

// Slice returns the part of x that text names, in the words of Python:
//
//	x.Slice("1:5, ::2") // elements 1 to 4 of the first axis, every second one of the next
//	x.Slice("-1")       // the last element of the first axis, which is removed
//	x.Slice("..., 0")   // the first ones along the last axis, which is removed
//	x.Slice("::-1")     // from the last to the first
//
// A negative index counts from the end. Unlike in Python a bound outside of its axis is an error. The text is part of what is compiled: where a
// number in it changes from call to call, [Array.At] and [Array.Take] compile once.
func (x *Array) Slice(text string) *Array {
	x = x.check()
	if x.err != nil {
		return x
	}
	ranges, err := slicetext.Parse(text, x.shape.Dimensions)
	if err != nil {
		return failed(x.session, "%s: %w", x.shape, err)
	}
	return x.session.record(func(x *graph.Node) *graph.Node { return sliced(x, ranges) }, numbers(ranges), "", x)
}

// numbers are ranges as whole numbers, for keys.
func numbers(ranges []slicetext.Range) []int {
	list := make([]int, 0, 4*len(ranges))
	for _, r := range ranges {
		drop := 0
		if r.Drop {
			drop = 1
		}
		list = append(list, r.Start, r.Count, r.Step, drop)
	}
	return list
}

// sliced takes ranges of x, one per axis.
func sliced(x *graph.Node, ranges []slicetext.Range) *graph.Node {
	specs := make([]graph.SliceAxisSpec, len(ranges))
	var back, drop []int
	for axis, r := range ranges {
		start, last, step := r.Start, r.Start+(r.Count-1)*r.Step, r.Step
		if r.Step < 0 {
			start, last, step = last, start, -step
			back = append(back, axis)
		}
		if specs[axis] = graph.AxisRange(start, last+1).Stride(step); r.Count == 0 {
			specs[axis] = graph.AxisRange(0, 0)
		}
		if r.Drop {
			drop = append(drop, axis)
		}
	}
	if len(specs) == 0 {
		return x
	}
	if x = graph.Slice(x, specs...); len(back) > 0 {
		x = graph.Reverse(x, back...)
	}
	if len(drop) > 0 {
		x = graph.Squeeze(x, drop...)
	}
	return x
}

// SetSlice returns x with y in the place of the part that text names, see [Array.Slice]. y is broadcast to it; x stays what it is.
func (x *Array) SetSlice(text string, y any) *Array {
	x = x.check()
	if x.err != nil {
		return x
	}
	ranges, err := slicetext.Parse(text, x.shape.Dimensions)
	if err != nil {
		return failed(x.session, "%s: %w", x.shape, err)
	}
	return x.session.record(func(x, y *graph.Node) *graph.Node { return setSlice(x, y, ranges) }, numbers(ranges), "", x, x.session.operand(x, y))
}

// setSlice spreads y over the places of the ranges, and takes it there.
func setSlice(x, y *graph.Node, ranges []slicetext.Range) *graph.Node {
	var back, part, seen []int
	pads := make([]graph.PadAxis, len(ranges))
	for axis, r := range ranges {
		part = append(part, r.Count)
		if !r.Drop {
			seen = append(seen, r.Count)
		}
		start, step := r.Start, r.Step
		if step < 0 {
			start, step = r.Start+(r.Count-1)*step, -step
			back = append(back, axis)
		}
		used := 0
		if r.Count > 0 {
			used = start + (r.Count-1)*step + 1
		}
		pads[axis] = graph.PadAxis{Start: start, End: x.Dim(axis) - used, Interior: step - 1}
	}
	if y.Rank() > len(seen) {
		graph.Errorf("the part has the dimensions %v, and %s does not fit into it", seen, y.Shape())
	}
	y = graph.Reshape(graph.BroadcastToDims(y, seen...), part...)
	if len(back) > 0 {
		y = graph.Reverse(y, back...)
	}
	here := graph.Pad(graph.OnesLike(graph.ConvertDType(graph.ZerosLike(y), dtypes.Int32)), graph.ScalarZero(x.Graph(), dtypes.Int32), pads...)
	return graph.Where(graph.IsPositive(here), graph.Pad(y, graph.ScalarZero(x.Graph(), y.DType()), pads...), x)
}

// Take returns the elements of x at indices along an axis, an array of whole numbers or a slice of int of Go: the axis becomes those of indices.
// Indices are moved to the nearest end of the axis if they lie outside, as [graph.Gather] does; negative ones count from the end.
func (x *Array) Take(indices any, axis int) *Array {
	x = x.check()
	return x.session.record(func(x, indices *graph.Node) *graph.Node {
		a := graph.MustAdjustAxis(axis, x)
		to := x.Rank() - 1
		if a > 0 {
			x = graph.TransposeAllAxes(x, moved(x.Rank(), a, 0)...)
		}
		y := graph.Gather(x, graph.ExpandAxes(graph.NormalizeIndices(x, indices, 0), -1))
		if a > 0 { // the axes of indices go back behind the a axes before them
			y = graph.TransposeAllAxes(y, block(indices.Rank(), a, to)...)
		}
		return y
	}, []int{axis}, "", x, x.session.indices(indices))
}

// moved is the permutation that puts axis from of rank at to, the others in order.
func moved(rank, from, to int) (list []int) {
	for a := range rank {
		if a != from {
			list = append(list, a)
		}
	}
	return append(list[:to:to], append([]int{from}, list[to:]...)...)
}

// block is the permutation that puts the first k axes behind the a axes that follow them; rest are all that follow.
func block(k, a, rest int) (list []int) {
	for i := range a {
		list = append(list, k+i)
	}
	for i := range k {
		list = append(list, i)
	}
	for i := a; i < rest; i++ {
		list = append(list, k+i)
	}
	return list
}

// indices returns v as an array of whole numbers: int of Go becomes int32.
func (s *Session) indices(v any) *Array {
	a := s.operand(nil, v)
	if _, given := v.(*Array); !given && a.err == nil && a.shape.DType == dtypes.Int64 {
		return a.ConvertDType(dtypes.Int32)
	}
	return a
}

// TakeAlongAxis returns, for each place of indices, the element of x along an axis that they name there, as NumPy's take_along_axis does: x and
// indices have the same other axes. Indices outside are moved to the nearest end; negative ones count from the end.
func (x *Array) TakeAlongAxis(indices any, axis int) *Array {
	x = x.check()
	return x.session.record(func(x, indices *graph.Node) *graph.Node {
		a, last := alike(x, indices, axis), x.Rank()-1
		x, indices = graph.Transpose(x, a, last), graph.Transpose(graph.NormalizeIndices(x, indices, a), a, last)
		return graph.Transpose(graph.GatherWithBatchDims(x, graph.ExpandAxes(indices, -1), last), a, last)
	}, []int{axis}, "", x, x.session.indices(indices))
}

// PutAlongAxis returns x with values in the places along an axis that indices name, as NumPy's put_along_axis does; x stays what it is. x and
// indices have the same other axes, values is broadcast to indices. Of several values for one place any stays; places outside are left out.
func (x *Array) PutAlongAxis(indices, values any, axis int) *Array {
	x = x.check()
	return x.session.record(func(x, indices, values *graph.Node) *graph.Node {
		a, last := alike(x, indices, axis), x.Rank()-1
		values = graph.BroadcastToDims(values, indices.Shape().Dimensions...)
		indices = graph.Transpose(graph.NormalizeIndices(x, indices, a), a, last)
		values, turned := graph.Transpose(values, a, last), graph.Transpose(x, a, last)
		n, k := turned.Dim(-1), indices.Dim(-1)
		rows := 1
		for _, d := range turned.Shape().Dimensions[:last] {
			rows *= d
		}
		at := graph.Reshape(indices, rows*k)
		row := graph.Reshape(graph.BroadcastToDims(graph.Iota(x.Graph(), shapes.Make(at.DType(), rows, 1), 0), rows, k), rows*k)
		flat := graph.ScatterUpdate(graph.Reshape(turned, rows, n), graph.Stack([]*graph.Node{row, at}, 1), graph.Reshape(values, rows*k), false, false)
		return graph.Transpose(graph.Reshape(flat, turned.Shape().Dimensions...), a, last)
	}, []int{axis}, "", x, x.session.indices(indices), x.session.operand(x, values))
}

// alike returns the axis, from 0, of x, whose other axes indices must have too.
func alike(x, indices *graph.Node, axis int) int {
	a := graph.MustAdjustAxis(axis, x)
	fits := indices.Rank() == x.Rank()
	for i := 0; fits && i < x.Rank(); i++ {
		fits = i == a || indices.Dim(i) == x.Dim(i)
	}
	if !fits {
		graph.Errorf("along axis %d the indices must have the other axes of %s: they are %s", axis, x.Shape(), indices.Shape())
	}
	return a
}
