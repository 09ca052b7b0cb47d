package gocpu

import "slices"

// Order says in which orders the steps of a compiled program may run.
type Order uint8

const (
	// Sequential is one after the other: every step follows the one before it. It needs the least memory.
	Sequential Order = iota

	// Dataflow is any order in which a step follows those that make its operands. Only values that cannot live at
	// once in any such order share memory. A result that may take the memory of a donated input is written after all
	// that read the input. Programs of more than 8,000 steps run as Sequential, since the relation
	// of all steps to all others takes memory in proportion to the square of their number.
	Dataflow
)

const dataflowLimit = 8000

// ancestors holds, per step, the set of all steps that come before it in every order; nil is the sequential order.
type ancestors [][]uint64

// before reports whether step i ends before step j starts in every order.
func (a ancestors) before(i, j int) bool {
	if a == nil {
		return i < j
	}
	return a[j][i/64]>>(i%64)&1 != 0
}

// ancestorsOf closes the edges over steps: after holds the earlier steps that each one follows.
func ancestorsOf(after [][]int) ancestors {
	words := (len(after) + 63) / 64
	a, all := make(ancestors, len(after)), make([]uint64, words*len(after))
	for j, list := range after {
		a[j], all = all[:words], all[words:]
		for _, i := range list {
			for w, bits := range a[i] {
				a[j][w] |= bits
			}
			a[j][i/64] |= 1 << (i % 64)
		}
	}
	return a
}

// dataEdges returns, per step, the steps that make what it reads. It is for codes whose memory is not planned: then a
// value's root is the value whose content it has.
func (c *code) dataEdges() [][]int {
	maker := make([]int, len(c.values))
	for id := range maker {
		maker[id] = -1
	}
	after := make([][]int, len(c.steps))
	for i, s := range c.steps {
		for _, id := range s.in {
			if m := maker[c.content(id)]; m >= 0 && !slices.Contains(after[i], m) {
				after[i] = append(after[i], m)
			}
		}
		for _, id := range s.out {
			maker[id] = i
		}
	}
	return after
}
