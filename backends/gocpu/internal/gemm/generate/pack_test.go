package generate

import (
	"fmt"

	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
)

// copyRows writes the function that packs rows whose elements lie side by side.
func copyRows(f *asm.File, m machine, e element) {
	if m.bytes == 32 && e.size == 4 {
		lanes := make([]uint32, 2*16)
		for i := range 16 {
			lanes[i] = 0xffffffff
		}
		f.Words("lanes", lanes...)
	}
	fn := f.Func(copyName(m, e), "is a copyRows: see there.",
		asm.Arg{Name: "dst", Type: "unsafe.Pointer"}, asm.Arg{Name: "stepDst", Type: "int"}, asm.Arg{Name: "src", Type: "unsafe.Pointer"},
		asm.Arg{Name: "runs", Type: "*Run"}, asm.Arg{Name: "count", Type: "int"}, asm.Arg{Name: "step", Type: "int"}, asm.Arg{Name: "cols", Type: "int"})
	w := emitter{Func: fn, m: m, e: e}
	for _, a := range []struct{ name, register string }{{"dst", "R8"}, {"stepDst", "R9"}, {"src", "R10"}, {"runs", "R11"}, {"count", "R12"}, {"step", "R13"}, {"cols", "CX"}} {
		w.Load(a.name, a.register)
	}
	w.Op("CMPQ CX, $%d", 2*m.bytes/e.size)
	w.Op("JEQ whole")
	if m.bytes == 64 {
		w.masks(2)
	} else {
		w.vectorMasks(2, 2)
	}
	w.copyLoop("part", func(v int) {
		from, to, reg := fmt.Sprintf("%d(DX)", v*m.bytes), fmt.Sprintf("%d(R8)", v*m.bytes), w.register(v)
		if m.bytes == 64 {
			w.Op("%s.Z %s, K%d, %s", e.move, from, v+1, reg)
			w.Op("%s %s, K%d, %s", e.move, reg, v+1, to)
		} else {
			w.Op("%s %s, %s, %s", e.masked, from, w.register(2+v), reg)
			w.Op("%s %s, %s, %s", e.masked, reg, w.register(2+v), to)
		}
	})
	w.Label("whole")
	w.copyLoop("full", func(v int) {
		w.Op("%s %d(DX), %s", e.move, v*m.bytes, w.register(v))
		w.Op("%s %s, %d(R8)", e.move, w.register(v), v*m.bytes)
	})
}

// copyLoop writes the loops over runs and their elements, and the return.
func (w emitter) copyLoop(label string, vector func(v int)) {
	w.Label(label)
	w.Op("MOVQ (R11), DX")
	w.Op("MOVQ 8(R11), DI")
	w.Op("ADDQ $16, R11")
	w.Op("ADDQ R10, DX")
	w.Op("ADDQ R10, DI")
	w.Label(label + "next")
	vector(0)
	vector(1)
	w.Op("ADDQ R13, DX")
	w.Op("ADDQ R9, R8")
	w.Op("CMPQ DX, DI")
	w.Op("JNE %snext", label)
	w.Op("DECQ R12")
	w.Op("JNZ %s", label)
	w.Op("VZEROUPPER")
	w.Op("RET")
}

// transpose writes the function that packs vectors of rows, of 4-byte elements that lie side by side, to columns: a vector's lanes
// are as many rows.
func transpose(f *asm.File, m machine) {
	fn := f.Func(m.name+"Transpose", "is a transpose: see there.",
		asm.Arg{Name: "dst", Type: "unsafe.Pointer"}, asm.Arg{Name: "stepDst", Type: "int"}, asm.Arg{Name: "src", Type: "unsafe.Pointer"},
		asm.Arg{Name: "rows", Type: "*int"}, asm.Arg{Name: "blocks", Type: "int"})
	w := emitter{Func: fn, m: m, e: elements[0]}
	n := m.bytes / 4
	w.Load("dst", "R8")
	w.Load("stepDst", "R9")
	w.Load("src", "R10")
	w.Load("rows", "R11")
	w.Load("blocks", "R12")
	w.Label("next")
	for r := range n {
		w.Op("MOVQ %d(R11), DX", 8*r)
		w.Op("VMOVUPS (R10)(DX*1), %s", w.register(r))
	}
	for _, reg := range w.transposed(n) {
		w.Op("VMOVUPS %s, (R8)", w.register(reg))
		w.Op("ADDQ R9, R8")
	}
	w.Op("ADDQ $%d, R10", m.bytes)
	w.Op("DECQ R12")
	w.Op("JNZ next")
	w.Op("VZEROUPPER")
	w.Op("RET")
}

// transposed transposes n registers of n lanes, by pairs, fours and (in AVX-512) eights, with n more registers, and returns
// where the columns are.
func (w emitter) transposed(n int) []int {
	other := func(i int) string { return w.register(n + i) }
	for i := 0; i < n; i += 2 { // t[i], t[i+1]: lanes of rows i and i+1 in turn
		w.Op("VUNPCKLPS %s, %s, %s", w.register(i+1), w.register(i), other(i))
		w.Op("VUNPCKHPS %s, %s, %s", w.register(i+1), w.register(i), other(i+1))
	}
	for i := 0; i < n; i += 4 { // register i+j: column j of every fourth, of rows i to i+3
		w.Op("VUNPCKLPD %s, %s, %s", other(i+2), other(i), w.register(i))
		w.Op("VUNPCKHPD %s, %s, %s", other(i+2), other(i), w.register(i+1))
		w.Op("VUNPCKLPD %s, %s, %s", other(i+3), other(i+1), w.register(i+2))
		w.Op("VUNPCKHPD %s, %s, %s", other(i+3), other(i+1), w.register(i+3))
	}
	columns := make([]int, n)
	if n == 8 {
		for j := range 4 {
			w.Op("VPERM2F128 $0x20, %s, %s, %s", w.register(4+j), w.register(j), other(j))
			w.Op("VPERM2F128 $0x31, %s, %s, %s", w.register(4+j), w.register(j), other(4+j))
		}
		for i := range columns {
			columns[i] = n + i
		}
		return columns
	}
	for j := range 4 { // quarters 0 and 2, and 1 and 3, of rows 0 to 7 and 8 to 15
		for half := range 2 {
			i := 8 * half
			w.Op("VSHUFF32X4 $0x88, %s, %s, %s", w.register(i+4+j), w.register(i+j), other(i+j))
			w.Op("VSHUFF32X4 $0xdd, %s, %s, %s", w.register(i+4+j), w.register(i+j), other(i+4+j))
		}
	}
	for j := range 4 { // other(j): columns j and 8+j of rows 0 to 7; other(4+j): 4+j and 12+j
		for odd := range 2 {
			lo, hi := other(4*odd+j), other(8+4*odd+j)
			w.Op("VSHUFF32X4 $0x88, %s, %s, %s", hi, lo, w.register(4*odd+j))
			w.Op("VSHUFF32X4 $0xdd, %s, %s, %s", hi, lo, w.register(8+4*odd+j))
		}
	}
	for i := range columns {
		columns[i] = i
	}
	return columns
}
