package generate

import (
	"fmt"
	"math"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
	"github.com/quire-ml/quire/internal/golden"
)

// TestNEONIsCurrent keeps the committed files to the generator.
func TestNEONIsCurrent(t *testing.T) {
	f := asm.NewFile("philox", "arm64", command)
	n := neon{f, f.Words("constants", repeatedValues()...), f.Words("places", 0, 1, 2, 3, 4, 5, 6, 7)}
	n.words()
	n.uniform()
	n.normal()
	golden.Check(t, "../philox_arm64.s", f.Assembly())
	golden.Check(t, "../philox_arm64.go", f.Declarations())
}

// repeatedValues are the constants, each as a whole register.
func repeatedValues() (words []uint32) {
	for _, x := range values {
		for range neonLanes {
			words = append(words, math.Float32bits(x))
		}
	}
	return words
}

// neonLanes is how many words a register has.
const neonLanes = 4

// neon writes the functions of arm64.
type neon struct {
	file              *asm.File
	constants, places string
}

// words adds the generator: two times four blocks, a block per lane. The registers of a four stand together, so that one instruction
// stores them in turn.
func (n neon) words() {
	f := n.file.Func("wordsNEON", "writes 8 blocks for each of so many steps, from counter on, whose lowest word must not overflow. keys has two words for each round.",
		asm.Arg{Name: "z", Type: "unsafe.Pointer"}, asm.Arg{Name: "counter", Type: "*[4]uint32"}, asm.Arg{Name: "keys", Type: "*[20]uint32"}, asm.Arg{Name: "steps", Type: "int"})
	const low, rest, step, m0, m1, key0, key1, free = 8, 10, 13, 14, 15, 16, 17, 18
	f.Load("z", "R0")
	f.Load("counter", "R1")
	f.Load("keys", "R2")
	f.Load("steps", "R3")
	f.Op("MOVD $%s, R4", n.places)
	for i := range 2 {
		f.Op("VLD1R (R1), [V%d.S4]", low+i)
		f.Op("FMOVQ %d(R4), F%d", 16*i, free)
		f.Op("VADD V%d.S4, V%[2]d.S4, V%[2]d.S4", free, low+i)
	}
	for i := range 3 {
		f.Op("ADD $4, R1")
		f.Op("VLD1R (R1), [V%d.S4]", rest+i)
	}
	for _, c := range []struct {
		value uint32
		to    int
	}{{2 * neonLanes, step}, {0xD2511F53, m0}, {0xCD9E8D57, m1}} {
		f.Op("MOVD $%#x, R4", c.value)
		f.Op("VDUP R4, V%d.S4", c.to)
	}
	f.Label("step")
	for s := range 2 {
		for i, from := range []int{low + s, rest, rest + 1, rest + 2} {
			f.Op("VMOV V%d.B16, V%d.B16", from, 4*s+i)
		}
		f.Op("VADD V%d.S4, V%[2]d.S4, V%[2]d.S4", step, low+s)
	}
	f.Op("MOVD R2, R4")
	for range rounds {
		f.Op("VLD1R.P 4(R4), [V%d.S4]", key0)
		f.Op("VLD1R.P 4(R4), [V%d.S4]", key1)
		for s := range 2 {
			neonRound(f, 4*s, free+4*s, m0, m1, key0, key1)
		}
	}
	for s := range 2 {
		f.Op("VST4.P [V%d.S4, V%d.S4, V%d.S4, V%d.S4], 64(R0)", 4*s, 4*s+1, 4*s+2, 4*s+3)
	}
	f.Op("SUBS $1, R3")
	f.Op("BNE step")
	f.Op("RET")
}

