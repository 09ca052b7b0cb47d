package order

import (
	"math"
	"math/bits"
	"slices"
	"sync"
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
)

// Number is what is sorted.
type Number interface{ int32 | int64 }

// kernels are the steps of a tier.
type kernels[T Number] struct {
	lanes    int
	networks []network // of as many numbers as lanes, of twice as many, and so on
	part     func(low, high, x unsafe.Pointer, steps int, at *[3]int)
	keys     func(z, x unsafe.Pointer, steps int, f *form)
	values   func(z, x unsafe.Pointer, steps int, f *form)
	below    func(x unsafe.Pointer, steps int, f *form)
}

// network writes up to so many numbers to z in order.
type network struct {
	size int
	sort func(z, x unsafe.Pointer, n int)
}

// samples is how many numbers a pivot is chosen of, at most.
const samples = 128

// maxSteps bounds how long a call into assembly takes, in which a goroutine cannot be stopped: some 20 µs.
const maxSteps = 1 << 12

// kernelsOf returns the kernels of a tier.
func kernelsOf[T Number](t cpu.Tier) *kernels[T] {
	var zero T
	if _, single := any(zero).(int32); single {
		if k := any(native32(t)).(*kernels[T]); k != nil {
			return k
		}
	} else if k := any(native64(t)).(*kernels[T]); k != nil {
		return k
	}
	return plainKernels[T]()
}

// Native reports whether a tier has kernels of its own, without which a sort by digits is faster.
func Native(t cpu.Tier) bool { return native32(t) != nil }

// plainKernels returns the kernels in plain Go, which say what those of the other tiers do.
func plainKernels[T Number]() *kernels[T] {
	k := &kernels[T]{lanes: plainLanes, part: plainPart[T], keys: plainKeys[T], values: plainValues[T], below: plainBelow[T]}
	for _, size := range []int{plainLanes, 2 * plainLanes, 4 * plainLanes} {
		k.networks = append(k.networks, network{size, plainNetwork[T]})
	}
	return k
}

func plainNetwork[T Number](z, x unsafe.Pointer, n int) {
	to := unsafe.Slice((*T)(z), n)
	copy(to, unsafe.Slice((*T)(x), n))
	slices.Sort(to)
}

// plainLanes is how many elements a step has in plain Go.
const plainLanes = 4

// plainPart writes numbers of x below at[2] to low from number at[0] on, the others to high, which may be x, from number at[1]
// on.
func plainPart[T Number](low, high, x unsafe.Pointer, steps int, at *[3]int) {
	for _, v := range unsafe.Slice((*T)(x), plainLanes*steps) {
		put(low, high, v, at)
	}
}

// put parts one number. It is written to both places, one of which counts: a branch would be mistaken half of the time.
func put[T Number](low, high unsafe.Pointer, v T, at *[3]int) {
	size, below := int(unsafe.Sizeof(v)), 0
	if v < T(at[2]) {
		below = 1
	}
	*(*T)(unsafe.Add(low, at[0]*size)) = v
	*(*T)(unsafe.Add(high, at[1]*size)) = v
	at[0] += below
	at[1] += 1 - below
}

// Run is what a sort is a part of. It may end early, its results undefined.
type Run interface{ Ended() bool }

// Sort puts x in order, with room for as many numbers. It gives up, with x in any order, and returns false if the run has ended.
func Sort[T Number](t cpu.Tier, x, room []T, run Run) bool {
	s := begin(t, nil, run, x, room[:len(x)])
	defer s.end()
	return s.sort(0, 0, 0, len(x), depthOf(len(x)))
}

// depthOf is how deep a sort of n numbers may get before its pivots are taken to be bad.
func depthOf(n int) int { return 2 * bits.Len(uint(n)) }

// Part moves numbers of x that are below one of them before the others, with room for as many, and returns how many these are: about
// half.
func Part[T Number](t cpu.Tier, x, room []T) int {
	if len(x) < 2 {
		return 0
	}
	s := begin[T](t, nil, nil, nil, nil)
	defer s.end()
	low := s.part(room[:len(x)], x, s.pivot(x))
	copy(x[low:], x[:len(x)-low])
	copy(x, room[:low])
	return low
}

