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

// A part of a graph that is computed again has the values and gradients that it had, to the last bit, and those of second order, in less
// memory; also where parts lie in each other, have several results or begin among the nodes of others.
func TestPartsThatAreComputedAgain(t *testing.T) {
	b := gocpu.New()
	defer b.Close()
	net := func(again bool) nodesFn {
		return func(in []*graph.Node) []*graph.Node {
			g := in[0].Graph()
			mark := func() graph.NodeId { return g.LastNode().Id() }
			x, w := in[0], graph.MulScalar(in[1], 0.25)
			begin := mark()
			for i := range 32 {
				since := mark()
				y := graph.Tanh(graph.Sin(graph.MatMul(x, w)))
				inner, indices := graph.TopK(y, 3, -1)
				y = graph.Add(y, graph.ReduceAndKeep(graph.Mul(inner, graph.ConvertDType(indices, y.DType())), graph.ReduceSum, -1))
				x = graph.Add(x, graph.Sin(y))
				if again {
					x.RecomputeSince(since)
					if i == 16 {
						x.RecomputeSince(begin) // what belongs to a part stays there
					}
				}
			}
			grads := graph.Gradient(graph.ReduceAllSum(graph.Square(x)), in...)
			return append(append([]*graph.Node{x}, grads...), graph.Gradient(graph.ReduceAllSum(graph.Sin(grads[1])), in...)...)
		}
	}
	in := []shapes.Shape{shapes.Make(dtypes.Float64, 64, 16), shapes.Make(dtypes.Float64, 16, 16)}
	want, _, _ := peakOf(t, b, in, net(false))
	got, _, _ := peakOf(t, b, in, net(true))
	require.Len(t, got, 5)
	for k := range want[:3] {
		assert.Equal(t, want[k].Value(), got[k].Value(), "result %d", k)
	}
	for k := 3; k < 5; k++ {
		require.NoError(t, graphtest.Diff(got[k], want[k], ir.Tolerance{ULP: 1e4, Abs: 1e4, Why: "sums of gradients in another order"}), "result %d", k)
	}
	first := func(again bool) nodesFn {
		return func(in []*graph.Node) []*graph.Node { return net(again)(in)[:3] }
	}
	_, all, work := peakOf(t, b, in, first(false))
	_, bytes, more := peakOf(t, b, in, first(true))
	assert.Less(t, float64(bytes), 0.5*float64(all))
	assert.LessOrEqual(t, more, 1.4*work)
	assert.Greater(t, more, work)

	err := graph.Catch(func() { (*graph.Node)(nil).RecomputeSince(0) })
	assert.ErrorContains(t, err, "a node is nil")
}
