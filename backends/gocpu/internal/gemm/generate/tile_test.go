package generate

import (
	"fmt"

	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
)

// Registers of a tile. Twelve rows, the offset along them and the pointer into B leave none: what else is needed stays in the memory
// of arguments, some of which are used up. Tiles of up to nine rows have it in registers.
var rowRegisters = []string{"AX", "BX", "CX", "DI", "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15"}

const (
	along = "DX" // the offset along the rows of A, in bytes
	panel = "SI" // the row of B that is next
)

// tileAhead is how far ahead in B memory is asked for, in bytes: a few rows of a panel, or a few panels of a row that is read in place.
// One line of a row is enough: processors fetch lines in pairs.
const tileAhead = 512

// emitter writes the code of one function.
type emitter struct {
	*asm.Func
	m    machine
	e    element
	asks bool // for memory at the argument ahead
}

func (w emitter) register(i int) string { return fmt.Sprintf("%s%d", w.m.prefix, i) }

// tile writes the kernel of a tile of C: rows by vectors.
func tile(f *asm.File, m machine, e element, rows, vectors int) {
	w := emitter{Func: f.Func(tileName(m, e, rows, vectors), "is a tile: see there.", tileArgs...), m: m, e: e}
	w.tile(rows, vectors)
}

// aheadRows are the heights of the tiles that there is a tileAhead for: those that a large product has. They leave the register
// that points to what is asked for, or lend it.
const aheadRows = 10

// aheadScale is how far a tileAhead goes in what it asks for, for each byte along the rows of A.
const aheadScale = 4

func aheadName(m machine, e element, rows int) string {
	return fmt.Sprintf("%sAhead%s%d", m.name, e.name, rows)
}

// tileOfAhead writes the kernel of a tile of two vectors that asks for other memory too.
func tileOfAhead(f *asm.File, m machine, e element, rows int) {
	args := append(tileArgs[:len(tileArgs):len(tileArgs)], asm.Arg{Name: "ahead", Type: "unsafe.Pointer"})
	w := emitter{f.Func(aheadName(m, e, rows), "is a tileAhead: see there.", args...), m, e, true}
	w.tile(rows, 2)
}

func (w emitter) tile(rows, vectors int) {
	w.prefetch(rows, vectors)
	for i := range rows * vectors {
		w.Op("VPXOR%s %[2]s, %[2]s, %[2]s", w.suffix(), w.register(i))
	}
	w.Load("rows", along)
	w.Load("a", panel)
	for r, reg := range rowRegisters[:rows] {
		w.Op("MOVQ %d(%s), %s", 8*r, along, reg)
		w.Op("ADDQ %s, %s", panel, reg)
	}
	w.Load("b", panel)
	w.runs(rows, vectors)
	w.finish(rows, vectors)
}

// suffix is what instructions on integers have in AVX-512.
func (w emitter) suffix() string {
	if w.m.bytes == 64 {
		return "D"
	}
	return ""
}

// prefetch asks for the lines of C, which are written when the sums are done.
func (w emitter) prefetch(rows, vectors int) {
	w.Load("c", along)
	for r := range rows {
		for v := 0; v*w.m.bytes < vectors*w.m.bytes; v += 64 / w.m.bytes {
			w.Op("PREFETCHT0 %d(%s)", v*w.m.bytes, along)
		}
		if r+1 < rows {
			w.Op("ADDQ %s, %s", w.Arg("stride"), along)
		}
	}
}

