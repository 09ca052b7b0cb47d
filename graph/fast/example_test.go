package fast_test

import (
	"fmt"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/fast"
)

func ExampleRMSNorm() {
	y := graph.MustCallOnce(backends.MustNew(), func(x *graph.Node) *graph.Node { return fast.RMSNorm(x, nil, 0) }, []float32{1, 7, -1, 7})
	fmt.Println(y.Value())
	// Output: [0.2 1.4 -0.2 1.4]
}

func ExampleLayerNorm() {
	y := graph.MustCallOnce(backends.MustNew(), func(x, weight *graph.Node) *graph.Node { return fast.LayerNorm(x, weight, nil, 0) },
		[]float32{1, 3}, []float32{1, 10})
	fmt.Println(y.Value())
	// Output: [-1 10]
}

// The second position is turned by one radian, the first not at all.
func ExampleRoPE() {
	y := graph.MustCallOnce(backends.MustNew(), func(x *graph.Node) *graph.Node { return fast.RoPE(x).Done() }, [][]float32{{1, 0}, {1, 0}})
	fmt.Printf("%.4f\n", y.Value())
	// Output: [[1.0000 0.0000] [0.5403 0.8415]]
}

// A query that comes after three keys sees the last two of them.
func ExampleScaledDotProductAttention() {
	y := graph.MustCallOnce(backends.MustNew(), func(q, k, v *graph.Node) *graph.Node {
		return fast.ScaledDotProductAttention(q, k, v).Causal(true).Window(2).Done()
	}, [][][]float32{{{0}}}, [][][]float32{{{1}, {2}, {3}}}, [][][]float32{{{10}, {20}, {30}}})
	fmt.Println(y.Value())
	// Output: [[[25]]]
}
