package losses

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/internal/names"
)

// Fn is a loss: a scalar made of labels and predictions. A loss of one's own may return a loss for each
// example instead, of which trainers take the mean with [Reduce].
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

// samePair is pair for labels that must be like the predictions. Both come as [values] gives them.
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
	return values(y, labels), values(p, labels)
}

// values returns x as losses compute with it: in float32 if it is narrower, so that no constant beside 1 and
// no sum is lost, and with 0 where the mask hides it. That must come before anything is made of x: the
// gradient of a NaN is NaN even where the result is not used, since 0·NaN is.
func values(x *graph.Node, labels []*graph.Node) *graph.Node {
	return wide(FillMasked(x, labels, 0))
}

// wide returns a float in float32 if it is narrower.
func wide(x *graph.Node) *graph.Node {
	if x.DType().IsHalf() {
		return graph.ConvertDType(x, dtypes.Float32)
	}
	return x
}

// FillMasked returns x, labels or predictions, with value in the places that the mask behind the first label
// hides; x itself if there is no mask. The mask's axes must be the first ones of x. Losses of one's own call
// it before they compute anything: a NaN that is masked away afterwards makes gradients NaN all the same.
//
//	func relative(labels, predictions []*graph.Node) *graph.Node {
//		y, p := losses.FillMasked(labels[0], labels, 1), losses.FillMasked(predictions[0], labels, 1)
//		return losses.Reduce(graph.Abs(graph.Div(graph.Sub(p, y), y)), labels)
//	}
func FillMasked(x *graph.Node, labels []*graph.Node, value float64) *graph.Node {
	_, mask := WeightsAndMask(x.Shape(), labels)
	if mask == nil {
		return x
	}
	return graph.Where(mask, x, graph.ConstAs(x, value))
}

// WeightsAndMask finds weights and mask among the labels behind the first, nil where there are none, and
// gives both the rank of a loss of the given shape by trailing axes of size 1. It panics with
// [graph.Error] if there are others, or if their axes are not the first ones of the loss.
func WeightsAndMask(lossShape shapes.Shape, labels []*graph.Node) (weights, mask *graph.Node) {
	for i, extra := range labels[min(1, len(labels)):] {
		s := extra.Shape()
		if !prefixOf(s, lossShape) {
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

// prefixOf reports whether the axes of s are the first ones of shape, or of size 1.
func prefixOf(s, shape shapes.Shape) bool {
	if s.Rank() > shape.Rank() {
		return false
	}
	for a, d := range s.Dimensions {
		if d != shape.Dimensions[a] && d != 1 {
			return false
		}
	}
	return true
}

// Reduce returns the mean of a loss for each example, of any shape, with the weights and mask that stand
// behind the first label; see the package's comment. It is for losses of one's own, which take what is
// masked out of labels and predictions before, with [FillMasked]. The mean is a float32 for narrower losses.
func Reduce(loss *graph.Node, labels []*graph.Node) *graph.Node {
	mean, _ := MeanAndWeight(loss, labels)
	return mean
}

// MeanAndWeight is [Reduce] that also returns what the mean weighs among those of other batches, a scalar of
// the same dtype: the sum of the weights of the elements whose mask is true; without weights their number.
func MeanAndWeight(x *graph.Node, labels []*graph.Node) (mean, weight *graph.Node) {
	x = wide(x)
	weights, mask := WeightsAndMask(x.Shape(), labels)
	switch reductionOf(x.Graph()) {
	case Each:
		return weighed(x, weights, mask), graph.ConstAs(x, x.Shape().Size())
	case Sum:
		sum := graph.ReduceAllSum(weighed(x, weights, mask))
		return sum, graph.OnesLike(sum)
	}
	if weights == nil && mask == nil {
		return graph.ReduceAllMean(x), graph.ConstAs(x, x.Shape().Size())
	}
	sum, total := weightedSum(x, weights, mask)
	one := graph.OnesLike(total)
	return graph.Div(sum, graph.Where(graph.IsZero(total), one, total)), total
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

// TotalWeight returns what the loss of a batch weighs among other batches, a float32 scalar: the sum of the
// weights of all elements of the first label whose mask is true; without weights their number. Batches that
// differ in anything, number of examples or length of sequences, so count for what is in them. Without labels
// the elements of the first prediction are counted.
func TotalWeight(labels, predictions []*graph.Node) *graph.Node {
	counted := append(labels[:min(1, len(labels)):min(1, len(labels))], predictions...)
	if len(counted) == 0 {
		graph.Errorf("TotalWeight: got no labels and no predictions: there is nothing to count")
	}
	g, shape := counted[0].Graph(), counted[0].Shape()
	if len(labels) < 2 {
		return graph.Scalar(g, dtypes.Float32, shape.Size())
	}
	for _, extra := range labels[1:] {
		if !prefixOf(extra.Shape(), shape) { // the label has fewer axes than the loss
			shape = extra.Shape()
		}
	}
	weights, mask := WeightsAndMask(shape, labels)
	_, total := weightedSum(graph.Ones(g, shape.WithDType(dtypes.Float32)), weights, mask)
	return total
}

// unknown panics with [graph.Error] for a constant of a kind that there is not.
func unknown[T ~string](name, kind string, value T, known ...T) {
	list := make([]string, len(known))
	for i, k := range known {
		list[i] = string(k)
	}
	graph.Errorf("%s: there is no %s %q%s (there are %q)", name, kind, string(value), names.Hint(string(value), list), list)
}
