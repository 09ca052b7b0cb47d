package graph

import (
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/graph/tensors/images"
)

// ChannelsAxisConfig says where the channels of images are; see package images.
type ChannelsAxisConfig = images.ChannelsAxisConfig

// The two layouts; ChannelsLast is the default.
const (
	ChannelsLast  = images.ChannelsLast  // [batch, spatial…, channels]; kernels [spatial…, in, out]
	ChannelsFirst = images.ChannelsFirst // [batch, channels, spatial…]; kernels [out, in, spatial…]
)

// ConvGeneral returns the convolution of input with kernel (in the word's use in machine learning: the
// kernel is not turned round):
//
//	y[n, o, c] = Σ_k Σ_i  x[n, o·stride + k·dilation - padding, i] · kernel[k, i, c]
//
// for spatial positions o and k of one or more axes, with zeros for x outside of its range. Where each
// axis stands is said by axes. Per spatial axis there is a stride, a padding {before, after}, which may be
// negative to crop, an input dilation (one less than the number of zeros put between two elements of x)
// and a kernel dilation; nil stands for 1, or for no padding.
//
// With channelGroupCount > 1 input and output channels fall into that many groups, each of which sees only
// its own; the kernel then has the input channels of one group. With batchGroupCount > 1 the batch falls
// into groups, and each group makes its share of the output channels. At most one of the two may differ
// from 1.
//
// Both operands have the same dtype, a number, which is the result's. Floats narrower than float32 are
// summed in float32. It panics with [Error] if shapes do not fit or the kernel is larger than the padded
// input. [Convolve] is easier to use.
func ConvGeneral(input, kernel *Node, axes ir.ConvolveAxesConfig, strides []int, paddings [][2]int, inputDilations, kernelDilations []int, channelGroupCount, batchGroupCount int) *Node {
	attrs := convAttrs(axes, strides, paddings, inputDilations, kernelDilations, channelGroupCount, batchGroupCount)
	return Apply(convGeneral, attrs, input, kernel)
}

// convAttrs puts 1 and no padding where nothing is said.
func convAttrs(axes ir.ConvolveAxesConfig, strides []int, paddings [][2]int, inputDilations, kernelDilations []int, channelGroups, batchGroups int) ir.ConvAttrs {
	n := len(axes.InputSpatial)
	orOnes := func(v []int) []int {
		if v == nil {
			return filled(n, 1)
		}
		return slices.Clone(v)
	}
	if paddings == nil {
		paddings = make([][2]int, n)
	}
	return ir.ConvAttrs{
		Axes: axes, Strides: orOnes(strides), Paddings: slices.Clone(paddings),
		InputDilations: orOnes(inputDilations), KernelDilations: orOnes(kernelDilations),
		ChannelGroups: channelGroups, BatchGroups: batchGroups,
	}
}

var convGeneral *ir.Op

// channelsFirstHint returns what to do if x, whose channels are its last axis, looks like pictures or volumes that have
// them first: few in axis 1 and more than that in all axes behind; "" if it does not.
func channelsFirstHint(x shapes.Shape, channelsAxis int) string {
	const mostColours = 4 // red, green, blue and opacity
	n := x.Rank()
	if n < 4 || channelsAxis != n-1 || x.Dimensions[1] > mostColours || slices.Min(x.Dimensions[2:]) <= mostColours {
		return ""
	}
	order, spatial := "0", ""
	for a := 2; a < n; a++ {
		order += fmt.Sprintf(", %d", a)
		spatial += fmt.Sprintf(" %d", x.Dimensions[a])
	}
	return fmt.Sprintf(" (are its channels first, %d of them? TransposeAllAxes(x, %s, 1) makes it [%d%s %d])", x.Dimensions[1], order, x.Dimensions[0], spatial, x.Dimensions[1])
}

// dilated returns the extent of n elements with dilation-1 between them.
func dilated(n, dilation int) int { return max(0, (n-1)*dilation+1) }