// SortKeys is [Sort] of keys, in whose places it leaves the elements that they stand for.
func SortKeys[T Number](t cpu.Tier, k Keys, x, room []T, run Run) bool {
	s := begin(t, &k.form, run, x, room[:len(x)])
	defer s.end()
	return s.sort(0, 0, 0, len(x), depthOf(len(x)))
}

// SortElements writes elements x, as integers of their bits, to z by the order of their keys, with room for as many. exact tells
// that z has the very elements of x: if it is false, there are some that count as others do, and z has these. Keys are made as
// elements are parted for the first time, and elements of keys where these come into order, so that memory is passed over less
// often. It gives up and returns ok as false if the run has ended.
func SortElements[T Number](t cpu.Tier, k Keys, z, x, room []T, run Run) (exact, ok bool) {
	n := len(x)
	s := begin(t, &k.form, run, z[:n], room[:n])
	defer s.end()
	depth := depthOf(n)
	if n > keyBlock {
		low := s.partElements(x)
		ok = s.sort(1, 0, low, n-low, depth) && s.sort(0, 0, 0, low, depth)
	} else {
		s.keys(z, x)
		ok = s.sort(0, 0, 0, n, depth)
	}
	k.form = s.form
	return k.exact(), ok
}

// keyBlock is how many elements are made keys at a time.
const keyBlock = 1 << 10

// partElements parts the keys of elements by a pivot of its choice, and returns how many go to the first buffer; the others go to
// the second one.
func (s *sorter[T]) partElements(x []T) int { return s.partKeys(x, s.middleKey(x)) }

// middleKey returns the key in the middle of those of some elements of x.
func (s *sorter[T]) middleKey(x []T) T {
	n := min(samples, s.most(), len(x))
	some, step := s.block[:n], len(x)/n
	for i := range some {
		some[i] = x[i*step+step/2]
	}
	s.keys(some, some)
	return s.middle(some)
}

// partKeys is partElements by a pivot that is given.
func (s *sorter[T]) partKeys(x []T, pivot T) int {
	s.at = [3]int{0, 0, int(pivot)}
	for done := 0; done < len(x); done += keyBlock {
		block := s.block[:min(keyBlock, len(x)-done)]
		s.keys(block, x[done:])
		s.partTo(s.buffers[0], s.buffers[1], block)
	}
	return s.at[0]
}

// Middle returns a key that about half of those of elements x are below; x has some.
func Middle[T Number](t cpu.Tier, k Keys, x []T) T {
	s := begin[T](t, &k.form, nil, nil, nil)
	defer s.end()
	return s.middleKey(x)
}

// PartElements writes the keys of elements x that are below pivot to low and the others to high, each with room for all, and
// returns how many the lower ones are. exact is as [Of] says.
func PartElements[T Number](t cpu.Tier, k Keys, pivot T, low, high, x []T) (n int, exact bool) {
	s := begin(t, &k.form, nil, low[:len(x)], high[:len(x)])
	defer s.end()
	n = s.partKeys(x, pivot)
	k.form = s.form
	return n, k.exact()
}

// keys writes the keys of as many elements of x.
func (s *sorter[T]) keys(z, x []T) {
	keysOf(s.k, &s.form, z, x[:len(z)])
}

// most is how many numbers the largest network takes.
func (s *sorter[T]) most() int { return s.k.networks[len(s.k.networks)-1].size }

// placed is told of numbers that are where they belong.
func (s *sorter[T]) placed(z []T) {
	if s.elements {
		valuesOf(s.k, &s.form, z, z)
	}
}

// sorter is a sort under way. What assembly gets a pointer to lies in it, so that it is allocated once.
type sorter[T Number] struct {
	k        *kernels[T]
	run      Run
	elements bool // keys become elements again, by form
	form     form
	buffers  [2][]T // in the first one numbers come into order
	at       [3]int // see kernels.part
	some     [samples]T
	block    [keyBlock]T
}

// Sorters between sorts.
var sorters32, sorters64 sync.Pool

// sortersOf returns the pool of sorters of a type.
func sortersOf[T Number]() *sync.Pool {
	var zero T
	if unsafe.Sizeof(zero) == 4 {
		return &sorters32
	}
	return &sorters64
}

