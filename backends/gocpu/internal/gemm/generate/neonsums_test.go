package generate

import (
	"fmt"

	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
)

// neonDots writes the function that multiplies rows by a vector, all of whose elements lie side by side: two registers of sums a row.
func neonDots(f *asm.File, e element) {
	fn := f.Func(dotsName(neon, e), "is a dots: see there.",
		asm.Arg{Name: "w", Type: "unsafe.Pointer"}, asm.Arg{Name: "rows", Type: "*int"}, asm.Arg{Name: "x", Type: "unsafe.Pointer"},
		asm.Arg{Name: "n", Type: "int"}, asm.Arg{Name: "out", Type: "unsafe.Pointer"}, asm.Arg{Name: "add", Type: "int"})
	w := arm{fn, e}
	const x, y = 16, 18 // registers for x, and for a row
	w.Load("rows", "R8")
	w.Load("w", "R9")
	for r := range dotRows {
		w.zero(2*r, 2*r+1)
		w.Op("MOVD %d(R8), R%d", 8*r, r)
		w.Op("ADD R9, R%d", r)
	}
	w.Load("x", "R8")
	w.Load("n", "R9")
	lanes := neon.bytes / e.size
	w.Op("SUBS $%d, R9", lanes)
	w.Op("BLT rest")
	w.Label("next")
	w.Op("FLDPQ.P 32(R8), (F%d, F%d)", x, x+1)
	for r := range dotRows {
		at := y + 2*(r%4)
		w.Op("FLDPQ.P 32(R%d), (F%d, F%d)", r, at, at+1)
		w.fma(x, at, 2*r)
		w.fma(x+1, at+1, 2*r+1)
	}
	w.Op("SUBS $%d, R9", lanes)
	w.Op("BGE next")
	w.Label("rest")
	w.Op("ADDS $%d, R9", lanes)
	w.Op("BEQ sum")
	w.Label("one")
	w.Op("%s.P %d(R8), F%d", w.one(), e.size, x) // and zeros above it
	for r := range dotRows {
		w.Op("%s.P %d(R%d), F%d", w.one(), e.size, r, y+r%4)
		w.fma(x, y+r%4, 2*r)
	}
	w.Op("SUBS $1, R9")
	w.Op("BNE one")
	w.Label("sum")
	w.addLanes()
	w.Op("RET")
}

// addLanes adds up the lanes of each sum, and stores the totals or adds them to out.
func (w arm) addLanes() {
	for r := range dotRows {
		w.Vector("FADD", w.shape(), 2*r+1, 2*r, r)
	}
	n := dotRows
	for per := 16 / w.e.size; per > 1; per /= 2 { // elements of a register that belong to one row
		n /= 2
		for i := range n {
			w.Vector("FADDP", w.shape(), 2*i+1, 2*i, i)
		}
	}
	w.Load("out", "R8")
	w.Load("add", "R9")
	w.Op("CBZ R9, store")
	for i := range n {
		w.Op("FMOVQ %d(R8), F%d", 16*i, 8+i)
		w.Vector("FADD", w.shape(), 8+i, i, i)
	}
	w.Label("store")
	for i := range n {
		w.Op("FMOVQ F%d, %d(R8)", i, 16*i)
	}
}

// Registers of lanes. R19 to R22 point to the elements of four positions.
const (
	armY, armStepY, armX, armStepX  = "R0", "R1", "R2", "R3"
	armTaps, armTo, armW, armStepW  = "R4", "R5", "R6", "R7"
	armPositions, armLanes, armPlus = "R8", "R9", "R10"
	armLeft, armYs, armXs           = "R11", "R12", "R13" // positions, and where the next one lies
	armTap, armWs                   = "R14", "R15"
)

