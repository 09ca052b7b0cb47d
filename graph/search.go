package graph

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

// SearchSorted returns where values belong in sorted arrays, as int32 indices that keep the order: before the elements of sorted
// that are equal to the value, or, with right, after them.
//
//	sorted[…, y-1] < values ≤ sorted[…, y]   (left)
//	sorted[…, y-1] ≤ values < sorted[…, y]   (right)
//
// sorted is [b…, n], in ascending order along its last axis (which is not checked) with any NaN last, values [b…, m…] of the same
// dtype; the result has the shape of values, its elements 0 to n. The search is binary, all values at once.
func SearchSorted(sorted, values *Node, right bool) *Node {
	need("SearchSorted", sorted, values)
	in := inShapes([]*Node{sorted, values})
	g, batch := sorted.graph, sorted.Rank()-1
	takesOnly("SearchSorted", sorted, dtypes.Reals)
	switch {
	case sorted.DType() != values.DType():
		g.fail("SearchSorted", in, fmt.Errorf("dtypes differ: %s and %s (convert one with ConvertDType)", sorted.DType(), values.DType()))
	case batch < 0:
		g.fail("SearchSorted", in, errors.New("what is sorted needs an axis"))
	case values.Rank() < batch || !slices.Equal(values.Shape().Dimensions[:batch], sorted.Shape().Dimensions[:batch]):
		g.fail("SearchSorted", in, fmt.Errorf("the values must have the first %d axes of what is sorted", batch))
	}
	sorted, values = withoutNames(sorted), withoutNames(values)
	n := sorted.Dim(-1)
	low := Zeros(g, shapes.Make(dtypes.Int32, values.Shape().Dimensions...))
	if n == 0 || low.Shape().Size() == 0 {
		return low
	}
	before := func(at *Node) *Node { // whether the element comes before the value
		v := GatherWithBatchDims(sorted, ExpandAxes(at, -1), batch)
		if right {
			return LogicalNot(sortsBefore(values, v))
		}
		return sortsBefore(v, values)
	}
	high := AddScalar(low, n)
	g.BranchOn("SearchSorted", n) // takes as many turns as its size has digits
	state := ForI(bits.Len(uint(n)), []*Node{low, high}, func(_ *Node, s []*Node) []*Node {
		low, high := s[0], s[1]
		mid := Add(low, BitwiseShiftRightLogicalScalar(Sub(high, low), 1))
		up := LogicalAnd(LessThan(low, high), before(mid))
		return []*Node{Where(up, OnePlus(mid), low), Where(LogicalOr(up, GreaterOrEqual(low, high)), high, mid)}
	})
	return state[0]
}

// sortsBefore returns whether x comes before y in the order of [Sort].
func sortsBefore(x, y *Node) *Node {
	less := LessThan(x, y)
	if x.DType().IsFloat() {
		less = LogicalOr(less, LogicalAnd(IsNaN(y), LogicalNot(IsNaN(x))))
	}
	return less
}

// Unique returns the distinct elements of x in ascending order, in a vector of a size that is chosen when the graph is built, and
// how many there are:
//
//   - values, [size], are the first size of them, the rest is zeros;
//   - inverse, int32 of x's shape, is the place of each element of x in values (also of those for which values had no room);
//   - counts, int32 of [size], is how often each comes in x;
//   - n, an int32 scalar, is how many there are, perhaps more than size.
//
// All NaNs are one, and -0 is 0. x is of a real dtype.
func Unique(x *Node, size int) (values, inverse, counts, n *Node) {
	need("Unique", x)
	takesOnly("Unique", x, dtypes.Reals)
	if size < 0 {
		x.graph.fail("Unique", []shapes.Shape{x.Shape()}, fmt.Errorf("there cannot be %d distinct elements", size))
	}
	g, dims, m := x.graph, x.Shape().Dimensions, x.Shape().Size()
	values = Zeros(g, shapes.Make(x.DType(), size))
	counts = Zeros(g, shapes.Make(dtypes.Int32, size))
	if m == 0 {
		return values, Zeros(g, shapes.Make(dtypes.Int32, dims...)), counts, ScalarZero(g, dtypes.Int32)
	}
	sorted, from := SortWithIndices(Reshape(withoutNames(x), m), 0, true)
	first := Ones(g, shapes.Make(dtypes.Bool, 1))
	if m > 1 {
		first = Concatenate([]*Node{first, sortsBefore(sliceAlong(sorted, 0, 0, m-1), sliceAlong(sorted, 0, 1, m))}, 0)
	}
	group := MinusOne(CumSum(ConvertDType(first, dtypes.Int32), 0))
	outside := Scalar(g, dtypes.Int32, math.MaxInt32) // is dropped
	values = ScatterUpdate(values, ExpandAxes(Where(first, group, outside), -1), sorted, false, true)
	counts = ScatterSum(counts, ExpandAxes(group, -1), OnesLike(group), true, false)
	inverse = ScatterUpdate(ZerosLike(group), ExpandAxes(from, -1), group, false, true)
	n = Reshape(OnePlus(sliceAlong(group, 0, m-1, m)))
	return values, Reshape(inverse, dims...), counts, n
}

// NonZero returns the indices of the elements of x that are not zero, in row-major order, in an array of a size that is chosen
// when the graph is built, and how many there are:
//
//   - indices, int32 of [size, rank of x], are those of the first size of them; the rest is -1, which scatters drop;
//   - n, an int32 scalar, is how many there are, perhaps more than size.
//
// NaN is not zero. x is of any dtype, and not a scalar.
func NonZero(x *Node, size int) (indices, n *Node) {
	need("NonZero", x)
	in := []shapes.Shape{x.Shape()}
	switch {
	case x.Rank() == 0:
		x.graph.fail("NonZero", in, errors.New("a scalar has no indices"))
	case size < 0:
		x.graph.fail("NonZero", in, fmt.Errorf("there cannot be %d elements", size))
	case x.Shape().Size() > math.MaxInt32:
		x.graph.fail("NonZero", in, errors.New("it has more elements than int32 indices reach"))
	}
	g, m := x.graph, x.Shape().Size()
	holds := ConvertDType(Reshape(withoutNames(x), m), dtypes.Bool)
	at := CumSum(ConvertDType(holds, dtypes.Int32), 0)
	n = ReduceSum(ConvertDType(holds, dtypes.Int32))
	outside := Scalar(g, dtypes.Int32, math.MaxInt32) // is dropped
	none := FillScalar(g, shapes.Make(dtypes.Int32, size), -1)
	flat := none
	if m > 0 && size > 0 {
		flat = ScatterUpdate(none, ExpandAxes(Where(holds, MinusOne(at), outside), -1), Iota(g, shapes.Make(dtypes.Int32, m), 0), false, true)
	}
	columns := make([]*Node, x.Rank())
	for a, stride := range x.Shape().Strides() {
		i := flat
		if m > 0 {
			i = ModScalar(DivScalar(flat, stride), x.Dim(a))
		}
		columns[a] = Where(IsNegative(flat), none, i)
	}
	return Stack(columns, -1), n
}
