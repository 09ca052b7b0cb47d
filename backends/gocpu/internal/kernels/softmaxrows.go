package kernels

import (
	"math"
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/vector"
)

// Softmaxes on vectors: programs over one row at a time, while it lies in the nearest cache. Exponentials are rounded to
// float32, their sums are float64. What the programs do not know (NaN, infinities, rows without any element that counts) goes
// lane by lane in float64.
//
// The difference of an element from the row's largest one is rounded too, which an exponential shows: of 30, half a unit in
// the last place is 16 of them in e⁻³⁰. Where exponentials of the elements themselves have room, no difference is taken, and
// else what the rounding left behind is put back (see less).

// The places of the operands of the programs.
const (
	rowIn    = iota // the row
	rowMask         // which elements count
	rowOut          // the results
	rowExp          // exponentials, float32
	rowShift        // a number that is taken away from the elements
	rowFloor        // a number below which exponentials are 0: -∞ is none that can be taken away from
	rowScale        // a number that exponentials are multiplied by, or that is taken away from logarithms
	rowOperands
)

const (
	directUpTo = 1e26 // of exponentials; their sums have room in float32
	shiftUpTo  = 1e30 // numbers that are far from the end of the range
)

// direct reports whether exponentials of the elements of a row, of which this is the sum, are used as they are: those that are too
// small to be exact give results that are so, too.
func direct(sum float64) bool { return sum >= 1 && sum <= directUpTo }

// floor returns a number so far below m that the exponential of the difference is 0.
func floor(m float64) float32 { return float32(m - 200 - math.Abs(m)/4) }

// rowPrograms are the programs of a softmax.
type rowPrograms struct {
	largest *vector.Program // the largest element
	direct  *vector.Program // exponentials and their sum
	shifted *vector.Program // exponentials of differences and their sum
	logSums *vector.Program // that sum, whose logarithm shows more of it
	others  *vector.Program // the sum of those whose difference is not 0
	scaled  *vector.Program // results from exponentials
	logged  *vector.Program // logarithms from elements
}

// newRowPrograms returns the programs for elements of a type.
func newRowPrograms(tier cpu.Tier, t vector.Type, masked bool) *rowPrograms {
	w := rowWriter{tier: tier, typ: t, masked: masked}
	return &rowPrograms{
		largest: w.program(func(c *vector.Code) { c.Accumulate(vector.Largest, w.elements(c)) }),
		direct: w.program(func(c *vector.Code) {
			w.keep(c, vector.RoughSum, c.Op(vector.Exp, w.elements(c)))
		}),
		shifted: w.program(func(c *vector.Code) {
			_, e := w.exponentials(c)
			w.keep(c, vector.RoughSum, e)
		}),
		logSums: w.program(func(c *vector.Code) {
			_, e := w.exponentials(c)
			c.Accumulate(vector.Sum, e)
		}),
		others: w.program(func(c *vector.Code) {
			d, e := w.exponentials(c)
			zero := c.Const(0)
			c.Accumulate(vector.Sum, c.Op(vector.Select, c.Op(vector.Equal, d, zero), zero, e))
		}),
		scaled: w.program(func(c *vector.Code) {
			c.Store(rowOut, t, c.Op(vector.Mul, c.Load(rowExp, vector.Float32), c.Scalar(rowScale, vector.Float32)))
		}),
		logged: w.program(func(c *vector.Code) {
			d := c.Op(vector.Sub, w.elements(c), c.Scalar(rowShift, vector.Float32))
			c.Store(rowOut, t, c.Op(vector.Sub, d, c.Scalar(rowScale, vector.Float32)))
		}),
	}
}

// rowWriter writes programs over rows.
type rowWriter struct {
	tier   cpu.Tier
	typ    vector.Type
	masked bool
}

func (w *rowWriter) program(write func(c *vector.Code)) *vector.Program {
	var c vector.Code
	write(&c)
	return c.CompileFor(w.tier)
}

