package graph

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/cache"
)

// Compile ends the building of the graph: it can then compute outputs. It returns an [Error] if the
// graph cannot be lowered, or the backend's error.
func (g *Graph) Compile(outputs ...*Node) error {
	return g.CompileContext(context.Background(), outputs...)
}

// CompileContext is [Graph.Compile] with a context that can end it.
func (g *Graph) CompileContext(ctx context.Context, outputs ...*Node) error {
	switch {
	case g.backend == nil:
		return &Error{Err: fmt.Errorf("the graph %q has no backend to be compiled for", g.name), pcs: callSite()}
	case g.executable != nil:
		return &Error{Err: fmt.Errorf("the graph %q is compiled already", g.name), pcs: callSite()}
	}
	p, err := NewProgram(g, append(slices.Clone(outputs), g.logged...)...)
	if err != nil {
		return err
	}
	observe(g)
	if len(g.donated) > 0 {
		given := make([]bool, len(g.main.nodes)) // by index
		for _, n := range g.donated {
			given[n.index] = true
		}
		marks := make([]bool, len(g.main.params))
		for i, param := range g.main.params {
			marks[i] = given[param.index]
		}
		p = p.Donate(marks)
	}
	p, exe, err := ir.Compile(ctx, g.backend, p)
	if err != nil {
		return err
	}
	g.program, g.executable, g.numOutputs = p, &counted{Executable: exe}, len(outputs)
	return nil
}

// compileLowered ends the building of a graph of parameters alone, which then computes what a program does that is lowered already.
func (g *Graph) compileLowered(ctx context.Context, p *ir.Program, outputs int) error {
	compile := g.backend.Compile
	if t, ok := g.backend.(ir.Trusting); ok { // a Builder has checked each call
		compile = t.CompileChecked
	}
	exe, err := compile(ctx, p)
	if err != nil {
		return fmt.Errorf("compiling %q for %s: %w", g.name, g.backend.Name(), err)
	}
	g.program, g.executable, g.numOutputs = p, &counted{Executable: exe}, outputs
	return nil
}

// Program returns the compiled program, nil before [Graph.Compile].
func (g *Graph) Program() *ir.Program { return g.program }

// counted is the executable of a graph, which is closed when its last run has ended.
type counted struct {
	ir.Executable
	uses cache.Uses
}

// counted returns the executable, nil before [Graph.Compile].
func (g *Graph) counted() *counted {
	c, _ := g.executable.(*counted)
	return c
}

func (c *counted) release() error {
	if c.uses.End() {
		return c.Executable.Close()
	}
	return nil
}

// Executable returns the compiled executable, nil before [Graph.Compile].
func (g *Graph) Executable() ir.Executable {
	if c := g.counted(); c != nil {
		return c.Executable
	}
	return nil
}

// Finalize is [Graph.Close].
//
// Deprecated: use Close.
func (g *Graph) Finalize() error { return g.Close() }

// Close releases the executable, as soon as the runs that are under way have ended. The graph cannot be run any more.
func (g *Graph) Close() error {
	if c := g.counted(); c != nil && c.uses.Close() {
		return c.Executable.Close()
	}
	return nil
}

// Run runs a compiled graph: inputs, one per parameter in order, are tensors, Go values as
// [tensors.FromAnyValue] takes them, or buffers of the backend.
func (g *Graph) Run(inputs ...any) ([]*tensors.Tensor, error) {
	return g.RunContext(context.Background(), inputs...)
}

// RunContext is [Graph.Run] with a context that can end it.
func (g *Graph) RunContext(ctx context.Context, inputs ...any) ([]*tensors.Tensor, error) {
	out, logged, err := g.run(ctx, inputs)
	for _, t := range logged {
		t.Close()
	}
	return out, err
}

func (g *Graph) run(ctx context.Context, inputs []any) (out, logged []*tensors.Tensor, err error) {
	bufs, owned, err := g.putAll(inputs)
	defer func() {
		for _, b := range owned {
			b.Close()
		}
	}()
	if err != nil {
		return nil, nil, err
	}
	results, err := g.runBuffers(ctx, bufs, nil)
	if err != nil {
		return nil, nil, err
	}
	host, err := toHost(results)
	if err != nil {
		return nil, nil, err
	}
	return host[:g.numOutputs], host[g.numOutputs:], nil
}

// toHost turns buffers into tensors and closes them.
func toHost(bufs []ir.Buffer) (out []*tensors.Tensor, err error) {
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

// putAll returns the inputs as buffers, and of these the ones made here, for the caller to close.
func (g *Graph) putAll(inputs []any) (bufs, owned []ir.Buffer, err error) {
	for i, v := range inputs {
		if b, ok := v.(ir.Buffer); ok {
			bufs = append(bufs, b)
			continue
		}
		t, err := tensors.FromAnyValue(v)
		if err != nil {
			return nil, owned, fmt.Errorf("%q: input %d: %w", g.name, i, err)
		}
		b, err := g.backend.Put(t)
		if err != nil {
			return nil, owned, fmt.Errorf("%q: input %d: %w", g.name, i, err)
		}
		bufs, owned = append(bufs, b), append(owned, b)
	}
	return bufs, owned, nil
}

// RunWithMap is [Graph.Run] with the inputs by parameter.
func (g *Graph) RunWithMap(inputs map[*Node]any) ([]*tensors.Tensor, error) {
	list := make([]any, len(g.main.params))
	for i, p := range g.main.params {
		v, ok := inputs[p]
		if !ok {
			return nil, fmt.Errorf("%q: parameter %q has no value", g.name, p.GetParameterName())
		}
		list[i] = v
	}
	if len(inputs) != len(list) {
		return nil, fmt.Errorf("%q: %d values for %d parameters", g.name, len(inputs), len(list))
	}
	return g.Run(list...)
}

// RunWithBuffers runs a compiled graph on buffers of its backend. donate, nil or one per input, marks
// buffers that are given up to the run; see [ir.Executable]. The results belong to the caller. Values of
// logged nodes come after the outputs.
func (g *Graph) RunWithBuffers(ctx context.Context, inputs []ir.Buffer, donate []bool) ([]ir.Buffer, error) {
	return g.runBuffers(ctx, inputs, donate)
}

func (g *Graph) runBuffers(ctx context.Context, inputs []Buffer, donate []bool) (out []Buffer, err error) {
	c := g.counted()
	if c == nil {
		return nil, fmt.Errorf("the graph %q is not compiled", g.name)
	}
	if !c.uses.Begin() {
		return nil, fmt.Errorf("the graph %q was finalized: it cannot be run any more", g.name)
	}
	defer func() { err = errors.Join(err, c.release()) }()
	if err := g.checkInputs(inputs); err != nil {
		return nil, err
	}
	return execute(ctx, c.Executable, inputs, donate)
}

// checkInputs returns an error unless inputs are what the graph takes.
func (g *Graph) checkInputs(inputs []Buffer) error {
	if len(inputs) != len(g.main.params) {
		return fmt.Errorf("%q takes %d inputs, got %d", g.name, len(g.main.params), len(inputs))
	}
	for i, b := range inputs {
		p := g.main.params[i]
		if b == nil {
			return fmt.Errorf("%q: input %d (%s) is nil", g.name, i, p.GetParameterName())
		}
		if !b.Shape().Equal(p.Shape()) {
			return fmt.Errorf("%q: input %d (%s) is %s, want %s", g.name, i, p.GetParameterName(), b.Shape(), p.Shape())
		}
	}
	return nil
}
