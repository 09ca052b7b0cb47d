package gemm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
)

type float interface{ float32 | float64 }

// kernelsOf returns the kernels for T.
func kernelsOf[T float](t cpu.Tier) *Kernels {
	if unsafe.Sizeof(T(0)) == 4 {
		return Float32(t)
	}
	return Float64(t)
}

func sizeOf[T float]() int { return int(unsafe.Sizeof(T(0))) }

// numbers returns n numbers in memory that begins one element after a whole number of vectors, and ends where the array ends.
func numbers[T float](rng *rand.Rand, n int) []T {
	v := make([]T, n+1)
	for i := range v {
		v[i] = T(rng.NormFloat64())
	}
	return v[1:]
}

// sprinkle puts special values among v.
func sprinkle[T float](rng *rand.Rand, v []T) {
	special := []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), 1e-40, 5e-324, math.MaxFloat32}
	for range 1 + len(v)/50 {
		v[rng.IntN(len(v))] = T(special[rng.IntN(len(special))])
	}
}

// problem is a product of blocks, at random places.
type problem[T float] struct {
	a, b, c   []T
	places    []int
	runs      []Run
	step      int
	k         int
	stepB     int
	stride    int
	rows, col int
}

// newProblem returns a product of rows by cols, the sum over k elements in some runs, for panels of width columns.
func newProblem[T float](rng *rand.Rand, rows, cols, k, width int) *problem[T] {
	p := &problem[T]{rows: rows, col: cols, k: k, step: (1 + rng.IntN(3)) * sizeOf[T](), stepB: (width + rng.IntN(2)*3) * sizeOf[T](), stride: (cols + rng.IntN(3)) * sizeOf[T]()}
	at := 0
	for left := k; left > 0; {
		n := 1 + rng.IntN(left)
		p.runs = append(p.runs, Run{at, at + n*p.step})
		at += n*p.step + rng.IntN(5)*sizeOf[T]()
		left -= n
	}
	for range rows {
		p.places = append(p.places, rng.IntN(2*rows)*sizeOf[T]())
	}
	p.a = numbers[T](rng, at/sizeOf[T]()+2*rows)
	p.b = numbers[T](rng, (cols+width-1)/width*(k*p.stepB/sizeOf[T]()))
	p.c = numbers[T](rng, rows*p.stride/sizeOf[T]())
	return p
}

// multiply returns C as kernels compute it.
func (p *problem[T]) multiply(k *Kernels, add bool) []T {
	c := append(make([]T, 0, len(p.c)), p.c...)
	a := A{unsafe.Pointer(&p.a[0]), p.places, p.runs, p.step}
	b := B{unsafe.Pointer(&p.b[0]), p.stepB, p.k * p.stepB}
	k.Multiply(&a, &b, unsafe.Pointer(&c[0]), p.stride, p.col, add)
	return c
}

// check compares the kernels of a tier with sums in float64.
func (p *problem[T]) check(t *testing.T, k *Kernels, add bool) {
	t.Helper()
	got, size := p.multiply(k, add), sizeOf[T]()
	eps, least := 0x1p-23, 0x1p-149 // the rounding of sums, and of those that are denormal
	if size == 8 {
		eps, least = 0x1p-52, 0x1p-1074
	}
	for i := range got {
		r, j := i/(p.stride/size), i%(p.stride/size)
		want, scale := 0.0, 0.0
		if add || j >= p.col {
			want = float64(p.c[i])
			scale = math.Abs(want)
		}
		at := 0
		for _, run := range p.runs {
			for o := run.From; o != run.To && j < p.col; o += p.step {
				x := float64(p.a[(p.places[r]+o)/size]) * float64(p.b[j/k.Cols*p.k*p.stepB/size+at*p.stepB/size+j%k.Cols])
				want, scale = want+x, scale+math.Abs(x)
				at++
			}
		}
		same := math.IsNaN(want) && math.IsNaN(float64(got[i])) || T(want) == got[i] || math.Abs(float64(got[i])-want) <= (eps*scale+least)*(2+float64(p.k)/4)
		if math.IsInf(scale, 0) || scale > math.MaxFloat32/4 { // in which order sums overflow is nobody's promise
			same = true
		}
		if !same {
			t.Fatalf("%d x %d x %d, add %v: c[%d, %d] is %v, want %v", p.rows, p.col, p.k, add, r, j, got[i], want)
		}
	}
}

func testTiles[T float](t *testing.T) {
	for _, tier := range cpu.Tiers() {
		k := kernelsOf[T](tier)
		rng := rand.New(rand.NewPCG(1, uint64(tier)))
		for rows := 1; rows <= 2*k.Rows+1; rows++ {
			for _, cols := range []int{1, k.lanes - 1, k.lanes, k.lanes + 1, k.Cols - 1, k.Cols, k.Cols + 3} {
				for _, depth := range []int{1, 2, 7, 8, 33} {
					p := newProblem[T](rng, rows, cols, depth, k.Cols)
					p.check(t, k, false)
					p.check(t, k, true)
					sprinkle(rng, p.a)
					sprinkle(rng, p.b)
					p.check(t, k, false)
				}
			}
		}
	}
}

