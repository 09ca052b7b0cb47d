package blocks

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/layers/norm"
	"github.com/quire-ml/quire/ml/model"
)

// FeedForwardBuilder is a stack of dense layers to be set up, see [FeedForward].
type FeedForwardBuilder struct {
	scope         *model.Scope
	x             *graph.Node
	output        int
	count, width  int
	activation    string
	normalization string
	rate          float64
	residual      bool
	bias          bool
}

// FeedForward is a stack of dense layers:
//
//	h[k] = dropout(activation(norm(h[k-1]·weights + biases))),   h[0] = x
//	y    = h[n]·weights + biases
//
// x is [..., C], a float; the result is [..., outputDim]. Unless set otherwise, there is one hidden layer of 128, activated by relu,
// without norm and dropout.
//
// Source: Rosenblatt, "Principles of Neurodynamics", 1962; residual as in He et al., "Deep Residual Learning", 2015, arXiv:1512.03385.
func FeedForward(scope *model.Scope, x *graph.Node, outputDim int) *FeedForwardBuilder {
	needFloat("FeedForward", x, 0, "[..., channels]")
	return &FeedForwardBuilder{scope: scope, x: x, output: outputDim, count: 1, width: 128, activation: "relu", normalization: "none", bias: true}
}

// Hidden sets the number of hidden layers, which may be 0, and their size.
func (b *FeedForwardBuilder) Hidden(count, width int) *FeedForwardBuilder {
	if count < 0 || count > 0 && width < 1 {
		graph.Errorf("FeedForward: %d hidden layers of %d, want 0 or more, of 1 or more", count, width)
	}
	b.count, b.width = count, width
	return b
}

// Activation sets the activation function, by the names of [layers.Activation].
func (b *FeedForwardBuilder) Activation(name string) *FeedForwardBuilder {
	b.activation = name
	return b
}

// Normalization sets the norm of hidden layers, by the names of [norm.ByName].
func (b *FeedForwardBuilder) Normalization(name string) *FeedForwardBuilder {
	b.normalization = name
	return b
}

// Dropout drops a part of hidden values while training, see [layers.Dropout].
func (b *FeedForwardBuilder) Dropout(rate float64) *FeedForwardBuilder {
	b.rate = rate
	return b
}

// Residual says whether each hidden layer adds to what it gets, where both have one size.
func (b *FeedForwardBuilder) Residual(value bool) *FeedForwardBuilder {
	b.residual = value
	return b
}

// Bias says whether the layers have biases.
func (b *FeedForwardBuilder) Bias(value bool) *FeedForwardBuilder {
	b.bias = value
	return b
}

// Done adds the layers to the graph and returns their result.
func (b *FeedForwardBuilder) Done() *graph.Node {
	h := b.x
	for k := range b.count {
		scope := b.scope.In("hidden%d", k)
		y := layers.Dense(scope, h, b.bias, b.width)
		y = norm.ByName(scope.In("norm"), b.normalization, y)
		y = layers.Activation(b.activation, y)
		if b.rate != 0 {
			y = layers.Dropout(scope.In("dropout"), y, b.rate)
		}
		if b.residual && y.Dim(-1) == h.Dim(-1) {
			y = graph.Add(h, y)
		}
		h = y
	}
	return b.scope.Result(layers.Dense(b.scope.In("output"), h, b.bias, b.output))
}

// GatedFeedForward is the feed-forward part of transformers of today:
//
//	y = (activation(x·gate) · (x·up))·down
//
// x is [..., C], a float; gate and up are [C, hidden], down [hidden, C], without biases; the result has x's shape. activation is a name of
// [layers.Activation]: "silu" makes it SwiGLU, "gelu" GeGLU.
//
// Source: Shazeer, "GLU Variants Improve Transformer", 2020, arXiv:2002.05202, eq. 6.
func GatedFeedForward(scope *model.Scope, x *graph.Node, hidden int, activation string) *graph.Node {
	needFloat("GatedFeedForward", x, 0, "[..., channels]")
	gate := layers.Activation(activation, layers.Dense(scope.In("gate"), x, false, hidden))
	up := layers.Dense(scope.In("up"), x, false, hidden)
	return scope.Result(layers.Dense(scope.In("down"), graph.Mul(gate, up), false, x.Dim(-1)))
}
