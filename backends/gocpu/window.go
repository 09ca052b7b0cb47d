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

func windowMost[T kernels.Real](k *call, smaller bool, none T) kernels.Func {
	return kernels.WindowMost(cpu.Use(), smaller, none, windowsOf(k.attrs.(ir.WindowAttrs), k.in[0], k.out[0]))
}

func windowInt[T kernels.Integer](k *call) kernels.Func {
	lo, hi := limits[T](k.in[0].DType)
	switch k.attrs.(ir.WindowAttrs).Kind {
	case ir.WindowMax:
		return windowMost(k, false, lo)
	case ir.WindowMin:
		return windowMost(k, true, hi)
	}
	return windowed(k, kernels.SumInt[T]())
}

func windowFloat[T kernels.Float, A any](k *call, sum func(mean bool) kernels.Reducer[T, A]) kernels.Func {
	switch k.attrs.(ir.WindowAttrs).Kind {
	case ir.WindowMax:
		return windowMost(k, false, T(math.Inf(-1)))
	case ir.WindowMin:
		return windowMost(k, true, T(math.Inf(1)))
	}
	return windowed(k, sum(false))
}

func windowHalf[H kernels.Half](k *call) kernels.Func {
	switch k.attrs.(ir.WindowAttrs).Kind {
	case ir.WindowMax:
		return windowed(k, kernels.MaxHalf[H]())
	case ir.WindowMin:
		return windowed(k, kernels.MinHalf[H]())
	}
	return windowed(k, kernels.SumHalf[H](false))
}

func selectAndScatter(k *call) kernels.Func {
	smaller := k.attrs.(ir.WindowAttrs).Kind == ir.WindowMin
	switch k.in[0].DType {
	case dtypes.Int32:
		return scattered(k, kernels.PreferInt32(smaller))
	case dtypes.Int64:
		return scattered(k, kernels.PreferReal[int64](smaller))
	case dtypes.Float32:
		return scattered(k, kernels.PreferFloat32(smaller))
	case dtypes.Float64:
		return scattered(k, kernels.PreferReal[float64](smaller))
	}
	return nil // halves would be rounded at every addition; the others are rare
}

func scattered[T kernels.Number](k *call, prefer kernels.Prefer[T]) kernels.Func {
	f, scratch := kernels.SelectAndScatter(prefer, windowsOf(k.attrs.(ir.WindowAttrs), k.in[0], k.in[1]), k.workers)
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
		return gathered(k, kernels.PreferFloat32(smaller))
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
