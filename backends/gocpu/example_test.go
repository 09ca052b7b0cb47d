package gocpu_test

import (
	"context"
	"fmt"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// A buffer that is given up to a run lends its memory to the result.
func Example_donation() {
	backend := gocpu.New()
	defer backend.Close()
	g := graph.NewGraph(backend, "step")
	w := graph.Parameter(g, "w", shapes.Make(dtypes.Float32, 3))
	if err := g.Compile(graph.MulScalar(w, 0.5)); err != nil {
		fmt.Println(err)
		return
	}
	x := tensors.FromFlatDataAndDimensions([]float32{8, 16, 32}, 3)
	weights, _ := backend.Put(x)
	x.Close() // the buffer alone holds the memory now
	for range 3 {
		out, err := g.RunWithBuffers(context.Background(), []ir.Buffer{weights}, []bool{true})
		if err != nil {
			fmt.Println(err)
			return
		}
		weights = out[0]
	}
	y, _ := weights.ToHost()
	fmt.Println(y.Value())
	// Output: [1 2 4]
}
