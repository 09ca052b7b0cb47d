package generate

import (
	"fmt"
	"math/bits"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
	"github.com/quire-ml/quire/internal/golden"
)

// neon is arm64's set of instructions, with 32 registers of 16 bytes. Its kernels have the shape of those of AVX2: what is a vector
// there is a pair of registers here.
var neon = machine{name: "neon", bytes: 32, rows: 6, vector: 16}

// TestNEONIsCurrent keeps the committed files to the generator.
func TestNEONIsCurrent(t *testing.T) {
	f := asm.NewFile("gemm", "arm64", command)
	for _, e := range neon.elements() {
		for vectors := 1; vectors <= 2; vectors++ {
			for rows := 1; rows <= neon.rows; rows++ {
				neonTile(f, e, rows, vectors)
			}
		}
		neonCopyRows(f, e)
		neonDots(f, e)
		neonLanes(f, e)
	}
	neonTranspose(f)
	neonNarrow(f)
	golden.Check(t, "../neon_arm64.s", f.Assembly())
	golden.Check(t, "../neon_arm64.go", f.Declarations())
	golden.Check(t, "../tables_arm64.go", tables(t, neon))
}

// arm writes the code of one function for arm64.
type arm struct {
	*asm.Func
	e element
}

// shape is the arrangement of a register.
func (w arm) shape() string { return map[int]string{4: "S4", 8: "D2"}[w.e.size] }

// one is the instruction that moves an element.
func (w arm) one() string { return map[int]string{4: "FMOVS", 8: "FMOVD"}[w.e.size] }

func (w arm) zero(registers ...int) {
	for _, r := range registers {
		w.Op("VEOR V%[1]d.B16, V%[1]d.B16, V%[1]d.B16", r)
	}
}

// fma adds the products of x and y to sum.
func (w arm) fma(x, y, sum int) {
	w.Op("VFMLA V%[1]d.%[4]s, V%[2]d.%[4]s, V%[3]d.%[4]s", x, y, sum, w.shape())
}

// widths are the bytes of the pieces that some columns, fewer than two vectors have, are made of; a bit of their number says whether
// a piece is there.
func (w arm) widths() []int {
	if w.e.size == 4 {
		return []int{32, 16, 8, 4}
	}
	return []int{32, 16, 8}
}

// skip jumps to label if cols has no piece of width bytes.
func (w arm) skip(width int, cols, label string) {
	w.Op("TBZ $%d, %s, %s", bits.Len(uint(width/w.e.size))-1, cols, label)
}

// load loads width bytes at a register to the vector register v, 32 to it and the next one. What is not loaded is 0.
func (w arm) load(width int, at string, v int) {
	switch width {
	case 32:
		w.Op("FLDPQ (%s), (F%d, F%d)", at, v, v+1)
	case 16:
		w.Op("FMOVQ (%s), F%d", at, v)
	case 8:
		w.Op("FMOVD (%s), F%d", at, v)
	case 4:
		w.Op("FMOVS (%s), F%d", at, v)
	}
}

// store is the reverse of load.
func (w arm) store(width int, v int, at string) {
	switch width {
	case 32:
		w.Op("FSTPQ (F%d, F%d), (%s)", v, v+1, at)
	case 16:
		w.Op("FMOVQ F%d, (%s)", v, at)
	case 8:
		w.Op("FMOVD F%d, (%s)", v, at)
	case 4:
		w.Op("FMOVS F%d, (%s)", v, at)
	}
}

// add adds what load loads to y to what it loads to x.
func (w arm) add(width, y, x int) {
	for i := range (width + 15) / 16 {
		w.Vector("FADD", w.shape(), y+i, x+i, x+i)
	}
}

// Registers of a tile: R0 to R5 point to the rows of A.
const (
	armAlong  = "R6" // the offset along the rows of A
	armEnd    = "R7" // of the run
	armStep   = "R8"
	armStepB  = "R9"
	armPanel  = "R10" // the row of B that is next
	armRuns   = "R11"
	armCount  = "R12"
	armC      = "R13"
	armStride = "R14"
	armCols   = "R15"
	armAdd    = "R19"
)

