package graph

import (
	"errors"
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/ir"
)

// Derivatives are carried forward node by node, from operands to results:
//
//   - by the rule of the row (Rule.JVP, Rule.JVPMulti); a linear op is called on the tangents of its operands;
//   - ops that run functions by running functions that carry tangents along (tangentcontrol.go);
//   - others by their gradient, which is linear: the transpose of the transpose. The gradient of an elementwise op of one operand
//     is its own transpose;
//   - what has no gradient of its own by its expansion.

// dual is a value and its tangent, nil for zero.
type dual struct{ x, dx *Node }

// pusher carries tangents forward.
type pusher struct {
	graph *Graph
	calls map[string]*Function // what calls of functions became, by what of them has a tangent
}

// run adds to the current function what a body computes of args, which stand for its inputs, and returns its results with tangents.
func (p *pusher) run(of *body, args []dual) []dual {
	f := of.fn
	m := make([]dual, len(f.nodes))
	for i, in := range of.inputs {
		if in != nil {
			m[in.index] = args[i]
		}
	}
	need, _ := needed(f.nodes, of.outputs, false)
	want := make([]bool, len(m))
	for _, y := range of.outputs {
		want[y.index] = true
	}
	for i, n := range slices.Backward(f.nodes[:len(m)]) {
		if want[i] {
			for _, x := range n.tangentsOf() {
				want[x.index] = true
			}
		}
	}
	custom := tracedRules(f, need)
	p.graph.at(slices.All(f.nodes[:len(m)]), func(n *Node) {
		if !need[n.index] || n.op == output || m[n.index].x != nil {
			return
		}
		if n.op == parameter {
			panic(fmt.Sprintf("graph: parameter %s was not bound", n))
		}
		in := make([]dual, len(n.inputs))
		for i, x := range n.inputs {
			if in[i] = m[x.index]; !want[n.index] {
				in[i].dx = nil
			}
		}
		value := func() *Node {
			c := copiedRules(custom[n], func(outer *Node) *Node {
				if outer.index < len(m) {
					return m[outer.index].x
				}
				return nil
			})
			return p.remade(n, in, c)
		}
		for i, y := range p.call(n, in, value) {
			m[n.result(i).index] = y
		}
	})
	results := make([]dual, len(of.outputs))
	for i, n := range of.outputs {
		results[i] = m[n.index]
	}
	return results
}

// tangentsOf returns the operands whose tangents those of n's results need.
func (n *Node) tangentsOf() []*Node {
	switch {
	case n.custom != nil:
		return n.inputs[:n.numInputs()]
	case ruleOf[n.op].ZeroGrad != "":
		return nil
	}
	return n.inputs
}

// remade returns n's call on other operands, with derivatives of its own, if it has some.
func (p *pusher) remade(n *Node, in []dual, custom *customGradient) *Node {
	xs := make([]*Node, len(in))
	for i, v := range in {
		xs[i] = v.x
	}
	made := apply(p.graph, n.op, n.attrs, n.bodies, xs)
	if custom != nil {
		made.more().custom = custom
	}
	return made
}

// call returns the results of n's call on other operands, with tangents; value returns the call itself.
func (p *pusher) call(n *Node, in []dual, value func() *Node) []dual {
	if !slices.ContainsFunc(in, func(v dual) bool { return v.dx != nil }) {
		return withTangents(value(), nil)
	}
	if rule := ruleOf[n.op]; rule.jvpOf != nil && n.custom == nil {
		return rule.jvpOf(p, n, in)
	}
	y, dxs := value(), make([]*Node, len(in))
	for i, v := range in {
		dxs[i] = v.dx
	}
	return withTangents(y, p.tangents(y, dxs))
}

// withTangents returns the results of y with their tangents, of which there may be none.
func withTangents(y *Node, dys []*Node) []dual {
	out := make([]dual, y.numResults())
	for i := range out {
		if out[i].x = y.result(i); i < len(dys) && dys[i] != nil && isInexact(out[i].x.DType()) {
			if dy := dys[i]; !dy.Shape().Equal(out[i].x.Shape()) {
				panic(fmt.Sprintf("graph: tangent of %s, result %d, has shape %s, not %s", y.op.Name, i, dy.Shape(), out[i].x.Shape()))
			}
			out[i].dx = nameLike(dys[i], out[i].x.Shape())
		}
	}
	return out
}

