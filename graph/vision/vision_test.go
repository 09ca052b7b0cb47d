package vision_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/graph/vision"
)

// node makes the signatures of this file short.
type node = graph.Node

// What does not fit is said in a sentence that names the function and the shapes.
func TestWhatDoesNotFit(t *testing.T) {
	g := graph.NewGraph(nil, "g")
	of := func(d dtypes.DType, dims ...int) *node { return graph.Parameter(g, "", shapes.Make(d, dims...)) }
	p := func(dims ...int) *node { return of(dtypes.Float32, dims...) }
	first, last := graph.ChannelsFirst, graph.ChannelsLast
	for _, c := range []struct {
		fn   func()
		want string
	}{
		{func() { vision.Interpolate(nil, 2) }, "vision.Interpolate: the operand is nil"},
		{func() { vision.Interpolate(p(4, 4), 2) }, "vision.Interpolate float32[4 4]: the operand must have a batch axis, spatial axes and a channels axis"},
		{func() { vision.Interpolate(p(1, 4, 4, 3), 8).Done() }, "1 sizes for 2 spatial axes"},
		{func() { vision.Interpolate(p(1, 4, 4, 3), 8, 0).Done() }, "spatial axis 1 cannot have 0 elements: want 1 to"},
		{func() { vision.Interpolate(p(1, 0, 4, 3), 8, 8).Done() }, "spatial axis 0 has 0 elements"},
		{func() { vision.Interpolate(of(dtypes.Int32, 1, 4, 3), 8).Done() }, "int32 is not a dtype that it takes: float, complex (convert it with ConvertDType)"},
		{func() { vision.Interpolate(p(1, 4, 3), 8).Nearest().Antialias().Done() }, "Nearest has no weights"},
		{func() { vision.Interpolate(p(1, 4, 3), 8).AlignCorners().Antialias().Done() }, "Antialias goes with HalfPixel"},
		{func() { vision.GridSample(p(1, 4, 3), nil) }, "the grid is nil"},
		{func() { vision.GridSample(p(2, 4, 4, 3), p(1, 5, 5, 2)).Done() }, "a grid of float32[1 5 5 2] does not fit: its first axis must be the batch of 2"},
		{func() { vision.GridSample(p(2, 4, 4, 3), p(2, 5, 5, 3)).Done() }, "its last hold the 2 coordinates of a place"},
		{func() { vision.GridSample(p(2, 4, 3), of(dtypes.Float64, 2, 5, 1)).Done() }, "the grid is of float64, the pictures of float32"},
		{func() { vision.AffineGrid(p(2, 2, 2), 5, 5) }, "vision.AffineGrid float32[2 2 2]: for 2 sizes theta must be [batch, 2, 3]"},
		{func() { vision.AffineGrid(of(dtypes.Int32, 2, 2, 3), 5, 5) }, "int32 is not a dtype that it takes"},
		{func() { vision.AffineGrid(p(2, 2, 3), 5, -5) }, "spatial axis 1 cannot have -5 elements"},
		{func() { vision.Unfold(p(1, 4, 4, 3), 2).Done() }, "1 sizes of a window for 2 spatial axes"},
		{func() { vision.Unfold(p(1, 4, 4, 3), 2, 5).Done() }, "spatial axis 1: a window that reaches over 5 does not fit into the padded 4 elements"},
		{func() { vision.Unfold(p(1, 4, 4, 3), 2, 0).Done() }, "spatial axis 1: a window of 0 elements cannot be"},
		{func() { vision.Unfold(p(1, 4, 4, 3), 2, 2).Strides(0) }, "strides of 0 cannot be: want 1 to 1073741824"},
		{func() { vision.Fold(p(1, 4, 4, 3), 4).Strides(2).Done() }, "there are 4 windows of 4 elements, a picture of 4 elements has 1"},
		{func() { vision.Fold(p(1, 4, 3), 4).Done() }, "one axis of windows and one of their elements per spatial axis"},
		{func() { vision.ConvTranspose(p(1, 4, 4, 3), p(3, 3, 3)) }, "the kernel float32[3 3 3] must have 4 axes"},
		{func() { vision.ConvTranspose(p(1, 4, 4, 3), p(3, 3, 3, 8)).Done() }, "the operand has 3 channels, but the kernel float32[3 3 3 8] takes 8 along axis 3, and makes output channels along axis 2 (want Transpose(kernel, 2, 3)?)"},
		{func() { vision.ConvTranspose(p(1, 3, 4, 4), p(8, 3, 3, 3)).ChannelsAxis(first).Done() }, "the operand has 3 channels, but the kernel float32[8 3 3 3] takes 8"},
		{func() { vision.ConvTranspose(p(1, 4, 3), p(3, 8, 3)).ChannelsAxis(last).ChannelGroupCount(2).Done() }, "3 channels cannot be dealt over 2 groups"},
		{func() { vision.ConvTranspose(p(1, 4, 3), p(3, 8, 3)).PaddingPerDim([][2]int{{4, 4}}).Done() }, "the result would have -2 elements: want 1 to 1073741824 (set less padding, or smaller strides)"},
		{func() { vision.ConvTranspose(p(1, 0, 3), p(3, 8, 3)).Done() }, "spatial axis 0 has 0 elements, the kernel 3 along it: want 1 to"},
		{func() { vision.ConvTranspose(p(1, 4, 3), p(0, 8, 3)).Done() }, "spatial axis 0 has 4 elements, the kernel 0 along it: want 1 to"},
		{func() { vision.ConvTranspose(p(1, 4, 3), p(3, 8, 3)).Strides(0) }, "strides of 0 cannot be: want 1 to 1073741824"},
		{func() { vision.GridSample(p(2, 4, 0, 3), p(2, 5, 5, 2)).Done() }, "spatial axis 1 has 0 elements"},
		{func() { vision.AdaptiveMeanPool(of(dtypes.Int8, 1, 4, 3), 2).Done() }, "int8 is not a dtype that it takes"},
		{func() { vision.AdaptiveMaxPool(of(dtypes.Complex64, 1, 4, 3), 2).Done() }, "complex64 is not a dtype that it takes"},
	} {
		assert.ErrorContains(t, graph.Catch(c.fn), c.want)
	}
}