// neonRound does a round of the four words from register c on, with four registers from free on.
func neonRound(f *asm.Func, c, free, m0, m1, key0, key1 int) {
	for half := range 2 {
		f.MulLong(half == 1, m0, c, free+half)
		f.MulLong(half == 1, m1, c+2, free+2+half)
	}
	for _, w := range []struct{ product, to, key int }{{free + 2, c, key0}, {free, c + 2, key1}} {
		f.Op("VUZP2 V%d.S4, V%d.S4, V%d.S4", w.product+1, w.product, w.to) // upper halves
		f.Op("VEOR V%d.B16, V%[2]d.B16, V%[2]d.B16", w.to+1, w.to)
		f.Op("VEOR V%d.B16, V%[2]d.B16, V%[2]d.B16", w.key, w.to)
		f.Op("VUZP1 V%d.S4, V%d.S4, V%d.S4", w.product+1, w.product, w.to+1)
	}
}

// floats writes the functions on words in their place. Methods name registers by number, sources first.
type floats struct{ *asm.Func }

func (n neon) begin(name, doc string) floats {
	f := n.file.Func(name, doc, floatArgs...)
	f.Load("z", "R0")
	f.Load("steps", "R1")
	f.Op("MOVD $%s, R2", n.constants)
	f.Label("step")
	return floats{f}
}

func (f floats) end() {
	f.Op("SUBS $1, R1")
	f.Op("BNE step")
	f.Op("RET")
}

// constant brings a constant to a register, and returns it.
func (f floats) constant(name string, to int) int {
	f.Op("FMOVQ %d(R2), F%d", 16*names[name], to)
	return to
}

// scratch is the register of constants that are used at once.
const scratch = 31

func (f floats) op(name string, registers ...int) { f.Vector(name, "S4", registers...) }

// with is op with a constant as the first source.
func (f floats) with(name, c string, registers ...int) {
	f.op(name, append([]int{f.constant(c, scratch)}, registers...)...)
}

// fused adds the product of x and y to sum, or subtracts it.
func (f floats) fused(name string, x, y, sum int) {
	f.Op("%s V%d.S4, V%d.S4, V%d.S4", name, x, y, sum)
}

func (f floats) shift(name string, by, x, y int) { f.Op("%s $%d, V%d.S4, V%d.S4", name, by, x, y) }

// horner writes to y, with t's help, the polynomial in x whose coefficients, the highest first, have names that begin so.
func (f floats) horner(y, t, x int, name string, n int) {
	if n%2 == 0 {
		y, t = t, y
	}
	f.constant(name+"0", y)
	for i := 1; i < n; i++ {
		f.constant(fmt.Sprint(name, i), t)
		f.fused("VFMLA", x, y, t)
		y, t = t, y
	}
}

// uniform adds the conversion of words, in their place, to floats uniform over [0, 1).
func (n neon) uniform() {
	f := n.begin("uniformNEON", "turns 4 words for each of so many steps into float32 uniform over [0, 1).")
	f.Op("FMOVQ (R0), F0")
	f.shift("VUSHR", 8, 0, 0)
	f.op("UCVTF", 0, 0)
	f.with("FMUL", "2⁻²⁴", 0, 0)
	f.Op("FMOVQ.P F0, 16(R0)")
	f.end()
}

// normal adds the transform of Box and Muller, of pairs of words in their place.
func (n neon) normal() {
	f := n.begin("normalNEON", "turns 4 pairs of words for each of so many steps into pairs of float32 of the standard normal distribution.")
	const u, angle = 0, 1
	f.Op("FLDPQ (R0), (F2, F3)")
	f.Op("VUZP1 V3.S4, V2.S4, V%d.S4", u) // the first words of the pairs
	f.Op("VUZP2 V3.S4, V2.S4, V%d.S4", angle)
	f.radius(u)
	f.shift("VUSHR", 8, angle, angle)
	f.op("UCVTF", angle, angle)
	f.with("FMUL", "2π·2⁻²⁴", angle, angle)
	cos, sin := f.circle(angle)
	f.op("FMUL", u, cos, cos)
	f.op("FMUL", u, sin, sin)
	f.Op("VZIP1 V%d.S4, V%d.S4, V2.S4", sin, cos)
	f.Op("VZIP2 V%d.S4, V%d.S4, V3.S4", sin, cos)
	f.Op("FSTPQ.P (F2, F3), 32(R0)")
	f.end()
}

