package graph

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/quire-ml/quire/graph/shapes"
)

// VMapBuilder makes one call for a batch of calls, see [VMap].
type VMapBuilder struct {
	graph   *Graph
	fn      func(x []*Node) []*Node
	xs      []*Node
	in, out []int // nil for 0 throughout
}

// Unbatched stands in the place of an axis for what is the same in all calls: see [VMapBuilder.InAxes].
const Unbatched = math.MinInt

// VMap starts what Done makes: the results of fn for all slices of xs along their first axis, computed at once, by ops on whole
// arrays, and stacked along a new first axis:
//
//	y[b] = fn(x[b]),  b = 0 … B-1
//
//	ys := VMap(fn, xs...).Done()
//
// fn is written for one example and called once, to say what is computed: x[b] are slices of xs without their batch axis, whose size
// B is the same for all. What fn uses from around it, nodes and variables, is the same for all examples. What does not depend on xs is
// computed once.
//
// [Map] returns the same, one slice after the other in the memory of one. VMap computes an op on all of them: a product of matrices
// becomes a product with a batch, a convolution one with more groups, and an [If] whose condition differs from example to example
// both of its branches, of which each takes its own. A [While] with such a condition runs until the last one is done; those that
// are done keep their values.
//
// VMaps may be nested, and go with gradients in any order. Gradients inside of fn are those of one example:
//
//	perExample := VMap(func(x []*Node) []*Node { return Gradient(loss(x[0], x[1]), weights...) }, inputs, labels).Done()
//
// Random numbers drawn from a state from around fn are the same for all examples; give each its own state among xs, or draw for all
// of them outside.
//
// Done panics with [Error] if an axis is out of range, if sizes differ, or if fn makes calls that are seen from outside.
func VMap(fn func(x []*Node) []*Node, xs ...*Node) *VMapBuilder {
	if len(xs) == 0 {
		panic(&Error{Op: "VMap", Err: errors.New("there are no arrays to go over: the function may use what is the same for all from around it"), pcs: callSite()})
	}
	need("VMap", xs...)
	v := &VMapBuilder{graph: xs[0].Graph(), fn: fn, xs: xs}
	for i, x := range xs {
		if x.graph != v.graph {
			v.fail("xs[%d] is a node of another graph", i)
		}
	}
	if fn == nil {
		v.fail("the function is nil")
	}
	return v
}

func (v *VMapBuilder) fail(format string, args ...any) {
	v.graph.fail("VMap", inShapes(v.xs), fmt.Errorf(format, args...))
}

// InAxes says which axis of each of xs is that of the batch, where it is not the first: a negative one counts from the end.
// [Unbatched] stands for an array that every call gets whole.
func (v *VMapBuilder) InAxes(axes ...int) *VMapBuilder {
	v.in = slices.Clone(axes)
	return v
}

// OutAxes says which axis of each result is that of the batch, where it is not the first: a negative one counts from the end.
// [Unbatched] stands for a result that is the same for all, and is returned as it is.
func (v *VMapBuilder) OutAxes(axes ...int) *VMapBuilder {
	v.out = slices.Clone(axes)
	return v
}

// Done makes the call and returns its results.
func (v *VMapBuilder) Done() []*Node {
	b, args := v.batch()
	of := &body{fn: NewFunction(v.graph, v.graph.UniqueName("vmap"), func(g *Graph) []*Node {
		each := make([]*Node, len(v.xs))
		for i, a := range args {
			if each[i] = v.xs[i]; a.batched {
				each[i] = Parameter(g, fmt.Sprintf("x%d", i), inTurn(a.x.Shape()))
			}
		}
		return v.fn(each)
	})}
	of.inputs, of.outputs = slices.Clone(of.fn.params), of.fn.outputs
	args = slices.DeleteFunc(args, func(a examples) bool { return !a.batched })
	for _, c := range of.fn.captured {
		of.inputs, args = append(of.inputs, of.fn.inner[c]), append(args, examples{x: c})
	}
	return v.results(b, b.run(of, args))
}

// batch returns what goes over the slices, and xs with the batch as first axis.
func (v *VMapBuilder) batch() (*batcher, []examples) {
	if v.in != nil && len(v.in) != len(v.xs) {
		v.fail("InAxes names %d axes for %d arrays", len(v.in), len(v.xs))
	}
	b := &batcher{graph: v.graph, size: -1}
	args := make([]examples, len(v.xs))
	first, firstAxis := 0, 0
	for i, x := range v.xs {
		axis := 0
		if v.in != nil {
			axis = v.in[i]
		}
		if args[i] = (examples{x: x}); axis == Unbatched {
			continue
		}
		a, err := shapes.AdjustAxis(axis, x.Rank())
		switch {
		case x.Rank() == 0:
			v.fail("xs[%d] is %s, which has no axis to go over: InAxes says Unbatched of what is the same for all", i, x.Shape())
		case err != nil:
			v.fail("xs[%d]: %w", i, err)
		case b.size < 0:
			b.size, b.name, first, firstAxis = x.Dim(a), x.Shape().Name(a), i, a
		case x.Dim(a) != b.size:
			v.fail("xs[%d] is %s, of %d slices along axis %d, and xs[%d] is %s, of %d along axis %d: all must have the same number",
				i, x.Shape(), x.Dim(a), a, first, v.xs[first].Shape(), b.size, firstAxis)
		case x.Shape().Name(a) != b.name:
			b.name = ""
		}
		args[i] = examples{x: moveAxis(x, a, 0), batched: true}
	}
	if b.size < 0 {
		v.fail("InAxes says Unbatched of all arrays: one of them must have an axis to go over")
	}
	return b, args
}

// results returns what the function made with the batch where OutAxes says.
func (v *VMapBuilder) results(b *batcher, out []examples) []*Node {
	if v.out != nil && len(v.out) != len(out) {
		v.fail("OutAxes names %d axes for %d results", len(v.out), len(out))
	}
	ys := make([]*Node, len(out))
	for i, y := range out {
		axis := 0
		if v.out != nil {
			axis = v.out[i]
		}
		if axis == Unbatched {
			if ys[i] = y.x; y.batched {
				v.fail("result %d differs from slice to slice: it cannot be Unbatched", i)
			}
			continue
		}
		y = b.spread(y)
		a, err := shapes.AdjustAxis(axis, y.x.Rank())
		if err != nil {
			v.fail("result %d, with the batch: %w", i, err)
		}
		ys[i] = moveAxis(y.x, 0, a)
	}
	return ys
}

// moveAxis returns x with an axis at another place among the others.
func moveAxis(x *Node, from, to int) *Node {
	return transposeTo(x, slices.Insert(axesExcept(x.Rank(), []int{from}), to, from))
}
