package generate

import (
	"fmt"

	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
)

// direction is what comes first: the largest number or the smallest.
type direction struct {
	name string
	most string // the instruction that keeps the better one of two, the second source if one is NaN
	from uint32 // what no number is worse than
}

var directions = []direction{{"Largest", "VMAXPS", 0xff800000}, {"Smallest", "VMINPS", 0x7f800000}}

// finder writes the function that finds the best number. It goes through the numbers twice: for the best one, and for its place. The
// second time they lie in a cache that is near, or a few reads tell.
type finder struct {
	m    machine
	e    element
	d    direction
	from string // a constant in memory
}

// together is how many vectors are looked at at once.
const together = 4

// fetchAhead is how many bytes ahead the processor is told to fetch: it does not look beyond a page by itself, and rows often end where
// pages do.
const fetchAhead = 4096

// Registers: the best numbers so far are in 0 to 3, numbers in 4 to 7; NaN is noted in K1, or in register 8.
func (p *finder) write(f *asm.File) {
	fn := f.Func(p.m.name+p.d.name+p.e.name, "is a finder: see there.", asm.Arg{Name: "x", Type: "unsafe.Pointer"}, asm.Arg{Name: "n", Type: "int"}, asm.Arg{Name: "place", Type: "*int"})
	p.best(fn)
	p.join(fn)
	if p.m.masks() {
		fn.Op("KORTESTW K1, K1")
	} else {
		fn.Op("VPTEST Y8, Y8")
	}
	fn.Op("JNE nan")
	p.search(fn, "number", 0, p.m.z(0))
	fn.Label("nan")
	p.search(fn, "nothing", 3, "")
	fn.Label("found")
	if !p.m.masks() {
		fn.Op("VMOVMSKPS Y4, AX")
	} else {
		fn.Op("KMOVW K2, AX")
	}
	fn.Op("TZCNTL AX, AX")
	fn.Load("x", "SI")
	fn.Op("SUBQ SI, BX")
	fn.Op("SHRQ $%d, BX", map[int]int{2: 1, 4: 2}[p.e.size])
	fn.Op("ADDQ AX, BX")
	fn.Load("place", "DI")
	fn.Op("MOVQ BX, (DI)")
	fn.Op("VZEROUPPER")
	fn.Op("RET")
}

// step is how many bytes a vector of numbers takes.
func (p *finder) step() int { return p.m.lanes * p.e.size }

// load makes vector i of those at BX register 4+i.
func (p *finder) load(fn *asm.Func, i int) string {
	to := p.m.z(4 + i)
	for _, in := range p.e.load {
		fn.Op(in, fmt.Sprintf("%d(BX)", i*p.step()), to)
	}
	return to
}

// best goes through all numbers.
func (p *finder) best(fn *asm.Func) {
	fn.Load("x", "BX")
	fn.Load("n", "CX")
	for i := range together {
		fn.Op("VBROADCASTSS %s, %s", p.from, p.m.z(i))
	}
	if p.m.masks() {
		fn.Op("KXORW K1, K1, K1")
	} else {
		fn.Op("VXORPS Y8, Y8, Y8")
	}
	fn.Label("several")
	fn.Op("CMPQ CX, $%d", together*p.m.lanes)
	fn.Op("JLT one")
	for i := range together {
		p.keep(fn, i, p.load(fn, i))
	}
	p.note(fn, p.m.z(4), p.m.z(5))
	p.note(fn, p.m.z(6), p.m.z(7))
	for at := 0; at < together*p.step(); at += 64 {
		fn.Op("PREFETCHT0 %d(BX)", fetchAhead+at)
	}
	fn.Op("ADDQ $%d, BX", together*p.step())
	fn.Op("SUBQ $%d, CX", together*p.m.lanes)
	fn.Op("JMP several")
	fn.Label("one")
	fn.Op("TESTQ CX, CX")
	fn.Op("JEQ all")
	p.keep(fn, 0, p.load(fn, 0))
	p.note(fn, p.m.z(4), p.m.z(4))
	fn.Op("ADDQ $%d, BX", p.step())
	fn.Op("SUBQ $%d, CX", p.m.lanes)
	fn.Op("JMP one")
	fn.Label("all")
}

