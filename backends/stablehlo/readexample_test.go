package stablehlo_test

import (
	"fmt"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/backends/stablehlo"
	"github.com/quire-ml/quire/graph"
)

// A function that was exported by JAX is called like one written here, and differentiated through.
func ExampleRead() {
	m, err := stablehlo.Read(`
module @jit_f {
  func.func public @main(%x: tensor<3xf32>) -> tensor<f32> {
    %zero = stablehlo.constant dense<0.0> : tensor<f32>
    %0 = stablehlo.multiply %x, %x : tensor<3xf32>
    %1 = stablehlo.reduce(%0 init: %zero) applies stablehlo.add across dimensions = [0] : (tensor<3xf32>, tensor<f32>) -> tensor<f32>
    return %1 : tensor<f32>
  }
}`)
	if err != nil {
		fmt.Println(err)
		return
	}
	backend := gocpu.New()
	defer backend.Close()
	y, err := graph.CallOnceN(backend, func(x *graph.Node) (*graph.Node, *graph.Node) {
		loss := m.Main().Call(x)[0]
		return loss, graph.Gradient(loss, x)[0]
	}, []float32{1, 2, 3})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(y[0])
	fmt.Println(y[1])
	// Output:
	// float32[] 14
	// float32[3]
	// [2 4 6]
}
