//go:build cgo

package xla

import (
	"fmt"
	"hash/fnv"
	"log/slog"
	"sync"

	"github.com/quire-ml/quire/graph/ir"
)

// manyCompiles is after how many compilations of one program for other shapes a note is written.
const manyCompiles = 20

// recompiles counts how often the same program was compiled, and says so when it is often: each time costs tens of
// milliseconds at least, which people see as slowness of the engine.
type recompiles struct {
	mu    sync.Mutex
	count map[string]int // by name and ops
}

// compiled notes a compilation of p. The note is written once per program.
func (r *recompiles) compiled(p *ir.Program) {
	h := fnv.New64a()
	for _, in := range p.Instrs {
		fmt.Fprintln(h, in.Op.Name)
	}
	key := fmt.Sprintf("%s %x", p.Name, h.Sum64())
	r.mu.Lock()
	if r.count == nil {
		r.count = map[string]int{}
	}
	r.count[key]++
	n := r.count[key]
	r.mu.Unlock()
	if n == manyCompiles {
		slog.Warn("XLA compiles a program anew for each combination of input shapes: bring inputs to few shapes, by padding or by leaving out a smaller last batch",
			"program", p.Name, "compilations", n)
	}
}
