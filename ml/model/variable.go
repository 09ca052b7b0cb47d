package model

import (
	"fmt"
	"sync"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Variable is a named value of a [Store] that graphs read and change. Its shape never changes.
type Variable struct {
	store  *Store
	path   string
	shape  shapes.Shape
	madeAt string // the user's line, or the file it was loaded from

	mu        sync.Mutex
	trainable bool
	sharding  graph.Sharding
	compiled  bool // part of a compiled graph
	// The value: made by init when it is first needed, on the host until a backend needs it, then on
	// backends. Several hold it only while none changes it.
	init    func() (*tensors.Tensor, error)
	host    *tensors.Tensor
	copies  []onBackend
	lost    error // why there is no value
	deleted bool
}

type onBackend struct {
	backend graph.Backend
	buf     graph.Buffer
}

// Name returns the last element of the path.
func (v *Variable) Name() string {
	_, name := SplitPath(v.path)
	return name
}

// Path returns the variable's place in its store, such as "/hidden/weights".
func (v *Variable) Path() string { return v.path }

// Scope returns the path without the name, such as "/hidden".
func (v *Variable) Scope() string {
	scope, _ := SplitPath(v.path)
	return scope
}

// Shape returns the shape.
func (v *Variable) Shape() shapes.Shape { return v.shape }

// DType returns the element type.
func (v *Variable) DType() dtypes.DType { return v.shape.DType }

// MadeAt returns where the variable was made: the user's line, such as "main.go:12" or, in a cell, "In[3]:5", or the
// file that it was loaded from; "" if that is not known.
func (v *Variable) MadeAt() string { return v.madeAt }

// SetMadeAt says where the variable comes from, for errors that speak of it, and returns v.
func (v *Variable) SetMadeAt(place string) *Variable {
	v.madeAt = place
	return v
}

// String describes v in a line.
func (v *Variable) String() string {
	s := fmt.Sprintf("%s %s", v.path, v.shape)
	if !v.Trainable() {
		s += " (not trainable)"
	}
	if sharding := v.Sharding(); sharding != nil {
		s += " split " + sharding.String()
	}
	return s
}

// Trainable reports whether optimizers change v.
func (v *Variable) Trainable() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.trainable
}

// SetTrainable says whether optimizers change v, and returns v. Only floats can be trained; for others it
// has no effect. Graphs built before are compiled again.
func (v *Variable) SetTrainable(trainable bool) *Variable {
	trainable = trainable && v.shape.DType.IsFloat()
	v.mu.Lock()
	changed := v.trainable != trainable && v.compiled
	v.trainable = trainable
	v.mu.Unlock()
	if changed {
		v.store.mu.Lock()
		v.store.generation++
		v.store.mu.Unlock()
	}
	return v
}

// Value returns a copy of the value.
func (v *Variable) Value() (*tensors.Tensor, error) {
	v.store.run.RLock()
	defer v.store.run.RUnlock()
	v.mu.Lock()
	defer v.mu.Unlock()
	t, err := v.onHost()
	if err != nil {
		return nil, err
	}
	if t != v.host { // a share of a backend's memory: give it back, or that could not be reused
		defer t.Close()
	}
	return t.Clone()
}

// MustValue is [Variable.Value]; it panics on an error.
func (v *Variable) MustValue() *tensors.Tensor {
	t, err := v.Value()
	if err != nil {
		panic(err)
	}
	return t
}

// onHost returns the value, which stays v's. v.mu is held.
func (v *Variable) onHost() (*tensors.Tensor, error) {
	switch {
	case v.deleted:
		return nil, fmt.Errorf("model: the variable %q was deleted", v.path)
	case v.lost != nil:
		return nil, v.lost
	case len(v.copies) > 0:
		return v.copies[0].buf.ToHost()
	case v.host == nil:
		t, err := v.init()
		if err != nil {
			return nil, fmt.Errorf("model: variable %q: %w", v.path, err)
		}
		v.host = t
	}
	return v.host, nil
}

// SetValue replaces the value by a copy of value. It returns an error if the shape is another one.
func (v *Variable) SetValue(value *tensors.Tensor) error {
	if err := value.CheckValid(); err != nil {
		return fmt.Errorf("model: variable %q: %w", v.path, err)
	}
	if !value.Shape().Equal(v.shape) {
		return fmt.Errorf("model: variable %q is %s%s: it cannot be set to a %s", v.path, v.shape, at(", made at ", v.madeAt), value.Shape())
	}
	t, err := value.Clone()
	if err != nil {
		return err
	}
	v.store.run.Lock()
	defer v.store.run.Unlock()
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.deleted {
		return fmt.Errorf("model: the variable %q was deleted", v.path)
	}
	v.drop()
	v.host = t
	return nil
}

// MustSetValue is [Variable.SetValue]; it panics on an error.
func (v *Variable) MustSetValue(value *tensors.Tensor) {
	if err := v.SetValue(value); err != nil {
		panic(err)
	}
}

// Reset gives v its first value again, by its initializer and the store's seed of this moment. It returns
// an error if v was made with a value instead.
func (v *Variable) Reset() error {
	v.store.run.Lock()
	defer v.store.run.Unlock()
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.init == nil {
		return fmt.Errorf("model: the variable %q has no initializer to reset it with", v.path)
	}
	v.drop()
	return nil
}

// drop forgets the value. v.mu is held.
func (v *Variable) drop() {
	for _, c := range v.copies {
		c.buf.Close()
	}
	v.copies, v.host, v.lost = nil, nil, nil
}

// release makes v unusable.
func (v *Variable) release() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.drop()
	v.deleted = true
}

// buffer returns the value on a backend. The buffer stays v's.
func (v *Variable) buffer(backend graph.Backend) (graph.Buffer, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, c := range v.copies {
		if c.backend == backend {
			return c.buf, nil
		}
	}
	t, err := v.onHost()
	if err != nil {
		return nil, err
	}
	if len(v.copies) > 0 { // never let two backends share memory: one may be given it up
		if t, err = t.Clone(); err != nil {
			return nil, err
		}
	}
	buf, err := backend.Put(t)
	if err != nil {
		return nil, fmt.Errorf("model: variable %q: %w", v.path, err)
	}
	v.copies, v.host = append(v.copies, onBackend{backend, buf}), nil
	return buf, nil
}

// give takes the value away from v, for a run that it is donated to; the buffer on backend is not closed.
func (v *Variable) give(backend graph.Backend) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, c := range v.copies {
		if c.backend != backend {
			c.buf.Close()
		}
	}
	v.copies = nil
	v.lost = fmt.Errorf("model: the value of %q was lost in a run that failed: load the last checkpoint, or delete the variable", v.path)
}

// take makes buf the value.
func (v *Variable) take(backend graph.Backend, buf graph.Buffer) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.copies, v.lost = []onBackend{{backend, buf}}, nil
}

// setCompiled notes that a compiled graph depends on v.
func (v *Variable) setCompiled() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.compiled = true
}
