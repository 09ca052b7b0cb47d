package generate

import (
	"math"

	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
	"github.com/quire-ml/quire/backends/gocpu/internal/vector/piece"
)

// functions adds the pieces of functions.
func (m *armMachine) functions() {
	eachFunction(m.function, m.angles)
	for _, f := range fallingFunctions {
		m.function(f.kind, 8, f.anywhere)
	}
	m.powers()
}

// powers adds the piece of Pow, with a short way for positive finite numbers to finite powers.
func (m *armMachine) powers() {
	common := m.loopOf(piece.Pow, 8, func(b *body, x, y value) value { return b.exp2(b.times(y, b.log2(x))) })
	any := m.loopOf(piece.Pow, 8, (*body).pow)
	m.piece(piece.Pow, 0, 0, func(f *asm.Func) {
		m.beginLoop(f)
		// register 1: the largest of x and |y|, register 2: the least x, as integers; of a positive number that is its order
		f.Op("VEOR V1.B16, V1.B16, V1.B16")
		repeated(f, infinity, 2)
		for i := range armRegisters {
			f.Op("FMOVQ %d(%s), F0", 16*i, armAt)
			f.Op("FMOVQ %d(%s), F3", 16*i, armMore)
			f.Vector("FABS", "S4", 3, 3)
			f.Vector("SMIN", "S4", 0, 2, 2)
			f.Vector("SMAX", "S4", 0, 1, 1)
			f.Vector("SMAX", "S4", 3, 1, 1)
		}
		m.ifAbove(f, infinity-1, "any")
		repeated(f, 1, 3)
		f.Op("VSUB V3.S4, V2.S4, V2.S4")
		f.Op("VUSHR $31, V2.S4, V1.S4") // 1 where x was not positive
		m.ifAbove(f, 0, "any")
		common.write(f, "more")
		f.Op("JMP done")
		f.Label("any")
		any.write(f, "next")
		f.Label("done")
	})
}

// ifAbove jumps if an element of register 1 is above a number.
func (m *armMachine) ifAbove(f *asm.Func, bits uint32, label string) {
	repeated(f, bits, 0)
	f.Vector("CMGT", "S4", 0, 1, 0)
	f.Convert("XTN", "S4", "H4", 0, 0)
	f.Op("FMOVD F0, %s", armJump)
	f.Op("CBNZ %s, %s", armJump, label)
}

// angles adds the piece of a function of angles, as machine.angles does.
func (m *armMachine) angles(k piece.Kind, near bodyOf, turn func(b *body, t, r value) value) {
	one := &body{m: m.machine, element: 8, masks: map[int]bool{}, streams: make([][]line, 1)}
	r := one.add(line{kind: load, name: "VBROADCASTSD", at: armAngle(angleRest)})
	n := one.add(line{kind: load, name: "VBROADCASTSD", at: armAngle(angleTurns)})
	one.add(line{kind: store, name: "VMOVSS", args: []value{turn(one, n, r)}, at: "(DX)"})
	text, _ := m.assemble(one)
	far := m.loopOf(k, 8, func(b *body, x, _ value) value {
		t, r := b.turn(x)
		return turn(b, t, r)
	})
	m.piece(k, 0, 0, func(f *asm.Func) {
		m.beginLoop(f)
		f.Op("VEOR V1.B16, V1.B16, V1.B16")
		for i := range armRegisters { // the largest, as integers
			f.Op("FMOVQ %d(%s), F0", 16*i, armAt)
			f.Vector("FABS", "S4", 0, 0)
			f.Vector("SMAX", "S4", 0, 1, 1)
		}
		if near != nil {
			m.ifAbove(f, math.Float32bits(nearAngle)-1, "far")
			m.loopOf(k, 4, near).write(f, "more")
			f.Op("JMP done")
			f.Label("far")
		}
		f.Op("MOVD $0, %s", armHuge)
		m.ifAbove(f, hugeExponent<<23-1, "huge")
		f.Op("JMP copy")
		f.Label("huge")
		f.Op("MOVD $1, %s", armHuge)
		f.Label("copy")
		f.Op("ADD $%d, %s, %s", piece.Copy, armScratch, armJump)
		loadPairs(f, armAt, 0)
		storePairs(f, 0, armJump)
		if near != nil {
			f.Op("ADD $%d, %s, %s", piece.Far, armScratch, armTo)
		}
		far.write(f, "turn")
		if near != nil {
			m.beginLoop(f)
			m.loopOf(k, 4, near).write(f, "again")
			m.takeFar(f)
		}
		m.huge(f, text)
	})
}

