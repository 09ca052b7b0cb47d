package tensors

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

// Tensor is a value on the host: a shape, and its elements in row-major order in a [Storage].
//
// Several goroutines may read a tensor at once. Writing it, or closing it, must not happen while
// another goroutine uses it.
type Tensor struct {
	shape   shapes.Shape
	storage atomic.Pointer[Storage] // nil after Close
}

// New returns a tensor of zeros. It returns an error if the shape is invalid or too large for the
// memory.
func New(shape shapes.Shape) (*Tensor, error) { return newTensor(shape, true) }

// newTensor returns a tensor with new storage; without zero the contents are undefined.
func newTensor(shape shapes.Shape, zero bool) (*Tensor, error) {
	if err := shape.Check(); err != nil {
		return nil, err
	}
	if n := shape.ByteSize(); n <= tinyBytes {
		return newTiny(shape, n), nil
	}
	s, err := newStorage(shape.ByteSize(), zero)
	if err != nil {
		return nil, fmt.Errorf("tensor %s: %w", shape, err)
	}
	return wrap(shape, s), nil
}

// wrap returns a tensor that owns one reference of s.
func wrap(shape shapes.Shape, s *Storage) *Tensor {
	t := &Tensor{shape: shape}
	t.storage.Store(s)
	return t
}

// FromShape returns a tensor of zeros, as [New] does. It panics where New returns an error.
func FromShape(shape shapes.Shape) *Tensor { return must(New(shape)) }

// FromBytes returns a tensor with a copy of data: its elements in row-major order and the machine's
// byte order; a bool is true if its byte is not 0. It returns an error unless data has exactly the
// size of the shape.
func FromBytes(shape shapes.Shape, data []byte) (*Tensor, error) {
	if err := shape.Check(); err != nil {
		return nil, err
	}
	if len(data) != shape.ByteSize() {
		return nil, fmt.Errorf("tensor %s takes %d bytes, not %d", shape, shape.ByteSize(), len(data))
	}
	t, err := newTensor(shape, false)
	if err != nil {
		return nil, err
	}
	copy(t.bytes(), data)
	if shape.DType == dtypes.Bool {
		normalizeBools(t.bytes())
	}
	runtime.KeepAlive(t)
	return t, nil
}

// FromStorage returns a tensor whose elements are at the beginning of s, and takes over one
// reference of s. On an error (an invalid shape, or s is too small) the reference stays the caller's.
func FromStorage(shape shapes.Shape, s *Storage) (*Tensor, error) {
	if err := shape.Check(); err != nil {
		return nil, err
	}
	if s == nil {
		return nil, fmt.Errorf("tensor %s: the storage is nil", shape)
	}
	if shape.ByteSize() > s.Len() {
		return nil, fmt.Errorf("tensor %s takes %d bytes, the storage has %d", shape, shape.ByteSize(), s.Len())
	}
	return wrap(shape, s), nil
}

// Shape returns the shape, also after Close.
func (t *Tensor) Shape() shapes.Shape { return t.shape }

// DType returns the type of the elements.
func (t *Tensor) DType() dtypes.DType { return t.shape.DType }

// Rank returns the number of axes.
func (t *Tensor) Rank() int { return t.shape.Rank() }

// Size returns the number of elements, 1 for a scalar.
func (t *Tensor) Size() int { return t.shape.Size() }

// ByteSize returns the number of bytes of the elements.
func (t *Tensor) ByteSize() int { return t.shape.ByteSize() }

// IsScalar reports whether t has no axes.
func (t *Tensor) IsScalar() bool { return t.shape.IsScalar() }

// Ok reports whether t is usable: not nil, made by a function of this package, and not closed.
func (t *Tensor) Ok() bool { return t != nil && t.storage.Load() != nil }

// CheckValid returns an error unless t is [Tensor.Ok].
func (t *Tensor) CheckValid() error {
	switch {
	case t == nil:
		return fmt.Errorf("the tensor is nil")
	case t.storage.Load() != nil:
		return nil
	case !t.shape.Ok():
		return fmt.Errorf("the tensor is empty: make tensors with the functions of package tensors")
	}
	return fmt.Errorf("tensor %s was closed: its memory is released", t.shape)
}

