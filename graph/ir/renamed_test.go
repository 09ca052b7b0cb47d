package ir_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// ofMatrices is an elementwise op that takes nothing but matrices.
var ofMatrices = graph.Define(ir.Op{
	Name: "TestOfMatrices", Family: "own", Doc: "-x of a matrix", DTypes: dtypes.SetOf(dtypes.Float32), Elementwise: true,
	Infer: func(_ any, in []shapes.Shape) (shapes.Shape, error) {
		if in[0].Rank() != 2 {
			return in[0], errors.New("it takes a matrix")
		}
		return in[0], nil
	},
	Ref: func(_ any, out, in []*tensors.Tensor) {
		y := tensors.MustCopyFlatData[float32](in[0])
		for i, x := range y {
			y[i] = -x
		}
		if err := tensors.AssignFlatData(out[0], y); err != nil {
			panic(err)
		}
	},
	Samples: []ir.Sample{{In: []ir.Input{ir.Array([]int{1, 2}, 1, -2)}}},
}, graph.Rule{NoGrad: "it is a test's"})

// TestRulesMeetWhatWasNotChecked simplifies calls behind which there are values with other names of axes, or of another shape, than
// those that the graph was checked with.
func TestRulesMeetWhatWasNotChecked(t *testing.T) {
	v := shapes.Make(dtypes.Float32, 2)
	a, b := v.WithAxisNames("a"), v.WithAxisNames("b")
	m := shapes.Make(dtypes.Float32, 2, 2)
	for _, c := range []struct {
		name  string
		in    []shapes.Shape
		build func(x ...*node) *node
	}{
		{"a sum", []shapes.Shape{a, b}, func(x ...*node) *node { return graph.Add(x[0].WithAxisNames("b"), graph.Neg(x[1])) }},
		{"a sum the other way", []shapes.Shape{a, b}, func(x ...*node) *node { return graph.Add(graph.Neg(x[1]), x[0].WithAxisNames("b")) }},
		{"a difference", []shapes.Shape{a, b}, func(x ...*node) *node { return graph.Sub(x[0].WithAxisNames("b"), graph.Neg(x[1])) }},
		{"a product", []shapes.Shape{a, b}, func(x ...*node) *node {
			return graph.Mul(graph.Neg(x[0].WithAxisNames("b")), graph.Neg(x[1]))
		}},
		{"a choice", []shapes.Shape{a, b}, func(x ...*node) *node {
			c := graph.LogicalNot(graph.LessThan(x[1], x[1]))
			return graph.Where(c, x[0].WithAxisNames("b"), x[1])
		}},
		{"a repeated row", []shapes.Shape{a, m.WithAxisNames("c", "b")}, func(x ...*node) *node {
			return graph.Add(graph.BroadcastToDims(x[0].WithAxisNames("b"), 2, 2), graph.Exp(x[1]))
		}},
		{"a product of matrices", []shapes.Shape{m.WithAxisNames("a", "b"), m.WithAxisNames("c", "d")}, func(x ...*node) *node {
			return graph.MatMul(graph.Transpose(x[0].WithAxisNames("d", "c"), 0, 1), graph.Transpose(x[1], 0, 1))
		}},
		{"an op of one's own between views", []shapes.Shape{shapes.Make(dtypes.Float32, 6)}, func(x ...*node) *node {
			return graph.Reshape(graph.Apply(ofMatrices, nil, graph.Reshape(x[0], 2, 3)), 6)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := programOf(t, func(x ...*node) []*node { return []*node{c.build(x...)} }, c.in...)
			for _, lowers := range []func(ir.Call) bool{nil, graphtest.Reference().Lowers} {
				q, err := ir.Lower(p, lowers)
				require.NoError(t, err)
				require.NoError(t, ir.SameShapes("result", q.ShapesOf(q.Outputs), p.ShapesOf(p.Outputs)))
			}
		})
	}
}
