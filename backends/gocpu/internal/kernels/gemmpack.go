package kernels

import (
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/gemm"
)

// step returns the distance between most elements along the axis that follow each other, and whether going along it in
// steps of that size is worth it: whether there are not many others.
func (a *Axis) step() (step int, regular bool) {
	if a.even && a.N > 1 {
		return a.stride, a.stride != 0
	}
	if len(a.table) == 1 {
		if len(a.outer) == 0 {
			return 1, a.N == 1
		}
		step = a.strides[len(a.strides)-1]
	} else {
		step = a.table[1] - a.table[0]
	}
	return step, step != 0 && len(a.runs(0, min(a.N, tableLimit), step, 1)) <= (min(a.N, tableLimit)+1)/2
}

// runs returns the elements from to to in runs of a step, in units of size.
func (a *Axis) runs(from, to, step, size int) (runs []gemm.Run) {
	if a.even && a.stride == step && from < to {
		return []gemm.Run{{From: from * step * size, To: to * step * size}}
	}
	next := 0
	for i := from; i < to; i++ {
		if place := a.at(i); i == from || place != next {
			runs = append(runs, gemm.Run{From: place * size})
			next = place
		}
		next += step
		runs[len(runs)-1].To = next * size
	}
	return runs
}

// places writes the places of elements from first to list, in units of size.
func (a *Axis) places(list []int, first, size int) {
	for i := range list {
		list[i] = a.at(first+i) * size
	}
}

// scattered reports whether the terms of a sum lie far apart: on many pages, and on lines that compete for the same places of a
// cache, where they should lie if they are used more than once.
func (a *Axis) scattered(size int) bool {
	step := a.at(min(1, a.N-1)) - a.at(0)
	return max(step, -step)*size >= 2048
}

// packShared packs blocks of panels lo to hi of B, for all tasks.
func (p *blocked[T]) packShared(a *Args, worker, lo, hi int) {
	p.packTo(a.Scratch, a, Of[int](p.ownOf(a, worker)[:p.ownPlaces]), lo, hi)
}

// packTo packs blocks of panels lo to hi of B to dst.
func (p *blocked[T]) packTo(dst []byte, a *Args, places []int, lo, hi int) {
	for lo < hi {
		panel, rest := lo%p.panels, lo/p.panels
		n := min(hi-lo, p.panels-panel)
		block, which := rest%len(p.blocks), rest/len(p.blocks)
		p.packPanels(a, dst[lo*p.panelSize:], p.different[which], block, panel*p.kernels.Cols, n, places)
		lo += n
	}
}

// packPanels packs a block of n panels of B, from column c of batch g, to dst; places is room for those of a panel's columns. It
// leaves off when the call has ended.
func (p *blocked[T]) packPanels(a *Args, dst []byte, g, block, c, n int, places []int) {
	s, o := &p.blocks[block], &p.B
	if len(s.b) != 1 || p.n-c < n*p.kernels.Cols || o.Free.run < p.kernels.Cols || o.Free.run%p.kernels.Cols != 0 {
		for i := range n {
			if a.Ended() {
				return
			}
			p.packB(dst[i*p.panelSize:], a.In[p.b], g, block, c+i*p.kernels.Cols, places[:p.kernels.Cols])
		}
		return
	}
	width := p.kernels.Cols * p.size
	for k := range s.pieces {
		if a.Ended() {
			return
		}
		for i := range n {
			src := unsafe.Pointer(&a.In[p.b][(o.Base[g]+o.Free.at(c+i*p.kernels.Cols))*p.size])
			p.kernels.CopyRows(unsafe.Pointer(&dst[i*p.panelSize+k*piece*width]), width, src, s.pieces[k:k+1], p.stepB*p.size, p.kernels.Cols)
		}
	}
}

// piece is how many rows of B are read at once from one end to the other: a processor looks ahead on few pages.
const piece = 16

// pieces returns a run of a step, in bytes, in pieces.
func pieces(run gemm.Run, step int) (list []gemm.Run) {
	for from := run.From; from != run.To; {
		n := min(piece, (run.To-from)/step)
		list = append(list, gemm.Run{From: from, To: from + n*step})
		from += n * step
	}
	return list
}

