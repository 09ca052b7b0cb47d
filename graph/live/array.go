package live

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Array is a value at hand, or what computes one: its methods note what is to be computed, and whoever asks for numbers has it computed.
// An Array never changes. It points to what it is made of and nothing points to it, so what is dropped is collected.
//
// What cannot be part of a computation, such as two shapes that do not meet, is found where it is written. The Array then holds the error
// ([Array.Err]), as does all that is made of it; evaluating or showing any of them gives that error, with the line that caused it.
//
// An Array is safe for several goroutines.
type Array struct {
	session *Session
	shape   shapes.Shape
	site    ir.Site
	err     error
	kept    atomic.Bool
	state   atomic.Pointer[state]
	mark    uint64 // the walk that takes it as a result, under session.mu
}

// state is what an array is at a moment. It is replaced, never changed.
type state struct {
	call     *call  // what computes it; nil if its value is at hand
	index    int    // which of the call's results it is
	value    *value // its value, which may be under way; nil until it is evaluated
	released string // where it was released, "" if it was not
}

// call is what was recorded: an operation on arrays.
type call struct {
	op       *operation
	in       []*Array
	site     ir.Site
	computed atomic.Int32 // how often, without its value being kept

	walk uint64 // the walk that has met it, and its place there; under session.mu
	at   int
}

// recorded is what most arrays need besides, in one piece that is let go when the array has its value.
type recorded struct {
	state
	call
	room [2]*Array
}

// errNil is the error of an Array that nobody has made.
var errNil = errors.New("the array is nil or a zero Array: live.Of, live.Zeros and their like make arrays")

// here returns err, which is no error of package graph, as one that names the user's line.
func here(err error) error { return graph.Catch(func() { graph.Errorf("%w", err) }) }

// failed returns an array that holds an error at the user's line.
func failed(s *Session, format string, args ...any) *Array {
	return &Array{session: s, err: here(fmt.Errorf(format, args...))}
}

// check returns x, or an array with an error if there is none.
func (x *Array) check() *Array {
	if x == nil || x.session == nil {
		return &Array{session: Default(), err: here(errNil)}
	}
	return x
}

// Err returns why x cannot be computed, nil if nothing is known against it. Errors of a run are those of [Eval].
func (x *Array) Err() error { return x.check().err }

// Shape returns the shape of x, which is known before its value; a zero one if x holds an error.
func (x *Array) Shape() shapes.Shape { return x.check().shape }

// DType returns the dtype of x's elements.
func (x *Array) DType() dtypes.DType { return x.Shape().DType }

// Rank returns the number of axes.
func (x *Array) Rank() int { return x.Shape().Rank() }

// Size returns the number of elements, 0 if x holds an error.
func (x *Array) Size() int {
	if x.Err() != nil {
		return 0
	}
	return x.shape.Size()
}

// ByteSize returns the number of bytes of the elements, 0 if x holds an error.
func (x *Array) ByteSize() int {
	if x.Err() != nil {
		return 0
	}
	return x.shape.ByteSize()
}

// Dim returns the size of an axis, a negative one counted from the end; 0 if there is no such axis.
func (x *Array) Dim(axis int) int {
	s := x.Shape()
	a, err := shapes.AdjustAxis(axis, s.Rank())
	if err != nil {
		return 0
	}
	return s.Dimensions[a]
}

// Evaluated reports whether the value of x is at hand.
func (x *Array) Evaluated() bool {
	if x.Err() != nil {
		return false
	}
	st := x.state.Load()
	return st.value != nil && st.value.ready()
}

// Position returns the place in the user's code that made x.
func (x *Array) Position() graph.Position { return x.check().site.Place() }

// Tensor returns the value of x, which is evaluated if need be. On an engine in the memory of the host, as the engine go, the tensor shares
// x's memory: its elements must not be changed. The error is that of [Eval].
func (x *Array) Tensor() (*tensors.Tensor, error) { return x.TensorContext(context.Background()) }

// TensorContext is [Array.Tensor] with a context that can end it.
func (x *Array) TensorContext(ctx context.Context) (*tensors.Tensor, error) {
	x = x.check()
	if x.err == nil && !x.Evaluated() {
		x.session.report.asked()
	}
	if err := Eval(ctx, x); err != nil {
		return nil, err
	}
	st := x.state.Load()
	if st.value == nil {
		return nil, x.releasedError(st)
	}
	return st.value.tensor(ctx)
}

// MustTensor is [Array.Tensor]; it panics on an error.
func (x *Array) MustTensor() *tensors.Tensor { return must(x.Tensor()) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// String returns the elements of x, as [tensors.Tensor.String] writes them, or the error that there is instead: printing evaluates.
func (x *Array) String() string {
	t, err := x.Tensor()
	if err != nil {
		return "error: " + err.Error()
	}
	return t.String()
}

// Values returns the elements of x in row-major order, evaluated if need be. It is an error if T is not the Go type of x's dtype.
func Values[T dtypes.Supported](x *Array) ([]T, error) {
	t, err := x.Tensor()
	if err != nil {
		return nil, err
	}
	return tensors.CopyFlatData[T](t)
}

// MustValues is [Values]; it panics on an error.
func MustValues[T dtypes.Supported](x *Array) []T { return must(Values[T](x)) }

// Item returns the one element of x, evaluated if need be. It is an error if x has more or none, or if T is not the Go type of its dtype.
func Item[T dtypes.Supported](x *Array) (item T, err error) {
	if n := x.Size(); x.Err() == nil && n != 1 {
		return item, here(fmt.Errorf("an item is the only element of an array, and %s has %d: take one with At, or all with Values", x.shape, n))
	}
	values, err := Values[T](x)
	if err != nil {
		return item, err
	}
	return values[0], nil
}

// MustItem is [Item]; it panics on an error.
func MustItem[T dtypes.Supported](x *Array) T { return must(Item[T](x)) }
