package stablehlo

import (
	"math"
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/random/rbg"
	"github.com/quire-ml/quire/graph/shapes"
)

func init() {
	define("stablehlo.rng_bit_generator", 1, func(c *reading) []*graph.Node {
		state, bits := c.in[0], c.op.out[len(c.op.out)-1]
		if !bits.known() {
			c.fail("the type of its bits, %s, leaves a size open, which nothing else says", bits.text)
		}
		next, made := rbg.Generate(rbg.Algorithm(c.word("rng_algorithm")), state, bits.shape)
		return []*graph.Node{next, made}
	})
	rules["stablehlo.bitcast_convert"] = rule{1, true, one(readBitcast)}
	rules["stablehlo.reduce_precision"] = rule{1, true, one(func(c *reading) *graph.Node {
		x := c.in[0]
		y := graph.ReducePrecision(x, c.int("exponent_bits", 0), c.int("mantissa_bits", 0))
		if c.int("mantissa_bits", 0) == 0 { // a format without NaN: StableHLO's interpreter makes infinity of it
			y = graph.Where(graph.IsNaN(x), graph.Infinity(x.Graph(), x.DType(), 1), y)
		}
		return y
	})}
}

// layouts are the floats' numbers of mantissa and exponent bits, and integers of the same size.
var layouts = map[dtypes.DType]struct {
	mantissa, exponent int
	signed, unsigned   dtypes.DType
}{
	dtypes.Float16:  {10, 5, dtypes.Int16, dtypes.Uint16},
	dtypes.BFloat16: {7, 8, dtypes.Int16, dtypes.Uint16},
	dtypes.Float32:  {23, 8, dtypes.Int32, dtypes.Uint32},
	dtypes.Float64:  {52, 11, dtypes.Int64, dtypes.Uint64},
}

func readBitcast(c *reading) *graph.Node {
	x, to := c.in[0], c.resultDType()
	switch from, g := c.op.in[0].grid, c.op.out[0].grid; {
	case from.quantised() && to == from.stored && g == nil:
		return from.integers(x)
	case g.quantised() && x.DType() == g.stored && from == nil:
		return g.represented(x, to)
	case from.quantised() || g.quantised():
		c.fail("Quire has the integers as which quantised numbers are stored, and no other bits of them: not %s as %s", c.op.in[0].text, c.op.out[0].text)
	}
	from := x.DType()
	bits := func(d dtypes.DType) bool { return d.IsInt() || d.IsFloat() || d.IsStorage() }
	switch {
	case from == to:
		return graph.Identity(x)
	case c.lifted == 0 && from == dtypes.Bool && bits(to) && x.Rank() > 0 && x.Dim(-1) == to.Bits():
		return graph.Bitcast(packed(x), to)
	case c.lifted == 0 && to == dtypes.Bool && bits(from):
		return unpacked(x)
	case c.lifted == 0 && from.IsComplex() && to.IsComplex() && (from.Size() > to.Size() || x.Rank() > 0 && x.Dim(-1) == 2):
		return complexBits(x, to)
	case !bits(from) || !bits(to):
		c.fail("Quire has no op for the bits of %s as %s", typeName(from), typeName(to))
	case from.Size() > to.Size() && c.lifted > 0:
		c.fail("the body of a reduction must stay with scalars")
	case from.Size() < to.Size() && (c.lifted > 0 || x.Rank() == 0 || x.Dim(-1)*from.Size() != to.Size()):
		c.fail("%d elements of %s make one of the result: the last axis must hold them", to.Size()/from.Size(), typeName(from))
	}
	return graph.Bitcast(x, to)
}

// wholeOf is the unsigned integer of a size in bits.
var wholeOf = map[int]dtypes.DType{8: dtypes.Uint8, 16: dtypes.Uint16, 32: dtypes.Uint32, 64: dtypes.Uint64}

// packed makes integers of the bools along the last axis, the first in the lowest bit.
func packed(x *graph.Node) *graph.Node {
	d := wholeOf[x.Dim(-1)]
	places := graph.Iota(x.Graph(), shapes.Make(d, x.Shape().Dimensions...), x.Rank()-1)
	return graph.ReduceBitwiseOr(graph.BitwiseShiftLeft(graph.ConvertDType(x, d), places), -1)
}

// unpacked returns the bits of elements along a new last axis, the lowest first.
func unpacked(x *graph.Node) *graph.Node {
	d := wholeOf[x.DType().Bits()]
	dims := append(slices.Clone(x.Shape().Dimensions), d.Bits())
	whole := graph.BroadcastToDims(graph.ExpandAxes(graph.Bitcast(x, d), -1), dims...)
	places := graph.Iota(x.Graph(), shapes.Make(d, dims...), len(dims)-1)
	one := graph.ScalarOne(x.Graph(), d)
	return graph.Equal(graph.BitwiseAnd(graph.BitwiseShiftRightLogical(whole, places), one), one)
}

// complexBits sees complex numbers of one size as those of the other: each part of the larger ones is both parts of a smaller one.
func complexBits(x *graph.Node, to dtypes.DType) *graph.Node {
	if x.DType().Size() > to.Size() {
		part := func(p *graph.Node) *graph.Node { // [..., 2] → one number
			p = graph.Bitcast(p, to.Real())
			return graph.Complex(partOf(p, -1, 0, 1), partOf(p, -1, 1, 2))
		}
		return graph.Concatenate([]*graph.Node{part(graph.Real(x)), part(graph.Imag(x))}, -1)
	}
	part := func(i int) *graph.Node {
		z := partOf(x, -1, i, i+1)
		return graph.Bitcast(graph.Concatenate([]*graph.Node{graph.Real(z), graph.Imag(z)}, -1), to.Real())
	}
	return graph.Complex(part(0), part(1))
}

// bitsOfFloat returns the bits of a float as a signed integer of its size. NaN has those of the usual
// quiet one.
func bitsOfFloat(x *graph.Node) *graph.Node {
	layout := layouts[x.DType()]
	quiet := graph.Where(graph.IsNaN(x), graph.Scalar(x.Graph(), x.DType(), math.NaN()), x)
	return graph.Bitcast(quiet, layout.signed)
}
