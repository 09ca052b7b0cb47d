package graph

import (
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// Ops that run functions, for a batch of examples: they run functions of a batch. Which values of these are batched is found before
// they are made, since what a loop hands on has to stay as it is from turn to turn: see [body.follows].

// follows tells which results of a body depend on those of its inputs that are on.
func (b *body) follows(on []bool) []bool {
	follows := make([]bool, len(b.fn.nodes))
	for i, in := range b.inputs {
		if in != nil && on[i] {
			follows[in.index] = true
		}
	}
	need, _ := needed(b.fn.nodes, b.outputs, false)
	for i, n := range b.fn.nodes {
		switch {
		case !need[i] || n.op == output || n.op == parameter:
		case n.bodies == nil:
			if slices.ContainsFunc(n.inputs, func(x *Node) bool { return follows[x.index] }) {
				for k := range n.numResults() {
					follows[n.result(k).index] = true
				}
			}
		default:
			in := make([]bool, len(n.inputs))
			for k, x := range n.inputs {
				in[k] = follows[x.index]
			}
			for k, on := range n.resultsFollow(in) {
				follows[n.result(k).index] = on
			}
		}
	}
	out := make([]bool, len(b.outputs))
	for i, y := range b.outputs {
		out[i] = follows[y.index]
	}
	return out
}

// resultsFollow tells which results of n, which runs functions, depend on those operands that are on.
func (n *Node) resultsFollow(on []bool) []bool {
	all := func(v bool) []bool { return slices.Repeat([]bool{v}, n.numResults()) }
	switch n.op {
	case callOp, checkpoint:
		return n.bodies[0].follows(on)
	case ifOp, switchOp:
		out := all(on[0])
		for _, b := range n.bodies {
			for k, on := range b.follows(on[1:]) {
				out[k] = out[k] || on
			}
		}
		return out
	case scanOp:
		return n.bodies[0].follows(n.carried(n.attrs.(ir.ScanAttrs).Carries, n.bodies[0], on))
	case whileOp:
		state, _ := n.whileFollows(on)
		return state[:n.numResults()]
	}
	return all(slices.Contains(on, true))
}

// carried returns on, with the carries of a loop's body that come to depend on them.
func (n *Node) carried(carries int, b *body, on []bool) []bool {
	on = slices.Clone(on)
	for {
		more := false
		for k, follows := range b.follows(on)[:carries] {
			if follows && !on[k] {
				on[k], more = true, true
			}
		}
		if !more {
			return on
		}
	}
}

// whileFollows tells which values of the state of n, a While, and captured ones depend on those operands that are on, and whether the
// condition does. If it does, so does all that changes.
func (n *Node) whileFollows(on []bool) (state []bool, cond bool) {
	test, body := n.bodies[0], n.bodies[1]
	on = n.carried(body.own, body, on)
	if !test.follows(on)[0] {
		return on, false
	}
	for k := range body.own {
		on[k] = on[k] || !body.handsOn(k)
	}
	return n.carried(body.own, body, on), true
}

func flags(in []examples) []bool {
	on := make([]bool, len(in))
	for i, v := range in {
		on[i] = v.batched
	}
	return on
}

// as returns v, batched if want says so.
func (b *batcher) as(v examples, want bool) examples {
	if want {
		return b.spread(v)
	}
	return v
}

// asAll returns the values of list, batched where want says so.
func (b *batcher) asAll(list []examples, want []bool) []examples {
	out := make([]examples, len(list))
	for i, v := range list {
		out[i] = b.as(v, want[i])
	}
	return out
}

func withFlags(xs []*Node, on []bool) []examples {
	list := make([]examples, len(xs))
	for i, x := range xs {
		list[i] = examples{x, on[i]}
	}
	return list
}

// batchCall calls a function of a batch, which is made once for calls that have the same operands batched.
func batchCall(b *batcher, n *Node, in []examples) []examples {
	of := n.bodies[0]
	on := flags(in)
	key := fmt.Sprint(on)
	for _, x := range slices.Concat(of.inputs, of.outputs) {
		key += fmt.Sprintf(" %p", x)
	}
	f := b.calls[key]
	if f == nil {
		f = NewFunction(b.graph, of.fn.name+"_batch", func(g *Graph) []*Node {
			args := make([]examples, len(in))
			for i, v := range in {
				args[i] = examples{Parameter(g, "", v.x.Shape()), v.batched}
			}
			return nodesOf(b.run(of, args))
		})
		if b.calls == nil {
			b.calls = map[string]*Function{}
		}
		b.calls[key] = f
	}
	return withFlags(f.Call(nodesOf(in)...), of.follows(on))
}

// batchBranches runs the same branch for all examples, or, where the choice is batched, all branches, and takes of each what was chosen.
func batchBranches(choose func(choice *Node, branches [][]*Node) []*Node) func(b *batcher, n *Node, in []examples) []examples {
	return func(b *batcher, n *Node, in []examples) []examples {
		want := n.resultsFollow(flags(in))
		branches := make([]func() []*Node, len(n.bodies))
		for k, of := range n.bodies {
			branches[k] = func() []*Node { return nodesOf(b.asAll(b.run(of, in[1:]), want)) }
		}
		if in[0].batched {
			results := make([][]*Node, len(branches))
			for k, branch := range branches {
				results[k] = branch()
			}
			return withFlags(choose(in[0].x, results), want)
		}
		fns := make([]*Function, len(branches))
		for k, branch := range branches {
			fns[k] = NewFunction(b.graph, n.bodies[k].fn.name+"_batch", func(*Graph) []*Node { return branch() })
		}
		return withFlags(ApplyFunctions(b.graph, n.op, n.attrs, []*Node{in[0].x}, fns...), want)
	}
}

// eachOf returns y where choice, bools of a batch, holds, and z elsewhere.
func eachOf(choice, y, z *Node) *Node { return Where(alignedTo(choice, y.Rank()-1), y, z) }

func chooseOfTwo(pred *Node, branches [][]*Node) []*Node {
	out := make([]*Node, len(branches[0]))
	for i, y := range branches[0] {
		out[i] = eachOf(pred, y, branches[1][i])
	}
	return out
}

func chooseOfMany(index *Node, branches [][]*Node) []*Node {
	out := slices.Clone(branches[0])
	for k, branch := range branches[1:] {
		chosen := GreaterOrEqual(index, Scalar(index.graph, dtypes.Int32, k+1)) // too large a one takes the last
		for i, y := range branch {
			out[i] = eachOf(chosen, y, out[i])
		}
	}
	return out
}

// batchScan goes over slices of a batch.
func batchScan(b *batcher, n *Node, in []examples) []examples {
	a, of := n.attrs.(ir.ScanAttrs), n.bodies[0]
	on := n.carried(a.Carries, of, flags(in))
	in = b.asAll(in, on)
	operands := nodesOf(in[:of.own])
	for i := a.Carries; i < of.own; i++ {
		if on[i] {
			operands[i] = moveAxis(operands[i], 1, 0) // [T, B, …]
		}
	}
	follows := of.follows(on)
	f := NewFunction(b.graph, of.fn.name+"_batch", func(g *Graph) []*Node {
		args := slices.Clone(in)
		for i, x := range operands {
			s := x.Shape()
			if i >= a.Carries {
				s = inTurn(s)
			}
			args[i].x = Parameter(g, "", s)
		}
		out := b.run(of, args)
		return nodesOf(append(b.asAll(out[:a.Carries], on), out[a.Carries:]...))
	})
	out := withFlags(ApplyFunctions(b.graph, scanOp, a, operands, f), append(slices.Clone(on[:a.Carries]), follows[a.Carries:]...))
	for i := a.Carries; i < len(out); i++ {
		if out[i].batched {
			out[i].x = moveAxis(out[i].x, 1, 0)
		}
	}
	return out
}

// batchWhile runs as long as the condition holds for all, or, where it differs, for one of them: those for which it does not hold keep
// their state.
func batchWhile(b *batcher, n *Node, in []examples) []examples {
	test, of := n.bodies[0], n.bodies[1]
	on, differs := n.whileFollows(flags(in))
	in = b.asAll(in, on)
	state, captured := in[:of.own], in[of.own:]
	parameters := func(g *Graph) []examples {
		list := make([]examples, len(state))
		for i, v := range state {
			list[i] = examples{Parameter(g, "", v.x.Shape()), v.batched}
		}
		return list
	}
	holds := func(now []examples) *Node { return b.run(test, slices.Concat(now, captured))[0].x }
	next := func(now []examples) []examples { return b.asAll(b.run(of, slices.Concat(now, captured)), on) }
	if !differs {
		cond := NewFunction(b.graph, test.fn.name+"_batch", func(g *Graph) []*Node { return []*Node{holds(parameters(g))} })
		turn := NewFunction(b.graph, of.fn.name+"_batch", func(g *Graph) []*Node { return nodesOf(next(parameters(g))) })
		return withFlags(While(cond, turn, nodesOf(state)...), on)
	}
	running := shapes.Make(dtypes.Bool, b.size)
	cond := NewFunction(b.graph, test.fn.name+"_batch", func(g *Graph) []*Node {
		live := Parameter(g, "", running)
		parameters(g)
		return []*Node{ReduceLogicalOr(live)}
	})
	turn := NewFunction(b.graph, of.fn.name+"_batch", func(g *Graph) []*Node {
		live := Parameter(g, "", running)
		now := parameters(g)
		then := next(now)
		for i, v := range now {
			if v.batched && !of.handsOn(i) {
				then[i].x = eachOf(live, then[i].x, v.x)
			}
		}
		return append([]*Node{LogicalAnd(live, holds(then))}, nodesOf(then)...)
	})
	first := withoutNames(holds(state))
	return withFlags(While(cond, turn, append([]*Node{first}, nodesOf(state)...)...)[1:], on)
}
