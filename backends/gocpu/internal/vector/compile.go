package vector

import (
	"math"
	"slices"
	"sync"

	"github.com/quire-ml/quire/backends/gocpu/internal/vector/piece"
)

// step is a piece of a program and its word.
type step struct {
	kind     piece.Kind
	r, other int
	word     uint64
	tail     []step // what does it for a tail, if not the step itself
}

// none stands for a place that a value does not have.
const none = -1

// place is where a value is, which may be several places at once.
type place struct {
	register int
	slot     int  // of a number
	uniform  int  // of a number that is the same for all elements
	mask     int  // of a mask
	operand  bool // the number can be loaded again
	reads    []int
}

// assembler makes steps of the lines of a code, in their order. Numbers live in virtual registers; where these do not suffice, the
// one that is read again last goes to a slot, unless it can be loaded again.
type assembler struct {
	m         *machine
	nodes     []node
	at        int // the line that is being written
	done      int // a line that has been written with the one before it
	places    []place
	registers []Value
	pinned    [piece.Registers]bool
	used      int // bytes of scratch memory
	slots     []int
	masks     []int
	constants []uint32
	loop      uint64 // the address of what goes over all whole blocks; 0 if there is none
	before    []step // what happens once, before the blocks
	steps     []step
	after     []step

	// Memory that is used again.
	room    []int  // for reads
	readers []int  // per line
	tails   []step // see tail
	all     []step // see code
}

// assemblers are those that wait for another code: some 10 kB each.
var assemblers = sync.Pool{New: func() any { return &assembler{} }}

// assemble writes the steps of a code for a machine, and finds the scratch memory that they need.
func (a *assembler) assemble(m *machine, c *Code) {
	nodes := c.nodes
	a.m, a.nodes, a.loop, a.at, a.done, a.used, a.pinned = m, nodes, m.loop(c), 0, 0, piece.Own, [piece.Registers]bool{}
	a.places, a.registers = again(a.places, len(nodes)), again(a.registers, m.registers)
	a.slots, a.masks, a.constants = a.slots[:0], a.masks[:0], a.constants[:0]
	a.before, a.steps, a.after = a.before[:0], slices.Grow(a.steps[:0], 2*len(nodes)), a.after[:0]
	for r := range a.registers {
		a.registers[r] = none
	}
	for i := range a.places {
		a.places[i] = place{register: none, slot: none, uniform: none, mask: none}
	}
	a.countReads()
	a.uniforms()
	for i := range nodes {
		if a.at = i; i == 0 || i != a.done {
			a.line(i)
		}
	}
}

// again returns n zeros in the memory of list, or in more if that does not suffice.
func again[T any](list []T, n int) []T {
	list = slices.Grow(list[:0], n)[:n]
	clear(list)
	return list
}

// countReads notes which lines read a value, of lines that matter.
func (a *assembler) countReads() {
	a.readers = again(a.readers, len(a.nodes))
	all := 0
	for i := range a.nodes {
		for _, v := range a.nodes[i].args[:a.nodes[i].arity] {
			a.readers[v]++
			all++
		}
	}
	a.room = again(a.room, all)
	room := a.room
	for i, n := range a.readers {
		a.places[i].reads, room = room[:0:n], room[n:]
	}
	for i := len(a.nodes) - 1; i >= 0; i-- {
		n := &a.nodes[i]
		if n.kind != isStore && n.kind != isFold && len(a.places[i].reads) == 0 {
			continue
		}
		for k, v := range n.args[:n.arity] {
			if !slices.Contains(n.args[:k], v) {
				a.places[v].reads = append(a.places[v].reads, i)
			}
		}
	}
}

// scalars are the pieces that bring a number from memory to the place of a uniform.
var scalars = [...]piece.Kind{Float32: piece.Scalar32, BFloat16: piece.ScalarBFloat16, Float16: piece.ScalarFloat16, Int32: piece.ScalarInt32}

