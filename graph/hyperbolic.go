package graph

import (
	"math"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/internal/elementary"
)

// The inverse circular functions, and the hyperbolic ones with theirs.

// Asin returns the angle from -π/2 to π/2 whose sine is x, element by element; NaN beyond ±1. The gradient at ±1 is infinite.
// x must be a float.
func Asin(x *Node) *Node { return Apply(asin, nil, x) }

// Acos returns the angle from 0 to π whose cosine is x, element by element; NaN beyond ±1. The gradient at ±1 is infinite.
// x must be a float.
func Acos(x *Node) *Node { return Apply(acos, nil, x) }

// Atan returns the angle from -π/2 to π/2 whose tangent is x, element by element. [Atan2] finds the quadrant of a point.
// x must be a float.
func Atan(x *Node) *Node { return Apply(atan, nil, x) }

// Sinh returns the hyperbolic sine of x, element by element:
//
//	y = (exp(x) - exp(-x)) / 2
//
// x must be a float or complex.
func Sinh(x *Node) *Node { return Apply(sinh, nil, x) }

// Cosh returns the hyperbolic cosine of x, element by element:
//
//	y = (exp(x) + exp(-x)) / 2
//
// x must be a float or complex.
func Cosh(x *Node) *Node { return Apply(cosh, nil, x) }

// Asinh returns the number whose hyperbolic sine is x, element by element:
//
//	y = log(x + √(x² + 1))
//
// x must be a float.
func Asinh(x *Node) *Node { return Apply(asinh, nil, x) }

// Acosh returns the number from 0 on whose hyperbolic cosine is x, element by element; NaN below 1:
//
//	y = log(x + √(x² - 1))
//
// The gradient at 1 is infinite. x must be a float.
func Acosh(x *Node) *Node { return Apply(acosh, nil, x) }

// Atanh returns the number whose hyperbolic tangent is x, element by element; ±∞ at ±1, NaN beyond:
//
//	y = (log(1 + x) - log(1 - x)) / 2
//
// x must be a float.
func Atanh(x *Node) *Node { return Apply(atanh, nil, x) }

var asin, acos, atan, sinh, cosh, asinh, acosh, atanh *ir.Op

// slopeOf is the gradient of a function of one operand whose derivative is slope, computed in float32 for narrower dtypes.
func slopeOf(slope func(x *Node) *Node) func(y, dy *Node) []*Node {
	return func(y, dy *Node) []*Node {
		return []*Node{ConvertDType(Mul(wide(dy), slope(wide(y.Input(0)))), dy.DType())}
	}
}

// ofOne is the expansion of a function of one operand, computed in float32 for narrower dtypes.
func ofOne(f func(x *Node) *Node) func(any, []*Node) []*Node {
	return inWide(func(_ any, in []*Node) *Node { return f(in[0]) })
}

// besideOne returns √(1 - x²), without cancellation next to 1.
func besideOne(x *Node) *Node { return Sqrt(Mul(OneMinus(x), OnePlus(x))) }

// oddly gives y, which was computed of |x|, the sign of x, that of zero too.
func oddly(x, y *Node) *Node {
	return Where(IsZero(x), x, Where(IsNegative(x), Neg(y), y))
}

