package kernels

import (
	"math"
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/vector"
	"github.com/quire-ml/quire/graph/dtypes"
)

// Cross-entropies of a softmax, row by row as softmaxes are: a row of logits is read once from memory, in each direction, and
// neither its logarithms nor a one-hot vector are held.

// crossEntropy is the cross-entropy of rows of n logits with labels: integers, or probabilities.
type crossEntropy struct {
	t        FloatType
	n        int
	label    index // nil for probabilities
	gradient bool
	rows     *rowPrograms // nil if rows are computed in float64
	sums     *vector.Program
	shares   *sharePrograms
	flat     Lanes
}

// sharePrograms are those with probabilities, which lie where a softmax has its mask.
type sharePrograms struct {
	sum    *vector.Program // of the probabilities
	losses *vector.Program // the sum of probabilities times logarithms
	slopes *vector.Program // the gradient, from exponentials
}

func newSharePrograms(tier cpu.Tier, t vector.Type) *sharePrograms {
	w := rowWriter{tier: tier, typ: t}
	return &sharePrograms{
		sum: w.program(func(c *vector.Code) { c.Accumulate(vector.Sum, c.Load(rowMask, t)) }),
		losses: w.program(func(c *vector.Code) {
			y, zero := c.Load(rowMask, t), c.Const(0)
			d := c.Op(vector.Sub, c.Load(rowIn, t), c.Scalar(rowShift, vector.Float32))
			log := c.Op(vector.Sub, d, c.Scalar(rowScale, vector.Float32))
			c.Accumulate(vector.Sum, c.Op(vector.Select, c.Op(vector.Equal, y, zero), zero, c.Op(vector.Mul, y, log)))
		}),
		slopes: w.program(func(c *vector.Code) {
			p := c.Op(vector.Mul, c.Load(rowExp, vector.Float32), c.Scalar(rowScale, vector.Float32))
			c.Store(rowOut, t, c.Op(vector.Sub, p, c.Op(vector.Mul, c.Load(rowMask, t), c.Scalar(rowShift, vector.Float32))))
		}),
	}
}

// newSums returns the program of the sum of a row's exponentials.
func newSums(tier cpu.Tier, t vector.Type) *vector.Program {
	w := rowWriter{tier: tier, typ: t}
	return w.program(func(c *vector.Code) { c.Accumulate(vector.RoughSum, c.Op(vector.Exp, c.Load(rowIn, t))) })
}

// CrossEntropy returns the kernel of the cross-entropies of rows of n logits with labels of a dtype, the second operand, or, given
// their gradient as the third one, of the gradient with respect to the logits; and its scratch memory.
func CrossEntropy(tier cpu.Tier, d, labels dtypes.DType, rows, n int, gradient bool, workers int) (Func, int) {
	s := crossEntropy{t: FloatTypeOf(d), n: n, gradient: gradient, flat: Lanes{Along: NewAxis([]int{n}, []int{1})}}
	if labels.IsInt() {
		s.label = indexOf(labels)
	}
	if t, ok := vectorTypeOf(d); ok && onVectors(tier) && n >= fewElements {
		s.rows, s.sums = newRowPrograms(tier, t, false), newSums(tier, t)
		if s.label == nil {
			s.shares = newSharePrograms(tier, t)
		}
	}
	words := Aligned(16 * (n + 1)) // a row, its shares, and a number after each
	size := words + runBytes(n)
	body := func(a *Args, worker, lo, hi int) {
		own := a.Scratch[worker*size:][:size]
		plain := Of[float64](own[:words])
		r := rowRun{args: a}
		r.begin(own[words:], n)
		for i := lo; i < hi; i++ {
			s.row(a, &r, plain, i)
		}
	}
	grain := max(1, grainOf(0.5)/n)
	return func(a *Args) { a.For(rows, grain, body) }, workers * size
}

