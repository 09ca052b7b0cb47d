package kernels

import (
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/gemm"
)

// task is a task at work: part s of the sum for a block of C of batch g.
type task[T float32 | float64 | int32] struct {
	*blocked[T]
	args           *Args
	g, s           int
	r0, r1, c0, c1 int
	b, a, c, sums  []byte // the worker's scratch memory
	places         []int
}

// ownOf returns the scratch memory of a worker.
func (p *blocked[T]) ownOf(a *Args, worker int) []byte {
	return a.Scratch[p.sharedB+p.parts+worker*p.own:][:p.own]
}

// multiply computes tasks lo to hi.
func (p *blocked[T]) multiply(a *Args, worker, lo, hi int) {
	own := p.ownOf(a, worker)
	t := task[T]{blocked: p, args: a}
	t.places, own = Of[int](own[:p.ownPlaces]), own[p.ownPlaces:]
	t.b, own = own[:p.ownB], own[p.ownB:]
	t.a, own = own[:p.ownA], own[p.ownA:]
	t.c, own = own[:p.ownC], own[p.ownC:]
	t.sums = own
	for i := lo; i < hi; i++ {
		rest, c, r := i/(p.colTasks*p.rowTasks), i%p.colTasks, i/p.colTasks%p.rowTasks
		if p.byColumns {
			c, r = i/p.rowTasks%p.colTasks, i%p.rowTasks
		}
		t.s, t.g = rest%p.splits, rest/p.splits
		t.r0, t.r1 = gemm.Part(p.m, p.rowTasks, r)
		t.c0, t.c1 = c*p.cols, min((c+1)*p.cols, p.n)
		t.run()
	}
}

// run goes over the blocks of the sum and, within each, over the rows. It leaves off when the call has ended.
func (t *task[T]) run() {
	first, end := t.s*t.perSplit, min((t.s+1)*t.perSplit, len(t.blocks))
	if t.offset != 0 {
		t.begin()
	}
	for i := first; i < end; i++ {
		b := t.panelsOf(i)
		parts := (t.r1 - t.r0 + rowsAtOnce - 1) / rowsAtOnce
		for part := range parts {
			if t.args.Ended() {
				return
			}
			r0, r1 := gemm.Part(t.r1-t.r0, parts, part)
			r0, r1 = t.r0+r0, t.r0+r1
			a := t.rowsOf(i, r0, r1-r0)
			c, stride := t.result(r0)
			t.kernels.Multiply(&a, &b, c, stride, t.c1-t.c0, i > first || t.offset != 0)
			if i == end-1 && t.splits == 1 {
				t.finish(r0, r1)
			}
		}
	}
}

// ones is a row of A in fours of int8.
var ones = func() (v [kBlock]uint32) {
	for i := range v {
		v[i] = 0x01010101
	}
	return v
}()

// begin sets C to what the offset of A adds too much, less than zero.
func (t *task[T]) begin() {
	sums := Of[T](t.sums)[:t.c1-t.c0]
	for i := range t.blocks {
		b := t.panelsOf(i)
		a := gemm.A{Base: unsafe.Pointer(&ones[0]), Places: atZero[:], Runs: t.blocks[i].rows, Step: t.size}
		t.kernels.Multiply(&a, &b, unsafe.Pointer(&sums[0]), 0, len(sums), i > 0)
	}
	for j := range sums {
		sums[j] *= -T(t.offset)
	}
	for r := t.r0; r < t.r1; r++ {
		c, _ := t.result(r)
		copy(unsafe.Slice((*T)(c), len(sums)), sums)
	}
}

var atZero [1]int

// result returns where row r of the block of C is summed, and the bytes between rows.
func (t *task[T]) result(r int) (unsafe.Pointer, int) {
	switch {
	case t.splits > 1:
		parts := t.args.Scratch[t.sharedB:]
		return unsafe.Pointer(&parts[(((t.g*t.splits+t.s)*t.m+r)*t.n+t.c0)*t.size]), t.n * t.size
	case t.store != nil:
		return unsafe.Pointer(&t.c[(r-t.r0)*t.cols*t.size]), t.cols * t.size
	}
	return unsafe.Pointer(&t.args.Out[0][(t.OutBase[t.g]+r*t.OutStride+t.c0)*t.size]), t.OutStride * t.size
}

// finish stores rows r0 to r1, whose sums are done.
func (t *task[T]) finish(r0, r1 int) {
	for r := r0; r < r1 && t.store != nil; r++ {
		t.store(t.args.Out[0], t.OutBase[t.g]+r*t.OutStride+t.c0, Of[T](t.c[(r-t.r0)*t.cols*t.size:])[:t.c1-t.c0])
	}
	if t.Finish != nil {
		t.Finish(t.args, t.g, r0, r1, t.c0, t.c1)
	}
}

// addParts adds up the parts of the sum for rows lo to hi of all batches.
func (p *blocked[T]) addParts(a *Args, _, lo, hi int) {
	parts := Of[T](a.Scratch[p.sharedB:])
	for t := lo; t < hi; t++ {
		g, r := t/p.m, t%p.m
		sum := parts[(g*p.splits*p.m+r)*p.n:][:p.n]
		for s := 1; s < p.splits; s++ {
			for i, v := range parts[((g*p.splits+s)*p.m+r)*p.n:][:p.n] {
				sum[i] += v
			}
		}
		at := p.OutBase[g] + r*p.OutStride
		if p.store != nil {
			p.store(a.Out[0], at, sum)
		} else {
			copy(Of[T](a.Out[0])[at:], sum)
		}
		if p.Finish != nil {
			p.Finish(a, g, r, r+1, 0, p.n)
		}
	}
}

// panelsOf returns block i of the task's columns of B.
func (t *task[T]) panelsOf(i int) gemm.B {
	width := t.kernels.Cols * t.size
	panel := t.c0 / t.kernels.Cols
	switch {
	case t.inPlaceB:
		b := &t.B
		place := b.Base[t.g] + b.Free.at(t.c0) + b.Sum.at(t.blocks[i].from)
		return gemm.B{Base: unsafe.Pointer(&t.args.In[t.blocked.b][place*t.size]), Step: t.stepB * t.size, Stride: width}
	case t.shared:
		at, packed := ((t.packed[t.g]*len(t.blocks)+i)*t.panels+panel)*t.panelSize, t.args.Scratch
		if t.given {
			packed = t.args.In[t.blocked.b]
		}
		return gemm.B{Base: unsafe.Pointer(&packed[at]), Step: width, Stride: t.panelSize}
	}
	t.packPanels(t.args, t.b, t.g, i, t.c0, (t.c1-t.c0+t.kernels.Cols-1)/t.kernels.Cols, t.places)
	return gemm.B{Base: unsafe.Pointer(&t.b[0]), Step: width, Stride: t.panelSize}
}

// rowsOf returns block i of rows of A from r.
func (t *task[T]) rowsOf(i, r, rows int) gemm.A {
	o, places := &t.A, t.places[:rows]
	in := t.args.In[t.blocked.a]
	block := &t.blocks[i]
	o.Free.places(places, r, t.size)
	base := unsafe.Pointer(&in[o.Base[t.g]*t.size])
	if t.inPlaceA {
		return gemm.A{Base: base, Places: places, Runs: block.a, Step: t.stepA * t.size}
	}
	return t.packA(base, places, block)
}