// uniforms gives constants and scalars their places, constants first: they are copied together.
func (a *assembler) uniforms() {
	for i := range a.nodes {
		if n := &a.nodes[i]; n.kind == isConst && a.read(Value(i)) {
			bits := math.Float32bits(n.number)
			at := slices.Index(a.constants, bits)
			if at < 0 {
				at = len(a.constants)
				a.constants = append(a.constants, bits)
			}
			a.places[i].uniform = a.used + 4*at
		}
	}
	a.used += 4 * len(a.constants)
	a.align()
	for len(a.constants)*4%a.m.width != 0 {
		a.constants = append(a.constants, 0)
	}
	for i := range a.nodes {
		n := &a.nodes[i]
		if n.kind != isScalar || !a.read(Value(i)) {
			continue
		}
		if n.typ == Bool {
			a.places[i].mask = a.takeMask()
			a.before = append(a.before, step{kind: piece.ScalarBool, word: pair(8*n.operand, a.places[i].mask)})
			continue
		}
		a.places[i].uniform = a.used
		a.used += 4
		a.before = append(a.before, step{kind: scalars[n.typ], word: pair(8*n.operand, a.places[i].uniform)})
	}
	a.align()
}

// align leaves scratch memory free up to where a vector may stand.
func (a *assembler) align() { a.used = (a.used + 63) &^ 63 }

func pair(low, high int) uint64 { return uint64(uint32(low)) | uint64(high)<<32 }

// read reports whether a line from the present one on reads v.
func (a *assembler) read(v Value) bool { return len(a.places[v].reads) > 0 }

// lives reports whether a later line reads v.
func (a *assembler) lives(v Value) bool {
	reads := a.places[v].reads // the last one first
	return len(reads) > 0 && reads[0] > a.at
}

// next is the line that reads v next, after the present one.
func (a *assembler) next(v Value) int {
	reads := a.places[v].reads
	for k := len(reads) - 1; k >= 0; k-- {
		if reads[k] > a.at {
			return reads[k]
		}
	}
	return math.MaxInt
}

func (a *assembler) takeMask() int {
	if n := len(a.masks); n > 0 {
		m := a.masks[n-1]
		a.masks = a.masks[:n-1]
		return m
	}
	a.align()
	at := a.used
	a.used += a.m.mask
	return at
}

func (a *assembler) takeSlot() int {
	if n := len(a.slots); n > 0 {
		s := a.slots[n-1]
		a.slots = a.slots[:n-1]
		return s
	}
	a.align()
	at := a.used
	a.used += piece.Vectors * a.m.width
	return at
}

func (a *assembler) emit(k piece.Kind, r, other int, word uint64) {
	a.steps = append(a.steps, step{kind: k, r: r, other: other, word: word})
}

// line writes the steps of a line.
func (a *assembler) line(i int) {
	n := &a.nodes[i]
	switch {
	case n.kind == isStore:
		a.store(n)
	case n.kind == isFold:
		a.fold(n)
	case !a.read(Value(i)):
		return
	case n.kind == isLoad && n.typ == Bool:
		a.places[i].mask = a.takeMask()
		a.emit(piece.LoadBool, 0, 0, pair(8*n.operand, a.places[i].mask))
	case n.kind == isLoad:
		a.places[i].operand = true // loaded when it is needed
	case n.kind == isOp:
		a.op(Value(i), n)
	}
	for _, v := range n.args[:n.arity] {
		if !a.lives(v) {
			a.drop(v)
		}
	}
	a.pinned = [piece.Registers]bool{}
}

// drop frees the places of a value that is not read again.
func (a *assembler) drop(v Value) {
	p := &a.places[v]
	if p.register != none {
		a.registers[p.register] = none
		p.register = none
	}
	if p.slot != none {
		a.slots = append(a.slots, p.slot)
		p.slot = none
	}
	if p.mask != none && a.nodes[v].kind != isScalar { // which is written once, for all blocks
		a.masks = append(a.masks, p.mask)
		p.mask = none
	}
}

// take returns a register that is free, or made free.
func (a *assembler) take() int {
	worst, far := none, none
	for r, v := range a.registers {
		if a.pinned[r] {
			continue
		}
		if v == none {
			a.pinned[r] = true
			return r
		}
		if n := a.next(v); n > far {
			worst, far = r, n
		}
	}
	a.save(a.registers[worst])
	a.places[a.registers[worst]].register = none
	a.registers[worst] = none
	a.pinned[worst] = true
	return worst
}

// save brings a value that is read again, and would be lost, to a slot.
func (a *assembler) save(v Value) {
	p := &a.places[v]
	if p.slot == none && p.uniform == none && !p.operand && a.lives(v) {
		p.slot = a.takeSlot()
		a.emit(piece.Spill, p.register, 0, uint64(p.slot))
	}
}