func convRule(attrs any, in []shapes.Shape) (shapes.Shape, error) {
	a := attrs.(ir.ConvAttrs)
	x, k, n := in[0], in[1], len(a.Axes.InputSpatial)
	fail := func(format string, args ...any) (shapes.Shape, error) {
		return shapes.Shape{}, fmt.Errorf(format, args...)
	}
	if err := sameDType(in); err != nil {
		return shapes.Shape{}, err
	}
	if x.Rank() != n+2 || k.Rank() != n+2 {
		return fail("input and kernel must have %d axes: batch, channels and %d spatial", n+2, n)
	}
	if n < 1 || len(a.Axes.KernelSpatial) != n || len(a.Axes.OutputSpatial) != n || len(a.Strides) != n || len(a.Paddings) != n || len(a.InputDilations) != n || len(a.KernelDilations) != n {
		return fail("spatial axes, strides, paddings and dilations must have one element per spatial axis, of which there must be one at least")
	}
	for _, c := range []struct {
		what string
		axes []int
	}{
		{"axes of the input", append([]int{a.Axes.InputBatch, a.Axes.InputChannels}, a.Axes.InputSpatial...)},
		{"axes of the kernel", append([]int{a.Axes.KernelInputChannels, a.Axes.KernelOutputChannels}, a.Axes.KernelSpatial...)},
		{"axes of the result", append([]int{a.Axes.OutputBatch, a.Axes.OutputChannels}, a.Axes.OutputSpatial...)},
	} {
		if err := checkAxes(c.what, c.axes, n+2); err != nil {
			return shapes.Shape{}, err
		}
	}
	batch, channels := x.Dimensions[a.Axes.InputBatch], x.Dimensions[a.Axes.InputChannels]
	kin, kout := k.Dimensions[a.Axes.KernelInputChannels], k.Dimensions[a.Axes.KernelOutputChannels]
	switch {
	case a.ChannelGroups < 1 || a.BatchGroups < 1 || a.ChannelGroups > 1 && a.BatchGroups > 1:
		return fail("%d channel groups and %d batch groups: both must be at least 1, and one of them 1", a.ChannelGroups, a.BatchGroups)
	case kin*a.ChannelGroups != channels && a.ChannelGroups == 1:
		return fail("the input has %d channels, but the kernel takes %d%s", channels, kin, channelsFirstHint(x, a.Axes.InputChannels))
	case kin*a.ChannelGroups != channels:
		return fail("the input has %d channels, but the kernel takes %d in each of %d groups", channels, kin, a.ChannelGroups)
	case kout%a.ChannelGroups != 0:
		return fail("%d output channels cannot be dealt over %d groups", kout, a.ChannelGroups)
	case batch%a.BatchGroups != 0 || kout%a.BatchGroups != 0:
		return fail("a batch of %d and %d output channels cannot be dealt over %d batch groups", batch, kout, a.BatchGroups)
	}
	if _, err := shapes.JoinName(x.Name(a.Axes.InputChannels), k.Name(a.Axes.KernelInputChannels)); err != nil && a.ChannelGroups == 1 {
		return fail("input channels: %w", err)
	}
	dims, names := make([]int, n+2), make([]string, n+2)
	set := func(axis, dim int, name string) { dims[axis], names[axis] = dim, name }
	set(a.Axes.OutputBatch, batch/a.BatchGroups, x.Name(a.Axes.InputBatch))
	set(a.Axes.OutputChannels, kout, k.Name(a.Axes.KernelOutputChannels))
	for i := range n {
		if a.Strides[i] < 1 || a.InputDilations[i] < 1 || a.KernelDilations[i] < 1 {
			return fail("spatial axis %d: stride %d and dilations %d and %d must be at least 1", i, a.Strides[i], a.InputDilations[i], a.KernelDilations[i])
		}
		if tooFar(a.Strides[i], a.InputDilations[i], a.KernelDilations[i], a.Paddings[i][0], a.Paddings[i][1]) {
			return fail("spatial axis %d: a stride, dilation or padding is larger than any tensor", i)
		}
		size := dilated(x.Dimensions[a.Axes.InputSpatial[i]], a.InputDilations[i]) + a.Paddings[i][0] + a.Paddings[i][1]
		window := dilated(k.Dimensions[a.Axes.KernelSpatial[i]], a.KernelDilations[i])
		if window < 1 || size < window {
			return fail("spatial axis %d: a kernel that reaches over %d does not fit into the padded input of %d%s", i, window, size, channelsFirstHint(x, a.Axes.InputChannels))
		}
		set(a.Axes.OutputSpatial[i], (size-window)/a.Strides[i]+1, x.Name(a.Axes.InputSpatial[i]))
	}
	return shapes.Make(x.DType, dims...).WithAxisNames(names...), nil
}