// runs writes the loop over the runs, and within each over its elements.
func (w emitter) runs(rows, vectors int) {
	end, step, stepB := w.Arg("rows"), w.Arg("step"), w.Arg("stepB") // the argument rows is used up
	if rows <= 9 {
		end, step, stepB = "R13", "R14", "R15"
		w.Load("step", step)
		w.Load("stepB", stepB)
	}
	if w.asks && rows < len(rowRegisters) {
		w.Load("ahead", "R15")
	} else if w.asks { // the argument a is used up
		w.Op("MOVQ R15, %s", w.Arg("a"))
	}
	last := fmt.Sprintf("X%d", w.m.vector-1)
	w.Label("run")
	w.Load("runs", along)
	w.Op("VMOVQ 8(%s), %s", along, last)
	w.Op("VMOVQ %s, %s", last, end)
	w.Op("ADDQ $16, %s", w.Arg("runs"))
	w.Op("MOVQ (%[1]s), %[1]s", along)
	dense := rows >= aheadRows && vectors == 2
	if dense {
		w.dense(rows, vectors, end, step, stepB)
	}
	w.Label("next")
	w.term(rows, vectors, 0, 0)
	if w.asks {
		w.ask(rows, 1)
	}
	w.Op("ADDQ %s, %s", stepB, panel)
	w.Op("ADDQ %s, %s", step, along)
	w.Op("CMPQ %s, %s", along, end)
	w.Op("JNE next")
	if dense {
		w.Label("ended")
	}
	w.Op("DECQ %s", w.Arg("count"))
	w.Op("JNZ run")
}

// unrolled is how many terms of the sum a turn of the loop over neighbours adds.
const unrolled = 4

// dense writes the loop for neighbours along the rows of A and packed panels of B: several terms a turn, at places that are known.
// What a turn itself does reads memory, in the tiles that large products are made of, which all registers are taken by.
func (w emitter) dense(rows, vectors int, end, step, stepB string) {
	w.Op("CMPQ %s, $%d", step, w.e.size)
	w.Op("JNE next")
	w.Op("CMPQ %s, $%d", stepB, vectors*w.m.bytes)
	w.Op("JNE next")
	w.Op("SUBQ $%d, %s", (unrolled-1)*w.e.size, end)
	w.Op("CMPQ %s, %s", along, end)
	w.Op("JGE rest")
	w.Label("several")
	for i := range unrolled {
		w.term(rows, vectors, i*w.e.size, i*vectors*w.m.bytes)
	}
	if w.asks {
		w.ask(rows, unrolled)
	}
	w.Op("ADDQ $%d, %s", unrolled*vectors*w.m.bytes, panel)
	w.Op("ADDQ $%d, %s", unrolled*w.e.size, along)
	w.Op("CMPQ %s, %s", along, end)
	w.Op("JLT several")
	w.Label("rest")
	w.Op("ADDQ $%d, %s", (unrolled-1)*w.e.size, end)
	w.Op("CMPQ %s, %s", along, end)
	w.Op("JEQ ended")
}

// term adds a term of the sum: from the rows of A at an offset, and from the panel at another.
func (w emitter) term(rows, vectors, atA, atB int) {
	sums := rows * vectors
	for v := range vectors {
		w.Op("%s %d(%s), %s", w.e.move, atB+v*w.m.bytes, panel, w.register(sums+v))
		if v == 0 {
			w.Op("PREFETCHT0 %d(%s)", atB+tileAhead+v*w.m.bytes, panel)
		}
	}
	free := min(w.m.vector-sums-vectors, 4) // registers for elements of A
	for r := range rows {
		x := w.register(sums + vectors + r%free)
		w.Op("%s %s(%s)(%s*1), %s", w.e.broadcast, offset(atA), rowRegisters[r], along, x)
		for v := range vectors {
			if w.e.fma == "" {
				w.bfloat16Pairs(sums+v, sums+vectors+r%free, r*vectors+v)
			} else {
				w.Op("%s %s, %s, %s", w.e.fma, w.register(sums+v), x, w.register(r*vectors+v))
			}
		}
	}
}

