package viz

import (
	"fmt"
	"reflect"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/shapes"
)

// flops returns the number of floating-point operations of an op, a multiplication and an addition counting
// one each:
//
//	products and convolutions   2 · size of the result · length of the inner sum
//	reductions, windows, scans  size of the operand (times the window)
//	element by element          size of the result, whatever the function
//	moving values around        0
func flops(op *graph.Op, attrs any, in, out []shapes.Shape) int64 {
	if op == nil || len(out) == 0 || !out[0].Ok() {
		return 0
	}
	size := int64(out[0].Size())
	switch op.Name {
	case "MatMul", "Dot", "DotGeneral":
		return 2 * size * innerLength(attrs, in)
	case "Convolve", "ConvGeneral", "Conv":
		if len(in) >= 2 && in[1].Rank() > 0 {
			return 2 * size * kernelLength(attrs, in[1], out[0])
		}
	}
	switch op.Family {
	case "shape", "constants", "control", "gradient", "select", "random", "gather", "index", "indexing", "slice":
		return 0
	case "reduce", "scan", "sort":
		if len(in) > 0 {
			return int64(in[0].Size())
		}
	case "pool", "window", "pooling":
		if w := intsField(attrs, "Window", "Windows", "WindowDimensions"); len(w) > 0 {
			return size * int64(product(w))
		}
	}
	if len(in) == 0 {
		return 0
	}
	return size
}

// innerLength returns the number of products that are summed per element of a dot product.
func innerLength(attrs any, in []shapes.Shape) int64 {
	if len(in) < 2 || in[0].Rank() == 0 {
		return 1
	}
	if d, ok := attrs.(graph.DotAttrs); ok {
		k := 1
		for _, a := range d.LhsContract {
			k *= in[0].Dim(a)
		}
		return int64(k)
	}
	return int64(in[0].Dim(-1))
}

// kernelLength returns the number of products per element of a convolution: the kernel's elements per
// output channel. The kernel is [spatial…, in, out] unless the attributes name the axis.
func kernelLength(attrs any, kernel, out shapes.Shape) int64 {
	channels := kernel.Dim(-1)
	if v, ok := field(attrs, "KernelOutputChannels", "KernelOutputAxis", "KernelOut"); ok && v.CanInt() {
		if a := int(v.Int()); a >= -kernel.Rank() && a < kernel.Rank() {
			channels = kernel.Dim(a)
		}
	}
	return int64(kernel.Size() / max(channels, 1))
}

// field finds a field of an attribute struct, or of a struct inside it, by one of several names. Attributes
// belong to their ops; this package only looks at them.
func field(attrs any, names ...string) (reflect.Value, bool) {
	v := reflect.ValueOf(attrs)
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return reflect.Value{}, false
	}
	for _, n := range names {
		if f := v.FieldByName(n); f.IsValid() {
			return f, true
		}
	}
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Struct && v.Type().Field(i).IsExported() {
			if got, ok := field(f.Interface(), names...); ok {
				return got, true
			}
		}
	}
	return reflect.Value{}, false
}

func intsField(attrs any, names ...string) []int {
	if f, ok := field(attrs, names...); ok && f.CanInterface() {
		if v, ok := f.Interface().([]int); ok {
			return v
		}
	}
	return nil
}

func product(v []int) int {
	p := 1
	for _, x := range v {
		p *= x
	}
	return p
}

// si writes a large number with a letter: 1.62M.
func si(n int64) string {
	switch f := float64(n); {
	case n < 10_000:
		return fmt.Sprint(n)
	case f < 999_500:
		return fmt.Sprintf("%.3gk", f/1e3)
	case f < 999.5e6:
		return fmt.Sprintf("%.3gM", f/1e6)
	case f < 999.5e9:
		return fmt.Sprintf("%.3gG", f/1e9)
	default:
		return fmt.Sprintf("%.3gT", f/1e12)
	}
}
