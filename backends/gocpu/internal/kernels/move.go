package kernels

import (
	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/move"
)

// Move is a copy of elements from places with one set of strides to places with another: what transposing,
// slicing, padding, broadcasting, reversing and concatenating have in common.
type Move struct {
	Dims     []int
	Src, Dst []int // strides in elements; 0 repeats, negative ones go backwards
	From, To int   // the first element's places
	Operand  int   // which operand is copied
}

// mover is a Move with its axes joined where both sides go on alike. It falls into units of work.
type mover[T move.Element] struct {
	dims, src, dst []int // outermost first; at least one axis
	from, to       int
	operand        int
	n              int // all elements

	// A transposition: elements lie side by side along the last axis in the result, along axis tile in the source.
	tile          int   // or -1
	blocks, parts int   // of a unit's last axis and axis tile, how many there are
	around        []int // the other axes
	tier          cpu.Tier
}

func newMover[T move.Element](m Move) *mover[T] {
	v := &mover[T]{from: m.From, to: m.To, operand: m.Operand, tile: -1, n: 1, tier: cpu.Use()}
	for i, d := range m.Dims {
		v.n *= d
		if d == 1 {
			continue
		}
		if k := len(v.dims) - 1; k >= 0 && v.src[k] == d*m.Src[i] && v.dst[k] == d*m.Dst[i] {
			v.dims[k], v.src[k], v.dst[k] = v.dims[k]*d, m.Src[i], m.Dst[i]
			continue
		}
		v.dims, v.src, v.dst = append(v.dims, d), append(v.src, m.Src[i]), append(v.dst, m.Dst[i])
	}
	if len(v.dims) == 0 {
		v.dims, v.src, v.dst = []int{1}, []int{1}, []int{1}
	}
	last := len(v.dims) - 1
	for i := range last {
		if v.src[last] > 1 && v.src[i] == 1 && v.dst[last] == 1 && v.dims[i] >= 4 && v.dims[last] >= 4 {
			v.tile = i
		}
	}
	if v.tile >= 0 {
		v.blocks, v.parts = (v.dims[last]+unitRows-1)/unitRows, (v.dims[v.tile]+unitColumns-1)/unitColumns
		for i := range last {
			if i != v.tile {
				v.around = append(v.around, i)
			}
		}
	}
	return v
}

// A unit of a transposition has so many rows and columns of the source.
const (
	unitRows    = 128
	unitColumns = 512
)

// units returns into how many units of work the copy falls, and how many elements a unit has: a row of the last axis, or
// blocks of matrices that are transposed; of a single row an element.
func (v *mover[T]) units() (n, size int) {
	last := len(v.dims) - 1
	if last == 0 {
		return v.n, 1
	}
	n = 1
	for i, d := range v.dims[:last] {
		if i != v.tile {
			n *= d
		}
	}
	if v.tile >= 0 {
		n *= v.blocks * v.parts
	}
	return n, max(1, v.n/max(n, 1))
}

// move copies the units lo to hi. It leaves off when the call has ended.
func (v *mover[T]) move(a *Args, src, dst []T, lo, hi int) {
	if v.tile >= 0 {
		for u := lo; u < hi; u++ {
			v.transpose(src, dst, u)
		}
		return
	}
	last := len(v.dims) - 1
	n, ss, ds := v.dims[last], v.src[last], v.dst[last]
	if last == 0 { // cut anywhere
		moveRow(src, dst, v.from+lo*ss, v.to+lo*ds, hi-lo, ss, ds)
		return
	}
	d, fs, ts := v.dims[last-1], v.src[last-1], v.dst[last-1]
	for lo < hi { // rows that follow one another along the axis before the last
		from, to, rest := v.from, v.to, lo
		for i := last - 1; i >= 0; i-- {
			from, to = from+rest%v.dims[i]*v.src[i], to+rest%v.dims[i]*v.dst[i]
			rest /= v.dims[i]
		}
		rows := min(hi-lo, d-lo%d)
		for range rows {
			for at := 0; at < n && (at == 0 || !a.Ended()); at += often {
				moveRow(src, dst, from+at*ss, to+at*ds, min(often, n-at), ss, ds)
			}
			from, to = from+fs, to+ts
		}
		lo += rows
	}
}