// keep stores exponentials and adds them up.
func (w *rowWriter) keep(c *vector.Code, sum vector.Fold, e vector.Value) {
	c.Store(rowExp, vector.Float32, e)
	c.Accumulate(sum, e)
}

// elements returns the row, with -∞ for what does not count.
func (w *rowWriter) elements(c *vector.Code) vector.Value {
	x := c.Load(rowIn, w.typ)
	if !w.masked {
		return x
	}
	return c.Op(vector.Select, c.Load(rowMask, vector.Bool), x, c.Const(float32(math.Inf(-1))))
}

// exponentials returns the differences of the row's elements from the shift, and their exponentials. Elements with few bits
// show nothing of what the rounding of the difference left behind.
func (w *rowWriter) exponentials(c *vector.Code) (d, e vector.Value) {
	m := c.Scalar(rowShift, vector.Float32)
	x := c.Op(vector.Max, w.elements(c), c.Scalar(rowFloor, vector.Float32))
	d = c.Op(vector.Sub, x, m)
	e = c.Op(vector.Exp, d)
	if w.typ != vector.Float32 {
		return d, e
	}
	v := c.Op(vector.Sub, d, x)
	low := c.Op(vector.Sub, c.Op(vector.Sub, x, c.Op(vector.Sub, d, v)), c.Op(vector.Add, m, v))
	return d, c.Op(vector.Add, e, c.Op(vector.Mul, e, low))
}

// rowRun is a worker's run of the programs over a row.
type rowRun struct {
	mem  [rowOperands]unsafe.Pointer
	cell []float32 // what rowShift, rowFloor and rowScale point to
	args *Args     // of the call, which long rows ask whether it has ended; nil for short ones
	acc  [2]float64
	n    int
}

// runBytes is how much memory begin takes for rows of n elements.
func runBytes(n int) int { return cellBytes + Aligned(4*n) }

const cellBytes = 64

// begin lays out the worker's own memory, for rows of n elements.
func (r *rowRun) begin(own []byte, n int) {
	r.n, r.cell = n, Of[float32](own)[:rowOperands-rowShift]
	for i := range r.cell {
		r.mem[rowShift+i] = unsafe.Pointer(&r.cell[i])
	}
	r.mem[rowExp] = pointer(own[cellBytes:])
}

func (r *rowRun) run(p *vector.Program) {
	if r.n > often && r.args != nil {
		p.RunUntil(r.args.Ended, r.mem[:], r.n, r.acc[:])
		return
	}
	p.Run(r.mem[:], r.n, r.acc[:])
}

// shift sets what is taken away from elements.
func (r *rowRun) shift(m float64) { r.cell[0], r.cell[1] = float32(m), floor(m) }

// softmax computes a row, with log its logarithms, or reports that it cannot.
func (r *rowRun) softmax(p *rowPrograms, log bool) bool {
	if log {
		return r.logSoftmax(p)
	}
	sum, ok := r.weights(p)
	if ok {
		r.cell[2] = float32(1 / sum)
		r.run(p.scaled)
	}
	return ok
}

// weights writes exponentials of a row whose shares are its softmax, and returns their sum; or reports that it cannot.
func (r *rowRun) weights(p *rowPrograms) (sum float64, ok bool) {
	r.run(p.direct)
	if sum = r.acc[0]; direct(sum) {
		return sum, true
	}
	r.run(p.largest)
	if !(math.Abs(r.acc[0]) <= shiftUpTo) {
		return 0, false
	}
	r.shift(r.acc[0])
	r.run(p.shifted)
	return r.acc[0], true
}

// logSum returns the largest element of a row, which is the shift now, and the logarithm of the sum of the exponentials of
// the differences from it; or reports that it cannot.
func (r *rowRun) logSum(p *rowPrograms) (m, log float64, ok bool) {
	r.run(p.largest)
	if m = r.acc[0]; !(math.Abs(m) <= shiftUpTo) {
		return 0, 0, false
	}
	r.shift(m)
	r.run(p.logSums)
	more := r.acc[0] - 1 // the largest one's exponential is 1
	if more < 0x1p-10 {  // the logarithm shows what the sum next to 1 has lost
		r.run(p.others)
		more = r.acc[0]
	}
	return m, math.Log1p(more), true
}

