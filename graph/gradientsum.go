package graph

import (
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// What a node's readers send back to it is added up. Three kinds of gradients need no sum of whole arrays, each of the size of the
// node: a program that goes over the T times of a sequence would otherwise move T² times the sequence.
//
//   - those that are zero but for a part, of slices: parts that do not overlap are put side by side;
//   - products, of a weight that is used at every time: Σ_t h_t·d_t is one product over all terms of all times;
//   - those that put something into zeros, of slices at starts and of indices that only a run knows: it is put into the sum.

// gradients are those of the nodes of a function from the one numbered low; nil where none arrived.
type gradients struct {
	low    int
	list   []*Node
	later  map[*Node][]*Node // what of each waits until all have arrived: parts and products
	copies map[*segment]map[*Node]*Node
}

func (d *gradients) of(n *Node) **Node { return &d.list[n.index-d.low] }

// add adds dx to the gradient of x.
func (d *gradients) add(x, dx *Node) {
	sum := d.of(x)
	switch {
	case *sum == nil && len(d.later[x]) == 0:
		*sum = dx
	case waits(dx):
		if d.later == nil {
			d.later = map[*Node][]*Node{}
		}
		if *sum != nil && waits(*sum) { // it was the first
			d.later[x], *sum = append(d.later[x], *sum), nil
		}
		d.later[x] = append(d.later[x], dx)
	case *sum == nil:
		*sum = dx
	default:
		*sum = added(*sum, dx)
	}
}

// waits reports whether a gradient is added to others when all have arrived.
func waits(dx *Node) bool { return isPart(dx) || isShallow(dx) }

// settle returns the gradient of n, of which all parts have arrived, nil if none has.
func (d *gradients) settle(n *Node) *Node {
	sum := d.of(n)
	waiting := d.later[n]
	if len(waiting) == 0 {
		return *sum
	}
	delete(d.later, n)
	slices.Reverse(waiting) // the order of the forward nodes
	g := n.graph
	defer func(from ir.Site) { g.from = from }(g.from)
	g.from = waiting[0].site
	for _, dx := range slices.Concat(joinParts(waiting), joinProducts(waiting)) {
		if *sum == nil {
			*sum = dx
		} else {
			*sum = Add(*sum, dx)
		}
	}
	return *sum
}

// added returns sum + dx.
func added(sum, dx *Node) *Node {
	switch in := dx.inputs; {
	case dx.op == scatterSum && isZero(in[0]):
		return Apply(scatterSum, dx.attrs, sum, in[1], in[2])
	case dx.op == dynamicUpdateSlice && isZero(in[0]):
		part, starts := in[1], in[2:]
		return DynamicUpdateSlice(sum, Add(DynamicSlice(sum, starts, part.Shape().Dimensions), part), starts)
	}
	return Add(sum, dx)
}

// isZero reports whether n is a zero, or zeros made of one.
func isZero(n *Node) bool {
	for n.op.Layout == ir.Repetition || n.op.Layout == ir.View {
		n = n.inputs[0]
	}
	c, ok := n.attrs.(ir.ConstAttrs)
	return ok && c.Value.Size() == 1 && load[complex128](c.Value)[0] == 0
}

// part is a gradient that is zero but for a box.
type part struct {
	whole *Node // the gradient, if it was not joined with others
	x     *Node // what lies in the box
	from  []int // where it begins, per axis
}

func (p part) end(axis int) int { return p.from[axis] + p.x.Dim(axis) }

// isPart reports whether n is something with zeros around it.
func isPart(n *Node) bool {
	a, ok := n.attrs.(ir.PadAttrs)
	return ok && n.op == pad && isZero(n.inputs[1]) && !slices.ContainsFunc(a.Axes, func(p ir.PadAxis) bool {
		return p.Start < 0 || p.End < 0 || p.Interior != 0
	})
}

// joinParts returns gradients of the same sum as those of list that are parts: fewer, if some can stand side by side.
func joinParts(list []*Node) []*Node {
	var parts []part
	var like shapes.Shape
	for _, n := range list {
		if !isPart(n) {
			continue
		}
		p := part{whole: n, x: n.inputs[0]}
		for _, a := range n.attrs.(ir.PadAttrs).Axes {
			p.from = append(p.from, a.Start)
		}
		parts, like = append(parts, p), n.Shape()
	}
	for axis := like.Rank() - 1; axis >= 0; axis-- {
		parts = alongside(parts, axis)
	}
	joined := make([]*Node, len(parts))
	for i, p := range parts {
		joined[i] = p.padded(like)
	}
	return joined
}

// padded returns p as a gradient of the given shape.
func (p part) padded(s shapes.Shape) *Node {
	if p.whole != nil {
		return p.whole
	}
	axes := make([]ir.PadAxis, s.Rank())
	for i, d := range s.Dimensions {
		axes[i] = ir.PadAxis{Start: p.from[i], End: d - p.end(i)}
	}
	return Pad(p.x, ScalarZero(p.x.graph, s.DType), axes...)
}

// alongside joins parts that lie side by side along an axis and have the same place along all others.
func alongside(parts []part, axis int) (joined []part) {
	rows := map[string][]part{}
	var order []string
	for _, p := range parts {
		key := fmt.Sprint(slices.Delete(slices.Clone(p.from), axis, axis+1), slices.Delete(slices.Clone(p.x.Shape().Dimensions), axis, axis+1))
		if rows[key] == nil {
			order = append(order, key)
		}
		rows[key] = append(rows[key], p)
	}
	for _, key := range order {
		for _, layer := range layers(rows[key], axis) {
			joined = append(joined, inOne(layer, axis))
		}
	}
	return joined
}

// layers divides parts into lists in which none overlaps another along an axis, each in order.
func layers(parts []part, axis int) (list [][]part) {
	slices.SortStableFunc(parts, func(a, b part) int { return a.from[axis] - b.from[axis] })
	for _, p := range parts {
		i := slices.IndexFunc(list, func(l []part) bool { return l[len(l)-1].end(axis) <= p.from[axis] })
		if i < 0 {
			i, list = len(list), append(list, nil)
		}
		list[i] = append(list[i], p)
	}
	return list
}

// inOne joins parts that follow one another along an axis, with zeros where there are gaps.
func inOne(parts []part, axis int) part {
	if len(parts) == 1 {
		return parts[0]
	}
	var pieces []*Node
	for i, p := range parts {
		if i > 0 {
			if gap := p.from[axis] - parts[i-1].end(axis); gap > 0 {
				s := p.x.Shape().Clone()
				s.Dimensions[axis] = gap
				pieces = append(pieces, Zeros(p.x.graph, s))
			}
		}
		pieces = append(pieces, p.x)
	}
	return part{x: Concatenate(pieces, axis), from: parts[0].from}
}

// isShallow reports whether n is a product that sums so few terms that its operands are smaller than it is: to put the operands of
// several side by side, read and written, moves less than to add their results, of which two are read and one is written. It
// keeps operands that would not be needed any more, but these are smaller, too, than what the forward pass keeps to make them.
func isShallow(n *Node) bool {
	a, ok := n.attrs.(ir.DotAttrs)
	if !ok || n.op != dotGeneral || len(a.LhsContract) == 0 {
		return false
	}
	return 2*(n.inputs[0].Shape().Size()+n.inputs[1].Shape().Size()) <= 3*n.Shape().Size()
}

// joinProducts returns gradients of the same sum as those of list that are products: of those of one kind a single one, over the
// terms of all.
func joinProducts(list []*Node) (joined []*Node) {
	var kinds [][]*Node
	for _, n := range list {
		if !isShallow(n) {
			continue
		}
		i := slices.IndexFunc(kinds, func(k []*Node) bool { return addUp(k[0], n) })
		if i < 0 {
			i, kinds = len(kinds), append(kinds, nil)
		}
		kinds[i] = append(kinds[i], n)
	}
	for _, k := range kinds {
		joined = append(joined, inOneProduct(k))
	}
	return joined
}

// addUp reports whether the sum of the products x and y is one product of longer operands.
func addUp(x, y *Node) bool {
	a, b := x.attrs.(ir.DotAttrs), y.attrs.(ir.DotAttrs)
	same := slices.Equal(a.LhsContract, b.LhsContract) && slices.Equal(a.RhsContract, b.RhsContract) &&
		slices.Equal(a.LhsBatch, b.LhsBatch) && slices.Equal(a.RhsBatch, b.RhsBatch) && a.Accumulator == b.Accumulator && a.Output == b.Output
	return same && x.inputs[0].Shape().Equal(y.inputs[0].Shape()) && x.inputs[1].Shape().Equal(y.inputs[1].Shape())
}

// inOneProduct returns the sum of products that add up.
func inOneProduct(products []*Node) *Node {
	first := products[0]
	if len(products) == 1 {
		return first
	}
	a := first.attrs.(ir.DotAttrs)
	side := func(i, axis int) *Node {
		terms := make([]*Node, len(products))
		for k, p := range products {
			terms[k] = p.inputs[i]
		}
		return Concatenate(terms, axis)
	}
	return Apply(dotGeneral, a, side(0, a.LhsContract[0]), side(1, a.RhsContract[0]))
}
