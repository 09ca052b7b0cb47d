package graph

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/sizes"
	"github.com/quire-ml/quire/internal/template"
)

// derivation makes programs for further sizes of those that there are.
type derivation struct {
	mu         sync.Mutex
	generation int // of the feeder, that the rest is of
	traces     []sizeTrace
	template   *template.Template
	feed       ExecFeed    // of all of them
	like       string      // what describes it
	branches   []string    // of all of them, see [Graph.BranchOn]
	state      map[any]any // what was attached to the first one
	err        error       // why there is no template, and will be none
	programs   int         // that were derived
}

// sizeTrace is one of the programs that others are derived from.
type sizeTrace struct {
	template.Trace
	even bool // a size is a power of two: some passes divide by these in another way
}

// maxTraces is how many programs are kept to derive others from, at most.
const maxTraces = 24

// leadingSize is the symbol of an Exec whose inputs' shapes are not declared: the leading axis of the first input.
const leadingSize = "n"

// DeriveSizes has the Exec call its function for the first sizes of the symbols that [Exec.WithShapes] declares, or, if it declares none, of
// the leading axis of the first input, and derive the programs for further ones from what it made of these: 3 sizes of one symbol, 5 pairs of
// sizes of two, some more where a number in them is a square of a size; one of them at least is no power of two, by which some passes divide in
// another way. A new size then costs the backend's compilation, and neither the function nor the passes;
// results have the bits that they have without. Programs are derived where they differ in nothing but numbers that are polynomials of
// degree 2 of the sizes, or reciprocals of these; [Exec.Derived] tells whether so. Otherwise the function is called for each size.
//
// What the function asks of sizes in Go cannot be seen: one that builds something else from a size on that it has not been called with,
// such as a loop in parts for sequences above 1000, must not be run so, unless it says so by [Graph.BranchOn]. Then it is called for each size, as are
// functions with a [SearchSorted], a [SortFunc], or an [Einsum] of more than two operands along an axis whose size varies, with a [CumSum] on an engine
// that expands it, or with quantized weights for a number of rows that varies.
//
// Sizes of 1 and 0 are not derived, nor are graphs with logged nodes, on meshes, or with variables whose shapes depend on sizes. Sizes that a
// shape rule refuses are the errors that they are when the function is called, but for calls that the engine expands, whose expansion may take them.
func (e *Exec) DeriveSizes() *Exec {
	e.derives = &derivation{}
	return e
}

