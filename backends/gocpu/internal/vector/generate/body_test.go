package generate

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
	"github.com/quire-ml/quire/backends/gocpu/internal/vector/piece"
)

// value is an operand of a line: what another line computes, or a constant in memory.
type value struct {
	id   int
	bits []uint32 // of a constant: one element, or a whole vector
}

// line is an instruction of a body, whose registers are not chosen yet.
type line struct {
	kind   lineKind
	name   string
	now    string // an immediate operand, with a comma behind it
	args   []value
	at     string // of loads and stores: the place in memory
	half   bool   // whether operands are the lower halves of registers
	result int    // the value that it computes, -1 for none
}

type lineKind uint8

const (
	plain  lineKind = iota // result = args[0] op args[1] …; the last may be a constant
	fma                    // ±args[0]·args[1] + args[2], one of which may be a constant; the name lacks its order
	masked                 // result = args[1] op args[2] where the mask args[0] holds, else args[3]; the last by its own register
	tied                   // result = args[0] changed by the others, in its register
	load
	store
	storeAs // by an instruction that changes what it stores
	into    // args[0] = args[1] op args[2] …, in the register of args[0], which is fixed
)

// body is a function written for numbers of one width, as a straight line of instructions without registers. Several
// instances of it, one per vector, are laid side by side so that the processor has work while it waits for a result.
type body struct {
	m       *machine
	element int // bytes: 4 or 8
	masks   map[int]bool
	streams [][]line
	ids     int
	keeps   bool // whether there are registers for constants
	kept    []value
	fixed   int           // how many registers are fixed, see fix
	bytes   map[int]value // on arm, where elements of lists lie
}

// bodyOf writes a function of x, and of y if it has two operands.
type bodyOf = func(b *body, x, y value) value

func (b *body) add(l line) value {
	if l.kind < store {
		b.ids++
		l.result = b.ids
	} else {
		l.result = -1
	}
	s := &b.streams[len(b.streams)-1]
	*s = append(*s, l)
	return value{id: l.result}
}

// mask adds a line that computes a mask.
func (b *body) mask(l line) value {
	v := b.add(l)
	if b.m.wide {
		b.masks[v.id] = true
	}
	return v
}

// suffix is how instructions on the body's numbers end.
func (b *body) suffix() string { return map[int]string{4: "PS", 8: "PD"}[b.element] }

// integer is how instructions on integers of that width end.
func (b *body) integer() string { return map[int]string{4: "D", 8: "Q"}[b.element] }

// c is a number.
func (b *body) c(x float64) value {
	if b.element == 4 {
		return b.word(uint64(math.Float32bits(float32(x))))
	}
	return b.word(math.Float64bits(x))
}

// word is a constant by its bits.
func (b *body) word(bits uint64) value {
	if b.element == 4 {
		return value{bits: []uint32{uint32(bits)}}
	}
	return value{bits: []uint32{uint32(bits), uint32(bits >> 32)}}
}

// keep is a constant in a register that holds it for all instances, if there is one.
func (b *body) keep(c value) value {
	if !b.keeps {
		return c
	}
	for i, k := range b.kept {
		if slices.Equal(k.bits, c.bits) {
			return value{id: -10 - i}
		}
	}
	b.kept = append(b.kept, c)
	return value{id: -9 - len(b.kept)}
}

// firstFixed is the first of the values that have a register for all lines.
const firstFixed = -1000

// fix returns a value that has a register of its own for all lines, which somebody else sets before the loop.
func (b *body) fix() value {
	b.fixed++
	return value{id: firstFixed - b.fixed + 1}
}

// into adds a line that changes a fixed value.
func (b *body) into(z value, name string, args ...value) {
	b.add(line{kind: into, name: name, args: append([]value{z}, args...)})
}

func (b *body) op(name string, args ...value) value { return b.add(line{name: name, args: args}) }

func (b *body) now(name string, now int, args ...value) value {
	return b.add(line{name: name, now: fmt.Sprintf("$%d, ", now), args: args})
}

