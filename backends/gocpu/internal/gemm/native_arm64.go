package gemm

import "github.com/quire-ml/quire/backends/gocpu/internal/cpu"

// native returns the kernels in assembly for floats of so many bytes, if there are any.
func native(t cpu.Tier, size int) *Kernels {
	switch {
	case t == cpu.NEON && size == 4:
		return &neonFloat32
	case t == cpu.NEON:
		return &neonFloat64
	}
	return nil
}

var neonHalves = narrow{
	lanes: 8, widenBFloat16: neonWidenBFloat16, widenFloat16: neonWidenFloat16, roundBFloat16: neonNarrowBFloat16, roundFloat16: neonNarrowFloat16,
}

// narrowOf returns what is in assembly for narrow elements.
func narrowOf(t cpu.Tier) *narrow {
	if t == cpu.NEON {
		return &neonHalves
	}
	return &narrow{}
}

// PairsAreFast reports whether pairs of bfloat16 are multiplied faster than they are widened and multiplied in float32: there are no
// kernels for them here.
func PairsAreFast() bool { return false }

// nativeMatrices returns the kernels that multiply tiles: there are none.
func nativeMatrices() *Matrices { return nil }
