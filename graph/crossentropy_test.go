package graph_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"

	"github.com/stretchr/testify/require"
)

// Classes and their one-hot vectors give the same losses and gradients, which are those of the equation.
func TestCrossEntropyOfClassesAndOfProbabilities(t *testing.T) {
	x, dy := ir.Ramp(2, 3, 5).Tensor(dtypes.Float64), ir.Ramp(2, 3).Tensor(dtypes.Float64)
	k := [][]int16{{4, 0, 2}, {1, 1, 3}}
	both := func(loss func(x, k *node) *node) func(x, k, dy *node) []*node {
		return func(x, k, dy *node) []*node {
			y := loss(x, k)
			return []*node{y, graph.Gradient(graph.ReduceAllSum(graph.Mul(y, dy)), x)[0]}
		}
	}
	oneHot := func(k *node) *node { return graph.OneHot(k, 5, dtypes.Float64) }
	want, err := graph.CallOnceN(graphtest.Reference(), both(func(x, k *node) *node {
		return graph.Neg(graph.ReduceSum(graph.Mul(oneHot(k), graph.LogSoftmax(x)), -1))
	}), x, k, dy)
	require.NoError(t, err)
	for name, loss := range map[string]func(x, k *node) *node{
		"classes":       graph.SoftmaxCrossEntropy,
		"probabilities": func(x, k *node) *node { return graph.SoftmaxCrossEntropy(x, oneHot(k)) },
	} {
		got, err := graph.CallOnceN(graphtest.Reference(), both(loss), x, k, dy)
		require.NoError(t, err, name)
		for i := range want {
			require.NoError(t, graphtest.Diff(got[i], want[i], ir.Tolerance{ULP: 8, Abs: 8}), "%s, result %d", name, i)
		}
	}
}

func TestMistakesOfCrossEntropy(t *testing.T) {
	x := func(d dtypes.DType, dims ...int) any { return ir.Ramp(dims...).Tensor(d) }
	for _, c := range []struct {
		name      string
		x, labels any
		want      string
	}{
		{"a scalar", 1.0, int32(0), "want [..., classes], of at least one"},
		{"no classes", x(dtypes.Float32, 2, 0), x(dtypes.Int32, 2), "want [..., classes], of at least one"},
		{"integers", x(dtypes.Int32, 2, 3), x(dtypes.Int32, 2), "int32 is not a dtype that it takes: float"},
		{"a label for each class", x(dtypes.Float32, 2, 3), x(dtypes.Int32, 2, 3), "want integers [2], or probabilities float32[2 3]"},
		{"a probability for each example", x(dtypes.Float32, 2, 3), x(dtypes.Float32, 2), "want integers [2], or probabilities float32[2 3]"},
		{"another dtype", x(dtypes.Float32, 2, 3), x(dtypes.Float64, 2, 3), "want integers [2], or probabilities float32[2 3]"},
	} {
		t.Run(c.name, func(t *testing.T) { wantError(t, graph.SoftmaxCrossEntropy, c.want, c.x, c.labels) })
	}
}

func ExampleSoftmaxCrossEntropy() {
	logits := [][]float64{{math.Log(0.7), math.Log(0.2), math.Log(0.1)}}
	loss, err := graph.CallOnce(graphtest.Reference(), func(logits, labels *graph.Node) *graph.Node {
		return graph.Exp(graph.Neg(graph.SoftmaxCrossEntropy(logits, labels))) // the probability of the label
	}, logits, []int32{1})
	fmt.Printf("%.3f %v\n", loss.Value(), err)
	// Output: [0.200] <nil>
}
