package kan_test

import (
	"fmt"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/ml/layers/kan"
	"github.com/quire-ml/quire/ml/model"
)

// Each exported function is shown at work.
func TestEveryExportHasAnExample(t *testing.T) { testenv.NeedExamples(t, ".") }

// show prints the shape of what a layer makes of ones, and how many parameters it has.
func show(fn func(scope *model.Scope, x *graph.Node) *graph.Node, dims ...int) {
	store := model.NewStore()
	y := model.MustCallOnce(gocpu.New(), store, fn, tensors.FromScalarAndDimensions(float32(1), dims...))
	fmt.Println(y.Shape(), store.NumParameters())
}

// Four splines of degree 1 over [-1, 1], and a knot more at each end.
func ExampleKnots() {
	fmt.Printf("%.2f\n", kan.Knots(4, 1))
	// Output:
	// [-1.67 -1.00 -0.33 0.33 1.00 1.67]
}

// Within their range splines add up to 1.
func ExampleBasis() {
	y := graph.MustCallOnce(gocpu.New(), func(x *graph.Node) *graph.Node {
		return graph.ReduceSum(kan.Basis(x, kan.Knots(6, 3), 3), -1)
	}, []float64{-0.9, 0, 0.5})
	fmt.Printf("%.3f\n", y.Value())
	// Output:
	// [1.000 1.000 1.000]
}

// 8 coefficients and a base for each pair of 2 inputs and 3 outputs.
func ExampleBSpline() {
	show(func(s *model.Scope, x *graph.Node) *graph.Node { return kan.BSpline(s, x, 3, 8, 3) }, 5, 2)
	// Output:
	// float32[5 3] 54
}

// 8 points for each pair of 2 inputs and 3 outputs.
func ExamplePiecewiseLinear() {
	show(func(s *model.Scope, x *graph.Node) *graph.Node { return kan.PiecewiseLinear(s, x, 3, 8) }, 5, 2)
	// Output:
	// float32[5 3] 48
}

// 8 steps for each pair of 2 inputs and 3 outputs.
func ExampleDiscrete() {
	show(func(s *model.Scope, x *graph.Node) *graph.Node { return kan.Discrete(s, x, 3, 8, 0.02) }, 5, 2)
	// Output:
	// float32[5 3] 48
}

// 6 coefficients for each pair, and 4 below for each input.
func ExampleRational() {
	show(func(s *model.Scope, x *graph.Node) *graph.Node { return kan.Rational(s, x, 3) }, 5, 2)
	// Output:
	// float32[5 3] 44
}

// It begins as silu.
func ExampleRationalActivation() {
	y := model.MustCallOnce(gocpu.New(), model.NewStore(), func(s *model.Scope, x *graph.Node) *graph.Node {
		return graph.Sub(kan.RationalActivation(s, x, 1), graph.Silu(x))
	}, []float64{-2, 0, 1})
	fmt.Printf("%.4f\n", graph.MustCallOnce(gocpu.New(), graph.Abs, y).Value())
	// Output:
	// [0.0000 0.0000 0.0000]
}
