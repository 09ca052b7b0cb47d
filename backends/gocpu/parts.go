package gocpu

import (
	"iter"

	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/tensors"
)

// Parts: a value may lie in the memory of another one. A slice that takes neighbouring elements is a part of its operand, at a place
// that the program knows or that each run finds out, and nothing is copied; what is put together along the first axis is written to
// where it belongs. The whole lives as long as any of its parts, which neither take another value's memory nor give up their own.

// lies says how a value lies in memory.
type lies uint8

const (
	whole  lies = iota // it has its own memory, or all of another value's
	partOf             // it is a part of its base
	slides             // so it is, and a step finds out where
	inPart             // its step writes it into its base, of which it is to be a part
)

// slide returns how many bytes behind the first operand the result begins.
type slide func(a *kernels.Args) int

// view is a value that lies in the memory of another one, from at to end.
type view struct{ id, of, at, end int }

// lay says that id lies in base.
func (c *code) lay(id int, how lies, base, at int) {
	v := &c.values[id]
	v.lies, v.base, v.at = how, base, at
}

// memory returns the value in whose memory id lies, and where in it.
func (c *code) memory(id int) (of, at int) {
	for id = c.resolve(id); c.values[id].lies != whole; id = c.resolve(c.values[id].base) {
		at += c.values[id].at
	}
	return id, at
}

// owner returns the value in whose memory id lies.
func (c *code) owner(id int) int {
	of, _ := c.memory(id)
	return of
}

// kindOf says where the memory of id comes from.
func (c *code) kindOf(id int) kind { return c.values[c.owner(id)].kind }

// content returns the value, given or made by a step, that id is or is a part of.
func (c *code) content(id int) int {
	for id = c.resolve(id); c.values[id].lies == partOf; id = c.resolve(c.values[id].base) {
	}
	return id
}

// seenBy goes over the values of which something is read if id is: id, and what it is a part of.
func (c *code) seenBy(id int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for id := c.resolve(id); yield(id) && c.values[id].lies == partOf; id = c.resolve(c.values[id].base) {
		}
	}
}

// soon is how many instructions later a slice may be read for the last time, if its operand is read no longer than that.
const soon = 16

// readSoon marks the instructions whose result may lie in the first operand without keeping that for long: where the result is most
// of it, or is read for the last time before the operand is, or not much later.
func (c *compiler) readSoon() {
	last := make([]int, len(c.code.values)) // per value the last instruction that reads it, or a view of it
	for _, id := range c.program.Outputs {
		last[id] = len(c.instrs)
	}
	for i := len(c.instrs) - 1; i >= 0; i-- {
		in := &c.instrs[i]
		if in.dead {
			continue
		}
		for _, id := range in.in {
			if in.Op.Layout == ir.View {
				last[id] = max(last[id], last[in.out[0]])
			} else {
				last[id] = max(last[id], i)
			}
		}
	}
	for i := range c.instrs {
		if in := &c.instrs[i]; len(in.in) > 0 && len(in.out) == 1 {
			x, y := in.in[0], in.out[0]
			in.soon = 2*c.code.values[y].size >= c.code.values[x].size || last[y] <= max(i+soon, last[x])
		}
	}
}

// findPart reports whether a slice takes neighbouring elements from a good place, and says where that is.
func (k *call) findPart(a ir.SliceAttrs) bool {
	x, y, strides := k.in[0], k.out[0], k.in[0].Strides()
	at, inner := 0, true // whether all axes so far are taken whole
	for i := x.Rank() - 1; i >= 0; i-- {
		if y.Dimensions[i] != 1 && (!inner || a.Stride[i] != 1) {
			return false
		}
		inner = inner && y.Dimensions[i] == x.Dimensions[i]
		at += a.Start[i] * strides[i] * x.DType.Size()
	}
	k.part, k.at = at%tensors.Alignment == 0, at
	return k.part
}

// slides reports whether a dynamic slice takes neighbouring elements, from good places wherever it begins.
func (k *call) slides() bool {
	x, y, strides := k.in[0], k.out[0], k.in[0].Strides()
	inner := true
	for i := x.Rank() - 1; i >= 0; i-- {
		if !inner && y.Dimensions[i] != 1 {
			return false
		}
		if x.Dimensions[i] != y.Dimensions[i] {
			if inner = false; strides[i]*x.DType.Size()%tensors.Alignment != 0 {
				return false
			}
		}
	}
	return true
}

// slide lets the result of a step lie where that says.
func (f *frame) slide(s *step, a *kernels.Args) {
	at := s.slide(a)
	for _, v := range f.code.slid[s.out[0]] {
		f.vals[v.id] = a.In[0][at+v.at : at+v.end : at+v.end]
	}
}

// findSlid lists what lies in the results of steps that find out where that is.
func (c *code) findSlid() {
	for id, v := range c.values {
		at := 0
		for of := c.resolve(id); c.values[of].lies != whole; of = c.resolve(c.values[of].base) {
			if c.values[of].lies != slides {
				at += c.values[of].at
				continue
			}
			if c.slid == nil {
				c.slid = map[int][]view{}
			}
			c.slid[of] = append(c.slid[of], view{id, of, at, at + v.size})
			break
		}
	}
}

// placeOperands lets the operands of concatenations along the first axis be written to where they belong. In an order that steps may
// run in at will, others could use the memory before.
func (c *compiler) placeOperands() {
	if c.options.Order != Sequential {
		return
	}
	var kept []bool
	var makers []*instr
	for i := range c.instrs {
		in := &c.instrs[i]
		if !c.runs(in) || in.Op != ops.Concatenate || in.slow || product(in.call.out[0].Dimensions[:in.Attrs.(ir.AxisAttrs).Axis]) != 1 {
			continue
		}
		if makers == nil {
			kept, makers = c.keptRoots(), c.makers()
		}
		at, left := 0, make([]bool, len(in.in))
		for k, id := range in.in {
			r := c.code.resolve(id)
			if left[k] = kept[r] || at%tensors.Alignment != 0 || !c.canPlace(r, id, makers[r]); !left[k] {
				c.code.lay(r, inPart, in.out[0], at)
			}
			at += c.code.values[id].size
		}
		in.run = concatenateSome(in.call, left)
	}
}

// makers returns per value the instruction whose step writes it, nil if none does.
func (c *compiler) makers() []*instr {
	list := make([]*instr, len(c.code.values))
	for i := range c.instrs {
		if in := &c.instrs[i]; c.runs(in) {
			for _, id := range in.out {
				list[id] = in
			}
		}
	}
	return list
}

// canPlace reports whether a value that an instruction makes, and an operand shows, can be written into another one.
func (c *compiler) canPlace(r, operand int, maker *instr) bool {
	v := &c.code.values[r]
	return maker != nil && maker.control == nil && !maker.chooses && maker.call.slide == nil &&
		v.kind == temp && v.lies == whole && v.size == c.code.values[operand].size && v.size > 0
}

// isPart reports whether id lies in the memory of a value that is larger.
func (c *code) isPart(id int) bool { return c.values[id].lies != whole }
