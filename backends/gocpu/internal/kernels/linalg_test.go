package kernels

import (
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/graph/dtypes"
)

// TestFactorsOfLargerMatrices multiplies factors out, for several numbers of workers, and solves with them.
func TestFactorsOfLargerMatrices(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	same := func(x complex128) complex128 { return x }
	const n, batch, columns = 37, 3, 5
	x := randomComplex(rng, batch*n*n)
	for i := range x {
		if i%(n*n)%(n+1) == 0 {
			x[i] = complex(4*n+real(x[i]), 0)
		}
	}
	rhs := randomComplex(rng, batch*n*columns)
	for _, lower := range []bool{true, false} {
		for _, workers := range []int{1, 3} {
			y := make([]complex128, len(x))
			f, scratch := Cholesky(ComplexField, same, same, n, batch, lower, workers)
			run(f, scratch, workers, Bytes(y), Bytes(x))
			z := make([]complex128, len(rhs)) // y·z = rhs, which for an upper y is solved from the end
			system := Triangle{N: n, Batch: batch, Lines: columns, RowStep: n, ColumnStep: 1, Step: columns, Next: 1, Lower: lower}
			g, scratch := TriangularSolve(ComplexField, same, same, system, workers)
			run(g, scratch, workers, Bytes(z), Bytes(y), Bytes(rhs))
			for b := range batch {
				m, r, s := y[b*n*n:][:n*n], z[b*n*columns:], rhs[b*n*columns:]
				for i := range n {
					for j := range i + 1 { // of the product, the triangle that was read
						var sum complex128
						for k := range n {
							if lower {
								sum += m[i*n+k] * cmplx.Conj(m[j*n+k])
							} else {
								sum += cmplx.Conj(m[k*n+j]) * m[k*n+i]
							}
						}
						want := x[b*n*n+i*n+j]
						if !lower {
							want = x[b*n*n+j*n+i]
						}
						if cmplx.Abs(sum-want) > 1e-11 {
							t.Fatalf("lower %v, %d workers: element (%d, %d) of the product is %v, want %v", lower, workers, i, j, sum, want)
						}
					}
					for c := range columns {
						var sum complex128
						for k := range n {
							sum += m[i*n+k] * r[k*columns+c]
						}
						if cmplx.Abs(sum-s[i*columns+c]) > 1e-11 {
							t.Fatalf("lower %v, %d workers: equation (%d, %d) gives %v, want %v", lower, workers, i, c, sum, s[i*columns+c])
						}
					}
				}
			}
		}
	}
}

func TestTransformsOverSeveralAxes(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	dims := []int{5, 12, 7}
	x := randomComplex(rng, size(dims))
	want := append([]complex128(nil), x...)
	for axis := range dims {
		l := NewLanes(dims, []int{axis})
		line := make([]complex128, l.Along.N)
		for i := range l.Kept.N {
			for k := range line {
				line[k] = want[l.Kept.at(i)+l.Along.at(k)]
			}
			for k, v := range transformSlowly(line) {
				want[l.Kept.at(i)+l.Along.at(k)] = v
			}
		}
	}
	for _, workers := range []int{1, 4} {
		y := make([]complex128, len(x))
		f, scratch := FFT(cpu.Best(), dtypes.Complex128, dtypes.Complex128, dims, dims, []int{0, 1, 2}, false, workers, never)
		run(f, scratch, workers, Bytes(y), Bytes(x))
		for i := range y {
			if cmplx.Abs(y[i]-want[i]) > 1e-11 {
				t.Fatalf("%d workers: element %d is %v, want %v", workers, i, y[i], want[i])
			}
		}
		back := make([]complex128, len(x))
		f, scratch = FFT(cpu.Best(), dtypes.Complex128, dtypes.Complex128, dims, dims, []int{0, 1, 2}, true, workers, never)
		run(f, scratch, workers, Bytes(back), Bytes(y))
		for i := range back {
			if cmplx.Abs(back[i]-x[i]) > 1e-13 {
				t.Fatalf("%d workers: element %d comes back as %v, was %v", workers, i, back[i], x[i])
			}
		}
	}
}

func TestAFactorEndsEarly(t *testing.T) {
	const n = 8
	l := make([]float64, n*n)
	for i := range n {
		l[i*n+i] = 4
	}
	rows := 0
	ok := cholesky(RealField, l, n, func() bool {
		rows++
		return rows > 3
	})
	if ok || rows != 4 || l[2*n+2] != 2 || l[3*n+3] != 4 {
		t.Errorf("asked %d times, factor %v, diagonal %v %v: want three rows of it", rows, ok, l[2*n+2], l[3*n+3])
	}
}
