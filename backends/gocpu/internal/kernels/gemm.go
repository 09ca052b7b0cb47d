package kernels

import "sync/atomic"

// Matrix products in plain Go:
//
//	C[g, m, n] = Σ_k A[g, m, k] · B[g, n, k]
//
// Both operands are packed, a block at a time, into panels that the inner loop reads in order. Packing
// takes any layout, so transposed operands, convolution patches and narrow types need no copy of their own.

const (
	rowsOfTile  = 2   // with 4 columns and 4 steps at a time the fastest of 14 tiles tried (BenchmarkTile)
	colsOfTile  = 4   // 8 sums, 2 + 4 operands and products fit into 16 registers
	stepsAtOnce = 4   // panels are padded with zeros to a multiple of it
	depth       = 256 // of a panel: 4 KiB of B stay in the first-level cache while A passes
	rowBlock    = 32  // rows of A that are packed at once: 32 KiB
)

// accumulator is what products are summed in.
type accumulator interface {
	float32 | float64 | int64 | complex128
}

// tile adds the product of panels a [k][2] and b [k][4] to 2 rows of 4 in c.
func tile[T accumulator](a, b []T, c *[8]T) {
	var c00, c01, c02, c03, c10, c11, c12, c13 T
	for len(a) >= 8 && len(b) >= 16 {
		x, y := a[0], a[1]
		z := b[0]
		c00 += x * z
		c10 += y * z
		z = b[1]
		c01 += x * z
		c11 += y * z
		z = b[2]
		c02 += x * z
		c12 += y * z
		z = b[3]
		c03 += x * z
		c13 += y * z
		x, y = a[2], a[3]
		z = b[4]
		c00 += x * z
		c10 += y * z
		z = b[5]
		c01 += x * z
		c11 += y * z
		z = b[6]
		c02 += x * z
		c12 += y * z
		z = b[7]
		c03 += x * z
		c13 += y * z
		x, y = a[4], a[5]
		z = b[8]
		c00 += x * z
		c10 += y * z
		z = b[9]
		c01 += x * z
		c11 += y * z
		z = b[10]
		c02 += x * z
		c12 += y * z
		z = b[11]
		c03 += x * z
		c13 += y * z
		x, y = a[6], a[7]
		z = b[12]
		c00 += x * z
		c10 += y * z
		z = b[13]
		c01 += x * z
		c11 += y * z
		z = b[14]
		c02 += x * z
		c12 += y * z
		z = b[15]
		c03 += x * z
		c13 += y * z
		a, b = a[8:], b[16:]
	}
	c[0] += c00
	c[1] += c01
	c[2] += c02
	c[3] += c03
	c[4] += c10
	c[5] += c11
	c[6] += c12
	c[7] += c13
}

// Axis says where the elements along one or several joined axes of an operand lie. Places of the innermost ones
// are in a table; those further out are added to them.
type Axis struct {
	N              int
	table          []int
	outer, strides []int // sizes and strides of what goes around the table, outermost first
	run            int   // the table is contiguous in runs of this length

	even   bool // all elements lie stride apart
	stride int
}

// tableLimit is how long an axis' table may be.
const tableLimit = 1 << 14

// NewAxis returns the axis that joins axes of the given sizes and strides, the last one fastest.
func NewAxis(dims, strides []int) Axis {
	a := Axis{N: 1}
	for i, d := range dims {
		a.N *= d
		if k := len(a.outer) - 1; k >= 0 && a.strides[k] == d*strides[i] {
			a.outer[k], a.strides[k] = a.outer[k]*d, strides[i]
		} else if d != 1 {
			a.outer, a.strides = append(a.outer, d), append(a.strides, strides[i])
		}
	}
	if a.N == 0 {
		a.outer, a.strides = nil, nil
	}
	if len(a.outer) < 2 {
		return a.evenAxis()
	}
	a.table = []int{0}
	for k := len(a.outer) - 1; k >= 0; k-- { // from the innermost axis, as far as the table reaches
		d, s := a.outer[k], a.strides[k]
		part := d
		if d > tableLimit/len(a.table) {
			if len(a.table) > 1 {
				break
			}
			for part = tableLimit; k > 0 && d%part != 0; part-- { // it may end in the middle if nothing goes around
			}
		}
		inner := a.table
		a.table = make([]int, 0, part*len(inner))
		for i := range part {
			for _, o := range inner {
				a.table = append(a.table, i*s+o)
			}
		}
		a.outer, a.strides = a.outer[:k], a.strides[:k]
		if part < d {
			a.outer, a.strides = append(a.outer, (d+part-1)/part), append(a.strides, part*s)
			break
		}
	}
	a.run = len(a.table)
	for i, last := 1, 0; i < len(a.table); i++ {
		if a.table[i] != a.table[i-1]+1 {
			a.run = min(a.run, i-last)
			last = i
		}
	}
	return a
}

