package kernels

import (
	"github.com/quire-ml/quire/backends/gocpu/internal/codes"
	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/gemm"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/dtypes/bfloat16"
	"github.com/quire-ml/quire/graph/dtypes/float16"
)

// Quantized is a product of rows of x and the rows of matrices of codes, in float32.
type Quantized struct {
	Batches, M, N, K int
	Bits, Group      int
	Values           []float32    // by code
	X, Scales        dtypes.DType // of x and the result; of scales and biases
	ScaleValues      []float32    // by code, if scales are bytes
}

// QuantizedDot returns the kernel of q and its scratch memory: the codes are read once for each row of x, and no numbers are made of them
// but in registers.
func QuantizedDot(t cpu.Tier, q Quantized, workers int) (Func, int) {
	groups := q.K / q.Group
	d := &quantized{Quantized: q, kernel: codes.New(t, q.Bits, q.Values, q.Group), groups: groups, tier: t}
	d.vectors = q.Batches * q.M * q.K
	d.sums = d.vectors + q.Batches*q.M*groups
	d.each = 2*groups + q.K // scales, biases, and at first a row of x
	d.grain = max(1, (1<<16)/(1+q.K*q.M))
	d.body = d.rows
	return d.run, 4 * (d.sums + workers*d.each)
}

type quantized struct {
	Quantized
	kernel        *codes.Kernel
	groups, grain int
	vectors, sums int // where rows of x end in scratch memory, and their sums, in floats
	each          int // floats of a worker
	body          Body
	tier          cpu.Tier
}

func (d *quantized) run(a *Args) {
	s := Of[float32](a.Scratch)
	own := s[d.sums:][:d.K]
	for i := range d.Batches * d.M {
		x := d.floats(own, a.In[0], d.X, i*d.K)
		d.kernel.Arrange(s[i*d.K:][:d.K], s[d.vectors+i*d.groups:][:d.groups], x)
	}
	a.For(d.Batches*d.N, d.grain, d.body)
}

// rows multiplies the rows of codes lo to hi, of all matrices.
func (d *quantized) rows(a *Args, worker, lo, hi int) {
	s := Of[float32](a.Scratch)
	own := s[d.sums+worker*d.each:][:2*d.groups]
	bytes := d.K * d.Bits / 8
	for i := lo; i < hi && !a.Ended(); i++ {
		b, n := i/d.N, i%d.N
		scales := d.floats(own[:d.groups], a.In[2], d.Scales, i*d.groups)
		var biases []float32
		if len(a.In) > 3 {
			biases = d.floats(own[d.groups:], a.In[3], d.Scales, i*d.groups)
		}
		for m := b * d.M; m < (b+1)*d.M; m++ {
			y := d.kernel.Row(a.In[1][i*bytes:][:bytes], s[m*d.K:][:d.K], scales, biases, s[d.vectors+m*d.groups:][:d.groups])
			storeRounded(a.Out[0], d.X, m*d.N+n, y)
		}
	}
}

// floats returns len(own) floats of x from an element on, in own unless they are float32.
func (d *quantized) floats(own []float32, x []byte, dtype dtypes.DType, from int) []float32 {
	switch dtype {
	case dtypes.Uint8:
		for i, c := range x[from:][:len(own)] {
			own[i] = d.ScaleValues[c]
		}
	case dtypes.BFloat16:
		gemm.BFloat16(d.tier).Widen(own, Of[uint16](x)[from:][:len(own)])
	case dtypes.Float16:
		gemm.Float16(d.tier).Widen(own, Of[uint16](x)[from:][:len(own)])
	default:
		return Of[float32](x)[from:][:len(own)]
	}
	return own
}

func storeRounded(out []byte, d dtypes.DType, at int, y float32) {
	switch d {
	case dtypes.BFloat16:
		Of[bfloat16.BFloat16](out)[at] = bfloat16.FromFloat32(y)
	case dtypes.Float16:
		Of[float16.Float16](out)[at] = float16.FromFloat32(y)
	default:
		Of[float32](out)[at] = y
	}
}
