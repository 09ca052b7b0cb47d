package kernels

import (
	"slices"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/order"
)

// Keys says how elements, seen as their bits, become unsigned numbers that order as the elements do. Its zero value is of
// a dtype without an order.
type Keys struct {
	size     int    // of an element in bytes
	signed   bool   // an integer with a sign
	infinity uint64 // of a float, its infinity's bits; otherwise 0
}

// IntKeys returns the keys of integers.
func IntKeys[T Integer]() Keys {
	zero := T(0)
	return Keys{size: sizeOf[T](), signed: zero-1 < zero}
}

// FloatKeys returns the keys of floats of size bytes with such an infinity.
func FloatKeys(size int, infinity uint64) Keys { return Keys{size: size, infinity: infinity} }

// Ordered reports whether there are keys.
func (k Keys) Ordered() bool { return k.size > 0 }

// Sorting says what a sort does.
type Sorting struct {
	Tier       cpu.Tier
	Keys       Keys
	Total      bool // floats by what their bits say; otherwise zeros are equal, and so are NaNs, which are the largest
	Descending bool
	Take       int  // how many elements are taken of each lane
	Indices    bool // the second result gets the elements' places, as int32
}

// Sort returns the kernel that puts the first elements of each lane in order into the first result, whose lanes are to, and
// its scratch memory. What is equal stays in order.
func Sort(s Sorting, l, to Lanes, workers int) (Func, int) {
	if s.Take == 0 {
		return Nothing, 0
	}
	switch s.Keys.size {
	case 1:
		return sortLanes[uint8, uint32](s, l, to, workers)
	case 2:
		return sortLanes[uint16, uint32](s, l, to, workers)
	case 4:
		return sortLanes[uint32, uint32](s, l, to, workers)
	}
	return sortLanes[uint64, uint64](s, l, to, workers)
}

func sortLanes[B Unsigned, K key](s Sorting, l, to Lanes, available int) (Func, int) {
	p, workers := newSorter[B, K](s, l, to), min(available, l.Kept.N)
	body := func(a *Args, worker, lo, hi int) {
		w := p.room(a.Scratch[worker*p.scratch:][:p.scratch])
		for i := lo; i < hi && !a.Ended(); i++ {
			p.lane(a, &w, l.Kept.at(i), to.Kept.at(i))
		}
	}
	if f := longOf(p, l, to, available); f != nil {
		return f, p.scratch + longMemory
	}
	grain := l.grain(10)
	return func(a *Args) { a.For(l.Kept.N, grain, body) }, workers * p.scratch
}

// key is a number to sort by.
type key interface{ uint32 | uint64 }

// sorter sorts lanes of elements with bits B by keys K.
type sorter[B Unsigned, K key] struct {
	Sorting
	from, to Axis
	flip     K   // all bits if large elements come first
	held     int // how many candidates a selection holds; 0 if lanes are sorted whole
	scratch  int // bytes for one worker
	vectors  bool
}

// A selection holds twice as many candidates as it is to find, and this many more. Where that is half of the lane, a sort
// of all is as good.
const selectMore = 256

func newSorter[B Unsigned, K key](s Sorting, l, to Lanes) *sorter[B, K] {
	p := &sorter[B, K]{Sorting: s, from: l.Along, to: to.Along, vectors: order.Native(s.Tier)}
	if s.Descending {
		p.flip = ^p.flip
	}
	n := l.Along.N
	if held := 2*s.Take + selectMore; held < n/2 {
		p.held = held
		p.scratch = held * (2*sizeOf[K]() + 2*4 + 2*8)
	} else {
		p.scratch = n * (sizeOf[K]() + 2*8)
	}
	p.scratch += sortBlock * (sizeOf[K]() + sizeOf[B]())
	p.scratch = (p.scratch + 63) &^ 63
	return p
}

// room is the memory that one worker sorts in.
type room[B Unsigned, K key] struct {
	list, spare []uint64
	keys, keys2 []K
	at, at2     []int32
	block       []K // keys of the elements that are looked at
	near        []B // elements that do not lie side by side, brought together
}

