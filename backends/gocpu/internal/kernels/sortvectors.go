package kernels

import (
	"math/bits"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/order"
)

// Sorts on vectors: of keys, which are integers with a sign there; of keys of 32 bits with their places, which together are
// integers of 64 bits; and of wider keys with their places, by their upper bits first.

// onVectors sorts a lane of elements that are as wide as keys, without places. It reports false if it has to be done otherwise.
func (p *sorter[B, K]) onVectors(a *Args, w *room[B, K], x []B, from, to int) bool {
	if sizeOf[K]() == 4 {
		return sortElements[int32](p, a, w, x, from, to)
	}
	return sortElements[int64](p, a, w, x, from, to)
}

// keysFor returns the keys that package order makes.
func (s *Sorting) keysFor() order.Keys {
	if s.Keys.infinity != 0 {
		return order.FloatKeys(8*s.Keys.size, s.Keys.infinity, s.Total, s.Descending)
	}
	return order.IntKeys(8*s.Keys.size, s.Keys.signed, s.Descending)
}

// skip returns how many elements, from number at on of the lane that begins at from, are known to have no key below worst.
func (p *sorter[B, K]) skip(x []B, from, at int, worst K) int {
	if !p.from.contiguous() || sizeOf[B]() != sizeOf[K]() {
		return 0
	}
	lane := x[from+at : from+p.from.N]
	if sizeOf[K]() == 4 {
		return order.Skip(p.Tier, p.keysFor(), Of[int32](Bytes(lane)), int32(uint32(worst)^1<<31))
	}
	return order.Skip(p.Tier, p.keysFor(), Of[int64](Bytes(lane)), int64(uint64(worst)^top))
}

func sortElements[T order.Number, B Unsigned, K key](p *sorter[B, K], a *Args, w *room[B, K], x []B, from, to int) bool {
	n := p.from.N
	lane := Of[T](Bytes(w.keys))[:n]
	if p.from.contiguous() {
		lane = Of[T](Bytes(x[from:][:n]))
	} else {
		for i := range lane {
			lane[i] = T(x[from+p.from.at(i)])
		}
	}
	room := Of[T](Bytes(w.spare))[:n]
	sorted := Of[T](Bytes(w.list))[:n]
	direct := p.Take == n && p.to.contiguous()
	if direct {
		sorted = Of[T](Bytes(Of[B](a.Out[0])[to:][:n]))
	}
	k := p.keysFor()
	exact, ok := order.SortElements(p.Tier, k, sorted, lane, room, a)
	if !ok {
		return true
	}
	switch {
	case exact:
	case p.Total:
		return false // NaNs, which may have lost a bit
	default:
		p.restore(Of[B](Bytes(sorted)), Of[B](Bytes(lane)))
	}
	if direct {
		return true
	}
	z := Of[B](a.Out[0])
	for i := range p.Take {
		z[to+p.to.at(i)] = B(sorted[i])
	}
	return true
}

func (p *sorter[B, K]) isNaN(x B) bool {
	return x&^p.sign() > B(p.Keys.infinity)
}

func (p *sorter[B, K]) sign() B { return 1 << (8*p.Keys.size - 1) }

// restore writes the zeros and the NaNs of a lane, each kind in the order of the lane, to where sorted has zeros and NaNs.
func (p *sorter[B, K]) restore(sorted, lane []B) {
	zeros, nans := 0, 0
	for i, x := range sorted {
		if x == 0 {
			zeros = i
			break
		}
	}
	if !p.Descending {
		for nans = len(sorted); nans > 0 && p.isNaN(sorted[nans-1]); nans-- {
		}
	}
	for _, x := range lane {
		switch {
		case x&^p.sign() == 0:
			sorted[zeros] = x
			zeros++
		case p.isNaN(x):
			sorted[nans] = x
			nans++
		}
	}
}

const top = 1 << 63

// orderNarrow is sorter.order of keys of 32 bits.
func orderNarrow[K key](t cpu.Tier, keys []K, list, spare []uint64, run order.Run) []uint64 {
	for i, k := range keys {
		list[i] = (uint64(k)<<32 | uint64(i)) ^ top
	}
	if !order.Sort(t, Of[int64](Bytes(list)), Of[int64](Bytes(spare)), run) {
		return nil
	}
	for i := range list {
		list[i] ^= top
	}
	return list
}

// orderWide is sorter.order of keys of 64 bits. The upper bits of keys, with their places below, are sorted first; then, where
// these bits are equal, the others.
func orderWide[K key](t cpu.Tier, keys []K, list, spare []uint64, run order.Run) []uint64 {
	low := bits.Len(uint(len(keys) - 1)) // the bits of places
	mask := uint64(1)<<low - 1
	for i, k := range keys {
		list[i] = (uint64(k)&^mask | uint64(i)) ^ top
	}
	if !order.Sort(t, Of[int64](Bytes(list)), Of[int64](Bytes(spare)), run) {
		return nil
	}
	for from := 0; from < len(list); {
		to := from + 1
		for to < len(list) && (list[to]^list[from])&^mask == 0 {
			to++
		}
		if to > from+1 && !orderRest(t, keys, list[from:to], spare[from:to], low, run) {
			return nil
		}
		from = to
	}
	for i, e := range list {
		list[i] = e & mask
	}
	return list
}

// orderRest puts places of keys, whose upper bits are equal, in the order of the others.
func orderRest[K key](t cpu.Tier, keys []K, list, spare []uint64, low int, run order.Run) bool {
	mask := uint64(1)<<low - 1
	for i, e := range list {
		list[i] = (uint64(keys[e&mask])&mask)<<low | e&mask // places have at most 31 bits, so that there is room for both
	}
	return order.Sort(t, Of[int64](Bytes(list)), Of[int64](Bytes(spare)), run)
}
