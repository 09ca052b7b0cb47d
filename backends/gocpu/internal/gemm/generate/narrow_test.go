package generate

import "github.com/quire-ml/quire/backends/gocpu/internal/asm"

// Functions on numbers of 16 and 8 bits. They take whole vectors: as many elements as a vector has of 4 bytes.

// loop writes a function with a body for each whole vector of count vectors: R8 points to dst, R10 to src.
func loop(f *asm.File, m machine, name, kind string, dst, src int, prepare, body func(w emitter)) {
	fn := f.Func(name, "is a "+kind+": see there.",
		asm.Arg{Name: "dst", Type: "unsafe.Pointer"}, asm.Arg{Name: "src", Type: "unsafe.Pointer"}, asm.Arg{Name: "stride", Type: "int"}, asm.Arg{Name: "count", Type: "int"})
	w := emitter{Func: fn, m: m, e: elements[0]}
	w.Load("dst", "R8")
	w.Load("src", "R10")
	w.Load("stride", "R9")
	w.Load("count", "R12")
	prepare(w)
	w.Label("next")
	body(w)
	w.Op("ADDQ $%d, R8", dst)
	w.Op("ADDQ $%d, R10", src)
	w.Op("DECQ R12")
	w.Op("JNZ next")
	w.Op("VZEROUPPER")
	w.Op("RET")
}

func narrowFunctions(f *asm.File, m machine) {
	nothing := func(emitter) {}
	half := map[string]string{"Z": "Y", "Y": "X"}[m.prefix]
	loop(f, m, m.name+"WidenBFloat16", "convert", m.bytes, m.bytes/2, nothing, func(w emitter) {
		w.Op("VPMOVZXWD (R10), %s", w.register(0))
		w.Op("VPSLLD $16, %[1]s, %[1]s", w.register(0))
		w.Op("VMOVUPS %s, (R8)", w.register(0))
	})
	loop(f, m, m.name+"WidenFloat16", "convert", m.bytes, m.bytes/2, nothing, func(w emitter) {
		w.Op("VCVTPH2PS (R10), %s", w.register(0))
		w.Op("VMOVUPS %s, (R8)", w.register(0))
	})
	loop(f, m, m.name+"NarrowFloat16", "convert", m.bytes/2, m.bytes, nothing, func(w emitter) {
		w.Op("VMOVUPS (R10), %s", w.register(0))
		w.Op("VCVTPS2PH $0, %s, %s0", w.register(0), half)
		w.Op("VMOVUPS %s0, (R8)", half)
	})
	narrowBFloat16(f, m)
	if m.bytes == 64 {
		interleave(f, m, 2)
		interleave(f, m, 4)
	}
}

// narrowBFloat16 rounds to nearest even by adding half of the last place, less one if the place above is even; a NaN keeps its
// upper half, with the bit that says it is quiet.
func narrowBFloat16(f *asm.File, m machine) {
	words := func(word uint32, reg int) func(w emitter) {
		return func(w emitter) {
			w.Op("MOVL $%#x, AX", word)
			w.Op("VMOVD AX, X%d", reg)
			w.Op("VPBROADCASTD X%d, %s", reg, w.register(reg))
		}
	}
	loop(f, m, m.name+"NarrowBFloat16", "convert", m.bytes/2, m.bytes, func(w emitter) {
		words(1, 8)(w)
		words(0x7fff, 9)(w)
		words(0x40, 10)(w)
	}, func(w emitter) {
		x, rounded, nan, last := w.register(0), w.register(1), w.register(2), w.register(3)
		w.Op("VMOVUPS (R10), %s", x)
		w.Op("VPSRLD $16, %s, %s", x, nan)
		w.Op("VPAND%s %s, %s, %s", w.suffix(), w.register(8), nan, rounded)
		w.Op("VPADDD %s, %[2]s, %[2]s", w.register(9), rounded)
		w.Op("VPADDD %s, %[2]s, %[2]s", x, rounded)
		w.Op("VPSRLD $16, %[1]s, %[1]s", rounded)
		w.Op("VPOR%s %s, %[3]s, %[3]s", w.suffix(), w.register(10), nan)
		if m.bytes == 64 {
			w.Op("VCMPPS $3, %[1]s, %[1]s, K1", x) // unordered: NaN
			w.Op("VMOVDQU32 %s, K1, %s", nan, rounded)
			w.Op("VPMOVDW %s, (R8)", rounded)
			return
		}
		w.Op("VCMPPS $3, %[1]s, %[1]s, %[2]s", x, last)
		w.Op("VBLENDVPS %s, %s, %[3]s, %[3]s", last, nan, rounded)
		w.Op("VPACKUSDW %[1]s, %[1]s, %[1]s", rounded)
		w.Op("VPERMQ $0x08, %[1]s, %[1]s", rounded)
		w.Op("VMOVUPS X1, (R8)")
	})
}

// interleave writes the function that joins elements of 2 or 4 rows, stride bytes apart, that stand above each other.
func interleave(f *asm.File, m machine, rows int) {
	load, bits, name := "VPMOVZXWD", 16, "Pairs"
	if rows == 4 {
		load, bits, name = "VPMOVZXBD", 8, "Fours"
	}
	loop(f, m, m.name+name, "join", m.bytes, m.bytes/rows, func(emitter) {}, func(w emitter) {
		w.Op("%s (R10), %s", load, w.register(0))
		w.Op("LEAQ (R10)(R9*1), DX")
		for r := 1; r < rows; r++ {
			w.Op("%s (DX), %s", load, w.register(1))
			w.Op("VPSLLD $%d, %[2]s, %[2]s", r*bits, w.register(1))
			w.Op("VPOR%s %s, %[3]s, %[3]s", w.suffix(), w.register(1), w.register(0))
			if r+1 < rows {
				w.Op("ADDQ R9, DX")
			}
		}
		w.Op("VMOVUPS %s, (R8)", w.register(0))
	})
}

// bfloat16Pairs adds the products of pairs of bfloat16 in registers b and x to those of float32 in sum: VDPBF16PS, which Go's
// assembler lacks (EVEX.512.F3.0F38.W0 52 /r).
func (w emitter) bfloat16Pairs(b, x, sum int) {
	not := func(reg, bit int) byte { return byte(^reg >> bit & 1) }
	w.Bytes("VDPBF16PS "+w.register(b)+", "+w.register(x)+", "+w.register(sum), 0x62,
		not(sum, 3)<<7|not(b, 4)<<6|not(b, 3)<<5|not(sum, 4)<<4|2,
		byte(^x&15)<<3|4|2,
		0x40|not(x, 4)<<3,
		0x52,
		byte(0xc0|sum&7<<3|b&7))
}

// maker writes the function that asks the processor who made it.
func maker(f *asm.File) {
	fn := f.Func("maker", "writes the 12 letters of the processor's maker to name.", asm.Arg{Name: "name", Type: "*[12]byte"})
	fn.Op("XORL AX, AX")
	fn.Op("XORL CX, CX")
	fn.Op("CPUID")
	fn.Load("name", "DI")
	for i, reg := range []string{"BX", "DX", "CX"} {
		fn.Op("MOVL %s, %d(DI)", reg, 4*i)
	}
	fn.Op("RET")
}
