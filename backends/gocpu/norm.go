package gocpu

import (
	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
)

func init() {
	lowerings[ops.LayerNorm] = func(k *call) kernels.Func { return layerNorm(k, true) }
	lowerings[ops.RMSNorm] = func(k *call) kernels.Func { return layerNorm(k, false) }
	lowerings[ops.LayerNormGradient] = func(k *call) kernels.Func { return layerNormGradient(k, true) }
	lowerings[ops.RMSNormGradient] = func(k *call) kernels.Func { return layerNormGradient(k, false) }
}

func layerNorm(k *call, centred bool) kernels.Func {
	l, norm := normOf(k, centred)
	k.inPlace = []int{0}
	f, scratch := kernels.LayerNorm(cpu.Use(), k.in[0].DType, l, norm, centred, k.workers)
	k.scratch = scratch
	return f
}

func layerNormGradient(k *call, centred bool) kernels.Func {
	l, norm := normOf(k, centred)
	k.inPlace = []int{2, 0}
	f, scratch := kernels.LayerNormGradient(cpu.Use(), k.in[0].DType, l, norm, k.workers)
	k.scratch = scratch
	return f
}

func normOf(k *call, centred bool) (kernels.Lanes, kernels.Norm) {
	a := k.attrs.(ir.NormalizeAttrs)
	return kernels.NewLanes(k.in[0].Dimensions, a.Axes), kernels.Norm{Epsilon: a.Epsilon, Centred: centred}
}
