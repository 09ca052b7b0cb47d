package asm

import (
	"fmt"
	"strings"
)

// Go's assembler for arm64 has no names for most instructions on vectors of floats. Those that kernels want are written as words
// that are put together here, from the tables of the Arm Architecture Reference Manual for A-profile, C4.1.

// form is how an instruction on vectors of one shape is put together: its word for the narrowest elements in 64 bits, and how many
// sources it has. Elements of floats have 32 or 64 bits, which takes one bit; those of integers 8 to 64, which takes two.
type form struct {
	word    uint32
	sources int
	floats  bool
}

var forms = map[string]form{
	"FADD":  {0x0e20d400, 2, true},
	"FADDP": {0x2e20d400, 2, true}, // sums of pairs, those of the second source first
	"FSUB":  {0x0ea0d400, 2, true},
	"FMUL":  {0x2e20dc00, 2, true},
	"FDIV":  {0x2e20fc00, 2, true},
	"FMAX":  {0x0e20f400, 2, true}, // NaN if one is NaN
	"FMIN":  {0x0ea0f400, 2, true},
	"FCMEQ": {0x0e20e400, 2, true},
	"FCMGE": {0x2e20e400, 2, true},
	"FCMGT": {0x2ea0e400, 2, true},

	"FABS":   {0x0ea0f800, 1, true},
	"FNEG":   {0x2ea0f800, 1, true},
	"FSQRT":  {0x2ea1f800, 1, true},
	"FRINTN": {0x0e218800, 1, true}, // to nearest, ties to even
	"FRINTM": {0x0e219800, 1, true}, // down
	"FRINTP": {0x0ea18800, 1, true}, // up
	"FCVTZS": {0x0ea1b800, 1, true}, // to integers, towards zero
	"SCVTF":  {0x0e21d800, 1, true}, // from integers
	"UCVTF":  {0x2e21d800, 1, true}, // from integers without signs

	"CMGT":  {0x0e203400, 2, false}, // of integers with signs
	"SMAX":  {0x0e206400, 2, false},
	"SMIN":  {0x0e206c00, 2, false},
	"UQSUB": {0x2e202c00, 2, false}, // 0 where the difference is below
	"NOT":   {0x2e205800, 1, false},
}

// conversions are those to another width: FCVTL and XTN from and to the lower half of the narrower register, with a 2 the upper one.
// Those to the lower half make the upper one 0.
var conversions = map[string]uint32{
	"FCVTL H4 S4": 0x0e217800, "FCVTL2 H8 S4": 0x4e217800, "FCVTL S2 D2": 0x0e617800, "FCVTL2 S4 D2": 0x4e617800,
	"FCVTN S4 H4": 0x0e216800, "FCVTN2 S4 H8": 0x4e216800, "FCVTN D2 S2": 0x0e616800, "FCVTN2 D2 S4": 0x4e616800,
	"XTN S4 H4": 0x0e612800, "XTN2 S4 H8": 0x4e612800, "XTN H8 B8": 0x0e212800,
}

// shape is an arrangement of a vector: the binary logarithm of the bytes of an element, and whether all 128 bits are used.
type shape struct {
	size uint32
	full bool
}

var shapes = map[string]shape{"B8": {0, false}, "B16": {0, true}, "H4": {1, false}, "H8": {1, true}, "S2": {2, false}, "S4": {2, true}, "D2": {3, true}}

// Vector adds an arm64 instruction by its name in the manual, on vectors of a shape that is named as Go's assembler does, whose order
// registers stand in too: sources first. FSUB of 1, 2 and 3 sets V3 to V2 - V1.
func (f *Func) Vector(name, shape string, registers ...int) {
	f.word(vector(name, shape, registers), "%s %s", name, list(shape, registers))
}

func vector(name, shape string, registers []int) uint32 {
	o, known := forms[name]
	s, fits := shapes[shape]
	if !known || !fits || len(registers) != o.sources+1 || o.floats && s.size < 2 {
		panic(fmt.Sprintf("asm: there is no %s %s of %d registers", name, shape, len(registers)))
	}
	w := o.word | s.size<<22
	if o.floats {
		w = o.word | s.size&1<<22
	}
	return w | s.q() | placed(registers)
}

// q is the bit that says that all 128 bits are used.
func (s shape) q() uint32 {
	if s.full {
		return 1 << 30
	}
	return 0
}

// placed are the numbers of registers at their places: destination, first and second source.
func placed(registers []int) uint32 {
	n := len(registers)
	w := uint32(registers[n-1]) | uint32(registers[n-2])<<5
	if n == 3 {
		w |= uint32(registers[0]) << 16
	}
	return w
}

// Convert adds an arm64 instruction that converts vector n of a shape to d of another.
func (f *Func) Convert(name, from, to string, n, d int) {
	f.word(convert(name, from, to, n, d), "%s V%d.%s, V%d.%s", name, n, from, d, to)
}

func convert(name, from, to string, n, d int) uint32 {
	w, known := conversions[name+" "+from+" "+to]
	if !known {
		panic(fmt.Sprintf("asm: there is no %s from %s to %s", name, from, to))
	}
	return w | placed([]int{n, d})
}

// MulLong adds the arm64 instruction UMULL: the lower two elements of 32 bits, or the upper two, of n and m multiplied to 64 bits.
func (f *Func) MulLong(upper bool, m, n, d int) {
	name := "UMULL S2"
	if upper {
		name = "UMULL2 S4"
	}
	f.word(mulLong(upper, m, n, d), "%s to D2 %s", name, list("S4", []int{m, n, d}))
}

func mulLong(upper bool, m, n, d int) uint32 {
	return 0x2ea0c000 | shape{full: upper}.q() | placed([]int{m, n, d})
}

// MulAddFirst adds the arm64 instruction FMLA by an element: the products of vector n and the first element of m are added to d.
func (f *Func) MulAddFirst(shape string, m, n, d int) {
	f.word(mulAddFirst(shape, m, n, d), "FMLA V%d.%s[0], V%d.%s, V%d.%[4]s", m, shape[:1], n, shape, d)
}

func mulAddFirst(shape string, m, n, d int) uint32 {
	s := shapes[shape]
	return 0x0f801000 | s.q() | s.size&1<<22 | placed([]int{m, n, d})
}

// ShiftRightSigned adds the arm64 instruction SSHR, which fills up with the sign.
func (f *Func) ShiftRightSigned(shape string, by, n, d int) {
	f.word(shiftRightSigned(shape, by, n, d), "SSHR $%d, V%d.%s, V%d.%[3]s", by, n, shape, d)
}

func shiftRightSigned(shape string, by, n, d int) uint32 {
	s := shapes[shape]
	return 0x0f000400 | s.q() | (2*8<<s.size-uint32(by))<<16 | placed([]int{n, d})
}

// list writes registers of a shape as operands.
func list(shape string, registers []int) string {
	var parts []string
	for _, r := range registers {
		parts = append(parts, fmt.Sprintf("V%d.%s", r, shape))
	}
	return strings.Join(parts, ", ")
}

// word adds an instruction that Go's assembler does not know.
func (f *Func) word(w uint32, format string, a ...any) {
	f.Op("WORD $0x%08x // %s", w, fmt.Sprintf(format, a...))
}
