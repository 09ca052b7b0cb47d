package stablehlo

import (
	"fmt"
	"strings"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
)

// oneToOne writes a call of a row that is one operation of StableHLO, without attributes and element by element.
func oneToOne(f *function, c call) []value {
	in := make([]value, len(c.in))
	same := true
	for i, x := range c.in {
		in[i] = f.spread(x, c.out[0])
		same = same && in[i].shape.DType == c.out[0].DType
	}
	if direction, ok := strings.CutPrefix(c.Op.HLO, comparison); ok {
		return []value{f.compare(direction, in[0], in[1])}
	}
	if strings.HasPrefix(c.Op.HLO, "chlo.") { // the dialect names all types
		types := make([]string, len(in))
		for i, x := range in {
			types[i] = x.typ()
		}
		return []value{f.op(c.out[0], "%s %s : %s -> %s", c.Op.HLO, refs(in), strings.Join(types, ", "), tensorType(c.out[0]))}
	}
	if same {
		return []value{f.op(c.out[0], "%s %s : %s", c.Op.HLO, refs(in), tensorType(c.out[0]))}
	}
	out := f.define(c.out[0])
	f.line("%s = %s %s : %s", out, c.Op.HLO, refs(in), signature(in, []value{out}))
	return []value{out}
}

// comparison begins the HLO of rows that compare: behind it stands the direction.
const comparison = "stablehlo.compare "

// isOneToOne reports whether calls of op are written by oneToOne.
func isOneToOne(op *ir.Op) bool {
	return op.Elementwise && op.Infer != nil && op.Attrs == nil && op.HLO != ""
}

func init() {
	lowerings[ops.Div] = func(f *function, c call) []value {
		f.checkDivisor(c)
		return []value{f.divide(c.Op.HLO, f.spread(c.in[0], c.out[0]), f.spread(c.in[1], c.out[0]))}
	}
	lowerings[ops.Rem] = func(f *function, c call) []value {
		f.checkDivisor(c)
		return []value{f.divide(c.Op.HLO, f.spread(c.in[0], c.out[0]), f.spread(c.in[1], c.out[0]))}
	}
	lowerings[ops.Pow] = func(f *function, c call) []value {
		x, y := f.spread(c.in[0], c.out[0]), f.spread(c.in[1], c.out[0])
		if x.shape.DType.IsInt() {
			return []value{f.power(x, y)}
		}
		return []value{f.binary(c.Op.HLO, x, y)}
	}
	lowerings[ops.Erf] = func(f *function, c call) []value { return []value{f.erf(c.in[0])} }
	lowerings[ops.Where] = func(f *function, c call) []value {
		s := c.out[0]
		return []value{f.chooseAs(c.Op.HLO, f.spread(c.in[0], s), f.spread(c.in[1], s), f.spread(c.in[2], s))}
	}
	lowerings[ops.Complex] = func(f *function, c call) []value {
		return []value{f.complex(f.spread(c.in[0], c.out[0]), f.spread(c.in[1], c.out[0]))}
	}
}

// spread returns x repeated to the dimensions of s, lined up at the last axis.
func (f *function) spread(x value, s shapes.Shape) value {
	if x.shape.EqualDimensions(s) {
		return x
	}
	axes := make([]int, x.shape.Rank())
	for i := range axes {
		axes[i] = s.Rank() - x.shape.Rank() + i
	}
	out := s.WithDType(x.shape.DType)
	y := f.op(out, ops.Broadcast.HLO+" %s, dims = %s : (%s) -> %s", x, ints(axes), x.typ(), tensorType(out))
	y.nonzero = x.nonzero
	return y
}

// binary writes an operation whose operands and result have one type.
func (f *function) binary(mnemonic string, x, y value) value {
	return f.op(x.shape, "%s %s, %s : %s", mnemonic, x, y, x.typ())
}

// compare writes a comparison, as a bool.
func (f *function) compare(direction string, x, y value) value {
	kind := "SIGNED"
	switch d := x.shape.DType; {
	case dtypes.Inexact.Has(d):
		kind = "FLOAT"
	case d.IsUnsigned() || d == dtypes.Bool:
		kind = "UNSIGNED"
	}
	return f.compareAs(kind, direction, x, y)
}

// compareAs compares in an order that StableHLO names.
func (f *function) compareAs(kind, direction string, x, y value) value {
	out := x.shape.WithDType(dtypes.Bool)
	return f.op(out, comparison+"%s, %s, %s, %s : (%s, %s) -> %s", direction, x, y, kind, x.typ(), y.typ(), tensorType(out))
}

// choose returns x where cond holds and y elsewhere.
func (f *function) choose(cond, x, y value) value { return f.chooseAs(ops.Where.HLO, cond, x, y) }

func (f *function) chooseAs(mnemonic string, cond, x, y value) value {
	return f.op(x.shape, "%s %s, %s, %s : %s, %s", mnemonic, cond, x, y, cond.typ(), x.typ())
}

// complex returns x + i·y.
func (f *function) complex(x, y value) value {
	d := dtypes.Complex64
	if x.shape.DType == dtypes.Float64 {
		d = dtypes.Complex128
	}
	s := x.shape.WithDType(d)
	return f.op(s, ops.Complex.HLO+" %s, %s : %s", x, y, tensorType(s))
}

// divide writes a division or a remainder. An integer divisor that may be zero is replaced by 1, and the result
// with it: -1, or x for a remainder.
func (f *function) divide(mnemonic string, x, y value) value {
	if !y.shape.DType.IsInt() || y.nonzero {
		return f.binary(mnemonic, x, y)
	}
	zero := f.compare("EQ", y, f.fill(y.shape, 0))
	z := f.binary(mnemonic, x, f.choose(zero, f.fill(y.shape, 1), y))
	otherwise := x
	if mnemonic == ops.Div.HLO {
		otherwise = f.fill(y.shape, int64(-1))
	}
	return f.choose(zero, otherwise, z)
}

// isNaN reports whether a float scalar is not a number.
func (f *function) isNaN(x value) value { return f.compare("NE", x, x) }

// lowest returns the value that every other of d is larger than or equal to, highest the opposite: the identities
// of maxima and minima.
func (f *function) lowest(d dtypes.DType) value  { return f.limit(d, false) }
func (f *function) highest(d dtypes.DType) value { return f.limit(d, true) }

func (f *function) limit(d dtypes.DType, high bool) value {
	lo, hi := dtypes.Limits(d)
	if d.IsFloat() {
		lo, hi = negativeInfinity, positiveInfinity
	}
	if high {
		return f.fill(shapes.Scalar(d), hi)
	}
	return f.fill(shapes.Scalar(d), lo)
}

// pairs writes a list of pairs: [[0, 1], [2, 3]].
func pairs(list [][2]int) string {
	text := "["
	for i, p := range list {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("[%d, %d]", p[0], p[1])
	}
	return text + "]"
}
