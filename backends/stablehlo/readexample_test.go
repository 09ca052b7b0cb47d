package stablehlo_test

import (
	"fmt"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/backends/stablehlo"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
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

// A function that was exported without saying sizes is read for the shapes that are given.
func ExampleInputShapes() {
	const text = `
func.func @main(%x: tensor<?x2xf32>) -> tensor<?xi32> {
  %0 = stablehlo.get_dimension_size %x, dim = 0 : (tensor<?x2xf32>) -> tensor<i32>
  %1 = stablehlo.reshape %0 : (tensor<i32>) -> tensor<1xi32>
  %2 = stablehlo.dynamic_iota %1, dim = 0 : (tensor<1xi32>) -> tensor<?xi32>
  return %2 : tensor<?xi32>
}`
	for rows := 2; rows < 4; rows++ {
		m, err := stablehlo.Read(text, stablehlo.InputShapes(shapes.Make(dtypes.Float32, rows, 2)))
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(m.Main().Inputs[0], "→", m.Main().Outputs[0])
	}
	// Output:
	// float32[2 2] → int32[2]
	// float32[3 2] → int32[3]
}

// Sizes that are inputs of the text, as JAX's dimension variables are, are given as values.
func ExampleInputValue() {
	m, err := stablehlo.Read(`
func.func @main(%n: tensor<i32>, %x: tensor<f32>) -> tensor<?xf32> {
  %0 = stablehlo.reshape %n : (tensor<i32>) -> tensor<1xi32>
  %1 = stablehlo.dynamic_broadcast_in_dim %x, %0, dims = [] : (tensor<f32>, tensor<1xi32>) -> tensor<?xf32>
  return %1 : tensor<?xf32>
}`, stablehlo.InputValue(0, 3))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(m.Main().Inputs[0], "→", m.Main().Outputs[0])
	// Output:
	// float32[] → float32[3]
}
