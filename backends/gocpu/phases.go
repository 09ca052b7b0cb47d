package gocpu

import (
	"slices"

	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/graph/shapes"
)

// A convolution of a dilated input, as the gradient of one with strides is, multiplies zeros most of the time. Its results fall into
// phases: those whose places leave the same remainder when they are divided by the dilations. All results of a phase meet
// the same taps of the kernel, and with these it is a convolution of the input as it is:
//
//	y[φ + d·q] = Σ_j x[q + j + s] · w[t + d·j]    with t = (p - φ) mod d, s = (φ + t - p) / d
//
// where p is the padding before the input.

// phase is one of them along one axis.
type phase struct {
	from, n   int // its first result, and how many there are
	tap, taps int // its first tap, and how many there are
	shift     int // from a result's number to the input's element at the first tap
}

// phasesOf returns the phases of an axis with out results, taps and a dilation, with padding before the input.
func phasesOf(out, taps, dilation, padding int) (list []phase) {
	for from := range min(dilation, out) {
		p := phase{from: from, n: (out - from + dilation - 1) / dilation, tap: ((padding-from)%dilation + dilation) % dilation}
		p.taps = max(0, (taps-p.tap+dilation-1)/dilation)
		p.shift = (from + p.tap - padding) / dilation
		list = append(list, p)
	}
	return list
}

// phased returns the kernel of a convolution whose input is dilated, phase by phase; nil if it is another, or its channels are not last.
func (c *convolution) phased(k *call) kernels.Func {
	a, rank := c.a, c.y.Rank()
	plain := allOne(a.Strides) && allOne(a.KernelDilations) && a.ChannelGroups <= 1 && a.BatchGroups <= 1
	if allOne(a.InputDilations) || !plain || a.Axes.OutputChannels != rank-1 || !slices.Contains(a.Axes.OutputSpatial, rank-2) {
		return nil
	}
	all := [][]phase{nil}
	padded, start := c.x.Clone(), make([]int, c.x.Rank())
	for i, o := range a.Axes.OutputSpatial {
		ax := a.Axes.InputSpatial[i]
		list := phasesOf(c.y.Dimensions[o], c.w.Dimensions[a.Axes.KernelSpatial[i]], a.InputDilations[i], a.Paddings[i][0])
		end := c.x.Dimensions[ax]
		for _, p := range list {
			start[ax] = max(start[ax], -p.shift)
			end = max(end, p.shift+p.n+p.taps-1)
		}
		padded.Dimensions[ax] = start[ax] + end
		var longer [][]phase
		for _, before := range all {
			for _, p := range list {
				p.shift += start[ax]
				longer = append(longer, append(slices.Clone(before), p))
			}
		}
		all = longer
	}
	place := kernels.Moves(c.y.DType.Size(), true, placed(c.x, padded, func(i int) (int, int) { return start[i], 1 }))
	var parts []kernels.Func
	scratch, size := 0, kernels.Aligned(padded.ByteSize())
	for _, p := range all {
		f, s := kernels.Product(c.phaseGemm(padded, p), c.y.DType, c.y.DType, c.y.DType, k.workers)
		if f == nil {
			return nil
		}
		parts, scratch = append(parts, f), max(scratch, s)
	}
	k.scratch = size + scratch
	return func(a *kernels.Args) {
		w, result, memory := a.In[1], a.Out[0], a.Scratch
		a.Out[0] = memory[:padded.ByteSize()]
		place(a)
		a.Out[0] = result
		for _, f := range parts {
			a.In[0], a.In[1], a.Scratch = memory[:padded.ByteSize()], w, memory[size:]
			f(a)
		}
	}
}

// phaseGemm returns the product for one phase of each spatial axis, given the input among zeros.
func (c *convolution) phaseGemm(x shapes.Shape, phases []phase) (g kernels.Gemm) {
	ax, xs, ws, ys := c.a.Axes, x.Strides(), c.w.Strides(), c.y.Strides()
	taps := []tap{{c.w.Dimensions[ax.KernelInputChannels], xs[ax.InputChannels], ws[ax.KernelInputChannels]}}
	dims, move, step := slices.Clone(c.y.Dimensions), make([]int, c.y.Rank()), slices.Clone(ys)
	move[ax.OutputBatch] = xs[ax.InputBatch]
	fromX, fromW, fromY := 0, 0, 0
	for i, p := range phases {
		in, kernel, out := ax.InputSpatial[i], ax.KernelSpatial[i], ax.OutputSpatial[i]
		taps = append(taps, tap{p.taps, xs[in], ws[kernel] * c.a.InputDilations[i]})
		dims[out], move[out], step[out] = p.n, xs[in], ys[out]*c.a.InputDilations[i]
		fromX, fromW, fromY = fromX+p.shift*xs[in], fromW+p.tap*ws[kernel], fromY+p.from*ys[out]
	}
	sumX, sumW := tapAxes(taps)
	row := c.y.Rank() - 2
	places, results := kernels.NewAxis(dims[:row], move[:row]), kernels.NewAxis(dims[:row], step[:row])
	to := results.Places()
	g.OutStride = step[row]
	g.A = kernels.Operand{Free: kernels.NewAxis(dims[row:row+1], move[row:row+1]), Sum: sumX}
	g.B = kernels.Operand{Free: kernels.NewAxis([]int{c.w.Dimensions[ax.KernelOutputChannels]}, []int{ws[ax.KernelOutputChannels]}), Sum: sumW}
	for i, place := range places.Places() {
		g.A.Base, g.B.Base = append(g.A.Base, fromX+place), append(g.B.Base, fromW)
		g.OutBase = append(g.OutBase, fromY+to[i])
	}
	return g
}
