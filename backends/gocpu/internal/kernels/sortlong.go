package kernels

import (
	"sync/atomic"

	"github.com/quire-ml/quire/backends/gocpu/internal/order"
)

// One long lane is sorted by all workers: it is parted in two, these parts again, and so on, until there are enough parts to sort
// them apart. Elements without their places are parted in two by all workers, too: pieces of them apart, whose parts are then put
// together. Numbers that are sorted are all different, or the same bits, so that results do not depend on the parts.

const (
	longLane   = 1 << 17 // elements from which on a lane is worth it
	partsEach  = 4       // parts for each worker, so that they balance
	mostParts  = 256
	longBlock  = 1 << 15                   // elements of a chunk of what is done one by one
	longMemory = 8 * (2*(mostParts+1) + 2) // for the bounds of parts, before and after they are parted, a flag and a pivot
)

// longSort sorts a lane of n elements, as numbers T.
type longSort[T order.Number, B Unsigned, K key] struct {
	*sorter[B, K]
	keys                  order.Keys
	n, levels             int
	piece                 int // elements that are parted in two apart
	make, part, all, pair Body
	half, join            Body
}

// longOf returns how one lane is sorted by several workers, or nil where one is as good. Its scratch memory is that of the sorter
// and longMemory behind it.
func longOf[B Unsigned, K key](p *sorter[B, K], l, to Lanes, workers int) Func {
	n := l.Along.N
	if !p.vectors || workers < 2 || l.Kept.N != 1 || n < longLane || p.Take != n || sizeOf[B]() != sizeOf[K]() || !p.from.contiguous() || !p.to.contiguous() {
		return nil
	}
	switch {
	case p.Indices && sizeOf[B]() == 4:
		return newLongSort[int64](p, n, workers).places
	case p.Indices:
		return nil
	case sizeOf[B]() == 4:
		return newLongSort[int32](p, n, workers).values
	}
	return newLongSort[int64](p, n, workers).values
}

func newLongSort[T order.Number, B Unsigned, K key](p *sorter[B, K], n, workers int) *longSort[T, B, K] {
	l := &longSort[T, B, K]{sorter: p, keys: p.keysFor(), n: n, piece: max(longBlock, roundTo((n+mostParts-1)/mostParts, longBlock))}
	for 1<<l.levels < min(partsEach*workers, mostParts) && n>>l.levels > longLane/4 {
		l.levels++
	}
	l.make, l.part, l.all, l.pair, l.half, l.join = l.makePairs, l.partAll, l.sortAll, l.writePairs, l.halve, l.joinHalves
	return l
}

// numbers returns the numbers to sort, and room for as many.
func (l *longSort[T, B, K]) numbers(a *Args) (x, room []T) {
	w := l.room(a.Scratch)
	if x = Of[T](Bytes(w.list))[:l.n]; !l.Indices {
		x = Of[T](a.Out[0])[:l.n]
	}
	return x, Of[T](Bytes(w.spare))[:l.n]
}

// state returns the bounds of parts, those to come, and whether an element was found that counts as another.
func (l *longSort[T, B, K]) state(a *Args) (bounds, next []int, found *int64) {
	memory := a.Scratch[l.scratch:][:longMemory]
	words := Of[int](memory)
	return words[:mostParts+1], words[mostParts+1:][:mostParts+1], &Of[int64](memory)[2*(mostParts+1)]
}

// pivot is the one of the first parting.
func (l *longSort[T, B, K]) pivot(a *Args) *T {
	return &Of[T](a.Scratch[l.scratch:][8*(2*(mostParts+1)+1) : longMemory])[0]
}

// halves returns the memory of the first parting, for the lower keys and the others.
func (l *longSort[T, B, K]) halves(a *Args) (low, high []T) {
	w := l.room(a.Scratch)
	return Of[T](Bytes(w.list))[:l.n], Of[T](Bytes(w.spare))[:l.n]
}

// inputs returns elements lo to hi as integers.
func inputs[E order.Number](a *Args, lo, hi int) []E { return Of[E](a.In[0])[lo:hi] }

// halve parts the keys of a piece of the elements in two, where nothing else lies, and notes how many the lower ones are.
func (l *longSort[T, B, K]) halve(a *Args, _, lo, hi int) {
	low, high := l.halves(a)
	counts, _, found := l.state(a)
	n, exact := order.PartElements(l.Tier, l.keys, *l.pivot(a), low[lo:hi], high[lo:hi], inputs[T](a, lo, hi))
	if counts[lo/l.piece] = n; !exact {
		atomic.StoreInt64(found, 1)
	}
}

