package graphtest

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"
)

// buildFn makes calls in a graph, over inputs.
type buildFn = func(g *graph.Graph, in []*graph.Node) []*graph.Node

// runner runs what a function builds.
type runner func(fn buildFn, inputs []*tensors.Tensor) ([]*tensors.Tensor, error)

// check is a test of one call that runs programs by the runner that it gets.
type check struct {
	name string
	run  func(r runner) error
}

// atOnce returns how many checks are made at once.
func atOnce(together []int) int {
	if len(together) == 0 {
		return 1
	}
	return together[0]
}

// alone is the runner that runs each thing as it comes.
func alone(b ir.Backend) runner {
	return func(fn buildFn, in []*tensors.Tensor) ([]*tensors.Tensor, error) { return runOn(b, fn, in) }
}

// checkAll makes the checks on a backend and returns what each found: one after the other, or many at a time with
// what they run put together into one program, for backends whose compilations take longer than the runs.
func checkAll(b ir.Backend, checks []check, together int) []error {
	errs := make([]error, len(checks))
	if together <= 1 {
		for i, c := range checks {
			errs[i] = c.run(alone(b))
		}
		return errs
	}
	for first := 0; first < len(checks); first += together {
		last := min(first+together, len(checks))
		g := &gathering{backend: b, active: last - first}
		var wg sync.WaitGroup
		for i := first; i < last; i++ {
			wg.Go(func() {
				defer g.leave()
				defer func() {
					if r := recover(); r != nil {
						errs[i] = fmt.Errorf("the check broke: %v", r)
					}
				}()
				errs[i] = checks[i].run(func(fn buildFn, in []*tensors.Tensor) ([]*tensors.Tensor, error) { return g.run(i, fn, in) })
			})
		}
		wg.Wait()
	}
	return errs
}

// report makes the checks and fails the test for those that found something.
func report(t *testing.T, b ir.Backend, checks []check, together int) {
	for i, err := range checkAll(b, checks, together) {
		if err != nil {
			t.Errorf("%s: %v", checks[i].name, err)
		}
	}
}

// gathering waits until every check that is not done has asked for a run, and then makes all of these runs as one.
type gathering struct {
	backend ir.Backend
	mu      sync.Mutex
	active  int // checks that are not done
	waiting []*request
}

type request struct {
	check  int // number, by which requests are ordered: equal rounds make equal programs
	fn     buildFn
	inputs []*tensors.Tensor
	out    []*tensors.Tensor
	err    error
	done   chan struct{}
}

func (g *gathering) run(check int, fn buildFn, inputs []*tensors.Tensor) ([]*tensors.Tensor, error) {
	r := &request{check: check, fn: fn, inputs: inputs, done: make(chan struct{})}
	g.mu.Lock()
	g.waiting = append(g.waiting, r)
	g.flush()
	g.mu.Unlock()
	<-r.done
	return r.out, r.err
}

func (g *gathering) leave() {
	g.mu.Lock()
	g.active--
	g.flush()
	g.mu.Unlock()
}

// flush makes the runs if everybody waits.
func (g *gathering) flush() {
	if len(g.waiting) == 0 || len(g.waiting) < g.active {
		return
	}
	list := g.waiting
	g.waiting = nil
	slices.SortFunc(list, func(a, b *request) int { return a.check - b.check })
	if err := g.runAsOne(list); err != nil { // somebody's mistake: each alone, to see whose
		for _, r := range list {
			r.out, r.err = runOn(g.backend, r.fn, r.inputs)
		}
	}
	for _, r := range list {
		close(r.done)
	}
}

func (g *gathering) runAsOne(list []*request) error {
	var inputs []*tensors.Tensor
	for _, r := range list {
		inputs = append(inputs, r.inputs...)
	}
	counts := make([]int, len(list))
	out, err := runOn(g.backend, func(gr *graph.Graph, in []*graph.Node) (all []*graph.Node) {
		for i, r := range list {
			out := r.fn(gr, in[:len(r.inputs)])
			in, counts[i], all = in[len(r.inputs):], len(out), append(all, out...)
		}
		return all
	}, inputs)
	if err != nil {
		return err
	}
	for i, r := range list {
		r.out, out = out[:counts[i]:counts[i]], out[counts[i]:]
	}
	return nil
}
