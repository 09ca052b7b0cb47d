package dtypes

import (
	"math"
	"reflect"

	"github.com/quire-ml/quire/graph/dtypes/bfloat16"
	"github.com/quire-ml/quire/graph/dtypes/float16"
	"github.com/quire-ml/quire/graph/dtypes/float8"
)

// row is what the package knows of one type: the one place where a new type is made known to it.
type row struct {
	name, short string
	size        int
	zero        any // a value of its Go type

	// Of floats: the largest finite number, and the distance from 1 to the next larger one.
	largest, epsilon float64

	// to returns a value of this type as one of another. The others make a value of this type by the rules of the package,
	// each from the widest number of its kind.
	to          func(v any, other *row) any
	fromInt     func(int64) any
	fromUint    func(uint64) any
	fromFloat   func(float64) any
	fromComplex func(complex128) any
}

// table has a row for every type. The number of a type is its place.
var table = [count]row{
	Invalid: {name: "invalid", short: "?"},
	Bool: rowOf[bool]("bool", "b1", row{
		to: func(v any, other *row) any {
			if v.(bool) {
				return other.fromInt(1)
			}
			return other.fromInt(0)
		},
		fromInt:     func(x int64) any { return x != 0 },
		fromUint:    func(x uint64) any { return x != 0 },
		fromFloat:   func(x float64) any { return x != 0 },
		fromComplex: func(x complex128) any { return x != 0 },
	}),

	Int8: signed[int8]("int8", "i8"), Int16: signed[int16]("int16", "i16"), Int32: signed[int32]("int32", "i32"), Int64: signed[int64]("int64", "i64"),
	Uint8: unsigned[uint8]("uint8", "u8"), Uint16: unsigned[uint16]("uint16", "u16"), Uint32: unsigned[uint32]("uint32", "u32"), Uint64: unsigned[uint64]("uint64", "u64"),

	Float16:  narrow("float16", "f16", 65504, 0x1p-10, float16.FromFloat64),
	BFloat16: narrow("bfloat16", "bf16", bfloat16.FromBits(0x7f7f).Float64(), 0x1p-7, bfloat16.FromFloat64),
	Float32:  float[float32]("float32", "f32", math.MaxFloat32, 0x1p-23),
	Float64:  float[float64]("float64", "f64", math.MaxFloat64, 0x1p-52),

	Complex64: rowOf[complex64]("complex64", "c64", row{
		to:          func(v any, other *row) any { return other.fromComplex(complex128(v.(complex64))) },
		fromInt:     func(x int64) any { return complex(float32(x), 0) }, // not through float64: that would round twice
		fromUint:    func(x uint64) any { return complex(float32(x), 0) },
		fromFloat:   func(x float64) any { return complex(float32(x), 0) },
		fromComplex: func(x complex128) any { return complex64(x) },
	}),
	Complex128: rowOf[complex128]("complex128", "c128", row{
		to:          func(v any, other *row) any { return other.fromComplex(v.(complex128)) },
		fromInt:     func(x int64) any { return complex(float64(x), 0) },
		fromUint:    func(x uint64) any { return complex(float64(x), 0) },
		fromFloat:   func(x float64) any { return complex(x, 0) },
		fromComplex: func(x complex128) any { return x },
	}),

	Float8E4M3FN: narrow("float8_e4m3fn", "f8e4m3fn", 448, 0x1p-3, float8.E4M3FNFromFloat64),
	Float8E5M2:   narrow("float8_e5m2", "f8e5m2", 57344, 0x1p-2, float8.E5M2FromFloat64),
}

// rowOf completes a row: a type that is not complex takes the real part of a complex number unless it says otherwise.
func rowOf[T Supported](name, short string, r row) row {
	r.name, r.short = name, short
	r.zero = *new(T)
	r.size = int(reflect.TypeFor[T]().Size())
	if r.fromComplex == nil {
		r.fromComplex = func(x complex128) any { return r.fromFloat(real(x)) }
	}
	return r
}

func signed[T Integer](name, short string) row {
	return integer[T](name, short, func(v any, other *row) any { return other.fromInt(int64(v.(T))) })
}

func unsigned[T Integer](name, short string) row {
	return integer[T](name, short, func(v any, other *row) any { return other.fromUint(uint64(v.(T))) })
}

func integer[T Integer](name, short string, to func(v any, other *row) any) row {
	return rowOf[T](name, short, row{
		to:        to,
		fromInt:   func(x int64) any { return T(x) },
		fromUint:  func(x uint64) any { return T(x) },
		fromFloat: func(x float64) any { return ToInteger[T](x) },
	})
}

func float[T Float](name, short string, largest, epsilon float64) row {
	return rowOf[T](name, short, row{
		largest: largest, epsilon: epsilon,
		to:        func(v any, other *row) any { return other.fromFloat(float64(v.(T))) },
		fromInt:   func(x int64) any { return T(x) },
		fromUint:  func(x uint64) any { return T(x) },
		fromFloat: func(x float64) any { return T(x) },
	})
}

// narrow is the row of a float that is kept as its bits. Integers become one by way of a float64 that is rounded to odd.
func narrow[T interface {
	Half | Float8
	Float64() float64
}](name, short string, largest, epsilon float64, from func(float64) T) row {
	return rowOf[T](name, short, row{
		largest: largest, epsilon: epsilon,
		to: func(v any, other *row) any { return other.fromFloat(v.(T).Float64()) },
		fromInt: func(x int64) any {
			if x < 0 {
				return from(-oddFloat64(uint64(-x)))
			}
			return from(oddFloat64(uint64(x)))
		},
		fromUint:  func(x uint64) any { return from(oddFloat64(x)) },
		fromFloat: func(x float64) any { return from(x) },
	})
}

// oddFloat64 returns x as a float64, rounded to odd where it has more than 53 bits, so that the
// rounding to 16 or 8 bits that follows is as good as the only one.
func oddFloat64(x uint64) float64 {
	const low = 1<<11 - 1
	if x >= 1<<53 && x&low != 0 {
		x = x&^low | (low + 1)
	}
	return float64(x)
}
