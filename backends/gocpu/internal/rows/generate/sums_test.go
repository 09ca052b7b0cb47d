package generate

import (
	"fmt"

	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
)

func sumArgs(first string) []asm.Arg {
	return []asm.Arg{{Name: first, Type: "*float64"}, {Name: "z", Type: "*float32"}, {Name: "x", Type: "*float32"}, {Name: "n", Type: "int"}}
}

// sumsAlong writes the function that adds up running sums of neighbouring numbers. Those of a vector are added up by themselves, so that
// a vector waits for one addition of the one before it.
func sumsAlong(f *asm.File, m machine) {
	fn := f.Func(m.name+"SumsAlong", "is the assembly of SumsAlong.", sumArgs("sum")...)
	lanes := m.lanes / 2
	fn.Load("sum", "BX")
	fn.Load("z", "DI")
	fn.Load("x", "SI")
	fn.Load("n", "CX")
	sum, zero, last := m.z(6), m.z(7), m.z(5)
	fn.Op("VBROADCASTSD (BX), %s", sum)
	fn.Op("VPXOR X7, X7, X7")
	if m.masks() {
		fn.Op("MOVL $7, AX")
		fn.Op("VPBROADCASTQ AX, %s", last)
	}
	x, y := m.z(0), m.z(1)
	fn.Label("more")
	fetch(fn, lanes)
	fn.Op("VCVTPS2PD (SI), %s", x)
	for by := 1; by < lanes; by *= 2 {
		shift(fn, m, by, x, y, zero)
		fn.Op("VADDPD %s, %s, %s", y, x, x)
	}
	if m.masks() {
		fn.Op("VPERMPD %s, %s, %s", x, last, y)
	} else {
		fn.Op("VPERMPD $0xff, %s, %s", x, y)
	}
	fn.Op("VADDPD %s, %s, %s", sum, x, x)
	fn.Op("VADDPD %s, %s, %s", y, sum, sum)
	round(fn, m, x, "(DI)")
	fn.Op("ADDQ $%d, SI", 4*lanes)
	fn.Op("ADDQ $%d, DI", 4*lanes)
	fn.Op("SUBQ $%d, CX", lanes)
	fn.Op("JNE more")
	fn.Op("VMOVSD X6, (BX)")
	fn.Op("VZEROUPPER")
	fn.Op("RET")
}

// shift makes y the float64s of x, so many places further up, with zeros below.
func shift(fn *asm.Func, m machine, by int, x, y, zero string) {
	switch {
	case m.masks():
		fn.Op("VALIGNQ $%d, %s, %s, %s", 8-by, zero, x, y)
	case by == 1:
		fn.Op("VPERMPD $0x90, %s, %s", x, y)
		fn.Op("VBLENDPD $1, %s, %s, %s", zero, y, y)
	default:
		fn.Op("VPERM2F128 $0x08, %s, %s, %s", x, x, y)
	}
}

// round writes a vector of float64s as float32s.
func round(fn *asm.Func, m machine, x, to string) {
	narrow, name := m.half+x[1:], "VCVTPD2PS"
	if !m.masks() {
		name += "Y"
	}
	fn.Op("%s %s, %s", name, x, narrow)
	fn.Op("VMOVUPS %s, %s", narrow, to)
}

// sumsDown writes the function that adds a row of numbers to a row of sums.
func sumsDown(f *asm.File, m machine) {
	fn := f.Func(m.name+"SumsDown", "is the assembly of SumsDown.", sumArgs("sums")...)
	lanes := m.lanes / 2
	fn.Load("sums", "BX")
	fn.Load("z", "DI")
	fn.Load("x", "SI")
	fn.Load("n", "CX")
	pass := func(label string, vectors int) {
		fn.Label(label)
		fn.Op("CMPQ CX, $%d", vectors*lanes)
		fn.Op("JLT %sDone", label)
		if vectors > 1 {
			fetch(fn, lanes*vectors)
		}
		for i := range vectors {
			x, sums := m.z(i), fmt.Sprintf("%d(BX)", 8*lanes*i)
			fn.Op("VCVTPS2PD %d(SI), %s", 4*lanes*i, x)
			fn.Op("VADDPD %s, %s, %s", sums, x, x)
			fn.Op("VMOVUPD %s, %s", x, sums)
			round(fn, m, x, fmt.Sprintf("%d(DI)", 4*lanes*i))
		}
		fn.Op("ADDQ $%d, BX", 8*lanes*vectors)
		fn.Op("ADDQ $%d, SI", 4*lanes*vectors)
		fn.Op("ADDQ $%d, DI", 4*lanes*vectors)
		fn.Op("SUBQ $%d, CX", lanes*vectors)
		fn.Op("JMP %s", label)
		fn.Label(label + "Done")
	}
	pass("several", 4)
	pass("one", 1)
	fn.Op("VZEROUPPER")
	fn.Op("RET")
}

// fetch tells the processor to fetch what comes next: it does not look as far by itself.
func fetch(fn *asm.Func, numbers int) {
	for at := 0; at < 4*numbers; at += 64 {
		fn.Op("PREFETCHT0 %d(SI)", 1024+at)
		fn.Op("PREFETCHT0 %d(DI)", 512+at)
	}
}
