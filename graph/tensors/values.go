package tensors

import (
	"fmt"
	"reflect"
	"runtime"
	"unsafe"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

// FromScalar returns a scalar tensor.
func FromScalar[T dtypes.Supported](value T) *Tensor { return FromScalarAndDimensions(value) }

// FromScalarAndDimensions returns a tensor with every element equal to value. It panics if the
// dimensions are negative or too large for the memory.
func FromScalarAndDimensions[T dtypes.Supported](value T, dimensions ...int) *Tensor {
	t := must(newTensor(shapes.Make(dtypes.Of[T](), dimensions...), false))
	flat := view[T](t)
	for i := range flat {
		flat[i] = value
	}
	runtime.KeepAlive(t)
	return t
}

// FromFlatDataAndDimensions returns a tensor with a copy of data, its elements in row-major order.
// It panics unless the dimensions make as many elements.
func FromFlatDataAndDimensions[T dtypes.Supported](data []T, dimensions ...int) *Tensor {
	shape := shapes.Make(dtypes.Of[T](), dimensions...)
	mustDo(shape.Check())
	if shape.Size() != len(data) {
		panic(fmt.Sprintf("tensors: %d elements do not make %s, which has %d", len(data), shape, shape.Size()))
	}
	t := must(newTensor(shape, false))
	copy(view[T](t), data)
	runtime.KeepAlive(t)
	return t
}

// FromValue is [FromAnyValue] that panics on an error, such as a ragged slice.
func FromValue[S any](value S) *Tensor { return must(FromAnyValue(value)) }

// MustFromAnyValue is [FromAnyValue] that panics on an error.
func MustFromAnyValue(value any) *Tensor { return must(FromAnyValue(value)) }

// FromAnyValue returns value as a tensor. The value is a Go scalar, or a slice or array of any rank
// of them; an int becomes an int64. A *Tensor is returned as it is.
//
// It returns an error if the element type is no dtype, or if the slice is ragged: then it names the
// place. Below an empty slice the sizes are unknown and become 0.
func FromAnyValue(value any) (*Tensor, error) {
	if t, ok := value.(*Tensor); ok {
		return t, t.CheckValid()
	}
	if typ := reflect.TypeOf(value); typ != nil && typ.Kind() != reflect.Slice && typ.Kind() != reflect.Int {
		if d := dtypes.OfType(typ); d != dtypes.Invalid {
			t := newTiny(shapes.Scalar(d), d.Bytes(1))
			ladder[d].set(t, value)
			return t, nil
		}
	}
	v := reflect.ValueOf(value)
	if !v.IsValid() {
		return nil, fmt.Errorf("a tensor from nil: want a Go scalar, slice or array")
	}
	if v.Kind() == reflect.Array { // elements of an addressable array can be copied as one
		p := reflect.New(v.Type())
		p.Elem().Set(v)
		v = p.Elem()
	}
	shape, err := shapeOf(v)
	if err != nil {
		return nil, err
	}
	t, err := newTensor(shape, false)
	if err != nil {
		return nil, err
	}
	defer runtime.KeepAlive(t)
	if shape.IsScalar() {
		return t, setScalar(t, v)
	}
	rest := t.bytes()
	return t, fill(&rest, v, shape, nil)
}

// shapeOf returns the shape of a scalar, slice or array by its first elements.
func shapeOf(v reflect.Value) (shapes.Shape, error) {
	typ, dims := v.Type(), []int(nil)
	for typ.Kind() == reflect.Slice || typ.Kind() == reflect.Array {
		n := 0
		switch {
		case v.IsValid():
			n = v.Len()
		case typ.Kind() == reflect.Array:
			n = typ.Len()
		}
		dims = append(dims, n)
		if n > 0 && v.IsValid() {
			v = v.Index(0)
		} else {
			v = reflect.Value{}
		}
		typ = typ.Elem()
	}
	dtype := dtypes.OfType(typ)
	if dtype == dtypes.Invalid {
		return shapes.Shape{}, fmt.Errorf("a tensor from elements of Go type %s: want bool, int, int8 to int64, uint8 to uint64, float16.Float16, bfloat16.BFloat16, float32, float64, complex64, complex128, float8.E4M3FN or float8.E5M2", typ)
	}
	shape := shapes.Make(dtype, dims...)
	return shape, shape.Check()
}

// setScalar writes the only element.
func setScalar(t *Tensor, v reflect.Value) error {
	p := reflect.New(dtypes.GoType(t.DType()))
	p.Elem().Set(v.Convert(dtypes.GoType(t.DType())))
	copy(t.bytes(), unsafe.Slice((*byte)(p.UnsafePointer()), t.ByteSize()))
	return nil
}

// fill writes the elements of v, a slice or array at the given place, to the front of rest, and
// moves rest on.
func fill(rest *[]byte, v reflect.Value, shape shapes.Shape, place []int) error {
	axis := len(place)
	if v.Len() != shape.Dimensions[axis] {
		return fmt.Errorf("the slice is ragged: element %v has length %d, those before it %d", place, v.Len(), shape.Dimensions[axis])
	}
	if axis < shape.Rank()-1 {
		for i := range v.Len() {
			if err := fill(rest, v.Index(i), shape, append(place, i)); err != nil {
				return err
			}
		}
		return nil
	}
	if v.Len() == 0 {
		return nil
	}
	n := shape.DType.Bytes(v.Len())
	if v.Type().Elem().Kind() == reflect.Int && v.Type().Elem().Size() != 8 { // 32-bit machines
		out := unsafe.Slice((*int64)(unsafe.Pointer(unsafe.SliceData(*rest))), v.Len())
		for i := range out {
			out[i] = v.Index(i).Int()
		}
	} else {
		copy(*rest, unsafe.Slice((*byte)(v.Index(0).Addr().UnsafePointer()), n))
	}
	*rest = (*rest)[n:]
	return nil
}

// Value returns the elements as a Go value: a scalar such as float32, or nested slices such as
// [][]float32 with memory of their own. It panics if t was closed.
func (t *Tensor) Value() any {
	t.AssertValid()
	defer runtime.KeepAlive(t)
	defer reading(t).orPanic()
	if t.IsScalar() {
		return t.element(0)
	}
	mustDo(t.checkNest())
	flat := reflect.ValueOf(flatAny(t))
	row := reflect.MakeSlice(flat.Type(), flat.Len(), flat.Len())
	reflect.Copy(row, flat)
	return nest(row, t.shape.Dimensions).Interface()
}

// checkNest returns an error if t has no elements but so many rows that slices of slices would fill the memory.
func (t *Tensor) checkNest() error {
	if t.Size() > 0 {
		return nil
	}
	rows := 1
	for _, d := range t.shape.Dimensions {
		if d == 0 {
			break
		}
		if rows *= d; rows > 1<<20 {
			return fmt.Errorf("%s has no elements, and more rows than slices of slices could hold", t.shape)
		}
	}
	return nil
}

// nest cuts flat into slices of slices.
func nest(flat reflect.Value, dims []int) reflect.Value {
	if len(dims) == 1 {
		return flat.Slice3(0, dims[0], dims[0])
	}
	typ := flat.Type()
	for range dims[1:] {
		typ = reflect.SliceOf(typ)
	}
	out := reflect.MakeSlice(typ, dims[0], dims[0])
	if dims[0] == 0 {
		return out
	}
	step := flat.Len() / dims[0]
	for i := range dims[0] {
		out.Index(i).Set(nest(flat.Slice(i*step, (i+1)*step), dims[1:]))
	}
	return out
}

// At returns one element as a Go value, given one index per axis; negative ones count from the end.
// It panics if the number of indices is not the rank, if one is out of range, or if t was closed.
func (t *Tensor) At(index ...int) any {
	t.AssertValid()
	defer runtime.KeepAlive(t)
	defer reading(t).orPanic()
	return t.element(t.offset(index))
}

// offset returns the place of an index in row-major order.
func (t *Tensor) offset(index []int) int {
	if len(index) != t.Rank() {
		panic(fmt.Sprintf("tensors: At%s of %s: %d indices for %d axes", tuple(index), t.shape, len(index), t.Rank()))
	}
	at := 0
	for axis, i := range index {
		d := t.shape.Dimensions[axis]
		j := i
		if j < 0 {
			j += d
		}
		if j < 0 || j >= d {
			panic(fmt.Sprintf("tensors: At%s of %s: index %d is out of range on axis %d, which has %d", tuple(index), t.shape, i, axis, d))
		}
		at = at*d + j
	}
	return at
}

// tuple writes an index as "(1, 2)".
func tuple(index []int) string {
	s := "("
	for i, v := range index {
		if i > 0 {
			s += ", "
		}
		s += fmt.Sprint(v)
	}
	return s + ")"
}