var loads = [...]piece.Kind{Float32: piece.LoadFloat32, BFloat16: piece.LoadBFloat16, Float16: piece.LoadFloat16, Int32: piece.LoadInt32}

// register brings v to a register, where it stays while the line is written.
func (a *assembler) register(v Value) int {
	p := &a.places[v]
	if p.register == none {
		r := a.take()
		switch {
		case p.slot != none:
			a.emit(piece.Reload, r, 0, uint64(p.slot))
		case p.uniform != none:
			a.emit(piece.Fill, r, 0, uint64(p.uniform))
		default:
			n := &a.nodes[v]
			a.emit(loads[n.typ], r, 0, uint64(8*n.operand))
		}
		p.register, a.registers[r] = r, v
	}
	a.pinned[p.register] = true
	return p.register
}

// other returns how a piece takes v as its second operand.
func (a *assembler) other(v Value) (other int, at int) {
	p := &a.places[v]
	switch {
	case p.register != none:
		a.pinned[p.register] = true
		return p.register, 0
	case p.slot != none:
		return piece.Slot, p.slot
	case p.uniform != none:
		return piece.Uniform, p.uniform
	}
	return a.register(v), 0
}

// inPlace returns a register that holds v and becomes that of the result.
func (a *assembler) inPlace(v, result Value) int {
	r := a.register(v)
	p := &a.places[v]
	if a.lives(v) {
		if a.free() || p.slot == none && !p.operand && p.uniform == none {
			to := a.take()
			a.emit(piece.Move, to, r, 0)
			r = to
		} else {
			p.register = none // it can be had again
		}
	} else {
		p.register = none
	}
	a.registers[r] = result
	a.places[result].register = r
	return r
}

// free reports whether a register is free.
func (a *assembler) free() bool { return slices.Contains(a.registers, none) }

// uniform reports whether v has no other place than that of a uniform.
func (a *assembler) uniform(v Value) bool {
	p := &a.places[v]
	return p.uniform != none && p.register == none
}

// op writes the steps of an op.
func (a *assembler) op(v Value, n *node) {
	row := &table[n.op]
	x := n.args[0]
	switch {
	case n.op.isFunction():
		a.function(v, n)
	case n.op == Select:
		a.choose(v, n)
	case row.join != nil:
		y := n.args[row.arity-1]
		from, with := a.places[x].mask, a.places[y].mask
		to := a.takeMask()
		a.places[v].mask = to
		a.emit(row.kind, 0, 0, uint64(from)|uint64(with)<<16|uint64(to)<<32)
	case row.test1 != nil:
		r := a.register(x)
		a.places[v].mask = a.takeMask()
		a.emit(row.kind, r, 0, uint64(a.places[v].mask))
	case row.test2 != nil:
		a.compare(v, n)
	case row.arity == 1:
		a.emit(row.kind, a.inPlace(x, v), 0, 0)
	default:
		a.binary(v, n)
	}
}

// swaps are the pieces with the operands exchanged.
var swaps = map[piece.Kind]piece.Kind{
	piece.Add: piece.Add, piece.Mul: piece.Mul, piece.Max: piece.Max, piece.Min: piece.Min, piece.Sub: piece.SubFrom, piece.Div: piece.DivFrom,
	piece.Equal: piece.Equal, piece.NotEqual: piece.NotEqual, piece.Less: piece.Greater, piece.LessEqual: piece.GreaterEqual,
}

// worse reports whether y, rather than x, should be the operand whose register becomes the result's.
func (a *assembler) worse(x, y Value) bool {
	switch {
	case a.uniform(x) != a.uniform(y):
		return a.uniform(x)
	case a.lives(x) != a.lives(y):
		return a.lives(x)
	}
	return a.places[x].register == none && a.places[y].register != none
}

func (a *assembler) binary(v Value, n *node) {
	x, y, kind := n.args[0], n.args[1], table[n.op].kind
	if a.worse(x, y) {
		x, y, kind = y, x, swaps[kind]
	}
	if x == y {
		r := a.inPlace(x, v)
		a.emit(kind, r, r, 0)
		return
	}
	a.register(x)
	other, at := a.other(y)
	if other == piece.Uniform && a.nodes[y].kind == isConst {
		kind = limit(kind, a.nodes[y].number)
	}
	a.emit(kind, a.inPlace(x, v), other, uint64(at))
}

