package generate

import (
	"fmt"

	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
)

// neonCopyRows writes the function that packs rows whose elements lie side by side.
func neonCopyRows(f *asm.File, e element) {
	fn := f.Func(copyName(neon, e), "is a copyRows: see there.",
		asm.Arg{Name: "dst", Type: "unsafe.Pointer"}, asm.Arg{Name: "stepDst", Type: "int"}, asm.Arg{Name: "src", Type: "unsafe.Pointer"},
		asm.Arg{Name: "runs", Type: "*Run"}, asm.Arg{Name: "count", Type: "int"}, asm.Arg{Name: "step", Type: "int"}, asm.Arg{Name: "cols", Type: "int"})
	w := arm{fn, e}
	for i, a := range []string{"dst", "stepDst", "src", "runs", "count", "step", "cols"} {
		w.Load(a, fmt.Sprintf("R%d", i))
	}
	w.Op("CMP $%d, R6", 2*neon.bytes/e.size)
	w.Op("BEQ full")
	w.copyLoop("part", func() {
		w.Op("MOVD R7, R9")
		w.Op("MOVD R0, R10")
		for _, width := range w.widths() {
			next := fmt.Sprint("part", width)
			w.skip(width, "R6", next)
			w.load(width, "R9", 0)
			w.store(width, 0, "R10")
			w.Op("ADD $%d, R9", width)
			w.Op("ADD $%d, R10", width)
			w.Label(next)
		}
	})
	w.copyLoop("full", func() {
		w.Op("VLD1 (R7), [V0.S4, V1.S4, V2.S4, V3.S4]")
		w.Op("VST1 [V0.S4, V1.S4, V2.S4, V3.S4], (R0)")
	})
}

// copyLoop writes the loops over runs and their elements, from R7 to R0, and the return.
func (w arm) copyLoop(label string, row func()) {
	w.Label(label)
	w.Op("LDP (R3), (R7, R8)")
	w.Op("ADD $16, R3")
	w.Op("ADD R2, R7")
	w.Op("ADD R2, R8")
	w.Label(label + "next")
	row()
	w.Op("ADD R5, R7")
	w.Op("ADD R1, R0")
	w.Op("CMP R8, R7")
	w.Op("BNE %snext", label)
	w.Op("SUBS $1, R4")
	w.Op("BNE %s", label)
	w.Op("RET")
}

// neonTranspose writes the function that packs eight rows, of 4-byte elements that lie side by side, to columns.
func neonTranspose(f *asm.File) {
	fn := f.Func("neonTranspose", "is a transpose: see there.",
		asm.Arg{Name: "dst", Type: "unsafe.Pointer"}, asm.Arg{Name: "stepDst", Type: "int"}, asm.Arg{Name: "src", Type: "unsafe.Pointer"},
		asm.Arg{Name: "rows", Type: "*int"}, asm.Arg{Name: "blocks", Type: "int"})
	w := arm{fn, elements[0]}
	for i, a := range []string{"dst", "stepDst", "src", "rows", "blocks"} {
		w.Load(a, fmt.Sprintf("R%d", i))
	}
	const first = 5 // R5 to R12 point to the rows
	for r := range 8 {
		w.Op("MOVD %d(R3), R%d", 8*r, first+r)
		w.Op("ADD R2, R%d", first+r)
	}
	w.Label("next")
	for r := range 8 {
		w.Op("VLD1.P 32(R%d), [V%d.S4, V%d.S4]", first+r, 2*r, 2*r+1)
	}
	for half := range 2 { // four columns, of rows 0 to 3 and 4 to 7
		var columns [2][4]int
		for part := range columns {
			var rows [4]int
			for r := range rows {
				rows[r] = 2*(4*part+r) + half
			}
			columns[part] = w.transposed(rows, 16+8*part)
		}
		for i := range 4 {
			w.Op("FMOVQ F%d, (R0)", columns[0][i])
			w.Op("FMOVQ F%d, 16(R0)", columns[1][i])
			w.Op("ADD R1, R0")
		}
	}
	w.Op("SUBS $1, R4")
	w.Op("BNE next")
	w.Op("RET")
}

// transposed transposes four registers of four elements, by pairs, with eight more from free on, and returns where the columns are.
func (w arm) transposed(rows [4]int, free int) (columns [4]int) {
	for i := range 2 { // elements of rows 2i and 2i+1 in turn: even columns, odd columns
		for odd := range 2 {
			w.Op("VTRN%d V%d.S4, V%d.S4, V%d.S4", 1+odd, rows[2*i+1], rows[2*i], free+2*i+odd)
		}
	}
	for i := range 4 {
		columns[i] = free + 4 + i
		w.Op("VTRN%d V%d.D2, V%d.D2, V%d.D2", 1+i/2, free+2+i%2, free+i%2, columns[i])
	}
	return columns
}
