package graph_test

import (
	"fmt"
	"strings"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/backends/stablehlo"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// cubeRoot is an op of one's own: a row with its rule. Engines that write StableHLO call it by its name there; for others it is made of
// ops that they have.
var cubeRoot = graph.Define(ir.Op{
	Name: "CubeRoot", Family: "own", Doc: "∛x", DTypes: dtypes.SetOf(dtypes.Float32, dtypes.Float64), Elementwise: true, HLO: "stablehlo.cbrt",
	Infer:   func(_ any, in []shapes.Shape) (shapes.Shape, error) { return in[0], nil },
	Samples: []ir.Sample{{In: []ir.Input{ir.Values(-8, 0.5, 27)}}},
}, graph.Rule{
	Expand: func(_ any, in []*graph.Node) []*graph.Node { // sign(x)·|x|^⅓
		return []*graph.Node{graph.Mul(graph.Sign(in[0]), graph.PowScalar(graph.Abs(in[0]), 1.0/3))}
	},
	VJP: func(y, dy *graph.Node) []*graph.Node { // d∛x/dx = 1 / (3·∛x²)
		return []*graph.Node{graph.Div(dy, graph.MulScalar(graph.Square(y), 3))}
	},
})

// An elementwise op of one's own runs on every engine, with its gradient.
func ExampleDefine() {
	roots := func(x *graph.Node) (*graph.Node, *graph.Node) {
		y := graph.Apply(cubeRoot, nil, x)
		return y, graph.Gradient(graph.ReduceAllSum(y), x)[0]
	}
	backend := gocpu.New()
	defer backend.Close()
	y, dy := graph.MustNewExec(backend, roots).MustCall2(tensors.FromValue([]float64{-8, 27}))
	fmt.Printf("%.4f %.4f\n", y.Value(), dy.Value())

	g := graph.NewGraph(nil, "roots")
	a, b := roots(graph.Parameter(g, "x", shapes.Make(dtypes.Float64, 2)))
	p, err := graph.NewProgram(g, a, b)
	if err == nil {
		p, err = ir.Lower(p, stablehlo.Lowers)
	}
	if err != nil {
		panic(err)
	}
	text, err := stablehlo.Write(p)
	if err != nil {
		panic(err)
	}
	for line := range strings.Lines(text) {
		if strings.Contains(line, "cbrt") {
			fmt.Print(strings.TrimSpace(line))
		}
	}
	// Output:
	// [-2.0000 3.0000] [0.0833 0.0370]
	// %0 = stablehlo.cbrt %x : tensor<2xf64>
}
