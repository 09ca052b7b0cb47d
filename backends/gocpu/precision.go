package gocpu

import (
	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
)

func init() {
	lowerings[ops.ReducePrecision] = func(k *call) kernels.Func {
		p, n := k.attrs.(ir.PrecisionAttrs), k.in[0].Size()
		k.inPlace = []int{0}
		switch k.in[0].DType {
		case dtypes.Float16:
			return kernels.ReducePrecision[uint16](n, 5, 10, p.ExponentBits, p.MantissaBits)
		case dtypes.BFloat16:
			return kernels.ReducePrecision[uint16](n, 8, 7, p.ExponentBits, p.MantissaBits)
		case dtypes.Float32:
			return kernels.ReducePrecision[uint32](n, 8, 23, p.ExponentBits, p.MantissaBits)
		}
		return kernels.ReducePrecision[uint64](n, 11, 52, p.ExponentBits, p.MantissaBits)
	}
}