func TestTilesOfEveryTier(t *testing.T) {
	t.Run("float32", testTiles[float32])
	t.Run("float64", testTiles[float64])
}

func testPacking[T float](t *testing.T) {
	for _, tier := range cpu.Tiers() {
		k := kernelsOf[T](tier)
		rng := rand.New(rand.NewPCG(2, uint64(tier)))
		for _, n := range []int{1, 5, k.lanes, 2*k.lanes + 3} {
			for cols := 1; cols <= k.Cols; cols++ {
				p := newProblem[T](rng, 1, cols, n, k.Cols)
				width := cols + 2
				src := numbers[T](rng, p.runs[len(p.runs)-1].To/sizeOf[T]()+cols)
				got := numbers[T](rng, n*width)
				want := append([]T{}, got...)
				i := 0
				for _, run := range p.runs {
					for o := run.From; o != run.To; o += p.step {
						copy(want[i*width:][:cols], src[o/sizeOf[T]():])
						i++
					}
				}
				k.CopyRows(unsafe.Pointer(&got[0]), width*sizeOf[T](), unsafe.Pointer(&src[0]), p.runs, p.step, cols)
				assert.Equal(t, want, got, "%s: %d rows of %d", tier, n, cols)
			}
			rows := make([]int, k.Lanes())
			for i := range rows {
				rows[i] = rng.IntN(100) * sizeOf[T]()
			}
			src, got := numbers[T](rng, 100+n), numbers[T](rng, n*k.Cols)
			want := append([]T{}, got...)
			for j, place := range rows {
				for i := range n {
					want[i*k.Cols+j] = src[place/sizeOf[T]()+i]
				}
			}
			k.Transpose(unsafe.Pointer(&got[0]), k.Cols*sizeOf[T](), unsafe.Pointer(&src[0]), rows, n)
			assert.Equal(t, want, got, "%s: %d columns", tier, n)
		}
	}
}

func TestPackingOfEveryTier(t *testing.T) {
	t.Run("float32", testPacking[float32])
	t.Run("float64", testPacking[float64])
}

func testDots[T float](t *testing.T) {
	for _, tier := range cpu.Tiers() {
		k := kernelsOf[T](tier)
		rng := rand.New(rand.NewPCG(3, uint64(tier)))
		for _, n := range []int{1, 2, 3, 7, 8, 9, 15, 16, 17, 64, 100, 257} {
			for _, special := range []bool{false, true} {
				w, x, got := numbers[T](rng, 50+n), numbers[T](rng, n), numbers[T](rng, DotRows)
				if special {
					sprinkle(rng, w)
					sprinkle(rng, x)
				}
				var places []int
				for range DotRows {
					places = append(places, rng.IntN(50)*sizeOf[T]())
				}
				want := append([]T{}, got...)
				at := func(v []T) unsafe.Pointer { return unsafe.Pointer(&v[0]) }
				portableDots[T](at(w), &places[0], at(x), n, at(want), n%2)
				k.Dots(at(w), places, at(x), n, at(got), n%2 == 1)
				for r := range got {
					scale := 1.0
					for i := range n {
						scale += math.Abs(float64(w[places[r]/sizeOf[T]()+i]) * float64(x[i]))
					}
					if scale < math.MaxFloat32/4 || math.IsNaN(scale) {
						same := math.IsNaN(float64(want[r])) && math.IsNaN(float64(got[r])) || math.Abs(float64(want[r]-got[r])) <= 0x1p-20*scale
						if !same {
							t.Errorf("%s: %d elements, row %d is %v, want %v", tier, n, r, got[r], want[r])
						}
					}
				}
			}
		}
	}
}

func TestDotsOfEveryTier(t *testing.T) {
	t.Run("float32", testDots[float32])
	t.Run("float64", testDots[float64])
}

