package gocpu

import (
	"cmp"
	"slices"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/internal/arena"
)

// sinkNumbers moves elementwise calls on single numbers to where the first one stands that reads their results. What is made of
// a sum, such as whether it is finite, then does not stand between the sum and what could be summed in the same pass.
func (c *compiler) sinkNumbers() {
	n := len(c.instrs)
	before := arena.Again(&c.numbers, n) // per instruction the one before which it goes: itself, if it stays
	first := arena.Again(&c.numbers, len(c.code.values))
	for r := range first {
		first[r] = n
	}
	moved := false
	for i := n - 1; i >= 0; i-- {
		in := &c.instrs[i]
		if before[i] = i; in.dead || in.call.view {
			continue
		}
		if c.isOfNumbers(in) {
			before[i] = n
			for _, id := range in.out {
				before[i] = min(before[i], first[id])
			}
			moved = moved || before[i] > i+1
		}
		for _, id := range in.in {
			r := c.code.resolve(id)
			first[r] = min(first[r], before[i])
		}
	}
	if !moved {
		return
	}
	order := arena.Again(&c.numbers, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Or(cmp.Compare(before[i], before[j]), cmp.Compare(i, j)) })
	c.reorder(order)
}

// isOfNumbers reports whether an instruction computes one number of others.
func (c *compiler) isOfNumbers(in *instr) bool {
	if in.Op.Effect != ir.Pure || !in.Op.Elementwise || in.call.out[0].Size() != 1 {
		return false
	}
	return !slices.ContainsFunc(in.call.in, func(s shapes.Shape) bool { return s.Size() != 1 })
}

// reorder lists the instructions anew.
func (c *compiler) reorder(order []int) {
	list := c.anew(len(order))
	for to, from := range order {
		list = append(list, c.instrs[from])
		for _, id := range list[to].out {
			c.maker[id] = to
		}
	}
	c.relisted(list)
}