func init() {
	smooth := []ir.Sample{
		{In: []ir.Input{ir.Array([]int{2, 3}, -0.875, -0.5, -0.125, 0.25, 0.625, 0.9375)}},
		{Name: "scalar", In: []ir.Input{ir.ScalarValue(-0.75)}},
		{Name: "empty", In: []ir.Input{ir.Ramp(0, 3)}},
	}
	small := ir.Sample{Name: "small", In: []ir.Input{ir.Values(1e-4, -1e-4, 3e-5, 0.01)}}
	asin = Define(ir.Op{
		Name: "Asin", Family: "unary", Elementwise: true, Doc: "the angle whose sine is x", DTypes: dtypes.Floats, HLO: "chlo.asin",
		Infer: sameShape,
		Ref:   unaryRef(elementary.Asin, nil, nil, nil),
		Samples: append(smooth, small,
			special("ends, and beyond them", []float64{1, -1, 0, 2, -inf, nan}, []float64{math.Pi / 2, -math.Pi / 2, 0, nan, nan, nan})),
		Tol:      ir.ULP(8, library),
		Accuracy: within(1),
	}, Rule{
		Expand: ofOne(func(x *Node) *Node { return Atan2(x, besideOne(x)) }),
		VJP:    slopeOf(func(x *Node) *Node { return Reciprocal(besideOne(x)) }),
	})
	acos = Define(ir.Op{
		Name: "Acos", Family: "unary", Elementwise: true, Doc: "the angle whose cosine is x", DTypes: dtypes.Floats, HLO: "chlo.acos",
		Infer: sameShape,
		Ref:   unaryRef(elementary.Acos, nil, nil, nil),
		Samples: append(smooth, small,
			special("ends, and beyond them", []float64{1, -1, 0, 2, -inf, nan}, []float64{0, math.Pi, math.Pi / 2, nan, nan, nan})),
		Tol:      ir.ULP(8, library),
		Accuracy: within(1),
	}, Rule{
		Expand: ofOne(func(x *Node) *Node { return Atan2(besideOne(x), x) }),
		VJP:    slopeOf(func(x *Node) *Node { return Neg(Reciprocal(besideOne(x))) }),
	})
	atan = Define(ir.Op{
		Name: "Atan", Family: "unary", Elementwise: true, Doc: "the angle whose tangent is x", DTypes: dtypes.Floats, HLO: "chlo.atan",
		Infer: sameShape,
		Ref:   unaryRef(elementary.Atan, nil, nil, nil),
		Samples: around(small, ir.Sample{Name: "far out", In: []ir.Input{ir.Values(-50, 9, 0, 300)}},
			special("NaN and infinities", []float64{nan, inf, -inf, 0}, []float64{nan, math.Pi / 2, -math.Pi / 2, 0})),
		Tol:      ir.ULP(8, library),
		Accuracy: within(1),
	}, Rule{
		Expand: ofOne(func(x *Node) *Node { return Atan2(x, ScalarOne(x.graph, x.DType())) }),
		VJP:    slopeOf(func(x *Node) *Node { return Reciprocal(OnePlus(Square(x))) }),
	})
	large := ir.Sample{Name: "far out", In: []ir.Input{ir.Values(-9, 5, 8, -6)}}
	sinh = Define(ir.Op{
		Name: "Sinh", Family: "unary", Elementwise: true, Doc: "(exp(x) - exp(-x)) / 2", DTypes: dtypes.Inexact, HLO: "chlo.sinh",
		Infer: sameShape,
		Ref:   unaryRef(elementary.Sinh, nil, nil, elementary.ComplexSinh),
		Samples: around(small, large,
			special("NaN, infinite and large", []float64{nan, inf, -inf, 0, 1000, -1000}, []float64{nan, inf, -inf, 0, inf, -inf})),
		Tol:      ir.ULP(16, library),
		Accuracy: within(1, 3),
	}, Rule{
		Expand: byParts(expandSinh, complexSinh),
		VJP:    slopeOf(Cosh),
	})
	cosh = Define(ir.Op{
		Name: "Cosh", Family: "unary", Elementwise: true, Doc: "(exp(x) + exp(-x)) / 2", DTypes: dtypes.Inexact, HLO: "chlo.cosh",
		Infer: sameShape,
		Ref:   unaryRef(elementary.Cosh, nil, nil, elementary.ComplexCosh),
		Samples: around(small, large,
			special("NaN, infinite and large", []float64{nan, inf, -inf, 0, 1000, -1000}, []float64{nan, inf, inf, 1, inf, inf})),
		Tol:      ir.ULP(16, library),
		Accuracy: within(1, 3),
	}, Rule{
		Expand: byParts(expandCosh, complexCosh),
		VJP:    slopeOf(Sinh),
	})
	asinh = Define(ir.Op{
		Name: "Asinh", Family: "unary", Elementwise: true, Doc: "log(x + √(x² + 1))", DTypes: dtypes.Floats, HLO: "chlo.asinh",
		Infer: sameShape,
		Ref:   unaryRef(elementary.Asinh, nil, nil, nil),
		Samples: around(small, large,
			special("NaN and infinities", []float64{nan, inf, -inf, 0}, []float64{nan, inf, -inf, 0})),
		Tol:      ir.ULP(16, library),
		Accuracy: within(1),
	}, Rule{
		Expand: ofOne(func(x *Node) *Node {
			size := Abs(x)
			square := Square(size)
			y := Log1p(Add(size, Div(square, OnePlus(Sqrt(OnePlus(square))))))
			return oddly(x, Where(IsFinite(square), y, AddScalar(Log(size), math.Ln2)))
		}),
		VJP: slopeOf(func(x *Node) *Node { // 1/√(1 + x²), by the larger of both: the square may overflow
			size := Abs(x)
			beyond := GreaterThan(size, ScalarOne(x.graph, x.DType()))
			inside := Where(beyond, ScalarOne(x.graph, x.DType()), x)
			outside := Reciprocal(Where(beyond, size, ScalarOne(x.graph, x.DType())))
			return Where(beyond, Mul(outside, Rsqrt(OnePlus(Square(outside)))), Rsqrt(OnePlus(Square(inside))))
		}),
	})
	acosh = Define(ir.Op{
		Name: "Acosh", Family: "unary", Elementwise: true, Doc: "log(x + √(x² - 1))", DTypes: dtypes.Floats, HLO: "chlo.acosh",
		Infer: sameShape,
		Ref:   unaryRef(elementary.Acosh, nil, nil, nil),
		Samples: []ir.Sample{
			{In: []ir.Input{ir.Values(1.25, 1.5, 2, 3.5, 10, 100)}},
			{Name: "two axes", In: []ir.Input{ir.Ramp(2, 3).Plus(3.5)}},
			{Name: "scalar", In: []ir.Input{ir.ScalarValue(1.75)}},
			{Name: "empty", In: []ir.Input{ir.Ramp(0, 3)}},
			special("the end, and beyond it", []float64{1, 0.5, -2, inf, -inf, nan}, []float64{0, nan, nan, inf, nan, nan}),
		},
		Tol:      ir.ULP(16, library),
		Accuracy: within(1),
	}, Rule{
		Expand: ofOne(func(x *Node) *Node {
			z := MinusOne(x)
			inside := Mul(z, AddScalar(z, 2))
			y := Log1p(Add(z, Sqrt(inside)))
			y = Where(IsFinite(inside), y, AddScalar(Log(x), math.Ln2))
			return Where(LessThan(x, ScalarOne(x.graph, x.DType())), Scalar(x.graph, x.DType(), nan), y)
		}),
		VJP: slopeOf(func(x *Node) *Node { return Mul(Rsqrt(MinusOne(x)), Rsqrt(OnePlus(x))) }),
	})
	atanh = Define(ir.Op{
		Name: "Atanh", Family: "unary", Elementwise: true, Doc: "(log(1 + x) - log(1 - x)) / 2", DTypes: dtypes.Floats, HLO: "chlo.atanh",
		Infer: sameShape,
		Ref:   unaryRef(elementary.Atanh, nil, nil, nil),
		Samples: append(smooth, small,
			special("poles, and beyond them", []float64{1, -1, 0, 2, -inf, nan}, []float64{inf, -inf, 0, nan, nan, nan})),
		Tol:      ir.ULP(16, library),
		Accuracy: within(1),
	}, Rule{
		Expand: ofOne(func(x *Node) *Node { return MulScalar(Sub(Log1p(x), Log1p(Neg(x))), 0.5) }), // both parts have the sign of x
		VJP:    slopeOf(func(x *Node) *Node { return Reciprocal(Mul(OneMinus(x), OnePlus(x))) }),
	})
}

