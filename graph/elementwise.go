package graph

import (
	"math"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/internal/elementary"
)

// Abs returns |x|, element by element. The result of a complex x is real. The smallest integer of a signed
// dtype has no absolute value and stays as it is. The gradient at 0 is 0.
func Abs(x *Node) *Node {
	if x.DType().IsUnsigned() {
		return x
	}
	return Apply(abs, nil, x)
}

// Sign returns the sign of x, element by element: -1, 0 or 1; of a complex x it is x/|x|, 0 of 0, and NaN if a part is
// infinite or NaN. The sign of NaN is NaN, that of -0 is -0. The gradient is 0 but for complex x. x must be a number.
func Sign(x *Node) *Node {
	switch d := x.DType(); {
	case d.IsUnsigned():
		return ConvertDType(IsPositive(x), d)
	case d.IsComplex():
		x = nearOne(x)
		r := Abs(x)
		r = Where(IsZero(r), ScalarOne(r.graph, r.DType()), r)
		return Complex(Div(Real(x), r), Div(Imag(x), r))
	}
	return Apply(sign, nil, x)
}

// nearOne brings the larger part of complex numbers to ±1, so that |x| neither overflows nor has the few digits of a denormal
// number; 0 stays.
func nearOne(x *Node) *Node {
	re, im := Real(x), Imag(x)
	size := StopGradient(Max(Abs(re), Abs(im))) // the sign does not depend on it
	size = Where(IsZero(size), ScalarOne(size.graph, size.DType()), size)
	return Complex(Div(re, size), Div(im, size))
}

// Exp returns eˣ, element by element. x must be a float or complex.
func Exp(x *Node) *Node { return Apply(exp, nil, x) }

// Expm1 returns eˣ - 1, element by element, accurate also for tiny x; of a complex x it is made of other ops. x must be a
// float or complex.
func Expm1(x *Node) *Node {
	if need("Expm1", x); x.DType().IsComplex() {
		return complexExpm1(x)
	}
	return Apply(expm1, nil, x)
}

// Log returns the natural logarithm of x, element by element: -∞ for 0, NaN for negative floats, the
// principal value of a complex x. x must be a float or complex.
func Log(x *Node) *Node { return Apply(log, nil, x) }

// Log1p returns log(1+x), element by element, accurate also for tiny x; the principal value of a complex x, made of other
// ops. x must be a float or complex.
func Log1p(x *Node) *Node {
	if need("Log1p", x); x.DType().IsComplex() {
		return complexLog1p(x)
	}
	return Apply(log1p, nil, x)
}

// Sqrt returns √x, element by element: NaN for negative floats, the principal root of a complex x. Its
// gradient at 0 is infinite. x must be a float or complex.
func Sqrt(x *Node) *Node { return Apply(sqrt, nil, x) }

// Rsqrt returns 1/√x, element by element. x must be a float or complex.
func Rsqrt(x *Node) *Node { return Apply(rsqrt, nil, x) }

// Square returns x², element by element. Integers wrap around. x must be a number.
func Square(x *Node) *Node { return Apply(square, nil, x) }

// Reciprocal returns 1/x, element by element. x must be a float or complex.
func Reciprocal(x *Node) *Node { return Apply(reciprocal, nil, x) }

// Sin returns the sine of x in radians, element by element. x must be a float or complex.
func Sin(x *Node) *Node { return Apply(sin, nil, x) }

// Cos returns the cosine of x in radians, element by element. x must be a float or complex.
func Cos(x *Node) *Node { return Apply(cos, nil, x) }

// Tan returns the tangent of x in radians, element by element. x must be a float or complex.
func Tan(x *Node) *Node { return Apply(tan, nil, x) }

// Tanh returns the hyperbolic tangent of x, element by element. x must be a float or complex.
func Tanh(x *Node) *Node { return Apply(tanh, nil, x) }

// Erf returns the error function of x, element by element:
//
//	y = 2/√π · ∫₀ˣ exp(-t²) dt
//
// x must be a float.
func Erf(x *Node) *Node { return Apply(erf, nil, x) }

