package graph

import (
	"math"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/internal/elementary"
)

// Sigmoid returns the logistic function of x, element by element:
//
//	y = 1 / (1 + exp(-x))
//
// without overflow on either side. x must be a float.
func Sigmoid(x *Node) *Node { return Apply(sigmoid, nil, x) }

// Softplus returns a smooth form of [Relu], element by element:
//
//	y = log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|))
//
// x must be a float.
func Softplus(x *Node) *Node { return Apply(softplus, nil, x) }

// Relu returns max(x, 0), element by element. NaN stays NaN. The gradient at 0 is 0. x must be an integer or a
// float.
func Relu(x *Node) *Node { return Apply(relu, nil, x) }

// Gelu returns x weighted by the probability that a standard normal variable is below x, element by element:
//
//	y = x·Φ(x) = x/2 · (1 + erf(x/√2))
//
// x must be a float.
//
// Source: Hendrycks and Gimpel, "Gaussian Error Linear Units (GELUs)", 2016, arXiv:1606.08415, section 2.
func Gelu(x *Node) *Node { return Apply(gelu, nil, x) }

// GeluApproximate returns an approximation of [Gelu] that is within 5e-4 of it, element by element:
//
//	y = x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³)))
//
// x must be a float. Networks that were trained with one form should be used with the same.
//
// Source: Hendrycks and Gimpel, "Gaussian Error Linear Units (GELUs)", 2016, arXiv:1606.08415, section 2.
func GeluApproximate(x *Node) *Node { return Apply(geluApproximate, nil, x) }

// Silu returns x·[Sigmoid](x), element by element, also known as swish. x must be a float.
//
// Source: Elfwing, Uchibe and Doya, "Sigmoid-Weighted Linear Units", 2017, arXiv:1702.03118, eq. 10.
func Silu(x *Node) *Node { return Apply(silu, nil, x) }

var sigmoid, softplus, relu, normalCDF, gelu, geluApproximate, silu *ir.Op

