package model

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/cache"
)

// Exec runs a function that builds a graph with variables of a store. It compiles the graph for each
// combination of input shapes, and keeps the most recently used ones. Variables are fed by the Exec: they
// stay on the backend between calls, and those that the graph changes are changed when the call returns.
//
// It is safe for several goroutines. Calls that change variables follow each other; once begun they are finished, also when
// their context ends, since a value that was given up to an unfinished run would be lost. Others run beside them, on the
// values of one moment, or on those of a [Snapshot].
type Exec struct {
	backend graph.Backend
	store   *Store
	fn      reflect.Value
	name    string
	inputs  int // -1 for a slice, 0 for a *graph.Graph alone

	cache *cache.Cache[[]shapes.Shape, *compiled]

	mu        sync.Mutex
	logger    graph.LoggerFn
	prepare   func(g *graph.Graph)
	unchecked bool
	mesh      *graph.Mesh
}

// compiled is a graph with what it does with variables.
type compiled struct {
	g          *graph.Graph
	in         []shapes.Shape
	numOut     int
	vars       []*Variable // parameters after the inputs
	changes    []bool      // which of vars it changes: their new values are the outputs after numOut
	generation int
}

// NewExec returns an Exec for a function that builds a graph, given a scope and its inputs.
func NewExec[F ExecGraphFn](backend graph.Backend, store *Store, graphFn F) (*Exec, error) {
	return newExec(backend, store, graphFn)
}

func newExec(backend graph.Backend, store *Store, graphFn any) (*Exec, error) {
	fn := reflect.ValueOf(graphFn)
	if backend == nil || store == nil || fn.IsNil() {
		return nil, errors.New("model.NewExec: backend, store or function is nil")
	}
	e := &Exec{backend: backend, store: store, fn: fn, name: "model", inputs: fn.Type().NumIn() - 1,
		cache: cache.New[[]shapes.Shape, *compiled](graph.DefaultMaxCache, matches), logger: logToStdout}
	switch fn.Type().In(1) {
	case reflect.TypeFor[*graph.Graph]():
		e.inputs = 0
	case reflect.TypeFor[[]*graph.Node]():
		e.inputs = -1
	}
	return e, nil
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
	e.name = name
	return e
}

// WithGraphSetup lets prepare see each new graph before the function builds it, for instance to mark it
// as one that trains.
func (e *Exec) WithGraphSetup(prepare func(g *graph.Graph)) *Exec {
	e.prepare = prepare
	return e
}

// AllowUnknownParams lets hyperparameters be set that no graph asked for: for a graph that is only a
// part of a model. See [Store.CheckParams].
func (e *Exec) AllowUnknownParams() *Exec {
	e.unchecked = true
	return e
}

// Name returns the Exec's name.
func (e *Exec) Name() string { return e.name }

// Store returns the store whose variables are used.
func (e *Exec) Store() *Store { return e.store }

// Backend returns the backend that the Exec compiles for.
func (e *Exec) Backend() graph.Backend { return e.backend }

// SetMaxCache sets how many compiled graphs are kept, at least 1. The least recently used ones are dropped.
func (e *Exec) SetMaxCache(maxCacheSize int) *Exec {
	e.cache.SetMax(maxCacheSize) // what is dropped is not closed: a run of it may be under way
	return e
}

// SetNodeLogger sets who is told the values of logged nodes; nil for nobody. The default prints them.
func (e *Exec) SetNodeLogger(loggerFn graph.LoggerFn) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.logger = loggerFn
}

func logToStdout(_ *graph.Graph, messages []string, values []*tensors.Tensor, _ []graph.NodeId) {
	for i, m := range messages {
		fmt.Printf("%s: %s\n", m, values[i])
	}
}

// Compile returns the compiled graph for inputs of the given shapes, from the cache if it is there. Its
// variables are made if they do not exist.
func (e *Exec) Compile(inputShapes ...shapes.Shape) (*graph.Graph, error) {
	c, err := e.compile(context.Background(), slices.Clone(inputShapes))
	if err != nil {
		return nil, err
	}
	return c.g, nil
}

