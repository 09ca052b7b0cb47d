package graph

import (
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/internal/elementary"
)

// BesselI0e returns the modified Bessel function of the first kind and order 0, scaled so that it does not overflow, element by
// element:
//
//	y = exp(-|x|)·I₀(x)
//
// The gradient at 0, where |x| has a kink, is 0. x must be a float.
func BesselI0e(x *Node) *Node { return Apply(besselI0e, nil, x) }

// BesselI1e returns the modified Bessel function of the first kind and order 1, scaled so that it does not overflow, element by
// element:
//
//	y = exp(-|x|)·I₁(x)
//
// x must be a float.
func BesselI1e(x *Node) *Node { return Apply(besselI1e, nil, x) }

var besselI0e, besselI1e *ir.Op

func init() {
	far := ir.Sample{Name: "far out", In: []ir.Input{ir.Values(-9, 5, 7.5, 8.5, 30, -20)}}
	besselI0e = Define(ir.Op{
		Name: "BesselI0e", Family: "unary", Elementwise: true, Doc: "exp(-|x|)·I₀(x)", DTypes: dtypes.Floats,
		Infer: sameShape,
		Ref:   unaryRef(elementary.BesselI0e, nil, nil, nil),
		Samples: around(far, ir.Sample{Name: "zero", Kink: true, In: []ir.Input{ir.Values(0)}, Want: []float64{1}},
			special("NaN and infinities", []float64{nan, inf, -inf, 0}, []float64{nan, 0, 0, 1})),
		Tol:      ir.ULP(16, library),
		Accuracy: within(3),
	}, Rule{
		Expand: ofOne(func(x *Node) *Node {
			return expandBessel(Abs(x), 0, elementary.BesselI0Far[:])
		}),
		VJP: slopeOf(func(x *Node) *Node { return Sub(BesselI1e(x), Mul(Sign(x), BesselI0e(x))) }),
	})
	besselI1e = Define(ir.Op{
		Name: "BesselI1e", Family: "unary", Elementwise: true, Doc: "exp(-|x|)·I₁(x)", DTypes: dtypes.Floats, HLO: "chlo.bessel_i1e",
		Infer: sameShape,
		Ref:   unaryRef(elementary.BesselI1e, nil, nil, nil),
		Samples: around(far, ir.Sample{Name: "zero", Kink: true, In: []ir.Input{ir.Values(0)}, Want: []float64{0}},
			special("NaN and infinities", []float64{nan, inf, -inf, 0}, []float64{nan, 0, 0, 0})),
		Tol:      ir.ULP(16, library),
		Accuracy: within(4),
	}, Rule{
		Expand: ofOne(func(x *Node) *Node { return oddly(x, expandBessel(Abs(x), 1, elementary.BesselI1Far[:])) }),
		VJP: slopeOf(func(x *Node) *Node { // I₀ - I₁/x - sign(x)·I₁, all scaled; I₁/x is ½ at 0
			y := BesselI1e(x)
			zero := IsZero(x)
			ratio := Where(zero, Scalar(x.graph, x.DType(), 0.5), Div(y, Where(zero, ScalarOne(x.graph, x.DType()), x)))
			return Sub(Sub(BesselI0e(x), ratio), Mul(Sign(x), y))
		}),
	})
}

// expandBessel is exp(-x)·Iₙ(x) of x ≥ 0, for n = 0 or 1: up to 8 the power series (Abramowitz and Stegun, 9.6.10), whose terms are
// all positive, beyond a Chebyshev series in 16/x - 1.
func expandBessel(x *Node, n int, far []float64) *Node {
	eight := Scalar(x.graph, x.DType(), 8)
	terms := elementary.BesselTerms
	if x.DType() == dtypes.Float32 {
		terms, far = 19, far[:12]
	}
	small, large := Min(x, eight), Max(x, eight)
	z := MulScalar(Square(small), 0.25)
	sum := OnesLike(z)
	for k := terms; k > 0; k-- {
		sum = OnePlus(DivScalar(Mul(z, sum), k*(k+n)))
	}
	near := Mul(sum, Exp(Neg(small)))
	if n == 1 {
		near = Mul(near, MulScalar(small, 0.5))
	}
	beyond := Div(clenshaw(far, Div(Scalar(x.graph, x.DType(), 16), large), -1), Sqrt(large))
	return Where(LessOrEqual(x, eight), near, beyond)
}
