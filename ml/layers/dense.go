package layers

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/ml/model"
)

// Dense is a linear map of the last axis:
//
//	y = x · weights + biases
//
// x is [..., In], a float; weights are [In, Out] and biases, with useBias, a vector of Out numbers; the result is
// [..., Out]. Several output dimensions make several last axes: Out is then their product. Weights begin
// with the scope's initializer ([initializers.Default] unless set), biases with 0 (or as
// [model.Scope.WithBiasInitializer] says).
//
// Source: Rosenblatt, "Principles of Neurodynamics", 1962, without a threshold.
func Dense(scope *model.Scope, x *graph.Node, useBias bool, outputDimensions ...int) *graph.Node {
	if x.Rank() == 0 || len(outputDimensions) == 0 {
		graph.Errorf("Dense %s: want an input with an axis and one output dimension or more, got %v", x.Shape(), outputDimensions)
	}
	out := 1
	for _, d := range outputDimensions {
		if d < 1 {
			graph.Errorf("Dense %s: output dimensions %v, want 1 or more", x.Shape(), outputDimensions)
		}
		out *= d
	}
	needFloat("Dense", x)
	scope = scope.Layer("Dense", x)
	w := scope.VariableWithShape("weights", shapes.Make(x.DType(), x.Dim(-1), out)).NodeValue(x)
	y := graph.DotGeneral(x, []int{x.Rank() - 1}, nil, w, []int{0}, nil) // [..., Out]
	if useBias {
		y = addBias(scope, y)
	}
	if len(outputDimensions) > 1 {
		y = graph.Reshape(y, append(leading(x), outputDimensions...)...)
	}
	return scope.Result(y)
}

// addBias adds a variable to the last axis.
func addBias(scope *model.Scope, y *graph.Node) *graph.Node {
	b := scope.Biases().VariableWithShape("biases", shapes.Make(y.DType(), y.Dim(-1)))
	return graph.Add(y, b.NodeValue(y))
}

// leading returns the dimensions of x without the last.
func leading(x *graph.Node) []int {
	d := x.Shape().Dimensions
	return append([]int(nil), d[:len(d)-1]...)
}

func needFloat(name string, x *graph.Node) {
	if !x.DType().IsFloat() {
		graph.Errorf("%s: the input is %s, want floats (ConvertDType)", name, x.Shape())
	}
}
