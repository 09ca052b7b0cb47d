package gocpu

import (
	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/graph/ops"
)

func init() {
	lowerings[ops.SoftmaxCrossEntropy] = func(k *call) kernels.Func { return crossEntropy(k, false) }
	lowerings[ops.SoftmaxCrossEntropyGradient] = func(k *call) kernels.Func { return crossEntropy(k, true) }
}

func crossEntropy(k *call, gradient bool) kernels.Func {
	x, n := k.in[0], k.in[0].Dim(-1)
	if gradient {
		k.inPlace = []int{0}
	}
	f, scratch := kernels.CrossEntropy(cpu.Use(), x.DType, k.in[1].DType, product(x.Dimensions[:x.Rank()-1]), n, gradient, k.workers)
	k.scratch = scratch
	return f
}
