package vector

import (
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/vector/piece"
)

// machine is what runs programs on a tier.
type machine struct {
	tier      cpu.Tier
	width     int  // bytes of a vector
	block     int  // elements
	registers int  // virtual ones
	mask      int  // bytes of a mask
	inMemory  bool // whether functions take operands where they lie, see piece.Operand
	pieces    *[piece.Table]uint64
}

var machines = [...]machine{
	{tier: cpu.AVX2, width: 32, block: 32, registers: 3, mask: 128, inMemory: true, pieces: piecesOf(avx2Pieces)},
	{tier: cpu.AVX512, width: 64, block: 64, registers: 6, mask: 8, inMemory: true, pieces: piecesOf(avx512Pieces)},
}

func piecesOf(write func(to *unsafe.Pointer)) *[piece.Table]uint64 {
	var p unsafe.Pointer
	write(&p)
	return (*[piece.Table]uint64)(p)
}

// machineOf returns the machine of a tier, nil if there is none.
func machineOf(t cpu.Tier) *machine {
	for i := range machines {
		if machines[i].tier == t {
			return &machines[i]
		}
	}
	return nil
}

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
	switch {
	case m.tier == cpu.AVX512 && !p.large:
		avx512Run(code, mem, acc, from, to)
	case m.tier == cpu.AVX512:
		avx512RunLarge(code, mem, acc, from, to)
	case !p.large:
		avx2Run(code, mem, acc, from, to)
	default:
		avx2RunLarge(code, mem, acc, from, to)
	}
}
