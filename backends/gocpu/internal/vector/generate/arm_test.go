package generate

import (
	"testing"

	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
	"github.com/quire-ml/quire/backends/gocpu/internal/vector/piece"
	"github.com/quire-ml/quire/internal/golden"
)

// TestPiecesOfNEONAreCurrent keeps the pieces for arm64 to their generator.
func TestPiecesOfNEONAreCurrent(t *testing.T) {
	m := newArmMachine()
	m.control()
	m.memory()
	m.light()
	m.functions()
	assembly, declarations := m.finish()
	golden.Check(t, "../neon_arm64.s", assembly)
	golden.Check(t, "../neon_arm64.go", declarations)
}

// armMachine writes pieces for arm64, whose vectors have 16 bytes. Programs see them as AVX2's: what has the size of a vector there is
// a pair of registers here, so that a block has 32 elements and a virtual register is eight vector registers.
type armMachine struct{ *machine }

// Registers of pieces: what stays while a program runs.
const (
	armCounter  = "R0" // the place in the program
	armProgram  = "R1" // its begin
	armScratch  = "R2"
	armOperands = "R3"
	armElement  = "R4"  // the first element of the block
	armEnd      = "R5"  // the number of elements
	armVectors  = "R10" // how many vectors of the block have elements
)

// Registers that each piece may use, and those of functions.
const (
	armJump = "R6" // and other things
	armAt   = "R7" // the address of an operand; of a function's first operand
	armTo   = "R8" // offset or address of a second place; of a function's result
	armMore = "R9" // of a third one; of a function's second operand
	armPool = "R11"
	armLeft = "R12" // halves of vectors, or elements, that are left
)

const (
	armBlock     = 32 // elements
	armRegisters = 8  // of a virtual register
	armFree      = 24 // the first of eight registers that pieces may use
	armTables    = 28 // registers from here on, four, hold the table that a function looks up
)

func newArmMachine() *armMachine {
	m := &machine{name: "neon", width: 16, registers: armTables, virtual: 3, arm: true}
	m.file = asm.NewFile("vector", "arm64", "go test ./backends/gocpu/internal/vector/generate -update")
	m.turns = m.file.Words(m.name+"Turns", turnsTable()...)
	m.pool = pool{name: m.name + "Constants", at: map[string]int{}}
	return &armMachine{m}
}

// v is vector i of virtual register r.
func (m *armMachine) v(r, i int) int { return r*armRegisters + i }

// piece adds a piece whose end goes on with the next.
func (m *armMachine) piece(k piece.Kind, r, other int, write func(f *asm.Func)) {
	f := m.begin(k, r, other)
	write(f)
	f.Op("MOVD.W 16(%s), %s", armCounter, armJump)
	f.Op("JMP (%s)", armJump)
}

// goTo goes on at the offset in the program that the piece's word holds.
func (m *armMachine) goTo(f *asm.Func) {
	f.Op("MOVD 8(%s), %s", armCounter, armJump)
	f.Op("ADD %s, %s, %s", armProgram, armJump, armCounter)
	f.Op("MOVD (%s), %s", armCounter, armJump)
	f.Op("JMP (%s)", armJump)
}

// finish writes the pool, the table of pieces and the functions that Go calls.
func (m *armMachine) finish() (assembly, declarations string) {
	m.file.Words(m.pool.name, m.pool.words...)
	table := m.file.Addresses(m.name+"Table", m.table[:]...)
	m.entry("Run", piece.Small, "runs a program from an element up to an end. Scratch memory has piece.Small bytes.")
	m.entry("RunLarge", piece.Large, "is "+m.name+"Run with piece.Large bytes of scratch memory.")
	f := m.file.Func(m.name+"Pieces", "writes the address of the table of pieces.", asm.Arg{Name: "to", Type: "*unsafe.Pointer"})
	f.Load("to", "R0")
	f.Op("MOVD $%s, R1", table)
	f.Op("MOVD R1, (R0)")
	f.Op("RET")
	return m.file.Assembly(), m.file.Declarations()
}

// entry adds a function that runs a program.
func (m *armMachine) entry(name string, size int, doc string) {
	f := m.file.Func(m.name+name, doc, asm.Arg{Name: "code", Type: "unsafe.Pointer"}, asm.Arg{Name: "mem", Type: "unsafe.Pointer"},
		asm.Arg{Name: "acc", Type: "unsafe.Pointer"}, asm.Arg{Name: "from", Type: "int"}, asm.Arg{Name: "to", Type: "int"})
	f.Frame(size + 64)
	f.Load("code", armProgram)
	f.Load("mem", armOperands)
	f.Load("acc", armJump)
	f.Load("from", armElement)
	f.Load("to", armEnd)
	f.Op("ADD $%d, RSP, %s", 8+63, armScratch)
	f.Op("AND $~63, %s", armScratch)
	f.Op("MOVD %s, %d(%s)", armJump, piece.Result, armScratch)
	f.Op("MOVD $%d, %s", armRegisters, armVectors)
	f.Op("MOVD %s, %s", armProgram, armCounter)
	f.Op("MOVD (%s), %s", armCounter, armJump)
	f.Op("CALL (%s)", armJump)
	f.Op("RET")
}

// pairs calls f with the first register of each pair of a virtual register, and where the pair stands among its bytes.
func pairs(first int, f func(v, offset int)) {
	for i := 0; i < armRegisters; i += 2 {
		f(first+i, 16*i)
	}
}

// loadPairs loads eight registers from base.
func loadPairs(f *asm.Func, base string, first int) {
	pairs(first, func(v, offset int) { f.Op("FLDPQ %d(%s), (F%d, F%d)", offset, base, v, v+1) })
}

