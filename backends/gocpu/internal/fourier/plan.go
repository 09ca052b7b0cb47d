package fourier

import (
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
)

// Plan is the transform of one length. It is not changed by use.
type Plan[F Float] struct {
	k     *kernels[F]
	n     int
	scale [2]F        // what results are multiplied by: of a transform, and of the inverse
	whole *vectors[F] // of short lengths
	long  *long[F]    // of those that are a product of two short lengths
}

// NewPlan returns the plan of length n, at least 1; nil if it has other prime factors than 2, 3 and 5, or is too long. Once
// ended reports true the plan is good for nothing.
func NewPlan[F Float](t cpu.Tier, n int, ended func() bool) *Plan[F] {
	k := kernelsOf[F](t)
	p := &Plan[F]{k: k, n: n, scale: [2]F{1, 1 / F(n)}, whole: newVectors(k, n), long: newLong(k, n, ended)}
	if p.whole == nil && p.long == nil {
		return nil
	}
	return p
}

// Bytes is how much memory the plan takes, about.
func (p *Plan[F]) Bytes() int {
	n := 1024
	if p.whole != nil {
		n += 4 * p.k.size() * p.n
	}
	if p.long != nil {
		n += p.k.size() * (len(p.long.roots) + len(p.long.turns) + 4*p.long.columns.n + 4*p.long.rows.n)
	}
	return n
}

// Lanes is how many transforms are computed at once.
func (p *Plan[F]) Lanes() int { return p.k.lanes }

// Short reports whether there are [Plan.Columns] and [Plan.Rows].
func (p *Plan[F]) Short() bool { return p.whole != nil }

// Long reports whether there are [Plan.First] and [Plan.Second].
func (p *Plan[F]) Long() bool { return p.long != nil }

// Scratch is the bytes of memory for one worker that short transforms need.
func (p *Plan[F]) Scratch() int { return 2 * p.k.up(p.n) * p.k.element() }

// by returns what results are multiplied by.
func (p *Plan[F]) by(inverse bool) *F {
	if inverse {
		return &p.scale[1]
	}
	return &p.scale[0]
}

// halves returns the two parts of memory.
func (p *Plan[F]) halves(memory []byte) (x, y unsafe.Pointer) {
	return unsafe.Pointer(&memory[0]), unsafe.Pointer(&memory[len(memory)/2&^63])
}

// Columns transforms count columns, at most [Plan.Lanes], of a matrix whose rows are step bytes apart, from x to z, which may be
// the same.
func (p *Plan[F]) Columns(z, x unsafe.Pointer, count, step int, inverse bool, memory []byte) {
	a, b := p.halves(memory)
	p.whole.read(a, x, count, step, inverse)
	a, _ = p.whole.run(a, b)
	p.whole.write(z, a, count, step, inverse, p.by(inverse))
}

// Rows transforms count rows, at most [Plan.Lanes], of a matrix whose rows are xstep bytes apart into one whose rows are zstep
// bytes apart. It may be the same.
func (p *Plan[F]) Rows(z, x unsafe.Pointer, count, zstep, xstep int, inverse bool, memory []byte) {
	a, b := p.halves(memory)
	p.whole.readRows(a, x, b, count, xstep, inverse)
	a, b = p.whole.run(a, b)
	p.whole.writeRows(z, a, b, count, zstep, inverse, p.by(inverse))
}

// long is a transform of length a·b of one row x, seen as a matrix of a rows and b columns:
//
//	y[k₁ + a·k₂] = Σ_j₂ exp(-2πi·j₂·k₂/b) · exp(-2πi·j₂·k₁/n) · Σ_j₁ x[j₁·b + j₂]·exp(-2πi·j₁·k₁/a)
//
// The inner sum is a transform of columns, whose results go to memory with rows and columns exchanged, so that the outer one is
// a transform of columns too. Its input is in blocks, each of which has all the elements of as many columns as there are lanes.
type long[F Float] struct {
	columns, rows *vectors[F] // of lengths a and b
	roots         []F         // element k₁ has exp(-2πi·l·k₁/n) for lane l
	turns         []F         // of each group of columns, for each k₁, exp(-2πi·j₂·k₁/n) of its first column
}

