package vector

import (
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/vector/piece"
)

// machine is what runs programs. A vector is a pair of registers.
type machine struct {
	width     int  // bytes of a vector
	block     int  // elements
	registers int  // virtual ones
	mask      int  // bytes of a mask
	inMemory  bool // whether functions take operands where they lie, see piece.Operand: not yet
	pieces    *[piece.Table]uint64
}

var neon = machine{width: 32, block: 32, registers: 3, mask: 128, pieces: piecesOf(neonPieces)}

func piecesOf(write func(to *unsafe.Pointer)) *[piece.Table]uint64 {
	var p unsafe.Pointer
	write(&p)
	return (*[piece.Table]uint64)(p)
}

// machineOf returns the machine of a tier, nil if there is none.
func machineOf(t cpu.Tier) *machine {
	if t == cpu.NEON {
		return &neon
	}
	return nil
}

// loop returns 0: no code has a loop of its own.
func (m *machine) loop(*Code) uint64 { return 0 }

// address returns that of a piece.
func (m *machine) address(index int) uint64 {
	if m.pieces[index] == 0 {
		panic("vector: there is no such piece")
	}
	return m.pieces[index]
}

// run calls into assembly. Its arguments do not escape, which a call of a function value would not promise.
func (m *machine) run(p *Program, mem, acc unsafe.Pointer, from, to int) {
	code := unsafe.Pointer(unsafe.SliceData(p.code))
	if p.large {
		neonRunLarge(code, mem, acc, from, to)
	} else {
		neonRun(code, mem, acc, from, to)
	}
}
