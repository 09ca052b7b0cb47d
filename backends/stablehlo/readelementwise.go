package stablehlo

import (
	"strings"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
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
	for _, op := range ir.Ops() {
		readRow(op)
	}
	// StableHLO takes more than the row, or means something else at some operands.
	unary(logistic, ops.Sigmoid.HLO)
	unary(sign, ops.Sign.HLO)
	unary(graph.Erf, ops.Erf.HLO, "mhlo.erf")
	binary(graph.MulHi, "chlo.mulhi")
	unary(graph.Tan, "chlo.tan")
	unary(graph.Conj, "chlo.conj")
	unary(graph.Real, ops.Real.HLO)
	unary(graph.Imag, ops.Imag.HLO)
	unary(roundAway, "stablehlo.round_nearest_afz")
	unary(cubeRoot, ops.Cbrt.HLO)
	unary(func(x *graph.Node) *graph.Node {
		return graph.Equal(graph.Abs(x), graph.Infinity(x.Graph(), x.DType(), 1))
	}, "chlo.is_inf")
	unary(func(x *graph.Node) *graph.Node { return graph.Equal(x, graph.Infinity(x.Graph(), x.DType(), 1)) }, "chlo.is_pos_inf")
	unary(func(x *graph.Node) *graph.Node { return graph.Equal(x, graph.Infinity(x.Graph(), x.DType(), -1)) }, "chlo.is_neg_inf")
	for op, f := range map[*ir.Op]func(x, y *graph.Node) *graph.Node{ops.Div: divide, ops.Rem: remainder, ops.Pow: power} {
		binary(f, op.HLO, broadcasting(op.HLO))
	}

	complexFunctions()

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

// readRow adds the rule by which what is written of a row that is one operation is read. Rows that are written as the
// same operation differ in their dtypes.
func readRow(op *ir.Op) {
	if direction, ok := strings.CutPrefix(op.HLO, comparison); ok {
		directions[direction] = op
		return
	}
	if !isOneToOne(op) {
		return
	}
	written[op.HLO] = append(written[op.HLO], op)
	r := rule{len(op.Samples[0].In), true, one(func(c *reading) *graph.Node {
		return graph.Apply(rowFor(written[op.HLO], c.in[0].DType()), nil, c.in...)
	})}
	rules[op.HLO] = r
	if r.operands == 2 && op.HLO != "chlo.mulhi" {
		rules[broadcasting(op.HLO)] = r
	}
}

// written holds the rows that are written as an operation.
var written = map[string][]*ir.Op{}

// rowFor returns the row among those of an operation that takes d.
func rowFor(rows []*ir.Op, d dtypes.DType) *ir.Op {
	if op := onBools[rows[0]]; op != nil && d == dtypes.Bool {
		return op
	}
	for _, op := range rows {
		if op.DTypes.Has(d) {
			return op
		}
	}
	return rows[0] // whose error says what it takes
}

// onBools is what StableHLO's arithmetic means on bools.
var onBools = map[*ir.Op]*ir.Op{ops.Add: ops.LogicalOr, ops.Max: ops.LogicalOr, ops.Min: ops.LogicalAnd, ops.Mul: ops.LogicalAnd}

// broadcasting is the operation of CHLO that broadcasts its operands.
func broadcasting(hlo string) string {
	return "chlo.broadcast_" + hlo[strings.IndexByte(hlo, '.')+1:]
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
	for y.Op().Layout == ir.View || y.Op().Layout == ir.Repetition {
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

// cubeRoot is, for complex numbers, the root with a third of the argument.
func cubeRoot(x *graph.Node) *graph.Node {
	if x.DType().IsComplex() {
		return widely(complexCubeRoot, x)
	}
	return graph.Cbrt(x)
}

func complexCubeRoot(x *graph.Node) *graph.Node {
	re, im := graph.Real(x), graph.Imag(x)
	size := graph.Max(graph.Abs(re), graph.Abs(im))
	scale := func(by float64) *graph.Node { return number(size, by) }
	tiny, huge := graph.LessThan(size, scale(0x1p-900)), graph.GreaterThan(size, scale(0x1p900))
	before := graph.Where(tiny, scale(0x1p300), graph.Where(huge, scale(0x1p-300), scale(1)))
	after := graph.Where(tiny, scale(0x1p-100), graph.Where(huge, scale(0x1p100), scale(1)))
	re, im = graph.Mul(re, before), graph.Mul(im, before)
	radius := graph.Mul(graph.Cbrt(graph.Abs(graph.Complex(re, im))), after)
	angle := graph.Where(graph.Equal(im, scale(0)), graph.Atan2(im, re), odd(im, graph.Atan2(graph.Abs(im), re)))
	angle = graph.DivScalar(angle, 3)
	return graph.Complex(graph.Mul(radius, graph.Cos(angle)), graph.Mul(radius, graph.Sin(angle)))
}

func readConvert(c *reading) *graph.Node {
	if c.resultDType() == dtypes.Bool && c.in[0].DType().IsComplex() { // the imaginary part is left out, as in all conversions
		return graph.ConvertDType(graph.Real(c.in[0]), dtypes.Bool)
	}
	return graph.ConvertDType(c.in[0], c.resultDType())
}

// directions are the comparisons.
var directions = map[string]*ir.Op{}

func readCompare(c *reading) *graph.Node {
	direction := c.word("comparison_direction")
	op := directions[direction]
	if op == nil {
		c.fail("the direction of a comparison is EQ, NE, LT, LE, GT or GE, not %q", direction)
	}
	x, y := c.in[0], c.in[1]
	switch d := x.DType(); {
	case d.IsComplex() && direction != "EQ" && direction != "NE":
		c.fail("complex numbers have no order: Quire reads EQ and NE of them, not %s", direction)
	case d == dtypes.Bool && direction != "EQ" && direction != "NE": // false comes before true
		x, y = graph.ConvertDType(x, dtypes.Uint8), graph.ConvertDType(y, dtypes.Uint8)
	case c.word("compare_type") == "TOTALORDER" && d.IsFloat():
		x, y = totalOrder(x), totalOrder(y)
	}
	return graph.Apply(op, nil, x, y)
}

// totalOrder returns integers in the order that IEEE 754 gives to all floats: -NaN, -∞, …, -0, 0, …, ∞, NaN.
func totalOrder(x *graph.Node) *graph.Node {
	bits := bitsOfFloat(x)
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
	if g := c.op.out[0].grid; g.quantised() && x.DType() != c.resultDType() {
		return g.represented(to(x, d.typ.shape), c.resultDType())
	}
	if c.lifted == 0 {
		x = to(x, d.typ.shape)
	} else if x.Rank() > 0 {
		c.fail("a constant in the body of a reduction must be a scalar")
	}
	return x
}