// neonTile writes the kernel of a tile of C: rows by pairs of registers.
func neonTile(f *asm.File, e element, rows, vectors int) {
	fn := f.Func(tileName(neon, e, rows, vectors), "is a tile: see there.", tileArgs...)
	w := arm{fn, e}
	w.Frame(rows * vectors * neon.bytes)
	w.Load("rows", "R20")
	w.Load("a", "R21")
	for r := range rows {
		w.Op("MOVD %d(R20), R%d", 8*r, r)
		w.Op("ADD R21, R%d", r)
	}
	for _, a := range []struct{ name, register string }{{"runs", armRuns}, {"count", armCount}, {"step", armStep}, {"b", armPanel}, {"stepB", armStepB}, {"c", armC}, {"stride", armStride}, {"cols", armCols}, {"add", armAdd}} {
		w.Load(a.name, a.register)
	}
	w.Op("MOVD %s, R20", armC)
	for range rows { // of C, which is written when the sums are done
		w.Op("PRFM (R20), PLDL1KEEP")
		w.Op("ADD %s, R20", armStride)
	}
	sums := 2 * rows * vectors
	for i := range sums {
		w.zero(i)
	}
	w.Label("run")
	w.Op("LDP (%s), (%s, %s)", armRuns, armAlong, armEnd)
	w.Op("ADD $16, %s", armRuns)
	w.Label("next")
	const b, a = 24, 28 // registers for a row of B, and for elements of A
	for v := range vectors {
		w.Op("FLDPQ %d(%s), (F%d, F%d)", 32*v, armPanel, b+2*v, b+2*v+1)
	}
	for r := range rows {
		w.Op("%s (R%d)(%s), F%d", w.one(), r, armAlong, a+r%4)
		for v := range 2 * vectors {
			w.MulAddFirst(w.shape(), a+r%4, b+v, 2*r*vectors+v)
		}
	}
	w.Op("ADD %s, %s", armStepB, armPanel)
	w.Op("ADD %s, %s", armStep, armAlong)
	w.Op("CMP %s, %s", armEnd, armAlong)
	w.Op("BNE next")
	w.Op("SUBS $1, %s", armCount)
	w.Op("BNE run")
	w.finish(rows, vectors)
}

// tileArgs are the arguments of a tile.
var tileArgs = []asm.Arg{
	{Name: "a", Type: "unsafe.Pointer"}, {Name: "rows", Type: "*int"}, {Name: "runs", Type: "*Run"}, {Name: "count", Type: "int"},
	{Name: "step", Type: "int"}, {Name: "b", Type: "unsafe.Pointer"}, {Name: "stepB", Type: "int"}, {Name: "c", Type: "unsafe.Pointer"},
	{Name: "stride", Type: "int"}, {Name: "cols", Type: "int"}, {Name: "add", Type: "int"},
}

// finish writes the sums to C, or adds them to it.
func (w arm) finish(rows, vectors int) {
	w.Op("CMP $%d, %s", vectors*neon.bytes/w.e.size, armCols)
	w.Op("BNE part")
	w.Op("CBZ %s, store", armAdd)
	w.Op("MOVD %s, R20", armC)
	for r := range rows {
		for v := range vectors {
			w.Op("FLDPQ %d(R20), (F30, F31)", 32*v)
			w.add(32, 30, 2*(r*vectors+v))
		}
		w.Op("ADD %s, R20", armStride)
	}
	w.Label("store")
	for r := range rows {
		for v := range vectors {
			i := 2 * (r*vectors + v)
			w.Op("FSTPQ (F%d, F%d), %d(%s)", i, i+1, 32*v, armC)
		}
		w.Op("ADD %s, %s", armStride, armC)
	}
	w.Op("RET")
	w.Comment("columns that do not fill the registers: by way of memory, piece by piece")
	w.Label("part")
	w.Op("ADD $8, RSP, R20")
	for i := 0; i < 2*rows*vectors; i += 2 {
		w.Op("FSTPQ (F%d, F%d), %d(R20)", i, i+1, 16*i)
	}
	w.Op("MOVD $%d, R21", rows)
	w.Op("CBNZ %s, addrow", armAdd)
	w.partRows("row", vectors, false)
	w.partRows("addrow", vectors, true)
}

// partRows writes the loop over R21 rows of sums at R20, which are stored to C or added to it, and the return.
func (w arm) partRows(label string, vectors int, add bool) {
	w.Label(label)
	w.Op("MOVD R20, R22")
	w.Op("MOVD %s, R23", armC)
	for _, width := range w.widths() {
		next := fmt.Sprint(label, width)
		w.skip(width, armCols, next)
		w.load(width, "R22", 0)
		if add {
			w.load(width, "R23", 2)
			w.add(width, 2, 0)
		}
		w.store(width, 0, "R23")
		w.Op("ADD $%d, R22", width)
		w.Op("ADD $%d, R23", width)
		w.Label(next)
	}
	w.Op("ADD $%d, R20", vectors*neon.bytes)
	w.Op("ADD %s, %s", armStride, armC)
	w.Op("SUBS $1, R21")
	w.Op("BNE %s", label)
	w.Op("RET")
}
