// Package conv has convolutions besides the plain one of package layers: transposed, depthwise and separable ones; and what stands
// around them in networks for pictures and sounds: pools over all places, and larger pictures.
//
//	x = conv.Separable(scope.In("sep"), x, 64, 3, 2)       // [B, H, W, C] to [B, H/2, W/2, 64]
//	x = conv.Transposed(scope.In("up"), x).Channels(32).KernelSize(2).Strides(2).Done()
//	x = conv.GlobalMeanPool(x)                             // [B, 32]
//
// Causal convolutions are those of package layers after PadCausal. Pooling of windows is in package graph, resizing and adaptive pools in
// package graph/vision.
package conv

import (
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/vision"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/model"
)

// TransposedBuilder is a transposed convolution to be set up, see [Transposed].
type TransposedBuilder struct {
	scope     *model.Scope
	x         *graph.Node
	channels  int
	kernel    []int
	strides   []int
	dilations []int
	more      []int
	groups    int
	bias      bool
	padSame   bool
	spatial   int
}

// Transposed is a transposed convolution over the spatial axes, one, two or three, which makes them larger by its strides:
//
//	y[b, i, c] = biases[c] + Σ x[b, p, k] · weights[q, k, c]   over all p, q with p·stride + q·dilation = i
//
// x is [B, spatial…, In], a float; weights are [kernel…, In, F/groups] and biases `F`, with F as Channels says; the result is
// [B, spatial…, F], where an axis of I elements becomes (I - 1)·stride + dilation·(kernel - 1) + 1, or I·stride with PadSame.
// Channels and KernelSize must be set.
//
// Source: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016, arXiv:1603.07285, ch. 4.
func Transposed(scope *model.Scope, x *graph.Node) *TransposedBuilder {
	if x.Rank() < 3 || x.Rank() > 5 || !x.DType().IsFloat() {
		graph.Errorf("Transposed %s: want floats [batch, one to three spatial axes, channels]", x.Shape())
	}
	return &TransposedBuilder{scope: scope.Layer("Transposed", x), x: x, groups: 1, bias: true, spatial: x.Rank() - 2}
}

// Channels sets the number of output channels.
func (b *TransposedBuilder) Channels(channels int) *TransposedBuilder {
	b.channels = channels
	return b
}

// KernelSize sets the size of the kernel, the same for all spatial axes.
func (b *TransposedBuilder) KernelSize(size int) *TransposedBuilder {
	b.kernel = slices.Repeat([]int{size}, b.spatial)
	return b
}

// KernelSizePerAxis sets the size of the kernel for each spatial axis.
func (b *TransposedBuilder) KernelSizePerAxis(sizes ...int) *TransposedBuilder {
	b.kernel = b.perAxis("kernel sizes", sizes)
	return b
}

// Strides sets how far apart two elements of x are in the result, the same for all spatial axes.
func (b *TransposedBuilder) Strides(strides int) *TransposedBuilder {
	b.strides = slices.Repeat([]int{strides}, b.spatial)
	return b
}

// StridePerAxis sets how far apart two elements of x are in the result, for each spatial axis.
func (b *TransposedBuilder) StridePerAxis(strides ...int) *TransposedBuilder {
	b.strides = b.perAxis("strides", strides)
	return b
}

// Dilations sets the distance of the kernel's elements in the result, the same for all spatial axes.
func (b *TransposedBuilder) Dilations(dilation int) *TransposedBuilder {
	b.dilations = slices.Repeat([]int{dilation}, b.spatial)
	return b
}

// DilationPerAxis sets the distance of the kernel's elements for each spatial axis.
func (b *TransposedBuilder) DilationPerAxis(dilations ...int) *TransposedBuilder {
	b.dilations = b.perAxis("dilations", dilations)
	return b
}

// OutputPaddingPerAxis makes each spatial axis of the result so many elements longer, at its end.
func (b *TransposedBuilder) OutputPaddingPerAxis(more ...int) *TransposedBuilder {
	b.more = b.perAxis("output paddings", more)
	return b
}

// PadSame makes spatial sizes those of x times the strides, see [vision.ConvTransposeBuilder.PadSame].
func (b *TransposedBuilder) PadSame() *TransposedBuilder {
	b.padSame = true
	return b
}

// NoPadding keeps all of the result. It is the default.
func (b *TransposedBuilder) NoPadding() *TransposedBuilder {
	b.padSame = false
	return b
}

// ChannelGroupCount deals the channels over groups, each convolved on its own.
func (b *TransposedBuilder) ChannelGroupCount(groupCount int) *TransposedBuilder {
	b.groups = groupCount
	return b
}

// Bias says whether there are biases.
func (b *TransposedBuilder) Bias(value bool) *TransposedBuilder {
	b.bias = value
	return b
}

func (b *TransposedBuilder) perAxis(what string, values []int) []int {
	if len(values) != b.spatial {
		graph.Errorf("Transposed %s: %d %s for %d spatial axes", b.x.Shape(), len(values), what, b.spatial)
	}
	return values
}

