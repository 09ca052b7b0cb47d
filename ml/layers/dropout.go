package layers

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
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
		return scope.Result(x)
	}
	keep := scope.RandomBernoulli(graph.Scalar(x.Graph(), dtypes.Float32, 1-rate), x.Shape().WithDType(dtypes.Bool))
	return scope.Result(graph.Where(keep, graph.DivScalar(x, 1-rate), graph.ZerosLike(x)))
}

// DropoutFromScope is [Dropout] with the rate of the hyperparameter "dropout_rate", 0 unless set.
func DropoutFromScope(scope *model.Scope, x *graph.Node) *graph.Node {
	return Dropout(scope, x, model.GetParamOr(scope, ParamDropoutRate, 0.0))
}

// DropPath sets whole examples of x to 0 while training, and scales the rest so that the mean stays:
//
//	y[b] = keep[b] · x[b] / (1 - rate),   keep[b] = 1 with probability 1 - rate, else 0
//
// x is [B, …], a float; it is the branch of a residual block, which is so left out for some examples. In graphs that do not train
// it returns x. rate is in [0, 1).
//
// Source: Huang et al., "Deep Networks with Stochastic Depth", 2016, arXiv:1603.09382, eq. 2, example by example.
func DropPath(scope *model.Scope, x *graph.Node, rate float64) *graph.Node {
	if !(rate >= 0 && rate < 1) || x.Rank() == 0 {
		graph.Errorf("DropPath %s: the rate is %g, want 0 or more and less than 1, and a batch axis", x.Shape(), rate)
	}
	needFloat("DropPath", x)
	if rate == 0 || !scope.IsTraining(x.Graph()) {
		return scope.Result(x)
	}
	each := make([]int, x.Rank())
	for i := range each {
		each[i] = 1
	}
	each[0] = x.Dim(0)
	keep := scope.RandomBernoulli(graph.Scalar(x.Graph(), dtypes.Float32, 1-rate), shapes.Make(dtypes.Bool, each...))
	return scope.Result(graph.Where(graph.BroadcastToDims(keep, x.Shape().Dimensions...), graph.DivScalar(x, 1-rate), graph.ZerosLike(x)))
}

// DropBlock sets squares of a feature map to 0 while training, and scales the rest so that the mean stays:
//
//	y = m · x · size(m) / sum(m),   m = 0 in blocks around places that are drawn with probability γ
//	γ = rate / blockSize² · H·W / ((H - blockSize + 1) · (W - blockSize + 1))
//
// x is [B, H, W, C], a float; each channel has blocks of its own, which lie inside of the map. In graphs that do not train it
// returns x. rate is in [0, 1), blockSize from 1 to the smaller side.
//
// Source: Ghiasi, Lin and Le, "DropBlock", 2018, arXiv:1810.12890, algorithm 1 and eq. 1.
func DropBlock(scope *model.Scope, x *graph.Node, rate float64, blockSize int) *graph.Node {
	needFloat("DropBlock", x)
	if x.Rank() != 4 || !(rate >= 0 && rate < 1) || blockSize < 1 || blockSize > min(x.Dim(1), x.Dim(2)) {
		graph.Errorf("DropBlock %s: a rate of %g and blocks of %d: want [batch, height, width, channels], a rate of 0 or more and less than 1, and blocks of 1 to the smaller side", x.Shape(), rate, blockSize)
	}
	if rate == 0 || !scope.IsTraining(x.Graph()) {
		return scope.Result(x)
	}
	h, w := x.Dim(1)-blockSize+1, x.Dim(2)-blockSize+1 // where a block may begin
	gamma := rate / float64(blockSize*blockSize) * float64(x.Dim(1)*x.Dim(2)) / float64(h*w)
	g, wide := x.Graph(), wide(x.DType())
	begins := scope.RandomBernoulli(graph.Scalar(g, dtypes.Float32, min(1, gamma)), shapes.Make(dtypes.Bool, x.Dim(0), h, w, x.Dim(3)))
	all := graph.PadAxis{Start: blockSize - 1, End: blockSize - 1}
	blocks := graph.Pad(graph.ConvertDType(begins, wide), graph.ScalarZero(g, wide), graph.PadAxis{}, all, all)
	m := graph.OneMinus(graph.MaxPool(blocks).Window(blockSize).Strides(1).Done()) // [B, H, W, C]
	scale := graph.DivScalar(graph.MaxScalar(graph.ReduceAllSum(m), 1), m.Shape().Size())
	y := graph.Div(graph.Mul(graph.ConvertDType(x, wide), m), scale)
	return scope.Result(graph.ConvertDType(y, x.DType()))
}
