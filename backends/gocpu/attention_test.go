package gocpu

import (
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// attentionOfLayers is attention of [batch, time, heads, channels], as layers have it, and its gradients.
func attentionOfLayers(_ *graph.Graph, in []*graph.Node) []*graph.Node {
	heads := func(x *graph.Node) *graph.Node { return graph.Transpose(x, 1, 2) }
	b := graph.ScaledDotProductAttention(heads(in[0]), heads(in[1]), heads(in[2])).Causal(true)
	if len(in) > 3 {
		b.Mask(in[3])
	}
	y := heads(b.Done())
	return append(graph.Gradient(graph.ReduceAllSum(graph.Mul(y, y)), in[:3]...), y)
}

func TestAttentionReadsTransposesWhereTheyLie(t *testing.T) {
	for _, d := range dtypes.Floats.List() {
		for _, mask := range [][]ir.Input{nil, {ir.Ramp(1, 1, 1, 70).As(d)}, {ir.Ramp(2, 1, 66, 1).As(d)}, {ir.Array([]int{70}, ones(70)...).As(dtypes.Bool)}} {
			in := []*tensors.Tensor{ir.Ramp(2, 66, 4, 16).Tensor(d), ir.Ramp(2, 70, 2, 16).Tensor(d), ir.Ramp(2, 70, 2, 8).Tensor(d)}
			for _, m := range mask {
				in = append(in, m.Tensor(d))
			}
			moved := 0
			for _, step := range compileFunction(t, attentionOfLayers, in).steps {
				if step.op == ops.Transpose {
					moved++
				}
			}
			assert.LessOrEqual(t, moved, 5, "the result, its gradient once more than needed, and three gradients")
			got, err := attended(New(), in)
			require.NoError(t, err)
			want, err := attended(graphtest.Reference(), in)
			require.NoError(t, err)
			for i := range want {
				assert.NoError(t, graphtest.Diff(got[i], want[i], ir.Tolerance{ULP: 64, Abs: 128}), "%s, result %d, %d operands", d, i, len(in))
			}
		}
	}
}

func ones(n int) []float64 {
	list := make([]float64, n)
	for i := range list {
		list[i] = 1
	}
	return list
}

func attended(b ir.Backend, in []*tensors.Tensor) ([]*tensors.Tensor, error) {
	args := make([]any, len(in))
	for i, x := range in {
		args[i] = x
	}
	return graph.CallOnceN(b, func(in []*graph.Node) []*graph.Node { return attentionOfLayers(nil, in) }, args...)
}

// A program of attention over long texts holds nothing that has an element for each pair of queries and keys.
func TestAttentionHoldsNoMatrixOfScores(t *testing.T) {
	const length, heads, width = 4096, 2, 64
	e, err := graph.NewExec(New(), func(in []*graph.Node) []*graph.Node {
		y := graph.ScaledDotProductAttention(in[0], in[1], in[2]).Done()
		return append(graph.Gradient(graph.ReduceAllSum(graph.Mul(y, y)), in...), y)
	})
	require.NoError(t, err)
	defer e.Close()
	x := shapes.Make(dtypes.Float32, 1, heads, length, width)
	m, err := e.MemoryPlan(x, x, x)
	require.NoError(t, err)
	assert.Less(t, m.Temporary, 4*length*length, "bytes of one matrix of scores")
}
