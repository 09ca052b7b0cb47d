package graph

import (
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Reshape returns x's elements, in row-major order, with other dimensions. One of them may be -1: it
// follows from the others. The names of the axes are lost.
func Reshape(x *Node, dimensions ...int) *Node {
	need("Reshape", x)
	dims := slices.Clone(dimensions)
	if i := slices.Index(dims, -1); i >= 0 {
		n := 1
		for k, d := range dims {
			if k != i {
				n *= d
			}
		}
		if n <= 0 || x.Shape().Size()%n != 0 {
			x.graph.fail("Reshape", []shapes.Shape{x.Shape()}, fmt.Errorf("%d elements cannot be dealt over %v", x.Shape().Size(), dimensions))
		}
		dims[i] = x.Shape().Size() / n
	}
	return Apply(reshape, ir.ShapeAttrs{Dims: dims}, x)
}

// ReshapeWithShape is [Reshape] to the dimensions and axis names of shape. The dtype stays x's.
func ReshapeWithShape(x *Node, shape shapes.Shape) *Node {
	return nameLike(Reshape(x, shape.Dimensions...), shape)
}

// BroadcastToDims returns x repeated to the given dimensions, by NumPy's rule: lined up at the last axis,
// an axis of 1 (or a missing one) is repeated.
func BroadcastToDims(x *Node, dimensions ...int) *Node {
	return Apply(broadcastTo, ir.ShapeAttrs{Dims: slices.Clone(dimensions)}, x)
}

// BroadcastToShape returns x repeated to the dimensions of shape, as [BroadcastToDims] does. The dtype of
// the result is x's.
func BroadcastToShape(x *Node, shape shapes.Shape) *Node {
	y := BroadcastToDims(x, shape.Dimensions...)
	if shape.HasNames() && !y.Shape().HasNames() {
		y = y.WithAxisNames(shape.AxisNames...)
	}
	return y
}

var reshape, broadcastTo *ir.Op

func init() {
	reshape = Define(ir.Op{
		Name: "Reshape", Family: "shape", Layout: ir.View, Simplify: firstOf(simplerReshape, crossedReshape), Doc: "x's elements in row-major order under other dimensions", DTypes: dtypes.Any | dtypes.Storage, Attrs: ir.ShapeAttrs{}, HLO: "stablehlo.reshape",
		Infer: func(attrs any, in []shapes.Shape) (shapes.Shape, error) {
			s := shapes.Make(in[0].DType, attrs.(ir.ShapeAttrs).Dims...)
			if err := s.Check(); err != nil {
				return s, err
			}
			if s.Size() != in[0].Size() {
				return s, fmt.Errorf("%d elements do not fill %v, which has %d", in[0].Size(), s.Dimensions, s.Size())
			}
			if slices.Equal(s.Dimensions, in[0].Dimensions) {
				return in[0], nil
			}
			return s, nil
		},
		Ref:     copyRef,
		Samples: []ir.Sample{{In: []ir.Input{ir.Ramp(2, 6)}, Attrs: ir.ShapeAttrs{Dims: []int{3, 4}}}, {Name: "scalar", In: []ir.Input{ir.Ramp(1, 1)}, Attrs: ir.ShapeAttrs{Dims: nil}}, {Name: "empty", In: []ir.Input{ir.Ramp(0, 3)}, Attrs: ir.ShapeAttrs{Dims: []int{2, 0}}}},
	}, Rule{
		VJP: func(y, dy *Node) []*Node { return []*Node{Reshape(dy, y.Input(0).Shape().Dimensions...)} },
	})
	broadcastTo = Define(ir.Op{
		Name: "Broadcast", Family: "shape", Layout: ir.Repetition, Simplify: simplerBroadcast, Doc: "x repeated along axes of size 1 and new leading ones", DTypes: dtypes.Any | dtypes.Storage, Attrs: ir.ShapeAttrs{}, HLO: "stablehlo.broadcast_in_dim",
		Infer: func(attrs any, in []shapes.Shape) (shapes.Shape, error) {
			s := shapes.Make(in[0].DType, attrs.(ir.ShapeAttrs).Dims...)
			if err := in[0].BroadcastableTo(s.Dimensions...); err != nil {
				return s, err
			}
			names := make([]string, s.Rank())
			for i := range in[0].Rank() {
				names[s.Rank()-1-i] = in[0].Name(in[0].Rank() - 1 - i)
			}
			return s.WithAxisNames(names...), nil
		},
		Ref: moveRef(func(_ any, out, in []*tensors.Tensor) func(int) int {
			return broadcastIndex(out[0].Shape(), in[0].Shape())
		}),
		Samples: []ir.Sample{
			{In: []ir.Input{ir.Ramp(3)}, Attrs: ir.ShapeAttrs{Dims: []int{2, 3}}},
			{Name: "inner axis", In: []ir.Input{ir.Ramp(2, 1)}, Attrs: ir.ShapeAttrs{Dims: []int{4, 2, 3}}},
			{Name: "scalar", In: []ir.Input{ir.ScalarValue(1.5)}, Attrs: ir.ShapeAttrs{Dims: []int{5}}},
		},
	}, Rule{
		Batch: func(attrs any, in []*Node, _ []bool) []*Node {
			dims := attrs.(ir.ShapeAttrs).Dims
			x := alignedTo(in[0], len(dims))
			return []*Node{BroadcastToDims(x, append([]int{x.Dim(0)}, dims...)...)}
		},
		VJP: func(y, dy *Node) []*Node { return []*Node{unbroadcast(dy, y.Input(0))} },
	})
}
