// Package generate writes the assembly of package columns, and holds the committed files to it.
package generate

import (
	"fmt"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
	"github.com/quire-ml/quire/internal/golden"
)

// TestAssemblyIsCurrent keeps the committed files to the generator.
func TestAssemblyIsCurrent(t *testing.T) {
	for _, m := range machines {
		f := asm.NewFile("columns", "amd64", "go test ./backends/gocpu/internal/columns/generate -update")
		for _, e := range elements {
			adder(f, m, e)
		}
		golden.Check(t, "../"+m.name+"_amd64.s", f.Assembly())
		golden.Check(t, "../"+m.name+"_amd64.go", f.Declarations())
	}
}

// machine is a set of instructions: its vectors of float64, and vectors of as many float32.
type machine struct {
	name       string
	wide, half string // prefixes of registers
	lanes      int    // float64s of a vector
}

var machines = []machine{{"avx512", "Z", "Y", 8}, {"avx2", "Y", "X", 4}}

// element is a type of numbers, and how a vector of them at an address becomes float32s; nothing for float32s, which are
// widened where they lie.
type element struct {
	name string
	size int
	load []string // instructions; %[1]s is the address, %[2]s the register
}

var elements = []element{
	{"Float32", 4, nil},
	{"BFloat16", 2, []string{"VPMOVZXWD %[1]s, %[2]s", "VPSLLD $16, %[2]s, %[2]s"}},
	{"Float16", 2, []string{"VCVTPH2PS %[1]s, %[2]s"}},
}

// together is how many rows are added while sums are in registers: the sums' loads and stores are few then, and the rows
// few enough for the machine to fetch all ahead.
const together = 4

// adder writes the function for a machine and a type. A step is two vectors of sums.
func adder(f *asm.File, m machine, e element) {
	fn := f.Func(m.name+e.name, "is an adder: see there.", asm.Arg{Name: "acc", Type: "*float64"}, asm.Arg{Name: "x", Type: "unsafe.Pointer"},
		asm.Arg{Name: "n", Type: "int"}, asm.Arg{Name: "rows", Type: "int"}, asm.Arg{Name: "stride", Type: "int"})
	fn.Load("x", "SI")
	fn.Load("rows", "BX")
	fn.Load("stride", "R8")
	fn.Op("LEAQ (R8)(R8*2), R9")
	fn.Label("several")
	fn.Op("CMPQ BX, $%d", together)
	fn.Op("JLT one")
	pass(fn, m, e, "columns", []string{"(R10)", "(R10)(R8*1)", "(R10)(R8*2)", "(R10)(R9*1)"})
	fn.Op("LEAQ (SI)(R8*%d), SI", together)
	fn.Op("SUBQ $%d, BX", together)
	fn.Op("JMP several")
	fn.Label("one")
	fn.Op("TESTQ BX, BX")
	fn.Op("JEQ done")
	pass(fn, m, e, "rest", []string{"(R10)"})
	fn.Op("ADDQ R8, SI")
	fn.Op("DECQ BX")
	fn.Op("JMP one")
	fn.Label("done")
	fn.Op("VZEROUPPER")
	fn.Op("RET")
}

// pass writes the loop over the columns of the rows at some addresses, from SI on.
func pass(fn *asm.Func, m machine, e element, label string, rows []string) {
	fn.Load("acc", "DI")
	fn.Load("n", "CX")
	fn.Op("MOVQ SI, R10")
	fn.Label(label)
	for v := range 2 {
		fn.Op("VMOVUPD %d(DI), %s%d", 8*m.lanes*v, m.wide, v)
	}
	for _, row := range rows {
		for v := range 2 {
			from := row
			if v > 0 {
				from = fmt.Sprintf("%d%s", e.size*m.lanes, row)
			}
			narrow := fmt.Sprintf("%s%d", m.half, 2+v)
			for _, in := range e.load {
				fn.Op(in, from, narrow)
			}
			if len(e.load) > 0 {
				from = narrow
			}
			fn.Op("VCVTPS2PD %s, %s%d", from, m.wide, 2+v)
			fn.Op("VADDPD %s%d, %s%d, %s%d", m.wide, 2+v, m.wide, v, m.wide, v)
		}
	}
	for v := range 2 {
		fn.Op("VMOVUPD %s%d, %d(DI)", m.wide, v, 8*m.lanes*v)
	}
	fn.Op("ADDQ $%d, DI", 2*8*m.lanes)
	fn.Op("ADDQ $%d, R10", 2*e.size*m.lanes)
	fn.Op("SUBQ $%d, CX", 2*m.lanes)
	fn.Op("JNE %s", label)
}