// Floor returns the largest whole number that is not above x, element by element. The gradient is 0. x must be
// a float.
func Floor(x *Node) *Node { return Apply(floor, nil, x) }

// Ceil returns the smallest whole number that is not below x, element by element. The gradient is 0. x must be
// a float.
func Ceil(x *Node) *Node { return Apply(ceil, nil, x) }

// Round returns the nearest whole number, element by element; halves go to the even neighbour (0.5 to 0, 1.5
// and 2.5 to 2); both parts of a complex x. The gradient is 0. x must be a float or complex.
func Round(x *Node) *Node {
	if need("Round", x); x.DType().IsComplex() {
		return Complex(Round(Real(x)), Round(Imag(x)))
	}
	return Apply(round, nil, x)
}

// IsNaN reports, element by element, whether x is not a number; of a complex x, whether a part is not. x must be a
// float or complex.
func IsNaN(x *Node) *Node { return Apply(isNaN, nil, x) }

// IsFinite reports, element by element, whether x is neither infinite nor NaN; of a complex x, whether both parts are so. x
// must be a float or complex.
func IsFinite(x *Node) *Node {
	if need("IsFinite", x); x.DType().IsComplex() {
		return LogicalAnd(IsFinite(Real(x)), IsFinite(Imag(x)))
	}
	return Apply(isFinite, nil, x)
}

var abs, sign, exp, expm1, log, log1p, sqrt, rsqrt, square, reciprocal *ir.Op
var sin, cos, tan, tanh, erf, floor, ceil, round, isNaN, isFinite *ir.Op

var nan, inf, negZero = math.NaN(), math.Inf(1), math.Copysign(0, -1)

// library is the reason why transcendental functions may differ between backends.
const library = "library functions differ in the last places"

// boolRule is the rule of ops that answer yes or no for each element.
func boolRule(_ any, in []shapes.Shape) (shapes.Shape, error) {
	return in[0].WithDType(dtypes.Bool), nil
}

// wide returns x in float32 if it is narrower. Compositions compute in it, so that they round once.
func wide(x *Node) *Node {
	if x.DType().IsHalf() {
		return ConvertDType(x, dtypes.Float32)
	}
	return x
}

// inWide is the expansion by f, computed in float32 where the first operand is narrower. Operands of the first
// one's dtype are converted, the others passed on.
func inWide(f func(attrs any, in []*Node) *Node) func(any, []*Node) []*Node {
	return func(attrs any, in []*Node) []*Node {
		d := in[0].DType()
		w := make([]*Node, len(in))
		for i, x := range in {
			w[i] = wide(x)
		}
		return []*Node{ConvertDType(f(attrs, w), d)}
	}
}

// around are samples of values of both signs, for functions that are smooth everywhere.
func around(more ...ir.Sample) []ir.Sample {
	return append([]ir.Sample{
		{In: []ir.Input{ir.Ramp(2, 3)}},
		{Name: "scalar", In: []ir.Input{ir.ScalarValue(-0.75)}},
		{Name: "empty", In: []ir.Input{ir.Ramp(0, 3)}},
	}, more...)
}

// special is a sample of floats at which a function has no gradient, and its values there.
func special(name string, x, want []float64) ir.Sample {
	return ir.Sample{Name: name, Pole: true, DTypes: dtypes.Floats, In: []ir.Input{ir.Values(x...)}, Want: want}
}