func (e *Exec) compile(ctx context.Context, in []shapes.Shape) (*compiled, error) {
	generation := e.store.currentGeneration()
	e.cache.DeleteFunc(func(c *compiled) bool { return c.generation != generation })
	if c, ok := e.cache.Find(in); ok {
		return c, nil
	}
	c, err := e.cache.Get(ctx, in, func() (*compiled, error) { return e.build(ctx, in) })
	if errors.Is(err, cache.ErrWithin) {
		err = fmt.Errorf("%q: %w", e.name, err)
	}
	return c, err
}

func matches(a, b []shapes.Shape) bool {
	return slices.EqualFunc(a, b, func(s, t shapes.Shape) bool {
		return s.Equal(t) && (s.AxisNames == nil && t.AxisNames == nil || slices.Equal(s.AxisNames, t.AxisNames))
	})
}

// build makes and compiles the graph for inputs of the given shapes. If that fails, the variables that
// it made are gone again.
func (e *Exec) build(ctx context.Context, in []shapes.Shape) (c *compiled, err error) {
	if e.inputs >= 0 && len(in) != e.inputs {
		return nil, fmt.Errorf("%q takes %d inputs, got %d", e.name, e.inputs, len(in))
	}
	g := graph.NewGraph(e.backend, e.name)
	vars := e.store.inGraph(g)
	if e.prepare != nil {
		e.prepare(g)
	}
	done := false
	defer func() {
		if !done {
			for _, v := range vars.created {
				e.store.DeleteVariable(v.path)
			}
		}
	}()
	var outputs []*graph.Node
	if err = graph.Catch(func() {
		if e.mesh != nil {
			g.SetMesh(e.mesh)
		}
		var nodes []*graph.Node
		for _, s := range in {
			x := graph.Parameter(g, "", s)
			shardBatch(x)
			nodes = append(nodes, x)
		}
		scope := e.store.RootScope()
		scope.vars = vars
		outputs = call(e.fn, scope, g, nodes)
	}); err != nil {
		return nil, err
	}
	if !e.unchecked {
		if err = e.store.CheckParams(); err != nil {
			return nil, err
		}
		if e.mesh != nil {
			if err = e.store.checkShardings(); err != nil {
				return nil, err
			}
		}
	}
	c = &compiled{g: g, in: slices.Clone(in), numOut: len(outputs), vars: vars.order, generation: e.store.currentGeneration()}
	for _, v := range vars.order {
		n := vars.nodes[v]
		c.changes = append(c.changes, n.current != n.param)
		if n.current != n.param {
			value := n.current
			if n.sharding != nil { // Identity, since of a bare input Shard would say how it comes, not what becomes of it
				value = graph.Shard(graph.Identity(value), n.sharding...)
			}
			outputs = append(outputs, value)
			g.Donate(n.param)
		}
	}
	if n := g.NumParameters(); n != len(in)+len(vars.order) {
		return nil, fmt.Errorf("%q: the graph has parameters of its own: give the values to Call instead", e.name)
	}
	if err = g.CompileContext(ctx, outputs...); err != nil {
		return nil, err
	}
	for _, v := range c.vars {
		v.setCompiled()
	}
	done = true
	return c, nil
}

// call calls one of the functions of ExecGraphFn.
func call(fn reflect.Value, scope *Scope, g *graph.Graph, in []*graph.Node) (out []*graph.Node) {
	args := []reflect.Value{reflect.ValueOf(scope)}
	switch fn.Type().In(1) {
	case reflect.TypeFor[*graph.Graph]():
		args = append(args, reflect.ValueOf(g))
	case reflect.TypeFor[[]*graph.Node]():
		args = append(args, reflect.ValueOf(in))
	default:
		for _, n := range in {
			args = append(args, reflect.ValueOf(n))
		}
	}
	for _, r := range fn.Call(args) {
		switch v := r.Interface().(type) {
		case *graph.Node:
			out = append(out, v)
		case []*graph.Node:
			out = append(out, v...)
		}
	}
	return out
}

// Call runs the function on args, which are tensors, Go values as [tensors.FromAnyValue] takes them, or
// buffers of the backend. The results belong to the caller. The error is a [graph.Error] if the graph
// cannot be built from inputs of these shapes.
func (e *Exec) Call(args ...any) ([]*tensors.Tensor, error) {
	return e.CallContext(context.Background(), args...)
}

