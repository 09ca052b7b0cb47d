package live

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/stats"
)

// over records a reduction of x over axes.
func (x *Array) over(fn func(x *graph.Node, axes ...int) *graph.Node, axes []int) *Array {
	x = x.check()
	return x.session.record(fn, axes, "", x)
}

// along records a function of x along an axis, or of all its elements in a row if none is given. args tell functions of the same code apart.
func (x *Array) along(axis []int, fn func(x *graph.Node, axis int) *graph.Node, args ...int) *Array {
	x = x.check()
	at := 0
	switch len(axis) {
	case 0:
		x = x.Flatten()
	case 1:
		at = axis[0]
	default:
		return failed(x.session, "one axis is taken, or none for all elements in a row, not %d", len(axis))
	}
	return x.session.record(fn, append([]int{at}, args...), "", x)
}

// Sum returns the sum of x over the given axes, which are removed; over all axes if none are given: [graph.ReduceSum].
func (x *Array) Sum(axes ...int) *Array { return x.over(graph.ReduceSum, axes) }

// Prod returns the product of x's elements over the given axes, which are removed; over all axes if none are given: [graph.ReduceMultiply].
func (x *Array) Prod(axes ...int) *Array { return x.over(graph.ReduceMultiply, axes) }

// Mean returns the mean of x over the given axes, which are removed; over all axes if none are given: [graph.ReduceMean].
func (x *Array) Mean(axes ...int) *Array { return x.over(graph.ReduceMean, axes) }

// Max returns the largest element of x over the given axes, which are removed; over all axes if none are given: [graph.ReduceMax].
func (x *Array) Max(axes ...int) *Array { return x.over(graph.ReduceMax, axes) }

// Min returns the smallest element of x over the given axes, which are removed; over all axes if none are given: [graph.ReduceMin].
func (x *Array) Min(axes ...int) *Array { return x.over(graph.ReduceMin, axes) }

// Var returns the variance of x, the mean of |x - mean|² over the given axes, which are removed; over all axes if none are given: [graph.Variance].
func (x *Array) Var(axes ...int) *Array { return x.over(graph.Variance, axes) }

// All returns whether all elements of x are other than 0 over the given axes, which are removed; over all axes if none are given: [graph.LogicalAll].
func (x *Array) All(axes ...int) *Array { return x.over(graph.LogicalAll, axes) }

// Any returns whether an element of x is other than 0 over the given axes, which are removed; over all axes if none are given: [graph.LogicalAny].
func (x *Array) Any(axes ...int) *Array { return x.over(graph.LogicalAny, axes) }

// Norm returns √Σx², the Euclidean norm over the given axes, which are removed; over all axes if none are given: [graph.L2Norm].
func (x *Array) Norm(axes ...int) *Array { return x.over(graph.L2Norm, axes) }

// LogSumExp returns log Σ exp(x), without overflow over the given axes, which are removed; over all axes if none are given: [graph.LogSumExp].
func (x *Array) LogSumExp(axes ...int) *Array { return x.over(graph.LogSumExp, axes) }

// Std returns the standard deviation of x over the given axes, which are removed; over all axes if none are given: the root of [Array.Var].
func (x *Array) Std(axes ...int) *Array { return x.Var(axes...).Sqrt() }

// Softmax returns exp(x) / Σ exp(x) over the given axes, the last one if none are given: [graph.Softmax].
func (x *Array) Softmax(axes ...int) *Array { return x.over(graph.Softmax, axes) }

// LogSoftmax returns the logarithm of [Array.Softmax], without overflow.
func (x *Array) LogSoftmax(axes ...int) *Array { return x.over(graph.LogSoftmax, axes) }

// ArgMax returns the index of the largest element of x along an axis, which is removed; of all elements in a row if none is given.
func (x *Array) ArgMax(axis ...int) *Array {
	return x.along(axis, func(x *graph.Node, axis int) *graph.Node { return graph.ArgMax(x, axis) })
}

// ArgMin returns the index of the smallest element of x along an axis, which is removed; of all elements in a row if none is given.
func (x *Array) ArgMin(axis ...int) *Array {
	return x.along(axis, func(x *graph.Node, axis int) *graph.Node { return graph.ArgMin(x, axis) })
}

// Median returns the median of x along an axis, which is removed; of all elements in a row if none is given.
func (x *Array) Median(axis ...int) *Array {
	return x.along(axis, stats.Median)
}

// CumSum returns the running sum of x along an axis; of all elements in a row if none is given.
func (x *Array) CumSum(axis ...int) *Array {
	return x.along(axis, graph.CumSum)
}

// CumProd returns the running product of x along an axis; of all elements in a row if none is given.
func (x *Array) CumProd(axis ...int) *Array {
	return x.along(axis, graph.CumProd)
}

// Sort returns the elements of x in ascending order, NaN last, along an axis; of all elements in a row if none is given.
func (x *Array) Sort(axis ...int) *Array {
	return x.along(axis, func(x *graph.Node, axis int) *graph.Node { return graph.Sort(x, axis, true) })
}

// ArgSort returns the indices that put x in the order of [Array.Sort] along an axis; of all elements in a row if none is given.
func (x *Array) ArgSort(axis ...int) *Array {
	return x.along(axis, func(x *graph.Node, axis int) *graph.Node { return graph.ArgSort(x, axis, true) })
}

// Quantile returns the element of x below which a part q lies, from 0 to 1, along an axis, which is removed; of all elements in a row if none is
// given: [stats.Quantile].
func (x *Array) Quantile(q float64, axis ...int) *Array {
	return x.along(axis, func(x *graph.Node, axis int) *graph.Node { return stats.Quantile(x, q, axis) }, bits(q)...)
}

// TopK returns the k largest elements of x along an axis, the largest first, and where they stand: [graph.TopK].
func (x *Array) TopK(k, axis int) (values, indices *Array) {
	return Call2(func(x *graph.Node) (values, indices *graph.Node) { return graph.TopK(x, k, axis) }, x.check())
}
