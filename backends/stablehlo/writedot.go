package stablehlo

import (
	"fmt"
	"strings"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
)

func init() {
	lowerings[ops.DotGeneral] = dotGeneral
	lowerings[ops.ConvGeneral] = convolution
}

// precision asks for products of float32 in float32.
func precision(d dtypes.DType) string {
	if d == dtypes.Float32 || d == dtypes.Complex64 {
		return "HIGHEST"
	}
	return "DEFAULT"
}

// accumulator returns the dtype in which products of d are summed so that the result is right after conversion:
// at least float32 for floats; for integers the widest of all, since what wraps around keeps its low bits.
func accumulator(d dtypes.DType, others ...dtypes.DType) dtypes.DType {
	if d.IsHalf() {
		d = dtypes.Float32
	}
	for _, o := range others {
		if o.Size() > d.Size() {
			d = o
		}
	}
	return d
}

func dotGeneral(f *function, c call) []value {
	x, y, a := c.in[0], c.in[1], c.Attrs.(ir.DotAttrs)
	if x.shape.Size() == 0 || y.shape.Size() == 0 { // sums of nothing
		return []value{f.fill(c.out[0], 0)}
	}
	d := x.shape.DType
	sum := accumulator(d, a.Accumulator, c.out[0].DType)
	if !(d.IsHalf() && sum == dtypes.Float32) && (d.IsUnsigned() != sum.IsUnsigned() || !d.IsInt()) {
		x, y = f.convert(x, sum), f.convert(y, sum)
	}
	batch := ""
	if len(a.LhsBatch) > 0 {
		batch = fmt.Sprintf("batching_dims = %s x %s, ", ints(a.LhsBatch), ints(a.RhsBatch))
	}
	p := precision(x.shape.DType)
	out := f.define(c.out[0].WithDType(sum))
	f.line("%s = "+ops.DotGeneral.HLO+" %s, %s, %scontracting_dims = %s x %s, precision = [%s, %s] : %s",
		out, x, y, batch, ints(a.LhsContract), ints(a.RhsContract), p, p, signature([]value{x, y}, []value{out}))
	z := out
	if a.Accumulator.IsInt() {
		z = f.convert(z, a.Accumulator) // where sums wrap around is part of the meaning
	}
	return []value{f.convert(z, c.out[0].DType)}
}

func convolution(f *function, c call) []value {
	x, k, a := c.in[0], c.in[1], c.Attrs.(ir.ConvAttrs)
	if x.shape.Size() == 0 || k.shape.Size() == 0 {
		return []value{f.fill(c.out[0], 0)}
	}
	numbers := func(first, second string, firstAxis, secondAxis int, spatial []int) string {
		list := make([]string, len(spatial)+2)
		list[firstAxis], list[secondAxis] = first, second
		for i, axis := range spatial {
			list[axis] = fmt.Sprint(i)
		}
		return "[" + strings.Join(list, ", ") + "]"
	}
	ax := a.Axes
	dims := numbers("b", "f", ax.InputBatch, ax.InputChannels, ax.InputSpatial) + "x" +
		numbers("i", "o", ax.KernelInputChannels, ax.KernelOutputChannels, ax.KernelSpatial) + "->" +
		numbers("b", "f", ax.OutputBatch, ax.OutputChannels, ax.OutputSpatial)
	p := precision(x.shape.DType)
	out := f.define(c.out[0].WithDType(accumulator(x.shape.DType)))
	f.line("%s = "+ops.ConvGeneral.HLO+"(%s, %s) dim_numbers = %s, window = {stride = %s, pad = %s, lhs_dilate = %s, rhs_dilate = %s} {batch_group_count = %d : i64, feature_group_count = %d : i64, precision_config = [#stablehlo<precision %s>, #stablehlo<precision %s>]} : %s",
		out, x, k, dims, ints(a.Strides), pairs(a.Paddings), ints(a.InputDilations), ints(a.KernelDilations),
		a.BatchGroups, a.ChannelGroups, p, p, signature([]value{x, k}, []value{out}))
	return []value{f.convert(out, c.out[0].DType)}
}
