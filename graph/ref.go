package graph

import (
	"runtime"

	"github.com/quire-ml/quire/graph/dtypes"
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
	return tensors.MustCopyFlatData[T](converted(t, dtypes.OfValue(*new(T))))
}

func convert[S, T any](flat []S, f func(S) T) []T {
	v := make([]T, len(flat))
	for i, x := range flat {
		v[i] = f(x)
	}
	return v
}

func fromFloat[T number](x float64) T { return dtypes.Convert(x, dtypes.OfValue(*new(T))).(T) }

func fromComplex[T number](x complex128) T { return dtypes.Convert(x, dtypes.OfValue(*new(T))).(T) }

// store rounds v into t: floats to nearest, integers to their low bits, bools to x ≠ 0.
func store[T number](t *tensors.Tensor, v []T) {
	copyRef(nil, []*tensors.Tensor{t}, []*tensors.Tensor{converted(tensors.FromFlatDataAndDimensions(v, len(v)), t.DType())})
}

func converted(t *tensors.Tensor, d dtypes.DType) *tensors.Tensor {
	c, err := t.ConvertDType(d)
	if err != nil {
		panic(err)
	}
	return c
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
