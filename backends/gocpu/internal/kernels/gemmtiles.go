package kernels

import (
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/gemm"
)

// Matrix products on processors that multiply tiles, see [gemm.Matrix]. They are so fast that copying operands counts: A is read where
// it lies if its rows do so side by side along the sum, and is else copied by each task; B is copied once, straight to panels of units.

const (
	tileUnits    = 256     // of a block of the sum, at most: as much of a panel takes 32 KiB of the first cache
	tileBytesA   = 1 << 20 // of the rows of A that pass a panel: they stay in the second cache
	tileRowsMost = 512     // of a task
	tileColsMost = 1024    // of a task
	tileChunk    = 4       // panels whose sums are converted at once: they wait in the second cache
	tileFew      = 8       // panels, at most, that A is copied for by each task, if it must be: copying costs as much as the product
	streamUnits  = 32      // of a block of the sum, if each row of B is on pages of its own and used once
	streamPanels = 32      // of a task then, at most
	leastTiles   = 1 << 23 // multiplications of a task: about 8 µs
	aloneTiles   = 1 << 21 // multiplications that are not worth waking anybody
	panelRow     = 4 * gemm.MatrixCols
	waiting      = 16                    // columns of B, whose terms lie side by side, that are packed at once
	waitingRow   = 4*tileUnits + padding // bytes between these if they are copied before
)

// tiled is a Gemm on tiles.
type tiled[T float32 | int32] struct {
	blocked[T]
	matrix *gemm.Matrix
	units  *gemm.Kernels // that move units
	left   termed
	right  termed

	stream   bool  // B passes once: it is read in long parts of rows, some of them at a time
	chunk    int   // panels that are multiplied, and packed by a task, one after the other for a block of the sum
	pieces   int   // of a row of A
	whole    []int // offsets of these in a row of A, but for the last one of a row that is read in place if that is not whole
	inPlace  bool  // A is read where it lies
	first    bool  // or copied before the tasks begin
	stepA    int   // bytes between rows of A, in place or copied
	sharedA  int   // bytes of A if it is copied first
	leftOf   []int // per batch, which of the different A it has
	lefts    []int // the first batch of each of these
	copyBody Body
	tail     int // bytes of a worker's scratch memory for the last pieces of rows, if those are not whole
	waits    int // and for what is copied before it is packed
}

// termed is an operand that is read in units along the sum.
type termed struct {
	*Operand
	elements, bytes int        // of a unit, of an element
	runs            []gemm.Run // of terms that lie side by side, if many do
	along           bool       // all do
	across          bool       // neighbours of one term do, and terms follow each other in even steps
	step            int        // these, in bytes
}

func newTermed(o *Operand, elements int) termed {
	t := termed{Operand: o, elements: elements, bytes: 4 / elements}
	step, regular := o.Sum.step()
	switch {
	case regular && step == 1:
		t.runs = o.Sum.runs(0, o.Sum.N, 1, t.bytes)
		t.along = len(t.runs) == 1
	case regular && o.Free.contiguous():
		t.across, t.step = len(o.Sum.runs(0, o.Sum.N, step, 1)) == 1, step*t.bytes
	}
	return t
}

// from returns the memory from the first term of row or column i on.
func (o *termed) from(in []byte, g, i int) []byte { return in[(o.Base[g]+o.Free.at(i))*o.bytes:] }

// copyTerms copies the terms from to to of a sum whose first term is the beginning of src, and fills dst up with zeros.
func (o *termed) copyTerms(dst, src []byte, from, to int) {
	if o.runs == nil {
		for k := from; k < to; k++ {
			at := o.Sum.at(k) * o.bytes
			dst = dst[copy(dst, src[at:at+o.bytes]):]
		}
	}
	first := 0 // term of the run
	for _, run := range o.runs {
		n := (run.To - run.From) / o.bytes
		if lo, hi := max(from-first, 0), min(to-first, n); lo < hi {
			dst = dst[copy(dst, src[run.From+lo*o.bytes:run.From+hi*o.bytes]):]
		}
		first += n
	}
	clear(dst)
}

