package graph

import (
	"context"
	"errors"
	"fmt"
	"path"
	"reflect"
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ir/capability"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/cache"
)

// program is a compiled graph of an Exec.
type program struct {
	g          *Graph
	feed       ExecFeed
	numOutputs int
	generation int
	host       capability.HostRunner // nil if it cannot be run so
	derived    *ir.Program           // that it is compiled from, if the function was not called
	lent       atomic.Bool           // a caller has the graph, and may run it
}

// Hold begins a use, see [cache.Value].
func (p *program) Hold() bool { return p.g.counted().uses.Begin() }

// Release ends a use.
func (p *program) Release() error { return p.g.counted().release() }

// Drop closes the graph unless a caller has it.
func (p *program) Drop() error {
	if p.lent.Load() {
		return nil
	}
	return p.Close()
}

// Close closes the graph as soon as its last run has ended.
func (p *program) Close() error { return p.g.Close() }

// generation returns that of the feeder, and drops the programs of others.
func (e *Exec) generation() int {
	if e.feeder == nil {
		return 0
	}
	now := e.feeder.Generation()
	if e.seen.Swap(int64(now)) != int64(now) {
		e.programs.DropFunc(func(p *program) bool { return p.generation != now })
	}
	return now
}

// compile returns the program for inputs of the given shapes, held for the caller.
func (e *Exec) compile(ctx context.Context, in []shapes.Shape) (*program, error) {
	now := e.generation()
	if p, ok := e.programs.Find(in); ok {
		if p.generation == now {
			return p, nil
		}
		e.programs.Release(p)
		now = e.generation() // one built meanwhile may be of a newer one
		e.programs.DropFunc(func(p *program) bool { return p.generation != now })
	}
	if err := e.checkDeclared(in); err != nil {
		return nil, err
	}
	for {
		p, mine, err := e.compileNew(ctx, in)
		if err != nil || mine || p.generation == e.generation() {
			return p, err
		}
		e.programs.Release(p) // another caller began to build it before the generation changed
		e.programs.DropFunc(func(q *program) bool { return q == p })
	}
}

// compileNew compiles the program, or waits for another who does: then it is not mine.
func (e *Exec) compileNew(ctx context.Context, in []shapes.Shape) (p *program, mine bool, err error) {
	p = &program{}
	got, err := e.programs.Get(ctx, in,
		func() error { return e.build(p, in) },
		func() (*program, error) {
			if err := p.compile(ctx); err != nil {
				return p, err
			}
			e.compiled(p, in)
			p.host = e.onHost(p)
			return p, nil
		})
	if errors.Is(err, cache.ErrWithin) {
		err = fmt.Errorf("%q: %w", e.name, err)
	}
	return got, got == p, err
}

// sameInputs reports whether a graph for inputs of the shapes a serves for b.
func sameInputs(a, b []shapes.Shape) bool {
	return slices.EqualFunc(a, b, shapes.Shape.Identical)
}

// build calls the function.
func (e *Exec) build(p *program, in []shapes.Shape) error {
	if e.fn.inputs >= 0 && len(in) != e.fn.inputs {
		return fmt.Errorf("%q takes %d inputs, got %d: %v for %s", e.name, e.fn.inputs, len(in), in, e.fn.name())
	}
	if e.derive(p, in) {
		return nil
	}
	p.g = NewGraph(e.backend, e.name)
	var err error
	if caught := Catch(func() {
		var nodes []*Node
		for _, s := range in {
			nodes = append(nodes, Parameter(p.g, "", s))
		}
		function := func(first ...any) []*Node { return e.fn.call(first, p.g, nodes) }
		if e.feeder == nil {
			p.feed.Outputs = function()
			return
		}
		p.feed, err = e.feeder.Build(p.g, nodes, function)
		p.generation = e.feeder.Generation()
	}); caught != nil {
		observe(p.g)
		return caught
	}
	p.numOutputs = len(p.feed.Outputs)
	return err
}

// compile lets the backend compile what build made.
func (p *program) compile(ctx context.Context) error {
	if p.derived != nil {
		return p.g.compileLowered(ctx, p.derived, len(p.derived.Outputs))
	}
	ok := false
	if p.feed.Compiled != nil {
		defer func() { p.feed.Compiled(ok) }() // also if the backend panics
	}
	err := p.g.CompileContext(ctx, slices.Concat(p.feed.Outputs, p.feed.Extra)...)
	ok = err == nil
	return err
}

