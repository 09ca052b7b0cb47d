package cache

import (
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/model"
)

// Set is the caches below a scope, between calls: those that graphs have made so far.
type Set struct{ scope *model.Scope }

// Of returns the caches below a scope, such as the root of a model's store.
func Of(scope *model.Scope) *Set { return &Set{scope} }

// each calls fn with the variables of each cache: its length, and keys and values.
func (s *Set) each(fn func(length, keys, values *model.Variable) error) error {
	store := s.scope.Store()
	for v := range s.scope.IterVariables() {
		if v.Name() != lengthName {
			continue
		}
		dir := v.Scope()
		of := func(names ...string) *model.Variable {
			for _, name := range names {
				if v := store.GetVariable(path.Join(dir, name)); v != nil {
					return v
				}
			}
			return nil
		}
		keys, values := of(keysName, ringKeysName), of(valuesName, ringValuesName)
		if keys == nil || values == nil {
			continue // nothing was appended yet
		}
		if err := fn(v, keys, values); err != nil {
			return fmt.Errorf("cache %q: %w", dir, err)
		}
	}
	return nil
}

func lengthOf(v *model.Variable) (int, error) {
	t, err := v.Value()
	if err != nil {
		return 0, err
	}
	return int(t.Value().(int32)), nil
}

// Len returns how many positions were appended to the cache that has most.
func (s *Set) Len() (most int, err error) {
	err = s.each(func(length, _, _ *model.Variable) error {
		n, err := lengthOf(length)
		most = max(most, n)
		return err
	})
	return most, err
}

// Reserve makes room for n more positions in each cache of [KV], in whole steps of [Growth]: caches that have it stay, others are made anew,
// with what they hold, and programs that use them are compiled again. It returns an error if a cache has been appended to without room.
func (s *Set) Reserve(n int) error {
	return s.each(func(length, keys, values *model.Variable) error {
		if keys.Name() != keysName {
			return nil // a rotating one
		}
		have, err := lengthOf(length)
		capacity := keys.Shape().Dim(-2)
		switch {
		case err != nil:
			return err
		case n < 0:
			return fmt.Errorf("%d positions cannot be reserved", n)
		case overrun(have, keys):
			return fmt.Errorf("%d positions were appended to a cache of %d: call Reserve before each call", have, capacity)
		case have+n <= capacity:
			return nil
		}
		for _, v := range []*model.Variable{keys, values} {
			if err := grow(s.scope.Store(), v, (have+n+Growth-1)/Growth*Growth); err != nil {
				return err
			}
		}
		return nil
	})
}

// grow replaces a variable by one with more positions.
func grow(store *model.Store, v *model.Variable, capacity int) error {
	old, err := v.Value()
	if err != nil {
		return err
	}
	defer old.Close()
	s := old.Shape().Clone()
	s.Dimensions[s.Rank()-2] = capacity
	larger, err := tensors.New(s)
	if err != nil {
		return err
	}
	defer larger.Close()
	if err := copyPositions(larger, old, old.Shape().Dim(-2)); err != nil {
		return err
	}
	return replace(store, v, larger)
}

// replace puts a variable of another shape in the place of v.
func replace(store *model.Store, v *model.Variable, value *tensors.Tensor) error {
	trainable := v.Trainable()
	if err := store.DeleteVariable(v.Path()); err != nil {
		return err
	}
	made, err := store.CreateVariable(v.Path(), value)
	if err != nil {
		return err
	}
	made.SetTrainable(trainable)
	return nil
}

// copyPositions copies the first n positions, of the axis before the last.
func copyPositions(to, from *tensors.Tensor, n int) (err error) {
	s := from.Shape()
	if s.Size() == 0 || n == 0 {
		return nil
	}
	row := s.ByteSize() / s.Size() * s.Dim(-1)
	outer := s.Size() / (s.Dim(-1) * s.Dim(-2))
	rows, wide := s.Dim(-2)*row, to.Shape().Dim(-2)*row
	e := to.MutableBytes(func(dst []byte) {
		err = from.ConstBytes(func(src []byte) {
			for i := range outer {
				copy(dst[i*wide:][:n*row], src[i*rows:])
			}
		})
	})
	if e != nil {
		return e
	}
	return err
}

