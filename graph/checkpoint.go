package graph

import (
	"errors"
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Checkpoint returns fn(xs), of which gradients store nothing but xs and what fn uses from around it: before they go back through fn
// they compute its values again. That trades about the time of another forward pass through fn for the memory of its values: a net
// of N layers in √N checkpoints of √N layers needs memory for 2·√N.
//
// save, if it is not nil, is the policy: of the nodes for which it returns true the values are stored, and not computed again. It is
// asked about each node of fn; this one stores products of matrices, which take long to make:
//
//	save := func(n *graph.Node) bool { return n.Op() == ops.DotGeneral || n.Op() == ops.MatMul }
//
// fn is called once. Values and derivatives of all orders are those of fn without it. In loops there are [ScanBuilder.Recompute] and
// [ScanBuilder.StoreEvery], which checkpoint turns. Checkpoint panics with [Error] if there is nothing to compute.
//
// Source: Griewank and Walther, "Evaluating Derivatives", 2008, ch. 12; Chen et al., "Training deep nets with sublinear memory cost",
// 2016, arXiv:1604.06174.
func Checkpoint(fn func(xs []*Node) []*Node, save func(n *Node) bool, xs ...*Node) []*Node {
	if len(xs) == 0 {
		panic(&Error{Op: "Checkpoint", Err: errors.New("there are no operands: give what the gradient goes back to"), pcs: callSite()})
	}
	need("Checkpoint", xs...)
	g := xs[0].Graph()
	if fn == nil {
		g.fail("Checkpoint", inShapes(xs), errors.New("the function is nil"))
	}
	f := NewFunction(g, g.UniqueName("checkpoint"), func(g *Graph) []*Node {
		in := make([]*Node, len(xs))
		for i, x := range xs {
			in[i] = Parameter(g, fmt.Sprintf("x%d", i), x.Shape())
		}
		return fn(in)
	})
	if len(f.outputs) == 0 {
		g.fail("Checkpoint", inShapes(xs), errors.New("the function returned no results"))
	}
	var saved []*Node
	for _, n := range f.nodes {
		if n.op != parameter && n.op != output && (n.seen() || save != nil && save(n)) {
			saved = append(saved, n.Results()...)
		}
	}
	return checkpointed(checkpoint, f, saved, xs)
}

// checkpointed calls a function of which the gradient stores some values only.
func checkpointed(op *ir.Op, f *Function, saved, operands []*Node) []*Node {
	bodies, captured := bind(f.graph, op, f)
	bodies[0].saved = saved
	return apply(f.graph, op, nil, bodies, append(slices.Clone(operands), captured...)).Results()
}

var checkpoint *ir.Op

func init() {
	checkpoint = Define(ir.Op{
		Name: "Checkpoint", Family: "control", Doc: "the results of a function whose values a gradient computes again",
		Regions: &ir.Regions{
			Names: []string{"function"}, Inputs: everything, Parts: &ir.Parts{},
			Infer: func(_ any, _ []shapes.Shape, regions []ir.Signature) ([]shapes.Shape, error) {
				return regions[0].Out, nil
			},
			Ref: func(_ any, in []*tensors.Tensor, regions []ir.Run) []*tensors.Tensor { return regions[0](in...) },
			Expand: func(_ any, _ []shapes.Shape, _ int, regions []*ir.Program) (*ir.Program, error) {
				return regions[0], nil
			},
		},
		Samples: []ir.Sample{
			{In: pair, DTypes: dtypes.Floats, Build: built(sampleCheckpoint(nil))},
			{Name: "with stored products", In: pair, DTypes: dtypes.Floats, Build: built(sampleCheckpoint(func(n *Node) bool { return n.op == mul }))},
		},
		Tol: ir.ULP(4, "the function's own rounding"),
	}, Rule{vjpOf: checkpointVJP, jvpOf: jvpCheckpoint, batchOf: batchCheckpoint})
}

// checkpointVJP goes back through the function, with what it stored and with what it computes of its operands again. What stands
// between these and the operands keeps backends from finding the values that were there before.
func checkpointVJP(n *Node, dys []*Node, want []bool) []*Node {
	of, g := n.bodies[0], n.graph
	b := newBackward(of, 0, want, false, func() []*Node { return cotangentsOf(of.outputs, dys) }, func(b *backward) []*Node { return withoutNil(b.grads) })
	m := make([]*Node, len(of.fn.nodes))
	for i, in := range of.inputs {
		if in != nil {
			m[in.index] = OptimizationBarrier(n.inputs[i])
		}
	}
	for k, r := range n.keep(of.saved, 0, func(s shapes.Shape) shapes.Shape { return s }) {
		m[of.saved[k].index] = OptimizationBarrier(r)
	}
	for _, c := range b.captured {
		if c.op == parameter && m[c.index] == nil { // the function does not use it itself
			m[c.index] = of.around(c)
		}
	}
	values := copyNodes(g, of.fn, b.captured, m)
	inside := make([]*Node, len(b.fn.nodes))
	for i, p := range b.fn.params {
		inside[p.index] = withoutNil(dys)[i]
	}
	for i, c := range b.captured {
		inside[b.inner[c].index] = values[i]
	}
	list := copyNodes(g, b.fn, b.fn.outputs, inside)
	grads := make([]*Node, len(n.inputs))
	for i, dx := range b.grads {
		if dx != nil {
			grads[i], list = list[0], list[1:]
		}
	}
	return grads
}

// withSaved returns the body with what is stored as further outputs.
func (b *body) withSaved() *body {
	all := *b
	all.outputs = append(slices.Clip(b.outputs), b.saved...)
	return &all
}

// jvpCheckpoint checkpoints the function with tangents: of what is stored, these are, too.
func jvpCheckpoint(p *pusher, n *Node, in []dual) []dual {
	of, on := n.bodies[0].withSaved(), hasTangent(in)
	k := n.numResults()
	want := of.inexactOf(of.follows(on))
	var saved []*Node
	f := NewFunction(p.graph, of.fn.name+"_jvp", func(g *Graph) []*Node {
		out := p.run(of, parametersFor(g, shapesOfDuals(in), on))
		ys, dys := valuesAndTangents(out[k:], want[k:])
		saved = append(ys, dys...)
		ys, dys = valuesAndTangents(out[:k], want[:k])
		return append(ys, dys...)
	})
	xs, dxs := valuesAndTangents(in, on)
	out := checkpointed(checkpoint, f, localTo(f, saved), append(xs, dxs...))
	return duals(out[:k], out[k:], want[:k])
}

// batchCheckpoint checkpoints the function of a batch.
func batchCheckpoint(b *batcher, n *Node, in []examples) []examples {
	of, k := n.bodies[0].withSaved(), n.numResults()
	var saved []*Node
	f := NewFunction(b.graph, of.fn.name+"_batch", func(g *Graph) []*Node {
		args := make([]examples, len(in))
		for i, v := range in {
			args[i] = examples{Parameter(g, "", v.x.Shape()), v.batched}
		}
		out := nodesOf(b.run(of, args))
		saved = out[k:]
		return out[:k]
	})
	return withFlags(checkpointed(checkpoint, f, localTo(f, saved), nodesOf(in)), of.follows(flags(in))[:k])
}

// localTo returns those of xs that f computes.
func localTo(f *Function, xs []*Node) []*Node {
	return slices.DeleteFunc(slices.Clone(xs), func(x *Node) bool { return x.fn != f || x.op == parameter })
}

// sampleCheckpoint uses one operand of its own, and one from around it.
func sampleCheckpoint(save func(n *Node) bool) func(in []*Node) []*Node {
	return func(in []*Node) []*Node {
		return Checkpoint(func(xs []*Node) []*Node {
			y := Mul(Sin(Mul(xs[0], in[1])), in[1])
			return []*Node{y, Mul(y, xs[0])}
		}, save, Add(in[0], in[1]))
	}
}
