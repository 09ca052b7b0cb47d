package viz_test

// The functions that views look at. Golden files name the lines of this file: add at its end.

import (
	"math"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// mlp is a network with a loop and a helper.
func mlp(x, w1, b1, w2, b2 *graph.Node) *graph.Node {
	h := graph.MatMul(x, w1)
	h = graph.Add(h, b1) // one per row
	for range 3 {
		h = graph.Mul(h, graph.Sigmoid(h))
	}
	logits := graph.Add(graph.MatMul(h, w2), b2)
	return normalise(logits)
}

func normalise(x *graph.Node) *graph.Node {
	e := graph.Exp(graph.Sub(x, graph.ReduceAndKeep(x, graph.ReduceMax, -1)))
	return graph.Div(e, graph.ReduceAndKeep(e, graph.ReduceSum, -1))
}

// wrongWay multiplies matrices that do not fit.
func wrongWay(x, w *graph.Node) *graph.Node {
	h := graph.Tanh(x)
	return graph.MatMul(h, w)
}

// outOfRange panics outside of package graph.
func outOfRange(x *graph.Node) *graph.Node {
	list := []*graph.Node{x}
	h := graph.Tanh(x)
	return graph.Add(h, list[h.Rank()])
}

// variables makes parameters of its own, as models do.
func variables(x *graph.Node) *graph.Node {
	w := graph.Parameter(x.Graph(), "var:/dense/weights", shapes.Make(dtypes.Float32, 64, 10))
	b := graph.Parameter(x.Graph(), "var:/dense/biases", shapes.Make(dtypes.Float32, 10))
	return graph.Add(graph.MatMul(x, w), b)
}

// deep has more nodes than are drawn.
func deep(x *graph.Node) *graph.Node {
	for range 80 {
		x = block(x)
	}
	return x
}

func block(x *graph.Node) *graph.Node {
	return graph.Add(x, graph.Tanh(graph.Neg(x)))
}

func f32(dims ...int) shapes.Shape { return shapes.Make(dtypes.Float32, dims...) }

// wave returns a tensor of smooth values from -1 to 1.
func wave(dims ...int) *tensors.Tensor {
	t := tensors.FromShape(f32(dims...))
	tensors.MustMutableFlatData(t, func(flat []float32) {
		for i := range flat {
			flat[i] = float32(math.Round(1000*math.Sin(float64(i)*0.7)) / 1000)
		}
	})
	return t
}

// rings returns pictures of rings in [0, 1].
func rings(n, side int) *tensors.Tensor {
	t := tensors.FromShape(f32(n, side, side))
	tensors.MustMutableFlatData(t, func(flat []float32) {
		for i := range flat {
			k, y, x := i/(side*side), i/side%side, i%side
			mid := float64(side-1) / 2
			d := math.Hypot(float64(y)-mid, float64(x)-mid) - float64(1+k%5)
			flat[i] = float32(math.Round(100*math.Exp(-d*d)) / 100)
		}
	})
	return t
}

// gradient returns the gradient of a loss, which the result does not need.
func gradient(x, w *graph.Node) *graph.Node {
	y := graph.Tanh(graph.MatMul(x, w))
	loss := graph.ReduceAllSum(graph.Mul(y, y))
	return graph.Gradient(loss, w)[0]
}

// same returns x: it adds no node.
func same(x *graph.Node) *graph.Node { return x }

func either(x, y *graph.Node) *graph.Node { return y }

// quiet has lines that add no node, some of which are not reached.
func quiet(x, y *graph.Node) *graph.Node {
	x = same(x)
	if x.Rank() > 9 {
		x = same(x)
	}
	x = either(x, y)
	x = graph.Tanh(x)
	x = same(x) // still x
	return x
}
