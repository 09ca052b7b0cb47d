package graph

import (
	"errors"
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// A function of one example becomes one of a batch node by node. A node that depends on no example is copied as it is; another one
// becomes calls on all examples, whose first axis is the batch:
//
//   - by the rule of its row (Rule.Batch), if that has one for such a call;
//   - elementwise rows by broadcasting, and rows of one operand whose attributes speak of axes with these axes behind the batch;
//   - ops that run functions by running functions of a batch (batchcontrol.go);
//   - others by their expansion, and what has none, by a loop over the examples.

// examples is a value for each example, or, if it is not batched, one for all.
type examples struct {
	x       *Node
	batched bool // the first axis of x is the batch
}

// batcher makes functions of one example functions of a batch.
type batcher struct {
	graph *Graph
	size  int
	name  string               // of the batch axis
	calls map[string]*Function // what calls of functions became, by what of them is batched
}

// of is the shape of a batch of values of shape s.
func (b *batcher) of(s shapes.Shape) shapes.Shape { return stacked(b.size, s, b.name) }

// spread returns v for each example.
func (b *batcher) spread(v examples) examples {
	if v.batched {
		return v
	}
	s := b.of(v.x.Shape())
	return examples{nameLike(BroadcastToDims(v.x, s.Dimensions...), s), true}
}

// run adds to the current function what a body computes of args, which stand for its inputs, and returns its results.
func (b *batcher) run(of *body, args []examples) []examples {
	f := of.fn
	m := make([]examples, len(f.nodes))
	for i, in := range of.inputs {
		if in != nil {
			m[in.index] = args[i]
		}
	}
	need, _ := needed(f.nodes, of.outputs, false)
	custom := tracedRules(f, need)
	b.graph.at(slices.All(f.nodes[:len(m)]), func(n *Node) {
		if n.seen() {
			panic(&Error{Op: n.op.Name, In: inShapes(n.inputs), Err: errors.New("it is seen from outside, and cannot be part of what VMap does for a batch at once: call it outside of the function"), pcs: n.site.Calls()})
		}
		if !need[n.index] || n.op == output || m[n.index].x != nil {
			return
		}
		if n.op == parameter {
			panic(fmt.Sprintf("graph: parameter %s was not bound", n))
		}
		in := make([]examples, len(n.inputs))
		for i, x := range n.inputs {
			in[i] = m[x.index]
		}
		var out []examples
		if t := custom[n]; t != nil {
			out = b.callCustom(n, t, in, m)
		} else {
			out = b.call(n, in)
		}
		for i, y := range out {
			m[n.result(i).index] = y
		}
	})
	results := make([]examples, len(of.outputs))
	for i, n := range of.outputs {
		results[i] = m[n.index]
	}
	return results
}

func anyBatched(in []examples) bool {
	return slices.ContainsFunc(in, func(v examples) bool { return v.batched })
}

// call returns the results of n's call on other operands.
func (b *batcher) call(n *Node, in []examples) []examples {
	if !anyBatched(in) {
		return sameForAll(apply(b.graph, n.op, n.attrs, n.bodies, nodesOf(in)).Results())
	}
	rule := ruleOf[n.op]
	switch {
	case rule.batchOf != nil:
		if out := rule.batchOf(b, n, in); out != nil {
			return out
		}
	case n.bodies == nil:
		if ys := b.byRule(n.op, n.attrs, in, n.numResults()); ys != nil {
			return b.checked(n, ys)
		}
		if rule.Expand != nil {
			return b.expanded(n, in)
		}
	}
	return b.oneByOne(n, in)
}

// byRule returns the results of a call by the rule of its row, or by what the row says of itself; nil if there is no such way.
func (b *batcher) byRule(op *ir.Op, attrs any, in []examples, results int) []*Node {
	if rule := ruleOf[op].Batch; rule != nil {
		xs, batched := nodesOf(in), make([]bool, len(in))
		for i, v := range in {
			batched[i] = v.batched
		}
		if ys := rule(attrs, xs, batched); ys != nil {
			return ys
		}
	}
	if op.Elementwise {
		return apply(b.graph, op, attrs, nil, alignedExamples(in)).Results()
	}
	if len(in) == 1 {
		if moved, ok := behindBatch(op, attrs, in[0].x.Shape()); ok {
			return apply(b.graph, op, moved, nil, nodesOf(in)).Results()
		}
	}
	return nil
}

// checked returns batched results of n, and panics if a rule made something else.
func (b *batcher) checked(n *Node, ys []*Node) []examples {
	if len(ys) != n.numResults() {
		panic(fmt.Sprintf("graph: the batch rule of %s returned %d results, not %d", n.op.Name, len(ys), n.numResults()))
	}
	out := make([]examples, len(ys))
	for i, y := range ys {
		want := b.of(n.result(i).Shape())
		if !y.Shape().Equal(want) {
			panic(fmt.Sprintf("graph: the batch rule of %s returned %s for result %d, not %s", n.op.Name, y.Shape(), i, want))
		}
		out[i] = examples{nameLike(y, want), true}
	}
	return out
}

// expanded returns the results of n's call by its expansion for one example.
func (b *batcher) expanded(n *Node, in []examples) []examples {
	of := b.traced(n.op.Name, inShapes(n.inputs), func(xs []*Node) []*Node { return ruleOf[n.op].Expand(n.attrs, xs) })
	out := b.run(of, in)
	for i := range out { // as what asks for the results may depend on it
		out[i] = b.spread(out[i])
	}
	return out
}

// traced is a function of values of the given shapes.
func (b *batcher) traced(name string, in []shapes.Shape, fn func(xs []*Node) []*Node) *body {
	f := NewFunction(b.graph, name, func(g *Graph) []*Node {
		xs := make([]*Node, len(in))
		for i, s := range in {
			xs[i] = Parameter(g, "", s)
		}
		return fn(xs)
	})
	return &body{fn: f, own: len(f.params), inputs: slices.Clone(f.params), outputs: f.outputs}
}

// oneByOne returns the results of n's call by a loop over the examples.
func (b *batcher) oneByOne(n *Node, in []examples) []examples {
	var xs []*Node
	for _, v := range in {
		if v.batched {
			xs = append(xs, v.x)
		}
	}
	return b.checked(n, Map(func(x []*Node) []*Node {
		args := nodesOf(in)
		for i, v := range in {
			if v.batched {
				args[i], x = x[0], x[1:]
			}
		}
		return apply(b.graph, n.op, n.attrs, n.bodies, args).Results()
	}, xs...))
}

// callCustom returns n's values with its derivatives for a batch; m has what stands for the nodes around it when these are asked for.
func (b *batcher) callCustom(n *Node, rules []*tracedRule, in, m []examples) []examples {
	k, on := n.numInputs(), anyBatched(in)
	values := slices.Clone(in[k:])
	for i, v := range values { // [body.follows] knows them as depending on all operands
		values[i] = b.as(v, on)
	}
	results := ApplyMulti(n.op, n.attrs, nodesOf(append(slices.Clone(in[:k]), values...))...)
	return withFlags(b.batched(n, rules, flags(in[:k]), m).of(results), slices.Repeat([]bool{on}, len(results)))
}

func nodesOf(in []examples) []*Node {
	xs := make([]*Node, len(in))
	for i, v := range in {
		xs[i] = v.x
	}
	return xs
}

func sameForAll(xs []*Node) []examples {
	list := make([]examples, len(xs))
	for i, x := range xs {
		list[i].x = x
	}
	return list
}

// alignedExamples returns operands that are broadcast as those for one example are: batched ones of fewer axes get the missing ones behind
// the batch.
func alignedExamples(in []examples) []*Node {
	rank := 0
	for _, v := range in {
		r := v.x.Rank()
		if v.batched {
			r--
		}
		rank = max(rank, r)
	}
	xs := make([]*Node, len(in))
	for i, v := range in {
		if xs[i] = v.x; v.batched {
			xs[i] = alignedTo(v.x, rank)
		}
	}
	return xs
}

// alignedTo returns x, which is batched, with so many axes behind the batch.
func alignedTo(x *Node, rank int) *Node { return ExpandAxes(x, axesFrom(1, 1+rank-x.Rank())...) }

// behindBatch returns the attributes that say of x, which has a batch as another first axis, what attrs say without it. ok is false
// if they do not tell that op treats all elements of that axis alike.
func behindBatch(op *ir.Op, attrs any, x shapes.Shape) (moved any, ok bool) {
	by1 := func(axes []int) []int {
		list := slices.Clone(axes)
		for i := range list {
			list[i]++
		}
		return list
	}
	n := x.Dimensions[0]
	switch a := attrs.(type) {
	case nil:
		return nil, op.Layout == ir.View
	case ir.ArgAttrs:
		a.Axis++
		return a, true
	case ir.AxesAttrs:
		return ir.AxesAttrs{Axes: by1(a.Axes)}, true
	case ir.AxisAttrs:
		return ir.AxisAttrs{Axis: a.Axis + 1}, true
	case ir.NormalizeAttrs:
		a.Axes = by1(a.Axes)
		return a, true
	case ir.ReduceAttrs:
		return ir.ReduceAttrs{Axes: by1(a.Axes)}, true
	case ir.SortAttrs:
		a.Axis++
		return a, true
	case ir.SplitAttrs:
		a.Axis++
		return a, true
	case ir.TopKAttrs:
		a.Axis++
		return a, true
	case ir.NameAxesAttrs:
		return ir.NameAxesAttrs{Names: append([]string{x.Name(0)}, a.Names...)}, true
	case ir.PadAttrs:
		return ir.PadAttrs{Axes: append([]ir.PadAxis{{}}, a.Axes...)}, true
	case ir.ShapeAttrs:
		return ir.ShapeAttrs{Dims: append([]int{n}, a.Dims...)}, true
	case ir.ShardAttrs:
		return ir.ShardAttrs{Mesh: a.Mesh, Sharding: append(ir.Sharding{ir.Open}, a.Sharding...)}, true
	case ir.SliceAttrs:
		return ir.SliceAttrs{Start: append([]int{0}, a.Start...), Limit: append([]int{n}, a.Limit...), Stride: append([]int{1}, a.Stride...)}, true
	case ir.TransposeAttrs:
		return ir.TransposeAttrs{Perm: append([]int{0}, by1(a.Perm)...)}, true
	case ir.WindowAttrs:
		return ir.WindowAttrs{
			Kind: a.Kind, Window: append([]int{1}, a.Window...), Strides: append([]int{1}, a.Strides...), Paddings: append([][2]int{{}}, a.Paddings...),
		}, true
	case ir.BitcastAttrs, ir.CholeskyAttrs, ir.FFTAttrs, ir.OneHotAttrs: // of the last axes
		return attrs, true
	}
	return nil, false
}
