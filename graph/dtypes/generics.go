package dtypes

import (
	"math"
	"reflect"
	"unsafe"

	"github.com/quire-ml/quire/graph/dtypes/bfloat16"
	"github.com/quire-ml/quire/graph/dtypes/float16"
	"github.com/quire-ml/quire/graph/dtypes/float8"
)

// Integer lists the Go types of integer elements.
type Integer interface {
	int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64
}

// Float lists the Go types of float elements that Go computes with.
type Float interface{ float32 | float64 }

// Half lists the Go types of 16-bit float elements, which are converted to compute with.
type Half interface {
	float16.Float16 | bfloat16.BFloat16
}

// Float8 lists the Go types of 8-bit float elements, which are stored and converted, see [Storage].
type Float8 interface {
	float8.E4M3FN | float8.E5M2
}

// Complex lists the Go types of complex elements.
type Complex interface{ complex64 | complex128 }

// Supported lists the Go types of all elements.
type Supported interface {
	bool | Integer | Float | Half | Complex | Float8
}

// Scalar lists what Go code may give as a real number: every type that is written as a plain number.
type Scalar interface {
	~int | Integer | Float
}

// Of returns the DType of the Go type T.
func Of[T Supported]() DType {
	var zero T
	return OfValue(zero)
}

// OfValue returns the DType of v's Go type. An int counts as int64. It is Invalid for all others.
func OfValue(v any) DType {
	// A switch, since views of elements ask each time: a search of the table takes several times as long.
	switch v.(type) {
	case bool:
		return Bool
	case int8:
		return Int8
	case int16:
		return Int16
	case int32:
		return Int32
	case int64, int:
		return Int64
	case uint8:
		return Uint8
	case uint16:
		return Uint16
	case uint32:
		return Uint32
	case uint64:
		return Uint64
	case float16.Float16:
		return Float16
	case bfloat16.BFloat16:
		return BFloat16
	case float32:
		return Float32
	case float64:
		return Float64
	case complex64:
		return Complex64
	case complex128:
		return Complex128
	case float8.E4M3FN:
		return Float8E4M3FN
	case float8.E5M2:
		return Float8E5M2
	}
	return Invalid
}

// GoType returns the Go type of one element, nil for Invalid. It is no method: whoever names a type with a method that names reflect.Type,
// such as a cell that names a tensor, compiles fifty functions of package reflect anew.
func GoType(d DType) reflect.Type { return reflect.TypeOf(d.row().zero) }

// OfType returns the DType of a Go type. An int counts as int64. It is Invalid for all others.
func OfType(t reflect.Type) DType {
	if t == nil {
		return Invalid
	}
	if t.Kind() == reflect.Int && t.PkgPath() == "" {
		return Int64
	}
	for d := Bool; d < count; d++ {
		if reflect.TypeOf(table[d].zero) == t {
			return d
		}
	}
	return Invalid
}

// ToInt64 is [ToInteger] for int64.
func ToInt64(x float64) int64 { return ToInteger[int64](x) }

// ToUint64 is [ToInteger] for uint64.
func ToUint64(x float64) uint64 { return ToInteger[uint64](x) }

// ToInteger converts x to the integer type T by the rules of the package: towards zero, saturating,
// NaN to 0.
func ToInteger[T Integer](x float64) T {
	lo, hi := T(0), ^T(0)
	if hi < 0 { // -1: T is signed
		hi = T(uint64(1)<<(8*unsafe.Sizeof(hi)-1) - 1)
		lo = ^hi
	}
	switch {
	case x != x:
		return 0
	case x >= float64(hi): // of 64 bits that is the power of two above, which does not fit either
		return hi
	case x <= float64(lo):
		return lo
	}
	return T(x)
}

// Limits returns the smallest and largest value of an integer type, as int64 for signed and as
// uint64 for unsigned types; and for floats the finite ends of the range, as float64. For other
// types both are nil.
func Limits(d DType) (lo, hi any) {
	bits := d.Bits()
	switch {
	case d.IsUnsigned():
		return uint64(0), uint64(math.MaxUint64) >> (64 - bits)
	case d.IsInt():
		return int64(math.MinInt64) >> (64 - bits), int64(math.MaxInt64) >> (64 - bits)
	}
	if m := d.row().largest; m != 0 {
		return -m, m
	}
	return nil, nil
}

// Epsilon returns the distance from 1 to the next larger number of a float type (2^-10 for float16,
// 2^-7 for bfloat16, 2^-23, 2^-52; 2^-3 and 2^-2 of 8 bits), or of the parts of a complex one; 0 for all others.
func Epsilon(d DType) float64 { return d.Real().row().epsilon }

// Convert returns v, a Go value of a supported type (or int), as a value of d's Go type, by the
// rules of the package. It returns nil if either type is unknown.
func Convert(v any, d DType) any {
	from := OfValue(v)
	if from == Invalid || !d.IsValid() {
		return nil
	}
	if i, ok := v.(int); ok {
		v = int64(i)
	}
	return table[from].to(v, &table[d])
}
