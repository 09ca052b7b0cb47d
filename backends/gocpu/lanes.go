package gocpu

import (
	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
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
}

func softmax(k *call, log bool) kernels.Func {
	l := kernels.NewLanes(k.in[0].Dimensions, k.attrs.(ir.ReduceAttrs).Axes)
	return softmaxOf(k, l, nil, log)
}

func maskedSoftmax(k *call, log bool) kernels.Func {
	dims, axes := k.in[0].Dimensions, k.attrs.(ir.ReduceAttrs).Axes
	mask := kernels.NewBroadcastLanes(dims, k.in[1].Dimensions, axes)
	return softmaxOf(k, kernels.NewLanes(dims, axes), &mask, log)
}

func softmaxOf(k *call, l kernels.Lanes, mask *kernels.Lanes, log bool) kernels.Func {
	k.inPlace = []int{0}
	f, scratch := kernels.Softmax(cpu.Use(), k.in[0].DType, l, mask, log, k.workers)
	k.scratch = scratch
	return f
}

func logSumExp(k *call) kernels.Func {
	l := kernels.NewLanes(k.in[0].Dimensions, k.attrs.(ir.ReduceAttrs).Axes)
	f, scratch := kernels.LogSumExp(cpu.Use(), k.in[0].DType, l, k.workers)
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
	better := kernels.BetterReal[T](smaller)
	if better, ok := any(better).(kernels.Better[float32]); ok {
		return argNarrow(k, better, smaller)
	}
	return argBy(k, better)
}

// argNarrow is arg for floats that vectors know.
func argNarrow[T kernels.Narrow](k *call, better kernels.Better[T], smaller bool) kernels.Func {
	f, scratch := kernels.ArgOnVectors[T](cpu.Use(), smaller, k.in[0].Dimensions, k.attrs.(ir.ArgAttrs).Axis, k.out[0].DType.Size(), k.workers)
	if f == nil {
		return argBy(k, better)
	}
	k.scratch = scratch
	return f
}

func argBy[T any](k *call, better kernels.Better[T]) kernels.Func {
	l := kernels.NewLanes(k.in[0].Dimensions, []int{k.attrs.(ir.ArgAttrs).Axis})
	return kernels.Arg(better, l, k.out[0].DType.Size())
}

func cumSum(k *call) kernels.Func {
	of := ladder[k.in[0].DType].cumSum
	if of == nil {
		return nil
	}
	k.inPlace = []int{0}
	f, scratch := of(kernels.NewLanes(k.in[0].Dimensions, []int{k.attrs.(ir.AxisAttrs).Axis}), k.workers)
	k.scratch = scratch
	return f
}

func same[T any](x T) T { return x }
