package model

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir/capability"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Value is what a variable holds at one time. It never changes: a run that changes the variable gives it another Value.
// It lies on the host until a backend needs it, and then on backends. It is safe for several goroutines.
type Value struct {
	of      *Variable // that it was made for; a clone's variable may hold it too
	version int64

	mu     sync.Mutex
	refs   int                             // the variable, snapshots and runs that hold it; with the last one it is released
	init   func() (*tensors.Tensor, error) // makes host when it is first needed; nil for a value that was given
	host   *tensors.Tensor
	copies []onBackend
	first  [1]onBackend // where copies begins, mostly all of it: one allocation less for each variable and step
}

type onBackend struct {
	backend graph.Backend
	buf     graph.Buffer
}

// Shape returns the shape.
func (x *Value) Shape() shapes.Shape {
	if x == nil || x.of == nil {
		return shapes.Shape{}
	}
	return x.of.shape
}

// String describes the value in a line.
func (x *Value) String() string {
	if x == nil || x.of == nil {
		return "no value"
	}
	return fmt.Sprintf("%s %s, version %d", x.of.path, x.of.shape, x.version)
}

// Version returns the number of the change that made the value: one number for all variables that one run changed, and a
// larger one after each change in the store.
func (x *Value) Version() int64 { return x.version }

// ToHost returns the value as a tensor that is the caller's to close, and may share memory with others: it must not be
// changed. It returns an error if the value was released: its snapshot was closed.
func (x *Value) ToHost() (*tensors.Tensor, error) {
	if x == nil || x.of == nil {
		return nil, errors.New("model: the value is nil, or a zero Value: a snapshot has values of the variables that it holds")
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	t, err := x.onHost()
	if err != nil || t != x.host {
		return t, err
	}
	return t.Share(), nil
}

// onHost returns the value; the tensor is x's if it is x.host. x.mu is held.
func (x *Value) onHost() (*tensors.Tensor, error) {
	switch {
	case x.refs <= 0:
		return nil, fmt.Errorf("model: the value of %q is released: it was read from a snapshot that is closed", x.of.path)
	case len(x.copies) > 0:
		return x.copies[0].buf.ToHost()
	case x.host == nil && x.init == nil:
		return nil, fmt.Errorf("model: the value of %q was given up to a run that changes it: it was read from a snapshot that is closed", x.of.path)
	case x.host == nil:
		t, err := x.init()
		if err != nil {
			return nil, fmt.Errorf("model: variable %q: %w", x.of.path, err)
		}
		x.host = t
	}
	return x.host, nil
}

// buffer returns the value on a backend. The buffer stays x's.
func (x *Value) buffer(backend graph.Backend) (graph.Buffer, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, c := range x.copies {
		if c.backend == backend {
			return c.buf, nil
		}
	}
	if buf := x.adopted(backend); buf != nil {
		x.copies = append(x.copies, onBackend{backend, buf})
		return buf, nil
	}
	t, err := x.onHost()
	if err != nil {
		return nil, err
	}
	if len(x.copies) > 0 { // never let two backends share memory: one may be given it up
		own, err := t.Clone()
		t.Close()
		if err != nil {
			return nil, err
		}
		t = own
	}
	buf, err := backend.Put(t)
	if err != nil {
		return nil, fmt.Errorf("model: variable %q: %w", x.of.path, err)
	}
	t.Close() // the buffer holds the memory alone, so that a run to which it is given up may take it
	if x.host = nil; x.copies == nil {
		x.copies = x.first[:0]
	}
	x.copies = append(x.copies, onBackend{backend, buf})
	return buf, nil
}

// adopted returns the value that lies with another instance of the backend's engine as a buffer of this one, nil if there is none. x.mu
// is held.
func (x *Value) adopted(backend graph.Backend) graph.Buffer {
	for _, c := range x.copies {
		if buf, ok := capability.Adopt(backend, c.buf); ok {
			return buf
		}
	}
	return nil
}

// on returns the backend for which stays says so on which the value lies, and a buffer of it for the caller to close; nil if there
// is none.
func (x *Value) on(stays func(graph.Backend) bool) (graph.Backend, graph.Buffer) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, c := range x.copies {
		if stays(c.backend) {
			if buf, ok := capability.Adopt(c.backend, c.buf); ok {
				return c.backend, buf
			}
		}
	}
	return nil, nil
}

// retain notes one more holder, and returns x.
func (x *Value) retain() *Value {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.refs++
	return x
}

// release notes one holder less. The last one releases the memory.
func (x *Value) release() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.refs--; x.refs > 0 {
		return
	}
	for _, c := range x.copies {
		c.buf.Close()
	}
	if x.host != nil {
		x.host.Close()
	}
	clear(x.copies)
	x.copies, x.host, x.init = nil, nil, nil
}

// giveUp lets a run take the memory on a backend, if only its variable and that run hold x, and reports whether it may: then
// its buffer there is the run's, and x is empty.
func (x *Value) giveUp(backend graph.Backend) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.refs > 2 {
		return false
	}
	x.copies = slices.DeleteFunc(x.copies, func(c onBackend) bool {
		if c.backend != backend {
			c.buf.Close()
		}
		return true
	})
	x.init = nil // it would make the first value, not this one
	return true
}

// newValue returns a value that v holds: a tensor that it takes over, or what v's initializer makes.
func (v *Variable) newValue(host *tensors.Tensor) *Value {
	x := &Value{of: v, version: v.store.versions.Add(1), refs: 1, host: host}
	if host == nil {
		x.init = v.init
	}
	return x
}

// hold returns the current value with one more holder. v.store.run is held.
func (v *Variable) hold() (*Value, error) {
	if v.value == nil {
		return nil, v.gone
	}
	return v.value.retain(), nil
}

// set replaces the value; nil leaves none, for the reason gone. v.store.run is held.
func (v *Variable) set(x *Value, gone error) {
	if v.value != nil {
		v.value.release()
	}
	v.value, v.gone = x, gone
}