// limit returns the shorter piece that there is for a larger or smaller one of which one is known.
func limit(k piece.Kind, c float32) piece.Kind {
	negative := math.Signbit(float64(c))
	switch {
	case c != c:
		return k
	case k == piece.Max && c == 0 && !negative:
		return piece.MaxZero
	case k == piece.Max:
		return piece.MaxNumber
	case k == piece.Min && (c != 0 || !negative):
		return piece.MinNumber
	}
	return k
}

func (a *assembler) compare(v Value, n *node) {
	x, y, kind := n.args[0], n.args[1], table[n.op].kind
	if a.uniform(x) || a.places[x].register == none && a.places[y].register != none {
		x, y, kind = y, x, swaps[kind]
	}
	r := a.register(x)
	other, at := a.other(y)
	a.places[v].mask = a.takeMask()
	a.emit(kind, r, other, pair(at, a.places[v].mask))
}

func (a *assembler) choose(v Value, n *node) {
	mask, yes, no, kind := a.places[n.args[0]].mask, n.args[1], n.args[2], piece.SelectYes
	if yes == no {
		a.inPlace(yes, v)
		return
	}
	if a.worse(yes, no) {
		yes, no, kind = no, yes, piece.SelectNo
	}
	a.register(yes)
	other, at := a.other(no)
	a.emit(kind, a.inPlace(yes, v), other, pair(at, mask))
}

// function writes a step that takes its operands from slots, or a float32 operand from memory, and leaves no register as it was.
func (a *assembler) function(v Value, n *node) {
	if n.arity == 1 && a.m.inMemory && a.onlyInMemory(n.args[0]) {
		a.memoryFunction(v, n)
		return
	}
	var from [2]int
	for k, x := range n.args[:n.arity] {
		p := &a.places[x]
		if p.slot == none {
			r := a.register(x)
			p.slot = a.takeSlot()
			a.emit(piece.Spill, r, 0, uint64(p.slot))
		}
		from[k] = p.slot
	}
	a.clearRegisters()
	to := from[0]
	if x := &a.places[n.args[0]]; a.lives(n.args[0]) || n.arity == 2 && n.args[0] == n.args[1] {
		to = a.takeSlot()
	} else {
		x.slot = none // is the result's now
	}
	a.places[v].slot = to
	a.emit(table[n.op].kind, 0, 0, uint64(from[0])|uint64(to)<<16|uint64(from[1])<<32)
}

// clearRegisters saves what registers hold.
func (a *assembler) clearRegisters() {
	for r, x := range a.registers {
		if x != none {
			a.save(x)
			a.places[x].register = none
			a.registers[r] = none
		}
	}
}

// onlyInMemory reports whether v are float32s that lie nowhere but in an operand.
func (a *assembler) onlyInMemory(v Value) bool {
	p := &a.places[v]
	return p.operand && p.register == none && p.slot == none && a.nodes[v].typ == Float32
}

// memoryFunction writes a function of what lies in memory alone, and stores the result if nothing else is done with it.
func (a *assembler) memoryFunction(v Value, n *node) {
	x := &a.nodes[n.args[0]]
	store := a.storedNext(v)
	if store != nil {
		a.keepOperands()
	}
	a.clearRegisters()
	kind, slot := table[n.op].kind, a.takeSlot()
	s := step{kind: kind, word: uint64(8*x.operand|piece.Operand) | uint64(slot)<<16, tail: []step{
		{kind: piece.LoadFloat32, word: uint64(8 * x.operand)},
		{kind: piece.Spill, word: uint64(slot)},
		{kind: kind, word: uint64(slot) | uint64(slot)<<16},
	}}
	if store == nil {
		a.places[v].slot = slot
	} else {
		s.word = uint64(8*x.operand|piece.Operand) | uint64(8*store.operand|piece.Operand)<<16
		s.tail = append(s.tail, step{kind: piece.Reload, word: uint64(slot)}, step{kind: piece.StoreFloat32, word: uint64(8 * store.operand)})
		a.slots = append(a.slots, slot)
		a.done = a.at + 1
	}
	a.steps = append(a.steps, s)
}

// storedNext returns the next line, if it stores v as float32s and is the only one that reads it.
func (a *assembler) storedNext(v Value) *node {
	if a.at+1 >= len(a.nodes) || len(a.places[v].reads) > 1 {
		return nil
	}
	if n := &a.nodes[a.at+1]; n.kind == isStore && n.typ == Float32 && n.args[0] == v {
		return n
	}
	return nil
}

