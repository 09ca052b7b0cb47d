package generate

import (
	"fmt"

	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
)

func lanesName(m machine, e element) string { return m.name + "Lanes" + e.name }

// Registers of lanes: the bases of each position's elements are DI and three positions after it, CX.
const (
	lanesY, lanesStepY = "R8", "R9"
	lanesX, lanesStepX = "R10", "R11"
	lanesTaps, lanesTo = "R12", "R13"
	lanesW, lanesStepW = "R14", "R15"
	lanesLeft          = "BX" // positions
	lanesThree         = "AX" // three times the step of x
)

// lanePlaces are where eight positions' elements lie.
var lanePlaces = []string{"(DI)", "(DI)(R11*1)", "(DI)(R11*2)", "(CX)", "(DI)(R11*4)", "(CX)(R11*2)", "(DI)(AX*2)", "(CX)(R11*4)"}

// lanesOf writes the function that computes sums lane by lane.
func lanesOf(f *asm.File, m machine, e element) {
	fn := f.Func(lanesName(m, e), "is a lanes: see there.",
		asm.Arg{Name: "y", Type: "unsafe.Pointer"}, asm.Arg{Name: "stepY", Type: "int"}, asm.Arg{Name: "x", Type: "unsafe.Pointer"},
		asm.Arg{Name: "stepX", Type: "int"}, asm.Arg{Name: "taps", Type: "*int"}, asm.Arg{Name: "count", Type: "int"}, asm.Arg{Name: "w", Type: "unsafe.Pointer"},
		asm.Arg{Name: "stepW", Type: "int"}, asm.Arg{Name: "positions", Type: "int"}, asm.Arg{Name: "cols", Type: "int"}, asm.Arg{Name: "add", Type: "int"})
	w := emitter{Func: fn, m: m, e: e}
	w.Load("cols", "CX")
	w.Op("MOVQ CX, DX")
	if m.bytes == 64 {
		w.masks(1)
	} else {
		w.vectorMasks(1, 9)
	}
	for _, a := range []struct{ name, register string }{{"y", lanesY}, {"stepY", lanesStepY}, {"x", lanesX}, {"stepX", lanesStepX}, {"taps", lanesTaps}, {"count", lanesTo}, {"w", lanesW}, {"stepW", lanesStepW}, {"positions", lanesLeft}} {
		w.Load(a.name, a.register)
	}
	w.Op("LEAQ (%[1]s)(%[2]s*8), %[2]s", lanesTaps, lanesTo)
	w.Op("LEAQ (%[1]s)(%[1]s*2), %s", lanesStepX, lanesThree)
	w.Op("CMPQ DX, $%d", m.bytes/e.size)
	w.Op("JNE part8")
	w.lanesOfWidth("full", false)
	w.lanesOfWidth("part", true)
}

// lanesOfWidth writes the loops over positions, eight at a time and then fewer.
func (w emitter) lanesOfWidth(label string, part bool) {
	for _, n := range []int{8, 4, 2, 1} {
		w.Label(fmt.Sprint(label, n))
		w.Op("CMPQ %s, $%d", lanesLeft, n)
		w.Op("JLT %s%d", label, n/2)
		for p := range n {
			w.Op("VXORPS X%[1]d, X%[1]d, X%[1]d", p)
		}
		w.Op("MOVQ %s, DX", lanesTaps)
		w.Op("MOVQ %s, SI", lanesW)
		w.Label(fmt.Sprint(label, n, "tap"))
		w.Op("MOVQ (DX), DI")
		w.Op("ADDQ %s, DI", lanesX)
		if n > 2 {
			w.Op("LEAQ (DI)(%s*1), CX", lanesThree)
		}
		w.lanesLoad("(SI)", w.register(8), part)
		for p := range n {
			w.lanesTap(lanePlaces[p], w.register(p), part)
		}
		w.Op("ADDQ $8, DX")
		w.Op("ADDQ %s, SI", lanesStepW)
		w.Op("CMPQ DX, %s", lanesTo)
		w.Op("JNE %s%dtap", label, n)
		w.lanesStore(n, label, part)
		w.Op("LEAQ (%[1]s)(%s*%d), %[1]s", lanesX, lanesStepX, n)
		w.Op("SUBQ $%d, %s", n, lanesLeft)
		w.Op("JMP %s%d", label, n)
	}
	w.Label(label + "0")
	w.Op("VZEROUPPER")
	w.Op("RET")
}

// lanesLoad loads a vector.
func (w emitter) lanesLoad(place, register string, part bool) {
	switch {
	case !part:
		w.Op("%s %s, %s", w.e.move, place, register)
	case w.m.bytes == 64:
		w.Op("%s.Z %s, K1, %s", w.e.move, place, register)
	default:
		w.Op("%s %s, Y9, %s", w.e.masked, place, register)
	}
}

// lanesTap adds a product.
func (w emitter) lanesTap(place, sum string, part bool) {
	if part {
		w.lanesLoad(place, w.register(10), true)
		place = w.register(10)
	}
	w.Op("%s %s, %s, %s", w.e.fma, place, w.register(8), sum)
}

// lanesStore stores the sums of n positions, or adds them.
func (w emitter) lanesStore(n int, label string, part bool) {
	store := fmt.Sprint(label, n, "store")
	w.Op("CMPQ %s, $0", w.Arg("add"))
	w.Op("JEQ %s", store)
	w.Op("MOVQ %s, DI", lanesY)
	for p := range n {
		w.lanesLoad("(DI)", w.register(10), part)
		w.Op("%s %s, %[3]s, %[3]s", w.e.add, w.register(10), w.register(p))
		w.Op("ADDQ %s, DI", lanesStepY)
	}
	w.Label(store)
	for p := range n {
		switch {
		case !part:
			w.Op("%s %s, (%s)", w.e.move, w.register(p), lanesY)
		case w.m.bytes == 64:
			w.Op("%s %s, K1, (%s)", w.e.move, w.register(p), lanesY)
		default:
			w.Op("%s %s, Y9, (%s)", w.e.masked, w.register(p), lanesY)
		}
		w.Op("ADDQ %s, %s", lanesStepY, lanesY)
	}
}
