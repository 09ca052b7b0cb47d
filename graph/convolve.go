package graph

import (
	"fmt"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// ConvolutionBuilder makes a convolution, see [Convolve].
type ConvolutionBuilder struct {
	x, kernel                     *Node
	axes                          ir.ConvolveAxesConfig
	strides, dilations, xDilation []int
	paddings                      [][2]int
	padSame                       bool
	channelGroups, batchGroups    int
}

// Convolve starts a convolution of x with kernel over one to three (or more) spatial axes, which Done
// makes:
//
//	y := Convolve(x, kernel).Strides(2).PadSame().Done()
//
// x is [batch, spatial…, channels], kernel [spatial…, input channels, output channels], of the same dtype;
// the result is [batch, spatial…, output channels]. ChannelsAxis chooses another layout. [ConvGeneral] has
// the equation. By default strides and dilations are 1 and nothing is padded.
func Convolve(x, kernel *Node) *ConvolutionBuilder {
	g := graphOf(convGeneral, []*Node{x, kernel})
	if x.Rank() < 3 {
		g.fail("Convolve", []shapes.Shape{x.Shape(), kernel.Shape()}, fmt.Errorf("the input must have a batch axis, spatial axes and a channels axis"))
	}
	b := &ConvolutionBuilder{x: x, kernel: kernel, axes: imageAxes(x.Rank()-2, ChannelsLast), channelGroups: 1, batchGroups: 1}
	return b
}

func (conv *ConvolutionBuilder) spatial() int { return conv.x.Rank() - 2 }

func (conv *ConvolutionBuilder) fail(format string, args ...any) {
	conv.x.graph.fail("Convolve", []shapes.Shape{conv.x.Shape(), conv.kernel.Shape()}, fmt.Errorf(format, args...))
}

func (conv *ConvolutionBuilder) perAxis(what string, values []int) []int {
	if len(values) != conv.spatial() {
		conv.fail("%d %s for %d spatial axes", len(values), what, conv.spatial())
	}
	return values
}

// ChannelsAxis says where the channels of x and of the result are: last (the default), or right after the
// batch. In the latter case the kernel is [output channels, input channels, spatial…].
func (conv *ConvolutionBuilder) ChannelsAxis(config ChannelsAxisConfig) *ConvolutionBuilder {
	conv.axes = imageAxes(conv.spatial(), config)
	return conv
}

// AxesConfig says what each axis of the operands and of the result is.
func (conv *ConvolutionBuilder) AxesConfig(axes ir.ConvolveAxesConfig) *ConvolutionBuilder {
	conv.axes = axes
	return conv
}

// Strides sets the step between two places of the kernel, the same for all spatial axes.
func (conv *ConvolutionBuilder) Strides(strides int) *ConvolutionBuilder {
	return conv.StridePerAxis(filled(conv.spatial(), strides)...)
}

// StridePerAxis sets the step between two places of the kernel, one per spatial axis.
func (conv *ConvolutionBuilder) StridePerAxis(strides ...int) *ConvolutionBuilder {
	conv.strides = conv.perAxis("strides", strides)
	return conv
}

// Dilations sets the distance between two elements of the kernel as it is laid on x, the same for all
// spatial axes; 1 is the default.
func (conv *ConvolutionBuilder) Dilations(dilation int) *ConvolutionBuilder {
	return conv.DilationPerAxis(filled(conv.spatial(), dilation)...)
}

// DilationPerAxis is Dilations with one value per spatial axis.
func (conv *ConvolutionBuilder) DilationPerAxis(dilations ...int) *ConvolutionBuilder {
	conv.dilations = conv.perAxis("dilations", dilations)
	return conv
}

// InputDilationPerAxis sets the distance between two elements of x, with zeros put between them, one per
// spatial axis. It makes a transposed convolution.
func (conv *ConvolutionBuilder) InputDilationPerAxis(dilations ...int) *ConvolutionBuilder {
	conv.xDilation = conv.perAxis("input dilations", dilations)
	return conv
}

// NoPadding takes only places at which the whole kernel lies on x. It is the default.
func (conv *ConvolutionBuilder) NoPadding() *ConvolutionBuilder {
	conv.paddings, conv.padSame = nil, false
	return conv
}

// PadSame puts zeros around x so that with stride 1 the result has x's spatial sizes, and with stride s
// those divided by s, rounded up. Of a kernel that reaches over k elements, (k-1)/2 zeros come before and
// k/2 after, whatever the stride.
func (conv *ConvolutionBuilder) PadSame() *ConvolutionBuilder {
	conv.paddings, conv.padSame = nil, true
	return conv
}

// PaddingPerDim sets the number of zeros {before, after} each spatial axis. Negative numbers crop.
func (conv *ConvolutionBuilder) PaddingPerDim(paddings [][2]int) *ConvolutionBuilder {
	if len(paddings) != conv.spatial() {
		conv.fail("%d paddings for %d spatial axes", len(paddings), conv.spatial())
	}
	conv.paddings, conv.padSame = paddings, false
	return conv
}

// ChannelGroupCount deals the channels over groups, each of which is convolved on its own; the kernel's
// input channels are those of one group. As many groups as channels make a depthwise convolution.
func (conv *ConvolutionBuilder) ChannelGroupCount(groupCount int) *ConvolutionBuilder {
	conv.channelGroups = groupCount
	return conv
}

// BatchGroupCount deals the batch over groups, each of which makes its share of the output channels.
func (conv *ConvolutionBuilder) BatchGroupCount(groupCount int) *ConvolutionBuilder {
	conv.batchGroups = groupCount
	return conv
}

// Done adds the convolution to the graph and returns its result. It panics with [Error] if the operands
// do not fit.
func (conv *ConvolutionBuilder) Done() *Node {
	paddings := conv.paddings
	if conv.padSame {
		if conv.kernel.Rank() != conv.x.Rank() {
			conv.fail("the kernel must have %d axes: spatial, input channels and output channels", conv.x.Rank())
		}
		if len(conv.axes.KernelSpatial) != conv.spatial() {
			conv.fail("%d spatial axes of the kernel for %d of the input", len(conv.axes.KernelSpatial), conv.spatial())
		}
		paddings = make([][2]int, conv.spatial())
		for i, ax := range conv.axes.KernelSpatial {
			k := conv.kernel.Dim(ax)
			if conv.dilations != nil {
				k = dilated(k, conv.dilations[i])
			}
			paddings[i] = samePadding(k)
		}
	}
	attrs := convAttrs(conv.axes, conv.strides, paddings, conv.xDilation, conv.dilations, conv.channelGroups, conv.batchGroups)
	if _, err := convRule(attrs, []shapes.Shape{conv.x.Shape(), conv.kernel.Shape()}); err != nil {
		conv.fail("%w", err)
	}
	return Apply(convGeneral, attrs, conv.x, conv.kernel)
}

// samePadding returns the padding that keeps sizes under a window of k elements and stride 1.
func samePadding(k int) [2]int { return [2]int{max(0, k-1) / 2, max(0, k-1) - max(0, k-1)/2} }