// evenAxis returns a, of which at most one axis was left.
func (a Axis) evenAxis() Axis {
	d, s := min(a.N, 1), 1
	if len(a.outer) == 1 {
		d, s = a.outer[0], a.strides[0]
	}
	a.even, a.stride = true, s
	a.table = evenPlaces(min(max(d, 1), tableLimit), s)
	if a.run = 1; s == 1 {
		a.run = len(a.table)
	}
	if a.outer, a.strides = nil, nil; d > tableLimit {
		a.outer, a.strides = []int{(d + tableLimit - 1) / tableLimit}, []int{tableLimit * s}
	}
	return a
}

// even is a table of places that lie stride apart, each as long as the longest one that was asked for.
type even struct {
	stride int
	places []int
}

// latestEven are the latest of such tables: the layers of a network have few widths, and their products read them again and again.
var latestEven [16]atomic.Pointer[even]

// evenPlaces returns the places of n elements that lie stride apart, not to be written to.
func evenPlaces(n, stride int) []int {
	latest := &latestEven[uint(stride*0x9e3779b1)>>8%16]
	if t := latest.Load(); t != nil && t.stride == stride && len(t.places) >= n {
		return t.places[:n:n]
	}
	t := &even{stride, make([]int, n)}
	for i := range t.places {
		t.places[i] = i * stride
	}
	latest.Store(t)
	return t.places
}

// at returns the place of element i.
func (a *Axis) at(i int) int {
	if i < len(a.table) {
		return a.table[i]
	}
	return a.around(i/len(a.table)) + a.table[i%len(a.table)]
}

// around returns the place of the table's first element, for the i-th time that it is gone through.
func (a *Axis) around(i int) (place int) {
	for k := len(a.outer) - 1; k > 0; k-- {
		place += i % a.outer[k] * a.strides[k]
		i /= a.outer[k]
	}
	if len(a.outer) > 0 {
		place += i * a.strides[0]
	}
	return place
}

// contiguous reports whether the elements lie side by side.
func (a *Axis) contiguous() bool {
	around := len(a.outer) == 0 || len(a.outer) == 1 && a.strides[0] == len(a.table)
	return a.run == len(a.table) && around && a.N > 0
}

// Operand is a matrix per batch: its elements lie at Base[batch] + Free + Sum.
type Operand struct {
	Base      []int
	Free, Sum Axis
}

// packer writes the panels of width free elements from f0 to f1 (a multiple of width apart, padded with
// zeros) and sum elements from k0 to k1 of src to dst: panel by panel [k][width], k padded with zeros.
type packer[T accumulator] func(dst []T, src []byte, o *Operand, batch, f0, f1, k0, k1, width int)

func padded(k int) int { return (k + stepsAtOnce - 1) / stepsAtOnce * stepsAtOnce }

