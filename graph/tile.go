package graph

import (
	"errors"
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

// Tile returns x repeated as a whole, times[i] times along axis i:
//
//	Tile([1 2 3], 2) = [1 2 3 1 2 3]
//
// If there are fewer times than axes they are of the last ones; if there are more, x gets leading axes of size 1.
func Tile(x *Node, times ...int) *Node {
	need("Tile", x)
	if a := slices.IndexFunc(times, func(n int) bool { return n < 0 }); a >= 0 {
		x.graph.fail("Tile", []shapes.Shape{x.Shape()}, fmt.Errorf("nothing can be repeated %d times", times[a]))
	}
	for x.Rank() < len(times) {
		x = ExpandAxes(x, 0)
	}
	times = append(filled(x.Rank()-len(times), 1), times...)
	var apart, tiled, joined []int // a new axis before each
	for a, n := range x.Shape().Dimensions {
		apart, tiled, joined = append(apart, 1, n), append(tiled, times[a], n), append(joined, times[a]*n)
	}
	return nameUnchanged(Reshape(BroadcastToDims(Reshape(withoutNames(x), apart...), tiled...), joined...), x)
}

// Repeat returns x with each of its elements repeated along an axis:
//
//	Repeat([1 2 3], 2, 0) = [1 1 2 2 3 3]
//
// A negative axis counts from the end.
func Repeat(x *Node, times, axis int) *Node {
	a := adjust1("Repeat", x, axis)
	if times < 0 {
		x.graph.fail("Repeat", []shapes.Shape{x.Shape()}, fmt.Errorf("nothing can be repeated %d times", times))
	}
	dims := x.Shape().Dimensions
	repeated := slices.Insert(slices.Clone(dims), a+1, times)
	y := BroadcastToDims(ExpandAxes(withoutNames(x), a+1), repeated...)
	joined := slices.Clone(dims)
	joined[a] *= times
	return nameUnchanged(Reshape(y, joined...), x)
}

// nameUnchanged gives y the names of those axes of x that have the same size.
func nameUnchanged(y, x *Node) *Node {
	if !x.Shape().HasNames() {
		return y
	}
	names := make([]string, y.Rank())
	for a := range names {
		if y.Dim(a) == x.Dim(a) {
			names[a] = x.Shape().Name(a)
		}
	}
	return y.WithAxisNames(names...)
}

// Roll returns x moved by n places along an axis, what leaves it at one end coming back at the other:
//
//	y[(i + n) mod size] = x[i]
//
// A negative axis counts from the end, a negative n moves towards the beginning.
func Roll(x *Node, n, axis int) *Node {
	a := adjust1("Roll", x, axis)
	size := x.Dim(a)
	if size == 0 {
		return x
	}
	n = (n%size + size) % size
	if n == 0 {
		return x
	}
	return Concatenate([]*Node{sliceAlong(x, a, size-n, size), sliceAlong(x, a, 0, size-n)}, a)
}

// Outer returns the products of all elements of x and of y:
//
//	z[i…, j…] = x[i…] · y[j…]
//
// Both have the same dtype, a number.
func Outer(x, y *Node) *Node {
	need("Outer", x, y)
	return DotGeneral(x, nil, nil, y, nil, nil)
}

// Kron returns the Kronecker product of x and y, of the same rank and dtype: y put at each element of x, times that element.
//
//	z[i·n + k, …] = x[i, …] · y[k, …], n the size of y's axis
//
// x is a number. For matrices the result is the matrix of blocks x[i, j]·y.
func Kron(x, y *Node) *Node {
	need("Kron", x, y)
	if x.Rank() != y.Rank() {
		x.graph.fail("Kron", inShapes([]*Node{x, y}), fmt.Errorf("ranks differ: %d and %d (add axes of size 1 with ExpandAxes)", x.Rank(), y.Rank()))
	}
	var left, right, joined []int
	for a := range x.Rank() {
		m, n := x.Dim(a), y.Dim(a)
		left, right, joined = append(left, m, 1), append(right, 1, n), append(joined, m*n)
	}
	return Reshape(Mul(Reshape(withoutNames(x), left...), Reshape(withoutNames(y), right...)), joined...)
}

// Trace returns the sums of the main diagonals of the matrices that x holds in its last two axes, which are removed:
//
//	y = Σ x[i, i]
//
// The matrices need not be square. x is a number.
func Trace(x *Node) *Node {
	need("Trace", x)
	if x.Rank() < 2 {
		x.graph.fail("Trace", []shapes.Shape{x.Shape()}, errors.New("a matrix has two axes, the last ones"))
	}
	n := min(x.Dim(-2), x.Dim(-1))
	r := x.Rank()
	x = sliceAlong(sliceAlong(x, r-2, 0, n), r-1, 0, n)
	return Einsum("...ii->...", withoutNames(x))
}

// Meshgrid returns, for each of the vectors xs, an array with an axis for each of them, along which its values change:
//
//	z_k[i_0, i_1, …] = x_k[i_k]
//
// This is what NumPy calls the indexing "ij".
func Meshgrid(xs ...*Node) []*Node {
	need("Meshgrid", xs...)
	dims := make([]int, len(xs))
	for k, x := range xs {
		if x.Rank() != 1 {
			x.graph.fail("Meshgrid", inShapes(xs), fmt.Errorf("operand %d must be a vector, it has %d axes", k, x.Rank()))
		}
		dims[k] = x.Dim(0)
	}
	grids := make([]*Node, len(xs))
	for k, x := range xs {
		column := filled(len(xs), 1)
		column[k] = dims[k]
		grids[k] = BroadcastToDims(Reshape(withoutNames(x), column...), dims...)
	}
	return grids
}

// NormalizeIndices returns indices of an axis of x in which negative ones, which count from the end of the axis, are replaced by
// those that count from 0. indices are signed integers, of any shape.
func NormalizeIndices(x, indices *Node, axis int) *Node {
	a := adjust1("NormalizeIndices", x, axis)
	need("NormalizeIndices", x, indices)
	takesOnly("NormalizeIndices", indices, dtypes.Signed)
	return Where(IsNegative(indices), AddScalar(indices, x.Dim(a)), indices)
}

// GatherWithBatchDims is [Gather] in each of the batches that params and indices have in their leading axes, as many as
// batchDims:
//
//	y[b…, i…, r…] = params[b…, indices[b…, i…, 0], …, indices[b…, i…, k-1], r…]
//
// params is [b…, d0, …, dk-1, r…], indices [b…, i…, k] of an integer dtype.
func GatherWithBatchDims(params, indices *Node, batchDims int) *Node {
	need("GatherWithBatchDims", params, indices)
	in := inShapes([]*Node{params, indices})
	if batchDims < 0 || batchDims >= indices.Rank() || batchDims >= params.Rank() {
		params.graph.fail("GatherWithBatchDims", in, fmt.Errorf("%d axes of batches leave no axis that is indexed, or no axis of indices", batchDims))
	}
	if indices.DType().IsInt() && indices.DType().Size() < dtypes.Int32.Size() { // batches may be more than an int8 counts
		indices = ConvertDType(indices, dtypes.Int32)
	}
	at := []*Node{}
	dims := indices.Shape().Dimensions
	for a := range batchDims {
		if dims[a] != params.Dim(a) {
			params.graph.fail("GatherWithBatchDims", in, fmt.Errorf("batches: axis %d: %d against %d", a, params.Dim(a), dims[a]))
		}
		one := slices.Clone(dims)
		one[len(one)-1] = 1
		at = append(at, Iota(params.graph, shapes.Make(indices.DType(), one...), a))
	}
	return Gather(withoutNames(params), Concatenate(append(at, withoutNames(indices)), -1))
}
