package gocpu

import (
	"cmp"
	"math"
	"slices"

	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/internal/arena"
)

// slot is memory that one or several values use one after the other, each written over the last one
// by a step that reads it.
type slot struct {
	def, last int   // the steps between which it holds something, in the program's order
	ends      []int // the steps that touch its last value; nil in the sequential order, where last says it
	size      int
	output    int // which output's memory it is, or -1
	offset    int
}

// planner holds the lifetimes of a code's values, by steps.
type planner struct {
	*code
	*scratch
	order     ancestors
	uses      [][]int // per root the steps that touch it; nil in the sequential order
	def, last []int   // per value that is its own root; last of outputs is never
	slotOf    []int   // per value, -1 if it needs no memory of the run's own
	list      []slot
}

const never = math.MaxInt

// plan decides where every value lies: offsets in the arena for what lives within a run, and which
// input's memory each output may take.
func (c *code) plan(s *scratch) {
	p := &planner{code: c, scratch: s}
	if c.after != nil {
		p.order, p.uses = ancestorsOf(c.after), make([][]int, len(c.values))
	}
	p.lifetimes()
	p.assign()
	c.arena = place(p.list, p.order)
	for id := range c.values {
		if s := p.slotOf[id]; s >= 0 && c.values[id].kind == temp {
			if o := p.list[s].output; o >= 0 { // it is overwritten by an output in place
				c.values[id].root = c.outputs[o]
				continue
			}
			c.values[id].offset = p.list[s].offset
		} else if s < 0 && c.values[id].kind == temp && c.resolve(id) == id && c.values[id].lies == whole {
			c.values[id].size = 0 // no step makes it any more: it has no place in the arena
		}
	}
	p.donors()
	for id := range c.values {
		if of, at := c.memory(id); of != id && (c.values[of].kind == input || c.values[of].kind == output) {
			c.views = append(c.views, view{id, of, at, at + c.values[id].size})
		}
	}
	for _, s := range c.steps {
		c.arity = max(c.arity, len(s.in), len(s.out))
	}
}

// lifetimes finds the first and last step that touch each value's memory.
func (p *planner) lifetimes() {
	p.def, p.last = arena.Again(&p.numbers, len(p.values)), arena.Again(&p.numbers, len(p.values))
	for id := range p.values {
		p.def[id], p.last[id] = -1, -1
	}
	for i := range p.steps {
		s := &p.steps[i]
		for _, id := range s.in {
			p.touch(p.owner(id), i)
		}
		for _, id := range s.out {
			of := p.owner(id)
			if p.def[of] < 0 {
				p.def[of] = i
			}
			p.touch(of, i)
		}
		if s.scratch >= 0 {
			p.def[s.scratch] = i
			p.touch(s.scratch, i)
		}
	}
	for _, id := range p.outputs {
		p.last[id] = never
	}
	for _, s := range p.steps[:p.once] { // later turns read it
		for _, id := range s.out {
			p.last[p.owner(id)] = never
		}
	}
}

// touch notes that step i reads or writes the memory of id.
func (p *planner) touch(id, i int) {
	p.last[id] = i
	if p.uses != nil {
		p.uses[id] = append(p.uses[id], i)
	}
}

// over reports whether in every order all steps that touch id, but for step i itself, end before step i starts.
func (p *planner) over(id, i int) bool {
	if p.last[id] > i || p.uses == nil {
		return p.last[id] <= i
	}
	for _, u := range p.uses[id] {
		if u != i && !p.order.before(u, i) {
			return false
		}
	}
	return true
}

