package generation_test

import (
	"context"
	"fmt"
	"log"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/ml/generation"
)

func Example() {
	// A model of ten tokens that counts: after 3 comes 4.
	exec, err := graph.NewExec(backends.MustNew("go"), func(ids *graph.Node) *graph.Node {
		return graph.OneHot(graph.ModScalar(graph.AddScalar(ids, 1), 10), 10, dtypes.Float32)
	})
	if err != nil {
		log.Fatal(err)
	}
	m := generation.FromLogits(exec, 64)
	for token, err := range generation.New().MaxTokens(8).EndsWith(9).Stream(context.Background(), m, []int{3}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(token, " ")
	}
	// Output:
	// 4 5 6 7 8 9
}
