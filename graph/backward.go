package graph

import (
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// The gradient of a call that runs a function is another call, of a function that goes back through that one: through its own nodes,
// not copies of them. What it uses of them is passed to it, so that a turn of a loop and a call of a function are computed once. The
// first call then returns more than it did: what its gradient wants to know, see [Node.keep].

// backward is the function that goes back through another, while it is made.
type backward struct {
	of      *body // the other, as it is run
	carries int   // its first inputs, as many, are there for the gradient only if they are stored
	fixed   []bool
	fn      *Function
	grads   []*Node // per input of the other, within fn; nil where nothing arrives

	captured []*Node         // nodes of the other that fn uses
	inner    map[*Node]*Node // what stands in fn for each
}

// newBackward makes a function that carries cotangents of the body's outputs back to its inputs that are on. start declares the
// cotangents, nil where there are none, and finish says what the function returns. With recompute it uses nothing but the body's
// inputs, and runs the body again.
func newBackward(of *body, carries int, on []bool, recompute bool, start func() []*Node, finish func(b *backward) []*Node) *backward {
	g := of.fn.graph
	b := &backward{of: of, carries: carries, fixed: of.fixed()}
	around := g.current
	defer func() { g.current = around }()
	g.current = of.fn
	newFunction(g, of.fn.name+"_vjp", func(g *Graph) []*Node {
		b.fn = g.current
		cotangents := start()
		var index []int
		var wrt []*Node
		for i, in := range of.inputs {
			if in != nil && on[i] {
				index, wrt = append(index, i), append(wrt, in)
			}
		}
		var grads []*Node
		if recompute {
			ins := make([]*Node, len(of.inputs))
			for i, in := range of.inputs {
				if in != nil {
					ins[i] = fresh([]*Node{in})[0]
				}
			}
			for k, i := range index {
				wrt[k] = ins[i]
			}
			grads = pull(g, of.inline(ins), cotangents, wrt)
		} else {
			b.fn.again = b.again
			grads = pullThrough(of.fn, of.outputs, cotangents, wrt)
		}
		b.grads = make([]*Node, len(of.inputs))
		for k, dx := range grads {
			if dx != nil {
				b.grads[index[k]] = b.fn.local(dx)
			}
		}
		return finish(b)
	})
	b.captured, b.inner = b.fn.captured, b.fn.inner // they become inputs
	b.fn.captured, b.fn.inner, b.fn.again, b.fn.parent = nil, map[*Node]*Node{}, nil, around
	return b
}

// fixed tells which nodes of the function are made of captured values and constants alone, and so are the same in all turns of a
// loop.
func (b *body) fixed() []bool {
	fixed := make([]bool, len(b.fn.nodes))
	for i, n := range b.fn.nodes {
		fixed[i] = !slices.Contains(b.inputs[:b.own], n) && !n.seen() && !slices.ContainsFunc(n.inputs, func(x *Node) bool { return !fixed[x.index] })
	}
	return fixed
}

// again computes a node of the other function once more, where the gradient uses it, if that costs no more than to store it and to
// read it: if it moves elements, or computes each by one instruction, and no more than one value must be stored for it.
func (b *backward) again(n *Node) *Node {
	if n.splits != nil || n.fn != b.of.fn || b.isFixed(n) || !isCheap(n.op) {
		return nil
	}
	stored := 0
	for _, x := range n.inputs {
		if b.isThere(x) {
			continue
		}
		if stored++; stored > 1 || x.Shape().ByteSize() > n.Shape().ByteSize() {
			return nil
		}
	}
	return apply(n.graph, n.op, n.attrs, nil, n.inputs)
}

func (b *backward) isFixed(n *Node) bool { return n.index < len(b.fixed) && b.fixed[n.index] }

// isThere reports whether a node of the other function can be used without being stored for it.
func (b *backward) isThere(n *Node) bool {
	return b.fn.inner[n] != nil || b.isFixed(n) || slices.Index(b.of.inputs, n) >= b.carries
}

// isCheap reports whether an op moves elements, or computes each by an instruction: the elementwise ones whose values are the numbers
// nearest to the true ones are such.
func isCheap(op *ir.Op) bool {
	if op.Layout != ir.Computes {
		return true
	}
	return op.Elementwise && op.Effect == ir.Pure && (len(op.Accuracy) == 0 || op.Accuracy[0].ULP == 0)
}

// passed are the values that a function gets from around it: its inputs, and the operands of its call.
type passed struct{ inside, operands []*Node }

func (p *passed) add(inside, operand *Node) {
	p.inside, p.operands = append(p.inside, inside), append(p.operands, operand)
}

// uses returns what the function uses of the other one, which n runs: values that differ from turn to turn, or from call to call, and
// captured ones, that do not. n returns those that it must.
func (b *backward) uses(n *Node, shape func(s shapes.Shape) shapes.Shape) (each, captured passed) {
	var kept, fixed []*Node
	for _, c := range b.captured {
		in := slices.Index(b.of.inputs, c)
		switch {
		case in < 0 && c.op != parameter && b.isFixed(c):
			fixed = append(fixed, c)
		case in < 0 && c.op != parameter || in >= 0 && in < b.carries:
			kept = append(kept, c)
		}
	}
	results, same := n.keep(kept, b.carries, shape), b.outside(n, fixed)
	for _, c := range b.captured {
		inside := b.inner[c]
		switch in := slices.Index(b.of.inputs, c); {
		case slices.Contains(kept, c):
			each.add(inside, results[slices.Index(kept, c)])
		case slices.Contains(fixed, c):
			captured.add(inside, same[slices.Index(fixed, c)])
		case in >= b.of.own:
			captured.add(inside, n.inputs[in])
		case in >= 0:
			each.add(inside, n.inputs[in])
		default: // the other does not use it itself
			captured.add(inside, b.of.around(c))
		}
	}
	return each, captured
}

// around returns what stands around the function for a hidden parameter of it.
func (b *body) around(hidden *Node) *Node {
	for _, outer := range b.fn.captured {
		if b.fn.inner[outer] == hidden {
			return outer
		}
	}
	panic(fmt.Sprintf("graph: parameter %s was not bound", hidden))
}

// outside computes fixed nodes of the other function outside of it.
func (b *backward) outside(n *Node, fixed []*Node) []*Node {
	if len(fixed) == 0 {
		return nil
	}
	m := make([]*Node, len(b.of.fn.nodes))
	for _, outer := range b.of.fn.captured {
		m[b.of.fn.inner[outer].index] = outer
	}
	for i, in := range b.of.inputs {
		if in != nil {
			m[in.index] = n.inputs[i]
		}
	}
	return copyNodes(n.graph, b.of.fn, fixed, m)
}

// keep lets n, which runs one function, also return values of it, and returns these results. Those from number from on may be among
// them already. shape says what a result looks like.
func (n *Node) keep(values []*Node, from int, shape func(s shapes.Shape) shapes.Shape) []*Node {
	g, b := n.graph, *n.bodies[0]
	defer func(f *Function) { g.current = f }(g.current)
	g.current = n.fn
	results := make([]*Node, len(values))
	for i, v := range values {
		k := from + slices.Index(b.outputs[from:], v)
		if k < from {
			k = len(b.outputs)
			b.outputs = append(slices.Clip(b.outputs), v)
			n.outs = append(slices.Clip(n.outs), shape(v.Shape()))
			n.more().splits = append(slices.Clip(n.splits), g.add(output, OutputAttrs{k}, g.list(n), n.outs[k:k+1]))
		}
		results[i] = n.splits[k]
	}
	n.more().bodies = []*body{&b}
	return results
}
