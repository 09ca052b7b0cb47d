package tensors

import (
	"fmt"
	"runtime"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/dtypes/bfloat16"
	"github.com/quire-ml/quire/graph/dtypes/float16"
)

// ConvertDType returns the elements of t as another dtype, in new memory, by the rules of package
// dtypes. It returns an error if the dtype is invalid or t was closed.
func (t *Tensor) ConvertDType(dtype dtypes.DType) (*Tensor, error) {
	if err := t.CheckValid(); err != nil {
		return nil, err
	}
	if !dtype.IsValid() {
		return nil, fmt.Errorf("%s cannot be converted to %s: it is no dtype", t.shape, dtype)
	}
	if dtype == t.DType() {
		return t.Clone()
	}
	out, err := newTensor(t.shape.WithDType(dtype), false)
	if err != nil {
		return nil, err
	}
	if err := t.convertTo(out); err != nil {
		out.Close()
		return nil, err
	}
	return out, nil
}

// convertTo writes the elements of t to out, which has as many.
func (t *Tensor) convertTo(out *Tensor) (err error) {
	defer runtime.KeepAlive(t)
	defer runtime.KeepAlive(out)
	defer reading(t).end(&err)
	if !ladder[t.DType()].fast(out, t) {
		ladder[out.DType()].fill(out, func(i int) any { return dtypes.Convert(t.element(i), out.DType()) })
	}
	return nil
}

func each[X, Y any](y []Y, x []X, convert func(X) Y) bool {
	for i, v := range x {
		y[i] = convert(v)
	}
	return true
}

func fromFloat32(to *Tensor, x []float32) bool {
	switch to.DType() {
	case dtypes.Float64:
		return each(view[float64](to), x, func(v float32) float64 { return float64(v) })
	case dtypes.Float16:
		return each(view[float16.Float16](to), x, float16.FromFloat32)
	case dtypes.BFloat16:
		return each(view[bfloat16.BFloat16](to), x, bfloat16.FromFloat32)
	case dtypes.Uint8:
		return each(view[uint8](to), x, func(v float32) uint8 { return dtypes.ToInteger[uint8](float64(v)) })
	case dtypes.Int32:
		return each(view[int32](to), x, func(v float32) int32 { return dtypes.ToInteger[int32](float64(v)) })
	case dtypes.Int64:
		return each(view[int64](to), x, func(v float32) int64 { return dtypes.ToInt64(float64(v)) })
	case dtypes.Bool:
		return each(view[bool](to), x, func(v float32) bool { return v != 0 })
	}
	return false
}

func fromFloat64(to *Tensor, x []float64) bool {
	switch to.DType() {
	case dtypes.Float32:
		return each(view[float32](to), x, func(v float64) float32 { return float32(v) })
	case dtypes.Float16:
		return each(view[float16.Float16](to), x, float16.FromFloat64)
	case dtypes.BFloat16:
		return each(view[bfloat16.BFloat16](to), x, bfloat16.FromFloat64)
	case dtypes.Int32:
		return each(view[int32](to), x, dtypes.ToInteger[int32])
	case dtypes.Int64:
		return each(view[int64](to), x, dtypes.ToInt64)
	}
	return false
}

func fromNarrow[H narrow](to *Tensor, x []H) bool {
	switch to.DType() {
	case dtypes.Float32:
		return each(view[float32](to), x, H.Float32)
	case dtypes.Float64:
		return each(view[float64](to), x, H.Float64)
	case dtypes.Float16:
		return each(view[float16.Float16](to), x, func(v H) float16.Float16 { return float16.FromFloat32(v.Float32()) })
	case dtypes.BFloat16:
		return each(view[bfloat16.BFloat16](to), x, func(v H) bfloat16.BFloat16 { return bfloat16.FromFloat32(v.Float32()) })
	}
	return false
}

func fromInteger[I dtypes.Integer](to *Tensor, x []I) bool {
	switch to.DType() {
	case dtypes.Float32:
		return each(view[float32](to), x, func(v I) float32 { return float32(v) })
	case dtypes.Float64:
		return each(view[float64](to), x, func(v I) float64 { return float64(v) })
	case dtypes.Int32:
		return each(view[int32](to), x, func(v I) int32 { return int32(v) })
	case dtypes.Int64:
		return each(view[int64](to), x, func(v I) int64 { return int64(v) })
	case dtypes.Uint8:
		return each(view[uint8](to), x, func(v I) uint8 { return uint8(v) })
	case dtypes.Bool:
		return each(view[bool](to), x, func(v I) bool { return v != 0 })
	}
	return false
}

func fromBool(to *Tensor, x []bool) bool {
	switch to.DType() {
	case dtypes.Float32:
		return each(view[float32](to), x, func(v bool) float32 { return choose[float32](v) })
	case dtypes.Int32:
		return each(view[int32](to), x, func(v bool) int32 { return choose[int32](v) })
	case dtypes.Int64:
		return each(view[int64](to), x, func(v bool) int64 { return choose[int64](v) })
	}
	return false
}

// choose returns 1 for true and 0 for false.
func choose[T dtypes.Integer | dtypes.Float](v bool) T {
	if v {
		return 1
	}
	return 0
}
