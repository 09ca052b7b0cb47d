package conv_test

import (
	"fmt"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/ml/layers/conv"
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

// Pictures of twice the size.
func ExampleTransposed() {
	show(func(s *model.Scope, x *graph.Node) *graph.Node {
		return conv.Transposed(s, x).Channels(3).KernelSize(2).Strides(2).Done()
	}, 1, 8, 8, 4)
	// Output:
	// float32[1 16 16 3] 51
}

// Two channels of each, every one from its own kernel.
func ExampleDepthwise() {
	show(func(s *model.Scope, x *graph.Node) *graph.Node {
		return conv.Depthwise(s, x, 2).KernelSize(3).PadSame().Done()
	}, 1, 8, 8, 4)
	// Output:
	// float32[1 8 8 8] 80
}

// A depthwise convolution, and one that mixes channels: 36 and 4·16 + 16 parameters.
func ExampleSeparable() {
	show(func(s *model.Scope, x *graph.Node) *graph.Node { return conv.Separable(s, x, 16, 3, 2) }, 1, 8, 8, 4)
	// Output:
	// float32[1 4 4 16] 116
}

// The mean over all places.
func ExampleGlobalMeanPool() {
	fmt.Println(graph.MustCallOnce(gocpu.New(), conv.GlobalMeanPool, [][][]float32{{{1, 10}, {3, 30}}}).Value())
	// Output:
	// [[2 20]]
}

// The maximum over all places.
func ExampleGlobalMaxPool() {
	fmt.Println(graph.MustCallOnce(gocpu.New(), conv.GlobalMaxPool, [][][]float32{{{1, 10}, {3, 30}}}).Value())
	// Output:
	// [[3 30]]
}

// Each element twice along each spatial axis, of which there is one here.
func ExampleUpsample() {
	up := func(x *graph.Node) *graph.Node { return conv.Upsample(x, 2) }
	fmt.Println(graph.MustCallOnce(gocpu.New(), up, [][][]float32{{{1}, {3}}}).Value())
	// Output:
	// [[[1] [1] [3] [3]]]
}
