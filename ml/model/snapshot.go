package model

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
)

// Snapshot holds the values that the variables of a store had at one moment, between two runs that change them. Taking it
// copies nothing, and nothing waits for it: who trains goes on. A run that would have changed a value in place leaves that
// which a snapshot holds as it is and takes other memory, so that an open snapshot costs at most the memory of its values.
//
//	snapshot := store.Snapshot()
//	defer snapshot.Close()
//	for path, value := range snapshot.Values() { … }            // to save them
//	y, err := exec.CallContext(snapshot.Context(ctx), x)        // to compute with them
//
// It is safe for several goroutines.
type Snapshot struct {
	store   *Store
	version int64

	mu     sync.Mutex
	held   map[string]held // by path
	lost   map[string]bool // the variables that had no value
	closed bool
}

type held struct {
	variable *Variable
	value    *Value
}

// Snapshot returns the values of this moment, for the caller to close. It waits for a run that is changing them. A variable
// whose value was lost is not in it.
func (s *Store) Snapshot() *Snapshot {
	s.run.Lock()
	defer s.run.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	out := &Snapshot{store: s, version: s.versions.Load(), held: make(map[string]held, len(s.vars))}
	for path, v := range s.vars {
		if x, err := v.hold(); err == nil {
			out.held[path] = held{v, x}
		} else {
			if out.lost == nil {
				out.lost = map[string]bool{}
			}
			out.lost[path] = true
		}
	}
	return out
}

// Store returns the store.
func (s *Snapshot) Store() *Store { return s.store }

// Version returns the number of the last change before the snapshot: the largest of the values' versions, or more if a
// variable was deleted.
func (s *Snapshot) Version() int64 { return s.version }

// Value returns the value of the variable with the given path, nil if there is none or the snapshot is closed. It is
// readable until the snapshot is closed.
func (s *Snapshot) Value(fullPath string) *Value {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held[JoinPath(fullPath)].value
}

// Values iterates over the paths of the variables, in order, and their values.
func (s *Snapshot) Values() iter.Seq2[string, *Value] {
	return func(yield func(string, *Value) bool) {
		s.mu.Lock()
		paths := slices.Sorted(maps.Keys(s.held))
		s.mu.Unlock()
		for _, path := range paths {
			if x := s.Value(path); x != nil && !yield(path, x) {
				return
			}
		}
	}
}

// String describes the snapshot in a line.
func (s *Snapshot) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.store == nil {
		return "a snapshot that is closed"
	}
	return fmt.Sprintf("snapshot of version %d: %d variables", s.version, len(s.held))
}

// Close gives the values up: memory that nobody else needs is released when the runs on it are done. Closing again is fine.
func (s *Snapshot) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.held {
		h.value.release()
	}
	s.held, s.closed = nil, true
	return nil
}

type snapshotKey struct{ store *Store }

// Context returns a context in which the graphs of an [Exec] on the same store read the snapshot, whatever the variables
// hold meanwhile. What they make of variables is dropped. A graph that uses a variable which is younger than the snapshot is
// an error.
func (s *Snapshot) Context(parent context.Context) context.Context {
	return context.WithValue(parent, snapshotKey{s.store}, s)
}

// holdAll returns the values of variables, each with one more holder.
func (s *Snapshot) holdAll(vars []*Variable) ([]*Value, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("model: the snapshot is closed")
	}
	values := make([]*Value, 0, len(vars))
	for _, v := range vars {
		h := s.held[v.path]
		if h.variable != v {
			releaseAll(values)
			return nil, fmt.Errorf("model: the snapshot has no variable %q: it was made later, or had no value then", v.path)
		}
		values = append(values, h.value.retain())
	}
	return values, nil
}
