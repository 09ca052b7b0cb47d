package serve

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
)

// Which runs a client need not wait for, on an engine that has loops of its own and on one for which they become Whiles.
func TestForeseeable(t *testing.T) {
	x := shapes.Make(dtypes.Float32, 4)
	for _, c := range []struct {
		name  string
		build func(x *graph.Node) *graph.Node
		want  bool
	}{
		{"a sum", func(x *graph.Node) *graph.Node { return graph.Add(x, x) }, true},
		{"a loop over arrays", func(x *graph.Node) *graph.Node {
			_, ys := graph.Scan(nil, []*graph.Node{x}, func(_, x []*graph.Node) (_, y []*graph.Node) { return nil, []*graph.Node{graph.Exp(x[0])} }).Done()
			return ys[0]
		}, true},
		{"a division of integers in a loop", func(x *graph.Node) *graph.Node {
			n := graph.ConvertDType(x, dtypes.Int32)
			return graph.Map(func(n []*graph.Node) []*graph.Node { return []*graph.Node{graph.Div(graph.OnesLike(n[0]), n[0])} }, n)[0]
		}, false},
		{"a loop with a condition", func(x *graph.Node) *graph.Node {
			g, s := x.Graph(), x.Shape()
			cond := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
				return []*graph.Node{graph.LessThan(graph.ReduceAllSum(graph.Parameter(g, "x", s)), graph.Const(g, float32(1)))}
			})
			body := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
				return []*graph.Node{graph.AddScalar(graph.Parameter(g, "x", s), 1)}
			})
			return graph.While(cond, body, x)[0]
		}, false},
		{"more memory than is always there", func(x *graph.Node) *graph.Node {
			return graph.ReduceAllSum(graph.BroadcastToDims(graph.Reshape(x, 4, 1), 4, 1<<28))
		}, false},
	} {
		g := graph.NewGraph(nil, c.name)
		p, err := graph.NewProgram(g, c.build(graph.Parameter(g, "x", x)))
		require.NoError(t, err)
		for _, loops := range []bool{true, false} {
			low, err := ir.Lower(p, func(call ir.Call) bool { return loops || call.Op != ops.Scan })
			require.NoError(t, err)
			require.Equal(t, c.want, ends(p) && foreseeable(low), "%s; loops %v", c.name, loops)
		}
	}
}
