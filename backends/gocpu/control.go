package gocpu

import (
	"context"
	"fmt"
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
		if in.Op == ops.While {
			turns = len(in.out)
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

// while is While. What the body can write over the state that it reads it does: a sequence to which each turn adds a time is not
// copied each time. The rest of the state alternates between the results' memory and scratch memory.
type while struct {
	cond, body *code
	inPlace    []bool // per value of the state
	offsets    []int  // of the others' second place in scratch memory
}

func newWhile(c *compiler, in *instr, bodies []*code) control {
	w := &while{cond: bodies[0], body: bodies[1], inPlace: make([]bool, len(in.out)), offsets: make([]int, len(in.out))}
	for i, id := range in.out {
		in.places = append(in.places, []int{i})
		if w.inPlace[i] = w.body.donors[i] == i; !w.inPlace[i] {
			w.offsets[i] = in.call.scratch
			in.call.scratch += kernels.Aligned(c.code.values[id].size)
		}
	}
	return w
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
	for i, out := range a.Out {
		if !samePlace(out, in[i]) {
			copy(out, in[i])
		}
	}
	cond.release()
	body.release()
	return nil
}

// begin returns the operands of the first turn, and where the first turn and the second write the state. An operand that a turn may
// write over is the result's memory already, or a copy in it.
func (w *while) begin(a *kernels.Args) (in, next, other [][]byte) {
	n := len(a.Out)
	lists := make([][]byte, len(a.In)+2*n)
	in, next, other = lists[:len(a.In)], lists[len(a.In):][:n], lists[len(a.In)+n:]
	copy(in, a.In)
	for i, out := range a.Out {
		spare := out
		switch taken := samePlace(in[i], out); {
		case w.inPlace[i] && !taken:
			copy(out, in[i])
			in[i] = out
		case !w.inPlace[i]:
			spare = a.Scratch[w.offsets[i] : w.offsets[i]+len(out)]
			if taken {
				out, spare = spare, out
			}
		}
		next[i], other[i] = out, spare
	}
	return in, next, other
}

// samePlace reports whether two values lie in the same place.
func samePlace(x, y []byte) bool { return unsafe.SliceData(x) == unsafe.SliceData(y) }

func (w *while) bodies() []*code { return []*code{w.cond, w.body} }
