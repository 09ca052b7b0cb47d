package gocpu

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/backends/gocpu/internal/vector"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/arena"
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
	places  [][]int       // of a group, per result the operands whose memory it may take
	parts   []*ir.Instr   // of a group
	rows    *groupRun     // of a group that may follow a product, see rowwise.go
	slow    bool          // no kernel: the reference meaning runs
	waits   bool          // for a group, or for a kernel of its own: see settle
	chooses bool          // see findChoices
	soon    bool          // see readSoon
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

	packed bool // the second operand is packed, see sharePacked

	view    bool  // no kernel: the result is the operand's memory
	part    bool  // or a part of it
	soon    bool  // the result is read before the operand would have been left, or soon: it may lie in it
	at      int   // of the part: it begins so many bytes behind the operand
	slide   slide // or where a run says
	scratch int   // bytes of scratch memory
	inPlace []int // operands whose memory the first result may take
}

// compiler turns one program into code.
type compiler struct {
	ctx     context.Context
	options Options
	program *ir.Program
	code    *code
	*scratch
	maker  []int // per value the instruction that makes it, or -1
	packs  int   // instructions that pack operands
	fuses  bool  // see fuse
	isOver func() bool
	*library

	// Memory for what instructions consist of.
	calls  arena.Of[call]
	ids    arena.Of[int]
	shapes arena.Of[shapes.Shape]
}

// scratch is memory for a compilation to work in: nothing that is compiled refers to it, and others use it again.
type scratch struct {
	instrs []instr
	spare  []instr // for another order of them

	numbers arena.Reused[int]
	marks   arena.Reused[bool]
	lists   arena.Reused[[]int]
	groups  arena.Reused[group]
	reads   arena.Reused[source]
	slots   arena.Reused[slot]
}

var scratches = sync.Pool{New: func() any { return &scratch{} }}

// done gives s to other compilations.
func (s *scratch) done() {
	for _, list := range [][]instr{s.instrs, s.spare} {
		clear(list)
	}
	if cap(s.instrs) < keepInstrs {
		s.instrs, s.spare = s.instrs[:0], s.spare[:0]
		arena.Reset(&s.numbers)
		arena.Reset(&s.marks)
		arena.Reset(&s.lists)
		arena.Reset(&s.groups)
		arena.Reset(&s.reads)
		arena.Reset(&s.slots)
		scratches.Put(s)
	}
}

// anew returns an empty list for the instructions in another order, which [scratch.relisted] takes.
func (s *scratch) anew(n int) []instr { return slices.Grow(s.spare[:0], n) }

func (s *scratch) relisted(list []instr) { s.instrs, s.spare = list, s.instrs }

// library holds what is compiled once, however many parts of a program use it.
type library struct {
	bodies   map[*ir.Program]*code // regions
	looks    int                   // at members of groups and their readers: what fusion takes besides a fixed amount for each call
	programs vector.Library        // of groups
}

func newLibrary() *library { return &library{bodies: map[*ir.Program]*code{}} }

// compile returns the code of a checked program.
func compile(ctx context.Context, p *ir.Program, workers int) (*code, error) {
	return compileWith(ctx, p, Options{Workers: workers}, newLibrary())
}

// compileWith is compile given what was compiled for other parts of the program.
func compileWith(ctx context.Context, p *ir.Program, o Options, known *library) (*code, error) {
	return compileFor(ctx, p, o, known, noLoop)
}

// noLoop is the state of functions that are not run in the turns of a loop.
const noLoop = -1

// compileFor is compileWith for a function of a loop: its first inputs, as many as state says, differ from turn to turn.
func compileFor(ctx context.Context, p *ir.Program, o Options, known *library, state int) (*code, error) {
	if c := known.bodies[p]; c != nil && c.state == state {
		return c, nil
	}
	code := &code{name: p.Name, program: p, workers: o.Workers, runner: o.Runner, observer: o.Observer, state: state}
	if code.runner == nil {
		code.runner = sequential{}
	}
	c := &compiler{ctx: ctx, options: o, program: p, code: code, fuses: o.fusion.programs(), library: known, scratch: scratches.Get().(*scratch)}
	defer c.done()
	c.isOver = c.ended
	if err := c.load(); err != nil {
		return nil, err
	}
	c.readBroadcasts()
	c.readTransposes()
	c.dropDead()
	c.readSoon()
	if err := c.each(c.lower); err != nil {
		return nil, err
	}
	if err := c.sharePacked(); err != nil {
		return nil, err
	}
	if c.fuses {
		c.sinkNumbers()
	}
	c.findChoices()
	if c.fuses {
		c.fuse()
	}
	if err := c.each(c.settle); err != nil {
		return nil, err
	}
	c.followRows()
	c.emit()
	code.hoist()
	code.findSlid()
	if c.options.Order == Dataflow && len(code.steps) <= dataflowLimit {
		code.after = code.dataEdges()
	}
	code.plan(c.scratch)
	c.bodies[p] = code
	return code, nil
}

