package serve

import (
	"context"
	"fmt"

	"github.com/quire-ml/quire/backends/session/internal/wire"
	"github.com/quire-ml/quire/graph/ir"
)

// run is a run that a client asked for.
type run struct {
	of      *client
	id      uint64
	program *program
	in      []*value // with a reference each
	donate  []bool
	out     []value // with the reference of their numbers
	wanted  []int   // outputs that the answer brings along
	ahead   bool    // the client goes on without the answer
	wrong   error   // what is known to be wrong before it begins
	twice   bool    // an input may be there twice

	ctx    context.Context
	cancel context.CancelFunc
	ready  chan struct{} // closed when the outputs are there
	over   bool          // so they are, or will not be; guarded by client.mu, as is next
	next   []*run        // those that wait for it
}

// run reads a request, takes hold of its inputs, and gives its outputs their numbers before the next frame is looked at: clients
// send what uses them without waiting. What cannot be is the answer, and then the error of each output.
func (c *client) run(f *wire.Frame, r *wire.Reader) error {
	number := r.Uint()
	ids := r.Numbers()
	u := &run{of: c, id: f.ID, in: make([]*value, len(ids)), donate: make([]bool, len(ids))}
	for i, given := range r.Fixed(len(ids)) {
		u.donate[i] = given == 1
	}
	first := r.Uint()
	for _, o := range r.Numbers() {
		u.wanted = append(u.wanted, int(min(o, 1<<30)))
	}
	u.ahead = r.Bool()
	if err := r.Done(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	u.program = c.exes[number]
	if u.program == nil {
		return fmt.Errorf("a run of an executable that is not known (%d)", number)
	}
	if !u.program.Hold() {
		return fmt.Errorf("a run of an executable that is closed (%d)", number)
	}
	u.wrong = c.hold(u, ids)
	u.ready = make(chan struct{})
	u.out = make([]value, len(u.program.outputs))
	for i, s := range u.program.outputs {
		v := &u.out[i]
		v.shape, v.ready, v.by, v.refs = s, u.ready, u, 1
		if c.values[first+uint64(i)] != nil {
			return fmt.Errorf("two values have the number %d", first+uint64(i))
		}
		c.values[first+uint64(i)] = v
	}
	u.ctx, u.cancel = context.WithCancel(c.ctx)
	c.running[u.id] = u.cancel
	if u.ahead {
		c.ahead++
		c.most = max(c.most, c.ahead)
	}
	for _, v := range u.in {
		if v != nil && v.by != nil && v.by.of == c && !v.by.over { // who makes that goes on with this one
			v.by.next = append(v.by.next, u)
			return nil
		}
	}
	c.begin(u)
	return nil
}

// begin has a runner run u: one that has nothing to do, whose stack is large already, or a new one.
func (c *client) begin(u *run) {
	select {
	case c.idle <- u:
	default:
		c.work.Go(func() { c.runner(u) })
	}
}

// runner runs u, those that wait for it, and others, until the connection ends.
func (c *client) runner(u *run) {
	for {
		for u != nil {
			u = c.finish(u)
		}
		select {
		case u = <-c.idle:
		case <-c.ctx.Done():
			return
		}
	}
}

// hold takes a reference of each input; that of a number which is donated is taken over by the run. c.mu is held.
func (c *client) hold(u *run, ids []uint64) (err error) {
	for i, id := range ids {
		if u.in[i] = c.values[id]; u.in[i] == nil {
			err = fmt.Errorf("input %d: %w", i, errGone)
			continue
		}
		u.twice = u.in[i].retainFor(u) || u.twice
	}
	for i, id := range ids {
		if v := c.values[id]; u.donate[i] && v != nil {
			delete(c.values, id)
			v.release() // the run has another one
		}
	}
	return err
}

// finish computes the outputs and answers. It returns a run that waited for these and is to be run next, nil if there is none.
func (c *client) finish(u *run) (next *run) {
	defer u.cancel()
	out, err := []ir.Buffer(nil), u.wrong
	if err == nil {
		err = guarded(func() (err error) {
			out, err = c.compute(u.ctx, u)
			return err
		})
	}
	for _, v := range u.in {
		if v != nil {
			v.release()
		}
	}
	c.programs.kept.Release(u.program.compiled)
	var w wire.Writer
	if err = c.explained(err); err == nil {
		w = bring(out, u.wanted)
	}
	for i := range u.out {
		if err != nil {
			u.out[i].settle(nil, err)
		} else {
			u.out[i].settle(out[i], nil)
		}
	}
	close(u.ready)
	c.mu.Lock()
	delete(c.running, u.id)
	u.over = true
	waiting := u.next
	u.next = nil
	holds := u.ahead && c.holds() && len(waiting) > 0
	c.mu.Unlock()
	switch {
	case len(waiting) == 0:
		c.answer(u.id, w.Body, err)
		return nil
	case holds && err == nil:
		_ = c.link.Queue(wire.KindOK, u.id, w.Body) // who is gone gets no answer
	default:
		select {
		case c.answers <- answer{u.id, w.Body, err}:
		case <-c.ctx.Done():
		}
	}
	for _, v := range waiting[1:] {
		c.begin(v)
	}
	return waiting[0]
}

// compute runs the program on its inputs as soon as they are there. One is given to the engine only if nobody else refers to it.
func (c *client) compute(ctx context.Context, u *run) ([]ir.Buffer, error) {
	in := make([]ir.Buffer, len(u.in))
	given := make([]bool, len(u.in))
	var refs map[*value]int // what the run itself has of each, if that is more than one of some
	if u.twice {
		refs = map[*value]int{}
	}
	for i, v := range u.in {
		buf, err := v.wait(ctx)
		if err != nil {
			return nil, err
		}
		if in[i] = buf; u.twice {
			refs[v]++
		}
	}
	for i, v := range u.in {
		given[i] = u.donate[i] && v.only(max(refs[v], 1))
	}
	out, err := u.program.exe.Run(ctx, in, given)
	if err == nil && len(out) != len(u.out) {
		for _, b := range out {
			b.Close()
		}
		return nil, fmt.Errorf("the engine returned %d results, want %d", len(out), len(u.out))
	}
	return out, err
}

// bring writes the outputs that a client is known to read at once. One that cannot be read is left out.
func bring(out []ir.Buffer, wanted []int) (w wire.Writer) {
	for _, o := range wanted {
		if o >= len(out) || out[o].Shape().ByteSize() > wire.BroughtBytes {
			continue
		}
		if t, err := out[o].ToHost(); err == nil {
			w.Uint(uint64(o))
			_ = t.ConstBytes(func(data []byte) { w.Bytes(data) }) // of a tensor of our own
			t.Close()
		}
	}
	return w
}