// convRef is the definition, in direct loops.
func convRef[T number](attrs any, out, in []*tensors.Tensor) {
	a := attrs.(ir.ConvAttrs)
	x, k, s := in[0].Shape(), in[1].Shape(), out[0].Shape()
	xs, ks := x.Strides(), k.Strides()
	xv, kv := load[T](in[0]), load[T](in[1])
	n := len(a.Strides)
	window := make([]int, n)
	for i, ax := range a.Axes.KernelSpatial {
		window[i] = k.Dimensions[ax]
	}
	kin := k.Dimensions[a.Axes.KernelInputChannels]
	kout := k.Dimensions[a.Axes.KernelOutputChannels]
	index, tap := make([]int, s.Rank()), make([]int, n)
	v := make([]T, s.Size())
	for i := range v {
		unravel(i, s.Dimensions, index)
		c := index[a.Axes.OutputChannels]
		firstChannel := c / (kout / a.ChannelGroups) * kin
		batch := index[a.Axes.OutputBatch] + c/(kout/a.BatchGroups)*s.Dimensions[a.Axes.OutputBatch]
		for t := range product(window) {
			unravel(t, window, tap)
			xo := batch*xs[a.Axes.InputBatch] + firstChannel*xs[a.Axes.InputChannels]
			ko := c * ks[a.Axes.KernelOutputChannels]
			inside := true
			for d := range n {
				at := index[a.Axes.OutputSpatial[d]]*a.Strides[d] + tap[d]*a.KernelDilations[d] - a.Paddings[d][0]
				inside = inside && at >= 0 && at%a.InputDilations[d] == 0 && at/a.InputDilations[d] < x.Dimensions[a.Axes.InputSpatial[d]]
				xo += at / a.InputDilations[d] * xs[a.Axes.InputSpatial[d]]
				ko += tap[d] * ks[a.Axes.KernelSpatial[d]]
			}
			if !inside {
				continue
			}
			for ch := range kin {
				v[i] += xv[xo+ch*xs[a.Axes.InputChannels]] * kv[ko+ch*ks[a.Axes.KernelInputChannels]]
			}
		}
	}
	store(out[0], v)
}

// convVJP: the gradient of the input is a convolution of dy, dilated by the strides, with the kernel turned
// round and its channels exchanged; that of the kernel is a convolution of the input with dy, in which
// batch and channels exchange places and strides and dilations too. Groups of channels become groups of
// the batch and the other way round.
//
// Source: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016,
// arXiv:1603.07285, ch. 4; the paddings follow from the requirement that shapes come back.
func convVJP(y, dy *Node) []*Node {
	return []*Node{convInputGradient(y, dy), convKernelGradient(y, dy)}
}

func convInputGradient(y, dy *Node) *Node {
	a, x, k := y.Attrs().(ir.ConvAttrs), y.Input(0), y.Input(1)
	ax := a.Axes
	groups := max(a.ChannelGroups, a.BatchGroups)
	w := Reverse(withoutNames(k), ax.KernelSpatial...)
	if groups > 1 { // the groups of output channels become groups of input channels
		w = moveGroups(w, groups, ax.KernelOutputChannels, ax.KernelInputChannels)
	}
	b := ir.ConvAttrs{
		Axes: ir.ConvolveAxesConfig{
			InputBatch: ax.OutputBatch, InputChannels: ax.OutputChannels, InputSpatial: ax.OutputSpatial,
			KernelInputChannels: ax.KernelOutputChannels, KernelOutputChannels: ax.KernelInputChannels, KernelSpatial: ax.KernelSpatial,
			OutputBatch: ax.InputBatch, OutputChannels: ax.InputChannels, OutputSpatial: ax.InputSpatial,
		},
		Strides: a.InputDilations, Paddings: make([][2]int, len(a.Strides)),
		InputDilations: a.Strides, KernelDilations: a.KernelDilations,
		ChannelGroups: groups, BatchGroups: 1,
	}
	for i := range a.Strides {
		size := dilated(x.Dim(ax.InputSpatial[i]), a.InputDilations[i])
		window := dilated(k.Dim(ax.KernelSpatial[i]), a.KernelDilations[i])
		result := dilated(y.Dim(ax.OutputSpatial[i]), a.Strides[i])
		before := window - 1 - a.Paddings[i][0]
		b.Paddings[i] = [2]int{before, size + window - 1 - result - before}
	}
	dx := Apply(convGeneral, b, withoutNames(dy), w)
	if a.BatchGroups > 1 { // the groups of channels are groups of the batch
		dx = moveGroups(dx, groups, ax.InputChannels, ax.InputBatch)
	}
	return nameLike(dx, x.Shape())
}