// tangents returns those of y's results, given those of its operands.
func (p *pusher) tangents(y *Node, dxs []*Node) []*Node {
	rule := ruleOf[y.op]
	switch {
	case y.custom != nil:
		return y.custom.push(y, dxs)
	case rule.ZeroGrad != "":
		return nil
	case rule.NoGrad != "":
		panic(&Error{Op: y.op.Name, In: inShapes(y.inputs), Err: fmt.Errorf("it has no gradient: %s", rule.NoGrad), pcs: y.site.Calls()})
	case rule.JVP != nil:
		return []*Node{rule.JVP(y, dxs)}
	case rule.JVPMulti != nil:
		return rule.JVPMulti(y.Results(), dxs)
	case y.op.Layout != ir.Computes:
		return linear(y.Results(), dxs)
	case rule.VJP != nil && y.op.Elementwise && ownTranspose(y, dxs):
		return []*Node{sumOfTangents(y, dxs, rule.VJP)}
	case rule.VJP != nil || rule.VJPMulti != nil:
		return transposedTwice(y, dxs)
	case rule.Expand != nil:
		ins := fresh(y.inputs)
		wrt, tangents := withTangent(ins, dxs)
		_, dys := pushOut(y.graph, rule.Expand(y.attrs, ins), wrt, tangents)
		return dys
	}
	panic(&Error{Op: y.op.Name, In: inShapes(y.inputs), Err: errors.New("it has neither a gradient nor a reason for having none: define it with graph.Define and a Rule"), pcs: y.site.Calls()})
}

// withTangent returns those of xs that have a tangent, and these.
func withTangent(xs, dxs []*Node) (wrt, tangents []*Node) {
	for i, dx := range dxs {
		if dx != nil {
			wrt, tangents = append(wrt, xs[i]), append(tangents, dx)
		}
	}
	return wrt, tangents
}

// ownTranspose reports whether the derivative of an elementwise y by each operand that has a tangent is a factor: element by element
// a number, so that it makes of a tangent what it makes of a cotangent.
func ownTranspose(y *Node, dxs []*Node) bool {
	for i, x := range y.inputs {
		if dxs[i] != nil && (x.DType().IsComplex() || !x.Shape().Equal(y.Shape())) {
			return false
		}
	}
	return true
}

// sumOfTangents returns what the gradient of y makes of the tangents of its operands, added up.
func sumOfTangents(y *Node, dxs []*Node, vjp func(y, dy *Node) []*Node) *Node {
	var sum *Node
	for i, dx := range dxs {
		if dx != nil {
			sum = addedTo(sum, vjp(y, dx)[i])
		}
	}
	return sum
}

// addedTo returns sum + x, of which either may be nil, for zero.
func addedTo(sum, x *Node) *Node {
	switch {
	case sum == nil:
		return x
	case x == nil:
		return sum
	}
	return Add(sum, x)
}

// transposedTwice returns the tangents of y's results by its gradient: that is a linear function of the cotangents, and what is the
// cotangent of these is the tangent of the result.
func transposedTwice(y *Node, dxs []*Node) []*Node {
	dys := make([]*Node, y.numResults())
	var us []*Node
	for i := range dys {
		if r := y.result(i); isInexact(r.DType()) {
			dys[i] = anyLike(r)
			us = append(us, dys[i])
		}
	}
	on := func(x *Node) bool {
		for i, in := range y.inputs {
			if in == x && dxs[i] != nil {
				return true
			}
		}
		return false
	}
	var grads, tangents []*Node
	for i, dx := range y.vjp(slices.Clone(dys), on) {
		if dx != nil && dxs[i] != nil {
			grads, tangents = append(grads, dx), append(tangents, dxs[i])
		}
	}
	list := pull(y.graph, grads, tangents, us)
	for i, u := range dys {
		if u != nil {
			dys[i], list = list[0], list[1:]
		}
	}
	return dys
}

// linear is the rule of ops that are linear in all operands that have gradients: the op makes the tangents of its results of theirs.
func linear(ys, dxs []*Node) []*Node {
	n := callOf(ys)
	ins := slices.Clone(n.inputs)
	for i, x := range ins {
		switch {
		case dxs[i] != nil:
			ins[i] = dxs[i]
		case isInexact(x.DType()):
			ins[i] = ZerosLike(x)
		}
	}
	return apply(n.graph, n.op, n.attrs, nil, ins).Results()
}

// multilinear is the rule of products: ops that are linear in each operand, the others being what they are.
func multilinear(ys, dxs []*Node) []*Node {
	n := callOf(ys)
	var sum *Node
	for i, dx := range dxs {
		if dx != nil {
			ins := slices.Clone(n.inputs)
			ins[i] = dx
			sum = addedTo(sum, apply(n.graph, n.op, n.attrs, nil, ins).result(0))
		}
	}
	return []*Node{sum}
}

// jvpSum is the rule of sums and differences: a tangent that is alone is broadcast, not added to zeros.
func jvpSum(difference bool) func(y *Node, dx []*Node) *Node {
	return func(y *Node, dx []*Node) *Node {
		a, b := dx[0], dx[1]
		switch {
		case a != nil && b != nil:
			return Apply(y.op, nil, a, b)
		case a != nil:
			return broadcastLike(a, y)
		case difference:
			b = Neg(b)
		}
		return broadcastLike(b, y)
	}
}

// broadcastLike returns x with the dimensions of y.
func broadcastLike(x, y *Node) *Node {
	if x.Shape().EqualDimensions(y.Shape()) {
		return x
	}
	return BroadcastToDims(x, y.Shape().Dimensions...)
}

// callOf returns the node of the call that has these results.
func callOf(ys []*Node) *Node {
	if y := ys[0]; y.op == output {
		return y.inputs[0]
	}
	return ys[0]
}
