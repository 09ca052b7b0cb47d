package model

import (
	"fmt"
	"sync"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Variable is a named value of a [Store] that graphs read and change. Its shape never changes.
type Variable struct {
	store  *Store
	path   string
	shape  shapes.Shape
	madeAt place // the user's line, or the file it was loaded from

	mu        sync.Mutex
	trainable bool
	sharding  ir.Sharding
	transient bool
	frozen    bool // by a rule of the store's
	compiled  bool // part of a compiled graph

	init func() (*tensors.Tensor, error) // makes the first value; nil if that was given

	made func(g *graph.Graph) *graph.Node // what it is in a graph, of one that is made of others, and of a view
	of   *Variable                        // what a view is one of

	// Guarded by the store's run.
	value   *Value
	gone    error // why there is no value
	deleted bool
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
func (v *Variable) MadeAt() string { return v.madeAt.String() }

// SetMadeAt says where the variable comes from, for errors that speak of it, and returns v.
func (v *Variable) SetMadeAt(place string) *Variable {
	v.madeAt.text = place
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
	v = v.own()
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.trainable && !v.frozen
}

// own returns v, or what it is a view of.
func (v *Variable) own() *Variable {
	if v.of != nil {
		return v.of
	}
	return v
}

// SetTrainable says whether optimizers change v, and returns v. Only floats can be trained; for others it
// has no effect. Those that [Store.FreezeVariables] freezes stay so. Graphs built before are compiled again.
func (v *Variable) SetTrainable(trainable bool) *Variable {
	w := v.own()
	trainable = trainable && w.shape.DType.IsFloat() && w.made == nil
	w.mu.Lock()
	changed := w.trainable != trainable && w.compiled
	w.trainable = trainable
	w.mu.Unlock()
	if changed {
		w.store.changed()
	}
	return v
}

// Transient reports whether the variable is left out of checkpoints.
func (v *Variable) Transient() bool {
	v = v.own()
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.transient
}

// SetTransient says whether the variable is something that a run works with, such as a cache, and returns it: checkpoints leave it out. It is
// part of a [State] all the same.
func (v *Variable) SetTransient(transient bool) *Variable {
	w := v.own()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.transient = transient
	return v
}

// Value returns a copy of the value.
func (v *Variable) Value() (*tensors.Tensor, error) {
	values, err := v.store.holdAll([]*Variable{v.own()})
	if err != nil {
		return nil, err
	}
	defer releaseAll(values)
	t, err := values[0].ToHost()
	if err != nil {
		return nil, err
	}
	defer t.Close() // a share of memory, which could not be reused otherwise
	return t.Clone()
}

// Version returns the number of the change that made the value, see [Value.Version]; 0 if there is no value.
func (v *Variable) Version() int64 {
	v = v.own()
	v.store.run.Lock()
	defer v.store.run.Unlock()
	if v.value == nil {
		return 0
	}
	return v.value.version
}

// MustValue is [Variable.Value]; it panics on an error.
func (v *Variable) MustValue() *tensors.Tensor {
	t, err := v.Value()
	if err != nil {
		panic(err)
	}
	return t
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
	v = v.own()
	v.store.run.Lock()
	defer v.store.run.Unlock()
	if v.deleted || v.made != nil {
		return v.gone
	}
	v.set(v.newValue(t), nil)
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
	v = v.own()
	v.store.run.Lock()
	defer v.store.run.Unlock()
	switch {
	case v.deleted || v.made != nil:
		return v.gone
	case v.init == nil:
		return fmt.Errorf("model: the variable %q has no initializer to reset it with", v.path)
	}
	v.set(v.newValue(nil), nil)
	return nil
}

// release makes v unusable. v.store.run is held.
func (v *Variable) release() {
	v.set(nil, fmt.Errorf("model: the variable %q was deleted", v.path))
	v.deleted = true
}

// setCompiled notes that a compiled graph depends on v.
func (v *Variable) setCompiled() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.compiled = true
}