// Truncate forgets the positions from n on, as after tokens that were guessed and not taken. Of a rotating cache, which has written over others
// with them, it can only forget all. What is forgotten stays in memory, hidden, until
// others are written over it, and must be finite: 0·NaN is NaN.
func (s *Set) Truncate(n int) error {
	err := s.each(func(length, keys, _ *model.Variable) error { // all can be cut, or none is
		have, err := lengthOf(length)
		switch {
		case err != nil:
			return err
		case n < 0 || n > have:
			return fmt.Errorf("it has %d positions, and cannot be cut to %d", have, n)
		case n > 0 && n < have && keys.Name() != keysName:
			return fmt.Errorf("it is a rotating one: the positions before %d may be gone (restore a snapshot instead)", n)
		case n > 0 && overrun(have, keys):
			return fmt.Errorf("%d positions were appended to a cache of %d, over others: it cannot be cut to %d (see Reset, and call Reserve before each call)", have, keys.Shape().Dim(-2), n)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.each(func(length, keys, values *model.Variable) error {
		have, err := lengthOf(length)
		if err == nil && overrun(have, keys) { // some are NaN
			err = values.SetValue(tensors.FromShape(values.Shape()))
		}
		if err != nil {
			return err
		}
		return length.SetValue(tensors.FromScalar(int32(n)))
	})
}

// overrun tells whether a cache of KV was appended to where it had no room: what it holds is not what was appended.
func overrun(have int, keys *model.Variable) bool {
	return keys.Name() == keysName && have > keys.Shape().Dim(-2)
}

// Reset forgets all positions, and keeps the memory.
func (s *Set) Reset() error { return s.Truncate(0) }

// Snapshot is what caches held at one time, in memory of its own.
type Snapshot struct{ parts []part }

// part is what one cache held.
type part struct {
	length, keys, values string // paths
	n                    int
	k, v                 *tensors.Tensor
	rotating             bool
}

// Snapshot returns what the caches hold: as much as has been appended, and not the memory that is free in them, which it does not refer to.
func (s *Set) Snapshot() (*Snapshot, error) {
	shot := &Snapshot{}
	err := s.each(func(length, keys, values *model.Variable) error {
		n, err := lengthOf(length)
		if err != nil {
			return err
		}
		p := part{length: length.Path(), keys: keys.Path(), values: values.Path(), n: n, rotating: keys.Name() != keysName}
		if p.k, err = positions(keys, n); err == nil {
			p.v, err = positions(values, n)
		}
		shot.parts = append(shot.parts, p)
		return err
	})
	if err != nil {
		shot.Close()
		return nil, err
	}
	return shot, nil
}

// positions returns a copy of the first n of a variable, or of all if there are fewer.
func positions(v *model.Variable, n int) (*tensors.Tensor, error) {
	all, err := v.Value()
	if err != nil {
		return nil, err
	}
	defer all.Close()
	s := all.Shape().Clone()
	s.Dimensions[s.Rank()-2] = min(n, s.Dim(-2))
	t, err := tensors.New(s)
	if err != nil {
		return nil, err
	}
	return t, copyPositions(t, all, s.Dim(-2))
}

// ByteSize returns the bytes of keys and values.
func (s *Snapshot) ByteSize() (n int) {
	for _, p := range s.parts {
		n += p.k.ByteSize() + p.v.ByteSize()
	}
	return n
}

// Close releases the memory.
func (s *Snapshot) Close() error {
	for _, p := range s.parts {
		for _, t := range []*tensors.Tensor{p.k, p.v} {
			if t.Ok() {
				t.Close()
			}
		}
	}
	s.parts = nil
	return nil
}

// Restore lets the caches hold what they held at a snapshot; those that nothing had been appended to become empty. It returns an error if a
// cache of the snapshot is not there.
func (s *Set) Restore(shot *Snapshot) error {
	if shot == nil {
		return errors.New("cache: the snapshot is nil")
	}
	store := s.scope.Store()
	err := s.each(func(length, keys, values *model.Variable) error {
		if slices.ContainsFunc(shot.parts, func(p part) bool { return p.length == length.Path() }) {
			return nil
		}
		if err := values.SetValue(tensors.FromShape(values.Shape())); err != nil { // which may be NaN
			return err
		}
		return length.SetValue(tensors.FromScalar(int32(0)))
	})
	if err != nil {
		return err
	}
	for _, p := range shot.parts {
		length := store.GetVariable(p.length)
		if length == nil {
			return fmt.Errorf("cache: there is no %q, which the snapshot has", p.length)
		}
		for i, name := range []string{p.keys, p.values} {
			if err := restore(store, name, []*tensors.Tensor{p.k, p.v}[i], p.rotating); err != nil {
				return err
			}
		}
		if err := length.SetValue(tensors.FromScalar(int32(p.n))); err != nil {
			return err
		}
	}
	return nil
}

// restore writes positions into a variable, the others of which are 0.
func restore(store *model.Store, name string, held *tensors.Tensor, rotating bool) error {
	v := store.GetVariable(name)
	if v == nil {
		return fmt.Errorf("cache: there is no %q, which the snapshot has", name)
	}
	s := v.Shape().Clone()
	n := held.Shape().Dim(-2)
	if !rotating && n > s.Dim(-2) {
		s.Dimensions[s.Rank()-2] = (n + Growth - 1) / Growth * Growth
	}
	want := slices.Clone(s.Dimensions)
	want[len(want)-2] = n
	if held.DType() != s.DType || !slices.Equal(want, held.Shape().Dimensions) || n > s.Dim(-2) {
		return fmt.Errorf("cache: %q is %s, and the snapshot has %s", name, v.Shape(), held.Shape())
	}
	t, err := tensors.New(s)
	if err != nil {
		return err
	}
	defer t.Close()
	if err := copyPositions(t, held, n); err != nil {
		return err
	}
	if !s.Equal(v.Shape()) {
		return replace(store, v, t)
	}
	return v.SetValue(t)
}
