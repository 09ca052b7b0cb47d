package stablehlo

import (
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/segment"
	"github.com/quire-ml/quire/graph/shapes"
)

// Operations of the CHLO dialect that are more than functions of elements.
//
// Source: ChloOps.td and ChloLegalizeToStablehlo.cpp of StableHLO 1.20.

func init() {
	define("chlo.constant_like", 1, one(readConstantLike))
	define("chlo.scan", -1, readScan)
	define("chlo.ragged_dot", 3, one(readRaggedDot))
	constrainAll(-1, (*typed).scan, "chlo.scan")
	constrain((*typed).raggedDot, "chlo.ragged_dot")
}

// readConstantLike repeats a number over the shape of the operand.
func readConstantLike(c *reading) *graph.Node {
	d := c.in[0].DType()
	var value complex128
	switch v := c.op.attrs["value"].(type) {
	case bool:
		if v {
			value = 1
		}
	case float64:
		value = complex(v, 0)
	case int64:
		if value = complex(float64(v), 0); d.IsFloat() { // written as its bits, as infinities and NaN are
			value = complex(floatOf(d, uint64(v)), 0)
		} else if d.IsInt() {
			return to(graph.Scalar(c.g, d, v), c.in[0].Shape())
		}
	case opaque: // #complex.number<:f32 1.0, 2.0>
		var kind string
		var re, im float64
		if _, err := fmt.Sscanf(string(v), "<:%s %g, %g>", &kind, &re, &im); err != nil {
			c.fail("the value %s is no complex number", string(v))
		}
		value = complex(re, im)
	default:
		c.fail("the value must be a number")
	}
	if d.IsComplex() {
		part := d.Real()
		return to(graph.Complex(graph.Scalar(c.g, part, real(value)), graph.Scalar(c.g, part, imag(value))), c.in[0].Shape())
	}
	return to(graph.Scalar(c.g, d, real(value)), c.in[0].Shape())
}

// scanned returns how many of n operands or results of a scan are those that it goes over: half of them, unless the text says it.
func (c *reading) scanned(attr string, n int) int {
	if sizes := c.ints(attr); len(sizes) == 2 && sizes[0] >= 0 && sizes[1] >= 0 && sizes[0]+sizes[1] == n {
		return sizes[0]
	}
	if n := c.int("inputs", -1); n >= 0 && attr == "operandSegmentSizes" {
		return n
	}
	return -1
}

// scan checks a scan: inputs without the axis and carries are what the body takes, and it returns outputs without the axis and carries.
func (t *typed) scan() {
	t.regions(1)
	inputs := t.scanned("operandSegmentSizes", len(t.in))
	if inputs < 0 || inputs > len(t.in) {
		t.fail("the attribute operandSegmentSizes must say how many of the %d operands are inputs and how many start carries", len(t.in))
	}
	carries := len(t.in) - inputs
	outputs := len(t.out) - carries
	if outputs < 0 {
		t.fail("%d results, and %d carries", len(t.out), carries)
	}
	if n := t.scanned("resultSegmentSizes", len(t.out)); n >= 0 && n != outputs {
		t.fail("the attribute resultSegmentSizes says that %d results are outputs, and there are %d carries among %d", n, carries, len(t.out))
	}
	axis := t.int("dimension", -1)
	size := t.int("scan_dim_size", -1)
	if inputs+outputs == 0 && size < 0 {
		t.fail("it goes over no inputs: the attribute scan_dim_size must say how long")
	}
	without := func(what string, list []mlirType) (slicesOf []mlirType) {
		for _, ty := range list {
			s := ty.tensor()
			if axis < 0 || axis >= s.Rank() {
				t.fail("the attribute dimension: %s %s has no axis %d", what, ty.text, axis)
			}
			if n := s.Dimensions[axis]; size < 0 {
				size = n
			} else if !meet(n, size) {
				t.fail("%s %s has %d slices along axis %d, others %d", what, ty.text, n, axis, size)
			}
			slicesOf = append(slicesOf, typeOfShape(shapes.Shape{DType: s.DType, Dimensions: slices.Delete(slices.Clone(s.Dimensions), axis, axis+1)}))
		}
		return slicesOf
	}
	in := append(without("an input,", t.in[:inputs]), t.in[inputs:]...)
	out := append(without("an output,", t.out[:outputs]), t.out[outputs:]...)
	t.takes(0, in)
	t.returned(0, out)
	for i, ty := range t.out[outputs:] {
		if !compatible(ty, t.in[inputs+i]) {
			t.fail("carry %d starts as %s and ends as %s", i, t.in[inputs+i].text, ty.text)
		}
	}
}