// CallContext is [Exec.Call] with a context that can end it; see [Exec] for calls that change variables.
func (e *Exec) CallContext(ctx context.Context, args ...any) ([]*tensors.Tensor, error) {
	out, _, err := e.CallWithGraphContext(ctx, args...)
	return out, err
}

// CallWithGraph is [Exec.Call] and also returns the graph that was run.
func (e *Exec) CallWithGraph(args ...any) ([]*tensors.Tensor, *graph.Graph, error) {
	return e.CallWithGraphContext(context.Background(), args...)
}

// CallWithGraphContext is [Exec.CallContext] and also returns the graph that was run.
func (e *Exec) CallWithGraphContext(ctx context.Context, args ...any) ([]*tensors.Tensor, *graph.Graph, error) {
	results, g, err := e.CallToBuffers(ctx, args...)
	if err != nil {
		return nil, g, err
	}
	out, err := toHost(results)
	if err != nil {
		return nil, g, err
	}
	return out, g, nil
}

// CallToBuffers is [Exec.CallWithGraphContext] that leaves the results on the backend: they are the caller's to close, and may be
// arguments of other calls. On a backend that goes on behind its calls it does not wait for the values, unless there are
// logged ones.
func (e *Exec) CallToBuffers(ctx context.Context, args ...any) ([]graph.Buffer, *graph.Graph, error) {
	if ctx == nil {
		return nil, nil, fmt.Errorf("%q: the context is nil: give context.Background()", e.name)
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	in, bufs, owned, err := e.put(args)
	defer closeBuffers(owned)
	if err != nil {
		return nil, nil, err
	}
	c, err := e.compile(ctx, in)
	if err != nil {
		return nil, nil, err
	}
	results, err := e.run(ctx, c, bufs)
	if err != nil {
		return nil, c.g, err
	}
	logged, err := toHost(results[c.numOut:])
	if err != nil {
		closeBuffers(results[:c.numOut])
		return nil, c.g, err
	}
	e.log(c.g, logged)
	return results[:c.numOut], c.g, nil
}

// put returns the arguments as buffers, and of these the ones made here, for the caller to close.
func (e *Exec) put(args []any) (in []shapes.Shape, bufs, owned []graph.Buffer, err error) {
	for i, a := range args {
		b, ok := a.(graph.Buffer)
		if !ok {
			t, err := tensors.FromAnyValue(a)
			if err == nil {
				err = t.CheckValid()
			}
			if err == nil {
				b, err = e.backend.Put(t)
			}
			if err != nil {
				return nil, nil, owned, fmt.Errorf("%q: argument %d: %w", e.name, i, err)
			}
			owned = append(owned, b)
		}
		bufs, in = append(bufs, b), append(in, b.Shape())
	}
	return in, bufs, owned, nil
}

// run runs a graph on the inputs and the variables, and returns its outputs and logged values.
func (e *Exec) run(ctx context.Context, c *compiled, inputs []graph.Buffer) ([]graph.Buffer, error) {
	run := func(ctx context.Context, inputs []graph.Buffer, donate []bool) ([]graph.Buffer, error) {
		results, err := c.g.RunWithBuffers(ctx, inputs, donate)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", e.name, err)
		}
		return results, nil
	}
	return e.store.lend(ctx, e.backend, run, inputs, c.vars, c.changes, c.numOut)
}

// toHost turns buffers into tensors and closes them.
func toHost(bufs []graph.Buffer) (out []*tensors.Tensor, err error) {
	for _, b := range bufs {
		t, e := b.ToHost()
		if e != nil && err == nil {
			err = e
		}
		out = append(out, t)
		b.Close()
	}
	return out, err
}

func (e *Exec) log(g *graph.Graph, values []*tensors.Tensor) {
	e.mu.Lock()
	logger := e.logger
	e.mu.Unlock()
	if len(values) == 0 || logger == nil {
		return
	}
	var messages []string
	var ids []graph.NodeId
	for _, n := range g.LoggedNodes() {
		messages, ids = append(messages, n.LogMessage()), append(ids, n.Id())
	}
	logger(g, messages, values, ids)
}

// Finalize releases all compiled graphs. The Exec compiles anew if it is called again.
func (e *Exec) Finalize() {
	e.cache.DeleteFunc(func(c *compiled) bool {
		c.g.Finalize()
		return true
	})
}
