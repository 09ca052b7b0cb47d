package losses

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
)

// Reduction says what becomes of the losses of single elements, see [WithReduction].
type Reduction string

// The reductions.
const (
	Mean Reduction = "mean" // Σ weight · loss / Σ weight over what the mask shows: what losses do unless told otherwise
	Sum  Reduction = "sum"  // Σ weight · loss
	Each Reduction = "each" // weight · loss of each, 0 where the mask hides it: not a scalar
)

// WithReduction returns a loss with another reduction. It is for losses that end with [Reduce], as those of this package do, but for
// [MakeTripletLoss], which knows no losses of single elements. A trainer takes the mean of [Each] again: it is for looking at, such as the
// worst examples.
func WithReduction(loss Fn, reduction Reduction) Fn {
	return func(labels, predictions []*graph.Node) *graph.Node {
		switch {
		case loss == nil:
			graph.Errorf("WithReduction: the loss is nil")
		case reduction != Mean && reduction != Sum && reduction != Each:
			unknown("WithReduction", "reduction", reduction, Mean, Sum, Each)
		case len(predictions) == 0:
			graph.Errorf("WithReduction: got no predictions")
		}
		g := predictions[0].Graph()
		before := reductionOf(g)
		g.AttachState(reductionKey{}, reduction)
		defer g.AttachState(reductionKey{}, before)
		return loss(labels, predictions)
	}
}

type reductionKey struct{}

// reductionOf returns the reduction of the losses that are being added to a graph.
func reductionOf(g *graph.Graph) Reduction {
	if r, ok := g.State(reductionKey{}).(Reduction); ok {
		return r
	}
	return Mean
}

// weighed returns weight · x, 0 where the mask hides it.
func weighed(x, weights, mask *graph.Node) *graph.Node {
	if weights != nil {
		x = graph.Mul(x, graph.BroadcastToShape(graph.ConvertDType(weights, x.DType()), x.Shape()))
	}
	if mask != nil {
		x = graph.Where(graph.BroadcastToShape(mask, x.Shape().WithDType(dtypes.Bool)), x, graph.ZerosLike(x))
	}
	return x
}
