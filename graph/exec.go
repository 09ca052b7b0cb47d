package graph

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/sizes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/cache"
)

// ExecGraphFnOneOutput lists the functions that build a graph with one result.
type ExecGraphFnOneOutput interface {
	func(*Graph) *Node | func([]*Node) *Node | func(*Node) *Node | func(*Node, *Node) *Node |
		func(*Node, *Node, *Node) *Node | func(*Node, *Node, *Node, *Node) *Node |
		func(*Node, *Node, *Node, *Node, *Node) *Node | func(*Node, *Node, *Node, *Node, *Node, *Node) *Node
}

// ExecGraphFn lists the functions that build a graph: from a Graph alone, from up to six inputs or a
// slice of any number of them, to up to three results or a slice.
type ExecGraphFn interface {
	ExecGraphFnOneOutput | twoOutputs | threeOutputs | sliceOfOutputs
}

// twoOutputs lists the functions with two results.
type twoOutputs interface {
	func(*Graph) (*Node, *Node) | func([]*Node) (*Node, *Node) | func(*Node) (*Node, *Node) | func(*Node, *Node) (*Node, *Node) |
		func(*Node, *Node, *Node) (*Node, *Node) | func(*Node, *Node, *Node, *Node) (*Node, *Node) |
		func(*Node, *Node, *Node, *Node, *Node) (*Node, *Node) | func(*Node, *Node, *Node, *Node, *Node, *Node) (*Node, *Node)
}

// threeOutputs lists the functions with three results.
type threeOutputs interface {
	func(*Graph) (*Node, *Node, *Node) | func([]*Node) (*Node, *Node, *Node) | func(*Node) (*Node, *Node, *Node) | func(*Node, *Node) (*Node, *Node, *Node) |
		func(*Node, *Node, *Node) (*Node, *Node, *Node) | func(*Node, *Node, *Node, *Node) (*Node, *Node, *Node) |
		func(*Node, *Node, *Node, *Node, *Node) (*Node, *Node, *Node) | func(*Node, *Node, *Node, *Node, *Node, *Node) (*Node, *Node, *Node)
}

// sliceOfOutputs lists the functions with any number of results.
type sliceOfOutputs interface {
	func(*Graph) []*Node | func([]*Node) []*Node | func(*Node) []*Node | func(*Node, *Node) []*Node |
		func(*Node, *Node, *Node) []*Node | func(*Node, *Node, *Node, *Node) []*Node |
		func(*Node, *Node, *Node, *Node, *Node) []*Node | func(*Node, *Node, *Node, *Node, *Node, *Node) []*Node
}

// DefaultMaxCache is how many compiled graphs an Exec keeps unless told otherwise.
const DefaultMaxCache = 32

// LoggerFn is told the values of the nodes marked with [Node.SetLogged], after each run.
type LoggerFn func(g *Graph, messages []string, values []*tensors.Tensor, nodes []NodeId)

// Exec runs a function that builds a graph: it compiles the graph for each combination of input shapes
// that it is called with, and keeps the most recently used ones. It is safe for several goroutines.
//
// A call with shapes that are compiled waits for nobody. Calls with the same new shapes share one compilation, and its
// error; it belongs to the first of them, and if that one's context ends it, the next one compiles. Graphs are built one
// after another, so that the function needs no locks, and compiled side by side. What is not kept any more is closed when
// its last run ends.
type Exec struct {
	backend Backend
	fn      function
	name    string
	feeder  ExecFeeder         // nil for none
	shapes  *sizes.Declaration // of the inputs; nil for any
	derives *derivation        // nil if it derives nothing

	programs cache.Cache[[]shapes.Shape, *program]
	seen     atomic.Int64            // the generation that programs were last looked through for
	latest   atomic.Pointer[program] // of a call on tensors, if it runs on the host

	mu     sync.Mutex
	logger LoggerFn
}

// NewExec returns an Exec for a function that builds a graph.
func NewExec[F ExecGraphFn](backend Backend, graphFn F) (*Exec, error) {
	return newExec(backend, nil, graphFn)
}

func newExec(backend Backend, feeder ExecFeeder, graphFn any) (*Exec, error) {
	fn, err := functionOf(graphFn)
	if backend == nil || err != nil {
		return nil, errors.New("graph.NewExec: backend or function is nil")
	}
	return &Exec{backend: backend, fn: fn, name: "exec", feeder: feeder, logger: logToStdout,
		programs: cache.New[[]shapes.Shape, *program](DefaultMaxCache, sameInputs)}, nil
}

