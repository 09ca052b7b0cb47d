package vision

import (
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/internal/axes"
	"github.com/quire-ml/quire/graph/ir"
)

// ConvTransposeBuilder makes a transposed convolution, see [ConvTranspose].
type ConvTransposeBuilder struct {
	pictures
	kernel             *graph.Node
	strides, dilations []int
	paddings           [][2]int
	more               []int
	same               bool
	groups             int
}

// ConvTranspose starts the transposition of a convolution, which Done makes: what [graph.Convolve] with the same kernel and settings makes of y is
// linear in y, and this is its transposed matrix:
//
//	y[n, i, o] = Σ x[n, p, c] · kernel[k, o, c] over all p, k, c with p·stride + k·dilation - before = i
//
// per spatial axis. x is [batch, spatial…, channels], kernel [spatial…, output channels, input channels], of the same dtype, a number: the kernel of
// the convolution that goes the other way. The result is [batch, i…, output channels], where along an axis of I elements
//
//	O = (I - 1)·stride - before - after + dilation·(window - 1) + 1 + output padding
//
// After ChannelsAxis(graph.ChannelsFirst) the kernel is [input channels, output channels, spatial…], as in PyTorch and ONNX. With several
// groups, each group of input channels makes its own output channels, and the kernel has those of one group. Floats narrower than float32
// are summed in float32. It panics with [graph.Error] if shapes do not fit. It is PyTorch's ConvTranspose1d to 3d, and Keras's
// Conv2DTranspose.
//
// Source: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016, arXiv:1603.07285, ch. 4.
func ConvTranspose(x, kernel *graph.Node) *ConvTransposeBuilder {
	b := &ConvTransposeBuilder{pictures: of("ConvTranspose", x), kernel: kernel, groups: 1}
	switch {
	case kernel == nil:
		b.fail("the kernel is nil")
	case kernel.Rank() != x.Rank():
		b.fail("the kernel %s must have %d axes: spatial, output channels and input channels", kernel.Shape(), x.Rank())
	case kernel.DType() != x.DType():
		b.fail("the kernel is of %s, the pictures of %s (convert one with ConvertDType)", kernel.DType(), x.DType())
	}
	return b
}

// ChannelsAxis says where the channels of x and of the result are: last, the default, or right behind the batch. In the latter case the kernel is
// [input channels, output channels, spatial…].
func (b *ConvTransposeBuilder) ChannelsAxis(config graph.ChannelsAxisConfig) *ConvTransposeBuilder {
	b.channels = config
	return b
}

func (b *ConvTransposeBuilder) perAxis(what string, least int, values []int) []int {
	values = b.each(what, values)
	for i, v := range values {
		if v < least || v > far {
			b.fail("spatial axis %d: %s of %d cannot be: want %d to %d", i, what, v, least, far)
		}
	}
	return values
}

// Strides sets how far apart two elements of x are in the result, the same for all spatial axes.
func (b *ConvTransposeBuilder) Strides(stride int) *ConvTransposeBuilder {
	return b.StridePerAxis(b.all(stride)...)
}

// StridePerAxis sets how far apart two elements of x are in the result, one per spatial axis.
func (b *ConvTransposeBuilder) StridePerAxis(strides ...int) *ConvTransposeBuilder {
	b.strides = b.perAxis("strides", 1, strides)
	return b
}

// Dilations sets the distance between two elements of the kernel, the same for all spatial axes.
func (b *ConvTransposeBuilder) Dilations(dilation int) *ConvTransposeBuilder {
	return b.DilationPerAxis(b.all(dilation)...)
}

// DilationPerAxis sets the distance between two elements of the kernel, one per spatial axis.
func (b *ConvTransposeBuilder) DilationPerAxis(dilations ...int) *ConvTransposeBuilder {
	b.dilations = b.perAxis("dilations", 1, dilations)
	return b
}

// NoPadding keeps all of the result. It is the default.
func (b *ConvTransposeBuilder) NoPadding() *ConvTransposeBuilder {
	b.paddings, b.same = nil, false
	return b
}

// PaddingPerDim sets how many elements {before, after} the result loses along each spatial axis: the padding of the convolution that goes the
// other way.
func (b *ConvTransposeBuilder) PaddingPerDim(paddings [][2]int) *ConvTransposeBuilder {
	if n := len(b.axes()); len(paddings) != n {
		b.fail("%d paddings for %d spatial axes", len(paddings), n)
	}
	for i, p := range paddings {
		if min(p[0], p[1]) < -far || max(p[0], p[1]) > far {
			b.fail("spatial axis %d: a padding of %v is larger than any picture", i, p)
		}
	}
	b.paddings, b.same = slices.Clone(paddings), false
	return b
}

// PadSame makes the spatial sizes of the result those of x times the strides: of what is too much, half is taken away before, rounded down, and the
// rest after; what is missing is 0 after. It is padding "same" of Keras.
func (b *ConvTransposeBuilder) PadSame() *ConvTransposeBuilder {
	b.paddings, b.same = nil, true
	return b
}

