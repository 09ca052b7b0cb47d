package stablehlo

import (
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

func init() {
	define("stablehlo.sort", -1, readSort)
	define("chlo.top_k", 1, func(c *reading) []*graph.Node {
		if c.in[0].Rank() == 0 {
			c.fail("a scalar has no axis to take elements of")
		}
		values, indices := graph.TopK(c.in[0], c.int("k", -1), -1)
		return []*graph.Node{values, indices}
	})
}

// sortKey is a value that is compared, first to last: an expression over the left arguments of the comparator.
type sortKey struct {
	value      string
	descending bool
	total      bool // -0 comes before 0
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
		values[i] = c.keyValues(k, r, left, right)
	}
	if n == 1 && len(keys) == 1 && keys[0].value == left[0] && (!keys[0].total || !s.DType.IsFloat()) {
		return []*graph.Node{graph.Sort(c.in[0], axis, !keys[0].descending)}
	}
	out := slices.Clone(c.in)
	move := func(x *graph.Node, indices *graph.Node) *graph.Node {
		return graph.Gather(x, alongAxis(indices, axis))
	}
	for i := len(keys) - 1; i >= 0; i-- {
		k := keys[i]
		passes := []*graph.Node{values[i]}
		if k.total && values[i].DType().IsFloat() { // before it, sort by whether a zero is negative
			passes = append(passes, negativeZero(values[i]))
		}
		for len(passes) > 0 {
			key := passes[len(passes)-1]
			passes = passes[:len(passes)-1]
			indices := graph.ArgSort(key, axis, !k.descending)
			for j := range out {
				out[j] = move(out[j], indices)
			}
			for j := range i {
				values[j] = move(values[j], indices)
			}
			for j := range passes {
				passes[j] = move(passes[j], indices)
			}
		}
	}
	return out
}

// negativeZero returns 0 where x is -0, and 1 elsewhere.
func negativeZero(x *graph.Node) *graph.Node {
	g, d := x.Graph(), x.DType()
	zero := graph.Equal(x, graph.ScalarZero(g, d))
	below := graph.LessThan(graph.Div(graph.ScalarOne(g, d), graph.Where(zero, x, graph.OnesLike(x))), graph.ScalarZero(g, d))
	return graph.ConvertDType(graph.LogicalNot(graph.LogicalAnd(zero, below)), dtypes.Int32)
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
		return c.in[i]
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
	y := c.lift(part, args)[0]
	if y.DType() == dtypes.Bool {
		y = graph.ConvertDType(y, dtypes.Uint8)
	}
	return y
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
	return []sortKey{{x, direction == "GT", kind == "TOTALORDER" && slices.Contains(left, x)}}
}

// numbersFirst recognises x < y or (x = x and y ≠ y).
func (m *matcher) numbersFirst(either []string) bool {
	sides := m.is(either[0], "stablehlo.compare", 2)
	both := m.is(either[1], "stablehlo.and", 2)
	return sides != nil && both != nil && m.comparison(either[0], sides[0], sides[1]) == "LT" &&
		m.comparison(both[0], sides[0], sides[0]) == "EQ" && m.comparison(both[1], sides[1], sides[1]) == "NE"
}
