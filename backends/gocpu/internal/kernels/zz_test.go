package kernels

import (
	"fmt"
	"math"
	"testing"
	"time"
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/peak"
	"github.com/quire-ml/quire/backends/gocpu/internal/vector"
)

func TestZZPrograms(t *testing.T) {
	best := math.Inf(1)
	for range 50 {
		from := time.Now()
		f := peak.Turns(1000)
		best = min(best, float64(time.Since(from).Nanoseconds())/float64(f))
	}
	fmt.Printf("peak %.1f GFLOP/s = %.2f GHz\n", 1/best, 1/best/64)
	p := newRowPrograms(cpu.AVX512, vector.Float32, false)
	n := newNormPrograms(cpu.AVX512, vector.Float32, func(c *vector.Code) {
		y := c.Op(vector.Mul, normed(c, vector.Float32), c.Load(normGain, vector.Float32))
		y = c.Op(vector.Add, y, c.Load(normOffset, vector.Float32))
		c.Store(normOut, vector.Float32, y)
	})
	var cs vector.Code
	cs.Accumulate(vector.Sum, cs.Load(0, vector.Float32))
	sum := cs.CompileFor(cpu.AVX512)
	mem := make([]unsafe.Pointer, 16)
	for i := range mem {
		x := make([]float32, 4096+16)
		for i := range x {
			x[i] = float32(i%7) * 0.25
		}
		mem[i] = unsafe.Pointer(&x[0])
	}
	acc := make([]float64, 2)
	for name, q := range map[string]*vector.Program{"softmax largest": p.largest, "softmax direct": p.direct, "softmax scaled": p.scaled, "softmax logsums": p.logSums, "softmax logged": p.logged, "norm squares": n.squares, "norm out": n.out, "sum": sum} {
		fmt.Printf("%-18s", name)
		for _, size := range []int{64, 128, 256, 1024, 2048} {
			best := math.Inf(1)
			for range 200 {
				from := time.Now()
				for range 50 {
					q.Run(mem, size, acc)
				}
				best = min(best, float64(time.Since(from).Nanoseconds())/50)
			}
			fmt.Printf(" %d: %.0f", size, best)
		}
		fmt.Println()
	}
}