func offset(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// ask asks for memory for the second cache. The pointer to it takes the place of the last of twelve rows for that long.
func (w emitter) ask(rows, terms int) {
	lent := rows == len(rowRegisters)
	if lent {
		w.Load("ahead", "R15")
	}
	for i := range terms {
		w.Op("PREFETCHT1 %s(R15)(%s*%d)", offset(i*w.e.size*aheadScale), along, aheadScale)
	}
	if lent {
		w.Op("MOVQ %s, R15", w.Arg("a"))
	}
}

// finish writes the sums to C, or adds them to it.
func (w emitter) finish(rows, vectors int) {
	w.Load("c", panel)
	w.Load("stride", along)
	w.Load("cols", "CX")
	w.Load("add", "AX")
	w.Op("CMPQ CX, $%d", vectors*w.m.bytes/w.e.size)
	w.Op("JNE part")
	w.Op("TESTQ AX, AX")
	w.Op("JZ store")
	w.Op("MOVQ %s, BX", panel)
	w.each(rows, vectors, "BX", func(place, sum string, _ int) { w.Op("%s %s, %[3]s, %[3]s", w.e.add, place, sum) })
	w.Label("store")
	w.each(rows, vectors, panel, func(place, sum string, _ int) { w.Op("%s %s, %s", w.e.move, sum, place) })
	w.Op("VZEROUPPER")
	w.Op("RET")
	w.Label("part")
	if w.m.bytes == 64 {
		w.partMasks(rows, vectors)
	} else {
		w.partVectors(rows, vectors)
	}
	w.Op("VZEROUPPER")
	w.Op("RET")
}

// each calls f for the place in C, the register and the vector of each sum; at points to C and moves on.
func (w emitter) each(rows, vectors int, at string, f func(place, sum string, vector int)) {
	for r := range rows {
		for v := range vectors {
			f(fmt.Sprintf("%d(%s)", v*w.m.bytes, at), w.register(r*vectors+v), v)
		}
		if r+1 < rows {
			w.Op("ADDQ %s, %s", along, at)
		}
	}
}

// partMasks is finish for columns that do not fill the vectors, with masks in registers.
func (w emitter) partMasks(rows, vectors int) {
	w.masks(vectors)
	free := w.register(w.m.vector - 1)
	w.Op("TESTQ AX, AX")
	w.Op("JZ storepart")
	w.Op("MOVQ %s, BX", panel)
	w.each(rows, vectors, "BX", func(place, sum string, v int) {
		w.Op("%s.Z %s, K%d, %s", w.e.move, place, v+1, free)
		w.Op("%s %s, %[3]s, %[3]s", w.e.add, free, sum)
	})
	w.Label("storepart")
	w.each(rows, vectors, panel, func(place, sum string, v int) { w.Op("%s %s, K%d, %s", w.e.move, sum, v+1, place) })
}

// masks sets K1 and K2 to the lanes of the CX columns; AX is kept.
func (w emitter) masks(vectors int) {
	w.Op("MOVQ $-1, DI")
	w.Op("BZHIQ CX, DI, DI")
	for v := range vectors {
		w.Op("KMOVW DI, K%d", v+1)
		if v+1 < vectors {
			w.Op("SHRQ $%d, DI", w.m.bytes/w.e.size)
		}
	}
}

// partVectors is finish for columns that do not fill the vectors, with masks in vectors: those of the sums that are done.
func (w emitter) partVectors(rows, vectors int) {
	first := rows * vectors // B and A are used up: three registers at least
	w.vectorMasks(vectors, first)
	free := w.register(first + vectors)
	w.Op("TESTQ AX, AX")
	w.Op("JZ storepart")
	w.Op("MOVQ %s, BX", panel)
	w.each(rows, vectors, "BX", func(place, sum string, v int) {
		w.Op("%s %s, %s, %s", w.e.masked, place, w.register(first+v), free)
		w.Op("%s %s, %[3]s, %[3]s", w.e.add, free, sum)
	})
	w.Label("storepart")
	w.each(rows, vectors, panel, func(place, sum string, v int) { w.Op("%s %s, %s, %s", w.e.masked, sum, w.register(first+v), place) })
}

// vectorMasks loads masks of the lanes of the CX columns to vectors registers from first: from a table of ones, then zeros.
func (w emitter) vectorMasks(vectors, first int) {
	w.Op("MOVQ $·lanes(SB), DI")
	w.Op("NEGQ CX")
	for v := range vectors {
		w.Op("VMOVUPS %d(DI)(CX*%d), %s", 64+v*w.m.bytes, w.e.size, w.register(first+v))
	}
}
