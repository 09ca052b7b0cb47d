package tensors

import (
	"fmt"
	"math"
	"runtime"
	"unsafe"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

// FitDType is ConvertDType for numbers that a program states: it returns an error that names the first element that is
// no value of dtype, by the rules of [dtypes.Fit], instead of another number.
func (t *Tensor) FitDType(dtype dtypes.DType) (*Tensor, error) {
	out, err := t.ConvertDType(dtype)
	if err != nil || dtype == t.DType() {
		return out, err
	}
	if err := t.fits(dtype); err != nil {
		out.Close()
		return nil, err
	}
	return out, nil
}

// fits returns an error unless all elements are values of dtype.
func (t *Tensor) fits(dtype dtypes.DType) (err error) {
	defer runtime.KeepAlive(t)
	defer reading(t).end(&err)
	plain := plainlyFit(t, dtype)
	for i := plain(0); i < t.Size(); i += 1 + plain(i+1) {
		switch _, err := dtypes.Fit(t.element(i), dtype); {
		case err != nil && t.shape.IsScalar():
			return err
		case err != nil:
			return fmt.Errorf("element %d of %s: %w", i, t.shape, err)
		}
	}
	return nil
}

// FitFlat returns a tensor of the given shape with these numbers, in row-major order, rounded to its dtype. It returns an error
// where [Tensor.FitDType] does, and if there are not as many numbers as elements.
func FitFlat(values []float64, shape shapes.Shape) (*Tensor, error) {
	if err := shape.Check(); err != nil {
		return nil, err
	}
	if shape.Size() != len(values) {
		return nil, fmt.Errorf("%d numbers do not make %s, which has %d elements", len(values), shape, shape.Size())
	}
	if shape.DType == dtypes.Float32 {
		t, err := newTensor(shape, false)
		if err != nil || narrowed(view[float32](t), values) {
			return t, err
		}
		t.Close()
	}
	lent := &Storage{data: unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), 8*len(values))} // and never released
	lent.refs.Store(1)
	t, err := wrap(shape.WithDType(dtypes.Float64), lent).FitDType(shape.DType)
	runtime.KeepAlive(values)
	return t, err
}

// narrowed rounds x to y, and reports whether all of it is finite there.
func narrowed(y []float32, x []float64) bool {
	const largest = 0x47efffffe0000000 // the bits of math.MaxFloat32 as a float64: those of numbers that are beyond, or none, are more
	y = y[:len(x)]
	over := uint64(0)
	for i, v := range x {
		over |= largest - math.Float64bits(v)&^(1<<63) // its upper bit says whether any are
		y[i] = float32(v)
	}
	return over>>63 == 0
}

// plainlyFit returns how many elements from i on, one after the other, need no closer look by [dtypes.Fit], which costs some
// allocations for each: it knows those of float64, in which numbers are stated and first values of weights are made.
func plainlyFit(t *Tensor, dtype dtypes.DType) func(i int) int {
	if t.DType() != dtypes.Float64 || !dtype.IsFloat() && !dtype.IsInt() {
		return func(int) int { return 0 }
	}
	low, high := dtypes.Limits(dtype)
	lo, _ := dtypes.Convert(low, dtypes.Float64).(float64)
	hi, _ := dtypes.Convert(high, dtypes.Float64).(float64)
	v := view[float64](t)
	if dtype.IsFloat() {
		return func(i int) int { return between(v[i:], lo, hi) }
	}
	lo, hi = max(lo, -1<<53), min(hi, 1<<53) // beyond, the limits of 64 bits are rounded
	return func(i int) int { return wholeBetween(v[i:], lo, hi) }
}

// between returns how many numbers there are before the first that is not from lo to hi.
func between(v []float64, lo, hi float64) int {
	for i, x := range v {
		if !(x >= lo && x <= hi) {
			return i
		}
	}
	return len(v)
}

// wholeBetween is between for whole numbers.
func wholeBetween(v []float64, lo, hi float64) int {
	for i, x := range v {
		if !(x >= lo && x <= hi) || x != math.Trunc(x) {
			return i
		}
	}
	return len(v)
}
