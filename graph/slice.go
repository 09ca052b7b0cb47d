package graph

import (
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// SliceAxisSpec says what [Slice] takes of an axis. It is made by [AxisRange], [AxisElem] and their like.
type SliceAxisSpec struct {
	start, end, stride int
	noEnd, spacer      bool
}

// AxisRange takes a whole axis (no indices), from a start to the end (one index), or from a start to an
// end, exclusive (two). Negative indices count from the end of the axis.
func AxisRange(indices ...int) SliceAxisSpec {
	switch len(indices) {
	case 0:
		return SliceAxisSpec{stride: 1, noEnd: true}
	case 1:
		return AxisRangeToEnd(indices[0])
	case 2:
		return SliceAxisSpec{start: indices[0], end: indices[1], stride: 1}
	}
	panic(&Error{Op: "AxisRange", Err: fmt.Errorf("it takes at most a start and an end, got %v", indices), pcs: callSite()})
}

// AxisElem takes one element; the axis stays, with size 1 (remove it with [Squeeze]).
func AxisElem(index int) SliceAxisSpec {
	return SliceAxisSpec{start: index, end: index + 1, stride: 1, noEnd: index == -1}
}

// AxisRangeFromStart takes an axis up to an index, exclusive.
func AxisRangeFromStart(to int) SliceAxisSpec { return SliceAxisSpec{end: to, stride: 1} }

// AxisRangeToEnd takes an axis from an index on.
func AxisRangeToEnd(from int) SliceAxisSpec {
	return SliceAxisSpec{start: from, stride: 1, noEnd: true}
}

// Stride takes only every stride-th element of the range, beginning with its first.
func (ar SliceAxisSpec) Stride(stride int) SliceAxisSpec {
	ar.stride = stride
	return ar
}

// Spacer makes the range stand for all the axes that the other ranges leave over: the first of them
// speak of the first axes, those after the spacer of the last.
func (ar SliceAxisSpec) Spacer() SliceAxisSpec {
	ar.spacer = true
	return ar
}

// Slice returns a part of x: per axis, from the first on, the range to take. Axes without a range are
// taken whole; one range may be a spacer, see [SliceAxisSpec.Spacer]. Axes and their names stay.
//
//	Slice(x, AxisRange(), AxisRange(1, -1), AxisElem(0)) // x[:, 1:-1, 0:1]
//
// It panics with [Error] if a range does not lie in its axis.
func Slice(x *Node, axesSpec ...SliceAxisSpec) *Node {
	need("Slice", x)
	fail := func(format string, args ...any) {
		x.graph.fail("Slice", []shapes.Shape{x.Shape()}, fmt.Errorf(format, args...))
	}
	specs := slices.Clone(axesSpec)
	if i := slices.IndexFunc(specs, func(s SliceAxisSpec) bool { return s.spacer }); i >= 0 {
		spacer := specs[i]
		spacer.spacer = false
		specs = slices.Delete(specs, i, i+1)
		if slices.ContainsFunc(specs, func(s SliceAxisSpec) bool { return s.spacer }) {
			fail("there are two spacers: only one range can stand for the axes left over")
		}
		for len(specs) < x.Rank() {
			specs = slices.Insert(specs, i, spacer)
		}
	}
	if len(specs) > x.Rank() {
		fail("%d ranges for %d axes", len(specs), x.Rank())
	}
	attrs := fullSlice(x.Shape())
	for a, spec := range specs {
		dim := x.Shape().Dimensions[a]
		if spec == (SliceAxisSpec{}) {
			spec = AxisRange()
		}
		start, end := spec.start, spec.end
		if start < 0 {
			start += dim
		}
		if spec.noEnd {
			end = dim
		} else if end < 0 {
			end += dim
		}
		if start < 0 || end > dim || start > end {
			fail("axis %d: the range %s does not lie in its %d elements", a, spec, dim)
		}
		if spec.stride < 1 {
			fail("axis %d: stride %d, but it must be at least 1 (turn the axis round with Reverse)", a, spec.stride)
		}
		attrs.Start[a], attrs.Limit[a], attrs.Stride[a] = start, end, spec.stride
	}
	return Apply(slice, attrs, x)
}

// String writes the range as start:end:stride.
func (ar SliceAxisSpec) String() string {
	s := fmt.Sprintf("%d:", ar.start)
	if !ar.noEnd {
		s += fmt.Sprint(ar.end)
	}
	if ar.stride > 1 {
		s += fmt.Sprintf(":%d", ar.stride)
	}
	return s
}

// SliceAxis is [Slice] along one axis; a negative one counts from the end.
func SliceAxis(x *Node, axis int, axisSpec SliceAxisSpec) *Node {
	specs := make([]SliceAxisSpec, adjust1("SliceAxis", x, axis)+1)
	specs[len(specs)-1] = axisSpec
	return Slice(x, specs...)
}

// fullSlice takes all of s.
func fullSlice(s shapes.Shape) ir.SliceAttrs {
	return ir.SliceAttrs{Start: make([]int, s.Rank()), Limit: slices.Clone(s.Dimensions), Stride: filled(s.Rank(), 1)}
}

var slice *ir.Op

func init() {
	slice = Define(ir.Op{
		Name: "Slice", Family: "shape", Simplify: simplerSlice, Doc: "y[i…] = x[Start + i·Stride …]", DTypes: dtypes.Any | dtypes.Storage, Attrs: ir.SliceAttrs{}, HLO: "stablehlo.slice",
		Infer: func(attrs any, in []shapes.Shape) (shapes.Shape, error) {
			a, rank := attrs.(ir.SliceAttrs), in[0].Rank()
			if len(a.Start) != rank || len(a.Limit) != rank || len(a.Stride) != rank {
				return shapes.Shape{}, fmt.Errorf("start, limit and stride must have %d elements", rank)
			}
			dims := make([]int, rank)
			for i, d := range in[0].Dimensions {
				if a.Start[i] < 0 || a.Limit[i] > d || a.Start[i] > a.Limit[i] || a.Stride[i] < 1 {
					return shapes.Shape{}, fmt.Errorf("axis %d: %d:%d:%d does not lie in its %d elements", i, a.Start[i], a.Limit[i], a.Stride[i], d)
				}
				if n := a.Limit[i] - a.Start[i]; n > 0 {
					dims[i] = (n-1)/a.Stride[i] + 1
				}
			}
			return withDims(in[0], dims), nil
		},
		Ref: moveRef(func(attrs any, out, in []*tensors.Tensor) func(int) int {
			a := attrs.(ir.SliceAttrs)
			return indexMap(out[0].Shape(), in[0].Shape(), func(to, from []int) bool {
				for i := range to {
					from[i] = a.Start[i] + to[i]*a.Stride[i]
				}
				return true
			})
		}),
		Samples: []ir.Sample{
			{In: []ir.Input{ir.Ramp(5)}, Attrs: ir.SliceAttrs{Start: []int{1}, Limit: []int{4}, Stride: []int{1}}},
			{Name: "strides", In: []ir.Input{ir.Array([]int{7}, 0, 1, 2, 3, 4, 5, 6)}, Attrs: ir.SliceAttrs{Start: []int{1}, Limit: []int{6}, Stride: []int{2}}, DTypes: dtypes.Reals, Want: []float64{1, 3, 5}},
			{Name: "uneven stride", In: []ir.Input{ir.Ramp(3, 6)}, Attrs: ir.SliceAttrs{Start: []int{0, 0}, Limit: []int{3, 6}, Stride: []int{2, 4}}},
			{Name: "inner", In: []ir.Input{ir.Ramp(3, 4, 5)}, Attrs: ir.SliceAttrs{Start: []int{1, 0, 2}, Limit: []int{3, 4, 4}, Stride: []int{1, 1, 1}}},
			{Name: "whole", In: []ir.Input{ir.Ramp(2, 2)}, Attrs: ir.SliceAttrs{Start: []int{0, 0}, Limit: []int{2, 2}, Stride: []int{1, 1}}},
			{Name: "nothing", In: []ir.Input{ir.Ramp(3, 2)}, Attrs: ir.SliceAttrs{Start: []int{1, 0}, Limit: []int{1, 2}, Stride: []int{1, 1}}},
		},
	}, Rule{
		JVPMulti: linear,
		VJP: func(y, dy *Node) []*Node { // zeros around, and between the elements of a strided slice
			a, x := y.Attrs().(ir.SliceAttrs), y.Input(0)
			axes := make([]ir.PadAxis, x.Rank())
			for i, d := range x.Shape().Dimensions {
				n := y.Dim(i)
				used := a.Start[i] + max(0, (n-1)*a.Stride[i]+1)
				if n == 0 {
					used = a.Start[i]
				}
				axes[i] = ir.PadAxis{Start: a.Start[i], End: d - used, Interior: a.Stride[i] - 1}
			}
			return []*Node{Pad(dy, ScalarZero(dy.graph, dy.DType()), axes...)}
		},
	})
}