func (b *body) plus(x, y value) value      { return b.op("VADD"+b.suffix(), x, y) }
func (b *body) minus(x, y value) value     { return b.op("VSUB"+b.suffix(), x, y) }
func (b *body) times(x, y value) value     { return b.op("VMUL"+b.suffix(), x, y) }
func (b *body) over(x, y value) value      { return b.op("VDIV"+b.suffix(), x, y) }
func (b *body) and(x, y value) value       { return b.op(b.bitwise("VPAND"), x, y) }
func (b *body) or(x, y value) value        { return b.op(b.bitwise("VPOR"), x, y) }
func (b *body) xor(x, y value) value       { return b.op(b.bitwise("VPXOR"), x, y) }
func (b *body) left(x value, n int) value  { return b.now("VPSLL"+b.integer(), n, x) }
func (b *body) right(x value, n int) value { return b.now("VPSRL"+b.integer(), n, x) }
func (b *body) addInt(x, y value) value    { return b.op("VPADD"+b.integer(), x, y) }
func (b *body) subInt(x, y value) value    { return b.op("VPSUB"+b.integer(), x, y) }

// least and most give y if one of x and y is NaN.
func (b *body) least(x, y value) value { return b.op("VMIN"+b.suffix(), x, y) }
func (b *body) most(x, y value) value  { return b.op("VMAX"+b.suffix(), x, y) }

func (b *body) bitwise(name string) string {
	if b.m.wide {
		return name + b.integer()
	}
	return name
}

// mulAdd is x·y + z in one rounding, negMulAdd -x·y + z, mulSub x·y - z.
func (b *body) mulAdd(x, y, z value) value {
	return b.add(line{kind: fma, name: "VFMADD%d" + b.suffix(), args: []value{x, y, z}})
}
func (b *body) negMulAdd(x, y, z value) value {
	return b.add(line{kind: fma, name: "VFNMADD%d" + b.suffix(), args: []value{x, y, z}})
}
func (b *body) mulSub(x, y, z value) value {
	return b.add(line{kind: fma, name: "VFMSUB%d" + b.suffix(), args: []value{x, y, z}})
}

// Comparisons of numbers, by their number in the processor's table.
const (
	equal        = 0x00
	unordered    = 0x03
	notEqual     = 0x04
	less         = 0x11
	lessEqual    = 0x12
	greaterEqual = 0x1d
	greater      = 0x1e
)

func (b *body) compare(predicate int, x, y value) value {
	return b.mask(line{name: "VCMP" + b.suffix(), now: fmt.Sprintf("$%d, ", predicate), args: []value{x, y}})
}

// where is yes where the mask holds, else no.
func (b *body) where(mask, yes, no value) value {
	return b.add(line{kind: masked, name: "blend", args: []value{mask, yes, no}})
}

// timesWhere is x·y where the mask holds, else no.
func (b *body) timesWhere(mask, x, y, no value) value {
	if !b.m.wide {
		return b.where(mask, b.times(x, y), no)
	}
	return b.add(line{kind: tied, name: "VMUL" + b.suffix(), args: []value{no, mask, x, y}})
}

// poly is c[0] + x·(c[1] + x·(…)).
func (b *body) poly(x value, c ...float64) value {
	p := b.c(c[len(c)-1])
	for i := len(c) - 2; i >= 0; i-- {
		p = b.mulAdd(p, x, b.c(c[i]))
	}
	return p
}

// function adds a piece for a function of the elements of one or two slots, which f writes for numbers of element bytes.
func (m *machine) function(k piece.Kind, element int, f func(b *body, x, y value) value) {
	l := m.loopOf(k, element, f)
	m.piece(k, 0, 0, func(f *asm.Func) {
		m.slots(f)
		l.write(f, "more")
	})
}

// loop is a body with registers, for one instance or several.
type loop struct {
	m           *machine
	step        int      // bytes of a slot that it works on
	first, text []string // before the loop, and in it
}

// loopOf lays as many instances side by side as there are registers for. Two with constants in registers are better than four that read
// them: tables, which fill lines of the cache, lie across two of them.
func (m *machine) loopOf(k piece.Kind, element int, f func(b *body, x, y value) value) *loop {
	for _, try := range []struct {
		n     int
		keeps bool
	}{{4, m.wide}, {2, m.wide}, {4, false}, {2, false}, {1, m.wide}, {1, false}} {
		b := &body{m: m, element: element, masks: map[int]bool{}, keeps: try.keeps}
		for i := range try.n {
			b.instance(i, k == piece.Pow, f)
		}
		if first, text, ok := b.assemble(); ok {
			return &loop{m, try.n * m.width * 4 / element, first, text}
		}
	}
	panic(fmt.Sprintf("%s has too few registers for %s", m.name, kindNames[k]))
}