// byParts is the expansion of a function that a formula of real and imaginary parts extends to complex numbers, which are computed
// with twice the digits.
func byParts(f, complex func(x *Node) *Node) func(any, []*Node) []*Node {
	return func(_ any, in []*Node) []*Node {
		if x := in[0]; x.DType().IsComplex() {
			return []*Node{ConvertDType(complex(ConvertDType(x, dtypes.Complex128)), x.DType())}
		}
		return ofOne(f)(nil, in)
	}
}

// expandSinh is (e + e/(e+1))/2 for e = exp|x| - 1, and exp(|x|/2)²/2 where that overflows, with the sign of x.
func expandSinh(x *Node) *Node {
	size := Abs(x)
	e, h := Expm1(size), Exp(MulScalar(size, 0.5))
	y := MulScalar(Add(e, Div(e, OnePlus(e))), 0.5)
	return oddly(x, Where(IsFinite(e), y, Mul(MulScalar(h, 0.5), h)))
}

// expandCosh is (e + 1/e)/2 for e = exp|x|, and exp(|x|/2)²/2 where that overflows.
func expandCosh(x *Node) *Node {
	size := Abs(x)
	e, h := Exp(size), Exp(MulScalar(size, 0.5))
	return Where(IsFinite(e), MulScalar(Add(e, Reciprocal(e)), 0.5), Mul(MulScalar(h, 0.5), h))
}

// complexSinh is sinh a · cos b + i · cosh a · sin b for a + ib, and complexCosh cosh a · cos b + i · sinh a · sin b.
func complexSinh(x *Node) *Node {
	a, b := Real(x), Imag(x)
	return Complex(infiniteBeside(a, timesSinh(a, Cos(b))), timesCosh(a, Sin(b)))
}

func complexCosh(x *Node) *Node {
	a, b := Real(x), Imag(x)
	return Complex(infiniteBeside(a, timesCosh(a, Cos(b))), timesSinh(a, Sin(b)))
}

// timesCosh is cosh a · c, and 0 if c is, whatever a.
func timesCosh(a, c *Node) *Node { return Where(IsZero(c), c, growing(a, c, Cosh(a))) }

// timesSinh is sinh a · c, and 0 if either factor is, whatever the other.
func timesSinh(a, c *Node) *Node {
	signed := Where(IsNegative(a), Neg(c), c)
	y := Where(IsZero(c), signed, growing(a, signed, Sinh(Abs(a))))
	still := LogicalAnd(IsZero(a), IsNaN(c))
	return Where(IsZero(a), Where(still, a, Mul(a, c)), y)
}

// growing is f · c for f = sinh |a| or cosh a, also where f overflows and the product does not.
func growing(a, c, f *Node) *Node {
	size := Abs(a)
	h := Exp(MulScalar(size, 0.5))
	large := Mul(Mul(MulScalar(h, 0.5), c), h)
	return Where(LessThan(size, Scalar(a.graph, a.DType(), 700)), Mul(f, c), large)
}

// infiniteBeside is y, infinite where a is and y has no sign.
func infiniteBeside(a, y *Node) *Node {
	infinity := Infinity(a.graph, a.DType(), 1)
	return Where(LogicalAnd(Equal(Abs(a), infinity), IsNaN(y)), infinity, y)
}
