// Package stats holds order statistics and counts of arrays: medians and quantiles, the most frequent value, histograms; and how alike the
// vectors of two arrays are. Means and variances are reductions of package graph.
//
// Negative axes count from the end. The functions panic with [graph.Error] if shapes or dtypes do not fit.
package stats

import (
	"fmt"
	"math"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

// Median returns the median of x along an axis, which is removed: the element in the middle of their order, or the mean of the two
// elements there. It is NaN if an element is. The gradient goes back to these elements. x is a float; the axis must not be empty.
func Median(x *graph.Node, axis int) *graph.Node { return quantile("Median", x, 0.5, axis) }

// Quantile returns the element of x along an axis, which is removed, below which a part q of them lie, interpolated between
// neighbours:
//
//	y = s[i] + f·(s[i+1] - s[i]),  i + f = q·(n - 1), s the elements in ascending order
//
// This is what NumPy and R (type 7) do by default. It is NaN if an element is. The gradient goes back to the two elements. q is from 0
// to 1; x is a float; the axis must not be empty.
//
// Source: Hyndman and Fan, "Sample quantiles in statistical packages", 1996, definition 7.
func Quantile(x *graph.Node, q float64, axis int) *graph.Node {
	if !(q >= 0 && q <= 1) {
		graph.Errorf("stats.Quantile: the part q is from 0 to 1, not %v", q)
	}
	return quantile("Quantile", x, q, axis)
}

func quantile(op string, x *graph.Node, q float64, axis int) *graph.Node {
	a, n := along(op, x, axis, dtypes.Floats)
	sorted := graph.Sort(x, a, true) // NaN last
	at := q * float64(n-1)
	i := int(math.Floor(at))
	low := element(sorted, a, i)
	y := low
	if f := at - float64(i); f > 0 {
		high := element(sorted, a, i+1)
		// No difference of infinities that are equal, which would be NaN.
		y = graph.Where(graph.Equal(low, high), low, graph.Add(low, graph.MulScalar(graph.Sub(high, low), f)))
	}
	last := element(sorted, a, n-1)
	return graph.Where(graph.IsNaN(last), last, y)
}

// Mode returns the most frequent element of x along an axis, which is removed, and how often it comes, an int32: the smallest of
// several. All NaNs are one, and larger than numbers. The mode's gradient goes back to one element that has it. x is of a real dtype;
// the axis must not be empty.
func Mode(x *graph.Node, axis int) (values, counts *graph.Node) {
	a, n := along("Mode", x, axis, dtypes.Reals)
	sorted := graph.Sort(x, a, true)
	place := graph.Iota(x.Graph(), shapes.Make(dtypes.Int32, x.Shape().Dimensions...), a)
	begins := graph.ZerosLike(place) // where the run of equal elements begins
	if n > 1 {
		prev, next := graph.SliceAxis(sorted, a, graph.AxisRangeFromStart(n-1)), graph.SliceAxis(sorted, a, graph.AxisRangeToEnd(1))
		change := graph.NotEqual(prev, next)
		if x.DType().IsFloat() {
			change = graph.LogicalAnd(change, graph.LogicalNot(graph.LogicalAnd(graph.IsNaN(prev), graph.IsNaN(next))))
		}
		later := graph.SliceAxis(place, a, graph.AxisRangeToEnd(1))
		begins = graph.GrowLeft(graph.Where(change, later, graph.ZerosLike(later)), a, 1, 0)
		begins = graph.CumMax(begins, a)
	}
	length := graph.OnePlus(graph.Sub(place, begins))
	at := graph.ExpandAxes(graph.ArgMax(length, a), a)
	pick := graph.Equal(place, at)
	chosen := graph.Where(pick, sorted, graph.ZerosLike(sorted)) // one element and zeros
	return graph.ReduceSum(chosen, a), graph.ReduceMax(length, a)
}

// Skewness returns the skewness of x over the given axes, which are removed; over all axes if none are given:
//
//	y = mean((x - m)³) / mean((x - m)²)^1.5,  m = mean(x)
//
// It is the population's, without correction for its size, and NaN where all elements are equal. x is a float.
func Skewness(x *graph.Node, axes ...int) *graph.Node {
	need("Skewness", x, dtypes.Floats)
	wide := x
	if x.DType().IsHalf() {
		wide = graph.ConvertDType(x, dtypes.Float32)
	}
	c := graph.Sub(wide, graph.ReduceAndKeep(wide, graph.ReduceMean, axes...))
	second := graph.ReduceMean(graph.Square(c), axes...)
	third := graph.ReduceMean(graph.Mul(graph.Square(c), c), axes...)
	return graph.ConvertDType(graph.Div(third, graph.Mul(second, graph.Sqrt(second))), x.DType())
}

// Bincount returns how often each of the numbers 0 … length-1 comes in x, as int32, or, with weights of x's dimensions, the sum of
// their weights, in the weights' dtype. Other numbers are left out. x is of an integer dtype.
func Bincount(x *graph.Node, length int, weights ...*graph.Node) *graph.Node {
	need("Bincount", x, dtypes.Ints)
	if length < 0 {
		graph.Errorf("stats.Bincount: there cannot be %d numbers", length)
	}
	w := graph.OnesLike(graph.ConvertDType(x, dtypes.Int32))
	switch {
	case len(weights) > 1:
		graph.Errorf("stats.Bincount: %d arrays of weights were given, not one", len(weights))
	case len(weights) == 1:
		need("Bincount", weights[0], dtypes.Numbers)
		if w = weights[0]; !w.Shape().EqualDimensions(x.Shape()) {
			graph.Errorf("stats.Bincount %s · %s: each element needs a weight", x.Shape(), w.Shape())
		}
	}
	n := x.Shape().Size()
	return graph.Scatter(graph.Reshape(x, n, 1), graph.Reshape(w, n), shapes.Make(w.DType(), length), false, false)
}

// Histogram returns how many elements of x lie between neighbours of edges, as int32, one fewer than there are edges:
//
//	y[i] = number of elements with edges[i] ≤ x < edges[i+1],  for the last of them x ≤ edges[i+1]
//
// What is outside, and NaN, is left out. edges is a vector in ascending order (which is not checked), of x's dtype, an integer or a
// float.
func Histogram(x, edges *graph.Node) *graph.Node {
	need("Histogram", x, dtypes.Reals)
	need("Histogram", edges, dtypes.Reals)
	switch {
	case edges.DType() != x.DType():
		graph.Errorf("stats.Histogram %s · %s: dtypes differ: %s and %s (convert one with ConvertDType)", x.Shape(), edges.Shape(), x.DType(), edges.DType())
	case edges.Rank() != 1 || edges.Dim(0) < 2:
		graph.Errorf("stats.Histogram %s · %s: the edges are a vector of two at least", x.Shape(), edges.Shape())
	}
	n := edges.Dim(0) - 1
	flat := graph.Reshape(x, x.Shape().Size())
	bin := graph.MinusOne(graph.SearchSorted(edges, flat, true))
	last := graph.Equal(flat, graph.Squeeze(graph.SliceAxis(edges, 0, graph.AxisElem(n)), 0))
	bin = graph.Where(last, graph.ConstAs(bin, n-1), bin)
	if x.DType().IsFloat() {
		bin = graph.Where(graph.IsNaN(flat), graph.ConstAs(bin, -1), bin)
	}
	return Bincount(bin, n)
}

// CrossCosineSimilarity returns the cosine of the angle between each vector of x and each of y:
//
//	z[b…, i, j] = Σ_k x[b…, i, k]·conj(y[b…, j, k]) / (√(Σ_k |x[b…, i, k]|²) · √(Σ_k |y[b…, j, k]|²))
//
// where the vectors lie along axis and are counted along crossAxis of both, which may differ in size there; all other axes are batches b…, whose
// sizes are those of both. Negative axes count from the end. With a vector of length 0 it is 0. x and y have the same rank and dtype, a float or
// complex, which is the result's. [graph.CosineSimilarity] compares vectors one by one.
func CrossCosineSimilarity(x, y *graph.Node, axis, crossAxis int) *graph.Node {
	const op = "CrossCosineSimilarity"
	need(op, x, dtypes.Inexact)
	need(op, y, dtypes.Inexact)
	a, c := graph.MustAdjustAxis(axis, x), graph.MustAdjustAxis(crossAxis, x)
	fail := func(format string, args ...any) {
		graph.Errorf("stats.%s %s · %s: %s", op, x.Shape(), y.Shape(), fmt.Sprintf(format, args...))
	}
	switch {
	case x.DType() != y.DType():
		fail("dtypes differ: %s and %s (convert one with ConvertDType)", x.DType(), y.DType())
	case x.Rank() != y.Rank():
		fail("the arrays must have as many axes, not %d and %d", x.Rank(), y.Rank())
	case a == c:
		fail("axis %d cannot be both along the vectors and across them", a)
	}
	var batch []int
	for i := range x.Rank() {
		if i != c && x.Dim(i) != y.Dim(i) {
			fail("axis %d has %d elements against %d: only axis %d, across the vectors, may differ", i, x.Dim(i), y.Dim(i), c)
		}
		if i != a && i != c {
			batch = append(batch, i)
		}
	}
	unit := func(x *graph.Node) *graph.Node {
		if x.DType().IsHalf() {
			x = graph.ConvertDType(x, dtypes.Float32)
		}
		return graph.L2Normalize(x, a)
	}
	z := graph.DotGeneral(unit(x), []int{a}, batch, graph.Conj(unit(y)), []int{a}, batch)
	return graph.ConvertDType(z, x.DType())
}

func need(op string, x *graph.Node, takes dtypes.Set) {
	switch {
	case x == nil:
		graph.Errorf("stats.%s: an operand is nil", op)
	case !takes.Has(x.DType()):
		graph.Errorf("stats.%s %s: %s is not a dtype that it takes: %s (convert it with ConvertDType)", op, x.Shape(), x.DType(), takes)
	}
}

// along returns the axis counted from 0, and its size.
func along(op string, x *graph.Node, axis int, takes dtypes.Set) (a, n int) {
	need(op, x, takes)
	a = graph.MustAdjustAxis(axis, x)
	if n = x.Dim(a); n == 0 {
		graph.Errorf("stats.%s %s: axis %d is empty", op, x.Shape(), a)
	}
	return a, n
}

// element returns the elements of x at one place of an axis, which is removed.
func element(x *graph.Node, axis, i int) *graph.Node {
	return graph.Squeeze(graph.SliceAxis(x, axis, graph.AxisElem(i)), axis)
}
