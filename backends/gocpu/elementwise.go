package gocpu

import (
	"math"

	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/internal/elementary"
)

// Elementwise rows without attributes have loops by op and dtype, which package kernels holds.
func init() {
	for _, op := range ir.Ops() {
		if !op.Elementwise || op.Attrs != nil {
			continue
		}
		switch len(op.Samples[0].In) {
		case 1:
			lowerings[op] = func(k *call) kernels.Func { return unary(op, k) }
		case 2:
			lowerings[op] = func(k *call) kernels.Func { return binary(op, k) }
		}
	}
	lowerings[ops.Where] = where
	lowerings[ops.Clamp] = clamp
	lowerings[ops.ConvertDType] = convert
	lowerings[ops.Bitcast] = bitcast
}

func unary(op *ir.Op, k *call) kernels.Func {
	choose := ladder[k.in[0].DType].unary
	if choose == nil {
		return nil
	}
	l, ok := choose(op)
	if !ok {
		return nil
	}
	k.inPlace = []int{0}
	return kernels.Unary(l, k.out[0].Size())
}

func binary(op *ir.Op, k *call) kernels.Func {
	choose := ladder[k.in[0].DType].binary
	if choose == nil {
		return nil
	}
	l, ok := choose(op)
	if !ok {
		return nil
	}
	k.inPlace = []int{0, 1}
	f, scratch := kernels.Binary(l, k.out[0].Dimensions, k.in[0].Dimensions, k.in[1].Dimensions)
	k.scratch = scratch
	return f
}

var comparisons = map[*ir.Op]kernels.Comparison{
	ops.Equal: kernels.Equal, ops.NotEqual: kernels.NotEqual, ops.GreaterThan: kernels.Greater,
	ops.GreaterOrEqual: kernels.GreaterEqual, ops.LessThan: kernels.Less, ops.LessOrEqual: kernels.LessEqual,
}

var bitOps = map[*ir.Op]kernels.Bits{
	ops.LogicalAnd: kernels.And, ops.LogicalOr: kernels.Or, ops.LogicalXor: kernels.Xor,
	ops.BitwiseAnd: kernels.And, ops.BitwiseOr: kernels.Or, ops.BitwiseXor: kernels.Xor, ops.BitwiseShiftLeft: kernels.ShiftLeft,
	ops.BitwiseShiftRightArithmetic: kernels.ShiftRightArithmetic, ops.BitwiseShiftRightLogical: kernels.ShiftRightLogical,
}

func boolLoop(op *ir.Op) (kernels.Loop2, bool) {
	if c, ok := comparisons[op]; ok {
		return kernels.CompareOf[uint8](c), true
	}
	bits, ok := bitOps[op]
	return kernels.BoolsOf(bits), ok
}

// realLoop returns the loops that integers and floats share.
func realLoop[T kernels.Real](op *ir.Op) (kernels.Loop2, bool) {
	switch op {
	case ops.Add:
		return kernels.AddOf[T](), true
	case ops.Sub:
		return kernels.SubOf[T](), true
	case ops.Mul:
		return kernels.MulOf[T](), true
	case ops.Max:
		return kernels.MaxOf[T](), true
	case ops.Min:
		return kernels.MinOf[T](), true
	}
	c, ok := comparisons[op]
	return kernels.CompareOf[T](c), ok
}

func intLoop[T kernels.Integer, S kernels.Signed, U kernels.Unsigned](op *ir.Op) (kernels.Loop2, bool) {
	switch op {
	case ops.Div:
		return kernels.DivIntOf[T](), true
	case ops.Rem:
		return kernels.RemIntOf[T](), true
	case ops.Pow:
		return kernels.PowIntOf[T](), true
	case ops.MulHi:
		return kernels.MulHiOf[T](), true
	}
	if bits, ok := bitOps[op]; ok {
		return kernels.BitsOf[T, S, U](bits), true
	}
	return realLoop[T](op)
}