// tiledProduct returns the kernel of the product g of elements that m multiplies, and its scratch memory. store is blocked's.
func tiledProduct[T float32 | int32](on processor, g Gemm, m *gemm.Matrix, store func([]byte, int, []T), workers int) (Func, int) {
	p := &tiled[T]{blocked: blocked[T]{Gemm: g, store: store}, matrix: m, units: gemm.Float32(on.tier)}
	return p.kernel(workers)
}

func (p *tiled[T]) kernel(workers int) (Func, int) {
	p.size, p.b = 4, 1
	if p.Columns { // the product of the transposes
		p.Gemm = p.transposed()
		p.a, p.b = 1, 0
	}
	p.batches, p.m, p.n, p.k = len(p.OutBase), p.A.Free.N, p.B.Free.N, p.A.Sum.N
	if p.batches*p.m*p.n*p.k == 0 {
		return nil, 0
	}
	p.left, p.right = newTermed(&p.A, p.matrix.Elements), newTermed(&p.B, p.matrix.Elements)
	p.cut()
	p.divide()
	p.layOut(workers)
	p.packBody, p.multiplyBody, p.addBody = p.pack, p.multiply, p.addParts
	p.copyBody = p.copyFirst
	return p.run, p.sharedB + p.parts + p.sharedA + workers*p.own
}

// cut cuts the sum into blocks of pieces, and these into rows of A.
func (p *tiled[T]) cut() {
	most := tileUnits
	p.stream = p.right.across && p.m <= gemm.MatrixRows && p.right.step >= 4096
	if p.chunk = tileChunk; p.stream {
		most, p.chunk = streamUnits, streamPanels
	}
	perPiece := gemm.MatrixUnits * p.matrix.Elements
	p.pieces = (p.k + perPiece - 1) / perPiece
	blocks := (p.pieces*gemm.MatrixUnits + most - 1) / most
	perBlock := (p.pieces + blocks - 1) / blocks * perPiece
	for from := 0; from < p.k; from += perBlock {
		p.blocks = append(p.blocks, sumBlock{from: from, to: min(from+perBlock, p.k)})
	}
	p.panels = (p.n + gemm.MatrixCols - 1) / gemm.MatrixCols
	p.chunk = min(p.chunk, p.panels)
	p.panelSize = perBlock / p.matrix.Elements * panelRow
	step, regular := p.A.Free.step()
	p.inPlace = p.left.along && regular && len(p.A.Free.runs(0, p.m, step, 1)) == 1
	p.stepA = step * p.left.bytes
	n := p.pieces
	switch {
	case !p.inPlace:
		p.stepA = p.pieces*gemm.MatrixPiece + padding
	case p.k%perPiece != 0:
		n--
	}
	p.whole = evenPlaces(n, gemm.MatrixPiece)
	p.leftOf, p.lefts = sameBases(p.A.Base)
	p.first = !p.inPlace && p.panels > tileFew && len(p.lefts)*p.m*p.stepA <= sharedLimit
}

// divide chooses the tasks, as blocked's does.
func (p *tiled[T]) divide() {
	p.packed, p.different = sameBases(p.B.Base)
	most := max(2*gemm.MatrixRows, min(tileRowsMost, tileBytesA/(p.pieces*gemm.MatrixPiece)))
	p.rows = min(roundTo(p.m, gemm.MatrixRows), roundTo(most, gemm.MatrixRows))
	p.cols = min(roundTo(p.n, gemm.MatrixCols), tileColsMost)
	bytesB := len(p.different) * len(p.blocks) * p.panels * p.panelSize
	p.shared = bytesB <= sharedLimit && (p.m > p.rows || len(p.different) < p.batches)
	p.splits = 1
	for p.count() < wantedTasks && p.rows*p.cols*p.k/p.splits >= 2*leastTiles {
		canRows := p.rows >= 2*gemm.MatrixRows && bytesB <= sharedLimit
		canCols := p.cols >= 2*gemm.MatrixCols && (p.inPlace || p.first) && !p.stream
		switch {
		case canCols && (p.cols >= p.rows || !canRows):
			p.cols = roundTo(p.cols/2, gemm.MatrixCols)
		case canRows:
			p.rows, p.shared = roundTo(p.rows/2, gemm.MatrixRows), true
		case len(p.blocks) >= 2*p.splits:
			p.splits *= 2
		default:
			return
		}
	}
}

