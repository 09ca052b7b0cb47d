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
