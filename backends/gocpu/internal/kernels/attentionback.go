package kernels

import (
	"math"
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/gemm"
	"github.com/quire-ml/quire/graph/dtypes"
)

// The gradient of attention in blocks, which lie as those of the forward pass and whose weights are computed once more, from the
// logarithms that it left:
//
//	P = exp(K·Qᵀ - l)    dS = scale · P · (V·dYᵀ - o)
//	dVᵀ = P·dY           dK = dS·Q           dQᵀ = Kᵀ·dS
//
// Rows of dK and dV get something from all queries that see them, rows of dQ from all keys. Where there are many heads, each is
// one task, that does all of it. Otherwise two loops go over blocks of queries and of keys, and weights are computed in both.

// back is a worker at work on gradients.
type back[T float32 | float64] struct {
	attender[T]
	slopeRows   []T // where rows of the gradient of the results are copied to
	packedSlope []T
	dScores     []T
	logs, off   []T
	dKey        []T // sums, where elements of the results are of 16 bits
	dValue      []T
}

func (f *attention[T]) back(c *scratchRoom, keys int) (w back[T]) {
	w.attender = f.attender(c)
	w.slopeRows, w.packedSlope = handOut[T](c, f.dy.copied()), handOut[T](c, f.ValueWidth*f.queries)
	w.dScores, w.logs, w.off = handOut[T](c, keysAtOnce*f.queries), handOut[T](c, f.queries), handOut[T](c, f.queries)
	if f.half != nil {
		w.dKey, w.dValue = handOut[T](c, keys*f.Width), handOut[T](c, keys*f.ValueWidth)
	}
	return w
}

// ScaledDotProductAttentionGradient returns the kernel of the gradients with respect to queries, keys and values, given also the
// logarithms, what is taken away, and the gradient of the results; and its scratch memory.
func ScaledDotProductAttentionGradient(tier cpu.Tier, o Attention, workers int) (Func, int) {
	if o.DType == dtypes.Float64 {
		return newAttention[float64](tier, gemm.Float64(tier), o).backward(workers)
	}
	return newAttention[float32](tier, gemm.Float32(tier), o).backward(workers)
}

func (f *attention[T]) backward(workers int) (Func, int) {
	f.maskInput = 6
	shared := f.Heads / f.Groups
	if shared >= wantedTasks {
		return f.loop(workers, f.Keys, shared, wholeHeads)
	}
	queries, first := f.loop(workers, keysAtOnce, f.Heads*f.blocks, blocksOfQueries)
	keys, second := f.loop(workers, keysAtOnce, shared*f.keyBlocks(), blocksOfKeys)
	return func(a *Args) {
		queries(a)
		keys(a)
	}, max(first, second)
}

func (f *attention[T]) keyBlocks() int { return (f.Keys + keysAtOnce - 1) / keysAtOnce }

// backTask is what a task of the backward pass is about.
type backTask int

const (
	wholeHeads backTask = iota
	blocksOfQueries
	blocksOfKeys
)

// loop returns a loop over tasks, each of which sums gradients of at most so many keys.
func (f *attention[T]) loop(workers, keys, tasks int, about backTask) (Func, int) {
	var c scratchRoom
	f.back(&c, keys)
	own := c.used
	body := func(a *Args, worker, lo, hi int) {
		w := f.back(&scratchRoom{own: a.Scratch[worker*own:][:own]}, keys)
		w.a = a
		for i := lo; i < hi && !a.Ended(); i++ {
			switch about {
			case wholeHeads:
				w.head(i)
			case blocksOfQueries:
				w.ofQueries(i)
			case blocksOfKeys:
				w.ofKeys(i)
			}
		}
	}
	return func(a *Args) { a.For(tasks, 1, body) }, workers * own
}

// head computes all gradients of a head of keys and values.
func (w *back[T]) head(shared int) {
	dk, dv := w.begin(shared*w.Keys, w.Keys)
	for head := shared * w.Groups; head < (shared+1)*w.Groups; head++ {
		for b := range w.blocks {
			w.slope(head, b, 0, w.seen(b), true, dk, dv)
			w.storeQueries(head, b)
		}
	}
	w.end(shared*w.Keys, dk, dv)
}

// ofQueries computes the gradient of a block of queries.
func (w *back[T]) ofQueries(task int) {
	head, b := task/w.blocks, task%w.blocks
	w.slope(head, b, 0, w.seen(b), true, nil, nil)
	w.storeQueries(head, b)
}

// ofKeys computes the gradients of a block of keys and values.
func (w *back[T]) ofKeys(task int) {
	shared, from := task/w.keyBlocks(), task%w.keyBlocks()*keysAtOnce
	keys := min(keysAtOnce, w.Keys-from)
	dk, dv := w.begin(shared*w.Keys+from, keys)
	for head := shared * w.Groups; head < (shared+1)*w.Groups; head++ {
		for b := range w.blocks {
			if end := min(from+keys, w.seen(b)); end > from {
				w.slope(head, b, from, end, false, dk, dv)
			}
		}
	}
	w.end(shared*w.Keys+from, dk, dv)
}

