package gemm

import (
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
)

// Run is a part of the sum: the offsets of its elements, in bytes, from From up to but without To, a step apart.
type Run struct{ From, To int }

// tile computes a tile of C, of as many rows as its name says:
//
//	c[r, j] = Σ a[rows[r] + o] · b[i, j]    (added to c if add is not 0)
//
// The sum goes over the offsets o of count runs, step bytes apart, and the rows i of b, stepB bytes apart. Rows of c are stride
// bytes apart. cols is how many columns are written; b is read for whole vectors.
type tile func(a unsafe.Pointer, rows *int, runs *Run, count, step int, b unsafe.Pointer, stepB int, c unsafe.Pointer, stride, cols, add int)

// tileAhead is a tile of two vectors that also asks for other memory: for each offset o, the line at ahead + [Kernels].aheadScale·o.
type tileAhead func(a unsafe.Pointer, rows *int, runs *Run, count, step int, b unsafe.Pointer, stepB int, c unsafe.Pointer, stride, cols, add int, ahead unsafe.Pointer)

// copyRows copies cols elements, at most [Kernels].Cols, from each offset of runs in src to rows of dst that are stepDst bytes apart.
type copyRows func(dst unsafe.Pointer, stepDst int, src unsafe.Pointer, runs *Run, count, step, cols int)

// transpose copies elements that lie side by side in rows of src to columns of dst, whose rows are stepDst bytes apart. There are
// as many rows as a vector has lanes, and blocks times as many elements in each.
type transpose func(dst unsafe.Pointer, stepDst int, src unsafe.Pointer, rows *int, blocks int)

// dots multiplies [DotRows] rows of w by a vector of n elements:
//
//	out[r] = Σ w[rows[r] + i] · x[i]    (added to out if add is not 0)
//
// Elements of rows lie side by side, as those of x and out do.
type dots func(w unsafe.Pointer, rows *int, x unsafe.Pointer, n int, out unsafe.Pointer, add int)

// combine adds up rows of w of n elements, each times an element of x; there are a kernel for one row and one for [CombineRows].
//
//	out[i] = Σ x[r] · w[rows[r] + i]    (added to out if add is not 0)
//
// Elements of rows lie side by side, as those of x and out do.
type combine func(w unsafe.Pointer, rows *int, x unsafe.Pointer, n int, out unsafe.Pointer, add int)

// lanes computes sums whose terms are products of vectors, lane by lane:
//
//	y[p·stepY] = Σ_t x[p·stepX + taps[t]] · w[t·stepW]    (added to y if add is not 0)
//
// for the positions p from 0; y, x and w are vectors of cols lanes at these places in bytes. count is how many taps there are.
type lanes func(y unsafe.Pointer, stepY int, x unsafe.Pointer, stepX int, taps *int, count int, w unsafe.Pointer, stepW, positions, cols, add int)

// DotRows is how many rows [Kernels.Dots] takes.
const DotRows = 8

// CombineRows is how many rows [Kernels.Combine] takes at once.
const CombineRows = 8

// Kernels are the tiles and copies for one type on one tier.
type Kernels struct {
	Rows int // of the largest tile
	Cols int // of a panel of B

	lanes, size int         // elements of a vector, bytes of an element
	tiles       [2][]tile   // of one and two vectors, by rows
	ahead       []tileAhead // of two vectors, from aheadRows rows on, if there are any
	aheadRows   int
	aheadScale  int
	copyRows    copyRows
	transpose   transpose  // nil if there is none
	dots        dots       // nil if there is none
	byLane      lanes      // nil if there is none
	combine     [2]combine // of one row and of CombineRows, nil if there are none
}

// Float32 returns the kernels for float32.
func Float32(t cpu.Tier) *Kernels {
	if k := native(t, 4); k != nil {
		return k
	}
	return &portableFloat32
}

// Float64 returns the kernels for float64.
func Float64(t cpu.Tier) *Kernels {
	if k := native(t, 8); k != nil {
		return k
	}
	return &portableFloat64
}

// A is a block of the left matrix: the element of row r and offset o lies Places[r] + o bytes after Base.
type A struct {
	Base   unsafe.Pointer
	Places []int
	Runs   []Run // at least one, none of them empty
	Step   int   // between offsets of a run
}

// B is a block of the right matrix: panels of [Kernels].Cols columns.
type B struct {
	Base   unsafe.Pointer
	Step   int // bytes between rows of a panel
	Stride int // bytes between panels
}

