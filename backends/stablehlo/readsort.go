package stablehlo

import (
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
)

func init() {
	define("stablehlo.sort", -1, readSort)
	define("chlo.top_k", 1, func(c *reading) []*graph.Node {
		if c.in[0].Rank() == 0 {
			c.fail("a scalar has no axis to take elements of")
		}
		return topK(c.in[0], c.int("k", -1))
	})
}

// topK takes the k largest of the last axis; true is larger than false.
func topK(x *graph.Node, k int) []*graph.Node {
	values, indices := graph.TopK(ordered(x), k, -1)
	return []*graph.Node{graph.ConvertDType(values, x.DType()), indices}
}

// ordered returns bools as numbers, which have an order.
func ordered(x *graph.Node) *graph.Node {
	if x.DType() == dtypes.Bool {
		return graph.ConvertDType(x, dtypes.Uint8)
	}
	return x
}

// sortKey is a value that is compared, first to last: an expression over the left arguments of the comparator.
type sortKey struct {
	value      string
	descending bool
	total      bool // in the total order of floats
}

// readSort sorts by keys that the comparator computes. Equal elements stay in their order, so that several keys are
// several sorts, the last key first.
func readSort(c *reading) []*graph.Node {
	c.atLeast(1)
	n := len(c.in)
	c.wantRegions(1, 2*n)
	r, s := c.op.regions[0], c.in[0].Shape()
	for _, x := range c.in[1:] {
		if !x.Shape().EqualDimensions(s) {
			c.fail("its operands have different shapes")
		}
	}
	if s.Rank() == 0 {
		c.fail("a scalar has no axis to sort along")
	}
	axis := c.int("dimension", -1)
	if axis < 0 {
		axis += s.Rank()
	}
	if axis < 0 || axis >= s.Rank() {
		c.fail("the attribute dimension: there is no such axis of %d", s.Rank())
	}
	left, right := make([]string, n), make([]string, n)
	for i := range left {
		left[i], right[i] = r.args[2*i], r.args[2*i+1]
	}
	m := &matcher{region: r}
	keys := m.keys(m.returned(0), left, right)
	if keys == nil {
		c.fail("Quire sorts by comparators that are LT or GT of the same expression of both sides, or a chain of such keys, nothing else")
	}
	values := make([]*graph.Node, len(keys))
	for i, k := range keys {
		if values[i] = c.keyValues(k, r, left, right); values[i].DType().IsComplex() {
			c.fail("complex numbers have no order: sort by their parts")
		}
	}
	if n == 1 && len(keys) == 1 && keys[0].value == left[0] && s.DType != dtypes.Bool {
		return []*graph.Node{graph.Apply(ops.Sort, keys[0].order(axis), c.in[0])}
	}
	out := slices.Clone(c.in)
	for i := len(keys) - 1; i >= 0; i-- {
		order := graph.ApplyMulti(ops.SortWithIndices, keys[i].order(axis), values[i])[1]
		indices := alongAxis(order, axis)
		for j := range out {
			out[j] = graph.Gather(out[j], indices)
		}
		for j := range i {
			values[j] = graph.Gather(values[j], indices)
		}
	}
	return out
}

// order returns the order of a key.
func (k sortKey) order(axis int) ir.SortAttrs {
	return ir.SortAttrs{Axis: axis, Descending: k.descending, Total: k.total}
}

// alongAxis returns indices that graph.Gather takes elements with, one per element of index: along axis at index,
// elsewhere at the element's own place.
func alongAxis(index *graph.Node, axis int) *graph.Node {
	dims := index.Shape().Dimensions
	parts := make([]*graph.Node, len(dims))
	for a := range dims {
		if a == axis {
			parts[a] = index
		} else {
			parts[a] = graph.Iota(index.Graph(), shapes.Make(index.DType(), dims...), a)
		}
	}
	return graph.Stack(parts, -1)
}

// keyValues applies the part of the comparator that makes a key to the operands as a whole.
func (c *reading) keyValues(k sortKey, r *region, left, right []string) *graph.Node {
	if i := slices.Index(left, k.value); i >= 0 {
		return ordered(c.in[i])
	}
	part := &region{types: r.types}
	var args []*graph.Node
	for i := range left {
		part.args = append(part.args, left[i], right[i])
		args = append(args, c.in[i], c.in[i]) // the key depends on the left ones only
	}
	for _, op := range r.ops[:len(r.ops)-1] {
		part.ops = append(part.ops, op)
		if slices.Contains(op.results, k.value) {
			break
		}
	}
	part.ops = append(part.ops, &operation{name: "stablehlo.return", line: c.op.line, operands: []string{k.value}})
	return ordered(c.lift(part, args)[0])
}

// keys recognises a comparator: LT or GT of a key's value on both sides, or
//
//	first < other first or (first = other first and the rest of the keys)
//
// A comparison may say that numbers come before NaN, as they do here anyway. It returns nil for other comparators.
func (m *matcher) keys(value string, left, right []string) []sortKey {
	if either := m.is(value, "stablehlo.or", 2); either != nil {
		if m.numbersFirst(either) {
			return m.keys(either[0], left, right)
		}
		first := m.keys(either[0], left, right)
		both := m.is(either[1], "stablehlo.and", 2)
		if len(first) != 1 || both == nil {
			return nil
		}
		equal := m.is(both[0], "stablehlo.compare", 2)
		if m.steps++; m.steps > maxSteps || equal == nil || m.of(both[0]).attrs["comparison_direction"] != keyword("EQ") ||
			!m.same(equal[0], equal[1], left, right) || !m.same(first[0].value, equal[0], left, left) {
			return nil
		}
		rest := m.keys(both[1], left, right)
		if rest == nil {
			return nil
		}
		return append(first, rest...)
	}
	sides := m.is(value, "stablehlo.compare", 2)
	if sides == nil {
		return nil
	}
	op := m.of(value)
	direction, _ := op.attrs["comparison_direction"].(keyword)
	kind, _ := op.attrs["compare_type"].(keyword)
	x, y := sides[0], sides[1]
	if m.same(y, x, left, right) && !m.same(x, y, left, right) { // right side first
		x, y, direction = y, x, keyword(turned[string(direction)])
	}
	if !m.same(x, y, left, right) || direction != "LT" && direction != "GT" {
		return nil
	}
	return []sortKey{{x, direction == "GT", kind == "TOTALORDER"}}
}

// numbersFirst recognises x < y or (x = x and y ≠ y).
func (m *matcher) numbersFirst(either []string) bool {
	sides := m.is(either[0], "stablehlo.compare", 2)
	both := m.is(either[1], "stablehlo.and", 2)
	return sides != nil && both != nil && m.comparison(either[0], sides[0], sides[1]) == "LT" &&
		m.comparison(both[0], sides[0], sides[0]) == "EQ" && m.comparison(both[1], sides[1], sides[1]) == "NE"
}
