// Package segment reduces arrays by groups: the elements along the leading axis of an array belong to segments, which a vector
// of numbers names, as in the sums of messages that the nodes of a graph receive.
//
//	Sum(x, ids, n)[s, r…] = Σ x[i, r…] over all i with ids[i] = s,  s = 0 … n-1
//
// x is [m, r…], ids [m] of an integer dtype, in any order; the result is [n, r…], n being chosen when the graph is built. Elements
// whose number is not that of a segment are left out. All functions have gradients of all orders; they panic with [graph.Error] if
// shapes or dtypes do not fit.
package segment

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

// Sum returns the sum of each segment, 0 for one without elements. x is a number.
func Sum(x, ids *graph.Node, n int) *graph.Node {
	check("segment.Sum", x, ids, n)
	return graph.ScatterSum(filled(x, n, 0), graph.ExpandAxes(ids, -1), x, false, false)
}

// Mean returns the mean of each segment, 0 for one without elements. x is a float or complex.
func Mean(x, ids *graph.Node, n int) *graph.Node {
	check("segment.Mean", x, ids, n)
	if !dtypes.Inexact.Has(x.DType()) {
		graph.Errorf("segment.Mean: %s is not a dtype that it takes: %s (convert it with ConvertDType)", x.DType(), dtypes.Inexact)
	}
	wide := x
	if x.DType().IsHalf() { // which does not count far
		wide = graph.ConvertDType(x, dtypes.Float32)
	}
	sums := Sum(wide, ids, n)
	counts := perSegment(Sum(graph.ConvertDType(graph.OnesLike(ids), dtypes.Int32), ids, n), x)
	return graph.ConvertDType(graph.Div(sums, graph.ConvertDType(graph.MaxScalar(counts, 1), sums.DType())), x.DType())
}

// Max returns the largest element of each segment, a NaN if there is one; for a segment without elements -∞, or the smallest number
// of an integer dtype. Elements that are equal and largest share the gradient. x is an integer or a float.
func Max(x, ids *graph.Node, n int) *graph.Node {
	check("segment.Max", x, ids, n)
	return graph.ScatterMax(limit(x, n, -1), graph.ExpandAxes(ids, -1), x, false, false)
}

// Min returns the smallest element of each segment, a NaN if there is one; for a segment without elements ∞, or the largest number of
// an integer dtype. Elements that are equal and smallest share the gradient. x is an integer or a float.
func Min(x, ids *graph.Node, n int) *graph.Node {
	check("segment.Min", x, ids, n)
	return graph.ScatterMin(limit(x, n, 1), graph.ExpandAxes(ids, -1), x, false, false)
}

// Prod returns the product of each segment, 1 for one without elements. Its gradient is right at zeros too. x is a number.
func Prod(x, ids *graph.Node, n int) *graph.Node {
	check("segment.Prod", x, ids, n)
	return graph.ScatterFunc(filled(x, n, 1), graph.ExpandAxes(ids, -1), x, graph.Mul)
}

// Softmax returns, for each element of x, its share of its segment:
//
//	y[i, r…] = exp(x[i, r…]) / Σ exp(x[j, r…]) over all j with ids[j] = ids[i]
//
// without overflow, as attention over the neighbours of a graph's nodes needs it. It has the shape of x, a float. Elements that belong
// to no segment become 0.
func Softmax(x, ids *graph.Node, n int) *graph.Node {
	check("segment.Softmax", x, ids, n)
	if !x.DType().IsFloat() {
		graph.Errorf("segment.Softmax: %s is not a dtype that it takes: %s (convert it with ConvertDType)", x.DType(), dtypes.Floats)
	}
	at := graph.ExpandAxes(ids, -1)
	wide := x
	if x.DType().IsHalf() {
		wide = graph.ConvertDType(x, dtypes.Float32)
	}
	most := graph.StopGradient(Max(wide, ids, n))
	most = graph.Where(graph.IsFinite(most), most, graph.ZerosLike(most))
	e := graph.Exp(graph.Sub(wide, graph.Gather(most, at)))
	member := perSegment(graph.ConvertDType(graph.LogicalAnd(graph.GreaterOrEqual(ids, graph.ZerosLike(ids)), graph.LessThan(ids, graph.ConstAs(ids, n))), dtypes.Bool), x)
	e = graph.Where(member, e, graph.ZerosLike(e))
	sums := graph.Gather(Sum(e, ids, n), at)
	return graph.ConvertDType(graph.Where(member, graph.Div(e, graph.Where(member, sums, graph.OnesLike(sums))), graph.ZerosLike(e)), x.DType())
}

func check(op string, x, ids *graph.Node, n int) {
	switch {
	case x == nil || ids == nil:
		graph.Errorf("%s: an operand is nil", op)
	case x.Rank() == 0:
		graph.Errorf("%s: x is a scalar: it needs a leading axis, along which its elements belong to segments", op)
	case ids.Rank() != 1 || ids.Dim(0) != x.Dim(0):
		graph.Errorf("%s %s · %s: there must be one number of a segment, ids, for each of the %d elements along the leading axis of x", op, x.Shape(), ids.Shape(), x.Dim(0))
	case !ids.DType().IsInt():
		graph.Errorf("%s %s · %s: the numbers of segments must be integers", op, x.Shape(), ids.Shape())
	case n < 0:
		graph.Errorf("%s: there cannot be %d segments", op, n)
	}
}

// of returns the shape of n segments of x.
func of(x *graph.Node, n int) shapes.Shape {
	s := x.Shape().Clone()
	s.Dimensions[0] = n
	return s
}

func filled(x *graph.Node, n int, value float64) *graph.Node {
	return graph.FillScalar(x.Graph(), of(x, n), value)
}

// limit returns segments of what no element is beyond.
func limit(x *graph.Node, n, sign int) *graph.Node {
	if !dtypes.Reals.Has(x.DType()) {
		graph.Errorf("segment: %s is not a dtype that has an order: %s", x.DType(), dtypes.Reals)
	}
	return graph.BroadcastToShape(graph.Infinity(x.Graph(), x.DType(), sign), of(x, n))
}

// perSegment returns a vector with axes of size 1 for those of x that it lacks.
func perSegment(v, x *graph.Node) *graph.Node {
	for v.Rank() < x.Rank() {
		v = graph.ExpandAxes(v, -1)
	}
	return v
}
