package gocpu

import (
	"context"
	"fmt"

	"github.com/quire-ml/quire/graph/tensors"
)

// RunHost runs the program on tensors, see [capability.HostRunner]: a buffer is no more than a tensor here. The memory of inputs and
// results goes straight into a frame.
func (e *executable) RunHost(ctx context.Context, inputs []any) (out []*tensors.Tensor, ran bool, err error) {
	if !e.takes(inputs) {
		return nil, false, nil
	}
	f, err := e.code.frame()
	if err != nil {
		return nil, true, err
	}
	defer func() {
		p := recover()
		for _, s := range f.held {
			s.Release()
		}
		clear(f.held)
		f.held = f.held[:0]
		if p != nil { // steps name what breaks in them; this is for what is around them
			err = fmt.Errorf("program %q: the engine broke: %v", e.code.name, p)
		}
		if err != nil { // what an input or a result is may be anything: the frame is dropped
			closeAll(out)
			out = nil
			return
		}
		f.release()
		if e.closed.Load() {
			e.code.drop(map[*code]bool{})
		}
	}()
	c := e.code
	for i, id := range c.inputs {
		s := inputs[i].(*tensors.Tensor).Storage().Retain()
		f.held = append(f.held, s)
		size := c.values[id].size
		f.vals[id] = s.Bytes()[:size:size]
	}
	if out, err = tensors.ForResults(c.results); err != nil {
		return nil, true, fmt.Errorf("program %q: %w: %w", c.name, errMemory, err)
	}
	for i, id := range c.outputs {
		f.vals[id] = out[i].Storage().Bytes()
	}
	return out, true, f.run(ctx, nil)
}

// takes reports whether inputs are tensors of the program's shapes, and a run is possible at all.
func (e *executable) takes(inputs []any) bool {
	c := e.code
	if len(inputs) != len(c.inputs) || e.closed.Load() || e.backend.closed.Load() {
		return false
	}
	for i, id := range c.inputs {
		t, ok := inputs[i].(*tensors.Tensor)
		if !ok || !t.Ok() || !t.Shape().Identical(c.values[id].shape) {
			return false
		}
	}
	return true
}

func closeAll(list []*tensors.Tensor) {
	for _, t := range list {
		t.Close()
	}
}
