package gocpu

import (
	"math"

	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/dtypes/bfloat16"
	"github.com/quire-ml/quire/graph/dtypes/float16"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
)

func init() {
	lowerings[ops.ReduceWindow] = reduceWindow
	lowerings[ops.SelectAndScatter] = selectAndScatter
	lowerings[ops.SelectAndGather] = selectAndGather
}

func windowsOf(a ir.WindowAttrs, in, out shapes.Shape) kernels.Windows {
	w := kernels.Windows{In: in.Dimensions, Out: out.Dimensions, Size: a.Window, Stride: a.Strides}
	for _, p := range a.Paddings {
		w.Before = append(w.Before, p[0])
	}
	return w
}

func reduceWindow(k *call) kernels.Func {
	if f := ladder[k.in[0].DType].window; f != nil {
		return f(k)
	}
	return nil
}

func windowed[T, A any](k *call, r kernels.Reducer[T, A]) kernels.Func {
	f, scratch := kernels.ReduceWindow(r, windowsOf(k.attrs.(ir.WindowAttrs), k.in[0], k.out[0]), k.workers)
	k.scratch = scratch
	return f
}

func windowInt[T kernels.Integer](k *call) kernels.Func {
	lo, hi := limits[T](k.in[0].DType)
	switch k.attrs.(ir.WindowAttrs).Kind {
	case ir.WindowMax:
		return windowed(k, kernels.MaxReal(lo))
	case ir.WindowMin:
		return windowed(k, kernels.MinReal(hi))
	}
	return windowed(k, kernels.FoldSame(0, func(a, b T) T { return a + b }))
}

func windowFloat[T kernels.Float, A any](k *call, sum func(mean bool) kernels.Reducer[T, A]) kernels.Func {
	switch k.attrs.(ir.WindowAttrs).Kind {
	case ir.WindowMax:
		return windowed(k, kernels.MaxReal(T(math.Inf(-1))))
	case ir.WindowMin:
		return windowed(k, kernels.MinReal(T(math.Inf(1))))
	}
	return windowed(k, sum(false))
}

func windowHalf[H kernels.Half](k *call) kernels.Func {
	switch k.attrs.(ir.WindowAttrs).Kind {
	case ir.WindowMax:
		return windowed(k, kernels.FoldHalf[H](math.Inf(-1), func(a, b float64) float64 { return max(a, b) }, false))
	case ir.WindowMin:
		return windowed(k, kernels.FoldHalf[H](math.Inf(1), func(a, b float64) float64 { return min(a, b) }, false))
	}
	return windowed(k, kernels.FoldHalf[H](0, func(a, b float64) float64 { return a + b }, false))
}

func selectAndScatter(k *call) kernels.Func {
	smaller := k.attrs.(ir.WindowAttrs).Kind == ir.WindowMin
	switch k.in[0].DType {
	case dtypes.Int32:
		return scattered(k, kernels.PreferReal[int32](smaller), func(a, b int32) int32 { return a + b })
	case dtypes.Int64:
		return scattered(k, kernels.PreferReal[int64](smaller), func(a, b int64) int64 { return a + b })
	case dtypes.Float32:
		return scattered(k, kernels.PreferReal[float32](smaller), func(a, b float32) float32 { return a + b })
	case dtypes.Float64:
		return scattered(k, kernels.PreferReal[float64](smaller), func(a, b float64) float64 { return a + b })
	}
	return nil // halves would be rounded at every addition; the others are rare
}

func scattered[T any](k *call, prefer kernels.Prefer[T], add func(a, b T) T) kernels.Func {
	f, scratch := kernels.SelectAndScatter(prefer, add, windowsOf(k.attrs.(ir.WindowAttrs), k.in[0], k.in[1]), k.workers)
	k.scratch = scratch
	return f
}

func selectAndGather(k *call) kernels.Func {
	smaller := k.attrs.(ir.WindowAttrs).Kind == ir.WindowMin
	switch k.in[0].DType {
	case dtypes.Float16:
		return gathered(k, kernels.PreferHalf[float16.Float16](smaller))
	case dtypes.BFloat16:
		return gathered(k, kernels.PreferHalf[bfloat16.BFloat16](smaller))
	case dtypes.Float32:
		return gathered(k, kernels.PreferReal[float32](smaller))
	case dtypes.Float64:
		return gathered(k, kernels.PreferReal[float64](smaller))
	}
	return nil
}

func gathered[T any](k *call, prefer kernels.Prefer[T]) kernels.Func {
	w := windowsOf(k.attrs.(ir.WindowAttrs), k.in[0], k.out[0])
	var f kernels.Func
	switch k.out[0].DType.Size() {
	case 2:
		f, k.scratch = kernels.SelectAndGather[T, uint16](prefer, w, k.workers)
	case 4:
		f, k.scratch = kernels.SelectAndGather[T, uint32](prefer, w, k.workers)
	case 8:
		f, k.scratch = kernels.SelectAndGather[T, uint64](prefer, w, k.workers)
	}
	return f
}