// packSame is the packer of operands in the accumulator's type.
func packSame[T accumulator](dst []T, bytes []byte, o *Operand, batch, f0, f1, k0, k1, width int) {
	src, kp := Of[T](bytes), padded(k1-k0)
	for f := f0; f < f1; f += width {
		panel := dst[:kp*width]
		dst = dst[kp*width:]
		var at [colsOfTile]int
		n := min(width, o.Free.N-f)
		for j := range n {
			at[j] = o.Base[batch] + o.Free.at(f+j)
		}
		if n < width {
			clear(panel)
		} else {
			clear(panel[(k1-k0)*width:])
		}
		adjacent := n == width
		for j := 1; j < n; j++ {
			adjacent = adjacent && at[j] == at[0]+j
		}
		for k := k0; k < k1; {
			// table holds the places from k to the end of the table or block
			group, i := k/len(o.Sum.table), k%len(o.Sum.table)
			table := o.Sum.table[i:min(len(o.Sum.table), i+k1-k)]
			base := o.Sum.around(group)
			d := panel[(k-k0)*width:]
			switch {
			case adjacent && width == 4:
				pack4(d, src[at[0]+base:], table)
			case adjacent && width == 2:
				pack2(d, src[at[0]+base:], table)
			case n == width && o.Sum.run >= 8:
				packRuns(d, src, base, &at, table, width)
			default:
				for j := range n {
					packColumn(d, src[at[j]+base:], table, j, width)
				}
			}
			k += len(table)
		}
	}
}

// pack4 packs four neighbours per place.
func pack4[T any](d, src []T, table []int) {
	d = d[:4*len(table)]
	for i, o := range table {
		s, q := src[o:o+4:o+4], d[4*i:4*i+4:4*i+4]
		q[0], q[1], q[2], q[3] = s[0], s[1], s[2], s[3]
	}
}

func pack2[T any](d, src []T, table []int) {
	d = d[:2*len(table)]
	for i, o := range table {
		s, q := src[o:o+2:o+2], d[2*i:2*i+2:2*i+2]
		q[0], q[1] = s[0], s[1]
	}
}

// packRuns packs width vectors whose places are contiguous in runs.
func packRuns[T any](d, src []T, base int, at *[colsOfTile]int, table []int, width int) {
	for len(table) > 0 {
		n := 1
		for n < len(table) && table[n] == table[n-1]+1 {
			n++
		}
		o := base + table[0]
		s0, s1 := src[at[0]+o:][:n], src[at[1]+o:][:n]
		if width == 2 {
			q := d[:2*n]
			for i, v := range s0 {
				p := q[2*i : 2*i+2 : 2*i+2]
				p[0], p[1] = v, s1[i]
			}
		} else {
			s2, s3 := src[at[2]+o:][:n], src[at[3]+o:][:n]
			q := d[:4*n]
			for i, v := range s0 {
				p := q[4*i : 4*i+4 : 4*i+4]
				p[0], p[1], p[2], p[3] = v, s1[i], s2[i], s3[i]
			}
		}
		d, table = d[n*width:], table[n:]
	}
}

// packColumn packs one vector of a panel.
func packColumn[T any](d, src []T, table []int, j, width int) {
	for _, o := range table {
		d[j] = src[o]
		d = d[min(width, len(d)):]
	}
}

// packAs returns the packer of operands of another type.
func packAs[T accumulator, S any](convert func(S) T) packer[T] {
	return func(dst []T, bytes []byte, o *Operand, batch, f0, f1, k0, k1, width int) {
		src, kp := Of[S](bytes), padded(k1-k0)
		for f := f0; f < f1; f += width {
			panel := dst[:kp*width]
			dst = dst[kp*width:]
			clear(panel)
			for j := range min(width, o.Free.N-f) {
				at := o.Base[batch] + o.Free.at(f+j)
				for k := k0; k < k1; k++ {
					panel[(k-k0)*width+j] = convert(src[at+o.Sum.at(k)])
				}
			}
		}
	}
}

// Gemm is a batch of matrix products. Element (m, n) of batch g is stored at OutBase[g] + m·OutStride + n or, if
// Columns is set, at OutBase[g] + m + n·OutStride.
type Gemm struct {
	A, B      Operand
	OutBase   []int
	OutStride int
	Columns   bool

	// Finish, if not nil, is called once for each block of results when it is done, and in the cache still: elements (m, n) of
	// a batch with m0 <= m < m1 and n0 <= n < n1. Workers call it at the same time. Inputs from the third on are as they were given.
	Finish func(a *Args, batch, m0, m1, n0, n1 int)

	// WholeRows says that Finish wants whole rows, n0 = 0 and n1 = N. It is for few columns, and Columns not set.
	WholeRows bool
}

