package gemm

import (
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
)

// Products of tiles, which processors with AMX multiply in one instruction: 16 rows of 64 bytes of A by 16 rows of 64 bytes of B. An
// element of B is a unit of 4 bytes, 2 elements of 16 bits or 4 of 8 that follow each other along the sum, as in the other kernels
// for narrow elements; A is read in pieces of 64 bytes along the sum, 16 units.

const (
	tileRows  = 16
	tileBytes = 64

	// MatrixRows is how many rows a block of C has that fills all tiles, and MatrixCols how many columns a panel of B has.
	MatrixRows, MatrixCols = 2 * tileRows, 2 * tileBytes / 4
	// MatrixPiece is how many bytes of a row of A are multiplied at once.
	MatrixPiece = tileBytes
	// MatrixUnits is how many units these are: rows of a panel of B.
	MatrixUnits = MatrixPiece / 4
)

// tileShape says how many rows and bytes a row each tile has, as the processor reads it.
type tileShape struct {
	palette byte
	_       [15]byte // of which the first is where a load that was interrupted goes on
	bytes   [16]uint16
	rows    [16]byte
}

// setShape makes s the shape of blocks of so many rows and columns: tiles 0 to 3 are of C, 4 and 5 of A, and 6 and 7 of B.
func (s *tileShape) set(rows, cols int) {
	*s = tileShape{palette: 1}
	for r := range 2 {
		height := byte(min(max(rows-r*tileRows, 0), tileRows))
		s.rows[4+r], s.bytes[4+r] = height, tileBytes
		for c := range 2 {
			width := uint16(4 * min(max(cols-c*tileRows, 0), tileRows))
			s.rows[2*r+c], s.bytes[2*r+c] = height, width
			s.rows[6+c], s.bytes[6+c] = tileRows, width
		}
	}
	for t := range 8 { // a tile has both or neither
		if s.rows[t] == 0 || s.bytes[t] == 0 {
			s.rows[t], s.bytes[t] = 0, 0
		}
	}
}

// blocks computes count blocks of C, which lie below each other: of 16 or 32 rows, as its name says, or of fewer if shape says so.
//
//	c[r, j] = Σ_s Σ_u a[r, offsets[s] + u] · b[16·s + u, j]    (added to c if add is not 0)
//
// The sum goes over the pieces s of 16 units u, whose products are sums of those of their elements. Rows of a are stepA bytes apart,
// those of c stride bytes, those of b as many as two tiles have. If tail is not nil, its rows of 64 bytes, as many as c has, are
// one piece more. Memory from ahead on is asked for on the way, for the second cache: for each piece of each block a part.
type blocks func(shape *tileShape, a unsafe.Pointer, stepA int, offsets *int, steps int, tail, b, c unsafe.Pointer, stride, count, add int, ahead unsafe.Pointer)

// panel joins elements of 2 or 4 rows of src, stride bytes apart, that stand above each other to units: count rows of a panel, of whose
// columns the first cols are read and the others set to 0.
type panel func(dst, src unsafe.Pointer, stride, count, cols int)

// Matrix are the kernels for one type of elements.
type Matrix struct {
	Elements int          // of a unit
	blocks   [2][2]blocks // by tiles of A and of B
	panel    panel
}

// Rows are rows of A.
type Rows struct {
	Base    unsafe.Pointer
	Step    int            // bytes between rows
	Offsets []int          // of the pieces, in bytes
	Tail    unsafe.Pointer // one more piece of each row, side by side; may be nil
}

// Multiply sets the block of C at c, whose rows are stride bytes apart, to the product of rows of a and the first cols columns of the
// panel b, at most [MatrixCols], or adds it to C. The panel has [MatrixUnits] rows for each piece. next is the panel that is wanted after
// it, which is asked for meanwhile.
func (m *Matrix) Multiply(a *Rows, b, next, c unsafe.Pointer, stride, rows, cols int, add bool) {
	var offsets *int
	if len(a.Offsets) > 0 {
		offsets = &a.Offsets[0]
	}
	plus := 0
	if add {
		plus = 1
	}
	var shape tileShape
	right := (cols - 1) / tileRows
	row := 0
	if count := rows / MatrixRows; count > 0 {
		shape.set(MatrixRows, cols)
		m.blocks[1][right](&shape, a.Base, a.Step, offsets, len(a.Offsets), a.Tail, b, c, stride, count, plus, next)
		row = count * MatrixRows
	}
	if row == rows {
		return
	}
	tail := a.Tail
	if tail != nil {
		tail = unsafe.Add(tail, row*tileBytes)
	}
	shape.set(rows-row, cols)
	m.blocks[(rows-row-1)/tileRows][right](&shape, unsafe.Add(a.Base, row*a.Step), a.Step, offsets, len(a.Offsets), tail, b, unsafe.Add(c, row*stride), stride, 1, plus, next)
}

// Panel writes count rows of a panel of B at dst: units of elements of src, whose rows are stride bytes apart. cols columns are read,
// and the others set to 0.
func (m *Matrix) Panel(dst, src unsafe.Pointer, stride, count, cols int) {
	if count > 0 {
		m.panel(dst, src, stride, count, cols)
	}
}

// Matrices are the kernels of a machine that multiplies tiles.
type Matrices struct{ BFloat16, Int8, Uint8 Matrix }

// MatricesOf returns the kernels that multiply tiles; nil if the machine has none, or the operating system, which is asked here, does not
// lend them. On a tier below AVX-512, which no machine with tiles has, they are the plain ones: tests ask for them.
func MatricesOf(t cpu.Tier, has cpu.Features) *Matrices {
	switch {
	case !has.AMX:
		return nil
	case t != cpu.AVX512:
		return portableMatrices()
	case cpu.AskForTiles():
		return nativeMatrices()
	}
	return nil
}
