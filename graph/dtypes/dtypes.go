package dtypes

import (
	"fmt"
	"strings"
)

// DType is the type of a tensor's elements.
type DType uint8

// The element types. Invalid is the zero value: no type was chosen.
const (
	Invalid DType = iota
	Bool
	Int8
	Int16
	Int32
	Int64
	Uint8
	Uint16
	Uint32
	Uint64
	Float16
	BFloat16
	Float32
	Float64
	Complex64
	Complex128
	Float8E4M3FN // for storage, see [Storage]
	Float8E5M2

	count
)

// All returns every valid type, in order of declaration.
func All() []DType {
	all := make([]DType, 0, count-1)
	for d := Bool; d < count; d++ {
		all = append(all, d)
	}
	return all
}

// IsValid reports whether d is one of the named types other than Invalid.
func (d DType) IsValid() bool { return d > Invalid && d < count }

// row returns what is known of d: nothing of a number that is no type.
func (d DType) row() *row {
	if d >= count {
		return &table[Invalid]
	}
	return &table[d]
}

// String returns the name, such as "float32".
func (d DType) String() string {
	if d >= count {
		return fmt.Sprintf("DType(%d)", uint8(d))
	}
	return table[d].name
}

// Short returns the abbreviation used in shapes, such as "f32" or "b1".
func (d DType) Short() string {
	if d >= count {
		return d.String()
	}
	return table[d].short
}

// Size returns the number of bytes of one element, 0 for Invalid. It is for code that steps from element to element; how
// many bytes an array takes is asked of [DType.Bytes], and how wide an element is of [DType.Bits]: a dtype narrower than a
// byte, whose elements are packed, would have no Size.
func (d DType) Size() int { return d.row().size }

// Bits returns the number of bits of one element as it is stored, 0 for Invalid. A bool takes 8.
func (d DType) Bits() int { return 8 * d.Size() }

// Bytes returns the number of bytes that n elements take side by side, rounded up to whole bytes.
func (d DType) Bytes(n int) int {
	bits := d.Bits()
	return n/8*bits + (n%8*bits+7)/8 // 8 elements are whole bytes; n·bits could overflow where the result does not
}

// IsFloat reports whether d is float16, bfloat16, float32 or float64: a float that ops compute in, see [DType.IsStorage].
func (d DType) IsFloat() bool { return Floats.Has(d) }

// IsHalf reports whether d is one of the two 16-bit floats.
func (d DType) IsHalf() bool { return d == Float16 || d == BFloat16 }

// IsStorage reports whether d is one of the floats of 8 bits, which hold numbers and are not computed in.
func (d DType) IsStorage() bool { return Storage.Has(d) }

// IsInt reports whether d is a signed or unsigned integer; bool is not.
func (d DType) IsInt() bool { return Ints.Has(d) }

// IsUnsigned reports whether d is an unsigned integer.
func (d DType) IsUnsigned() bool { return Unsigned.Has(d) }

// IsComplex reports whether d is complex64 or complex128.
func (d DType) IsComplex() bool { return Complexes.Has(d) }

// Real returns the type of the parts of a complex type, and d itself for all others.
func (d DType) Real() DType {
	switch d {
	case Complex64:
		return Float32
	case Complex128:
		return Float64
	}
	return d
}

// Parse returns the type with the given name or abbreviation, such as "float32" or "f32".
func Parse(name string) (DType, error) {
	for d := Bool; d < count; d++ {
		if strings.EqualFold(name, table[d].name) || name == table[d].short {
			return d, nil
		}
	}
	return Invalid, fmt.Errorf("dtype %q is unknown: the names are bool, int8 to int64, uint8 to uint64, float16, bfloat16, float32, float64, complex64, complex128, float8_e4m3fn and float8_e5m2", name)
}

// MarshalText writes the name.
func (d DType) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads a name, see [Parse].
func (d *DType) UnmarshalText(text []byte) (err error) {
	if string(text) == "invalid" {
		*d = Invalid
		return nil
	}
	*d, err = Parse(string(text))
	return err
}
