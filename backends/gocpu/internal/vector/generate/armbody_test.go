package generate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
	"github.com/quire-ml/quire/backends/gocpu/internal/vector/piece"
)

// Bodies are written in the names of AVX2's instructions and registers of addresses. Here stands what each is on arm64, where
// instructions take all operands from registers: constants are brought there when they are first used, and stay for as long as there is
// room.

// armLoop is a body with registers, for one instance or several.
type armLoop struct {
	step int // bytes of a slot that it works on
	text []func(f *asm.Func)
}

// loopOf lays the most instances side by side for which there are registers.
func (m *armMachine) loopOf(k piece.Kind, element int, f bodyOf) *armLoop {
	for n := 4; n > 0; n /= 2 {
		b := &body{m: m.machine, element: element, masks: map[int]bool{}, bytes: map[int]value{}}
		for i := range n {
			b.instance(i, k == piece.Pow, f)
		}
		if text, ok := m.assemble(b); ok {
			return &armLoop{n * m.width * 4 / element, text}
		}
	}
	panic(fmt.Sprintf("%s has too few registers for %s", m.name, kindNames[k]))
}

// write writes the loop over all vectors.
func (l *armLoop) write(f *asm.Func, label string) {
	f.Label(label)
	for _, t := range l.text {
		t(f)
	}
	for _, r := range []string{armAt, armTo, armMore} {
		f.Op("ADD $%d, %s", l.step, r)
	}
	f.Op("SUBS $%d, %s", 2*l.step/16, armLeft)
	f.Op("BGT %s", label)
}

// begin makes ready what loops want.
func (m *armMachine) beginLoop(f *asm.Func) {
	m.slots(f)
	f.Op("LSL $1, %s, %s", armVectors, armLeft)
	m.constants(f)
}

// function adds a piece for a function of the elements of one or two slots, which f writes for numbers of element bytes.
func (m *armMachine) function(k piece.Kind, element int, f bodyOf) {
	l := m.loopOf(k, element, f)
	m.piece(k, 0, 0, func(f *asm.Func) {
		m.beginLoop(f)
		l.write(f, "more")
	})
}

// bytesOf are the places in bytes of the elements i of a list of words.
func (b *body) bytesOf(i value) value {
	if v, ok := b.bytes[i.id]; ok {
		return v
	}
	first := b.op("VTBL", b.left(i, 2), value{bits: []uint32{0, 0x04040404, 0x08080808, 0x0c0c0c0c}})
	b.bytes[i.id] = b.addInt(first, b.word(0x03020100))
	return b.bytes[i.id]
}

// armAllocator gives lines their registers, in their order.
type armAllocator struct {
	m      *armMachine
	shape  string
	last   map[int]int // the line that reads a value last
	in     map[int]int // the register of a value
	free   []int
	cached []cachedConstant // the one that was used last stands last
	busy   []int            // registers of constants that the line reads
	table  string           // what the registers for tables hold
	text   []func(f *asm.Func)
	ok     bool
}

// cachedConstant is a constant that is in a register.
type cachedConstant struct {
	key      string
	register int
}

// assemble chooses registers. It fails if there are too few.
func (m *armMachine) assemble(b *body) (text []func(f *asm.Func), ok bool) {
	a := &armAllocator{m: m, shape: map[int]string{4: "S4", 8: "D2"}[b.element], last: map[int]int{}, in: map[int]int{}, ok: true}
	for i := m.registers - 1; i >= 0; i-- {
		a.free = append(a.free, i)
	}
	lines := b.lines()
	for i, l := range lines {
		for _, v := range l.args {
			a.last[v.id] = i
		}
	}
	for i, l := range lines {
		a.busy = nil
		a.line(i, l)
		if !a.ok {
			return nil, false
		}
	}
	return a.text, true
}

func (a *armAllocator) emit(t func(f *asm.Func)) { a.text = append(a.text, t) }

func (a *armAllocator) op(format string, args ...any) {
	a.emit(func(f *asm.Func) { f.Op(format, args...) })
}

func (a *armAllocator) vector(name string, registers ...int) {
	shape := a.shape
	a.emit(func(f *asm.Func) { f.Vector(name, shape, registers...) })
}

// take returns a free register, if need be that of the constant whose use is longest ago.
func (a *armAllocator) take() int {
	if n := len(a.free); n > 0 {
		r := a.free[n-1]
		a.free = a.free[:n-1]
		return r
	}
	for i, c := range a.cached {
		if !slices.Contains(a.busy, c.register) {
			a.cached = slices.Delete(a.cached, i, i+1)
			return c.register
		}
	}
	a.ok = false
	return 0
}

