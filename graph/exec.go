package graph

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/cache"
)

// ExecGraphFnOneOutput lists the functions that build a graph with one result.
type ExecGraphFnOneOutput interface {
	func(*Graph) *Node | func([]*Node) *Node | func(*Node) *Node | func(*Node, *Node) *Node |
		func(*Node, *Node, *Node) *Node | func(*Node, *Node, *Node, *Node) *Node |
		func(*Node, *Node, *Node, *Node, *Node) *Node | func(*Node, *Node, *Node, *Node, *Node, *Node) *Node
}

// ExecGraphFnTwoOutputs lists the functions that build a graph with two results.
type ExecGraphFnTwoOutputs interface {
	func(*Graph) (*Node, *Node) | func([]*Node) (*Node, *Node) | func(*Node) (*Node, *Node) | func(*Node, *Node) (*Node, *Node) |
		func(*Node, *Node, *Node) (*Node, *Node) | func(*Node, *Node, *Node, *Node) (*Node, *Node) |
		func(*Node, *Node, *Node, *Node, *Node) (*Node, *Node) | func(*Node, *Node, *Node, *Node, *Node, *Node) (*Node, *Node)
}

// ExecGraphFnThreeOutputs lists the functions that build a graph with three results.
type ExecGraphFnThreeOutputs interface {
	func(*Graph) (*Node, *Node, *Node) | func([]*Node) (*Node, *Node, *Node) | func(*Node) (*Node, *Node, *Node) | func(*Node, *Node) (*Node, *Node, *Node) |
		func(*Node, *Node, *Node) (*Node, *Node, *Node) | func(*Node, *Node, *Node, *Node) (*Node, *Node, *Node) |
		func(*Node, *Node, *Node, *Node, *Node) (*Node, *Node, *Node) | func(*Node, *Node, *Node, *Node, *Node, *Node) (*Node, *Node, *Node)
}

// ExecGraphFnSlice lists the functions that build a graph with any number of results.
type ExecGraphFnSlice interface {
	func(*Graph) []*Node | func([]*Node) []*Node | func(*Node) []*Node | func(*Node, *Node) []*Node |
		func(*Node, *Node, *Node) []*Node | func(*Node, *Node, *Node, *Node) []*Node |
		func(*Node, *Node, *Node, *Node, *Node) []*Node | func(*Node, *Node, *Node, *Node, *Node, *Node) []*Node
}

// ExecGraphFn lists the functions that build a graph: from a Graph alone, from up to six inputs or a
// slice of any number of them, to up to three results or a slice.
type ExecGraphFn interface {
	ExecGraphFnOneOutput | ExecGraphFnTwoOutputs | ExecGraphFnThreeOutputs | ExecGraphFnSlice
}

// DefaultMaxCache is how many compiled graphs an Exec keeps unless told otherwise.
const DefaultMaxCache = 32

// LoggerFn is told the values of the nodes marked with [Node.SetLogged], after each run.
type LoggerFn func(g *Graph, messages []string, values []*tensors.Tensor, nodes []NodeId)

// Exec runs a function that builds a graph: it compiles the graph for each combination of input shapes
// that it is called with, and keeps the most recently used ones. It is safe for several goroutines.
type Exec struct {
	backend ir.Backend
	fn      reflect.Value
	name    string
	inputs  int // -1 for a slice, 0 for a *Graph alone

	cache *cache.Cache[[]shapes.Shape, *Graph]

	mu     sync.Mutex
	logger LoggerFn
}

// NewExec returns an Exec for a function that builds a graph.
func NewExec[F ExecGraphFn](backend ir.Backend, graphFn F) (*Exec, error) {
	return newExec(backend, graphFn)
}

func newExec(backend ir.Backend, graphFn any) (*Exec, error) {
	fn := reflect.ValueOf(graphFn)
	if backend == nil || fn.IsNil() {
		return nil, errors.New("graph.NewExec: backend or function is nil")
	}
	e := &Exec{backend: backend, fn: fn, name: "exec", inputs: fn.Type().NumIn(),
		cache: cache.New[[]shapes.Shape, *Graph](DefaultMaxCache, sameInputs), logger: logToStdout}
	switch fn.Type().In(0) {
	case reflect.TypeFor[*Graph]():
		e.inputs = 0
	case reflect.TypeFor[[]*Node]():
		e.inputs = -1
	}
	return e, nil
}

