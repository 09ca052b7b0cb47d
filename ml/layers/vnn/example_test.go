package vnn_test

import (
	"fmt"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/ml/initializers"
	"github.com/quire-ml/quire/ml/layers/vnn"
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

// 4 vectors become 8.
func ExampleLinear() {
	show(func(s *model.Scope, x *graph.Node) *graph.Node { return vnn.Linear(s, x, 8) }, 2, 4, 3)
	// Output:
	// float32[2 8 3] 32
}

// Against a direction that is the vector itself there is nothing to take away.
func ExampleRelu() {
	y := model.MustCallOnce(gocpu.New(), model.NewStore(), func(s *model.Scope, x *graph.Node) *graph.Node {
		return vnn.Relu(s.WithInitializer(initializers.Identity), x)
	}, [][]float64{{1, 2, 3}})
	fmt.Println(y.Value())
	// Output:
	// [[1 2 3]]
}

// Lengths of 5 and 10 become -1 and 1; a length of -1 is one in the other direction.
func ExampleLayerNorm() {
	y := model.MustCallOnce(gocpu.New(), model.NewStore(), vnn.LayerNorm, [][]float64{{3, 4, 0}, {0, 0, 10}})
	fmt.Printf("%.3f\n", y.Value())
	// Output:
	// [[-0.600 -0.800 -0.000] [0.000 0.000 1.000]]
}

// It drops in training only.
func ExampleDropout() {
	show(func(s *model.Scope, x *graph.Node) *graph.Node { return vnn.Dropout(s, x, 0.5) }, 2, 4, 3)
	// Output:
	// float32[2 4 3] 0
}

// The product of two vectors, whichever way both are turned.
func ExampleInvariantDot() {
	y := graph.MustCallOnce(gocpu.New(), vnn.InvariantDot, [][]float64{{1, 2, 3}}, [][]float64{{1, 0, 1}})
	fmt.Println(y.Value())
	// Output:
	// [4]
}
