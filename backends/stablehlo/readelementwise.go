package stablehlo

import (
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
	unary(func(x *graph.Node) *graph.Node {
		return graph.Equal(graph.Abs(x), graph.Infinity(x.Graph(), x.DType(), 1))
	}, "chlo.is_inf")
	unary(func(x *graph.Node) *graph.Node { return graph.Equal(x, graph.Infinity(x.Graph(), x.DType(), 1)) }, "chlo.is_pos_inf")
	unary(func(x *graph.Node) *graph.Node { return graph.Equal(x, graph.Infinity(x.Graph(), x.DType(), -1)) }, "chlo.is_neg_inf")

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
	rules["stablehlo.clamp"] = rule{3, true, one(func(c *reading) *graph.Node {
		y := graph.Clamp(ordered(c.in[0]), ordered(c.in[1]), ordered(c.in[2]))
		return graph.ConvertDType(y, c.in[1].DType())
	})}
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
	return inDouble([]*graph.Node{x, y}, func(in []*graph.Node) *graph.Node {
		x, y := in[0], in[1]
		zero, one := number(x, 0), number(x, 1)
		isZero := graph.Equal(x, zero)
		z := graph.Exp(graph.Mul(y, graph.Log(graph.Where(isZero, one, x))))
		return graph.Where(graph.Equal(y, zero), one, graph.Where(isZero, zero, z))
	})
}

// logistic is, for complex numbers, e/(1 + e) or 1/(1 + e) for e = exp(±x), whichever does not overflow, and ½ + ½·tanh(x/2)
// beside the imaginary axis, where 1 + e may cancel.
func logistic(x *graph.Node) *graph.Node {
	if !x.DType().IsComplex() {
		return graph.Sigmoid(x)
	}
	return widely(func(x *graph.Node) *graph.Node {
		re := graph.Real(x)
		left := graph.LessThan(re, number(re, 0))
		e := graph.Exp(graph.Where(left, x, graph.Neg(x)))
		y := graph.Div(graph.Where(left, e, number(x, 1)), graph.OnePlus(e))
		near := graph.LessThan(graph.Abs(re), number(re, 1))
		half := number(x, 0.5)
		beside := graph.Add(half, graph.Mul(half, graph.Tanh(graph.Mul(half, graph.Where(near, x, number(x, 0))))))
		return graph.Where(near, beside, y)
	}, x)
}

// sign has the digits of complex128 on the way.
func sign(x *graph.Node) *graph.Node {
	if !x.DType().IsComplex() {
		return graph.Sign(x)
	}
	return widely(graph.Sign, x)
}

// widely computes f of complex numbers in complex128.
func widely(f func(x *graph.Node) *graph.Node, x *graph.Node) *graph.Node {
	return inDouble([]*graph.Node{x}, func(in []*graph.Node) *graph.Node { return f(in[0]) })
}

// roundAway returns the nearest whole number, halves away from zero. x - ⌊x⌋ is exact.
func roundAway(x *graph.Node) *graph.Node {
	size := graph.Abs(x)
	low := graph.Floor(size)
	up := graph.GreaterOrEqual(graph.Sub(size, low), number(x, 0.5))
	return odd(x, graph.Where(up, graph.OnePlus(low), low))
}

// cubeRoot takes the root in float64: a power, mended by a step of Newton's method so that float64 itself loses nothing.
// Numbers near the ends are brought nearer to 1 by a power of 8. Of complex numbers it is the root with a third of
// the argument.
func cubeRoot(x *graph.Node) *graph.Node {
	if x.DType().IsComplex() {
		return widely(complexCubeRoot, x)
	}
	return inDouble([]*graph.Node{x}, func(in []*graph.Node) *graph.Node {
		return withSlope(in[0], realCubeRoot, func(x *graph.Node) *graph.Node {
			return graph.Reciprocal(graph.MulScalar(graph.Square(realCubeRoot(x)), 3))
		})
	})
}

func realCubeRoot(x *graph.Node) *graph.Node {
	size := graph.Abs(x)
	tiny := graph.LessThan(size, number(x, 0x1p-900))
	size = graph.Where(tiny, graph.MulScalar(size, 0x1p300), size)
	regular := graph.LogicalAnd(graph.GreaterThan(size, number(x, 0)), graph.IsFinite(size))
	y := graph.Where(regular, graph.Pow(size, number(x, 1.0/3)), number(x, 1))
	y = graph.Sub(y, graph.DivScalar(graph.Sub(y, graph.Div(graph.Div(size, y), y)), 3))
	y = graph.Where(regular, y, size)
	return odd(x, graph.Where(tiny, graph.MulScalar(y, 0x1p-100), y))
}

func complexCubeRoot(x *graph.Node) *graph.Node {
	re, im := graph.Real(x), graph.Imag(x)
	size := graph.Max(graph.Abs(re), graph.Abs(im))
	scale := func(by float64) *graph.Node { return number(size, by) }
	tiny, huge := graph.LessThan(size, scale(0x1p-900)), graph.GreaterThan(size, scale(0x1p900))
	before := graph.Where(tiny, scale(0x1p300), graph.Where(huge, scale(0x1p-300), scale(1)))
	after := graph.Where(tiny, scale(0x1p-100), graph.Where(huge, scale(0x1p100), scale(1)))
	re, im = graph.Mul(re, before), graph.Mul(im, before)
	radius := graph.Mul(cubeRoot(graph.Abs(graph.Complex(re, im))), after)
	angle := graph.Where(graph.Equal(im, scale(0)), graph.Atan2(im, re), odd(im, graph.Atan2(graph.Abs(im), re)))
	angle = graph.DivScalar(angle, 3)
	return graph.Complex(graph.Mul(radius, graph.Cos(angle)), graph.Mul(radius, graph.Sin(angle)))
}

func readConvert(c *reading) *graph.Node {
	if c.resultDType() == dtypes.Bool && c.in[0].DType().IsComplex() { // the imaginary part is left out, as in all conversions
		return graph.ConvertDType(graph.Real(c.in[0]), dtypes.Bool)
	}
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
	case d.IsComplex() && direction != "EQ" && direction != "NE":
		c.fail("complex numbers have no order: Quire reads EQ and NE of them, not %s", direction)
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
	lowest = graph.BitwiseShiftLeftScalar(lowest, bits.DType().Bits()-1)
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