// A transposed convolution is the gradient of the convolution by its input, whatever its settings: what Convolve loses, the output padding brings
// back.
func TestConvTransposeIsTheTranspositionOfConvolve(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 40 {
		groups := 1 + rng.IntN(3)
		from, to := groups*(1+rng.IntN(2)), groups*(1+rng.IntN(2)) // channels of Convolve
		layout := graph.ChannelsAxisConfig(rng.IntN(2))
		axes := 1 + rng.IntN(2)
		strides, dilations, paddings, more := make([]int, axes), make([]int, axes), make([][2]int, axes), make([]int, axes)
		sizes, window := make([]int, axes), make([]int, axes)
		for i := range axes {
			strides[i], dilations[i], window[i] = 1+rng.IntN(3), 1+rng.IntN(2), 1+rng.IntN(3)
			reach := (window[i]-1)*dilations[i] + 1
			paddings[i] = [2]int{rng.IntN(reach), rng.IntN(reach)}
			sizes[i] = reach + rng.IntN(4)
			more[i] = (sizes[i] + paddings[i][0] + paddings[i][1] - reach) % strides[i]
		}
		x := pictureDims(layout, 2, sizes, from)
		kernel := append(append([]int{}, window...), from/groups, to)
		if layout == graph.ChannelsFirst {
			kernel = append([]int{to, from / groups}, window...)
		}
		diff := graph.MustCallOnce(graphtest.Reference(), func(g *graph.Graph) *node {
			random := func(dims ...int) *node {
				v := make([]float64, shapes.Make(dtypes.Float64, dims...).Size())
				for i := range v {
					v[i] = rng.NormFloat64()
				}
				return graph.ConstTensor(g, tensors.FromFlatDataAndDimensions(v, dims...))
			}
			x, k := random(x...), random(kernel...)
			y := graph.Convolve(x, k).ChannelsAxis(layout).StridePerAxis(strides...).DilationPerAxis(dilations...).PaddingPerDim(paddings).ChannelGroupCount(groups).Done()
			dy := random(y.Shape().Dimensions...)
			want := graph.VJP([]*node{y}, []*node{dy}, []*node{x})[0]
			got := vision.ConvTranspose(dy, k).ChannelsAxis(layout).StridePerAxis(strides...).DilationPerAxis(dilations...).PaddingPerDim(paddings).
				OutputPaddingPerDim(more...).ChannelGroupCount(groups).Done()
			return graph.ReduceAllMax(graph.Abs(graph.Sub(got, want)))
		})
		require.Less(t, diff.Value().(float64), 1e-12, "%v, kernel %v, strides %v, dilations %v, paddings %v, %d groups, %s", x, kernel, strides, dilations, paddings, groups, layout)
	}
}

