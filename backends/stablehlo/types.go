package stablehlo

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// typeNames spells element types as MLIR does: signless i8 is a signed integer to StableHLO, i1 a bool.
var typeNames = map[dtypes.DType]string{
	dtypes.Bool: "i1",
	dtypes.Int8: "i8", dtypes.Int16: "i16", dtypes.Int32: "i32", dtypes.Int64: "i64",
	dtypes.Uint8: "ui8", dtypes.Uint16: "ui16", dtypes.Uint32: "ui32", dtypes.Uint64: "ui64",
	dtypes.Float16: "f16", dtypes.BFloat16: "bf16", dtypes.Float32: "f32", dtypes.Float64: "f64",
	dtypes.Complex64: "complex<f32>", dtypes.Complex128: "complex<f64>",
	dtypes.Float8E4M3FN: "f8E4M3FN", dtypes.Float8E5M2: "f8E5M2",
}

var typesByName = func() map[string]dtypes.DType {
	m := map[string]dtypes.DType{}
	for d, name := range typeNames {
		m[name] = d
	}
	return m
}()

// typeName returns MLIR's name of an element type.
func typeName(d dtypes.DType) string { return typeNames[d] }

// typeOf returns the element type that MLIR calls name, Invalid if there is none here (i4, index, …).
func typeOf(name string) dtypes.DType { return typesByName[name] }

// tensorType writes a type: tensor<2x3xf32>.
func tensorType(s shapes.Shape) string {
	var b strings.Builder
	b.WriteString("tensor<")
	for _, d := range s.Dimensions {
		b.WriteString(strconv.Itoa(d))
		b.WriteByte('x')
	}
	b.WriteString(typeName(s.DType))
	b.WriteByte('>')
	return b.String()
}

// maxListed is how many elements a constant may have to be written one by one, and maxAxes how many axes: others go
// into a blob of bytes. (Thousands of nested brackets overflow the stack of XLA's parser.)
const maxListed, maxAxes = 32, 16

// listable reports whether the elements of a constant are written one by one.
func listable(s shapes.Shape) bool { return s.Size() <= maxListed && s.Rank() <= maxAxes }

// dense writes a constant's value without its type: dense<1.5>, dense<[[1, 2], [3, 4]]>, dense<"0x…">. A value
// that repeats is written once. Bools have no blob: how MLIR packs them has changed between versions.
func dense(t *tensors.Tensor) (string, error) {
	var text string
	err := t.ConstBytes(func(data []byte) {
		s := t.Shape()
		size := s.DType.Size()
		switch {
		case s.Size() == 0:
			text = "dense<>"
		case repeats(data, size):
			text = "dense<" + elementText(s.DType, data[:size]) + ">"
		case !listable(s) && s.DType != dtypes.Bool:
			text = `dense<"0x` + strings.ToUpper(hex.EncodeToString(data)) + `">`
		default:
			var b strings.Builder
			b.WriteString("dense<")
			listed(&b, s.DType, s.Dimensions, data)
			b.WriteByte('>')
			text = b.String()
		}
	})
	return text, err
}

// repeats reports whether data is the same element of size bytes over and over.
func repeats(data []byte, size int) bool {
	return bytes.Equal(data[size:], data[:len(data)-size])
}

// listed writes elements in nested brackets, one pair per axis.
func listed(b *strings.Builder, d dtypes.DType, dims []int, data []byte) {
	if len(dims) == 0 {
		b.WriteString(elementText(d, data))
		return
	}
	b.WriteByte('[')
	part := len(data) / dims[0]
	for i := range dims[0] {
		if i > 0 {
			b.WriteString(", ")
		}
		listed(b, d, dims[1:], data[i*part:(i+1)*part])
	}
	b.WriteByte(']')
}

// elementText writes one element, given by its bytes, so that it is read back with the same bits.
func elementText(d dtypes.DType, data []byte) string {
	switch {
	case d == dtypes.Bool:
		return strconv.FormatBool(data[0] != 0)
	case d.IsComplex():
		half := len(data) / 2
		return "(" + elementText(d.Real(), data[:half]) + ", " + elementText(d.Real(), data[half:]) + ")"
	case d.IsFloat() || d.IsStorage():
		return floatText(d, littleEndian(data))
	case d.IsUnsigned():
		return strconv.FormatUint(littleEndian(data), 10)
	}
	unused := 64 - 8*len(data)
	return strconv.FormatInt(int64(littleEndian(data))<<unused>>unused, 10)
}

// littleEndian returns the number whose bytes, the lowest first, data holds.
func littleEndian(data []byte) (v uint64) {
	for i, b := range data {
		v |= uint64(b) << (8 * i)
	}
	return v
}

// floatText writes the float of type d with the given bits: as a decimal number that has the same bits when read
// as a float64 and rounded to d, which is what MLIR does; where there is none (infinities, NaN, halfway cases)
// as the bits in hexadecimal.
func floatText(d dtypes.DType, bits uint64) string {
	v := floatOf(d, bits)
	precision := 64
	if d != dtypes.Float64 {
		precision = 32
	}
	if !math.IsInf(v, 0) && !math.IsNaN(v) {
		text := strconv.FormatFloat(v, 'e', -1, precision)
		back, err := strconv.ParseFloat(text, 64)
		if err == nil && bitsOf(d, back) == bits {
			if mantissa, exponent, _ := strings.Cut(text, "e"); !strings.Contains(mantissa, ".") { // MLIR asks for a point
				text = mantissa + ".0e" + exponent
			}
			return text
		}
	}
	return fmt.Sprintf("0x%0*X", 2*d.Size(), bits)
}

// floatOf returns the value of the float of type d with the given bits.
func floatOf(d dtypes.DType, bits uint64) float64 {
	data := make([]byte, d.Size())
	for i := range data {
		data[i] = byte(bits >> (8 * i))
	}
	t, err := tensors.FromBytes(shapes.Scalar(d), data)
	if err != nil {
		panic(fmt.Sprintf("stablehlo: a float of %d bytes: %v", len(data), err))
	}
	return t.Float64At(0)
}

// bitsOf returns the bits of v rounded to the float type d.
func bitsOf(d dtypes.DType, v float64) (bits uint64) {
	t, err := tensors.FromScalar(v).ConvertDType(d)
	if err == nil {
		err = t.ConstBytes(func(data []byte) { bits = littleEndian(data) })
	}
	if err != nil {
		panic(fmt.Sprintf("stablehlo: %v as %s: %v", v, d, err))
	}
	return bits
}

// fromBlob returns the tensor whose elements a constant's blob of bytes holds: all of them, or one that repeats.
// Bools are a byte each or packed, eight to a byte, the first in the lowest bit.
func fromBlob(s shapes.Shape, blob []byte) (*tensors.Tensor, error) {
	n, size := s.Size(), s.DType.Size()
	switch {
	case s.DType == dtypes.Bool:
		bools := make([]byte, n)
		for i := range bools {
			var set bool
			switch len(blob) {
			case n:
				set = blob[i] != 0
			case (n + 7) / 8:
				set = blob[i/8]>>(i%8)&1 != 0
			case 1:
				set = blob[0] != 0
			default:
				return nil, fmt.Errorf("a blob of %d bytes for %s", len(blob), s)
			}
			if set {
				bools[i] = 1
			}
		}
		blob = bools
	case len(blob) == size && n > 1:
		blob = bytes.Repeat(blob, n)
	}
	if len(blob) != n*size {
		return nil, fmt.Errorf("a blob of %d bytes for %s, which has %d", len(blob), s, n*size)
	}
	return tensors.FromBytes(s, blob)
}