// row computes row i.
func (s *crossEntropy) row(a *Args, r *rowRun, plain []float64, i int) {
	k, at := int64(-1), i*s.n
	if s.label != nil {
		if k = s.label(a.In[1], i); k < 0 || k >= int64(s.n) {
			s.nothing(a, plain, i)
			return
		}
	}
	if s.rows != nil {
		r.mem[rowIn] = unsafe.Pointer(&a.In[0][at*s.t.size])
		if s.label == nil {
			r.mem[rowMask] = unsafe.Pointer(&a.In[1][at*s.t.size])
		}
		if s.gradient {
			r.mem[rowOut] = unsafe.Pointer(&a.Out[0][at*s.t.size])
		}
		if s.onVectors(a, r, plain, i, k) {
			return
		}
	}
	s.inFloat64(a, plain, i, k)
}

// one reads a number of an operand that has one for each row.
func (s *crossEntropy) one(b []byte, i int, plain []float64) float64 {
	s.t.load(b, &oneElement, i, plain[:1])
	return plain[0]
}

// set writes element i of the result.
func (s *crossEntropy) set(a *Args, i int, x float64, plain []float64) {
	plain[0] = x
	s.t.store(a.Out[0], &oneElement, i, plain[:1])
}

// nothing is the result for a label that is no class.
func (s *crossEntropy) nothing(a *Args, plain []float64, i int) {
	if !s.gradient {
		s.set(a, i, math.NaN(), plain)
		return
	}
	v := plain[:s.n]
	fill(v, math.NaN())
	s.t.store(a.Out[0], &s.flat, i*s.n, v)
}

// onVectors computes row i by programs, or reports that it cannot.
func (s *crossEntropy) onVectors(a *Args, r *rowRun, plain []float64, i int, k int64) bool {
	if !s.gradient {
		loss, ok := s.loss(a, r, plain, i, k)
		if ok {
			s.set(a, i, loss, plain)
		}
		return ok
	}
	sum, ok := r.weights(s.rows)
	if !ok {
		return false
	}
	dy := s.one(a.In[2], i, plain)
	if s.label != nil {
		by := dy / sum
		weight := float64(unsafe.Slice((*float32)(r.mem[rowExp]), s.n)[k])
		r.cell[2] = float32(by)
		r.run(s.rows.scaled)
		s.set(a, i*s.n+int(k), weight*by-dy, plain)
		return true
	}
	r.run(s.shares.sum)
	r.cell[0], r.cell[2] = float32(dy), float32(r.acc[0]*dy/sum)
	r.run(s.shares.slopes)
	return true
}

// largeLoss is a loss in which the rounding of a sum does not show: a smaller one is the logarithm of nearly 1.
const largeLoss = 0.5

// loss returns that of row i, or reports that it cannot.
func (s *crossEntropy) loss(a *Args, r *rowRun, plain []float64, i int, k int64) (loss float64, ok bool) {
	logit := 0.0
	if s.label != nil {
		logit = s.one(a.In[0], i*s.n+int(k), plain)
		r.run(s.sums)
		if loss = math.Log(r.acc[0]) - logit; direct(r.acc[0]) && loss > largeLoss {
			return loss, true
		}
	}
	m, log, ok := r.logSum(s.rows)
	if !ok || s.label != nil {
		return m - logit + log, ok
	}
	r.cell[2] = float32(log)
	r.run(s.shares.losses)
	return -r.acc[0], true
}

// inFloat64 computes row i in plain Go.
func (s *crossEntropy) inFloat64(a *Args, plain []float64, i int, k int64) {
	x, y := plain[:s.n], plain[s.n+1:][:s.n]
	s.t.load(a.In[0], &s.flat, i*s.n, x)
	softmax(x, !s.gradient, s.t.exact)
	if s.label != nil {
		clear(y)
		y[k] = 1
	} else {
		s.t.load(a.In[1], &s.flat, i*s.n, y)
	}
	total := 0.0
	for j, share := range y {
		switch {
		case s.gradient:
			total += share
		case share != 0:
			total -= share * x[j]
		}
	}
	if !s.gradient {
		s.set(a, i, total, plain)
		return
	}
	dy := s.one(a.In[2], i, plain[2*s.n+1:])
	for j, share := range y {
		x[j] = (x[j]*total - share) * dy
	}
	s.t.store(a.Out[0], &s.flat, i*s.n, x)
}
