package graph

import (
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// scanVJP goes back through a Scan with a Scan in the other direction. It carries the cotangents of the carry, and the sums of what
// the turns give to captured values. Over what the first one stored of each turn, and the cotangents of what that returned, it goes
// slice by slice:
//
//	dcarry[t], dx[t] = body_vjp(dcarry[t+1], dy[t]; carry[t], x[t])
func scanVJP(n *Node, dys []*Node, want []bool) []*Node {
	a, of := n.attrs.(ir.ScanAttrs), n.bodies[0]
	on := of.active(a.Carries, want)
	if !slices.Contains(on, true) {
		return nil
	}
	s := &scanGradient{n: n, of: of, on: on, carries: a.Carries, slots: slices.Repeat([]int{-1}, len(on)), sums: make([][]summand, len(on))}
	b := newBackward(of, a.Carries, on, a.Recompute, func() []*Node { return s.start(dys) }, s.finish)
	each, captured := b.uses(n, func(v shapes.Shape) shapes.Shape { return stacked(a.Length, v, "") })
	s.arrays.inside = append(s.arrays.inside, each.inside...)
	s.arrays.operands = append(s.arrays.operands, each.operands...)
	own := slices.Concat(s.carry.inside, s.arrays.inside)
	for k, c := range s.carry.operands {
		if c == nil {
			s.carry.operands[k] = ZerosLike(s.carry.inside[k])
		}
	}
	bodies := []*body{{fn: b.fn, own: len(own), inputs: slices.Concat(own, captured.inside), outputs: b.fn.outputs}}
	operands := slices.Concat(s.carry.operands, s.arrays.operands, captured.operands)
	back := ir.ScanAttrs{Carries: len(s.carry.inside), Length: a.Length, Reverse: !a.Reverse, Recompute: a.Recompute}
	return s.gradients(apply(n.graph, scanOp, back, bodies, operands).Results())
}

// active tells through which inputs of a loop's body the gradient goes: those that are wanted, and the carries that depend on them.
func (b *body) active(carries int, want []bool) []bool {
	on := slices.Clone(want)
	for {
		follows := make([]bool, len(b.fn.nodes))
		for i, in := range b.inputs {
			if in != nil && on[i] {
				follows[in.index] = true
			}
		}
		for i, n := range b.fn.nodes {
			follows[i] = follows[i] || slices.ContainsFunc(n.inputs, func(x *Node) bool { return follows[x.index] })
		}
		more := false
		for k, y := range b.outputs[:carries] {
			if !on[k] && follows[y.index] && isInexact(y.DType()) {
				on[k], more = true, true
			}
		}
		if !more {
			return on
		}
	}
}

// scanGradient is the gradient of a Scan, while it is made.
type scanGradient struct {
	n       *Node
	of      *body
	on      []bool // per input of the body: whether the gradient goes through it
	carries int    // of n

	carry  passed  // of the Scan back: cotangents and sums; a nil operand is zero
	arrays passed  // of the Scan back: cotangents and what is stored
	next   []*Node // what its body returns for each carry
	ys     []*Node // what it returns of each turn

	slots []int       // per input that is an array, which of ys is its gradient, or -1
	sums  [][]summand // per captured input, what its gradient is the sum of
}

// summand is part of the sum over all turns, made of the results of the Scan back.
type summand func(out []*Node) *Node

// start declares the cotangents of what the body returns.
func (s *scanGradient) start(dys []*Node) []*Node {
	g := s.n.graph
	cotangents := make([]*Node, len(s.of.outputs))
	for k, y := range s.of.outputs {
		switch {
		case k < s.carries && s.on[k]:
			cotangents[k] = Parameter(g, fmt.Sprintf("dcarry%d", k), y.Shape())
			s.carry.add(cotangents[k], dys[k])
		case k >= s.carries && dys[k] != nil:
			cotangents[k] = Parameter(g, fmt.Sprintf("dy%d", k-s.carries), y.Shape())
			s.arrays.add(cotangents[k], dys[k])
		}
	}
	return cotangents
}

// finish returns what the body of the Scan back returns.
func (s *scanGradient) finish(b *backward) []*Node {
	for k := range s.carries {
		if !s.on[k] {
			continue
		}
		dx := b.grads[k]
		if dx == nil {
			dx = ZerosLike(s.of.inputs[k])
		}
		s.next = append(s.next, dx)
	}
	own := s.of.own
	for i := s.carries; i < own; i++ {
		if b.grads[i] != nil {
			s.slots[i] = s.emit(b.grads[i])
		}
	}
	inside := make([][]*Node, len(s.on)) // what is summed turn by turn
	for i := own; i < len(s.on); i++ {
		if b.grads[i] != nil {
			inside[i] = s.products(b, i, b.grads[i])
		}
	}
	for i, terms := range inside {
		s.carrySum(b, i, terms)
	}
	return slices.Concat(s.next, s.ys)
}

// emit lets the Scan back return x of each turn, and returns which of ys it is.
func (s *scanGradient) emit(x *Node) int {
	k := slices.Index(s.ys, x)
	if k < 0 {
		k, s.ys = len(s.ys), append(s.ys, x)
	}
	return k
}

// products makes one product, over the terms of all turns, of each product that input i gets in a turn, where that is less work than to
// add one to the other: the gradient of a weight is such a sum. It returns the other terms.
func (s *scanGradient) products(b *backward, i int, dx *Node) (others []*Node) {
	switch {
	case dx.op == add && dx.inputs[0].Shape().Equal(dx.inputs[1].Shape()):
		return append(s.products(b, i, dx.inputs[0]), s.products(b, i, dx.inputs[1])...)
	case dx.op == transpose && s.isProduct(b, dx.inputs[0]):
		sum := s.product(b, dx.inputs[0])
		s.sums[i] = append(s.sums[i], func(out []*Node) *Node { return Apply(transpose, dx.attrs, sum(out)) })
		return nil
	case s.isProduct(b, dx):
		s.sums[i] = append(s.sums[i], s.product(b, dx))
		return nil
	}
	return []*Node{dx}
}

func (s *scanGradient) isProduct(b *backward, dx *Node) bool {
	return isShallow(dx) && !b.isCaptured(dx.inputs[0]) && !b.isCaptured(dx.inputs[1])
}

// isCaptured reports whether a node of the function is the same in all turns.
func (b *backward) isCaptured(n *Node) bool {
	if n.op != parameter {
		return false
	}
	for _, c := range b.fn.captured {
		if b.fn.inner[c] == n {
			in := slices.Index(b.of.inputs, c)
			return in >= b.of.own || in < 0 && (c.op == parameter || b.isFixed(c))
		}
	}
	return false
}

// product returns the sum over all turns of a product, of operands that are stacked.
func (s *scanGradient) product(b *backward, dx *Node) summand {
	stacks := []func(out []*Node) *Node{s.stack(b, dx.inputs[0]), s.stack(b, dx.inputs[1])}
	return func(out []*Node) *Node {
		a := dx.attrs.(ir.DotAttrs)
		l, r := stacks[0](out), stacks[1](out)
		for k, axis := range a.LhsContract {
			if axis == 0 && a.RhsContract[k] == 0 { // the turns are more of its terms
				return Apply(dotGeneral, a, joinedFirst(l), joinedFirst(r))
			}
		}
		behind := func(axes []int) []int {
			list := slices.Clone(axes)
			for k := range list {
				list[k]++
			}
			return list
		}
		a.LhsContract, a.RhsContract = append([]int{0}, behind(a.LhsContract)...), append([]int{0}, behind(a.RhsContract)...)
		a.LhsBatch, a.RhsBatch = behind(a.LhsBatch), behind(a.RhsBatch)
		return Apply(dotGeneral, a, l, r)
	}
}

// joinedFirst returns x with its first two axes as one.
func joinedFirst(x *Node) *Node {
	d := x.Shape().Dimensions
	return Reshape(x, append([]int{d[0] * d[1]}, d[2:]...)...)
}

// stack returns where all values of a node of the function will be found: among the operands of the Scan back, or its results.
func (s *scanGradient) stack(b *backward, x *Node) func(out []*Node) *Node {
	if x.op == parameter && !slices.Contains(s.carry.inside, x) {
		return func([]*Node) *Node { return s.arrays.operands[slices.Index(s.arrays.inside, x)] }
	}
	k := s.emit(x)
	return func(out []*Node) *Node { return out[len(s.carry.inside)+k] }
}

// carrySum adds terms to the gradient of input i in each turn, but for sums of what is stacked anyway.
func (s *scanGradient) carrySum(b *backward, i int, terms []*Node) {
	var sum *Node
	for _, dx := range terms {
		if dx.op == reduceSum && slices.Contains(s.ys, dx.inputs[0]) {
			all := s.stack(b, dx.inputs[0])
			axes := []int{0}
			for _, axis := range dx.attrs.(ir.ReduceAttrs).Axes {
				axes = append(axes, axis+1)
			}
			s.sums[i] = append(s.sums[i], func(out []*Node) *Node { return Apply(reduceSum, ir.ReduceAttrs{Axes: axes}, all(out)) })
			continue
		}
		if sum == nil {
			sum = Parameter(s.n.graph, fmt.Sprintf("sum%d", len(s.carry.inside)), dx.Shape())
			k := len(s.carry.inside)
			s.carry.add(sum, nil)
			s.sums[i] = append(s.sums[i], func(out []*Node) *Node { return out[k] })
		}
		sum = added(sum, dx)
	}
	if sum != nil {
		s.next = append(s.next, sum)
	}
}

// gradients returns those of n's operands, from the results of the Scan back.
func (s *scanGradient) gradients(out []*Node) []*Node {
	grads := make([]*Node, len(s.n.inputs))
	k := 0
	for i := range s.carries {
		if s.on[i] {
			grads[i] = out[k]
			k++
		}
	}
	for i := s.carries; i < s.of.own; i++ {
		if s.slots[i] >= 0 {
			grads[i] = out[len(s.carry.inside)+s.slots[i]]
		}
	}
	for i, terms := range s.sums {
		for _, term := range terms {
			if dx := term(out); grads[i] == nil {
				grads[i] = dx
			} else {
				grads[i] = Add(grads[i], dx)
			}
		}
	}
	return grads
}