// Derived returns how many programs were derived rather than built, and why none are if that has turned out.
func (e *Exec) Derived() (programs int, err error) {
	d := e.derives
	if d == nil {
		return 0, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.programs, d.err
}

// symbols returns what the symbols are of inputs, nil if nothing can be derived for these.
func (e *Exec) symbols(in []shapes.Shape) sizes.Values {
	if e.derives == nil {
		return nil
	}
	v := sizes.Values{}
	switch {
	case e.shapes != nil:
		var err error
		if v, err = e.shapes.Solve(dimensionsOf(in)...); err != nil {
			return nil
		}
	case len(in) == 0 || in[0].Rank() == 0:
		return nil
	default:
		v[leadingSize] = in[0].Dimensions[0]
	}
	for _, n := range v {
		if n < 2 {
			return nil
		}
	}
	return v
}

// fresh forgets what is of another generation of the feeder. d.mu is held.
func (d *derivation) fresh(generation int) {
	if d.generation != generation {
		d.generation, d.traces, d.template, d.feed, d.like, d.branches, d.state, d.err = generation, nil, nil, ExecFeed{}, "", nil, nil, nil
	}
}

// derive makes p's program of others, if there is a way; the function then need not be called.
func (e *Exec) derive(p *program, in []shapes.Shape) bool {
	v := e.symbols(in)
	if v == nil {
		return false
	}
	generation := e.generation()
	d := e.derives
	d.mu.Lock()
	d.fresh(generation)
	t, feed, state := d.template, d.feed, d.state
	d.mu.Unlock()
	if t == nil {
		return false
	}
	low, err := t.At(v)
	if err != nil || len(low.Inputs) < len(in) || !slices.EqualFunc(low.ShapesOf(low.Inputs[:len(in)]), in, shapes.Shape.Identical) {
		return false
	}
	g := NewGraph(e.backend, e.name)
	for i, input := range low.Inputs {
		name := ""
		if i >= len(in) {
			name = low.InputNames[i]
		}
		Parameter(g, name, low.Values[input])
	}
	g.state = state // whoever built the first one may ask for what was attached, such as the names of its results
	p.g, p.derived, p.numOutputs = g, low, len(low.Outputs)
	if e.feeder != nil {
		p.feed, p.numOutputs, p.generation = ExecFeed{Run: feed.Run}, len(feed.Outputs), generation
	}
	d.mu.Lock()
	d.programs++
	d.mu.Unlock()
	return true
}

// compiled notes a program that was built, from which others may be derived.
func (e *Exec) compiled(p *program, in []shapes.Shape) {
	v := e.symbols(in)
	if v == nil || p.derived != nil {
		return
	}
	d := e.derives
	d.mu.Lock()
	defer d.mu.Unlock()
	if p.generation < d.generation {
		return
	}
	if d.fresh(p.generation); d.template != nil || d.err != nil {
		return
	}
	if d.err = d.refuses(e, p, in); d.err != nil {
		d.traces = nil
		return
	}
	t := sizeTrace{template.Trace{Program: p.g.program, Values: v}, false}
	for _, n := range v {
		t.even = t.even || n&(n-1) == 0
	}
	d.traces = append(d.traces, t)
	switch made, err := derived(d.traces); {
	case err == nil:
		d.template, d.traces = made, nil
	case errors.Is(err, template.ErrFew) && len(d.traces) < maxTraces:
	case errors.Is(err, template.ErrFew):
		d.traces = d.traces[len(d.traces)/2:]
	default:
		d.err, d.traces = err, nil
	}
}

// refuses says why nothing can be derived of p, nil if it may be. The first one's feed is that of all.
func (d *derivation) refuses(e *Exec, p *program, in []shapes.Shape) error {
	first := len(d.traces) == 0
	if branches := p.g.program.Branches; first {
		d.branches = branches
	} else if !slices.Equal(branches, d.branches) {
		return fmt.Errorf("what the program consists of depends on sizes: %s, and for other sizes %s", list(branches), list(d.branches))
	}
	switch {
	case len(p.g.logged) > 0:
		return errors.New("the graph has logged nodes, which a program that is derived has not")
	case e.feeder == nil:
		return nil
	case p.feed.Like == nil:
		return errors.New("the graph has inputs of which their feeder does not say whether they are alike for all sizes")
	}
	like := p.feed.Like()
	if first {
		d.feed, d.like, d.state = p.feed, like, p.g.state
	}
	if like != d.like || len(p.feed.Outputs) != len(d.feed.Outputs) {
		return errors.New("the graph has other variables for other sizes, or changes others")
	}
	return nil
}

// list writes branches.
func list(branches []string) string {
	if len(branches) == 0 {
		return "nothing"
	}
	return strings.Join(branches, ", ")
}

// derived compares the traces. If they are different programs, those for powers of two may be to blame.
func derived(traces []sizeTrace) (*template.Template, error) {
	var all, others []template.Trace
	for _, t := range traces {
		if all = append(all, t.Trace); !t.even {
			others = append(others, t.Trace)
		}
	}
	if len(others) == 0 || len(all) < template.NeededWithoutSquares(len(all[0].Values)) {
		return nil, template.ErrFew
	}
	made, err := template.Derive(all...)
	if err != nil && !errors.Is(err, template.ErrFew) && len(others) < len(all) {
		return template.Derive(others...)
	}
	return made, err
}
