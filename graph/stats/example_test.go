package stats_test

import (
	"fmt"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/stats"
)

func ExampleQuantile() {
	waits := [][]float32{{3, 1, 2, 10}, {5, 5, 6, 4}}
	fmt.Println(graph.MustCallOnce(backends.MustNew(), func(x *graph.Node) *graph.Node {
		return graph.Stack([]*graph.Node{stats.Median(x, 1), stats.Quantile(x, 0.9, 1)}, 1)
	}, waits).Value())
	// Output: [[2.5 7.9] [5 5.7]]
}

func ExampleHistogram() {
	x, edges := []float32{0.5, 1, 1.5, 2, 9}, []float32{0, 1, 2}
	fmt.Println(graph.MustCallOnce(backends.MustNew(), stats.Histogram, x, edges).Value())
	// Output: [1 3]
}
