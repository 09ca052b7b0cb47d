package graph

import (
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Concatenate returns the operands one after the other along an axis. They must have the same dtype and
// number of axes, and the same sizes in all other axes; names that are set must agree. A negative axis
// counts from the end. It panics with [Error], which names the operand and the axis, otherwise.
func Concatenate(operands []*Node, axis int) *Node {
	g := graphOf(concatenate, operands)
	if operands[0].Rank() == 0 {
		g.fail("Concatenate", inShapes(operands), fmt.Errorf("scalars have no axis (put them side by side with Stack)"))
	}
	return Apply(concatenate, ir.AxisAttrs{Axis: adjust1("Concatenate", operands[0], axis)}, operands...)
}

// Stack returns the operands, all of one shape and dtype, side by side along a new axis, which is axis of
// the result; a negative one counts from the result's end. It panics with [Error] if shapes differ.
func Stack(operands []*Node, axis int) *Node {
	g := graphOf(stack, operands)
	a, err := shapes.AdjustAxis(axis, operands[0].Rank()+1)
	if err != nil {
		g.fail("Stack", inShapes(operands), fmt.Errorf("the result has %d axes: %w", operands[0].Rank()+1, err))
	}
	return Apply(stack, ir.AxisAttrs{Axis: a}, operands...)
}

// Split returns x cut into numSplits equal parts along an axis; the axis stays. It panics with [Error] if
// the axis cannot be divided.
func Split(x *Node, axis int, numSplits int) []*Node {
	return ApplyMulti(split, ir.SplitAttrs{Axis: adjust1("Split", x, axis), NumSplits: numSplits}, x)
}

var concatenate, stack, split *ir.Op

func inShapes(xs []*Node) []shapes.Shape {
	s := make([]shapes.Shape, len(xs))
	for i, x := range xs {
		s[i] = x.Shape()
	}
	return s
}

// concatRule returns the shape of operands put together along axis.
func concatRule(attrs any, in []shapes.Shape) (shapes.Shape, error) {
	axis := attrs.(ir.AxisAttrs).Axis
	if err := sameDType(in); err != nil {
		return shapes.Shape{}, err
	}
	if axis < 0 || axis >= in[0].Rank() {
		return shapes.Shape{}, fmt.Errorf("axis %d of operands with %d axes", axis, in[0].Rank())
	}
	out, names := in[0].Clone(), make([]string, in[0].Rank())
	for a := range names {
		names[a] = in[0].Name(a)
	}
	for i, s := range in[1:] {
		if s.Rank() != out.Rank() {
			return out, fmt.Errorf("operand %d has %d axes, operand 0 has %d (%s)", i+1, s.Rank(), out.Rank(), rankRemedy(out, s, i+1))
		}
		for a, d := range s.Dimensions {
			if a == axis {
				out.Dimensions[a] += d
			} else if d != out.Dimensions[a] {
				return out, fmt.Errorf("operand %d, axis %d: size %d, but operand 0 has %d (only axis %d may differ)", i+1, a, d, out.Dimensions[a], axis)
			}
			var err error
			if names[a], err = shapes.JoinName(names[a], s.Name(a)); err != nil {
				return out, fmt.Errorf("operand %d, axis %d: %w", i+1, a, err)
			}
		}
	}
	return out.WithAxisNames(names...), nil
}

// rankRemedy says how operand i, of another number of axes than the first, can be put beside it: by ExpandAxes at the
// places that make its axes fit, where that is so.
func rankRemedy(first, s shapes.Shape, i int) string {
	few, many, which := s, first, i
	if s.Rank() > first.Rank() {
		few, many, which = first, s, 0
	}
	if many.Rank() == few.Rank()+1 {
		for a := many.Rank() - 1; a >= 0; a-- { // a new last axis is what is mostly meant
			if slices.Equal(slices.Delete(slices.Clone(many.Dimensions), a, a+1), few.Dimensions) {
				return fmt.Sprintf("ExpandAxes(x, %d) gives operand %d the missing axis", a, which)
			}
		}
	}
	return fmt.Sprintf("give operand %d the missing axes with ExpandAxes or Reshape", which)
}

func concatRef(attrs any, out, in []*tensors.Tensor) {
	axis := attrs.(ir.AxisAttrs).Axis
	strides := out[0].Shape().Strides()
	start := 0
	index := make([]int, out[0].Rank())
	for _, x := range in {
		for j := range x.Size() {
			unravel(j, x.Shape().Dimensions, index)
			index[axis] += start
			copyElement(out[0], ravel(index, strides), x, j)
		}
		start += x.Shape().Dimensions[axis]
	}
}

// sliceAlong returns the elements from start to limit (exclusive) along one axis.
func sliceAlong(x *Node, axis, start, limit int) *Node {
	a := fullSlice(x.Shape())
	a.Start[axis], a.Limit[axis] = start, limit
	return Apply(slice, a, x)
}

func init() {
	concatenate = Define(ir.Op{
		Name: "Concatenate", Family: "shape", Variadic: true, Simplify: simplerConcatenate, Doc: "the operands one after the other along an axis", DTypes: dtypes.Any | dtypes.Storage, Attrs: ir.AxisAttrs{}, HLO: "stablehlo.concatenate",
		Infer: concatRule, Ref: concatRef,
		Samples: []ir.Sample{
			{In: []ir.Input{ir.Ramp(2), ir.Ramp(3).Plus(0.25)}, Attrs: ir.AxisAttrs{Axis: 0}},
			{Name: "last axis", In: []ir.Input{ir.Ramp(2, 1), ir.Ramp(2, 3), ir.Ramp(2, 2)}, Attrs: ir.AxisAttrs{Axis: 1}},
			{Name: "first axis", In: []ir.Input{ir.Ramp(1, 3), ir.Ramp(2, 3)}, Attrs: ir.AxisAttrs{Axis: 0}},
			{Name: "middle", In: []ir.Input{ir.Ramp(2, 2, 3), ir.Ramp(2, 1, 3)}, Attrs: ir.AxisAttrs{Axis: 1}},
			{Name: "one operand", In: []ir.Input{ir.Ramp(2, 2)}, Attrs: ir.AxisAttrs{Axis: 0}},
			{Name: "an empty one", In: []ir.Input{ir.Ramp(2, 0), ir.Ramp(2, 2)}, Attrs: ir.AxisAttrs{Axis: 1}},
		},
	}, Rule{
		JVPMulti: linear,
		Batch:    batchTogether(&concatenate),
		VJP: func(y, dy *Node) []*Node {
			axis := y.Attrs().(ir.AxisAttrs).Axis
			dx, start := make([]*Node, len(y.Inputs())), 0
			for i, x := range y.Inputs() {
				end := start + x.Dim(axis)
				dx[i] = sliceAlong(dy, axis, start, end)
				start = end
			}
			return dx
		},
	})
	stack = Define(ir.Op{
		Name: "Stack", Family: "shape", Variadic: true, Doc: "the operands side by side along a new axis", DTypes: dtypes.Any | dtypes.Storage, Attrs: ir.AxisAttrs{},
		Infer: func(attrs any, in []shapes.Shape) (shapes.Shape, error) {
			axis := attrs.(ir.AxisAttrs).Axis
			if err := sameDType(in); err != nil {
				return shapes.Shape{}, err
			}
			names := make([]string, in[0].Rank())
			for i, s := range in {
				if !s.EqualDimensions(in[0]) {
					return s, fmt.Errorf("operand %d has shape %s, operand 0 has %s: they must be the same", i, s.Dims(), in[0].Dims())
				}
				for a := range names {
					var err error
					if names[a], err = shapes.JoinName(names[a], s.Name(a)); err != nil {
						return s, fmt.Errorf("operand %d, axis %d: %w", i, a, err)
					}
				}
			}
			if axis < 0 || axis > len(names) {
				return shapes.Shape{}, fmt.Errorf("axis %d of a result with %d axes", axis, len(names)+1)
			}
			dims := slices.Insert(slices.Clone(in[0].Dimensions), axis, len(in))
			return shapes.Make(in[0].DType, dims...).WithAxisNames(slices.Insert(names, axis, "")...), nil
		},
		Samples: []ir.Sample{
			{In: []ir.Input{ir.Ramp(3), ir.Ramp(3).Plus(0.25)}, Attrs: ir.AxisAttrs{Axis: 0}},
			{Name: "last axis", In: []ir.Input{ir.Array([]int{2}, 1, 2), ir.Array([]int{2}, 3, 4)}, Attrs: ir.AxisAttrs{Axis: 1}, DTypes: dtypes.Reals, Want: []float64{1, 3, 2, 4}},
			{Name: "middle", In: []ir.Input{ir.Ramp(2, 3), ir.Ramp(2, 3).Plus(0.25), ir.Ramp(2, 3).Plus(-0.25)}, Attrs: ir.AxisAttrs{Axis: 1}},
			{Name: "scalars", In: []ir.Input{ir.ScalarValue(1.5), ir.ScalarValue(-0.5)}, Attrs: ir.AxisAttrs{Axis: 0}},
		},
	}, Rule{
		JVPMulti: linear,
		Batch:    batchTogether(&stack),
		Expand: func(attrs any, in []*Node) []*Node {
			axis := attrs.(ir.AxisAttrs).Axis
			xs := make([]*Node, len(in))
			for i, x := range in {
				xs[i] = ExpandAxes(x, axis)
			}
			return []*Node{Concatenate(xs, axis)}
		},
		VJP: func(y, dy *Node) []*Node {
			axis := y.Attrs().(ir.AxisAttrs).Axis
			dx := make([]*Node, len(y.Inputs()))
			for i := range dx {
				dx[i] = Squeeze(sliceAlong(dy, axis, i, i+1), axis)
			}
			return dx
		},
	})
	split = Define(ir.Op{
		Name: "Split", Family: "shape", Doc: "x in equal parts along an axis", DTypes: dtypes.Any | dtypes.Storage, Attrs: ir.SplitAttrs{},
		InferMulti: func(attrs any, in []shapes.Shape) ([]shapes.Shape, error) {
			a := attrs.(ir.SplitAttrs)
			if err := checkAxes("axis", []int{a.Axis}, in[0].Rank()); err != nil {
				return nil, err
			}
			d := in[0].Dimensions[a.Axis]
			if a.NumSplits < 1 || a.NumSplits > max(1, d) || d%a.NumSplits != 0 {
				return nil, fmt.Errorf("axis %d of size %d cannot be cut into %d equal parts (SliceAxis cuts others)", a.Axis, d, a.NumSplits)
			}
			dims := slices.Clone(in[0].Dimensions)
			dims[a.Axis] /= a.NumSplits
			out := make([]shapes.Shape, a.NumSplits)
			for i := range out {
				out[i] = withDims(in[0], dims)
			}
			return out, nil
		},
		Samples: []ir.Sample{
			{In: []ir.Input{ir.Ramp(6)}, Attrs: ir.SplitAttrs{Axis: 0, NumSplits: 3}},
			{Name: "last axis", In: []ir.Input{ir.Ramp(2, 4)}, Attrs: ir.SplitAttrs{Axis: 1, NumSplits: 2}},
			{Name: "first axis", In: []ir.Input{ir.Ramp(4, 3)}, Attrs: ir.SplitAttrs{Axis: 0, NumSplits: 4}},
			{Name: "whole", In: []ir.Input{ir.Ramp(2, 3)}, Attrs: ir.SplitAttrs{Axis: 1, NumSplits: 1}},
		},
	}, Rule{
		JVPMulti: linear,
		Expand: func(attrs any, in []*Node) []*Node {
			a := attrs.(ir.SplitAttrs)
			n := in[0].Dim(a.Axis) / a.NumSplits
			out := make([]*Node, a.NumSplits)
			for i := range out {
				out[i] = sliceAlong(in[0], a.Axis, i*n, (i+1)*n)
			}
			return out
		},
		VJPMulti: func(ys, dys []*Node) []*Node {
			for i, dy := range dys {
				if dy == nil {
					dys[i] = ZerosLike(ys[i])
				}
			}
			return []*Node{Concatenate(dys, ys[0].Input(0).Attrs().(ir.SplitAttrs).Axis)}
		},
	})
}
