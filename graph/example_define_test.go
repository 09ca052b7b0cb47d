package graph_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/backends/stablehlo"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
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
	Tol:     ir.ULP(8, "powers are rounded in several ways"),
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

// rowNorm is an op of one's own that brings how it runs as it is: a kernel for engines that compute in the memory of the host, and a body
// in StableHLO. The expansion is what both mean, what they are tested with, and what gradients, tangents and batches go through.
var rowNorm = graph.Define(ir.Op{
	Name: "RowNorm", Family: "own", Doc: "the length of each row", DTypes: dtypes.SetOf(dtypes.Float32, dtypes.Float64),
	Infer: func(_ any, in []shapes.Shape) (shapes.Shape, error) {
		if in[0].Rank() != 2 {
			return in[0], errors.New("it takes a matrix")
		}
		return shapes.Make(in[0].DType, in[0].Dimensions[0]), nil
	},
	Kernel: func(c ir.Call) ir.Kernel {
		if c.In[0].DType != dtypes.Float32 {
			return nil // float64 is expanded
		}
		return func(a *ir.KernelArgs) {
			floats := ir.Elements[float32]
			x, y := floats(a.In[0]), floats(a.Out[0])
			n := a.In[0].Shape.Dimensions[1]
			a.For(len(y), 64, func(lo, hi int) { // 64 rows are a piece; several goroutines take pieces
				for r := lo; r < hi; r++ {
					sum := 0.0
					for _, v := range x[r*n : (r+1)*n] {
						sum += float64(v) * float64(v)
					}
					y[r] = float32(math.Sqrt(sum))
				}
			})
		}
	},
	StableHLO: func(c ir.Call) string {
		return strings.ReplaceAll(`
			%zero = stablehlo.constant dense<0.0> : tensor<T>
			%0 = stablehlo.multiply %arg0, %arg0 : $in0
			%1 = stablehlo.reduce(%0 init: %zero) applies stablehlo.add across dimensions = [1] : ($in0, tensor<T>) -> $out0
			%2 = stablehlo.sqrt %1 : $out0
			return %2 : $out0`, "<T>", map[dtypes.DType]string{dtypes.Float32: "<f32>", dtypes.Float64: "<f64>"}[c.In[0].DType])
	},
	Samples: []ir.Sample{{In: []ir.Input{ir.Array([]int{2, 3}, 1, 2, 2, -3, 0, 4)}}},
	Tol:     ir.ULP(8, "sums in another order"),
}, graph.Rule{
	Expand: func(_ any, in []*graph.Node) []*graph.Node {
		return []*graph.Node{graph.Sqrt(graph.ReduceSum(graph.Square(in[0]), 1))}
	},
})

// An op of one's own may bring a kernel of its own, and its form in StableHLO. Gradients go through its expansion, and graphtest.Op tests all
// that it brings.
func ExampleDefine_kernel() {
	backend := gocpu.New()
	defer backend.Close()
	norms := func(x *graph.Node) (*graph.Node, *graph.Node) {
		y := graph.Apply(rowNorm, nil, x)
		return y, graph.Gradient(graph.ReduceAllSum(y), x)[0]
	}
	y, dy := graph.MustNewExec(backend, norms).MustCall2(tensors.FromValue([][]float32{{1, 2, 2}, {-3, 0, 4}}))
	fmt.Printf("%v %.3f\n", y.Value(), dy.Value())
	// Output: [3 5] [[0.333 0.667 0.667] [-0.600 0.000 0.800]]
}

func TestTheExamplesOfDefineHold(t *testing.T) {
	for _, op := range []*ir.Op{cubeRoot, rowNorm} {
		t.Run(op.Name, func(t *testing.T) { graphtest.Op(t, op, gocpu.New) })
	}
}
