package model

import (
	"context"
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph"
)

// runner runs a compiled graph on buffers, as [graph.Graph.RunWithBuffers] does.
type runner func(ctx context.Context, inputs []graph.Buffer, donate []bool) ([]graph.Buffer, error)

// lend runs a graph on inputs and, after them, the values of vars. Those that the graph changes take the results that begin
// with number first; lend returns the others.
//
// A graph that changes nothing runs beside all others. One that changes variables excludes others that do, and those that are
// about to read wait for its end: in memory that only the variable holds, its new value takes the place of the old one.
func (s *Store) lend(ctx context.Context, backend graph.Backend, run runner, inputs []graph.Buffer, vars []*Variable, changes []bool, first int) ([]graph.Buffer, error) {
	snapshot, _ := ctx.Value(snapshotKey{s}).(*Snapshot)
	switch {
	case snapshot != nil:
		values, err := snapshot.holdAll(vars)
		if err != nil {
			return nil, err
		}
		defer releaseAll(values)
		results, err := onValues(ctx, backend, run, inputs, values, nil)
		if err != nil {
			return nil, err
		}
		n := count(changes)
		closeBuffers(results[first : first+n])
		return slices.Delete(results, first, first+n), nil
	case count(changes) == 0:
		values, err := s.holdAll(vars)
		if err != nil {
			return nil, err
		}
		defer releaseAll(values)
		return onValues(ctx, backend, run, inputs, values, nil)
	}
	s.run.Lock()
	defer s.run.Unlock()
	values, err := holdAll(vars)
	if err != nil {
		return nil, err
	}
	defer releaseAll(values)
	results, err := onValues(context.WithoutCancel(ctx), backend, run, inputs, values, func() []bool { return giveUp(backend, vars, values, changes) })
	if err != nil {
		return nil, err
	}
	n, version := 0, s.versions.Add(1)
	made := make([]Value, count(changes)) // small beside what they refer to, which each of them releases for itself
	for i, v := range vars {
		if changes[i] {
			x := &made[n]
			x.of, x.version, x.refs = v, version, 1
			x.first[0] = onBackend{backend, results[first+n]}
			x.copies = x.first[:]
			v.set(x, nil)
			n++
		}
	}
	return slices.Delete(results, first, first+n), nil
}

// onValues runs a graph on inputs and values. giveUp, if there is one, says which of the values the run may take.
func onValues(ctx context.Context, backend graph.Backend, run runner, inputs []graph.Buffer, values []*Value, giveUp func() []bool) ([]graph.Buffer, error) {
	bufs := make([]graph.Buffer, len(inputs), len(inputs)+len(values))
	copy(bufs, inputs)
	for _, x := range values {
		b, err := x.buffer(backend)
		if err != nil {
			return nil, err
		}
		bufs = append(bufs, b)
	}
	var donate []bool
	if giveUp != nil {
		donate = append(make([]bool, len(inputs), len(bufs)), giveUp()...)
	}
	return run(ctx, bufs, donate)
}

// giveUp takes the values away that a run may take: those of variables that it changes, which no snapshot and no other run
// holds. If the run fails they are lost.
func giveUp(backend graph.Backend, vars []*Variable, values []*Value, changes []bool) []bool {
	given := make([]bool, len(vars))
	for i, v := range vars {
		if given[i] = changes[i] && values[i].giveUp(backend); given[i] {
			v.set(nil, (*lostInARun)(v))
		}
	}
	return given
}

// lostInARun is the error of a variable whose value a run was given. It is there during each run, and read after one that failed alone.
type lostInARun Variable

// Error says what to do.
func (v *lostInARun) Error() string {
	return fmt.Sprintf("model: the value of %q was lost in a run that failed: load the last checkpoint, or delete the variable", v.path)
}

// holdAll returns the current values of variables, all of one moment.
func (s *Store) holdAll(vars []*Variable) ([]*Value, error) {
	s.run.Lock()
	defer s.run.Unlock()
	return holdAll(vars)
}

// holdAll is [Store.holdAll] where the store's run is held.
func holdAll(vars []*Variable) ([]*Value, error) {
	values := make([]*Value, 0, len(vars))
	for _, v := range vars {
		x, err := v.hold()
		if err != nil {
			releaseAll(values)
			return nil, err
		}
		values = append(values, x)
	}
	return values, nil
}

func releaseAll(values []*Value) {
	for _, x := range values {
		x.release()
	}
}

func closeBuffers(list []graph.Buffer) {
	for _, b := range list {
		b.Close()
	}
}

func count(marks []bool) (n int) {
	for _, m := range marks {
		if m {
			n++
		}
	}
	return n
}
