package kernels

import (
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/gemm"
)

// dotsLimit is how many vectors a matrix is multiplied by row by row; more are a matrix.
const dotsLimit = 8

// dotsScratch is how many bytes a worker needs: places of rows, and the sums of all vectors.
const dotsScratch = gemm.DotRows * 8 * (1 + dotsLimit)

// dotted is a product of a matrix w, whose rows lie side by side, with a few vectors x: w is read once, where it lies.
type dotted[T float32 | float64 | int32] struct {
	*blocked[T]
	w, x         *Operand
	inW, inX     int
	outW, outX   int // distance of results along w's rows, and from vector to vector
	rows, vecs   int
	runs         []gemm.Run // of the sum in w, in parts that stay in the first cache
	lengths      []int      // of these, in elements
	body         Body
	groups, task int // of gemm.DotRows rows; and how many a task has
}

// dotsPart is how many elements of a row are multiplied by all vectors before the next: with those of seven other rows they
// take 32 KiB.
const dotsPart = 1024

// dotsKernel returns the kernel if the product is of that kind, or nil.
func (p *blocked[T]) dotsKernel() Func {
	d := dotted[T]{blocked: p, w: &p.B, x: &p.A, inW: p.b, inX: p.a, outW: 1, outX: p.OutStride}
	if p.n <= dotsLimit && p.n < p.m {
		d = dotted[T]{blocked: p, w: &p.A, x: &p.B, inW: p.a, inX: p.b, outW: p.OutStride, outX: 1}
	}
	d.rows, d.vecs = d.w.Free.N, d.x.Free.N
	step, regular := d.w.Sum.step()
	if !p.kernels.HasDots() || p.store != nil || d.vecs > dotsLimit || d.rows < gemm.DotRows || p.k < 64*d.vecs || !regular || step != 1 || !d.x.Sum.contiguous() {
		return nil
	}
	for _, run := range d.w.Sum.runs(0, p.k, 1, 1) {
		for from := run.From; from < run.To; from += dotsPart {
			to := min(from+dotsPart, run.To)
			d.runs = append(d.runs, gemm.Run{From: from * p.size, To: to * p.size})
			d.lengths = append(d.lengths, to-from)
		}
	}
	if len(d.runs)*16 > p.k {
		return nil
	}
	d.groups = (d.rows + gemm.DotRows - 1) / gemm.DotRows
	d.task = max(1, alone/(gemm.DotRows*p.k*d.vecs))
	d.body = d.multiply
	return d.run
}

func (d *dotted[T]) run(a *Args) {
	if total := d.batches * d.groups; total <= d.task {
		d.multiply(a, 0, 0, total)
	} else {
		a.For(total, d.task, d.body)
	}
}

// multiply computes groups lo to hi of rows of all batches.
func (d *dotted[T]) multiply(a *Args, worker, lo, hi int) {
	own := a.Scratch[worker*dotsScratch:][:dotsScratch]
	places, sums := Of[int](own)[:gemm.DotRows], Of[T](own[gemm.DotRows*8:])
	out := Of[T](a.Out[0])
	for i := lo; i < hi && !a.Ended(); i++ {
		g, r := i/d.groups, i%d.groups*gemm.DotRows
		n := min(gemm.DotRows, d.rows-r)
		d.w.Free.places(places[:n], r, d.size)
		for j := n; j < gemm.DotRows; j++ { // instead of rows that are not there
			places[j] = places[0]
		}
		d.products(a, g, places, sums)
		for v := range d.vecs {
			for j := range n {
				out[d.OutBase[g]+(r+j)*d.outW+v*d.outX] = sums[v*gemm.DotRows+j]
			}
		}
	}
}

// products sets sums to the products of the rows at places with every vector.
func (d *dotted[T]) products(a *Args, g int, places []int, sums []T) {
	w := unsafe.Pointer(&a.In[d.inW][d.w.Base[g]*d.size])
	x := a.In[d.inX][d.x.Base[g]*d.size:]
	k := 0
	for i, run := range d.runs {
		for v := range d.vecs {
			at := (d.x.Free.at(v) + d.x.Sum.at(0) + k) * d.size
			d.kernels.Dots(unsafe.Add(w, run.From), places, unsafe.Pointer(&x[at]), d.lengths[i], unsafe.Pointer(&sums[v*gemm.DotRows]), i > 0)
		}
		k += d.lengths[i]
	}
}
