package graph

import (
	"github.com/quire-ml/quire/graph/shapes"
)

// Reductions of those elements for which a mask holds. The mask holds bools and is broadcast to x by NumPy's rule; a nil
// mask holds everywhere. What is masked has no effect, NaN or not, and gets no gradient.

// MaskedReduceSum returns the sum of those x for which mask holds over the given axes, which are removed; over all axes
// if none are given. Where mask holds nowhere it is 0. See [ReduceSum].
func MaskedReduceSum(x, mask *Node, reduceAxes ...int) *Node {
	if mask == nil {
		return ReduceSum(x, reduceAxes...)
	}
	mask = maskOf("MaskedReduceSum", x, mask)
	return ReduceSum(Where(mask, x, ScalarZero(x.graph, x.DType())), reduceAxes...)
}

// MaskedReduceAllSum returns the sum of all x for which mask holds, a scalar, as [MaskedReduceSum] does.
func MaskedReduceAllSum(x, mask *Node) *Node { return MaskedReduceSum(x, mask) }

// MaskedReduceMean returns the mean of those x for which mask holds over the given axes, which are removed; over all
// axes if none are given. Where mask holds nowhere it is 0. See [ReduceMean].
func MaskedReduceMean(x, mask *Node, reduceAxes ...int) *Node {
	if mask == nil {
		return ReduceMean(x, reduceAxes...)
	}
	mask = maskOf("MaskedReduceMean", x, mask)
	if !isInexact(x.DType()) {
		return ReduceMean(x, reduceAxes...) // which says what is wrong
	}
	n := ReduceSum(ConvertDType(mask, wide(x).DType()), reduceAxes...) // counts beyond what halves can hold
	n = Where(IsZero(n), ScalarOne(n.graph, n.DType()), n)
	most := Scalar(x.graph, n.DType(), max(1, x.Shape().Size()))
	return ConvertDType(shareOfSum(x, n, most, func(x *Node) *Node { return MaskedReduceSum(x, mask, reduceAxes...) }), x.DType())
}

// MaskedReduceAllMean returns the mean of all x for which mask holds, a scalar, as [MaskedReduceMean] does.
func MaskedReduceAllMean(x, mask *Node) *Node { return MaskedReduceMean(x, mask) }

// MaskedReduceMax returns the largest of those x for which mask holds over the given axes, which are removed; over all
// axes if none are given. Where mask holds nowhere it is -∞, or the smallest integer. See [ReduceMax].
func MaskedReduceMax(x, mask *Node, reduceAxes ...int) *Node {
	if mask == nil {
		return ReduceMax(x, reduceAxes...)
	}
	return maskedExtreme("MaskedReduceMax", ReduceMax, -1, x, mask, reduceAxes)
}

// MaskedReduceAllMax returns the largest of all x for which mask holds, a scalar, as [MaskedReduceMax] does.
func MaskedReduceAllMax(x, mask *Node) *Node { return MaskedReduceMax(x, mask) }

// MaskedReduceMin returns the smallest of those x for which mask holds over the given axes, which are removed; over all
// axes if none are given. Where mask holds nowhere it is +∞, or the largest integer. See [ReduceMin].
func MaskedReduceMin(x, mask *Node, reduceAxes ...int) *Node {
	if mask == nil {
		return ReduceMin(x, reduceAxes...)
	}
	return maskedExtreme("MaskedReduceMin", ReduceMin, 1, x, mask, reduceAxes)
}

// MaskedReduceAllMin returns the smallest of all x for which mask holds, a scalar, as [MaskedReduceMin] does.
func MaskedReduceAllMin(x, mask *Node) *Node { return MaskedReduceMin(x, mask) }

// MaskedReduceAndKeep returns reduceFn(operand, mask, reduceAxes...) with the reduced axes kept, as axes of size 1; all
// axes if none are given. reduceFn is one of the masked reductions, such as [MaskedReduceSum].
func MaskedReduceAndKeep(operand, mask *Node, reduceFn func(operand, mask *Node, reduceAxes ...int) *Node, reduceAxes ...int) *Node {
	axes := adjust("MaskedReduceAndKeep", operand, reduceAxes)
	if reduceFn == nil {
		operand.graph.fail("MaskedReduceAndKeep", []shapes.Shape{operand.Shape()}, errNilReduction)
	}
	return keepAxes(reduceFn(operand, mask, reduceAxes...), operand, axes)
}

// maskedExtreme is a reduction of those x for which mask holds, the others being infinite with the given sign. They get
// no share of the gradient, even where the result is infinite too.
func maskedExtreme(op string, reduce func(x *Node, axes ...int) *Node, sign int, x, mask *Node, reduceAxes []int) *Node {
	mask = maskOf(op, x, mask)
	axes := adjust(op, x, reduceAxes)
	return WithCustomGradient([]*Node{x, mask}, func(in []*Node) []*Node {
		x, mask := in[0], in[1]
		return []*Node{reduce(Where(mask, x, Infinity(x.graph, x.DType(), sign)), reduceAxes...)}
	}, func(in, out, dOut []*Node) []*Node {
		x, mask := in[0], in[1]
		chosen := LogicalAnd(mask, Equal(x, expandReduced(out[0], x, axes)))
		return []*Node{Where(mask, shareAmong(chosen, x, dOut[0], axes), ScalarZero(x.graph, x.DType())), nil}
	})[0]
}

// maskOf returns mask with x's dimensions; it panics with Error.
func maskOf(op string, x, mask *Node) *Node {
	if err := maskError(x.Shape(), mask.Shape()); err != nil {
		x.graph.fail(op, []shapes.Shape{x.Shape(), mask.Shape()}, err)
	}
	return BroadcastToDims(mask, x.Shape().Dimensions...)
}
