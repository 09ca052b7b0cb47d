package generate

import (
	"fmt"

	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
)

// combineRows is how many rows a combine adds up: the result is read and written that much less often than rows are read.
const combineRows = 8

// combineAhead is how far ahead memory is asked for, in bytes: of 512, 1024 and 2048 the fastest where rows come from memory.
const combineAhead = 2048

func combineName(m machine, e element, rows int) string {
	return fmt.Sprintf("%sCombine%s%d", m.name, e.name, rows)
}

// combine writes the function that adds up rows, each times a number.
func combine(f *asm.File, m machine, e element, rows int) {
	fn := f.Func(combineName(m, e, rows), "is a combine: see there.",
		asm.Arg{Name: "w", Type: "unsafe.Pointer"}, asm.Arg{Name: "rows", Type: "*int"}, asm.Arg{Name: "x", Type: "unsafe.Pointer"},
		asm.Arg{Name: "n", Type: "int"}, asm.Arg{Name: "out", Type: "unsafe.Pointer"}, asm.Arg{Name: "add", Type: "int"})
	w := emitter{Func: fn, m: m, e: e}
	w.Load("rows", along)
	w.Load("w", panel)
	for r, reg := range rowRegisters[:rows] {
		w.Op("MOVQ %d(%s), %s", 8*r, along, reg)
		w.Op("ADDQ %s, %s", panel, reg)
	}
	w.Load("x", panel)
	for r := range rows {
		w.Op("%s %d(%s), %s", e.broadcast, r*e.size, panel, w.register(r))
	}
	w.Load("out", panel)
	w.Load("n", "R12")
	w.Load("add", "R14")
	lanes := m.bytes / e.size
	sum := w.register(combineRows)
	w.Op("XORQ %s, %[1]s", along)
	w.Op("SUBQ $%d, R12", lanes)
	w.Op("JLT rest")
	w.Label("next")
	w.Op("VPXOR%s %[2]s, %[2]s, %[2]s", w.suffix(), sum)
	w.Op("TESTQ R14, R14")
	w.Op("JZ whole")
	w.Op("%s (%s)(%s*1), %s", e.move, panel, along, sum)
	w.Label("whole")
	for r, reg := range rowRegisters[:rows] {
		w.Op("PREFETCHT0 %d(%s)(%s*1)", combineAhead, reg, along)
		w.Op("%s (%s)(%s*1), %s, %s", e.fma, reg, along, w.register(r), sum)
	}
	w.Op("%s %s, (%s)(%s*1)", e.move, sum, panel, along)
	w.Op("ADDQ $%d, %s", m.bytes, along)
	w.Op("SUBQ $%d, R12", lanes)
	w.Op("JGE next")
	w.Label("rest")
	w.Op("ADDQ $%d, R12", lanes)
	w.Op("JZ end")
	w.combineRest(rows, sum)
	w.Label("end")
	w.Op("VZEROUPPER")
	w.Op("RET")
}

// combineRest is combine for the last R12 elements, fewer than a vector has.
func (w emitter) combineRest(rows int, sum string) {
	y, mask := w.register(combineRows+1), w.register(combineRows+2)
	load := func(from, to string) { w.Op("%s (%s)(%s*1), %s, %s", w.e.masked, from, along, mask, to) }
	store := func() { w.Op("%s %s, %s, (%s)(%s*1)", w.e.masked, sum, mask, panel, along) }
	if w.m.bytes == 64 {
		w.Op("MOVQ $-1, R13")
		w.Op("BZHIQ R12, R13, R13")
		w.Op("KMOVW R13, K1")
		load = func(from, to string) { w.Op("%s.Z (%s)(%s*1), K1, %s", w.e.move, from, along, to) }
		store = func() { w.Op("%s %s, K1, (%s)(%s*1)", w.e.move, sum, panel, along) }
	} else {
		w.Op("MOVQ $·lanes(SB), R13")
		w.Op("NEGQ R12")
		w.Op("VMOVUPS 64(R13)(R12*%d), %s", w.e.size, mask)
	}
	w.Op("VPXOR%s %[2]s, %[2]s, %[2]s", w.suffix(), sum)
	w.Op("TESTQ R14, R14")
	w.Op("JZ part")
	load(panel, sum)
	w.Label("part")
	for r, reg := range rowRegisters[:rows] {
		load(reg, y)
		w.Op("%s %s, %s, %s", w.e.fma, y, w.register(r), sum)
	}
	store()
}
