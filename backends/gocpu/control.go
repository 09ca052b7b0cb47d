package gocpu

import (
	"context"
	"fmt"

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
		body, err := compileWith(c.ctx, b, c.options, c.bodies)
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
	ops.While: func(c *compiler, in *instr, bodies []*code) control {
		w := &while{cond: bodies[0], body: bodies[1], state: len(in.out)}
		for _, id := range in.out {
			w.offsets = append(w.offsets, in.call.scratch)
			in.call.scratch += roundUp(c.code.values[id].size)
		}
		return w
	},
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

// while is While. The state alternates between the results' memory and scratch memory.
type while struct {
	cond, body *code
	state      int
	offsets    []int // of the state's values in scratch memory
}

func (w *while) exec(ctx context.Context, a *kernels.Args, at *site) error {
	cond, body := at.region(0), at.region(1)
	var pred [1]byte
	test := [][]byte{pred[:]}
	in := append([][]byte(nil), a.In...)
	spare := make([][]byte, w.state)
	for i, offset := range w.offsets {
		spare[i] = a.Scratch[offset : offset+len(a.Out[i])]
	}
	next, other := a.Out, spare
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := w.cond.exec(ctx, in, test, cond); err != nil {
			return err
		}
		if pred[0] == 0 {
			break
		}
		if err := w.body.exec(ctx, in, next, body); err != nil {
			return err
		}
		copy(in, next)
		next, other = other, next
	}
	for i, out := range a.Out { // nothing to do if the last state is there already
		copy(out, in[i])
	}
	return nil
}

func (w *while) bodies() []*code { return []*code{w.cond, w.body} }
