package graph

import "slices"

// back is what a gradient has done at a node: the nodes that it added there, and the gradient that it found.
type back struct {
	span
	through *Node
	sum     *Node // what has arrived at the node, added up; nil if nothing has
}

// wentBack notes that a gradient was carried back through n: the nodes from begin on were added for that.
func (g *Graph) wentBack(n, sum *Node, begin NodeId) {
	if end := NodeId(len(g.nodes)); end > begin || sum != nil {
		g.backs = append(g.backs, back{span{begin, end}, n, sum})
	}
}

// BackThrough returns the node through which n carries a gradient back: n was made by [Gradient], [VJP] or what is built on
// them, from the rule of that node. It is nil for nodes of the forward pass, for the gradient at which a pass begins, and within functions
// such as bodies of loops.
func (n *Node) BackThrough() *Node {
	g := n.made().graph
	i, found := slices.BinarySearchFunc(g.backs, n.id, func(b back, id NodeId) int {
		switch {
		case b.end <= id:
			return -1
		case b.begin > id:
			return 1
		}
		return 0
	})
	if !found {
		return nil
	}
	return g.backs[i].through
}

// Gradients returns the gradients with respect to n that were found on the way, of whatever was differentiated: one for each [Gradient] or
// [VJP] whose pass has come to n, in the order in which they were asked for. They are nodes like any, to be looked at or returned.
func (n *Node) Gradients() (list []*Node) {
	for _, b := range n.made().graph.backs {
		if b.through == n && b.sum != nil {
			list = append(list, b.sum)
		}
	}
	return list
}
