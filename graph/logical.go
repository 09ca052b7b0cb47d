package graph

import (
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"
)

// LogicalAnd returns lhs and rhs, element by element, with broadcasting. Both hold bools.
func LogicalAnd(lhs, rhs *Node) *Node { return Apply(logicalAnd, nil, lhs, rhs) }

// LogicalOr returns lhs or rhs (or both), element by element, with broadcasting. Both hold bools.
func LogicalOr(lhs, rhs *Node) *Node { return Apply(logicalOr, nil, lhs, rhs) }

// LogicalXor returns either lhs or rhs but not both, element by element, with broadcasting. Both hold bools.
func LogicalXor(lhs, rhs *Node) *Node { return Apply(logicalXor, nil, lhs, rhs) }

// LogicalNot returns not x, element by element. x holds bools.
func LogicalNot(x *Node) *Node { return Apply(logicalNot, nil, x) }

// BitwiseAnd returns the bits that are set in lhs and rhs, element by element, with broadcasting. Both hold
// integers of one dtype.
func BitwiseAnd(lhs, rhs *Node) *Node { return Apply(bitwiseAnd, nil, lhs, rhs) }

// BitwiseOr returns the bits that are set in lhs or rhs, element by element, with broadcasting. Both hold
// integers of one dtype.
func BitwiseOr(lhs, rhs *Node) *Node { return Apply(bitwiseOr, nil, lhs, rhs) }

// BitwiseXor returns the bits in which lhs and rhs differ, element by element, with broadcasting. Both hold
// integers of one dtype.
func BitwiseXor(lhs, rhs *Node) *Node { return Apply(bitwiseXor, nil, lhs, rhs) }

// BitwiseNot returns x with all bits flipped, element by element. x holds integers.
func BitwiseNot(x *Node) *Node { return Apply(bitwiseNot, nil, x) }

// BitwiseShiftLeft returns x shifted left by n bits, element by element, with broadcasting. Both hold integers
// of one dtype. Where n is negative, or not smaller than the dtype's width, the result is 0.
func BitwiseShiftLeft(x, n *Node) *Node { return Apply(shiftLeft, nil, x, n) }

// BitwiseShiftRightArithmetic returns x shifted right by n bits, the top bit being repeated (also that of an
// unsigned x), element by element, with broadcasting. Both hold integers of one dtype. Where n is negative, or
// not smaller than the dtype's width, all bits of the result are the top bit of x.
func BitwiseShiftRightArithmetic(x, n *Node) *Node { return Apply(shiftRightArithmetic, nil, x, n) }

// BitwiseShiftRightLogical returns x shifted right by n bits, zeros coming in at the top (also for a negative
// x), element by element, with broadcasting. Both hold integers of one dtype. Where n is negative, or not
// smaller than the dtype's width, the result is 0.
func BitwiseShiftRightLogical(x, n *Node) *Node { return Apply(shiftRightLogical, nil, x, n) }

var logicalAnd, logicalOr, logicalXor, logicalNot *ir.Op
var bitwiseAnd, bitwiseOr, bitwiseXor, bitwiseNot, shiftLeft, shiftRightArithmetic, shiftRightLogical *ir.Op

// bitsRef is the meaning of an op on bits that signed and unsigned integers and bools share.
func bitsRef(f func(x, y uint64) uint64) func(any, []*tensors.Tensor, []*tensors.Tensor) {
	signed := func(x, y int64) int64 { return int64(f(uint64(x), uint64(y))) }
	return byKind(0, nil, map2(signed), map2(f), nil)
}

// shiftRef is the meaning of a shift: f gets the bits of x, the width of its dtype, and n from 0 to that
// width, which stands for all that is out of range.
func shiftRef(f func(x uint64, width, n uint) uint64) func(any, []*tensors.Tensor, []*tensors.Tensor) {
	return func(attrs any, out, in []*tensors.Tensor) {
		width := uint(8 * in[0].DType().Size())
		bitsRef(func(x, n uint64) uint64 { // a negative n is a huge one
			return f(x<<(64-width)>>(64-width), width, uint(min(n, uint64(width))))
		})(attrs, out, in)
	}
}

