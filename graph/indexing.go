package graph

import (
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Index arithmetic that the meanings and shape rules of structural ops share.

// unravel writes the index of flat element i of a row-major array of the given dimensions.
func unravel(i int, dims, index []int) {
	for axis := len(dims) - 1; axis >= 0; axis-- {
		index[axis] = i % dims[axis]
		i /= dims[axis]
	}
}

// ravel returns the offset of index under strides.
func ravel(index, strides []int) int {
	offset := 0
	for axis, i := range index {
		offset += i * strides[axis]
	}
	return offset
}

// copyElement copies element j of src to element i of dst, which has the same dtype.
func copyElement(dst *tensors.Tensor, i int, src *tensors.Tensor, j int) {
	size := dst.DType().Size()
	copy(dst.Storage().Bytes()[i*size:(i+1)*size], src.Storage().Bytes()[j*size:(j+1)*size])
}

// indexMap returns, for moveRef, the function from flat result elements to flat operand elements that
// at gives in indices; at returns false for a zero.
func indexMap(out, in shapes.Shape, at func(to, from []int) bool) func(i int) int {
	to, from := make([]int, out.Rank()), make([]int, in.Rank())
	strides := in.Strides()
	return func(i int) int {
		unravel(i, out.Dimensions, to)
		if !at(to, from) {
			return -1
		}
		return ravel(from, strides)
	}
}

// pick returns the shape of s's axes in the given order; -1 stands for a new, unnamed axis of size 1.
func pick(s shapes.Shape, axes []int) shapes.Shape {
	dims, names := make([]int, len(axes)), make([]string, len(axes))
	for i, a := range axes {
		if a < 0 {
			dims[i] = 1
			continue
		}
		dims[i], names[i] = s.Dimensions[a], s.Name(a)
	}
	return shapes.Make(s.DType, dims...).WithAxisNames(names...)
}

// withDims returns s, names included, with other dimensions for the same axes.
func withDims(s shapes.Shape, dims []int) shapes.Shape {
	s.Dimensions = dims
	return s
}

// axesExcept returns the axes 0 … rank-1 that are in none of the lists, in order.
func axesExcept(rank int, lists ...[]int) []int {
	var rest []int
	for a := range rank {
		if !slices.ContainsFunc(lists, func(l []int) bool { return slices.Contains(l, a) }) {
			rest = append(rest, a)
		}
	}
	return rest
}

// axesFrom returns from, from+1, …, n of them.
func axesFrom(from, n int) []int {
	axes := make([]int, n)
	for i := range axes {
		axes[i] = from + i
	}
	return axes
}

// filled returns n times v.
func filled(n, v int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = v
	}
	return s
}

// product returns the product of dims.
func product(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

// inverse returns the permutation that undoes perm.
func inverse(perm []int) []int {
	inv := make([]int, len(perm))
	for i, p := range perm {
		inv[p] = i
	}
	return inv
}

// checkAxes returns an error unless axes are distinct axes of s counted from 0, as attributes hold them.
func checkAxes(what string, axes []int, rank int) error {
	for i, a := range axes {
		if a < 0 || a >= rank {
			return fmt.Errorf("%s: axis %d of an operand with %d axes", what, a, rank)
		}
		if slices.Contains(axes[:i], a) {
			return fmt.Errorf("%s: axis %d is given twice", what, a)
		}
	}
	return nil
}

// sameDType returns an error unless all operands have the first one's dtype.
func sameDType(in []shapes.Shape) error {
	for _, s := range in {
		if s.DType != in[0].DType {
			return fmt.Errorf("dtypes differ: %s and %s (convert one with ConvertDType)", in[0].DType, s.DType)
		}
	}
	return nil
}

// listOf returns axes counted from 0 in the order given, [] if there are none; it panics with Error.
func listOf(op string, x *Node, axes []int) []int {
	out := make([]int, len(axes))
	for i, a := range axes {
		out[i] = adjust1(op, x, a)
	}
	if err := checkAxes("axes", out, x.Rank()); err != nil {
		x.graph.fail(op, []shapes.Shape{x.Shape()}, err)
	}
	return out
}

// tooFar reports whether a number of elements is beyond what sums of a few of its products with sizes of
// tensors can hold, and cannot be meant.
func tooFar(values ...int) bool {
	const far = 1 << 30
	return slices.ContainsFunc(values, func(v int) bool { return v > far || v < -far })
}
