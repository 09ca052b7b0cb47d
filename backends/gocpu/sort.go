package gocpu

import (
	"math"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
)

func init() {
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

func sort(k *call, a ir.SortAttrs, take int) kernels.Func {
	keys := ladder[k.in[0].DType].keys
	if !keys.Ordered() {
		return nil
	}
	s := kernels.Sorting{Tier: cpu.Use(), Keys: keys, Total: a.Total, Descending: a.Descending, Take: take, Indices: len(k.out) > 1}
	axis := []int{a.Axis}
	f, scratch := kernels.Sort(s, kernels.NewLanes(k.in[0].Dimensions, axis), kernels.NewLanes(k.out[0].Dimensions, axis), k.workers)
	k.scratch = scratch
	return f
}

func floatKeys[T kernels.Float]() kernels.Keys {
	infinity := T(math.Inf(1))
	if bits, narrow := any(infinity).(float32); narrow {
		return kernels.FloatKeys(4, uint64(math.Float32bits(bits)))
	}
	return kernels.FloatKeys(8, math.Float64bits(float64(infinity)))
}
