package graph

import (
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// customGradient replaces the gradient of the node it is attached to.
type customGradient struct {
	backward func(in, out, dOut []*Node) []*Node
}

// of gives the gradient to the node with these results, and returns them.
func (c *customGradient) of(results []*Node) []*Node {
	results[0].inputs[0].more().custom = c
	return results
}

// pull returns the gradients of n's operands, nil for those that are its values.
func (c *customGradient) pull(n *Node, dys []*Node) []*Node {
	k := n.attrs.(ir.CustomAttrs).NumInputs
	for i, dy := range dys {
		if y := n.result(i); dy == nil && isInexact(y.DType()) {
			dys[i] = ZerosLike(y)
		}
	}
	return append(c.gradients(n.inputs[:k], n.Results(), dys), make([]*Node, len(n.inputs)-k)...)
}

// gradients returns what the caller's function makes, and checks it.
func (c *customGradient) gradients(in, out, dOut []*Node) []*Node {
	g := in[0].graph
	grads := c.backward(in, out, dOut)
	if len(grads) != len(in) {
		g.fail("WithCustomGradient", nil, fmt.Errorf("the gradient function returned %d gradients for %d inputs", len(grads), len(in)))
	}
	for i, dx := range grads {
		if dx != nil && !dx.Shape().Equal(in[i].Shape()) {
			g.fail("WithCustomGradient", []shapes.Shape{in[i].Shape(), dx.Shape()}, fmt.Errorf("the gradient of input %d must have its shape", i))
		}
	}
	return slices.Clone(grads)
}

// tracedGradient is a custom gradient as a function of the inputs, the outputs and the cotangents of those of these that have one. It
// may use what stands around the node.
type tracedGradient struct {
	*body
	has []bool // per input, whether there is a gradient
}

// traced returns the gradient of n, a node that has c.
func (c *customGradient) traced(n *Node) *tracedGradient {
	g, k := n.graph, n.attrs.(ir.CustomAttrs).NumInputs
	defer func(around *Function) { g.current = around }(g.current)
	g.current = n.fn
	t := &tracedGradient{has: make([]bool, k)}
	f := NewFunction(g, "custom_vjp", func(g *Graph) (list []*Node) {
		in, out, dOut := make([]*Node, k), make([]*Node, n.numResults()), make([]*Node, n.numResults())
		for i := range in {
			in[i] = Parameter(g, "", n.inputs[i].Shape())
		}
		for i := range out {
			out[i] = Parameter(g, "", n.result(i).Shape())
		}
		for i, y := range out {
			if isInexact(y.DType()) {
				dOut[i] = Parameter(g, "", y.Shape())
			}
		}
		for i, dx := range c.gradients(in, out, dOut) {
			if t.has[i] = dx != nil; t.has[i] {
				list = append(list, dx)
			}
		}
		return list
	})
	t.body = &body{fn: f, own: len(f.params), inputs: slices.Clone(f.params), outputs: f.outputs}
	for _, outer := range f.captured {
		t.inputs = append(t.inputs, f.inner[outer])
	}
	return t
}

// tracedGradients returns those of the nodes of a function that are needed, and marks what they use as needed, too.
func tracedGradients(f *Function, need []bool) map[*Node]*tracedGradient {
	var list map[*Node]*tracedGradient
	for i := len(need) - 1; i >= 0; i-- {
		n := f.nodes[i]
		if !need[i] || n.custom == nil || list[n] != nil {
			continue
		}
		if list == nil {
			list = map[*Node]*tracedGradient{}
		}
		list[n] = n.custom.traced(n)
		known := slices.DeleteFunc(slices.Clone(list[n].fn.captured), func(outer *Node) bool { return outer.index >= len(need) })
		more, _ := needed(f.nodes[:len(need)], known, false)
		for k, also := range more {
			if also && !need[k] {
				need[k], i = true, max(i, k+1) // which may have a gradient of its own
			}
		}
	}
	return list
}

// copied is the gradient of a copy of the node; standsFor says what stands for a node around it when the gradient is asked for, nil if
// only the gradient uses it.
func (t *tracedGradient) copied(standsFor func(outer *Node) *Node) *customGradient {
	return &customGradient{func(in, out, dOut []*Node) []*Node {
		args := slices.Clone(in)
		for _, y := range append(slices.Clone(out), dOut...) {
			if y != nil {
				args = append(args, y)
			}
		}
		for _, outer := range t.fn.captured {
			x := standsFor(outer)
			if x == nil { // from around the function
				x = outer.around()
			}
			args = append(args, x)
		}
		list := t.inline(args)
		grads := make([]*Node, len(in))
		for i, has := range t.has {
			if has {
				grads[i], list = list[0], list[1:]
			}
		}
		return grads
	}}
}

// around returns what a hidden parameter stands for in its function.
func (n *Node) around() *Node {
	for outer, hidden := range n.fn.inner {
		if hidden == n && outer.fn == n.fn.parent {
			return outer
		}
	}
	panic(fmt.Sprintf("graph: %s is no hidden parameter", n))
}

// push returns the tangents of n's results.
func (c *customGradient) push(n *Node, dxs []*Node) []*Node { return transposedTwice(n, dxs) }
