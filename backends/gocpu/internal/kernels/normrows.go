package kernels

import (
	"math"
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/vector"
	"github.com/quire-ml/quire/graph/dtypes"
)

// Norm is what lanes are normalised by: to mean 0 if Centred, and to a mean square of 1, with Epsilon added to it.
type Norm struct {
	Epsilon float64
	Centred bool
}

// The places of the operands of the programs of norms.
const (
	normIn     = iota // the row
	normGain          // a number for each element
	normOffset        // likewise, or the gradient of the results
	normOut           // the results
	normShift         // a number that is taken away from the elements
	normBy            // a number that the rest is multiplied by
	normMore          // a number that is added to that
	normMean          // of gradients: their mean, times normBy
	normMeanH         // the mean of their products with the normalised elements, times normBy
	normOperands
)

// normCells are the operands that are one number.
const normCells = normOperands - normShift

// normPrograms are the programs of a norm.
type normPrograms struct {
	squares *vector.Program // the sums of differences from the shift, and of their squares
	out     *vector.Program // the results
	means   *vector.Program // of gradients: the sums of gain · dy and of its products with normalised elements
}

func normProgram(tier cpu.Tier, write func(c *vector.Code)) *vector.Program {
	var c vector.Code
	write(&c)
	return c.CompileFor(tier)
}

// shifted returns the differences of the elements from the shift, normed the normalised elements.
func shifted(c *vector.Code, t vector.Type) vector.Value {
	return c.Op(vector.Sub, c.Load(normIn, t), c.Scalar(normShift, vector.Float32))
}

func normed(c *vector.Code, t vector.Type) vector.Value {
	return c.Op(vector.Add, c.Op(vector.Mul, shifted(c, t), c.Scalar(normBy, vector.Float32)), c.Scalar(normMore, vector.Float32))
}

func newNormPrograms(tier cpu.Tier, t vector.Type, out func(c *vector.Code)) *normPrograms {
	return &normPrograms{
		squares: normProgram(tier, func(c *vector.Code) {
			d := shifted(c, t)
			c.Accumulate(vector.RoughSum, d)
			c.Accumulate(vector.RoughSum, c.Op(vector.Mul, d, d))
		}),
		out: normProgram(tier, out),
	}
}

// normRun is a worker's run over a row.
type normRun struct {
	mem  [normOperands]unsafe.Pointer
	cell []float32 // what the operands from normShift on point to
	acc  [2]float64
	n    int
}

func (r *normRun) begin(own []byte, n int) {
	r.n, r.cell = n, Of[float32](own)[:normCells]
	for i := range r.cell {
		r.mem[normShift+i] = unsafe.Pointer(&r.cell[i])
	}
}

// set sets an operand that is one number.
func (r *normRun) set(operand int, x float64) { r.cell[operand-normShift] = float32(x) }

func (r *normRun) run(p *vector.Program) { p.Run(r.mem[:], r.n, r.acc[:]) }

// statistics sets what the elements are normalised by, given the first of them, and returns the factor; or reports that the
// squares have no room in float32. Mean and variance come from the differences from the first element, and once more from
// those from the mean where that is far from the first one, which would cancel. The mean is rounded to float32 to be taken
// away; normMore puts back what that leaves behind.
func (r *normRun) statistics(p *normPrograms, n Norm, first float64) (by float64, ok bool) {
	if !n.Centred {
		first = 0
	}
	left, square := r.moments(p, first)
	mean := 0.0
	if n.Centred {
		if left*left > 16*square {
			first = float64(float32(first + left))
			left, square = r.moments(p, first)
		}
		mean = first + left
	} else {
		square += left * left
	}
	square += n.Epsilon
	if !(square >= 1e-30 && square <= 1e30) {
		return 0, false
	}
	by = 1 / math.Sqrt(square)
	shift := float64(float32(mean))
	r.set(normShift, shift)
	r.set(normBy, by)
	r.set(normMore, (shift-mean)*by)
	return by, true
}

// moments returns the mean of the differences of the elements from a float32, and their variance.
func (r *normRun) moments(p *normPrograms, from float64) (mean, variance float64) {
	r.set(normShift, from)
	r.run(p.squares)
	mean = r.acc[0] / float64(r.n)
	return mean, r.acc[1]/float64(r.n) - mean*mean
}

// norm computes a row, or reports that it cannot.
func (r *normRun) norm(p *normPrograms, n Norm, first float64) bool {
	_, ok := r.statistics(p, n, first)
	if ok {
		r.run(p.out)
	}
	return ok
}

