package graph

import (
	"context"
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ir/capability"
	"github.com/quire-ml/quire/graph/shapes"
)

// MemoryPlan returns what a run needs, in bytes, of the graph for inputs of the given shapes, which is compiled if it is not; no
// shapes stand for those of the last call. It returns an error if the backend does not know before it runs.
func (e *Exec) MemoryPlan(inputShapes ...shapes.Shape) (capability.Memory, error) {
	p, err := e.look(inputShapes)
	if err != nil {
		return capability.Memory{}, err
	}
	defer e.programs.Release(p)
	m, ok := capability.MemoryPlan(p.g.Executable())
	if !ok {
		return m, fmt.Errorf("%q: the backend %s does not say what memory a run needs", e.name, e.backend.Name())
	}
	return m, nil
}

// Explain says what became of the graph for inputs of the given shapes, chosen as in [Exec.MemoryPlan]: what each pass did to its
// program ([ir.Program.Explain]), and behind that how the backend runs it, where it can tell.
func (e *Exec) Explain(inputShapes ...shapes.Shape) (string, error) {
	p, err := e.look(inputShapes)
	if err != nil {
		return "", err
	}
	defer e.programs.Release(p)
	if p.derived != nil { // what it was before the passes is not known
		return p.explain(p.derived)
	}
	before, err := NewProgram(p.g, slices.Concat(p.feed.Outputs, p.feed.Extra, p.g.logged)...)
	if err != nil {
		return "", err
	}
	return p.explain(before)
}

func (p *program) explain(before *ir.Program) (string, error) {
	text, err := before.Explain(p.g.backend.Lowers)
	if err != nil {
		return "", err
	}
	if how := capability.Explain(p.g.Executable()); how != "" {
		text += "\n" + how
	}
	return text, nil
}

// look returns a program to look at, held for the caller.
func (e *Exec) look(inputShapes []shapes.Shape) (*program, error) {
	if len(inputShapes) > 0 || e.fn.inputs == 0 {
		return e.compile(context.Background(), slices.Clone(inputShapes))
	}
	for _, p := range e.programs.Values() { // the one that was used last is the first
		if p.Hold() {
			return p, nil
		}
	}
	return nil, fmt.Errorf("%q: nothing is compiled yet: call it first, or give the shapes of its inputs", e.name)
}
