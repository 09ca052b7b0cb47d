package gocpu

import (
	"math"
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/backends/gocpu/internal/vector"
	"github.com/quire-ml/quire/graph/shapes"
)

// groupRun runs the program of a group, in pieces: up to inner neighbouring elements, in which each operand goes on evenly.
type groupRun struct {
	program  *vector.Program
	body     kernels.Body // r.chunk, made once
	n, grain int
	at       []whereabouts // of the program's operands: those that are read, then those that are written
	inner    int
	dims     []int // of the axes of rows of inner elements, the innermost first; nil for rows that are written out
	row      int   // elements of a row that is written out, 0 if none is
	folds    []fold
	run      int // elements of a row that is folded, 0 if all are folded into one
	written  int // bytes of rows that are written out, at the end of the scratch memory: what is before is for folded parts, or a product
}

// whereabouts says how an operand of a program lies in memory, in bytes.
type whereabouts struct {
	layout  []axis
	step    int   // from one element of the group to the next; 0 for one number, and for what is broadcast
	at      int   // where the first element lies, of a slice
	size    int   // of an element
	strides []int // of what is broadcast: along the axis within a piece, then along dims
	nextRow int   // from a row of a product to the next, see epilogue.go
	scratch int   // where a row begins that is written out, among all of these
}

func newWhere(o source, n int, s shapes.Shape) whereabouts {
	w := whereabouts{layout: o.layout, size: s.DType.Size()}
	w.at = o.at * w.size
	if len(o.layout) == 1 { // a slice of neighbours
		w.layout, w.step = nil, w.size
	}
	if o.layout == nil && s.Size() == n {
		w.step = w.size
	}
	return w
}

// fold is a result that joins elements: those of a row, or all.
type fold struct {
	kind vector.Fold
	out  int
	over float64 // what the sum is divided by
	rows bool
}

// start returns what nothing is folded to.
func (f *fold) start() float64 {
	return [...]float64{vector.Sum: 0, vector.Largest: math.Inf(-1), vector.Least: math.Inf(1), vector.Magnitude: 0}[f.kind]
}

func (f *fold) join(a, b float64) float64 {
	switch f.kind {
	case vector.Largest, vector.Magnitude:
		return max(a, b)
	case vector.Least:
		return min(a, b)
	}
	return a + b
}

// foldChunk is how many elements are folded into one part. It is fixed, so that results are.
const foldChunk = 1 << 14

// groupGrain is how many elements a chunk has, at a cost in nanoseconds each: about 10 µs of work, in whole vectors.
func groupGrain(cost float64) int { return max(1024, int(10_000/cost)&^1023) }

// rowsOf returns the memory of rows that are written out.
func (r *groupRun) rowsOf(a *kernels.Args) []byte { return a.Scratch[len(a.Scratch)-r.written:] }

// rows prepares for the cuts of g.
func (r *groupRun) rows(g *group) {
	switch {
	case len(g.cuts) == 0:
	case g.repeats():
		r.row = g.cuts[0]
		r.inner = r.row * min(2*kernels.ShortRow/r.row, r.n/r.row+1) // one more, as a chunk may begin within a row
		for i := range r.at {
			if p := &r.at[i]; p.layout != nil {
				p.scratch = r.written
				r.written += kernels.Aligned(r.inner * p.size)
			}
		}
	default:
		r.walk(g)
	}
}

// walk prepares for rows of any kind.
func (r *groupRun) walk(g *group) {
	r.inner = g.cuts[0]
	for k, c := range g.cuts {
		next := g.n
		if k+1 < len(g.cuts) {
			next = g.cuts[k+1]
		}
		r.dims = append(r.dims, next/c)
	}
	for i := range r.at {
		if p := &r.at[i]; p.layout != nil {
			p.strides = stridesAt(p.layout, g.cuts)
			for k := range p.strides {
				p.strides[k] *= p.size
			}
		}
	}
}

// longest is how many elements a program runs over in one go, in which no collector can stop it.
const longest = 1 << 15