// MustNewExec is [NewExec]; it panics on an error.
func MustNewExec[F ExecGraphFn](backend Backend, graphFn F) *Exec {
	return must(newExec(backend, nil, graphFn))
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
// dropped, and closed when their last runs end; a dropped one is compiled again when it is needed.
func (e *Exec) SetMaxCache(maxCacheSize int) *Exec {
	e.programs.SetMax(maxCacheSize)
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

// Compile returns the compiled graph for inputs of the given shapes, from the cache if it is there. The graph is the
// caller's too: it is not closed when others push it out of the cache, only by [Exec.Close] or [Graph.Finalize].
func (e *Exec) Compile(inputShapes ...shapes.Shape) (*Graph, error) {
	p, err := e.compile(context.Background(), slices.Clone(inputShapes))
	if err != nil {
		return nil, err
	}
	p.lent.Store(true)
	e.programs.Release(p)
	return p.g, nil
}

// Call runs the function on args, which are tensors, Go values as [tensors.FromAnyValue] takes them, or
// buffers of the backend. The results belong to the caller. The error is an [Error] if the graph cannot
// be built from inputs of these shapes.
func (e *Exec) Call(args ...any) ([]*tensors.Tensor, error) {
	return e.CallContext(context.Background(), args...)
}

// CallContext is [Exec.Call] with a context that can end it.
func (e *Exec) CallContext(ctx context.Context, args ...any) ([]*tensors.Tensor, error) {
	if p := e.latest.Load(); p != nil && ctx != nil {
		if out, ran, err := e.callHost(ctx, p, args); ran {
			return out, err
		}
	}
	out, _, err := e.CallWithGraphContext(ctx, args...)
	return out, err
}

// CallWithGraph is [Exec.Call] and also returns the graph that was run, to look at: it may be closed soon. To run it,
// get it by [Exec.Compile].
func (e *Exec) CallWithGraph(args ...any) ([]*tensors.Tensor, *Graph, error) {
	return e.CallWithGraphContext(context.Background(), args...)
}

// CallWithGraphContext is [Exec.CallWithGraph] with a context that can end it.
func (e *Exec) CallWithGraphContext(ctx context.Context, args ...any) ([]*tensors.Tensor, *Graph, error) {
	results, g, err := e.CallToBuffers(ctx, args...)
	if err != nil {
		return nil, g, err
	}
	out, err := toHost(results)
	if err != nil {
		return nil, g, fmt.Errorf("%q: %w", e.name, err)
	}
	return out, g, nil
}

// CallToBuffers is [Exec.CallWithGraphContext] that leaves the results on the backend: they are the caller's to close, and
// may be arguments of other calls. On a backend that goes on behind its calls it does not wait for the values, unless
// there are logged ones.
func (e *Exec) CallToBuffers(ctx context.Context, args ...any) ([]Buffer, *Graph, error) {
	if ctx == nil {
		return nil, nil, fmt.Errorf("%q: the context is nil: give context.Background()", e.name)
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	a, err := e.arguments(args)
	if err != nil {
		return nil, nil, err
	}
	defer a.close()
	for {
		out, g, again, err := e.callOnce(ctx, &a)
		if !again {
			return out, g, err
		}
	}
}

// callOnce compiles and runs. If the program is too old for that, and nothing was run, again is true.
func (e *Exec) callOnce(ctx context.Context, a *arguments) (out []Buffer, g *Graph, again bool, err error) {
	p, err := e.compile(ctx, a.shapes)
	if err != nil {
		return nil, nil, false, err
	}
	defer e.programs.Release(p)
	e.note(p)
	if err := e.put(a); err != nil {
		return nil, p.g, false, err
	}
	results, again, err := e.run(ctx, p, a.buffers)
	if err != nil {
		return nil, p.g, again, err
	}
	out = results[:p.numOutputs]
	logged, err := toHost(results[p.numOutputs:])
	if err != nil {
		for _, b := range out {
			b.Close()
		}
		return nil, p.g, false, fmt.Errorf("%q: %w", e.name, err)
	}
	e.log(p.g, logged)
	return out, p.g, false, nil
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

// MustCall is [Exec.Call]; it panics on an error.
func (e *Exec) MustCall(args ...any) []*tensors.Tensor { return must(e.Call(args...)) }

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

// Close closes all compiled graphs, each as soon as its last run has ended, and returns what went wrong with that. The
// Exec compiles anew if it is called again.
func (e *Exec) Close() error { return e.programs.Close() }

// Finalize is [Exec.Close] without its error.
//
// Deprecated: use Close.
func (e *Exec) Finalize() { _ = e.Close() }

// CallOnce builds, compiles and runs a function with one result on args, and keeps nothing.
func CallOnce[F ExecGraphFnOneOutput](backend Backend, graphFn F, args ...any) (*tensors.Tensor, error) {
	e, err := newExec(backend, nil, graphFn)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	return e.Call1(args...)
}

// CallOnceN is [CallOnce] for functions with any number of results.
func CallOnceN[F ExecGraphFn](backend Backend, graphFn F, args ...any) ([]*tensors.Tensor, error) {
	e, err := newExec(backend, nil, graphFn)
	if err != nil {
		return nil, err
	}
	defer e.Close()
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
