package graph

import (
	"errors"
	"fmt"
	"math"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

// ScatterFunc is [ScatterSum] with an associative function of one's own in the place of the sum:
//
//	y = operand;  y[indices[b…], r…] = fn(y[indices[b…], r…], updates[b…, r…])  for every b, in order
//
// fn gets two arrays of the same shape and returns one, each element made of those at its own place; it may be called on parts in
// any grouping, but in order. Updates that point outside of operand are dropped. Gradients are those of fn. Sums, maxima, minima
// and replacing have faster ops: [ScatterSum], [ScatterMax], [ScatterMin], [ScatterUpdate].
//
// The updates are sorted by where they go, and those with the same place are joined by an [AssociativeScan].
func ScatterFunc(operand, indices, updates *Node, fn func(a, b *Node) *Node) *Node {
	const op = "ScatterFunc"
	need(op, operand, indices, updates)
	in := inShapes([]*Node{operand, indices, updates})
	if indices.Rank() == 0 {
		indices = ExpandAxes(indices, 0)
	}
	g := operand.graph
	if fn == nil {
		g.fail(op, in, errors.New("the function is nil"))
	}
	if _, err := scatterRule(nil, inShapes([]*Node{operand, indices, updates})); err != nil {
		g.fail(op, in, err)
	}
	operand, indices, updates = withoutNames(operand), withoutNames(indices), withoutNames(updates)
	if updates.Shape().Size() == 0 || operand.Shape().Size() == 0 {
		return operand
	}
	k := indices.Dim(-1)
	dims, rest := operand.Shape().Dimensions[:k], operand.Shape().Dimensions[k:]
	places := 1
	for _, d := range dims {
		places *= d
	}
	if places > math.MaxInt32-1 {
		g.fail(op, in, fmt.Errorf("%d places are more than int32 indices reach", places))
	}

	// Where each update goes, counted in row-major order; beyond the last place if it is dropped.
	n := indices.Shape().Size() / k
	indices = Reshape(indices, n, k)
	at := Zeros(g, shapes.Make(dtypes.Int32, n))
	for a, stride := range shapes.Strides(dims) {
		at = Add(at, MulScalar(ConvertDType(Squeeze(sliceAlong(indices, 1, a, a+1), 1), dtypes.Int32), stride))
	}
	at = Where(inside(indices, dims), at, ConstAs(at, places))

	sorted, from := SortWithIndices(at, 0, true)
	values := Gather(Reshape(updates, append([]int{n}, rest...)...), ExpandAxes(from, -1))
	column := append([]int{n}, filled(len(rest), 1)...)
	begins, ends := Ones(g, shapes.Make(dtypes.Bool, 1)), Ones(g, shapes.Make(dtypes.Bool, 1))
	if n > 1 {
		change := NotEqual(sliceAlong(sorted, 0, 0, n-1), sliceAlong(sorted, 0, 1, n))
		begins, ends = Concatenate([]*Node{begins, change}, 0), Concatenate([]*Node{change, ends}, 0)
	}
	// Running results that start anew where an update goes to another place than the one before.
	apply := func(a, b *Node) *Node {
		y := fn(a, b)
		if y == nil || !y.Shape().Equal(b.Shape()) {
			what := "nil"
			if y != nil {
				what = y.Shape().String()
			}
			g.fail(op, in, fmt.Errorf("the function makes %s of two %s: it must keep the shape", what, b.Shape()))
		}
		return y
	}
	run := AssociativeScan([]*Node{Reshape(begins, column...), values}, 0, func(a, b []*Node) []*Node {
		return []*Node{LogicalOr(a[0], b[0]), Where(b[0], b[1], apply(a[1], b[1]))}
	})[1]
	flat := Reshape(operand, append([]int{places}, rest...)...)
	joined := apply(Gather(flat, ExpandAxes(sorted, -1)), run)
	last := Where(ends, sorted, ConstAs(sorted, places))
	return Reshape(ScatterUpdate(flat, ExpandAxes(last, -1), joined, false, true), operand.Shape().Dimensions...)
}