func begin[T Number](t cpu.Tier, f *form, run Run, z, room []T) *sorter[T] {
	s, _ := sortersOf[T]().Get().(*sorter[T])
	if s == nil {
		s = new(sorter[T])
	}
	s.k, s.run, s.elements, s.buffers = kernelsOf[T](t), run, f != nil, [2][]T{z, room}
	if f != nil {
		s.form = *f
	}
	return s
}

func (s *sorter[T]) end() {
	s.run, s.buffers = nil, [2][]T{}
	sortersOf[T]().Put(s)
}

// far is how many numbers are sorted between two looks at whether to end.
const far = 1 << 16

// sort puts n numbers in order, which lie in a buffer from number at on, and have their places in order from number place on,
// which is not below at. What is deeper than depth levels of parting, since pivots were bad, is left to a sort whose time is bounded.
//
// The lower numbers of a part go to the other buffer, where their places in order are; the upper ones move together where they
// are. The upper ones are put in order first. Then the places that they had are free, in both buffers, and so on downwards: where
// the first buffer is filled from its end, nothing else lies.
func (s *sorter[T]) sort(buffer, at, place, n, depth int) bool {
	for n > 0 {
		x, z, other := s.buffers[buffer][at:at+n], s.buffers[0][place:place+n], s.buffers[1-buffer][place:place+n]
		if n <= s.most() {
			s.network(z, x)
			s.placed(z)
			return true
		}
		if depth == 0 {
			slices.Sort(x)
			copy(z, x)
			s.placed(z)
			return true
		}
		if n > far && s.run.Ended() {
			return false
		}
		depth--
		pivot := s.pivot(x)
		low := s.part(other, x, pivot)
		if low == 0 { // the pivot is the least: all like it are in order
			if low = n; pivot != greatest[T]() {
				low = s.part(other, x, pivot+1)
			}
			if !s.sort(buffer, at, place+low, n-low, depth) {
				return false
			}
			fillWith(z[:low], pivot)
			s.placed(z[:low])
			return true
		}
		if !s.sort(buffer, at, place+low, n-low, depth) {
			return false
		}
		buffer, at, n = 1-buffer, place, low
	}
	return true
}

func fillWith[T any](z []T, x T) {
	for i := range z {
		z[i] = x
	}
}

// greatest is the greatest number.
func greatest[T Number]() T {
	var x T
	if unsafe.Sizeof(x) == 4 {
		x = math.MaxInt32
		return x
	}
	bits := int64(math.MaxInt64)
	return T(bits)
}

// network writes x, of at most as many numbers as the largest network takes, to z in order; z may be x.
func (s *sorter[T]) network(z, x []T) {
	if n := len(x); n > 0 {
		s.k.networks[bits.Len(uint((n-1)/s.k.lanes))].sort(unsafe.Pointer(&z[0]), unsafe.Pointer(&x[0]), n)
	}
}

// pivot returns the middle of some numbers of x, more of them the longer it is.
func (s *sorter[T]) pivot(x []T) T {
	net := s.k.networks[0]
	for _, other := range s.k.networks[1:] {
		if other.size <= samples && len(x) >= 2*other.size*other.size {
			net = other
		}
	}
	some, step := s.some[:min(net.size, len(x))], max(1, len(x)/net.size)
	for i := range some {
		some[i] = x[i*step+step/2]
	}
	return s.middle(some)
}

// middle puts some in order, as many as a network takes, and returns the one in the middle.
func (s *sorter[T]) middle(some []T) T {
	s.network(some, some)
	return some[len(some)/2]
}

// part writes the numbers of x below pivot to low, moves the others together at the beginning of x, and returns how many the lower
// ones are.
func (s *sorter[T]) part(low, x []T, pivot T) int {
	s.at = [3]int{0, 0, int(pivot)}
	s.partTo(low, x, x)
	return s.at[0]
}

// partTo is part of some more numbers to two places; s.at is where the next ones go, and the pivot.
func (s *sorter[T]) partTo(low, high, x []T) {
	k, l, h := s.k, unsafe.Pointer(&low[0]), unsafe.Pointer(&high[0])
	steps := len(x) / k.lanes
	for done := 0; done < steps; done += maxSteps {
		k.part(l, h, unsafe.Pointer(&x[done*k.lanes]), min(maxSteps, steps-done), &s.at)
	}
	for _, v := range x[steps*k.lanes:] {
		put(l, h, v, &s.at)
	}
}
