package gocpu

import (
	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/graph/dtypes"
)

// depthwise returns the kernel of a convolution of each channel by itself, over one or two axes with the channels last; nil if it
// is another.
func (c *convolution) depthwise(k *call) kernels.Func {
	ax, rank := c.a.Axes, c.x.Rank()
	channels := c.x.Dimensions[rank-1]
	each := c.a.ChannelGroups == channels && c.a.BatchGroups == 1 && c.w.Dimensions[ax.KernelOutputChannels] == channels
	if !each || rank < 3 || rank > 4 || ax.InputBatch != 0 || ax.OutputBatch != 0 || ax.InputChannels != rank-1 || ax.OutputChannels != rank-1 || !allOne(c.a.InputDilations) {
		return nil
	}
	if t := c.y.DType; t != dtypes.Float32 && t != dtypes.Float64 {
		return nil
	}
	d := kernels.Depthwise{Batch: c.x.Dimensions[0], Channels: channels,
		In: [2]int{1, 1}, Out: [2]int{1, 1}, Size: [2]int{1, 1}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}}
	steps := c.w.Strides()
	d.Kernel[2] = steps[ax.KernelOutputChannels]
	for i := range rank - 2 {
		if ax.InputSpatial[i] != i+1 || ax.OutputSpatial[i] != i+1 {
			return nil
		}
		at := i + 4 - rank // a single axis is the second one
		d.In[at], d.Out[at] = c.x.Dimensions[i+1], c.y.Dimensions[i+1]
		d.Size[at], d.Kernel[at] = c.w.Dimensions[ax.KernelSpatial[i]], steps[ax.KernelSpatial[i]]
		d.Stride[at], d.Dilation[at], d.Before[at] = c.a.Strides[i], c.a.KernelDilations[i], c.a.Paddings[i][0]
	}
	f, scratch := kernels.DepthwiseOnVectors(cpu.Use(), d, c.y.DType.Size())
	k.scratch = scratch
	return f
}