// begin returns where gradients of so many keys and values are summed, from one of all of them on: in the results, if these are of
// type T.
func (w *back[T]) begin(from, keys int) (dk, dv []T) {
	dk, dv = w.dKey, w.dValue
	if w.half == nil {
		dk, dv = Of[T](w.a.Out[1])[from*w.Width:], Of[T](w.a.Out[2])[from*w.ValueWidth:]
	}
	dk, dv = dk[:keys*w.Width], dv[:keys*w.ValueWidth]
	clear(dk)
	clear(dv)
	return dk, dv
}

// end writes these to the results.
func (w *back[T]) end(from int, dk, dv []T) {
	if w.half != nil {
		w.half.Round(Of[uint16](w.a.Out[1])[from*w.Width:][:len(dk)], Of[float32](Bytes(dk)))
		w.half.Round(Of[uint16](w.a.Out[2])[from*w.ValueWidth:][:len(dv)], Of[float32](Bytes(dv)))
	}
}

// slope goes over the keys from up to end with block b of a head's queries. It sets out to the gradient of the queries, if that is
// wanted, and adds to those of these keys and values, which are dk and dv, unless they are nil.
func (w *back[T]) slope(head, b, from, end int, ofQueries bool, dk, dv []T) {
	n, across, shared := w.count(b), w.across(b), head/w.Groups
	q, dy := w.begun(head, b, n, across)
	first := from
	panels := gemm.B{Base: pointer(w.dScores), Step: across * w.size, Stride: w.kernels.Cols * w.size}
	for ; from < end && !w.a.Ended(); from += keysAtOnce {
		keys := min(keysAtOnce, end-from)
		k, v := w.k.read(w.a, w.keyRows, shared, from, keys), w.v.read(w.a, w.valueRows, shared, from, keys)
		p, ds := w.scores[:keys*across], w.dScores[:keys*across]
		w.score(p, head, b, from, keys, k)
		w.exponentials(p, w.logs[:across])
		values, dys := gemm.A{Base: v, Places: w.v.places[:keys], Runs: w.overWidth[w.ValueWidth : w.ValueWidth+1], Step: w.size}, w.panelsOf(w.packedSlope, w.ValueWidth)
		w.kernels.Multiply(&values, &dys, pointer(ds), across*w.size, across, false)
		w.slopes(ds, p, w.off[:across], T(w.Scale))
		if dk != nil {
			w.addRows(dv[(from-first)*w.ValueWidth:], p, dy, w.dy.stride, w.ValueWidth, n, across)
			w.addRows(dk[(from-first)*w.Width:], ds, q, w.q.stride, w.Width, n, across)
		}
		if ofQueries {
			keysDown := gemm.A{Base: k, Places: w.columns[:w.Width], Runs: w.overK[keys : keys+1], Step: w.k.stride}
			w.kernels.Multiply(&keysDown, &panels, pointer(w.out), across*w.size, across, from > first)
		}
	}
}

// begun reads what belongs to a block of queries, and returns where these and the gradients of their results are.
func (w *back[T]) begun(head, b, n, across int) (q, dy unsafe.Pointer) {
	q, dy = w.q.read(w.a, w.queryRows, head, b*w.queries, n), w.dy.read(w.a, w.slopeRows, head, b*w.queries, n)
	w.pack(w.packed, &w.q, q, n, T(w.Scale))
	w.pack(w.packedSlope, &w.dy, dy, n, 1)
	copy(w.logs[:n], Of[T](w.a.In[3])[w.Logs.Base.at(head)+b*w.queries:])
	copy(w.off[:n], Of[T](w.a.In[4])[w.Off.Base.at(head)+b*w.queries:])
	nothing := T(math.Inf(1)) // the exponential of any difference from it is 0
	for i, l := range w.logs[:n] {
		if l == -nothing { // the query sees no key, and all its scores are -∞ too
			w.logs[i] = nothing
		}
	}
	fill(w.logs[n:across], nothing)
	clear(w.off[n:across])
	return q, dy
}

// addRows adds to z the product of a block with the n rows that belong to its columns.
func (w *back[T]) addRows(z, block []T, rows unsafe.Pointer, stride, cols, n, across int) {
	keys := len(block) / across
	a := gemm.A{Base: pointer(block), Places: w.places(across, keys), Runs: w.overWidth[n : n+1], Step: w.size}
	b := gemm.B{Base: rows, Step: stride, Stride: w.kernels.Cols * w.size}
	w.kernels.Multiply(&a, &b, pointer(z), cols*w.size, cols, true)
}

// storeQueries writes the gradient of block b of a head's queries.
func (w *back[T]) storeQueries(head, b int) {
	w.store(w.a.Out[0], (head*w.Queries+b*w.queries)*w.Width, w.out, w.Width, w.count(b), w.across(b))
}
