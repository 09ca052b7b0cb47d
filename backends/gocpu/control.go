package gocpu

import (
	"context"
	"fmt"
	"slices"
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
)

// control runs an instruction with regions.
type control interface {
	exec(ctx context.Context, a *kernels.Args, at *site) error
	bodies() []*code
}

// lowerControl compiles the regions of an instruction.
func (c *compiler) lowerControl(in *instr) (control, error) {
	var bodies []*code
	for _, b := range in.Regions {
		turns := noLoop
		if in.Op == ops.While || in.Op == ops.Scan {
			turns = len(in.in) - in.Captured
		}
		body, err := compileFor(c.ctx, b, c.options, c.library, turns)
		if err != nil {
			return nil, err
		}
		bodies = append(bodies, body)
	}
	make := controls[in.Op]
	if make == nil {
		if in.Op.Regions.Ref == nil {
			return nil, fmt.Errorf("%s: %s runs functions, and neither the go backend nor its row says how", in.Place, in.Op)
		}
		own := len(in.in) - in.Captured
		return &meaning{in.Op.Regions.Ref, in.Attrs, in.call.in[:own], in.call.out, bodies}, nil
	}
	return make(c, in, bodies), nil
}

// controls holds how ops with regions run, by op.
var controls = map[*ir.Op]func(c *compiler, in *instr, bodies []*code) control{
	ops.If:     func(_ *compiler, _ *instr, bodies []*code) control { return &branch{bodies[0], bodies[1]} },
	ops.Switch: func(_ *compiler, _ *instr, bodies []*code) control { return &choice{bodies} },
	ops.Call:   func(_ *compiler, _ *instr, bodies []*code) control { return call1{bodies[0]} },
	ops.While:  newWhile,
	ops.Scan:   newScan,
}

// branch is If.
type branch struct{ yes, no *code }

func (b *branch) exec(ctx context.Context, a *kernels.Args, at *site) error {
	if a.In[0][0] != 0 {
		return b.yes.exec(ctx, a.In[1:], a.Out, at.region(0))
	}
	return b.no.exec(ctx, a.In[1:], a.Out, at.region(1))
}

func (b *branch) bodies() []*code { return []*code{b.yes, b.no} }

// choice is Switch.
type choice struct{ branches []*code }

func (c *choice) exec(ctx context.Context, a *kernels.Args, at *site) error {
	i := min(max(int(kernels.Of[int32](a.In[0])[0]), 0), len(c.branches)-1)
	return c.branches[i].exec(ctx, a.In[1:], a.Out, at.region(i))
}

func (c *choice) bodies() []*code { return c.branches }

// call1 is Call.
type call1 struct{ body *code }

func (c call1) exec(ctx context.Context, a *kernels.Args, at *site) error {
	return c.body.exec(ctx, a.In, a.Out, at.region(0))
}

func (c call1) bodies() []*code { return []*code{c.body} }

// state is what a loop carries from turn to turn. What the body can write over the value that it reads it does: a sequence to which
// each turn adds a time is not copied each time. The rest alternates between the results' memory and scratch memory.
type state struct {
	inPlace []bool // per value
	offsets []int  // of the others' second place in scratch memory
}

// carried plans the state of a loop, which are the first n operands, and the first n results.
func (c *compiler) carried(in *instr, body *code, n int) state {
	s := state{make([]bool, n), make([]int, n)}
	for i, id := range in.out[:n] {
		in.places = append(in.places, []int{i})
		if s.inPlace[i] = body.donors[i] == i; !s.inPlace[i] {
			s.offsets[i] = in.call.scratch
			in.call.scratch += kernels.Aligned(c.code.values[id].size)
		}
	}
	return s
}

// begin returns the operands of the first turn, and where the first turn and the second write the state. An operand that a turn may
// write over is the result's memory already, or a copy in it.
func (s *state) begin(a *kernels.Args) (in, next, other [][]byte) {
	n := len(a.Out)
	lists := make([][]byte, len(a.In)+2*n)
	in, next, other = lists[:len(a.In)], lists[len(a.In):][:n], lists[len(a.In)+n:]
	copy(in, a.In)
	for i := range s.inPlace {
		out := a.Out[i]
		spare := out
		switch taken := samePlace(in[i], out); {
		case s.inPlace[i] && !taken:
			copy(out, in[i])
			in[i] = out
		case !s.inPlace[i]:
			spare = a.Scratch[s.offsets[i] : s.offsets[i]+len(out)]
			if taken {
				out, spare = spare, out
			}
		}
		next[i], other[i] = out, spare
	}
	return in, next, other
}

