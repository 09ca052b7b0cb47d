package model

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/sizes"
)

// Exec runs a function that builds a graph with variables of a store. It is a [graph.Exec], with all of its calls, that
// feeds variables: they stay on the backend between calls, and those that the graph changes are changed when the call
// returns.
//
// It is safe for several goroutines. Calls that change variables follow each other; once begun they are finished, also when
// their context ends, since a value that was given up to an unfinished run would be lost. Others run beside them, on the
// values of one moment, or on those of a [Snapshot].
type Exec struct {
	*graph.Exec
	feeder *feeder
}

// NewExec returns an Exec for a function that builds a graph, given a scope and its inputs.
func NewExec[F ExecGraphFn](backend graph.Backend, store *Store, graphFn F) (*Exec, error) {
	return newExec(backend, store, graphFn)
}

func newExec(backend graph.Backend, store *Store, graphFn any) (*Exec, error) {
	if backend == nil || store == nil || reflect.ValueOf(graphFn).IsNil() {
		return nil, errors.New("model.NewExec: backend, store or function is nil")
	}
	f := &feeder{backend: backend, store: store, name: "model"}
	e, err := graph.NewFedExec(backend, f, graphFn)
	if err != nil {
		return nil, err
	}
	return (&Exec{e, f}).WithName(f.name), nil
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// MustNewExec is [NewExec]; it panics on an error.
func MustNewExec[F ExecGraphFn](backend graph.Backend, store *Store, graphFn F) *Exec {
	return must(newExec(backend, store, graphFn))
}

// WithName names the Exec and its graphs, for programs and errors.
func (e *Exec) WithName(name string) *Exec {
	e.Exec.WithName(name)
	e.feeder.name = name
	return e
}

// SetMaxCache is [graph.Exec.SetMaxCache].
func (e *Exec) SetMaxCache(maxCacheSize int) *Exec {
	e.Exec.SetMaxCache(maxCacheSize)
	return e
}

// WithShapes is [graph.Exec.WithShapes].
func (e *Exec) WithShapes(d *sizes.Declaration) *Exec {
	e.Exec.WithShapes(d)
	return e
}

// DeriveSizes is [graph.Exec.DeriveSizes]: a program for another size reads and changes the same variables.
func (e *Exec) DeriveSizes() *Exec {
	e.Exec.DeriveSizes()
	return e
}

// WithGraphSetup lets prepare see each new graph before the function builds it, for instance to mark it
// as one that trains.
func (e *Exec) WithGraphSetup(prepare func(g *graph.Graph)) *Exec {
	e.feeder.prepare = prepare
	return e
}

// AllowUnknownParams lets hyperparameters be set that no graph asked for: for a graph that is only a
// part of a model. See [Store.CheckParams].
func (e *Exec) AllowUnknownParams() *Exec {
	e.feeder.unchecked = true
	return e
}

// Store returns the store whose variables are used.
func (e *Exec) Store() *Store { return e.feeder.store }

// feeder feeds the variables of a store, see [graph.ExecFeeder].
type feeder struct {
	backend   graph.Backend
	store     *Store
	name      string
	prepare   func(g *graph.Graph)
	unchecked bool

	mu   sync.Mutex
	mesh *graph.Mesh
}

// feed is what a graph does with variables.
type feed struct {
	*feeder
	numOut  int
	vars    []*Variable // parameters after the inputs
	changes []bool      // which of vars the graph changes: their new values are the outputs after numOut
}

// Generation returns that of the store.
func (f *feeder) Generation() int { return f.store.currentGeneration() }

// Build builds a graph. If that fails, the variables that it made are gone again.
func (f *feeder) Build(g *graph.Graph, inputs []*graph.Node, function func(first ...any) []*graph.Node) (graph.ExecFeed, error) {
	vars := f.store.inGraph(g)
	done := false
	defer func() {
		if !done {
			f.undo(vars)
		}
	}()
	if f.prepare != nil {
		f.prepare(g)
	}
	mesh := f.meshNow()
	if mesh != nil {
		g.SetMesh(mesh)
	}
	for _, x := range inputs {
		shardBatch(x)
	}
	scope := f.store.RootScope()
	scope.vars = vars
	outputs := function(scope)
	if err := f.check(mesh); err != nil {
		return graph.ExecFeed{}, err
	}
	if n := g.NumParameters(); n != len(inputs)+len(vars.order) {
		return graph.ExecFeed{}, fmt.Errorf("%q: the graph has parameters of its own: give the values to Call instead", f.name)
	}
	r := &feed{feeder: f, numOut: len(outputs), vars: vars.order}
	done = true
	return graph.ExecFeed{Outputs: outputs, Extra: r.takeChanged(g, vars), Run: r.run, Like: r.like, Compiled: func(ok bool) {
		if !ok {
			f.undo(vars)
			return
		}
		for _, v := range r.vars {
			v.setCompiled()
		}
	}}, nil
}

// undo deletes what variables a graph made.
func (f *feeder) undo(vars *graphVars) {
	for _, v := range vars.created {
		f.store.DeleteVariable(v.path)
	}
}

// check returns an error if something was set that no graph asked for.
func (f *feeder) check(mesh *graph.Mesh) error {
	if f.unchecked {
		return nil
	}
	if err := f.store.CheckParams(); err != nil {
		return err
	}
	if err := f.store.checkWrappers(); err != nil || mesh == nil {
		return err
	}
	return f.store.checkShardings()
}

// takeChanged notes which variables the graph changes, and returns their new values.
func (r *feed) takeChanged(g *graph.Graph, vars *graphVars) (values []*graph.Node) {
	for _, v := range r.vars {
		n := vars.nodes[v]
		changed := n.current != n.param
		r.changes = append(r.changes, changed)
		if !changed {
			continue
		}
		value := n.current
		if n.sharding != nil { // Identity, since of a bare input Shard would say how it comes, not what becomes of it
			value = graph.Shard(graph.Identity(value), n.sharding...)
		}
		values = append(values, value)
		g.Donate(n.param)
	}
	return values
}

// like describes the feed: the variables in order, and what becomes of them.
func (r *feed) like() string {
	var b strings.Builder
	for i, v := range r.vars {
		fmt.Fprintf(&b, "%q %s %t\n", v.path, v.Shape(), r.changes[i])
	}
	return b.String()
}

// run runs the graph on inputs and variables, and returns its outputs and logged values.
func (r *feed) run(ctx context.Context, inputs []graph.Buffer, run graph.RunFunc) ([]graph.Buffer, error) {
	return r.store.lend(ctx, r.backend, runner(run), inputs, r.vars, r.changes, r.numOut)
}