// finishAfter returns the kernel of g given one that does not call Finish.
func (g *Gemm) finishAfter(f Func) Func {
	if g.Finish == nil || f == nil {
		return f
	}
	m, n := g.A.Free.N, g.B.Free.N
	finish := func(a *Args, _, lo, hi int) {
		for lo < hi {
			batch, from := lo/m, lo%m
			to := min(m, from+hi-lo)
			g.Finish(a, batch, from, to, 0, n)
			lo += to - from
		}
	}
	return func(a *Args) {
		f(a)
		a.For(len(g.OutBase)*m, max(1, copyGrain/16/max(1, n)), finish)
	}
}

// product is a Gemm with its types: how operands are packed and results stored.
type product[T accumulator] struct {
	Gemm
	packA, packB packer[T]
	store        func(out []byte, at int, v []T)

	batches, m, n, k int
	cols             int // columns of a task, a multiple of colsOfTile
	splits           int // parts of k that are summed on their own, then added up
	splitDepth       int
	rowTasks         int
	colTasks         int
	panelsB          int   // elements of packed B per batch
	packed           []int // per batch, which of the different B it has
	different        []int // the first batch of each of these
}

// kernel returns the kernel and how much scratch memory it wants for a number of workers.
func (p *product[T]) kernel(workers int) (Func, int) {
	p.batches, p.m, p.n, p.k = len(p.OutBase), p.A.Free.N, p.B.Free.N, p.A.Sum.N
	if p.batches*p.m*p.n == 0 {
		return func(*Args) {}, 0
	}
	cols := (p.n + colsOfTile - 1) / colsOfTile * colsOfTile
	p.rowTasks, p.cols, p.colTasks = (p.m+rowBlock-1)/rowBlock, cols, 1
	for p.batches*p.rowTasks*p.colTasks < 8 && p.cols >= 128 { // more, smaller tasks
		p.cols = (p.cols/2 + colsOfTile - 1) / colsOfTile * colsOfTile
		p.colTasks = (cols + p.cols - 1) / p.cols
	}
	p.splits, p.splitDepth = 1, p.k
	if tasks := p.batches * p.rowTasks * p.colTasks; tasks < 8 && p.k >= 8*depth {
		p.splitDepth = (p.k/(8/tasks)/depth + 1) * depth
		p.splits = (p.k + p.splitDepth - 1) / p.splitDepth
	}
	for k := 0; k < p.k; k += depth {
		p.panelsB += padded(min(depth, p.k-k)) * cols
	}
	size := sizeOf[T]()
	first := map[int]int{} // by the place of B: convolutions have one kernel for all images
	for g, base := range p.B.Base {
		if _, ok := first[base]; !ok {
			first[base] = len(p.different)
			p.different = append(p.different, g)
		}
		p.packed = append(p.packed, first[base])
	}
	sharedB := len(p.different) * p.panelsB
	partial := 0
	if p.splits > 1 {
		partial = p.batches * p.splits * p.m * p.n
	}
	perWorker := (depth*rowBlock + rowBlock*p.cols + rowBlock + 63) &^ 63
	scratch := (sharedB + partial + workers*perWorker) * size

	cuts := (p.k + depth - 1) / depth
	packB := func(a *Args, _, lo, hi int) {
		shared := Of[T](a.Scratch)
		for t := lo; t < hi; t++ { // one panel-deep slice of one B
			i, cut := t/cuts, t%cuts
			k0 := cut * depth
			p.packB(shared[i*p.panelsB+k0*cols:], a.In[1], &p.B, p.different[i], 0, p.n, k0, min(k0+depth, p.k), colsOfTile)
		}
	}
	tasks := p.batches * p.splits * p.rowTasks * p.colTasks
	multiply := func(a *Args, worker, lo, hi int) {
		all := Of[T](a.Scratch)
		own := all[sharedB+partial+worker*perWorker:][:perWorker]
		for t := lo; t < hi; t++ {
			c := t % p.colTasks
			r := t / p.colTasks % p.rowTasks
			s := t / p.colTasks / p.rowTasks % p.splits
			g := t / p.colTasks / p.rowTasks / p.splits
			p.task(a, all[p.packed[g]*p.panelsB:][:p.panelsB], own, all[sharedB:sharedB+partial], g, s, r*rowBlock, c*p.cols)
		}
	}
	add := func(a *Args, _, lo, hi int) { // rows of the result: the sum of their parts, in order
		parts := Of[T](a.Scratch)[sharedB:]
		for t := lo; t < hi; t++ {
			g, r := t/p.m, t%p.m
			sum := parts[(g*p.splits*p.m+r)*p.n:][:p.n]
			for s := 1; s < p.splits; s++ {
				for i, v := range parts[((g*p.splits+s)*p.m+r)*p.n:][:p.n] {
					sum[i] += v
				}
			}
			if p.Columns {
				for i := range sum {
					p.store(a.Out[0], p.OutBase[g]+r+i*p.OutStride, sum[i:i+1])
				}
			} else {
				p.store(a.Out[0], p.OutBase[g]+r*p.OutStride, sum)
			}
		}
	}
	small := p.m*p.n*p.k*p.batches < 1<<14 // 3 µs: not worth waking anybody
	return func(a *Args) {
		if small {
			packB(a, 0, 0, len(p.different)*cuts)
			multiply(a, 0, 0, tasks)
		} else {
			grain := max(1, (1<<14)/(depth*cols))
			a.For(len(p.different)*cuts, grain, packB)
			a.For(tasks, max(1, (1<<15)/(rowBlock*p.cols*max(1, p.splitDepth))), multiply)
		}
		if p.splits > 1 {
			a.For(p.batches*p.m, max(1, 4096/p.n), add)
		}
	}, scratch
}

