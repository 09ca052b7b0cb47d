package graph_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

// BenchmarkGradientGraph builds graphs of so many nodes in layers, and their gradients with respect to every weight: time and memory per
// node must not depend on the number.
func BenchmarkGradientGraph(b *testing.B) {
	for _, n := range []int{1000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				g := graph.NewGraph(nil, "layers")
				x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 4, 8))
				w := graph.Parameter(g, "w", shapes.Make(dtypes.Float32, n/4, 8, 8))
				layers := graph.Split(w, 0, n/4)
				for _, layer := range layers {
					x = graph.Tanh(graph.MatMul(x, graph.Reshape(layer, 8, 8)))
				}
				_, err := graph.NewProgram(g, graph.Gradient(graph.ReduceAllSum(x), w)...)
				require.NoError(b, err)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/node")
		})
	}
}
