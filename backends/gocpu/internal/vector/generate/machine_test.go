package generate

import (
	"fmt"

	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
	"github.com/quire-ml/quire/backends/gocpu/internal/vector/piece"
)

// machine is a set of vector registers and instructions that pieces are written for.
type machine struct {
	name  string
	width int // bytes of a vector register
	file  *asm.File
	// registers is how many vector registers there are, virtual how many virtual registers; those that are left over are
	// scratch for pieces.
	registers, virtual int
	wide               bool // AVX-512: masks in registers of their own, numbers in memory that are repeated for all elements
	arm                bool // NEON, whose pieces are written by armMachine; the bodies of functions are those of AVX2
	pool               pool
	table              [piece.Table]string
	turns              string // the table of huge angles
}

// Registers of pieces: what stays while a program runs, and what each may use.
const (
	counter  = "R12" // the place in the program
	program  = "R13" // its begin
	scratch  = "R11"
	operands = "R9"
	element  = "CX"  // the first element of the block
	end      = "DI"  // the number of elements
	vectors  = "R10" // how many vectors of the block have elements
)

func newMachine(name string, width, registers, virtual int) *machine {
	m := &machine{name: name, width: width, registers: registers, virtual: virtual, wide: width == 64}
	m.file = asm.NewFile("vector", "amd64", "go test ./backends/gocpu/internal/vector/generate -update")
	m.turns = m.file.Words(name+"Turns", turnsTable()...)
	m.pool = pool{name: name + "Constants", at: map[string]int{}}
	return m
}

// block is how many elements a virtual register holds.
func (m *machine) block() int { return piece.Vectors * m.width / 4 }

// z is vector register i.
func (m *machine) z(i int) string {
	if m.wide {
		return fmt.Sprintf("Z%d", i)
	}
	return fmt.Sprintf("Y%d", i)
}

// v is vector i of virtual register r.
func (m *machine) v(r, i int) int { return r*piece.Vectors + i }

// t is scratch register i.
func (m *machine) t(i int) int { return m.virtual*piece.Vectors + i }

// piece adds a piece whose end goes on with the next.
func (m *machine) piece(k piece.Kind, r, other int, write func(f *asm.Func)) {
	f := m.begin(k, r, other)
	write(f)
	next(f)
}

// begin adds a piece and enters it in the table.
func (m *machine) begin(k piece.Kind, r, other int) *asm.Func {
	name := fmt.Sprintf("%sPiece%d", m.name, piece.Index(k, r, other))
	m.table[piece.Index(k, r, other)] = name
	f := m.file.Piece(name)
	f.Comment("%s r%d %d", kindNames[k], r, other)
	return f
}

// next goes on with the next piece of the program.
func next(f *asm.Func) {
	f.Op("ADDQ $16, %s", counter)
	f.Op("JMP (%s)", counter)
}

// goTo goes on at the offset in the program that the piece's word holds.
func goTo(f *asm.Func) {
	f.Op("MOVQ 8(%s), %s", counter, counter)
	f.Op("ADDQ %s, %s", program, counter)
	f.Op("JMP (%s)", counter)
}

// pool holds the constants of a machine, each once.
type pool struct {
	name  string
	words []uint32
	at    map[string]int
}

// put returns where words stand in the pool, as an operand.
func (p *pool) put(words ...uint32) string {
	return fmt.Sprintf("·%s+%d(SB)", p.name, p.offset(words...))
}

// offset returns where words stand in the pool, in bytes.
func (p *pool) offset(words ...uint32) int {
	key := fmt.Sprint(words)
	at, ok := p.at[key]
	if !ok {
		for len(p.words)%len(words) != 0 { // aligned by its own length
			p.words = append(p.words, 0)
		}
		at = 4 * len(p.words)
		p.at[key] = at
		p.words = append(p.words, words...)
	}
	return at
}

// finish writes the pool, the table of pieces and the functions that Go calls.
func (m *machine) finish() (assembly, declarations string) {
	m.file.Words(m.pool.name, m.pool.words...)
	table := m.file.Addresses(m.name+"Table", m.table[:]...)
	m.entry("Run", piece.Small, "runs a program from an element up to an end. Scratch memory has piece.Small bytes.")
	m.entry("RunLarge", piece.Large, "is "+m.name+"Run with piece.Large bytes of scratch memory.")
	f := m.file.Func(m.name+"Pieces", "writes the address of the table of pieces.", asm.Arg{Name: "to", Type: "*unsafe.Pointer"})
	f.Load("to", "AX")
	f.Op("LEAQ %s, BX", table)
	f.Op("MOVQ BX, (AX)")
	f.Op("RET")
	return m.file.Assembly(), m.file.Declarations()
}

// entry adds a function that runs a program.
func (m *machine) entry(name string, size int, doc string) {
	f := m.file.Func(m.name+name, doc, asm.Arg{Name: "code", Type: "unsafe.Pointer"}, asm.Arg{Name: "mem", Type: "unsafe.Pointer"},
		asm.Arg{Name: "acc", Type: "unsafe.Pointer"}, asm.Arg{Name: "from", Type: "int"}, asm.Arg{Name: "to", Type: "int"})
	f.Frame(size + 64)
	f.Load("code", program)
	f.Load("mem", operands)
	f.Load("acc", "AX")
	f.Load("from", element)
	f.Load("to", end)
	f.Op("LEAQ 63(SP), %s", scratch)
	f.Op("ANDQ $-64, %s", scratch)
	f.Op("MOVQ AX, %d(%s)", piece.Result, scratch)
	f.Op("MOVQ $%d, %s", piece.Vectors, vectors)
	f.Op("MOVQ %s, %s", program, counter)
	f.Op("MOVQ (%s), AX", counter)
	f.Op("CALL AX")
	f.Op("RET")
}

