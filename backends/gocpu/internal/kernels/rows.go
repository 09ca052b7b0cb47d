package kernels

import (
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/columns"
	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/vector"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/dtypes/bfloat16"
	"github.com/quire-ml/quire/graph/dtypes/float16"
)

// Narrow is a float type that programs over vectors know.
type Narrow = columns.Number

// onVectors reports whether programs over vectors are faster than loops in Go: where they are assembly.
func onVectors(t cpu.Tier) bool { return vector.Assembled(t) }

// fewElements is how many elements a loop in Go goes over sooner than a program begins.
const fewElements = 32

// vectorType is what programs over vectors call T.
func vectorType[T columns.Number]() vector.Type {
	switch any(*new(T)).(type) {
	case bfloat16.BFloat16:
		return vector.BFloat16
	case float16.Float16:
		return vector.Float16
	}
	return vector.Float32
}

// vectorTypeOf is what programs over vectors call a dtype, if they know it.
func vectorTypeOf(d dtypes.DType) (vector.Type, bool) {
	switch d {
	case dtypes.Float32:
		return vector.Float32, true
	case dtypes.BFloat16:
		return vector.BFloat16, true
	case dtypes.Float16:
		return vector.Float16, true
	}
	return 0, false
}

func pointer[T any](x []T) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(x)) }

// sumOnVectors returns a sum of narrow floats on vectors.
func sumOnVectors[T columns.Number](t cpu.Tier, r Reducer[T, float64]) Reducer[T, float64] {
	r.Row = rowOnVectors(t, vector.Sum, r)
	r.Block = columns.For[T](t)
	return r
}

// largestOnVectors returns a maximum of narrow floats on vectors, leastOnVectors a minimum.
func largestOnVectors[T columns.Number](t cpu.Tier, r Reducer[T, float32]) Reducer[T, float32] {
	return extremeOnVectors(t, vector.Largest, vector.Max, r)
}

func leastOnVectors[T columns.Number](t cpu.Tier, r Reducer[T, float32]) Reducer[T, float32] {
	return extremeOnVectors(t, vector.Least, vector.Min, r)
}

func extremeOnVectors[T columns.Number](t cpu.Tier, f vector.Fold, op vector.Op, r Reducer[T, float32]) Reducer[T, float32] {
	r.Row = rowOnVectors(t, f, r)
	r.Block = blockOnVectors(t, op, r)
	return r
}

// rowOnVectors returns Row of a reduction as a program.
func rowOnVectors[T columns.Number, A Float](t cpu.Tier, f vector.Fold, r Reducer[T, A]) func(A, []T) A {
	var c vector.Code
	c.Accumulate(f, c.Load(0, vectorType[T]()))
	p := c.CompileFor(t)
	plain, join := r.Row, r.Join
	return func(acc A, x []T) A {
		if len(x) < fewElements {
			return plain(acc, x)
		}
		mem, z := [1]unsafe.Pointer{pointer(x)}, [1]float64{}
		p.Run(mem[:], len(x), z[:])
		return join(acc, A(z[0]))
	}
}

// together is how many rows a program takes into the accumulators at once, which are read and written once for them.
const together = 8

// blockOnVectors returns Block of a reduction by op as programs.
func blockOnVectors[T columns.Number](t cpu.Tier, op vector.Op, r Reducer[T, float32]) func(acc []float32, x []T, rows, stride int) {
	several, one := rowsOf[T](t, op, together), rowsOf[T](t, op, 1)
	plain := r.Rows
	return func(acc []float32, x []T, rows, stride int) {
		var mem [1 + together]unsafe.Pointer
		mem[0] = pointer(acc)
		for k := 0; k < rows; {
			if len(acc) < fewElements {
				plain(acc, x[k*stride:])
				k++
				continue
			}
			p, n := several, together
			if rows-k < together {
				p, n = one, 1
			}
			for i := range n {
				mem[1+i] = pointer(x[(k+i)*stride:][:len(acc)])
			}
			p.Run(mem[:1+n], len(acc), nil)
			k += n
		}
	}
}

// rowsOf returns the program that takes n rows, its operands from 1 on, into operand 0.
func rowsOf[T columns.Number](t cpu.Tier, op vector.Op, n int) *vector.Program {
	var c vector.Code
	acc := c.Load(0, vector.Float32)
	for i := range n {
		acc = c.Op(op, acc, c.Load(1+i, vectorType[T]()))
	}
	c.Store(0, vector.Float32, acc)
	return c.CompileFor(t)
}
