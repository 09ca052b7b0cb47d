package graph

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

// Shape rules and gradient helpers that rows share.

// sameShape is the rule of ops whose result looks like their first operand.
func sameShape(_ any, in []shapes.Shape) (shapes.Shape, error) { return in[0], nil }

// broadcastRule is the rule of elementwise ops: all operands of one dtype, their shapes broadcast.
func broadcastRule(_ any, in []shapes.Shape) (shapes.Shape, error) { return broadcast(in) }

// broadcast is [shapes.Broadcast] whose error says what to do with an operand that has the leading axes of the other.
func broadcast(in []shapes.Shape) (shapes.Shape, error) {
	s, err := shapes.Broadcast(in...)
	if err == nil || len(in) != 2 {
		return s, err
	}
	for i, few := range in {
		all := in[1-i]
		if n := few.Rank(); n > 0 && n < all.Rank() && slices.Equal(few.Dimensions, all.Dimensions[:n]) {
			missing := make([]string, all.Rank()-n)
			for k := range missing {
				missing[k] = fmt.Sprint(k - len(missing))
			}
			return s, fmt.Errorf("%w (axes are matched from the last one on: ExpandAxes(x, %s) of operand %d makes it go along the first)", err, strings.Join(missing, ", "), i)
		}
	}
	return s, err
}

// compareRule is broadcastRule with a bool result.
func compareRule(_ any, in []shapes.Shape) (shapes.Shape, error) {
	s, err := broadcast(in)
	return s.WithDType(dtypes.Bool), err
}

// unbroadcast sums dx, a gradient in the broadcast shape, back to x's shape.
func unbroadcast(dx, x *Node) *Node {
	if dx == nil || dx.Shape().EqualDimensions(x.Shape()) {
		return dx
	}
	skip := dx.Rank() - x.Rank()
	var axes []int
	for i, d := range dx.Shape().Dimensions {
		if i < skip || x.Shape().Dimensions[i-skip] == 1 && d != 1 {
			axes = append(axes, i)
		}
	}
	if len(axes) > 0 {
		dx = ReduceSum(dx, axes...)
	}
	return Reshape(dx, x.Shape().Dimensions...)
}

// broadcastIndex returns a function from the flat index of an element of out to that of the element of in
// that it comes from.
func broadcastIndex(out, in shapes.Shape) func(i int) int {
	strides := in.Strides()
	skip := out.Rank() - in.Rank()
	for i, d := range in.Dimensions {
		if d == 1 {
			strides[i] = 0
		}
	}
	return func(i int) int {
		j := 0
		for axis := out.Rank() - 1; axis >= 0; axis-- {
			if axis >= skip {
				j += i % out.Dimensions[axis] * strides[axis-skip]
			}
			i /= out.Dimensions[axis]
		}
		return j
	}
}

// need panics with Error if a node is nil; for functions that look at a node before they apply an op.
func need(op string, nodes ...*Node) {
	for i, x := range nodes {
		if x == nil {
			panic(&Error{Op: op, Err: fmt.Errorf("operand %d is nil", i), pcs: callSite()})
		}
	}
}

// adjust returns the axes counted from 0 and sorted, all of them if none are given; it panics with Error.
func adjust(op string, x *Node, axes []int) []int {
	need(op, x)
	a, err := shapes.AdjustAxes(axes, x.Rank())
	if err != nil {
		x.graph.fail(op, []shapes.Shape{x.Shape()}, err)
	}
	return a
}

// adjust1 returns an axis counted from 0; it panics with Error.
func adjust1(op string, x *Node, axis int) int {
	need(op, x)
	a, err := shapes.AdjustAxis(axis, x.Rank())
	if err != nil {
		x.graph.fail(op, []shapes.Shape{x.Shape()}, err)
	}
	return a
}

// wantRank returns an error unless s has the given number of axes.
func wantRank(what string, s shapes.Shape, rank int) error {
	if s.Rank() != rank {
		return fmt.Errorf("%s must have %d axes, not %d", what, rank, s.Rank())
	}
	return nil
}