// control adds the pieces that programs are held together by.
func (m *machine) control() {
	m.piece(piece.Constants, 0, 0, func(f *asm.Func) {
		f.Op("MOVL 8(%s), SI", counter)
		f.Op("MOVWQZX 12(%s), DX", counter)
		f.Op("MOVWQZX 14(%s), BX", counter)
		f.Op("ADDQ %s, SI", program)
		f.Op("ADDQ %s, DX", scratch)
		f.Label("more")
		f.Op("VMOVUPS (SI), %s", m.z(m.t(0)))
		f.Op("VMOVUPS %s, (DX)", m.z(m.t(0)))
		f.Op("ADDQ $%d, SI", m.width)
		f.Op("ADDQ $%d, DX", m.width)
		f.Op("DECQ BX")
		f.Op("JNZ more")
	})
	m.scalars()
	m.piece(piece.Begin, 0, 0, func(f *asm.Func) {
		f.Op("LEAQ %d(%s), AX", m.block(), element)
		f.Op("CMPQ AX, %s", end)
		f.Op("JLE whole")
		goTo(f)
		f.Label("whole")
	})
	m.piece(piece.Next, 0, 0, func(f *asm.Func) {
		f.Op("ADDQ $%d, %s", m.block(), element)
		f.Op("LEAQ %d(%s), AX", m.block(), element)
		f.Op("CMPQ AX, %s", end)
		f.Op("JGT last")
		goTo(f)
		f.Label("last")
	})
	m.piece(piece.Tail, 0, 0, m.tail)
	f := m.begin(piece.Exit, 0, 0)
	f.Op("VZEROUPPER")
	f.Op("RET")
}

// tail counts the elements that are left and notes which there are.
func (m *machine) tail(f *asm.Func) {
	f.Op("MOVQ %s, AX", end)
	f.Op("SUBQ %s, AX", element)
	f.Op("JG some")
	goTo(f)
	f.Label("some")
	perVector := m.width / 4
	f.Op("LEAQ %d(AX), %s", perVector-1, vectors)
	f.Op("SHRQ $%d, %s", map[int]int{16: 4, 8: 3}[perVector], vectors)
	if m.wide {
		f.Op("MOVQ $-1, DX")
		f.Op("BZHIQ AX, DX, DX")
		f.Op("MOVQ DX, %d(%s)", piece.TailMask, scratch)
		return
	}
	count, t := m.z(m.t(0)), m.z(m.t(1))
	f.Op("VMOVD AX, X%d", m.t(0))
	f.Op("VPBROADCASTD X%d, %s", m.t(0), count)
	for i := range piece.Vectors {
		lanes := make([]uint32, perVector)
		for j := range lanes {
			lanes[j] = uint32(i*perVector + j)
		}
		f.Op("VPCMPGTD %s, %s, %s", m.pool.put(lanes...), count, t)
		f.Op("VMOVUPS %s, %d(%s)", t, piece.TailMask+i*m.width, scratch)
	}
}

// scalars adds the pieces that read the first element of an operand.
func (m *machine) scalars() {
	x := fmt.Sprintf("X%d", min(m.t(0), 15))
	for _, s := range []struct {
		kind  piece.Kind
		widen func(f *asm.Func)
	}{
		{piece.Scalar32, func(f *asm.Func) { f.Op("MOVL (SI), AX") }},
		{piece.ScalarBFloat16, func(f *asm.Func) {
			f.Op("MOVWLZX (SI), AX")
			f.Op("SHLL $16, AX")
		}},
		{piece.ScalarFloat16, func(f *asm.Func) {
			f.Op("MOVWLZX (SI), AX")
			f.Op("VMOVD AX, %s", x)
			f.Op("VCVTPH2PS %s, %s", x, x)
			f.Op("VMOVD %s, AX", x)
		}},
		{piece.ScalarInt32, func(f *asm.Func) {
			f.Op("MOVL (SI), AX")
			f.Op("VMOVD AX, %s", x)
			f.Op("VCVTDQ2PS %s, %s", x, x)
			f.Op("VMOVD %s, AX", x)
		}},
	} {
		m.piece(s.kind, 0, 0, func(f *asm.Func) {
			m.operand(f, true)
			f.Op("MOVL 12(%s), DX", counter)
			s.widen(f)
			f.Op("MOVL AX, (%s)(DX*1)", scratch)
		})
	}
	m.piece(piece.ScalarBool, 0, 0, func(f *asm.Func) {
		m.operand(f, true)
		f.Op("MOVL 12(%s), DX", counter)
		f.Op("MOVBLZX (SI), AX")
		f.Op("CMPL AX, $1") // borrows if it is 0
		f.Op("SBBQ AX, AX")
		f.Op("NOTQ AX")
		f.Op("MOVQ AX, (%s)(DX*1)", scratch)
		if !m.wide {
			f.Op("VPBROADCASTQ (%s)(DX*1), %s", scratch, m.z(m.t(0)))
			for i := range piece.Vectors {
				f.Op("VMOVUPS %s, %d(%s)(DX*1)", m.z(m.t(0)), i*m.width, scratch)
			}
		}
	})
}

// operand makes SI the address of the operand whose offset is the word, or its lower half.
func (m *machine) operand(f *asm.Func, half bool) {
	if half {
		f.Op("MOVL 8(%s), SI", counter)
	} else {
		f.Op("MOVQ 8(%s), SI", counter)
	}
	f.Op("MOVQ (%s)(SI*1), SI", operands)
}