// readScan reads a loop over an axis, of which the body is the program's.
func readScan(c *reading) []*graph.Node {
	inputs := c.scanned("operandSegmentSizes", len(c.in))
	carries := len(c.in) - inputs
	outputs := len(c.op.out) - carries
	axis, r := c.int("dimension", 0), c.op.regions[0]
	xs := make([]*graph.Node, inputs)
	for i, x := range c.in[:inputs] {
		xs[i] = moved(x, axis, 0)
	}
	if len(c.in) == 0 {
		c.fail("it has neither inputs nor carries")
	}
	b := graph.Scan(c.in[inputs:], xs, func(carry, x []*graph.Node) (next, y []*graph.Node) {
		out := c.region(r, slices.Concat(x, carry), c.scope)
		return out[outputs:], out[:outputs]
	})
	if inputs == 0 {
		n := c.int("scan_dim_size", -1)
		if n < 0 && outputs > 0 {
			n = c.result().Dimensions[axis]
		}
		b = b.Length(n)
	}
	if c.bool("is_reverse") {
		b = b.Reverse()
	}
	carry, ys := b.Done()
	out := make([]*graph.Node, 0, len(c.op.out))
	for _, y := range ys {
		out = append(out, moved(y, 0, axis))
	}
	return append(out, carry...)
}

// moved puts an axis at another place, between the others.
func moved(x *graph.Node, from, to int) *graph.Node {
	if from == to {
		return x
	}
	order := slices.Delete(upTo(0, x.Rank()), from, from+1)
	return graph.TransposeAllAxes(x, slices.Insert(order, to, from)...)
}

// ragged are the axes of a product of groups.
type ragged struct {
	batch, contracting [2][]int // of the left and the right operand
	rows, groups       int      // the ragged axis of the left operand; that of the right one with a matrix for each group, or -1
}

// ragged reads the axes of a product of operands with the given ranks.
func (c *reading) ragged(left, right int) (r ragged) {
	m, ok := c.op.attrs["ragged_dot_dimension_numbers"].(map[string]any)
	if !ok {
		c.fail("the attribute ragged_dot_dimension_numbers is missing")
	}
	axes := func(name string, rank int) []int { return c.axes(name, c.intsOf(name, m[name]), rank) }
	r.batch = [2][]int{axes("lhs_batching_dimensions", left), axes("rhs_batching_dimensions", right)}
	r.contracting = [2][]int{axes("lhs_contracting_dimensions", left), axes("rhs_contracting_dimensions", right)}
	rows, groups := axes("lhs_ragged_dimensions", left), axes("rhs_group_dimensions", right)
	if len(rows) != 1 || len(groups) > 1 {
		c.fail("%d ragged axes and %d axes of groups: there must be one of the former, and one of the latter at most", len(rows), len(groups))
	}
	r.rows, r.groups = rows[0], -1
	if len(groups) == 1 {
		r.groups = groups[0]
	}
	return r
}

// raggedDot checks the axes of a product of groups, and its result:
//
//	[b, m, k], [g, b, k, n], [b, g] → [b, m, n]   the rows are ragged
//	[b, m, k], [b, k, n], [b, g] → [g, b, m, n]   what is summed over is
//	[b, m, k], [b, k, n], [g] → [b, m, n]         the batch is
func (t *typed) raggedDot() {
	x, w, sizes := t.in[0].tensor(), t.in[1].tensor(), t.in[2].tensor()
	t.elements("the sizes of groups", dtypes.Ints, t.in[2])
	t.elements("an operand", dtypes.Numbers, t.in[:2]...)
	t.oneElement("the operands", t.in[:2]...)
	r := t.ragged(x.Rank(), w.Rank())
	for what, pair := range map[string][2][]int{"batching": r.batch, "contracting": r.contracting} {
		if len(pair[0]) != len(pair[1]) {
			t.fail("%d %s axes on the left and %d on the right", len(pair[0]), what, len(pair[1]))
		}
		for i, a := range pair[0] {
			if !meet(x.Dimensions[a], w.Dimensions[pair[1][i]]) {
				t.fail("%s axes %d of %s and %d of %s differ", what, a, t.in[0].text, pair[1][i], t.in[1].text)
			}
		}
	}
	used := func(k int) []int { return slices.Concat(r.batch[k], r.contracting[k]) }
	t.axes("ragged_dot_dimension_numbers", used(0), x.Rank())
	rows := !slices.Contains(used(0), r.rows)
	right := used(1)
	if r.groups >= 0 {
		right = append(right, r.groups)
	}
	t.axes("ragged_dot_dimension_numbers", right, w.Rank())
	if rows != (r.groups >= 0) {
		t.fail("an axis of groups goes with rows that are ragged, and with nothing else")
	}
	if sizes.Rank() == 0 {
		t.fail("the sizes of groups are a scalar")
	}
	n := sizes.Dimensions[sizes.Rank()-1]
	var dims []int
	if slices.Contains(r.contracting[0], r.rows) {
		dims = append(dims, n)
	}
	for _, a := range r.batch[0] {
		dims = append(dims, x.Dimensions[a])
	}
	for a, d := range x.Dimensions {
		if !slices.Contains(used(0), a) {
			dims = append(dims, d)
		}
	}
	for a, d := range w.Dimensions {
		if !slices.Contains(right, a) {
			dims = append(dims, d)
		}
	}
	t.resultIs(0, shapes.Shape{DType: t.out[0].tensor().DType, Dimensions: dims})
	if sizes.Rank() > 1 && (sizes.Rank() != 1+len(r.batch[0]) || slices.Contains(r.batch[0], r.rows)) {
		t.fail("the sizes of groups are %s: there must be a list of them, or one for each of the batch", t.in[2].text)
	}
	if rows && r.groups >= 0 && !meet(w.Dimensions[r.groups], n) {
		t.fail("%d groups, and sizes of %d", w.Dimensions[r.groups], n)
	}
}

