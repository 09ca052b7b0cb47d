package stablehlo

import (
	"fmt"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

func init() {
	for name, mnemonic := range map[string]string{
		"Ceil": "stablehlo.ceil", "Cos": "stablehlo.cosine", "Exp": "stablehlo.exponential",
		"Expm1": "stablehlo.exponential_minus_one", "Floor": "stablehlo.floor", "Log": "stablehlo.log",
		"Log1p": "stablehlo.log_plus_one", "Neg": "stablehlo.negate", "Round": "stablehlo.round_nearest_even",
		"Rsqrt": "stablehlo.rsqrt", "Sigmoid": "stablehlo.logistic", "Sign": "stablehlo.sign", "Sin": "stablehlo.sine",
		"Sqrt": "stablehlo.sqrt", "Tan": "stablehlo.tan", "Tanh": "stablehlo.tanh",
		"BitwiseNot": "stablehlo.not", "LogicalNot": "stablehlo.not",
	} {
		lowerings[name] = func(f *function, c call) []value {
			return []value{f.op(c.out[0], "%s %s : %s", mnemonic, c.in[0], c.in[0].typ())}
		}
	}
	// Ops whose result has another type than their operand say both.
	for name, format := range map[string]string{
		"Abs": "stablehlo.abs %s : %s", "Imag": "stablehlo.imag %s : (%s) -> %s",
		"IsFinite": "stablehlo.is_finite %s : (%s) -> %s", "Real": "stablehlo.real %s : (%s) -> %s",
	} {
		lowerings[name] = func(f *function, c call) []value {
			x := c.in[0]
			if name == "Abs" {
				if x.shape.DType != c.out[0].DType {
					return []value{f.op(c.out[0], "stablehlo.abs %s : (%s) -> %s", x, x.typ(), tensorType(c.out[0]))}
				}
				return []value{f.op(c.out[0], format, x, x.typ())}
			}
			return []value{f.op(c.out[0], format, x, x.typ(), tensorType(c.out[0]))}
		}
	}
	for name, mnemonic := range map[string]string{
		"Add": "stablehlo.add", "Atan2": "stablehlo.atan2", "Max": "stablehlo.maximum", "Min": "stablehlo.minimum",
		"Mul": "stablehlo.multiply", "Sub": "stablehlo.subtract",
		"BitwiseAnd": "stablehlo.and", "BitwiseOr": "stablehlo.or", "BitwiseXor": "stablehlo.xor",
		"LogicalAnd": "stablehlo.and", "LogicalOr": "stablehlo.or", "LogicalXor": "stablehlo.xor",
		"BitwiseShiftLeft":            "stablehlo.shift_left",
		"BitwiseShiftRightArithmetic": "stablehlo.shift_right_arithmetic",
		"BitwiseShiftRightLogical":    "stablehlo.shift_right_logical",
	} {
		lowerings[name] = func(f *function, c call) []value {
			x, y := f.spread(c.in[0], c.out[0]), f.spread(c.in[1], c.out[0])
			return []value{f.binary(mnemonic, x, y)}
		}
	}
	for name, direction := range map[string]string{
		"Equal": "EQ", "NotEqual": "NE", "GreaterThan": "GT", "GreaterOrEqual": "GE", "LessThan": "LT", "LessOrEqual": "LE",
	} {
		lowerings[name] = func(f *function, c call) []value {
			return []value{f.compare(direction, f.spread(c.in[0], c.out[0]), f.spread(c.in[1], c.out[0]))}
		}
	}
	lowerings["Div"] = func(f *function, c call) []value {
		f.checkDivisor(c)
		return []value{f.divide("stablehlo.divide", f.spread(c.in[0], c.out[0]), f.spread(c.in[1], c.out[0]))}
	}
	lowerings["Rem"] = func(f *function, c call) []value {
		f.checkDivisor(c)
		return []value{f.divide("stablehlo.remainder", f.spread(c.in[0], c.out[0]), f.spread(c.in[1], c.out[0]))}
	}
	lowerings["Pow"] = func(f *function, c call) []value {
		x, y := f.spread(c.in[0], c.out[0]), f.spread(c.in[1], c.out[0])
		if x.shape.DType.IsInt() {
			return []value{f.power(x, y)}
		}
		return []value{f.binary("stablehlo.power", x, y)}
	}
	lowerings["Erf"] = func(f *function, c call) []value { return []value{f.erf(c.in[0])} }
	lowerings["Where"] = func(f *function, c call) []value {
		s := c.out[0]
		return []value{f.choose(f.spread(c.in[0], s), f.spread(c.in[1], s), f.spread(c.in[2], s))}
	}
	lowerings["Clamp"] = func(f *function, c call) []value {
		s := c.out[0]
		lo, x, hi := f.spread(c.in[0], s), f.spread(c.in[1], s), f.spread(c.in[2], s)
		return []value{f.op(s, "stablehlo.clamp %s, %s, %s : %s", lo, x, hi, tensorType(s))}
	}
	lowerings["Complex"] = func(f *function, c call) []value {
		return []value{f.complex(f.spread(c.in[0], c.out[0]), f.spread(c.in[1], c.out[0]))}
	}
}

// spread returns x repeated to the dimensions of s, lined up at the last axis.
func (f *function) spread(x value, s shapes.Shape) value {
	if x.shape.EqualDimensions(s) {
		return x
	}
	axes := make([]int, x.shape.Rank())
	for i := range axes {
		axes[i] = s.Rank() - x.shape.Rank() + i
	}
	out := s.WithDType(x.shape.DType)
	y := f.op(out, "stablehlo.broadcast_in_dim %s, dims = %s : (%s) -> %s", x, ints(axes), x.typ(), tensorType(out))
	y.nonzero = x.nonzero
	return y
}

// binary writes an operation whose operands and result have one type.
func (f *function) binary(mnemonic string, x, y value) value {
	return f.op(x.shape, "%s %s, %s : %s", mnemonic, x, y, x.typ())
}

// compare writes a comparison, as a bool.
func (f *function) compare(direction string, x, y value) value {
	kind := "SIGNED"
	switch d := x.shape.DType; {
	case dtypes.Inexact.Has(d):
		kind = "FLOAT"
	case d.IsUnsigned() || d == dtypes.Bool:
		kind = "UNSIGNED"
	}
	return f.compareAs(kind, direction, x, y)
}

// compareAs compares in an order that StableHLO names.
func (f *function) compareAs(kind, direction string, x, y value) value {
	out := x.shape.WithDType(dtypes.Bool)
	return f.op(out, "stablehlo.compare %s, %s, %s, %s : (%s, %s) -> %s", direction, x, y, kind, x.typ(), y.typ(), tensorType(out))
}

// choose returns x where cond holds and y elsewhere.
func (f *function) choose(cond, x, y value) value {
	return f.op(x.shape, "stablehlo.select %s, %s, %s : %s, %s", cond, x, y, cond.typ(), x.typ())
}

// complex returns x + i·y.
func (f *function) complex(x, y value) value {
	d := dtypes.Complex64
	if x.shape.DType == dtypes.Float64 {
		d = dtypes.Complex128
	}
	s := x.shape.WithDType(d)
	return f.op(s, "stablehlo.complex %s, %s : %s", x, y, tensorType(s))
}

// divide writes a division or a remainder. An integer divisor that may be zero is replaced by 1, and the result
// with it: -1, or x for a remainder.
func (f *function) divide(mnemonic string, x, y value) value {
	if !y.shape.DType.IsInt() || y.nonzero {
		return f.binary(mnemonic, x, y)
	}
	zero := f.compare("EQ", y, f.fill(y.shape, 0))
	z := f.binary(mnemonic, x, f.choose(zero, f.fill(y.shape, 1), y))
	otherwise := x
	if mnemonic == "stablehlo.divide" {
		otherwise = f.fill(y.shape, int64(-1))
	}
	return f.choose(zero, otherwise, z)
}

// isNaN reports whether a float scalar is not a number.
func (f *function) isNaN(x value) value { return f.compare("NE", x, x) }

// lowest returns the value that every other of d is larger than or equal to, highest the opposite: the identities
// of maxima and minima.
func (f *function) lowest(d dtypes.DType) value  { return f.limit(d, false) }
func (f *function) highest(d dtypes.DType) value { return f.limit(d, true) }

func (f *function) limit(d dtypes.DType, high bool) value {
	lo, hi := dtypes.Limits(d)
	if d.IsFloat() {
		lo, hi = negativeInfinity, positiveInfinity
	}
	if high {
		return f.fill(shapes.Scalar(d), hi)
	}
	return f.fill(shapes.Scalar(d), lo)
}

// pairs writes a list of pairs: [[0, 1], [2, 3]].
func pairs(list [][2]int) string {
	text := "["
	for i, p := range list {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("[%d, %d]", p[0], p[1])
	}
	return text + "]"
}
