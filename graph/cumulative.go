package graph

import (
	"fmt"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

// CumProd returns the running product of x along an axis:
//
//	y[i] = x[0] · … · x[i]
//
// A negative axis counts from the end. Integers wrap around. The gradient is right at zeros too. x is a number.
func CumProd(x *Node, axis int) *Node { return cumulative("CumProd", x, axis, dtypes.Numbers, Mul) }

// CumMax returns the largest of the elements of x up to each one along an axis:
//
//	y[i] = max(x[0], …, x[i])
//
// A NaN stays. A negative axis counts from the end. Elements that are equal and largest share the gradient. x is an integer or a
// float.
func CumMax(x *Node, axis int) *Node {
	return cumulative("CumMax", x, axis, dtypes.Reals, Max)
}

// CumMin returns the smallest of the elements of x up to each one along an axis, as [CumMax] does the largest.
func CumMin(x *Node, axis int) *Node {
	return cumulative("CumMin", x, axis, dtypes.Reals, Min)
}

// CumLogSumExp returns the logarithms of the running sums of exponentials along an axis:
//
//	y[i] = log(exp(x[0]) + … + exp(x[i]))
//
// without overflow. A negative axis counts from the end; -∞ stands for a probability of 0. x is a float.
func CumLogSumExp(x *Node, axis int) *Node {
	return cumulative("CumLogSumExp", x, axis, dtypes.Floats, LogAddExp)
}

// cumulative is an [AssociativeScan] over one array, computed in float32 where x is narrower.
func cumulative(op string, x *Node, axis int, takes dtypes.Set, fn func(a, b *Node) *Node) *Node {
	a := adjust1(op, x, axis)
	takesOnly(op, x, takes)
	y := AssociativeScan([]*Node{wide(x)}, a, func(a, b []*Node) []*Node { return []*Node{fn(a[0], b[0])} })[0]
	return ConvertDType(y, x.DType())
}

// takesOnly panics with [Error] unless x is of one of the dtypes.
func takesOnly(op string, x *Node, takes dtypes.Set) {
	if !takes.Has(x.DType()) {
		x.graph.fail(op, []shapes.Shape{x.Shape()}, fmt.Errorf("%s is not a dtype that it takes: %s", x.DType(), takes))
	}
}
