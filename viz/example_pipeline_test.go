package viz_test

import (
	"fmt"

	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/viz"
)

func ExamplePipeline() {
	numbers, err := data.InMemory("numbers", []float32{1, 2, 3, 4, 5}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(viz.Pipeline(data.Prefetch(data.Batched(numbers, 2, false), 4)).Text())
	// Output:
	// stage                     batches  rows  per second  own work  waited for  stalls  no room    held
	// ──────────────────────────────────────────────────────────────────────────────────────────────────
	// Prefetch 4                      0                                               0           0 of 4
	//   └ Batched 2                   0
	//     └ InMemory "numbers"        0
	// Nothing has been read yet.
}