// end puts the state, which the last turn has left in last, where the results are wanted.
func (s *state) end(a *kernels.Args, last [][]byte) {
	for i := range s.inPlace {
		if out := a.Out[i]; !samePlace(out, last[i]) {
			copy(out, last[i])
		}
	}
}

// samePlace reports whether two values lie in the same place.
func samePlace(x, y []byte) bool { return unsafe.SliceData(x) == unsafe.SliceData(y) }

// while is While.
type while struct {
	cond, body *code
	state
}

func newWhile(c *compiler, in *instr, bodies []*code) control {
	return &while{bodies[0], bodies[1], c.carried(in, bodies[1], len(in.out))}
}

func (w *while) exec(ctx context.Context, a *kernels.Args, at *site) (err error) {
	cond, err := w.cond.frame()
	if err != nil {
		return err
	}
	body, err := w.body.frame()
	if err != nil {
		return err
	}
	in, next, other := w.begin(a)
	var pred [1]byte
	test := [][]byte{pred[:]}
	inCond, inBody := at.region(0), at.region(1)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := cond.runOn(ctx, in, test, inCond); err != nil {
			return err
		}
		if pred[0] == 0 {
			break
		}
		if err := body.runOn(ctx, in, next, inBody); err != nil {
			return err
		}
		copy(in, next)
		next, other = other, next
		cond.from, body.from = w.cond.once, w.body.once
	}
	w.end(a, in)
	cond.release()
	body.release()
	return nil
}

func (w *while) bodies() []*code { return []*code{w.cond, w.body} }

// scan is Scan. A turn reads slices where they lie in the arrays, and writes what it returns where that belongs in the stacks. What it
// carries and returns, too, is carried from there.
type scan struct {
	body    *code
	attrs   ir.ScanAttrs
	in, out []int // sizes of the slices, 0 for what is carried
	stacked []int // per value that is carried the stack that it is returned to, or -1
	state
}

func newScan(c *compiler, in *instr, bodies []*code) control {
	a, own := in.Attrs.(ir.ScanAttrs), len(in.in)-in.Captured
	s := &scan{body: bodies[0], attrs: a, in: make([]int, own), out: make([]int, len(in.out)), state: c.carried(in, bodies[0], a.Carries)}
	for i := a.Carries; i < own; i++ {
		s.in[i] = c.code.values[in.in[i]].size / a.Length
	}
	for i := a.Carries; i < len(in.out); i++ {
		s.out[i] = c.code.values[in.out[i]].size / a.Length
	}
	for _, id := range bodies[0].program.Outputs[:a.Carries] {
		k := slices.Index(bodies[0].program.Outputs[a.Carries:], id)
		if k >= 0 {
			k += a.Carries
		}
		s.stacked = append(s.stacked, k)
	}
	return s
}

func (s *scan) exec(ctx context.Context, a *kernels.Args, at *site) (err error) {
	body, err := s.body.frame()
	if err != nil {
		return err
	}
	in, next, other := s.begin(a)
	inside, carries := at.region(0), s.attrs.Carries
	for turn := range s.attrs.Length {
		if err := ctx.Err(); err != nil {
			return err
		}
		t := turn
		if s.attrs.Reverse {
			t = s.attrs.Length - 1 - turn
		}
		for i := carries; i < len(s.in); i++ {
			in[i] = part(a.In[i], t, s.in[i])
		}
		for i := carries; i < len(s.out); i++ {
			next[i] = part(a.Out[i], t, s.out[i])
		}
		for i, k := range s.stacked {
			if k >= 0 {
				next[i] = next[k]
			}
		}
		if err := body.runOn(ctx, in, next, inside); err != nil {
			return err
		}
		copy(in, next[:carries])
		next, other = other, next
		body.from = s.body.once
	}
	s.end(a, in)
	body.release()
	return nil
}

// part returns slice t of an array, whose slices are of the given size.
func part(array []byte, t, size int) []byte { return array[t*size : (t+1)*size : (t+1)*size] }

func (s *scan) bodies() []*code { return []*code{s.body} }
