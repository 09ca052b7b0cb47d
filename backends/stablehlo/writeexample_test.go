package stablehlo_test

import (
	"fmt"

	"github.com/quire-ml/quire/backends/stablehlo"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// A graph becomes a program, in which ops that have no form in StableHLO are expanded, and that becomes text.
func ExampleWrite() {
	g := graph.NewGraph(nil, "wave")
	x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 8))
	strength := graph.Abs(graph.RealFFT(x))
	p, err := graph.NewProgram(g, strength)
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err = ir.Lower(p, stablehlo.Lowers)
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := stablehlo.Write(p)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(text)
	// Output:
	// module @wave attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
	//   func.func public @main(%x: tensor<8xf32>) -> (tensor<5xf32>) {
	//     %0 = stablehlo.fft %x, type = RFFT, length = [8] : (tensor<8xf32>) -> tensor<5xcomplex<f32>>
	//     %1 = stablehlo.abs %0 : (tensor<5xcomplex<f32>>) -> tensor<5xf32>
	//     return %1 : tensor<5xf32>
	//   }
	// }
}