func pictureDims(layout graph.ChannelsAxisConfig, batch int, sizes []int, channels int) []int {
	if layout == graph.ChannelsFirst {
		return append([]int{batch, channels}, sizes...)
	}
	return append(append([]int{batch}, sizes...), channels)
}

// Elements that are equal and largest share the gradient, each once, however long the other windows are.
func TestAdaptiveMaxPoolSharesTheGradient(t *testing.T) {
	for _, c := range []struct {
		x    []float64
		size int
		want []float64
	}{
		{[]float64{5, 5, 0, 0, 0}, 3, []float64{0.5, 1.5, 0, 0.5, 0.5}}, // windows 0-1, 1-3, 3-4
		{[]float64{2, 2, 2, 2}, 3, []float64{0.5, 1, 1, 0.5}},
		{[]float64{2, 2, 2, 2}, 2, []float64{0.5, 0.5, 0.5, 0.5}},
	} {
		dx := graph.MustCallOnce(graphtest.Reference(), func(x *node) *node {
			y := vision.AdaptiveMaxPool(graph.Reshape(x, 1, -1, 1), c.size).Done()
			return graph.Gradient(graph.ReduceAllSum(y), x)[0]
		}, c.x)
		assert.InDeltaSlice(t, c.want, dx.Value(), 1e-12, "%v to %d", c.x, c.size)
	}
}

// Halves are summed wide: what comes out is what float32 gives, rounded once.
func TestHalvesAreRoundedOnce(t *testing.T) {
	x := ir.Ramp(1, 7, 6, 2).Tensor(dtypes.Float16)
	grid := ir.Ramp(1, 3, 2, 2).Tensor(dtypes.Float16)
	theta := ir.Ramp(1, 2, 3).Tensor(dtypes.Float16)
	for name, fn := range map[string]func(x, grid, theta *node) *node{
		"Interpolate":      func(x, _, _ *node) *node { return vision.Interpolate(x, 3, 8).Bicubic().Done() },
		"GridSample":       func(x, grid, _ *node) *node { return vision.GridSample(x, grid).Done() },
		"AffineGrid":       func(_, _, theta *node) *node { return vision.AffineGrid(theta, 5, 3).Done() },
		"AdaptiveMeanPool": func(x, _, _ *node) *node { return vision.AdaptiveMeanPool(x, 3, 4).Done() },
		"Fold":             func(x, _, _ *node) *node { return vision.Fold(x, 12).Done() },
	} {
		diff := graph.MustCallOnce(graphtest.Reference(), func(x, grid, theta *node) *node {
			wide := func(x *node) *node { return graph.ConvertDType(x, dtypes.Float32) }
			want := graph.ConvertDType(fn(wide(x), wide(grid), wide(theta)), dtypes.Float16)
			return graph.ReduceAllMax(wide(graph.Abs(graph.Sub(fn(x, grid, theta), want))))
		}, x, grid, theta)
		assert.Zero(t, diff.Value(), name)
	}
}

// Names of axes come back where the axes do.
func TestNamesOfAxes(t *testing.T) {
	g := graph.NewGraph(nil, "g")
	x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 2, 4, 3)).WithAxisNames("batch", "time", "channels")
	for _, y := range []*node{vision.Interpolate(x, 8).Done(), vision.AdaptiveMeanPool(x, 2).Done()} {
		assert.Equal(t, []string{"batch", "time", "channels"}, []string{y.Shape().Name(0), y.Shape().Name(1), y.Shape().Name(2)})
	}
}
