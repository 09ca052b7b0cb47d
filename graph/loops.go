package graph

import (
	"errors"
	"fmt"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

// ForI returns the state after body was applied n times: body maps the number of the turn, an int32 scalar that counts from 0, and
// the state to a state of the same shapes and dtypes. It is a [Scan] without arrays, and as that has gradients. body is called once,
// and may use nodes and variables from around it.
//
// ForI panics with [Error] if n is negative, if there is no state, or if body changes the number of its values, a shape or a dtype.
func ForI(n int, state []*Node, body func(i *Node, state []*Node) []*Node) []*Node {
	if len(state) == 0 {
		panic(&Error{Op: "ForI", Err: errors.New("there is no state: give the values that change"), pcs: callSite()})
	}
	need("ForI", state...)
	g := state[0].graph
	switch {
	case body == nil:
		g.fail("ForI", inShapes(state), errors.New("the body is nil"))
	case n < 0:
		g.fail("ForI", inShapes(state), fmt.Errorf("it cannot have %d turns", n))
	}
	count := Iota(g, shapes.Make(dtypes.Int32, n), 0)
	last, _ := Scan(state, []*Node{count}, func(carry, x []*Node) (next, y []*Node) { return body(x[0], carry), nil }).Done()
	return last
}

// Map returns what fn makes of the slices of xs along their leading axis, each result stacked along a new leading axis:
//
//	y[t] = fn(x[t]),  t = 0 … T-1
//
// The slices are computed one after the other, in the memory of one: an op on the whole xs is faster where there is one. fn is
// called once, and may use nodes and variables from around it. Map is a [Scan] without a carry, and as that has gradients.
//
// It panics with [Error] if there are no arrays, or if they differ in the size of their leading axes.
func Map(fn func(x []*Node) []*Node, xs ...*Node) []*Node {
	if len(xs) == 0 {
		panic(&Error{Op: "Map", Err: errors.New("there are no arrays to go over"), pcs: callSite()})
	}
	need("Map", xs...)
	if fn == nil {
		xs[0].graph.fail("Map", inShapes(xs), errors.New("the function is nil"))
	}
	_, ys := Scan(nil, xs, func(_, x []*Node) (next, y []*Node) { return nil, fn(x) }).Done()
	return ys
}

// Reduce returns what fn makes of the slices of x along an axis, one after the other, beginning with init:
//
//	y = fn(… fn(fn(init, x[0]), x[1]) …, x[T-1])
//
// init has the shape and dtype of the result, and fn returns the same; the slices have lost the axis. A negative axis counts from
// the end. fn is called once, and may use nodes and variables from around it; it need not be associative. Reduce is a [Scan], and
// as that has gradients. Sums, products, maxima and minima have faster ops of their own.
func Reduce(init, x *Node, axis int, fn func(acc, x *Node) *Node) *Node {
	need("Reduce", init, x)
	if fn == nil {
		x.graph.fail("Reduce", []shapes.Shape{init.Shape(), x.Shape()}, errors.New("the function is nil"))
	}
	a := adjust1("Reduce", x, axis)
	x = transposeTo(x, append([]int{a}, axesExcept(x.Rank(), []int{a})...))
	last, _ := Scan([]*Node{init}, []*Node{x}, func(carry, x []*Node) (next, y []*Node) { return []*Node{fn(carry[0], x[0])}, nil }).Done()
	return last[0]
}

// AssociativeScan returns the running results of an associative fn along an axis of xs:
//
//	y[0] = x[0],  y[t] = fn(y[t-1], x[t]) = fn(x[0], fn(x[1], …))
//
// fn takes and returns as many arrays as there are xs, of any size along the axis, and works on each place of it by itself. It is
// called some 2 log₂ T times, on halves, quarters and so on: few large ops, where [Scan] would make T small ones. All xs have the
// same size T along the axis; a negative axis counts from the end. Running backwards is this between two calls of [Reverse].
//
// AssociativeScan panics with [Error] if sizes differ, or if fn returns another number of arrays or other shapes.
//
// Source: Blelloch, "Prefix sums and their applications", 1990, CMU-CS-90-190.
func AssociativeScan(xs []*Node, axis int, fn func(a, b []*Node) []*Node) []*Node {
	if len(xs) == 0 {
		panic(&Error{Op: "AssociativeScan", Err: errors.New("there are no arrays to go over"), pcs: callSite()})
	}
	need("AssociativeScan", xs...)
	g := xs[0].graph
	if fn == nil {
		g.fail("AssociativeScan", inShapes(xs), errors.New("the function is nil"))
	}
	s := &prefixes{g: g, xs: xs, fn: fn}
	for _, x := range xs {
		a := adjust1("AssociativeScan", x, axis)
		s.axes = append(s.axes, a)
		if x.Dim(a) != xs[0].Dim(s.axes[0]) {
			g.fail("AssociativeScan", inShapes(xs), fmt.Errorf("the arrays have %d and %d elements along the axis", xs[0].Dim(s.axes[0]), x.Dim(a)))
		}
	}
	return s.run(xs)
}

// prefixes is an associative scan.
type prefixes struct {
	g    *Graph
	xs   []*Node
	axes []int // of each
	fn   func(a, b []*Node) []*Node
}

// run joins neighbours, finds the running results of these, which are those at odd places, and from them those at even places.
func (s *prefixes) run(x []*Node) []*Node {
	n := x[0].Dim(s.axes[0])
	if n < 2 {
		return x
	}
	odd := s.run(s.apply(s.every2nd(x, 0, n-1), s.every2nd(x, 1, n)))
	before := odd
	if n%2 == 0 {
		before = s.slice(odd, 0, n/2-1)
	}
	even := s.slice(x, 0, 1)
	if n > 2 {
		for i, y := range s.apply(before, s.every2nd(x, 2, n)) {
			even[i] = Concatenate([]*Node{even[i], y}, s.axes[i])
		}
	}
	return s.interleave(even, odd, n)
}

func (s *prefixes) apply(a, b []*Node) []*Node {
	out := s.fn(a, b)
	if len(out) != len(a) {
		s.g.fail("AssociativeScan", inShapes(s.xs), fmt.Errorf("the function gets %d and returns %d arrays", len(a), len(out)))
	}
	for i, y := range out {
		if y == nil || !y.Shape().Equal(a[i].Shape()) {
			s.g.fail("AssociativeScan", inShapes(a), fmt.Errorf("the function makes a %s of two %s: it must keep the shape", y.Shape(), a[i].Shape()))
		}
	}
	return out
}

func (s *prefixes) slice(x []*Node, from, to int) []*Node {
	list := make([]*Node, len(x))
	for i, y := range x {
		list[i] = sliceAlong(y, s.axes[i], from, to)
	}
	return list
}

func (s *prefixes) every2nd(x []*Node, from, to int) []*Node {
	list := make([]*Node, len(x))
	for i, y := range x {
		list[i] = SliceAxis(y, s.axes[i], AxisRange(from, to).Stride(2))
	}
	return list
}

// interleave returns the n elements of even and odd in turn.
func (s *prefixes) interleave(even, odd []*Node, n int) []*Node {
	list := make([]*Node, len(even))
	for i, axis := range s.axes {
		pairs := Stack([]*Node{sliceAlong(even[i], axis, 0, n/2), odd[i]}, axis+1)
		d := odd[i].Shape().Clone().Dimensions
		d[axis] = n / 2 * 2
		if list[i] = Reshape(pairs, d...); n%2 == 1 {
			list[i] = Concatenate([]*Node{list[i], sliceAlong(even[i], axis, n/2, n/2+1)}, axis)
		}
		list[i] = nameLike(list[i], s.xs[i].Shape())
	}
	return list
}

// WhileUpTo is [While] that ends after maxTurns turns at the latest, whatever cond says, and so has a gradient: it is a [Scan] of
// maxTurns turns, of which those that cond does not want hand the state on. Each costs a call of cond.
func WhileUpTo(maxTurns int, cond, body *Function, initialState ...*Node) []*Node {
	g := graphOf(whileOp, initialState)
	checkLoop(g, cond, body, initialState)
	return ForI(maxTurns, initialState, func(_ *Node, state []*Node) []*Node {
		return If(cond.Call(state...)[0],
			NewClosure(g, func(*Graph) []*Node { return body.Call(state...) }),
			NewClosure(g, func(*Graph) []*Node { return state }))
	})
}

// checkLoop panics with Error unless cond and body can be those of a While.
func checkLoop(g *Graph, cond, body *Function, state []*Node) {
	bodies, _ := bind(g, whileOp, cond, body)
	if _, err := whileOp.Results(nil, inShapes(state), signatures(bodies)...); err != nil {
		g.fail("WhileUpTo", inShapes(state), err)
	}
}
