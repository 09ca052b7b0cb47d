package gocpu

import (
	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/dtypes/bfloat16"
	"github.com/quire-ml/quire/graph/dtypes/float16"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
)

func init() {
	lowerings[ops.Softmax] = func(k *call) kernels.Func { return softmax(k, false) }
	lowerings[ops.LogSoftmax] = func(k *call) kernels.Func { return softmax(k, true) }
	lowerings[ops.MaskedSoftmax] = func(k *call) kernels.Func { return maskedSoftmax(k, false) }
	lowerings[ops.MaskedLogSoftmax] = func(k *call) kernels.Func { return maskedSoftmax(k, true) }
	lowerings[ops.LogSumExp] = logSumExp
	lowerings[ops.ArgMax] = func(k *call) kernels.Func { return arg(k, false) }
	lowerings[ops.ArgMin] = func(k *call) kernels.Func { return arg(k, true) }
	lowerings[ops.CumSum] = cumSum
	for _, op := range []*ir.Op{ops.Sort, ops.SortWithIndices} {
		lowerings[op] = func(k *call) kernels.Func {
			a := k.attrs.(ir.SortAttrs)
			return sort(k, a, k.in[0].Dim(a.Axis))
		}
	}
	lowerings[ops.TopK] = func(k *call) kernels.Func {
		a := k.attrs.(ir.TopKAttrs)
		return sort(k, a.Sort(), a.K)
	}
}

func softmax(k *call, log bool) kernels.Func {
	l := kernels.NewLanes(k.in[0].Dimensions, k.attrs.(ir.ReduceAttrs).Axes)
	k.inPlace = []int{0}
	f, scratch := kernels.Softmax(kernels.FloatTypeOf(k.in[0].DType), l, log, k.workers)
	k.scratch = scratch
	return f
}

func maskedSoftmax(k *call, log bool) kernels.Func {
	dims, axes := k.in[0].Dimensions, k.attrs.(ir.ReduceAttrs).Axes
	l, mask := kernels.NewLanes(dims, axes), kernels.NewBroadcastLanes(dims, k.in[1].Dimensions, axes)
	k.inPlace = []int{0}
	f, scratch := kernels.MaskedSoftmax(kernels.FloatTypeOf(k.in[0].DType), l, mask, log, k.workers)
	k.scratch = scratch
	return f
}

func logSumExp(k *call) kernels.Func {
	l := kernels.NewLanes(k.in[0].Dimensions, k.attrs.(ir.ReduceAttrs).Axes)
	f, scratch := kernels.LogSumExp(kernels.FloatTypeOf(k.in[0].DType), l, k.workers)
	k.scratch = scratch
	return f
}

func arg(k *call, smaller bool) kernels.Func {
	l, size := kernels.NewLanes(k.in[0].Dimensions, []int{k.attrs.(ir.ArgAttrs).Axis}), k.out[0].DType.Size()
	switch k.in[0].DType {
	case dtypes.Int8:
		return kernels.Arg(kernels.BetterReal[int8](smaller), l, size)
	case dtypes.Int16:
		return kernels.Arg(kernels.BetterReal[int16](smaller), l, size)
	case dtypes.Int32:
		return kernels.Arg(kernels.BetterReal[int32](smaller), l, size)
	case dtypes.Int64:
		return kernels.Arg(kernels.BetterReal[int64](smaller), l, size)
	case dtypes.Uint8:
		return kernels.Arg(kernels.BetterReal[uint8](smaller), l, size)
	case dtypes.Uint16:
		return kernels.Arg(kernels.BetterReal[uint16](smaller), l, size)
	case dtypes.Uint32:
		return kernels.Arg(kernels.BetterReal[uint32](smaller), l, size)
	case dtypes.Uint64:
		return kernels.Arg(kernels.BetterReal[uint64](smaller), l, size)
	case dtypes.Float16:
		return kernels.Arg(kernels.BetterHalf[float16.Float16](smaller), l, size)
	case dtypes.BFloat16:
		return kernels.Arg(kernels.BetterHalf[bfloat16.BFloat16](smaller), l, size)
	case dtypes.Float32:
		return kernels.Arg(kernels.BetterReal[float32](smaller), l, size)
	case dtypes.Float64:
		return kernels.Arg(kernels.BetterReal[float64](smaller), l, size)
	}
	return nil
}

func cumSum(k *call) kernels.Func {
	l := kernels.NewLanes(k.in[0].Dimensions, []int{k.attrs.(ir.CumSumAttrs).Axis})
	k.inPlace = []int{0}
	switch k.in[0].DType {
	case dtypes.Int8, dtypes.Uint8:
		return kernels.CumSumSame[uint8](l)
	case dtypes.Int16, dtypes.Uint16:
		return kernels.CumSumSame[uint16](l)
	case dtypes.Int32, dtypes.Uint32:
		return kernels.CumSumSame[uint32](l)
	case dtypes.Int64, dtypes.Uint64:
		return kernels.CumSumSame[uint64](l)
	case dtypes.Float16:
		return kernels.CumSumFloat(l, float16.Float16.Float64, float16.FromFloat64)
	case dtypes.BFloat16:
		return kernels.CumSumFloat(l, bfloat16.BFloat16.Float64, bfloat16.FromFloat64)
	case dtypes.Float32:
		return kernels.CumSumFloat(l, func(x float32) float64 { return float64(x) }, func(x float64) float32 { return float32(x) })
	case dtypes.Float64:
		return kernels.CumSumFloat(l, same[float64], same[float64])
	case dtypes.Complex64:
		return kernels.CumSumComplex[complex64](l)
	case dtypes.Complex128:
		return kernels.CumSumComplex[complex128](l)
	}
	k.inPlace = nil
	return nil
}

func same[T any](x T) T { return x }

func sort(k *call, a ir.SortAttrs, take int) kernels.Func {
	switch k.in[0].DType {
	case dtypes.Int8:
		return sorted(k, a, take, kernels.KeyOf[int8])
	case dtypes.Int16:
		return sorted(k, a, take, kernels.KeyOf[int16])
	case dtypes.Int32:
		return sorted(k, a, take, kernels.KeyOf[int32])
	case dtypes.Int64:
		return sorted(k, a, take, kernels.KeyOf[int64])
	case dtypes.Uint8:
		return sorted(k, a, take, kernels.KeyOfUnsigned[uint8])
	case dtypes.Uint16:
		return sorted(k, a, take, kernels.KeyOfUnsigned[uint16])
	case dtypes.Uint32:
		return sorted(k, a, take, kernels.KeyOfUnsigned[uint32])
	case dtypes.Uint64:
		return sorted(k, a, take, kernels.KeyOfUnsigned[uint64])
	case dtypes.Float16:
		return sorted(k, a, take, kernels.KeyOfHalf[float16.Float16](a.Total))
	case dtypes.BFloat16:
		return sorted(k, a, take, kernels.KeyOfHalf[bfloat16.BFloat16](a.Total))
	case dtypes.Float32:
		return sorted(k, a, take, kernels.KeyOfFloat[float32](a.Total))
	case dtypes.Float64:
		return sorted(k, a, take, kernels.KeyOfFloat[float64](a.Total))
	}
	return nil
}

func sorted[T any](k *call, a ir.SortAttrs, take int, key func(T) uint64) kernels.Func {
	from, to := kernels.NewLanes(k.in[0].Dimensions, []int{a.Axis}), kernels.NewLanes(k.out[0].Dimensions, []int{a.Axis})
	f, scratch := kernels.Sort(key, from, to, take, a.Descending, len(k.out) > 1, k.workers)
	k.scratch = scratch
	return f
}
