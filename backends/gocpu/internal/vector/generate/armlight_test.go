package generate

import (
	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
	"github.com/quire-ml/quire/backends/gocpu/internal/vector/piece"
)

// light adds the pieces of ops and moves that work in virtual registers.
func (m *armMachine) light() {
	for r := range m.virtual {
		m.moves(r)
		m.unary(r)
		for other := range 8 {
			if other < m.virtual || other == piece.Slot || other == piece.Uniform {
				m.binary(r, other)
				m.compare(r, other)
				m.choose(r, other)
			}
		}
	}
	m.logic()
}

// place makes armAt the address in scratch memory that is the word, or its lower half.
func (m *armMachine) place(f *asm.Func, half bool) {
	move := "MOVD"
	if half {
		move = "MOVWU"
	}
	f.Op("%s 8(%s), %s", move, armCounter, armAt)
	f.Op("ADD %s, %s", armScratch, armAt)
}

func (m *armMachine) moves(r int) {
	v := m.v(r, 0)
	m.piece(piece.Fill, r, 0, func(f *asm.Func) {
		m.place(f, false)
		f.Op("VLD1R (%s), [V%d.S4]", armAt, v)
		for i := 1; i < armRegisters; i++ {
			f.Op("VMOV V%d.B16, V%d.B16", v, v+i)
		}
	})
	m.piece(piece.Reload, r, 0, func(f *asm.Func) {
		m.place(f, false)
		loadPairs(f, armAt, v)
	})
	m.piece(piece.Spill, r, 0, func(f *asm.Func) {
		m.place(f, false)
		storePairs(f, v, armAt)
	})
	for other := range m.virtual {
		if other != r {
			m.piece(piece.Move, r, other, func(f *asm.Func) {
				for i := range armRegisters {
					f.Op("VMOV V%d.B16, V%d.B16", m.v(other, i), v+i)
				}
			})
		}
	}
}

// second returns what gives the register of vector i of the second operand: of a virtual register, a slot or a uniform, at armAt. It
// is called for all of them in their order, and takes registers from armFree on, of which two are left.
func (m *armMachine) second(f *asm.Func, other int) func(i int) int {
	switch other {
	case piece.Slot:
		return func(i int) int {
			v := armFree + i%4
			if i%2 == 0 {
				f.Op("FLDPQ %d(%s), (F%d, F%d)", 16*i, armAt, v, v+1)
			}
			return v
		}
	case piece.Uniform:
		f.Op("VLD1R (%s), [V%d.S4]", armAt, armFree)
		return func(int) int { return armFree }
	}
	return func(i int) int { return m.v(other, i) }
}

func (m *armMachine) binary(r, other int) {
	for _, o := range []struct {
		kind    piece.Kind
		name    string
		swapped bool
	}{
		{piece.Add, "FADD", false}, {piece.Sub, "FSUB", false}, {piece.SubFrom, "FSUB", true},
		{piece.Mul, "FMUL", false}, {piece.Div, "FDIV", false}, {piece.DivFrom, "FDIV", true},
		{piece.Max, "FMAX", false}, {piece.Min, "FMIN", false}, // with NaN, and of zeros the right one
		{piece.MaxNumber, "FMAX", false}, {piece.MinNumber, "FMIN", false}, {piece.MaxZero, "FMAX", false},
	} {
		if o.kind >= piece.MaxNumber && other != piece.Uniform {
			continue
		}
		m.piece(o.kind, r, other, func(f *asm.Func) {
			if other >= piece.Slot {
				m.place(f, false)
			}
			y := m.second(f, other)
			for i := range armRegisters {
				x, y := m.v(r, i), y(i)
				if o.swapped {
					f.Vector(o.name, "S4", x, y, x)
				} else {
					f.Vector(o.name, "S4", y, x, x)
				}
			}
		})
	}
}