// AssertValid panics with the sentence of [Tensor.CheckValid] unless t is [Tensor.Ok].
func (t *Tensor) AssertValid() {
	if err := t.CheckValid(); err != nil {
		panic("tensors: " + err.Error())
	}
}

// Storage returns the memory of t, which stays t's: Retain it to keep it. It panics if t was
// closed.
func (t *Tensor) Storage() *Storage {
	t.AssertValid()
	return t.storage.Load()
}

// Share returns another tensor on the same memory, which is free when both are closed. What is
// written to one is seen in the other.
func (t *Tensor) Share() *Tensor { return wrap(t.shape, t.Storage().Retain()) }

// Reshaped returns a tensor on the same memory with other axes, without names. It returns an error
// unless the number of elements is the same. One dimension may be -1, for what is left.
func (t *Tensor) Reshaped(dimensions ...int) (*Tensor, error) {
	if err := t.CheckValid(); err != nil {
		return nil, err
	}
	shape, err := reshape(t.shape, dimensions)
	if err != nil {
		return nil, err
	}
	return wrap(shape, t.Storage().Retain()), nil
}

func reshape(from shapes.Shape, dimensions []int) (shapes.Shape, error) {
	to := shapes.Make(from.DType, dimensions...)
	open, known := -1, 1
	for axis, d := range dimensions {
		switch {
		case d == -1 && open < 0:
			open = axis
		case d == -1:
			return to, fmt.Errorf("reshape %s to %v: only one dimension may be -1", from, dimensions)
		default:
			known *= d
		}
	}
	if open >= 0 && known > 0 && from.Size()%known == 0 {
		to.Dimensions[open] = from.Size() / known
	}
	if to.Check() != nil || to.Size() != from.Size() {
		return to, fmt.Errorf("reshape %s to %v: %d elements do not fit", from, dimensions, from.Size())
	}
	return to, nil
}

// WithAxisNames returns a tensor on the same memory whose axes have names, one per axis; "" leaves
// an axis unnamed. It returns an error if the number of names is not the rank.
func (t *Tensor) WithAxisNames(names ...string) (*Tensor, error) {
	if err := t.CheckValid(); err != nil {
		return nil, err
	}
	if len(names) != t.Rank() {
		return nil, fmt.Errorf("%d axis names for the %d axes of %s", len(names), t.Rank(), t.shape)
	}
	return wrap(t.shape.WithAxisNames(names...), t.Storage().Retain()), nil
}

// Clone returns a copy of t with memory of its own.
func (t *Tensor) Clone() (*Tensor, error) {
	if err := t.CheckValid(); err != nil {
		return nil, err
	}
	c, err := newTensor(t.shape, false)
	if err != nil {
		return nil, err
	}
	if err := c.CopyFrom(t); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// CopyFrom copies the elements of from into t. It returns an error unless both have the same dtype
// and dimensions.
func (t *Tensor) CopyFrom(from *Tensor) error {
	if err := t.CheckValid(); err != nil {
		return err
	}
	if err := from.CheckValid(); err != nil {
		return err
	}
	if !t.shape.Equal(from.shape) {
		return fmt.Errorf("copy of %s into %s: the shapes differ", from.shape, t.shape)
	}
	var written error
	err := from.ConstBytes(func(src []byte) {
		written = t.MutableBytes(func(dst []byte) { copy(dst, src) })
	})
	return errors.Join(err, written)
}

// Close releases t's share of the memory, which is free at once unless another tensor shares
// it. Using t afterwards is an error; closing it again is not, and closing nil does nothing. The error is
// always nil: Close has one for io.Closer's sake.
func (t *Tensor) Close() error {
	if t == nil {
		return nil
	}
	if s := t.storage.Swap(nil); s != nil {
		s.Release()
	}
	return nil
}

// FinalizeAll is [Tensor.Close] by its name in GoMLX.
//
// Deprecated: use Close. It goes with the next release.
func (t *Tensor) FinalizeAll() error { return t.Close() }

// MustFinalizeAll is [Tensor.Close] by its name in GoMLX.
//
// Deprecated: use Close. It goes with the next release.
func (t *Tensor) MustFinalizeAll() { _ = t.Close() }

// must returns v, or panics with err for the functions that have no error to return.
func must[T any](v T, err error) T {
	if err != nil {
		panic("tensors: " + err.Error())
	}
	return v
}