// layOut says how the scratch memory is used.
func (p *tiled[T]) layOut(workers int) {
	if p.shared {
		p.sharedB = len(p.different) * len(p.blocks) * p.panels * p.panelSize
	} else {
		p.ownB = p.chunk * p.panelSize
	}
	if p.splits > 1 {
		p.parts = roundTo(p.batches*p.splits*p.m*p.n*p.size, 64)
	}
	switch {
	case p.first:
		p.sharedA = len(p.lefts) * roundTo(p.m, gemm.MatrixRows) * p.stepA
	case !p.inPlace:
		p.ownA = p.rows * p.stepA
	case len(p.whole) < p.pieces:
		p.tail = p.rows * gemm.MatrixPiece
	}
	if p.store != nil {
		p.ownC = p.rows * p.chunk * panelRow
	}
	p.waits = waiting * waitingRow
	p.own = p.ownB + p.ownA + p.tail + p.ownC + p.waits
}

func (p *tiled[T]) run(a *Args) {
	tasks, panels := p.batches*p.splits*p.rowTasks*p.colTasks, len(p.different)*len(p.blocks)*p.panels
	copies := len(p.lefts) * roundTo(p.m, gemm.MatrixRows) / gemm.MatrixRows
	alone := p.batches*p.m*p.n*p.k <= aloneTiles
	each := func(n, grain int, body Body) {
		if alone {
			body(a, 0, 0, n)
		} else {
			a.For(n, max(1, grain), body)
		}
	}
	if p.shared {
		each(panels, copyGrain/p.panelSize, p.packBody)
	}
	if p.first {
		each(copies, copyGrain/(gemm.MatrixRows*p.stepA), p.copyBody)
	}
	each(tasks, aloneTiles/(p.rows*p.cols*min(p.k, p.perSplit*tileUnits*p.matrix.Elements)), p.multiplyBody)
	if p.splits > 1 {
		a.For(p.batches*p.m, max(1, 4096/p.n), p.addBody)
	}
}

// ownOf returns the scratch memory of a worker.
func (p *tiled[T]) ownOf(a *Args, worker int) []byte {
	return a.Scratch[p.sharedB+p.parts+p.sharedA+worker*p.own:][:p.own]
}

// pack packs blocks of panels lo to hi of B for all tasks.
func (p *tiled[T]) pack(a *Args, worker, lo, hi int) {
	own := p.ownOf(a, worker)
	for lo < hi {
		panel, rest := lo%p.panels, lo/p.panels
		n := min(hi-lo, p.panels-panel, p.chunk)
		block, which := rest%len(p.blocks), rest/len(p.blocks)
		p.packPanels(a, a.Scratch[lo*p.panelSize:], own[len(own)-p.waits:], p.different[which], block, panel, n)
		lo += n
	}
}

// packPanels packs a block of n panels of B to dst. wait is memory for what is copied before.
func (p *tiled[T]) packPanels(a *Args, dst, wait []byte, g, block, panel, n int) {
	s, in := &p.blocks[block], a.In[p.b]
	if p.right.across {
		p.joinPanels(a, dst, wait, p.right.from(in, g, panel*gemm.MatrixCols), s, n, min(n*gemm.MatrixCols, p.n-panel*gemm.MatrixCols))
		return
	}
	for i := range n {
		first := (panel + i) * gemm.MatrixCols
		for c := first; c < min(first+gemm.MatrixCols, p.n); c += waiting {
			if a.Ended() {
				return
			}
			p.packColumns(dst[i*p.panelSize+4*(c-first):], wait, in, g, c, s)
		}
	}
}