// instance adds instance i of a function.
func (b *body) instance(i int, two bool, f func(b *body, x, y value) value) {
	b.streams = append(b.streams, nil)
	at := func(base string) string { return place(i*b.m.width*4/b.element, base) }
	read := map[int]string{4: "VMOVUPS", 8: "VCVTPS2PD"}[b.element]
	x := b.add(line{kind: load, name: read, at: at("SI")})
	var y value
	if two {
		y = b.add(line{kind: load, name: read, at: at("BX")})
	}
	b.add(line{kind: store, args: []value{f(b, x, y)}, at: at("DX")})
}

// place is memory behind a register.
func place(offset int, base string) string { return fmt.Sprintf("%d(%s)", offset, base) }

// slots makes SI and BX the addresses of the operands, DX that of the result, and AX the number of half vectors.
func (m *machine) slots(f *asm.Func) {
	m.place(f, 8, "SI", loadAhead)
	m.result(f)
	f.Op("MOVWQZX 12(%s), BX", counter)
	f.Op("ADDQ %s, BX", scratch)
	f.Op("LEAQ (%s)(%s*1), AX", vectors, vectors)
}

// result makes DX the address of the result.
func (m *machine) result(f *asm.Func) { m.place(f, 10, "DX", storeAhead) }

// place makes a register the address of a slot, whose offset is at one of the step, or of an operand.
func (m *machine) place(f *asm.Func, at int, r string, ahead int) {
	slot, done := f.NewLabel("slot"), f.NewLabel("place")
	f.Op("MOVWQZX %d(%s), %s", at, counter, r)
	f.Op("BTRQ $15, %s", r)
	f.Op("JCC %s", slot)
	f.Op("MOVQ (%s)(%s*1), %s", operands, r, r)
	f.Op("LEAQ (%s)(%s*4), %s", r, element, r)
	for i := 0; i < 4*m.block(); i += 64 {
		f.Op("PREFETCHT0 %d(%s)", ahead+i, r)
	}
	f.Op("JMP %s", done)
	f.Label(slot)
	f.Op("ADDQ %s, %s", scratch, r)
	f.Label(done)
}

// write writes the loop over all vectors.
func (l *loop) write(f *asm.Func, label string) {
	for _, s := range l.first {
		f.Op("%s", s)
	}
	f.Label(label)
	for _, s := range l.text {
		f.Op("%s", s)
	}
	for _, r := range []string{"SI", "DX", "BX"} {
		f.Op("ADDQ $%d, %s", l.step, r)
	}
	f.Op("SUBQ $%d, AX", 2*l.step/l.m.width)
	f.Op("JG %s", label)
}

// lines are those of all instances, a line of each in turn.
func (b *body) lines() (list []line) {
	for i := 0; ; i++ {
		before := len(list)
		for _, s := range b.streams {
			if i < len(s) {
				list = append(list, s[i])
			}
		}
		if len(list) == before {
			return list
		}
	}
}

// assemble chooses registers. It fails if there are too few.
func (b *body) assemble() (first, text []string, ok bool) {
	a := b.allocate()
	return a.first, a.text, a.ok
}

// allocate is assemble with what else is known then: the registers of values that live longer than the lines, and those that are free.
func (b *body) allocate() *allocator {
	lines := b.lines()
	a := &allocator{b: b, last: map[int]int{}, in: map[int]int{}, ok: true}
	for i := range b.m.registers {
		a.free[0] = append(a.free[0], i)
	}
	for i := 7; i > 0; i-- {
		a.free[1] = append(a.free[1], i)
	}
	for i := range b.kept {
		a.in[-10-i] = a.take(false)
		a.constant(b.kept[i], a.in[-10-i])
	}
	for i := range b.fixed {
		a.in[firstFixed-i] = a.take(false)
	}
	for i, l := range lines {
		for _, v := range l.args {
			a.last[v.id] = i
		}
	}
	for i := range b.kept {
		a.last[-10-i] = len(lines)
	}
	for i := range b.fixed {
		a.last[firstFixed-i] = len(lines)
	}
	a.first, a.text = a.text, nil
	for i, l := range lines {
		if a.ok {
			a.line(i, l)
		}
	}
	return a
}

// allocator gives lines their registers, in their order.
type allocator struct {
	b     *body
	last  map[int]int // the line that reads a value last
	in    map[int]int // the register of a value
	free  [2][]int    // vector registers, masks
	first []string    // before the loop: constants
	text  []string
	ok    bool
}

func (a *allocator) op(format string, args ...any) {
	a.text = append(a.text, fmt.Sprintf(format, args...))
}

