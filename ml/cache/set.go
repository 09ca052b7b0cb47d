package cache

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/model"
)

// Set is the caches below a scope, between calls: those of one [Place] that graphs have made so far.
type Set struct {
	scope *model.Scope
	place Place
}

// Of returns the caches below a scope, such as the root of a model's store: those without a name.
func Of(scope *model.Scope) *Set { return Place{}.Of(scope) }

// Of returns the caches of the place's name below a scope.
func (p Place) Of(scope *model.Scope) *Set { return &Set{scope, Place{Name: p.Name}} }

// parts are the variables of a cache.
type parts struct {
	length, keys, values *model.Variable
	counts, places       *model.Variable // of rows of several lengths; nil
}

// rotating reports whether it is a cache of [Rotating].
func (p *parts) rotating() bool {
	return p.keys.Name() == ringKeysName || strings.HasPrefix(p.keys.Name(), ringKeysName+"@")
}

// all are the variables that have rows.
func (p *parts) rows() []*model.Variable {
	if p.counts == nil {
		return []*model.Variable{p.keys, p.values}
	}
	return []*model.Variable{p.keys, p.values, p.counts, p.places}
}

// each calls fn with the variables of each cache.
func (s *Set) each(fn func(p *parts) error) error {
	store := s.scope.Store()
	for v := range s.scope.IterVariables() {
		if v.Name() != s.place.of(lengthName) {
			continue
		}
		dir := v.Scope()
		of := func(names ...string) *model.Variable {
			for _, name := range names {
				if v := store.GetVariable(path.Join(dir, s.place.of(name))); v != nil {
					return v
				}
			}
			return nil
		}
		p := &parts{length: v, keys: of(keysName, ringKeysName), values: of(valuesName, ringValuesName), counts: of(countsName), places: of(placesName)}
		if p.keys == nil || p.values == nil || (p.counts == nil) != (p.places == nil) {
			continue // nothing was appended yet
		}
		if err := fn(p); err != nil {
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

// Len returns how many positions were appended to the cache that has most, the padding of rows of several lengths included.
func (s *Set) Len() (most int, err error) {
	err = s.each(func(p *parts) error {
		n, err := lengthOf(p.length)
		most = max(most, n)
		return err
	})
	return most, err
}

// Reserve makes room for n more positions in each cache of [KV], in whole steps of [Growth]: caches that have it stay, others are made anew,
// with what they hold, and programs that use them are compiled again. It returns an error if a cache has been appended to without room.
func (s *Set) Reserve(n int) error {
	return s.each(func(p *parts) error {
		if p.rotating() {
			return nil
		}
		have, err := lengthOf(p.length)
		capacity := p.keys.Shape().Dim(-2)
		switch {
		case err != nil:
			return err
		case n < 0:
			return fmt.Errorf("%d positions cannot be reserved", n)
		case p.overrun(have):
			return fmt.Errorf("%d positions were appended to a cache of %d: call Reserve before each call", have, capacity)
		case have+n <= capacity:
			return nil
		}
		for _, v := range []*model.Variable{p.keys, p.values, p.places} {
			if v == nil {
				continue
			}
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
	made.SetTrainable(trainable).SetTransient(true)
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
	err := s.each(func(p *parts) error { // all can be cut, or none is
		have, err := lengthOf(p.length)
		switch {
		case err != nil:
			return err
		case n < 0 || n > have:
			return fmt.Errorf("it has %d positions, and cannot be cut to %d", have, n)
		case n > 0 && n < have && p.rotating():
			return fmt.Errorf("it is a rotating one: the positions before %d may be gone (restore a snapshot instead)", n)
		case n > 0 && n < have && p.counts != nil:
			return fmt.Errorf("its rows have different lengths, and cannot be cut to %d (restore a snapshot instead)", n)
		case n > 0 && p.overrun(have):
			return fmt.Errorf("%d positions were appended to a cache of %d, over others: it cannot be cut to %d (see Reset, and call Reserve before each call)", have, p.keys.Shape().Dim(-2), n)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.each(func(p *parts) error {
		have, err := lengthOf(p.length)
		if err == nil && p.overrun(have) { // some are NaN
			err = p.values.SetValue(tensors.FromShape(p.values.Shape()))
		}
		if err == nil && n == 0 {
			err = p.forget()
		}
		if err != nil {
			return err
		}
		return p.length.SetValue(tensors.FromScalar(int32(n)))
	})
}

// forget lets no row have a position.
func (p *parts) forget() error {
	if p.counts == nil {
		return nil
	}
	return errors.Join(p.counts.SetValue(tensors.FromShape(p.counts.Shape())), p.places.SetValue(tensors.FromShape(p.places.Shape())))
}

// overrun tells whether a cache of KV was appended to where it had no room: what it holds is not what was appended.
func (p *parts) overrun(have int) bool { return !p.rotating() && have > p.keys.Shape().Dim(-2) }

// Reset forgets all positions, and keeps the memory.
func (s *Set) Reset() error { return s.Truncate(0) }

// Clear deletes the caches, and gives their memory back. Graphs that use them make them anew, for batches of any size.
func (s *Set) Clear() error {
	store := s.scope.Store()
	for v := range s.scope.IterVariables() {
		for _, name := range []string{keysName, valuesName, lengthName, ringKeysName, ringValuesName, countsName, placesName} {
			if v.Name() != s.place.of(name) {
				continue
			}
			if err := store.DeleteVariable(v.Path()); err != nil {
				return fmt.Errorf("cache: %w", err)
			}
		}
	}
	return nil
}

// Select makes row i of each batch what row from[i] is; there may be more or fewer rows than before, and then programs that use the caches are
// compiled again.
func (s *Set) Select(from []int) error {
	err := s.each(func(p *parts) error { // all can, or none is changed
		n := p.keys.Shape().Dim(0)
		for _, k := range from {
			if k < 0 || k >= n {
				return fmt.Errorf("row %d is to be taken of %d", k, n)
			}
		}
		if len(from) == 0 {
			return errors.New("no rows are to be taken (see Clear)")
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.each(func(p *parts) error {
		for _, v := range p.rows() {
			if err := take(s.scope.Store(), v, from); err != nil {
				return err
			}
		}
		return nil
	})
}

// Uneven moves what the caches hold to those of another name, whose rows may go on by different numbers of positions: see [Place.Counts]. What those
// held is gone.
func (s *Set) Uneven(to Place) error {
	if to.Name == s.place.Name {
		return fmt.Errorf("cache: rows of several lengths are to go to caches of another name than %q", to.Name)
	}
	if err := s.each(func(p *parts) error {
		if p.rotating() || p.counts != nil {
			return errors.New("it is a rotating one, or has rows of several lengths already")
		}
		return nil
	}); err != nil {
		return err
	}
	if err := to.Of(s.scope).Clear(); err != nil {
		return err
	}
	store := s.scope.Store()
	err := s.each(func(p *parts) error {
		have, err := lengthOf(p.length)
		if err != nil {
			return err
		}
		shape := p.keys.Shape()
		counts, places := evenRows(shape.Dim(0), shape.Dim(-2), have)
		add := func(name string, t *tensors.Tensor) {
			if err != nil {
				return
			}
			defer t.Close()
			var v *model.Variable
			if v, err = store.CreateVariable(path.Join(p.length.Scope(), to.of(name)), t); err == nil {
				v.SetTrainable(false).SetTransient(true)
			}
		}
		for _, v := range []struct {
			name  string
			value *model.Variable
		}{{lengthName, p.length}, {keysName, p.keys}, {valuesName, p.values}} {
			t, e := v.value.Value()
			if err = errors.Join(err, e); err == nil {
				add(v.name, t)
			}
		}
		add(countsName, counts)
		add(placesName, places)
		return err
	})
	if err == nil {
		err = s.Clear()
	}
	return err
}

// evenRows returns what a cache of rows of several lengths knows of them if all have n positions, of which it has the first: their counts, [rows], and
// places, [rows, room, 1].
func evenRows(rows, room, n int) (counts, places *tensors.Tensor) {
	c, p := make([]int32, rows), make([]int32, rows*room)
	for i := range c {
		c[i] = int32(n)
		for k := range min(n, room) {
			p[i*room+k] = int32(k + 1)
		}
	}
	return tensors.FromFlatDataAndDimensions(c, rows), tensors.FromFlatDataAndDimensions(p, rows, room, 1)
}

// take makes row i of a variable what row from[i] is.
func take(store *model.Store, v *model.Variable, from []int) error {
	old, err := v.Value()
	if err != nil {
		return err
	}
	defer old.Close()
	shape := old.Shape().Clone()
	shape.Dimensions[0] = len(from)
	t, err := tensors.New(shape)
	if err != nil {
		return err
	}
	defer t.Close()
	row := old.ByteSize() / old.Shape().Dim(0)
	e := t.MutableBytes(func(dst []byte) {
		err = old.ConstBytes(func(src []byte) {
			for i, k := range from {
				copy(dst[i*row:][:row], src[k*row:])
			}
		})
	})
	if err = errors.Join(e, err); err != nil {
		return err
	}
	if shape.Equal(v.Shape()) {
		return v.SetValue(t)
	}
	return replace(store, v, t)
}

// Snapshot is what caches held at one time, in memory of its own.
type Snapshot struct{ parts []part }

// part is what one cache held.
type part struct {
	length, keys, values string // paths
	n                    int
	k, v                 *tensors.Tensor
	rotating             bool
	counts, places       string // of rows of several lengths
	c, at                *tensors.Tensor
}

// tensors are what it holds.
func (p *part) tensors() []*tensors.Tensor { return []*tensors.Tensor{p.k, p.v, p.c, p.at} }

// Snapshot returns what the caches hold: as much as has been appended, and not the memory that is free in them, which it does not refer to.
func (s *Set) Snapshot() (*Snapshot, error) {
	shot := &Snapshot{}
	err := s.each(func(c *parts) error {
		n, err := lengthOf(c.length)
		if err != nil {
			return err
		}
		p := part{length: c.length.Path(), keys: c.keys.Path(), values: c.values.Path(), n: n, rotating: c.rotating()}
		if p.k, err = positions(c.keys, n); err == nil {
			p.v, err = positions(c.values, n)
		}
		if c.counts != nil && err == nil {
			p.counts, p.places = c.counts.Path(), c.places.Path()
			if p.c, err = c.counts.Value(); err == nil {
				p.at, err = positions(c.places, n)
			}
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
		for _, t := range p.tensors() {
			if t.Ok() {
				t.Close()
			}
		}
	}
	s.parts = nil
	return nil
}

// Restore lets the caches hold what they held at a snapshot; those that nothing had been appended to become empty. Where rows had one length and may have
// several now ([Place.Counts]), all have that one. It returns an error if a cache of the snapshot is not there.
func (s *Set) Restore(shot *Snapshot) error {
	if shot == nil {
		return errors.New("cache: the snapshot is nil")
	}
	store := s.scope.Store()
	counted := map[string]*parts{} // by the path of the length
	err := s.each(func(c *parts) error {
		if c.counts != nil {
			counted[c.length.Path()] = c
		}
		if slices.ContainsFunc(shot.parts, func(p part) bool { return p.length == c.length.Path() }) {
			return nil
		}
		if err := c.values.SetValue(tensors.FromShape(c.values.Shape())); err != nil { // which may be NaN
			return err
		}
		return errors.Join(c.forget(), c.length.SetValue(tensors.FromScalar(int32(0))))
	})
	if err != nil {
		return err
	}
	for _, p := range shot.parts {
		length := store.GetVariable(p.length)
		if length == nil {
			return fmt.Errorf("cache: there is no %q, which the snapshot has", p.length)
		}
		if c := counted[p.length]; c != nil && p.counts == "" {
			p.counts, p.places = c.counts.Path(), c.places.Path()
			p.c, p.at = evenRows(p.k.Shape().Dim(0), p.k.Shape().Dim(-2), p.n)
			defer p.c.Close()
			defer p.at.Close()
		}
		for i, name := range []string{p.keys, p.values, p.counts, p.places} {
			if name == "" {
				continue
			}
			if err := restore(store, name, p.tensors()[i], p.rotating); err != nil {
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
	if held.Rank() == 1 { // counts
		if !held.Shape().Equal(v.Shape()) {
			return fmt.Errorf("cache: %q is %s, and the snapshot has %s", name, v.Shape(), held.Shape())
		}
		return v.SetValue(held)
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
