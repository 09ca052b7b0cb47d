package gocpu

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"
)

// executable is a compiled program of a backend.
type executable struct {
	backend *backend
	code    *code
	closed  atomic.Bool
	calls   sync.Pool // of *runCall
}

// runCall is what one Run keeps its storages in.
type runCall struct {
	in, out     [][]byte
	held, owned []*tensors.Storage // of inputs and of outputs
}

func (e *executable) Close() error {
	if !e.closed.Swap(true) {
		e.code.drop(map[*code]bool{})
	}
	return nil
}

// drop forgets the frames that wait; those of runs under way go with them. done holds the regions that were dropped.
func (c *code) drop(done map[*code]bool) {
	if done[c] {
		return
	}
	done[c] = true
	c.mu.Lock()
	c.frames = nil
	c.mu.Unlock()
	for _, s := range c.steps {
		if s.control != nil {
			for _, b := range s.control.bodies() {
				b.drop(done)
			}
		}
	}
}

func (e *executable) Run(ctx context.Context, inputs []ir.Buffer, donate []bool) (out []ir.Buffer, err error) {
	defer func() { // steps name what breaks in them; this is for what is around them
		if r := recover(); r != nil {
			out, err = nil, fmt.Errorf("program %q: the engine broke: %v", e.code.name, r)
		}
	}()
	defer func() {
		for i := range donate {
			if donate[i] && i < len(inputs) && inputs[i] != nil {
				inputs[i].Close()
			}
		}
	}()
	if err := e.check(ctx, inputs, donate); err != nil {
		return nil, err
	}
	r, _ := e.calls.Get().(*runCall)
	if r == nil {
		r = &runCall{}
	}
	defer func() {
		for _, s := range r.held {
			if s != nil {
				s.Release()
			}
		}
		for _, s := range r.owned { // empty if the run went well
			s.Release()
		}
		clear(r.in)
		clear(r.out)
		clear(r.held)
		clear(r.owned[:cap(r.owned)])
		r.in, r.out, r.held, r.owned = r.in[:0], r.out[:0], r.held[:0], r.owned[:0]
		e.calls.Put(r)
	}()
	if err := e.hold(r, inputs, donate); err != nil {
		return nil, err
	}
	if err := e.draw(r, donate); err != nil {
		return nil, err
	}
	if err := e.code.exec(ctx, r.in, r.out, nil); err != nil {
		return nil, err
	}
	runtime.KeepAlive(r.held)
	results := make([]ir.Buffer, len(r.owned))
	for o, s := range r.owned {
		results[o] = newBuffer(e.backend, e.code.results[o], s)
	}
	r.owned = r.owned[:0]
	return results, nil
}

// check returns an error unless a run with these arguments is possible.
func (e *executable) check(ctx context.Context, inputs []ir.Buffer, donate []bool) error {
	switch {
	case e.backend.closed.Load():
		return errClosed
	case e.closed.Load():
		return fmt.Errorf("program %q: the executable is closed", e.code.name)
	case len(inputs) != len(e.code.inputs):
		return fmt.Errorf("program %q takes %d inputs, got %d", e.code.name, len(e.code.inputs), len(inputs))
	case donate != nil && len(donate) != len(inputs):
		return fmt.Errorf("program %q: %d inputs, but %d marks of donation", e.code.name, len(inputs), len(donate))
	}
	return ctx.Err()
}

// hold takes a reference to the storage of every input, and closes the buffers that are given up.
func (e *executable) hold(r *runCall, inputs []ir.Buffer, donate []bool) error {
	for i, in := range inputs {
		v := &e.code.values[e.code.inputs[i]]
		b, ok := in.(*buffer)
		switch {
		case in == nil || ok && b == nil:
			return fmt.Errorf("program %q: input %d is nil", e.code.name, i)
		case !ok:
			return fmt.Errorf("program %q: input %d is a buffer of another backend", e.code.name, i)
		case !b.shape.Equal(v.shape):
			return fmt.Errorf("program %q: input %d is %s, want %s", e.code.name, i, b.shape, v.shape)
		}
		s, err := b.retain()
		if err != nil {
			return fmt.Errorf("program %q: input %d: %w", e.code.name, i, err)
		}
		r.held = append(r.held, s)
		r.in = append(r.in, s.Bytes()[:v.size:v.size])
	}
	for i := range donate {
		if donate[i] {
			inputs[i].Close()
		}
	}
	return nil
}

var errMemory = errors.New("no memory for a result")

// draw finds the memory of the outputs: that of donated inputs that nobody else holds, or new.
func (e *executable) draw(r *runCall, donate []bool) error {
	for o, id := range e.code.outputs {
		size := e.code.values[id].size
		if i := e.code.donors[o]; i >= 0 && donate != nil && donate[i] {
			if s := r.held[i]; s.References() == 1 && s.Len() == size {
				r.held[i] = nil
				r.owned, r.out = append(r.owned, s), append(r.out, s.Bytes())
				continue
			}
		}
		s, err := tensors.NewStorage(size)
		if err != nil {
			return fmt.Errorf("program %q: %w %d: %w", e.code.name, errMemory, o, err)
		}
		r.owned, r.out = append(r.owned, s), append(r.out, s.Bytes())
	}
	return nil
}