func (a *allocator) take(mask bool) int {
	k := 0
	if mask {
		k = 1
	}
	n := len(a.free[k])
	if n == 0 {
		a.ok = false
		return 0
	}
	r := a.free[k][n-1]
	a.free[k] = a.free[k][:n-1]
	return r
}

func (a *allocator) give(r int, mask bool) {
	k := 0
	if mask {
		k = 1
	}
	a.free[k] = append(a.free[k], r)
}

// name is the register of a value.
func (a *allocator) name(v value) string {
	if a.b.masks[v.id] {
		return fmt.Sprintf("K%d", a.in[v.id])
	}
	return a.b.m.z(a.in[v.id])
}

// memory is a constant as an operand in memory, and what the name of an instruction gets for it.
func (a *allocator) memory(v value) (at, suffix string) {
	m := a.b.m
	if len(v.bits) > 2 { // a whole vector
		return m.pool.put(v.bits...), ""
	}
	if m.wide {
		return m.pool.put(v.bits...), ".BCST"
	}
	var words []uint32
	for len(words) < m.width/4 {
		words = append(words, v.bits...)
	}
	return m.pool.put(words...), ""
}

// constant brings a constant to register r.
func (a *allocator) constant(v value, r int) {
	at, suffix := a.memory(v)
	move := "VMOVUPS"
	if suffix != "" {
		move = map[int]string{4: "VBROADCASTSS", 8: "VBROADCASTSD"}[4*len(v.bits)]
	}
	a.op("%s %s, %s", move, at, a.b.m.z(r))
}

// dies reports whether line i is the last to read v.
func (a *allocator) dies(i int, v value) bool { return v.bits == nil && a.last[v.id] == i }

// release frees the registers of arguments that nobody reads again, but for keep.
func (a *allocator) release(i int, args []value, keep int) {
	done := map[int]bool{keep: true}
	for _, v := range args {
		if a.dies(i, v) && !done[v.id] {
			done[v.id] = true
			a.give(a.in[v.id], a.b.masks[v.id])
		}
	}
}

// define gives the result of line l register r, which it frees again if nobody reads it.
func (a *allocator) define(l line, r int) {
	a.in[l.result] = r
	if _, read := a.last[l.result]; !read {
		panic("a value that nobody reads: " + l.name)
	}
}

func (a *allocator) line(i int, l line) {
	switch l.kind {
	case load:
		r := a.take(false)
		a.define(l, r)
		a.op("%s %s, %s", l.name, l.at, a.b.m.z(r))
	case store:
		x := a.name(l.args[0])
		if a.b.element == 8 {
			convert := "VCVTPD2PS"
			if !a.b.m.wide {
				convert = "VCVTPD2PSY"
			}
			a.op("%s %s, %s", convert, x, halfOf(x))
			x = halfOf(x)
		}
		move := "VMOVUPS"
		if l.name != "" { // of the first element alone
			move, x = l.name, "X"+x[1:]
		}
		a.op("%s %s, %s", move, x, l.at)
		a.release(i, l.args, -1)
	case storeAs:
		a.op("%s %s%s, %s", l.name, l.now, a.name(l.args[0]), l.at)
		a.release(i, l.args, -1)
	case into:
		suffix, operands, temporary := a.registers(l.args[1:])
		a.release(i, l.args, -1)
		for _, r := range temporary {
			a.give(r, false)
		}
		a.op("%s%s %s%s, %s", l.name, suffix, l.now, strings.Join(operands, ", "), a.name(l.args[0]))
	case plain:
		a.plain(i, l)
	case fma:
		a.fma(i, l)
	case masked:
		a.masked(i, l)
	case tied:
		a.tied(i, l)
	}
}

// registers makes every argument but the last a register, and returns how the instruction is written: its suffix and operands
// in the assembler's order. The registers in temporary are free again behind it.
func (a *allocator) registers(args []value) (suffix string, operands []string, temporary []int) {
	for k, v := range args {
		switch {
		case v.bits == nil:
			operands = append([]string{a.name(v)}, operands...)
		case k == len(args)-1:
			var at string
			at, suffix = a.memory(v)
			operands = append([]string{at}, operands...)
		default:
			r := a.take(false)
			a.constant(v, r)
			temporary = append(temporary, r)
			operands = append([]string{a.b.m.z(r)}, operands...)
		}
	}
	return suffix, operands, temporary
}

