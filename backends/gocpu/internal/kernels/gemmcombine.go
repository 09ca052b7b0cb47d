package kernels

import (
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/gemm"
)

const (
	combineLimit   = 4    // vectors that a matrix is multiplied by as sums of its rows; eight are faster as a matrix
	combineColumns = 4096 // columns of a task: 16 KiB of results stay in the first cache while rows pass
	combineLeast   = 256  // rows of a task, if there are more: sums are as exact as those of other products, and parts are few
	combineMost    = 2048
	combineChunk   = 512 // columns that all vectors are multiplied by before the next ones: eight rows of these stay in the first cache
)

// combined is a product of a few vectors x with a matrix w, whose rows (one for each term of the sum) lie side by side: results are
// sums of rows, each times an element of x. w is read once, where it lies, along its rows, as memory likes it.
type combined[T float32 | float64 | int32] struct {
	*blocked[T]
	w, x         *Operand
	inW, inX     int
	vecs         int
	rows, splits int // of a task, tasks along the sum
	cols         int // of a task
	colTasks     int
	sums         int // elements of all results, in one part of the sum

	multiplyBody, finishBody Body
}

// combineScratch is how many bytes a worker needs: places of rows, and the elements of x that they are multiplied by.
const combineScratch = gemm.CombineRows * 16

// combineKernel returns the kernel if the product is of that kind, and its scratch memory; or nil.
func (p *blocked[T]) combineKernel(workers int) (Func, int) {
	c := combined[T]{blocked: p, w: &p.B, x: &p.A, inW: p.b, inX: p.a}
	if p.n == 1 && p.m > 1 && p.OutStride == 1 { // a matrix and a vector: the same thing
		c = combined[T]{blocked: p, w: &p.A, x: &p.B, inW: p.a, inX: p.b}
	}
	n := c.w.Free.N
	c.vecs = c.x.Free.N
	if !p.kernels.HasCombine() || !c.w.Free.contiguous() || c.vecs > combineLimit || n < 64 || p.k < 2*gemm.CombineRows {
		return nil, 0
	}
	c.cols = min(n, combineColumns)
	c.colTasks = (n + c.cols - 1) / c.cols
	c.rows = p.k
	if p.k*n*c.vecs*p.batches > alone || p.k > combineMost {
		c.rows = min(max(combineLeast, roundTo(p.k/wantedTasks, gemm.CombineRows)), combineMost)
	}
	c.splits = (p.k + c.rows - 1) / c.rows
	c.sums = p.batches * c.vecs * n
	c.multiplyBody, c.finishBody = c.multiply, c.finish
	parts := 0
	if c.splits > 1 || p.store != nil {
		parts = roundTo(c.splits*c.sums*p.size, 64)
	}
	p.parts = parts
	return c.run, parts + workers*combineScratch
}

func (c *combined[T]) run(a *Args) {
	tasks, work := c.batches*c.colTasks*c.splits, c.k*c.w.Free.N*c.vecs*c.batches
	if work <= alone {
		c.multiply(a, 0, 0, tasks)
	} else {
		a.For(tasks, max(1, alone/(c.rows*c.cols*c.vecs)), c.multiplyBody)
	}
	if c.parts > 0 {
		a.For(c.batches*c.vecs*c.colTasks, max(1, 4096/(c.cols*c.splits)), c.finishBody)
	}
}

// multiply computes tasks lo to hi.
func (c *combined[T]) multiply(a *Args, worker, lo, hi int) {
	own := a.Scratch[c.parts+worker*combineScratch:][:combineScratch]
	places, x := Of[int](own)[:gemm.CombineRows], Of[T](own[gemm.CombineRows*8:])[:gemm.CombineRows]
	n := c.w.Free.N
	for i := lo; i < hi; i++ {
		s, rest := i%c.splits, i/c.splits
		first, g := rest%c.colTasks*c.cols, rest/c.colTasks
		end, step := min(first+c.cols, n), c.cols
		if c.vecs > 1 {
			step = combineChunk
		}
		for ; first < end; first += step {
			c.chunk(a, g, s, first, min(step, end-first), places, x)
		}
	}
}

// chunk computes part s of the sums of n columns of batch g for all vectors.
func (c *combined[T]) chunk(a *Args, g, s, first, n int, places []int, x []T) {
	w := unsafe.Pointer(&a.In[c.inW][(c.w.Base[g]+c.w.Free.at(first))*c.size])
	vector := Of[T](a.In[c.inX])[c.x.Base[g]:]
	from, to := s*c.rows, min((s+1)*c.rows, c.k)
	for k := from; k < to && !a.Ended(); k += gemm.CombineRows {
		rows := min(gemm.CombineRows, to-k)
		c.w.Sum.places(places[:rows], k, c.size)
		for v := range c.vecs {
			at := c.x.Free.at(v)
			for r := range rows {
				x[r] = vector[at+c.x.Sum.at(k+r)]
			}
			c.kernels.Combine(w, places[:rows], unsafe.Pointer(&x[0]), n, unsafe.Pointer(&c.result(a, g, s, v, first)[0]), k > from)
		}
	}
}

// result returns where part s of the sums of vector v of batch g lies, from a column on.
func (c *combined[T]) result(a *Args, g, s, v, column int) []T {
	if c.parts == 0 {
		return Of[T](a.Out[0])[c.OutBase[g]+v*c.OutStride+column:]
	}
	return Of[T](a.Scratch[:c.parts])[s*c.sums+(g*c.vecs+v)*c.w.Free.N+column:]
}

// finish adds up the parts of the sums in columns lo to hi, in pieces of a task's, of all vectors, and stores them.
func (c *combined[T]) finish(a *Args, _, lo, hi int) {
	for i := lo; i < hi; i++ {
		first, rest := i%c.colTasks*c.cols, i/c.colTasks
		v, g := rest%c.vecs, rest/c.vecs
		n := min(c.cols, c.w.Free.N-first)
		sums := c.result(a, g, 0, v, first)[:n]
		for s := 1; s < c.splits; s++ {
			for j, y := range c.result(a, g, s, v, first)[:n] {
				sums[j] += y
			}
		}
		at := c.OutBase[g] + v*c.OutStride + first
		if c.store != nil {
			c.store(a.Out[0], at, sums)
		} else {
			copy(Of[T](a.Out[0])[at:], sums)
		}
	}
}
