package graph

import (
	"errors"
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/shapes"
)

// JVP returns the Jacobian-vector products of outputs: how they change if the nodes x in wrt change along tangents,
//
//	dy = Σ ∂y/∂x · tangent
//
// each of the shape and dtype of its output. It is computed forward, along with the outputs, and so costs no memory for what is on the
// way: for a function of few numbers to many it is the shorter way to derivatives, [VJP] for many to few. It goes through every loop,
// also a [While] of which nobody knows how many turns it takes. tangents have the shapes and dtypes of the nodes in wrt, which are
// floats or complex; nil stands for zero.
//
// ys are the outputs again. They differ from outputs as nodes where a loop, a branch or a call of a function lies on the way, which
// then computes values and tangents together: a program that uses ys, and not outputs, runs it once.
//
// It is made of ops, and goes with all transforms in any order. For complex numbers dy is the change itself, also through what is not
// holomorphic. It panics with [Error] if shapes do not fit, or if an op without a gradient lies on the way.
//
// Source: forward-mode automatic differentiation, Griewank and Walther, "Evaluating Derivatives", 2008, ch. 3.
func JVP(outputs, wrt, tangents []*Node) (ys, dys []*Node) {
	g := checkTangents("JVP", outputs, wrt, tangents)
	var xs, dxs []*Node
	for i, dx := range tangents {
		if dx != nil {
			xs, dxs = append(xs, wrt[i]), append(dxs, dx)
		}
	}
	ys, dys = pushOut(g, outputs, xs, dxs)
	for i, dy := range dys {
		if dy == nil {
			dys[i] = ZerosLike(ys[i])
		}
	}
	return ys, dys
}

// checkTangents returns the graph of outputs; it panics with Error if the arguments of a transform that goes forward do not fit.
func checkTangents(op string, outputs, wrt, tangents []*Node) *Graph {
	if len(outputs) == 0 {
		panic(&Error{Op: op, Err: errors.New("no outputs to differentiate"), pcs: callSite()})
	}
	need(op, outputs...)
	need(op, wrt...)
	g := outputs[0].Graph()
	for i, y := range outputs {
		if y.graph != g {
			g.fail(op, nil, fmt.Errorf("output %d is of another graph", i))
		}
		g.current.reaches(y)
	}
	if len(tangents) != len(wrt) {
		g.fail(op, nil, fmt.Errorf("%d tangents for %d nodes (nil stands for zero)", len(tangents), len(wrt)))
	}
	for i, x := range wrt {
		dx := tangents[i]
		switch {
		case x.graph != g || dx != nil && dx.graph != g:
			g.fail(op, nil, fmt.Errorf("node %d or its tangent is of another graph", i))
		case !isInexact(x.DType()):
			g.fail(op, []shapes.Shape{x.Shape()}, fmt.Errorf("node %d (%s) to differentiate by must be float or complex", i, x.op.Name))
		case dx != nil && !dx.Shape().Equal(x.Shape()):
			g.fail(op, []shapes.Shape{x.Shape(), dx.Shape()}, fmt.Errorf("the tangent of node %d must have its shape and dtype", i))
		}
		g.current.reaches(x)
	}
	return g
}

// pushOut carries the tangents of wrt forward to outs, in the current function, through nodes of it and of those around it. It returns
// outs, in which loops that were run along with their tangents stand for those that were not, and their tangents, nil where nothing
// arrives.
func pushOut(g *Graph, outs, wrt, tangents []*Node) (ys, dys []*Node) {
	d := dependenceOn(g, wrt)
	need, want := d.neededFor(g, outs)
	p := &pusher{graph: g}
	done := map[*Node]dual{} // nodes that depend on wrt
	for i, x := range wrt {
		v := done[x]
		done[x] = dual{x, addedTo(v.dx, tangents[i])} // it may be named twice
	}
	at := func(x *Node) dual {
		if v, ok := done[x]; ok {
			return v
		}
		return dual{x: x}
	}
	for _, f := range g.chain() {
		list := need[f]
		for _, outer := range f.captured {
			if v, ok := done[outer]; ok {
				hidden := f.inner[outer]
				if v.x == outer {
					v.x = hidden
				}
				done[hidden] = v
			}
		}
		g.at(slices.All(f.nodes[:len(list)]), func(n *Node) {
			if _, ok := done[n]; ok || !list[n.index] || n.op == output || n.op == parameter {
				return
			}
			in, same := make([]dual, len(n.inputs)), true
			for i, x := range n.inputs {
				in[i] = at(x)
				same = same && in[i].x == x
				if !want[f][n.index] {
					in[i].dx = nil
				}
			}
			results := p.call(n, in, func() *Node {
				if same {
					return n
				}
				return p.remade(n, in, n.custom)
			})
			for i, v := range results {
				done[n.result(i)] = v
			}
		})
	}
	for _, y := range outs {
		v := at(y)
		ys, dys = append(ys, v.x), append(dys, v.dx)
	}
	return ys, dys
}

// chain returns the functions around the current one, outermost first, and that one.
func (g *Graph) chain() (list []*Function) {
	for f := g.current; f != nil; f = f.parent {
		list = append(list, f)
	}
	slices.Reverse(list)
	return list
}

// neededFor tells which of the nodes that depend on some outputs need, and of which their tangents need tangents.
func (d dependence) neededFor(g *Graph, outputs []*Node) (need, want map[*Function][]bool) {
	need, want = map[*Function][]bool{}, map[*Function][]bool{}
	mark := func(in map[*Function][]bool, n *Node) {
		if d.on(n) {
			in[n.fn][n.index] = true
		}
	}
	for f, on := range d {
		need[f], want[f] = make([]bool, len(on)), make([]bool, len(on))
	}
	for _, y := range outputs {
		mark(need, y)
		mark(want, y)
	}
	for f := g.current; f != nil; f = f.parent {
		list, wanted := need[f], want[f]
		for i := len(list) - 1; i >= 0; i-- {
			n := f.nodes[i]
			if list[i] {
				for _, x := range n.inputs {
					mark(need, x)
				}
			}
			if wanted[i] {
				for _, x := range n.tangentsOf() {
					mark(want, x)
				}
			}
		}
		for _, outer := range f.captured {
			if i := f.inner[outer].index; i < len(list) && list[i] {
				mark(need, outer)
				if wanted[i] {
					mark(want, outer)
				}
			}
		}
	}
	return need, want
}
