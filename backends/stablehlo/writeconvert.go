package stablehlo

import (
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
)

func init() {
	lowerings[ops.ConvertDType] = func(f *function, c call) []value {
		return []value{f.convert(c.in[0], c.Attrs.(ir.DTypeAttrs).DType)}
	}
	lowerings[ops.Bitcast] = func(f *function, c call) []value {
		return []value{f.op(c.out[0], "stablehlo.bitcast_convert %s : (%s) -> %s", c.in[0], c.in[0].typ(), tensorType(c.out[0]))}
	}
	lowerings[ops.ReducePrecision] = func(f *function, c call) []value {
		x, p := c.in[0], c.Attrs.(ir.PrecisionAttrs)
		y := f.op(c.out[0], ops.ReducePrecision.HLO+" %s, format = e%dm%d : %s", x, p.ExponentBits, p.MantissaBits, x.typ())
		if p.MantissaBits == 0 { // StableHLO leaves open what NaN becomes, which such a format lacks: here it stays
			y = f.choose(f.isNaN(x), x, y)
		}
		return []value{y}
	}
}

// convert returns x in another dtype, by the rules of package dtypes.
func (f *function) convert(x value, d dtypes.DType) value {
	from := x.shape.DType
	switch {
	case from == d:
		return x
	case from.IsStorage() && d != dtypes.Float32:
		return f.convert(f.plainConvert(x, dtypes.Float32), d)
	case d == dtypes.Bool:
		return f.compare("NE", x, f.fill(x.shape, 0))
	case from.IsComplex() && !d.IsComplex():
		part := x.shape.WithDType(from.Real())
		return f.convert(f.op(part, ops.Real.HLO+" %s : (%s) -> %s", x, x.typ(), tensorType(part)), d)
	case d.IsComplex() && !from.IsComplex():
		part := f.convert(x, d.Real())
		return f.complex(part, f.fill(part.shape, 0))
	case d.IsHalf() && from.IsInt() && from.Size() >= 4:
		return f.halve(f.float64(x), d)
	case d.IsHalf() && from == dtypes.Float64:
		return f.halve(x, d)
	}
	return f.plainConvert(x, d)
}

func (f *function) plainConvert(x value, d dtypes.DType) value {
	to := x.shape.WithDType(d)
	return f.op(to, ops.ConvertDType.HLO+" %s : (%s) -> %s", x, x.typ(), tensorType(to))
}

// wide returns x in float32 if it is a narrower float.
func (f *function) wide(x value) value {
	if x.shape.DType.IsHalf() {
		return f.convert(x, dtypes.Float32)
	}
	return x
}

// A compiler may narrow in two steps, float64 to float32 to float16, and round twice, which is wrong beside the
// middle between two values of the last. What the first step would round away is therefore put into its last
// digit before ("rounding to odd"): the second then rounds as if it saw all digits.
//
// Source: Boldo and Melquiond, "When double rounding is odd", 2005.

// halve returns a float64 in one of the two 16-bit floats, rounded once.
func (f *function) halve(x value, d dtypes.DType) value {
	bits := x.shape.WithDType(dtypes.Uint64)
	b := f.op(bits, "stablehlo.bitcast_convert %s : (%s) -> %s", x, x.typ(), tensorType(bits))
	b = f.sticky(b, 52-23) // digits that float64 has more than float32
	y := f.op(x.shape, "stablehlo.bitcast_convert %s : (%s) -> %s", b, b.typ(), x.typ())
	return f.plainConvert(f.plainConvert(y, dtypes.Float32), d)
}

// float64 returns integers of 32 or 64 bits as float64, those of 64 rounded to odd.
func (f *function) float64(x value) value {
	if x.shape.DType.Size() == 8 {
		large := f.compare("GE", x, f.fill(x.shape, int64(1)<<53)) // others are exact
		if !x.shape.DType.IsUnsigned() {
			large = f.binary(ops.BitwiseOr.HLO, large, f.compare("LE", x, f.fill(x.shape, int64(-1)<<53)))
		}
		x = f.choose(large, f.sticky(x, 64-53), x)
	}
	return f.plainConvert(x, dtypes.Float64)
}

// sticky clears the n lowest bits of 64-bit integers and, where one of them was set, sets the bit above.
func (f *function) sticky(b value, n int) value {
	low := f.binary(ops.BitwiseAnd.HLO, b, f.fill(b.shape, int64(1)<<n-1))
	zero := f.fill(b.shape, 0)
	mark := f.choose(f.compare("NE", low, zero), f.fill(b.shape, int64(1)<<n), zero)
	return f.binary(ops.BitwiseOr.HLO, f.binary(ops.Sub.HLO, b, low), mark)
}