func (p *sorter[B, K]) room(b []byte) (w room[B, K]) {
	n := p.from.N
	if p.held > 0 {
		n = p.held
	}
	w.list, b = carve[uint64](b, n)
	w.spare, b = carve[uint64](b, n)
	w.block, b = carve[K](b, sortBlock)
	w.keys, b = carve[K](b, n)
	if p.held > 0 {
		w.keys2, b = carve[K](b, n)
		w.at, b = carve[int32](b, n)
		w.at2, b = carve[int32](b, n)
	}
	w.near, _ = carve[B](b, sortBlock)
	return w
}

// carve returns the first n elements of b, and the rest.
func carve[T any](b []byte, n int) ([]T, []byte) {
	return Of[T](b[:n*sizeOf[T]()]), b[n*sizeOf[T]():]
}

// lane sorts the lane that begins at from into the one that begins at to.
func (p *sorter[B, K]) lane(a *Args, w *room[B, K], from, to int) {
	x := Of[B](a.In[0])
	if p.held > 0 {
		if at := p.choose(a, w, x, from); at != nil {
			p.writeElements(a, x, from, to, at)
			p.writePlaces(a, to, at)
		}
		return
	}
	if p.vectors && !p.Indices && sizeOf[B]() == sizeOf[K]() && p.onVectors(a, w, x, from, to) {
		return
	}
	exact := true
	for at := 0; at < p.from.N; at += sortBlock {
		exact = keysOf(&p.Sorting, w.keys[at:], p.block(w, x, from, at), p.flip) && exact
	}
	if exact && !p.Indices {
		if keys := p.sortKeys(a, w.keys, Of[K](Bytes(w.list))[:len(w.keys)]); keys != nil {
			p.writeKeys(a, w, to, keys)
		}
		return
	}
	list := p.order(a, w.keys, w.list, w.spare)
	if list == nil {
		return
	}
	if exact = exact && sizeOf[K]() == 4; exact { // keys in order lie at hand, while elements are all over the lane
		for i, e := range list {
			w.keys[i] = K(e >> 32)
		}
		p.writeKeys(a, w, to, w.keys)
	}
	at := Of[int32](Bytes(list))[:len(list)]
	for i, e := range list {
		at[i] = int32(e)
	}
	if !exact {
		p.writeElements(a, x, from, to, at)
	}
	p.writePlaces(a, to, at)
}

// sortBlock is how many elements are made keys at a time.
const sortBlock = 256

// block returns the elements from number at on of the lane that begins at from, side by side.
func (p *sorter[B, K]) block(w *room[B, K], x []B, from, at int) []B {
	n := min(sortBlock, p.from.N-at)
	if p.from.contiguous() {
		return x[from+at:][:n]
	}
	for i := range w.near[:n] {
		w.near[i] = x[from+p.from.at(at+i)]
	}
	return w.near[:n]
}

// writeElements writes the elements of the lane that begins at from whose places in it are given.
func (p *sorter[B, K]) writeElements(a *Args, x []B, from, to int, at []int32) {
	z := Of[B](a.Out[0])
	if p.from.contiguous() && p.to.contiguous() {
		x, z := x[from:from+p.from.N], z[to:to+p.Take]
		for i := range z {
			z[i] = x[at[i]]
		}
		return
	}
	for i := range p.Take {
		z[to+p.to.at(i)] = x[from+p.from.at(int(at[i]))]
	}
}

// writePlaces writes places, if these are asked for.
func (p *sorter[B, K]) writePlaces(a *Args, to int, at []int32) {
	if !p.Indices {
		return
	}
	z := Of[int32](a.Out[1])
	if p.to.contiguous() {
		copy(z[to:to+p.Take], at)
		return
	}
	for i := range p.Take {
		z[to+p.to.at(i)] = at[i]
	}
}

// writeKeys writes the elements that keys stand for.
func (p *sorter[B, K]) writeKeys(a *Args, w *room[B, K], to int, keys []K) {
	z := Of[B](a.Out[0])
	if p.to.contiguous() {
		elementsOf(&p.Sorting, z[to:][:p.Take], keys, p.flip)
		return
	}
	for at := 0; at < p.Take; at += sortBlock {
		block := w.near[:min(sortBlock, p.Take-at)]
		elementsOf(&p.Sorting, block, keys[at:], p.flip)
		for i, b := range block {
			z[to+p.to.at(at+i)] = b
		}
	}
}

