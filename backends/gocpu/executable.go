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

// runCall is what one Run works with.
type runCall struct {
	in, out [][]byte
	held    []*tensors.Storage // of inputs
	results []*result
}

// result is a buffer that a run returns, in one allocation with the storage that is made for it, if one is, and with the list
// that it is returned in, if it is the only one.
type result struct {
	buffer
	made tensors.Storage
	list [1]ir.Buffer
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
	c.spare.Store(nil)
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

func (e *executable) Run(ctx context.Context, inputs []ir.Buffer, donate []bool) ([]ir.Buffer, error) {
	return e.run(ctx, inputs, donate, nil)
}

// run is Run; at is nil, or says who is told of the steps of this run.
func (e *executable) run(ctx context.Context, inputs []ir.Buffer, donate []bool, at *site) (out []ir.Buffer, err error) {
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
		for _, y := range r.results { // empty if the run went well
			y.Close()
		}
		clear(r.in)
		clear(r.out)
		clear(r.held)
		clear(r.results[:cap(r.results)])
		r.in, r.out, r.held, r.results = r.in[:0], r.out[:0], r.held[:0], r.results[:0]
		e.calls.Put(r)
	}()
	if err := e.hold(r, inputs, donate); err != nil {
		return nil, err
	}
	if err := e.draw(r, donate); err != nil {
		return nil, err
	}
	if err := e.code.exec(ctx, r.in, r.out, at); err != nil {
		return nil, err
	}
	runtime.KeepAlive(r.held)
	out = returned(r.results)
	r.results = r.results[:0]
	return out, nil
}

// returned lists results as buffers.
func returned(results []*result) (out []ir.Buffer) {
	if len(results) == 1 {
		out = results[0].list[:]
	} else {
		out = make([]ir.Buffer, len(results))
	}
	for o, y := range results {
		out[o] = &y.buffer
	}
	return out
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
		y := &result{buffer: buffer{backend: e.backend, shape: e.code.results[o]}}
		if i := e.code.donors[o]; i >= 0 && donate != nil && donate[i] && r.held[i].References() == 1 && r.held[i].Len() == size {
			y.storage, r.held[i] = r.held[i], nil
		} else if err := tensors.MakeStorage(&y.made, size); err != nil {
			return fmt.Errorf("program %q: %w %d: %w", e.code.name, errMemory, o, err)
		} else {
			y.storage = &y.made
		}
		r.results, r.out = append(r.results, y), append(r.out, y.storage.Bytes())
	}
	return nil
}
