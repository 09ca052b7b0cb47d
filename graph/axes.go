package graph

import (
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// ExpandAxes returns x with new axes of size 1. newAxes are their positions in the result, whose rank is
// x's plus their number; negative ones count from the result's end. The other axes keep their names.
// It panics with [Error] if a position is out of range or given twice.
func ExpandAxes(x *Node, newAxes ...int) *Node {
	need("ExpandAxes", x)
	if len(newAxes) == 0 {
		return x
	}
	axes, err := shapes.AdjustAxes(newAxes, x.Rank()+len(newAxes))
	if err != nil {
		x.graph.fail("ExpandAxes", []shapes.Shape{x.Shape()}, fmt.Errorf("the result has %d axes: %w", x.Rank()+len(newAxes), err))
	}
	return Apply(expandAxes, ir.AxesAttrs{Axes: axes}, x)
}

// InsertAxes returns x with a new axis of size 1 before each of the given axes of x; an axis may come
// several times, and -1 (or x's rank) is the place after the last one. It panics with [Error] if an axis
// is out of range.
func InsertAxes(x *Node, beforeAxes ...int) *Node {
	need("InsertAxes", x)
	axes := slices.Clone(beforeAxes)
	for i, a := range axes {
		if a < 0 {
			a += x.Rank() + 1
		}
		if a < 0 || a > x.Rank() {
			x.graph.fail("InsertAxes", []shapes.Shape{x.Shape()}, fmt.Errorf("axis %d is out of range: places are %d to %d", beforeAxes[i], -x.Rank()-1, x.Rank()))
		}
		axes[i] = a
	}
	slices.Sort(axes)
	for i := range axes {
		axes[i] += i // those inserted before
	}
	return ExpandAxes(x, axes...)
}

// maxRank bounds the number of axes that is given as a number. What has more was meant to be a size.
const maxRank = 1 << 10

// ExpandLeftToRank returns x with axes of size 1 put before the others, so that it has newRank axes. It
// panics with [Error] if x has more.
func ExpandLeftToRank(x *Node, newRank int) *Node {
	need("ExpandLeftToRank", x)
	if newRank < x.Rank() {
		x.graph.fail("ExpandLeftToRank", []shapes.Shape{x.Shape()}, fmt.Errorf("it has more than %d axes", newRank))
	}
	if newRank > maxRank {
		x.graph.fail("ExpandLeftToRank", []shapes.Shape{x.Shape()}, fmt.Errorf("%d axes are more than the %d that a tensor can have in reason", newRank, maxRank))
	}
	return ExpandAxes(x, axesFrom(0, newRank-x.Rank())...)
}

// Squeeze returns x without the given axes, which must be of size 1; without all axes of size 1 if none
// are given. The others keep their names. It panics with [Error] if an axis is not of size 1.
func Squeeze(x *Node, axes ...int) *Node {
	need("Squeeze", x)
	if len(axes) == 0 {
		for a, d := range x.Shape().Dimensions {
			if d == 1 {
				axes = append(axes, a)
			}
		}
		if len(axes) == 0 {
			return x
		}
	}
	return Apply(squeeze, ir.AxesAttrs{Axes: adjust("Squeeze", x, axes)}, x)
}

// ExpandAndBroadcast returns x with new axes and repeated along them: newDimensions are those of the
// result, and expandedAxes the axes of the result that x does not have. The other dimensions must be
// x's, or x's must be 1.
//
// It panics with [Error] if x's axes and expandedAxes do not make up newDimensions.
func ExpandAndBroadcast(x *Node, newDimensions []int, expandedAxes []int) *Node {
	need("ExpandAndBroadcast", x)
	if x.Rank()+len(expandedAxes) != len(newDimensions) {
		x.graph.fail("ExpandAndBroadcast", []shapes.Shape{x.Shape()}, fmt.Errorf("%d axes and %d new ones do not make the %d of %v", x.Rank(), len(expandedAxes), len(newDimensions), newDimensions))
	}
	return BroadcastToDims(ExpandAxes(x, expandedAxes...), newDimensions...)
}

// BroadcastPrefix returns x repeated along new leading axes of the given sizes.
func BroadcastPrefix(x *Node, prefixDims ...int) *Node {
	need("BroadcastPrefix", x)
	return BroadcastToDims(x, append(slices.Clone(prefixDims), x.Shape().Dimensions...)...)
}

var expandAxes, squeeze *ir.Op

func init() {
	reshaped := func(rule func(any, []shapes.Shape) (shapes.Shape, error)) func(any, []*Node) []*Node {
		return func(attrs any, in []*Node) []*Node {
			s, _ := rule(attrs, []shapes.Shape{in[0].Shape()})
			return []*Node{Reshape(in[0], s.Dimensions...)}
		}
	}
	expandRule := func(attrs any, in []shapes.Shape) (shapes.Shape, error) {
		axes := attrs.(ir.AxesAttrs).Axes
		from := axesFrom(0, in[0].Rank())
		if err := checkAxes("new axes", axes, len(from)+len(axes)); err != nil {
			return shapes.Shape{}, err
		}
		for _, a := range axes {
			from = slices.Insert(from, a, -1)
		}
		return pick(in[0], from), nil
	}
	squeezeRule := func(attrs any, in []shapes.Shape) (shapes.Shape, error) {
		axes := attrs.(ir.AxesAttrs).Axes
		if err := checkAxes("axes", axes, in[0].Rank()); err != nil {
			return shapes.Shape{}, err
		}
		for _, a := range axes {
			if d := in[0].Dimensions[a]; d != 1 {
				return shapes.Shape{}, fmt.Errorf("axis %d has size %d, not 1", a, d)
			}
		}
		return in[0].Without(axes, false), nil
	}
	expandAxes = Define(ir.Op{
		Name: "ExpandAxes", Family: "shape", Layout: ir.View, Simplify: crossedReshape, Doc: "x with new axes of size 1", DTypes: dtypes.Any | dtypes.Storage, Attrs: ir.AxesAttrs{}, HLO: "stablehlo.reshape",
		Infer: expandRule, Ref: copyRef,
		Samples: []ir.Sample{
			{Name: "front", In: []ir.Input{ir.Ramp(2, 3)}, Attrs: ir.AxesAttrs{Axes: []int{0}}},
			{Name: "middle and end", In: []ir.Input{ir.Ramp(2, 3)}, Attrs: ir.AxesAttrs{Axes: []int{1, 3}}},
			{Name: "scalar", In: []ir.Input{ir.ScalarValue(1.5)}, Attrs: ir.AxesAttrs{Axes: []int{0, 1}}},
			{Name: "empty", In: []ir.Input{ir.Ramp(0, 2)}, Attrs: ir.AxesAttrs{Axes: []int{2}}},
		},
	}, Rule{
		Expand: reshaped(expandRule),
		VJP:    func(y, dy *Node) []*Node { return []*Node{Squeeze(dy, y.Attrs().(ir.AxesAttrs).Axes...)} },
	})
	squeeze = Define(ir.Op{
		Name: "Squeeze", Family: "shape", Layout: ir.View, Simplify: crossedReshape, Doc: "x without axes of size 1", DTypes: dtypes.Any | dtypes.Storage, Attrs: ir.AxesAttrs{}, HLO: "stablehlo.reshape",
		Infer: squeezeRule, Ref: copyRef,
		Samples: []ir.Sample{
			{In: []ir.Input{ir.Ramp(1, 3, 1)}, Attrs: ir.AxesAttrs{Axes: []int{0, 2}}},
			{Name: "one of two", In: []ir.Input{ir.Ramp(1, 3, 1)}, Attrs: ir.AxesAttrs{Axes: []int{2}}},
			{Name: "to a scalar", In: []ir.Input{ir.Ramp(1)}, Attrs: ir.AxesAttrs{Axes: []int{0}}},
		},
	}, Rule{
		Expand: reshaped(squeezeRule),
		VJP: func(y, dy *Node) []*Node {
			axes := y.Attrs().(ir.AxesAttrs).Axes
			return []*Node{nameLike(ExpandAxes(dy, axes...), y.Input(0).Shape())}
		},
	})
}

// nameLike returns x with the names of s, whose dimensions it has, and no others.
func nameLike(x *Node, s shapes.Shape) *Node {
	if slices.Equal(x.Shape().AxisNames, s.AxisNames) || !x.Shape().HasNames() && !s.HasNames() {
		return x
	}
	names := make([]string, s.Rank())
	copy(names, s.AxisNames)
	return x.WithAxisNames(names...)
}
