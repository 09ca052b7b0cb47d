package layers

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/ml/model"
)

// ParamDropoutRate is the hyperparameter of [DropoutFromScope].
const ParamDropoutRate = "dropout_rate"

func init() {
	model.RegisterParam(ParamDropoutRate, 0.0, "part of the values that dropout drops while training")
}

// Dropout sets a random part of x to 0 while training, and scales the rest so that the mean stays:
//
//	y = keep · x / (1 - rate),   keep = 1 with probability 1 - rate, else 0
//
// In graphs that do not train it returns x. rate is in [0, 1).
//
// Source: Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, "Dropout", 2014, section 10.
func Dropout(scope *model.Scope, x *graph.Node, rate float64) *graph.Node {
	if !(rate >= 0 && rate < 1) {
		graph.Errorf("Dropout: the rate is %g, want 0 or more and less than 1", rate)
	}
	needFloat("Dropout", x)
	if rate == 0 || !scope.IsTraining(x.Graph()) {
		return x
	}
	keep := scope.RandomBernoulli(graph.Scalar(x.Graph(), dtypes.Float32, 1-rate), x.Shape().WithDType(dtypes.Bool))
	return graph.Where(keep, graph.DivScalar(x, 1-rate), graph.ZerosLike(x))
}

// DropoutFromScope is [Dropout] with the rate of the hyperparameter "dropout_rate", 0 unless set.
func DropoutFromScope(scope *model.Scope, x *graph.Node) *graph.Node {
	return Dropout(scope, x, model.GetParamOr(scope, ParamDropoutRate, 0.0))
}
