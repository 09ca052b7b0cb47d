package gocpu_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

type timesAttrs struct{ N int }

var repeatOp = graph.Define(ir.Op{
	Name: "TestRepeat", Family: "control", Doc: "a function n times", Attrs: timesAttrs{},
	Regions: &ir.Regions{Names: []string{"function"},
		Inputs: func(_ any, _ int, in []shapes.Shape) []shapes.Shape { return in },
		Infer: func(_ any, in []shapes.Shape, r []ir.Signature) ([]shapes.Shape, error) {
			return in, ir.SameShapes("state", in, r[0].Out)
		},
		Ref: func(attrs any, in []*tensors.Tensor, r []ir.Run) []*tensors.Tensor {
			for range attrs.(timesAttrs).N {
				in = r[0](in...)
			}
			return in
		}},
}, graph.Rule{NoGrad: "none"})

// TestAControlOpOfTheUsersRuns runs one that is defined outside package graph, with a captured value.
func TestAControlOpOfTheUsersRuns(t *testing.T) {
	g := graph.NewGraph(nil, "p")
	x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 2))
	f := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
		s := graph.Parameter(g, "s", x.Shape())
		return single(graph.Add(s, x))
	})
	p, err := graph.NewProgram(g, graph.ApplyFunctions(g, repeatOp, timesAttrs{3}, single(x), f)...)
	require.NoError(t, err)
	in := []*tensors.Tensor{tensors.FromValue([]float32{1, -2})}
	for _, b := range []ir.Backend{graphtest.Reference(), gocpu.New()} {
		low, err := ir.Lower(p, b.Lowers)
		require.NoError(t, err)
		got := graphtest.Run(t, b, low, in)
		require.Equal(t, []float32{4, -8}, got[0].Value())
	}
	text, err := p.Explain(gocpu.New().Lowers)
	require.NoError(t, err)
	require.Contains(t, text, "left to the backend")
}