// compare adds the pieces of comparisons, none of which holds for NaN but NotEqual.
func (m *armMachine) compare(r, other int) {
	for _, o := range []struct {
		kind             piece.Kind
		name             string
		swapped, negated bool
	}{
		{piece.Equal, "FCMEQ", false, false}, {piece.NotEqual, "FCMEQ", false, true}, {piece.Less, "FCMGT", true, false},
		{piece.LessEqual, "FCMGE", true, false}, {piece.Greater, "FCMGT", false, false}, {piece.GreaterEqual, "FCMGE", false, false},
	} {
		m.piece(o.kind, r, other, func(f *asm.Func) {
			m.place(f, true)
			f.Op("MOVWU 12(%s), %s", armCounter, armTo)
			y := m.second(f, other)
			m.test(f, func(i, mask int) {
				x, y := m.v(r, i), y(i)
				if o.swapped {
					x, y = y, x
				}
				f.Vector(o.name, "S4", y, x, mask)
				if o.negated {
					f.Vector("NOT", "B16", mask, mask)
				}
			})
		})
	}
}

// test makes the mask at offset armTo of what one gives for each vector, in the last two scratch registers.
func (m *armMachine) test(f *asm.Func, one func(i, mask int)) {
	const mask = armFree + 6
	f.Op("ADD %s, %s", armScratch, armTo)
	for i := range armRegisters {
		one(i, mask+i%2)
		if i%2 == 1 {
			f.Op("FSTPQ (F%d, F%d), %d(%s)", mask, mask+1, 16*(i-1), armTo)
		}
	}
}

// choose adds the pieces of Select.
func (m *armMachine) choose(r, other int) {
	if other == r {
		return
	}
	const mask = armFree + 6
	for _, o := range []struct {
		kind piece.Kind
		name string
	}{{piece.SelectYes, "VBIF"}, {piece.SelectNo, "VBIT"}} { // other replaces r where the mask does not hold, or does
		m.piece(o.kind, r, other, func(f *asm.Func) {
			m.place(f, true)
			f.Op("MOVWU 12(%s), %s", armCounter, armTo)
			f.Op("ADD %s, %s", armScratch, armTo)
			y := m.second(f, other)
			for i := range armRegisters {
				if i%2 == 0 {
					f.Op("FLDPQ %d(%s), (F%d, F%d)", 16*i, armTo, mask, mask+1)
				}
				f.Op("%s V%d.B16, V%d.B16, V%d.B16", o.name, mask+i%2, y(i), m.v(r, i))
			}
		})
	}
}

// logic adds the pieces of ops on masks.
func (m *armMachine) logic() {
	t := armFree
	for _, o := range []struct {
		kind piece.Kind
		name string
	}{{piece.And, "VAND"}, {piece.Or, "VORR"}, {piece.Xor, "VEOR"}, {piece.Not, ""}} {
		m.piece(o.kind, 0, 0, func(f *asm.Func) {
			m.slots(f)
			pairs(0, func(_, offset int) {
				f.Op("FLDPQ %d(%s), (F%d, F%d)", offset, armAt, t, t+1)
				if o.name != "" {
					f.Op("FLDPQ %d(%s), (F%d, F%d)", offset, armTo, t+2, t+3)
				}
				for i := range 2 {
					if o.name == "" {
						f.Vector("NOT", "B16", t+i, t+i)
					} else {
						f.Op("%s V%d.B16, V%d.B16, V%[3]d.B16", o.name, t+2+i, t+i)
					}
				}
				f.Op("FSTPQ (F%d, F%d), %d(%s)", t, t+1, offset, armMore)
			})
		})
	}
}

// slots makes armAt, armTo and armMore the addresses that the word has the offsets of.
func (m *armMachine) slots(f *asm.Func) {
	for i, r := range []string{armAt, armTo, armMore} {
		f.Op("MOVHU %d(%s), %s", 8+2*i, armCounter, r)
		f.Op("ADD %s, %s", armScratch, r)
	}
}

