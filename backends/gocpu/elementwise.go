package gocpu

import (
	"math"

	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/dtypes/bfloat16"
	"github.com/quire-ml/quire/graph/dtypes/float16"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/internal/elementary"
)

func init() {
	for _, name := range []string{"Abs", "Neg", "Sign", "Exp", "Expm1", "Log", "Log1p", "Sqrt", "Rsqrt", "Square",
		"Reciprocal", "Sin", "Cos", "Tan", "Tanh", "Erf", "Floor", "Ceil", "Round", "IsNaN", "IsFinite", "Sigmoid",
		"Softplus", "Relu", "NormalCDF", "Gelu", "GeluApproximate", "Silu", "LogicalNot", "BitwiseNot", "Real", "Imag", "Conj"} {
		lowerings[name] = func(k *call) kernels.Func { return unary(name, k) }
	}
	for _, name := range []string{"Add", "Sub", "Mul", "Div", "Rem", "Pow", "Max", "Min", "Atan2", "LogAddExp",
		"Equal", "NotEqual", "GreaterThan", "GreaterOrEqual", "LessThan", "LessOrEqual",
		"LogicalAnd", "LogicalOr", "LogicalXor", "BitwiseAnd", "BitwiseOr", "BitwiseXor",
		"BitwiseShiftLeft", "BitwiseShiftRightArithmetic", "BitwiseShiftRightLogical", "Complex"} {
		elementwise[name] = true
		lowerings[name] = func(k *call) kernels.Func { return binary(name, k) }
	}
	elementwise["Where"], elementwise["Clamp"] = true, true
	lowerings["Where"] = where
	lowerings["Clamp"] = clamp
	lowerings["ConvertDType"] = convert
}

func unary(name string, k *call) kernels.Func {
	l, ok := unaryLoop(name, k.in[0].DType)
	if !ok {
		return nil
	}
	k.inPlace = []int{0}
	return kernels.Unary(l, k.out[0].Size())
}

func unaryLoop(name string, d dtypes.DType) (kernels.Loop1, bool) {
	switch d {
	case dtypes.Bool:
		return kernels.NotOf(), name == "LogicalNot"
	case dtypes.Int8:
		return kernels.IntOf[int8](name)
	case dtypes.Int16:
		return kernels.IntOf[int16](name)
	case dtypes.Int32:
		return kernels.IntOf[int32](name)
	case dtypes.Int64:
		return kernels.IntOf[int64](name)
	case dtypes.Uint8:
		return kernels.IntOf[uint8](name)
	case dtypes.Uint16:
		return kernels.IntOf[uint16](name)
	case dtypes.Uint32:
		return kernels.IntOf[uint32](name)
	case dtypes.Uint64:
		return kernels.IntOf[uint64](name)
	case dtypes.Float16:
		return kernels.HalfOf[float16.Float16](name)
	case dtypes.BFloat16:
		return kernels.HalfOf[bfloat16.BFloat16](name)
	case dtypes.Float32:
		return kernels.FloatOf[float32](name)
	case dtypes.Float64:
		return kernels.FloatOf[float64](name)
	case dtypes.Complex64:
		return kernels.ComplexOf[complex64, float32](name)
	case dtypes.Complex128:
		return kernels.ComplexOf[complex128, float64](name)
	}
	return kernels.Loop1{}, false
}

func binary(name string, k *call) kernels.Func {
	l, ok := binaryLoop(name, k.in[0].DType)
	if !ok {
		return nil
	}
	k.inPlace = []int{0, 1}
	f, scratch := kernels.Binary(l, k.out[0].Dimensions, k.in[0].Dimensions, k.in[1].Dimensions)
	k.scratch = scratch
	return f
}

func binaryLoop(name string, d dtypes.DType) (kernels.Loop2, bool) {
	switch d {
	case dtypes.Bool:
		return boolLoop(name)
	case dtypes.Int8:
		return intLoop[int8, int8, uint8](name)
	case dtypes.Int16:
		return intLoop[int16, int16, uint16](name)
	case dtypes.Int32:
		return intLoop[int32, int32, uint32](name)
	case dtypes.Int64:
		return intLoop[int64, int64, uint64](name)
	case dtypes.Uint8:
		return intLoop[uint8, int8, uint8](name)
	case dtypes.Uint16:
		return intLoop[uint16, int16, uint16](name)
	case dtypes.Uint32:
		return intLoop[uint32, int32, uint32](name)
	case dtypes.Uint64:
		return intLoop[uint64, int64, uint64](name)
	case dtypes.Float16:
		return halfLoop[float16.Float16](name)
	case dtypes.BFloat16:
		return halfLoop[bfloat16.BFloat16](name)
	case dtypes.Float32:
		if name == "Complex" {
			return kernels.MakeComplexOf[complex64, float32](), true
		}
		return floatLoop[float32](name)
	case dtypes.Float64:
		if name == "Complex" {
			return kernels.MakeComplexOf[complex128, float64](), true
		}
		return floatLoop[float64](name)
	case dtypes.Complex64:
		return complexLoop[complex64, float32](name)
	case dtypes.Complex128:
		return complexLoop[complex128, float64](name)
	}
	return kernels.Loop2{}, false
}