// choose returns the places of the first elements in order, of a lane that has many more; nil if the call has ended. It
// holds candidates, and drops the worse half when there is no room for another; from then on most elements are worse than
// all that is held, which one comparison tells.
func (p *sorter[B, K]) choose(a *Args, w *room[B, K], x []B, from int) []int32 {
	n := 0
	worst, full := K(0), false // of those held, once there are enough
	for at := 0; at < p.from.N; {
		if full && p.vectors {
			if at += p.skip(x, from, at, worst); a.Ended() {
				return nil
			}
		}
		block := p.block(w, x, from, at)
		if n+len(block) > p.held {
			if n = p.shrink(a, w, n); n == 0 {
				return nil
			}
			worst, full = w.keys[n-1], n == p.Take
		}
		keysOf(&p.Sorting, w.block, block, p.flip)
		for i, k := range w.block[:len(block)] {
			if !full || k < worst {
				w.keys[n], w.at[n] = k, int32(at+i)
				n++
			}
		}
		at += len(block)
	}
	if p.shrink(a, w, n) == 0 {
		return nil
	}
	return w.at[:p.Take]
}

// shrink puts the n candidates in order and returns how many of them are kept, none if the call has ended.
func (p *sorter[B, K]) shrink(a *Args, w *room[B, K], n int) int {
	list := p.order(a, w.keys[:n], w.list[:n], w.spare[:n])
	if list == nil {
		return 0
	}
	n = min(n, p.Take)
	for i, e := range list[:n] {
		w.keys2[i], w.at2[i] = w.keys[uint32(e)], w.at[uint32(e)]
	}
	w.keys, w.keys2, w.at, w.at2 = w.keys2, w.keys, w.at2, w.at
	return n
}

// keysOf writes the keys of elements, each with the bits of flip turned over. It reports whether all keys tell which
// element they stand for.
func keysOf[B Unsigned, K key](s *Sorting, keys []K, x []B, flip K) (exact bool) {
	top := 8*s.Keys.size - 1
	sign := B(1) << top
	keys = keys[:len(x)]
	if s.Keys.infinity == 0 {
		if !s.Keys.signed {
			sign = 0
		}
		for i, b := range x {
			keys[i] = K(b^sign) ^ flip
		}
		return true
	}
	infinity := B(s.Keys.infinity)
	quiet := infinity & -infinity >> 1 // the order is that of float64, to which a NaN is converted by setting this bit
	if s.Keys.size == 8 {
		quiet = 0
	}
	exact = true
	for i, b := range x {
		switch {
		case b&^sign > infinity:
			if exact, b = false, b|quiet; !s.Total {
				b = sign - 1
			}
		case b == sign && !s.Total:
			exact, b = false, 0
		}
		keys[i] = K(b^(-(b>>top)|sign)) ^ flip // negative ones downwards, below the others
	}
	return exact
}

// elementsOf writes the elements that keys stand for, as many as there is room for.
func elementsOf[B Unsigned, K key](s *Sorting, z []B, keys []K, flip K) {
	top := 8*s.Keys.size - 1
	sign := B(1) << top
	keys = keys[:len(z)]
	if s.Keys.infinity == 0 {
		if !s.Keys.signed {
			sign = 0
		}
		for i, k := range keys {
			z[i] = B(k^flip) ^ sign
		}
		return
	}
	for i, k := range keys {
		b := B(k ^ flip)
		z[i] = b ^ ((b >> top) - 1 | sign)
	}
}

// shortSort is the length up to which keys are sorted by comparing them.
const shortSort = 40

// order returns numbers whose lower halves are the places of keys in order, equal ones in the order of their places; with
// keys of 32 bits these are the upper halves. The result is list or spare, which are as long as keys, or nil if the call has
// ended on the way.
func (p *sorter[B, K]) order(a *Args, keys []K, list, spare []uint64) []uint64 {
	if len(keys) > shortSort && p.vectors {
		if sizeOf[K]() == 4 {
			return orderNarrow(p.Tier, keys, list, spare, a)
		}
		return orderWide(p.Tier, keys, list, spare, a)
	}
	return orderByDigits(keys, list, spare, a.Ended)
}

