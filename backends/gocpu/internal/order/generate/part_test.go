package generate

import (
	"fmt"

	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
)

// part adds the parting of numbers in two.
func (v vector) part(file *output) {
	w := v.function(file, "part", fmt.Sprintf("writes numbers of x, %d for each of so many steps: those below at[2] to low from number at[0] on, the others to high from number at[1] on, and counts these on. "+
		"high may be x, since nothing is written there beyond what has been read.", v.lanes),
		asm.Arg{Name: "low", Type: "unsafe.Pointer"}, asm.Arg{Name: "high", Type: "unsafe.Pointer"}, asm.Arg{Name: "x", Type: "unsafe.Pointer"}, asm.Arg{Name: "steps", Type: "int"}, asm.Arg{Name: "at", Type: "*[3]int"})
	w.Load("low", "DI")
	w.Load("high", "R11")
	w.Load("x", "SI")
	w.Load("steps", "CX")
	w.Load("at", "R8")
	w.Op("MOVQ (R8), AX")
	w.Op("MOVQ 8(R8), BX")
	w.lane("VPBROADCAST", "16(R8)", 15)
	if !w.wide() {
		w.Op("LEAQ %s, R9", w.lowerFirst())
	}
	w.Label("step")
	w.move("(SI)", 0)
	low, high := fmt.Sprintf("(DI)(AX*%d)", w.size), fmt.Sprintf("(R11)(BX*%d)", w.size)
	w.Comment("the ends move irregularly, which the processor does not foresee")
	w.Op("PREFETCHT0 1024(SI)")
	w.Bytes("PREFETCHW 256(DI)(AX)", 0x0f, 0x0d, 0x8c, map[int]byte{4: 0x80, 8: 0xc0}[w.size]|0x07, 0, 1, 0, 0)
	if w.wide() {
		w.lane("VPCMPGT", 0, 15, "K1")
		w.Op("KMOVW K1, DX")
		w.Op("KNOTW K1, K2")
		w.lane("VPCOMPRESS", 0, "K1", 1)
		w.lane("VPCOMPRESS", 0, "K2", 2)
	} else {
		w.lane("VPCMPGT", 0, 15, 1)
		w.op(map[int]string{4: "VMOVMSKPS", 8: "VMOVMSKPD"}[w.size], 1, "DX")
		w.op("VPMOVZXBD", "(R9)(DX*8)", 2)
		w.op("VPERMD", 0, 2, 1)
		w.Op("MOVQ DX, R10")
		w.Op("XORQ $%d, R10", 1<<w.lanes-1)
		w.op("VPMOVZXBD", "(R9)(R10*8)", 2)
		w.op("VPERMD", 0, 2, 2)
	}
	w.Op("POPCNTL DX, DX")
	w.move(1, low)
	w.move(2, high)
	w.Op("ADDQ DX, AX")
	w.Op("SUBQ DX, BX")
	w.Op("ADDQ $%d, BX", w.lanes)
	w.Op("ADDQ $%d, SI", w.bytes())
	w.Op("DECQ CX")
	w.Op("JNZ step")
	w.Op("MOVQ AX, (R8)")
	w.Op("MOVQ BX, 8(R8)")
	w.end()
}

// lowerFirst returns the address of the orders in which the lanes of a mask come first: words of 32 bits, a byte for each.
func (w *writer) lowerFirst() string {
	var words []uint32
	for mask := range 1 << w.lanes {
		var order []uint32
		for _, first := range []int{1, 0} {
			for lane := range w.lanes {
				if mask>>lane&1 != first {
					continue
				}
				for part := range w.size / 4 {
					order = append(order, uint32(lane*w.size/4+part))
				}
			}
		}
		for i := 0; i < 8; i += 4 {
			words = append(words, order[i]|order[i+1]<<8|order[i+2]<<16|order[i+3]<<24)
		}
	}
	return w.words(fmt.Sprintf("lowerFirst%d", 8*w.size), words...)
}

var keyArgs = []asm.Arg{{Name: "z", Type: "unsafe.Pointer"}, {Name: "x", Type: "unsafe.Pointer"}, {Name: "steps", Type: "int"}, {Name: "form", Type: "*form"}}

// The fields of a form, of 8 bytes each, in registers 15 down.
const (
	negative = 15 - iota
	flip
	largest
	odd
	plain
	most
	keep
	differs // plain from odd; not a field
)

// fields is how many fields keys are made by.
const fields = 7

func (w *writer) beginKeys(fields int) {
	w.Load("z", "DI")
	w.Load("x", "SI")
	w.Load("steps", "CX")
	w.Load("form", "R8")
	w.fields(fields)
}

// fields loads the first fields of the form at R8.
func (w *writer) fields(n int) {
	for i := range n {
		w.lane("VPBROADCAST", fmt.Sprintf("%d(R8)", 8*i), 15-i)
	}
}