func init() {
	const yesNo, whole = "the result is a bool", "integers have no gradient"
	x, y := ir.Values(0, 0, 1, 1), ir.Values(0, 1, 0, 1)
	pairs := func(want ...float64) []ir.Sample {
		return []ir.Sample{
			{In: []ir.Input{x, y}, Want: want},
			{Name: "broadcast", In: []ir.Input{ir.Array([]int{2, 1}, 0, 1), ir.Values(1, 0, 1)}},
			{Name: "scalars", In: []ir.Input{ir.ScalarValue(1), ir.ScalarValue(0)}},
			{Name: "empty", In: []ir.Input{ir.Ramp(0, 2), ir.Ramp(2)}},
		}
	}
	logical := func(name, doc, hlo string, simplify func(*ir.Rewrite) []ir.Value, f func(x, y uint64) uint64, want ...float64) *ir.Op {
		return Define(ir.Op{
			Name: name, Family: "logical", Elementwise: true, Simplify: simplify, Doc: doc, DTypes: dtypes.Bools, HLO: hlo,
			Infer: broadcastRule, Ref: bitsRef(f), Samples: pairs(want...),
		}, Rule{ZeroGrad: yesNo})
	}
	logicalAnd = logical("LogicalAnd", "x and y", "stablehlo.and", firstOf(both, neutral(1, true)), func(x, y uint64) uint64 { return x & y }, 0, 0, 0, 1)
	logicalOr = logical("LogicalOr", "x or y", "stablehlo.or", firstOf(both, neutral(0, true)), func(x, y uint64) uint64 { return x | y }, 0, 1, 1, 1)
	logicalXor = logical("LogicalXor", "either x or y", "stablehlo.xor", neutral(0, true), func(x, y uint64) uint64 { return x ^ y }, 0, 1, 1, 0)
	logicalNot = Define(ir.Op{
		Name: "LogicalNot", Family: "logical", Elementwise: true, Simplify: firstOf(undone, simplerNot), Doc: "not x", DTypes: dtypes.Bools, HLO: "stablehlo.not",
		Infer: sameShape, Ref: unaryRef(nil, nil, func(x uint64) uint64 { return x ^ 1 }, nil),
		Samples: []ir.Sample{{In: []ir.Input{y}, Want: []float64{1, 0, 1, 0}}, {Name: "scalar", In: []ir.Input{ir.ScalarValue(1)}}},
	}, Rule{ZeroGrad: yesNo})

	bits := func(name, doc, hlo string, f func(x, y uint64) uint64) *ir.Op {
		return Define(ir.Op{
			Name: name, Family: "logical", Elementwise: true, Doc: doc, DTypes: dtypes.Ints, HLO: hlo,
			Infer: broadcastRule, Ref: bitsRef(f),
			Samples: []ir.Sample{
				{In: []ir.Input{ir.Values(0, 1, -1, 12, -128, 127), ir.Values(5, 3, 10, 10, -1, 64)}},
				{Name: "broadcast", In: []ir.Input{ir.Array([]int{2, 1}, 6, -3), ir.Values(1, 2, 3)}},
				{Name: "empty", In: []ir.Input{ir.Ramp(0, 2), ir.Ramp(2)}},
			},
		}, Rule{ZeroGrad: whole})
	}
	bitwiseAnd = bits("BitwiseAnd", "the bits set in x and y", "stablehlo.and", func(x, y uint64) uint64 { return x & y })
	bitwiseOr = bits("BitwiseOr", "the bits set in x or y", "stablehlo.or", func(x, y uint64) uint64 { return x | y })
	bitwiseXor = bits("BitwiseXor", "the bits in which x and y differ", "stablehlo.xor", func(x, y uint64) uint64 { return x ^ y })
	bitwiseNot = Define(ir.Op{
		Name: "BitwiseNot", Family: "logical", Elementwise: true, Simplify: undone, Doc: "x with all bits flipped", DTypes: dtypes.Ints, HLO: "stablehlo.not",
		Infer: sameShape, Ref: unaryRef(nil, func(x int64) int64 { return ^x }, func(x uint64) uint64 { return ^x }, nil),
		Samples: []ir.Sample{{In: []ir.Input{ir.Values(0, 1, -1, 12, -128, 127)}}, {Name: "scalar", In: []ir.Input{ir.ScalarValue(5)}}},
	}, Rule{ZeroGrad: whole})

	shift := func(name, doc, hlo string, f func(x uint64, width, n uint) uint64, want []float64) *ir.Op {
		return Define(ir.Op{
			Name: name, Family: "logical", Elementwise: true, Doc: doc, DTypes: dtypes.Ints, HLO: hlo,
			Infer: broadcastRule, Ref: shiftRef(f),
			Samples: []ir.Sample{
				{In: []ir.Input{ir.Values(1, 5, 100, 127), ir.Values(0, 1, 3, 6)}},
				{Name: "broadcast", In: []ir.Input{ir.Array([]int{2, 1}, 6, -3), ir.Values(1, 2, 3)}},
				{Name: "beyond the width", In: []ir.Input{ir.Values(1, 5, -100, 127), ir.Values(64, 100, 127, 65)}},
				{Name: "int8", DTypes: dtypes.SetOf(dtypes.Int8), In: []ir.Input{ir.Values(-128, -3, 64, 5, -5), ir.Values(7, 1, 1, -1, 8)}, Want: want},
				{Name: "empty", In: []ir.Input{ir.Ramp(0, 2), ir.Ramp(2)}},
			},
		}, Rule{ZeroGrad: whole})
	}
	shiftLeft = shift("BitwiseShiftLeft", "x · 2ʸ on the bits", "stablehlo.shift_left",
		func(x uint64, width, n uint) uint64 {
			if n >= width {
				return 0
			}
			return x << n
		}, []float64{0, -6, -128, 0, 0})
	shiftRightArithmetic = shift("BitwiseShiftRightArithmetic", "x shifted right by y, the top bit repeated", "stablehlo.shift_right_arithmetic",
		func(x uint64, width, n uint) uint64 {
			return uint64(int64(x<<(64-width)) >> (64 - width) >> min(n, width-1))
		}, []float64{-1, -2, 32, 0, -1})
	shiftRightLogical = shift("BitwiseShiftRightLogical", "x shifted right by y, zeros coming in", "stablehlo.shift_right_logical",
		func(x uint64, _, n uint) uint64 { return x >> n }, []float64{1, 126, 32, 0, 0})
}
