package generate

import (
	"math"
	"math/big"

	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
	"github.com/quire-ml/quire/backends/gocpu/internal/vector/piece"
)

// Angles from 2^31 on are rare, and done one by one: the loop over the vectors gives them some number, which is put right then.
const (
	hugeExponent = 127 + 31 // of the least of them, as it stands in their bits
	angleRest    = 200      // places in scratch memory, for one of them: r
	angleTurns   = 208      // n
	angleVectors = 216      // where the number of vectors is kept meanwhile
)

// turnsTable has, per exponent of huge numbers, 128 bits of 2/π from the one on whose product with a number of 24 bits has the
// weight 2: more significant ones give whole turns (Payne and Hanek, "Radian reduction for trigonometric functions", SIGNUM
// Newsletter 18, 1983).
func turnsTable() []uint32 {
	const digits = "0.636619772367581343075535053490057448137838582961825794990669376235587190536906140360455211065012343824291370907031" // 2/π
	var words []uint32
	twoOverPi, _, err := big.ParseFloat(digits, 10, 384, big.ToNearestEven)
	if err != nil {
		panic(err)
	}
	for e := hugeExponent; e < 255; e++ {
		// |x| = m·2^(e-150), and m·w·2^-126 is to be x·2/π modulo 4
		w, _ := new(big.Float).SetMantExp(twoOverPi, e-150+126).Int(nil)
		for range 4 {
			words = append(words, uint32(new(big.Int).And(w, big.NewInt(math.MaxUint32)).Uint64()))
			w.Rsh(w, 32)
		}
	}
	return words
}

// nearAngle is from where on float32 does not do.
const nearAngle = 1 << 10

// angles adds the piece of a function of angles. It looks for the largest one first: near computes the function, if all are near,
// and turn does of n·π/2 + r.
func (m *machine) angles(k piece.Kind, near func(b *body, x, y value) value, turn func(b *body, t, r value) value) {
	one := &body{m: m, element: 8, masks: map[int]bool{}, streams: make([][]line, 1)}
	r := one.add(line{kind: load, name: "VBROADCASTSD", at: at(angleRest)})
	n := one.add(line{kind: load, name: "VBROADCASTSD", at: at(angleTurns)})
	one.add(line{kind: store, name: "VMOVSS", args: []value{turn(one, n, r)}, at: "(DX)(SI*4)"})
	_, text, _ := one.assemble()
	far := m.loopOf(k, 8, func(b *body, x, _ value) value {
		t, r := b.turn(x)
		return turn(b, t, r)
	})
	m.piece(k, 0, 0, func(f *asm.Func) {
		m.slots(f)
		m.largest(f)
		if near != nil {
			m.ifAbove(f, math.Float32bits(nearAngle)-1, "far")
			m.loopOf(k, 4, near).write(f, "more")
			f.Op("JMP done")
			f.Label("far")
		}
		f.Op("XORL R8, R8")
		m.ifAbove(f, hugeExponent<<23-1, "huge")
		f.Op("JMP copy")
		f.Label("huge")
		f.Op("INCL R8")
		f.Label("copy")
		m.copyAll(f)
		if near != nil {
			f.Op("LEAQ %s, DX", at(piece.Far))
		}
		far.write(f, "turn")
		if near != nil {
			m.slots(f)
			m.loopOf(k, 4, near).write(f, "again")
			m.takeFar(f, m.farAngle)
		}
		m.huge(f, text)
	})
}

// copyAll keeps the numbers of the first operand.
func (m *machine) copyAll(f *asm.Func) {
	for i := range piece.Vectors {
		f.Op("VMOVUPS %s, %s", place(i*m.width, "SI"), m.z(0))
		f.Op("VMOVUPS %s, %s", m.z(0), at(piece.Copy+i*m.width))
	}
}

// takeFar replaces the results of numbers that are far, by those that are kept: the near ones have the same results as among near
// numbers alone. far makes K1 or, without masks, x itself say which are.
func (m *machine) takeFar(f *asm.Func, far func(f *asm.Func, x string)) {
	m.result(f)
	for i := range piece.Vectors {
		x, y, to := m.z(0), m.z(1), place(i*m.width, "DX")
		f.Op("VMOVUPS %s, %s", at(piece.Copy+i*m.width), x)
		f.Op("VMOVUPS %s, %s", at(piece.Far+i*m.width), y)
		far(f, x)
		if m.wide {
			f.Op("VMOVUPS %s, K1, %s", y, to)
		} else {
			f.Op("VMASKMOVPS %s, %s, %s", y, x, to)
		}
	}
}

