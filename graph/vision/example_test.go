package vision_test

import (
	"fmt"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/vision"
)

// A row of three pixels becomes six: new ones lie between the old.
func ExampleInterpolate() {
	row := [][][]float32{{{0}, {4}, {8}}}
	y := graph.MustCallOnce(backends.MustNew(), func(x *graph.Node) *graph.Node {
		return vision.Interpolate(x, 6).Bilinear().Done()
	}, row)
	fmt.Println(y.Value())
	// Output: [[[0] [1] [3] [5] [7] [8]]]
}

// A map that mirrors a picture from left to right.
func ExampleGridSample() {
	picture := [][][][]float32{{{{1}, {2}, {3}}, {{4}, {5}, {6}}}}
	theta := [][][]float32{{{-1, 0, 0}, {0, 1, 0}}} // x' = -x, y' = y
	y := graph.MustCallOnce(backends.MustNew(), func(x, theta *graph.Node) *graph.Node {
		return vision.GridSample(x, vision.AffineGrid(theta, 2, 3).Done()).Nearest().Done()
	}, picture, theta)
	fmt.Println(y.Value())
	// Output: [[[[3] [2] [1]] [[6] [5] [4]]]]
}

// The corners of a square, moved by an affine map to twice the size.
func ExampleAffineGrid() {
	theta := [][][]float32{{{2, 0, 0}, {0, 2, 0}}}
	grid := graph.MustCallOnce(backends.MustNew(), func(theta *graph.Node) *graph.Node {
		return vision.AffineGrid(theta, 2, 2).AlignCorners().Done()
	}, theta)
	fmt.Println(grid.Value())
	// Output: [[[[-2 -2] [2 -2]] [[-2 2] [2 2]]]]
}

// Patches of a picture as a vision transformer takes them: each of 2×2 pixels.
func ExampleUnfold() {
	picture := [][][][]float32{{{{1}, {2}, {3}, {4}}, {{5}, {6}, {7}, {8}}}}
	patches := graph.MustCallOnce(backends.MustNew(), func(x *graph.Node) *graph.Node {
		y := vision.Unfold(x, 2, 2).Strides(2).Done() // [batch, 1, 2, 2, 2, channels]
		return graph.Reshape(y, 1, 2, 4)
	}, picture)
	fmt.Println(patches.Value())
	// Output: [[[1 2 5 6] [3 4 7 8]]]
}

// Windows that overlap are added up.
func ExampleFold() {
	windows := [][][][]float32{{{{1}, {2}}, {{3}, {4}}}} // [batch, windows, elements, channels]
	y := graph.MustCallOnce(backends.MustNew(), func(x *graph.Node) *graph.Node {
		return vision.Fold(x, 3).Done()
	}, windows)
	fmt.Println(y.Value())
	// Output: [[[1] [5] [4]]]
}

// Each element of a row puts the kernel at its place.
func ExampleConvTranspose() {
	row := [][][]float32{{{1}, {10}}}
	kernel := [][][]float32{{{1}}, {{2}}, {{3}}} // [3, output channels, input channels]
	y := graph.MustCallOnce(backends.MustNew(), func(x, k *graph.Node) *graph.Node {
		return vision.ConvTranspose(x, k).Strides(2).Done()
	}, row, kernel)
	fmt.Println(y.Value())
	// Output: [[[1] [2] [13] [20] [30]]]
}

// Five elements in three windows: neighbours share an element.
func ExampleAdaptiveMeanPool() {
	row := [][][]float32{{{1}, {2}, {3}, {4}, {5}}}
	y := graph.MustCallOnce(backends.MustNew(), func(x *graph.Node) *graph.Node {
		return vision.AdaptiveMeanPool(x, 3).Done()
	}, row)
	fmt.Println(y.Value())
	// Output: [[[1.5] [3] [4.5]]]
}
