package graph

import (
	"errors"
	"fmt"
	"math"
	"math/bits"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

// SortFunc returns arrays whose elements are put in one order along an axis, in which those come first of which before says so:
//
//	sorted := SortFunc([]*Node{keys, values}, 0, func(a, b []*Node) *Node { return LessThan(a[0], b[0]) })
//
// All xs have the same dimensions and are moved alike. before gets as many arrays as there are xs twice, of any shape, and returns
// bools of that shape, each made of the elements at its own place: whether a comes before b. It must be a strict weak order; those
// of which neither comes first keep their order. A negative axis counts from the end. The gradient goes back to where the elements
// came from. [Sort] and [SortWithIndices] are faster where the order is that of numbers.
//
// It makes log₂(n)·(log₂(n)+1)/2 turns of a loop over all elements.
//
// Source: Batcher, "Sorting networks and their applications", 1968 (bitonic sorter).
func SortFunc(xs []*Node, axis int, before func(a, b []*Node) *Node) []*Node {
	const op = "SortFunc"
	if len(xs) == 0 {
		panic(&Error{Op: op, Err: errors.New("there are no arrays to sort"), pcs: callSite()})
	}
	need(op, xs...)
	g, a := xs[0].graph, adjust1(op, xs[0], axis)
	n := xs[0].Dim(a)
	switch {
	case before == nil:
		g.fail(op, inShapes(xs), errors.New("the function that compares is nil"))
	case n > math.MaxInt32/2:
		g.fail(op, inShapes(xs), fmt.Errorf("axis %d has %d elements, more than int32 indices reach", a, n))
	}
	for i, x := range xs {
		if !x.Shape().EqualDimensions(xs[0].Shape()) {
			g.fail(op, inShapes(xs), fmt.Errorf("array %d has other dimensions than the first: %s against %s", i, x.Shape().Dims(), xs[0].Shape().Dims()))
		}
	}
	if n < 2 || xs[0].Shape().Size() == 0 {
		return xs
	}
	from := sortedFrom(op, xs, a, before)
	ys := make([]*Node, len(xs))
	for i, x := range xs {
		ys[i] = nameLike(Gather(withoutNames(x), alongAxis(from, a)), x.Shape())
	}
	return ys
}

// sortedFrom returns where the elements of the sorted arrays come from along the axis: a bitonic sorting network, a turn of a loop
// for each of its columns, on arrays that are padded to a power of two by elements that come after all others.
func sortedFrom(op string, xs []*Node, axis int, before func(a, b []*Node) *Node) *Node {
	g, n := xs[0].graph, xs[0].Dim(axis)
	size := 1 << bits.Len(uint(n-1))
	g.BranchOn(op, n)
	state := make([]*Node, 0, len(xs)+1) // the sorted axis first; last of all where elements came from
	for _, x := range xs {
		x = StopGradient(withoutNames(x))
		x = transposeTo(x, append([]int{axis}, axesExcept(x.Rank(), []int{axis})...))
		if size > n {
			more := x.Shape().Clone()
			more.Dimensions[0] = size - n
			x = Concatenate([]*Node{x, Zeros(g, more)}, 0)
		}
		state = append(state, x)
	}
	state = append(state, Iota(g, shapes.Make(dtypes.Int32, state[0].Shape().Dimensions...), 0))

	// The order is total: elements that are there come first, equal ones as they were.
	precedes := func(a, b []*Node) *Node {
		less := func(a, b []*Node) *Node {
			y := before(a[:len(xs)], b[:len(xs)])
			switch {
			case y == nil || y.DType() != dtypes.Bool || !y.Shape().EqualDimensions(a[0].Shape()):
				what := "nil"
				if y != nil {
					what = y.Shape().String()
				}
				g.fail(op, inShapes(xs), fmt.Errorf("the function that compares returned %s for arrays of %s: it must return a bool for each element", what, a[0].Shape().Dims()))
			}
			return y
		}
		from, to := a[len(xs)], b[len(xs)]
		earlier, there := LessThan(from, to), LogicalAnd(LessThan(from, ConstAs(from, n)), LessThan(to, ConstAs(to, n)))
		byValue := LogicalOr(less(a, b), LogicalAnd(LogicalNot(less(b, a)), earlier))
		return Where(there, byValue, earlier)
	}
	var blocks, steps []int32
	for block := 2; block <= size; block *= 2 {
		for step := block / 2; step > 0; step /= 2 {
			blocks, steps = append(blocks, int32(block)), append(steps, int32(step))
		}
	}
	column := make([]int, state[0].Rank())
	for i := range column {
		column[i] = 1
	}
	column[0] = size
	place := Iota(g, shapes.Make(dtypes.Int32, column...), 0)
	last, _ := Scan(state, []*Node{Const(g, blocks), Const(g, steps)}, func(carry, x []*Node) (next, y []*Node) {
		block, step := x[0], x[1]
		partner := Reshape(BitwiseXor(place, step), size, 1)
		other := make([]*Node, len(carry))
		for i, c := range carry {
			other[i] = Gather(c, partner)
		}
		first := Equal(IsZero(BitwiseAnd(place, step)), IsZero(BitwiseAnd(place, block))) // whether the place gets the one that comes first
		keep := Equal(precedes(carry, other), first)
		for i, c := range carry {
			next = append(next, Where(keep, c, other[i]))
		}
		return next, nil
	}).Done()
	from := sliceAlong(last[len(xs)], 0, 0, n)
	back := make([]int, from.Rank()) // axis a of the result is axis back[a]
	for i, a := range append([]int{axis}, axesExcept(from.Rank(), []int{axis})...) {
		back[a] = i
	}
	return transposeTo(from, back)
}
