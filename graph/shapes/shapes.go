package shapes

import (
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"github.com/quire-ml/quire/graph/dtypes"
)

// Shape is the element type and the axes of a tensor. The zero value is invalid. Treat the slices
// as read-only: shapes share them.
type Shape struct {
	DType      dtypes.DType `json:"dtype"`
	Dimensions []int        `json:"dims"`
	AxisNames  []string     `json:"names,omitempty"` // nil, or one per axis; "" leaves an axis unnamed
}

// Make returns the shape with the given dimensions; none make a scalar.
func Make(dtype dtypes.DType, dimensions ...int) Shape {
	return Shape{DType: dtype, Dimensions: slices.Clone(dimensions)}
}

// Scalar returns the shape without axes.
func Scalar(dtype dtypes.DType) Shape { return Shape{DType: dtype} }

// WithAxisNames returns s with named axes, one name per axis; "" leaves an axis unnamed.
// It panics if the number of names is not the rank.
func (s Shape) WithAxisNames(names ...string) Shape {
	if len(names) != s.Rank() {
		panic(fmt.Sprintf("shapes: %d axis names for the %d axes of %s", len(names), s.Rank(), s))
	}
	s.AxisNames = slices.Clone(names)
	if !s.HasNames() {
		s.AxisNames = nil
	}
	return s
}

// WithDType returns s with another element type.
func (s Shape) WithDType(dtype dtypes.DType) Shape {
	s.DType = dtype
	return s
}

// Shape returns s, so that everything with a shape can be asked for it in one way.
func (s Shape) Shape() Shape { return s }

// HasShape is what has a shape: a Shape, a tensor, a node.
type HasShape interface{ Shape() Shape }

// Rank returns the number of axes.
func (s Shape) Rank() int { return len(s.Dimensions) }

// IsScalar reports whether s has no axes (and a valid dtype).
func (s Shape) IsScalar() bool { return s.Ok() && len(s.Dimensions) == 0 }

// Ok reports whether s has a valid dtype and no negative dimension.
func (s Shape) Ok() bool {
	return s.DType.IsValid() && !slices.ContainsFunc(s.Dimensions, func(d int) bool { return d < 0 })
}

// Dim returns the size of an axis; a negative axis counts from the end. It panics if there is no
// such axis.
func (s Shape) Dim(axis int) int {
	a, err := AdjustAxis(axis, s.Rank())
	if err != nil {
		panic(fmt.Sprintf("shapes: %s: %v", s, err))
	}
	return s.Dimensions[a]
}

// Name returns the name of an axis, "" if it has none; a negative axis counts from the end.
func (s Shape) Name(axis int) string {
	if axis < 0 {
		axis += s.Rank()
	}
	if axis < 0 || axis >= len(s.AxisNames) {
		return ""
	}
	return s.AxisNames[axis]
}

// HasNames reports whether any axis has a name.
func (s Shape) HasNames() bool {
	return slices.ContainsFunc(s.AxisNames, func(n string) bool { return n != "" })
}

// Size returns the number of elements, 1 for a scalar.
func (s Shape) Size() int {
	n := 1
	for _, d := range s.Dimensions {
		n *= d
	}
	return n
}

// ByteSize returns the number of bytes of the elements, rounded up to whole bytes, see [dtypes.DType.Bytes].
func (s Shape) ByteSize() int { return s.DType.Bytes(s.Size()) }

// MaxBytes is the largest tensor that [Shape.Check] lets pass: 2^46 bytes, 64 TiB.
const MaxBytes = 1 << 46

// Check returns an error if s is not the shape of any tensor: an invalid dtype, a negative
// dimension, or more bytes than [MaxBytes] (where an axis of size 0 counts as 1).
func (s Shape) Check() error {
	if !s.DType.IsValid() {
		return fmt.Errorf("shape %s has no dtype", s)
	}
	n := uint64(s.DType.Bits())
	for _, d := range s.Dimensions {
		if d < 0 {
			return fmt.Errorf("shape %s has a negative dimension", s)
		}
		hi, lo := bits.Mul64(n, uint64(max(d, 1))) // an empty axis must not hide what would overflow
		if n = lo; hi != 0 || lo > 8*MaxBytes {
			return fmt.Errorf("shape %s is too large: more than %d TiB", s, MaxBytes>>40)
		}
	}
	return nil
}

// Strides returns, per axis, the distance in elements between neighbours in row-major order.
func (s Shape) Strides() []int { return Strides(s.Dimensions) }

// Strides returns the row-major strides, in elements, of the given dimensions.
func Strides(dimensions []int) []int {
	strides := make([]int, len(dimensions))
	n := 1
	for i := len(dimensions) - 1; i >= 0; i-- {
		strides[i] = n
		n *= dimensions[i]
	}
	return strides
}

// Equal reports whether s and other have the same dtype and dimensions. Names do not count.
func (s Shape) Equal(other Shape) bool {
	return s.DType == other.DType && slices.Equal(s.Dimensions, other.Dimensions)
}

// Identical reports whether s and other are [Shape.Equal] and their axes have the same names.
func (s Shape) Identical(other Shape) bool {
	if s.AxisNames == nil && other.AxisNames == nil {
		return s.Equal(other)
	}
	return s.Equal(other) && slices.Equal(s.AxisNames, other.AxisNames)
}

// EqualDimensions reports whether s and other have the same dimensions.
func (s Shape) EqualDimensions(other Shape) bool {
	return slices.Equal(s.Dimensions, other.Dimensions)
}

// Clone returns a copy of s that shares no slice with it.
func (s Shape) Clone() Shape {
	s.Dimensions, s.AxisNames = slices.Clone(s.Dimensions), slices.Clone(s.AxisNames)
	return s
}

// String writes s as "float32[32 784]", with names as "float32[batch=32 pixel=784]", a scalar as "float32[]".
func (s Shape) String() string { return s.DType.String() + s.Dims() }

// Dims writes the axes alone, as "[32 784]" or "[batch=32 pixel=784]".
func (s Shape) Dims() string {
	var b strings.Builder
	b.WriteByte('[')
	for i, d := range s.Dimensions {
		if i > 0 {
			b.WriteByte(' ')
		}
		if name := s.Name(i); name != "" {
			b.WriteString(name + "=")
		}
		b.WriteString(strconv.Itoa(d))
	}
	b.WriteByte(']')
	return b.String()
}
