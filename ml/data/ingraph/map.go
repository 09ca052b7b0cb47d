package ingraph

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/ml/data"
)

// Fn changes a batch within a graph: it gets the inputs and labels of a batch, and returns those that take their place, of which there may be
// more or fewer. state is the state of a generator, a uint64[3], that is different for each batch.
type Fn func(state *graph.Node, inputs, labels []*graph.Node) (newInputs, newLabels []*graph.Node)

// Map applies fn to each batch of ds, on the backend. A program is compiled for each combination of shapes among the batches. state depends on the
// seed, the pass and the number of the batch, and on nothing else: a resumed iteration gets the same batches. The work is done in the goroutine that iterates; put it
// into another one by data.Prefetch.
//
// Errors of building, compiling and running, and a backend or a function that is nil, come as errors of the iteration.
func Map(backend graph.Backend, ds data.Dataset, seed uint64, fn Fn) *data.Pipeline {
	p := &programs{backend: backend, fn: fn, execs: map[[2]int]*graph.Exec{}}
	out := data.MapIndexed(ds, 0, func(at data.Position, b data.Batch) (data.Batch, error) {
		out, err := p.run(b, int64(data.Rand(seed, at.Epoch, at.Batch).Uint64()))
		if err != nil {
			return b, fmt.Errorf("ingraph.Map: %w", err)
		}
		return out, nil
	})
	runtime.AddCleanup(out, func(p *programs) { p.close() }, p)
	return out
}

// programs are what fn was compiled to.
type programs struct {
	backend graph.Backend
	fn      Fn

	mu    sync.Mutex
	execs map[[2]int]*graph.Exec // by the number of inputs and of labels
}

// numInputs is the key of the number of inputs that fn returned, kept with the graph that it built.
type numInputs struct{}

// exec returns what runs fn for so many inputs and labels.
func (p *programs) exec(inputs, labels int) (*graph.Exec, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := [2]int{inputs, labels}
	if e := p.execs[key]; e != nil {
		return e, nil
	}
	if p.backend == nil || p.fn == nil {
		return nil, errors.New("the backend or the function is nil")
	}
	e, err := graph.NewExec(p.backend, func(in []*graph.Node) []*graph.Node {
		newInputs, newLabels := p.fn(in[0], in[1:1+inputs], in[1+inputs:])
		in[0].Graph().AttachState(numInputs{}, len(newInputs))
		return slices.Concat(newInputs, newLabels)
	})
	if err != nil {
		return nil, err
	}
	p.execs[key] = e.WithName("ingraph.Map")
	return p.execs[key], nil
}

// run calls fn for a batch.
func (p *programs) run(b data.Batch, seed int64) (data.Batch, error) {
	e, err := p.exec(len(b.Inputs), len(b.Labels))
	if err != nil {
		return b, err
	}
	state, err := graph.RNGStateFromSeed(seed)
	if err != nil {
		return b, err
	}
	defer state.Close()
	args := []any{state}
	for _, t := range slices.Concat(b.Inputs, b.Labels) {
		args = append(args, t)
	}
	results, g, err := e.CallWithGraph(args...)
	if err != nil {
		return b, err
	}
	n, _ := g.State(numInputs{}).(int)
	return data.Batch{Inputs: results[:n:n], Labels: results[n:], Spec: b.Spec}, nil
}

// close gives the programs up.
func (p *programs) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.execs {
		e.Close()
	}
	clear(p.execs)
}
