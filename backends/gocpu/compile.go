package gocpu

import (
	"context"
	"fmt"
	"slices"

	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// instr is an instruction on its way to become a step.
type instr struct {
	*ir.Instr
	id      int // its index in the program
	in, out []int
	call    *call
	run     kernels.Func
	control control
	perm    map[int][]int // see call
	slow    bool          // no kernel: the reference meaning runs
	dead    bool
}

// call is an instruction as a lowering sees it: attributes and shapes. The lowering answers with a
// kernel and what it wants of the memory plan.
type call struct {
	attrs   any
	in, out []shapes.Shape
	workers int
	ended   func() bool   // whether the compilation may end early
	perm    map[int][]int // operands that are the transpose of what is given: their axes in that

	view    bool  // no kernel: the result is the operand's memory
	scratch int   // bytes of scratch memory
	inPlace []int // operands whose memory the first result may take
}

// compiler turns one program into code.
type compiler struct {
	ctx     context.Context
	options Options
	program *ir.Program
	code    *code
	instrs  []instr
	maker   []int // per value the instruction that makes it, or -1
	bodies  map[*ir.Program]*code
}

// compile returns the code of a checked program.
func compile(ctx context.Context, p *ir.Program, workers int) (*code, error) {
	return compileWith(ctx, p, Options{Workers: workers}, map[*ir.Program]*code{})
}

// compileWith is compile given the code of regions that others use too; a region is compiled once.
func compileWith(ctx context.Context, p *ir.Program, o Options, bodies map[*ir.Program]*code) (*code, error) {
	if c := bodies[p]; c != nil {
		return c, nil
	}
	code := &code{name: p.Name, workers: o.Workers, runner: o.Runner, observer: o.Observer}
	if code.runner == nil {
		code.runner = sequential{}
	}
	c := &compiler{ctx: ctx, options: o, program: p, code: code, bodies: bodies}
	if err := c.load(); err != nil {
		return nil, err
	}
	c.readBroadcasts()
	c.readTransposes()
	c.dropDead()
	for i := range c.instrs {
		if err := c.lower(i); err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil { // and so the kernel may be good for nothing
			return nil, err
		}
	}
	c.dropDead()
	c.emit()
	if c.options.Order == Dataflow && len(code.steps) <= dataflowLimit {
		code.after = code.dataEdges()
	}
	code.plan()
	bodies[p] = code
	return code, nil
}

func (c *compiler) ended() bool { return c.ctx.Err() != nil }

// load copies the program's values and instructions. Constants become values.
func (c *compiler) load() error {
	p, code := c.program, c.code
	for _, s := range p.Values {
		code.add(s, s.ByteSize())
	}
	c.maker = make([]int, len(code.values))
	for i := range c.maker {
		c.maker[i] = -1
	}
	for _, id := range p.Inputs {
		code.inputs = append(code.inputs, int(id))
		code.values[id].kind = input
	}
	for i := range p.Instrs {
		in := &p.Instrs[i]
		if a, ok := in.Attrs.(ir.ConstAttrs); ok {
			if err := code.setConstant(int(in.Out[0]), a.Value); err != nil {
				return fmt.Errorf("%s: constant: %w", in.Place, err)
			}
			continue
		}
		for _, id := range in.Out {
			c.maker[id] = len(c.instrs)
		}
		c.instrs = append(c.instrs, instr{Instr: in, id: i, in: ints(in.In), out: ints(in.Out)})
	}
	return nil
}

func ints(ids []ir.Value) []int {
	list := make([]int, len(ids))
	for i, id := range ids {
		list[i] = int(id)
	}
	return list
}

// shareFrom is the size from which a constant is not copied: the tensor's memory is used.
const shareFrom = 4 << 10

func (c *code) setConstant(id int, t *tensors.Tensor) error {
	if err := t.CheckValid(); err != nil {
		return err
	}
	v := &c.values[id]
	v.kind = constant
	if v.size >= shareFrom {
		v.keep = t.Storage().Retain()
		v.data = v.keep.Bytes()[:v.size]
		return nil
	}
	v.data = aligned(v.size)
	return t.ConstBytes(func(data []byte) { copy(v.data, data) })
}

// readBroadcasts lets elementwise instructions read the operand of a Broadcast directly: their kernels
// broadcast by the same rule.
func (c *compiler) readBroadcasts() {
	for i := range c.instrs {
		if !broadcasts(c.instrs[i].Op, len(c.instrs[i].in)) {
			continue
		}
		for k, id := range c.instrs[i].in {
			for c.maker[id] >= 0 && c.instrs[c.maker[id]].Op == ops.Broadcast {
				id = c.instrs[c.maker[id]].in[0]
			}
			c.instrs[i].in[k] = id
		}
	}
}

// readTransposes lets products read the operand of a Transpose directly: packing takes any strides.
func (c *compiler) readTransposes() {
	for i := range c.instrs {
		in := &c.instrs[i]
		if in.Op != ops.DotGeneral {
			continue
		}
		for k, id := range in.in {
			if m := c.maker[id]; m >= 0 && c.instrs[m].Op == ops.Transpose {
				if in.perm == nil {
					in.perm = map[int][]int{}
				}
				in.perm[k] = c.instrs[m].Attrs.(ir.TransposeAttrs).Perm
				in.in[k] = c.instrs[m].in[0]
			}
		}
	}
}

// strides returns the strides of operand i, along the axes that it has for the op.
func (k *call) strides(i int) []int {
	perm := k.perm[i]
	if perm == nil {
		return k.in[i].Strides()
	}
	given := make([]int, len(perm)) // the dimensions that the memory has
	for a, p := range perm {
		given[p] = k.in[i].Dimensions[a]
	}
	strides := make([]int, len(perm))
	for a, p := range perm {
		strides[a] = shapes.Strides(given)[p]
	}
	return strides
}

// dropDead marks the instructions whose results nobody reads.
func (c *compiler) dropDead() {
	used := make([]bool, len(c.code.values))
	for _, id := range c.program.Outputs {
		used[id] = true
	}
	for i := len(c.instrs) - 1; i >= 0; i-- {
		in := &c.instrs[i]
		alive := in.Op.Effect != ir.Pure || slices.ContainsFunc(in.out, func(id int) bool { return used[id] && c.code.values[id].kind != constant })
		in.dead = in.dead || !alive
		if in.dead {
			continue
		}
		for _, id := range in.in {
			used[id] = true
		}
	}
}

// lower chooses the kernel of instruction i.
func (c *compiler) lower(i int) (err error) {
	in := &c.instrs[i]
	if in.dead {
		return nil
	}
	k := &call{attrs: in.Attrs, workers: c.code.workers, ended: c.ended, perm: in.perm}
	for i, id := range in.in {
		s := c.code.values[id].shape
		if in.perm[i] != nil {
			s = c.code.values[in.In[i]].shape // the transposed one
		}
		k.in = append(k.in, s)
	}
	for _, id := range in.out {
		k.out = append(k.out, c.code.values[id].shape)
	}
	in.call = k
	if in.Op.Regions != nil {
		in.control, err = c.lowerControl(in)
		return err
	}
	switch f := lowerings[in.Op]; {
	case empty(k.out): // of 2^32 empty rows, say: no kernel is asked, since none may loop over them
		in.run = kernels.Nothing
	case f != nil:
		in.run = f(k)
	}
	if k.view {
		c.code.values[in.out[0]].root = c.code.resolve(in.in[0]) // so that a chain of views is one step long
		return nil
	}
	if in.run == nil {
		if in.Op.Ref == nil || in.perm != nil {
			return fmt.Errorf("%s: %s %s: the go backend has no kernel for these operands", in.Place, in.Op.Name, shapeList(k.in))
		}
		in.run, in.slow, k.scratch, k.inPlace = reference(in.Op, k), true, 0, nil
	}
	c.fold(in)
	return nil
}

// empty reports whether no result has elements.
func empty(out []shapes.Shape) bool {
	return !slices.ContainsFunc(out, func(s shapes.Shape) bool { return s.Size() > 0 })
}

// foldLimit is how many bytes the result of a call on constants may have to be computed when compiling.
const foldLimit = 16 << 10

// fold computes a call on constants, unless that fails: then each run will.
func (c *compiler) fold(in *instr) {
	if in.Op.Effect != ir.Pure {
		return
	}
	total := 0
	for _, id := range in.out {
		total += c.code.values[id].size
	}
	a := kernels.Args{Workers: in.call.workers}
	for _, id := range in.in {
		v := c.code.values[c.code.resolve(id)]
		if v.kind != constant {
			return
		}
		a.In = append(a.In, v.data)
	}
	if total > foldLimit {
		return
	}
	a.Scratch = aligned(in.call.scratch)
	defer func() { _ = recover() }() // the run will meet the same panic and report it
	for _, id := range in.out {
		a.Out = append(a.Out, aligned(c.code.values[id].size))
	}
	in.run(&a)
	for k, id := range in.out {
		c.code.values[id].kind, c.code.values[id].data = constant, a.Out[k]
	}
}

// aligned returns n bytes aligned for every element type.
func aligned(n int) []byte {
	return kernels.Bytes(make([]complex128, (n+15)/16))[:n]
}

// emit writes the steps. A result that is an input, a constant or another result gets a copy.
func (c *compiler) emit() {
	code := c.code
	for i := range c.instrs {
		in := &c.instrs[i]
		if in.dead || in.call.view || allConstant(code, in.out) {
			continue
		}
		s := step{op: in.Op, id: in.id, place: in.Place, in: in.in, out: in.out, run: in.run, control: in.control, scratch: -1, inPlace: in.call.inPlace, slow: in.slow}
		if in.call.scratch > 0 {
			s.scratch = code.add(shapes.Shape{}, in.call.scratch)
		}
		code.steps = append(code.steps, s)
	}
	for i, id := range c.program.Outputs {
		r := code.resolve(int(id))
		code.results = append(code.results, code.values[id].shape)
		if code.values[r].kind == temp {
			code.values[r].kind = output
			code.outputs = append(code.outputs, r)
			continue
		}
		o := code.add(code.values[id].shape, code.values[id].size)
		code.values[o].kind = output
		code.outputs = append(code.outputs, o)
		code.steps = append(code.steps, step{op: copyOp, id: len(c.program.Instrs) + i, in: []int{int(id)}, out: []int{o}, run: kernels.Copy, scratch: -1, inPlace: []int{0}})
	}
}

// copyOp names the steps that copy a result.
var copyOp = &ir.Op{Name: "copy of a result"}

func allConstant(c *code, ids []int) bool {
	return !slices.ContainsFunc(ids, func(id int) bool { return c.values[id].kind != constant })
}
