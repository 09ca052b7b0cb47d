package graph

import (
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
)

// Equal returns lhs = rhs, element by element, with broadcasting, as bools. NaN equals nothing, 0 equals -0.
// The operands may have any dtype.
func Equal(lhs, rhs *Node) *Node { return Apply(equal, nil, lhs, rhs) }

// NotEqual returns lhs ≠ rhs, element by element, with broadcasting, as bools. NaN differs from everything, 0
// equals -0. The operands may have any dtype.
func NotEqual(lhs, rhs *Node) *Node { return Apply(notEqual, nil, lhs, rhs) }

// GreaterThan returns lhs > rhs, element by element, with broadcasting, as bools. With NaN it is false.
func GreaterThan(lhs, rhs *Node) *Node { return Apply(greaterThan, nil, lhs, rhs) }

// GreaterOrEqual returns lhs ≥ rhs, element by element, with broadcasting, as bools. With NaN it is false.
func GreaterOrEqual(lhs, rhs *Node) *Node { return Apply(greaterOrEqual, nil, lhs, rhs) }

// LessThan returns lhs < rhs, element by element, with broadcasting, as bools. With NaN it is false.
func LessThan(lhs, rhs *Node) *Node { return Apply(lessThan, nil, lhs, rhs) }

// LessOrEqual returns lhs ≤ rhs, element by element, with broadcasting, as bools. With NaN it is false.
func LessOrEqual(lhs, rhs *Node) *Node { return Apply(lessOrEqual, nil, lhs, rhs) }

var equal, notEqual, greaterThan, greaterOrEqual, lessThan, lessOrEqual *ir.Op

type ordered interface{ float64 | int64 | uint64 }

func init() {
	compare := func(name, doc, direction string, set dtypes.Set, f func(x, y float64) uint64, s func(x, y int64) uint64, u func(x, y uint64) uint64, c func(x, y complex128) uint64, want ...float64) *ir.Op {
		return Define(ir.Op{
			Name: name, Family: "comparison", Elementwise: true, Doc: doc, DTypes: set, HLO: "stablehlo.compare " + direction,
			Infer: compareRule,
			Ref:   byKind(0, map2(f), map2(s), map2(u), map2(c)),
			Samples: []ir.Sample{
				{In: []ir.Input{ir.Values(-1, 0, 1, 2, 2), ir.Values(1, 0, -1, 2, 3)}, Kink: true},
				{Name: "row", In: []ir.Input{ir.Ramp(2, 3), ir.Ramp(3).Plus(0.125)}},
				{Name: "scalar", In: []ir.Input{ir.ScalarValue(1), ir.Values(0, 1, 2)}, Kink: true, DTypes: set &^ dtypes.Complexes},
				{Name: "empty", In: []ir.Input{ir.Ramp(0, 3), ir.Ramp(3)}},
				{Name: "NaN, infinities and zeros", Pole: true, DTypes: dtypes.Floats,
					In: []ir.Input{ir.Values(nan, nan, 1, inf, -inf, 0), ir.Values(nan, 1, nan, inf, inf, negZero)}, Want: want},
				{Name: "the ends of the range", DTypes: dtypes.SetOf(dtypes.Int8), In: []ir.Input{ir.Values(-128, 127, -128), ir.Values(127, -128, -128)}},
				{Name: "beyond the signed range", DTypes: dtypes.SetOf(dtypes.Uint8), In: []ir.Input{ir.Values(255, 1, 200), ir.Values(1, 255, 200)}},
			},
		}, Rule{ZeroGrad: "the result is a bool"})
	}
	equal = compare("Equal", "x = y", "EQ", dtypes.Any, same[float64], same[int64], same[uint64], same[complex128], 0, 0, 0, 1, 0, 1)
	notEqual = compare("NotEqual", "x ≠ y", "NE", dtypes.Any, differs[float64], differs[int64], differs[uint64], differs[complex128], 1, 1, 1, 0, 1, 0)
	greaterThan = compare("GreaterThan", "x > y", "GT", dtypes.Reals, greater[float64], greater[int64], greater[uint64], nil, 0, 0, 0, 0, 0, 0)
	greaterOrEqual = compare("GreaterOrEqual", "x ≥ y", "GE", dtypes.Reals, atLeast[float64], atLeast[int64], atLeast[uint64], nil, 0, 0, 0, 1, 0, 1)
	lessThan = compare("LessThan", "x < y", "LT", dtypes.Reals, less[float64], less[int64], less[uint64], nil, 0, 0, 0, 0, 1, 0)
	lessOrEqual = compare("LessOrEqual", "x ≤ y", "LE", dtypes.Reals, atMost[float64], atMost[int64], atMost[uint64], nil, 0, 0, 0, 1, 1, 1)
}

func same[T number](x, y T) uint64     { return truth(x == y) }
func differs[T number](x, y T) uint64  { return truth(x != y) }
func greater[T ordered](x, y T) uint64 { return truth(x > y) }
func atLeast[T ordered](x, y T) uint64 { return truth(x >= y) }
func less[T ordered](x, y T) uint64    { return truth(x < y) }
func atMost[T ordered](x, y T) uint64  { return truth(x <= y) }

func truth(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