// turn exchanges the order of negative numbers, in x, if form says so; registers 3 and 4 are used.
func (w *writer) turn(x int) {
	switch {
	case w.wide() || w.size == 4:
		w.lane("VPSRA", fmt.Sprintf("$%d", 8*w.size-1), x, 3)
	default:
		w.op("VPXOR", 4, 4, 4)
		w.op("VPCMPGTQ", x, 4, 3)
	}
	w.logic("VPAND", negative, 3, 3)
	w.logic("VPXOR", 3, x, x)
}

// key makes keys of elements in register 0, and adds what it finds to register 5; registers 1 to 4 are used.
func (w *writer) key() {
	w.Comment("of what is above largest but for its sign, the bits of keep are kept, and those of most set; odd becomes plain")
	w.logic("VPANDN", 0, odd, 1)
	if w.wide() {
		w.lane("VPCMPGT", largest, 1, "K1")
		w.lane("VPCMPEQ", odd, 0, "K2")
		w.logic("VPOR", 5, most, "K1", 5)
		w.logic("VPOR", 5, differs, "K2", 5)
		w.logic("VPAND", 0, keep, "K1", 0)
		w.logic("VPOR", 0, most, "K1", 0)
		w.masked(plain, "K2", 0)
	} else {
		w.lane("VPCMPGT", largest, 1, 1)
		w.lane("VPCMPEQ", odd, 0, 2)
		w.op("VPOR", 1, 5, 5)
		w.op("VPAND", differs, 2, 3)
		w.op("VPOR", 3, 5, 5)
		w.op("VPAND", keep, 0, 3)
		w.op("VPOR", most, 3, 3)
		w.op("VPBLENDVB", 1, 3, 0, 0)
		w.op("VPBLENDVB", 2, plain, 0, 0)
	}
	w.turn(0)
	w.logic("VPXOR", flip, 0, 0)
}

// keys adds the making of keys.
func (v vector) keys(file *output) {
	w := v.function(file, "keys", fmt.Sprintf("writes the keys of elements of x to z, %d for each of so many steps, as form says, and adds to form.found what is found.", v.lanes), keyArgs...)
	w.beginKeys(fields)
	w.logic("VPXOR", odd, plain, differs)
	w.logic("VPXOR", 5, 5, 5)
	w.Label("step")
	w.move("(SI)", 0)
	w.key()
	w.move(0, "(DI)")
	w.next()
	w.Comment("any lane will do")
	w.found()
	w.end()
}

// below adds the search for keys below a bound.
func (v vector) below(file *output) {
	w := v.function(file, "below", fmt.Sprintf("goes over elements of x, %d for each of so many steps, until there is one whose key is below form.bound, and writes to form.left how many steps are left.", v.lanes),
		asm.Arg{Name: "x", Type: "unsafe.Pointer"}, asm.Arg{Name: "steps", Type: "int"}, asm.Arg{Name: "form", Type: "*form"})
	w.Load("x", "SI")
	w.Load("steps", "CX")
	w.Load("form", "R8")
	w.fields(fields)
	w.logic("VPXOR", odd, plain, differs)
	w.lane("VPBROADCAST", fmt.Sprintf("%d(R8)", 8*8), 6)
	w.logic("VPXOR", 5, 5, 5)
	w.Label("step")
	w.move("(SI)", 0)
	w.key()
	if w.wide() {
		w.lane("VPCMPGT", 0, 6, "K1")
		w.Op("KORTESTW K1, K1")
	} else {
		w.lane("VPCMPGT", 0, 6, 0)
		w.op("VPTEST", 0, 0)
	}
	w.Op("JNZ done")
	w.Op("ADDQ $%d, SI", w.bytes())
	w.Op("DECQ CX")
	w.Op("JNZ step")
	w.Label("done")
	w.Op("MOVQ CX, %d(R8)", 8*9)
	w.end()
}

func (w *writer) next() {
	w.Op("ADDQ $%d, SI", w.bytes())
	w.Op("ADDQ $%d, DI", w.bytes())
	w.Op("DECQ CX")
	w.Op("JNZ step")
}

// found sets form.found if any bit of register 5 is set.
func (w *writer) found() {
	if w.wide() {
		w.lane("VPTESTM", 5, 5, "K1")
		w.Op("KMOVW K1, AX")
	} else {
		w.op("VPMOVMSKB", 5, "AX")
	}
	w.Op("ORQ AX, %d(R8)", 8*fields)
}

// values adds the way back.
func (v vector) values(file *output) {
	w := v.function(file, "values", fmt.Sprintf("writes the elements that keys stand for to z, %d for each of so many steps.", v.lanes), keyArgs...)
	w.beginKeys(2)
	w.Label("step")
	w.move("(SI)", 0)
	w.logic("VPXOR", flip, 0, 0)
	w.turn(0)
	w.move(0, "(DI)")
	w.next()
	w.end()
}
