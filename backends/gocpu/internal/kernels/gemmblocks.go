package kernels

import (
	"github.com/quire-ml/quire/backends/gocpu/internal/gemm"
	"github.com/quire-ml/quire/graph/tensors"
)

// Matrix products with the vector kernels of package gemm. They are divided into tasks, blocks of C that workers compute on their
// own, and in them the sum into blocks of kBlock terms. A is read where it lies, in runs, if it lies well; B is packed into
// panels, once for all tasks or by each for itself, or read in place too.

const (
	kBlock        = 1024     // terms of a block of the sum, of four bytes: C, which is read again for each block, seldom is
	rowsOfStream  = 32       // terms of a block, if each row of B is on pages of its own and used once
	termsOfStream = 256      // of a task whose B is read from one end to the other, at least
	colsOfStream  = 4096     // of such a task, at most
	rowsAtOnce    = 144      // rows of A that pass a block of B: packed, they take 600 KiB of the second cache
	colsOfTask    = 512      // at most: a block of B takes 2 MiB, of the second cache if it has them
	rowsOfTask    = 288      // at most
	wantedTasks   = 16       // for two workers, or more, to end at about the same time
	leastTask     = 1 << 20  // multiplications of a task: about 12 µs
	alone         = 1 << 18  // multiplications that are not worth waking anybody: 3 µs
	sharedLimit   = 16 << 20 // bytes of B that are packed before the tasks begin
	padding       = 64       // bytes between packed rows of A, so that they do not compete for the same lines of the cache
)

// blocked is a Gemm on vector kernels.
type blocked[T float32 | float64 | int32] struct {
	Gemm
	kernels *gemm.Kernels
	store   func(out []byte, at int, v []T) // nil: results are of type T
	size    int
	offset  int // what has been added to A's elements: as many times the sums of B's columns are subtracted

	a, b             int // which inputs A and B are
	batches, m, n, k int
	workers          int // for which it is divided, if results do not depend on that
	blocks           []sumBlock
	stepA, stepB     int // between most neighbours along the sum
	rows, cols       int // of a task
	rowTasks         int
	colTasks         int
	splits           int // parts of the sum that are added up afterwards
	perSplit         int // blocks of a part
	inPlaceA         bool
	inPlaceB         bool
	stream           bool  // B passes once: it is read from one end to the other, some rows at a time
	shared           bool  // B is packed before the tasks begin
	given            bool  // and before the call, see PackedProduct
	byColumns        bool  // neighbouring tasks have the same columns, and not the same rows
	packed           []int // per batch, which of the different B it has
	different        []int // the first batch of each of these

	panels    int // panels of B
	panelSize int // bytes of a block of a panel
	ownB      int // bytes of a worker's scratch memory by what they are for
	ownA      int
	ownPlaces int
	ownC      int
	ownSums   int
	own       int
	sharedB   int
	parts     int

	// Bodies of loops, made once: a method value is allocated.
	packBody, multiplyBody, addBody Body
}

// sumBlock is a part of the sum: its terms and where they lie, in bytes.
type sumBlock struct {
	from, to int
	a, b     []gemm.Run // nil if they lie in no good order
	pieces   []gemm.Run // of the first run of B
	rows     []gemm.Run // of A when its rows are packed, and when its columns are
	columns  []gemm.Run
}

// kernel returns the kernel and its scratch memory for a number of workers; nil if there is nothing to multiply.
func (p *blocked[T]) kernel(workers int) (Func, int) {
	p.size, p.b, p.workers = sizeOf[T](), 1, workers
	if p.Columns { // the product of the transposes
		p.Gemm = p.transposed()
		p.a, p.b = 1, 0
	}
	p.batches, p.m, p.n, p.k = len(p.OutBase), p.A.Free.N, p.B.Free.N, p.A.Sum.N
	if p.batches*p.m*p.n*p.k == 0 {
		return nil, 0
	}
	if f := p.lanesKernel(); f != nil {
		return p.finishAfter(f), 0
	}
	if f := p.dotsKernel(); f != nil {
		return p.finishAfter(f), workers * dotsScratch
	}
	if f, scratch := p.combineKernel(workers); f != nil {
		return p.finishAfter(f), scratch
	}
	p.findBlocks()
	p.divide()
	p.layOut(workers)
	p.packBody, p.multiplyBody, p.addBody = p.packShared, p.multiply, p.addParts
	return p.run, p.sharedB + p.parts + workers*p.own
}

