package backends_test

import (
	"fmt"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/graph"
)

func Example() {
	backend, err := backends.New("go:workers=2")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer backend.Close()
	y, err := graph.CallOnce(backend, func(x, w *graph.Node) *graph.Node {
		return graph.Relu(graph.MatMul(x, w))
	}, [][]float32{{1, 2}, {3, 4}}, [][]float32{{1, -1}, {0.5, 0.25}})
	fmt.Println(y.Value(), err)

	_, err = backends.New("gpu")
	fmt.Println(err)
	// Output:
	// [[2 0] [5 0]] <nil>
	// backend "gpu" is unknown: the known ones are go, session
}
