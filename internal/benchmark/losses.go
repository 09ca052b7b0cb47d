package main

import (
	"github.com/quire-ml/quire/graph"
)

// crossEntropies returns the cross-entropy of 1024 examples of 1024 classes, and the gradient of its mean.
func crossEntropies() []*benchCase {
	loss := func(in []*graph.Node) *graph.Node { return graph.SoftmaxCrossEntropy(in[0], in[1]) }
	return []*benchCase{
		crossEntropy("cross_entropy_1024", loss),
		crossEntropy("cross_entropy_grad_1024", func(in []*graph.Node) *graph.Node {
			return graph.Gradient(graph.ReduceAllMean(loss(in)), in[0])[0]
		}),
	}
}

func crossEntropy(name string, fn func(in []*graph.Node) *graph.Node) *benchCase {
	return &benchCase{name: name, group: "losses", elements: million, prepare: func(m *maker) (*work, error) {
		return m.exec(one(fn), m.normal(1024, 1024), m.integers(1024, 1024))
	}}
}