// normLanes is a norm of lanes in float64: what the programs do not know.
type normLanes struct {
	Norm
	t    FloatType
	l    Lanes
	flat Lanes // of operands of a lane's size
}

func newNormLanes(n Norm, d dtypes.DType, l Lanes) normLanes {
	return normLanes{n, FloatTypeOf(d), l, Lanes{Along: NewAxis([]int{l.Along.N}, []int{1})}}
}

// normalise makes the elements of v normalised and returns the factor.
func (n *normLanes) normalise(v []float64) (by float64) {
	sum, squares, mean := 0.0, 0.0, 0.0
	if n.Centred {
		for _, x := range v {
			sum += x
		}
		mean = sum / float64(len(v))
	}
	for i, x := range v {
		v[i] = x - mean
		squares += v[i] * v[i]
	}
	by = 1 / math.Sqrt(squares/float64(len(v))+n.Epsilon)
	for i := range v {
		v[i] *= by
	}
	return by
}

// lane computes a lane that lies in x at base, as the lanes l do, and goes to z likewise.
func (n *normLanes) lane(x, z []byte, l *Lanes, base int, gain, offset []byte, own []float64) {
	v, w := own[:l.Along.N], own[l.Along.N:]
	n.t.load(x, l, base, v)
	n.normalise(v)
	n.t.load(gain, &n.flat, 0, w)
	for i, g := range w {
		v[i] *= g
	}
	if offset != nil {
		n.t.load(offset, &n.flat, 0, w)
		for i, o := range w {
			v[i] += o
		}
	}
	n.t.store(z, l, base, v)
}

// normForward returns the programs of a norm whose results are multiplied by a gain and, if there is one, get an offset.
func normForward(tier cpu.Tier, t vector.Type, offset bool) *normPrograms {
	return newNormPrograms(tier, t, func(c *vector.Code) {
		y := c.Op(vector.Mul, normed(c, t), c.Load(normGain, t))
		if offset {
			y = c.Op(vector.Add, y, c.Load(normOffset, t))
		}
		c.Store(normOut, t, y)
	})
}

// normBackward returns the programs of the gradient of a norm.
func normBackward(tier cpu.Tier, t vector.Type) *normPrograms {
	g := func(c *vector.Code) vector.Value { return c.Op(vector.Mul, c.Load(normOffset, t), c.Load(normGain, t)) }
	p := newNormPrograms(tier, t, func(c *vector.Code) {
		dx := c.Op(vector.Mul, g(c), c.Scalar(normBy, vector.Float32))
		dx = c.Op(vector.Sub, dx, c.Scalar(normMean, vector.Float32))
		c.Store(normOut, t, c.Op(vector.Sub, dx, c.Op(vector.Mul, normed(c, t), c.Scalar(normMeanH, vector.Float32))))
	})
	p.means = normProgram(tier, func(c *vector.Code) {
		g := g(c)
		c.Accumulate(vector.RoughSum, g)
		c.Accumulate(vector.RoughSum, c.Op(vector.Mul, g, normed(c, t)))
	})
	return p
}

// LayerNorm returns the kernel that normalises lanes and multiplies them by the second operand, and with offset adds the third
// one; and its scratch memory. It is nil where there are no programs for it.
func LayerNorm(tier cpu.Tier, d dtypes.DType, l Lanes, norm Norm, offset bool, workers int) (Func, int) {
	t, ok := vectorTypeOf(d)
	if !ok || l.Along.N == 0 {
		return nil, 0
	}
	n := newNormLanes(norm, d, l)
	p := normForward(tier, t, offset)
	fast, rows := onVectors(tier), newRowCopies(&l, n.t.size)
	words := Aligned(16 * l.Along.N)
	size := words + cellBytes + rows.bytes()
	body := func(a *Args, worker, lo, hi int) {
		own := a.Scratch[worker*size:][:size]
		plain, copies := Of[float64](own[:words])[:2*l.Along.N], own[words+cellBytes:]
		var r normRun
		r.begin(own[words:], l.Along.N)
		r.mem[normGain] = pointer(a.In[1])
		var add []byte
		if offset {
			add = a.In[2]
			r.mem[normOffset] = pointer(add)
		}
		for from := lo; from < hi; from += rows.lanes {
			to := min(from+rows.lanes, hi)
			rows.read(copies, a.In[0], from, to)
			for i := from; i < to; i++ {
				x, z, at := rows.row(copies, a.In[0], a.Out[0], i-from, i)
				r.mem[normIn], r.mem[normOut] = unsafe.Pointer(&x[at*n.t.size]), unsafe.Pointer(&z[at*n.t.size])
				n.t.load(x, rows.flat(), at, plain[:1])
				if !fast || !r.norm(p, norm, plain[0]) {
					n.lane(x, z, rows.flat(), at, a.In[1], add, plain)
				}
			}
			rows.write(a.Out[0], copies, from, to)
		}
	}
	return func(a *Args) { a.For(l.Kept.N, rows.grain(0.4), body) }, workers * size
}