// MustNewExec is [NewExec]; it panics on an error.
func MustNewExec[F ExecGraphFn](backend ir.Backend, graphFn F) *Exec {
	return must(newExec(backend, graphFn))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// WithName names the Exec and its graphs, for programs and errors.
func (e *Exec) WithName(name string) *Exec {
	e.name = name
	return e
}

// Name returns the Exec's name.
func (e *Exec) Name() string { return e.name }

// Backend returns the backend that the Exec compiles for.
func (e *Exec) Backend() ir.Backend { return e.backend }

// SetMaxCache sets how many compiled graphs are kept, at least 1. The least recently used ones are
// dropped; a dropped one is compiled again when it is needed.
func (e *Exec) SetMaxCache(maxCacheSize int) *Exec {
	e.cache.SetMax(maxCacheSize) // what is dropped is not closed: a run of it may be under way
	return e
}

// SetNodeLogger sets who is told the values of logged nodes; nil for nobody. The default prints them.
func (e *Exec) SetNodeLogger(loggerFn LoggerFn) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.logger = loggerFn
}

func logToStdout(_ *Graph, messages []string, values []*tensors.Tensor, _ []NodeId) {
	for i, m := range messages {
		fmt.Printf("%s: %s\n", m, values[i])
	}
}

// Compile returns the compiled graph for inputs of the given shapes, from the cache if it is there.
func (e *Exec) Compile(inputShapes ...shapes.Shape) (*Graph, error) {
	return e.compile(context.Background(), slices.Clone(inputShapes))
}

func (e *Exec) compile(ctx context.Context, in []shapes.Shape) (*Graph, error) {
	if g, ok := e.cache.Find(in); ok {
		return g, nil
	}
	g, err := e.cache.Get(ctx, in, func() (*Graph, error) { return e.build(ctx, in) })
	if errors.Is(err, cache.ErrWithin) {
		err = fmt.Errorf("%q: %w", e.name, err)
	}
	return g, err
}

// sameInputs reports whether a graph for inputs of the shapes a serves for b.
func sameInputs(a, b []shapes.Shape) bool {
	return slices.EqualFunc(a, b, func(s, t shapes.Shape) bool {
		return s.Equal(t) && (s.AxisNames == nil && t.AxisNames == nil || slices.Equal(s.AxisNames, t.AxisNames))
	})
}

func (e *Exec) build(ctx context.Context, in []shapes.Shape) (*Graph, error) {
	if e.inputs >= 0 && len(in) != e.inputs {
		return nil, fmt.Errorf("%q takes %d inputs, got %d", e.name, e.inputs, len(in))
	}
	g := NewGraph(e.backend, e.name)
	var outputs []*Node
	err := Catch(func() {
		var nodes []*Node
		for _, s := range in {
			nodes = append(nodes, Parameter(g, "", s))
		}
		outputs = call(e.fn, g, nodes)
	})
	if err != nil {
		return nil, err
	}
	return g, g.CompileContext(ctx, outputs...)
}

// call calls one of the functions of ExecGraphFn.
func call(fn reflect.Value, g *Graph, in []*Node) (out []*Node) {
	var args []reflect.Value
	switch fn.Type().In(0) {
	case reflect.TypeFor[*Graph]():
		args = []reflect.Value{reflect.ValueOf(g)}
	case reflect.TypeFor[[]*Node]():
		args = []reflect.Value{reflect.ValueOf(in)}
	default:
		for _, n := range in {
			args = append(args, reflect.ValueOf(n))
		}
	}
	for _, r := range fn.Call(args) {
		switch v := r.Interface().(type) {
		case *Node:
			out = append(out, v)
		case []*Node:
			out = append(out, v...)
		}
	}
	return out
}

// Call runs the function on args, which are tensors, Go values as [tensors.FromAnyValue] takes them, or
// buffers of the backend. The results belong to the caller. The error is an [Error] if the graph cannot
// be built from inputs of these shapes.
func (e *Exec) Call(args ...any) ([]*tensors.Tensor, error) {
	return e.CallContext(context.Background(), args...)
}

// CallContext is [Exec.Call] with a context that can end it.
func (e *Exec) CallContext(ctx context.Context, args ...any) ([]*tensors.Tensor, error) {
	out, _, err := e.callWithGraph(ctx, args)
	return out, err
}

// CallWithGraph is [Exec.Call] and also returns the graph that was run.
func (e *Exec) CallWithGraph(args ...any) ([]*tensors.Tensor, *Graph, error) {
	return e.callWithGraph(context.Background(), args)
}

func (e *Exec) callWithGraph(ctx context.Context, args []any) ([]*tensors.Tensor, *Graph, error) {
	in := make([]shapes.Shape, len(args))
	vals := make([]any, len(args))
	for i, a := range args {
		if b, ok := a.(ir.Buffer); ok {
			vals[i], in[i] = b, b.Shape()
			continue
		}
		t, err := tensors.FromAnyValue(a)
		if err != nil {
			return nil, nil, fmt.Errorf("%q: argument %d: %w", e.name, i, err)
		}
		vals[i], in[i] = t, t.Shape()
	}
	g, err := e.compile(ctx, in)
	if err != nil {
		return nil, nil, err
	}
	out, logged, err := g.run(ctx, vals)
	if err != nil {
		return nil, g, err
	}
	e.log(g, logged)
	return out, g, nil
}