// joinPanels packs the cols columns from src on, whose elements lie side by side for each term of the sum: some terms of all panels
// before the next ones.
func (p *tiled[T]) joinPanels(a *Args, dst, wait, src []byte, s *sumBlock, n, cols int) {
	o := &p.right
	for from := s.from; from < s.to; from += gemm.MatrixUnits * o.elements {
		if a.Ended() {
			return
		}
		for i := range n {
			at := (from - s.from) / o.elements * panelRow
			o.join(p.matrix, dst[i*p.panelSize+at:][:gemm.MatrixUnits*panelRow], wait, src[i*gemm.MatrixCols*o.bytes:], from,
				min(from+gemm.MatrixUnits*o.elements, s.to), min(gemm.MatrixCols, cols-i*gemm.MatrixCols))
		}
	}
}

// join joins the terms from to to of n neighbours, which lie side by side, to units at dst, and fills that up with zeros. The first term
// of the sum is the beginning of src, and wait is memory for a row.
func (o *termed) join(m *gemm.Matrix, dst, wait, src []byte, from, to, n int) {
	count := (to - from) / o.elements
	m.Panel(unsafe.Pointer(&dst[0]), unsafe.Pointer(&src[from*o.step]), o.step, count, n)
	dst = dst[count*panelRow:]
	clear(dst)
	if from += count * o.elements; from == to {
		return
	}
	width := gemm.MatrixCols * o.bytes
	clear(wait[:panelRow])
	for i := range to - from {
		copy(wait[i*width:][:n*o.bytes], src[(from+i)*o.step:])
	}
	m.Panel(unsafe.Pointer(&dst[0]), unsafe.Pointer(&wait[0]), width, 1, n)
}

// rowsOfPanel returns how many rows a block of a panel has.
func (p *tiled[T]) rowsOfPanel(s *sumBlock) int {
	return roundTo((s.to-s.from+p.matrix.Elements-1)/p.matrix.Elements, gemm.MatrixUnits)
}

// packColumns packs columns of B from c on, as many as wait at once, to columns of a panel: whole pieces from where they lie, if terms
// do so side by side.
func (p *tiled[T]) packColumns(dst, wait, in []byte, g, c int, s *sumBlock) {
	o := &p.right
	var places [waiting]int
	n, done := min(waiting, p.n-c), 0
	if o.along {
		done = (s.to - s.from) / (gemm.MatrixUnits * o.elements) * gemm.MatrixUnits
		for j := range places { // instead of columns that are not there, the first
			places[j] = (o.Free.at(c+j%n) - o.Free.at(c)) * o.bytes
		}
		p.transpose(dst, panelRow, o.from(in, g, c)[s.from*o.bytes:], &places, done)
	}
	rows := p.rowsOfPanel(s)
	if done == rows {
		return
	}
	for j := range places {
		places[j] = j % n * waitingRow
	}
	for j := range n {
		o.copyTerms(wait[j*waitingRow:][:4*(rows-done)], o.from(in, g, c+j), s.from+done*o.elements, s.to)
	}
	p.transpose(dst[done*panelRow:], panelRow, wait, &places, rows-done)
}

// transpose copies n units that lie side by side from each of some places in src to columns of dst.
func (p *tiled[T]) transpose(dst []byte, step int, src []byte, places *[waiting]int, n int) {
	if n == 0 {
		return
	}
	lanes := p.units.Lanes()
	for j := 0; j < waiting; j += lanes {
		p.units.Transpose(unsafe.Pointer(&dst[4*j]), step, unsafe.Pointer(&src[0]), places[j:j+lanes], n)
	}
}

// tilesTask is a task at work: part s of the sum for a block of C of batch g.
type tilesTask[T float32 | int32] struct {
	*tiled[T]
	args              *Args
	g, s              int
	r0, r1, c0, c1    int
	b, a, rest, c, in []byte // the worker's scratch memory
}