// gradientLane computes the gradient of a lane that lies in x at base, as the lanes l do, from that of its results, which lies
// in dy likewise, as dx does.
func (n *normLanes) gradientLane(x, dy, dx []byte, l *Lanes, base int, gain []byte, own []float64) {
	k := l.Along.N
	h, g, w := own[:k], own[k:2*k], own[2*k:3*k]
	n.t.load(x, l, base, h)
	by := n.normalise(h)
	n.t.load(dy, l, base, g)
	n.t.load(gain, &n.flat, 0, w)
	var mean, meanH float64
	for i := range g {
		g[i] *= w[i]
		mean += g[i]
		meanH += g[i] * h[i]
	}
	mean, meanH = mean/float64(k), meanH/float64(k)
	if !n.Centred {
		mean = 0
	}
	for i := range g {
		g[i] = by * (g[i] - mean - h[i]*meanH)
	}
	n.t.store(dx, l, base, g)
}

// LayerNormGradient returns the kernel of the gradient of normalised lanes with respect to these, given the second operand that
// they are multiplied by and the gradient of the results, the third one:
//
//	dx = by · (g - mean(g) - h · mean(g · h)) with g = gain · dy and h what is normalised
//
// without the first mean where they are not centred; and its scratch memory. It is nil where there are no programs for it.
func LayerNormGradient(tier cpu.Tier, d dtypes.DType, l Lanes, norm Norm, workers int) (Func, int) {
	t, ok := vectorTypeOf(d)
	if !ok || l.Along.N == 0 {
		return nil, 0
	}
	n := newNormLanes(norm, d, l)
	p := normBackward(tier, t)
	fast, rows := onVectors(tier), newRowCopies(&l, n.t.size)
	words := Aligned(24 * l.Along.N)
	size := words + cellBytes + 2*rows.bytes()
	body := func(a *Args, worker, lo, hi int) {
		own := a.Scratch[worker*size:][:size]
		plain, copies := Of[float64](own[:words])[:3*l.Along.N], own[words+cellBytes:]
		copies, dys := copies[:rows.bytes()], copies[rows.bytes():]
		var r normRun
		r.begin(own[words:], l.Along.N)
		r.mem[normGain] = pointer(a.In[1])
		for from := lo; from < hi; from += rows.lanes {
			to := min(from+rows.lanes, hi)
			rows.read(copies, a.In[0], from, to)
			rows.read(dys, a.In[2], from, to)
			for i := from; i < to; i++ {
				x, dx, at := rows.row(copies, a.In[0], a.Out[0], i-from, i)
				dy, _, _ := rows.row(dys, a.In[2], nil, i-from, i)
				place := at * n.t.size
				r.mem[normIn], r.mem[normOffset], r.mem[normOut] = unsafe.Pointer(&x[place]), unsafe.Pointer(&dy[place]), unsafe.Pointer(&dx[place])
				n.t.load(x, rows.flat(), at, plain[:1])
				if !fast || !r.gradient(p, norm, plain[0]) {
					n.gradientLane(x, dy, dx, rows.flat(), at, a.In[1], plain)
				}
			}
			rows.write(a.Out[0], copies, from, to)
		}
	}
	return func(a *Args) { a.For(l.Kept.N, rows.grain(0.6), body) }, workers * size
}

// gradient computes a row of the gradient, or reports that it cannot.
func (r *normRun) gradient(p *normPrograms, n Norm, first float64) bool {
	by, ok := r.statistics(p, n, first)
	if !ok {
		return false
	}
	r.run(p.means)
	mean, meanH := r.acc[0]*by/float64(r.n), r.acc[1]*by/float64(r.n)
	if !n.Centred {
		mean = 0
	}
	r.set(normMean, mean)
	r.set(normMeanH, meanH)
	r.run(p.out)
	return true
}