// transpose copies unit u of a transposition.
func (v *mover[T]) transpose(src, dst []T, u int) {
	last := len(v.dims) - 1
	row, column, rest := u/v.parts%v.blocks*unitRows, u%v.parts*unitColumns, u/v.parts/v.blocks
	from, to := v.from+row*v.src[last]+column, v.to+row+column*v.dst[v.tile]
	for k := len(v.around) - 1; k >= 0; k-- {
		i := v.around[k]
		from, to = from+rest%v.dims[i]*v.src[i], to+rest%v.dims[i]*v.dst[i]
		rest /= v.dims[i]
	}
	rows, columns := min(unitRows, v.dims[last]-row), min(unitColumns, v.dims[v.tile]-column)
	move.Transpose(v.tier, dst[to:], src[from:], rows, columns, v.dst[v.tile], v.src[last])
}

// amongLeast is how long rows are that zeros are written between, in elements: shorter ones are faster to clear all at once.
const amongLeast = 64

// ascends reports whether units are rows that are written one after the other, so that zeros can be written between them.
func (v *mover[T]) ascends() bool {
	last := len(v.dims) - 1
	if v.tile >= 0 || last == 0 || v.dst[last] != 1 || v.dims[last] < amongLeast {
		return false
	}
	for i := range last {
		if v.dst[i] < v.dims[i+1]*v.dst[i+1] {
			return false
		}
	}
	return true
}

// row returns where unit u, a row, begins in the source and in the result.
func (v *mover[T]) row(u int) (from, to int) {
	from, to = v.from, v.to
	for i := len(v.dims) - 2; i >= 0; i-- {
		from, to = from+u%v.dims[i]*v.src[i], to+u%v.dims[i]*v.dst[i]
		u /= v.dims[i]
	}
	return from, to
}

// moveAmong copies the rows lo to hi of n, and writes zeros from each to the next, and before the first and after the last of all:
// the result is written once, from one end to the other.
func (v *mover[T]) moveAmong(src, dst []T, lo, hi, n int) {
	last := len(v.dims) - 1
	size := v.dims[last]
	from, to := v.row(lo)
	if lo == 0 {
		clear(dst[:to])
	}
	for u := lo; u < hi; u++ {
		moveRow(src, dst, from, to, size, v.src[last], 1)
		end, next := to+size, len(dst)
		if u+1 < n {
			from, to = v.row(u + 1)
			next = to
		}
		clear(dst[end:next])
	}
}

func moveRow[T any](src, dst []T, from, to, n, ss, ds int) {
	switch {
	case ss == 1 && ds == 1:
		copy(dst[to:to+n], src[from:from+n])
	case ss == 0 && ds == 1:
		fill(dst[to:to+n], src[from])
	case ds == 1:
		z := dst[to : to+n]
		for i := range z {
			z[i] = src[from]
			from += ss
		}
	default:
		for range n {
			dst[to] = src[from]
			from, to = from+ss, to+ds
		}
	}
}

// Moves returns the kernel that makes the result by copies; with zero, places that no copy writes are zero.
// size is that of an element in bytes.
func Moves(size int, zero bool, moves ...Move) Func {
	switch size {
	case 1:
		return movesOf[uint8](zero, moves)
	case 2:
		return movesOf[uint16](zero, moves)
	case 4:
		return movesOf[uint32](zero, moves)
	case 8:
		return movesOf[uint64](zero, moves)
	}
	return movesOf[complex128](zero, moves)
}

func movesOf[T move.Element](zero bool, moves []Move) Func {
	var parts []func(a *Args)
	for _, m := range moves {
		v := newMover[T](m)
		if v.n == 0 {
			continue
		}
		n, size := v.units()
		body := func(a *Args, _, lo, hi int) {
			v.move(a, Of[T](a.In[v.operand])[a.From:], Of[T](a.Out[0])[a.To:], lo, hi)
		}
		grain := max(1, 1<<14/size)
		if zero && len(moves) == 1 && v.ascends() {
			among := func(a *Args, _, lo, hi int) { v.moveAmong(Of[T](a.In[v.operand]), Of[T](a.Out[0]), lo, hi, n) }
			return func(a *Args) { a.For(n, grain, among) }
		}
		parts = append(parts, func(a *Args) { a.For(n, grain, body) })
	}
	if len(parts) == 1 && !zero {
		return parts[0]
	}
	return func(a *Args) {
		if zero {
			a.For(len(a.Out[0]), copyGrain, clearBytes)
		}
		for _, p := range parts {
			p(a)
		}
	}
}

func clearBytes(a *Args, _, lo, hi int) { clear(a.Out[0][lo:hi]) }

// Repeat fills the result with the operand, one element of the given size.
func Repeat(size int) Func {
	body := func(a *Args, _, lo, hi int) {
		z := a.Out[0][lo:hi]
		copy(z, a.In[0][:size])
		repeat(z, size)
	}
	return func(a *Args) { a.For(len(a.Out[0]), copyGrain, body) }
}
