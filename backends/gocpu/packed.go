package gocpu

import (
	"fmt"
	"slices"

	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/arena"
)

// sharePacked packs once the second operand of several products, and that of the products of a loop which all turns read: a step
// of its own packs it before the first of them. To pack the operands of a recurrence, which are small, takes as long as to multiply.
// A constant is packed at once, for all runs.
func (c *compiler) sharePacked() error {
	readers := map[int][]int{} // by operand
	for i := range c.instrs {
		if in := &c.instrs[i]; !in.dead && in.Op == ops.DotGeneral && !in.slow {
			b := c.code.resolve(in.in[1])
			readers[b] = append(readers[b], i)
		}
	}
	stays := c.inAllTurns()
	before := map[int][]instr{} // by the index of an instruction
	seen := arena.Again(&c.marks, len(c.instrs))
	for i := range c.instrs {
		in := &c.instrs[i]
		if in.dead || in.Op != ops.DotGeneral || in.slow || seen[i] {
			continue
		}
		b := c.code.resolve(in.in[1])
		alike := c.alike(i, readers[b])
		switch {
		case c.code.values[b].kind == constant && in.call.fewRows():
			if pack, ok := c.pack(alike); ok {
				if err := c.packNow(pack); err != nil {
					return fmt.Errorf("%s: the packed form of a constant: %w", in.Place, err)
				}
			}
		case len(alike) > 1 || len(alike) == 1 && stays[b]:
			if pack, ok := c.pack(alike); ok {
				before[i] = append(before[i], pack)
			}
		}
		for _, k := range alike {
			seen[k] = true
		}
	}
	if len(before) > 0 {
		c.insert(before)
	}
	return nil
}

// packedRows is how many rows a product of a constant may have for the constant to be kept packed: with more, packing takes less than
// a fifteenth of the time, and is not worth as much memory again.
const packedRows = 512

// fewRows reports whether a product has at most packedRows rows, and any.
func (k *call) fewRows() bool {
	if k.out[0].Size() == 0 {
		return false
	}
	g := k.gemm()
	return len(g.OutBase)*g.A.Free.N <= packedRows
}

// packNow packs a constant, once for all runs: its packed form is a constant too.
func (c *compiler) packNow(pack instr) error {
	v := &c.code.values[pack.out[0]]
	s, err := tensors.NewStorage(v.size)
	if err != nil {
		return err
	}
	v.kind, v.keep, v.data = constant, s, s.Bytes()
	operand := c.code.values[c.code.resolve(pack.in[0])].data
	pack.run(&kernels.Args{In: [][]byte{operand}, Out: [][]byte{v.data}, Workers: c.code.workers})
	return nil
}

// alike returns those of the products in list that are of the same kind as product i, itself included, and stand behind it.
func (c *compiler) alike(i int, list []int) (alike []int) {
	in := &c.instrs[i]
	for _, k := range list {
		other := &c.instrs[k]
		if k >= i && other.in[1] == in.in[1] && slices.Equal(other.perm[1], in.perm[1]) && sameShapes(other.call.in, in.call.in) &&
			slices.Equal(other.perm[0], in.perm[0]) && other.call.out[0].Equal(in.call.out[0]) && sameDot(other.Attrs, in.Attrs) {
			alike = append(alike, k)
		}
	}
	return alike
}

func sameShapes(a, b []shapes.Shape) bool { return slices.EqualFunc(a, b, shapes.Shape.Equal) }

func sameDot(a, b any) bool {
	x, y := a.(ir.DotAttrs), b.(ir.DotAttrs)
	return slices.Equal(x.LhsContract, y.LhsContract) && slices.Equal(x.RhsContract, y.RhsContract) &&
		slices.Equal(x.LhsBatch, y.LhsBatch) && slices.Equal(x.RhsBatch, y.RhsBatch) && x.Accumulator == y.Accumulator
}

// inAllTurns tells which values are the same in all turns of the loop that the program is the function of, of which none is if there
// is no loop: see hoist.
func (c *compiler) inAllTurns() []bool {
	if c.code.state == noLoop {
		return arena.Again(&c.marks, len(c.code.values))
	}
	stays := c.code.given()
	for i := range c.instrs {
		in := &c.instrs[i]
		if in.dead || in.control != nil || in.Op.Effect != ir.Pure || slices.ContainsFunc(in.in, func(id int) bool { return !stays[c.code.content(id)] }) {
			continue
		}
		for _, id := range in.out {
			stays[id] = true
		}
	}
	return stays
}

// pack makes products read the second operand packed, and returns the instruction that packs it.
func (c *compiler) pack(products []int) (pack instr, ok bool) {
	first := &c.instrs[products[0]]
	p, ok := first.call.inTwo(first.call.gemm())
	if !ok {
		return pack, false
	}
	s := shapes.Make(dtypes.Uint8, p.Bytes)
	id := c.code.add(s, p.Bytes)
	c.maker = append(c.maker, -1)
	operand := first.in[1]
	for _, k := range products {
		in := &c.instrs[k]
		in.in[1], in.call.packed = id, true
		in.run, in.call.scratch = p.Multiply, p.Scratch
	}
	c.packs++
	like := *first.Instr // at its place
	like.Op = packOp
	return instr{Instr: &like, id: len(c.program.Instrs) + len(c.program.Outputs) + c.packs, in: []int{operand}, out: []int{id},
		call: &call{in: []shapes.Shape{c.code.values[operand].shape}, out: []shapes.Shape{s}, workers: c.code.workers}, run: p.Pack}, true
}

// inTwo returns a product whose second operand is packed before.
func (k *call) inTwo(g kernels.Gemm) (kernels.Packed, bool) {
	return kernels.PackedProduct(g, k.in[0].DType, k.out[0].DType, k.workers)
}

// insert puts instructions before others.
func (c *compiler) insert(before map[int][]instr) {
	list := c.anew(len(c.instrs) + len(before))
	for i, in := range c.instrs {
		list = append(append(list, before[i]...), in)
	}
	c.relisted(list)
	for i := range list {
		for _, id := range list[i].out {
			c.maker[id] = i
		}
	}
}

// packOp names the steps that pack an operand of products.
var packOp = &ir.Op{Name: "packing of an operand"}