// OutputPaddingPerDim makes each spatial axis of the result so many elements longer, at its end: with strides, pictures of several sizes have a
// convolution of one size, and this says which is meant.
func (b *ConvTransposeBuilder) OutputPaddingPerDim(more ...int) *ConvTransposeBuilder {
	b.more = b.perAxis("output paddings", 0, more)
	return b
}

// ChannelGroupCount deals the channels over groups, each of which is convolved on its own; the kernel's output channels are those of one group.
func (b *ConvTransposeBuilder) ChannelGroupCount(groups int) *ConvTransposeBuilder {
	b.groups = groups
	return b
}

// Done adds the transposed convolution to the graph and returns its result.
func (b *ConvTransposeBuilder) Done() *graph.Node {
	n := len(b.axes())
	b.need(dtypes.Numbers)
	x, k := axes.Unnamed(b.x), axes.Unnamed(b.kernel)
	axes, in, out := b.layout(n)
	channels := x.Dim(axes.InputChannels)
	switch {
	case b.groups < 1 || channels%b.groups != 0:
		b.fail("%d channels cannot be dealt over %d groups", channels, b.groups)
	case k.Dim(in) != channels:
		hint := ""
		if k.Dim(out) == channels {
			hint = fmt.Sprintf(" (want Transpose(kernel, %d, %d)?)", min(in, out), max(in, out))
		}
		b.fail("the operand has %d channels, but the kernel %s takes %d along axis %d, and makes output channels along axis %d%s", channels, k.Shape(), k.Dim(in), in, out, hint)
	}
	strides, dilations := b.all(1), b.all(1)
	if b.strides != nil {
		strides = b.strides
	}
	if b.dilations != nil {
		dilations = b.dilations
	}
	paddings := make([][2]int, n)
	for i := range n {
		size, have := k.Dim(axes.KernelSpatial[i]), x.Dim(axes.InputSpatial[i])
		if min(size, have) < 1 || max(size, have) > far {
			b.fail("spatial axis %d has %d elements, the kernel %d along it: want 1 to %d of both", i, have, size, far)
		}
		reach := (size-1)*dilations[i] + 1
		paddings[i] = b.around(i, reach, strides[i])
		if o := (have-1)*strides[i] + 1 + paddings[i][0] + paddings[i][1] - reach + 1; o < 1 || o > far {
			b.fail("spatial axis %d: the result would have %d elements: want 1 to %d (set less padding, or smaller strides)", i, o, far)
		}
	}
	// The matrix is transposed by a kernel that is turned round, with its input and output channels exchanged, group by group.
	k = graph.Reverse(k, axes.KernelSpatial...)
	if b.groups > 1 {
		k = regrouped(k, b.groups, in, out)
	}
	return graph.ConvGeneral(x, k, axes, nil, paddings, strides, dilations, b.groups, 1)
}

// around returns the padding of the convolution that takes x, dilated by the stride, to the result.
func (b *ConvTransposeBuilder) around(i, reach, stride int) [2]int {
	var p [2]int
	switch {
	case b.same && reach >= stride:
		p[0] = (reach - stride) / 2
		p[1] = reach - stride - p[0]
	case b.same:
		p[1] = reach - stride
	case b.paddings != nil:
		p = b.paddings[i]
	}
	more := 0
	if b.more != nil {
		more = b.more[i]
	}
	return [2]int{reach - 1 - p[0], reach - 1 - p[1] + more}
}

// layout returns what each axis is, and the axes of the kernel with x's channels and with those of the result.
func (b *ConvTransposeBuilder) layout(n int) (axes ir.ConvolveAxesConfig, in, out int) {
	first, channels, kernel := 1, n+1, 0
	in, out = n+1, n
	if b.channels == graph.ChannelsFirst {
		first, channels, kernel = 2, 1, 2
		in, out = 0, 1
	}
	var spatial, taps []int
	for i := range n {
		spatial, taps = append(spatial, first+i), append(taps, kernel+i)
	}
	return ir.ConvolveAxesConfig{
		InputBatch: 0, InputChannels: channels, InputSpatial: spatial,
		KernelInputChannels: in, KernelOutputChannels: out, KernelSpatial: taps,
		OutputBatch: 0, OutputChannels: channels, OutputSpatial: spatial,
	}, in, out
}

// regrouped moves the groups of a kernel's input channels, axis in, to its output channels, axis out.
func regrouped(k *graph.Node, groups, in, out int) *graph.Node {
	dims := slices.Clone(k.Shape().Dimensions)
	dims[in] /= groups
	k = graph.Reshape(k, slices.Insert(slices.Clone(dims), in, groups)...)
	k = axes.Moved(k, in, out)
	dims[out] *= groups
	return graph.Reshape(k, dims...)
}