// load brings a constant to register r.
func (a *armAllocator) load(v value, r int) {
	a.op("FMOVQ %d(%s), F%d", a.m.pool.offset(wholeVector(v)...), armPool, r)
}

// wholeVector is a constant repeated for a register.
func wholeVector(v value) []uint32 {
	words := v.bits
	for len(words) < 4 {
		words = append(slices.Clone(words), v.bits...)
	}
	return words
}

// register is where a value is; a constant is brought there.
func (a *armAllocator) register(v value) int {
	if v.bits == nil {
		return a.in[v.id]
	}
	key := fmt.Sprint(wholeVector(v))
	i := slices.IndexFunc(a.cached, func(c cachedConstant) bool { return c.key == key })
	var c cachedConstant
	if i >= 0 {
		c = a.cached[i]
		a.cached = slices.Delete(a.cached, i, i+1)
	} else {
		c = cachedConstant{key, a.take()}
		a.load(v, c.register)
	}
	a.cached = append(a.cached, c)
	a.busy = append(a.busy, c.register)
	return c.register
}

// fresh returns a register of its own with the value of v, which may be written: that of v, if it is read no more and in none of the
// others.
func (a *armAllocator) fresh(i int, v value, others ...value) int {
	if v.bits != nil {
		r := a.take()
		a.load(v, r)
		return r
	}
	if a.dies(i, v) && !contains(others, v) {
		return a.in[v.id]
	}
	from, r := a.in[v.id], a.take()
	a.op("VMOV V%d.B16, V%d.B16", from, r)
	return r
}

func (a *armAllocator) dies(i int, v value) bool { return v.bits == nil && a.last[v.id] == i }

// finish frees the registers of arguments that nobody reads again, and gives the result of line l its own.
func (a *armAllocator) finish(i int, l line, result int) {
	done := map[int]bool{}
	for _, v := range l.args {
		if r := a.in[v.id]; a.dies(i, v) && !done[v.id] && r != result {
			done[v.id] = true
			a.free = append(a.free, r)
		}
	}
	if l.kind == store {
		return
	}
	if _, read := a.last[l.result]; !read {
		panic("a value that nobody reads: " + l.name)
	}
	a.in[l.result] = result
}

// addresses are the registers of addresses by AVX2's names.
var addresses = strings.NewReplacer("(SI)", "("+armAt+")", "(BX)", "("+armMore+")", "(DX)", "("+armTo+")")

func (a *armAllocator) line(i int, l line) {
	at := addresses.Replace(l.at)
	switch l.kind {
	case load:
		r := a.take()
		switch l.name {
		case "VMOVUPS":
			a.op("FMOVQ %s, F%d", at, r)
		case "VCVTPS2PD":
			a.op("FMOVD %s, F%d", at, r)
			a.emit(func(f *asm.Func) { f.Convert("FCVTL", "S2", "D2", r, r) })
		case "VBROADCASTSD":
			a.op("FMOVD %s, F%d", at, r) // of a body whose first element alone counts
		default:
			panic("there is no " + l.name)
		}
		a.finish(i, l, r)
	case store:
		a.store(i, l, at)
	case plain:
		a.plain(i, l)
	case fma:
		a.fma(i, l)
	case masked:
		mask, yes, no := l.args[0], l.args[1], l.args[2]
		y, n := a.register(yes), a.register(no)
		r := a.fresh(i, mask, yes, no)
		a.op("VBSL V%d.B16, V%d.B16, V%d.B16", n, y, r)
		a.finish(i, l, r)
	default:
		panic("arm64 has no instructions like " + l.name)
	}
}

func (a *armAllocator) store(i int, l line, at string) {
	r := a.register(l.args[0])
	switch {
	case a.shape == "S4":
		a.op("FMOVQ F%d, %s", r, at)
	default:
		to := a.take()
		a.emit(func(f *asm.Func) { f.Convert("FCVTN", "D2", "S2", r, to) })
		move := "FMOVD"
		if l.name == "VMOVSS" { // the first element alone
			move = "FMOVS"
		}
		a.op("%s F%d, %s", move, to, at)
		a.free = append(a.free, to)
	}
	a.finish(i, l, -1)
}