// multiply computes tasks lo to hi.
func (p *tiled[T]) multiply(a *Args, worker, lo, hi int) {
	own := p.ownOf(a, worker)
	t := tilesTask[T]{tiled: p, args: a}
	t.b, own = own[:p.ownB], own[p.ownB:]
	t.a, own = own[:p.ownA], own[p.ownA:]
	t.rest, own = own[:p.tail], own[p.tail:]
	t.c, t.in = own[:p.ownC], own[p.ownC:]
	for i := lo; i < hi; i++ {
		rest := i
		c, rest := rest%p.colTasks, rest/p.colTasks
		r, rest := rest%p.rowTasks, rest/p.rowTasks
		t.s, t.g = rest%p.splits, rest/p.splits
		t.r0, t.c0 = r*p.rows, c*p.cols
		t.r1, t.c1 = min(t.r0+p.rows, p.m), min(t.c0+p.cols, p.n)
		t.run()
	}
}

// run goes over some panels after the other, for each of these over the blocks of the sum, and for each of those over all rows. It
// leaves off when the call has ended.
func (t *tilesTask[T]) run() {
	blocks := t.blocks[t.s*t.perSplit : min((t.s+1)*t.perSplit, len(t.blocks))]
	a := t.rowsOf(t.piecesOf(blocks))
	for c := t.c0; c < t.c1; c += t.chunk * gemm.MatrixCols {
		cols := min(t.chunk*gemm.MatrixCols, t.c1-c)
		out, stride := t.result(c)
		for i := range blocks {
			from, to := t.piecesOf(blocks[i : i+1])
			part := gemm.Rows{Base: a.Base, Step: a.Step, Offsets: t.whole[from:min(to, len(t.whole))]}
			if to > len(t.whole) {
				part.Tail = a.Tail
			}
			b := t.panelsOf(t.s*t.perSplit+i, c, cols)
			for j := 0; j < cols; j += gemm.MatrixCols {
				if t.args.Ended() {
					return
				}
				panel := unsafe.Pointer(&b[j/gemm.MatrixCols*t.panelSize])
				next := panel
				if j+gemm.MatrixCols < cols {
					next = unsafe.Add(panel, t.panelSize)
				} else if t.shared {
					next = t.panelAfter(i, c)
				}
				t.matrix.Multiply(&part, panel, next, unsafe.Add(out, 4*j), stride, t.r1-t.r0, min(gemm.MatrixCols, cols-j), i > 0)
			}
		}
		if t.store != nil && t.splits == 1 {
			for r := t.r0; r < t.r1; r++ {
				t.store(t.args.Out[0], t.OutBase[t.g]+r*t.OutStride+c, Of[T](t.c[(r-t.r0)*t.chunk*panelRow:])[:cols])
			}
		}
	}
	if t.Finish != nil && t.splits == 1 {
		t.Finish(t.args, t.g, t.r0, t.r1, t.c0, t.c1)
	}
}

// panelAfter returns the panel that is multiplied after the last one of block i of the task's blocks, from column c on.
func (t *tilesTask[T]) panelAfter(i, c int) unsafe.Pointer {
	first := t.s * t.perSplit
	switch {
	case first+i+1 < min(first+t.perSplit, len(t.blocks)):
		first += i + 1
	case c+t.chunk*gemm.MatrixCols < t.c1:
		c += t.chunk * gemm.MatrixCols
	case t.c1 < t.n: // the next task's
		c = t.c1
	default:
		c = 0
	}
	return unsafe.Pointer(&t.panelsOf(first, c, 0)[0])
}

// piecesOf returns which pieces some blocks of the sum are, one after the other.
func (p *tiled[T]) piecesOf(blocks []sumBlock) (first, end int) {
	per := gemm.MatrixUnits * p.matrix.Elements
	return blocks[0].from / per, (blocks[len(blocks)-1].to + per - 1) / per
}

// result returns where the sums of the task's rows from column c on are made, and the bytes between rows.
func (t *tilesTask[T]) result(c int) (unsafe.Pointer, int) {
	switch {
	case t.splits > 1:
		parts := t.args.Scratch[t.sharedB:]
		return unsafe.Pointer(&parts[(((t.g*t.splits+t.s)*t.m+t.r0)*t.n+c)*4]), t.n * 4
	case t.store != nil:
		return unsafe.Pointer(&t.c[0]), t.chunk * panelRow
	}
	return unsafe.Pointer(&t.args.Out[0][(t.OutBase[t.g]+t.r0*t.OutStride+c)*4]), t.OutStride * 4
}

