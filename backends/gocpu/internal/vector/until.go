package vector

import "unsafe"

// RunUntil is [Program.Run] that leaves off once ended reports true, which it asks after each call into assembly: what it has
// written by then is of no use.
func (p *Program) RunUntil(ended func() bool, mem []unsafe.Pointer, n int, acc []float64) {
	if p.code == nil {
		p.Run(mem, n, acc)
		return
	}
	for i, f := range p.folds {
		acc[i] = identity[f]
	}
	for from := 0; from < n && !ended(); from += p.chunk {
		p.m.run(p, unsafe.Pointer(unsafe.SliceData(mem)), unsafe.Pointer(unsafe.SliceData(acc)), from, min(from+p.chunk, n))
	}
}
