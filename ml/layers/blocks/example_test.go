package blocks_test

import (
	"fmt"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/ml/layers/blocks"
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

// Two hidden layers.
func ExampleFeedForward() {
	show(func(s *model.Scope, x *graph.Node) *graph.Node {
		return blocks.FeedForward(s, x, 3).Hidden(2, 8).Activation("gelu").Normalization("rms").Done()
	}, 5, 4)
	// Output:
	// float32[5 3] 155
}

// Three matrices of 4 by 16.
func ExampleGatedFeedForward() {
	show(func(s *model.Scope, x *graph.Node) *graph.Node { return blocks.GatedFeedForward(s, x, 16, "silu") }, 2, 5, 4)
	// Output:
	// float32[2 5 4] 192
}

// 8 channels speak through 2.
func ExampleSqueezeExcite() {
	show(func(s *model.Scope, x *graph.Node) *graph.Node { return blocks.SqueezeExcite(s, x, 4) }, 1, 6, 6, 8)
	// Output:
	// float32[1 6 6 8] 42
}

// Half the size, twice the channels: the shortcut is a convolution, too.
func ExampleResidual() {
	show(func(s *model.Scope, x *graph.Node) *graph.Node { return blocks.Residual(s, x, 8, 2) }, 1, 6, 6, 4)
	// Output:
	// float32[1 3 3 8] 944
}

// Pictures of three sizes, one map of results.
func ExampleUNet() {
	show(func(s *model.Scope, x *graph.Node) *graph.Node { return blocks.UNet(s, x, []int{4, 8, 16}, 1) }, 1, 8, 8, 1)
	// Output:
	// float32[1 8 8 1] 7397
}

// 4 experts of which 2 work on each vector.
func ExampleExperts() {
	show(func(s *model.Scope, x *graph.Node) *graph.Node { return blocks.Experts(s, x, 4, 16).Done() }, 2, 5, 8)
	// Output:
	// float32[2 5 8] 1568
}

// A sequence of 32 channels with 16 states.
func ExampleMamba() {
	show(func(s *model.Scope, x *graph.Node) *graph.Node { return blocks.Mamba(s, x, 16, 2) }, 2, 7, 32)
	// Output:
	// float32[2 7 32] 9920
}
