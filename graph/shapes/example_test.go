package shapes_test

import (
	"fmt"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

func Example() {
	x := shapes.Make(dtypes.Float32, 32, 784).WithAxisNames("batch", "pixel")
	bias := shapes.Make(dtypes.Float32, 784)
	fmt.Println(x, x.Size(), x.Dim(-1))

	sum, err := shapes.Broadcast(x, bias)
	fmt.Println(sum, err)

	_, err = shapes.Broadcast(x, shapes.Make(dtypes.Float32, 10))
	fmt.Println(err)
	// Output:
	// float32[batch=32 pixel=784] 25088 784
	// float32[batch=32 pixel=784] <nil>
	// axis 1: 784 against 10
}