// each calls f for the instructions that are left, while the compilation is not ended.
func (c *compiler) each(f func(in *instr) error) error {
	for i := range c.instrs {
		if c.instrs[i].dead {
			continue
		}
		if err := f(&c.instrs[i]); err != nil {
			return err
		}
		if err := c.ctx.Err(); err != nil { // and so the kernel may be good for nothing
			return err
		}
	}
	return nil
}

func (c *compiler) ended() bool { return c.ctx.Err() != nil }

// load copies the program's values and instructions. Constants become values.
func (c *compiler) load() error {
	p, code := c.program, c.code
	code.values = make([]value, 0, len(p.Values)+len(p.Instrs)/4) // and scratch memory of some steps
	for _, s := range p.Values {
		code.add(s, s.ByteSize())
	}
	c.maker = arena.Again(&c.numbers, len(code.values))
	for i := range c.maker {
		c.maker[i] = -1
	}
	for _, id := range p.Inputs {
		code.inputs = append(code.inputs, int(id))
		code.values[id].kind = input
	}
	operands := 0
	for i := range p.Instrs {
		operands += len(p.Instrs[i].In) + len(p.Instrs[i].Out)
	}
	c.instrs = slices.Grow(c.instrs, len(p.Instrs))
	arena.Room(&c.calls, len(p.Instrs))
	arena.Room(&c.ids, operands)
	arena.Room(&c.shapes, operands)
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
		c.instrs = append(c.instrs, instr{Instr: in, id: i, in: c.ints(in.In), out: c.ints(in.Out)})
	}
	return nil
}