func testCombine[T float](t *testing.T) {
	for _, tier := range cpu.Tiers() {
		k := kernelsOf[T](tier)
		if !k.HasCombine() {
			continue
		}
		rng := rand.New(rand.NewPCG(4, uint64(tier)))
		for _, rows := range []int{1, 3, 8, 9, 21} {
			for _, n := range []int{1, 2, 3, 7, 8, 9, 15, 16, 17, 64, 100, 257} {
				w, x, got := numbers[T](rng, 50+n), numbers[T](rng, rows), numbers[T](rng, n)
				if n%3 == 0 {
					sprinkle(rng, w)
					sprinkle(rng, x)
				}
				var places []int
				for range rows {
					places = append(places, rng.IntN(50)*sizeOf[T]())
				}
				at := func(v []T) unsafe.Pointer { return unsafe.Pointer(&v[0]) }
				want := append([]T{}, got...)
				portableCombine[T](rows)(at(w), &places[0], at(x), n, at(want), n%2)
				k.Combine(at(w), places, at(x), n, at(got), n%2 == 1)
				for i := range got {
					scale := 1.0
					for r := range rows {
						scale += math.Abs(float64(w[places[r]/sizeOf[T]()+i]) * float64(x[r]))
					}
					if scale < math.MaxFloat32/4 || math.IsNaN(scale) {
						same := math.IsNaN(float64(want[i])) && math.IsNaN(float64(got[i])) || math.Abs(float64(want[i]-got[i])) <= 0x1p-20*scale
						assert.True(t, same, "%s: %d rows of %d, element %d is %v, want %v", tier, rows, n, i, got[i], want[i])
					}
				}
			}
		}
	}
}

func TestCombineOfEveryTier(t *testing.T) {
	t.Run("float32", testCombine[float32])
	t.Run("float64", testCombine[float64])
}

func testLanes[T float](t *testing.T) {
	size := sizeOf[T]()
	for _, tier := range cpu.Tiers() {
		k := kernelsOf[T](tier)
		rng := rand.New(rand.NewPCG(9, uint64(tier)))
		for cols := 1; cols <= k.lanes; cols++ {
			for _, positions := range []int{1, 2, 3, 7, 8, 13, 16} {
				for _, count := range []int{1, 4, 9} {
					stepX, stepY := rng.IntN(20)*size, (cols+rng.IntN(3))*size
					taps := make([]int, count)
					for i := range taps {
						taps[i] = rng.IntN(50) * size
					}
					x, w, got := numbers[T](rng, 50+20*positions+cols), numbers[T](rng, count*cols), numbers[T](rng, positions*stepY/size)
					if count == 4 {
						sprinkle(rng, x)
					}
					want := append([]T{}, got...)
					at := func(v []T) unsafe.Pointer { return unsafe.Pointer(&v[0]) }
					portableLanes[T](at(want), stepY, at(x), stepX, &taps[0], count, at(w), cols*size, positions, cols, count%2)
					k.ByLane(at(got), stepY, at(x), stepX, taps, at(w), cols*size, positions, cols, count%2 == 1)
					for i := range got {
						a, b := float64(got[i]), float64(want[i])
						same := a == b || a != a && b != b || math.Abs(a-b) <= 0x1p-19
						if math.Abs(b) > math.MaxFloat32/100 { // in which order sums overflow is nobody's promise
							same = true
						}
						if !same {
							t.Fatalf("%s: %d lanes, %d positions, %d taps: element %d is %v, want %v", tier, cols, positions, count, i, a, b)
						}
					}
				}
			}
		}
	}
}

func TestLanesOfEveryTier(t *testing.T) {
	t.Run("float32", testLanes[float32])
	t.Run("float64", testLanes[float64])
}

func FuzzTiles(f *testing.F) {
	f.Add(uint64(1), uint8(12), uint8(33), uint8(40))
	f.Fuzz(func(t *testing.T, seed uint64, rows, cols, depth uint8) {
		rng := rand.New(rand.NewPCG(seed, 0))
		for _, tier := range cpu.Tiers() {
			k := Float32(tier)
			p := newProblem[float32](rng, 1+int(rows)%40, 1+int(cols)%80, 1+int(depth), k.Cols)
			if seed%2 == 1 {
				sprinkle(rng, p.a)
				sprinkle(rng, p.b)
			}
			p.check(t, k, seed%3 == 0)
		}
	})
}

// BenchmarkTiles shows how near tiles come to the peak of the machine, with operands in the first cache.
func BenchmarkTiles(b *testing.B) {
	for _, tier := range cpu.Tiers() {
		benchmarkTiles[float32](b, tier, "float32")
		benchmarkTiles[float64](b, tier, "float64")
	}
}

func benchmarkTiles[T float](b *testing.B, tier cpu.Tier, name string) {
	k := kernelsOf[T](tier)
	for _, rows := range []int{1, 4, k.Rows} {
		for _, cols := range []int{k.lanes, k.Cols} {
			b.Run(fmt.Sprintf("%s/%s/%dx%d", tier, name, rows, cols), func(b *testing.B) {
				const depth = 256
				x, y, z := make([]T, 12*(depth+16)), make([]T, k.Cols*depth), make([]T, rows*cols)
				a := A{unsafe.Pointer(&x[0]), nil, []Run{{0, depth * k.size}}, k.size}
				for r := range rows {
					a.Places = append(a.Places, r*(depth+16)*k.size)
				}
				for b.Loop() {
					k.Multiply(&a, &B{unsafe.Pointer(&y[0]), k.Cols * k.size, 0}, unsafe.Pointer(&z[0]), cols*k.size, cols, true)
				}
				b.ReportMetric(2*float64(rows*cols*depth)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}