// farAngle says which angles are not near, as takeFar wants it.
func (m *machine) farAngle(f *asm.Func, x string) {
	limit, suffix := m.number(math.Float32bits(nearAngle) - 1)
	m.with(f, "VANDPS", ^uint32(signBit), x, x)
	if m.wide {
		f.Op("VPCMPGTD%s %s, %s, K1", suffix, limit, x)
	} else {
		f.Op("VPCMPGTD %s, %s, %s", limit, x, x)
	}
}

func at(offset int) string { return place(offset, scratch) }

// largest makes register 1 the largest of the numbers without their signs, as integers, per element.
func (m *machine) largest(f *asm.Func) {
	f.Op("VPXOR X1, X1, X1")
	for i := range piece.Vectors {
		f.Op("VMOVUPS %s, %s", place(i*m.width, "SI"), m.z(0))
		m.with(f, "VANDPS", ^uint32(signBit), m.z(0), m.z(0))
		f.Op("VPMAXSD %s, %s, %s", m.z(0), m.z(1), m.z(1))
	}
}

// ifAbove jumps if an element of register 1 is above a number.
func (m *machine) ifAbove(f *asm.Func, bits uint32, label string) {
	c, suffix := m.number(bits)
	if m.wide {
		f.Op("VPCMPGTD%s %s, %s, K1", suffix, c, m.z(1))
		f.Op("KORTESTW K1, K1")
	} else {
		f.Op("VPCMPGTD %s, %s, %s", c, m.z(1), m.z(0))
		f.Op("VPTEST %s, %s", m.z(0), m.z(0))
	}
	f.Op("JNZ %s", label)
}

// huge computes the function of huge numbers, by text of the turns and what is left.
func (m *machine) huge(f *asm.Func, text []string) {
	f.Op("TESTL R8, R8")
	f.Op("JZ done")
	f.Op("MOVQ %s, %s", vectors, at(angleVectors))
	f.Op("MOVL $%d, SI", m.block()-1)
	f.Label("one")
	f.Op("MOVL %s(SI*4), AX", at(piece.Copy))
	f.Op("MOVL AX, BX")
	f.Op("SHRL $23, BX")
	f.Op("ANDL $255, BX")
	f.Op("SUBL $%d, BX", hugeExponent)
	f.Op("JLT skip")
	f.Op("CMPL BX, $%d", 255-hugeExponent) // infinite, or NaN
	f.Op("JEQ skip")
	f.Op("ANDL $0x7fffff, AX")
	f.Op("ORL $0x800000, AX")
	f.Op("MOVL AX, DX")
	f.Op("SHLL $4, BX")
	f.Op("LEAQ %s, R8", m.turns)
	f.Comment("the product modulo 2^128: two bits before the point, in DX and AX")
	f.Op("MULXQ (R8)(BX*1), AX, %s", vectors)
	f.Op("IMULQ 8(R8)(BX*1), DX")
	f.Op("ADDQ %s, DX", vectors)
	f.Op("MOVQ DX, BX")
	f.Op("SHRQ $62, BX")
	f.Op("SHLQ $2, AX, DX")
	f.Comment("the fraction as a signed number is the distance to the next multiple")
	f.Op("MOVQ DX, AX")
	f.Op("SHRQ $63, AX")
	f.Op("ADDQ AX, BX")
	f.Op("VXORPD X0, X0, X0")
	f.Op("VCVTSI2SDQ DX, X0, X0")
	bits := math.Float64bits(math.Pi / 2 * 0x1p-64)
	f.Op("VMULSD %s, X0, X0", m.pool.put(uint32(bits), uint32(bits>>32)))
	f.Op("MOVL %s(SI*4), AX", at(piece.Copy))
	f.Op("TESTL AX, AX")
	f.Op("JPL positive")
	f.Op("NEGQ BX")
	f.Op("VXORPD X1, X1, X1")
	f.Op("VSUBSD X0, X1, X0")
	f.Label("positive")
	f.Op("VMOVSD X0, %s", at(angleRest))
	f.Op("MOVQ BX, %s", at(angleTurns))
	m.result(f)
	for _, l := range text {
		f.Op("%s", l)
	}
	f.Label("skip")
	f.Op("DECL SI")
	f.Op("JPL one")
	f.Op("MOVQ %s, %s", at(angleVectors), vectors)
	f.Label("done")
}