func convKernelGradient(y, dy *Node) *Node {
	a, x, k := y.Attrs().(ir.ConvAttrs), y.Input(0), y.Input(1)
	ax := a.Axes
	b := ir.ConvAttrs{
		Axes: ir.ConvolveAxesConfig{
			InputBatch: ax.InputChannels, InputChannels: ax.InputBatch, InputSpatial: ax.InputSpatial,
			KernelInputChannels: ax.OutputBatch, KernelOutputChannels: ax.OutputChannels, KernelSpatial: ax.OutputSpatial,
			OutputBatch: ax.KernelInputChannels, OutputChannels: ax.KernelOutputChannels, OutputSpatial: ax.KernelSpatial,
		},
		Strides: a.KernelDilations, Paddings: make([][2]int, len(a.Strides)),
		InputDilations: a.InputDilations, KernelDilations: a.Strides,
		ChannelGroups: a.BatchGroups, BatchGroups: a.ChannelGroups,
	}
	for i := range a.Strides {
		size := dilated(x.Dim(ax.InputSpatial[i]), a.InputDilations[i])
		window := dilated(k.Dim(ax.KernelSpatial[i]), a.KernelDilations[i])
		result := dilated(y.Dim(ax.OutputSpatial[i]), a.Strides[i])
		b.Paddings[i] = [2]int{a.Paddings[i][0], result + window - size - 1 - a.Paddings[i][0]}
	}
	if x.Shape().Size() == 0 { // an empty batch: there is no convolution over nothing
		return ZerosLike(k)
	}
	return nameLike(Apply(convGeneral, b, withoutNames(x), withoutNames(dy)), k.Shape())
}

// batchConv puts the batch of the input into its own batch, that of the kernel into its output channels, and makes groups of the batch
// of both.
func batchConv(attrs any, in []*Node, batched []bool) []*Node {
	a, x, k, n := attrs.(ir.ConvAttrs), withoutNames(in[0]), withoutNames(in[1]), batchSize(in, batched)
	ax := a.Axes
	switch {
	case !batched[1]:
		x = mergeBatch(x, ax.InputBatch, a.BatchGroups)
		return []*Node{splitBatch(Apply(convGeneral, a, x, k), n, ax.OutputBatch, 1)}
	case !batched[0]:
		groups := max(a.ChannelGroups, a.BatchGroups)
		k = mergeBatch(k, ax.KernelOutputChannels, groups)
		return []*Node{splitBatch(Apply(convGeneral, a, x, k), n, ax.OutputChannels, groups)}
	case n == 0:
		return nil
	case a.BatchGroups > 1:
		x = mergeBatch(x, ax.InputBatch, 1)
		a.BatchGroups *= n
	default:
		x = mergeBatch(x, ax.InputChannels, 1)
		a.ChannelGroups *= n
	}
	k = mergeBatch(k, ax.KernelOutputChannels, 1)
	return []*Node{splitBatch(Apply(convGeneral, a, x, k), n, ax.OutputChannels, 1)}
}

// mergeBatch returns x without its first axis, the batch, which becomes part of another one, counted without it: [B, …, G·D, …]
// becomes […, G·B·D, …].
func mergeBatch(x *Node, axis, groups int) *Node {
	n, dims, to := x.Dim(0), slices.Clone(x.Shape().Dimensions[1:]), axis
	if groups > 1 {
		split := slices.Replace(slices.Clone(dims), axis, axis+1, groups, dims[axis]/groups)
		x, to = Reshape(x, append([]int{n}, split...)...), axis+1
	}
	dims[axis] *= n
	return Reshape(moveAxis(x, 0, to), dims...)
}

// splitBatch undoes [mergeBatch] for a batch of n.
func splitBatch(y *Node, n, axis, groups int) *Node {
	dims := slices.Clone(y.Shape().Dimensions)
	size, from := dims[axis]/max(1, n), axis
	split := slices.Replace(slices.Clone(dims), axis, axis+1, n, size/groups)
	if groups > 1 {
		split, from = slices.Insert(split, axis, groups), axis+1
	}
	dims[axis] = size
	return Reshape(moveAxis(Reshape(y, split...), from, 0), append([]int{n}, dims...)...)
}

// moveGroups cuts axis from into groups and puts the number of the group before axis to.
func moveGroups(x *Node, groups, from, to int) *Node {
	dims := slices.Clone(x.Shape().Dimensions)
	dims[from] /= groups
	x = Reshape(x, slices.Insert(slices.Clone(dims), from, groups)...)
	perm := axesExcept(x.Rank(), []int{from})
	x = transposeTo(x, slices.Insert(perm, to, from))
	dims[to] *= groups
	return Reshape(x, dims...)
}