// transposed returns the product of the transposes, whose result is the same memory with Columns false.
func (g Gemm) transposed() Gemm {
	g.A, g.B, g.Columns = g.B, g.A, false
	if finish := g.Finish; finish != nil {
		g.Finish = func(a *Args, batch, m0, m1, n0, n1 int) { finish(a, batch, n0, n1, m0, m1) }
	}
	return g
}

// depth is how many terms a block of the sum has at most.
func (p *blocked[T]) depth() int { return kBlock * 4 / p.size }

// findBlocks cuts the sum into blocks.
func (p *blocked[T]) findBlocks() {
	depth := p.depth()
	p.stream = p.m <= p.kernels.Rows && p.B.Sum.scattered(p.size) && p.B.Free.contiguous()
	if p.stream {
		depth = rowsOfStream
	}
	count := (p.k + depth - 1) / depth
	var okA, okB bool
	p.stepA, okA = p.A.Sum.step()
	p.stepB, okB = p.B.Sum.step()
	for i := range count {
		b := sumBlock{from: i * p.k / count, to: (i + 1) * p.k / count}
		if okA {
			b.a = p.A.Sum.runs(b.from, b.to, p.stepA, p.size)
		}
		if okB {
			b.b = p.B.Sum.runs(b.from, b.to, p.stepB, p.size)
			b.pieces = pieces(b.b[0], p.stepB*p.size)
		}
		b.rows = []gemm.Run{{To: (b.to - b.from) * p.size}}
		b.columns = []gemm.Run{{To: (b.to - b.from) * p.kernels.PanelA() * p.size}}
		p.blocks = append(p.blocks, b)
	}
	p.panels = (p.n + p.kernels.Cols - 1) / p.kernels.Cols
	p.panelSize = (p.k + count - 1) / count * p.kernels.Cols * p.size
	p.inPlaceA = okA && (p.panels == 1 || p.m <= p.kernels.Rows || !p.A.Sum.scattered(p.size))
	regular := okB && len(p.B.Sum.runs(0, p.k, p.stepB, 1)) == 1
	p.inPlaceB = regular && p.B.Free.contiguous() && p.n%p.kernels.Lanes() == 0 && (p.m <= p.kernels.Rows || p.stepB*p.size <= 1024)
}

// divide chooses the tasks. They depend on the product alone, not on the workers, and so do the results.
func (p *blocked[T]) divide() {
	p.cut()
	if p.WholeRows && p.splits == 1 && p.colTasks > 1 { // parts of the sum are added up row by row
		p.joinColumns()
	}
	// Neighbouring tasks fall to one worker for the most part, see package parallel. So do the panels of B that are packed before, and
	// what lies in another worker's cache comes late: if B is the larger operand, workers multiply the columns that they have packed.
	p.byColumns = p.shared && !p.given && p.n >= p.m
}

// cut cuts the product into tasks until there are enough of them.
func (p *blocked[T]) cut() {
	p.packed, p.different = sameBases(p.B.Base)
	unitR, unitC := p.kernels.Rows, p.kernels.Cols
	bytesB := len(p.different) * len(p.blocks) * p.panels * p.panelSize
	p.shared = p.given || !p.inPlaceB && (p.WholeRows || p.offset != 0 || p.m > 2*unitR && bytesB <= sharedLimit && (len(p.different) < p.batches || p.batches < wantedTasks/2))
	oneRow := !p.shared && !p.inPlaceB // each task packs its part of B: all rows should use it
	p.rows, p.cols = roundTo(p.m, unitR), roundTo(p.n, unitC)
	if !oneRow || p.store != nil { // what is converted when it is done waits in scratch memory
		p.rows = min(p.rows, roundTo(rowsOfTask, unitR))
	}
	p.cols = min(p.cols, roundTo(colsOfTask, unitC))
	p.splits = 1
	if p.stream && p.inPlaceB && p.n <= colsOfStream { // whole rows, and parts of the sum
		p.cols = roundTo(p.n, unitC)
		p.splits = min(wantedTasks, max(1, p.k/termsOfStream))
		p.count()
		return
	}
	canRows := func(least int) bool { return p.rows >= 2*max(least, unitR) && !oneRow }
	canCols := func(least int) bool { return p.cols >= 2*max(least, unitC) }
	for p.count() < wantedTasks && p.rows*p.cols*p.k/p.splits >= 2*leastTask {
		switch {
		case canRows(rowsAtOnce/2) && (p.rows >= p.cols/2 || !canCols(rowsAtOnce/2)):
			p.rows = roundTo(p.rows/2, unitR)
		case canCols(rowsAtOnce / 2):
			p.cols = roundTo(p.cols/2, unitC)
		case len(p.blocks) >= 4*p.splits && p.offset == 0: // operands are read once by all tasks, not once by each
			p.splits *= 2
		case canRows(0) && (p.rows >= p.cols/2 || !canCols(0)):
			p.rows = roundTo(p.rows/2, unitR)
		case canCols(0):
			p.cols = roundTo(p.cols/2, unitC)
		default:
			return
		}
	}
}

