package generate

import (
	"fmt"
	"math"

	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
)

// names are the constants, by the names that the code below uses.
var (
	names  = map[string]int{}
	values []float32
)

func constant(name string, x float64) {
	names[name] = len(values)
	values = append(values, float32(x))
}

func bits(name string, x uint32) { constant(name, 0); values[len(values)-1] = math.Float32frombits(x) }

func init() {
	constant("2⁻²⁴", math.Exp2(-24))
	constant("2⁻³²", math.Exp2(-32))
	constant("2¹⁶", math.Exp2(16))
	constant("1", 1)
	constant("-½", -0.5)
	constant("-2", -2)
	// log(1+f) = f - f²/2 + f³ P(f) for 1+f in [√½, √2): Moshier, Cephes, logf. ln 2 in two parts, the first one exact in products
	// with exponents.
	for i, c := range []float64{7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1} {
		constant(fmt.Sprint("log", i), c)
	}
	constant("ln2", 0.693359375)
	constant("ln2 rest", -2.12194440e-4)
	// sin x = x + x³ S(x²) and cos x = 1 - x²/2 + x⁴ C(x²) for |x| ≤ π/4: the same, sinf.
	for i, c := range []float64{-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1} {
		constant(fmt.Sprint("sin", i), c)
	}
	for i, c := range []float64{2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2} {
		constant(fmt.Sprint("cos", i), c)
	}
	half := float64(float32(math.Pi / 2))
	constant("2π·2⁻²⁴", float64(float32(2*math.Pi))*math.Exp2(-24))
	constant("2/π", 2/math.Pi)
	constant("π/2", half)
	constant("π/2 rest", math.Pi/2-half)
	bits("√½", math.Float32bits(float32(math.Sqrt(0.5))))
	bits("integer 1", 1)
	bits("integer 2", 2)
	bits("16 bits", 0xffff)
}

// with adds an instruction whose first operand is a constant; scratch is for AVX2, which has no operands that are repeated.
func (w *writer) with(name, c string, scratch int, operands ...any) {
	at := fmt.Sprintf("%d(DX)", 4*names[c])
	if w.wide() {
		w.op(name+".BCST", append([]any{at}, operands...)...)
		return
	}
	w.op("VBROADCASTSS", at, scratch)
	w.op(name, append([]any{scratch}, operands...)...)
}

func (w *writer) begin(constants string) {
	w.Load("z", "DI")
	w.Load("steps", "CX")
	w.Op("LEAQ %s, DX", constants)
	w.Label("step")
}

func (w *writer) end(bytes int) {
	w.Op("ADDQ $%d, DI", bytes)
	w.Op("DECQ CX")
	w.Op("JNZ step")
	w.Op("VZEROUPPER")
	w.Op("RET")
}

var floatArgs = []asm.Arg{{Name: "z", Type: "unsafe.Pointer"}, {Name: "steps", Type: "int"}}

// uniform adds the conversion of words, in their place, to floats uniform over [0, 1).
func (v vector) uniform(file *asm.File, constants string) {
	w := v.function(file, "uniform", fmt.Sprintf("turns %d words for each of so many steps into float32 uniform over [0, 1).", v.lanes), floatArgs...)
	w.begin(constants)
	w.load("(DI)", 0)
	w.op("VPSRLD", "$8", 0, 0)
	w.op("VCVTDQ2PS", 0, 0)
	w.with("VMULPS", "2⁻²⁴", 1, 0, 0)
	w.store(0, "(DI)")
	w.end(4 * v.lanes)
}

// normal adds the transform of Box and Muller, of pairs of words in their place.
func (v vector) normal(file *asm.File, constants string) {
	w := v.function(file, "normal", fmt.Sprintf("turns %d pairs of words for each of so many steps into pairs of float32 of the standard normal distribution.", v.lanes), floatArgs...)
	w.begin(constants)
	const u, angle, scratch = 0, 1, 15
	next := fmt.Sprintf("%d(DI)", 4*v.lanes)
	w.load("(DI)", 2)
	w.load(next, 3)
	w.Comment("words one and three of each pair of parts, words two and four")
	w.op("VSHUFPS", "$0x88", 3, 2, u)
	w.op("VSHUFPS", "$0xdd", 3, 2, angle)
	w.radius(u)
	w.op("VPSRLD", "$8", angle, angle)
	w.op("VCVTDQ2PS", angle, angle)
	w.with("VMULPS", "2π·2⁻²⁴", scratch, angle, angle)
	cos, sin := w.circle(angle)
	w.op("VMULPS", u, cos, cos)
	w.op("VMULPS", u, sin, sin)
	w.op("VUNPCKLPS", sin, cos, 2)
	w.op("VUNPCKHPS", sin, cos, 3)
	w.store(2, "(DI)")
	w.store(3, next)
	w.end(8 * v.lanes)
}

