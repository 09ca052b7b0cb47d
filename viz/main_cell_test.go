package viz_test

import "github.com/quire-ml/quire/graph"

// What a cell may hold: the kernel's program is in files whose names begin with main.

func cellModel(x, w *graph.Node) *graph.Node {
	h := graph.MatMul(x, w)
	return graph.Softmax(h)
}

func cellMistake(x, w *graph.Node) *graph.Node {
	return graph.MatMul(x, w) // the inner axes differ
}