// neonLanes writes the function that computes sums lane by lane: for the pieces of a vector one after the other.
func neonLanes(f *asm.File, e element) {
	fn := f.Func(lanesName(neon, e), "is a lanes: see there.",
		asm.Arg{Name: "y", Type: "unsafe.Pointer"}, asm.Arg{Name: "stepY", Type: "int"}, asm.Arg{Name: "x", Type: "unsafe.Pointer"},
		asm.Arg{Name: "stepX", Type: "int"}, asm.Arg{Name: "taps", Type: "*int"}, asm.Arg{Name: "count", Type: "int"}, asm.Arg{Name: "w", Type: "unsafe.Pointer"},
		asm.Arg{Name: "stepW", Type: "int"}, asm.Arg{Name: "positions", Type: "int"}, asm.Arg{Name: "cols", Type: "int"}, asm.Arg{Name: "add", Type: "int"})
	w := arm{fn, e}
	for _, a := range []struct{ name, register string }{{"y", armY}, {"stepY", armStepY}, {"x", armX}, {"stepX", armStepX}, {"taps", armTaps}, {"count", armTo}, {"w", armW}, {"stepW", armStepW}, {"positions", armPositions}, {"cols", armLanes}, {"add", armPlus}} {
		w.Load(a.name, a.register)
	}
	w.Op("ADD %s<<3, %s, %[1]s", armTo, armTaps)
	for _, width := range w.widths() {
		absent := fmt.Sprint("not", width)
		w.skip(width, armLanes, absent)
		w.Op("MOVD %s, %s", armPositions, armLeft)
		w.Op("MOVD %s, %s", armY, armYs)
		w.Op("MOVD %s, %s", armX, armXs)
		done := fmt.Sprint("done", width)
		w.lanesOfWidth(width, 4, fmt.Sprintf("at%dby1", width))
		w.lanesOfWidth(width, 1, done)
		w.Label(done)
		for _, r := range []string{armY, armX, armW} {
			w.Op("ADD $%d, %s", width, r)
		}
		w.Label(absent)
	}
	w.Op("RET")
}

// lanesOfWidth writes the loop over n positions at a time; with fewer left, it goes on at label less.
func (w arm) lanesOfWidth(width, n int, less string) {
	label := fmt.Sprintf("at%dby%d", width, n)
	w.Label(label)
	w.Op("CMP $%d, %s", n, armLeft)
	w.Op("BLT %s", less)
	registers := (width + 15) / 16 // of a sum
	const ws, xs = 16, 18          // for w, and for elements of x
	for p := range n {
		w.zero(2 * p)
		if registers == 2 {
			w.zero(2*p + 1)
		}
	}
	w.Op("MOVD %s, %s", armTaps, armTap)
	w.Op("MOVD %s, %s", armW, armWs)
	w.Label(label + "tap")
	w.Op("MOVD.P 8(%s), R19", armTap)
	w.Op("ADD %s, R19", armXs)
	w.load(width, armWs, ws)
	for p := range n {
		if p > 0 {
			w.Op("ADD %s, R%d, R%d", armStepX, 18+p, 19+p)
		}
		w.load(width, fmt.Sprintf("R%d", 19+p), xs+2*p)
		for i := range registers {
			w.fma(ws+i, xs+2*p+i, 2*p+i)
		}
	}
	w.Op("ADD %s, %s", armStepW, armWs)
	w.Op("CMP %s, %s", armTo, armTap)
	w.Op("BNE %stap", label)
	w.Op("CBZ %s, %sstore", armPlus, label)
	w.Op("MOVD %s, R19", armYs)
	for p := range n {
		w.load(width, "R19", xs)
		w.add(width, xs, 2*p)
		w.Op("ADD %s, R19", armStepY)
	}
	w.Label(label + "store")
	for p := range n {
		w.store(width, 2*p, armYs)
		w.Op("ADD %s, %s", armStepY, armYs)
		w.Op("ADD %s, %s", armStepX, armXs)
	}
	w.Op("SUB $%d, %s", n, armLeft)
	w.Op("JMP %s", label)
}
