// Package classic has the nets that courses begin with: the perceptron of several layers, and LeNet-5 for digits.
//
//	trainer := train.NewTrainer(backend, model.NewStore(), classic.LeNet{Classes: 10}.Logits, …) // of images float32[B 28 28 1]
package classic

import (
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/model"
)

// MLP is the sizes of a perceptron of several layers.
type MLP struct {
	Hidden     []int   // widths of the hidden layers; there may be none
	Out        int     // numbers that come out, as classes
	Activation string  // of hidden layers, as layers.Activation knows it; "relu" if it is ""
	Dropout    float64 // part of the hidden values that training drops
}

// Logits returns what the last layer makes of each example, [B, Out]:
//
//	h[k] = dropout(activation(h[k-1] · weights + biases)),   h[0] = x
//	y    = h[n] · weights + biases
//
// x is [B, …], floats; all that an example has is one vector.
//
// Source: Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors", 1986.
func (c MLP) Logits(scope *model.Scope, x *graph.Node) *graph.Node {
	if c.Out < 1 || slices.ContainsFunc(c.Hidden, func(n int) bool { return n < 1 }) {
		graph.Errorf("MLP: hidden layers of %v and an output of %d, want 1 and more", c.Hidden, c.Out)
	}
	if x.Rank() < 2 || !x.DType().IsFloat() {
		graph.Errorf("MLP: x is %s, want floats of [batch, …]", x.Shape())
	}
	if x.Rank() > 2 {
		x = graph.Reshape(x, x.Dim(0), -1)
	}
	for i, width := range c.Hidden {
		x = layers.Activation(or(c.Activation, "relu"), layers.Dense(scope.In("hidden_%d", i), x, true, width)) // [B, width]
		x = layers.Dropout(scope.In("dropout_%d", i), x, c.Dropout)
	}
	return layers.Dense(scope.In("readout"), x, true, c.Out)
}

// LeNet is the sizes of a LeNet-5.
type LeNet struct {
	Classes    int
	Activation string // as layers.Activation knows it; "tanh", as in the paper, if it is ""
}

// Logits returns a number for each class of each picture, [B, Classes]: convolutions of size 5 with 6 and 16 channels, each with a mean over squares of 2 behind it, then
// dense layers of 120, 84 and Classes. images are [B, 32, 32, C], floats, or [B, 28, 28, C], around which two zeros are put.
//
// Source: LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", 1998, section II.B and figure 2; with all of the first layer's channels
// seen by all of the second's, a plain mean, and a dense layer for the radial functions at the end.
func (c LeNet) Logits(scope *model.Scope, images *graph.Node) *graph.Node {
	if c.Classes < 1 {
		graph.Errorf("LeNet: %d classes, want 1 and more", c.Classes)
	}
	if images.Rank() != 4 || images.Dim(1) != images.Dim(2) || images.Dim(1) != 28 && images.Dim(1) != 32 || !images.DType().IsFloat() {
		graph.Errorf("LeNet: images are %s, want floats of [batch, 28, 28, channels] or [batch, 32, 32, channels]", images.Shape())
	}
	act := func(x *graph.Node) *graph.Node { return layers.Activation(or(c.Activation, "tanh"), x) }
	first := layers.Convolution(scope.In("conv_0"), images).Channels(6).KernelSize(5)
	if images.Dim(1) == 28 {
		first = first.PadSame()
	} else {
		first = first.NoPadding()
	}
	x := graph.MeanPool(act(first.Done())).Window(2).Done()                                                                           // [B, 14, 14, 6]
	x = graph.MeanPool(act(layers.Convolution(scope.In("conv_1"), x).Channels(16).KernelSize(5).NoPadding().Done())).Window(2).Done() // [B, 5, 5, 16]
	x = act(layers.Dense(scope.In("dense_0"), graph.Reshape(x, x.Dim(0), -1), true, 120))
	x = act(layers.Dense(scope.In("dense_1"), x, true, 84))
	return layers.Dense(scope.In("readout"), x, true, c.Classes)
}

func or(name, other string) string {
	if name == "" {
		return other
	}
	return name
}
