package stablehlo

import (
	"fmt"
	"strings"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
)

func init() {
	lowerings[ops.Const] = func(f *function, c call) []value {
		return []value{f.constant(c.Attrs.(ir.ConstAttrs).Value)}
	}
	lowerings[ops.Iota] = func(f *function, c call) []value { return []value{f.iota(c.out[0], c.Attrs.(ir.IotaAttrs).Axis)} }
	for _, op := range []*ir.Op{ops.Identity, ops.NameAxes, ops.StopGradient} { // another name for a value
		lowerings[op] = func(_ *function, c call) []value { return c.in[:1] }
	}
	lowerings[ops.OptimizationBarrier] = func(f *function, c call) []value {
		return []value{f.op(c.in[0].shape, ops.OptimizationBarrier.HLO+" %s : %s", c.in[0], c.in[0].typ())}
	}
	for _, op := range []*ir.Op{ops.Reshape, ops.ExpandAxes, ops.Squeeze} {
		lowerings[op] = func(f *function, c call) []value { return []value{f.reshapeAs(c.Op.HLO, c.in[0], c.out[0])} }
	}
	lowerings[ops.Broadcast] = func(f *function, c call) []value { return []value{f.spread(c.in[0], c.out[0])} }
	lowerings[ops.Concatenate] = func(f *function, c call) []value {
		out := []value{f.define(c.out[0])}
		f.line("%s = "+ops.Concatenate.HLO+" %s, dim = %d : %s", out[0], refs(c.in), c.Attrs.(ir.AxisAttrs).Axis, signature(c.in, out))
		return out
	}
	lowerings[ops.Transpose] = func(f *function, c call) []value {
		x := c.in[0]
		return []value{f.op(c.out[0], ops.Transpose.HLO+" %s, dims = %s : (%s) -> %s", x, ints(c.Attrs.(ir.TransposeAttrs).Perm), x.typ(), tensorType(c.out[0]))}
	}
	lowerings[ops.Reverse] = func(f *function, c call) []value {
		x, axes := c.in[0], c.Attrs.(ir.AxesAttrs).Axes
		if len(axes) == 0 {
			return c.in
		}
		return []value{f.op(c.out[0], ops.Reverse.HLO+" %s, dims = %s : %s", x, ints(axes), x.typ())}
	}
	lowerings[ops.Slice] = func(f *function, c call) []value {
		x, a := c.in[0], c.Attrs.(ir.SliceAttrs)
		parts := make([]string, len(a.Start))
		for i := range parts {
			parts[i] = fmt.Sprintf("%d:%d", a.Start[i], a.Limit[i])
			if a.Stride[i] != 1 {
				parts[i] += fmt.Sprintf(":%d", a.Stride[i])
			}
		}
		if len(parts) == 0 {
			return c.in
		}
		return []value{f.op(c.out[0], ops.Slice.HLO+" %s [%s] : (%s) -> %s", x, strings.Join(parts, ", "), x.typ(), tensorType(c.out[0]))}
	}
	lowerings[ops.Pad] = func(f *function, c call) []value {
		var low, high, interior []int
		for _, p := range c.Attrs.(ir.PadAttrs).Axes {
			low, high, interior = append(low, p.Start), append(high, p.End), append(interior, p.Interior)
		}
		if len(low) == 0 {
			return c.in[:1]
		}
		out := f.define(c.out[0])
		f.line("%s = "+ops.Pad.HLO+" %s, low = %s, high = %s, interior = %s : %s", out, refs(c.in), ints(low), ints(high), ints(interior), signature(c.in, []value{out}))
		return []value{out}
	}
}

// iota writes a count along an axis.
func (f *function) iota(s shapes.Shape, axis int) value {
	return f.op(s, ops.Iota.HLO+" dim = %d : %s", axis, tensorType(s))
}

// reshapeAs returns x with the dimensions of s, by the given operation.
func (f *function) reshapeAs(mnemonic string, x value, s shapes.Shape) value {
	if x.shape.EqualDimensions(s) {
		return x
	}
	y := f.op(s.WithDType(x.shape.DType), mnemonic+" %s : (%s) -> %s", x, x.typ(), tensorType(s))
	y.nonzero = x.nonzero
	return y
}