// panelsOf returns block i of the panels of B from column c on.
func (t *tilesTask[T]) panelsOf(i, c, cols int) []byte {
	panel := c / gemm.MatrixCols
	if t.shared {
		return t.args.Scratch[((t.packed[t.g]*len(t.blocks)+i)*t.panels+panel)*t.panelSize:]
	}
	t.packPanels(t.args, t.b, t.in, t.g, i, panel, (cols+gemm.MatrixCols-1)/gemm.MatrixCols)
	return t.b
}

// rowsOf returns the task's rows of A, of which pieces first to end are wanted.
func (t *tilesTask[T]) rowsOf(first, end int) (a gemm.Rows) {
	o, in := &t.left, t.args.In[t.blocked.a]
	a.Step = t.stepA
	switch {
	case t.first:
		a.Base = unsafe.Pointer(&t.copied(t.args)[(t.leftOf[t.g]*roundTo(t.m, gemm.MatrixRows)+t.r0)*t.stepA])
		return a
	case !t.inPlace:
		t.copyRows(t.args, t.a, t.in, t.g, t.r0, t.r1, first, end)
		a.Base = unsafe.Pointer(&t.a[0])
		return a
	}
	a.Base = unsafe.Pointer(&o.from(in, t.g, t.r0)[0])
	if done := len(t.whole); end > done {
		a.Tail = unsafe.Pointer(&t.rest[0])
		for r := t.r0; r < t.r1; r++ {
			o.copyTerms(t.rest[(r-t.r0)*gemm.MatrixPiece:][:gemm.MatrixPiece], o.from(in, t.g, r), done*gemm.MatrixUnits*o.elements, t.k)
		}
	}
	return a
}

// copied returns the memory of A if it is copied before the tasks begin.
func (p *tiled[T]) copied(a *Args) []byte { return a.Scratch[p.sharedB+p.parts:][:p.sharedA] }

// copyFirst copies rows of all different A in groups of as many as a block of C has.
func (p *tiled[T]) copyFirst(a *Args, worker, lo, hi int) {
	own, groups := p.ownOf(a, worker), (p.m+gemm.MatrixRows-1)/gemm.MatrixRows
	for i := lo; i < hi; i++ {
		r := i % groups * gemm.MatrixRows
		p.copyRows(a, p.copied(a)[i*gemm.MatrixRows*p.stepA:], own[len(own)-p.waits:], p.lefts[i/groups], r, min(r+gemm.MatrixRows, p.m), 0, p.pieces)
	}
}

// copyRows copies pieces first to end of rows r0 to r1 of A to dst. wait is memory for what is copied before.
func (p *tiled[T]) copyRows(a *Args, dst, wait []byte, g, r0, r1, first, end int) {
	o, in, per := &p.left, a.In[p.a], gemm.MatrixUnits*p.matrix.Elements
	if !o.across {
		for r := r0; r < r1 && !a.Ended(); r++ {
			row := dst[(r-r0)*p.stepA:]
			o.copyTerms(row[first*gemm.MatrixPiece:end*gemm.MatrixPiece], o.from(in, g, r), first*per, min(end*per, p.k))
		}
		return
	}
	var places [waiting]int
	for u := range places {
		places[u] = u * panelRow
	}
	units := wait[:gemm.MatrixUnits*panelRow]
	for r := r0; r < r1; r += gemm.MatrixRows {
		src := o.from(in, g, r)
		for i := first; i < end && !a.Ended(); i++ {
			o.join(p.matrix, units, wait[len(units):], src, i*per, min((i+1)*per, p.k), min(gemm.MatrixRows, r1-r))
			p.transpose(dst[(r-r0)*p.stepA+i*gemm.MatrixPiece:], p.stepA, units, &places, gemm.MatrixRows)
		}
	}
}
