package gocpu

import (
	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/graph"
)

func init() {
	for _, name := range []string{"FFT", "InverseFFT", "RealFFT", "InverseRealFFT"} {
		inverse := name == "InverseFFT" || name == "InverseRealFFT"
		lowerings[name] = func(k *call) kernels.Func { return fourier(k, inverse) }
	}
}

func fourier(k *call, inverse bool) kernels.Func {
	n := len(k.attrs.(graph.FFTAttrs).Lengths)
	axes := make([]int, n)
	for i := range axes {
		axes[i] = k.in[0].Rank() - n + i
	}
	if k.in[0].Equal(k.out[0]) {
		k.inPlace = []int{0}
	}
	in, out := kernels.ComplexTypeOf(k.in[0].DType), kernels.ComplexTypeOf(k.out[0].DType)
	f, scratch := kernels.FFT(in, out, k.in[0].Dimensions, k.out[0].Dimensions, axes, inverse, k.workers)
	k.scratch = scratch
	return f
}
