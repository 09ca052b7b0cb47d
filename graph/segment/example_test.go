package segment_test

import (
	"fmt"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/segment"
)

// Each node of a graph adds up what its neighbours send: messages along edges, by the node where an edge ends.
func ExampleSum() {
	messages := [][]float32{{1, 10}, {2, 20}, {3, 30}, {4, 40}}
	to := []int32{2, 0, 2, 2}
	received := graph.MustCallOnce(backends.MustNew(), func(messages, to *graph.Node) *graph.Node {
		return segment.Sum(messages, to, 3)
	}, messages, to)
	fmt.Println(received.Value())
	// Output: [[2 20] [0 0] [8 80]]
}

// Three tokens go to the first expert and one to the third.
func ExampleRaggedDot() {
	tokens := [][]float32{{1, 0}, {0, 1}, {1, 1}, {2, 2}}
	experts := [][][]float32{{{1}, {10}}, {{0}, {0}}, {{-1}, {-1}}}
	y := graph.MustCallOnce(backends.MustNew(), segment.RaggedDot, tokens, experts, []int32{3, 0, 1})
	fmt.Println(y.Value())
	// Output: [[1] [10] [11] [-4]]
}
