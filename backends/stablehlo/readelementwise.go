package stablehlo

import (
	"math"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
)

func init() {
	unary := func(f func(x *graph.Node) *graph.Node, names ...string) {
		for _, name := range names {
			rules[name] = rule{1, true, one(func(c *reading) *graph.Node { return f(c.in[0]) })}
		}
	}
	binary := func(f func(x, y *graph.Node) *graph.Node, names ...string) {
		for _, name := range names {
			rules[name] = rule{2, true, one(func(c *reading) *graph.Node { return f(c.in[0], c.in[1]) })}
		}
	}
	unary(graph.Abs, "stablehlo.abs")
	unary(graph.Ceil, "stablehlo.ceil")
	unary(graph.Cos, "stablehlo.cosine")
	unary(graph.Exp, "stablehlo.exponential")
	unary(graph.Expm1, "stablehlo.exponential_minus_one")
	unary(graph.Floor, "stablehlo.floor")
	unary(graph.Imag, "stablehlo.imag")
	unary(graph.IsFinite, "stablehlo.is_finite")
	unary(graph.Log, "stablehlo.log")
	unary(graph.Log1p, "stablehlo.log_plus_one")
	unary(logistic, "stablehlo.logistic")
	unary(graph.Neg, "stablehlo.negate")
	unary(graph.Real, "stablehlo.real")
	unary(graph.Round, "stablehlo.round_nearest_even")
	unary(roundAway, "stablehlo.round_nearest_afz")
	unary(graph.Rsqrt, "stablehlo.rsqrt")
	unary(sign, "stablehlo.sign")
	unary(graph.Sin, "stablehlo.sine")
	unary(graph.Sqrt, "stablehlo.sqrt")
	unary(cubeRoot, "stablehlo.cbrt")
	unary(graph.Tan, "stablehlo.tan", "chlo.tan")
	unary(graph.Tanh, "stablehlo.tanh")
	unary(graph.Erf, "chlo.erf", "mhlo.erf")
	unary(graph.Square, "chlo.square")
	unary(graph.Conj, "chlo.conj")
	unary(not, "stablehlo.not")
	unary(graph.Identity, "stablehlo.copy")
	defineHyperbolic(unary)

	binary(either(graph.LogicalOr, graph.Add), "stablehlo.add", "chlo.broadcast_add")
	binary(graph.Atan2, "stablehlo.atan2", "chlo.broadcast_atan2")
	binary(graph.Complex, "stablehlo.complex", "chlo.broadcast_complex")
	binary(divide, "stablehlo.divide", "chlo.broadcast_divide")
	binary(remainder, "stablehlo.remainder", "chlo.broadcast_remainder")
	binary(either(graph.LogicalOr, graph.Max), "stablehlo.maximum", "chlo.broadcast_maximum")
	binary(either(graph.LogicalAnd, graph.Min), "stablehlo.minimum", "chlo.broadcast_minimum")
	binary(either(graph.LogicalAnd, graph.Mul), "stablehlo.multiply", "chlo.broadcast_multiply")
	binary(power, "stablehlo.power", "chlo.broadcast_power")
	binary(graph.Sub, "stablehlo.subtract", "chlo.broadcast_subtract")
	binary(either(graph.LogicalAnd, graph.BitwiseAnd), "stablehlo.and", "chlo.broadcast_and")
	binary(either(graph.LogicalOr, graph.BitwiseOr), "stablehlo.or", "chlo.broadcast_or")
	binary(either(graph.LogicalXor, graph.BitwiseXor), "stablehlo.xor", "chlo.broadcast_xor")
	binary(graph.BitwiseShiftLeft, "stablehlo.shift_left")
	binary(graph.BitwiseShiftRightArithmetic, "stablehlo.shift_right_arithmetic")
	binary(graph.BitwiseShiftRightLogical, "stablehlo.shift_right_logical")

	rules["stablehlo.compare"] = rule{2, true, one(readCompare)}
	rules["chlo.broadcast_compare"] = rule{2, true, one(readCompare)}
	rules["stablehlo.select"] = rule{3, true, one(readSelect)}
	rules["chlo.broadcast_select"] = rule{3, true, one(readSelect)}
	rules["stablehlo.clamp"] = rule{3, true, one(func(c *reading) *graph.Node { return graph.Clamp(c.in[0], c.in[1], c.in[2]) })}
	rules["stablehlo.convert"] = rule{1, true, one(readConvert)}
	rules["stablehlo.constant"] = rule{0, true, one(readConstant)}
	rules["chlo.constant"] = rules["stablehlo.constant"]
	rules["stablehlo.optimization_barrier"] = rule{-1, false, func(c *reading) []*graph.Node {
		if len(c.in) == 0 {
			return nil
		}
		return graph.OptimizationBarriers(c.in...)
	}}
}

