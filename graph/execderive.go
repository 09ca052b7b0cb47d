package graph

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/sizes"
	"github.com/quire-ml/quire/internal/template"
)

// derivation makes programs for further sizes of those that there are.
type derivation struct {
	mu       sync.Mutex
	traces   []template.Trace
	template *template.Template
	err      error // why there is no template, and will be none
	programs int   // that were derived
}

// maxTraces is how many programs are kept to derive others from, at most.
const maxTraces = 24

// DeriveSizes has the Exec call its function for the first sizes of the symbols that [Exec.WithShapes] declares, and derive the programs
// for further ones from what it made of these: 4 sizes of one symbol, 7 pairs of sizes of two, without those that are powers of two,
// by which some passes divide in another way. A new size then costs the backend's compilation, and neither the function nor the passes;
// results have the bits that they have without. Programs are derived where they differ in nothing but numbers that are polynomials of
// degree 2 of the sizes, or reciprocals of these; [Exec.Derived] tells whether so. Otherwise the function is called for each size.
//
// What the function asks of sizes in Go cannot be seen: one that builds something else from a size on that it has not been called with,
// such as a loop in parts for sequences above 1000, must not be run so. Sizes of 1 and 0 are not derived, nor are graphs with
// logged nodes, on meshes, with variables, or with a [SearchSorted].
func (e *Exec) DeriveSizes() *Exec {
	e.derives = &derivation{}
	if e.feeder != nil {
		e.derives.err = errors.New("the graph has variables, which a program that is derived has not")
	}
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

// symbols returns what the declared symbols are of inputs, nil if nothing can be derived for these.
func (e *Exec) symbols(in []shapes.Shape) sizes.Values {
	if e.derives == nil || e.shapes == nil || e.feeder != nil {
		return nil
	}
	v, err := e.shapes.Solve(dimensionsOf(in)...)
	if err != nil {
		return nil
	}
	for _, n := range v {
		if n < 2 {
			return nil
		}
	}
	return v
}

// derive makes p's program of others, if there is a way; the function then need not be called.
func (e *Exec) derive(p *program, in []shapes.Shape) bool {
	v := e.symbols(in)
	if v == nil {
		return false
	}
	d := e.derives
	d.mu.Lock()
	t := d.template
	d.mu.Unlock()
	if t == nil {
		return false
	}
	low, err := t.At(v)
	if err != nil || !slices.EqualFunc(low.ShapesOf(low.Inputs), in, shapes.Shape.Identical) {
		return false
	}
	g := NewGraph(e.backend, e.name)
	for _, s := range in {
		Parameter(g, "", s)
	}
	p.g, p.derived, p.numOutputs = g, low, len(low.Outputs)
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
	for _, n := range v {
		if n&(n-1) == 0 {
			return
		}
	}
	d := e.derives
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.template != nil || d.err != nil {
		return
	}
	switch {
	case len(p.g.logged) > 0:
		d.err = errors.New("the graph has logged nodes, which a program that is derived has not")
	case p.g.uneven != "":
		d.err = fmt.Errorf("%s takes another number of steps for other sizes", p.g.uneven)
	}
	if d.err != nil {
		d.traces = nil
		return
	}
	d.traces = append(d.traces, template.Trace{Program: p.g.program, Values: v})
	if len(d.traces) < template.Needed(len(v)) {
		return
	}
	t, err := template.Derive(d.traces...)
	switch {
	case err == nil:
		d.template, d.traces = t, nil
	case errors.Is(err, template.ErrFew) && len(d.traces) < maxTraces:
	case errors.Is(err, template.ErrFew):
		d.traces = d.traces[len(d.traces)/2:]
	default:
		d.err, d.traces = err, nil
	}
}
