package gocpu

import (
	"math"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/dtypes/bfloat16"
	"github.com/quire-ml/quire/graph/dtypes/float16"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
)

// rung holds what computes in one dtype, nil or not ok where nothing does: the one place where loops are chosen by dtype,
// when a program is compiled. Rows that move elements go by their size instead.
type rung struct {
	unary        func(op *ir.Op) (kernels.Loop1, bool)
	binary       func(op *ir.Op) (kernels.Loop2, bool)
	clamp        func() kernels.Loop3
	reduce       func(op *ir.Op, k *call) kernels.Func
	window       func(k *call) kernels.Func
	cumSum       func(l kernels.Lanes, workers int) (kernels.Func, int)
	arg          func(k *call, smaller bool) kernels.Func
	scatterSum   func(k *call) kernels.Func
	scatterOrder func(k *call, larger bool) kernels.Func
	keys         kernels.Keys // what sorting compares
}

// ladder has a rung for every dtype that is computed in. Integers add alike with and without a sign.
var ladder = map[dtypes.DType]rung{
	dtypes.Bool: {
		unary:  func(op *ir.Op) (kernels.Loop1, bool) { return kernels.NotOf(), op == ops.LogicalNot },
		binary: boolLoop, reduce: reduceBool,
	},
	dtypes.Int8: intRung[int8, int8, uint8](), dtypes.Uint8: intRung[uint8, int8, uint8](),
	dtypes.Int16: intRung[int16, int16, uint16](), dtypes.Uint16: intRung[uint16, int16, uint16](),
	dtypes.Int32: intRung[int32, int32, uint32](), dtypes.Uint32: intRung[uint32, int32, uint32](),
	dtypes.Int64: intRung[int64, int64, uint64](), dtypes.Uint64: intRung[uint64, int64, uint64](),

	dtypes.Float16:  halfRung(float16.FromFloat64),
	dtypes.BFloat16: halfRung(bfloat16.FromFloat64),
	dtypes.Float32:  floatRung[float32, complex64](kernels.SumFloat32, kernels.CumSumFloat32(cpu.Use())),
	dtypes.Float64:  floatRung[float64, complex128](kernels.SumFloat64, kernels.CumSumFloat64),

	dtypes.Complex64:  complexRung[complex64, float32](kernels.SumComplex64),
	dtypes.Complex128: complexRung[complex128, float64](kernels.SumComplex128),
}

func intRung[T kernels.Integer, S kernels.Signed, U kernels.Unsigned]() rung {
	return rung{
		unary: kernels.IntOf[T], binary: intLoop[T, S, U], clamp: kernels.ClampOf[T],
		reduce: reduceInt[T], window: windowInt[T], cumSum: kernels.CumSumSame[U], arg: argOf[T], scatterSum: addRows[U], scatterOrder: orderRows[T],
		keys: kernels.IntKeys[T](),
	}
}

func halfRung[H kernels.Half](narrow func(float64) H) rung {
	return rung{ // a sum of scattered halves would be rounded at every addition: it has no kernel
		unary: kernels.HalfOf[H], binary: halfLoop[H], reduce: reduceHalf[H], window: windowHalf[H],
		cumSum: kernels.CumSumHalf[H],
		arg:    func(k *call, smaller bool) kernels.Func { return argNarrow(k, kernels.BetterHalf[H](smaller), smaller) },
		keys:   kernels.FloatKeys(2, uint64(narrow(math.Inf(1)))),
	}
}

func floatRung[T kernels.Float, C kernels.Complex, A any](sum func(mean bool) kernels.Reducer[T, A], cumSum func(l kernels.Lanes, workers int) (kernels.Func, int)) rung {
	return rung{
		unary: kernels.FloatOf[T],
		binary: func(op *ir.Op) (kernels.Loop2, bool) {
			if op == ops.Complex {
				return kernels.MakeComplexOf[C, T](), true
			}
			return floatLoop[T](op)
		},
		clamp:  kernels.ClampOf[T],
		reduce: func(op *ir.Op, k *call) kernels.Func { return reduceFloat(op, k, sum) },
		window: func(k *call) kernels.Func { return windowFloat(k, sum) },
		cumSum: cumSum, arg: argOf[T], scatterSum: addFloats[T], scatterOrder: orderRows[T],
		keys: floatKeys[T](),
	}
}

func complexRung[T kernels.Complex, R kernels.Float, A any](sum func(mean bool) kernels.Reducer[T, A]) rung {
	return rung{
		unary: kernels.ComplexOf[T, R], binary: complexLoop[T, R], cumSum: kernels.CumSumComplex[T], scatterSum: addRows[T],
		reduce: func(op *ir.Op, k *call) kernels.Func { return reduceComplex(op, k, sum) },
		window: func(k *call) kernels.Func { return windowed(k, sum(false)) },
	}
}
