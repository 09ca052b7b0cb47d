package stablehlo

import (
	"fmt"
	"strings"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

func init() {
	lowerings["Const"] = func(f *function, c call) []value {
		return []value{f.constant(c.Attrs.(ir.ConstAttrs).Value)}
	}
	lowerings["Iota"] = func(f *function, c call) []value { return []value{f.iota(c.out[0], c.Attrs.(ir.IotaAttrs).Axis)} }
	for _, name := range []string{"Identity", "NameAxes", "StopGradient"} { // another name for a value
		lowerings[name] = func(_ *function, c call) []value { return c.in[:1] }
	}
	lowerings["OptimizationBarrier"] = func(f *function, c call) []value {
		return []value{f.op(c.in[0].shape, "stablehlo.optimization_barrier %s : %s", c.in[0], c.in[0].typ())}
	}
	for _, name := range []string{"Reshape", "ExpandAxes", "Squeeze"} {
		lowerings[name] = func(f *function, c call) []value { return []value{f.reshape(c.in[0], c.out[0])} }
	}
	lowerings["Broadcast"] = func(f *function, c call) []value { return []value{f.spread(c.in[0], c.out[0])} }
	lowerings["Concatenate"] = func(f *function, c call) []value {
		out := []value{f.define(c.out[0])}
		f.line("%s = stablehlo.concatenate %s, dim = %d : %s", out[0], refs(c.in), c.Attrs.(ir.ConcatAttrs).Axis, signature(c.in, out))
		return out
	}
	lowerings["Transpose"] = func(f *function, c call) []value {
		x := c.in[0]
		return []value{f.op(c.out[0], "stablehlo.transpose %s, dims = %s : (%s) -> %s", x, ints(c.Attrs.(ir.TransposeAttrs).Perm), x.typ(), tensorType(c.out[0]))}
	}
	lowerings["Reverse"] = func(f *function, c call) []value {
		x, axes := c.in[0], c.Attrs.(ir.AxesAttrs).Axes
		if len(axes) == 0 {
			return c.in
		}
		return []value{f.op(c.out[0], "stablehlo.reverse %s, dims = %s : %s", x, ints(axes), x.typ())}
	}
	lowerings["Slice"] = func(f *function, c call) []value {
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
		return []value{f.op(c.out[0], "stablehlo.slice %s [%s] : (%s) -> %s", x, strings.Join(parts, ", "), x.typ(), tensorType(c.out[0]))}
	}
	lowerings["Pad"] = func(f *function, c call) []value {
		var low, high, interior []int
		for _, p := range c.Attrs.(ir.PadAttrs).Axes {
			low, high, interior = append(low, p.Start), append(high, p.End), append(interior, p.Interior)
		}
		if len(low) == 0 {
			return c.in[:1]
		}
		out := f.define(c.out[0])
		f.line("%s = stablehlo.pad %s, low = %s, high = %s, interior = %s : %s", out, refs(c.in), ints(low), ints(high), ints(interior), signature(c.in, []value{out}))
		return []value{out}
	}
}

// iota writes a count along an axis.
func (f *function) iota(s shapes.Shape, axis int) value {
	return f.op(s, "stablehlo.iota dim = %d : %s", axis, tensorType(s))
}

// reshape returns x with the dimensions of s.
func (f *function) reshape(x value, s shapes.Shape) value {
	if x.shape.EqualDimensions(s) {
		return x
	}
	y := f.op(s.WithDType(x.shape.DType), "stablehlo.reshape %s : (%s) -> %s", x, x.typ(), tensorType(s))
	y.nonzero = x.nonzero
	return y
}
