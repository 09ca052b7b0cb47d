package kernels

import (
	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/gemm"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/dtypes/bfloat16"
	"github.com/quire-ml/quire/graph/dtypes/float16"
)

// Product returns the kernel of the matrix products g of operands of one dtype with results of another of the
// same kind, and the scratch memory it wants; nil if there is none. Floats up to float32 are summed in
// float32, integers in 64 bits, which then wrap to the dtype wrap and to that of the result.
func Product(g Gemm, in, wrap, out dtypes.DType, workers int) (Func, int) {
	on := processor{cpu.Use(), cpu.Has()}
	on.has.BF16 = on.has.BF16 && gemm.PairsAreFast()
	if f, scratch := productOnVectors(on, g, in, wrap, out, workers); f != nil {
		return f, scratch
	}
	f, scratch := generic(g, in, wrap, out, workers)
	return g.finishAfter(f), scratch
}

// generic is Product in plain Go.
func generic(g Gemm, in, wrap, out dtypes.DType, workers int) (Func, int) {
	switch {
	case in == dtypes.Float32 && out == dtypes.Float32:
		return fixed(g, workers, true, packSame[float32], storeSame[float32])
	case in == dtypes.Float64 && out == dtypes.Float64:
		return fixed(g, workers, true, packSame[float64], storeSame[float64])
	case in == dtypes.Float64:
		return fixed(g, workers, true, packSame[float64], storeFloat[float64](out))
	case in == dtypes.Float32 && out == dtypes.Float64:
		return fixed(g, workers, false, packAs(func(x float32) float64 { return float64(x) }), storeSame[float64])
	case in == dtypes.Float32:
		return fixed(g, workers, true, packSame[float32], storeFloat[float32](out))
	case in == dtypes.Float16:
		return fixed(g, workers, false, packAs(float16.Float16.Float32), storeFloat[float32](out))
	case in == dtypes.BFloat16:
		return fixed(g, workers, false, packAs(bfloat16.BFloat16.Float32), storeFloat[float32](out))
	case in == dtypes.Complex64:
		return fixed(g, workers, false, packAs(func(x complex64) complex128 { return complex128(x) }), storeComplex(out))
	case in == dtypes.Complex128:
		return fixed(g, workers, true, packSame[complex128], storeComplex(out))
	case !in.IsInt():
		return nil, 0
	}
	store := storeInt(wrap, out)
	switch in {
	case dtypes.Int8:
		return fixed(g, workers, false, packInt[int8](), store)
	case dtypes.Int16:
		return fixed(g, workers, false, packInt[int16](), store)
	case dtypes.Int32:
		return fixed(g, workers, false, packInt[int32](), store)
	case dtypes.Uint8:
		return fixed(g, workers, false, packInt[uint8](), store)
	case dtypes.Uint16:
		return fixed(g, workers, false, packInt[uint16](), store)
	case dtypes.Uint32:
		return fixed(g, workers, false, packInt[uint32](), store)
	}
	return fixed(g, workers, true, packSame[int64], store)
}

// processor is what a kernel is made for.
type processor struct {
	tier cpu.Tier
	has  cpu.Features
}

// productOnVectors is Product on vector kernels; nil if the generic one is better.
func productOnVectors(on processor, g Gemm, in, wrap, out dtypes.DType, workers int) (Func, int) {
	if on.tier == cpu.Portable || in.IsFloat() && !out.IsFloat() {
		return nil, 0
	}
	if f, scratch := productOnTiles(on, g, in, wrap, out, workers); f != nil {
		return f, scratch
	}
	switch in {
	case dtypes.Float32:
		if out != dtypes.Float64 { // whose sums are in float64
			return vectorProduct(g, gemm.Float32(on.tier), floatStore[float32](on, in, out), workers)
		}
	case dtypes.Float64:
		return vectorProduct(g, gemm.Float64(on.tier), floatStore[float64](on, in, out), workers)
	case dtypes.BFloat16:
		if f, scratch := bfloat16Product(on, g, out, workers); f != nil {
			return f, scratch
		}
		return widenedProduct(on, g, gemm.BFloat16(on.tier), out, workers)
	case dtypes.Float16:
		return widenedProduct(on, g, gemm.Float16(on.tier), out, workers)
	case dtypes.Int8:
		return int8Product(on, g, wrap, out, workers)
	}
	return nil, 0
}

// vectorProduct returns the kernel of products in type T on vector kernels.
func vectorProduct[T float32 | float64](g Gemm, k *gemm.Kernels, store func([]byte, int, []T), workers int) (Func, int) {
	p := &blocked[T]{Gemm: g, kernels: k, store: store}
	return p.kernel(workers)
}

// fixed returns the kernel for the types that pack and store stand for; same says that operands are of type T.
func fixed[T accumulator](g Gemm, workers int, same bool, pack packer[T], store func([]byte, int, []T)) (Func, int) {
	if store == nil {
		return nil, 0
	}
	p := &product[T]{Gemm: g, packA: pack, packB: pack, store: store}
	if f, scratch := p.vectorKernel(workers); f != nil && same {
		return f, scratch
	}
	return p.kernel(workers)
}

func packInt[S Integer]() packer[int64] { return packAs(func(x S) int64 { return int64(x) }) }

func storeSame[T accumulator](out []byte, at int, v []T) { copy(Of[T](out)[at:], v) }

func storeEach[T accumulator, R any](f func(T) R) func([]byte, int, []T) {
	return func(out []byte, at int, v []T) {
		z := Of[R](out)[at:][:len(v)]
		for i, x := range v {
			z[i] = f(x)
		}
	}
}

func storeFloat[T float32 | float64](out dtypes.DType) func([]byte, int, []T) {
	switch out {
	case dtypes.Float16:
		return storeEach(func(x T) float16.Float16 { return float16.FromFloat64(float64(x)) })
	case dtypes.BFloat16:
		return storeEach(func(x T) bfloat16.BFloat16 { return bfloat16.FromFloat64(float64(x)) })
	case dtypes.Float32:
		return storeEach(func(x T) float32 { return float32(x) })
	case dtypes.Float64:
		return storeEach(func(x T) float64 { return float64(x) })
	}
	return nil
}

func storeComplex(out dtypes.DType) func([]byte, int, []complex128) {
	if out == dtypes.Complex64 {
		return storeEach(func(x complex128) complex64 { return complex64(x) })
	}
	return storeSame[complex128]
}

// storeInt stores the low bits, after wrapping to another width.
func storeInt(wrap, out dtypes.DType) func([]byte, int, []int64) {
	low := func(x int64) int64 { return x }
	switch wrap {
	case dtypes.Int8:
		low = func(x int64) int64 { return int64(int8(x)) }
	case dtypes.Int16:
		low = func(x int64) int64 { return int64(int16(x)) }
	case dtypes.Int32:
		low = func(x int64) int64 { return int64(int32(x)) }
	case dtypes.Uint8:
		low = func(x int64) int64 { return int64(uint8(x)) }
	case dtypes.Uint16:
		low = func(x int64) int64 { return int64(uint16(x)) }
	case dtypes.Uint32:
		low = func(x int64) int64 { return int64(uint32(x)) }
	}
	switch out.Size() {
	case 1:
		return storeEach(func(x int64) uint8 { return uint8(low(x)) })
	case 2:
		return storeEach(func(x int64) uint16 { return uint16(low(x)) })
	case 4:
		return storeEach(func(x int64) uint32 { return uint32(low(x)) })
	}
	return storeEach(low)
}