// assign gives a slot to every value that a step makes: the slot of an operand that ends there, if the
// kernel can work in place, or a new one.
func (p *planner) assign() {
	p.list = arena.Again(&p.slots, len(p.steps))[:0]
	p.slotOf = arena.Again(&p.numbers, len(p.values))
	outputOf := arena.Again(&p.numbers, len(p.values))
	for id := range p.slotOf {
		p.slotOf[id], outputOf[id] = -1, -1
	}
	for i, id := range p.outputs {
		outputOf[id] = i
	}
	var taken []int
	for i := range p.steps {
		s := &p.steps[i]
		taken = taken[:0]
		for k, id := range s.out {
			if p.values[id].lies == slides {
				continue // it lies in an operand
			}
			of := p.owner(id)
			slot := p.slotOf[of] // if another value was placed in it before
			if slot < 0 && of == id {
				slot = p.reusable(i, s, k, taken)
			}
			if id = of; slot < 0 {
				slot = p.newSlot(id, i)
			}
			taken = append(taken, slot)
			p.slotOf[id] = slot
			p.list[slot].last = p.last[id]
			if p.uses != nil {
				p.list[slot].ends = p.uses[id]
			}
			if outputOf[id] >= 0 {
				p.list[slot].output = outputOf[id]
			}
		}
		if s.scratch >= 0 {
			p.slotOf[s.scratch] = p.newSlot(s.scratch, i)
		}
	}
}

func (p *planner) newSlot(id, step int) int {
	s := slot{def: step, last: p.last[id], size: p.values[id].size, output: -1}
	if p.uses != nil {
		s.ends = p.uses[id]
	}
	p.list = append(p.list, s)
	return len(p.list) - 1
}

// reusable returns the slot of an operand whose memory result k of step i can take, or -1; taken are those of the results
// before it. An output that could be written over an input which ends here leaves that to the run: the input may be
// donated.
func (p *planner) reusable(i int, s *step, k int, taken []int) int {
	if p.last[s.out[k]] == never && slices.ContainsFunc(p.inputs, func(in int) bool { return p.last[in] == i && p.takes(s, k, in) }) {
		return -1
	}
	for _, x := range s.mayTake(k) {
		r := p.resolve(s.in[x])
		if p.values[r].kind == temp && p.values[r].lies == whole && p.last[r] == i && p.over(r, i) && p.fits(s, k, x) && !slices.Contains(taken, p.slotOf[r]) {
			return p.slotOf[r]
		}
	}
	return -1
}

// mayTake returns the operands whose memory result k may take; none if k is -1.
func (s *step) mayTake(k int) []int {
	if k >= 0 && k < len(s.inPlace) {
		return s.inPlace[k]
	}
	return nil
}

// fits reports whether operand x and result k have elements of one size, one for one, and no other operand shares x's
// memory, unless the op reads all operands at the place that it writes.
func (p *planner) fits(s *step, k, x int) bool {
	for i, id := range s.in {
		if i != x && p.owner(id) == p.owner(s.in[x]) && (!s.pointwise || p.resolve(id) != p.resolve(s.in[x])) {
			return false
		}
	}
	from, to := p.values[s.in[x]], p.values[s.out[k]]
	return from.size == to.size && from.shape.Size() == to.shape.Size()
}

// over reports whether all that touch s end before step i starts, in every order.
func (s *slot) over(i int, order ancestors) bool {
	if order == nil || s.last >= i {
		return s.last < i
	}
	return !slices.ContainsFunc(s.ends, func(e int) bool { return !order.before(e, i) })
}

// place gives offsets to the slots that are not outputs', such that no two that may live at the same
// time in an order of the steps overlap, and returns the size of the arena.
func place(slots []slot, order ancestors) int {
	list := make([]*slot, 0, len(slots))
	for i := range slots {
		if slots[i].output < 0 && slots[i].size > 0 {
			list = append(list, &slots[i])
		}
	}
	if order == nil && len(list) > bySizeLimit {
		return placeByTime(list)
	}
	return placeBySize(list, order)
}

// bySizeLimit is how many slots placeBySize gets: it compares each with all others that are placed. 2,000 take it some
// 3 ms, and 100,000 would take 10 s.
const bySizeLimit = 2000