// radius turns words x into √(-2 log u), where u = (x+1)·2⁻³². It uses registers 2 to 7.
func (w *writer) radius(x int) {
	const e, f, z, y, scratch = 2, 3, 4, 5, 15
	if w.wide() {
		w.op("VCVTUDQ2PS", x, x)
	} else { // both halves are exact, and so is all but their sum
		w.with("VPAND", "16 bits", scratch, x, e)
		w.op("VPSRLD", "$16", x, x)
		w.op("VCVTDQ2PS", e, e)
		w.op("VCVTDQ2PS", x, x)
		w.with("VMULPS", "2¹⁶", scratch, x, x)
		w.op("VADDPS", e, x, x)
	}
	w.with("VADDPS", "1", scratch, x, x)
	w.with("VMULPS", "2⁻³²", scratch, x, x)
	w.Comment("u = 2ᵉ (1+f), with 1+f in [√½, √2)")
	w.with("VPSUBD", "√½", scratch, x, e)
	w.op("VPSRAD", "$23", e, e)
	w.op("VPSLLD", "$23", e, f)
	w.op("VPSUBD", f, x, f)
	w.with("VSUBPS", "1", scratch, f, f)
	w.op("VCVTDQ2PS", e, e)
	w.op("VMULPS", f, f, z)
	w.horner(y, f, "log", 9)
	w.op("VMULPS", f, y, y)
	w.op("VMULPS", z, y, y)
	w.with("VFMADD231PS", "ln2 rest", scratch, e, y)
	w.with("VFMADD231PS", "-½", scratch, z, y)
	w.op("VADDPS", f, y, y)
	w.with("VFMADD231PS", "ln2", scratch, e, y)
	w.with("VMULPS", "-2", scratch, y, y)
	w.op("VSQRTPS", y, x)
}

// horner writes the polynomial in x whose coefficients, the highest first, have names that begin so.
func (w *writer) horner(y, x int, name string, n int) {
	w.op("VBROADCASTSS", fmt.Sprintf("%d(DX)", 4*names[name+"0"]), y)
	for i := 1; i < n; i++ {
		w.with("VFMADD213PS", fmt.Sprint(name, i), 15, x, y)
	}
}

// circle returns the registers of cosine and sine of angles in [0, 2π]: those of the distance to the nearest multiple k of
// π/2, exchanged where k is odd, with the signs of the quadrant. It uses registers 2 to 8.
func (w *writer) circle(x int) (cos, sin int) {
	const k, z, s, c, t, scratch = 2, 3, 4, 5, 6, 15
	w.with("VMULPS", "2/π", scratch, x, k)
	w.op("VCVTPS2DQ", k, k)
	w.op("VCVTDQ2PS", k, t)
	w.with("VFNMADD231PS", "π/2", scratch, t, x)
	w.with("VFNMADD231PS", "π/2 rest", scratch, t, x)
	w.op("VMULPS", x, x, z)
	w.horner(s, z, "sin", 3)
	w.op("VMULPS", z, s, s)
	w.op("VFMADD213PS", x, x, s)
	w.horner(c, z, "cos", 3)
	w.op("VMULPS", z, c, c)
	w.op("VMULPS", z, c, c)
	w.with("VFMADD231PS", "-½", scratch, z, c)
	w.with("VADDPS", "1", scratch, c, c)
	const odd, newCos, newSin = 3, 7, 8
	if w.wide() {
		w.with("VPTESTMD", "integer 1", scratch, k, "K1")
		w.op("VBLENDMPS", s, c, "K1", newCos)
		w.op("VBLENDMPS", c, s, "K1", newSin)
	} else {
		w.op("VPSLLD", "$31", k, odd)
		w.op("VBLENDVPS", odd, s, c, newCos)
		w.op("VBLENDVPS", odd, c, s, newSin)
	}
	and := func(x, y int) {
		if w.wide() {
			w.with("VPANDD", "integer 2", scratch, x, y)
		} else {
			w.with("VPAND", "integer 2", scratch, x, y)
		}
		w.op("VPSLLD", "$30", y, y)
	}
	w.with("VPADDD", "integer 1", scratch, k, t)
	and(t, t)
	w.logic("VPXOR", t, newCos, newCos)
	and(k, k)
	w.logic("VPXOR", k, newSin, newSin)
	return newCos, newSin
}
