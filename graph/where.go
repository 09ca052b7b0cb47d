package graph

import (
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Where returns onTrue where condition holds and onFalse elsewhere:
//
//	y = condition ? onTrue : onFalse
//
// condition holds bools; onTrue and onFalse have one dtype, which is the result's. All three are
// broadcast by NumPy's rule, so a condition that speaks of leading axes needs trailing axes of size 1. A
// value that is not chosen has no effect, NaN or not, and gets gradient 0.
func Where(condition, onTrue, onFalse *Node) *Node {
	return Apply(where, nil, condition, onTrue, onFalse)
}

// Clamp returns x limited to the range from min to max, element by element, with broadcasting:
//
//	y = min(max(x, min), max)
//
// All have the same dtype, integer or float. Where min > max the result is max. NaN in any operand gives
// NaN. The gradient goes to the operand that was chosen; at the ends of the range that is x.
func Clamp(min, x, max *Node) *Node { return Apply(clamp, nil, min, x, max) }

// Clip is [Clamp] with the arguments in another order: x limited to the range from min to max.
func Clip(x, min, max *Node) *Node { return Clamp(min, x, max) }

// ClipScalar is [Clip] with constants for the range. For an integer x, min and max must be whole.
func ClipScalar(x *Node, min, max float64) *Node {
	return Clamp(scalarLike("ClipScalar", x, min), x, scalarLike("ClipScalar", x, max))
}

var where, clamp *ir.Op

func whereRule(_ any, in []shapes.Shape) (shapes.Shape, error) {
	if in[0].DType != dtypes.Bool {
		return shapes.Shape{}, fmt.Errorf("the condition must hold bools, not %s", in[0].DType)
	}
	s, err := shapes.Broadcast(in[1], in[2])
	if err != nil {
		return s, err
	}
	y, err := shapes.BroadcastDims(s, in[0])
	if n := in[0].Rank(); err != nil && n < s.Rank() && slices.Equal(in[0].Dimensions, s.Dimensions[:n]) {
		err = fmt.Errorf("%w (a condition over leading axes needs trailing axes of size 1, see ExpandAxes)", err)
	}
	return y, err
}

// whereRef picks whole elements, whatever their dtype.
func whereRef(_ any, out, in []*tensors.Tensor) {
	var from [3]func(int) int
	for i, t := range in {
		from[i] = broadcastIndex(out[0].Shape(), t.Shape())
	}
	cond, size := tensors.Flat[bool](in[0]), out[0].DType().Size()
	dst := out[0].Storage().Bytes()
	for i := range out[0].Size() {
		k := 2
		if cond[from[0](i)] {
			k = 1
		}
		copy(dst[i*size:(i+1)*size], in[k].Storage().Bytes()[from[k](i)*size:])
	}
}

func clampRef[T float64 | int64 | uint64](_ any, out, in []*tensors.Tensor) {
	lo, x, hi := load[T](in[0]), load[T](in[1]), load[T](in[2])
	s := out[0].Shape()
	ilo, ix, ihi := broadcastIndex(s, in[0].Shape()), broadcastIndex(s, in[1].Shape()), broadcastIndex(s, in[2].Shape())
	v := make([]T, out[0].Size())
	for i := range v {
		v[i] = min(max(x[ix(i)], lo[ilo(i)]), hi[ihi(i)])
	}
	store(out[0], v)
}

func init() {
	cond := ir.Array([]int{2, 3}, 1, 0, 0, 1, 1, 0).As(dtypes.Bool)
	where = Define(ir.Op{
		Name: "Where", Family: "select", Elementwise: true, Simplify: simplerWhere, Cost: movesOnly, Doc: "y where x holds, else z", DTypes: dtypes.Any, Typed: 1, HLO: "stablehlo.select",
		Infer: whereRule, Ref: whereRef,
		Samples: []ir.Sample{
			{In: []ir.Input{cond, ir.Ramp(2, 3), ir.Ramp(2, 3).Plus(0.25)}},
			{Name: "scalar condition", In: []ir.Input{ir.ScalarValue(1).As(dtypes.Bool), ir.Ramp(2, 3), ir.Ramp(3)}},
			{Name: "column", In: []ir.Input{ir.Array([]int{2, 1}, 0, 1).As(dtypes.Bool), ir.Ramp(2, 3), ir.ScalarValue(1.5)}},
			{Name: "scalars", In: []ir.Input{cond, ir.ScalarValue(1.5), ir.ScalarValue(0)}},
			{Name: "wider condition", In: []ir.Input{cond, ir.Ramp(3), ir.Ramp(2, 1)}},
			{Name: "what is not chosen has no effect", DTypes: dtypes.Floats, Pole: true,
				In:   []ir.Input{ir.Values(1, 0, 1).As(dtypes.Bool), ir.Values(1, nan, -inf), ir.Values(inf, 2, nan)},
				Want: []float64{1, 2, -inf}},
			{Name: "empty", In: []ir.Input{ir.Ramp(0, 3).As(dtypes.Bool), ir.Ramp(0, 3), ir.Ramp(3)}},
		},
		Exact: "one of the operands",
	}, Rule{
		JVPMulti: linear,
		VJP: func(y, dy *Node) []*Node {
			c, a, b := y.Input(0), y.Input(1), y.Input(2)
			zero := ScalarZero(dy.graph, dy.DType())
			return []*Node{nil, unbroadcast(Where(c, dy, zero), a), unbroadcast(Where(c, zero, dy), b)}
		},
	})
	clamp = Define(ir.Op{
		Name: "Clamp", Family: "select", Elementwise: true, Doc: "min(max(y, x), z), with y the value and x and z the range", DTypes: dtypes.Reals, HLO: "stablehlo.clamp",
		Infer: broadcastRule,
		Ref:   byKind(0, clampRef[float64], clampRef[int64], clampRef[uint64], nil),
		Samples: []ir.Sample{
			{In: []ir.Input{ir.ScalarValue(-1), ir.Ramp(2, 5), ir.ScalarValue(1)}},
			{Name: "rows", In: []ir.Input{ir.Values(-2, -1, 0, 1), ir.Ramp(3, 4), ir.Values(0.5, 1.5, 0.25, 3)}},
			{Name: "at the ends", Kink: true, In: []ir.Input{ir.ScalarValue(-1), ir.Values(-1, 1, 0), ir.ScalarValue(1)}, DTypes: dtypes.Floats | dtypes.Signed, Want: []float64{-1, 1, 0}},
			{Name: "min above max gives max", In: []ir.Input{ir.ScalarValue(3), ir.Values(-4, 2, 5), ir.ScalarValue(1)}, Want: []float64{1, 1, 1}},
			{Name: "NaN and infinities", Pole: true, DTypes: dtypes.Floats, In: []ir.Input{ir.ScalarValue(-1), ir.Values(nan, inf, -inf), ir.ScalarValue(1)}, Want: []float64{nan, 1, -1}},
			{Name: "empty", In: []ir.Input{ir.ScalarValue(-1), ir.Ramp(0), ir.ScalarValue(1)}},
		},
		Exact: "one of the operands",
	}, Rule{
		VJP: func(y, dy *Node) []*Node {
			lo, x, hi := y.Input(0), y.Input(1), y.Input(2)
			zero := ScalarZero(dy.graph, dy.DType())
			above, below := GreaterThan(Max(x, lo), hi), LessThan(x, lo)
			rest := Where(above, zero, dy)
			return []*Node{unbroadcast(Where(below, rest, zero), lo), unbroadcast(Where(below, zero, rest), x), unbroadcast(Where(above, dy, zero), hi)}
		},
	})
}
