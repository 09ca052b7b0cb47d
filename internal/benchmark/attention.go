package main

import (
	"github.com/quire-ml/quire/graph"
)

// The attention of 4 sequences of 512 in 8 heads of 64 channels. It has two products, and its gradient five more, one of which
// makes the weights again.
const (
	attentionBatch, attentionHeads, attentionTime, attentionWidth = 4, 8, 512, 64

	attentionFlops = 2 * 2 * attentionBatch * attentionHeads * attentionTime * attentionTime * attentionWidth
)

// attentions returns attention alone.
func attentions() []*benchCase {
	const size = "b4_h8_t512_d64"
	whole, causal := attendTo(false), attendTo(true)
	return []*benchCase{
		attentionCase("attention_"+size, attentionFlops, one(whole)),
		attentionCase("attention_causal_"+size, attentionFlops/2, one(causal)),
		attentionCase("attention_train_"+size, attentionFlops*7/2, gradients(whole)),
		attentionCase("attention_causal_train_"+size, attentionFlops*7/4, gradients(causal)),
	}
}

func attentionCase(name string, flops float64, fn func(in []*graph.Node) []*graph.Node) *benchCase {
	return &benchCase{name: name, group: "attention", flops: flops, prepare: func(m *maker) (*work, error) {
		dims := []int{attentionBatch, attentionHeads, attentionTime, attentionWidth}
		return m.exec(fn, m.normal(dims...), m.normal(dims...), m.normal(dims...))
	}}
}

func attendTo(causal bool) func(in []*graph.Node) *graph.Node {
	return func(in []*graph.Node) *graph.Node {
		return graph.ScaledDotProductAttention(in[0], in[1], in[2]).Causal(causal).Done()
	}
}

// gradients are those of the sum of squares of fn by all operands.
func gradients(fn func(in []*graph.Node) *graph.Node) func(in []*graph.Node) []*graph.Node {
	return func(in []*graph.Node) []*graph.Node {
		return graph.Gradient(graph.ReduceAllSum(graph.Square(fn(in))), in...)
	}
}