// logSoftmax computes the logarithms of a row, or reports that it cannot.
func (r *rowRun) logSoftmax(p *rowPrograms) bool {
	_, log, ok := r.logSum(p)
	if ok {
		r.cell[2] = float32(log)
		r.run(p.logged)
	}
	return ok
}

// onVectors returns the kernel on vectors, and its scratch memory: of a worker what a lane in float64 needs, what the
// programs need, and copies of lanes and masks that are no rows.
func (s *softmaxLanes) onVectors(tier cpu.Tier, t vector.Type, workers int) (Func, int) {
	p := newRowPrograms(tier, t, s.mask != nil)
	rows, mask := newRowCopies(&s.l, s.t.size), rowCopies{}
	if s.mask != nil {
		mask = newRowCopies(s.mask, 1)
		mask.lanes = 1
	}
	n, words := s.l.Along.N, Aligned(8*s.words())
	size := words + runBytes(n) + rows.bytes() + mask.bytes()
	body := func(a *Args, worker, lo, hi int) {
		own := a.Scratch[worker*size:][:size]
		plain, copies, shown := Of[float64](own[:words]), own[words+runBytes(n):][:rows.bytes()], own[size-mask.bytes():]
		var r rowRun
		r.begin(own[words:], n)
		r.args = a
		for from := lo; from < hi; from += rows.lanes {
			to := min(from+rows.lanes, hi)
			rows.read(copies, a.In[0], from, to)
			for i := from; i < to; i++ {
				x, z, at := rows.row(copies, a.In[0], a.Out[0], i-from, i)
				r.mem[rowIn], r.mem[rowOut] = unsafe.Pointer(&x[at*s.t.size]), unsafe.Pointer(&z[at*s.t.size])
				if s.mask != nil {
					mask.read(shown, a.In[1], i, i+1)
					m, _, at := mask.row(shown, a.In[1], nil, 0, i)
					r.mem[rowMask] = unsafe.Pointer(&m[at])
				}
				if !r.softmax(p, s.log) {
					s.lane(a, x, z, rows.flat(), at, plain, i)
				}
			}
			rows.write(a.Out[0], copies, from, to)
		}
	}
	return func(a *Args) { a.For(s.l.Kept.N, rows.grain(0.5), body) }, workers * size
}

// onVectors returns the kernel on vectors, and its scratch memory.
func (s *logSumExpLanes) onVectors(tier cpu.Tier, t vector.Type, workers int) (Func, int) {
	p, rows := newRowPrograms(tier, t, false), newRowCopies(&s.l, s.t.size)
	n, words := s.l.Along.N, Aligned(8*(s.l.Along.N+1))
	size := words + runBytes(n) + rows.bytes()
	body := func(a *Args, worker, lo, hi int) {
		own := a.Scratch[worker*size:][:size]
		plain, copies := Of[float64](own[:words]), own[size-rows.bytes():]
		var r rowRun
		r.begin(own[words:], n)
		r.args = a
		for from := lo; from < hi; from += rows.lanes {
			to := min(from+rows.lanes, hi)
			rows.read(copies, a.In[0], from, to)
			for i := from; i < to; i++ {
				x, _, at := rows.row(copies, a.In[0], nil, i-from, i)
				r.mem[rowIn] = unsafe.Pointer(&x[at*s.t.size])
				if m, log, ok := r.logSum(p); ok {
					s.store(a, plain, i, m+log)
				} else {
					s.lane(a, plain, i)
				}
			}
		}
	}
	return func(a *Args) { a.For(s.l.Kept.N, rows.grain(0.4), body) }, workers * size
}
