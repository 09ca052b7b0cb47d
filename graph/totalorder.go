package graph

import (
	"fmt"

	"github.com/quire-ml/quire/graph/dtypes"
)

// EqualTotalOrder returns x = y in the total order of IEEE 754, element by element, with broadcasting: for floats
//
//	-NaN < -∞ < … < -0 < 0 < … < ∞ < NaN
//
// in which the bits decide: -0 is not 0, and a NaN equals itself. For integers it is [Equal]. Both have the same dtype, an
// integer or a float.
//
// Source: IEEE 754-2019, 5.10, totalOrder.
func EqualTotalOrder(x, y *Node) *Node { return totally("EqualTotalOrder", Equal, x, y) }

// NotEqualTotalOrder returns x ≠ y in the order of [EqualTotalOrder].
func NotEqualTotalOrder(x, y *Node) *Node { return totally("NotEqualTotalOrder", NotEqual, x, y) }

// LessThanTotalOrder returns x < y in the order of [EqualTotalOrder].
func LessThanTotalOrder(x, y *Node) *Node { return totally("LessThanTotalOrder", LessThan, x, y) }

// LessOrEqualTotalOrder returns x ≤ y in the order of [EqualTotalOrder].
func LessOrEqualTotalOrder(x, y *Node) *Node {
	return totally("LessOrEqualTotalOrder", LessOrEqual, x, y)
}

// GreaterThanTotalOrder returns x > y in the order of [EqualTotalOrder].
func GreaterThanTotalOrder(x, y *Node) *Node {
	return totally("GreaterThanTotalOrder", GreaterThan, x, y)
}

// GreaterOrEqualTotalOrder returns x ≥ y in the order of [EqualTotalOrder].
func GreaterOrEqualTotalOrder(x, y *Node) *Node {
	return totally("GreaterOrEqualTotalOrder", GreaterOrEqual, x, y)
}

func totally(op string, compare func(x, y *Node) *Node, x, y *Node) *Node {
	need(op, x, y)
	takesOnly(op, x, dtypes.Reals)
	if x.DType() != y.DType() {
		x.graph.fail(op, inShapes([]*Node{x, y}), fmt.Errorf("dtypes differ: %s and %s (convert one with ConvertDType)", x.DType(), y.DType()))
	}
	return compare(orderOf(x), orderOf(y))
}

// orderOf returns integers that are in the order of x: the bits of a float, those of negative ones but the sign reversed.
func orderOf(x *Node) *Node {
	var bits dtypes.DType
	switch {
	case !x.DType().IsFloat():
		return x
	case x.DType().IsHalf():
		bits = dtypes.Int16
	case x.DType() == dtypes.Float32:
		bits = dtypes.Int32
	default:
		bits = dtypes.Int64
	}
	b := Bitcast(x, bits)
	_, most := dtypes.Limits(bits)
	return Where(IsNegative(b), BitwiseXor(b, ConstAsDType(x.graph, bits, most)), b)
}