// packB packs a block of the panel of B that begins at column c of batch g to dst, row by row; places is room for its columns'.
func (p *blocked[T]) packB(dst, src []byte, g, block, c int, places []int) {
	o, width := &p.B, p.kernels.Cols*p.size
	n := min(p.kernels.Cols, p.n-c)
	s := &p.blocks[block]
	if n < p.kernels.Cols { // columns that are not there are computed with, and not stored
		clear(dst[:(s.to-s.from)*width])
	}
	o.Free.places(places[:n], c, 1)
	base := unsafe.Pointer(&src[o.Base[g]*p.size])
	switch neighbours := countRuns(places[:n]); {
	case s.b != nil && neighbours <= (n+3)/4:
		for j := 0; j < n; {
			e := j + 1
			for e < n && places[e] == places[e-1]+1 {
				e++
			}
			p.kernels.CopyRows(unsafe.Pointer(&dst[j*p.size]), width, unsafe.Add(base, places[j]*p.size), s.b, p.stepB*p.size, e-j)
			j = e
		}
	case s.b != nil && p.stepB == 1:
		p.transposeB(dst, base, places, n, s)
	default:
		d := Of[T](dst)
		for j := range n {
			for k := s.from; k < s.to; k++ {
				d[(k-s.from)*p.kernels.Cols+j] = *(*T)(unsafe.Add(base, (places[j]+o.Sum.at(k))*p.size))
			}
		}
	}
}

// countRuns returns how many runs of neighbours there are.
func countRuns(places []int) int {
	n := 1
	for i := 1; i < len(places); i++ {
		if places[i] != places[i-1]+1 {
			n++
		}
	}
	return n
}

// transposeB packs n columns whose elements lie side by side.
func (p *blocked[T]) transposeB(dst []byte, base unsafe.Pointer, places []int, n int, s *sumBlock) {
	lanes, width := p.kernels.Lanes(), p.kernels.Cols*p.size
	for j := range places {
		if j < n {
			places[j] *= p.size
		} else { // instead of columns that are not there
			places[j] = places[0]
		}
	}
	for j := 0; j < n; j += lanes {
		row := 0
		for _, run := range s.b {
			length := (run.To - run.From) / p.size
			p.kernels.Transpose(unsafe.Pointer(&dst[row*width+j*p.size]), width, unsafe.Add(base, run.From), places[j:j+lanes], length)
			row += length
		}
	}
}

// packA copies rows of a block of A, which lie at places, to the worker's scratch memory, and sets places to where they are then.
func (t *task[T]) packA(base unsafe.Pointer, places []int, s *sumBlock) gemm.A {
	packed := unsafe.Pointer(&t.a[0])
	if s.a != nil && t.stepA != 1 && t.A.Free.run >= t.kernels.Rows {
		return gemm.A{Base: packed, Places: places, Runs: s.columns, Step: t.packColumns(base, places, s)}
	}
	width := t.depth()*t.size + padding
	for j, place := range places {
		t.packRow(t.a[j*width:], unsafe.Add(base, place), s)
		places[j] = j * width
	}
	return gemm.A{Base: packed, Places: places, Runs: s.rows, Step: t.size}
}

// packRow copies a row of a block of A.
func (t *task[T]) packRow(dst []byte, row unsafe.Pointer, s *sumBlock) {
	if s.a == nil || t.stepA != 1 {
		d := Of[T](dst)
		for k := s.from; k < s.to; k++ {
			d[k-s.from] = *(*T)(unsafe.Add(row, t.A.Sum.at(k)*t.size))
		}
		return
	}
	for _, run := range s.a {
		n := run.To - run.From
		copy(dst[:n], unsafe.Slice((*byte)(unsafe.Add(row, run.From)), n))
		dst = dst[n:]
	}
}

// packColumns copies the rows of each tile in a block of A whose columns lie side by side, column by column.
func (t *task[T]) packColumns(base unsafe.Pointer, places []int, s *sumBlock) (step int) {
	step = t.kernels.PanelA() * t.size
	tiles := t.kernels.Tiles(len(places))
	for i := range tiles {
		r0, r1 := gemm.Part(len(places), tiles, i)
		at := i * t.depth() * step
		for r := r0; r < r1; {
			e := r + 1
			for e < r1 && places[e] == places[e-1]+t.size {
				e++
			}
			t.kernels.CopyRows(unsafe.Pointer(&t.a[at+(r-r0)*t.size]), step, unsafe.Add(base, places[r]), s.a, t.stepA*t.size, e-r)
			r = e
		}
		for r := r0; r < r1; r++ {
			places[r] = at + (r-r0)*t.size
		}
	}
	return step
}
