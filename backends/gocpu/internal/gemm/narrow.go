package gemm

import (
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/graph/dtypes/bfloat16"
	"github.com/quire-ml/quire/graph/dtypes/float16"
)

// convert converts count whole vectors of elements from src to dst: as many elements each as a vector has of 4 bytes.
type convert func(dst, src unsafe.Pointer, stride, count int)

// join joins elements of 2 or 4 rows of src, stride bytes apart, that stand above each other, to units of 4 bytes: the first row is
// the lowest part. count is as convert's.
type join func(dst, src unsafe.Pointer, stride, count int)

// narrow is what there is for elements of 16 and 8 bits on one tier.
type narrow struct {
	lanes                        int // of the vectors; 0 if there is nothing
	widenBFloat16, widenFloat16  convert
	roundBFloat16, roundFloat16  convert
	pairs, fours                 join // nil if there is none
	bfloat16Kernels, int8Kernels *Kernels
}

// BFloat16Pairs returns kernels whose elements of A and B are pairs of bfloat16, summed in float32, if the machine has them. Numbers
// below the smallest normal one count as zeros.
func BFloat16Pairs(t cpu.Tier, has cpu.Features) *Kernels {
	if k := narrowOf(t).bfloat16Kernels; has.BF16 && k != nil {
		return k
	}
	return nil
}

// Int8Fours returns kernels whose elements are fours of 8-bit integers, unsigned in A and signed in B, summed in int32 that
// wraps, if the machine has them.
func Int8Fours(t cpu.Tier, has cpu.Features) *Kernels {
	if k := narrowOf(t).int8Kernels; has.VNNI && k != nil {
		return k
	}
	return nil
}

// Half is a type of floats of 16 bits.
type Half struct {
	widen, round convert
	lanes        int
	one          func(uint16) float32
	back         func(float32) uint16
}

// BFloat16 returns what there is for bfloat16.
func BFloat16(t cpu.Tier) Half {
	n := narrowOf(t)
	return Half{n.widenBFloat16, n.roundBFloat16, n.lanes,
		func(x uint16) float32 { return bfloat16.FromBits(x).Float32() }, func(x float32) uint16 { return bfloat16.FromFloat32(x).Bits() }}
}

// Float16 returns what there is for float16.
func Float16(t cpu.Tier) Half {
	n := narrowOf(t)
	return Half{n.widenFloat16, n.roundFloat16, n.lanes,
		func(x uint16) float32 { return float16.FromBits(x).Float32() }, func(x float32) uint16 { return float16.FromFloat32(x).Bits() }}
}

// Widen converts x to float32, exactly.
func (h Half) Widen(dst []float32, x []uint16) {
	done := 0
	if h.lanes > 0 && len(x) >= h.lanes {
		done = len(x) / h.lanes * h.lanes
		h.widen(unsafe.Pointer(&dst[0]), unsafe.Pointer(&x[0]), 0, done/h.lanes)
	}
	for i := done; i < len(x); i++ {
		dst[i] = h.one(x[i])
	}
}

// Round converts x from float32, to nearest, ties to even. NaN stays NaN.
func (h Half) Round(dst []uint16, x []float32) {
	done := 0
	if h.lanes > 0 && len(x) >= h.lanes {
		done = len(x) / h.lanes * h.lanes
		h.round(unsafe.Pointer(&dst[0]), unsafe.Pointer(&x[0]), 0, done/h.lanes)
	}
	for i := done; i < len(x); i++ {
		dst[i] = h.back(x[i])
	}
}

// JoinPairs joins n elements of 16 bits of two rows of src, stride bytes apart, to pairs.
func JoinPairs(t cpu.Tier, dst []uint32, src unsafe.Pointer, stride int) {
	rest := dst
	if k := narrowOf(t); k.pairs != nil && len(dst) >= k.lanes {
		k.pairs(unsafe.Pointer(&dst[0]), src, stride, len(dst)/k.lanes)
		rest = dst[len(dst)/k.lanes*k.lanes:]
	}
	joinRest[uint16](rest, unsafe.Add(src, 2*(len(dst)-len(rest))), stride)
}

// JoinFours joins n elements of 8 bits of four rows of src, stride bytes apart, to fours.
func JoinFours(t cpu.Tier, dst []uint32, src unsafe.Pointer, stride int) {
	rest := dst
	if k := narrowOf(t); k.fours != nil && len(dst) >= k.lanes {
		k.fours(unsafe.Pointer(&dst[0]), src, stride, len(dst)/k.lanes)
		rest = dst[len(dst)/k.lanes*k.lanes:]
	}
	joinRest[uint8](rest, unsafe.Add(src, len(dst)-len(rest)), stride)
}

// joinRest is the join of the elements that dst has room for.
func joinRest[T uint16 | uint8](dst []uint32, src unsafe.Pointer, stride int) {
	size := int(unsafe.Sizeof(T(0)))
	for i := range dst {
		dst[i] = 0
		for r := range 4 / size {
			dst[i] |= uint32(*(*T)(unsafe.Add(src, r*stride+i*size))) << (8 * size * r)
		}
	}
}
