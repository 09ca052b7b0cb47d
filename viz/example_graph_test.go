package viz_test

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/viz"
)

func perceptron(x, w *graph.Node) *graph.Node {
	h := graph.MatMul(x, w)
	return graph.Tanh(h)
}

func ExampleGraph() {
	viz.Show(viz.Graph(perceptron, shapes.Make(dtypes.Float32, 32, 64), shapes.Make(dtypes.Float32, 64, 10)))
	// Output:
	// "viz_test.perceptron": 2 inputs, 2 ops, 41.3k FLOPs
	//     op         operands     shape           at
	// ────────────────────────────────────────────────────────────────────
	// %0  Parameter            x  float32[32 64]
	// %1  Parameter            w  float32[64 10]
	// %2  MatMul     %0 %1        float32[32 10]  example_graph_test.go:11
	// %3  Tanh *     %2           float32[32 10]  example_graph_test.go:12
	// * result
}

func ExampleSummary() {
	viz.Show(viz.Summary(perceptron, shapes.Make(dtypes.Float32, 32, 64), shapes.Make(dtypes.Float32, 64, 10)))
	// Output:
	// layer   in                              out             parameters  FLOPs  output bytes  at
	// ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────
	// x                                       float32[32 64]
	// w                                       float32[64 10]
	// MatMul  float32[32 64], float32[64 10]  float32[32 10]                41k       1.28 kB  example_graph_test.go:11
	// Tanh    float32[32 10]                  float32[32 10]                320       1.28 kB  example_graph_test.go:12
	// total                                                            0  41.3k       2.56 kB
	// 41.3k FLOPs forward
}
