package graph

import (
	"slices"

	"github.com/quire-ml/quire/graph/ir"
)

// segment is a part of a function that gradients compute again.
type segment struct{ nodes []*Node } // in order

// RecomputeSince lets gradients that are taken later compute again what n is made of, as far as it was made after the node of the
// given number (-1 for all of it): they store what that is made of, and no values between. So a part of a graph that is there
// already, a layer, is checkpointed from outside:
//
//	since := x.Graph().LastNode().Id()
//	y := layer(x)
//	y.RecomputeSince(since)
//
// Values are the same, and gradients are summed in the same order; the forward pass is what it was, and what it
// does besides, such as moving averages, it does once. The price is another forward pass through that part. Parameters, ops with effects
// and what belongs to such a part already are stored. It concerns gradients that are taken in the function of n: within a loop see
// [ScanBuilder.Recompute], and [Checkpoint] for functions, with a policy. RecomputeSince panics with [Error] if n is nil.
//
// Source: Griewank and Walther, "Evaluating Derivatives", 2008, ch. 12; Chen et al., "Training deep nets with sublinear memory cost",
// 2016, arXiv:1604.06174.
func (n *Node) RecomputeSince(since NodeId) {
	s := &segment{}
	for todo := []*Node{n.made()}; len(todo) > 0; {
		x := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if x.id <= since || x.op == parameter || x.segment != nil || x.seen() {
			continue
		}
		x.more().segment = s
		s.nodes = append(s.nodes, x)
		todo = append(todo, x.inputs...)
	}
	slices.SortFunc(s.nodes, func(a, b *Node) int { return a.index - b.index })
}

// again returns n as its gradient sees it: itself, or a copy whose operands are computed again.
func (d *gradients) again(n *Node) *Node {
	s := n.segment
	if s == nil || n.fn != n.graph.current {
		return n
	}
	if d.copies[s] == nil {
		if d.copies == nil {
			d.copies = map[*segment]map[*Node]*Node{}
		}
		d.copies[s] = s.copied()
	}
	return d.copies[s][n]
}

// copied adds the nodes once more, and returns what stands for which. What stands between the copies and what they are made of keeps backends from
// finding the values that were there before.
func (s *segment) copied() map[*Node]*Node {
	m := map[*Node]*Node{}
	g := s.nodes[0].graph
	defer func(from ir.Site) { g.from = from }(g.from)
	for _, n := range s.nodes {
		if n.op == output {
			if m[n] == nil { // of an op with effects: it is computed once
				m[n] = OptimizationBarrier(n)
			}
			continue
		}
		g.from = n.site
		in := make([]*Node, len(n.inputs))
		for i, x := range n.inputs {
			switch {
			case m[x] != nil:
			case x.op == constant:
				m[x] = x
			default:
				m[x] = OptimizationBarrier(x)
			}
			in[i] = m[x]
		}
		c := apply(g, n.op, n.attrs, n.bodies, in)
		if n.custom != nil {
			c.more().custom = n.custom
		}
		m[n] = c
		for i, r := range n.splits {
			m[r] = c.splits[i]
		}
	}
	return m
}
