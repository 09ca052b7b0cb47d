package generate

import (
	"fmt"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
	"github.com/quire-ml/quire/internal/golden"
)

// TestNEONIsCurrent keeps the committed files to the generator.
func TestNEONIsCurrent(t *testing.T) {
	f := asm.NewFile("columns", "arm64", "go test ./backends/gocpu/internal/columns/generate -update")
	for _, e := range elements {
		neonAdder(f, e)
	}
	golden.Check(t, "../neon_arm64.s", f.Assembly())
	golden.Check(t, "../neon_arm64.go", f.Declarations())
}

// neonLanes is how many numbers of a row a step adds: four registers of float64.
const neonLanes = 8

// neonAdder writes the function for a type on arm64, as adder does: R0 is x, R1 rows, R2 the stride.
func neonAdder(f *asm.File, e element) {
	fn := f.Func("neon"+e.name, "is an adder: see there.", asm.Arg{Name: "acc", Type: "*float64"}, asm.Arg{Name: "x", Type: "unsafe.Pointer"},
		asm.Arg{Name: "n", Type: "int"}, asm.Arg{Name: "rows", Type: "int"}, asm.Arg{Name: "stride", Type: "int"})
	fn.Load("x", "R0")
	fn.Load("rows", "R1")
	fn.Load("stride", "R2")
	fn.Op("VEOR V31.B16, V31.B16, V31.B16")
	fn.Label("several")
	fn.Op("CMP $%d, R1", together)
	fn.Op("BLT one")
	neonPass(fn, e, "columns", together)
	fn.Op("ADD R2<<2, R0")
	fn.Op("SUB $%d, R1", together)
	fn.Op("JMP several")
	fn.Label("one")
	fn.Op("CBZ R1, done")
	neonPass(fn, e, "rest", 1)
	fn.Op("ADD R2, R0")
	fn.Op("SUB $1, R1")
	fn.Op("JMP one")
	fn.Label("done")
	fn.Op("RET")
}

// neonPass writes the loop over the columns of some rows, from R0 on.
func neonPass(fn *asm.Func, e element, label string, rows int) {
	fn.Load("acc", "R3")
	fn.Load("n", "R4")
	const first = 5 // R5 to R8 point to the rows
	for r := range rows {
		if r == 0 {
			fn.Op("MOVD R0, R%d", first)
		} else {
			fn.Op("ADD R2, R%d, R%d", first+r-1, first+r)
		}
	}
	fn.Label(label)
	for i := 0; i < 4; i += 2 {
		fn.Op("FLDPQ %d(R3), (F%d, F%d)", 16*i, i, i+1)
	}
	for r := range rows {
		at := fmt.Sprintf("R%d", first+r)
		switch e.name {
		case "Float32":
			fn.Op("FLDPQ.P 32(%s), (F4, F5)", at)
		case "Float16":
			fn.Op("FMOVQ.P 16(%s), F6", at)
			fn.Convert("FCVTL", "H4", "S4", 6, 4)
			fn.Convert("FCVTL2", "H8", "S4", 6, 5)
		case "BFloat16":
			fn.Op("FMOVQ.P 16(%s), F6", at)
			fn.Op("VZIP1 V6.H8, V31.H8, V4.H8") // zeros below them
			fn.Op("VZIP2 V6.H8, V31.H8, V5.H8")
		}
		for half := range 2 {
			fn.Convert("FCVTL", "S2", "D2", 4+half, 6)
			fn.Convert("FCVTL2", "S4", "D2", 4+half, 7)
			fn.Vector("FADD", "D2", 6, 2*half, 2*half)
			fn.Vector("FADD", "D2", 7, 2*half+1, 2*half+1)
		}
	}
	for i := 0; i < 4; i += 2 {
		fn.Op("FSTPQ (F%d, F%d), %d(R3)", i, i+1, 16*i)
	}
	fn.Op("ADD $%d, R3", 8*neonLanes)
	fn.Op("SUBS $%d, R4", neonLanes)
	fn.Op("BNE %s", label)
}
