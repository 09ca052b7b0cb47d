package traces

import "github.com/quire-ml/quire/graph"

// A file whose name begins with main stands for a cell; line N of this file is In[4]:N.

type net struct{ fail bool }

func (n *net) dense(x, w *graph.Node) *graph.Node {
	y := graph.MatMul(x, w)
	return graph.Tanh(y)
}

func (n *net) model(x, w, v *graph.Node) *graph.Node {
	h := n.dense(x, w)
	for range 3 {
		h = graph.Add(h, graph.Mul(h, h))
	}
	h = n.dense(h, v)
	values, indices := graph.SortWithIndices(h, 1, true)
	_ = indices
	named := values.WithAxisNames("batch", "class")
	loss := graph.ReduceAllSum(graph.Add(values, named))
	if n.fail {
		graph.Add(loss, x.Graph().NodeById(-1))
	}
	return graph.Gradient(loss, w)[0]
}
