package graph

import (
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
)

// imageAxes are the axes of a convolution over n spatial ones, in the given layout.
func imageAxes(n int, config ChannelsAxisConfig) ir.ConvolveAxesConfig {
	if config == ChannelsFirst {
		s := axesFrom(2, n)
		return ir.ConvolveAxesConfig{InputBatch: 0, InputChannels: 1, InputSpatial: s, KernelOutputChannels: 0, KernelInputChannels: 1, KernelSpatial: s, OutputBatch: 0, OutputChannels: 1, OutputSpatial: s}
	}
	s := axesFrom(1, n)
	return ir.ConvolveAxesConfig{InputBatch: 0, InputChannels: n + 1, InputSpatial: s, KernelSpatial: axesFrom(0, n), KernelInputChannels: n, KernelOutputChannels: n + 1, OutputBatch: 0, OutputChannels: n + 1, OutputSpatial: s}
}

// convSample is a call with defaults for what set leaves alone.
func convSample(name string, x, kernel ir.Input, set func(a *ir.ConvAttrs)) ir.Sample {
	n := len(x.Dims) - 2
	a := ir.ConvAttrs{
		Axes: imageAxes(n, ChannelsLast), Strides: filled(n, 1), Paddings: make([][2]int, n),
		InputDilations: filled(n, 1), KernelDilations: filled(n, 1), ChannelGroups: 1, BatchGroups: 1,
	}
	if set != nil {
		set(&a)
	}
	return ir.Sample{Name: name, In: []ir.Input{x, kernel}, Attrs: a}
}

func init() {
	worked := convSample("worked out", ir.Array([]int{1, 4, 1}, 1, 2, 3, 4), ir.Array([]int{2, 1, 1}, 1, 2), nil)
	worked.DTypes, worked.Want = dtypes.Reals, []float64{5, 8, 11}
	convGeneral = Define(ir.Op{
		Name: "ConvGeneral", Family: "convolution", Cost: sumOfProducts(perOutputChannel), Doc: "z[n, o, c] = Σ_k Σ_i x[n, o·stride + k·dilation - padding, i] · y[k, i, c]", DTypes: dtypes.Numbers, Attrs: ir.ConvAttrs{}, HLO: "stablehlo.convolution",
		Infer: convRule,
		Ref:   byKind(0, convRef[float64], convRef[int64], convRef[uint64], convRef[complex128]),

		Samples: []ir.Sample{
			worked,
			convSample("one dimension", ir.Ramp(2, 5, 2), ir.Ramp(3, 2, 2), nil),
			convSample("two dimensions", ir.Ramp(1, 4, 4, 2), ir.Ramp(2, 3, 2, 2), nil),
			convSample("three dimensions", ir.Ramp(1, 3, 2, 3, 1), ir.Ramp(2, 2, 2, 1, 2), nil),
			convSample("stride", ir.Ramp(1, 6, 1), ir.Ramp(2, 1, 2), func(a *ir.ConvAttrs) { a.Strides = []int{3} }),
			convSample("stride that leaves a rest", ir.Ramp(2, 6, 5, 1), ir.Ramp(3, 2, 1, 1), func(a *ir.ConvAttrs) { a.Strides = []int{2, 2} }),
			convSample("padding", ir.Ramp(1, 3, 4, 1), ir.Ramp(3, 2, 1, 1), func(a *ir.ConvAttrs) { a.Paddings = [][2]int{{1, 1}, {0, 2}} }),
			convSample("wide padding", ir.Ramp(1, 2, 1), ir.Ramp(2, 1, 1), func(a *ir.ConvAttrs) { a.Paddings = [][2]int{{3, 2}} }),
			convSample("cropping", ir.Ramp(1, 6, 1), ir.Ramp(2, 1, 1), func(a *ir.ConvAttrs) { a.Paddings = [][2]int{{-1, -2}} }),
			convSample("dilation", ir.Ramp(1, 6, 1), ir.Ramp(3, 1, 1), func(a *ir.ConvAttrs) { a.KernelDilations = []int{2} }),
			convSample("input dilation", ir.Ramp(1, 3, 2), ir.Ramp(2, 2, 1), func(a *ir.ConvAttrs) { a.InputDilations, a.Paddings = []int{2}, [][2]int{{1, 0}} }),
			convSample("all at once", ir.Ramp(2, 5, 4, 2), ir.Ramp(2, 2, 2, 3), func(a *ir.ConvAttrs) {
				a.Strides, a.KernelDilations, a.Paddings, a.InputDilations = []int{2, 1}, []int{2, 1}, [][2]int{{1, 2}, {0, 1}}, []int{1, 2}
			}),
			convSample("channel groups", ir.Ramp(2, 4, 4), ir.Ramp(2, 2, 6), func(a *ir.ConvAttrs) { a.ChannelGroups, a.Strides = 2, []int{2} }),
			convSample("a group for each channel", ir.Ramp(1, 3, 3, 2), ir.Ramp(2, 2, 1, 2), func(a *ir.ConvAttrs) { a.ChannelGroups, a.Paddings = 2, [][2]int{{1, 0}, {0, 1}} }),
			convSample("batch groups", ir.Ramp(4, 4, 2), ir.Ramp(2, 2, 4), func(a *ir.ConvAttrs) { a.BatchGroups, a.Paddings = 2, [][2]int{{1, 0}} }),
			convSample("channels first", ir.Ramp(2, 2, 4, 3), ir.Ramp(3, 2, 2, 2), func(a *ir.ConvAttrs) { a.Axes = imageAxes(2, ChannelsFirst) }),
			convSample("axes anywhere", ir.Ramp(2, 1, 4, 3), ir.Ramp(3, 2, 2, 2), func(a *ir.ConvAttrs) {
				a.Axes = ir.ConvolveAxesConfig{InputBatch: 1, InputChannels: 0, InputSpatial: []int{3, 2}, KernelInputChannels: 2, KernelOutputChannels: 0, KernelSpatial: []int{1, 3}, OutputBatch: 2, OutputChannels: 0, OutputSpatial: []int{1, 3}}
			}),
			convSample("empty batch", ir.Ramp(0, 3, 2), ir.Ramp(2, 2, 1), nil),
		},
		Tol: ir.Tolerance{ULP: 32, Abs: 32, Why: "sums in another order"},
	}, Rule{JVPMulti: multilinear, Expand: expandConv, Batch: batchConv, VJP: convVJP})
}
