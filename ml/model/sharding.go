package model

import (
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir"
)

// BatchAxis is the name of the mesh axis that batches are divided along, see [Exec.WithMesh].
const BatchAxis = "data"

// SetSharding says how v is divided over the mesh of the graphs that use it, and returns v: per axis of v the mesh
// axis that it is split along, as [graph.Shard] takes them; no axes for a whole copy on every device, which is
// what a new variable has unless a rule says otherwise ([Store.ShardVariables]). Graphs without a mesh ignore it.
// Graphs built before are compiled again. What does not fit v or the mesh is an error when a graph uses v.
func (v *Variable) SetSharding(axes ...string) *Variable {
	s, w := ir.Sharding(slices.Clone(axes)), v.own()
	w.mu.Lock()
	changed := !w.sharding.Equal(s) && w.compiled
	w.sharding = s
	w.mu.Unlock()
	if changed {
		w.store.changed()
	}
	return v
}

// Sharding returns how v is divided over a mesh, nil if every device holds all of it.
func (v *Variable) Sharding() ir.Sharding {
	v = v.own()
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.sharding.Replicated() {
		return nil
	}
	return slices.Clone(v.sharding)
}

// shardingRule divides the variables whose path matches.
type shardingRule struct {
	pattern
	axes []string
}

// ShardVariables says how all variables are divided, those made later too, whose path ends with the pattern, or is it,
// if it begins with a slash. Its elements may hold the wildcards of [path.Match], and "encoder/..." is all that lies below. So layers of any model are
// divided without a change to them:
//
//	store.ShardVariables("up/weights", "", "model")   // columns over the devices of the mesh axis "model"
//	store.ShardVariables("down/weights", "model", "") // rows
//
// What is said last about a variable holds, here or with [Variable.SetSharding]. The state of an optimizer is
// divided like the variable that it belongs to. ShardVariables returns an error if the pattern is malformed. One that
// matches no variable is an error when a graph on a mesh is built: it is mostly a typing mistake.
func (s *Store) ShardVariables(pathPattern string, axes ...string) error {
	if err := checkPattern("ShardVariables", pathPattern); err != nil {
		return err
	}
	r := shardingRule{pattern(pathPattern), slices.Clone(axes)}
	s.mu.Lock()
	s.shardings = append(s.shardings, r)
	s.mu.Unlock()
	for v := range s.IterVariables() {
		if r.matches(v.path) {
			v.SetSharding(r.axes...)
		}
	}
	return nil
}

// shardNew applies the rules to a variable that is being made. s.mu is held.
func (s *Store) shardNew(v *Variable) {
	for _, r := range s.shardings {
		if r.matches(v.path) {
			v.sharding = r.axes
		}
	}
}

// checkShardings returns an error if a rule matches no variable.
func (s *Store) checkShardings() error {
	s.mu.Lock()
	defer s.mu.Unlock()
next:
	for _, r := range s.shardings {
		for p := range s.vars {
			if r.matches(p) {
				continue next
			}
		}
		return fmt.Errorf("model: ShardVariables(%q): the model has no variable of this path", string(r.pattern))
	}
	return nil
}

// place divides the parameter of v over its graph's mesh, if that has one, and returns how.
func (v *Variable) place(param *graph.Node) ir.Sharding {
	m := param.Graph().Mesh()
	if m == nil {
		return nil
	}
	s := v.Sharding()
	if s == nil {
		s = make(ir.Sharding, v.shape.Rank())
	}
	err := s.Check(m, v.shape)
	if slices.Contains(s, graph.Open) {
		err = fmt.Errorf("the sharding %s leaves an axis open, which a variable cannot", s)
	}
	if err != nil {
		graph.Errorf("variable %q%s: %w", v.path, at(", made at ", v.madeAt), err)
	}
	graph.Shard(param, s...)
	return s
}

// WithMesh lets the graphs run over the devices of m, and returns e; nil for one device. Nothing else changes:
// functions are written for the whole batch and whole variables, and mean the same. Batch statistics, dropout and the
// means of losses are those of the whole batch; a result differs from that of one device only by the order in which
// sums are taken.
//
//   - Inputs are divided along their first axis over the mesh axis "data" ([BatchAxis]), if m has it and the axis can be
//     divided evenly; others are whole on every device, which then all compute the same.
//   - Variables are divided as [Variable.SetSharding] and [Store.ShardVariables] say, and otherwise whole on every device.
//     Their new values are divided like them. Values on the host, and so checkpoints, are whole.
//   - Outputs are whole, unless the function returns what [graph.Shard] made.
//
// How values in between are divided follows from these; where another way is better, [graph.Shard] says so.
// Programs for backends with fewer devices than m has are an error; the Go engine, which has one, ignores m.
func (e *Exec) WithMesh(m *graph.Mesh) *Exec {
	e.feeder.mu.Lock()
	e.feeder.mesh = m
	e.feeder.mu.Unlock()
	e.Close() // also forgets what is being built without m
	return e
}

// Mesh returns the devices that the graphs run on, nil if that was not said.
func (e *Exec) Mesh() *graph.Mesh { return e.feeder.meshNow() }

func (f *feeder) meshNow() *graph.Mesh {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mesh
}

// shardBatch divides an input over its graph's mesh, if that has one along which it can be divided.
func shardBatch(x *graph.Node) {
	m := x.Graph().Mesh()
	if m == nil || x.Rank() == 0 {
		return
	}
	if n, examples := m.AxisSize(BatchAxis), x.Shape().Dimensions[0]; n > 0 && examples > 0 && examples%n == 0 {
		axes := make([]string, x.Rank())
		axes[0] = BatchAxis
		graph.Shard(x, axes...)
	}
}
