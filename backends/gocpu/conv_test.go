package gocpu_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestConvolutionsAgreeWithTheReference compares convolutions of many shapes, with their gradients.
func TestConvolutionsAgreeWithTheReference(t *testing.T) {
	b := gocpu.New()
	defer b.Close()
	rng := rand.New(rand.NewPCG(11, 12))
	for i := range 25 {
		groups := 1 + rng.IntN(2)
		batch, cin, cout := groups*(1+rng.IntN(2)), groups*(1+rng.IntN(5)), groups*(1+rng.IntN(6))
		h, w, kh, kw := 5+rng.IntN(8), 5+rng.IntN(8), 1+rng.IntN(3), 1+rng.IntN(3)
		x, k := float32s(batch, h, w, cin), float32s(kh, kw, cin/groups, cout)
		axes := ir.ConvolveAxesConfig{InputChannels: 3, InputSpatial: []int{1, 2}, KernelSpatial: []int{0, 1}, KernelInputChannels: 2, KernelOutputChannels: 3, OutputChannels: 3, OutputSpatial: []int{1, 2}}
		batchGroups := rng.IntN(3) == 0
		if rng.IntN(2) == 0 {
			x = float32s(batch, cin, h, w)
			axes.InputChannels, axes.InputSpatial, axes.OutputChannels, axes.OutputSpatial = 1, []int{2, 3}, 1, []int{2, 3}
		}
		if batchGroups {
			k = float32s(kh, kw, cin, cout)
		}
		stride, dilation, inputDilation, same := 1+rng.IntN(2), 1+rng.IntN(2), 1+rng.IntN(2), rng.IntN(2) == 0
		fn := func(in []*graph.Node) []*graph.Node {
			c := graph.Convolve(in[0], in[1]).AxesConfig(axes).StridePerAxis(stride, 1).DilationPerAxis(1, dilation).InputDilationPerAxis(inputDilation, 1)
			if batchGroups {
				c.BatchGroupCount(groups)
			} else {
				c.ChannelGroupCount(groups)
			}
			if same {
				c.PadSame()
			} else {
				c.PaddingPerDim([][2]int{{2, 1}, {-1, 3}})
			}
			y := c.Done()
			return append(graph.Gradient(graph.ReduceAllSum(graph.Mul(y, y)), in...), y)
		}
		name := fmt.Sprintf("%d: %s by %s, %d groups (of the batch: %v), stride %d, dilations %d and %d, same %v, %+v", i, x, k, groups, batchGroups, stride, dilation, inputDilation, same, axes)
		compareWithReference(t, name, b, []shapes.Shape{x, k}, fn)
	}
}

// compareWithReference runs fn on random inputs on both backends.
func compareWithReference(t *testing.T, name string, b ir.Backend, in []shapes.Shape, fn func(in []*graph.Node) []*graph.Node) {
	t.Helper()
	var args []any
	for i, s := range in {
		args = append(args, randomTensor(s, uint64(i)))
	}
	want, err := compiled(t, graphtest.Reference(), in, fn).Run(args...)
	require.NoError(t, err, name)
	got, err := compiled(t, b, in, fn).Run(args...)
	require.NoError(t, err, name)
	for i := range want {
		assert.NoError(t, graphtest.Diff(got[i], want[i], ir.Tolerance{ULP: 64, Abs: 0.1, Why: "sums of numbers around 0.01 in another order"}), "%s: result %d", name, i)
	}
}

// TestConvolutionsOfDilatedInputsAgreeWithTheReference goes through phases of all kinds: with one tap, some or none, cut off on
// either side, and more of them than results.
func TestConvolutionsOfDilatedInputsAgreeWithTheReference(t *testing.T) {
	b := gocpu.New()
	defer b.Close()
	for _, dilations := range [][2]int{{2, 1}, {1, 3}, {2, 2}, {3, 4}} {
		for _, kernel := range [][2]int{{1, 1}, {2, 3}, {3, 3}, {5, 2}} {
			for _, padding := range [][][2]int{{{0, 0}, {0, 0}}, {{2, 1}, {1, 3}}, {{-1, 2}, {3, -2}}, {{4, 0}, {0, 4}}} {
				in := []shapes.Shape{float32s(2, 3, 4, 3), float32s(kernel[0], kernel[1], 3, 5)}
				fn := func(in []*graph.Node) []*graph.Node {
					y := graph.Convolve(in[0], in[1]).InputDilationPerAxis(dilations[0], dilations[1]).PaddingPerDim(padding).Done()
					return append(graph.Gradient(graph.ReduceAllSum(graph.Mul(y, y)), in...), y)
				}
				if out := 2*dilations[0] + 1 + padding[0][0] + padding[0][1]; out < kernel[0] {
					continue // nothing is left of the input
				}
				if out := 3*dilations[1] + 1 + padding[1][0] + padding[1][1]; out < kernel[1] {
					continue
				}
				compareWithReference(t, fmt.Sprintf("dilations %v, kernel %v, padding %v", dilations, kernel, padding), b, in, fn)
			}
		}
	}
}
