package graph

import (
	"fmt"
	"math"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// ReducePrecision returns x, a float, rounded to what a float of exponentBits and mantissaBits can hold, element by
// element, in x's own dtype: 5 and 10 are those of float16, 8 and 7 of bfloat16. It shows what a computation in narrower
// numbers would lose, on any engine.
//
// Mantissas are rounded to nearest, halves to the even neighbour. With fewer bits for the exponent than x has, what is
// larger than the largest number becomes infinite, and what is smaller than the smallest normal one becomes zero, both
// with their sign. NaN and infinities stay. More bits than x has change nothing. The gradient goes through as if nothing
// were rounded.
//
// It panics with [Error] if exponentBits is less than 1 or mantissaBits less than 0.
//
// Source: the StableHLO specification, reduce_precision; zero for what is too small is XLA's.
func ReducePrecision(x *Node, exponentBits, mantissaBits int) *Node {
	return Apply(reducePrecision, ir.PrecisionAttrs{ExponentBits: exponentBits, MantissaBits: mantissaBits}, x)
}

var reducePrecision *ir.Op

// layouts are the widths of the parts of the float dtypes.
var layouts = map[dtypes.DType]ir.PrecisionAttrs{
	dtypes.Float16: {ExponentBits: 5, MantissaBits: 10}, dtypes.BFloat16: {ExponentBits: 8, MantissaBits: 7}, dtypes.Float32: {ExponentBits: 8, MantissaBits: 23}, dtypes.Float64: {ExponentBits: 11, MantissaBits: 52},
}

// bias is the largest exponent of a float.
func bias(p ir.PrecisionAttrs) int { return 1<<(p.ExponentBits-1) - 1 }

// reduced rounds x, a number of a dtype with the layout own, to p.
func reduced(p ir.PrecisionAttrs, x float64, own ir.PrecisionAttrs) float64 {
	if x == 0 || math.IsInf(x, 0) || x != x {
		return x
	}
	if p.MantissaBits < own.MantissaBits {
		_, e := math.Frexp(x) // |x| is from ½ to 1 times 2^e
		last := max(e-1, 1-bias(own)) - p.MantissaBits
		x = math.Ldexp(math.RoundToEven(math.Ldexp(x, -last)), last)
	}
	if p.ExponentBits >= own.ExponentBits {
		return x
	}
	switch _, e := math.Frexp(x); {
	case e-1 > bias(p):
		return math.Copysign(inf, x)
	case e-1 < 1-bias(p):
		return math.Copysign(0, x)
	}
	return x
}

func init() {
	of := func(exponent, mantissa int) ir.PrecisionAttrs {
		return ir.PrecisionAttrs{ExponentBits: exponent, MantissaBits: mantissa}
	}
	values := []float64{1, 1.25, 1.125, -1.375, 1.875, 1.9375, 240, -260, 500, 0.03, 0.0155, 0.0157, 0.007, -0.0001, 3e-5, 0, negZero}
	reducePrecision = Define(ir.Op{
		Name: "ReducePrecision", Family: "unary", Elementwise: true, Doc: "x rounded to a float of so many bits", DTypes: dtypes.Floats, Attrs: ir.PrecisionAttrs{}, HLO: "stablehlo.reduce_precision",
		Infer: func(attrs any, in []shapes.Shape) (shapes.Shape, error) {
			if p := attrs.(ir.PrecisionAttrs); p.ExponentBits < 1 || p.MantissaBits < 0 || p.ExponentBits > 64 || p.MantissaBits > 64 {
				return in[0], fmt.Errorf("there is no float of %d exponent and %d mantissa bits", p.ExponentBits, p.MantissaBits)
			}
			return in[0], nil
		},
		Ref: func(attrs any, out, in []*tensors.Tensor) {
			own := layouts[in[0].DType()]
			map1(func(x float64) float64 { return reduced(attrs.(ir.PrecisionAttrs), x, own) })(nil, out, in)
		},
		// as if nothing were rounded
		Samples: []ir.Sample{
			{Name: "as it is", In: []ir.Input{ir.Ramp(2, 3)}, Attrs: of(11, 52)},
			{Name: "e5m2", In: []ir.Input{ir.Values(values...)}, Attrs: of(5, 2), Kink: true, DTypes: dtypes.Floats},
			{Name: "e4m3, halves to even", In: []ir.Input{ir.Values(1.0625, 1.1875, 1.9375, -1.0625, 248, 246, -1000, 0.015, 0.0155)}, Attrs: of(4, 3), Kink: true, Want: []float64{1, 1.25, 2, -1, inf, 240, -inf, 0, 0.015625}},
			{Name: "bfloat16", In: []ir.Input{ir.Values(values...)}, Attrs: of(8, 7), Kink: true},
			{Name: "float16", In: []ir.Input{ir.Values(append(values, 65504, 65519, 65520, 6.1e-5, 6.2e-5)...)}, Attrs: of(5, 10), Kink: true},
			{Name: "only an exponent", In: []ir.Input{ir.Values(values...)}, Attrs: of(6, 0), Kink: true},
			{Name: "only a mantissa", In: []ir.Input{ir.Values(values...)}, Attrs: of(12, 3), Kink: true},
			{Name: "one exponent bit", In: []ir.Input{ir.Values(0.5, 1, 1.5, 2, 3)}, Attrs: of(1, 1), Kink: true},
			{Name: "NaN and infinities", In: []ir.Input{ir.Values(nan, inf, -inf, 0, negZero)}, Attrs: of(4, 3), Pole: true, DTypes: dtypes.Floats, Want: []float64{nan, inf, -inf, 0, 0}},
			{Name: "NaN without a mantissa", In: []ir.Input{ir.Values(nan, inf, 5)}, Attrs: of(4, 0), Pole: true, DTypes: dtypes.Floats, Want: []float64{nan, inf, 4}},
			{Name: "scalar", In: []ir.Input{ir.ScalarValue(-0.7)}, Attrs: of(8, 4), Kink: true},
		},
	}, Rule{VJP: func(_, dy *Node) []*Node { return []*Node{dy} }})
}
