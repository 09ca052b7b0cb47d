package gemm

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/graph/dtypes/bfloat16"
)

// tiles returns the kernels of this machine that multiply tiles, and skips the test if there are none.
func tiles(t testing.TB) *Matrices {
	m := MatricesOf(cpu.AVX512, cpu.Has())
	if m == nil {
		t.Skip("this machine has no AMX, or QUIRE_CPU leaves it out")
	}
	return m
}

// matrixCase is a type of elements of a Matrix.
type matrixCase struct {
	name string
	of   func(*Matrices) *Matrix
	unit func(rng *rand.Rand) uint32
}

var matrixCases = []matrixCase{
	{"bfloat16", func(m *Matrices) *Matrix { return &m.BFloat16 }, func(rng *rand.Rand) uint32 {
		half := func() uint32 { return uint32(bfloat16.FromFloat32(float32(rng.NormFloat64())).Bits()) }
		return half() | half()<<16
	}},
	{"any bfloat16", func(m *Matrices) *Matrix { return &m.BFloat16 }, (*rand.Rand).Uint32}, // NaN, infinities, tiny numbers
	{"int8", func(m *Matrices) *Matrix { return &m.Int8 }, (*rand.Rand).Uint32},
	{"uint8", func(m *Matrices) *Matrix { return &m.Uint8 }, (*rand.Rand).Uint32},
}

// matrixProblem is a block of C and what it is the product of, in a way that nothing is aligned and what lies around is not to be read
// or written.
type matrixProblem struct {
	rows, cols, pieces int
	tail, add          bool
	a, b, rest, c      []byte
	step, stride       int
}

func newMatrixProblem(rng *rand.Rand, unit func(*rand.Rand) uint32, rows, cols, pieces int, tail, add bool) *matrixProblem {
	p := &matrixProblem{rows: rows, cols: cols, pieces: pieces, tail: tail, add: add}
	fill := func(n int) []byte {
		b := make([]byte, n+4)
		for i := 0; i+4 <= len(b); i += 4 {
			u := unit(rng)
			b[i], b[i+1], b[i+2], b[i+3] = byte(u), byte(u>>8), byte(u>>16), byte(u>>24)
		}
		return b
	}
	p.step, p.stride = (2*pieces+1)*MatrixPiece+4*rng.IntN(9), 4*(cols+rng.IntN(9))
	p.a, p.rest, p.c = fill(rows*p.step), fill(rows*MatrixPiece), fill(rows*p.stride)
	p.b = fill((pieces + 1) * MatrixUnits * MatrixCols * 4)
	return p
}

// multiply returns C after the product. Pieces lie in turned order, with gaps.
func (p *matrixProblem) multiply(m *Matrix) []byte {
	c := append([]byte(nil), p.c...)
	a := Rows{Base: unsafe.Pointer(&p.a[0]), Step: p.step}
	for i := range p.pieces {
		a.Offsets = append(a.Offsets, 2*MatrixPiece*(p.pieces-1-i))
	}
	if p.tail {
		a.Tail = unsafe.Pointer(&p.rest[0])
	}
	m.Multiply(&a, unsafe.Pointer(&p.b[0]), unsafe.Pointer(&p.b[0]), unsafe.Pointer(&c[0]), p.stride, p.rows, p.cols, p.add)
	return c
}

func (p *matrixProblem) String() string {
	return fmt.Sprintf("%d x %d, %d pieces, tail %v, add %v", p.rows, p.cols, p.pieces, p.tail, p.add)
}

// checkMatrix compares the kernels of a problem with their portable twins, to the bit; of NaN there are many.
func checkMatrix(t testing.TB, native *Matrices, c matrixCase, p *matrixProblem) {
	got, want := p.multiply(c.of(native)), p.multiply(c.of(portableMatrices()))
	if c.of(native).Elements == 4 {
		require.Equal(t, want, got, "%s: %s", c.name, p)
		return
	}
	for i := 0; i+4 <= len(want); i += 4 {
		x, y := *(*float32)(unsafe.Pointer(&got[i])), *(*float32)(unsafe.Pointer(&want[i]))
		if math.Float32bits(x) != math.Float32bits(y) && !(x != x && y != y) {
			t.Fatalf("%s: %s: number %d is %v, want %v", c.name, p, i/4, x, y)
		}
	}
}