func init() {
	positive := []ir.Sample{
		{In: []ir.Input{ir.Values(0.01, 0.5, 1, 2.5, 10)}},
		{Name: "two axes", In: []ir.Input{ir.Ramp(2, 3).Plus(2.25)}},
		{Name: "scalar", In: []ir.Input{ir.ScalarValue(0.75)}},
		{Name: "empty", In: []ir.Input{ir.Ramp(0, 3)}},
	}
	abs = Define(ir.Op{
		Name: "Abs", Family: "unary", Elementwise: true, Simplify: simplerAbs, Doc: "|x|, real for complex x", DTypes: dtypes.Signed | dtypes.Inexact, HLO: "stablehlo.abs",
		Infer: func(_ any, in []shapes.Shape) (shapes.Shape, error) { return in[0].WithDType(in[0].DType.Real()), nil },
		Ref: byKind(0, map1(math.Abs), map1(func(x int64) int64 {
			if x < 0 {
				return -x
			}
			return x
		}), nil, map1(elementary.ComplexAbs)),
		Samples: around(
			special("NaN and infinities", []float64{nan, inf, -inf, 0, negZero}, []float64{nan, inf, inf, 0, 0}),
			ir.Sample{Name: "zero", Kink: true, In: []ir.Input{ir.Values(0)}},
			ir.Sample{Name: "the smallest integer stays", DTypes: dtypes.SetOf(dtypes.Int8), In: []ir.Input{ir.Values(-128, 127)}, Want: []float64{-128, 127}},
		),
		Tol:      ir.ULP(4, "the hypotenuse of complex parts"),
		Accuracy: within(0, 2),
	}, Rule{
		VJP: func(y, dy *Node) []*Node {
			x := y.Input(0)
			if x.DType().IsComplex() { // d|x| = Re(conj(x) dx) / |x|
				dy = ConvertDType(dy, x.DType())
			}
			return []*Node{Mul(dy, Conj(Sign(x)))}
		},
	})
	sign = Define(ir.Op{
		Name: "Sign", Family: "unary", Elementwise: true, Simplify: again(), Doc: "-1, 0 or 1 as x is below, at or above 0", DTypes: dtypes.Signed | dtypes.Floats, HLO: "stablehlo.sign",
		Infer: sameShape,
		Ref: unaryRef(func(x float64) float64 {
			if x == 0 || x != x {
				return x
			}
			return math.Copysign(1, x)
		}, func(x int64) int64 { return min(max(x, -1), 1) }, nil, nil),
		Samples: around(
			special("NaN and infinities", []float64{nan, inf, -inf, 0, negZero}, []float64{nan, 1, -1, 0, 0}),
			ir.Sample{Name: "zero", Kink: true, In: []ir.Input{ir.Values(0, 1, -3)}, Want: []float64{0, 1, -1}},
		),
		Accuracy: within(0),
	}, Rule{ZeroGrad: "piecewise constant"})
	exp = Define(ir.Op{
		Name: "Exp", Family: "unary", Elementwise: true, Doc: "exp(x)", DTypes: dtypes.Inexact, HLO: "stablehlo.exponential",
		Infer:    sameShape,
		Ref:      unaryRef(elementary.Exp, nil, nil, elementary.ComplexExp),
		Samples:  around(special("NaN, infinite and large", []float64{nan, inf, -inf, 0, 1000, -1000}, []float64{nan, inf, 0, 1, inf, 0})),
		Tol:      ir.ULP(8, library),
		Accuracy: within(1, 2),
	}, Rule{VJP: func(y, dy *Node) []*Node { return []*Node{Mul(dy, y)} }})
	expm1 = Define(ir.Op{
		Name: "Expm1", Family: "unary", Elementwise: true, Doc: "exp(x) - 1", DTypes: dtypes.Floats, HLO: "stablehlo.exponential_minus_one",
		Infer: sameShape,
		Ref:   unaryRef(elementary.Expm1, nil, nil, nil),
		Samples: around(
			ir.Sample{Name: "tiny x is the reason this op exists", In: []ir.Input{ir.Values(1e-4, -1e-4, 3e-5)}},
			special("NaN, infinite and large", []float64{nan, inf, -inf, 0, 1000, -1000}, []float64{nan, inf, -1, 0, inf, -1}),
		),
		Tol:      ir.ULP(8, library),
		Accuracy: within(1),
	}, Rule{
		VJP: func(y, dy *Node) []*Node { return []*Node{Mul(dy, OnePlus(y))} },
	})
	log = Define(ir.Op{
		Name: "Log", Family: "unary", Elementwise: true, Doc: "the natural logarithm of x", DTypes: dtypes.Inexact, HLO: "stablehlo.log",
		Infer: sameShape,
		Ref:   unaryRef(elementary.Log, nil, nil, elementary.ComplexLog),
		Samples: append(positive,
			special("poles", []float64{0, negZero, -1, inf, nan, 1}, []float64{-inf, -inf, nan, inf, nan, 0})),
		Tol:      ir.ULP(8, library),
		Accuracy: within(1, 2),
	}, Rule{
		VJP: func(y, dy *Node) []*Node { return []*Node{Div(dy, y.Input(0))} },
	})
	log1p = Define(ir.Op{
		Name: "Log1p", Family: "unary", Elementwise: true, Doc: "log(1 + x)", DTypes: dtypes.Floats, HLO: "stablehlo.log_plus_one",
		Infer: sameShape,
		Ref:   unaryRef(elementary.Log1p, nil, nil, nil),
		Samples: append([]ir.Sample{
			{Name: "tiny x is the reason this op exists", In: []ir.Input{ir.Values(-0.875, -1e-4, 3e-5, 1e-4, 3)}},
			special("poles", []float64{-1, -2, inf, nan, 0}, []float64{-inf, nan, inf, nan, 0}),
		}, positive...),
		Tol:      ir.ULP(8, library),
		Accuracy: within(1),
	}, Rule{
		VJP: func(y, dy *Node) []*Node { return []*Node{Div(dy, OnePlus(y.Input(0)))} },
	})
	sqrt = Define(ir.Op{
		Name: "Sqrt", Family: "unary", Elementwise: true, Doc: "√x", DTypes: dtypes.Inexact, HLO: "stablehlo.sqrt",
		Infer:    sameShape,
		Ref:      unaryRef(math.Sqrt, nil, nil, elementary.ComplexSqrt),
		Samples:  append(positive, special("poles", []float64{0, negZero, -1, inf, nan}, []float64{0, 0, nan, inf, nan})),
		Tol:      ir.ULP(4, library),
		Accuracy: within(0, 2),
	}, Rule{
		VJP: func(y, dy *Node) []*Node { return []*Node{Div(dy, Add(y, y))} },
	})
	rsqrt = Define(ir.Op{
		Name: "Rsqrt", Family: "unary", Elementwise: true, Doc: "1/√x", DTypes: dtypes.Inexact, HLO: "stablehlo.rsqrt",
		Infer:    sameShape,
		Ref:      unaryRef(func(x float64) float64 { return 1 / math.Sqrt(x) }, nil, nil, elementary.ComplexRsqrt),
		Samples:  append(positive, special("poles", []float64{0, -1, inf, nan}, []float64{inf, nan, 0, nan})),
		Tol:      ir.ULP(8, library),
		Accuracy: within(1, 3),
	}, Rule{
		VJP: func(y, dy *Node) []*Node { // d x^-½ / dx = -½ x^-³⁄₂
			return []*Node{Mul(dy, MulScalar(Mul(y, Mul(y, y)), -0.5))}
		},
	})
	square = Define(ir.Op{
		Name: "Square", Family: "unary", Elementwise: true, Doc: "x²", DTypes: dtypes.Numbers,
		Infer:    sameShape,
		Ref:      unaryRef(func(x float64) float64 { return x * x }, func(x int64) int64 { return x * x }, func(x uint64) uint64 { return x * x }, func(x complex128) complex128 { return elementary.ComplexMul(x, x) }),
		Samples:  around(ir.Sample{Name: "integers wrap around", DTypes: dtypes.SetOf(dtypes.Int8), In: []ir.Input{ir.Values(16, -128, 127)}, Want: []float64{0, 0, 1}}),
		Tol:      ir.ULP(2, "complex products may be fused"),
		Accuracy: withinNorm(0, 2),
	}, Rule{
		Expand: func(_ any, in []*Node) []*Node { return []*Node{Mul(in[0], in[0])} },
		VJP: func(y, dy *Node) []*Node {
			x := y.Input(0)
			return []*Node{Mul(dy, Add(x, x))}
		},
	})
	reciprocal = Define(ir.Op{
		Name: "Reciprocal", Family: "unary", Elementwise: true, Doc: "1/x", DTypes: dtypes.Inexact,
		Infer: sameShape,
		Ref:   unaryRef(func(x float64) float64 { return 1 / x }, nil, nil, elementary.ComplexReciprocal),
		Samples: around(
			special("poles", []float64{0, negZero, inf, -inf, nan}, []float64{inf, -inf, 0, 0, nan})),
		Tol:      ir.ULP(4, "complex division is done in several ways"),
		Accuracy: within(0, 2),
	}, Rule{
		Expand: func(_ any, in []*Node) []*Node { return []*Node{Div(ScalarOne(in[0].graph, in[0].DType()), in[0])} },
		VJP:    func(y, dy *Node) []*Node { return []*Node{Neg(Mul(dy, Mul(y, y)))} },
	})
	sin = Define(ir.Op{
		Name: "Sin", Family: "unary", Elementwise: true, Doc: "sin(x)", DTypes: dtypes.Inexact, HLO: "stablehlo.sine",
		Infer:    sameShape,
		Ref:      unaryRef(elementary.Sin, nil, nil, elementary.ComplexSin),
		Samples:  around(special("NaN and infinities", []float64{nan, inf, -inf, 0}, []float64{nan, nan, nan, 0})),
		Tol:      ir.ULP(8, library),
		Accuracy: within(1, 3),
	}, Rule{
		VJP: func(y, dy *Node) []*Node { return []*Node{Mul(dy, Cos(y.Input(0)))} },
	})
	cos = Define(ir.Op{
		Name: "Cos", Family: "unary", Elementwise: true, Doc: "cos(x)", DTypes: dtypes.Inexact, HLO: "stablehlo.cosine",
		Infer:    sameShape,
		Ref:      unaryRef(elementary.Cos, nil, nil, elementary.ComplexCos),
		Samples:  around(special("NaN and infinities", []float64{nan, inf, -inf, 0}, []float64{nan, nan, nan, 1})),
		Tol:      ir.ULP(8, library),
		Accuracy: within(1, 3),
	}, Rule{
		VJP: func(y, dy *Node) []*Node { return []*Node{Neg(Mul(dy, Sin(y.Input(0))))} },
	})
	tan = Define(ir.Op{
		Name: "Tan", Family: "unary", Elementwise: true, Doc: "tan(x)", DTypes: dtypes.Inexact, HLO: "stablehlo.tan",
		Infer:    sameShape,
		Ref:      unaryRef(elementary.Tan, nil, nil, elementary.ComplexTan),
		Samples:  around(special("NaN and infinities", []float64{nan, inf, -inf, 0}, []float64{nan, nan, nan, 0})),
		Tol:      ir.ULP(16, library+", and some divide sine by cosine"),
		Accuracy: within(2, 4),
	}, Rule{
		Expand: inWide(func(_ any, in []*Node) *Node { return Div(Sin(in[0]), Cos(in[0])) }),
		VJP:    func(y, dy *Node) []*Node { return []*Node{Mul(dy, OnePlus(Mul(y, y)))} },
	})
	tanh = Define(ir.Op{
		Name: "Tanh", Family: "unary", Elementwise: true, Doc: "tanh(x)", DTypes: dtypes.Inexact, HLO: "stablehlo.tanh",
		Infer:    sameShape,
		Ref:      unaryRef(elementary.Tanh, nil, nil, elementary.ComplexTanh),
		Samples:  around(special("NaN, infinite and large", []float64{nan, inf, -inf, 0, 1000}, []float64{nan, 1, -1, 0, 1})),
		Tol:      ir.ULP(8, library),
		Accuracy: within(2, 4),
	}, Rule{
		VJP: func(y, dy *Node) []*Node {
			if !y.DType().IsHalf() {
				return []*Node{Mul(dy, OneMinus(Mul(y, y)))}
			}
			t := Tanh(wide(y.Input(0))) // of a narrow y, 1 - y² has few digits
			return []*Node{ConvertDType(Mul(wide(dy), OneMinus(Mul(t, t))), dy.DType())}
		},
	})
	erf = Define(ir.Op{
		Name: "Erf", Family: "unary", Elementwise: true, Doc: "2/√π · ∫₀ˣ exp(-t²) dt", DTypes: dtypes.Floats, HLO: "chlo.erf",
		Infer:    sameShape,
		Ref:      unaryRef(elementary.Erf, nil, nil, nil),
		Samples:  around(special("NaN, infinite and large", []float64{nan, inf, -inf, 0, 100}, []float64{nan, 1, -1, 0, 1})),
		Tol:      ir.ULP(8, library),
		Accuracy: within(1),
	}, Rule{
		VJP: func(y, dy *Node) []*Node {
			return []*Node{Mul(dy, MulScalar(Exp(Neg(Square(y.Input(0)))), 2/math.Sqrt(math.Pi)))}
		},
	})
	defineRounding()
}