func storePairs(f *asm.Func, first int, base string) {
	pairs(first, func(v, offset int) { f.Op("FSTPQ (F%d, F%d), %d(%s)", v, v+1, offset, base) })
}

// repeated makes the elements of register v a number of 32 bits.
func repeated(f *asm.Func, bits uint32, v int) {
	f.Op("MOVD $%#x, %s", bits, armJump)
	f.Op("VDUP %s, V%d.S4", armJump, v)
}

// constant loads a constant of the pool to a register; its address is to be in armPool.
func (m *armMachine) constant(f *asm.Func, v int, words ...uint32) {
	for len(words) < 4 {
		words = append(words, words...)
	}
	f.Op("FMOVQ %d(%s), F%d", m.pool.offset(words...), armPool, v)
}

// constants makes armPool the address of the pool.
func (m *armMachine) constants(f *asm.Func) { f.Op("MOVD $·%s(SB), %s", m.pool.name, armPool) }

// control adds the pieces that programs are held together by.
func (m *armMachine) control() {
	m.piece(piece.Constants, 0, 0, func(f *asm.Func) {
		f.Op("MOVWU 8(%s), %s", armCounter, armAt)
		f.Op("MOVHU 12(%s), %s", armCounter, armTo)
		f.Op("MOVHU 14(%s), %s", armCounter, armLeft)
		f.Op("ADD %s, %s", armProgram, armAt)
		f.Op("ADD %s, %s", armScratch, armTo)
		f.Label("more")
		f.Op("FLDPQ.P 32(%s), (F%d, F%d)", armAt, armFree, armFree+1)
		f.Op("FSTPQ.P (F%d, F%d), 32(%s)", armFree, armFree+1, armTo)
		f.Op("SUBS $1, %s", armLeft)
		f.Op("BNE more")
	})
	m.scalars()
	m.piece(piece.Begin, 0, 0, func(f *asm.Func) {
		f.Op("ADD $%d, %s, %s", armBlock, armElement, armJump)
		f.Op("CMP %s, %s", armEnd, armJump)
		f.Op("BLE whole")
		m.goTo(f)
		f.Label("whole")
	})
	m.piece(piece.Next, 0, 0, func(f *asm.Func) {
		f.Op("ADD $%d, %s", armBlock, armElement)
		f.Op("ADD $%d, %s, %s", armBlock, armElement, armJump)
		f.Op("CMP %s, %s", armEnd, armJump)
		f.Op("BGT last")
		m.goTo(f)
		f.Label("last")
	})
	m.piece(piece.Tail, 0, 0, m.tail)
	f := m.begin(piece.Exit, 0, 0)
	f.Op("RET")
}

// tail counts the elements that are left and notes which there are.
func (m *armMachine) tail(f *asm.Func) {
	f.Op("SUBS %s, %s, %s", armElement, armEnd, armLeft)
	f.Op("BGT some")
	m.goTo(f)
	f.Label("some")
	f.Op("ADD $3, %s, %s", armLeft, armVectors)
	f.Op("LSR $2, %s", armVectors)
	m.constants(f)
	f.Op("VDUP %s, V%d.S4", armLeft, armFree)
	for i := range armRegisters {
		first := uint32(4 * i)
		m.constant(f, armFree+1, first, first+1, first+2, first+3)
		f.Vector("CMGT", "S4", armFree+1, armFree, armFree+2)
		f.Op("FMOVQ F%d, %d(%s)", armFree+2, piece.TailMask+16*i, armScratch)
	}
}

// operand makes armAt the address of the operand whose offset is the word, or its lower half.
func (m *armMachine) operand(f *asm.Func, half bool) {
	move := "MOVD"
	if half {
		move = "MOVWU"
	}
	f.Op("%s 8(%s), %s", move, armCounter, armAt)
	f.Op("MOVD (%s)(%s), %s", armOperands, armAt, armAt)
}

// scalars adds the pieces that read the first element of an operand.
func (m *armMachine) scalars() {
	x := armFree
	for _, s := range []struct {
		kind  piece.Kind
		widen func(f *asm.Func)
	}{
		{piece.Scalar32, func(f *asm.Func) { f.Op("FMOVS (%s), F%d", armAt, x) }},
		{piece.ScalarBFloat16, func(f *asm.Func) {
			f.Op("MOVHU (%s), %s", armAt, armJump)
			f.Op("LSL $16, %s", armJump)
			f.Op("FMOVS %s, F%d", armJump, x)
		}},
		{piece.ScalarFloat16, func(f *asm.Func) {
			f.Op("MOVHU (%s), %s", armAt, armJump)
			f.Op("FMOVS %s, F%d", armJump, x)
			f.Convert("FCVTL", "H4", "S4", x, x)
		}},
		{piece.ScalarInt32, func(f *asm.Func) {
			f.Op("FMOVS (%s), F%d", armAt, x)
			f.Vector("SCVTF", "S4", x, x)
		}},
	} {
		m.piece(s.kind, 0, 0, func(f *asm.Func) {
			m.operand(f, true)
			f.Op("MOVWU 12(%s), %s", armCounter, armTo)
			s.widen(f)
			f.Op("FMOVS F%d, (%s)(%s)", x, armScratch, armTo)
		})
	}
	m.piece(piece.ScalarBool, 0, 0, func(f *asm.Func) {
		m.operand(f, true)
		f.Op("MOVWU 12(%s), %s", armCounter, armTo)
		f.Op("ADD %s, %s", armScratch, armTo)
		f.Op("MOVBU (%s), %s", armAt, armJump)
		f.Op("CMP $0, %s", armJump)
		f.Op("CSETM NE, %s", armJump)
		for i := range armRegisters {
			f.Op("VDUP %s, V%d.D2", armJump, armFree+i)
		}
		storePairs(f, armFree, armTo)
	})
}
