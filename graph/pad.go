package graph

import (
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Pad returns x with fillValue, a scalar of its dtype, put around and between its elements, by axis from
// the first on; axes without a PadAxis stay as they are. An axis of n elements becomes one of
//
//	Start + n + (n-1)·Interior + End
//
// Negative Start and End crop, after the interior was filled. Names stay. It panics with [Error] if
// Interior is negative or more is cropped than there is.
func Pad(x *Node, fillValue *Node, axesConfig ...ir.PadAxis) *Node {
	need("Pad", x, fillValue)
	if len(axesConfig) > x.Rank() {
		x.graph.fail("Pad", []shapes.Shape{x.Shape()}, fmt.Errorf("paddings for %d axes, it has %d", len(axesConfig), x.Rank()))
	}
	axes := make([]ir.PadAxis, x.Rank())
	copy(axes, axesConfig)
	return Apply(pad, ir.PadAttrs{Axes: axes}, x, fillValue)
}

// GrowLeft returns x with n elements of fillValue, which its dtype must hold, put before an axis.
func GrowLeft(x *Node, axis int, n int, fillValue float64) *Node {
	return grow(x, adjust1("GrowLeft", x, axis), ir.PadAxis{Start: n}, scalarLike("GrowLeft", x, fillValue))
}

// GrowRight returns x with n elements of fillValue, which its dtype must hold, put after an axis.
func GrowRight(x *Node, axis int, n int, fillValue float64) *Node {
	return grow(x, adjust1("GrowRight", x, axis), ir.PadAxis{End: n}, scalarLike("GrowRight", x, fillValue))
}

func grow(x *Node, axis int, by ir.PadAxis, fill *Node) *Node {
	axes := make([]ir.PadAxis, x.Rank())
	axes[axis] = by
	return Pad(x, fill, axes...)
}

// ShiftDirection is where [Shift] moves elements.
type ShiftDirection bool

// The two directions: towards lower or towards higher indices.
const (
	ShiftDirLeft  ShiftDirection = false
	ShiftDirRight ShiftDirection = true
)

// String returns "Left" or "Right".
func (s ShiftDirection) String() string {
	if s == ShiftDirRight {
		return "Right"
	}
	return "Left"
}

// Shift returns x moved by n places along an axis. What leaves is lost, and the places that become free
// repeat the element at the edge. It panics with [Error] if n is negative or larger than the axis.
func Shift(x *Node, axis int, shiftDir ShiftDirection, n int) *Node {
	a := checkShift("Shift", x, axis, n)
	if n == 0 {
		return x
	}
	edge := 0
	if shiftDir == ShiftDirLeft {
		edge = x.Dim(a) - 1
	}
	return ShiftWithValue(x, a, shiftDir, n, sliceAlong(x, a, edge, edge+1))
}

// ShiftWithValue is [Shift] with value, a scalar or what can be broadcast to them, for the places that
// become free.
func ShiftWithValue(x *Node, axis int, shiftDir ShiftDirection, n int, value *Node) *Node {
	a := checkShift("ShiftWithValue", x, axis, n)
	dims := slices.Clone(x.Shape().Dimensions)
	dims[a] = n
	fill := BroadcastToDims(value, dims...)
	if shiftDir == ShiftDirLeft {
		return Concatenate([]*Node{sliceAlong(x, a, n, x.Dim(a)), fill}, a)
	}
	return Concatenate([]*Node{fill, sliceAlong(x, a, 0, x.Dim(a)-n)}, a)
}

// ShiftWithScalar is [ShiftWithValue] with a number, which x's dtype must hold.
func ShiftWithScalar(x *Node, axis int, shiftDir ShiftDirection, n int, fill float64) *Node {
	return ShiftWithValue(x, axis, shiftDir, n, scalarLike("ShiftWithScalar", x, fill))
}

// ShiftLeft moves x along its last axis by n places to lower indices and fills with fill.
func ShiftLeft(x *Node, n int, fill float64) *Node {
	return ShiftWithScalar(x, -1, ShiftDirLeft, n, fill)
}

// ShiftRight moves x along its last axis by n places to higher indices and fills with fill.
func ShiftRight(x *Node, n int, fill float64) *Node {
	return ShiftWithScalar(x, -1, ShiftDirRight, n, fill)
}

func checkShift(op string, x *Node, axis, n int) int {
	a := adjust1(op, x, axis)
	if n < 0 || n > x.Dim(a) {
		x.graph.fail(op, []shapes.Shape{x.Shape()}, fmt.Errorf("axis %d of size %d cannot be shifted by %d places", a, x.Dim(a), n))
	}
	return a
}

var pad *ir.Op

func padRule(attrs any, in []shapes.Shape) (shapes.Shape, error) {
	axes := attrs.(ir.PadAttrs).Axes
	if err := sameDType(in); err != nil {
		return shapes.Shape{}, err
	}
	if err := wantRank("the fill value", in[1], 0); err != nil {
		return shapes.Shape{}, err
	}
	if len(axes) != in[0].Rank() {
		return shapes.Shape{}, fmt.Errorf("paddings for %d axes, it has %d", len(axes), in[0].Rank())
	}
	dims := make([]int, len(axes))
	for i, p := range axes {
		n := in[0].Dimensions[i]
		dims[i] = p.Start + n + max(0, n-1)*p.Interior + p.End
		if p.Interior < 0 || dims[i] < 0 || tooFar(p.Start, p.End, p.Interior) {
			return shapes.Shape{}, fmt.Errorf("axis %d of size %d cannot be padded by %d before, %d after and %d between", i, n, p.Start, p.End, p.Interior)
		}
	}
	return withDims(in[0], dims), nil
}

// batchPad puts a fill value for each example where a pad of the places that are x says.
func batchPad(attrs any, in []*Node, batched []bool) []*Node {
	x, fill := in[0], in[1]
	if !batched[0] {
		x = BroadcastPrefix(x, fill.Dim(0))
	}
	moved, _ := behindBatch(pad, attrs, x.Shape())
	if !batched[1] {
		return []*Node{Apply(pad, moved, x, fill)}
	}
	y := Apply(pad, moved, x, ScalarZero(x.graph, x.DType()))
	yes, no := Const(x.graph, true), Const(x.graph, false)
	isX := Apply(pad, ir.PadAttrs{Axes: attrs.(ir.PadAttrs).Axes}, BroadcastToDims(yes, x.Shape().Dimensions[1:]...), no)
	return []*Node{Where(isX, y, alignedTo(fill, y.Rank()-1))}
}

// unpad takes out of y, in a padded shape, what axes put x's elements at; cropped ones are zero.
func unpad(y *Node, axes []ir.PadAxis, x shapes.Shape) *Node {
	crop, s := make([]ir.PadAxis, len(axes)), ir.SliceAttrs{Start: make([]int, len(axes)), Limit: make([]int, len(axes)), Stride: make([]int, len(axes))}
	for i, p := range axes {
		n := x.Dimensions[i]
		crop[i] = ir.PadAxis{Start: -p.Start, End: -p.End}
		s.Limit[i], s.Stride[i] = max(0, n+(n-1)*p.Interior), p.Interior+1
	}
	return Apply(slice, s, Pad(y, ScalarZero(y.graph, y.DType()), crop...))
}

func init() {
	pad = Define(ir.Op{
		Name: "Pad", Family: "shape", Simplify: simplerPad, Doc: "x with the scalar y around and between its elements", DTypes: dtypes.Any, Attrs: ir.PadAttrs{}, HLO: "stablehlo.pad",
		Infer: padRule,
		Ref: func(attrs any, out, in []*tensors.Tensor) {
			axes := attrs.(ir.PadAttrs).Axes
			for i := range out[0].Size() {
				copyElement(out[0], i, in[1], 0)
			}
			dims, strides, index := out[0].Shape().Dimensions, out[0].Shape().Strides(), make([]int, len(axes))
			for j := range in[0].Size() {
				unravel(j, in[0].Shape().Dimensions, index)
				inside := true
				for a, p := range axes {
					index[a] = p.Start + index[a]*(p.Interior+1)
					inside = inside && index[a] >= 0 && index[a] < dims[a]
				}
				if inside {
					copyElement(out[0], ravel(index, strides), in[0], j)
				}
			}
		},
		Samples: []ir.Sample{
			{In: []ir.Input{ir.Ramp(3), ir.ScalarValue(0.5)}, Attrs: ir.PadAttrs{Axes: []ir.PadAxis{{Start: 1, End: 2, Interior: 0}}}},
			{Name: "interior", In: []ir.Input{ir.Array([]int{3}, 1, 2, 3), ir.ScalarValue(9)}, Attrs: ir.PadAttrs{Axes: []ir.PadAxis{{Start: 0, End: 1, Interior: 2}}}, DTypes: dtypes.Reals, Want: []float64{1, 9, 9, 2, 9, 9, 3, 9}},
			{Name: "two axes", In: []ir.Input{ir.Ramp(2, 3), ir.ScalarValue(0.5)}, Attrs: ir.PadAttrs{Axes: []ir.PadAxis{{Start: 1, End: 0, Interior: 1}, {Start: 0, End: 2, Interior: 0}}}},
			{Name: "crop", In: []ir.Input{ir.Ramp(4, 3), ir.ScalarValue(0.5)}, Attrs: ir.PadAttrs{Axes: []ir.PadAxis{{Start: -1, End: -1, Interior: 0}, {Start: 1, End: -2, Interior: 0}}}},
			{Name: "crop with interior", In: []ir.Input{ir.Ramp(5), ir.ScalarValue(0.5)}, Attrs: ir.PadAttrs{Axes: []ir.PadAxis{{Start: -2, End: -1, Interior: 1}}}},
			{Name: "none", In: []ir.Input{ir.ScalarValue(1.5), ir.ScalarValue(0.5)}, Attrs: ir.PadAttrs{Axes: nil}},
			{Name: "empty", In: []ir.Input{ir.Ramp(0, 2), ir.ScalarValue(0.5)}, Attrs: ir.PadAttrs{Axes: []ir.PadAxis{{Start: 1, End: 1, Interior: 1}, {Start: 0, End: 0, Interior: 0}}}},
		},
	}, Rule{
		JVPMulti: linear,
		Batch:    batchPad,
		VJP: func(y, dy *Node) []*Node {
			x, axes := y.Input(0), y.Attrs().(ir.PadAttrs).Axes
			g, d := dy.graph, dy.DType()
			isFill := Pad(Zeros(g, x.Shape()), ScalarOne(g, d), axes...)
			return []*Node{unpad(dy, axes, x.Shape()), ReduceSum(Mul(dy, isFill))}
		},
	})
}
