package kernels

import "math"

// Field is what matrices are made of, as they are computed with: float64 or complex128.
type Field[A float64 | complex128] struct {
	conj func(A) A
	real func(A) float64
	of   func(float64) A
	dot  func(x, y []A) A // Σ x·conj(y)
	nan  A
}

// RealField and ComplexField are the two.
var (
	RealField = Field[float64]{
		conj: func(x float64) float64 { return x },
		real: func(x float64) float64 { return x },
		of:   func(x float64) float64 { return x },
		dot:  inner[float64],
		nan:  math.NaN(),
	}
	ComplexField = Field[complex128]{
		conj: conj,
		real: func(x complex128) float64 { return real(x) },
		of:   func(x float64) complex128 { return complex(x, 0) },
		dot: func(x, y []complex128) (sum complex128) {
			y = y[:len(x)]
			for i, v := range x {
				sum += v * conj(y[i])
			}
			return sum
		},
		nan: complex(math.NaN(), math.NaN()),
	}
)

// inner returns Σ x·y, in four sums that do not wait for each other.
func inner[A float64 | complex128](x, y []A) A {
	var s0, s1, s2, s3 A
	y = y[:len(x)]
	i := 0
	for ; i+4 <= len(x); i += 4 {
		s0 += x[i] * y[i]
		s1 += x[i+1] * y[i+1]
		s2 += x[i+2] * y[i+2]
		s3 += x[i+3] * y[i+3]
	}
	for ; i < len(x); i++ {
		s0 += x[i] * y[i]
	}
	return (s0 + s1) + (s2 + s3)
}

// Cholesky returns the kernel of the triangular factor of matrices of n rows, and its scratch memory. Elements T are
// computed with as A. See the op of that name for what it reads and writes.
func Cholesky[T any, A float64 | complex128](f Field[A], wide func(T) A, narrow func(A) T, n, batch int, lower bool, workers int) (Func, int) {
	body := func(a *Args, worker, lo, hi int) {
		l := Of[A](a.Scratch)[worker*n*n:][:n*n]
		for b := lo; b < hi; b++ {
			x, y := Of[T](a.In[0])[b*n*n:][:n*n], Of[T](a.Out[0])[b*n*n:][:n*n]
			for i := range n { // the triangle that is read, as a lower one
				if a.Ended() {
					return
				}
				for j := range i + 1 {
					if lower {
						l[i*n+j] = wide(x[i*n+j])
					} else {
						l[i*n+j] = f.conj(wide(x[j*n+i]))
					}
				}
			}
			ok := cholesky(f, l, n, a.Ended)
			var zero T
			for i := range n {
				if a.Ended() {
					return
				}
				for j := range i + 1 {
					v := l[i*n+j]
					if !ok {
						v = f.nan
					}
					at, other := i*n+j, j*n+i
					if !lower {
						v, at, other = f.conj(v), other, at
					}
					y[other] = zero
					y[at] = narrow(v)
				}
			}
		}
	}
	grain := max(1, grainOf(1)/max(1, n*n*n/3))
	return func(a *Args) { a.For(batch, grain, body) }, workers * n * n * sizeOf[A]()
}

// cholesky replaces the lower triangle of l, of n rows, by its factor, row by row, and reports whether there is one.
func cholesky[A float64 | complex128](f Field[A], l []A, n int, ended func() bool) bool {
	for i := range n {
		if ended() { // a matrix of 5,000 rows takes half a minute
			return false
		}
		row := l[i*n:][:n]
		for j := range i {
			row[j] = (row[j] - f.dot(row[:j], l[j*n:])) / l[j*n+j]
		}
		pivot := f.real(row[i]) - f.real(f.dot(row[:i], row))
		if !(pivot > 0) { // NaN neither
			return false
		}
		row[i] = f.of(math.Sqrt(pivot))
	}
	return true
}

// Triangle describes the systems of equations of TriangularSolve: batch times, lines times, m · x = b for a triangular
// matrix m of n rows. Element (i, j) of m is element i·RowStep + j·ColumnStep of the operand's matrix, conjugated or
// not; element i of a line is i·Step behind its beginning, and lines begin Next apart.
type Triangle struct {
	N, Batch, Lines     int
	RowStep, ColumnStep int
	Step, Next          int
	Lower, Unit, Conj   bool
}

// TriangularSolve returns the kernel that solves triangular systems of equations, and its scratch memory. Elements T
// are computed with as A.
func TriangularSolve[T any, A float64 | complex128](f Field[A], wide func(T) A, narrow func(A) T, t Triangle, workers int) (Func, int) {
	n, size := t.N, t.N*t.N
	// The matrices are brought into rows first; an upper triangle is turned, so that all are lower ones.
	place := func(i int) int {
		if t.Lower {
			return i
		}
		return n - 1 - i
	}
	load := func(a *Args, _, lo, hi int) {
		for b := lo; b < hi; b++ {
			x, m := Of[T](a.In[0])[b*size:][:size], Of[A](a.Scratch)[b*size:][:size]
			for i := range n {
				if a.Ended() {
					return
				}
				for j := range i + 1 {
					v := wide(x[place(i)*t.RowStep+place(j)*t.ColumnStep])
					if t.Conj {
						v = f.conj(v)
					}
					m[i*n+j] = v
				}
			}
		}
	}
	solve := func(a *Args, worker, lo, hi int) {
		scratch := Of[A](a.Scratch)
		v := scratch[t.Batch*size+worker*n:][:n]
		b, x := Of[T](a.In[1]), Of[T](a.Out[0])
		for line := lo; line < hi; line++ {
			batch := line / t.Lines
			at := batch*t.Lines*n + line%t.Lines*t.Next
			m := scratch[batch*size:][:size]
			for i := range n {
				if i%32 == 31 && a.Ended() {
					return
				}
				sum := wide(b[at+place(i)*t.Step]) - inner(v[:i], m[i*n:])
				if !t.Unit {
					sum /= m[i*n+i]
				}
				v[i] = sum
			}
			for i, y := range v {
				x[at+place(i)*t.Step] = narrow(y)
			}
		}
	}
	grain := max(1, grainOf(1)/max(1, size/2))
	return func(a *Args) {
		a.For(t.Batch, grain, load)
		a.For(t.Batch*t.Lines, grain, solve)
	}, (t.Batch*size + workers*n) * sizeOf[A]()
}