// Done adds the layer to the graph and returns its result.
func (b *TransposedBuilder) Done() *graph.Node {
	in := b.x.Dim(-1)
	switch {
	case b.channels < 1 || len(b.kernel) == 0 || slices.Min(b.kernel) < 1:
		graph.Errorf("Transposed %s: %d channels, kernel %v: set both with Channels and KernelSize, 1 or more", b.x.Shape(), b.channels, b.kernel)
	case b.groups < 1 || in%b.groups != 0 || b.channels%b.groups != 0:
		graph.Errorf("Transposed %s: %d groups do not divide the %d input and %d output channels", b.x.Shape(), b.groups, in, b.channels)
	}
	dims := append(slices.Clone(b.kernel), in, b.channels/b.groups)
	w := b.scope.VariableWithShape("weights", shapes.Make(b.x.DType(), dims...)).NodeValue(b.x)
	c := vision.ConvTranspose(b.x, graph.Transpose(w, -1, -2)).ChannelGroupCount(b.groups)
	if b.strides != nil {
		c = c.StridePerAxis(b.strides...)
	}
	if b.dilations != nil {
		c = c.DilationPerAxis(b.dilations...)
	}
	if b.more != nil {
		c = c.OutputPaddingPerDim(b.more...)
	}
	if b.padSame {
		c = c.PadSame()
	}
	y := c.Done()
	if b.bias {
		biases := b.scope.Biases().VariableWithShape("biases", shapes.Make(y.DType(), b.channels))
		y = graph.Add(y, biases.NodeValue(y))
	}
	return b.scope.Result(y)
}

// Depthwise starts a convolution that convolves each channel on its own, to multiplier channels; kernel size and more are set as those of
// [layers.Convolution]:
//
//	y[b, o, c·m + j] = biases[c·m + j] + Σ_k x[b, o + k, c] · weights[k, 0, c·m + j],   j = 0 … m-1
//
// x is [B, spatial…, C], a float; the result is [B, spatial…, C·multiplier].
//
// Source: Sifre, "Rigid-motion scattering for image classification", 2014, section 6.2.
func Depthwise(scope *model.Scope, x *graph.Node, multiplier int) *layers.ConvolutionBuilder {
	if x.Rank() < 3 || multiplier < 1 || x.Dim(-1) < 1 {
		graph.Errorf("Depthwise %s times %d: want [batch, spatial axes, channels] and 1 or more", x.Shape(), multiplier)
	}
	return layers.Convolution(scope, x).ChannelGroupCount(x.Dim(-1)).Channels(x.Dim(-1) * multiplier)
}

// Separable is a depthwise convolution and then one of kernel size 1 that mixes channels:
//
//	y = (x ∗ depthwise) ∗ pointwise
//
// x is [B, spatial…, C], a float; the result is [B, spatial…, channels], padded so that its spatial sizes are those of x divided by strides.
// The first has no biases.
//
// Source: Howard et al., "MobileNets", 2017, arXiv:1704.04861, section 3.1, without norms and activations.
func Separable(scope *model.Scope, x *graph.Node, channels, kernelSize, strides int) *graph.Node {
	y := Depthwise(scope.In("depthwise"), x, 1).KernelSize(kernelSize).Strides(strides).PadSame().Bias(false).Done()
	return scope.Result(layers.Convolution(scope.In("pointwise"), y).Channels(channels).KernelSize(1).Done())
}

// places returns the spatial axes of x.
func places(name string, x *graph.Node) (axes []int) {
	if x.Rank() < 3 {
		graph.Errorf("%s %s: want [batch, spatial axes, channels]", name, x.Shape())
	}
	for i := 1; i < x.Rank()-1; i++ {
		axes = append(axes, i)
	}
	return axes
}

// GlobalMeanPool returns the mean of each channel over all places: x is [B, spatial…, C], the result [B, C].
//
// Source: Lin, Chen and Yan, "Network In Network", 2013, arXiv:1312.4400, section 3.2.
func GlobalMeanPool(x *graph.Node) *graph.Node {
	return graph.ReduceMean(x, places("GlobalMeanPool", x)...)
}

// GlobalMaxPool returns the maximum of each channel over all places: x is [B, spatial…, C], the result [B, C].
func GlobalMaxPool(x *graph.Node) *graph.Node {
	return graph.ReduceMax(x, places("GlobalMaxPool", x)...)
}

// Upsample makes pictures larger by a whole factor, each element so often along each spatial axis: x is [B, spatial…, C]. For other sizes and
// smooth results see [vision.Interpolate].
func Upsample(x *graph.Node, factor int) *graph.Node {
	axes := places("Upsample", x)
	if factor < 1 {
		graph.Errorf("Upsample %s: a factor of %d, want 1 or more", x.Shape(), factor)
	}
	for _, a := range axes {
		x = graph.Repeat(x, factor, a)
	}
	return x
}
