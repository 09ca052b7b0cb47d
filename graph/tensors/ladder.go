package tensors

import (
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/dtypes/bfloat16"
	"github.com/quire-ml/quire/graph/dtypes/float16"
	"github.com/quire-ml/quire/graph/dtypes/float8"
)

// rung is what this package does with the elements of one dtype: the one place where a new dtype is made known to it.
type rung struct {
	flat    func(t *Tensor) any                    // the view of the elements, with its type hidden
	at      func(t *Tensor, i int) any             // an element
	complex func(t *Tensor, i int) complex128      // an element
	fill    func(t *Tensor, value func(i int) any) // sets all elements, to values of the dtype's Go type
	set     func(t *Tensor, value any)             // sets the first element
	fast    func(to, from *Tensor) bool            // converts to dtypes that data loading and mixed precision use
}

// ladder has a rung for every dtype. It has room for all numbers that a DType may have, so that none needs a check.
var ladder = [256]rung{
	dtypes.Bool: rungOf(func(x bool) complex128 { return complex(choose[float64](x), 0) }, fromBool),

	dtypes.Int8: integerRung[int8](), dtypes.Int16: integerRung[int16](), dtypes.Int32: integerRung[int32](), dtypes.Int64: integerRung[int64](),
	dtypes.Uint8: integerRung[uint8](), dtypes.Uint16: integerRung[uint16](), dtypes.Uint32: integerRung[uint32](), dtypes.Uint64: integerRung[uint64](),

	dtypes.Float16: narrowRung[float16.Float16](), dtypes.BFloat16: narrowRung[bfloat16.BFloat16](),
	dtypes.Float32: rungOf(func(x float32) complex128 { return complex(float64(x), 0) }, fromFloat32),
	dtypes.Float64: rungOf(func(x float64) complex128 { return complex(x, 0) }, fromFloat64),

	dtypes.Complex64:  rungOf(func(x complex64) complex128 { return complex128(x) }, nil),
	dtypes.Complex128: rungOf(func(x complex128) complex128 { return x }, nil),

	dtypes.Float8E4M3FN: narrowRung[float8.E4M3FN](), dtypes.Float8E5M2: narrowRung[float8.E5M2](),
}

func rungOf[T dtypes.Supported](wide func(T) complex128, fast func(to *Tensor, from []T) bool) rung {
	r := rung{
		flat:    func(t *Tensor) any { return view[T](t) },
		at:      func(t *Tensor, i int) any { return view[T](t)[i] },
		complex: func(t *Tensor, i int) complex128 { return wide(view[T](t)[i]) },
		fill: func(t *Tensor, value func(i int) any) {
			flat := view[T](t)
			for i := range flat {
				flat[i] = value(i).(T)
			}
		},
		set:  func(t *Tensor, value any) { view[T](t)[0] = value.(T) },
		fast: func(to, from *Tensor) bool { return false },
	}
	if fast != nil {
		r.fast = func(to, from *Tensor) bool { return fast(to, view[T](from)) }
	}
	return r
}

func integerRung[T dtypes.Integer]() rung {
	return rungOf(func(x T) complex128 { return complex(float64(x), 0) }, fromInteger)
}

// narrow are the floats that are stored as their bits.
type narrow interface {
	dtypes.Half | dtypes.Float8
	Float32() float32
	Float64() float64
}

func narrowRung[T narrow]() rung {
	return rungOf(func(x T) complex128 { return complex(x.Float64(), 0) }, fromNarrow)
}
