package tensors

import (
	"fmt"
	"runtime"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/dtypes/bfloat16"
	"github.com/quire-ml/quire/graph/dtypes/float16"
	"github.com/quire-ml/quire/graph/dtypes/float8"
)

// element returns one element as a Go value.
func (t *Tensor) element(i int) any {
	switch flat := flatAny(t).(type) {
	case []bool:
		return flat[i]
	case []int8:
		return flat[i]
	case []int16:
		return flat[i]
	case []int32:
		return flat[i]
	case []int64:
		return flat[i]
	case []uint8:
		return flat[i]
	case []uint16:
		return flat[i]
	case []uint32:
		return flat[i]
	case []uint64:
		return flat[i]
	case []float16.Float16:
		return flat[i]
	case []bfloat16.BFloat16:
		return flat[i]
	case []float32:
		return flat[i]
	case []float64:
		return flat[i]
	case []complex64:
		return flat[i]
	case []complex128:
		return flat[i]
	case []float8.E4M3FN:
		return flat[i]
	case []float8.E5M2:
		return flat[i]
	}
	panic("tensors: an element of an unknown type")
}

// Float64At returns an element, given its place in row-major order, as a float64: the real part of a
// complex number, 0 or 1 for a bool. It panics if there is no such element, or if t was finalized.
func (t *Tensor) Float64At(flatIndex int) float64 {
	t.AssertValid()
	if flatIndex < 0 || flatIndex >= t.Size() {
		panic(fmt.Sprintf("tensors: Float64At(%d) of %s: it has %d elements", flatIndex, t.shape, t.Size()))
	}
	defer runtime.KeepAlive(t)
	return real(t.complexAt(flatIndex))
}

// complexAt returns an element as a complex128.
func (t *Tensor) complexAt(i int) complex128 {
	switch t.shape.DType {
	case dtypes.Bool:
		if view[bool](t)[i] {
			return 1
		}
		return 0
	case dtypes.Int8:
		return complex(float64(view[int8](t)[i]), 0)
	case dtypes.Int16:
		return complex(float64(view[int16](t)[i]), 0)
	case dtypes.Int32:
		return complex(float64(view[int32](t)[i]), 0)
	case dtypes.Int64:
		return complex(float64(view[int64](t)[i]), 0)
	case dtypes.Uint8:
		return complex(float64(view[uint8](t)[i]), 0)
	case dtypes.Uint16:
		return complex(float64(view[uint16](t)[i]), 0)
	case dtypes.Uint32:
		return complex(float64(view[uint32](t)[i]), 0)
	case dtypes.Uint64:
		return complex(float64(view[uint64](t)[i]), 0)
	case dtypes.Float16:
		return complex(view[float16.Float16](t)[i].Float64(), 0)
	case dtypes.BFloat16:
		return complex(view[bfloat16.BFloat16](t)[i].Float64(), 0)
	case dtypes.Float32:
		return complex(float64(view[float32](t)[i]), 0)
	case dtypes.Float64:
		return complex(view[float64](t)[i], 0)
	case dtypes.Complex64:
		return complex128(view[complex64](t)[i])
	case dtypes.Complex128:
		return view[complex128](t)[i]
	case dtypes.Float8E4M3FN:
		return complex(view[float8.E4M3FN](t)[i].Float64(), 0)
	case dtypes.Float8E5M2:
		return complex(view[float8.E5M2](t)[i].Float64(), 0)
	}
	panic("tensors: an element of an unknown type")
}