// functions2 are the functions of two floats that are computed in float64.
var functions2 = map[*ir.Op]func(x, y float64) float64{
	ops.Rem: math.Mod, ops.Pow: elementary.Pow, ops.Atan2: elementary.Atan2, ops.LogAddExp: elementary.LogAddExp, ops.Hypot: elementary.Hypot,
	ops.Add: func(x, y float64) float64 { return x + y }, ops.Sub: func(x, y float64) float64 { return x - y },
	ops.Mul: func(x, y float64) float64 { return x * y }, ops.Div: func(x, y float64) float64 { return x / y },
	ops.Max: func(x, y float64) float64 { return max(x, y) }, ops.Min: func(x, y float64) float64 { return min(x, y) },
}

func floatLoop[T kernels.Float](op *ir.Op) (kernels.Loop2, bool) {
	switch op {
	case ops.Div:
		return kernels.DivOf[T](), true
	case ops.NextAfter:
		return kernels.NextAfterOf[T](), true
	}
	if l, ok := realLoop[T](op); ok {
		return l, true
	}
	f, ok := functions2[op]
	if _, narrow := any(*new(T)).(float32); narrow && op == ops.LogAddExp {
		f = kernels.LogAddExp
	}
	return kernels.Func2Of[T](f), ok
}

func halfLoop[H kernels.Half](op *ir.Op) (kernels.Loop2, bool) {
	if c, ok := comparisons[op]; ok {
		return kernels.CompareHalfOf[H](c), true
	}
	if op == ops.NextAfter {
		return kernels.NextAfterHalfOf[H](), true
	}
	f, ok := functions2[op]
	if op == ops.LogAddExp {
		f = kernels.LogAddExp
	}
	return kernels.Half2Of[H](f), ok
}

func complexLoop[T kernels.Complex, R kernels.Float](op *ir.Op) (kernels.Loop2, bool) {
	switch op {
	case ops.Add:
		return kernels.AddOf[T](), true
	case ops.Sub:
		return kernels.SubOf[T](), true
	case ops.Mul:
		return kernels.MulComplexOf[T, R](), true
	case ops.Div:
		return kernels.DivComplexOf[T](), true
	case ops.Equal:
		return kernels.EqualOf[T](kernels.Equal), true
	case ops.NotEqual:
		return kernels.EqualOf[T](kernels.NotEqual), true
	}
	return kernels.Loop2{}, false
}

func where(k *call) kernels.Func {
	var l kernels.Loop3
	switch k.out[0].DType.Size() {
	case 1:
		l = kernels.WhereOf[uint8]()
	case 2:
		l = kernels.WhereOf[uint16]()
	case 4:
		l = kernels.WhereOf[uint32]()
	case 8:
		l = kernels.WhereOf[uint64]()
	default:
		l = kernels.WhereOf[complex128]()
	}
	k.inPlace = []int{1, 2}
	if n := k.out[0].Size(); k.in[0].Size() == 1 && k.in[1].Size() == n && k.in[2].Size() == n {
		return kernels.Choose
	}
	return kernels.Ternary(l, k.out[0].Dimensions, k.in[0].Dimensions, k.in[1].Dimensions, k.in[2].Dimensions)
}

func clamp(k *call) kernels.Func {
	loop := ladder[k.out[0].DType].clamp
	if loop == nil {
		return nil
	}
	k.inPlace = []int{1}
	return kernels.Ternary(loop(), k.out[0].Dimensions, k.in[0].Dimensions, k.in[1].Dimensions, k.in[2].Dimensions)
}

func convert(k *call) kernels.Func {
	from, to := k.in[0].DType, k.attrs.(ir.DTypeAttrs).DType
	if from == to {
		return viewOf(k)
	}
	l, ok := kernels.ConvertOf(from, to)
	if !ok {
		return nil
	}
	k.inPlace = []int{0}
	return kernels.Unary(l, k.out[0].Size())
}

// bitcast is a copy: memory has one dtype, by which groups load from it.
func bitcast(*call) kernels.Func { return kernels.Copy }
