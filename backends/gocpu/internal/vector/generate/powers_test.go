package generate

import (
	"math"

	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
	"github.com/quire-ml/quire/backends/gocpu/internal/vector/piece"
)

// Powers are 2^(y·log2(x)), in float64.

var (
	log2Terms = []float64{2.8853900817900136, 0.9617966734154973, 0.5770835733636933, 0.41167329914115813, 0.3407211149549295}                                                   // log2((1+s)/(1-s))/s of s², for |s| ≤ (√2-1)/(√2+1): 1.3e-11
	exp2Terms = []float64{0.6931471805599453, 0.2402265092256076, 0.05550410883930555, 0.00961805662050108, 0.001333350234150156, 0.00015461467905285986, 1.529734162283227e-05} // (2ʳ-1)/r for |r| ≤ ½: 1.7e-10

	// AVX-512 has numbers from ¾ to 3/2 in sixteen intervals, from 1 on and then from ¾ on: x = (1+r)/inverse, and the logarithms of
	// 1/inverse. Around 1 these are 1 and 0, so that nothing is lost where the logarithm is small.
	log2Inverses = [16]float64{1, 0.9142857193946838, 0.8648648858070374, 0.8205128312110901, 0.7804877758026123, 0.7441860437393188, 0.7111111283302307, 0.6808510422706604, 1.3061224222183228, 1.2549020051956177, 1.2075471878051758, 1.163636326789856, 1.1228070259094238, 1.0847457647323608, 1.049180269241333, 1}
	log2Table    = [16]float64{0, 0.12928300888327973, 0.20945333069497424, 0.285402200051646, 0.35755205836266307, 0.4262647600765558, 0.4918530613956992, 0.5545888973605297, -0.3852901263252734, -0.32757470908585296, -0.27207956693463203, -0.21864024079244804, -0.16710999658417397, -0.11735695332538766, -0.06926258182024388, 0}
	log2Near     = []float64{1.4426950408604686, -0.7213475127701544, 0.48089857226619787, -0.3606986593917939, 0.2884910231447673, -0.2225520957194905}           // log2(1+r)/r for -1/32 ≤ r ≤ 1/16: 4.5e-11
	exp2Unit     = []float64{1, 0.6931471708649766, 0.24022720418109816, 0.05549602356402293, 0.009652195056014735, 0.0012692166069140853, 0.00020817915043540742} // 2ʳ for 0 ≤ r ≤ 1: 5.3e-9
)

// powers adds the piece of Pow, with a short way for positive finite numbers to finite powers.
func (m *machine) powers() {
	common := m.loopOf(piece.Pow, 8, func(b *body, x, y value) value { return b.exp2(b.times(y, b.log2(x))) })
	any := m.loopOf(piece.Pow, 8, (*body).pow)
	m.piece(piece.Pow, 0, 0, func(f *asm.Func) {
		m.slots(f)
		// register 1: the largest of x and |y|, register 2: the least x, as integers; of a positive number that is its order
		f.Op("VPXOR X1, X1, X1")
		c, suffix := m.number(infinity)
		move := "VMOVUPS"
		if suffix != "" {
			move = "VBROADCASTSS"
		}
		f.Op("%s %s, %s", move, c, m.z(2))
		for i := range piece.Vectors {
			x, y := m.z(0), m.z(3)
			f.Op("VMOVUPS %s, %s", place(i*m.width, "SI"), x)
			f.Op("VMOVUPS %s, %s", place(i*m.width, "BX"), y)
			m.with(f, "VANDPS", ^uint32(signBit), y, y)
			f.Op("VPMINSD %s, %s, %s", x, m.z(2), m.z(2))
			f.Op("VPMAXSD %s, %s, %s", x, m.z(1), m.z(1))
			f.Op("VPMAXSD %s, %s, %s", y, m.z(1), m.z(1))
		}
		m.ifAbove(f, infinity-1, "any")
		m.with(f, "VPSUBD", 1, m.z(2), m.z(2))
		f.Op("VPSRLD $31, %s, %s", m.z(2), m.z(1)) // 1 where x was not positive
		m.ifAbove(f, 0, "any")
		common.write(f, "more")
		f.Op("JMP done")
		f.Label("any")
		any.write(f, "next")
		f.Label("done")
	})
}

