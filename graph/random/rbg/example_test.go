package rbg_test

import (
	"fmt"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/random/rbg"
	"github.com/quire-ml/quire/graph/shapes"
)

// The numbers of jax.random.uniform(jax.random.key(42, impl="rbg"), 3).
func Example() {
	b := gocpu.New()
	defer b.Close()
	x, err := graph.CallOnce(b, func(g *graph.Graph) *graph.Node {
		return rbg.Uniform(rbg.Key(g, 42), shapes.Make(dtypes.Float32, 3))
	})
	fmt.Println(x.Value(), err)
	// Output: [0.6102176 0.69660795 0.065689206] <nil>
}