func (c *compiler) ints(ids []ir.Value) []int {
	list := arena.Take(&c.ids, len(ids))
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

// readsStrides holds the ops whose kernels read operands that are transposed where they lie, and says which transposes.
var readsStrides = map[*ir.Op]func(perm []int) bool{
	ops.DotGeneral: func([]int) bool { return true }, // packing takes any strides
}

// readTransposes lets instructions read the operand of a Transpose directly.
func (c *compiler) readTransposes() {
	for i := range c.instrs {
		in := &c.instrs[i]
		takes := readsStrides[in.Op]
		if takes == nil {
			continue
		}
		for k, id := range in.in {
			m := c.maker[id]
			if m < 0 || c.instrs[m].Op != ops.Transpose {
				continue
			}
			if perm := c.instrs[m].Attrs.(ir.TransposeAttrs).Perm; takes(perm) {
				if in.perm == nil {
					in.perm = map[int][]int{}
				}
				in.perm[k], in.in[k] = perm, c.instrs[m].in[0]
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

// dropDead marks the instructions whose results nobody reads any more, since those who did read their operands.
func (c *compiler) dropDead() {
	used := arena.Again(&c.marks, len(c.code.values))
	for _, id := range c.program.Outputs {
		used[id] = true
	}
	for i := len(c.instrs) - 1; i >= 0; i-- {
		in := &c.instrs[i]
		if in.dead = in.Op.Effect == ir.Pure && !slices.ContainsFunc(in.out, func(id int) bool { return used[id] }); in.dead {
			continue
		}
		for _, id := range in.in {
			used[id] = true
		}
	}
}

// lower chooses the kernel of an instruction, unless a group may compute it.
func (c *compiler) lower(in *instr) (err error) {
	c.describe(in)
	if in.Op.Regions != nil {
		in.control, err = c.lowerControl(in)
		return err
	}
	in.waits = c.fuses && vectorized(in)
	if in.waits && in.Op != ops.Slice {
		return nil
	}
	err = c.choose(in)
	in.waits = in.waits && c.runs(in) // a slice that is a part of its operand already costs nothing
	return err
}

// describe writes down how a lowering sees an instruction.
func (c *compiler) describe(in *instr) {
	k := arena.One(&c.calls)
	*k = call{attrs: in.Attrs, workers: c.code.workers, ended: c.isOver, perm: in.perm, soon: in.soon, in: arena.Take(&c.shapes, len(in.in)), out: arena.Take(&c.shapes, len(in.out))}
	for i, id := range in.in {
		if in.perm[i] != nil {
			id = int(in.In[i]) // the transposed one
		}
		k.in[i] = c.code.values[id].shape
	}
	for i, id := range in.out {
		k.out[i] = c.code.values[id].shape
	}
	in.call = k
}

// settle chooses the kernel of an instruction that has waited for a group in vain. One that runs in a group needs none.
func (c *compiler) settle(in *instr) error {
	if !in.waits || in.run != nil {
		return nil
	}
	return c.choose(in)
}

// choose chooses the kernel of an instruction.
func (c *compiler) choose(in *instr) error {
	k := in.call
	switch f := lowerings[in.Op]; {
	case empty(k.out): // of 2^32 empty rows, say: no kernel is asked, since none may loop over them
		in.run = kernels.Nothing
	case in.Op.Kernel != nil:
		run, err := own(in.Op, k)
		if err != nil {
			return fmt.Errorf("%s: %s %s: %w", in.Place, in.Op.Name, shapeList(k.in), err)
		}
		in.run = run
	case f != nil:
		in.run = f(k)
	}
	if k.part {
		k.view = true
		c.code.lay(in.out[0], partOf, in.in[0], k.at)
		return nil
	}
	if k.slide != nil {
		c.code.lay(in.out[0], slides, in.in[0], 0)
		return nil
	}
	if k.view {
		c.code.values[in.out[0]].root = c.code.resolve(in.in[0]) // so that a chain of views is one step long
		return nil
	}
	if in.run == nil {
		if in.Op.Ref == nil || in.perm != nil {
			return fmt.Errorf("%s: %s %s: the go backend has no kernel for these operands%s", in.Place, in.Op.Name, shapeList(k.in), in.remedy())
		}
		in.run, in.slow, k.scratch, k.inPlace = reference(in.Op, k), true, 0, nil
	}
	return nil
}

// remedy says what an op of a user's that cannot run is to be given.
func (in *instr) remedy() string {
	if ops.Has(in.Op) || in.Op.Ref != nil {
		return ""
	}
	return ", and it has no other meaning: give its rule Expand, or its row Ref or Kernel"
}

// empty reports whether no result has elements.
func empty(out []shapes.Shape) bool {
	return !slices.ContainsFunc(out, func(s shapes.Shape) bool { return s.Size() > 0 })
}

// aligned returns n bytes aligned for every element type.
func aligned(n int) []byte {
	return kernels.Bytes(make([]complex128, (n+15)/16))[:n]
}

// emit writes the steps. A result that is an input, a constant or another result gets a copy.
func (c *compiler) emit() {
	code := c.code
	c.placeOperands()
	steps := len(c.program.Outputs)
	for i := range c.instrs {
		if in := &c.instrs[i]; c.runs(in) {
			steps++
		}
	}
	code.steps = make([]step, 0, steps)
	for i := range c.instrs {
		in := &c.instrs[i]
		if !c.runs(in) {
			continue
		}
		s := step{slide: in.call.slide, op: in.Op, id: in.id, place: in.Place, in: in.in, out: in.out, run: in.run, control: in.control, scratch: -1,
			inPlace: in.places, pointwise: in.Op.Elementwise && in.Op.Kernel == nil, parts: in.parts, chooses: in.chooses, slow: in.slow}
		switch {
		case in.chooses:
			s.inPlace = secondOperand
		case in.places == nil:
			s.inPlace = [][]int{in.call.inPlace}
		}
		if in.call.scratch > 0 {
			s.scratch = code.add(shapes.Shape{}, in.call.scratch)
		}
		code.steps = append(code.steps, s)
	}
	for i, id := range c.program.Outputs {
		r := code.resolve(int(id))
		code.results = append(code.results, code.values[id].shape)
		if code.values[r].kind == temp && code.values[r].lies == whole {
			code.values[r].kind = output
			code.outputs = append(code.outputs, r)
			continue
		}
		o := code.add(code.values[id].shape, code.values[id].size)
		code.values[o].kind = output
		code.outputs = append(code.outputs, o)
		code.steps = append(code.steps, step{op: copyOp, id: len(c.program.Instrs) + i, in: []int{int(id)}, out: []int{o}, run: kernels.Copy, scratch: -1, inPlace: [][]int{{0}}})
	}
}

// secondOperand is what the result of a choice lies on.
var secondOperand = [][]int{{1}}

// copyOp names the steps that copy a result.
var copyOp = &ir.Op{Name: "copy of a result"}
