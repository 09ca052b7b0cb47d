package generate

import (
	"fmt"

	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
)

// split adds the reading of complex numbers side by side.
func (v vector) split(file *output) {
	w := v.function(file, "split", fmt.Sprintf("reads rows of %d complex numbers, which are step bytes apart, to z: the first parts of numbers go to byte first of an element.", v.lanes),
		asm.Arg{Name: "z", Type: "unsafe.Pointer"}, asm.Arg{Name: "x", Type: "unsafe.Pointer"}, asm.Arg{Name: "rows", Type: "int"}, asm.Arg{Name: "step", Type: "int"}, asm.Arg{Name: "first", Type: "int"})
	w.beginRows()
	w.Load("x", "SI")
	w.Load("step", "DX")
	w.Label("row")
	w.load("(SI)", 0)
	w.load(at(w.bytes(), "(SI)"), 1)
	even, odd := w.unzip(0, 1)
	w.store(even, "(DI)(AX*1)")
	w.store(odd, "(DI)(BX*1)")
	w.Op("ADDQ DX, SI")
	w.Op("ADDQ $%d, DI", w.element())
	w.Op("DECQ CX")
	w.Op("JNZ row")
	w.end()
}

// beginRows loads z to DI, rows to CX, and the places of the first and second parts of an element to AX and BX.
func (w *writer) beginRows() {
	w.Load("z", "DI")
	w.Load("rows", "CX")
	w.Load("first", "AX")
	w.Op("MOVQ AX, BX")
	w.Op("XORQ $%d, BX", w.bytes())
	if w.wide() {
		n := uint32(w.lanes)
		words := [4][]uint32{}
		for i := range n {
			words[0] = append(words[0], 2*i)
			words[1] = append(words[1], 2*i+1)
			words[2] = append(words[2], i/2+i%2*n)
			words[3] = append(words[3], (i+n)/2+i%2*n)
		}
		for i, name := range []string{"evens", "odds", "lower", "upper"} {
			w.Op("VMOVDQU64 %s, Z%d", w.indices(name, words[i]), 28+i)
		}
	}
}

// indices returns the address of read-only indices, as wide as the lanes.
func (w *writer) indices(name string, words []uint32) string {
	if w.size == 8 {
		var wide []uint32
		for _, x := range words {
			wide = append(wide, x, 0)
		}
		words = wide
	}
	return w.words(name, words...)
}

// unzip returns registers of the even and the odd lanes of a and b.
func (w *writer) unzip(a, b int) (even, odd int) {
	if w.wide() {
		w.float("VMOVA", 28, 2)
		w.float("VMOVA", 29, 3)
		w.float("VPERMI2", b, a, 2)
		w.float("VPERMI2", b, a, 3)
		return 2, 3
	}
	w.float("VSHUF", map[int]string{4: "$0x88", 8: "$0x0"}[w.size], b, a, 2)
	w.float("VSHUF", map[int]string{4: "$0xdd", 8: "$0xf"}[w.size], b, a, 3)
	w.op("VPERMPD", "$0xd8", 2, 2)
	w.op("VPERMPD", "$0xd8", 3, 3)
	return 2, 3
}

// zip undoes unzip.
func (w *writer) zip(even, odd int) (a, b int) {
	if w.wide() {
		w.float("VMOVA", 30, 2)
		w.float("VMOVA", 31, 3)
		w.float("VPERMI2", odd, even, 2)
		w.float("VPERMI2", odd, even, 3)
		return 2, 3
	}
	w.op("VPERMPD", "$0xd8", even, even)
	w.op("VPERMPD", "$0xd8", odd, odd)
	w.float("VUNPCKL", odd, even, 2)
	w.float("VUNPCKH", odd, even, 3)
	return 2, 3
}