func newLong[F Float](k *kernels[F], n int, ended func() bool) *long[F] {
	a := side(n, k.lanes)
	if a == 0 {
		return nil
	}
	l := &long[F]{columns: newVectors(k, a), rows: newVectors(k, n/a)}
	if l.columns == nil || l.rows == nil {
		return nil
	}
	for k1 := range k.up(a) {
		re, im := make([]F, k.lanes), make([]F, k.lanes)
		for lane := range k.lanes {
			w := RootOfOne(lane*k1%n, n)
			re[lane], im[lane] = F(real(w)), F(imag(w))
		}
		l.roots = append(append(l.roots, re...), im...)
	}
	for first := 0; first < n/a && !ended(); first += k.lanes {
		for k1 := range k.up(a) {
			w := RootOfOne(first*k1%n, n)
			l.turns = append(l.turns, F(real(w)), F(imag(w)))
		}
	}
	return l
}

// side returns the factor of n with which its two sides waste the fewest lanes and are nearest to each other; 0 if there is none
// that makes both sides short, or n is so short that it is not worth it.
func side(n, lanes int) (best int) {
	if n < lanes*lanes/2 {
		return 0
	}
	up := func(n int) int { return (n + lanes - 1) / lanes * lanes }
	least := 0
	for a := 2; a <= min(n/2, maxShort); a++ {
		if n%a != 0 || n/a > maxShort {
			continue
		}
		b := n / a
		if cost := 64*up(a)*up(b)/n + max(a, b)/min(a, b); best == 0 || cost < least {
			best, least = a, cost
		}
	}
	return best
}

// Pieces is in how many pieces the two halves of a long transform may be done, in any order within a half.
func (p *Plan[F]) Pieces() (first, second int) {
	k := p.k
	return k.up(p.long.rows.n) / k.lanes, k.up(p.long.columns.n) / k.lanes
}

// Between is the bytes of memory between the halves of a long transform.
func (p *Plan[F]) Between() int {
	_, blocks := p.Pieces()
	return blocks * p.block()
}

// block is the bytes from a block of elements between the halves to the next one. There is room for a piece between them: blocks
// a power of two apart would share few places of the cache.
func (p *Plan[F]) block() int { return (p.k.up(p.long.rows.n) + p.k.lanes) * p.k.element() }

// LongScratch is the bytes of memory for one worker that a long transform needs.
func (p *Plan[F]) LongScratch() int {
	return 2 * p.k.up(max(p.long.columns.n, p.long.rows.n)) * p.k.element()
}

// First does a piece of the first half of the long transform of the row at x.
func (p *Plan[F]) First(between []byte, x unsafe.Pointer, piece int, inverse bool, memory []byte) {
	k, l := p.k, p.long
	a, b := p.halves(memory)
	from, rows := piece*k.lanes, k.up(l.columns.n)
	l.columns.read(a, unsafe.Add(x, from*2*k.size()), min(k.lanes, l.rows.n-from), l.rows.n*2*k.size(), inverse)
	a, _ = l.columns.run(a, b)
	k.twist(unsafe.Pointer(&between[from*k.element()]), a, unsafe.Pointer(&l.roots[0]), unsafe.Pointer(&l.turns[piece*rows*2]), rows/k.lanes, p.block())
}

// Second does a piece of the second half, whose result is the row at z.
func (p *Plan[F]) Second(z unsafe.Pointer, between []byte, piece int, inverse bool, memory []byte) {
	k, l := p.k, p.long
	a, _ := p.halves(memory)
	from := piece * k.lanes
	x, _ := l.rows.run(unsafe.Pointer(&between[piece*p.block()]), a)
	l.rows.write(unsafe.Add(z, from*2*k.size()), x, min(k.lanes, l.columns.n-from), l.columns.n*2*k.size(), inverse, p.by(inverse))
}
