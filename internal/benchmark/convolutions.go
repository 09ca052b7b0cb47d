package main

import (
	"github.com/quire-ml/quire/graph"
)

// convolutions returns the other convolutions, and a pool.
func convolutions() []*benchCase {
	const group = "convolutions"
	return []*benchCase{
		convolution(convSpec{group: group, name: "conv3x3_train_b32_28x28x32_64", batch: 32, side: 28, in: 32, out: 64, window: 3, gradients: true}),
		convolution(convSpec{group: group, name: "conv1x1_b8_28x28x64_64", batch: 8, side: 28, in: 64, out: 64, window: 1}),
		convolution(convSpec{group: group, name: "conv7x7s2_b8_112x112x3_64", batch: 8, side: 112, in: 3, out: 64, window: 7, stride: 2}),
		convolution(convSpec{group: group, name: "depthwise3x3_b8_28x28x64", batch: 8, side: 28, in: 64, out: 64, window: 3, depthwise: true}),
		convolution(convSpec{group: group, name: "depthwise3x3_train_b8_28x28x64", batch: 8, side: 28, in: 64, out: 64, window: 3, depthwise: true, gradients: true}),
		unary(group, "max_pool2x2_b32_28x28x64", func(x *graph.Node) *graph.Node { return graph.MaxPool(x).Window(2).Done() }, 32, 28, 28, 64),
	}
}

// convSpec says which convolution: images of side x side with the channels last, padded so that a stride of 1 keeps the size.
type convSpec struct {
	group, name    string
	batch, side    int
	in, out        int // channels
	window, stride int // a stride of 0 is 1
	depthwise      bool
	gradients      bool // of the sum of squares, by image and kernel, instead of the result
}

// flops counts the products of every window, without those with padding left out.
func (s convSpec) flops() float64 {
	side := s.side / max(s.stride, 1)
	n := 2 * float64(s.batch*side*side*s.out*s.window*s.window*s.perWindow())
	if s.gradients {
		n *= 3 // forward, and one such sum for each gradient
	}
	return n
}

// perWindow is how many channels a sum reads at each place of its window.
func (s convSpec) perWindow() int {
	if s.depthwise {
		return 1
	}
	return s.in
}

func (s convSpec) build(in []*graph.Node) []*graph.Node {
	c := graph.Convolve(in[0], in[1]).PadSame().Strides(max(s.stride, 1))
	if s.depthwise {
		c = c.ChannelGroupCount(s.in)
	}
	y := c.Done()
	if s.gradients {
		return graph.Gradient(graph.ReduceAllSum(graph.Square(y)), in...)
	}
	return []*graph.Node{y}
}

func convolution(s convSpec) *benchCase {
	return &benchCase{name: s.name, group: s.group, flops: s.flops(), prepare: func(m *maker) (*work, error) {
		return m.exec(s.build, m.normal(s.batch, s.side, s.side, s.in), m.normal(s.window, s.window, s.perWindow(), s.out))
	}}
}