// either is an operation that is logical on bools and arithmetic on numbers.
func either(logical, arithmetic func(x, y *graph.Node) *graph.Node) func(x, y *graph.Node) *graph.Node {
	return func(x, y *graph.Node) *graph.Node {
		if x.DType() == dtypes.Bool {
			return logical(x, y)
		}
		return arithmetic(x, y)
	}
}

func not(x *graph.Node) *graph.Node {
	if x.DType() == dtypes.Bool {
		return graph.LogicalNot(x)
	}
	return graph.BitwiseNot(x)
}

// divide and remainder are XLA's: an integer x/0 is -1, all bits set, and the remainder is x. Quire's own division
// by zero is an error, so the divisor is replaced unless it is known not to be zero.
func divide(x, y *graph.Node) *graph.Node {
	if !x.DType().IsInt() || nonZero(y) {
		return graph.Div(x, y)
	}
	zero := graph.Equal(y, graph.ScalarZero(y.Graph(), y.DType()))
	quotient := graph.Div(x, graph.Where(zero, graph.ScalarOne(y.Graph(), y.DType()), y))
	return graph.Where(zero, graph.BitwiseNot(graph.ScalarZero(y.Graph(), y.DType())), quotient)
}

func remainder(x, y *graph.Node) *graph.Node {
	if !x.DType().IsInt() || nonZero(y) {
		return graph.Rem(x, y)
	}
	zero := graph.Equal(y, graph.ScalarZero(y.Graph(), y.DType()))
	return graph.Where(zero, x, graph.Rem(x, graph.Where(zero, graph.ScalarOne(y.Graph(), y.DType()), y)))
}

// nonZero reports whether y is a constant without zeros, or one that is repeated.
func nonZero(y *graph.Node) bool {
	for y.Type() == "Broadcast" || y.Type() == "Reshape" {
		y = y.Input(0)
	}
	t := y.ConstantValue()
	return t != nil && !hasZero(t)
}

// power is graph.Pow and, for complex numbers, exp(y · log x), where 0 to a power is 0, or 1 if that is 0 too.
func power(x, y *graph.Node) *graph.Node {
	if !x.DType().IsComplex() {
		return graph.Pow(x, y)
	}
	g, d := x.Graph(), x.DType()
	zero := graph.ScalarZero(g, d)
	ofZero := graph.Where(graph.Equal(y, zero), graph.ScalarOne(g, d), zero)
	return graph.Where(graph.Equal(x, zero), ofZero, graph.Exp(graph.Mul(y, graph.Log(x))))
}

func logistic(x *graph.Node) *graph.Node {
	if x.DType().IsComplex() {
		return graph.Reciprocal(graph.OnePlus(graph.Exp(graph.Neg(x))))
	}
	return graph.Sigmoid(x)
}

// sign of a complex number is x/|x|, 0 for 0.
func sign(x *graph.Node) *graph.Node {
	if !x.DType().IsComplex() {
		return graph.Sign(x)
	}
	size := graph.ConvertDType(graph.Abs(x), x.DType())
	zero := graph.ScalarZero(x.Graph(), x.DType())
	return graph.Where(graph.Equal(size, zero), zero, graph.Div(x, size))
}

// roundAway returns the nearest whole number, halves away from zero. x - ⌊x⌋ is exact.
func roundAway(x *graph.Node) *graph.Node {
	size := graph.Abs(x)
	low := graph.Floor(size)
	up := graph.GreaterOrEqual(graph.Sub(size, low), graph.Scalar(x.Graph(), x.DType(), 0.5))
	rounded := graph.Where(up, graph.OnePlus(low), low)
	return graph.Where(graph.LessThan(x, graph.ScalarZero(x.Graph(), x.DType())), graph.Neg(rounded), rounded)
}

// cubeRoot takes the root in float64 and, so that float64 itself loses nothing, mends it by a step of Newton's method.
func cubeRoot(x *graph.Node) *graph.Node {
	wide := graph.ConvertDType(x, dtypes.Float64)
	g := x.Graph()
	number := func(v float64) *graph.Node { return graph.Scalar(g, dtypes.Float64, v) }
	size := graph.Abs(wide)
	y := graph.Pow(size, number(1.0/3))
	regular := graph.LogicalAnd(graph.GreaterThan(size, number(0)), graph.IsFinite(size))
	safe := graph.Where(regular, y, number(1))
	mended := graph.Sub(safe, graph.Div(graph.Sub(safe, graph.Div(graph.Div(size, safe), safe)), number(3)))
	y = graph.Where(regular, mended, size)
	return graph.ConvertDType(graph.Where(graph.LessThan(wide, number(0)), graph.Neg(y), y), x.DType())
}

