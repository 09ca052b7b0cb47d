package tensors

import (
	"fmt"
	"runtime"
)

// element returns one element as a Go value.
func (t *Tensor) element(i int) any { return ladder[t.shape.DType].at(t, i) }

// Float64At returns an element, given its place in row-major order, as a float64: the real part of a
// complex number, 0 or 1 for a bool. It panics if there is no such element, or if t was closed.
func (t *Tensor) Float64At(flatIndex int) float64 {
	t.AssertValid()
	if flatIndex < 0 || flatIndex >= t.Size() {
		panic(fmt.Sprintf("tensors: Float64At(%d) of %s: it has %d elements", flatIndex, t.shape, t.Size()))
	}
	defer runtime.KeepAlive(t)
	defer reading(t).orPanic()
	return real(t.complexAt(flatIndex))
}

// complexAt returns an element as a complex128.
func (t *Tensor) complexAt(i int) complex128 { return ladder[t.shape.DType].complex(t, i) }