func init() {
	sigmoid = Define(ir.Op{
		Name: "Sigmoid", Family: "activation", Elementwise: true, Doc: "1 / (1 + exp(-x))", DTypes: dtypes.Floats, HLO: "stablehlo.logistic",
		Infer: sameShape,
		Ref:   unaryRef(elementary.Sigmoid, nil, nil, nil),
		Samples: around(
			ir.Sample{Name: "far out", In: []ir.Input{ir.Values(-8, 8, -5, 12)}},
			special("NaN, infinite and large", []float64{nan, inf, -inf, 0, 1000, -1000}, []float64{nan, 1, 0, 0.5, 1, 0})),
		Tol:      ir.ULP(8, library),
		Accuracy: within(2),
	}, Rule{
		VJP: func(y, dy *Node) []*Node {
			if !y.DType().IsHalf() {
				return []*Node{Mul(dy, Mul(y, OneMinus(y)))}
			}
			x := wide(y.Input(0)) // of a narrow y, 1 - y has few digits
			return []*Node{ConvertDType(Mul(wide(dy), Mul(Sigmoid(x), Sigmoid(Neg(x)))), dy.DType())}
		},
	})
	softplus = Define(ir.Op{
		Name: "Softplus", Family: "activation", Elementwise: true, Doc: "log(1 + exp(x))", DTypes: dtypes.Floats,
		Infer: sameShape,
		Ref:   unaryRef(elementary.Softplus, nil, nil, nil),
		Samples: around(
			ir.Sample{Name: "smooth at 0", DTypes: dtypes.Floats, In: []ir.Input{ir.Values(0, -9, 9)}},
			special("NaN, infinite and large", []float64{nan, inf, -inf, 1000, -1000}, []float64{nan, inf, 0, 1000, 0})),
		Tol:      ir.ULP(8, library),
		Accuracy: within(2),
	}, Rule{
		Expand: inWide(func(_ any, in []*Node) *Node {
			x := in[0]
			return Add(MaxScalar(x, 0), Log1p(Exp(Neg(Abs(x)))))
		}),
		VJP: func(y, dy *Node) []*Node { return []*Node{Mul(dy, Sigmoid(y.Input(0)))} },
	})
	tails := ir.Sample{Name: "tail", In: []ir.Input{ir.Values(-6, -7, -8, -9)}}
	normalCDF = Define(ir.Op{
		Name: "NormalCDF", Family: "activation", Elementwise: true, Doc: "Φ(x) = (1 + erf(x/√2)) / 2", DTypes: dtypes.Floats,
		Infer: sameShape,
		Ref:   unaryRef(elementary.NormalCDF, nil, nil, nil),
		Samples: around(ir.Sample{Name: "far out", In: []ir.Input{ir.Values(-5, -3, 0, 3, 5, 10)}}, tails,
			special("NaN, infinite and large", []float64{nan, inf, -inf, 0, 1000, -1000}, []float64{nan, 1, 0, 0.5, 1, 0})),
		Tol:      ir.ULP(16, library),
		Accuracy: within(4),
	}, Rule{
		Expand: inWide(func(_ any, in []*Node) *Node { return expandCDF(in[0]) }),
		VJP: func(y, dy *Node) []*Node {
			return []*Node{ConvertDType(Mul(wide(dy), normalDensity(wide(y.Input(0)))), dy.DType())}
		},
	})
	relu = Define(ir.Op{
		Name: "Relu", Family: "activation", Elementwise: true, Doc: "max(x, 0)", DTypes: dtypes.Reals,
		Infer: sameShape,
		Ref:   unaryRef(func(x float64) float64 { return max(x, 0) }, func(x int64) int64 { return max(x, 0) }, func(x uint64) uint64 { return x }, nil),
		Samples: around(
			ir.Sample{Name: "zero", Kink: true, In: []ir.Input{ir.Values(0, 1)}},
			special("NaN and infinities", []float64{nan, inf, -inf, negZero}, []float64{nan, inf, 0, 0})),
		Exact: "x or 0",
	}, Rule{
		Expand: func(_ any, in []*Node) []*Node { return []*Node{MaxScalar(in[0], 0)} },
		VJP: func(y, dy *Node) []*Node {
			return []*Node{Where(IsPositive(y.Input(0)), dy, ScalarZero(dy.graph, dy.DType()))}
		},
	})
	gelu = Define(ir.Op{
		Name: "Gelu", Family: "activation", Elementwise: true, Doc: "x/2 · (1 + erf(x/√2))", DTypes: dtypes.Floats,
		Infer: sameShape,
		Ref:   unaryRef(elementary.Gelu, nil, nil, nil),
		Samples: around(ir.Sample{Name: "far out", In: []ir.Input{ir.Values(-5, -3, 0, 3, 5, 10)}}, tails,
			special("NaN, infinite and large", []float64{nan, inf, 1000, -inf, -1000}, []float64{nan, inf, 1000, 0, 0})),
		Tol:      ir.ULP(8, library),
		Accuracy: within(4),
	}, Rule{
		Expand: inWide(func(_ any, in []*Node) *Node {
			return Mul(MaxScalar(in[0], -cdfEnd), Apply(normalCDF, nil, in[0])) // -∞·0 is no number
		}),
		VJP: func(y, dy *Node) []*Node { // d xΦ(x)/dx = Φ(x) + xφ(x)
			x := wide(y.Input(0))
			slope := Add(Apply(normalCDF, nil, x), Mul(ClipScalar(x, -cdfEnd, cdfEnd), normalDensity(x)))
			return []*Node{ConvertDType(Mul(wide(dy), slope), dy.DType())}
		},
	})
	geluApproximate = Define(ir.Op{
		Name: "GeluApproximate", Family: "activation", Elementwise: true, Doc: "x/2 · (1 + tanh(√(2/π)·(x + 0.044715x³)))", DTypes: dtypes.Floats,
		Infer: sameShape,
		Ref:   unaryRef(elementary.GeluApproximate, nil, nil, nil),
		Samples: around(ir.Sample{Name: "far out", In: []ir.Input{ir.Values(-5, -3, 0, 3, 5, 10)}}, tails,
			special("NaN, infinite and large", []float64{nan, inf, 1000, -inf, -1000}, []float64{nan, inf, 1000, 0, 0})),
		Tol:      ir.ULP(64, library+", and e^2u shows how u was rounded"),
		Accuracy: within(4),
	}, Rule{
		Expand: inWide(func(_ any, in []*Node) *Node { // (1 + tanh(u))/2 is sigmoid(2u), without cancellation
			x := ClipScalar(in[0], -cdfEnd, cdfEnd)
			u := MulScalar(Add(x, MulScalar(Mul(x, Mul(x, x)), 0.044715)), 2*math.Sqrt(2/math.Pi))
			return Mul(MaxScalar(in[0], -cdfEnd), Sigmoid(u))
		}),
		VJP: func(y, dy *Node) []*Node { // with s = sigmoid(2u): s + x·s·(1 - s)·d2u/dx
			x := ClipScalar(wide(y.Input(0)), -cdfEnd, cdfEnd)
			u := MulScalar(Add(x, MulScalar(Mul(x, Mul(x, x)), 0.044715)), 2*math.Sqrt(2/math.Pi))
			du := MulScalar(OnePlus(MulScalar(Square(x), 3*0.044715)), 2*math.Sqrt(2/math.Pi))
			s := Sigmoid(u) // 1 - s is exact to a unit of 1, where it is little; there the slope is about 1
			slope := Mul(s, OnePlus(Mul(Mul(x, OneMinus(s)), du)))
			return []*Node{ConvertDType(Mul(wide(dy), slope), dy.DType())}
		},
	})
	silu = Define(ir.Op{
		Name: "Silu", Family: "activation", Elementwise: true, Doc: "x / (1 + exp(-x))", DTypes: dtypes.Floats,
		Infer: sameShape,
		Ref:   unaryRef(elementary.Silu, nil, nil, nil),
		// -∞·0 is no number
		Samples: around(ir.Sample{Name: "far out", In: []ir.Input{ir.Values(-8, -3, 0, 3, 5, 10)}},
			special("NaN, infinite and large", []float64{nan, inf, 1000, -inf, -1000}, []float64{nan, inf, 1000, 0, 0})),
		Tol:      ir.ULP(8, library),
		Accuracy: within(3),
	}, Rule{
		Expand: inWide(func(_ any, in []*Node) *Node { return Mul(MaxScalar(in[0], -siluEnd), Sigmoid(in[0])) }),
		VJP: func(y, dy *Node) []*Node { // with s = sigmoid(x): s + x·s·(1 - s)
			x := ClipScalar(wide(y.Input(0)), -siluEnd, siluEnd)
			slope := Mul(Sigmoid(x), OnePlus(Mul(x, Sigmoid(Neg(x)))))
			return []*Node{ConvertDType(Mul(wide(dy), slope), dy.DType())}
		},
	})
}

// siluEnd is from where on sigmoid(-x) is 0 in every dtype.
const siluEnd = 800