// orderByDigits is order in plain Go.
func orderByDigits[K key](keys []K, list, spare []uint64, ended func() bool) []uint64 {
	if len(keys) <= shortSort {
		for i, k := range keys {
			j := i
			for ; j > 0 && keys[uint32(list[j-1])] > k; j-- {
				list[j] = list[j-1]
			}
			list[j] = uint64(k)<<32 | uint64(i)
		}
		return list
	}
	for i, k := range keys {
		list[i] = uint64(k)<<32 | uint64(i)
	}
	sorted := radix(list, spare, 32, ended)
	if sizeOf[K]() == 4 || sorted == nil {
		return sorted
	}
	// By their lower halves they are in order: now by the upper ones.
	for i, e := range sorted {
		at := e & (1<<32 - 1)
		sorted[i] = uint64(keys[at])>>32<<32 | at
	}
	if &sorted[0] == &spare[0] {
		spare = list
	}
	return radix(sorted, spare, 32, ended)
}

// sortKeys returns the keys in order, in their memory or in spare's; nil if the call has ended on the way.
func (p *sorter[B, K]) sortKeys(a *Args, keys, spare []K) []K {
	if p.vectors && p.Keys.size < sizeOf[K]() { // they have all upper bits in common, so that they may be seen as signed
		if !order.Sort(p.Tier, Of[int32](Bytes(keys)), Of[int32](Bytes(spare)), a) {
			return nil
		}
		return keys
	}
	if len(keys) <= 2*shortSort {
		slices.Sort(keys)
		return keys
	}
	return radix(keys, spare, 0, a.Ended)
}

// Lists are sorted by digits of so many bits. With more bits there are fewer passes, which is worth their tables for long
// lists (BenchmarkSort: a quarter for a million).
const (
	shortDigit = 8
	longDigit  = 11
	longList   = 1 << 14
)

// dealt is how many elements are moved between two looks at whether to end.
const dealt = 1 << 16

// radix sorts list by the bits from number from on, digit by digit, and returns list or spare, where the result is. It
// gives up and returns nil if ended reports true.
func radix[K key](list, spare []K, from int, ended func() bool) []K {
	if len(list) >= longList {
		var counts [(64 + longDigit - 1) / longDigit << longDigit]uint32
		return radixBy(list, spare, from, longDigit, counts[:], ended)
	}
	var counts [64 / shortDigit << shortDigit]uint32
	return radixBy(list, spare, from, shortDigit, counts[:], ended)
}

// radixBy is radix with digits of so many bits; counts are zeros, for all digits.
func radixBy[K key](list, spare []K, from, bits int, counts []uint32, ended func() bool) []K {
	passes, width := (8*sizeOf[K]()-from+bits-1)/bits, 1<<bits
	for lo := 0; lo < len(list); lo += dealt {
		if ended() {
			return nil
		}
		for _, k := range list[lo:min(lo+dealt, len(list))] {
			k >>= from & 63
			for p := range passes {
				counts[p<<(bits&63)|int(k)&(width-1)]++
				k >>= bits & 63
			}
		}
	}
	for p := range passes {
		shift, next := from+p*bits, counts[p*width:(p+1)*width]
		if next[list[0]>>shift&K(width-1)] == uint32(len(list)) {
			continue // all have this digit in common
		}
		sum := uint32(0)
		for d, n := range next {
			next[d] = sum
			sum += n
		}
		for lo := 0; lo < len(list); lo += dealt {
			if ended() {
				return nil
			}
			deal(spare, list[lo:min(lo+dealt, len(list))], next, shift)
		}
		list, spare = spare, list
	}
	return list
}

// deal puts each element of part where next, one of each digit, says for its digit.
func deal[K key](to, part []K, next []uint32, shift int) {
	mask := K(len(next) - 1)
	for _, k := range part {
		at := &next[k>>(shift&63)&mask]
		to[*at] = k
		*at++
	}
}
