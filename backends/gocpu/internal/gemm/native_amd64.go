package gemm

import (
	"sync"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
)

// native returns the kernels in assembly for floats of so many bytes, if there are any.
func native(t cpu.Tier, size int) *Kernels {
	switch {
	case t == cpu.AVX512 && size == 4:
		return &avx512Float32
	case t == cpu.AVX512:
		return &avx512Float64
	case t == cpu.AVX2 && size == 4:
		return &avx2Float32
	case t == cpu.AVX2:
		return &avx2Float64
	}
	return nil
}

var avx512Narrow = narrow{
	lanes: 16, widenBFloat16: avx512WidenBFloat16, widenFloat16: avx512WidenFloat16, roundBFloat16: avx512NarrowBFloat16,
	roundFloat16: avx512NarrowFloat16, pairs: avx512Pairs, fours: avx512Fours, bfloat16Kernels: &avx512BFloat16, int8Kernels: &avx512Int8,
}

var avx2Narrow = narrow{
	lanes: 8, widenBFloat16: avx2WidenBFloat16, widenFloat16: avx2WidenFloat16, roundBFloat16: avx2NarrowBFloat16, roundFloat16: avx2NarrowFloat16,
}

// narrowOf returns what is in assembly for narrow elements.
func narrowOf(t cpu.Tier) *narrow {
	switch t {
	case cpu.AVX512:
		return &avx512Narrow
	case cpu.AVX2:
		return &avx2Narrow
	}
	return &narrow{}
}

// PairsAreFast reports whether pairs of bfloat16 are multiplied faster than they are widened and multiplied in float32. Intel's
// processors take two cycles for what AMD's do twice in one: they have matrix instructions instead, which Go's assembler lacks.
func PairsAreFast() bool { return pairsAreFast() }

// pairsAreFast asks once: to a guest of a hypervisor the question is a slow one.
var pairsAreFast = sync.OnceValue(func() bool {
	var name [12]byte
	maker(&name)
	return string(name[:]) != "GenuineIntel"
})

// nativeMatrices returns the kernels for AMX.
func nativeMatrices() *Matrices { return &amxMatrices }

var amxMatrices = Matrices{
	BFloat16: Matrix{2, [2][2]blocks{{amxBFloat161x1, amxBFloat161x2}, {amxBFloat162x1, amxBFloat162x2}}, amxPanelPairs},
	Int8:     Matrix{4, [2][2]blocks{{amxInt81x1, amxInt81x2}, {amxInt82x1, amxInt82x2}}, amxPanelFours},
	Uint8:    Matrix{4, [2][2]blocks{{amxUint81x1, amxUint81x2}, {amxUint82x1, amxUint82x2}}, amxPanelFours},
}
