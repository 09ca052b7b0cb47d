package stablehlo

import (
	"fmt"
	"math"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
)

var negativeInfinity, positiveInfinity any = math.Inf(-1), math.Inf(1)

func init() {
	constant := func(x any) func(*function, dtypes.DType) value {
		return func(f *function, d dtypes.DType) value { return f.fill(shapes.Scalar(d), x) }
	}
	zero, one, ones := constant(0), constant(1), constant(int64(-1))
	for op, r := range map[*ir.Op]struct {
		mnemonic string
		start    func(*function, dtypes.DType) value
		wide     bool // halves are joined in float32
	}{
		ops.ReduceSum:        {ops.Add.HLO, zero, true},
		ops.ReduceMultiply:   {ops.Mul.HLO, one, true},
		ops.ReduceMax:        {ops.Max.HLO, (*function).lowest, false},
		ops.ReduceMin:        {ops.Min.HLO, (*function).highest, false},
		ops.ReduceLogicalAnd: {ops.BitwiseAnd.HLO, one, false},
		ops.ReduceLogicalOr:  {ops.BitwiseOr.HLO, zero, false},
		ops.ReduceLogicalXor: {ops.BitwiseXor.HLO, zero, false},
		ops.ReduceBitwiseAnd: {ops.BitwiseAnd.HLO, ones, false},
		ops.ReduceBitwiseOr:  {ops.BitwiseOr.HLO, zero, false},
		ops.ReduceBitwiseXor: {ops.BitwiseXor.HLO, zero, false},
	} {
		lowerings[op] = func(f *function, c call) []value {
			x, axes := c.in[0], c.Attrs.(ir.ReduceAttrs).Axes
			if len(axes) == 0 {
				return c.in
			}
			if r.wide {
				x = f.wide(x)
			}
			out := f.reduce(c.Op.HLO, r.mnemonic, x, r.start(f, x.shape.DType), axes, c.out[0].WithDType(x.shape.DType))
			return []value{f.convert(out, c.out[0].DType)}
		}
	}
	lowerings[ops.ReduceWindow] = reduceWindow
	lowerings[ops.SelectAndScatter] = selectAndScatter
	lowerings[ops.Sort] = sortElements
	lowerings[ops.SortWithIndices] = sortElements
}

// reduce joins the elements of x over the axes with an operation.
func (f *function) reduce(reduction, mnemonic string, x, start value, axes []int, s shapes.Shape) value {
	out := f.define(s)
	f.line("%s = "+reduction+"(%s init: %s) applies %s across dimensions = %s : %s", out, x, start, mnemonic, ints(axes), signature([]value{x, start}, []value{out}))
	return out
}

func reduceWindow(f *function, c call) []value {
	x, a := c.in[0], c.Attrs.(ir.WindowAttrs)
	if x.shape.Rank() == 0 {
		return c.in
	}
	var start value
	mnemonic := ""
	switch a.Kind {
	case ir.WindowMax:
		start, mnemonic = f.lowest(x.shape.DType), ops.Max.HLO
	case ir.WindowMin:
		start, mnemonic = f.highest(x.shape.DType), ops.Min.HLO
	default:
		x = f.wide(x)
		start, mnemonic = f.fill(shapes.Scalar(x.shape.DType), 0), ops.Add.HLO
	}
	out := f.define(c.out[0].WithDType(x.shape.DType))
	f.line(`%s = %q(%s, %s) <{%s}> ({`, out, c.Op.HLO, x, start, windowText(a))
	f.combiner(x.shape.DType, mnemonic)
	f.line("}) : %s", signature([]value{x, start}, []value{out}))
	return []value{f.convert(out, c.out[0].DType)}
}

// windowText writes the attributes of windows.
func windowText(a ir.WindowAttrs) string {
	return fmt.Sprintf("padding = dense<%s> : tensor<%dx2xi64>, window_dimensions = %s, window_strides = %s",
		pairs(a.Paddings), len(a.Paddings), array(a.Window), array(a.Strides))
}

// selectAndScatter chooses, of two elements, the first unless the second beats it; NaN is beaten by nothing.
func selectAndScatter(f *function, c call) []value {
	x, y, a := c.in[0], c.in[1], c.Attrs.(ir.WindowAttrs)
	switch {
	case x.shape.Rank() == 0:
		return c.in[1:]
	case y.shape.Size() == 0:
		return []value{f.fill(c.out[0], 0)}
	}
	x, y = f.wide(x), f.wide(y)
	d := x.shape.DType
	zero := f.fill(shapes.Scalar(d), 0)
	out := f.define(x.shape)
	f.line(`%s = %q(%s, %s, %s) <{%s}> ({`, out, c.Op.HLO, x, y, zero, windowText(a))
	f.region([]shapes.Shape{shapes.Scalar(d), shapes.Scalar(d)}, func(args []value) []value {
		direction := "GE"
		if a.Kind == ir.WindowMin {
			direction = "LE"
		}
		first := f.compare(direction, args[0], args[1])
		if d.IsFloat() {
			first = f.binary(ops.BitwiseOr.HLO, first, f.isNaN(args[0]))
		}
		return []value{first}
	})
	f.line("}, {")
	f.combiner(d, ops.Add.HLO)
	f.line("}) : %s", signature([]value{x, y, zero}, []value{out}))
	return []value{f.convert(out, c.out[0].DType)}
}

// sortElements writes both forms of a stable sort. Elements are compared as numbers, so that -0 equals 0, with NaN
// behind them, or in the total order.
func sortElements(f *function, c call) []value {
	a := c.Attrs.(ir.SortAttrs)
	in := c.in[:1:1]
	if len(c.out) == 2 {
		in = append(in, f.iota(c.out[1], a.Axis))
	}
	results, names := f.defineAll(c.out)
	f.line(`%s = %q(%s) <{dimension = %d : i64, is_stable = true}> ({`, names, c.Op.HLO, refs(in), a.Axis)
	var args []shapes.Shape
	for _, x := range in {
		s := shapes.Scalar(x.shape.DType)
		args = append(args, s, s)
	}
	f.region(args, func(args []value) []value {
		x, y := args[0], args[1]
		if a.Descending {
			x, y = y, x
		}
		if a.Total && x.shape.DType.IsFloat() {
			return []value{f.compareAs("TOTALORDER", "LT", x, y)}
		}
		before := f.compare("LT", x, y)
		if x.shape.DType.IsFloat() { // a number comes before NaN
			number := f.compare("EQ", x, x)
			before = f.binary(ops.BitwiseOr.HLO, before, f.binary(ops.BitwiseAnd.HLO, number, f.isNaN(y)))
		}
		return []value{before}
	})
	f.line("}) : %s", signature(in, results))
	return results
}
