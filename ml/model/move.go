package model

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/quire-ml/quire/internal/names"
)

// MoveVariable gives a variable another path: its value, whether it is trained and how it is divided go with it, rules for the new path
// ([Store.FreezeVariables]) hold for it, and graphs that use it are compiled again. So weights that were saved under other names fit a model:
//
//	err := store.MoveVariable("/encoder/dense_1/kernel", "/encoder/hidden/weights")
//
// What optimizers keep of it stays where it is, and is not found any more. The [Variable] of the old path is as one that was deleted. It
// returns an error if there is no variable at the old path, or one at the new path.
func (s *Store) MoveVariable(from, to string) error {
	from, to = JoinPath(from), JoinPath(to)
	s.run.Lock()
	defer s.run.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	v, err := s.toCopy("MoveVariable", from, to)
	if err != nil {
		return err
	}
	if old := s.vars[to]; old != nil {
		return fmt.Errorf("model.MoveVariable: the variable %q exists already, as %s%s: delete it first with DeleteVariable", to, old.shape, at(", made at ", old.madeAt))
	}
	w, err := v.copyAs(to)
	if err != nil {
		return fmt.Errorf("model.MoveVariable: %w", err)
	}
	w.init = v.init
	s.freezeNew(w)
	v.set(nil, fmt.Errorf("model: the variable %q was moved to %q", from, to))
	v.deleted = true
	delete(s.vars, from)
	s.vars[to] = w
	s.generation++
	return nil
}

// CopyVariable gives the variable at a path the value of another one, which costs no memory before one of them is changed: the two are of one
// shape. If there is none it is made, and not trained. It returns an error if there is no variable to copy, or if the shapes differ.
func (s *Store) CopyVariable(from, to string) error {
	from, to = JoinPath(from), JoinPath(to)
	s.run.Lock()
	defer s.run.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	v, err := s.toCopy("CopyVariable", from, to)
	if err != nil {
		return err
	}
	w := s.vars[to]
	if w == nil {
		if w, err = v.copyAs(to); err != nil {
			return fmt.Errorf("model.CopyVariable: %w", err)
		}
		w.trainable = false
		s.freezeNew(w)
		s.vars[to] = w
		return nil
	}
	if !w.shape.Equal(v.shape) {
		return fmt.Errorf("model.CopyVariable: variable %q is %s%s: it cannot be set to %q, a %s", to, w.shape, at(", made at ", w.madeAt), from, v.shape)
	}
	if v == w {
		return nil
	}
	x, err := v.hold()
	if err != nil {
		return fmt.Errorf("model.CopyVariable: %w", err)
	}
	w.set(x, nil)
	return nil
}

// toCopy returns the variable at from. s.mu is held.
func (s *Store) toCopy(caller, from, to string) (*Variable, error) {
	v := s.vars[from]
	switch {
	case to == "/":
		return nil, fmt.Errorf("model.%s: the path to give %q is empty", caller, from)
	case v == nil:
		return nil, fmt.Errorf("model.%s: there is no variable %q%s", caller, from, names.Hint(from, slices.Sorted(maps.Keys(s.vars))))
	}
	return v, nil
}

// copyAs returns a variable of another path with v's value. s.run is held.
func (v *Variable) copyAs(path string) (*Variable, error) {
	x, err := v.hold()
	if err != nil {
		return nil, err
	}
	w := &Variable{store: v.store, path: path, shape: v.shape, madeAt: v.madeAt, value: x}
	w.trainable, _ = v.flags()
	w.sharding, w.transient = v.Sharding(), v.Transient()
	return w, nil
}

// Restore gives the variables of the store the values that they had when the snapshot was taken, and deletes those that were made since then: the
// store is what it was, bit for bit. Nothing is copied. It waits for a run that is changing variables. It returns an error if the snapshot is closed,
// or if a variable was deleted or moved meanwhile; then nothing has changed.
func (s *Snapshot) Restore() error {
	if s.store == nil {
		return errors.New("model.Restore: the snapshot is a zero Snapshot: take it with Store.Snapshot")
	}
	younger, err := s.restore()
	for _, v := range younger {
		err = errors.Join(err, s.store.DeleteVariable(v.path))
	}
	return err
}

// restore sets the values, and returns the variables that were made since.
func (s *Snapshot) restore() (younger []*Variable, err error) {
	s.store.run.Lock()
	defer s.store.run.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errors.New("model.Restore: the snapshot is closed")
	}
	for _, path := range slices.Sorted(maps.Keys(s.held)) {
		if s.held[path].variable.deleted {
			return nil, fmt.Errorf("model.Restore: the variable %q was deleted or moved since the snapshot was taken", path)
		}
	}
	for _, h := range s.held {
		h.variable.set(h.value.retain(), nil)
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	for path, v := range s.store.vars {
		if _, known := s.held[path]; !known && !s.lost[path] {
			younger = append(younger, v)
		}
	}
	return younger, nil
}
