package stablehlo

import (
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

// A text may compute in floats of 8 bits, in which Quire holds numbers and does not compute. There operations see their
// operands in float32, which holds them all, and what the text says to be of 8 bits is rounded to that. XLA's CPU compiler
// does the same.

// carrier is the dtype in which values are computed with that dtypes for storage hold.
const carrier = dtypes.Float32

// natural are the operations that are read as ops that take dtypes for storage.
var natural = map[string]bool{"func.call": true}

func init() {
	for _, name := range strings.Fields("bitcast_convert broadcast_in_dim case composite concatenate constant convert if optimization_barrier reshape reverse slice transpose while") {
		natural["stablehlo."+name] = true
	}
}

// carried shows an operation that computes its operands and the types in its text in the carrier instead of dtypes for
// storage. Bodies keep what they say.
func (c *reading) carried() {
	stored := func(t mlirType) bool { return t.tensor().DType.IsStorage() }
	if natural[c.op.name] || !slices.ContainsFunc(c.op.out, stored) && !slices.ContainsFunc(c.in, func(x *graph.Node) bool { return x.DType().IsStorage() }) {
		return
	}
	op := *c.op
	op.in, op.out = carriers(op.in), carriers(op.out)
	op.regions = make([]*region, len(op.regions))
	for i, r := range c.op.regions {
		copied := *r
		copied.types = carriers(r.types)
		op.regions[i] = &copied
	}
	c.op, c.in = &op, wideAll(c.in)
}

func carriers(list []mlirType) []mlirType {
	var out []mlirType
	for _, t := range list {
		if t.shape.DType.IsStorage() {
			t.shape.DType = carrier
		}
		if t.open.DType.IsStorage() {
			t.open.DType = carrier
		}
		out = append(out, t)
	}
	return out
}

// wideAll returns values of dtypes for storage in the carrier, and others as they are. Constants stay constants.
func wideAll(list []*graph.Node) []*graph.Node {
	out := make([]*graph.Node, len(list))
	for i, x := range list {
		out[i] = x
		if !x.DType().IsStorage() {
			continue
		}
		if out[i] = graph.ConvertDType(x, carrier); x.ConstantValue() != nil {
			out[i] = graph.ConstAsDType(x.Graph(), carrier, x.ConstantValue())
		}
	}
	return out
}

// stored rounds a result to the dtype for storage that the text gives it, if it does.
func stored(t mlirType, y *graph.Node) *graph.Node {
	if d := t.tensor().DType; d.IsStorage() && y.DType() == carrier {
		return graph.ConvertDType(y, d)
	}
	return y
}

// takes reports whether d is in a set of dtypes that an operation may have: those for storage are where all floats are.
func takes(set dtypes.Set, d dtypes.DType) bool {
	return set.Has(d) || d.IsStorage() && set&dtypes.Floats == dtypes.Floats
}

func isFloat(s shapes.Shape) bool { return s.DType.IsFloat() || s.DType.IsStorage() }
