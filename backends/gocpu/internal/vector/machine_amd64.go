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
	loops     *[len(loops)]uint64 // their addresses
}

var machines = [...]machine{
	{tier: cpu.AVX2, width: 32, block: 32, registers: 3, mask: 128, inMemory: true, pieces: piecesOf(avx2Pieces), loops: loopsOf(avx2LoopsAt)},
	{tier: cpu.AVX512, width: 64, block: 64, registers: 6, mask: 8, inMemory: true, pieces: piecesOf(avx512Pieces), loops: loopsOf(avx512LoopsAt)},
}

func piecesOf(write func(to *unsafe.Pointer)) *[piece.Table]uint64 {
	var p unsafe.Pointer
	write(&p)
	return (*[piece.Table]uint64)(p)
}

func loopsOf(write func(to *unsafe.Pointer)) *[len(loops)]uint64 {
	var p unsafe.Pointer
	write(&p)
	return (*[len(loops)]uint64)(p)
}

// loop returns the address of the loop of a code, 0 if it has none.
func (m *machine) loop(c *Code) uint64 {
	h := c.Hash()
	for i := range loops {
		if loops[i].hash == h && loops[i].text == c.String() {
			return m.loops[i]
		}
	}
	return 0
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