// log2 is the logarithm to base 2 of a positive finite x, to about 38 bits.
func (b *body) log2(x value) value {
	if b.m.wide {
		return b.log2Wide(x)
	}
	const base = 0x3fe6a09e667f3bcd // √½, as in log
	biased := b.right(b.addInt(x, b.word(0x3ff<<52-base)), 52)
	k := b.minus(b.or(biased, b.c(0x1p52)), b.c(0x1p52+1023))
	m := b.addInt(b.subInt(x, b.left(biased, 52)), b.c(1))
	s := b.quotient(b.minus(m, b.c(1)), b.plus(m, b.c(1)))
	return b.mulAdd(s, b.poly(b.times(s, s), log2Terms...), k)
}

func (b *body) log2Wide(x value) value {
	m := b.now("VGETMANTPD", 3, x) // from ¾ to 3/2
	// the exponent of x/m: 4/3 is rounded up, which brings 3/2 to 2 and nothing else that is a float32
	k := b.op("VGETEXPPD", b.times(x, b.c(4.0/3*(1+0x1p-40))))
	i := b.right(m, 48)
	r := b.mulSub(m, b.pick64(i, log2Inverses), b.c(1))
	return b.mulAdd(b.poly(r, log2Near...), r, b.plus(k, b.pick64(i, log2Table)))
}

// pick64 is element i of a list, by its last four bits.
func (b *body) pick64(i value, list [16]float64) value {
	words := make([]uint32, 0, 32)
	for _, x := range list {
		bits := math.Float64bits(x)
		words = append(words, uint32(bits), uint32(bits>>32))
	}
	return b.add(line{kind: tied, name: "VPERMI2PD", args: []value{i, b.keep(value{bits: words[:16]}), value{bits: words[16:]}}})
}

// exp2 is 2ˣ of any x, as far as it is a float32 other than 0 and infinity.
func (b *body) exp2(x value) value {
	if b.m.wide { // what is above the whole number below x; an infinite x has 0
		r := b.now("VREDUCEPD", 9, x)
		return b.op("VSCALEFPD", b.poly(r, exp2Unit...), x)
	}
	x = b.least(b.c(300), b.most(b.c(-300), x))
	t := b.plus(x, b.c(magic))
	r := b.minus(x, b.minus(t, b.c(magic)))
	p := b.addInt(b.left(t, 52), b.c(1))
	return b.mulAdd(b.times(p, r), b.poly(r, exp2Terms...), p)
}

// pow returns 2^(y·log2|x|), with the sign of x for odd y.
func (b *body) pow(x, y value) value {
	a := b.abs(x)
	l := b.where(b.compare(equal, a, b.c(0)), b.c(math.Inf(-1)), b.log2(a))
	l = b.where(b.compare(less, a, b.c(math.Inf(1))), l, a) // +∞ and NaN
	z := b.exp2(b.times(y, l))
	// 1 where y is 0 or |x| is 1, though the other be infinite or, but for x = -1, NaN
	z = b.where(b.compare(equal, a, b.c(1)), b.where(b.compare(unordered, y, y), y, b.c(1)), z)
	// the sign of x, NaN for a negative finite x and a y that is not whole
	whole := b.compare(equal, b.round(y), y)
	half := b.times(y, b.c(0.5))
	odd := b.where(b.compare(equal, b.round(half), half), b.c(0), b.and(x, b.word(1<<63)))
	none := b.where(b.compare(less, x, b.c(0)), b.where(b.compare(greater, x, b.c(math.Inf(-1))), b.c(math.NaN()), z), z)
	z = b.where(whole, b.or(z, odd), none)
	z = b.where(b.compare(equal, x, b.c(1)), b.c(1), z)
	return b.where(b.compare(equal, y, b.c(0)), b.c(1), z)
}
