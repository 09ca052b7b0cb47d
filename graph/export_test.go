package graph

// SetMaxNodes makes n the most nodes that graphs may have, until restore is called.
func SetMaxNodes(n int) (restore func()) {
	old := maxNodes
	maxNodes = n
	return func() { maxNodes = old }
}

// ObserveNone is what a graph pays where nobody observes.
func ObserveNone() { tell(nil, &nobody) }

var nobody Graph
