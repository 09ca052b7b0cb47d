package graph_test

import (
	"fmt"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/shapes"
)

// show computes what fn makes and prints it. Programs use a backend of package backends.
func show(fn func(g *graph.Graph) *graph.Node) {
	y, err := graph.CallOnce(graphtest.Reference(), fn)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(y.Value())
}

func ExampleSlice() {
	show(func(g *graph.Graph) *graph.Node {
		x := graph.IotaFull(g, shapes.Make(dtypes.Int32, 3, 4))
		return graph.Slice(x, graph.AxisRange(1), graph.AxisRange().Stride(2))
	})
	// Output: [[4 6] [8 10]]
}

func ExampleGather() {
	show(func(g *graph.Graph) *graph.Node {
		table := graph.Const(g, [][]float32{{0, 1}, {10, 11}, {20, 21}})
		words := graph.Const(g, []int32{2, 0, 2})
		return graph.Gather(table, graph.ExpandAxes(words, -1))
	})
	// Output: [[20 21] [0 1] [20 21]]
}

func ExampleEinsum() {
	show(func(g *graph.Graph) *graph.Node {
		queries := graph.Const(g, [][][]float32{{{1, 0}, {0, 1}}})
		keys := graph.Const(g, [][][]float32{{{1, 2}, {3, 4}, {5, 6}}})
		return graph.Einsum("bqc,bkc->bqk", queries, keys)
	})
	// Output: [[[1 3 5] [2 4 6]]]
}

func ExampleMatMul_error() {
	show(func(g *graph.Graph) *graph.Node {
		x := graph.Zeros(g, shapes.Make(dtypes.Float32, 32, 784).WithAxisNames("batch", "pixel"))
		w := graph.Zeros(g, shapes.Make(dtypes.Float32, 10, 784))
		return graph.MatMul(x, w)
	})
	// Output: example_structure_test.go:52: MatMul [batch=32 pixel=784] · [10 784]: inner axes differ: 784 columns against 10 rows (want Transpose(w, 0, 1)?)
}

func ExampleConvolve() {
	show(func(g *graph.Graph) *graph.Node {
		signal := graph.Reshape(graph.Const(g, []float32{0, 0, 1, 0, 0}), 1, 5, 1)
		kernel := graph.Reshape(graph.Const(g, []float32{1, 2, 3}), 3, 1, 1)
		return graph.Reshape(graph.Convolve(signal, kernel).PadSame().Done(), 5)
	})
	// Output: [0 3 2 1 0]
}

func ExampleMaxPool() {
	show(func(g *graph.Graph) *graph.Node {
		image := graph.Reshape(graph.IotaFull(g, shapes.Make(dtypes.Float32, 16)), 1, 4, 4, 1)
		return graph.Reshape(graph.MaxPool(image).Window(2).Done(), 2, 2)
	})
	// Output: [[5 7] [13 15]]
}

func ExampleTopK() {
	y, err := graph.CallOnceN(graphtest.Reference(), func(x *graph.Node) []*graph.Node {
		values, indices := graph.TopK(x, 2, -1)
		return []*graph.Node{values, indices}
	}, []float32{0.1, 0.7, 0.2})
	fmt.Println(y[0].Value(), y[1].Value(), err)
	// Output: [0.7 0.2] [1 2] <nil>
}

func ExampleRandomUniform() {
	show(func(g *graph.Graph) *graph.Node {
		state := graph.RNGStateFromSeedForGraph(g, 42)
		state, x := graph.RandomUniform(state, shapes.Make(dtypes.Float32, 2))
		_, y := graph.RandomUniform(state, shapes.Make(dtypes.Float32, 2)) // other numbers: the state went on
		return graph.Stack([]*graph.Node{x, y}, 0)
	})
	// Output: [[0.61295986 0.4685865] [0.98771864 0.32706332]]
}