// armNames are instructions of two operands or one, without what says how wide elements are.
var armNames = map[string]string{
	"VADDP": "FADD", "VSUBP": "FSUB", "VMULP": "FMUL", "VDIVP": "FDIV", "VMINP": "FMIN", "VMAXP": "FMAX", "VSQRTP": "FSQRT",
	"VPAND": "VAND", "VPOR": "VORR", "VPXOR": "VEOR", "VPADD": "VADD", "VPSUB": "VSUB", "VPSLL": "VSHL", "VPSRL": "VUSHR", "VPSRA": "SSHR",
	"VCVTPS2DQ": "FCVTZS", "VCVTDQ2PS": "SCVTF", "VROUNDP": "FRINTN", "VPSUBUSW": "UQSUB", "VCMPP": "compare", "VTBL": "VTBL", "VCMTST": "VCMTST",
}

// armName is the arm64 instruction for one of AVX2.
func armName(name string) string {
	for _, n := range []string{name, name[:len(name)-1]} {
		if arm, ok := armNames[n]; ok {
			return arm
		}
	}
	panic("arm64 has nothing for " + name)
}

func (a *armAllocator) plain(i int, l line) {
	name := armName(l.name)
	if name == "VTBL" && len(l.args[1].bits) == 16 {
		a.lookUp(i, l)
		return
	}
	var args []int
	for _, v := range l.args {
		args = append(args, a.register(v))
	}
	var r int
	if x := l.args[0]; a.dies(i, x) {
		r = a.in[x.id]
	} else {
		r = a.take()
	}
	x, y, shape := args[0], args[len(args)-1], a.shape
	now := 0
	fmt.Sscanf(l.now, "$%d", &now)
	switch name {
	case "VAND", "VORR", "VEOR":
		a.op("%s V%d.B16, V%d.B16, V%d.B16", name, y, x, r)
	case "VADD", "VSUB", "VCMTST":
		a.op("%s V%d.%[5]s, V%[3]d.%[5]s, V%[4]d.%[5]s", name, y, x, r, shape)
	case "VSHL", "VUSHR":
		a.op("%s $%d, V%d.%[5]s, V%[4]d.%[5]s", name, now, x, r, shape)
	case "SSHR":
		a.emit(func(f *asm.Func) { f.ShiftRightSigned(shape, now, x, r) })
	case "VTBL":
		a.op("VTBL V%d.B16, [V%d.B16], V%d.B16", y, x, r)
	case "UQSUB":
		a.emit(func(f *asm.Func) { f.Vector(name, "H8", y, x, r) })
	case "compare":
		a.compare(now, x, y, r)
	case "FSQRT", "FCVTZS", "SCVTF", "FRINTN":
		a.vector(name, x, r)
	default:
		a.vector(name, y, x, r)
	}
	a.finish(i, l, r)
}

// compare writes the comparison of x and y.
func (a *armAllocator) compare(predicate, x, y, r int) {
	switch predicate {
	case equal:
		a.vector("FCMEQ", y, x, r)
	case less:
		a.vector("FCMGT", x, y, r)
	case lessEqual:
		a.vector("FCMGE", x, y, r)
	case greater:
		a.vector("FCMGT", y, x, r)
	case greaterEqual:
		a.vector("FCMGE", y, x, r)
	case notEqual, unordered:
		if predicate == unordered && x != y {
			panic("arm64 asks whether one number is NaN, not two")
		}
		a.vector("FCMEQ", y, x, r)
		a.emit(func(f *asm.Func) { f.Vector("NOT", "B16", r, r) })
	default:
		panic(fmt.Sprint("there is no comparison ", predicate))
	}
}

// lookUp writes the search for bytes in a table of 64.
func (a *armAllocator) lookUp(i int, l line) {
	words := l.args[1].bits
	if key := fmt.Sprint(words); key != a.table {
		a.table = key
		at := a.m.pool.offset(words...)
		for k := range 4 {
			a.op("FMOVQ %d(%s), F%d", at+16*k, armPool, armTables+k)
		}
	}
	x := a.register(l.args[0])
	r := x
	if !a.dies(i, l.args[0]) {
		r = a.take()
	}
	a.op("VTBL V%d.B16, [V28.B16, V29.B16, V30.B16, V31.B16], V%d.B16", x, r)
	a.finish(i, l, r)
}

// fma writes ±x·y + z, or x·y - z.
func (a *armAllocator) fma(i int, l line) {
	x, y, z := l.args[0], l.args[1], l.args[2]
	p, q := a.register(x), a.register(y)
	r := a.fresh(i, z, x, y)
	name := "VFMLA"
	switch {
	case strings.HasPrefix(l.name, "VFNMADD"):
		name = "VFMLS"
	case strings.HasPrefix(l.name, "VFMSUB"):
		a.vector("FNEG", r, r)
	}
	a.op("%s V%d.%[5]s, V%[3]d.%[5]s, V%[4]d.%[5]s", name, q, p, r, a.shape)
	a.finish(i, l, r)
}
