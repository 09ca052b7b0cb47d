package vector

import (
	"math"
	"slices"
)

// Library compiles equal codes once: the groups of an optimizer are one per variable, and all alike. Its zero value is empty. It is
// for one goroutine.
type Library struct {
	programs map[uint64][]*Program // by hash
}

// Compile returns the program of a code, for the tier in use; what is new is copied, and the code may be begun again.
func (l *Library) Compile(c *Code) *Program {
	h := c.Hash()
	for _, p := range l.programs[h] {
		if slices.EqualFunc(p.nodes, c.nodes, sameNode) {
			return p
		}
	}
	if l.programs == nil {
		l.programs = map[uint64][]*Program{}
	}
	own := Code{nodes: slices.Clone(c.nodes), operands: c.operands, folds: slices.Clone(c.folds)}
	p := own.Compile()
	l.programs[h] = append(l.programs[h], p)
	return p
}

// sameNode compares numbers by their bits, of which the sign of a zero is one.
func sameNode(a, b node) bool {
	x, y := math.Float32bits(a.number), math.Float32bits(b.number)
	a.number, b.number = 0, 0
	return x == y && a == b
}

// Hash is equal for equal codes, and mostly another one for others.
func (c *Code) Hash() uint64 {
	h := uint64(len(c.nodes))
	add := func(x uint64) {
		h = (h ^ x) * 0x9e3779b97f4a7c15 // 2⁶⁴ divided by the golden ratio
		h ^= h >> 29
	}
	for i := range c.nodes {
		n := &c.nodes[i]
		add(uint64(n.kind) | uint64(n.op)<<8 | uint64(n.typ)<<16 | uint64(n.fold)<<24 | uint64(n.operand)<<32)
		add(uint64(math.Float32bits(n.number)) | uint64(n.args[0])<<32)
		add(uint64(uint32(n.args[1])) | uint64(n.args[2])<<32)
	}
	return h
}