// joinHalves puts the parts of a piece where they belong.
func (l *longSort[T, B, K]) joinHalves(a *Args, _, lo, hi int) {
	x, _ := l.numbers(a)
	low, high := l.halves(a)
	counts, places, _ := l.state(a)
	piece := lo / l.piece
	n, at, all := counts[piece], places[piece], places[mostParts]
	copy(x[at:], low[lo:lo+n])
	copy(x[all+lo-at:], high[lo:hi-n])
}

// makePairs writes keys of elements with their places.
func (l *longSort[T, B, K]) makePairs(a *Args, _, lo, hi int) {
	x, _ := l.numbers(a)
	keys := Of[int32](Bytes(l.room(a.Scratch).keys))[lo:hi]
	if !order.Of(l.Tier, l.keys, keys, inputs[int32](a, lo, hi)) {
		_, _, found := l.state(a)
		atomic.StoreInt64(found, 1)
	}
	for i, k := range keys {
		x[lo+i] = T(int64(k)<<32 | int64(lo+i))
	}
}

// sort puts the numbers in order, and reports whether there were elements that count as others.
func (l *longSort[T, B, K]) sort(a *Args) (found bool) {
	bounds, next, inexact := l.state(a)
	*inexact = 0
	level := 0
	if l.Indices {
		a.For(l.n, longBlock, l.make)
		bounds[0], bounds[1] = 0, l.n
	} else {
		*l.pivot(a) = order.Middle(l.Tier, l.keys, inputs[T](a, 0, l.n))
		a.For(l.n, l.piece, l.half)
		if a.Ended() { // not all have been counted
			return false
		}
		low := 0
		for i := range (l.n + l.piece - 1) / l.piece {
			next[i] = low
			low += bounds[i]
		}
		next[mostParts] = low
		a.For(l.n, l.piece, l.join)
		bounds[0], bounds[1], bounds[2], level = 0, low, l.n, 1
	}
	for ; level < l.levels; level++ {
		next[2<<level] = l.n
		a.For(1<<level, 1, l.part)
		copy(bounds, next[:2<<level+1])
	}
	a.For(1<<l.levels, 1, l.all)
	return *inexact != 0
}

// partAll parts the parts lo to hi.
func (l *longSort[T, B, K]) partAll(a *Args, _, lo, hi int) {
	x, room := l.numbers(a)
	bounds, next, _ := l.state(a)
	for i := lo; i < hi; i++ {
		from, to := bounds[i], bounds[i+1]
		next[2*i], next[2*i+1] = from, from+order.Part(l.Tier, x[from:to], room[from:to])
	}
}

// sortAll sorts the parts lo to hi.
func (l *longSort[T, B, K]) sortAll(a *Args, _, lo, hi int) {
	x, room := l.numbers(a)
	bounds, _, _ := l.state(a)
	for i := lo; i < hi; i++ {
		from, to := bounds[i], bounds[i+1]
		if l.Indices {
			order.Sort(l.Tier, x[from:to], room[from:to], a)
		} else {
			order.SortKeys(l.Tier, l.keys, x[from:to], room[from:to], a)
		}
	}
}

// values sorts elements without their places.
func (l *longSort[T, B, K]) values(a *Args) {
	found := l.sort(a)
	switch {
	case a.Ended() || !found:
	case l.Total: // NaNs, which may have lost a bit
		w := l.room(a.Scratch)
		l.lane(a, &w, 0, 0)
	default:
		l.restore(Of[B](a.Out[0]), Of[B](a.In[0]))
	}
}

// places sorts elements with their places.
func (l *longSort[T, B, K]) places(a *Args) {
	found := l.sort(a)
	if a.Ended() {
		return
	}
	a.For(l.n, longBlock, l.pair)
	if found {
		l.writeElements(a, Of[B](a.In[0]), 0, 0, Of[int32](a.Out[1]))
	}
}

// writePairs writes places, and the elements that keys stand for.
func (l *longSort[T, B, K]) writePairs(a *Args, _, lo, hi int) {
	x, _ := l.numbers(a)
	keys, at := Of[int32](Bytes(l.room(a.Scratch).keys))[lo:hi], Of[int32](a.Out[1])[lo:hi]
	for i, pair := range x[lo:hi] {
		keys[i], at[i] = int32(pair>>31>>1), int32(pair)
	}
	order.Values(l.Tier, l.keys, Of[int32](a.Out[0])[lo:hi], keys)
}