// defineHyperbolic adds functions of the CHLO dialect, by their equations.
func defineHyperbolic(unary func(f func(x *graph.Node) *graph.Node, names ...string)) {
	one := func(x *graph.Node) *graph.Node { return graph.ScalarOne(x.Graph(), x.DType()) }
	half := func(x *graph.Node) *graph.Node { return graph.MulScalar(x, 0.5) }
	root := func(x *graph.Node) *graph.Node { // √(1 - x²), without cancellation near 1
		return graph.Sqrt(graph.Mul(graph.OneMinus(x), graph.OnePlus(x)))
	}
	infinite := func(f func(x *graph.Node) *graph.Node) func(x *graph.Node) *graph.Node {
		return func(x *graph.Node) *graph.Node {
			return graph.Equal(f(x), graph.Infinity(x.Graph(), x.DType(), 1))
		}
	}
	same := func(x *graph.Node) *graph.Node { return x }
	unary(func(x *graph.Node) *graph.Node { return graph.Atan2(x, root(x)) }, "chlo.asin")
	unary(func(x *graph.Node) *graph.Node { return graph.Atan2(root(x), x) }, "chlo.acos")
	unary(func(x *graph.Node) *graph.Node { return graph.Atan2(x, one(x)) }, "chlo.atan")
	unary(sinh, "chlo.sinh")
	unary(cosh, "chlo.cosh")
	unary(func(x *graph.Node) *graph.Node { // log1p(|x| + x²/(1 + √(1 + x²))); log|x| + log 2 where x² overflows
		size := graph.Abs(x)
		square := graph.Square(size)
		y := graph.Log1p(graph.Add(size, graph.Div(square, graph.OnePlus(graph.Sqrt(graph.OnePlus(square))))))
		y = graph.Where(graph.IsFinite(square), y, graph.AddScalar(graph.Log(size), math.Ln2))
		return graph.Where(graph.LessThan(x, graph.ScalarZero(x.Graph(), x.DType())), graph.Neg(y), y)
	}, "chlo.asinh")
	unary(func(x *graph.Node) *graph.Node { // log1p(z + √(z·(z + 2))) for z = x - 1
		z := graph.MinusOne(x)
		inside := graph.Mul(z, graph.AddScalar(z, 2))
		return graph.Where(graph.IsFinite(inside), graph.Log1p(graph.Add(z, graph.Sqrt(inside))), graph.AddScalar(graph.Log(x), math.Ln2))
	}, "chlo.acosh")
	unary(func(x *graph.Node) *graph.Node {
		return half(graph.Sub(graph.Log1p(x), graph.Log1p(graph.Neg(x))))
	}, "chlo.atanh")
	unary(erfInv, "chlo.erf_inv")
	unary(infinite(graph.Abs), "chlo.is_inf")
	unary(infinite(same), "chlo.is_pos_inf")
	unary(infinite(graph.Neg), "chlo.is_neg_inf")
}

// sinh is (e + e/(e+1))/2 for e = exp(x) - 1, exp(x/2)²/2 where that overflows, and sinh a · cos b + i · cosh a · sin b for
// a + ib.
func sinh(x *graph.Node) *graph.Node {
	if x.DType().IsComplex() {
		a, b := graph.Real(x), graph.Imag(x)
		return graph.Complex(graph.Mul(sinh(a), graph.Cos(b)), graph.Mul(cosh(a), graph.Sin(b)))
	}
	size := graph.Abs(x)
	e, h := graph.Expm1(size), graph.Exp(graph.MulScalar(size, 0.5))
	y := graph.MulScalar(graph.Add(e, graph.Div(e, graph.OnePlus(e))), 0.5)
	y = graph.Where(graph.IsFinite(e), y, graph.Mul(graph.MulScalar(h, 0.5), h))
	return graph.Where(graph.LessThan(x, graph.ScalarZero(x.Graph(), x.DType())), graph.Neg(y), y)
}

// cosh is (h² + 1/h²)/2 for h = exp(|x|/2), and cosh a · cos b + i · sinh a · sin b for a + ib.
func cosh(x *graph.Node) *graph.Node {
	if x.DType().IsComplex() {
		a, b := graph.Real(x), graph.Imag(x)
		return graph.Complex(graph.Mul(cosh(a), graph.Cos(b)), graph.Mul(sinh(a), graph.Sin(b)))
	}
	h := graph.Exp(graph.MulScalar(graph.Abs(x), 0.5))
	return graph.Add(graph.Mul(graph.MulScalar(h, 0.5), h), graph.Div(graph.Scalar(x.Graph(), x.DType(), 0.5), graph.Mul(h, h)))
}

