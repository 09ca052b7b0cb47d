package generate

import (
	"fmt"

	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
)

// dotRows is how many rows a dots works on: enough sums to hide how long one takes.
const dotRows = 8

func dotsName(m machine, e element) string { return m.name + "Dots" + e.name }

// dots writes the function that multiplies rows by a vector, all of whose elements lie side by side.
func dots(f *asm.File, m machine, e element) {
	fn := f.Func(dotsName(m, e), "is a dots: see there.",
		asm.Arg{Name: "w", Type: "unsafe.Pointer"}, asm.Arg{Name: "rows", Type: "*int"}, asm.Arg{Name: "x", Type: "unsafe.Pointer"},
		asm.Arg{Name: "n", Type: "int"}, asm.Arg{Name: "out", Type: "unsafe.Pointer"}, asm.Arg{Name: "add", Type: "int"})
	w := emitter{Func: fn, m: m, e: e}
	for r := range dotRows {
		w.Op("VXORPS X%[1]d, X%[1]d, X%[1]d", r)
	}
	w.Load("rows", along)
	w.Load("w", panel)
	for r, reg := range rowRegisters[:dotRows] {
		w.Op("MOVQ %d(%s), %s", 8*r, along, reg)
		w.Op("ADDQ %s, %s", panel, reg)
	}
	w.Load("x", panel)
	w.Load("n", "R12")
	lanes := m.bytes / e.size
	x := w.register(dotRows)
	w.Op("XORQ %s, %[1]s", along)
	w.Op("SUBQ $%d, R12", lanes)
	w.Op("JLT rest")
	w.Label("next")
	w.Op("%s (%s)(%s*1), %s", e.move, panel, along, x)
	for r, reg := range rowRegisters[:dotRows] {
		w.Op("%s (%s)(%s*1), %s, %s", e.fma, reg, along, x, w.register(r))
	}
	w.Op("ADDQ $%d, %s", m.bytes, along)
	w.Op("SUBQ $%d, R12", lanes)
	w.Op("JGE next")
	w.Label("rest")
	w.Op("ADDQ $%d, R12", lanes)
	w.Op("JZ sum")
	w.dotsRest(x)
	w.Label("sum")
	w.addLanes()
	w.Op("VZEROUPPER")
	w.Op("RET")
}

// dotsRest adds the last R12 products, fewer than a vector has.
func (w emitter) dotsRest(x string) {
	y, mask := w.register(dotRows+1), w.register(dotRows+2)
	if w.m.bytes == 64 {
		w.Op("MOVQ $-1, R13")
		w.Op("BZHIQ R12, R13, R13")
		w.Op("KMOVW R13, K1")
		w.Op("%s.Z (%s)(%s*1), K1, %s", w.e.move, panel, along, x)
	} else {
		w.Op("MOVQ $·lanes(SB), R13")
		w.Op("NEGQ R12")
		w.Op("VMOVUPS 64(R13)(R12*%d), %s", w.e.size, mask)
		w.Op("%s (%s)(%s*1), %s, %s", w.e.masked, panel, along, mask, x)
	}
	for r, reg := range rowRegisters[:dotRows] {
		if w.m.bytes == 64 {
			w.Op("%s.Z (%s)(%s*1), K1, %s", w.e.move, reg, along, y)
		} else {
			w.Op("%s (%s)(%s*1), %s, %s", w.e.masked, reg, along, mask, y)
		}
		w.Op("%s %s, %s, %s", w.e.fma, y, x, w.register(r))
	}
}

// addLanes adds up the lanes of each sum, and stores the totals or adds them to out.
func (w emitter) addLanes() {
	if w.m.bytes == 64 { // halves
		for r := range dotRows {
			w.Op("VEXTRACTF64X4 $1, Z%d, Y%d", r, dotRows)
			w.Op("%s Y%d, Y%[3]d, Y%[3]d", w.e.add, dotRows, r)
		}
	}
	pairs := "VHADDPS"
	if w.e.size == 8 {
		pairs = "VHADDPD"
	}
	totals := 4 // sums of four rows, in a vector of the lower halves and one of the upper, from Y8
	for r := 0; r < dotRows; r += 2 {
		w.Op("%s Y%d, Y%d, Y%d", pairs, r+1, r, r/2)
	}
	if w.e.size == 4 {
		totals = 8
		w.Op("%s Y1, Y0, Y0", pairs)
		w.Op("%s Y3, Y2, Y1", pairs)
	}
	w.Load("out", "AX")
	w.Load("add", "BX")
	for i := 0; i < dotRows/totals; i++ {
		w.Op("VPERM2F128 $0x20, Y%d, Y%d, Y8", 2*i+1, 2*i)
		w.Op("VPERM2F128 $0x31, Y%d, Y%d, Y9", 2*i+1, 2*i)
		w.Op("%s Y8, Y9, Y8", w.e.add)
		label := fmt.Sprintf("store%d", i)
		w.Op("TESTQ BX, BX")
		w.Op("JZ %s", label)
		w.Op("%s %d(AX), Y8, Y8", w.e.add, 32*i)
		w.Label(label)
		w.Op("%s Y8, %d(AX)", w.e.move, 32*i)
	}
}