func TestMatrixIsThatOfThePortableTwin(t *testing.T) {
	native := tiles(t)
	for _, c := range matrixCases {
		rng := rand.New(rand.NewPCG(1, 2))
		for _, rows := range []int{1, 2, 15, 16, 17, 31, 32, 33, 50, 64, 97} {
			for _, cols := range []int{1, 15, 16, 17, 31, 32} {
				for _, pieces := range []int{0, 1, 3} {
					checkMatrix(t, native, c, newMatrixProblem(rng, c.unit, rows, cols, pieces, pieces != 1, rng.IntN(2) == 0))
					checkMatrix(t, native, c, newMatrixProblem(rng, c.unit, rows, cols, pieces+1, pieces == 1, rng.IntN(2) == 0))
				}
			}
		}
	}
}

// Tiles live in registers that the kernel of the system saves when a signal comes: the collector stops goroutines by signals, a profile
// sends ten thousand a second, and products remain what they are.
func TestTilesUnderSignals(t *testing.T) {
	native, rng := tiles(t), rand.New(rand.NewPCG(5, 6))
	runtime.SetCPUProfileRate(10_000)
	defer runtime.SetCPUProfileRate(0)
	var group sync.WaitGroup
	for _, c := range matrixCases[:3] {
		p := newMatrixProblem(rng, c.unit, 960, 32, 64, true, false) // some 50 µs in assembly
		want := p.multiply(c.of(native))
		for range 2 {
			group.Go(func() {
				for range 500 {
					if got := p.multiply(c.of(native)); !bytes.Equal(want, got) {
						t.Errorf("%s: %s: another product", c.name, p)
						return
					}
				}
			})
		}
	}
	done := make(chan struct{})
	go func() {
		group.Wait()
		close(done)
	}()
	for {
		select {
		case <-done:
			return
		default:
			runtime.GC()
		}
	}
}

func FuzzMatrix(f *testing.F) {
	f.Add(uint64(1), uint8(33), uint8(17), uint8(2), uint8(3))
	f.Fuzz(func(t *testing.T, seed uint64, rows, cols, pieces, how uint8) {
		native, rng := tiles(t), rand.New(rand.NewPCG(seed, 1))
		c := matrixCases[int(how>>2)%len(matrixCases)]
		checkMatrix(t, native, c, newMatrixProblem(rng, c.unit, 1+int(rows)%100, 1+int(cols)%MatrixCols, 1+int(pieces)%9, how&1 != 0, how&2 != 0))
	})
}

func TestPanelsAreThoseOfThePortableTwin(t *testing.T) {
	native, rng := tiles(t), rand.New(rand.NewPCG(3, 4))
	src := make([]byte, 1<<14)
	for i := range src {
		src[i] = byte(rng.Uint32())
	}
	for _, c := range matrixCases {
		for _, cols := range []int{1, 2, 15, 16, 17, 31, 32} {
			for _, count := range []int{1, 2, 16, 33} {
				stride := 64 + rng.IntN(32)
				got, want := make([]byte, (count+1)*4*MatrixCols), make([]byte, (count+1)*4*MatrixCols)
				c.of(native).Panel(unsafe.Pointer(&got[0]), unsafe.Pointer(&src[3]), stride, count, cols)
				c.of(portableMatrices()).Panel(unsafe.Pointer(&want[0]), unsafe.Pointer(&src[3]), stride, count, cols)
				assert.Equal(t, want, got, "%s: %d columns, %d rows", c.name, cols, count)
			}
		}
	}
}

// BenchmarkMatrix multiplies rows whose A stays in the second cache by panels that stay in it.
func BenchmarkMatrix(b *testing.B) {
	native, rng := tiles(b), rand.New(rand.NewPCG(5, 6))
	for _, c := range matrixCases {
		m := c.of(native)
		for _, pieces := range []int{8, 16, 32, 64} {
			for _, rows := range []int{32, 64, 256, 512} {
				const panels = 4
				p := newMatrixProblem(rng, c.unit, rows, MatrixCols, pieces, false, false)
				y := newMatrixProblem(rng, c.unit, 1, 1, panels*pieces, false, false).b
				a := Rows{Base: unsafe.Pointer(&p.a[0]), Step: pieces * MatrixPiece}
				for i := range pieces {
					a.Offsets = append(a.Offsets, i*MatrixPiece)
				}
				panel := func(i int) unsafe.Pointer { return unsafe.Pointer(&y[i%panels*pieces*MatrixUnits*MatrixCols*4]) }
				b.Run(fmt.Sprintf("%s/%d units of %d rows", c.name, pieces*MatrixUnits, rows), func(b *testing.B) {
					for b.Loop() {
						for i := range panels {
							m.Multiply(&a, panel(i), panel(i+1), unsafe.Pointer(&p.c[0]), p.stride, rows, MatrixCols, false)
						}
					}
					b.ReportMetric(2*float64(panels*rows*MatrixCols*pieces*MatrixUnits*m.Elements)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
				})
			}
		}
	}
}