// readRaggedDot reads a product of groups. Rows of one matrix are multiplied by what package segment has for them; otherwise what does not
// belong to a group is 0 for it.
func readRaggedDot(c *reading) *graph.Node {
	x, w, sizes := c.in[0], c.in[1], c.in[2]
	r := c.ragged(x.Rank(), w.Rank())
	d := c.resultDType()
	product := func(x, w *graph.Node, batch, contracting [2][]int) *graph.Node {
		b := graph.Dot(x, w)
		if d != x.DType() {
			b = b.WithOutputDType(d)
		}
		return b.General(contracting[0], batch[0], contracting[1], batch[1])
	}
	if len(r.batch[0]) == 0 && x.Rank() == 2 && w.Rank() == 3 && r.groups >= 0 && d == x.DType() && sizes.Rank() == 1 {
		if r.contracting[0][0] == 0 {
			x = graph.Transpose(x, 0, 1)
		}
		rows := slices.DeleteFunc(upTo(0, 3), func(a int) bool { return a == r.groups || a == r.contracting[1][0] })
		return segment.RaggedDot(x, graph.TransposeAllAxes(w, r.groups, r.contracting[1][0], rows[0]), sizes)
	}
	groups := sizes.Dim(-1)
	sizes = graph.ConvertDType(sizes, dtypes.Int64)
	end := graph.CumSum(sizes, -1)
	start := graph.Sub(end, sizes)
	place := graph.Iota(c.g, shapes.Make(dtypes.Int64, x.Shape().Dimensions...), r.rows)
	// of spreads a number for each of the batch over the axes of x.
	of := func(list *graph.Node, g int) *graph.Node {
		one := graph.Squeeze(partOf(list, -1, g, g+1), -1)
		if one.Rank() == 0 {
			return one
		}
		return broadcastIn(c, one, x.Shape().Dimensions, r.batch[0])
	}
	var list []*graph.Node
	var sum *graph.Node
	for g := range groups {
		c.bounded()
		inside := graph.LogicalAnd(graph.GreaterOrEqual(place, of(start, g)), graph.LessThan(place, of(end, g)))
		part := graph.Where(inside, x, graph.ZerosLike(x))
		switch {
		case r.groups >= 0:
			matrix := graph.Squeeze(partOf(w, r.groups, g, g+1), r.groups)
			batch, contracting := r.batch, r.contracting
			batch[1], contracting[1] = shifted(batch[1], r.groups), shifted(contracting[1], r.groups)
			part = product(part, matrix, batch, contracting)
		default:
			part = product(part, w, r.batch, r.contracting)
		}
		if slices.Contains(r.contracting[0], r.rows) {
			list = append(list, graph.ExpandAxes(part, 0))
			continue
		}
		if sum == nil {
			sum = part
		} else {
			sum = graph.Add(sum, part)
		}
	}
	switch {
	case list != nil:
		return concatenated(list, 0)
	case sum == nil:
		return graph.Zeros(c.g, c.result())
	}
	return sum
}

// shifted are axes after one of those before them has gone.
func shifted(axes []int, gone int) []int {
	out := slices.Clone(axes)
	for i, a := range out {
		if a > gone {
			out[i]--
		}
	}
	return out
}
