package vector

import (
	"math"
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/vector/piece"
)

// Program is a compiled Code. It holds no state: several goroutines may run it at once.
type Program struct {
	nodes []node
	folds []Fold
	tier  cpu.Tier
	m     *machine
	code  []uint64 // for m; without it the lines are interpreted
	large bool     // more scratch memory is needed than most programs do
	chunk int      // how many elements a call into assembly works on
}

// Assembled reports whether programs are assembly on a tier: faster than loops in Go.
func Assembled(t cpu.Tier) bool { return machineOf(t) != nil }

// Compile returns the program, for the tier in use. The code may not be changed afterwards.
func (c *Code) Compile() *Program { return c.CompileFor(cpu.Use()) }

// CompileFor is Compile for a tier that the machine has.
func (c *Code) CompileFor(t cpu.Tier) *Program {
	p := &Program{tier: t, nodes: c.nodes, folds: c.folds, m: machineOf(t)}
	if p.m == nil {
		return p
	}
	a := assemblers.Get().(*assembler)
	defer assemblers.Put(a)
	a.assemble(p.m, c)
	if a.used > piece.Large {
		p.tier = cpu.Portable
		return p
	}
	p.large = a.used > piece.Small
	p.code = a.code()
	p.chunk = p.m.block * max(1, int(perCall/max(1, p.Cost()))*1000/p.m.block)
	return p
}

// perCall is how many nanoseconds a call into assembly should take: it cannot be interrupted, and is to end within 100 µs.
const perCall = 40_000

// Folds returns how many results a run gives beside what it stores.
func (p *Program) Folds() int { return len(p.folds) }

// Run works on n elements of the operands that lie at mem, and writes the folded results to acc, as many as [Program.Folds].
func (p *Program) Run(mem []unsafe.Pointer, n int, acc []float64) {
	for i, f := range p.folds {
		acc[i] = identity[f]
	}
	if p.code == nil {
		p.interpret(mem, n, acc)
		return
	}
	for from := 0; from < n; from += p.chunk {
		p.m.run(p, unsafe.Pointer(unsafe.SliceData(mem)), unsafe.Pointer(unsafe.SliceData(acc)), from, min(from+p.chunk, n))
	}
}

var identity = [...]float64{Sum: 0, Largest: math.Inf(-1), Least: math.Inf(1), RoughSum: 0, Magnitude: 0}