// Multiply sets the block of C at c, whose rows are stride bytes apart, to the product of a and the first cols columns of b, or
// adds it to C. The last panel of b is read as a whole.
func (k *Kernels) Multiply(a *A, b *B, c unsafe.Pointer, stride, cols int, add bool) {
	plus := 0
	if add {
		plus = 1
	}
	rows := len(a.Places)
	tiles := k.Tiles(rows)
	asks := k.asks(a, b)
	for j := 0; j < cols; j += k.Cols {
		n := min(k.Cols, cols-j)
		panel := unsafe.Add(b.Base, j/k.Cols*b.Stride)
		next := 0 // the panel after the last one is the first, for other rows
		if j+k.Cols < cols {
			next = j/k.Cols + 1
		}
		kernels := k.tiles[(n-1)/k.lanes]
		for i := range tiles {
			r0, r1 := Part(rows, tiles, i)
			if asks && r1-r0 >= k.aheadRows && n > k.lanes {
				part := next*b.Stride + i*b.Stride/tiles - a.Runs[0].From*k.aheadScale
				k.ahead[r1-r0-k.aheadRows](a.Base, &a.Places[r0], &a.Runs[0], 1, a.Step, panel, b.Step, unsafe.Add(c, r0*stride+j*k.size), stride, n, plus, unsafe.Add(b.Base, part))
				continue
			}
			kernels[r1-r0](a.Base, &a.Places[r0], &a.Runs[0], len(a.Runs), a.Step, panel, b.Step, unsafe.Add(c, r0*stride+j*k.size), stride, n, plus)
		}
	}
}

// asks reports whether tiles are to ask for the next panel of B, each for a part of it: whether panels are packed, and rows of A are
// read in one go and so that the parts have no holes. A panel that comes from the third cache when its first tile needs it takes
// twice as long as that tile.
func (k *Kernels) asks(a *A, b *B) bool {
	return k.ahead != nil && b.Step == k.Cols*k.size && b.Stride > b.Step && len(a.Runs) == 1 && a.Step*k.aheadScale <= 64
}

// CopyRows packs rows of B, or of A transposed: cols elements that lie side by side, from each offset of runs in src.
func (k *Kernels) CopyRows(dst unsafe.Pointer, stepDst int, src unsafe.Pointer, runs []Run, step, cols int) {
	if len(runs) > 0 {
		k.copyRows(dst, stepDst, src, &runs[0], len(runs), step, cols)
	}
}

// Transpose packs columns of B that lie side by side: n elements from each of rows in src. rows are as many as a vector
// has lanes: see [Kernels.Lanes].
func (k *Kernels) Transpose(dst unsafe.Pointer, stepDst int, src unsafe.Pointer, rows []int, n int) {
	done := 0
	if blocks := n / k.lanes; k.transpose != nil && blocks > 0 {
		k.transpose(dst, stepDst, src, &rows[0], blocks)
		done = blocks * k.lanes
	}
	if k.size == 4 {
		transposeRest[uint32](dst, stepDst, src, rows, done, n)
	} else {
		transposeRest[uint64](dst, stepDst, src, rows, done, n)
	}
}

// Dots sets out to the products of [DotRows] rows at places of w with x, n elements side by side, or adds them to it.
func (k *Kernels) Dots(w unsafe.Pointer, places []int, x unsafe.Pointer, n int, out unsafe.Pointer, add bool) {
	plus := 0
	if add {
		plus = 1
	}
	k.dots(w, &places[0], x, n, out, plus)
}

// Combine sets n elements of out to the sum of the rows of w at places, each times an element of x, or adds it to them.
func (k *Kernels) Combine(w unsafe.Pointer, places []int, x unsafe.Pointer, n int, out unsafe.Pointer, add bool) {
	plus := 0
	if add {
		plus = 1
	}
	for i := 0; i < len(places); plus = 1 {
		rows, f := 1, k.combine[0]
		if len(places)-i >= CombineRows {
			rows, f = CombineRows, k.combine[1]
		}
		f(w, &places[i], unsafe.Add(x, i*k.size), n, out, plus)
		i += rows
	}
}

// ByLane sets vectors of cols lanes, at most [Kernels.Lanes], to sums over taps of products lane by lane, or adds them. Steps and taps
// are in bytes:
//
//	y[p·stepY] = Σ_t x[p·stepX + taps[t]] · w[t·stepW]
func (k *Kernels) ByLane(y unsafe.Pointer, stepY int, x unsafe.Pointer, stepX int, taps []int, w unsafe.Pointer, stepW, positions, cols int, add bool) {
	plus := 0
	if add {
		plus = 1
	}
	k.byLane(y, stepY, x, stepX, &taps[0], len(taps), w, stepW, positions, cols, plus)
}

// HasDots reports whether there is a [Kernels.Dots].
func (k *Kernels) HasDots() bool { return k.dots != nil }

// HasCombine reports whether there is a [Kernels.Combine].
func (k *Kernels) HasCombine() bool { return k.combine[0] != nil }

// HasLanes reports whether there is a [Kernels.ByLane].
func (k *Kernels) HasLanes() bool { return k.byLane != nil }

// Lanes returns how many elements a vector has.
func (k *Kernels) Lanes() int { return k.lanes }

// Tiles returns how many tiles so many rows are divided into.
func (k *Kernels) Tiles(rows int) int { return (rows + k.Rows - 1) / k.Rows }

// Part returns the rows of tile i: all tiles have about the same number.
func Part(rows, tiles, i int) (from, to int) { return i * rows / tiles, (i + 1) * rows / tiles }

// PanelA returns how wide panels of A are, if it is packed column by column.
func (k *Kernels) PanelA() int { return (k.Rows + 7) &^ 7 }
