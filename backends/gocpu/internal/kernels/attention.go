package kernels

import (
	"math"
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/gemm"
	"github.com/quire-ml/quire/graph/dtypes"
)

// Attention in blocks: some queries at a time go over all keys, a block of these at a time, and keep the largest score so far, the
// sum of the exponentials of the differences from it, and the sum of the values that these weigh. A block's scores stay in the
// second cache, and there is no matrix of all of them.
//
// Blocks lie transposed, a row for each key and a column for each query: the rows of keys are read where they lie, as A of a
// product whose B is a few queries, packed once; the block is then itself a B, with which the columns of values are multiplied. What
// belongs to a query, such as its largest score, is a row that goes with all rows of the block.
//
//	S = K·Qᵀ    P = exp(S - m)    Oᵀ = Vᵀ·P

// Matrices are rows in memory: row r of matrix b begins at element Base[b] + r·Row, and its elements lie side by side.
type Matrices struct {
	Base Axis
	Row  int
}

// Attention says what is attended to. All matrices are counted over the batches: query head h goes with head h/Groups of keys.
type Attention struct {
	DType         dtypes.DType
	Scale         float64
	Causal        bool
	Heads, Groups int // query heads, and how many of them share keys and values
	Queries, Keys int
	Width         int // of queries and keys
	ValueWidth    int

	Query, Key, Value Matrices
	Mask              *AttentionMask // nil for none

	// Of gradients.
	Slope     Matrices // the gradient of the results
	Logs, Off Matrices // a number for each query: of one row, whose elements are the queries
}

// AttentionMask is a mask: element (query, key) of a head lies at Base[head] + query·Row + key·Column. It holds bools, or numbers
// that are added.
type AttentionMask struct {
	Matrices
	Column int
	Bool   bool
}

const (
	keysAtOnce      = 128 // of a block: with 64 queries its scores take 32 KiB
	panelsOfQueries = 2   // of B, of queries at once
	repeatedRows    = 16  // how often what belongs to queries is repeated, for programs that go over a block as one vector
)

// attention is an Attention in type T.
type attention[T float32 | float64] struct {
	Attention
	kernels   *gemm.Kernels
	half      *gemm.Half // nil unless elements are of 16 bits
	programs  *attentionPrograms
	size      int
	queries   int // at once
	maskInput int
	blocks    int // of queries

	q, k, v, dy attentionRows[T]
	ones        []T
	atZero      []int
	columns     []int      // where the columns of a row are, in bytes
	overK       []gemm.Run // by number of elements: of rows of keys, going down a column
	overV       []gemm.Run
	overWidth   []gemm.Run // of elements side by side, likewise
	full, tail  []int      // where the rows of a block of scores are, of all queries at once and of those that are left
}

func newAttention[T float32 | float64](tier cpu.Tier, kernels *gemm.Kernels, o Attention) *attention[T] {
	f := &attention[T]{Attention: o, kernels: kernels, size: sizeOf[T](), queries: panelsOfQueries * kernels.Cols}
	if o.DType.IsHalf() {
		h := gemm.BFloat16(tier)
		if o.DType == dtypes.Float16 {
			h = gemm.Float16(tier)
		}
		f.half = &h
	}
	if f.size == 4 && onVectors(tier) {
		f.programs = newAttentionPrograms(tier)
	}
	f.blocks = (o.Queries + f.queries - 1) / f.queries
	f.q = newAttentionRows[T](f, o.Query, 0, o.Width, f.queries)
	f.k = newAttentionRows[T](f, o.Key, 1, o.Width, keysAtOnce)
	f.v = newAttentionRows[T](f, o.Value, 2, o.ValueWidth, keysAtOnce)
	f.dy = newAttentionRows[T](f, o.Slope, 5, o.ValueWidth, f.queries)
	f.ones, f.atZero = make([]T, keysAtOnce), make([]int, 1)
	for i := range f.ones {
		f.ones[i] = 1
	}
	f.columns = steps(max(o.Width, o.ValueWidth), f.size)
	f.overK, f.overV = attentionRuns(keysAtOnce, f.k.stride), attentionRuns(keysAtOnce, f.v.stride)
	f.overWidth = attentionRuns(max(o.Width, keysAtOnce, f.queries, o.ValueWidth), f.size)
	f.full, f.tail = steps(keysAtOnce, f.queries*f.size), steps(keysAtOnce, f.across(f.blocks-1)*f.size)
	return f
}

