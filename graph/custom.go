package graph

import (
	"errors"
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// customGradient replaces the derivatives of the node it is attached to. It has one of the two rules at least: each is linear, and
// the transpose of the other.
type customGradient struct {
	back    *customRule // from cotangents of the outputs to those of the inputs
	forward *customRule // from tangents of the inputs to those of the outputs
}

// customRule is a function of the caller's, of the inputs and outputs of a node, and of the tangents or cotangents of one of both: nil
// for what has none.
type customRule struct {
	op      string
	forward bool
	fn      func(in, out, d []*Node) []*Node
}

// of gives the derivatives to the node with these results, and returns them.
func (c *customGradient) of(results []*Node) []*Node {
	results[0].inputs[0].more().custom = c
	return results
}

// numInputs returns how many of the operands of a node with a custom gradient are its inputs.
func (n *Node) numInputs() int { return n.attrs.(ir.CustomAttrs).NumInputs }

// from returns those of in and out that the rule gets tangents or cotangents of, and to the others.
func (r *customRule) from(in, out []*Node) []*Node {
	if r.forward {
		return in
	}
	return out
}

func (r *customRule) to(in, out []*Node) []*Node {
	if r.forward {
		return out
	}
	return in
}

// apply returns what the function makes of d, in which zeros stand for what has no tangent or cotangent but could have one, and checks it.
func (r *customRule) apply(in, out, d []*Node) []*Node {
	g := in[0].graph
	d = slices.Clone(d)
	for i, x := range r.from(in, out) {
		if d[i] == nil && isInexact(x.DType()) {
			d[i] = ZerosLike(x)
		}
	}
	what, each := "gradient", "input"
	if r.forward {
		what, each = "tangent", "output"
	}
	list, to := r.fn(in, out, d), r.to(in, out)
	if len(list) != len(to) {
		g.fail(r.op, nil, fmt.Errorf("the %s function returned %d %ss for %d %ss", what, len(list), what, len(to), each))
	}
	for i, dx := range list {
		if dx != nil && !dx.Shape().Equal(to[i].Shape()) {
			g.fail(r.op, []shapes.Shape{to[i].Shape(), dx.Shape()}, fmt.Errorf("the %s of %s %d must have its shape", what, each, i))
		}
	}
	return slices.Clone(list)
}

// transposed applies the transpose of the rule: as it is linear in d, that is its gradient.
func (r *customRule) transposed(in, out, d []*Node) []*Node {
	from := r.from(in, out)
	us, wrt := make([]*Node, len(from)), []*Node(nil)
	for i, x := range from {
		if isInexact(x.DType()) {
			us[i] = anyLike(x)
			wrt = append(wrt, us[i])
		}
	}
	var outs, cotangents []*Node
	for i, y := range r.apply(in, out, us) {
		if y != nil && d[i] != nil {
			outs, cotangents = append(outs, y), append(cotangents, d[i])
		}
	}
	list := pull(in[0].graph, outs, cotangents, wrt)
	for i, u := range us {
		if u != nil {
			us[i], list = list[0], list[1:]
		}
	}
	return us
}

// anyLike returns a node that stands for any value of x's shape, and is no constant.
func anyLike(x *Node) *Node { return OptimizationBarrier(ZerosLike(x)) }

// pull returns the gradients of n's operands, nil for those that are its values.
func (c *customGradient) pull(n *Node, dys []*Node) []*Node {
	in, run := n.inputs[:n.numInputs()], (*customRule).apply
	rule := c.back
	if rule == nil {
		rule, run = c.forward, (*customRule).transposed
	}
	return append(run(rule, in, n.Results(), dys), make([]*Node, len(n.inputs)-len(in))...)
}

// push returns the tangents of n's results.
func (c *customGradient) push(n *Node, dxs []*Node) []*Node {
	in := n.inputs[:n.numInputs()]
	if c.forward != nil {
		return c.forward.apply(in, n.Results(), dxs[:len(in)])
	}
	return c.back.transposed(in, n.Results(), dxs[:len(in)])
}

// rules returns those that there are.
func (c *customGradient) rules() (list []*customRule) {
	for _, r := range []*customRule{c.back, c.forward} {
		if r != nil {
			list = append(list, r)
		}
	}
	return list
}

// with returns a custom gradient of rules made of others.
func withRules(list []*customRule) *customGradient {
	c := &customGradient{}
	for _, r := range list {
		if r.forward {
			c.forward = r
		} else {
			c.back = r
		}
	}
	return c
}

// tracedRule is a custom rule as a function of the inputs, the outputs and those tangents or cotangents that there are. It may use
// what stands around the node.
type tracedRule struct {
	*body
	rule *customRule
	has  []bool // what it returns
}

// traced returns the rules of n, a node that has c.
func (c *customGradient) traced(n *Node) (list []*tracedRule) {
	for _, r := range c.rules() {
		list = append(list, r.traced(n))
	}
	return list
}

func (r *customRule) traced(n *Node) *tracedRule {
	g := n.graph
	defer func(around *Function) { g.current = around }(g.current)
	g.current = n.fn
	t := &tracedRule{rule: r}
	f := NewFunction(g, "custom_rule", func(g *Graph) (list []*Node) {
		parameters := func(xs []*Node) (ps []*Node) {
			for _, x := range xs {
				ps = append(ps, Parameter(g, "", x.Shape()))
			}
			return ps
		}
		in, out := parameters(n.inputs[:n.numInputs()]), parameters(n.Results())
		var d []*Node
		for _, x := range r.from(in, out) {
			if isInexact(x.DType()) {
				d = append(d, Parameter(g, "", x.Shape()))
			} else {
				d = append(d, nil)
			}
		}
		for _, dx := range r.apply(in, out, d) {
			if t.has = append(t.has, dx != nil); dx != nil {
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

// spread returns list, of what the rule returns, with nil for what it does not.
func (t *tracedRule) spread(list []*Node) []*Node {
	all := make([]*Node, len(t.has))
	for i, has := range t.has {
		if has {
			all[i], list = list[0], list[1:]
		}
	}
	return all
}

// withoutNil returns the nodes of several lists that are there.
func withoutNil(lists ...[]*Node) []*Node {
	return slices.DeleteFunc(slices.Concat(lists...), func(x *Node) bool { return x == nil })
}

// tracedRules returns those of the nodes of a function that are needed, and marks what they use as needed, too.
func tracedRules(f *Function, need []bool) map[*Node][]*tracedRule {
	var list map[*Node][]*tracedRule
	for i := len(need) - 1; i >= 0; i-- {
		n := f.nodes[i]
		if !need[i] || n.custom == nil || list[n] != nil {
			continue
		}
		if list == nil {
			list = map[*Node][]*tracedRule{}
		}
		list[n] = n.custom.traced(n)
		for _, t := range list[n] {
			known := slices.DeleteFunc(slices.Clone(t.fn.captured), func(outer *Node) bool { return outer.index >= len(need) })
			more, _ := needed(f.nodes[:len(need)], known, false)
			for k, also := range more {
				if also && !need[k] {
					need[k], i = true, max(i, k+1) // which may have rules of its own
				}
			}
		}
	}
	return list
}

// copiedRules are those of a copy of a node; standsFor says what stands for a node around it when they are asked for, nil if only they
// use it.
func copiedRules(rules []*tracedRule, standsFor func(outer *Node) *Node) *customGradient {
	if rules == nil {
		return nil
	}
	var list []*customRule
	for _, t := range rules {
		list = append(list, &customRule{t.rule.op, t.rule.forward, func(in, out, d []*Node) []*Node {
			args := withoutNil(in, out, d)
			for _, outer := range t.fn.captured {
				x := standsFor(outer)
				if x == nil { // from around the function
					x = outer.around()
				}
				args = append(args, x)
			}
			return t.spread(t.inline(args))
		}})
	}
	return withRules(list)
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

// batched are the rules of a node for a batch of examples, whose inputs are batched as on says, and whose outputs are if one of them is;
// m has what stands for the nodes around the node when they are asked for.
func (b *batcher) batched(n *Node, rules []*tracedRule, on []bool, m []examples) *customGradient {
	any := slices.Contains(on, true)
	var list []*customRule
	for _, t := range rules {
		list = append(list, &customRule{t.rule.op, t.rule.forward, func(in, out, d []*Node) []*Node {
			all := slices.Repeat([]bool{any}, len(out))
			from, to := all, on
			if t.rule.forward {
				from, to = on, all
			}
			var args []examples
			for _, v := range slices.Concat(withFlags(in, on), withFlags(out, all), withFlags(d, from)) {
				if v.x != nil {
					args = append(args, v)
				}
			}
			for _, outer := range t.fn.captured {
				if outer.index >= len(m) { // what only the rule uses from around the function
					args = append(args, examples{x: outer.around()})
					continue
				}
				if args = append(args, m[outer.index]); m[outer.index].batched && !any {
					panic(&Error{Op: t.rule.op, In: inShapes(in), Err: errors.New("its derivative uses what differs from example to example in VMap, and its inputs do not: make that one of its inputs"), pcs: n.site.Calls()})
				}
			}
			results := b.run(t.body, args)
			xs := nodesOf(results)
			for i, k := 0, 0; i < len(t.has); i++ {
				if !t.has[i] {
					continue
				}
				switch v := results[k]; {
				case to[i]:
					xs[k] = b.spread(v).x
				case v.batched: // what all examples share gets the sum
					xs[k] = ReduceSum(v.x, 0)
				}
				k++
			}
			return t.spread(xs)
		}})
	}
	return withRules(list)
}
