package kernels

import (
	"math"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/dtypes/bfloat16"
	"github.com/quire-ml/quire/graph/dtypes/float16"
	"github.com/quire-ml/quire/graph/dtypes/float8"
)

// ConvertOf returns the loop that converts from one dtype to another, by the rules of package dtypes. Bools are
// bytes 0 and 1.
func ConvertOf(from, to dtypes.DType) (Loop1, bool) {
	switch from {
	case dtypes.Bool, dtypes.Uint8:
		return convertInt[uint8](to)
	case dtypes.Int8:
		return convertInt[int8](to)
	case dtypes.Int16:
		return convertInt[int16](to)
	case dtypes.Int32:
		return convertInt[int32](to)
	case dtypes.Int64:
		return convertInt[int64](to)
	case dtypes.Uint16:
		return convertInt[uint16](to)
	case dtypes.Uint32:
		return convertInt[uint32](to)
	case dtypes.Uint64:
		return convertInt[uint64](to)
	case dtypes.Float32:
		return convertReal[float32](to)
	case dtypes.Float64:
		return convertReal[float64](to)
	case dtypes.Float16:
		return convertFloat(to, float16.Float16.Float64)
	case dtypes.BFloat16:
		return convertFloat(to, bfloat16.BFloat16.Float64)
	case dtypes.Complex64:
		return convertComplex[complex64](to)
	case dtypes.Complex128:
		return convertComplex[complex128](to)
	case dtypes.Float8E4M3FN:
		return convertFloat(to, float8.E4M3FN.Float64)
	case dtypes.Float8E5M2:
		return convertFloat(to, float8.E5M2.Float64)
	}
	return Loop1{}, false
}

// cast returns the loop of Go's own conversion.
func cast[T, S Real]() (Loop1, bool) {
	return loop1(2*cheap, func(z []T, x []S) {
		x = x[:len(z)]
		for i := range z {
			z[i] = T(x[i])
		}
	}), true
}

func convertInt[S Integer](to dtypes.DType) (Loop1, bool) {
	switch to {
	case dtypes.Bool:
		return each1(func(x S) bool { return x != 0 }), true
	case dtypes.Int8, dtypes.Uint8:
		return cast[uint8, S]()
	case dtypes.Int16, dtypes.Uint16:
		return cast[uint16, S]()
	case dtypes.Int32, dtypes.Uint32:
		return cast[uint32, S]()
	case dtypes.Int64, dtypes.Uint64:
		return cast[uint64, S]()
	case dtypes.Float32:
		return cast[float32, S]()
	case dtypes.Float64:
		return cast[float64, S]()
	case dtypes.Float16:
		return each1(func(x S) float16.Float16 { return float16.FromFloat64(float64(x)) }), true
	case dtypes.BFloat16:
		return each1(func(x S) bfloat16.BFloat16 { return bfloat16.FromFloat64(float64(x)) }), true
	case dtypes.Complex64:
		return each1(func(x S) complex64 { return complex(float32(x), 0) }), true
	case dtypes.Complex128:
		return each1(func(x S) complex128 { return complex(float64(x), 0) }), true
	case dtypes.Float8E4M3FN:
		return each1(func(x S) float8.E4M3FN { return float8.E4M3FNFromFloat64(float64(x)) }), true
	case dtypes.Float8E5M2:
		return each1(func(x S) float8.E5M2 { return float8.E5M2FromFloat64(float64(x)) }), true
	}
	return Loop1{}, false
}

