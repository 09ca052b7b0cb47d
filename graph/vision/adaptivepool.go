package vision

import (
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/internal/axes"
)

// AdaptivePoolBuilder pools pictures to sizes, see [AdaptiveMeanPool].
type AdaptivePoolBuilder struct {
	pictures
	want []int
}

// AdaptiveMeanPool starts a pooling of x, a batch of pictures, to given sizes of its spatial axes, whatever theirs are; Done makes it. Element
// o of the O along an axis of I elements is the mean of
//
//	x[i],  ⌊o·I/O⌋ ≤ i < ⌈(o+1)·I/O⌉
//
// so that neighbours share an element where O does not divide I, and elements are repeated where it is larger. x is [batch, spatial…,
// channels], a float or complex, and sizes has one for each spatial axis; the result has the dtype and the names of x. Floats narrower than
// float32 are summed in float32. It panics with [graph.Error] if an axis is empty or there are more or fewer sizes. It is PyTorch's
// AdaptiveAvgPool; [graph.MeanPool] has windows of one size.
func AdaptiveMeanPool(x *graph.Node, sizes ...int) *AdaptivePoolBuilder {
	return &AdaptivePoolBuilder{of("AdaptiveMeanPool", x), sizes}
}

// AdaptiveMaxPool is [AdaptiveMeanPool] for the largest element, of a real dtype; a NaN is the largest. Elements that are equal and largest share
// the gradient.
func AdaptiveMaxPool(x *graph.Node, sizes ...int) *AdaptivePoolBuilder {
	return &AdaptivePoolBuilder{of("AdaptiveMaxPool", x), sizes}
}

// ChannelsAxis says where the channels of x and of the result are: last, the default, or right behind the batch.
func (b *AdaptivePoolBuilder) ChannelsAxis(config graph.ChannelsAxisConfig) *AdaptivePoolBuilder {
	b.channels = config
	return b
}

// Done adds the pooling to the graph and returns its result.
func (b *AdaptivePoolBuilder) Done() *graph.Node {
	sizes, mean := b.sizes(b.want), b.op == "AdaptiveMeanPool"
	y := axes.Unnamed(b.x)
	if mean {
		b.need(dtypes.Inexact)
		y = wide(y)
	} else {
		b.need(dtypes.Reals)
	}
	// The window is a product of one range per axis, and so is its mean one of means.
	for i, axis := range b.axes() {
		in, out := b.x.Dim(axis), sizes[i]
		b.x.Graph().BranchOn("vision.AdaptivePool", in, out)
		if in%out == 0 { // windows side by side
			y = pooled(y, axis, out, in/out, mean)
			continue
		}
		t := newTaps(out, in, func(o int) (int, []float64) {
			from, to := o*in/out, ((o+1)*in+out-1)/out
			weights := make([]float64, to-from)
			for j := range weights {
				weights[j] = 1 / float64(to-from)
			}
			return from, weights
		})
		if mean {
			y = t.sums(y, axis)
		} else {
			y = t.largest(y, axis)
		}
	}
	return named(graph.ConvertDType(y, b.x.DType()), b.x)
}

// pooled reduces n windows of a size, side by side along an axis.
func pooled(x *graph.Node, axis, n, size int, mean bool) *graph.Node {
	if size == 1 {
		return x
	}
	dims := slices.Replace(slices.Clone(x.Shape().Dimensions), axis, axis+1, n, size)
	if mean {
		return graph.ReduceMean(graph.Reshape(x, dims...), axis+1)
	}
	return graph.ReduceMax(graph.Reshape(x, dims...), axis+1)
}
