package kernels

// Move is a copy of elements from places with one set of strides to places with another: what transposing,
// slicing, padding, broadcasting, reversing and concatenating have in common.
type Move struct {
	Dims     []int
	Src, Dst []int // strides in elements; 0 repeats, negative ones go backwards
	From, To int   // the first element's places
	Operand  int   // which operand is copied
}

// mover is a Move with its axes joined where both sides go on alike.
type mover[T any] struct {
	dims, src, dst []int // outermost first; at least one axis
	from, to       int
	operand        int
	tile           int // the axis whose elements lie side by side in the source, if the last one's do not; or -1
	n              int // all elements
}

func newMover[T any](m Move) *mover[T] {
	v := &mover[T]{from: m.From, to: m.To, operand: m.Operand, tile: -1, n: 1}
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
	return v
}

// tileSide is how many elements a tile of a transposition has along each of its two axes. Lines that are a power
// of two apart fall into one set of the first-level cache, which takes 8 to 12 of them (BenchmarkElementwise:
// 32 takes 2.6 times as long).
const tileSide = 8

// units returns into how many pieces of work the copy falls, and how many elements a piece has.
func (v *mover[T]) units() (n, size int) {
	last := len(v.dims) - 1
	n = 1
	for i, d := range v.dims[:last] {
		if i == v.tile {
			d = (d + tileSide - 1) / tileSide
		}
		n *= d
	}
	return n, max(1, v.n/max(n, 1))
}

// move copies the pieces lo to hi.
func (v *mover[T]) move(src, dst []T, lo, hi int) {
	last := len(v.dims) - 1
	for u := lo; u < hi; u++ {
		from, to, rest, first := v.from, v.to, u, 0
		for i := last - 1; i >= 0; i-- {
			d := v.dims[i]
			if i == v.tile {
				d = (d + tileSide - 1) / tileSide
				first = rest % d * tileSide
				from, to = from+first, to+first*v.dst[i]
			} else {
				from, to = from+rest%d*v.src[i], to+rest%d*v.dst[i]
			}
			rest /= d
		}
		if v.tile >= 0 {
			v.transpose(src[from:], dst[to:], min(tileSide, v.dims[v.tile]-first))
			continue
		}
		moveRow(src, dst, from, to, v.dims[last], v.src[last], v.dst[last])
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

// transpose copies a strip of rows of the tile axis, tile by tile along the last one.
func (v *mover[T]) transpose(src, dst []T, rows int) {
	last := len(v.dims) - 1
	n, ss, ds := v.dims[last], v.src[last], v.dst[v.tile]
	for c0 := 0; c0 < n; c0 += tileSide {
		c1 := min(c0+tileSide, n)
		for r := range rows {
			z := dst[r*ds+c0 : r*ds+c1]
			o := c0*ss + r
			for i := range z {
				z[i] = src[o]
				o += ss
			}
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

func movesOf[T any](zero bool, moves []Move) Func {
	var parts []func(a *Args)
	for _, m := range moves {
		v := newMover[T](m)
		if v.n == 0 {
			continue
		}
		n, size := v.units()
		body := func(a *Args, _, lo, hi int) { v.move(Of[T](a.In[v.operand])[a.From:], Of[T](a.Out[0])[a.To:], lo, hi) }
		if n == 1 && v.src[0] == 1 && v.dst[0] == 1 { // one run: cut anywhere
			body = func(a *Args, _, lo, hi int) {
				copy(Of[T](a.Out[0])[a.To+v.to+lo:a.To+v.to+hi], Of[T](a.In[v.operand])[a.From+v.from+lo:])
			}
			n, size = v.n, 1
		}
		grain := max(1, 1<<14/size)
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
	return func(a *Args) {
		if z := a.Out[0]; len(z) > 0 {
			copy(z, a.In[0][:size])
			repeat(z, size)
		}
	}
}
