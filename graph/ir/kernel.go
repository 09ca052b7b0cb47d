package ir

import (
	"context"
	"fmt"
	"unsafe"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

// Kernel computes a call of an op of one's own in the memory of the host: see [Op.Kernel]. An engine calls it at each run, and several
// runs at once may: what it needs to know of the call it is made with, and what a run finds out it keeps to itself.
//
// It reads its operands, which others read too, and writes every element of every result. The memory of results holds anything before.
// What it panics with is the error of the run, with the op's name and the line of the call. It starts no goroutines: [KernelArgs] has
// the engine's.
type Kernel func(a *KernelArgs)

// KernelArgs is what one call of a [Kernel] works on. It is valid during the call.
type KernelArgs struct {
	In, Out []Memory // operands and results

	// For calls body for pieces of about grain numbers each that cover 0 to n, in any order and several at once, on the engine's
	// goroutines, and returns when all are done, or, if the run is cancelled, when those that have begun are: look at Ended before reading
	// what pieces have written, of which some may be missing then. What a piece writes no other piece reads or writes. Some microseconds of work are a good
	// piece. A body that calls For itself has the pieces to itself.
	For func(n, grain int, body func(lo, hi int))

	// Context is that of the run, for kernels that wait for something: see [Op.Waits].
	Context context.Context

	// Ended reports whether the run was cancelled: a kernel that takes long without For looks from time to time, and returns if so.
	Ended func() bool
}

// Memory is the memory of a value, row-major. [Elements] sees it as numbers.
type Memory struct {
	Shape shapes.Shape
	Data  []byte
}

// Elements returns the elements of m: a view, no copy, which ends where m does. It panics with an error if T is not the Go type of m's
// dtype, or if m has not as many bytes as its shape says.
func Elements[T dtypes.Supported](m Memory) []T {
	if d := dtypes.Of[T](); d != m.Shape.DType {
		panic(fmt.Errorf("the elements of %s are not %s", m.Shape, d))
	}
	n := m.Shape.Size()
	if len(m.Data) != m.Shape.ByteSize() {
		panic(fmt.Errorf("%d bytes are not the elements of %s", len(m.Data), m.Shape))
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(m.Data))), n) // engines align what they compute in
}

// OwnKernel returns the kernel that the call's row brings for it, nil if it brings none. It is an error if the row's function panics.
func (c Call) OwnKernel() (k Kernel, err error) {
	defer func() {
		if r := recover(); r != nil {
			k, err = nil, fmt.Errorf("the function Kernel of its row panicked: %v", r)
		}
	}()
	if c.Op == nil || c.Op.Kernel == nil {
		return nil, nil
	}
	return c.Op.Kernel(c), nil
}

// OwnStableHLO returns the form in StableHLO that the call's row brings for it, "" if it brings none. It is an error if the row's function
// panics.
func (c Call) OwnStableHLO() (text string, err error) {
	defer func() {
		if r := recover(); r != nil {
			text, err = "", fmt.Errorf("the function StableHLO of its row panicked: %v", r)
		}
	}()
	if c.Op == nil || c.Op.StableHLO == nil {
		return "", nil
	}
	return c.Op.StableHLO(c), nil
}