// join adds the writing of complex numbers side by side.
func (v vector) join(file *output) {
	w := v.function(file, "join", fmt.Sprintf("writes rows of %d complex numbers, which are step bytes apart, to z, times scale: the first parts of numbers are from byte first of an element of x on.", v.lanes),
		asm.Arg{Name: "z", Type: "unsafe.Pointer"}, asm.Arg{Name: "x", Type: "unsafe.Pointer"}, asm.Arg{Name: "rows", Type: "int"}, asm.Arg{Name: "step", Type: "int"}, asm.Arg{Name: "first", Type: "int"}, asm.Arg{Name: "scale", Type: "unsafe.Pointer"})
	w.beginRows()
	w.Load("x", "SI")
	w.Load("step", "DX")
	w.Load("scale", "R8")
	w.broadcast("(R8)", 4)
	w.Label("row")
	w.float("VMUL", "(SI)(AX*1)", 4, 0)
	w.float("VMUL", "(SI)(BX*1)", 4, 1)
	a, b := w.zip(0, 1)
	w.store(a, "(DI)")
	w.store(b, at(w.bytes(), "(DI)"))
	w.Op("ADDQ DX, DI")
	w.Op("ADDQ $%d, SI", w.element())
	w.Op("DECQ CX")
	w.Op("JNZ row")
	w.end()
}

// turn adds the exchange of rows and lanes, of squares of as many rows as lanes.
func (v vector) turn(file *output) {
	w := v.function(file, "turn", fmt.Sprintf("writes lane j of row i of each square, of %d elements, as lane i of row j. The squares are side by side in x, and step bytes apart in z.", v.lanes),
		asm.Arg{Name: "z", Type: "unsafe.Pointer"}, asm.Arg{Name: "x", Type: "unsafe.Pointer"}, asm.Arg{Name: "squares", Type: "int"}, asm.Arg{Name: "step", Type: "int"})
	w.Load("z", "DI")
	w.Load("x", "SI")
	w.Load("squares", "CX")
	w.Load("step", "DX")
	w.Label("square")
	w.transpose(0, true)
	w.transpose(w.bytes(), true)
	w.endSquare()
}

func (w *writer) endSquare() {
	w.Op("ADDQ DX, DI")
	w.Op("ADDQ $%d, SI", w.lanes*w.element())
	w.Op("DECQ CX")
	w.Op("JNZ square")
	w.end()
}

// transpose exchanges rows and lanes of the parts that are at offset of elements, from SI, or the first registers, to DI.
func (w *writer) transpose(offset int, load bool) {
	n := w.lanes
	if load {
		for i := range n {
			w.load(fmt.Sprintf("%d(SI)", i*w.element()+offset), i)
		}
	}
	x, y := make([]int, n), make([]int, n)
	for i := range n {
		x[i], y[i] = i, n+i
	}
	for i, r := range w.Transpose(w.prefix, w.size, x, y) {
		w.store(r, fmt.Sprintf("%d(DI)", i*w.element()+offset))
	}
}

// twist adds turn of rows that are multiplied before.
func (v vector) twist(file *output) {
	w := v.function(file, "twist", "is turn of rows times their elements of roots, and times their numbers of turns. x is used up.",
		asm.Arg{Name: "z", Type: "unsafe.Pointer"}, asm.Arg{Name: "x", Type: "unsafe.Pointer"}, asm.Arg{Name: "roots", Type: "unsafe.Pointer"}, asm.Arg{Name: "turns", Type: "unsafe.Pointer"}, asm.Arg{Name: "squares", Type: "int"}, asm.Arg{Name: "step", Type: "int"})
	w.Load("z", "DI")
	w.Load("x", "SI")
	w.Load("roots", "R8")
	w.Load("turns", "R9")
	w.Load("squares", "CX")
	w.Load("step", "DX")
	w.Label("square")
	for i := range w.lanes {
		w.freeFrom(w.lanes)
		root := w.times(w.loadPair(fmt.Sprintf("%d(R8)", i*w.element())), 2*w.size*i, "(R9)")
		x, im := w.loadPair(fmt.Sprintf("%d(SI)", i*w.element())), w.take()
		w.float("VMUL", root.re, x.re, i)
		w.float("VFNMADD231", root.im, x.im, i)
		w.float("VMUL", root.im, x.re, im)
		w.float("VFMADD231", root.re, x.im, im)
		w.store(im, fmt.Sprintf("%d(SI)", i*w.element()+w.bytes()))
	}
	w.transpose(0, false)
	w.transpose(w.bytes(), true)
	w.Op("ADDQ $%d, R8", w.lanes*w.element())
	w.Op("ADDQ $%d, R9", 2*w.size*w.lanes)
	w.endSquare()
}
