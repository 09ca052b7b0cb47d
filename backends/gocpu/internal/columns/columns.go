package columns

import (
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/graph/dtypes/bfloat16"
	"github.com/quire-ml/quire/graph/dtypes/float16"
)

// Number is a type of numbers that are added up in float64.
type Number interface {
	float32 | bfloat16.BFloat16 | float16.Float16
}

// AddFunc adds rows of numbers to sums: number i of row k, which lies at x[k*stride+i], to acc[i].
type AddFunc[T Number] func(acc []float64, x []T, rows, stride int)

// adder is AddFunc in assembly, for n numbers of a row, a multiple of block.
type adder struct {
	add   func(acc *float64, x unsafe.Pointer, n, rows, stride int) // the stride in bytes
	block int
}

// For returns the function of a tier for numbers of type T.
func For[T Number](t cpu.Tier) AddFunc[T] {
	return with[T](native(t)[kind[T]()])
}

// kind numbers the types, as the lists of native do.
func kind[T Number]() int {
	switch any(*new(T)).(type) {
	case bfloat16.BFloat16:
		return 1
	case float16.Float16:
		return 2
	}
	return 0
}

func with[T Number](f adder) AddFunc[T] {
	wide := wider[T]()
	if f.add == nil {
		return func(acc []float64, x []T, rows, stride int) { add(acc, x, rows, stride, wide) }
	}
	size := int(unsafe.Sizeof(*new(T)))
	return func(acc []float64, x []T, rows, stride int) {
		if rows == 0 {
			return
		}
		n := len(acc) / f.block * f.block
		_ = x[(rows-1)*stride:][:len(acc)] // the assembly does not look
		if n > 0 {
			f.add(&acc[0], unsafe.Pointer(&x[0]), n, rows, stride*size)
		}
		if n < len(acc) {
			add(acc[n:], x[n:], rows, stride, wide)
		}
	}
}

// add is AddFunc in plain Go. The numbers of a column are added one after the other, whatever is done beside that.
func add[T Number](acc []float64, x []T, rows, stride int, wide func(T) float64) {
	for k := range rows {
		row := x[k*stride:][:len(acc)]
		for i := range acc {
			acc[i] += wide(row[i])
		}
	}
}

func wider[T Number]() func(T) float64 {
	var f any
	switch any(*new(T)).(type) {
	case bfloat16.BFloat16:
		f = bfloat16.BFloat16.Float64
	case float16.Float16:
		f = float16.Float16.Float64
	default:
		f = func(x float32) float64 { return float64(x) }
	}
	return f.(func(T) float64)
}