var comparisons = map[string]kernels.Comparison{
	"Equal": kernels.Equal, "NotEqual": kernels.NotEqual, "GreaterThan": kernels.Greater,
	"GreaterOrEqual": kernels.GreaterEqual, "LessThan": kernels.Less, "LessOrEqual": kernels.LessEqual,
}

var bitOps = map[string]kernels.Bits{
	"LogicalAnd": kernels.And, "LogicalOr": kernels.Or, "LogicalXor": kernels.Xor,
	"BitwiseAnd": kernels.And, "BitwiseOr": kernels.Or, "BitwiseXor": kernels.Xor, "BitwiseShiftLeft": kernels.ShiftLeft,
	"BitwiseShiftRightArithmetic": kernels.ShiftRightArithmetic, "BitwiseShiftRightLogical": kernels.ShiftRightLogical,
}

func boolLoop(name string) (kernels.Loop2, bool) {
	if c, ok := comparisons[name]; ok {
		return kernels.CompareOf[uint8](c), true
	}
	op, ok := bitOps[name]
	return kernels.BoolsOf(op), ok
}

// realLoop returns the loops that integers and floats share.
func realLoop[T kernels.Real](name string) (kernels.Loop2, bool) {
	switch name {
	case "Add":
		return kernels.AddOf[T](), true
	case "Sub":
		return kernels.SubOf[T](), true
	case "Mul":
		return kernels.MulOf[T](), true
	case "Max":
		return kernels.MaxOf[T](), true
	case "Min":
		return kernels.MinOf[T](), true
	}
	c, ok := comparisons[name]
	return kernels.CompareOf[T](c), ok
}

func intLoop[T kernels.Integer, S kernels.Signed, U kernels.Unsigned](name string) (kernels.Loop2, bool) {
	switch name {
	case "Div":
		return kernels.DivIntOf[T](), true
	case "Rem":
		return kernels.RemIntOf[T](), true
	case "Pow":
		return kernels.PowIntOf[T](), true
	}
	if op, ok := bitOps[name]; ok {
		return kernels.BitsOf[T, S, U](op), true
	}
	return realLoop[T](name)
}

// functions2 are the functions of two floats that are computed in float64.
var functions2 = map[string]func(x, y float64) float64{
	"Rem": math.Mod, "Pow": elementary.Pow, "Atan2": elementary.Atan2, "LogAddExp": elementary.LogAddExp,
	"Add": func(x, y float64) float64 { return x + y }, "Sub": func(x, y float64) float64 { return x - y },
	"Mul": func(x, y float64) float64 { return x * y }, "Div": func(x, y float64) float64 { return x / y },
	"Max": func(x, y float64) float64 { return max(x, y) }, "Min": func(x, y float64) float64 { return min(x, y) },
}

func floatLoop[T kernels.Float](name string) (kernels.Loop2, bool) {
	if name == "Div" {
		return kernels.DivOf[T](), true
	}
	if l, ok := realLoop[T](name); ok {
		return l, true
	}
	f, ok := functions2[name]
	if _, narrow := any(*new(T)).(float32); narrow && name == "LogAddExp" {
		f = kernels.LogAddExp
	}
	return kernels.Func2Of[T](f), ok
}

func halfLoop[H kernels.Half](name string) (kernels.Loop2, bool) {
	if c, ok := comparisons[name]; ok {
		return kernels.CompareHalfOf[H](c), true
	}
	f, ok := functions2[name]
	if name == "LogAddExp" {
		f = kernels.LogAddExp
	}
	return kernels.Half2Of[H](f), ok
}

func complexLoop[T kernels.Complex, R kernels.Float](name string) (kernels.Loop2, bool) {
	switch name {
	case "Add":
		return kernels.AddOf[T](), true
	case "Sub":
		return kernels.SubOf[T](), true
	case "Mul":
		return kernels.MulComplexOf[T, R](), true
	case "Div":
		return kernels.DivComplexOf[T](), true
	case "Equal":
		return kernels.EqualOf[T](kernels.Equal), true
	case "NotEqual":
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
	return kernels.Ternary(l, k.out[0].Dimensions, k.in[0].Dimensions, k.in[1].Dimensions, k.in[2].Dimensions)
}

func clamp(k *call) kernels.Func {
	var l kernels.Loop3
	switch k.out[0].DType {
	case dtypes.Int8:
		l = kernels.ClampOf[int8]()
	case dtypes.Int16:
		l = kernels.ClampOf[int16]()
	case dtypes.Int32:
		l = kernels.ClampOf[int32]()
	case dtypes.Int64:
		l = kernels.ClampOf[int64]()
	case dtypes.Uint8:
		l = kernels.ClampOf[uint8]()
	case dtypes.Uint16:
		l = kernels.ClampOf[uint16]()
	case dtypes.Uint32:
		l = kernels.ClampOf[uint32]()
	case dtypes.Uint64:
		l = kernels.ClampOf[uint64]()
	case dtypes.Float32:
		l = kernels.ClampOf[float32]()
	case dtypes.Float64:
		l = kernels.ClampOf[float64]()
	default:
		return nil
	}
	k.inPlace = []int{1}
	return kernels.Ternary(l, k.out[0].Dimensions, k.in[0].Dimensions, k.in[1].Dimensions, k.in[2].Dimensions)
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
