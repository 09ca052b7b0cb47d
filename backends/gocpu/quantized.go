package gocpu

import (
	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
)

func init() {
	answers[ops.QuantizedDot] = quantizes
	lowerings[ops.QuantizedDot] = quantizedDot
}

// quantizedRows is for how many rows of x codes are read anew for each: with more it takes less time to make numbers of them once.
const quantizedRows = 32

// quantizes reports whether there is a kernel: for something, in float32 or narrower, and few rows.
func quantizes(k *call) bool {
	x, scales := k.in[0], k.in[2]
	return x.DType != dtypes.Float64 && scales.DType != dtypes.Float64 && k.out[0].Size() > 0 && x.Dim(-1) > 0 && x.Dim(-2) <= quantizedRows
}

func quantizedDot(k *call) kernels.Func {
	if !quantizes(k) {
		return nil
	}
	a, x, r := k.attrs.(ir.QuantizedDotAttrs), k.in[0], k.in[0].Rank()
	q := kernels.Quantized{
		Batches: product(x.Dimensions[:r-2]), M: x.Dim(-2), N: k.in[1].Dim(-2), K: x.Dim(-1),
		Bits: a.Bits, Group: a.Group, X: x.DType, Scales: k.in[2].DType,
	}
	values, _ := a.Codes.Values(a.Bits) // which the row's rule has asked for
	for _, v := range values {
		q.Values = append(q.Values, float32(v))
	}
	if a.Scales != "" {
		values, _ := a.Scales.Values(8)
		for _, v := range values {
			q.ScaleValues = append(q.ScaleValues, float32(v))
		}
	}
	f, scratch := kernels.QuantizedDot(cpu.Use(), q, k.workers)
	k.scratch = scratch
	return f
}
