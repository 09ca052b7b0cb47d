package graphtest

import (
	"fmt"
	"math"
	"math/cmplx"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"
)

// Diff returns an error that names the first element in which got is further from want than tol allows,
// or the shapes if they differ. NaN equals NaN, 0 equals -0; integers and bools must be equal.
func Diff(got, want *tensors.Tensor, tol ir.Tolerance) error {
	if !got.Shape().Equal(want.Shape()) {
		return fmt.Errorf("shape %s, want %s", got.Shape(), want.Shape())
	}
	d := want.DType()
	if !(dtypes.Inexact | dtypes.Storage).Has(d) {
		if !got.Equal(want) {
			return fmt.Errorf("got %s\nwant %s", got, want)
		}
		return nil
	}
	g, w := numbers(got), numbers(want)
	largest := 0.0
	for _, v := range w {
		if a := cmplx.Abs(v); !math.IsInf(a, 0) && !math.IsNaN(a) {
			largest = max(largest, a)
		}
	}
	eps := dtypes.Epsilon(d)
	for i := range w {
		scale := max(cmplx.Abs(w[i]), largest*1e-3)
		limit := eps * (tol.ULP*scale + tol.Abs)
		if !near(real(g[i]), real(w[i]), limit) || !near(imag(g[i]), imag(w[i]), limit) {
			return fmt.Errorf("element %d of %s is %v, want %v (off by %.3g, allowed %.3g)", i, want.Shape(), show(g[i], d), show(w[i], d), cmplx.Abs(g[i]-w[i]), limit)
		}
	}
	return nil
}

func near(got, want, limit float64) bool {
	switch {
	case got == want: // also where the other part is NaN, and so the limit
		return true
	case math.IsNaN(want):
		return math.IsNaN(got)
	case math.IsInf(want, 0) || math.IsInf(got, 0):
		return got == want
	}
	return math.Abs(got-want) <= limit
}

func show(c complex128, d dtypes.DType) any {
	if d.IsComplex() {
		return c
	}
	return real(c)
}

// numbers returns the elements of a float or complex tensor.
func numbers(t *tensors.Tensor) []complex128 {
	c, err := t.ConvertDType(dtypes.Complex128)
	if err != nil {
		panic(err)
	}
	return tensors.MustCopyFlatData[complex128](c)
}
