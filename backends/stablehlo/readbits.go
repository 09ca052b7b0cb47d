package stablehlo

import (
	"math"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

// Quire has no op that looks at the bits of a float, but arithmetic finds them: multiplying by powers of two is
// exact in float64, and so are whole numbers of up to 53 bits.

func init() {
	rules["stablehlo.bitcast_convert"] = rule{1, true, one(readBitcast)}
	rules["stablehlo.reduce_precision"] = rule{1, true, one(func(c *reading) *graph.Node {
		x := c.in[0]
		y := graph.ReducePrecision(x, c.int("exponent_bits", 0), c.int("mantissa_bits", 0))
		if c.int("mantissa_bits", 0) == 0 { // a format without NaN: StableHLO's interpreter makes infinity of it
			y = graph.Where(graph.IsNaN(x), graph.Infinity(x.Graph(), x.DType(), 1), y)
		}
		return y
	})}
	rules["stablehlo.popcnt"] = rule{1, true, one(func(c *reading) *graph.Node { return countBits(c.in[0]) })}
	rules["stablehlo.count_leading_zeros"] = rule{1, true, one(func(c *reading) *graph.Node { return leadingZeros(c.in[0]) })}
}

// layouts are the floats' numbers of mantissa and exponent bits, and integers of the same size.
var layouts = map[dtypes.DType]struct {
	mantissa, exponent int
	signed, unsigned   dtypes.DType
}{
	dtypes.Float16:  {10, 5, dtypes.Int16, dtypes.Uint16},
	dtypes.BFloat16: {7, 8, dtypes.Int16, dtypes.Uint16},
	dtypes.Float32:  {23, 8, dtypes.Int32, dtypes.Uint32},
	dtypes.Float64:  {52, 11, dtypes.Int64, dtypes.Uint64},
}

func readBitcast(c *reading) *graph.Node {
	x, to := c.in[0], c.resultDType()
	from := x.DType()
	bits := func(d dtypes.DType) bool { return d.IsInt() || layouts[d].mantissa > 0 }
	switch {
	case from == to:
		return graph.Identity(x)
	case !bits(from) || !bits(to):
		c.fail("Quire has no op for the bits of %s as %s", typeName(from), typeName(to))
	}
	if from.IsFloat() {
		x = bitsOfFloat(c, x)
	}
	whole := unsignedOf[to.Size()]
	switch {
	case from.Size() > to.Size():
		x = c.splitBits(graph.ConvertDType(x, unsignedOf[from.Size()]), whole)
	case from.Size() < to.Size():
		x = c.joinBits(graph.ConvertDType(x, unsignedOf[from.Size()]), whole)
	}
	if to.IsFloat() {
		return floatOfBits(x, to)
	}
	return graph.ConvertDType(x, to) // keeps the low bits
}

// unsignedOf are the unsigned integers by their size in bytes.
var unsignedOf = map[int]dtypes.DType{1: dtypes.Uint8, 2: dtypes.Uint16, 4: dtypes.Uint32, 8: dtypes.Uint64}

// splitBits returns unsigned integers as narrower ones along a new last axis, the lowest bits first.
func (c *reading) splitBits(x *graph.Node, to dtypes.DType) *graph.Node {
	if c.lifted > 0 {
		c.fail("the body of a reduction must stay with scalars")
	}
	n := x.DType().Size() / to.Size()
	place := graph.Iota(c.g, shapes.Make(x.DType(), n), 0)
	shift := graph.MulScalar(place, 8*to.Size())
	return graph.ConvertDType(graph.BitwiseShiftRightLogical(graph.ExpandAxes(x, -1), shift), to)
}

// joinBits returns unsigned integers as wider ones, in place of the last axis.
func (c *reading) joinBits(x *graph.Node, to dtypes.DType) *graph.Node {
	n := to.Size() / x.DType().Size()
	if c.lifted > 0 || x.Rank() == 0 || x.Dim(-1) != n {
		c.fail("%d elements of %s make one of the result: the last axis must hold them", n, typeName(x.DType()))
	}
	shift := graph.MulScalar(graph.Iota(c.g, shapes.Make(to, n), 0), x.DType().Bits())
	return graph.ReduceBitwiseOr(graph.BitwiseShiftLeft(graph.ConvertDType(x, to), shift), -1)
}

// bitsOfFloat returns the bits of a float as a signed integer of its size. NaN has those of the usual quiet one.
func bitsOfFloat(c *reading, x *graph.Node) *graph.Node {
	layout, ok := layouts[x.DType()]
	if !ok {
		c.fail("Quire has no op for the bits of %s", typeName(x.DType()))
	}
	if x.DType() == dtypes.Float64 {
		return bitsOfFloat64(x)
	}
	g := x.Graph()
	number := func(v float64) *graph.Node { return graph.Scalar(g, dtypes.Float64, v) }
	integer := func(v int64) *graph.Node { return graph.Scalar(g, dtypes.Int64, v) }
	wide := graph.ConvertDType(x, dtypes.Float64)
	bias := 1<<(layout.exponent-1) - 1
	// In units of the smallest denormal the value is a whole number, which is halved until the mantissa is left.
	v := graph.Mul(graph.Abs(wide), number(math.Ldexp(1, bias-1+layout.mantissa)))
	exponent := integer(0)
	for step := 1 << (layout.exponent - 1); step > 0; step /= 2 {
		large := graph.GreaterOrEqual(v, number(math.Ldexp(1, layout.mantissa+step)))
		v = graph.Where(large, graph.Mul(v, number(math.Ldexp(1, -step))), v)
		exponent = graph.Where(large, graph.Add(exponent, integer(int64(step))), exponent)
	}
	// A normal number still has its leading bit, which adds one to the exponent.
	infinite := int64(1<<layout.exponent-1) << layout.mantissa
	finite := graph.IsFinite(wide)
	bits := graph.Add(graph.Mul(exponent, integer(1<<layout.mantissa)), graph.ConvertDType(graph.Where(finite, v, number(0)), dtypes.Int64))
	bits = graph.Where(finite, bits, graph.Where(graph.IsNaN(wide), integer(infinite|1<<(layout.mantissa-1)), integer(infinite)))
	bits = graph.Where(isNegative(wide), graph.Sub(bits, integer(1<<(layout.mantissa+layout.exponent))), bits)
	return graph.ConvertDType(bits, layout.signed)
}

// isNegative reports the sign of float64 numbers, that of zeros too; NaN has none.
func isNegative(x *graph.Node) *graph.Node {
	zero := graph.ScalarZero(x.Graph(), x.DType())
	return graph.LessThan(graph.Div(graph.ScalarOne(x.Graph(), x.DType()), graph.Where(graph.Equal(x, zero), x, graph.Sign(x))), zero)
}

// bitsOfFloat64 brings |x| into [1, 2) by powers of two, whose exponents add up to x's.
func bitsOfFloat64(x *graph.Node) *graph.Node {
	g := x.Graph()
	number := func(v float64) *graph.Node { return graph.Scalar(g, dtypes.Float64, v) }
	integer := func(v int64) *graph.Node { return graph.Scalar(g, dtypes.Int64, v) }
	size := graph.Abs(x)
	regular := graph.LogicalAnd(graph.IsFinite(size), graph.GreaterThan(size, number(0)))
	v, exponent := graph.Where(regular, size, number(1)), integer(0)
	scale := func(when *graph.Node, by int) {
		v = graph.Where(when, graph.Mul(v, number(math.Ldexp(1, by))), v)
		exponent = graph.Where(when, graph.Sub(exponent, integer(int64(by))), exponent)
	}
	scale(graph.LessThan(v, number(math.Ldexp(1, -500))), 600) // denormals are no powers of two away from 1 in one step
	for step := 512; step > 0; step /= 2 {
		scale(graph.GreaterOrEqual(v, number(math.Ldexp(1, step))), -step)
		scale(graph.LessThan(v, number(math.Ldexp(1, 1-step))), step)
	}
	mantissa := graph.ConvertDType(graph.Mul(v, number(1<<52)), dtypes.Int64) // with the leading bit
	normal := graph.Add(graph.Mul(graph.Add(exponent, integer(1022)), integer(1<<52)), mantissa)
	denormal := graph.BitwiseShiftRightLogical(mantissa, graph.Sub(integer(-1022), exponent))
	bits := graph.Where(graph.GreaterOrEqual(exponent, integer(-1022)), normal, denormal)
	special := graph.Where(graph.IsNaN(x), integer(0x7FF8<<48), graph.Where(graph.Equal(size, number(0)), integer(0), integer(0x7FF0<<48)))
	bits = graph.Where(regular, bits, special)
	return graph.Where(isNegative(x), graph.BitwiseOr(bits, integer(math.MinInt64)), bits)
}

// floatOfBits returns the float of type d that has the bits of x.
func floatOfBits(x *graph.Node, d dtypes.DType) *graph.Node {
	layout, g := layouts[d], x.Graph()
	number := func(v float64) *graph.Node { return graph.Scalar(g, dtypes.Float64, v) }
	integer := func(v int64) *graph.Node { return graph.Scalar(g, dtypes.Int64, v) }
	bits := graph.ConvertDType(graph.ConvertDType(x, layout.unsigned), dtypes.Int64)
	mantissa := graph.BitwiseAnd(bits, integer(1<<layout.mantissa-1))
	exponent := graph.BitwiseAnd(graph.BitwiseShiftRightLogicalScalar(bits, layout.mantissa), integer(1<<layout.exponent-1))
	normal := graph.GreaterThan(exponent, integer(0))
	v := graph.ConvertDType(graph.Where(normal, graph.Add(mantissa, integer(1<<layout.mantissa)), mantissa), dtypes.Float64)
	bias := 1<<(layout.exponent-1) - 1
	// v · 2^power, a bit of the power at a time: what lies on the way is never smaller or larger than the ends.
	power := graph.Sub(graph.Where(normal, exponent, integer(1)), integer(int64(bias+layout.mantissa)))
	down := graph.LessThan(power, integer(0))
	power = graph.Where(down, graph.Neg(power), power)
	for bit := range layout.exponent {
		set := graph.NotEqual(graph.BitwiseAnd(power, integer(1<<bit)), integer(0))
		factor := graph.Where(down, number(math.Ldexp(1, -1<<bit)), number(math.Ldexp(1, 1<<bit)))
		v = graph.Where(set, graph.Mul(v, factor), v)
	}
	special := graph.Where(graph.Equal(mantissa, integer(0)), number(math.Inf(1)), number(math.NaN()))
	v = graph.Where(graph.Equal(exponent, integer(1<<layout.exponent-1)), special, v)
	top := graph.BitwiseAnd(graph.BitwiseShiftRightLogicalScalar(bits, layout.mantissa+layout.exponent), integer(1))
	negative := graph.NotEqual(top, integer(0))
	return graph.ConvertDType(graph.Where(negative, graph.Neg(v), v), d)
}

// countBits adds up the bits in pairs, fours, …, bytes, and so on.
func countBits(x *graph.Node) *graph.Node {
	g, d := x.Graph(), x.DType()
	v := graph.ConvertDType(x, dtypes.Uint64)
	if d.Size() < 8 { // a negative number has been extended
		v = graph.BitwiseAnd(v, graph.Scalar(g, dtypes.Uint64, uint64(1)<<(d.Bits())-1))
	}
	for i, mask := range []uint64{0x5555555555555555, 0x3333333333333333, 0x0F0F0F0F0F0F0F0F, 0x00FF00FF00FF00FF, 0x0000FFFF0000FFFF, 0x00000000FFFFFFFF} {
		m := graph.Scalar(g, dtypes.Uint64, mask)
		v = graph.Add(graph.BitwiseAnd(v, m), graph.BitwiseAnd(graph.BitwiseShiftRightLogicalScalar(v, 1<<i), m))
	}
	return graph.ConvertDType(v, d)
}

// leadingZeros counts the zeros above the highest bit: what is left after it is spread to all lower places.
func leadingZeros(x *graph.Node) *graph.Node {
	v := x
	for shift := 1; shift < x.DType().Bits(); shift *= 2 {
		v = graph.BitwiseOr(v, graph.BitwiseShiftRightLogicalScalar(v, shift))
	}
	return countBits(graph.BitwiseNot(v))
}
