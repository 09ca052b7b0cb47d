package gocpu

import (
	"math"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
)

func init() {
	for _, op := range []*ir.Op{ops.ReduceSum, ops.ReduceMean, ops.ReduceMax, ops.ReduceMin, ops.ReduceMultiply,
		ops.ReduceLogicalAnd, ops.ReduceLogicalOr, ops.ReduceLogicalXor, ops.ReduceBitwiseAnd, ops.ReduceBitwiseOr, ops.ReduceBitwiseXor} {
		lowerings[op] = func(k *call) kernels.Func { return reduce(op, k) }
	}
}

func reduce(op *ir.Op, k *call) kernels.Func {
	if f := ladder[k.in[0].DType].reduce; f != nil {
		return f(op, k)
	}
	return nil
}

// reduced returns the kernel for a reducer.
func reduced[T, A any](k *call, r kernels.Reducer[T, A]) kernels.Func {
	f, scratch := kernels.Reduce(cpu.Use(), r, k.in[0].Dimensions, k.attrs.(ir.ReduceAttrs).Axes, k.workers)
	k.scratch = scratch
	return f
}

func reduceBool(op *ir.Op, k *call) kernels.Func {
	switch op {
	case ops.ReduceLogicalAnd:
		return reduced(k, kernels.FoldSame(1, func(a, b uint8) uint8 { return a & b }))
	case ops.ReduceLogicalOr:
		return reduced(k, kernels.FoldSame(0, func(a, b uint8) uint8 { return a | b }))
	case ops.ReduceLogicalXor:
		return reduced(k, kernels.FoldSame(0, func(a, b uint8) uint8 { return a ^ b }))
	}
	return nil
}

func reduceInt[T kernels.Integer](op *ir.Op, k *call) kernels.Func {
	lo, hi := limits[T](k.in[0].DType)
	switch op {
	case ops.ReduceSum:
		return reduced(k, kernels.SumInt[T]())
	case ops.ReduceMultiply:
		return reduced(k, kernels.ProductInt[T]())
	case ops.ReduceMax:
		return reduced(k, kernels.MaxReal(lo))
	case ops.ReduceMin:
		return reduced(k, kernels.MinReal(hi))
	case ops.ReduceBitwiseAnd:
		return reduced(k, kernels.FoldSame(^T(0), func(a, b T) T { return a & b }))
	case ops.ReduceBitwiseOr:
		return reduced(k, kernels.FoldSame(0, func(a, b T) T { return a | b }))
	case ops.ReduceBitwiseXor:
		return reduced(k, kernels.FoldSame(0, func(a, b T) T { return a ^ b }))
	}
	return nil
}

// limits returns the ends of an integer type's range.
func limits[T kernels.Integer](d dtypes.DType) (lo, hi T) {
	l, h := dtypes.Limits(d)
	if d.IsUnsigned() {
		return T(l.(uint64)), T(h.(uint64))
	}
	return T(l.(int64)), T(h.(int64))
}

func reduceFloat[T kernels.Float, A any](op *ir.Op, k *call, sum func(mean bool) kernels.Reducer[T, A]) kernels.Func {
	switch op {
	case ops.ReduceSum:
		return reduced(k, sum(false))
	case ops.ReduceMean:
		return reduced(k, sum(true))
	case ops.ReduceMultiply:
		return reduced(k, kernels.ProductFloat[T]())
	case ops.ReduceMax:
		return reduced(k, kernels.MaxReal(T(math.Inf(-1))))
	case ops.ReduceMin:
		return reduced(k, kernels.MinReal(T(math.Inf(1))))
	}
	return nil
}

func reduceHalf[H kernels.Half](op *ir.Op, k *call) kernels.Func {
	switch op {
	case ops.ReduceSum:
		return reduced(k, kernels.SumHalf[H](false))
	case ops.ReduceMean:
		return reduced(k, kernels.SumHalf[H](true))
	case ops.ReduceMultiply:
		return reduced(k, kernels.ProductHalf[H]())
	case ops.ReduceMax:
		return reduced(k, kernels.MaxHalf[H]())
	case ops.ReduceMin:
		return reduced(k, kernels.MinHalf[H]())
	}
	return nil
}

func reduceComplex[T kernels.Complex, A any](op *ir.Op, k *call, sum func(mean bool) kernels.Reducer[T, A]) kernels.Func {
	switch op {
	case ops.ReduceSum:
		return reduced(k, sum(false))
	case ops.ReduceMean:
		return reduced(k, sum(true))
	case ops.ReduceMultiply:
		return reduced(k, kernels.FoldComplex[T](1, func(a, b complex128) complex128 { return a * b }))
	}
	return nil
}
