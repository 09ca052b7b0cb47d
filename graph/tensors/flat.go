package tensors

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"github.com/quire-ml/quire/graph/dtypes"
)

// Flat returns the elements of t in row-major order: a view, no copy. It panics if T is not the Go
// type of t's dtype, or if t was closed.
//
// The view is valid only as long as t is reachable and not closed: memory of 64 KiB and more is
// outside the Go heap, where a slice keeps nothing alive. Where nothing uses t after the slice, end
// with runtime.KeepAlive(t), or use [ConstFlatData] or [MutableFlatData], which do so themselves.
func Flat[T dtypes.Supported](t *Tensor) []T {
	t.AssertValid()
	if err := checkType[T](t); err != nil {
		panic("tensors: " + err.Error())
	}
	return view[T](t)
}

// checkType returns an error unless T is the Go type of t's dtype.
func checkType[T dtypes.Supported](t *Tensor) error {
	if want := dtypes.Of[T](); want != t.shape.DType {
		return fmt.Errorf("the elements of %s are not %s", t.shape, want)
	}
	return nil
}

// view returns the elements of t, which is valid and has elements of type T.
func view[T dtypes.Supported](t *Tensor) []T {
	b := t.bytes()
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), t.shape.Size())
}

// bytes returns the bytes of t's elements.
func (t *Tensor) bytes() []byte {
	n := t.shape.ByteSize()
	return t.storage.Load().Bytes()[:n:n]
}

var errNilFunction = errors.New("tensors: the function that is to see the elements is nil")

// ConstFlatData calls fn with the elements of t in row-major order, to read. The slice is valid only
// inside fn. It returns an error if T is not the Go type of t's dtype, if t was closed, or if it is [Mapped] and fn came
// to where the file was cut.
func ConstFlatData[T dtypes.Supported](t *Tensor, fn func(flat []T)) (err error) {
	if err := t.CheckValid(); err != nil {
		return err
	}
	if err := checkType[T](t); err != nil {
		return err
	}
	if fn == nil {
		return errNilFunction
	}
	defer reading(t).end(&err)
	fn(view[T](t))
	runtime.KeepAlive(t)
	return nil
}

// MutableFlatData is [ConstFlatData] for reading and writing.
func MutableFlatData[T dtypes.Supported](t *Tensor, fn func(flat []T)) error {
	return ConstFlatData(t, fn)
}

// MustConstFlatData is [ConstFlatData] that panics on an error.
func MustConstFlatData[T dtypes.Supported](t *Tensor, fn func(flat []T)) {
	mustDo(ConstFlatData(t, fn))
}

// MustMutableFlatData is [MutableFlatData] that panics on an error.
func MustMutableFlatData[T dtypes.Supported](t *Tensor, fn func(flat []T)) {
	mustDo(MutableFlatData(t, fn))
}

// CopyFlatData returns a copy of the elements of t in row-major order. It returns an error if T is
// not the Go type of t's dtype, or if t was closed.
func CopyFlatData[T dtypes.Supported](t *Tensor) ([]T, error) {
	var flat []T
	err := ConstFlatData(t, func(data []T) { flat = append(make([]T, 0, len(data)), data...) })
	return flat, err
}

// MustCopyFlatData is [CopyFlatData] that panics on an error.
func MustCopyFlatData[T dtypes.Supported](t *Tensor) []T { return must(CopyFlatData[T](t)) }

// AssignFlatData overwrites the elements of to, in row-major order. It returns an error if T is not
// the Go type of its dtype, if the number of elements differs, or if it was closed.
func AssignFlatData[T dtypes.Supported](to *Tensor, from []T) error {
	if err := to.CheckValid(); err != nil {
		return err
	}
	if len(from) != to.Size() {
		return fmt.Errorf("%d elements do not fit into %s, which has %d", len(from), to.shape, to.Size())
	}
	return MutableFlatData(to, func(flat []T) { copy(flat, from) })
}

// ToScalar returns the element of a scalar. It panics if t is no scalar, if T is not the Go type of
// its dtype, or if t was closed.
func ToScalar[T dtypes.Supported](t *Tensor) T {
	t.AssertValid()
	if !t.IsScalar() {
		panic(fmt.Sprintf("tensors: %s is no scalar", t.shape))
	}
	v := Flat[T](t)[0]
	runtime.KeepAlive(t)
	return v
}

// ConstFlatData calls fn with the elements of t in row-major order, to read: a slice of the Go type
// of t's dtype, such as []float32, valid only inside fn. It returns an error where the function [ConstFlatData] does.
func (t *Tensor) ConstFlatData(fn func(flat any)) (err error) {
	if err := t.CheckValid(); err != nil {
		return err
	}
	if fn == nil {
		return errNilFunction
	}
	defer reading(t).end(&err)
	fn(flatAny(t))
	runtime.KeepAlive(t)
	return nil
}

// MutableFlatData is [Tensor.ConstFlatData] for reading and writing.
func (t *Tensor) MutableFlatData(fn func(flat any)) error { return t.ConstFlatData(fn) }

// MustConstFlatData is [Tensor.ConstFlatData] that panics on an error.
func (t *Tensor) MustConstFlatData(fn func(flat any)) { mustDo(t.ConstFlatData(fn)) }

// MustMutableFlatData is [Tensor.MutableFlatData] that panics on an error.
func (t *Tensor) MustMutableFlatData(fn func(flat any)) { mustDo(t.MutableFlatData(fn)) }

// ConstBytes calls fn with the bytes of the elements in row-major order and the machine's byte
// order, to read. The slice is valid only inside fn. It returns an error if t was closed, or if it is [Mapped] and fn came to
// where the file was cut.
func (t *Tensor) ConstBytes(fn func(data []byte)) (err error) {
	if err := t.CheckValid(); err != nil {
		return err
	}
	if fn == nil {
		return errNilFunction
	}
	defer reading(t).end(&err)
	fn(t.bytes())
	runtime.KeepAlive(t)
	return nil
}

// MutableBytes is [Tensor.ConstBytes] for reading and writing.
func (t *Tensor) MutableBytes(fn func(data []byte)) error { return t.ConstBytes(fn) }

// MustConstBytes is [Tensor.ConstBytes] that panics on an error.
func (t *Tensor) MustConstBytes(fn func(data []byte)) { mustDo(t.ConstBytes(fn)) }

// MustMutableBytes is [Tensor.MutableBytes] that panics on an error.
func (t *Tensor) MustMutableBytes(fn func(data []byte)) { mustDo(t.MutableBytes(fn)) }

func mustDo(err error) { must(struct{}{}, err) }

// flatAny returns the view of t's elements with the type hidden.
func flatAny(t *Tensor) any { return ladder[t.shape.DType].flat(t) }