func convertFloat[S any](to dtypes.DType, wide func(S) float64) (Loop1, bool) {
	switch to {
	case dtypes.Bool:
		return each1(func(x S) bool { return wide(x) != 0 }), true
	case dtypes.Int8:
		return truncate[S, int8](wide)
	case dtypes.Int16:
		return truncate[S, int16](wide)
	case dtypes.Int32:
		return truncate[S, int32](wide)
	case dtypes.Int64:
		return each1(func(x S) int64 { return dtypes.ToInt64(wide(x)) }), true
	case dtypes.Uint8:
		return truncate[S, uint8](wide)
	case dtypes.Uint16:
		return truncate[S, uint16](wide)
	case dtypes.Uint32:
		return truncate[S, uint32](wide)
	case dtypes.Uint64:
		return each1(func(x S) uint64 { return dtypes.ToUint64(wide(x)) }), true
	case dtypes.Float32:
		return each1(func(x S) float32 { return float32(wide(x)) }), true
	case dtypes.Float64:
		return each1(wide), true
	case dtypes.Float16:
		return each1(func(x S) float16.Float16 { return float16.FromFloat64(wide(x)) }), true
	case dtypes.BFloat16:
		return each1(func(x S) bfloat16.BFloat16 { return bfloat16.FromFloat64(wide(x)) }), true
	case dtypes.Complex64:
		return each1(func(x S) complex64 { return complex(float32(wide(x)), 0) }), true
	case dtypes.Complex128:
		return each1(func(x S) complex128 { return complex(wide(x), 0) }), true
	case dtypes.Float8E4M3FN:
		return each1(func(x S) float8.E4M3FN { return float8.E4M3FNFromFloat64(wide(x)) }), true
	case dtypes.Float8E5M2:
		return each1(func(x S) float8.E5M2 { return float8.E5M2FromFloat64(wide(x)) }), true
	}
	return Loop1{}, false
}

// convertReal is convertFloat of floats that Go has, with loops that call nothing to the numbers that Go has.
func convertReal[S Float](to dtypes.DType) (Loop1, bool) {
	switch to {
	case dtypes.Int8:
		return truncateReal[S, int8]()
	case dtypes.Int16:
		return truncateReal[S, int16]()
	case dtypes.Int32:
		return truncateReal[S, int32]()
	case dtypes.Uint8:
		return truncateReal[S, uint8]()
	case dtypes.Uint16:
		return truncateReal[S, uint16]()
	case dtypes.Uint32:
		return truncateReal[S, uint32]()
	case dtypes.Float32:
		return cast[float32, S]()
	case dtypes.Float64:
		return cast[float64, S]()
	}
	return convertFloat(to, func(x S) float64 { return float64(x) })
}

// bounds returns the smallest and the largest integer of a type of at most 32 bits.
func bounds[T Integer]() (lo, hi float64) {
	hi = math.Exp2(float64(8*sizeOf[T]())) - 1
	if zero := T(0); zero-1 < zero {
		return -(hi + 1) / 2, (hi - 1) / 2
	}
	return 0, hi
}

// truncate converts floats to integers of at most 32 bits: towards zero, saturating, NaN to 0.
func truncate[S any, T Integer](wide func(S) float64) (Loop1, bool) {
	lo, hi := bounds[T]()
	return each1(func(x S) T { return truncated[T](wide(x), lo, hi) }), true
}

// truncateReal is truncate of floats that Go has.
func truncateReal[S Float, T Integer]() (Loop1, bool) {
	lo, hi := bounds[T]()
	return loop1(2*cheap, func(z []T, x []S) {
		x = x[:len(z)]
		for i := range z {
			z[i] = truncated[T](float64(x[i]), lo, hi)
		}
	}), true
}

func truncated[T Integer](x, lo, hi float64) T {
	if x != x {
		return 0
	}
	return T(int64(min(max(x, lo), hi)))
}

func convertComplex[S Complex](to dtypes.DType) (Loop1, bool) {
	switch to {
	case dtypes.Bool:
		return each1(func(x S) bool { return x != 0 }), true
	case dtypes.Complex64:
		return each1(func(x S) complex64 { return complex64(x) }), true
	case dtypes.Complex128:
		return each1(func(x S) complex128 { return complex128(x) }), true
	}
	return convertFloat(to, func(x S) float64 { return real(complex128(x)) })
}