func (e *Exec) log(g *Graph, values []*tensors.Tensor) {
	e.mu.Lock()
	logger := e.logger
	e.mu.Unlock()
	if len(values) == 0 || logger == nil {
		return
	}
	var messages []string
	var ids []NodeId
	for _, n := range g.logged {
		messages, ids = append(messages, n.logged), append(ids, n.id)
	}
	logger(g, messages, values, ids)
}

func (e *Exec) callN(n int, args []any) ([]*tensors.Tensor, error) {
	out, err := e.Call(args...)
	if err == nil && len(out) != n {
		err = fmt.Errorf("%q has %d results, not %d", e.name, len(out), n)
	}
	if err != nil {
		return make([]*tensors.Tensor, n), err
	}
	return out, nil
}

// Call1 is [Exec.Call] for functions with one result.
func (e *Exec) Call1(args ...any) (*tensors.Tensor, error) {
	out, err := e.callN(1, args)
	return out[0], err
}

// Call2 is [Exec.Call] for functions with two results.
func (e *Exec) Call2(args ...any) (*tensors.Tensor, *tensors.Tensor, error) {
	out, err := e.callN(2, args)
	return out[0], out[1], err
}

// Call3 is [Exec.Call] for functions with three results.
func (e *Exec) Call3(args ...any) (*tensors.Tensor, *tensors.Tensor, *tensors.Tensor, error) {
	out, err := e.callN(3, args)
	return out[0], out[1], out[2], err
}

// Call4 is [Exec.Call] for functions with four results.
func (e *Exec) Call4(args ...any) (*tensors.Tensor, *tensors.Tensor, *tensors.Tensor, *tensors.Tensor, error) {
	out, err := e.callN(4, args)
	return out[0], out[1], out[2], out[3], err
}

// MustCall is [Exec.Call]; it panics on an error.
func (e *Exec) MustCall(args ...any) []*tensors.Tensor { return must(e.Call(args...)) }

// MustCallWithGraph is [Exec.CallWithGraph]; it panics on an error.
func (e *Exec) MustCallWithGraph(args ...any) ([]*tensors.Tensor, *Graph) {
	out, g, err := e.CallWithGraph(args...)
	return must(out, err), g
}

// MustCall1 is [Exec.Call1]; it panics on an error.
func (e *Exec) MustCall1(args ...any) *tensors.Tensor { return must(e.Call1(args...)) }

// MustCall2 is [Exec.Call2]; it panics on an error.
func (e *Exec) MustCall2(args ...any) (*tensors.Tensor, *tensors.Tensor) {
	out := must(e.callN(2, args))
	return out[0], out[1]
}

// MustCall3 is [Exec.Call3]; it panics on an error.
func (e *Exec) MustCall3(args ...any) (*tensors.Tensor, *tensors.Tensor, *tensors.Tensor) {
	out := must(e.callN(3, args))
	return out[0], out[1], out[2]
}

// MustCall4 is [Exec.Call4]; it panics on an error.
func (e *Exec) MustCall4(args ...any) (*tensors.Tensor, *tensors.Tensor, *tensors.Tensor, *tensors.Tensor) {
	out := must(e.callN(4, args))
	return out[0], out[1], out[2], out[3]
}

// Finalize releases all compiled graphs. The Exec compiles anew if it is called again.
func (e *Exec) Finalize() {
	e.cache.DeleteFunc(func(g *Graph) bool {
		g.Finalize()
		return true
	})
}

// CallOnce builds, compiles and runs a function with one result on args, and keeps nothing.
func CallOnce[F ExecGraphFnOneOutput](backend ir.Backend, graphFn F, args ...any) (*tensors.Tensor, error) {
	e, err := newExec(backend, graphFn)
	if err != nil {
		return nil, err
	}
	defer e.Finalize()
	return e.Call1(args...)
}

// CallOnceN is [CallOnce] for functions with any number of results.
func CallOnceN[F ExecGraphFn](backend ir.Backend, graphFn F, args ...any) ([]*tensors.Tensor, error) {
	e, err := newExec(backend, graphFn)
	if err != nil {
		return nil, err
	}
	defer e.Finalize()
	return e.Call(args...)
}

// MustCallOnce is [CallOnce]; it panics on an error.
func MustCallOnce[F ExecGraphFnOneOutput](backend ir.Backend, graphFn F, args ...any) *tensors.Tensor {
	return must(CallOnce(backend, graphFn, args...))
}

// MustCallOnceN is [CallOnceN]; it panics on an error.
func MustCallOnceN[F ExecGraphFn](backend ir.Backend, graphFn F, args ...any) []*tensors.Tensor {
	return must(CallOnceN(backend, graphFn, args...))
}
