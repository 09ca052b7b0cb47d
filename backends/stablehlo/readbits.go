package stablehlo

import (
	"math"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/random/rbg"
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
	case !bits(from) || !bits(to):
		c.fail("Quire has no op for the bits of %s as %s", typeName(from), typeName(to))
	case from.Size() > to.Size() && c.lifted > 0:
		c.fail("the body of a reduction must stay with scalars")
	case from.Size() < to.Size() && (c.lifted > 0 || x.Rank() == 0 || x.Dim(-1)*from.Size() != to.Size()):
		c.fail("%d elements of %s make one of the result: the last axis must hold them", to.Size()/from.Size(), typeName(from))
	}
	return graph.Bitcast(x, to)
}

// bitsOfFloat returns the bits of a float as a signed integer of its size. NaN has those of the usual
// quiet one.
func bitsOfFloat(x *graph.Node) *graph.Node {
	layout := layouts[x.DType()]
	quiet := graph.Where(graph.IsNaN(x), graph.Scalar(x.Graph(), x.DType(), math.NaN()), x)
	return graph.Bitcast(quiet, layout.signed)
}
