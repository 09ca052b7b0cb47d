package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/quire-ml/quire/graph/dtypes"
)

// run calls a kernel on operands with the scratch memory that it asked for.
func run(f Func, scratch, workers int, out []byte, in ...[]byte) {
	f(&Args{Out: [][]byte{out}, In: in, Scratch: Bytes(make([]complex128, scratch/16+1))[:scratch], Workers: workers})
}

// layout is a matrix [n, k] per batch within memory of any order of axes.
type layout struct {
	batch, n, k int
	order       string // of the axes b, n and k, the last one fastest
}

func (l layout) operand() Operand {
	size := map[byte]int{'b': l.batch, 'n': l.n, 'k': l.k}
	stride, s := map[byte]int{}, 1
	for i := 2; i >= 0; i-- {
		stride[l.order[i]] = s
		s *= size[l.order[i]]
	}
	axis := func(a byte) Axis { return NewAxis([]int{size[a]}, []int{stride[a]}) }
	b := axis('b')
	return Operand{Base: b.Places(), Free: axis('n'), Sum: axis('k')}
}

func (o *Operand) place(g, n, k int) int { return o.Base[g] + o.Free.at(n) + o.Sum.at(k) }

func gemmOf(batch, m, n, k int, orderA, orderB string) Gemm {
	g := Gemm{A: layout{batch, m, k, orderA}.operand(), B: layout{batch, n, k, orderB}.operand(), OutStride: n}
	for i := range batch {
		g.OutBase = append(g.OutBase, i*m*n)
	}
	return g
}

func randomFloats[T Float](rng *rand.Rand, n int) []T {
	v := make([]T, n)
	for i := range v {
		v[i] = T(rng.Float64()*2 - 1)
	}
	return v
}

// checkGemm compares a product with plain loops in float64.
func checkGemm[T Float](t *testing.T, d dtypes.DType, batch, m, n, k, workers int, orderA, orderB string) []T {
	t.Helper()
	g := gemmOf(batch, m, n, k, orderA, orderB)
	rng := rand.New(rand.NewPCG(uint64(m*n), uint64(k)))
	a, b, c := randomFloats[T](rng, batch*m*k), randomFloats[T](rng, batch*n*k), randomFloats[T](rng, batch*m*n)
	f, scratch := Product(g, d, d, d, workers)
	run(f, scratch, workers, Bytes(c), Bytes(a), Bytes(b))
	for i := range c {
		gi, mi, ni := i/n/m, i/n%m, i%n
		want, size := 0.0, 0.0 // size: what rounding errors are relative to
		for ki := range k {
			v := float64(a[g.A.place(gi, mi, ki)]) * float64(b[g.B.place(gi, ni, ki)])
			want, size = want+v, size+math.Abs(v)
		}
		if math.Abs(float64(c[i])-want) > 4*dtypes.Epsilon(d)*size {
			t.Fatalf("batch %d, %d x %d x %d, %s %s, %d workers: element %d is %v, want %v", batch, m, n, k, orderA, orderB, workers, i, c[i], want)
		}
	}
	return c
}

