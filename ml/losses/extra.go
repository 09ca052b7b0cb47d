package losses

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
)

type extraKey struct{}

// AddExtra adds a float scalar to what training makes small, beside the loss of labels and predictions:
// a layer's regularization, for instance. It is not part of the loss that is shown, and has no effect in
// graphs that only evaluate.
func AddExtra(loss *graph.Node) {
	if loss.Rank() != 0 || !loss.DType().IsFloat() {
		graph.Errorf("AddExtra: got %s, want a float scalar (reduce it with ReduceAllMean or ReduceAllSum)", loss.Shape())
	}
	g := loss.Graph()
	loss = wide(loss)
	if sum := Extra(g); sum != nil {
		if loss.DType() != sum.DType() { // of float32 and float64
			loss, sum = graph.ConvertDType(loss, dtypes.Float64), graph.ConvertDType(sum, dtypes.Float64)
		}
		loss = graph.Add(sum, loss)
	}
	g.AttachState(extraKey{}, loss)
}

// Extra returns the sum of what was added to a graph with [AddExtra], at least a float32; nil if nothing was.
func Extra(g *graph.Graph) *graph.Node {
	sum, _ := g.State(extraKey{}).(*graph.Node)
	return sum
}

// AddL2Regularization adds amount · Σ value² to what training makes small, see [AddExtra]; values are
// mostly the weights of layers. Narrow ones are squared and added up in float32.
//
//	losses.AddL2Regularization(1e-4, scope.At("hidden").GetVariable("weights").NodeValue(x))
func AddL2Regularization(amount float64, values ...*graph.Node) {
	for _, v := range values {
		AddExtra(graph.MulScalar(graph.ReduceAllSum(graph.Square(wide(v))), amount))
	}
}