// steps returns n places, so many bytes apart.
func steps(n, bytes int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i * bytes
	}
	return list
}

// attentionRuns returns, for each number of elements up to n, the run of so many that are step bytes apart.
func attentionRuns(n, step int) []gemm.Run {
	list := make([]gemm.Run, n+1)
	for i := range list {
		list[i].To = i * step
	}
	return list
}

// count returns how many queries block b has, across how many columns it has with those that fill up a vector.
func (f *attention[T]) count(b int) int  { return min(f.queries, f.Queries-b*f.queries) }
func (f *attention[T]) across(b int) int { return roundTo(f.count(b), f.kernels.Lanes()) }

// places returns where the rows of a block of scores are.
func (f *attention[T]) places(across, rows int) []int {
	if across == f.queries {
		return f.full[:rows]
	}
	return f.tail[:rows]
}

// seen returns how many keys the queries of block b see at most.
func (f *attention[T]) seen(b int) int {
	if f.Causal {
		return min(f.Keys, b*f.queries+f.count(b))
	}
	return f.Keys
}

// attentionRows are matrices whose rows are read as they lie, or copied.
type attentionRows[T float32 | float64] struct {
	Matrices
	half    *gemm.Half
	input   int
	cols    int
	rows    int   // at once, at most
	size    int   // of an element in memory
	inPlace bool  // they are of type T, and near each other
	stride  int   // bytes between rows, as read says where they are
	places  []int // of these
}

// newAttentionRows returns the matrices of operand number input. Rows that lie far apart compete for the same places of the cache.
func newAttentionRows[T float32 | float64](f *attention[T], m Matrices, input, cols, rows int) attentionRows[T] {
	r := attentionRows[T]{Matrices: m, half: f.half, input: input, cols: cols, rows: rows, size: f.size}
	if r.half != nil {
		r.size = 2
	}
	r.inPlace = r.half == nil && cols%f.kernels.Lanes() == 0 && (m.Row*f.size <= 1024 || m.Row == cols)
	r.stride = m.Row * f.size
	if !r.inPlace {
		r.stride = (roundTo(cols, f.kernels.Lanes()) + 64/f.size) * f.size
	}
	r.places = steps(rows, r.stride)
	return r
}

// copied returns how many elements of scratch memory read wants.
func (r *attentionRows[T]) copied() int {
	if r.inPlace {
		return 0
	}
	return r.rows * r.stride / sizeOf[T]()
}

// read returns where n rows of matrix b are, from row on: where they lie, or own, to which they are copied.
func (r *attentionRows[T]) read(a *Args, own []T, b, row, n int) unsafe.Pointer {
	base := r.Base.at(b) + row*r.Row
	if r.inPlace {
		return unsafe.Pointer(&a.In[r.input][base*r.size])
	}
	step := r.stride / sizeOf[T]()
	for i := range n {
		from := a.In[r.input][(base+i*r.Row)*r.size:][:r.cols*r.size]
		if r.half != nil {
			r.half.Widen(Of[float32](Bytes(own[i*step:]))[:r.cols], Of[uint16](from))
		} else {
			copy(Bytes(own[i*step:]), from)
		}
	}
	return pointer(own)
}

// scratchRoom hands out scratch memory. Without any it only counts.
type scratchRoom struct {
	own  []byte
	used int
}

func handOut[T any](c *scratchRoom, n int) []T {
	from := c.used
	c.used += Aligned(n * sizeOf[T]())
	if c.own == nil {
		return nil
	}
	return Of[T](c.own[from:])[:n]
}