// defineRounding adds the rows whose results are whole numbers or bools.
func defineRounding() {
	const why = "piecewise constant"
	whole := func(want []float64) []ir.Sample {
		return around(
			ir.Sample{Name: "halves", Kink: true, In: []ir.Input{ir.Values(-2.5, -1.5, -0.5, 0, 0.5, 1.5, 2.5, 3.75)}, Want: want},
			special("NaN, infinite and large", []float64{nan, inf, -inf, 16384}, []float64{nan, inf, -inf, 16384}),
		)
	}
	floor = Define(ir.Op{
		Name: "Floor", Family: "unary", Elementwise: true, Simplify: again(&ceil, &round), Doc: "the largest whole number ≤ x", DTypes: dtypes.Floats, HLO: "stablehlo.floor",
		Infer: sameShape, Ref: unaryRef(math.Floor, nil, nil, nil),
		Samples:  whole([]float64{-3, -2, -1, 0, 0, 1, 2, 3}),
		Accuracy: within(0),
	}, Rule{ZeroGrad: why})
	ceil = Define(ir.Op{
		Name: "Ceil", Family: "unary", Elementwise: true, Simplify: again(&floor, &round), Doc: "the smallest whole number ≥ x", DTypes: dtypes.Floats, HLO: "stablehlo.ceil",
		Infer: sameShape, Ref: unaryRef(math.Ceil, nil, nil, nil),
		Samples:  whole([]float64{-2, -1, 0, 0, 1, 2, 3, 4}),
		Accuracy: within(0),
	}, Rule{ZeroGrad: why})
	round = Define(ir.Op{
		Name: "Round", Family: "unary", Elementwise: true, Simplify: again(&floor, &ceil), Doc: "the nearest whole number, halves to even", DTypes: dtypes.Floats, HLO: "stablehlo.round_nearest_even",
		Infer: sameShape, Ref: unaryRef(math.RoundToEven, nil, nil, nil),
		Samples:  whole([]float64{-2, -2, 0, 0, 0, 2, 2, 4}),
		Accuracy: within(0),
	}, Rule{ZeroGrad: why})
	values := []float64{nan, inf, -inf, 0, negZero, 1, -2}
	isNaN = Define(ir.Op{
		Name: "IsNaN", Family: "unary", Elementwise: true, Doc: "whether x is not a number", DTypes: dtypes.Inexact,
		Infer:   boolRule,
		Ref:     byKind(0, map1(func(x float64) uint64 { return truth(x != x) }), nil, nil, map1(func(x complex128) uint64 { return truth(math.IsNaN(real(x)) || math.IsNaN(imag(x))) })),
		Samples: around(special("NaN and infinities", values, []float64{1, 0, 0, 0, 0, 0, 0}), ir.Sample{Name: "a part is NaN", Pole: true, DTypes: dtypes.Complexes, In: []ir.Input{ir.Values(nan, 0, 1)}, Want: []float64{1, 0, 1}}),
	}, Rule{
		Expand:   func(_ any, in []*Node) []*Node { return []*Node{NotEqual(in[0], in[0])} },
		ZeroGrad: "the result is a bool",
	})
	isFinite = Define(ir.Op{
		Name: "IsFinite", Family: "unary", Elementwise: true, Doc: "whether x is neither infinite nor NaN", DTypes: dtypes.Floats, HLO: "stablehlo.is_finite",
		Infer:   boolRule,
		Ref:     byKind(0, map1(func(x float64) uint64 { return truth(!math.IsInf(x, 0) && x == x) }), nil, nil, nil),
		Samples: around(special("NaN and infinities", values, []float64{0, 0, 0, 1, 1, 1, 1})),
	}, Rule{ZeroGrad: "the result is a bool"})
}
