//go:build cgo

package xla_test

import (
	"errors"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// rowNorm is an op of a user's own with a form in StableHLO, as in package graph's example.
var rowNorm = graph.Define(ir.Op{
	Name: "TestRowNorm", Family: "own", Doc: "the length of each row", DTypes: dtypes.SetOf(dtypes.Float64),
	Infer: func(_ any, in []shapes.Shape) (shapes.Shape, error) {
		if in[0].Rank() != 2 {
			return in[0], errors.New("it takes a matrix")
		}
		return shapes.Make(in[0].DType, in[0].Dimensions[0]), nil
	},
	StableHLO: func(c ir.Call) string {
		formAsked = true
		return `
			%zero = stablehlo.constant dense<0.0> : tensor<f64>
			%0 = stablehlo.multiply %arg0, %arg0 : $in0
			%1 = stablehlo.reduce(%0 init: %zero) applies stablehlo.add across dimensions = [1] : ($in0, tensor<f64>) -> $out0
			%2 = stablehlo.sqrt %1 : $out0
			return %2 : $out0`
	},
	Samples: []ir.Sample{{In: []ir.Input{ir.Array([]int{2, 3}, 1, 2, 2, -3, 0, 4)}}},
	Tol:     ir.ULP(8, "sums in another order"),
}, graph.Rule{Expand: func(_ any, in []*graph.Node) []*graph.Node {
	return []*graph.Node{graph.Sqrt(graph.ReduceSum(graph.Square(in[0]), 1))}
}})

var formAsked bool

func TestOpsOfTheUsersRunByTheirForm(t *testing.T) {
	newBackend := opener(t, "")
	formAsked = false
	graphtest.Op(t, rowNorm, newBackend)
	if !formAsked {
		t.Error("the form was not asked for")
	}
}