// attender is a worker at work on blocks of queries.
type attender[T float32 | float64] struct {
	*attention[T]
	attentionSteps[T]
	a    *Args
	mask []T   // rows of it as numbers
	list []int // of places of rows

	queryRows, keyRows, valueRows []T // where these are copied to

	packed  []T // columns of queries
	scores  []T // a block
	out     []T // the sums of values, transposed
	largest []T
	next    []T // the largest with one block more
	sums    []T
	rows    []T // results of 16 bits on their way
}

func (f *attention[T]) attender(c *scratchRoom) (w attender[T]) {
	w.attention, w.attentionSteps = f, newAttentionSteps[T](c, f.programs, f.queries)
	w.queryRows, w.keyRows, w.valueRows = handOut[T](c, f.q.copied()), handOut[T](c, f.k.copied()), handOut[T](c, f.v.copied())
	w.mask, w.list = handOut[T](c, f.maskRoom()), handOut[int](c, f.kernels.Lanes())
	w.packed, w.scores = handOut[T](c, f.Width*f.queries), handOut[T](c, keysAtOnce*f.queries)
	w.out = handOut[T](c, roundTo(max(f.Width, f.ValueWidth), f.kernels.Lanes())*f.queries)
	w.largest, w.next, w.sums = handOut[T](c, f.queries), handOut[T](c, f.queries), handOut[T](c, f.queries)
	w.rows = handOut[T](c, f.queries*(roundTo(max(f.Width, f.ValueWidth), f.kernels.Lanes())))
	return w
}

// ScaledDotProductAttention returns the kernel of attention, whose results are a row for each query and the logarithm of its sum of
// exponentials, and its scratch memory.
func ScaledDotProductAttention(tier cpu.Tier, o Attention, workers int) (Func, int) {
	if o.DType == dtypes.Float64 {
		return newAttention[float64](tier, gemm.Float64(tier), o).forward(workers)
	}
	return newAttention[float32](tier, gemm.Float32(tier), o).forward(workers)
}

func (f *attention[T]) forward(workers int) (Func, int) {
	f.maskInput = 3
	var c scratchRoom
	f.attender(&c)
	own := c.used
	body := func(a *Args, worker, lo, hi int) {
		w := f.attender(&scratchRoom{own: a.Scratch[worker*own:][:own]})
		w.a = a
		for i := lo; i < hi && !a.Ended(); i++ {
			w.attend(i/f.blocks, i%f.blocks)
		}
	}
	grain := max(1, alone/(f.queries*f.Keys*(f.Width+f.ValueWidth)))
	return func(a *Args) { a.For(f.Heads*f.blocks, grain, body) }, workers * own
}

// attend computes the results of block b of the queries of a head.
func (w *attender[T]) attend(head, b int) {
	n, across := w.count(b), w.across(b)
	shared := head / w.Groups
	w.pack(w.packed, &w.q, w.q.read(w.a, w.queryRows, head, b*w.queries, n), n, T(w.Scale))
	largest, next, sums := w.largest[:across], w.next[:across], w.sums[:across]
	fill(largest, lowest[T]())
	out := w.out[:w.ValueWidth*across]
	panels := gemm.B{Base: pointer(w.scores), Step: across * w.size, Stride: w.kernels.Cols * w.size}
	for from, end := 0, w.seen(b); from < end && !w.a.Ended(); from += keysAtOnce {
		keys := min(keysAtOnce, end-from)
		scores := w.scores[:keys*across]
		w.score(scores, head, b, from, keys, w.k.read(w.a, w.keyRows, shared, from, keys))
		copy(next, largest)
		w.largestOf(next, scores)
		if from > 0 {
			w.shrink(largest, next, sums, out)
		}
		largest, next = next, largest
		w.exponentials(scores, largest)
		one := gemm.A{Base: pointer(w.ones), Places: w.atZero, Runs: w.overWidth[keys : keys+1], Step: w.size}
		w.kernels.Multiply(&one, &panels, pointer(sums), 0, across, from > 0)
		values := gemm.A{Base: w.v.read(w.a, w.valueRows, shared, from, keys), Places: w.columns[:w.ValueWidth], Runs: w.overV[keys : keys+1], Step: w.v.stride}
		w.kernels.Multiply(&values, &panels, pointer(out), across*w.size, across, from > 0)
	}
	w.logarithms(largest[:n], sums[:n], Of[T](w.a.Out[1])[head*w.Queries+b*w.queries:])
	for i, x := range sums {
		if next[i] = 0; x != 0 {
			next[i] = 1 / x
		}
	}
	w.times(out, next)
	w.store(w.a.Out[0], (head*w.Queries+b*w.queries)*w.ValueWidth, out, w.ValueWidth, n, across)
}

