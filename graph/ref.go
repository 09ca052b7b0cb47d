package graph

import (
	"runtime"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/dtypes/bfloat16"
	"github.com/quire-ml/quire/graph/dtypes/float16"
	"github.com/quire-ml/quire/graph/tensors"
)

// What reference meanings are written with. They compute in the widest type of each kind, round once
// at the end, and are made to be read, not to be fast.

// number is what reference meanings compute in. Bools are uint64 0 and 1.
type number interface {
	float64 | int64 | uint64 | complex128
}

// byKind returns a reference that picks, by the dtype of operand i (of the result if i is negative), one
// of four meanings; nil ones are for dtypes that the row does not take.
func byKind(i int, f, s, u, c func(attrs any, out, in []*tensors.Tensor)) func(attrs any, out, in []*tensors.Tensor) {
	return func(attrs any, out, in []*tensors.Tensor) {
		t := out[0]
		if i >= 0 {
			t = in[i]
		}
		switch d := t.DType(); {
		case d.IsFloat():
			f(attrs, out, in)
		case d.IsComplex():
			c(attrs, out, in)
		case d.IsUnsigned() || d == dtypes.Bool:
			u(attrs, out, in)
		default:
			s(attrs, out, in)
		}
	}
}

// load returns t's elements as T, which must be the carrier of t's kind or wider.
func load[T number](t *tensors.Tensor) []T {
	defer runtime.KeepAlive(t) // a flat view does not keep its tensor alive
	switch t.DType() {
	case dtypes.Bool:
		flat := tensors.Flat[bool](t)
		v := make([]T, len(flat))
		for i, b := range flat {
			if b {
				v[i] = 1
			}
		}
		return v
	case dtypes.Int8:
		return widen[T](tensors.Flat[int8](t))
	case dtypes.Int16:
		return widen[T](tensors.Flat[int16](t))
	case dtypes.Int32:
		return widen[T](tensors.Flat[int32](t))
	case dtypes.Int64:
		return widen[T](tensors.Flat[int64](t))
	case dtypes.Uint8:
		return widen[T](tensors.Flat[uint8](t))
	case dtypes.Uint16:
		return widen[T](tensors.Flat[uint16](t))
	case dtypes.Uint32:
		return widen[T](tensors.Flat[uint32](t))
	case dtypes.Uint64:
		return widen[T](tensors.Flat[uint64](t))
	case dtypes.Float16:
		return convert(tensors.Flat[float16.Float16](t), func(h float16.Float16) T { return fromFloat[T](h.Float64()) })
	case dtypes.BFloat16:
		return convert(tensors.Flat[bfloat16.BFloat16](t), func(h bfloat16.BFloat16) T { return fromFloat[T](h.Float64()) })
	case dtypes.Float32:
		return widen[T](tensors.Flat[float32](t))
	case dtypes.Float64:
		return widen[T](tensors.Flat[float64](t))
	case dtypes.Complex64:
		return convert(tensors.Flat[complex64](t), func(c complex64) T { return fromComplex[T](complex128(c)) })
	}
	return convert(tensors.Flat[complex128](t), fromComplex[T])
}

func convert[S, T any](flat []S, f func(S) T) []T {
	v := make([]T, len(flat))
	for i, x := range flat {
		v[i] = f(x)
	}
	return v
}

func widen[T number, S dtypes.Integer | dtypes.Float](flat []S) []T {
	return convert(flat, func(x S) T {
		switch any(*new(T)).(type) {
		case complex128:
			return any(complex(float64(x), 0)).(T)
		case float64:
			return any(float64(x)).(T)
		case int64:
			return any(int64(x)).(T)
		default:
			return any(uint64(x)).(T)
		}
	})
}

func fromFloat[T number](x float64) T { return dtypes.Convert(x, dtypes.OfValue(*new(T))).(T) }

func fromComplex[T number](x complex128) T { return dtypes.Convert(x, dtypes.OfValue(*new(T))).(T) }

// store rounds v into t: floats to nearest, integers to their low bits, bools to x ≠ 0.
func store[T number](t *tensors.Tensor, v []T) {
	defer runtime.KeepAlive(t)
	d := t.DType()
	switch d {
	case dtypes.Bool:
		flat := tensors.Flat[bool](t)
		for i, x := range v {
			flat[i] = x != 0
		}
	case dtypes.Int8:
		storeAs(tensors.Flat[int8](t), v, d)
	case dtypes.Int16:
		storeAs(tensors.Flat[int16](t), v, d)
	case dtypes.Int32:
		storeAs(tensors.Flat[int32](t), v, d)
	case dtypes.Int64:
		storeAs(tensors.Flat[int64](t), v, d)
	case dtypes.Uint8:
		storeAs(tensors.Flat[uint8](t), v, d)
	case dtypes.Uint16:
		storeAs(tensors.Flat[uint16](t), v, d)
	case dtypes.Uint32:
		storeAs(tensors.Flat[uint32](t), v, d)
	case dtypes.Uint64:
		storeAs(tensors.Flat[uint64](t), v, d)
	case dtypes.Float16:
		storeAs(tensors.Flat[float16.Float16](t), v, d)
	case dtypes.BFloat16:
		storeAs(tensors.Flat[bfloat16.BFloat16](t), v, d)
	case dtypes.Float32:
		storeAs(tensors.Flat[float32](t), v, d)
	case dtypes.Float64:
		storeAs(tensors.Flat[float64](t), v, d)
	case dtypes.Complex64:
		storeAs(tensors.Flat[complex64](t), v, d)
	case dtypes.Complex128:
		storeAs(tensors.Flat[complex128](t), v, d)
	}
}

func storeAs[S any, T number](flat []S, v []T, d dtypes.DType) {
	for i, x := range v {
		flat[i] = dtypes.Convert(x, d).(S)
	}
}

// copyRef is the meaning of ops that return their operand.
func copyRef(_ any, out, in []*tensors.Tensor) {
	copy(out[0].Storage().Bytes()[:out[0].ByteSize()], in[0].Storage().Bytes())
	runtime.KeepAlive(out)
	runtime.KeepAlive(in)
}

// moveRef returns a meaning that only moves elements: from maps the flat index of a result element to
// that of the operand's element (in[0]), or to -1 for a zero.
func moveRef(from func(attrs any, out, in []*tensors.Tensor) func(i int) int) func(attrs any, out, in []*tensors.Tensor) {
	return func(attrs any, out, in []*tensors.Tensor) {
		f := from(attrs, out, in)
		size := out[0].DType().Size()
		src, dst := in[0].Storage().Bytes(), out[0].Storage().Bytes()
		for i := range out[0].Size() {
			to := dst[i*size : (i+1)*size]
			if j := f(i); j >= 0 {
				copy(to, src[j*size:])
			} else {
				clear(to)
			}
		}
		runtime.KeepAlive(out)
		runtime.KeepAlive(in)
	}
}
