//go:build cgo

package xla_test

import (
	"bytes"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"

	"github.com/stretchr/testify/require"
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

// brokenForm is an op whose form is none that can be read, or none that can be compiled.
func brokenForm(name, form string) *ir.Op {
	return graph.Define(ir.Op{
		Name: name, Family: "own", Doc: "-x", DTypes: dtypes.SetOf(dtypes.Float32),
		Infer:     func(_ any, in []shapes.Shape) (shapes.Shape, error) { return in[0], nil },
		StableHLO: func(ir.Call) string { return form },
		Samples:   []ir.Sample{{In: []ir.Input{ir.Values(1, 2)}}},
	}, graph.Rule{Expand: func(_ any, in []*graph.Node) []*graph.Node { return []*graph.Node{graph.Neg(in[0])} }})
}

var (
	unreadable = brokenForm("TestUnreadable", "%0 = stablehlo.negate arg0 : $in0\nreturn %0 : $out0")
	unknown    = brokenForm("TestUnknown", "%0 = stablehlo.nonsense %arg0 : $in0\nreturn %0 : $out0")
)

// A form that does not compile gives way to the op's expansion: the result is the same, and the log says so once (M16).
func TestAFormThatDoesNotCompileGivesWayToTheExpansion(t *testing.T) {
	for _, op := range []*ir.Op{unreadable, unknown} {
		t.Run(op.Name, func(t *testing.T) {
			var log bytes.Buffer
			before := slog.Default()
			slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
			defer slog.SetDefault(before)
			backend := opener(t, "")()
			defer backend.Close()
			exec := graph.MustNewExec(backend, func(x, y *graph.Node) (*graph.Node, *graph.Node) {
				return graph.Apply(op, nil, graph.Exp(x)), graph.Apply(rowNorm, nil, y) // which is a good one
			})
			for n := 1; n <= 3; n++ { // a program for each
				x := make([]float32, n)
				got, norm, err := exec.Call2(x, [][]float64{{3, 4}})
				require.NoError(t, err)
				require.Equal(t, slices.Repeat([]float32{-1}, n), got.Value())
				require.Equal(t, []float64{5}, norm.Value())
			}
			require.Equal(t, 1, strings.Count(log.String(), "level=WARN"), log.String())
			require.Contains(t, log.String(), "op="+op.Name)
		})
	}
}

func TestOpsOfTheUsersRunByTheirForm(t *testing.T) {
	newBackend := opener(t, "")
	formAsked = false
	graphtest.Op(t, rowNorm, newBackend)
	if !formAsked {
		t.Error("the form was not asked for")
	}
}