func TestProductOfAnyShapeAndLayout(t *testing.T) {
	orders := []string{"bnk", "bkn", "nbk", "knb"}
	for _, s := range [][4]int{
		{1, 1, 1, 1}, {1, 2, 4, 4}, {1, 3, 5, 7}, {1, 33, 17, 300}, {1, 64, 64, 256}, {1, 31, 130, 257}, {3, 5, 6, 9},
		{1, 1, 50, 70}, {1, 50, 1, 70}, {3, 1, 700, 530}, {2, 600, 1, 270}, {1, 1, 9, 20000}, {1, 9, 8, 5000}, {2, 3, 3, 2100}, {1, 200, 3, 513}, {5, 40, 36, 20}, {1, 4, 500, 3},
		{2, 3, 4, 0}, {1, 0, 3, 4},
	} {
		for _, oa := range orders {
			for _, ob := range orders {
				checkGemm[float32](t, dtypes.Float32, s[0], s[1], s[2], s[3], 1, oa, ob)
			}
		}
		checkGemm[float64](t, dtypes.Float64, s[0], s[1], s[2], s[3], 2, "bnk", "bkn")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 40 {
		checkGemm[float32](t, dtypes.Float32, 1+rng.IntN(3), 1+rng.IntN(70), 1+rng.IntN(70), 1+rng.IntN(600), 1+rng.IntN(3), orders[rng.IntN(4)], orders[rng.IntN(4)])
	}
}

func TestProductDoesNotDependOnTheWorkers(t *testing.T) {
	for _, s := range [][4]int{{1, 300, 40, 500}, {1, 9, 8, 20000}, {4, 70, 70, 70}, {1, 5, 700, 600}} {
		want := checkGemm[float32](t, dtypes.Float32, s[0], s[1], s[2], s[3], 1, "bnk", "bkn")
		for _, w := range []int{2, 3, 8} {
			got := checkGemm[float32](t, dtypes.Float32, s[0], s[1], s[2], s[3], w, "bnk", "bkn")
			for i := range got {
				if got[i] != want[i] {
					t.Fatalf("%v: element %d is %v with %d workers, %v with one", s, i, got[i], w, want[i])
				}
			}
		}
	}
}

func BenchmarkProduct(b *testing.B) {
	for _, c := range []struct {
		name    string
		m, n, k int
		a, b    string
	}{
		{"64", 64, 64, 64, "bnk", "bkn"}, {"256", 256, 256, 256, "bnk", "bkn"}, {"256 transposed A", 256, 256, 256, "bkn", "bkn"},
		{"256 transposed B", 256, 256, 256, "bnk", "bnk"}, {"512", 512, 512, 512, "bnk", "bkn"}, {"1024", 1024, 1024, 1024, "bnk", "bkn"},
		{"128x256x784", 128, 256, 784, "bnk", "bkn"}, {"784x256x128 tn", 784, 256, 128, "bkn", "bkn"}, {"128x10x256", 128, 10, 256, "bnk", "bkn"},
		{"9x8x25088 tn", 9, 8, 25088, "bkn", "bkn"}, {"25088x8x9", 25088, 8, 9, "bnk", "bkn"}, {"1x1024x1024", 1, 1024, 1024, "bnk", "bkn"},
	} {
		for _, w := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/workers=%d", c.name, w), func(b *testing.B) {
				g := gemmOf(1, c.m, c.n, c.k, c.a, c.b)
				x, y, z := make([]float32, c.m*c.k), make([]float32, c.n*c.k), make([]float32, c.m*c.n)
				f, scratch := Product(g, dtypes.Float32, dtypes.Float32, dtypes.Float32, w)
				a := &Args{Out: [][]byte{Bytes(z)}, In: [][]byte{Bytes(x), Bytes(y)}, Scratch: make([]byte, scratch), Workers: w}
				b.ReportAllocs()
				for b.Loop() {
					f(a)
				}
				b.ReportMetric(2*float64(c.m*c.n*c.k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}

// BenchmarkProductOfDTypes shows what narrow and wide elements cost beside float32.
func BenchmarkProductOfDTypes(b *testing.B) {
	for _, c := range []struct{ in, out dtypes.DType }{
		{dtypes.Float32, dtypes.Float32}, {dtypes.Float64, dtypes.Float64}, {dtypes.BFloat16, dtypes.BFloat16},
		{dtypes.Float16, dtypes.Float16}, {dtypes.Int8, dtypes.Int32},
	} {
		for _, n := range []int{128, 512, 1024} {
			b.Run(fmt.Sprintf("%s/%d", c.in, n), func(b *testing.B) {
				f, scratch := Product(gemmOf(1, n, n, n, "bnk", "bkn"), c.in, c.out, c.out, 1)
				x, y := make([]byte, n*n*c.in.Size()), make([]byte, n*n*c.in.Size())
				z, memory := make([]byte, n*n*c.out.Size()), make([]byte, scratch)
				a := &Args{In: make([][]byte, 2), Out: make([][]byte, 1), Workers: 1}
				b.ReportAllocs()
				for b.Loop() {
					a.In[0], a.In[1], a.Out[0], a.Scratch = x, y, z, memory
					f(a)
				}
				b.ReportMetric(2*float64(n*n*n)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}
