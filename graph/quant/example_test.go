package quant_test

import (
	"fmt"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/quant"
)

// Weights are quantised once. What is kept of them, in a variable or a checkpoint, are their parts, which a program takes instead of them.
func Example() {
	backend := backends.MustNew()
	weights := [][]float32{{7.5, 0, 1, 2, 3, 4, 5, 6}, {0, 0, 0, 0, -15, -7, -1, 0}} // [Out, In]
	scheme := quant.Scheme{Bits: 4, Group: 8}
	parts := graph.MustCallOnceN(backend, func(w *graph.Node) []*graph.Node { return quant.Quantize(w, scheme).Nodes() }, weights)
	fmt.Println(parts[0].Shape(), parts[1].Shape(), parts[2].Shape())

	dense := graph.MustNewExec(backend, func(in []*graph.Node) *graph.Node {
		return quant.MatMulTransposed(in[0], scheme.Of(in[1:]...))
	})
	x := [][]float32{{1, 1, 1, 1, 1, 1, 1, 1}}
	fmt.Printf("%.1f\n", dense.MustCall1(x, parts[0], parts[1], parts[2]).Value())
	// Output:
	// uint8[2 4] float32[2 1] float32[2 1]
	// [[28.5 -23.0]]
}

func ExampleFakeQuantize() {
	out := graph.MustCallOnceN(backends.MustNew(), func(x *graph.Node) []*graph.Node {
		y := quant.FakeQuantize(x, quant.Scheme{Kind: quant.Symmetric, Bits: 2, Group: 4})
		return append([]*graph.Node{y}, graph.Gradient(graph.ReduceAllSum(graph.Square(y)), x)...)
	}, []float32{0.1, -0.9, 1, 0.6})
	fmt.Println(out[0].Value(), out[1].Value())
	// Output: [0 -1 1 1] [0 -2 2 2]
}

func ExamplePack() {
	packed := graph.MustCallOnceN(backends.MustNew(), func(x *graph.Node) []*graph.Node {
		y := quant.Pack(x, 4)
		return []*graph.Node{y, quant.Unpack(y, 4, true)}
	}, []int32{1, 2, -1, 0})
	fmt.Println(packed[0].Value(), packed[1].Value())
	// Output: [33 15] [1 2 -1 0]
}