// radius turns words into √(-2 log u), where u = (x+1)·2⁻³², as writer.radius does.
func (f floats) radius(x int) {
	const e, g, z, y, t = 2, 3, 4, 5, 6
	f.op("UCVTF", x, x)
	f.with("FADD", "1", x, x)
	f.with("FMUL", "2⁻³²", x, x)
	f.Comment("u = 2ᵉ (1+f), with 1+f in [√½, √2)")
	f.constant("√½", scratch)
	f.Op("VSUB V%d.S4, V%d.S4, V%d.S4", scratch, x, e)
	f.ShiftRightSigned("S4", 23, e, e)
	f.shift("VSHL", 23, e, g)
	f.Op("VSUB V%d.S4, V%d.S4, V%[1]d.S4", g, x)
	f.with("FSUB", "1", g, g)
	f.op("SCVTF", e, e)
	f.op("FMUL", g, g, z)
	f.horner(y, t, g, "log", 9)
	f.op("FMUL", g, y, y)
	f.op("FMUL", z, y, y)
	f.fused("VFMLA", f.constant("ln2 rest", scratch), e, y)
	f.fused("VFMLA", f.constant("-½", scratch), z, y)
	f.op("FADD", g, y, y)
	f.fused("VFMLA", f.constant("ln2", scratch), e, y)
	f.with("FMUL", "-2", y, y)
	f.op("FSQRT", y, x)
}

// circle returns the registers of cosine and sine of angles in [0, 2π], as writer.circle does.
func (f floats) circle(x int) (cos, sin int) {
	const k, z, s, c, t, u = 2, 3, 4, 5, 6, 7
	f.with("FMUL", "2/π", x, k)
	f.op("FRINTN", k, t)
	f.op("FCVTZS", t, k)
	f.fused("VFMLS", f.constant("π/2", scratch), t, x)
	f.fused("VFMLS", f.constant("π/2 rest", scratch), t, x)
	f.op("FMUL", x, x, z)
	f.horner(s, t, z, "sin", 3)
	f.op("FMUL", z, s, s)
	f.Op("VMOV V%d.B16, V%d.B16", x, t)
	f.fused("VFMLA", x, s, t)
	f.Op("VMOV V%d.B16, V%d.B16", t, s)
	f.horner(c, t, z, "cos", 3)
	f.op("FMUL", z, c, c)
	f.op("FMUL", z, c, c)
	f.fused("VFMLA", f.constant("-½", scratch), z, c)
	f.with("FADD", "1", c, c)
	const newCos, newSin = 16, 17
	f.constant("integer 1", scratch)
	f.Op("VCMTST V%d.S4, V%d.S4, V%d.S4", scratch, k, newCos)
	f.Op("VMOV V%d.B16, V%d.B16", newCos, newSin)
	f.Op("VBSL V%d.B16, V%d.B16, V%d.B16", c, s, newCos) // sine for an odd number of quarters
	f.Op("VBSL V%d.B16, V%d.B16, V%d.B16", s, c, newSin)
	f.Op("VADD V%d.S4, V%d.S4, V%d.S4", scratch, k, t)
	f.constant("integer 2", u)
	for _, w := range []struct{ quarters, of int }{{t, newCos}, {k, newSin}} {
		f.Op("VAND V%d.B16, V%[2]d.B16, V%[2]d.B16", u, w.quarters)
		f.shift("VSHL", 30, w.quarters, w.quarters)
		f.Op("VEOR V%d.B16, V%[2]d.B16, V%[2]d.B16", w.quarters, w.of)
	}
	return newCos, newSin
}