// keep takes x into the best numbers i, which stay what they are if it is NaN.
func (p *finder) keep(fn *asm.Func, i int, x string) {
	fn.Op("%s %s, %s, %s", p.d.most, p.m.z(i), x, p.m.z(i))
}

// note notes whether there is NaN in x or y.
func (p *finder) note(fn *asm.Func, x, y string) {
	if p.m.masks() {
		fn.Op("VCMPPS $3, %s, %s, K2", x, y)
		fn.Op("KORW K2, K1, K1")
		return
	}
	fn.Op("VCMPPS $3, %s, %s, Y9", x, y)
	fn.Op("VORPS Y9, Y8, Y8")
}

// join makes all elements of register 0 the best number.
func (p *finder) join(fn *asm.Func) {
	to := func(x, y string) { fn.Op("%s %s, %s, %s", p.d.most, y, x, x) }
	to(p.m.z(0), p.m.z(1))
	to(p.m.z(2), p.m.z(3))
	to(p.m.z(0), p.m.z(2))
	if p.m.masks() {
		fn.Op("VEXTRACTF64X4 $1, Z0, Y1")
		to("Y0", "Y1")
	}
	fn.Op("VEXTRACTF128 $1, Y0, X1")
	to("X0", "X1")
	fn.Op("VPERMILPS $0x4e, X0, X1")
	to("X0", "X1")
	fn.Op("VPERMILPS $0xb1, X0, X1")
	to("X0", "X1")
	fn.Op("VBROADCASTSS X0, %s", p.m.z(0))
}

// search goes to found with the first vector at BX of which a number compares with y, or with itself, as the predicate says. There is
// one: several are looked at at once until it is among them.
func (p *finder) search(fn *asm.Func, label string, predicate int, y string) {
	fn.Load("x", "BX")
	fn.Load("n", "CX")
	fn.Label(label + "s")
	fn.Op("CMPQ CX, $%d", together*p.m.lanes)
	fn.Op("JLT %s", label)
	for i := range together {
		p.compare(fn, i, predicate, y)
	}
	if p.m.masks() {
		fn.Op("KORW K2, K3, K2")
		fn.Op("KORW K4, K5, K4")
		fn.Op("KORTESTW K2, K4")
	} else {
		fn.Op("VORPS Y4, Y5, Y4")
		fn.Op("VORPS Y6, Y7, Y6")
		fn.Op("VORPS Y4, Y6, Y4")
		fn.Op("VPTEST Y4, Y4")
	}
	fn.Op("JNE %s", label)
	fn.Op("ADDQ $%d, BX", together*p.step())
	fn.Op("SUBQ $%d, CX", together*p.m.lanes)
	fn.Op("JMP %ss", label)
	fn.Label(label)
	p.compare(fn, 0, predicate, y)
	if p.m.masks() {
		fn.Op("KORTESTW K2, K2")
	} else {
		fn.Op("VPTEST Y4, Y4")
	}
	fn.Op("JNE found")
	fn.Op("ADDQ $%d, BX", p.step())
	fn.Op("JMP %s", label)
}

// compare makes K(2+i), or register 4+i, say which numbers of vector i of those at BX compare with y, or with themselves.
func (p *finder) compare(fn *asm.Func, i, predicate int, y string) {
	x := p.load(fn, i)
	if y == "" {
		y = x
	}
	to := fmt.Sprintf("K%d", 2+i)
	if !p.m.masks() {
		to = x
	}
	fn.Op("VCMPPS $%d, %s, %s, %s", predicate, y, x, to)
}
