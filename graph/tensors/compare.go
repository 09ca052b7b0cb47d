package tensors

import (
	"bytes"
	"math"
	"runtime"

	"github.com/quire-ml/quire/graph/dtypes"
)

// Equal reports whether t and o have the same dtype, dimensions and elements. As in Go, NaN equals
// nothing and -0 equals 0. It panics if one was closed.
func (t *Tensor) Equal(o *Tensor) bool {
	t.AssertValid()
	o.AssertValid()
	defer runtime.KeepAlive(o)
	defer runtime.KeepAlive(t)
	if !t.shape.Equal(o.shape) {
		return false
	}
	defer reading(t, o).orPanic()
	if !(dtypes.Inexact | dtypes.Storage).Has(t.DType()) {
		return bytes.Equal(t.bytes(), o.bytes())
	}
	for i := range t.Size() {
		if t.complexAt(i) != o.complexAt(i) {
			return false
		}
	}
	return true
}

// InDelta reports whether t and o have the same dtype and dimensions and no two elements differ by
// more than delta. Equal infinities meet, and NaN meets NaN. It panics if one was closed.
func (t *Tensor) InDelta(o *Tensor, delta float64) bool {
	t.AssertValid()
	o.AssertValid()
	defer runtime.KeepAlive(o)
	defer runtime.KeepAlive(t)
	if !t.shape.Equal(o.shape) {
		return false
	}
	defer reading(t, o).orPanic()
	for i := range t.Size() {
		x, y := t.complexAt(i), o.complexAt(i)
		if !near(real(x), real(y), delta) || !near(imag(x), imag(y), delta) {
			return false
		}
	}
	return true
}

func near(x, y, delta float64) bool {
	return x == y || math.Abs(x-y) <= delta || x != x && y != y
}
