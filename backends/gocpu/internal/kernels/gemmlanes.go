package kernels

import "unsafe"

// Batches of products with one column each, whose elements lie side by side from batch to batch, as those of a convolution of
// each channel by itself do: vectors hold as many batches, and the sums are computed lane by lane.

// laneSums is such a product.
type laneSums[T float32 | float64 | int32] struct {
	*blocked[T]
	blocks   []laneBlock
	segments []rowSegment
	taps     []int // of the sum, in bytes
	body     Body
	stepX    int // bytes from row to row within a segment
}

// laneBlock is as many batches as a vector has lanes, or fewer.
type laneBlock struct{ batch, lanes int }

// rowSegment is rows that are the same distance apart.
type rowSegment struct{ row, n int }

// tapsAtOnce is how many terms of sums are added up in registers: sums are as exact as those of other products, and a call is short.
const tapsAtOnce = 256

// lanesKernel returns the kernel if the product is of that kind, or nil.
func (p *blocked[T]) lanesKernel() Func {
	if p.n != 1 || p.store != nil || !p.kernels.HasLanes() || p.batches < 4 {
		return nil
	}
	l := laneSums[T]{blocked: p}
	for g := 0; g < p.batches; {
		n := 1
		for n < p.kernels.Lanes() && g+n < p.batches && p.A.Base[g+n] == p.A.Base[g]+n && p.B.Base[g+n] == p.B.Base[g]+n && p.OutBase[g+n] == p.OutBase[g]+n {
			n++
		}
		l.blocks = append(l.blocks, laneBlock{g, n})
		g += n
	}
	step, regular := p.B.Sum.step()
	if 4*len(l.blocks) > p.batches || !regular || len(p.B.Sum.runs(0, p.k, step, 1)) != 1 {
		return nil
	}
	p.stepB = step
	if step, regular = p.A.Free.step(); !regular {
		return nil
	}
	l.stepX = step * p.size
	row := 0
	for _, run := range p.A.Free.runs(0, p.m, step, 1) {
		n := (run.To - run.From) / step
		l.segments = append(l.segments, rowSegment{row, n})
		row += n
	}
	l.taps = make([]int, p.k)
	p.A.Sum.places(l.taps, 0, p.size)
	l.body = l.multiply
	return l.run
}

func (l *laneSums[T]) run(a *Args) {
	items := len(l.blocks) * len(l.segments)
	if total := l.batches * l.m * l.k; total <= alone {
		l.multiply(a, 0, 0, items)
	} else {
		a.For(items, max(1, alone*items/total), l.body)
	}
}

// multiply computes blocks lo to hi of the segments: all blocks of a segment, whose elements lie side by side, before the next one.
func (l *laneSums[T]) multiply(a *Args, _, lo, hi int) {
	for i := lo; i < hi; i++ {
		s, b := l.segments[i/len(l.blocks)], l.blocks[i%len(l.blocks)]
		x := unsafe.Pointer(&a.In[l.a][(l.A.Base[b.batch]+l.A.Free.at(s.row))*l.size])
		y := unsafe.Pointer(&a.Out[0][(l.OutBase[b.batch]+s.row*l.OutStride)*l.size])
		w := (l.B.Base[b.batch] + l.B.Free.at(0) + l.B.Sum.at(0)) * l.size
		for t := 0; t < l.k && !a.Ended(); t += tapsAtOnce {
			taps := l.taps[t:min(t+tapsAtOnce, l.k)]
			l.kernels.ByLane(y, l.OutStride*l.size, x, l.stepX, taps, unsafe.Pointer(&a.In[l.b][w+t*l.stepB*l.size]), l.stepB*l.size, s.n, b.lanes, t > 0)
		}
	}
}
