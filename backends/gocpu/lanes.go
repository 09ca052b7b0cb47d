package gocpu

import (
	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
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
	if f := ladder[k.in[0].DType].arg; f != nil {
		return f(k, smaller)
	}
	return nil
}

func argOf[T kernels.Real](k *call, smaller bool) kernels.Func {
	return argBy(k, kernels.BetterReal[T](smaller))
}

func argBy[T any](k *call, better kernels.Better[T]) kernels.Func {
	l := kernels.NewLanes(k.in[0].Dimensions, []int{k.attrs.(ir.ArgAttrs).Axis})
	return kernels.Arg(better, l, k.out[0].DType.Size())
}

func cumSum(k *call) kernels.Func {
	f := ladder[k.in[0].DType].cumSum
	if f == nil {
		return nil
	}
	k.inPlace = []int{0}
	return f(kernels.NewLanes(k.in[0].Dimensions, []int{k.attrs.(ir.CumSumAttrs).Axis}))
}

func same[T any](x T) T { return x }

func sort(k *call, a ir.SortAttrs, take int) kernels.Func {
	if f := ladder[k.in[0].DType].sort; f != nil {
		return f(k, a, take)
	}
	return nil
}

func sorted[T any](k *call, a ir.SortAttrs, take int, key func(T) uint64) kernels.Func {
	from, to := kernels.NewLanes(k.in[0].Dimensions, []int{a.Axis}), kernels.NewLanes(k.out[0].Dimensions, []int{a.Axis})
	f, scratch := kernels.Sort(key, from, to, take, a.Descending, len(k.out) > 1, k.workers)
	k.scratch = scratch
	return f
}