// joinColumns makes tasks of whole rows. One worker has as many rows at once as are good: few make tiles of few rows.
func (p *blocked[T]) joinColumns() {
	p.cols = roundTo(p.n, p.kernels.Cols)
	p.rows = min(roundTo(p.m, p.kernels.Rows), roundTo(rowsOfTask, p.kernels.Rows))
	for p.count() < wantedTasks && p.workers > 1 && p.rows >= 2*p.kernels.Rows && p.rows*p.cols*p.k >= 2*leastTask {
		p.rows = roundTo(p.rows/2, p.kernels.Rows)
	}
}

// count returns the number of tasks, and sets what follows from their sizes.
func (p *blocked[T]) count() int {
	p.rowTasks, p.colTasks = (p.m+p.rows-1)/p.rows, (p.n+p.cols-1)/p.cols
	p.perSplit = (len(p.blocks) + p.splits - 1) / p.splits
	p.splits = (len(p.blocks) + p.perSplit - 1) / p.perSplit
	return p.batches * p.rowTasks * p.colTasks * p.splits
}

func roundTo(n, unit int) int { return (n + unit - 1) / unit * unit }

// Aligned returns a number of bytes rounded up to a multiple of [tensors.Alignment], where the next piece of scratch memory may begin.
func Aligned(n int) int { return roundTo(n, tensors.Alignment) }

// layOut says how the scratch memory is used.
func (p *blocked[T]) layOut(workers int) {
	if p.given {
		p.sharedB = 0
	} else if p.shared {
		p.sharedB = len(p.different) * len(p.blocks) * p.panels * p.panelSize
	} else if !p.inPlaceB {
		p.ownB = p.cols / p.kernels.Cols * p.panelSize
	}
	if p.splits > 1 {
		p.parts = roundTo(p.batches*p.splits*p.m*p.n*p.size, 64)
	}
	if !p.inPlaceA {
		asRows := rowsAtOnce * (p.depth()*p.size + padding)
		asColumns := p.kernels.Tiles(rowsAtOnce) * p.depth() * p.kernels.PanelA() * p.size
		p.ownA = max(asRows, asColumns)
	}
	if p.store != nil {
		p.ownC = roundTo(p.rows*p.cols*p.size, 64)
	}
	if p.offset != 0 {
		p.ownSums = roundTo(p.cols*p.size, 64)
	}
	p.ownPlaces = roundTo(rowsAtOnce*8, 64)
	p.own = p.ownB + p.ownA + p.ownPlaces + p.ownC + p.ownSums
}

// run is the kernel.
func (p *blocked[T]) run(a *Args) {
	tasks := p.batches * p.splits * p.rowTasks * p.colTasks
	if p.batches*p.m*p.n*p.k <= alone {
		if p.shared && !p.given {
			p.packShared(a, 0, 0, len(p.different)*len(p.blocks)*p.panels)
		}
		p.multiply(a, 0, 0, tasks)
	} else {
		if p.shared && !p.given {
			a.For(len(p.different)*len(p.blocks)*p.panels, max(1, copyGrain/p.panelSize), p.packBody)
		}
		a.For(tasks, max(1, alone/(p.rows*p.cols*min(p.k, p.perSplit*p.depth()))), p.multiplyBody)
	}
	if p.splits > 1 {
		a.For(p.batches*p.m, max(1, 4096/p.n), p.addBody)
	}
}
