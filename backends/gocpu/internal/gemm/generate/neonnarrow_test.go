package generate

import "github.com/quire-ml/quire/backends/gocpu/internal/asm"

// neonLoop writes a function with a body for every eight elements: R0 points to dst, R1 to src.
func neonLoop(f *asm.File, name string, dst, src int, prepare, body func(w arm)) {
	fn := f.Func(name, "is a convert: see there.",
		asm.Arg{Name: "dst", Type: "unsafe.Pointer"}, asm.Arg{Name: "src", Type: "unsafe.Pointer"}, asm.Arg{Name: "stride", Type: "int"}, asm.Arg{Name: "count", Type: "int"})
	w := arm{fn, elements[0]}
	w.Load("dst", "R0")
	w.Load("src", "R1")
	w.Load("count", "R2")
	prepare(w)
	w.Label("next")
	body(w)
	w.Op("ADD $%d, R0", dst)
	w.Op("ADD $%d, R1", src)
	w.Op("SUBS $1, R2")
	w.Op("BNE next")
	w.Op("RET")
}

// neonNarrow writes the functions on floats of 16 bits.
func neonNarrow(f *asm.File) {
	nothing := func(arm) {}
	neonLoop(f, "neonWidenBFloat16", 32, 16, func(w arm) { w.zero(31) }, func(w arm) {
		w.load(16, "R1", 0)
		w.Op("VZIP1 V0.H8, V31.H8, V1.H8") // zeros below them
		w.Op("VZIP2 V0.H8, V31.H8, V2.H8")
		w.store(32, 1, "R0")
	})
	neonLoop(f, "neonWidenFloat16", 32, 16, nothing, func(w arm) {
		w.load(16, "R1", 0)
		w.Convert("FCVTL", "H4", "S4", 0, 1)
		w.Convert("FCVTL2", "H8", "S4", 0, 2)
		w.store(32, 1, "R0")
	})
	neonLoop(f, "neonNarrowFloat16", 16, 32, nothing, func(w arm) {
		w.load(32, "R1", 0)
		w.Convert("FCVTN", "S4", "H4", 0, 2)
		w.Convert("FCVTN2", "S4", "H8", 1, 2)
		w.store(16, 2, "R0")
	})
	// as narrowBFloat16
	neonLoop(f, "neonNarrowBFloat16", 16, 32, func(w arm) {
		for i, word := range []uint32{1, 0x7fff, 0x400000} {
			w.Op("MOVD $%#x, R3", word)
			w.Op("VDUP R3, V%d.S4", 8+i)
		}
	}, func(w arm) {
		w.load(32, "R1", 0)
		for x := range 2 {
			rounded, quiet, number := 2+x, 4+x, 6+x
			w.Op("VUSHR $16, V%d.S4, V%d.S4", x, rounded)
			w.Op("VAND V8.B16, V%[1]d.B16, V%[1]d.B16", rounded)
			w.Op("VADD V9.S4, V%[1]d.S4, V%[1]d.S4", rounded)
			w.Op("VADD V%[2]d.S4, V%[1]d.S4, V%[1]d.S4", rounded, x)
			w.Op("VORR V10.B16, V%d.B16, V%d.B16", x, quiet)
			w.Vector("FCMEQ", "S4", x, x, number)
			w.Op("VBSL V%d.B16, V%d.B16, V%d.B16", quiet, rounded, number)
		}
		w.Op("VUZP2 V7.H8, V6.H8, V0.H8") // the upper halves
		w.store(16, 0, "R0")
	})
}
