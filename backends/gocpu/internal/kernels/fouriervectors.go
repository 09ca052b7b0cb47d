package kernels

import (
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/fourier"
)

// fourierPlace says where a pass reads and writes, and its scratch memory.
type fourierPlace func(a *Args) (y, x, memory []byte)

// fourierVectors is a pass over one axis of complex numbers of two F, on vectors: outer·inner lanes of length n, of which inner
// lie side by side.
type fourierVectors[F fourier.Float] struct {
	plan            *fourier.Plan[F]
	outer, n, inner int
	ystep, xstep    int // bytes from one row to the next, where inner is 1
	inverse         bool
	at              fourierPlace
	between         int // bytes of memory that workers share
	own             int // bytes of memory of each worker
}

// complexOnVectors returns a pass over an axis, and its scratch memory; nil where there is no plan or it is not worth it.
func complexOnVectors[F fourier.Float](tier cpu.Tier, dims []int, axis int, inverse bool, workers int, at fourierPlace, ended func() bool) (Func, int) {
	p := &fourierVectors[F]{outer: elementsIn(dims[:axis]), n: dims[axis], inner: elementsIn(dims[axis+1:]), inverse: inverse, at: at}
	p.ystep = p.n * p.number()
	p.xstep = p.ystep
	return p.choose(tier, workers, ended)
}

// complexRows is complexOnVectors of rows that are the halves of n real numbers each: the complex side has one number more.
func complexRows[F fourier.Float](tier cpu.Tier, rows, n int, inverse bool, workers int, at fourierPlace, ended func() bool) (Func, int) {
	p := &fourierVectors[F]{outer: rows, n: n, inner: 1, inverse: inverse, at: at}
	p.ystep = n * p.number()
	p.xstep = p.ystep
	if !inverse {
		p.ystep += p.number()
	}
	return p.choose(tier, workers, ended)
}

// choose returns how the pass is done.
func (p *fourierVectors[F]) choose(tier cpu.Tier, workers int, ended func() bool) (Func, int) {
	if !fourier.Native(tier) || p.outer*p.inner == 0 {
		return nil, 0
	}
	if p.plan = planOf[F](tier, p.n, ended); p.plan == nil {
		return nil, 0
	}
	lanes := p.plan.Lanes()
	grain := max(1, 1<<14/(lanes*p.n))
	switch {
	case p.inner == 1 && p.plan.Long() && (p.outer < lanes || !p.plan.Short()):
		p.between, p.own = Aligned(p.plan.Between()), Aligned(p.plan.LongScratch())
		return p.long, p.between + workers*p.own
	case !p.plan.Short():
		return nil, 0
	}
	p.own = Aligned(p.plan.Scratch())
	if p.inner == 1 {
		pieces := (p.outer + lanes - 1) / lanes
		return func(a *Args) { a.For(pieces, grain, p.rows) }, workers * p.own
	}
	pieces := (p.inner + lanes - 1) / lanes
	return func(a *Args) { a.For(p.outer*pieces, grain, p.columns) }, workers * p.own
}

// elementsIn returns how many elements a tensor with the given dimensions has.
func elementsIn(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

// number is the bytes of a complex number.
func (p *fourierVectors[F]) number() int { return 2 * sizeOf[F]() }

// memory returns the memory of a worker.
func (p *fourierVectors[F]) memory(all []byte, worker int) []byte {
	return all[p.between+worker*p.own:][:p.own]
}

// rows transforms as many rows as there are lanes at a time.
func (p *fourierVectors[F]) rows(a *Args, worker, lo, hi int) {
	y, x, all := p.at(a)
	lanes := p.plan.Lanes()
	for i := lo; i < hi && !a.Ended(); i++ {
		from := i * lanes
		p.plan.Rows(unsafe.Pointer(&y[from*p.ystep]), unsafe.Pointer(&x[from*p.xstep]), min(lanes, p.outer-from), p.ystep, p.xstep, p.inverse, p.memory(all, worker))
	}
}

// columns does the same to lanes that lie side by side.
func (p *fourierVectors[F]) columns(a *Args, worker, lo, hi int) {
	y, x, all := p.at(a)
	lanes := p.plan.Lanes()
	pieces := (p.inner + lanes - 1) / lanes
	for i := lo; i < hi && !a.Ended(); i++ {
		column := i % pieces * lanes
		at := (i/pieces*p.n*p.inner + column) * p.number()
		p.plan.Columns(unsafe.Pointer(&y[at]), unsafe.Pointer(&x[at]), min(lanes, p.inner-column), p.inner*p.number(), p.inverse, p.memory(all, worker))
	}
}

// long transforms one long row after the other, each on all workers. From is the row.
func (p *fourierVectors[F]) long(a *Args) {
	first, second := p.plan.Pieces()
	for a.From = 0; a.From < p.outer && !a.Ended(); a.From++ {
		a.For(first, 1, p.first)
		a.For(second, 1, p.second)
	}
	a.From = 0
}

func (p *fourierVectors[F]) first(a *Args, worker, lo, hi int) {
	_, x, all := p.at(a)
	for i := lo; i < hi; i++ {
		p.plan.First(all[:p.between], unsafe.Pointer(&x[a.From*p.xstep]), i, p.inverse, p.memory(all, worker))
	}
}

func (p *fourierVectors[F]) second(a *Args, worker, lo, hi int) {
	y, _, all := p.at(a)
	for i := lo; i < hi; i++ {
		p.plan.Second(unsafe.Pointer(&y[a.From*p.ystep]), all[:p.between], i, p.inverse, p.memory(all, worker))
	}
}
