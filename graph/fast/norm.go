package fast

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/shapes"
)

// RMSNorm divides x by its root mean square over the last axis, and rescales it:
//
//	y = weight · x / √(mean(x²) + epsilon)
//
// x is [..., C], a float; weight is [C], of the same dtype, or nil for 1; the result has the shape and dtype of x. The mean is accumulated in
// float32 for narrower dtypes.
//
// Source: Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019, arXiv:1910.07467, eq. 4, with epsilon.
func RMSNorm(x, weight *graph.Node, epsilon float64) *graph.Node {
	return graph.RMSNorm(x, scaleOf("fast.RMSNorm", "weight", x, weight, graph.Ones), epsilon)
}

// LayerNorm normalises x over the last axis and rescales it:
//
//	y = weight · (x - mean) / √(variance + epsilon) + bias
//
// x is [..., C], a float; weight and bias are [C], of the same dtype; nil is a weight of 1, and a bias of 0. The result has the shape and
// dtype of x. Mean and variance are accumulated in float32 for narrower dtypes.
//
// Source: Ba, Kiros and Hinton, "Layer Normalization", 2016, arXiv:1607.06450, eq. 4, with epsilon.
func LayerNorm(x, weight, bias *graph.Node, epsilon float64) *graph.Node {
	const op = "fast.LayerNorm"
	return graph.LayerNorm(x, scaleOf(op, "weight", x, weight, graph.Ones), scaleOf(op, "bias", x, bias, graph.Zeros), epsilon)
}

// scaleOf returns what rescales x, and what stands for it where it is nil.
func scaleOf(op, what string, x, scale *graph.Node, otherwise func(*graph.Graph, shapes.Shape) *graph.Node) *graph.Node {
	needFloats(op, x)
	if x.Rank() == 0 {
		graph.Errorf("%s %s: a scalar has no axis to be normalised over", op, x.Shape())
	}
	switch {
	case scale == nil:
		return otherwise(x.Graph(), shapes.Make(x.DType(), x.Dim(-1)))
	case scale.DType() != x.DType() || scale.Rank() != 1 || scale.Dim(0) != x.Dim(-1):
		graph.Errorf("%s %s: the %s is %s, want %s", op, x.Shape(), what, scale.Shape(), shapes.Make(x.DType(), x.Dim(-1)))
	}
	return scale
}

// needFloats panics unless the operands are floats of one dtype.
func needFloats(op string, list ...*graph.Node) {
	for _, x := range list {
		switch {
		case x == nil:
			graph.Errorf("%s: an operand is nil", op)
		case !x.DType().IsFloat():
			graph.Errorf("%s %s: it takes floats, not %s (convert it with ConvertDType)", op, x.Shape(), x.DType())
		case x.DType() != list[0].DType():
			graph.Errorf("%s: operands are %s and %s: they must be of one dtype", op, list[0].DType(), x.DType())
		}
	}
}
