package gocpu

import (
	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
)

func init() {
	for _, op := range []*ir.Op{ops.FFT, ops.InverseFFT, ops.RealFFT, ops.InverseRealFFT} {
		inverse := op == ops.InverseFFT || op == ops.InverseRealFFT
		lowerings[op] = func(k *call) kernels.Func { return fourier(k, inverse) }
		answers[op] = func(*call) bool { return true }
	}
	lowerings[ops.Cholesky] = cholesky
	lowerings[ops.TriangularSolve] = triangularSolve
}

func fourier(k *call, inverse bool) kernels.Func {
	n := len(k.attrs.(ir.FFTAttrs).Lengths)
	axes := make([]int, n)
	for i := range axes {
		axes[i] = k.in[0].Rank() - n + i
	}
	if k.in[0].Equal(k.out[0]) {
		k.inPlace = []int{0}
	}
	f, scratch := kernels.FFT(cpu.Use(), k.in[0].DType, k.out[0].DType, k.in[0].Dimensions, k.out[0].Dimensions, axes, inverse, k.workers, k.ended)
	k.scratch = scratch
	return f
}

// batches returns how many matrices, of the last two axes, a value of the given dimensions holds.
func batches(dims []int) int {
	n := 1
	for _, d := range dims[:len(dims)-2] {
		n *= d
	}
	return n
}

func cholesky(k *call) kernels.Func {
	switch k.in[0].DType {
	case dtypes.Float32:
		return choleskyOf(k, kernels.RealField, func(x float32) float64 { return float64(x) }, func(x float64) float32 { return float32(x) })
	case dtypes.Float64:
		return choleskyOf(k, kernels.RealField, same[float64], same[float64])
	case dtypes.Complex64:
		return choleskyOf(k, kernels.ComplexField, func(x complex64) complex128 { return complex128(x) }, func(x complex128) complex64 { return complex64(x) })
	}
	return choleskyOf(k, kernels.ComplexField, same[complex128], same[complex128])
}

func choleskyOf[T any, A float64 | complex128](k *call, field kernels.Field[A], wide func(T) A, narrow func(A) T) kernels.Func {
	dims := k.in[0].Dimensions
	k.inPlace = []int{0}
	f, scratch := kernels.Cholesky(field, wide, narrow, dims[len(dims)-1], batches(dims), k.attrs.(ir.CholeskyAttrs).Lower, k.workers)
	k.scratch = scratch
	return f
}

func triangularSolve(k *call) kernels.Func {
	switch k.in[0].DType {
	case dtypes.Float32:
		return solveOf(k, kernels.RealField, func(x float32) float64 { return float64(x) }, func(x float64) float32 { return float32(x) })
	case dtypes.Float64:
		return solveOf(k, kernels.RealField, same[float64], same[float64])
	case dtypes.Complex64:
		return solveOf(k, kernels.ComplexField, func(x complex64) complex128 { return complex128(x) }, func(x complex128) complex64 { return complex64(x) })
	}
	return solveOf(k, kernels.ComplexField, same[complex128], same[complex128])
}

// solveOf solves m · x = b for each column of b, or, from the right, the transposed equation for each row.
func solveOf[T any, A float64 | complex128](k *call, field kernels.Field[A], wide func(T) A, narrow func(A) T) kernels.Func {
	a, b, attrs := k.in[0].Dimensions, k.in[1].Dimensions, k.attrs.(ir.TriangularSolveAttrs)
	n, columns := a[len(a)-1], b[len(b)-1]
	turned := (attrs.TransposeA != ir.NotTransposed) == attrs.LeftSide
	t := kernels.Triangle{N: n, Batch: batches(a), Lines: b[len(b)-2], RowStep: n, ColumnStep: 1, Step: 1, Next: columns,
		Lower: attrs.Lower != turned, Unit: attrs.UnitDiagonal, Conj: attrs.TransposeA == ir.Adjoint}
	if attrs.LeftSide {
		t.Lines, t.Step, t.Next = columns, columns, 1
	}
	if turned {
		t.RowStep, t.ColumnStep = 1, n
	}
	k.inPlace = []int{1}
	f, scratch := kernels.TriangularSolve(field, wide, narrow, t, k.workers)
	k.scratch = scratch
	return f
}