// placeBySize lets larger slots choose first, each the smallest gap that takes it.
func placeBySize(list []*slot, order ancestors) int {
	slices.SortStableFunc(list, func(a, b *slot) int { return cmp.Compare(b.size, a.size) })
	placed := make([]placement, 0, len(list)) // by offset
	total := 0
	for _, s := range list {
		best, bestGap, end := -1, math.MaxInt, 0
		for i := range placed {
			q := &placed[i]
			if order == nil && (q.last < s.def || s.last < q.def) || order != nil && (q.over(s.def, order) || s.over(q.def, order)) {
				continue
			}
			if gap := q.offset - end; gap >= s.size && gap < bestGap {
				best, bestGap = end, gap
			}
			end = max(end, q.end)
		}
		if best < 0 {
			best = end
		}
		s.offset = best
		p := placement{s, s.def, s.last, s.offset, kernels.Aligned(s.offset + s.size)}
		total = max(total, p.end)
		at, _ := slices.BinarySearchFunc(placed, p, func(a, b placement) int { return cmp.Compare(a.offset, b.offset) })
		placed = slices.Insert(placed, at, p)
	}
	return total
}

// placement is a slot that has its place, with what the others look at beside it in memory.
type placement struct {
	*slot
	def, last, offset, end int
}

// placeByTime follows the steps: a slot takes memory that a slot of the same rounded size has left, or new memory. It
// needs time in proportion to the number of slots, and memory that is the sum over the sizes of what each size needs
// at most: long programs have few sizes.
func placeByTime(order []*slot) int {
	slices.SortStableFunc(order, func(a, b *slot) int { return cmp.Compare(a.def, b.def) })
	ends := slices.Clone(order)
	slices.SortStableFunc(ends, func(a, b *slot) int { return cmp.Compare(a.last, b.last) })
	free := map[int][]int{} // by rounded size: offsets
	total := 0
	for _, s := range order {
		for ; ends[0].last < s.def; ends = ends[1:] { // s itself is among the later ones
			size := kernels.Aligned(ends[0].size)
			free[size] = append(free[size], ends[0].offset)
		}
		size := kernels.Aligned(s.size)
		if list := free[size]; len(list) > 0 {
			s.offset, free[size] = list[len(list)-1], list[:len(list)-1]
			continue
		}
		s.offset = total
		total += size
	}
	return total
}

// donors finds, for each output, an input of the same size whose last use is before the output is first
// written, or at that step if its kernel works in place there. Inputs of the output's shape come first. In a loop, where an output
// is an input of the next turn, only that may be its donor.
func (p *planner) donors() {
	p.code.donors = make([]int, len(p.outputs))
	taken := make([]bool, len(p.inputs))
	for o, id := range p.outputs {
		p.code.donors[o] = -1
		first := p.list[p.slotOf[id]].def
		s := &p.steps[first]
		k := slices.IndexFunc(s.out, func(made int) bool { return p.slotOf[made] == p.slotOf[id] })
		best := 0
		for i, in := range p.inputs {
			if p.state != noLoop && i != o || taken[i] || p.values[in].size != p.values[id].size || p.values[id].size == 0 {
				continue
			}
			score := 0
			switch {
			case p.last[in] == first && p.takes(s, k, in):
				score = 4
			case p.last[in] < first:
				score = 2
			default:
				continue
			}
			if p.values[in].shape.Equal(p.values[id].shape) {
				score++
			}
			if score > best {
				best, p.code.donors[o] = score, i
			}
		}
		if i := p.code.donors[o]; i >= 0 {
			taken[i] = true
			p.readBefore(p.inputs[i], first)
		}
	}
}

// readBefore adds the edges that let step i write over the input in: all that read it come first, as they do in
// the program, so that no circle is closed. What is planned already holds: the edges only leave fewer orders.
func (p *planner) readBefore(in, i int) {
	if p.uses == nil {
		return
	}
	for _, u := range p.uses[in] {
		if u != i && !p.order.before(u, i) && !slices.Contains(p.after[i], u) {
			p.after[i] = append(p.after[i], u)
		}
	}
}

// takes reports whether step s can write its result k over the input in.
func (p *planner) takes(s *step, k, in int) bool {
	for _, x := range s.mayTake(k) {
		if p.resolve(s.in[x]) == in && p.fits(s, k, x) {
			return true
		}
	}
	return false
}