// erfInv returns the x with erf(x) = y: a rational approximation of the normal quantile, then two steps of Halley's
// method, in float64. Relative errors are below 1e-12 for |y| < 1 - 1e-9.
//
// Source of the first guess: Winitzki, "A handy approximation for the error function and its inverse", 2008, eq. 7.
func erfInv(y *graph.Node) *graph.Node {
	g, d := y.Graph(), y.DType()
	number := func(v float64) *graph.Node { return graph.Scalar(g, dtypes.Float64, v) }
	wide := graph.ConvertDType(y, dtypes.Float64)
	inside := graph.LessThan(graph.Abs(wide), number(1))
	safe := graph.Where(inside, wide, number(0))
	const a = 0.147
	log := graph.Add(graph.Log1p(safe), graph.Log1p(graph.Neg(safe))) // log(1 - y²)
	t := graph.AddScalar(graph.MulScalar(log, 0.5), 2/(math.Pi*a))
	x := graph.Sqrt(graph.Sub(graph.Sqrt(graph.Sub(graph.Square(t), graph.MulScalar(log, 1/a))), t))
	x = graph.Where(graph.LessThan(safe, number(0)), graph.Neg(x), x)
	for range 3 { // f = erf(x) - y, f'/f'' = -1/(2x): x -= u / (1 + x·u) for u = f/f'
		u := graph.Mul(graph.Sub(graph.Erf(x), safe), graph.MulScalar(graph.Exp(graph.Square(x)), math.Sqrt(math.Pi)/2))
		x = graph.Sub(x, graph.Div(u, graph.OnePlus(graph.Mul(x, u))))
	}
	edge := graph.Mul(wide, graph.Infinity(g, dtypes.Float64, 1))
	edge = graph.Where(graph.Equal(graph.Abs(wide), number(1)), edge, number(math.NaN()))
	return graph.ConvertDType(graph.Where(inside, x, edge), d)
}

func readConvert(c *reading) *graph.Node {
	if d := c.resultDType(); narrowFloats[c.op.out[0].narrow] == (narrowFloat{}) {
		return graph.ConvertDType(c.in[0], d)
	}
	return narrowFloats[c.op.out[0].narrow].rounded(c.in[0])
}

// directions are the comparisons.
var directions = map[string]func(x, y *graph.Node) *graph.Node{
	"EQ": graph.Equal, "NE": graph.NotEqual, "LT": graph.LessThan, "LE": graph.LessOrEqual, "GT": graph.GreaterThan, "GE": graph.GreaterOrEqual,
}

func readCompare(c *reading) *graph.Node {
	direction := c.word("comparison_direction")
	f := directions[direction]
	if f == nil {
		c.fail("the direction of a comparison is EQ, NE, LT, LE, GT or GE, not %q", direction)
	}
	x, y := c.in[0], c.in[1]
	switch d := x.DType(); {
	case d == dtypes.Bool && direction != "EQ" && direction != "NE": // false comes before true
		x, y = graph.ConvertDType(x, dtypes.Uint8), graph.ConvertDType(y, dtypes.Uint8)
	case c.word("compare_type") == "TOTALORDER" && d.IsFloat():
		x, y = totalOrder(c, x), totalOrder(c, y)
	}
	return f(x, y)
}

// totalOrder returns integers in the order that IEEE 754 gives to all floats: -NaN, -∞, …, -0, 0, …, ∞, NaN.
func totalOrder(c *reading, x *graph.Node) *graph.Node {
	bits := bitsOfFloat(c, x)
	negative := graph.LessThan(bits, graph.ScalarZero(bits.Graph(), bits.DType()))
	lowest := graph.ScalarOne(bits.Graph(), bits.DType())
	lowest = graph.BitwiseShiftLeftScalar(lowest, 8*bits.DType().Size()-1)
	return graph.Where(negative, graph.BitwiseXor(graph.BitwiseNot(bits), lowest), bits)
}

func readSelect(c *reading) *graph.Node {
	list := c.in
	if c.lifted > 0 || c.op.name == "stablehlo.select" {
		list = alike(list...)
	}
	return graph.Where(list[0], list[1], list[2])
}

// readConstant makes a constant that repeats one element of a scalar, which costs no memory.
func readConstant(c *reading) *graph.Node {
	d, ok := c.op.attrs["value"].(denseAttr)
	if !ok {
		c.fail("the value must be dense<…>")
	}
	t, err := d.value()
	if err != nil {
		c.fail("%v", err)
	}
	x := graph.ConstTensor(c.g, t)
	if c.lifted == 0 {
		x = to(x, d.typ.shape)
	} else if x.Rank() > 0 {
		c.fail("a constant in the body of a reduction must be a scalar")
	}
	return x
}
