package layers

import (
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/ml/model"
)

// ConvBuilder is [ConvolutionBuilder] by its earlier name.
//
// Deprecated: use [ConvolutionBuilder].
type ConvBuilder = ConvolutionBuilder

// ConvolutionBuilder is a convolution to be set up, see [Convolution].
type ConvolutionBuilder struct {
	scope     *model.Scope
	x         *graph.Node
	channels  int
	kernel    []int
	strides   []int
	dilations []int
	groups    int
	bias      bool
	padSame   bool
	causal    bool
	spatial   int
}

// Convolution is a convolution over the spatial axes, one, two or three:
//
//	y[b, o, c] = biases[c] + Σ_k Σ_i  x[b, stride·o + dilation·k - padding, i] · weights[k, i, c]
//
// x is [B, spatial…, In], a float; weights are [kernel…, In/groups, F] and biases [F]; the
// result is [B, spatial…, F], with F as Channels says. Channels and KernelSize must be set; strides, dilations and groups are
// 1, there are biases, and no padding, unless set otherwise.
//
// Source: LeCun et al., "Backpropagation Applied to Handwritten Zip Code Recognition", 1989; groups as in Krizhevsky, Sutskever and Hinton,
// "ImageNet Classification with Deep Convolutional Neural Networks", 2012.
func Convolution(scope *model.Scope, x *graph.Node) *ConvolutionBuilder {
	needFloat("Convolution", x)
	if x.Rank() < 3 || x.Rank() > 5 {
		graph.Errorf("Convolution %s: want [batch, one to three spatial axes, channels]", x.Shape())
	}
	return &ConvolutionBuilder{scope: scope.Layer("Convolution", x), x: x, groups: 1, bias: true, spatial: x.Rank() - 2}
}

// Channels sets the number of output channels.
func (b *ConvolutionBuilder) Channels(channels int) *ConvolutionBuilder {
	b.channels = channels
	return b
}

// KernelSize sets the size of the kernel, the same for all spatial axes.
func (b *ConvolutionBuilder) KernelSize(size int) *ConvolutionBuilder {
	b.kernel = slices.Repeat([]int{size}, b.spatial)
	return b
}

// KernelSizePerAxis sets the size of the kernel for each spatial axis.
func (b *ConvolutionBuilder) KernelSizePerAxis(sizes ...int) *ConvolutionBuilder {
	b.kernel = b.perAxis("kernel sizes", sizes)
	return b
}

// Bias says whether there are biases.
func (b *ConvolutionBuilder) Bias(value bool) *ConvolutionBuilder {
	b.bias = value
	return b
}

// Strides sets the step between two places of the kernel, the same for all spatial axes.
func (b *ConvolutionBuilder) Strides(strides int) *ConvolutionBuilder {
	b.strides = slices.Repeat([]int{strides}, b.spatial)
	return b
}

// StridePerAxis sets the step for each spatial axis.
func (b *ConvolutionBuilder) StridePerAxis(strides ...int) *ConvolutionBuilder {
	b.strides = b.perAxis("strides", strides)
	return b
}

// Dilations sets the distance of the kernel's elements on the input, the same for all spatial axes.
func (b *ConvolutionBuilder) Dilations(dilation int) *ConvolutionBuilder {
	b.dilations = slices.Repeat([]int{dilation}, b.spatial)
	return b
}

// DilationPerAxis sets the distance of the kernel's elements for each spatial axis.
func (b *ConvolutionBuilder) DilationPerAxis(dilations ...int) *ConvolutionBuilder {
	b.dilations = b.perAxis("dilations", dilations)
	return b
}

// PadSame puts zeros around the input so that with strides 1 the result has its spatial size; see
// [graph.ConvolutionBuilder.PadSame].
func (b *ConvolutionBuilder) PadSame() *ConvolutionBuilder {
	b.padSame, b.causal = true, false
	return b
}

// NoPadding takes only places at which the whole kernel lies on the input. It is the default.
func (b *ConvolutionBuilder) NoPadding() *ConvolutionBuilder {
	b.padSame, b.causal = false, false
	return b
}

// PadCausal puts all zeros before the input: with strides 1 the result has its spatial size, and no place of it depends on a later place of
// the input. It is for time, the only spatial axis or one of several.
//
// Source: van den Oord et al., "WaveNet", 2016, arXiv:1609.03499, section 2.1.
func (b *ConvolutionBuilder) PadCausal() *ConvolutionBuilder {
	b.padSame, b.causal = false, true
	return b
}

// ChannelGroupCount deals the channels over groups, each convolved on its own.
func (b *ConvolutionBuilder) ChannelGroupCount(groupCount int) *ConvolutionBuilder {
	b.groups = groupCount
	return b
}

// before returns the padding of a causal convolution: as far as the kernel reaches.
func (b *ConvolutionBuilder) before() (paddings [][2]int) {
	for i, k := range b.kernel {
		dilation := 1
		if b.dilations != nil {
			dilation = b.dilations[i]
		}
		paddings = append(paddings, [2]int{(k - 1) * dilation, 0})
	}
	return paddings
}

func (b *ConvolutionBuilder) perAxis(what string, values []int) []int {
	if len(values) != b.spatial {
		graph.Errorf("Convolution %s: %d %s for %d spatial axes", b.x.Shape(), len(values), what, b.spatial)
	}
	return values
}

// Done adds the layer to the graph and returns its result.
func (b *ConvolutionBuilder) Done() *graph.Node {
	x := b.x
	in := x.Dim(-1)
	switch {
	case b.channels < 1 || len(b.kernel) == 0 || slices.Min(b.kernel) < 1:
		graph.Errorf("Convolution %s: %d channels, kernel %v: set both with Channels and KernelSize, 1 or more", x.Shape(), b.channels, b.kernel)
	case b.groups < 1 || in%b.groups != 0 || b.channels%b.groups != 0:
		graph.Errorf("Convolution %s: %d groups do not divide the %d input and %d output channels", x.Shape(), b.groups, in, b.channels)
	}
	dims := append(slices.Clone(b.kernel), in/b.groups, b.channels)
	if v := b.scope.GetVariable("weights"); v != nil && v.Shape().Rank() == len(dims) && v.Shape().Dimensions[b.spatial] != dims[b.spatial] {
		// Made for inputs with another number of channels: the op says that better than the variable does.
		graph.Convolve(x, v.NodeValue(x)).ChannelGroupCount(b.groups).Done()
	}
	w := b.scope.VariableWithShape("weights", shapes.Make(x.DType(), dims...)).NodeValue(x)
	c := graph.Convolve(x, w).ChannelGroupCount(b.groups)
	if b.strides != nil {
		c = c.StridePerAxis(b.strides...)
	}
	if b.dilations != nil {
		c = c.DilationPerAxis(b.dilations...)
	}
	switch {
	case b.padSame:
		c = c.PadSame()
	case b.causal:
		c = c.PaddingPerDim(b.before())
	}
	y := c.Done()
	if b.bias {
		y = addBias(b.scope, y)
	}
	return b.scope.Result(y)
}
