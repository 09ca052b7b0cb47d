package losses

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

// Fn is a loss: a scalar made of labels and predictions. A loss of one's own may return a loss for each
// example instead, of which trainers take the mean.
type Fn func(labels, predictions []*graph.Node) *graph.Node

// pair returns the first label and prediction.
func pair(name string, labels, predictions []*graph.Node) (y, p *graph.Node) {
	if len(labels) == 0 || len(predictions) == 0 {
		graph.Errorf("%s: got %d labels and %d predictions, want at least one of each", name, len(labels), len(predictions))
	}
	y, p = labels[0], predictions[0]
	if !p.DType().IsFloat() {
		graph.Errorf("%s: predictions are %s, want floats", name, p.Shape())
	}
	return y, p
}

// samePair is pair for labels that must be like the predictions.
func samePair(name string, labels, predictions []*graph.Node) (y, p *graph.Node) {
	y, p = pair(name, labels, predictions)
	switch {
	case !y.Shape().EqualDimensions(p.Shape()):
		hint := ""
		if y.Shape().Size() == p.Shape().Size() {
			hint = " (Reshape one of them)"
		}
		graph.Errorf("%s: labels %s against predictions %s: they must have the same shape%s", name, y.Shape(), p.Shape(), hint)
	case y.DType() != p.DType():
		graph.Errorf("%s: labels %s against predictions %s: convert the labels with ConvertDType", name, y.Shape(), p.Shape())
	}
	return y, p
}

// WeightsAndMask finds weights and mask among the labels behind the first, nil where there are none, and
// gives both the rank of a loss of the given shape by trailing axes of size 1. It panics with
// [graph.Error] if there are others, or if their axes are not the first ones of the loss.
func WeightsAndMask(lossShape shapes.Shape, labels []*graph.Node) (weights, mask *graph.Node) {
	for i, extra := range labels[min(1, len(labels)):] {
		s := extra.Shape()
		prefix := s.Rank() <= lossShape.Rank()
		for a := 0; prefix && a < s.Rank(); a++ {
			prefix = s.Dimensions[a] == lossShape.Dimensions[a] || s.Dimensions[a] == 1
		}
		if !prefix {
			graph.Errorf("label %d, a weight or a mask, is %s: its axes must be the first ones of the loss, %s", i+1, s, lossShape.Dims())
		}
		dims := append([]int(nil), s.Dimensions...)
		for len(dims) < lossShape.Rank() {
			dims = append(dims, 1)
		}
		extra = graph.Reshape(extra, dims...)
		switch {
		case s.DType == dtypes.Bool && mask == nil:
			mask = extra
		case s.DType.IsFloat() && weights == nil:
			weights = extra
		default:
			graph.Errorf("label %d is %s: behind the first label there may be weights (floats) and a mask (bools), one of each", i+1, s)
		}
	}
	return weights, mask
}

// Reduce returns the mean of a loss for each example, of any shape, with the weights and mask that stand
// behind the first label; see the package's comment. It is for losses of one's own.
func Reduce(loss *graph.Node, labels []*graph.Node) *graph.Node {
	weights, mask := WeightsAndMask(loss.Shape(), labels)
	if weights == nil && mask == nil {
		return graph.ReduceAllMean(loss)
	}
	sum, total := weightedSum(loss, weights, mask)
	one := graph.OnesLike(total)
	return graph.Div(sum, graph.Where(graph.IsZero(total), one, total))
}

// weightedSum returns Σ weight·x and Σ weight over the places whose mask is true.
func weightedSum(x, weights, mask *graph.Node) (sum, total *graph.Node) {
	if weights == nil {
		weights = graph.OnesLike(x)
	}
	weights = graph.BroadcastToShape(graph.ConvertDType(weights, x.DType()), x.Shape())
	if mask != nil {
		mask = graph.BroadcastToShape(mask, x.Shape().WithDType(dtypes.Bool))
		zero := graph.ZerosLike(x)
		x, weights = graph.Where(mask, x, zero), graph.Where(mask, weights, zero)
	}
	return graph.ReduceAllSum(graph.Mul(x, weights)), graph.ReduceAllSum(weights)
}

// TotalWeight returns what the loss of a batch weighs among other batches, a float32 scalar: the sum of
// the weights whose mask is true, or without weights and mask the number of examples.
func TotalWeight(labels, predictions []*graph.Node) *graph.Node {
	g := predictions[0].Graph()
	if len(labels) < 2 {
		size := predictions[0].Shape()
		if len(labels) == 1 {
			size = labels[0].Shape()
		}
		n := 1
		if size.Rank() > 0 {
			n = size.Dimensions[0]
		}
		return graph.Scalar(g, dtypes.Float32, n)
	}
	var shape shapes.Shape
	for _, extra := range labels[1:] {
		if extra.Rank() >= shape.Rank() {
			shape = extra.Shape()
		}
	}
	weights, mask := WeightsAndMask(shape, labels)
	_, total := weightedSum(graph.Ones(g, shape.WithDType(dtypes.Float32)), weights, mask)
	return total
}