func (a *allocator) plain(i int, l line) {
	suffix, operands, temporary := a.registers(l.args)
	a.release(i, l.args, -1)
	for _, r := range temporary {
		a.give(r, false)
	}
	a.define(l, a.take(a.b.masks[l.result]))
	if l.half {
		for k, o := range operands {
			operands[k] = halfOf(o)
		}
	}
	a.op("%s%s %s%s, %s", l.name, suffix, l.now, strings.Join(operands, ", "), a.name(value{id: l.result}))
}

// fma picks the order of operands whose result takes the place of one that is not read again.
func (a *allocator) fma(i int, l line) {
	x, y, z := l.args[0], l.args[1], l.args[2]
	if x.bits != nil && y.bits == nil {
		x, y = y, x
	}
	m := a.b.m
	write := func(order int, third, second value, r int) {
		at, suffix := "", ""
		if third.bits != nil {
			at, suffix = a.memory(third)
		} else {
			at = a.name(third)
		}
		a.op("%s%s %s, %s, %s", fmt.Sprintf(l.name, order), suffix, at, a.name(second), m.z(r))
	}
	finish := func(keep value, r int) {
		a.release(i, l.args, keep.id)
		a.define(l, r)
	}
	switch {
	case y.bits != nil && z.bits != nil: // the factor is brought to a register
		r := a.take(false)
		a.constant(y, r)
		write(213, z, x, r)
		finish(value{id: -1}, r)
	case a.dies(i, z) && z.id != x.id && z.id != y.id:
		r := a.in[z.id]
		write(231, y, x, r)
		finish(z, r)
	case a.dies(i, x) && x.id != y.id && x.id != z.id:
		r := a.in[x.id]
		if y.bits != nil {
			write(132, y, z, r)
		} else {
			write(213, z, y, r)
		}
		finish(x, r)
	case a.dies(i, y) && x.id != y.id && y.id != z.id:
		r := a.in[y.id]
		write(213, z, x, r)
		finish(y, r)
	case z.bits != nil:
		r := a.take(false)
		if !a.ok {
			return
		}
		a.op("VMOVAPS %s, %s", a.name(x), m.z(r))
		write(213, z, y, r)
		finish(value{id: -1}, r)
	default:
		r := a.take(false)
		if !a.ok {
			return
		}
		a.op("VMOVAPS %s, %s", a.name(z), m.z(r))
		write(231, y, x, r)
		finish(value{id: -1}, r)
	}
}

// masked writes a choice by a mask.
func (a *allocator) masked(i int, l line) {
	mask, yes, no := l.args[0], l.args[1], l.args[2]
	var temporary []int
	if no.bits != nil {
		r := a.take(false)
		a.constant(no, r)
		temporary = append(temporary, r)
		a.in[-3] = r
		no = value{id: -3}
	}
	at, suffix := "", ""
	if yes.bits != nil {
		at, suffix = a.memory(yes)
	} else {
		at = a.name(yes)
	}
	noName, maskName := a.name(no), a.name(mask)
	a.release(i, l.args, -1)
	for _, r := range temporary {
		a.give(r, false)
	}
	r := a.take(false)
	a.define(l, r)
	if a.b.m.wide {
		a.op("VBLENDM%s%s %s, %s, %s, %s", a.b.suffix(), suffix, at, noName, maskName, a.b.m.z(r))
		return
	}
	a.op("VBLENDV%s %s, %s, %s, %s", a.b.suffix(), maskName, at, noName, a.b.m.z(r))
}

// tied writes an instruction whose first operand is changed in place, after a copy if it is read again.
func (a *allocator) tied(i int, l line) {
	first := l.args[0]
	suffix, operands, temporary := a.registers(l.args[1:])
	var r int
	switch {
	case first.bits != nil:
		r = a.take(false)
		a.constant(first, r)
	case a.dies(i, first) && !contains(l.args[1:], first):
		r = a.in[first.id]
	default:
		r = a.take(false)
		a.op("VMOVAPS %s, %s", a.name(first), a.b.m.z(r))
		first = value{id: -1}
	}
	a.release(i, l.args, first.id)
	for _, t := range temporary {
		a.give(t, false)
	}
	a.define(l, r)
	a.op("%s%s %s%s, %s", l.name, suffix, l.now, strings.Join(operands, ", "), a.b.m.z(r))
}

func contains(list []value, v value) bool {
	for _, w := range list {
		if w.bits == nil && w.id == v.id {
			return true
		}
	}
	return false
}
