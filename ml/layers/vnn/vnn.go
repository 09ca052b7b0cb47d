// Package vnn has layers of vector neurons: each channel is a vector of three-dimensional space, and whatever turns the input turns the
// output with it. For point clouds whose orientation must not matter.
//
//	x = vnn.Relu(scope.In("relu"), vnn.Linear(scope.In("linear"), x, 16)) // [B, N, C, 3] to [B, N, 16, 3]
//	features := vnn.InvariantDot(x, y)                                    // [B, N, 16]: the same whatever way it is turned
//
// Source of all: Deng et al., "Vector Neurons", 2021, arXiv:2104.12229.
package vnn

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/model"
)

func needVectors(name string, x *graph.Node) {
	if x.Rank() < 2 || x.Dim(-1) != 3 || !x.DType().IsFloat() {
		graph.Errorf("%s %s: want floats [..., channels, 3]", name, x.Shape())
	}
}

// channels multiplies the channels of x by a matrix, and leaves vectors as they stand.
func channels(scope *model.Scope, name string, x *graph.Node, out int) *graph.Node {
	w := scope.VariableWithShape(name, shapes.Make(x.DType(), x.Dim(-2), out)).NodeValue(x)
	y := graph.DotGeneral(x, []int{x.Rank() - 2}, nil, w, []int{0}, nil) // [..., 3, Out]
	return graph.Transpose(y, -1, -2)
}

// dot returns the product of vectors, [..., C, 1].
func dot(a, b *graph.Node) *graph.Node {
	return graph.ReduceAndKeep(graph.Mul(a, b), graph.ReduceSum, -1)
}

// Linear mixes channels:
//
//	y[o] = Σ_c weights[c, o] · x[c]
//
// x is [..., C, 3], a float; weights are [C, outputDim]; the result is [..., outputDim, 3].
//
// Source: Deng et al., "Vector Neurons", 2021, arXiv:2104.12229, eq. 3.
func Linear(scope *model.Scope, x *graph.Node, outputDim int) *graph.Node {
	needVectors("Linear", x)
	if outputDim < 1 {
		graph.Errorf("Linear %s to %d channels, want 1 or more", x.Shape(), outputDim)
	}
	return scope.Result(channels(scope.Layer("Linear", x), "weights", x, outputDim))
}

// Relu takes from each vector what points against a direction that is learned:
//
//	k = directions · x
//	y = x                              if x·k ≥ 0
//	y = x - (x·k / k·k) · k            else
//
// x is [..., C, 3], a float; directions are [C, C]; the result has x's shape.
//
// Source: Deng et al., "Vector Neurons", 2021, arXiv:2104.12229, eq. 5 and 6, with x for q.
func Relu(scope *model.Scope, x *graph.Node) *graph.Node {
	needVectors(ops.Relu.Name, x)
	k := channels(scope.Layer(ops.Relu.Name, x), "directions", x, x.Dim(-2))
	along := dot(x, k)
	part := graph.Div(along, graph.Max(dot(k, k), graph.ConstAs(k, tiny(x.DType()))))
	return scope.Result(graph.Sub(x, graph.Mul(graph.Min(part, graph.ZerosLike(part)), k)))
}

// tiny is the least that lengths count as: squares of shorter ones would be 0 in the dtype.
func tiny(d dtypes.DType) float64 {
	if d == dtypes.Float16 {
		return 1e-7
	}
	return 1e-30
}

// lengths returns those of vectors, [..., C, 1].
func lengths(x *graph.Node) *graph.Node {
	return graph.Sqrt(graph.Max(dot(x, x), graph.ConstAs(x, tiny(x.DType()))))
}

// LayerNorm normalises the lengths of the vectors of each example:
//
//	y = x / ‖x‖ · LayerNorm(‖x‖)
//
// x is [..., C, 3], a float; the result has its shape. Gain and offset are those of [layers.LayerNorm] over the lengths, [C].
//
// Source: as in GoMLX's vnn; lengths as in Deng et al., "Vector Neurons", 2021, arXiv:2104.12229, eq. 8.
func LayerNorm(scope *model.Scope, x *graph.Node) *graph.Node {
	needVectors(ops.LayerNorm.Name, x)
	length := lengths(x)
	normed := layers.LayerNorm(scope, graph.Squeeze(length, -1)).Done() // [..., C]
	return scope.Result(graph.Mul(graph.Div(x, length), graph.ExpandAxes(normed, -1)))
}

// Dropout sets a random part of the vectors to 0 while training, and scales the rest so that the mean stays:
//
//	y = keep · x / (1 - rate),   keep is one for all three numbers of a vector
//
// x is [..., C, 3], a float. In graphs that do not train it returns x. rate is in [0, 1).
//
// Source: Srivastava et al., "Dropout", 2014, section 10, vector by vector.
func Dropout(scope *model.Scope, x *graph.Node, rate float64) *graph.Node {
	needVectors("Dropout", x)
	if !(rate >= 0 && rate < 1) {
		graph.Errorf("Dropout: the rate is %g, want 0 or more and less than 1", rate)
	}
	if rate == 0 || !scope.IsTraining(x.Graph()) {
		return scope.Result(x)
	}
	dims := append([]int(nil), x.Shape().Dimensions...)
	dims[len(dims)-1] = 1
	keep := scope.RandomBernoulli(graph.Scalar(x.Graph(), dtypes.Float32, 1-rate), shapes.Make(dtypes.Bool, dims...))
	keep = graph.BroadcastToDims(keep, x.Shape().Dimensions...)
	return scope.Result(graph.Where(keep, graph.DivScalar(x, 1-rate), graph.ZerosLike(x)))
}

// InvariantDot returns the products of the vectors of x and y, channel by channel:
//
//	p[c] = x[c] · y[c]
//
// Both are [..., C, 3], floats of one shape; the result is [..., C], and stays as it is when both are turned.
//
// Source: Deng et al., "Vector Neurons", 2021, arXiv:2104.12229, section 3.5.
func InvariantDot(x, y *graph.Node) *graph.Node {
	needVectors("InvariantDot", x)
	if !x.Shape().Equal(y.Shape()) {
		graph.Errorf("InvariantDot %s and %s: want one shape", x.Shape(), y.Shape())
	}
	return graph.Squeeze(dot(x, y), -1)
}