var stores = [...]piece.Kind{Float32: piece.StoreFloat32, BFloat16: piece.StoreBFloat16, Float16: piece.StoreFloat16, Int32: piece.StoreInt32}

// store writes a value to memory. What is loaded later, but written before, is loaded first: it may lie there.
func (a *assembler) store(n *node) {
	if n.typ == Bool {
		a.keepOperands()
		a.emit(piece.StoreBool, 0, 0, pair(8*n.operand, a.places[n.args[0]].mask))
		return
	}
	a.register(n.args[0])
	a.keepOperands()
	a.emit(stores[n.typ], a.register(n.args[0]), 0, uint64(8*n.operand))
}

// keepOperands loads what could no longer be loaded behind a store.
func (a *assembler) keepOperands() {
	var absent []Value
	for i := range a.at {
		p := &a.places[i]
		if p.operand && a.lives(Value(i)) && p.register == none && p.slot == none {
			absent = append(absent, Value(i))
		}
		p.operand = false
	}
	for _, v := range absent {
		pinned := a.pinned
		a.register(v)
		a.pinned = pinned
	}
}

func (a *assembler) fold(n *node) {
	a.align()
	at := a.used
	a.used += piece.Vectors * a.m.width
	kinds := [...][3]piece.Kind{
		Sum:     {piece.StartSum, piece.FoldSum, piece.EndSum},
		Largest: {piece.StartExtreme, piece.FoldLargest, piece.EndLargest},
		Least:   {piece.StartExtreme, piece.FoldLeast, piece.EndLeast},

		RoughSum: {piece.StartSum, piece.FoldRoughSum, piece.EndSum},

		Magnitude: {piece.StartExtreme, piece.FoldMagnitude, piece.EndMagnitude},
	}[n.fold]
	a.before = append(a.before, step{kind: kinds[0], word: pair(at, 8*n.operand)})
	a.emit(kinds[1], a.register(n.args[0]), 0, uint64(at))
	a.after = append(a.after, step{kind: kinds[2], word: pair(at, 8*n.operand)})
}

// tail returns the steps of a tail.
func (a *assembler) tail() []step {
	list := a.tails[:0]
	for i := range a.steps {
		of := a.steps[i].tail
		if of == nil {
			of = a.steps[i : i+1]
		}
		for _, t := range of {
			if t.kind >= piece.LoadFloat32 && t.kind <= piece.FoldLeastTail {
				t.kind++
			}
			list = append(list, t)
		}
	}
	a.tails = list
	return list
}

// code returns the steps as the machine reads them: addresses and words, behind them the constants.
func (a *assembler) code() []uint64 {
	steps := slices.Grow(a.all[:0], len(a.before)+2*len(a.steps)+len(a.after)+6) // the six beside these
	offset := func(n int) uint64 { return uint64(16 * n) }
	if a.loop != 0 {
		steps = append(steps, step{kind: piece.Loop})
	}
	constants := len(steps)
	if len(a.constants) > 0 {
		steps = append(steps, step{kind: piece.Constants})
	}
	steps = append(steps, a.before...)
	begin := len(steps)
	tail := a.tail()
	steps = append(steps, step{kind: piece.Begin, word: offset(begin + 2 + len(a.steps))})
	steps = append(steps, a.steps...)
	steps = append(steps, step{kind: piece.Next, word: offset(begin + 1)}, step{kind: piece.Tail, word: offset(begin + 3 + len(a.steps) + len(tail))})
	steps = append(steps, tail...)
	steps = append(steps, a.after...)
	steps = append(steps, step{kind: piece.Exit})
	if a.loop != 0 {
		steps[0].word = offset(len(steps) - 1) // the end, if no tail is left
	}
	if n := len(a.constants); n > 0 {
		steps[constants].word = offset(len(steps)) | piece.Own<<32 | uint64(n*4/a.m.width)<<48
	}
	a.all = steps
	code := make([]uint64, 0, 2*len(steps)+len(a.constants)/2)
	for _, s := range steps {
		if s.kind == piece.Loop {
			code = append(code, a.loop, s.word)
			continue
		}
		code = append(code, a.m.address(piece.Index(s.kind, s.r, s.other)), s.word)
	}
	for i := 0; i < len(a.constants); i += 2 {
		code = append(code, uint64(a.constants[i])|uint64(a.constants[i+1])<<32)
	}
	return code
}