// armHuge says whether there is a huge angle.
const armHuge = "R13"

func armAngle(offset int) string { return place(offset, armScratch) }

// takeFar replaces the results of angles that are not near: those that are have the same ones as among near angles alone.
func (m *armMachine) takeFar(f *asm.Func) {
	m.slots(f)
	repeated(f, math.Float32bits(nearAngle)-1, 3)
	for i := range armRegisters {
		f.Op("FMOVQ %d(%s), F0", piece.Copy+16*i, armScratch)
		f.Op("FMOVQ %d(%s), F1", piece.Far+16*i, armScratch)
		f.Op("FMOVQ %d(%s), F2", 16*i, armTo)
		f.Vector("FABS", "S4", 0, 0)
		f.Vector("CMGT", "S4", 3, 0, 0)
		f.Op("VBIT V0.B16, V1.B16, V2.B16")
		f.Op("FMOVQ F2, %d(%s)", 16*i, armTo)
	}
}

// huge computes the function of huge numbers one by one, by text of the turns and what is left.
func (m *armMachine) huge(f *asm.Func, text []func(f *asm.Func)) {
	const (
		index, bits, exponent, digits = "R14", "R15", "R16", "R17"
		low, high, turns, sign        = "R19", "R20", "R21", "R22"
		from                          = "R23"
	)
	f.Op("CBZ %s, done", armHuge)
	m.slots(f)
	f.Op("ADD $%d, %s, %s", piece.Copy, armScratch, from)
	f.Op("MOVD $%d, %s", armBlock, index)
	f.Label("one")
	f.Op("MOVWU.P 4(%s), %s", from, bits)
	f.Op("LSR $23, %s, %s", bits, exponent)
	f.Op("AND $255, %s", exponent)
	f.Op("SUBS $%d, %s", hugeExponent, exponent)
	f.Op("BLT skip")
	f.Op("CMP $%d, %s", 255-hugeExponent, exponent) // infinite, or NaN
	f.Op("BEQ skip")
	f.Op("AND $0x7fffff, %s, %s", bits, digits)
	f.Op("ORR $0x800000, %s", digits)
	f.Op("MOVD $%s, %s", m.turns, low)
	f.Op("ADD %s<<4, %s", exponent, low)
	f.Op("LDP (%s), (%[1]s, %s)", low, high)
	f.Comment("the product modulo 2^128: two bits before the point")
	f.Op("MUL %s, %s", digits, high)
	f.Op("UMULH %s, %s, %s", low, digits, turns)
	f.Op("ADD %s, %s", turns, high)
	f.Op("MUL %s, %s", digits, low)
	f.Op("LSR $62, %s, %s", high, turns)
	f.Op("EXTR $62, %s, %s, %[2]s", low, high)
	f.Comment("the fraction as a signed number is the distance to the next multiple")
	f.Op("ADD %s>>63, %s", high, turns)
	f.Op("SCVTFD %s, F0", high)
	factor := math.Float64bits(math.Pi / 2 * 0x1p-64)
	f.Op("MOVD $%#x, %s", factor, sign)
	f.Op("FMOVD %s, F1", sign)
	f.Op("FMULD F1, F0")
	f.Op("TBZ $31, %s, positive", bits)
	f.Op("NEG %s, %[1]s", turns)
	f.Op("FNEGD F0, F0")
	f.Label("positive")
	f.Op("FMOVD F0, %s", armAngle(angleRest))
	f.Op("MOVD %s, %s", turns, armAngle(angleTurns))
	for _, t := range text {
		t(f)
	}
	f.Label("skip")
	f.Op("ADD $4, %s", armTo)
	f.Op("SUBS $1, %s", index)
	f.Op("BNE one")
	f.Label("done")
}
