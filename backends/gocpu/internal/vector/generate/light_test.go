package generate

import (
	"fmt"

	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
	"github.com/quire-ml/quire/backends/gocpu/internal/vector/piece"
)

const (
	signBit  = 0x80000000
	infinity = 0x7f800000
	one      = 0x3f800000
)

// number is a 32-bit constant as the second source of an instruction, and the end of its name.
func (m *machine) number(bits uint32) (operand, suffix string) {
	if m.wide {
		return m.pool.put(bits), ".BCST"
	}
	return m.pool.put(repeat(bits, m.width/4)...), ""
}

func repeat(word uint32, n int) []uint32 {
	words := make([]uint32, n)
	for i := range words {
		words[i] = word
	}
	return words
}

// with writes instruction name with a 32-bit constant as its second source.
func (m *machine) with(f *asm.Func, name string, bits uint32, x, z string) {
	c, suffix := m.number(bits)
	f.Op("%s%s %s, %s, %s", name, suffix, c, x, z)
}

// light adds the pieces of ops and moves that work in virtual registers.
func (m *machine) light() {
	for r := range m.virtual {
		m.moves(r)
		m.unary(r)
		m.limits(r)
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

func (m *machine) moves(r int) {
	at := func(i int) string { return fmt.Sprintf("%d(%s)(DX*1)", i*m.width, scratch) }
	m.piece(piece.Fill, r, 0, func(f *asm.Func) {
		f.Op("MOVQ 8(%s), DX", counter)
		f.Op("VBROADCASTSS (%s)(DX*1), %s", scratch, m.z(m.v(r, 0)))
		for i := 1; i < piece.Vectors; i++ {
			f.Op("VMOVAPS %s, %s", m.z(m.v(r, 0)), m.z(m.v(r, i)))
		}
	})
	m.piece(piece.Reload, r, 0, func(f *asm.Func) {
		f.Op("MOVQ 8(%s), DX", counter)
		for i := range piece.Vectors {
			f.Op("VMOVUPS %s, %s", at(i), m.z(m.v(r, i)))
		}
	})
	m.piece(piece.Spill, r, 0, func(f *asm.Func) {
		f.Op("MOVQ 8(%s), DX", counter)
		for i := range piece.Vectors {
			f.Op("VMOVUPS %s, %s", m.z(m.v(r, i)), at(i))
		}
	})
	for other := range m.virtual {
		if other != r {
			m.piece(piece.Move, r, other, func(f *asm.Func) {
				for i := range piece.Vectors {
					f.Op("VMOVAPS %s, %s", m.z(m.v(other, i)), m.z(m.v(r, i)))
				}
			})
		}
	}
}

// second returns what gives vector i of the second operand: of a virtual register, a slot or a uniform, whose offset is in
// DX. In a register, if it has to be one, which is then t(0).
func (m *machine) second(f *asm.Func, other int) func(i int, register bool) string {
	switch other {
	case piece.Slot:
		return func(i int, register bool) string {
			at := fmt.Sprintf("%d(%s)(DX*1)", i*m.width, scratch)
			if register {
				f.Op("VMOVUPS %s, %s", at, m.z(m.t(0)))
				return m.z(m.t(0))
			}
			return at
		}
	case piece.Uniform:
		f.Op("VBROADCASTSS (%s)(DX*1), %s", scratch, m.z(m.t(0)))
		return func(int, bool) string { return m.z(m.t(0)) }
	}
	return func(i int, _ bool) string { return m.z(m.v(other, i)) }
}

func (m *machine) binary(r, other int) {
	for _, o := range []struct {
		kind    piece.Kind
		name    string
		swapped bool
	}{
		{piece.Add, "VADDPS", false}, {piece.Sub, "VSUBPS", false}, {piece.SubFrom, "VSUBPS", true},
		{piece.Mul, "VMULPS", false}, {piece.Div, "VDIVPS", false}, {piece.DivFrom, "VDIVPS", true},
		{piece.Max, "VMAXPS", false}, {piece.Min, "VMINPS", false},
	} {
		m.piece(o.kind, r, other, func(f *asm.Func) {
			if other >= piece.Slot {
				f.Op("MOVQ 8(%s), DX", counter)
			}
			y := m.second(f, other)
			for i := range piece.Vectors {
				x := m.z(m.v(r, i))
				switch {
				case o.kind == piece.Max || o.kind == piece.Min:
					m.extreme(f, o.kind == piece.Max, y(i, true), x, m.z(m.t(1+i%2)), m.z(m.t(3)))
				case o.swapped:
					f.Op("%s %s, %s, %s", o.name, x, y(i, true), x)
				default:
					f.Op("%s %s, %s, %s", o.name, y(i, false), x, x)
				}
			}
		})
	}
}

// limits adds the pieces of Max and Min of r and a number that is known. The processor's instruction gives its second source if
// one of them is NaN or both are 0: r is right then, but for -0 and 0, to which 0 is added.
func (m *machine) limits(r int) {
	for _, k := range []piece.Kind{piece.MaxNumber, piece.MinNumber, piece.MaxZero} {
		name := "VMAXPS"
		if k == piece.MinNumber {
			name = "VMINPS"
		}
		m.piece(k, r, piece.Uniform, func(f *asm.Func) {
			f.Op("MOVQ 8(%s), DX", counter)
			y := m.second(f, piece.Uniform)
			for i := range piece.Vectors {
				x := m.z(m.v(r, i))
				f.Op("%s %s, %s, %s", name, x, y(i, true), x)
				if k == piece.MaxZero {
					f.Op("VADDPS %s, %s, %s", y(i, true), x, x)
				}
			}
		})
	}
}

// extreme makes x the larger or smaller of x and y. The processor's instruction gives its second source if one of them is NaN or
// both are 0: taken both ways round, the two results differ only there. Their bits joined by or are a NaN, and of zeros the
// negative one, which is right for the smaller; for the larger, the signs are joined by and.
func (m *machine) extreme(f *asm.Func, larger bool, y, x, t, u string) {
	name := "VMINPS"
	if larger {
		name = "VMAXPS"
	}
	if larger && !m.wide {
		f.Op("VCMPPS $3, %s, %s, %s", y, x, u) // ones, which are a NaN, where one is NaN
	}
	f.Op("%s %s, %s, %s", name, x, y, t)
	f.Op("%s %s, %s, %s", name, y, x, x)
	switch {
	case !larger:
		f.Op("VORPS %s, %s, %s", t, x, x)
	case m.wide:
		c, suffix := m.number(signBit)
		f.Op("VPTERNLOGD%s $0xd4, %s, %s, %s", suffix, c, t, x) // sign ? x and t : x or t
	default:
		f.Op("VANDPS %s, %s, %s", t, x, x)
		f.Op("VORPS %s, %s, %s", u, x, x)
	}
}

// predicates are the numbers of comparisons that are false for NaN, but for the one that is true.
var predicates = map[piece.Kind]int{
	piece.Equal: 0x00, piece.NotEqual: 0x04, piece.Less: 0x11, piece.LessEqual: 0x12, piece.Greater: 0x1e, piece.GreaterEqual: 0x1d,
}

func (m *machine) compare(r, other int) {
	for k := piece.Equal; k <= piece.GreaterEqual; k++ {
		m.piece(k, r, other, func(f *asm.Func) {
			f.Op("MOVL 8(%s), DX", counter)
			f.Op("MOVL 12(%s), BX", counter)
			y := m.second(f, other)
			m.test(f, func(i int, mask string) {
				f.Op("VCMPPS $%d, %s, %s, %s", predicates[k], y(i, false), m.z(m.v(r, i)), mask)
			})
		})
	}
}

// test makes the mask at offset BX of what one gives for each vector.
func (m *machine) test(f *asm.Func, one func(i int, mask string)) {
	for i := range piece.Vectors {
		if m.wide {
			one(i, fmt.Sprintf("K%d", i+1))
			f.Op("KMOVW K%d, %d(%s)(BX*1)", i+1, 2*i, scratch)
			continue
		}
		t := m.z(m.t(1 + i%2))
		one(i, t)
		f.Op("VMOVUPS %s, %d(%s)(BX*1)", t, i*m.width, scratch)
	}
}

// choose adds the pieces of Select.
func (m *machine) choose(r, other int) {
	if other == r {
		return
	}
	for _, k := range []piece.Kind{piece.SelectYes, piece.SelectNo} {
		m.piece(k, r, other, func(f *asm.Func) {
			f.Op("MOVL 8(%s), DX", counter)
			f.Op("MOVL 12(%s), BX", counter)
			y := m.second(f, other)
			for i := range piece.Vectors {
				x, mask := m.z(m.v(r, i)), fmt.Sprintf("K%d", i+1)
				if m.wide {
					f.Op("KMOVW %d(%s)(BX*1), %s", 2*i, scratch, mask)
				} else {
					mask = m.z(m.t(1))
					f.Op("VMOVUPS %d(%s)(BX*1), %s", i*m.width, scratch, mask)
				}
				switch {
				case m.wide && k == piece.SelectYes:
					f.Op("VBLENDMPS %s, %s, %s, %s", x, y(i, true), mask, x)
				case m.wide:
					f.Op("VMOVUPS %s, %s, %s", y(i, false), mask, x)
				case k == piece.SelectYes:
					f.Op("VBLENDVPS %s, %s, %s, %s", mask, x, y(i, true), x)
				default:
					f.Op("VBLENDVPS %s, %s, %s, %s", mask, y(i, false), x, x)
				}
			}
		})
	}
}

// logic adds the pieces of ops on masks.
func (m *machine) logic() {
	for _, o := range []struct {
		kind    piece.Kind
		name    string
		general string
	}{{piece.And, "VANDPS", "ANDQ"}, {piece.Or, "VORPS", "ORQ"}, {piece.Xor, "VXORPS", "XORQ"}, {piece.Not, "", ""}} {
		m.piece(o.kind, 0, 0, func(f *asm.Func) {
			f.Op("MOVWQZX 8(%s), SI", counter)
			f.Op("MOVWQZX 10(%s), DX", counter)
			f.Op("MOVWQZX 12(%s), BX", counter)
			if m.wide {
				f.Op("MOVQ (%s)(SI*1), AX", scratch)
				if o.name == "" {
					f.Op("NOTQ AX")
				} else {
					f.Op("%s (%s)(DX*1), AX", o.general, scratch)
				}
				f.Op("MOVQ AX, (%s)(BX*1)", scratch)
				return
			}
			for i := range piece.Vectors {
				t := m.z(m.t(i % 4))
				f.Op("VMOVUPS %d(%s)(SI*1), %s", i*m.width, scratch, t)
				if o.name == "" {
					m.with(f, "VXORPS", 0xffffffff, t, t)
				} else {
					f.Op("%s %d(%s)(DX*1), %s, %s", o.name, i*m.width, scratch, t, t)
				}
				f.Op("VMOVUPS %s, %d(%s)(BX*1)", t, i*m.width, scratch)
			}
		})
	}
}

func (m *machine) unary(r int) {
	round := "VROUNDPS"
	if m.wide {
		round = "VRNDSCALEPS"
	}
	for _, o := range []struct {
		kind piece.Kind
		one  func(f *asm.Func, x, t, u string)
	}{
		{piece.Neg, func(f *asm.Func, x, _, _ string) { m.with(f, "VXORPS", signBit, x, x) }},
		{piece.Abs, func(f *asm.Func, x, _, _ string) { m.with(f, "VANDPS", ^uint32(signBit), x, x) }},
		{piece.Sqrt, func(f *asm.Func, x, _, _ string) { f.Op("VSQRTPS %s, %s", x, x) }},
		// The immediate 8 keeps the processor from noting that a result is inexact; 0, 1 and 2 are to nearest even, down and up.
		{piece.Floor, func(f *asm.Func, x, _, _ string) { f.Op("%s $9, %s, %s", round, x, x) }},
		{piece.Ceil, func(f *asm.Func, x, _, _ string) { f.Op("%s $10, %s, %s", round, x, x) }},
		{piece.Round, func(f *asm.Func, x, _, _ string) { f.Op("%s $8, %s, %s", round, x, x) }},
		{piece.Sign, m.sign},
		{piece.RoundBFloat16, m.roundBFloat16},
		{piece.RoundFloat16, func(f *asm.Func, x, t, _ string) {
			f.Op("VCVTPS2PH $0, %s, %s", x, halfOf(t))
			f.Op("VCVTPH2PS %s, %s", halfOf(t), x)
		}},
	} {
		m.piece(o.kind, r, 0, func(f *asm.Func) {
			for i := range piece.Vectors {
				o.one(f, m.z(m.v(r, i)), m.z(m.t(2*(i%2))), m.z(m.t(2*(i%2)+1)))
			}
		})
	}
	for _, o := range []struct {
		kind piece.Kind
		one  func(f *asm.Func, x, mask string)
	}{
		{piece.IsFinite, func(f *asm.Func, x, mask string) {
			t := m.z(m.t(0))
			m.with(f, "VANDPS", ^uint32(signBit), x, t)
			c, suffix := m.number(infinity)
			f.Op("VCMPPS%s $0x11, %s, %s, %s", suffix, c, t, mask)
		}},
		{piece.IsNaN, func(f *asm.Func, x, mask string) { f.Op("VCMPPS $3, %s, %s, %s", x, x, mask) }},
	} {
		m.piece(o.kind, r, 0, func(f *asm.Func) {
			f.Op("MOVQ 8(%s), BX", counter)
			m.test(f, func(i int, mask string) { o.one(f, m.z(m.v(r, i)), mask) })
		})
	}
}

// halfOf is the lower half of a vector register.
func halfOf(z string) string {
	if z[0] == 'Z' {
		return "Y" + z[1:]
	}
	return "X" + z[1:]
}

// sign keeps zeros and NaN, and makes 1 with the sign of x of the others.
func (m *machine) sign(f *asm.Func, x, t, u string) {
	m.with(f, "VANDPS", signBit, x, t)
	m.with(f, "VORPS", one, t, t)
	c, suffix := m.number(0)
	if m.wide {
		f.Op("VCMPPS%s $0x0c, %s, %s, K5", suffix, c, x) // neither 0 nor NaN
		f.Op("VMOVAPS %s, K5, %s", t, x)
		return
	}
	f.Op("VCMPPS $0x0c, %s, %s, %s", c, x, u)
	f.Op("VBLENDVPS %s, %s, %s, %s", u, t, x, x)
}

// roundBFloat16 rounds to the upper 16 bits, to nearest and to even: half of the last place that stays, less one if that
// place is even, is added. NaN, whose bits could carry over, is made quiet instead.
func (m *machine) roundBFloat16(f *asm.Func, x, t, u string) {
	f.Op("VPSRLD $16, %s, %s", x, t)
	if m.wide {
		f.Op("VCMPPS $3, %s, %s, K5", x, x)
		m.with(f, "VPANDD", 1, t, t)
		m.with(f, "VPADDD", 0x7fff, t, t)
		f.Op("VPADDD %s, %s, %s", x, t, t)
		c, suffix := m.number(0x400000)
		f.Op("VPORD%s %s, %s, K5, %s", suffix, c, x, t)
		m.with(f, "VPANDD", 0xffff0000, t, x)
		return
	}
	f.Op("VCMPPS $3, %s, %s, %s", x, x, u)
	m.with(f, "VPAND", 1, t, t)
	m.with(f, "VPADDD", 0x7fff, t, t)
	f.Op("VPADDD %s, %s, %s", x, t, t)
	m.with(f, "VPOR", 0x400000, x, x)
	f.Op("VBLENDVPS %s, %s, %s, %s", u, x, t, x)
	m.with(f, "VPAND", 0xffff0000, x, x)
}
