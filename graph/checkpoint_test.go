package graph_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ir/capability"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// deepNet is a net of layers in parts, each run by part, with its gradients.
func deepNet(layers, each int, part func(fn nodesFn, xs ...*graph.Node) []*graph.Node) nodesFn {
	return func(in []*graph.Node) []*graph.Node {
		x, w := in[0], graph.MulScalar(in[1], 0.25)
		for range layers / each {
			x = part(func(xs []*graph.Node) []*graph.Node {
				y := xs[0]
				for range each {
					y = graph.Tanh(graph.Sin(graph.MatMul(y, w)))
				}
				return []*graph.Node{y}
			}, x)[0]
		}
		loss := graph.ReduceAllSum(graph.Square(x))
		return append([]*graph.Node{loss}, graph.Gradient(loss, in...)...)
	}
}

func plainly(fn nodesFn, xs ...*graph.Node) []*graph.Node { return fn(xs) }

func checkpoints(save func(n *graph.Node) bool) func(fn nodesFn, xs ...*graph.Node) []*graph.Node {
	return func(fn nodesFn, xs ...*graph.Node) []*graph.Node { return graph.Checkpoint(fn, save, xs...) }
}

func products(n *graph.Node) bool { return n.Op() == ops.MatMul }

// peakOf returns what a run of fn takes at most, in bytes, and the operations that it does.
func peakOf(t *testing.T, b graph.Backend, in []shapes.Shape, fn nodesFn) (results []*tensors.Tensor, bytes int, flops float64) {
	g := graph.NewGraph(b, "test")
	var args []any
	var nodes []*graph.Node
	for _, s := range in {
		nodes = append(nodes, graph.Parameter(g, "", s))
		args = append(args, ir.Ramp(s.Dimensions...).Tensor(s.DType))
	}
	require.NoError(t, g.Compile(fn(nodes)...))
	defer g.Close()
	ctx := graph.WithProfile(t.Context(), func(p *capability.Profile) {
		bytes = p.Memory.Bytes
		for _, s := range p.Steps {
			for _, c := range s.Calls {
				flops += c.FLOPs * float64(s.Count)
			}
		}
	})
	results, err := g.RunContext(ctx, args...)
	require.NoError(t, err)
	return results, bytes, flops
}

// Checkpoints compute what is computed without them, in less memory, with at most one forward pass more.
func TestCheckpointTradesTimeForMemory(t *testing.T) {
	b := gocpu.New()
	defer b.Close()
	in := []shapes.Shape{shapes.Make(dtypes.Float64, 64, 16), shapes.Make(dtypes.Float64, 16, 16)}
	want, all, work := peakOf(t, b, in, deepNet(64, 8, plainly))
	const value = 64 * 16 * 8 // bytes
	for _, c := range []struct {
		name  string
		save  func(n *graph.Node) bool
		most  int // values
		again float64
	}{
		{"8 layers in each", nil, 30, 1.4},
		{"8 layers in each, with their products", products, 90, 1.1},
	} {
		got, bytes, more := peakOf(t, b, in, deepNet(64, 8, checkpoints(c.save)))
		for k := range want {
			require.NoError(t, graphtest.Diff(got[k], want[k], ir.Tolerance{ULP: 1e4, Abs: 1e4, Why: "sums of gradients in another order"}), "%s: result %d", c.name, k)
		}
		t.Logf("%s: %d values of %d, %.2f of the work", c.name, bytes/value, all/value, more/work)
		assert.LessOrEqual(t, bytes, c.most*value, c.name)
		assert.LessOrEqual(t, more, c.again*work, c.name)
	}
}
