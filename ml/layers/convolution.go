package layers

import (
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/ml/model"
)

// ConvBuilder is [ConvolutionBuilder] by its earlier name.
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
	spatial   int
}

// Convolution is a convolution over the spatial axes, one, two or three:
//
//	y[b, o, c] = biases[c] + Σ_k Σ_i  x[b, stride·o + dilation·k - padding, i] · weights[k, i, c]
//
// x is [B, spatial…, In], a float; weights are [kernel…, In/groups, Channels] and biases [Channels]; the
// result is [B, spatial…, Channels]. Channels and KernelSize must be set; strides, dilations and groups are
// 1, there are biases, and no padding, unless set otherwise.
func Convolution(scope *model.Scope, x *graph.Node) *ConvolutionBuilder {
	needFloat("Convolution", x)
	if x.Rank() < 3 || x.Rank() > 5 {
		graph.Errorf("Convolution %s: want [batch, one to three spatial axes, channels]", x.Shape())
	}
	return &ConvolutionBuilder{scope: scope, x: x, groups: 1, bias: true, spatial: x.Rank() - 2}
}

// Channels sets the number of output channels.
func (conv *ConvolutionBuilder) Channels(channels int) *ConvolutionBuilder {
	conv.channels = channels
	return conv
}

// KernelSize sets the size of the kernel, the same for all spatial axes.
func (conv *ConvolutionBuilder) KernelSize(size int) *ConvolutionBuilder {
	conv.kernel = slices.Repeat([]int{size}, conv.spatial)
	return conv
}

// KernelSizePerAxis sets the size of the kernel for each spatial axis.
func (conv *ConvolutionBuilder) KernelSizePerAxis(sizes ...int) *ConvolutionBuilder {
	conv.kernel = conv.perAxis("kernel sizes", sizes)
	return conv
}

// UseBias says whether there are biases.
func (conv *ConvolutionBuilder) UseBias(useBias bool) *ConvolutionBuilder {
	conv.bias = useBias
	return conv
}

// Strides sets the step between two places of the kernel, the same for all spatial axes.
func (conv *ConvolutionBuilder) Strides(strides int) *ConvolutionBuilder {
	conv.strides = slices.Repeat([]int{strides}, conv.spatial)
	return conv
}

// StridePerAxis sets the step for each spatial axis.
func (conv *ConvolutionBuilder) StridePerAxis(strides ...int) *ConvolutionBuilder {
	conv.strides = conv.perAxis("strides", strides)
	return conv
}

// Dilations sets the distance of the kernel's elements on the input, the same for all spatial axes.
func (conv *ConvolutionBuilder) Dilations(dilation int) *ConvolutionBuilder {
	conv.dilations = slices.Repeat([]int{dilation}, conv.spatial)
	return conv
}

// DilationPerAxis sets the distance of the kernel's elements for each spatial axis.
func (conv *ConvolutionBuilder) DilationPerAxis(dilations ...int) *ConvolutionBuilder {
	conv.dilations = conv.perAxis("dilations", dilations)
	return conv
}

// PadSame puts zeros around the input so that with strides 1 the result has its spatial size; see
// [graph.ConvolutionBuilder.PadSame].
func (conv *ConvolutionBuilder) PadSame() *ConvolutionBuilder {
	conv.padSame = true
	return conv
}

// NoPadding takes only places at which the whole kernel lies on the input. It is the default.
func (conv *ConvolutionBuilder) NoPadding() *ConvolutionBuilder {
	conv.padSame = false
	return conv
}

// ChannelGroupCount deals the channels over groups, each convolved on its own.
func (conv *ConvolutionBuilder) ChannelGroupCount(groupCount int) *ConvolutionBuilder {
	conv.groups = groupCount
	return conv
}

func (conv *ConvolutionBuilder) perAxis(what string, values []int) []int {
	if len(values) != conv.spatial {
		graph.Errorf("Convolution %s: %d %s for %d spatial axes", conv.x.Shape(), len(values), what, conv.spatial)
	}
	return values
}

// Done adds the layer to the graph and returns its result.
func (conv *ConvolutionBuilder) Done() *graph.Node {
	x := conv.x
	in := x.Dim(-1)
	switch {
	case conv.channels < 1 || len(conv.kernel) == 0 || slices.Min(conv.kernel) < 1:
		graph.Errorf("Convolution %s: %d channels, kernel %v: set both with Channels and KernelSize, 1 or more", x.Shape(), conv.channels, conv.kernel)
	case conv.groups < 1 || in%conv.groups != 0 || conv.channels%conv.groups != 0:
		graph.Errorf("Convolution %s: %d groups do not divide the %d input and %d output channels", x.Shape(), conv.groups, in, conv.channels)
	}
	dims := append(slices.Clone(conv.kernel), in/conv.groups, conv.channels)
	if v := conv.scope.GetVariable("weights"); v != nil && v.Shape().Rank() == len(dims) && v.Shape().Dimensions[conv.spatial] != dims[conv.spatial] {
		// Made for inputs with another number of channels: the op says that better than the variable does.
		graph.Convolve(x, v.NodeValue(x)).ChannelGroupCount(conv.groups).Done()
	}
	w := conv.scope.VariableWithShape("weights", shapes.Make(x.DType(), dims...)).NodeValue(x)
	c := graph.Convolve(x, w).ChannelGroupCount(conv.groups)
	if conv.strides != nil {
		c = c.StridePerAxis(conv.strides...)
	}
	if conv.dilations != nil {
		c = c.DilationPerAxis(conv.dilations...)
	}
	if conv.padSame {
		c = c.PadSame()
	}
	y := c.Done()
	if conv.bias {
		y = addBias(conv.scope, y)
	}
	return y
}