// pack writes n rows to panels of columns, times scale. What fills up the last vector is a row once more.
func (w *attender[T]) pack(panels []T, r *attentionRows[T], rows unsafe.Pointer, n int, scale T) {
	lanes, width := w.kernels.Lanes(), w.kernels.Cols
	for j := 0; j < n; j += lanes {
		for i := range lanes {
			w.list[i] = min(j+i, n-1) * r.stride
		}
		to := j/width*width*r.cols + j%width
		w.kernels.Transpose(pointer(panels[to:]), width*w.size, rows, w.list[:lanes], r.cols)
	}
	if scale != 1 {
		w.timesNumber(panels[:roundTo(n, width)*r.cols], scale)
	}
}

// panelsOf returns what pack wrote.
func (w *attender[T]) panelsOf(panels []T, cols int) gemm.B {
	return gemm.B{Base: pointer(panels), Step: w.kernels.Cols * w.size, Stride: w.kernels.Cols * cols * w.size}
}

// score sets scores to those of the packed queries, which are block b of a head's, for some keys.
func (w *attender[T]) score(scores []T, head, b, from, keys int, rows unsafe.Pointer) {
	across := len(scores) / keys
	if w.Mask != nil {
		w.readMask(scores, head, b, from, keys)
	}
	k, q := gemm.A{Base: rows, Places: w.k.places[:keys], Runs: w.overWidth[w.Width : w.Width+1], Step: w.size}, w.panelsOf(w.packed, w.Width)
	w.kernels.Multiply(&k, &q, pointer(scores), across*w.size, across, w.Mask != nil)
	if first := b * w.queries; w.Causal {
		hidden := T(math.Inf(-1))
		for i := max(0, first+1-from); i < keys; i++ { // query first + j sees the keys up to its own
			fill(scores[i*across:][:min(across, from+i-first)], hidden)
		}
	}
}

// shrink multiplies what was added up with the largest score so far by what makes it that of the next one.
func (w *attender[T]) shrink(largest, next, sums, out []T) {
	same := true
	for i, m := range next {
		same = same && m == largest[i]
	}
	if same {
		return
	}
	w.exponentials(largest, next)
	w.timesRow(sums, largest)
	w.times(out, largest)
}

// logarithms writes the logarithms of the sums.
func (w *attender[T]) logarithms(largest, sums, z []T) {
	for i, s := range sums {
		z[i] = T(float64(largest[i]) + math.Log(float64(s)))
	}
}

// store writes n columns of x, of which there are across, as rows of the result from element at on.
func (w *attender[T]) store(out []byte, at int, x []T, cols, n, across int) {
	dst, step := unsafe.Pointer(nil), cols
	if w.half != nil {
		dst = pointer(w.rows)
	} else {
		dst = unsafe.Pointer(&out[at*w.size])
	}
	lanes := w.kernels.Lanes()
	whole := cols / lanes * lanes
	for j := 0; j < whole; j += lanes {
		for i := range lanes {
			w.list[i] = (j + i) * across * w.size
		}
		w.kernels.Transpose(unsafe.Add(dst, j*w.size), step*w.size, pointer(x), w.list[:lanes], n)
	}
	z := unsafe.Slice((*T)(dst), n*cols)
	for j := whole; j < cols; j++ {
		for i, v := range x[j*across:][:n] {
			z[i*cols+j] = v
		}
	}
	if w.half != nil {
		w.half.Round(Of[uint16](out)[at:][:n*cols], Of[float32](Bytes(z)))
	}
}

func lowest[T float32 | float64]() T {
	if sizeOf[T]() == 4 {
		return T(-math.MaxFloat32)
	}
	x := -math.MaxFloat64
	return T(x)
}