func (m *armMachine) unary(r int) {
	t := armFree
	for _, o := range []struct {
		kind    piece.Kind
		prepare func(f *asm.Func)
		one     func(f *asm.Func, x, t, u int)
	}{
		{piece.Neg, nil, func(f *asm.Func, x, _, _ int) { f.Vector("FNEG", "S4", x, x) }},
		{piece.Abs, nil, func(f *asm.Func, x, _, _ int) { f.Vector("FABS", "S4", x, x) }},
		{piece.Sqrt, nil, func(f *asm.Func, x, _, _ int) { f.Vector("FSQRT", "S4", x, x) }},
		{piece.Floor, nil, func(f *asm.Func, x, _, _ int) { f.Vector("FRINTM", "S4", x, x) }},
		{piece.Ceil, nil, func(f *asm.Func, x, _, _ int) { f.Vector("FRINTP", "S4", x, x) }},
		{piece.Round, nil, func(f *asm.Func, x, _, _ int) { f.Vector("FRINTN", "S4", x, x) }},
		{piece.Sign, m.signs, m.sign},
		{piece.RoundBFloat16, m.halves, func(f *asm.Func, x, t, u int) {
			m.roundBFloat16(f, x, t, u)
			f.Op("VUSHR $16, V%[1]d.S4, V%[1]d.S4", x)
			f.Op("VSHL $16, V%[1]d.S4, V%[1]d.S4", x)
		}},
		{piece.RoundFloat16, nil, func(f *asm.Func, x, _, _ int) {
			f.Convert("FCVTN", "S4", "H4", x, x)
			f.Convert("FCVTL", "H4", "S4", x, x)
		}},
	} {
		m.piece(o.kind, r, 0, func(f *asm.Func) {
			if o.prepare != nil {
				o.prepare(f)
			}
			for i := range armRegisters {
				o.one(f, m.v(r, i), t+2*(i%2), t+2*(i%2)+1)
			}
		})
	}
	m.piece(piece.IsFinite, r, 0, func(f *asm.Func) {
		f.Op("MOVD 8(%s), %s", armCounter, armTo)
		repeated(f, infinity, t)
		m.test(f, func(i, mask int) {
			f.Vector("FABS", "S4", m.v(r, i), mask)
			f.Vector("FCMGT", "S4", mask, t, mask)
		})
	})
	m.piece(piece.IsNaN, r, 0, func(f *asm.Func) {
		f.Op("MOVD 8(%s), %s", armCounter, armTo)
		m.test(f, func(i, mask int) {
			f.Vector("FCMEQ", "S4", m.v(r, i), m.v(r, i), mask)
			f.Vector("NOT", "B16", mask, mask)
		})
	})
}

// Registers of numbers that unary pieces want for all elements.
const (
	armOne  = armFree + 5
	armSign = armFree + 6
	armZero = armFree + 7
	armHalf = armFree + 5 // what rounding to bfloat16 adds
)

// signs prepares sign.
func (m *armMachine) signs(f *asm.Func) {
	repeated(f, one, armOne)
	repeated(f, signBit, armSign)
	repeated(f, 0, armZero)
}

// sign keeps zeros and NaN, and makes 1 with the sign of x of the others.
func (m *armMachine) sign(f *asm.Func, x, t, u int) {
	f.Op("VMOV V%d.B16, V%d.B16", armOne, t)
	f.Op("VBIT V%d.B16, V%d.B16, V%d.B16", armSign, x, t)
	f.Vector("FABS", "S4", x, u)
	f.Vector("FCMGT", "S4", armZero, u, u)
	f.Op("VBIT V%d.B16, V%d.B16, V%d.B16", u, t, x)
}

// halves prepares roundBFloat16.
func (m *armMachine) halves(f *asm.Func) { repeated(f, 0x7fff, armHalf) }

// roundBFloat16 rounds to the upper 16 bits, to nearest and to even, and leaves something in the lower ones: half of the last place
// that stays, less one if that place is even, is added. NaN, whose bits could carry over, is made quiet instead, as by any sum.
func (m *armMachine) roundBFloat16(f *asm.Func, x, t, u int) {
	f.Op("VSHL $15, V%d.S4, V%d.S4", x, t)
	f.Op("VUSHR $31, V%[1]d.S4, V%[1]d.S4", t)
	f.Op("VADD V%d.S4, V%[2]d.S4, V%[2]d.S4", armHalf, t)
	f.Op("VADD V%d.S4, V%[2]d.S4, V%[2]d.S4", x, t)
	f.Vector("FADD", "S4", x, x, u)
	f.Vector("FCMEQ", "S4", x, x, x)
	f.Op("VBSL V%d.B16, V%d.B16, V%d.B16", u, t, x)
}
