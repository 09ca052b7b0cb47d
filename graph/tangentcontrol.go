package graph

import (
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// Ops that run functions, with tangents: they run functions that carry these along. Which values have some is found before the
// functions are made, as for a batch.

// hasTangent tells which of values have a tangent.
func hasTangent(in []dual) []bool {
	on := make([]bool, len(in))
	for i, v := range in {
		on[i] = v.dx != nil
	}
	return on
}

// inexactOf returns on for those results of a body that can have tangents.
func (b *body) inexactOf(on []bool) []bool {
	list := slices.Clone(on)
	for i, y := range b.outputs {
		list[i] = list[i] && isInexact(y.DType())
	}
	return list
}

// values returns those of list, and the tangents that are wanted, zero where there is none.
func valuesAndTangents(list []dual, want []bool) (xs, dxs []*Node) {
	for i, v := range list {
		xs = append(xs, v.x)
		switch {
		case want[i] && v.dx == nil:
			dxs = append(dxs, ZerosLike(v.x))
		case want[i]:
			dxs = append(dxs, v.dx)
		}
	}
	return xs, dxs
}

// duals puts tangents, of those values that are on, beside their values.
func duals(xs, dxs []*Node, on []bool) []dual {
	list := make([]dual, len(xs))
	for i, x := range xs {
		if list[i].x = x; on[i] {
			list[i].dx, dxs = dxs[0], dxs[1:]
		}
	}
	return list
}

// parametersFor declares parameters for values and, where on says so, their tangents behind all of them.
func parametersFor(g *Graph, in []shapes.Shape, on []bool) []dual {
	var xs, dxs []*Node
	for _, s := range in {
		xs = append(xs, Parameter(g, "", s))
	}
	for i, s := range in {
		if on[i] {
			dxs = append(dxs, Parameter(g, "", s))
		}
	}
	return duals(xs, dxs, on)
}

func shapesOfDuals(in []dual) []shapes.Shape {
	list := make([]shapes.Shape, len(in))
	for i, v := range in {
		list[i] = v.x.Shape()
	}
	return list
}

// jvpCall calls a function with tangents, which is made once for calls whose operands have them alike.
func jvpCall(p *pusher, n *Node, in []dual) []dual {
	of, on := n.bodies[0], hasTangent(in)
	want := of.inexactOf(of.follows(on))
	key := fmt.Sprint(on)
	for _, x := range slices.Concat(of.inputs, of.outputs) {
		key += fmt.Sprintf(" %p", x)
	}
	f := p.calls[key]
	if f == nil {
		f = NewFunction(p.graph, of.fn.name+"_jvp", func(g *Graph) []*Node {
			xs, dxs := valuesAndTangents(p.run(of, parametersFor(g, shapesOfDuals(in), on)), want)
			return append(xs, dxs...)
		})
		if p.calls == nil {
			p.calls = map[string]*Function{}
		}
		p.calls[key] = f
	}
	xs, dxs := valuesAndTangents(in, on)
	out := f.Call(append(xs, dxs...)...)
	return duals(out[:len(want)], out[len(want):], want)
}

// jvpBranches runs branches with tangents.
func jvpBranches(p *pusher, n *Node, in []dual) []dual {
	on := hasTangent(in)
	want := n.bodies[0].inexactOf(n.resultsFollow(on))
	fns := make([]*Function, len(n.bodies))
	for k, of := range n.bodies {
		fns[k] = NewFunction(p.graph, of.fn.name+"_jvp", func(*Graph) []*Node {
			xs, dxs := valuesAndTangents(p.run(of, in[1:]), want)
			return append(xs, dxs...)
		})
	}
	out := ApplyFunctions(p.graph, n.op, n.attrs, []*Node{in[0].x}, fns...)
	return duals(out[:len(want)], out[len(want):], want)
}

// jvpScan carries the tangents of the carry beside it, and goes over those of the slices.
func jvpScan(p *pusher, n *Node, in []dual) []dual {
	a, of := n.attrs.(ir.ScanAttrs), n.bodies[0]
	on := of.active(a.Carries, hasTangent(in))
	want := slices.Concat(on[:a.Carries], of.inexactOf(of.follows(on))[a.Carries:])
	carry, dcarry := valuesAndTangents(in[:a.Carries], on[:a.Carries])
	xs, dxs := valuesAndTangents(in[a.Carries:of.own], on[a.Carries:of.own])
	f := NewFunction(p.graph, of.fn.name+"_jvp", func(g *Graph) []*Node {
		turn := in[a.Carries:of.own]
		each := make([]shapes.Shape, len(turn))
		for i, v := range turn {
			each[i] = inTurn(v.x.Shape())
		}
		args := parametersFor(g, shapesOfDuals(in[:a.Carries]), on[:a.Carries])
		args = append(args, parametersFor(g, each, on[a.Carries:of.own])...)
		out := p.run(of, append(args, in[of.own:]...))
		next, dnext := valuesAndTangents(out[:a.Carries], want[:a.Carries])
		ys, dys := valuesAndTangents(out[a.Carries:], want[a.Carries:])
		return append(append(append(next, dnext...), ys...), dys...)
	})
	back := a
	back.Carries = len(carry) + len(dcarry)
	out := ApplyFunctions(p.graph, scanOp, back, slices.Concat(carry, dcarry, xs, dxs), f)
	ys := out[back.Carries:]
	return append(
		duals(out[:a.Carries], out[a.Carries:back.Carries], want[:a.Carries]),
		duals(ys[:len(want)-a.Carries], ys[len(want)-a.Carries:], want[a.Carries:])...)
}

// jvpWhile carries the tangents of the state beside it, for as many turns as it takes.
func jvpWhile(p *pusher, n *Node, in []dual) []dual {
	test, of := n.bodies[0], n.bodies[1]
	on := of.active(of.own, hasTangent(in))
	state, captured := in[:of.own], in[of.own:]
	want := on[:of.own]
	cond := NewFunction(p.graph, test.fn.name+"_jvp", func(g *Graph) []*Node {
		now := parametersFor(g, shapesOfDuals(state), want)
		for i := range now {
			now[i].dx = nil
		}
		around := slices.Clone(captured)
		for i := range around {
			around[i].dx = nil
		}
		return []*Node{p.run(test, append(now, around...))[0].x}
	})
	turn := NewFunction(p.graph, of.fn.name+"_jvp", func(g *Graph) []*Node {
		xs, dxs := valuesAndTangents(p.run(of, append(parametersFor(g, shapesOfDuals(state), want), captured...)), want)
		return append(xs, dxs...)
	})
	xs, dxs := valuesAndTangents(state, want)
	out := While(cond, turn, append(xs, dxs...)...)
	return duals(out[:of.own], out[of.own:], want)
}