// task computes a block of rowBlock rows from r0 and p.cols columns from c0 of batch g, of part s of the sum.
// b is the batch's packed operand, own the worker's scratch memory.
func (p *product[T]) task(a *Args, b, own, parts []T, g, s, r0, c0 int) {
	r1, c1 := min(r0+rowBlock, p.m), min(c0+p.cols, p.n)
	rows, width := r1-r0, p.cols
	packed, sums := own[:depth*rowBlock], own[depth*rowBlock:][:rowBlock*width]
	clear(sums)
	cols := (p.n + colsOfTile - 1) / colsOfTile * colsOfTile
	end := min((s+1)*p.splitDepth, p.k)
	for k0 := s * p.splitDepth; k0 < end; k0 += depth {
		k1 := min(k0+depth, end)
		kp := padded(k1 - k0)
		p.packA(packed, a.In[0], &p.A, g, r0, r1, k0, k1, rowsOfTile)
		block := b[k0*cols+c0*kp:]
		for c := c0; c < c1; c += colsOfTile {
			if a.Ended() {
				return
			}
			panelB := block[:colsOfTile*kp]
			block = block[colsOfTile*kp:]
			for r := 0; r < rows; r += rowsOfTile {
				var acc [8]T
				tile(packed[r*kp:(r+rowsOfTile)*kp], panelB, &acc)
				x, y := sums[r*width+c-c0:][:4], sums[(r+1)*width+c-c0:][:4]
				x[0] += acc[0]
				x[1] += acc[1]
				x[2] += acc[2]
				x[3] += acc[3]
				y[0] += acc[4]
				y[1] += acc[5]
				y[2] += acc[6]
				y[3] += acc[7]
			}
		}
	}
	if p.Columns && p.splits == 1 {
		column := own[depth*rowBlock+rowBlock*width:][:rows]
		for c := c0; c < c1; c++ {
			for r := range column {
				column[r] = sums[r*width+c-c0]
			}
			p.store(a.Out[0], p.OutBase[g]+r0+c*p.OutStride, column)
		}
		return
	}
	for r := r0; r < r1; r++ {
		row := sums[(r-r0)*width:][:c1-c0]
		if p.splits > 1 {
			copy(parts[((g*p.splits+s)*p.m+r)*p.n+c0:], row)
		} else {
			p.store(a.Out[0], p.OutBase[g]+r*p.OutStride+c0, row)
		}
	}
}

// Places returns the places of all elements along the axis.
func (a *Axis) Places() []int {
	list := make([]int, a.N)
	for i := range list {
		list[i] = a.at(i)
	}
	return list
}
