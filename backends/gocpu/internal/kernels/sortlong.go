package kernels

import (
	"sync/atomic"

	"github.com/quire-ml/quire/backends/gocpu/internal/order"
)

// One long lane is sorted by all workers: it is parted in two, these parts again, and so on, until there are enough parts to sort
// them apart. Numbers that are sorted are all different, or the same bits, so that results do not depend on the parts.

const (
	longLane   = 1 << 17 // elements from which on a lane is worth it
	partsEach  = 4       // parts for each worker, so that they balance
	mostParts  = 256
	longBlock  = 1 << 15                   // elements of a chunk of what is done one by one
	longMemory = 8 * (2*(mostParts+1) + 1) // for the bounds of parts, before and after they are parted, and a flag
)

// longSort sorts a lane of n elements, as numbers T.
type longSort[T order.Number, B Unsigned, K key] struct {
	*sorter[B, K]
	keys                  order.Keys
	n, levels             int
	make, part, all, pair Body
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
	l := &longSort[T, B, K]{sorter: p, keys: p.keysFor(), n: n}
	for 1<<l.levels < min(partsEach*workers, mostParts) && n>>l.levels > longLane/4 {
		l.levels++
	}
	l.make, l.part, l.all, l.pair = l.makeKeys, l.partAll, l.sortAll, l.writePairs
	if p.Indices {
		l.make = l.makePairs
	}
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

// inputs returns elements lo to hi as integers.
func inputs[E order.Number](a *Args, lo, hi int) []E { return Of[E](a.In[0])[lo:hi] }

// makeKeys writes keys of elements.
func (l *longSort[T, B, K]) makeKeys(a *Args, _, lo, hi int) {
	x, _ := l.numbers(a)
	if !order.Of(l.Tier, l.keys, x[lo:hi], inputs[T](a, lo, hi)) {
		_, _, found := l.state(a)
		atomic.StoreInt64(found, 1)
	}
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
	a.For(l.n, longBlock, l.make)
	bounds[0], bounds[1] = 0, l.n
	for level := range l.levels {
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