// all is the kernel.
func (r *groupRun) all(a *kernels.Args) {
	if r.row > 0 {
		r.writeOut(a)
	}
	a.For(r.n, r.grain, r.body)
	for k := range r.folds {
		if f := &r.folds[k]; !f.rows && !a.Ended() {
			r.finish(a, f, k)
		}
	}
}

// writeOut repeats short rows.
func (r *groupRun) writeOut(a *kernels.Args) {
	for i := range r.at {
		if p := &r.at[i]; p.layout != nil {
			long := r.rowsOf(a)[p.scratch : p.scratch+r.inner*p.size]
			for n := copy(long, a.In[i][:r.row*p.size]); n < len(long); n *= 2 {
				copy(long[n:], long[:n])
			}
		}
	}
}

// chunk runs the elements lo to hi.
func (r *groupRun) chunk(a *kernels.Args, _, lo, hi int) {
	var mem [maxOperands]unsafe.Pointer
	var acc, total [maxFolds]float64
	r.restart(&total)
	first := lo
	for lo < hi {
		skip := r.within(lo)
		n := min(hi-lo, r.inner-skip, longest)
		r.memory(&mem, a, lo, skip)
		r.program.Run(mem[:len(r.at)], n, acc[:len(r.folds)])
		lo += n
		for k := range r.folds {
			total[k] = r.folds[k].join(total[k], acc[k])
		}
		if r.run > 0 && lo%r.run == 0 {
			r.endRow(a, &total, lo/r.run-1)
		}
	}
	for k := range r.folds {
		if !r.folds[k].rows {
			r.parts(a)[first/r.grain*len(r.folds)+k] = total[k]
		}
	}
}

func (r *groupRun) restart(total *[maxFolds]float64) {
	for k := range r.folds {
		total[k] = r.folds[k].start()
	}
}

// within returns how many elements of the piece that lo is in come before it.
func (r *groupRun) within(lo int) int {
	switch {
	case r.row > 0:
		return lo % r.row
	case r.inner < r.n:
		return lo % r.inner
	}
	return 0
}

// memory fills in where the operands lie at element lo, the skip-th of a piece.
func (r *groupRun) memory(mem *[maxOperands]unsafe.Pointer, a *kernels.Args, lo, skip int) {
	in := r.at[:len(a.In)]
	for i := range in {
		mem[i] = unsafe.Add(unsafe.Pointer(unsafe.SliceData(a.In[i])), lo*in[i].step+in[i].at)
		switch p := &in[i]; {
		case p.layout == nil:
		case r.row > 0:
			mem[i] = unsafe.Pointer(unsafe.SliceData(r.rowsOf(a)[p.scratch+skip*p.size:]))
		default:
			mem[i] = unsafe.Add(mem[i], r.offset(p, lo/r.inner)+skip*p.strides[0])
		}
	}
	for i, p := range r.at[len(in):] {
		mem[len(in)+i] = unsafe.Add(unsafe.Pointer(unsafe.SliceData(a.Out[i])), lo*p.step)
	}
}

// offset returns where row number row of a broadcast operand begins.
func (r *groupRun) offset(p *whereabouts, row int) (bytes int) {
	for k, d := range r.dims {
		bytes += row % d * p.strides[k+1]
		row /= d
	}
	return bytes
}

// endRow writes what a row was folded to.
func (r *groupRun) endRow(a *kernels.Args, total *[maxFolds]float64, row int) {
	for k := range r.folds {
		if f := &r.folds[k]; f.rows {
			kernels.Of[float32](a.Out[f.out])[row] = float32(total[k] / f.over)
			total[k] = f.start()
		}
	}
}

// parts are what the chunks were folded to.
func (r *groupRun) parts(a *kernels.Args) []float64 {
	return kernels.Of[float64](a.Scratch)
}

// finish folds the parts into one, in their order.
func (r *groupRun) finish(a *kernels.Args, f *fold, k int) {
	total := f.start()
	for c := 0; c*r.grain < r.n; c++ {
		total = f.join(total, r.parts(a)[c*len(r.folds)+k])
	}
	kernels.Of[float32](a.Out[f.out])[0] = float32(total / f.over)
}
