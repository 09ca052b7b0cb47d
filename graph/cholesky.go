package graph

import (
	"fmt"
	"math"
	"math/cmplx"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Cholesky returns the triangular matrix with a positive diagonal whose product with its own adjoint (the conjugate
// of its transpose) is x, a Hermitian positive definite matrix or, for real x, a symmetric one:
//
//	x = L · Lᴴ with lower, x = Uᴴ · U without
//
// x is [..., N, N], the axes before the last two are batches; float32, float64 or complex. Only the triangle of x that
// the result has is read, and of a complex diagonal the real part; the other triangle of the result is zero. If a
// matrix is not positive definite, all of its triangle is NaN. The gradient is with respect to the triangle that is
// read, and zero for the other one.
//
// It panics with [Error] if the last two axes have different sizes.
//
// Source of the gradient: Murray, "Differentiation of the Cholesky decomposition", 2016, arXiv:1602.07527, eq. 10.
func Cholesky(x *Node, lower bool) *Node { return Apply(cholesky, ir.CholeskyAttrs{Lower: lower}, x) }

var cholesky *ir.Op

// solvable are the dtypes of matrices that are taken apart and solved.
var solvable = dtypes.SetOf(dtypes.Float32, dtypes.Float64) | dtypes.Complexes

// checkSquare returns an error unless the last two axes of s are of one size.
func checkSquare(s shapes.Shape) error {
	if s.Rank() < 2 {
		return fmt.Errorf("a matrix has two axes, not %d", s.Rank())
	}
	if s.Dim(-1) != s.Dim(-2) {
		return fmt.Errorf("a matrix of %d rows and %d columns is not square", s.Dim(-2), s.Dim(-1))
	}
	return nil
}

// choleskyRef finds L row by row: L[i, j] · conj(L[j, j]) = x[i, j] - Σ_k<j L[i, k] · conj(L[j, k]).
func choleskyRef[T float64 | complex128](attrs any, out, in []*tensors.Tensor) {
	x, lower := load[T](in[0]), attrs.(ir.CholeskyAttrs).Lower
	n := in[0].Shape().Dim(-1)
	y := make([]T, len(x))
	for at := 0; at < len(x); at += n * n {
		l, ok := make([]T, n*n), true
		for i := range n {
			for j := range i + 1 {
				sum := x[at+i*n+j]
				if !lower {
					sum = conjugate(x[at+j*n+i])
				}
				for k := range j {
					sum -= l[i*n+k] * conjugate(l[j*n+k])
				}
				if i > j {
					l[i*n+j] = sum / l[j*n+j]
					continue
				}
				pivot := fromComplex[float64](complexOf(sum))
				ok = ok && pivot > 0
				l[i*n+i] = fromFloat[T](math.Sqrt(pivot))
			}
		}
		for i := range n {
			for j := range i + 1 {
				if !ok {
					l[i*n+j] = fromComplex[T](cmplx.NaN())
				}
				if lower {
					y[at+i*n+j] = l[i*n+j]
				} else {
					y[at+j*n+i] = conjugate(l[i*n+j])
				}
			}
		}
	}
	store(out[0], y)
}

// complexOf returns x as a complex number.
func complexOf[T float64 | complex128](x T) complex128 {
	if r, ok := any(x).(float64); ok {
		return complex(r, 0)
	}
	return any(x).(complex128)
}

// conjugate returns the conjugate of x, which for a real number is x.
func conjugate[T float64 | complex128](x T) T { return fromComplex[T](cmplx.Conj(complexOf(x))) }

// adjoint returns the conjugate transpose of x's last two axes.
func adjoint(x *Node) *Node { return Conj(Transpose(x, -2, -1)) }

// halved returns the lower triangle of x with half of the diagonal.
func halved(x *Node) *Node {
	return MulScalar(Add(TakeLowerTriangular(x, 0), TakeLowerTriangular(x, -1)), 0.5)
}

// choleskyVJP: with Φ for the lower triangle that has half of the diagonal, a change of a Hermitian x by dx makes
// dL = L·Φ(L⁻¹·dx·L⁻ᴴ), so that of the gradient G of L, S = L⁻ᵀ·Φ(Lᵀ·G)·conj(L)⁻¹ is what each element of dx gets. The
// upper triangle of dx is the conjugate of the lower one, which therefore gets Φ(S + Sᴴ).
func choleskyVJP(y, dy *Node) []*Node {
	lower := y.Attrs().(ir.CholeskyAttrs).Lower
	l := withoutNames(y)
	dy = withoutNames(dy)
	if !lower { // U(x) = L(xᴴ)ᴴ
		l, dy = adjoint(l), adjoint(dy)
	}
	p := halved(MatMul(Transpose(l, -2, -1), dy))
	s := TriangularSolve(l, p, true, true, false, ir.Transposed)
	s = TriangularSolve(Conj(l), s, false, true, false, ir.NotTransposed)
	dx := halved(Add(s, adjoint(s)))
	if !lower {
		dx = adjoint(dx)
	}
	return []*Node{dx}
}

func init() {
	// Ramp has values from -2 to 2: a diagonal of 8 and more makes any of these positive definite.
	matrix := func(n int, more float64, batch ...int) ir.Input {
		in := ir.Ramp(append(batch, n, n)...)
		for i := range in.Data {
			if i%(n*n)%(n+1) == 0 {
				in.Data[i] += 8 + more
			}
		}
		return in
	}
	lower, upper := ir.CholeskyAttrs{Lower: true}, ir.CholeskyAttrs{Lower: false}
	cholesky = Define(ir.Op{
		Name: "Cholesky", Family: "linalg", Cost: choleskyCost, Doc: "the triangular y with x = y · yᴴ, or yᴴ · y", DTypes: solvable, Attrs: ir.CholeskyAttrs{}, HLO: "stablehlo.cholesky",
		Infer: func(_ any, in []shapes.Shape) (shapes.Shape, error) { return in[0], checkSquare(in[0]) },
		Ref:   byKind(0, choleskyRef[float64], nil, nil, choleskyRef[complex128]),
		Samples: []ir.Sample{
			{Name: "worked out", In: []ir.Input{ir.Array([]int{3, 3}, 4, 9, 9, 2, 10, 9, 4, 5, 21)}, Attrs: lower, DTypes: dtypes.Floats, Want: []float64{2, 0, 0, 1, 3, 0, 2, 1, 4}},
			{Name: "upper", In: []ir.Input{ir.Array([]int{3, 3}, 4, 2, 4, 9, 10, 5, 9, 9, 21)}, Attrs: upper, DTypes: dtypes.Floats, Want: []float64{2, 1, 2, 0, 3, 1, 0, 0, 4}},
			{Name: "two by two", In: []ir.Input{matrix(2, 0)}, Attrs: lower},
			{Name: "two by two, upper", In: []ir.Input{matrix(2, 0)}, Attrs: upper},
			{Name: "batch", In: []ir.Input{matrix(3, 1, 2, 2)}, Attrs: lower},
			{Name: "batch, upper", In: []ir.Input{matrix(3, 1, 2)}, Attrs: upper},
			{Name: "larger", In: []ir.Input{matrix(7, 8)}, Attrs: lower},
			{Name: "one element", In: []ir.Input{ir.Array([]int{2, 1, 1}, 9, 16)}, Attrs: lower},
			{Name: "not positive definite", In: []ir.Input{ir.Array([]int{3, 2, 2}, 1, 2, 2, 1, 4, 2, 2, 5, -1, 0, 0, 1)}, Attrs: lower, DTypes: dtypes.Floats, Pole: true, Want: []float64{nan, 0, nan, nan, 2, 0, 1, 2, nan, 0, nan, nan}},
			{Name: "not positive definite, upper", In: []ir.Input{ir.Array([]int{2, 2}, 4, 0, 0, -1)}, Attrs: upper, Pole: true},
			{Name: "singular", In: []ir.Input{ir.Array([]int{2, 2}, 1, 1, 1, 1)}, Attrs: lower, DTypes: dtypes.Floats, Pole: true, Want: []float64{nan, 0, nan, nan}},
			{Name: "NaN", In: []ir.Input{ir.Array([]int{2, 2}, 4, 0, nan, 4)}, Attrs: lower, DTypes: dtypes.Floats, Pole: true, Want: []float64{nan, 0, nan, nan}},
			{Name: "no matrices", In: []ir.Input{ir.Ramp(0, 2, 2)}, Attrs: lower},
		},
		Tol: ir.Tolerance{ULP: 32, Abs: 32, Why: "sums in another order"},
	}, Rule{VJP: choleskyVJP})
}