// run runs a program, which is held, on buffers. If it is too old, and nothing was run, that is said by again.
func (e *Exec) run(ctx context.Context, p *program, inputs []Buffer) (results []Buffer, again bool, err error) {
	if p.feed.Run == nil {
		results, err = e.runGraph(ctx, p.g, inputs, nil)
		return results, false, err
	}
	ran := false
	results, err = p.feed.Run(ctx, inputs, func(ctx context.Context, inputs []Buffer, donate []bool) ([]Buffer, error) {
		ran = true
		return e.runGraph(ctx, p.g, inputs, donate)
	})
	return results, err != nil && !ran && p.generation != e.generation(), err
}

func (e *Exec) runGraph(ctx context.Context, g *Graph, inputs []Buffer, donate []bool) ([]Buffer, error) {
	if err := g.checkInputs(inputs); err != nil {
		return nil, err
	}
	results, err := execute(ctx, g.counted().Executable, inputs, donate)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", e.name, err)
	}
	return results, nil
}

// arguments are those of a call.
type arguments struct {
	shapes  []shapes.Shape
	tensors []*tensors.Tensor // nil for what came as a buffer
	buffers []Buffer
}

// arguments returns the arguments of a call, without buffers for those that are tensors.
func (e *Exec) arguments(args []any) (a arguments, err error) {
	a = arguments{make([]shapes.Shape, len(args)), make([]*tensors.Tensor, len(args)), make([]Buffer, len(args))}
	for i, arg := range args {
		if b, ok := arg.(Buffer); ok {
			a.buffers[i], a.shapes[i] = b, b.Shape()
			continue
		}
		t, err := tensors.FromAnyValue(arg)
		if err != nil {
			return a, fmt.Errorf("%q: argument %d: %w", e.name, i, err)
		}
		a.tensors[i], a.shapes[i] = t, t.Shape()
	}
	return a, nil
}

// put puts the tensors on the backend, those that are not there.
func (e *Exec) put(a *arguments) (err error) {
	for i, t := range a.tensors {
		if t == nil || a.buffers[i] != nil {
			continue
		}
		if a.buffers[i], err = e.backend.Put(t); err != nil {
			return fmt.Errorf("%q: argument %d: %w", e.name, i, err)
		}
	}
	return nil
}

// close closes the buffers that put made.
func (a *arguments) close() {
	for i, b := range a.buffers {
		if a.tensors[i] != nil && b != nil {
			b.Close()
		}
	}
}

// function is one that builds a graph: of [ExecGraphFn], or with arguments before those.
type function struct {
	fn     any
	inputs int // -1 for a slice, 0 for a *Graph alone
	first  int // the number of arguments before
}

func functionOf(fn any) (f function, err error) {
	f.fn = fn
	if v := reflect.ValueOf(fn); v.Kind() != reflect.Func || v.IsNil() {
		return f, fmt.Errorf("a %T is no function that builds a graph", fn)
	}
	for t := reflect.TypeOf(fn); f.first < t.NumIn(); f.first++ {
		switch t.In(f.first) {
		case reflect.TypeFor[*Graph]():
			return f, nil
		case reflect.TypeFor[[]*Node]():
			f.inputs = -1
			return f, nil
		case reflect.TypeFor[*Node]():
			f.inputs = t.NumIn() - f.first
			return f, nil
		}
	}
	return f, fmt.Errorf("a %T takes neither a graph nor nodes", fn)
}

// name returns the name that Go gives the function, such as main.square.
func (f function) name() string {
	if fn := runtime.FuncForPC(reflect.ValueOf(f.fn).Pointer()); fn != nil {
		return path.Base(fn.Name())
	}
	return reflect.TypeOf(f.fn).String()
}

// call calls the function.
func (f function) call(first []any, g *Graph, in []*Node) (out []*Node) {
	var args []reflect.Value
	for _, v := range first {
		args = append(args, reflect.ValueOf(v))
	}
	switch reflect.TypeOf(f.fn).In(f.first) {
	case reflect.TypeFor[*Graph]():
		args = append(args, reflect.ValueOf(g))
	case reflect.TypeFor[[]*Node]():
		args = append(args, reflect.ValueOf(in))
	default:
		for _, n := range in {
			args = append(args, reflect.ValueOf(n))
		}
	}
	for _, r := range reflect.ValueOf(f.fn).Call(args) {
		switch v := r.Interface().(type) {
		case *Node:
			out = append(out, v)
		case []*Node:
			out = append(out, v...)
		}
	}
	return out
}
