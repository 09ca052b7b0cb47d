package vector

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
)

// million is the size of the benchmarks that are compared with other libraries: 4 MiB of float32 beyond the nearest caches.
const million = 1 << 20

func operand[T any](n int, f func(i int) T) unsafe.Pointer {
	x := make([]T, n)
	for i := range x {
		x[i] = f(i)
	}
	return unsafe.Pointer(&x[0])
}

func normal(scale float64) func(int) float32 {
	r := rand.New(rand.NewPCG(1, 2))
	return func(int) float32 { return float32(scale * r.NormFloat64()) }
}

// measure runs a program over n elements, which moves bytes for each, and reports the fastest of its runs: other work on the
// machine makes the others slower.
func measure(b *testing.B, p *Program, mem []unsafe.Pointer, n, bytes int) {
	acc := make([]float64, p.Folds())
	p.Run(mem, n, acc)
	b.ReportAllocs()
	perRun := math.Inf(1)
	rounds := max(1, 1<<14/n) // as long as the clock needs
	b.ResetTimer()
	for b.Loop() {
		from := time.Now()
		for range rounds {
			p.Run(mem, n, acc)
		}
		perRun = min(perRun, float64(time.Since(from).Nanoseconds())/float64(rounds))
	}
	b.ReportMetric(float64(n)/perRun, "Gelem/s")
	b.ReportMetric(float64(n*bytes)/perRun, "GB/s")
	b.ReportMetric(perRun, "ns/run")
}

func chain() *Code {
	var c Code
	x := c.Load(0, Float32)
	y := c.Op(Exp, c.Op(Tanh, c.Op(Add, c.Op(Mul, x, c.Const(1.5)), c.Const(0.25))))
	c.Store(1, Float32, c.Op(Max, c.Op(Mul, y, x), c.Const(0)))
	return &c
}

// tiers are those of the machine.
var tiers = cpu.Tiers()

func BenchmarkChain(b *testing.B) {
	for _, t := range tiers {
		b.Run(t.String(), func(b *testing.B) {
			mem := []unsafe.Pointer{operand(million, normal(1)), operand(million, func(int) float32 { return 0 })}
			measure(b, chain().CompileFor(t), mem, million, 8)
		})
	}
}

func BenchmarkAddScalar(b *testing.B) {
	for _, t := range tiers {
		b.Run(t.String(), func(b *testing.B) {
			var c Code
			c.Store(1, Float32, c.Op(Add, c.Load(0, Float32), c.Const(1)))
			mem := []unsafe.Pointer{operand(million, normal(1)), operand(million, func(int) float32 { return 0 })}
			measure(b, c.CompileFor(t), mem, million, 8)
		})
	}
}

// BenchmarkOps measures ops on numbers in the nearest cache: what Op.Cost states.
func BenchmarkOps(b *testing.B) {
	const n = 4096
	for _, t := range tiers {
		for o := range numOps {
			b.Run(fmt.Sprintf("%s/%s", t, o), func(b *testing.B) {
				var c Code
				if o.masks(0) {
					b.Skip("of masks")
				}
				args := []Value{c.Load(0, Float32)}
				if o.Arity() == 2 {
					args = append(args, c.Load(1, Float32))
				}
				typ := Float32
				if o.toMask() {
					typ = Bool
				}
				c.Store(2, typ, c.Op(o, args...))
				positive := func(int) float32 { return 0.5 + 4*rand.Float32() }
				mem := []unsafe.Pointer{operand(n, positive), operand(n, positive), operand(n, normal(1))}
				measure(b, c.CompileFor(t), mem, n, 8)
			})
		}
	}
}

func BenchmarkConversions(b *testing.B) {
	for _, t := range tiers {
		for _, typ := range []Type{BFloat16, Float16} {
			for _, from := range []bool{false, true} {
				b.Run(fmt.Sprintf("%s/%v/from=%v", t, typ, from), func(b *testing.B) {
					var c Code
					in, out := Float32, typ
					if from {
						in, out = typ, Float32
					}
					c.Store(1, out, c.Load(0, in))
					mem := []unsafe.Pointer{operand(million, func(int) float32 { return 1 }), operand(million, normal(1))}
					measure(b, c.CompileFor(t), mem, million, 6)
				})
			}
		}
	}
}

func BenchmarkFolds(b *testing.B) {
	for _, t := range tiers {
		for f, name := range []string{Sum: "sum", Largest: "largest", Least: "least", RoughSum: "rough sum", Magnitude: "magnitude"} {
			for _, n := range []int{64, 1024, million} {
				b.Run(fmt.Sprintf("%s/%s/%d", t, name, n), func(b *testing.B) {
					var c Code
					c.Accumulate(Fold(f), c.Load(0, Float32))
					measure(b, c.CompileFor(t), []unsafe.Pointer{operand(n, normal(1))}, n, 4)
				})
			}
		}
	}
}

// BenchmarkShort measures what a run costs by itself.
func BenchmarkShort(b *testing.B) {
	for _, t := range tiers {
		for _, n := range []int{1, 16, 32, 64, 100} {
			b.Run(fmt.Sprintf("%s/%d", t, n), func(b *testing.B) {
				var c Code
				c.Store(2, Float32, c.Op(Max, c.Op(Add, c.Load(0, Float32), c.Load(1, Float32)), c.Const(0)))
				mem := []unsafe.Pointer{operand(n, normal(1)), operand(n, normal(1)), operand(n, normal(1))}
				measure(b, c.CompileFor(t), mem, n, 12)
			})
		}
	}
}
