package gocpu

import (
	"cmp"
	"slices"

	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
)

func init() {
	lowerings[ops.ConvGeneral] = convolve
}

// convolve lowers a convolution to a matrix product of patches and kernel. Where there is padding or the input
// is dilated, the input is first copied among zeros; then every patch is at a place that is a sum of one
// number for the position and one for the tap, and packing reads it there: patches are never written out.
func convolve(k *call) kernels.Func {
	a, out := k.attrs.(ir.ConvAttrs), k.out[0]
	if product(out.Dimensions[:a.Axes.OutputChannels]) > maxBatches && a.Axes.OutputChannels != out.Rank()-1 {
		return nil
	}
	plain := convolution{a: a, x: k.in[0], w: k.in[1], y: out}
	if f := plain.phased(k); f != nil {
		return f
	}
	if f := plain.depthwise(k); f != nil {
		return f
	}
	padded := paddedInput(k.in[0], a)
	c := convolution{a: a, x: padded, w: k.in[1], y: out}
	f, scratch := kernels.Product(c.gemm(), out.DType, out.DType, out.DType, k.workers)
	if f == nil {
		return nil
	}
	if slices.Equal(padded.Dimensions, k.in[0].Dimensions) && allOne(a.InputDilations) && noPadding(a.Paddings) {
		k.scratch = scratch
		return f
	}
	start, step := make([]int, padded.Rank()), make([]int, padded.Rank())
	for i := range step {
		step[i] = 1
	}
	for i, ax := range a.Axes.InputSpatial {
		start[ax], step[ax] = a.Paddings[i][0], a.InputDilations[i]
	}
	place := kernels.Moves(out.DType.Size(), true, placed(k.in[0], padded, func(i int) (int, int) { return start[i], step[i] }))
	size := kernels.Aligned(padded.ByteSize())
	k.scratch = size + scratch
	return func(a *kernels.Args) {
		result, all := a.Out[0], a.Scratch
		a.Out[0] = all[:padded.ByteSize()]
		place(a)
		a.In[0], a.Out[0], a.Scratch = a.Out[0], result, all[size:]
		f(a)
	}
}

func allOne(v []int) bool { return !slices.ContainsFunc(v, func(x int) bool { return x != 1 }) }

func noPadding(p [][2]int) bool {
	return !slices.ContainsFunc(p, func(x [2]int) bool { return x != [2]int{} })
}

// paddedInput returns the shape of the input among its zeros.
func paddedInput(x shapes.Shape, a ir.ConvAttrs) shapes.Shape {
	x = x.Clone()
	for i, ax := range a.Axes.InputSpatial {
		d := max(0, (x.Dimensions[ax]-1)*a.InputDilations[i]+1)
		x.Dimensions[ax] = max(0, d+a.Paddings[i][0]+a.Paddings[i][1])
	}
	return x
}

// convolution is a convolution of x, which needs no padding, with w.
type convolution struct {
	a       ir.ConvAttrs
	x, w, y shapes.Shape
}

// tap is one axis of the sum: a spatial axis of the kernel, or the input channels.
type tap struct{ dim, x, w int }

// gemm returns the matrix product of patches, a row per position, with the kernel. Of the axes of y, those before
// the channels are batches, and those after them the rows, which are stored as columns; if the channels are last,
// all others are rows.
func (c *convolution) gemm() (g kernels.Gemm) {
	ax, xs, ws, ys := c.a.Axes, c.x.Strides(), c.w.Strides(), c.y.Strides()
	kin, kout := c.w.Dimensions[ax.KernelInputChannels], c.w.Dimensions[ax.KernelOutputChannels]
	taps := []tap{{kin, xs[ax.InputChannels], ws[ax.KernelInputChannels]}}
	for i, sp := range ax.InputSpatial {
		taps = append(taps, tap{c.w.Dimensions[ax.KernelSpatial[i]], xs[sp] * c.a.KernelDilations[i], ws[ax.KernelSpatial[i]]})
	}
	sumX, sumW := tapAxes(taps)
	move := make([]int, c.y.Rank()) // what a step along an axis of y is in x
	move[ax.OutputBatch] = xs[ax.InputBatch]
	for i, o := range ax.OutputSpatial {
		move[o] = xs[ax.InputSpatial[i]] * c.a.Strides[i]
	}
	places := func(axes []int) kernels.Axis {
		var dims, steps []int
		for _, o := range axes {
			dims, steps = append(dims, c.y.Dimensions[o]), append(steps, move[o])
		}
		return kernels.NewAxis(dims, steps)
	}
	var before, after []int
	for o := range c.y.Rank() {
		if o < ax.OutputChannels {
			before = append(before, o)
		} else if o > ax.OutputChannels {
			after = append(after, o)
		}
	}
	groups := max(c.a.ChannelGroups, c.a.BatchGroups)
	share := kout / groups
	inGroup := kin * xs[ax.InputChannels]
	if c.a.BatchGroups > 1 {
		inGroup = c.x.Dimensions[ax.InputBatch] / groups * xs[ax.InputBatch]
	}
	patches := kernels.Operand{Sum: sumX}
	weights := kernels.Operand{Sum: sumW, Free: kernels.NewAxis([]int{share}, []int{ws[ax.KernelOutputChannels]})}
	g.OutStride = ys[ax.OutputChannels]
	if len(after) == 0 {
		before, after, g.OutStride = nil, before, kout
	} else {
		g.Columns = true
	}
	patches.Free = places(after)
	outer := places(before)
	for b, from := range outer.Places() {
		for i := range groups {
			patches.Base = append(patches.Base, from+i*inGroup)
			weights.Base = append(weights.Base, i*share*ws[ax.KernelOutputChannels])
			g.OutBase = append(g.OutBase, (b*kout+i*share)*ys[ax.OutputChannels])
		}
	}
	g.A, g.B = patches, weights
	return g
}

// tapAxes returns the axis of the sum in the input and in the kernel.
func tapAxes(taps []tap) (x, w kernels.Axis) {
	slices.SortStableFunc(taps, func(p, q tap) int { return cmp.Compare(q.x, p.x) }) // so that runs are long
	var td, tx, tw []int
	for _, t := range taps {
		td, tx, tw = append(td, t.dim), append(tx, t.x), append(tw, t.w)
	}
	return kernels.NewAxis(td, tx), kernels.NewAxis(td, tw)
}
