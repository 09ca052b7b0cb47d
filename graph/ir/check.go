package ir

import (
	"errors"
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/shapes"
)

// Check returns an error if the program is not well formed.
func (p *Program) Check() error {
	if p == nil {
		return errNoProgram
	}
	if err := p.check(checked{}); err != nil {
		return err
	}
	return p.checkPlacement()
}

var errNoProgram = errors.New("the program is nil")

// checked holds the regions that are known to be well formed: each is looked at once, however many calls share it.
type checked map[*Program]bool

// check checks what programs and regions have in common.
func (p *Program) check(done checked) (err error) {
	if whole, begun := done[p]; whole {
		return nil
	} else if begun {
		return errors.New("it runs itself: a region must not contain the program that it is part of")
	}
	done[p] = false
	defined := make([]bool, len(p.Values))
	define := func(id Value) error {
		if id < 0 || int(id) >= len(p.Values) || defined[id] {
			return fmt.Errorf("value %d does not exist or is defined twice", id)
		}
		defined[id] = true
		return p.Values[id].Check()
	}
	if len(p.InputNames) != len(p.Inputs) {
		return fmt.Errorf("%d input names for %d inputs", len(p.InputNames), len(p.Inputs))
	}
	for _, id := range p.Inputs {
		if err := define(id); err != nil {
			return err
		}
	}
	for i, in := range p.Instrs {
		if in.Op == nil {
			return fmt.Errorf("instruction %d has no op", i)
		}
		ins := make([]shapes.Shape, len(in.In))
		for k, id := range in.In {
			if id < 0 || int(id) >= len(p.Values) || !defined[id] {
				return fmt.Errorf("instruction %d, %s: operand %d is not defined", i, in.Op.Name, id)
			}
			ins[k] = p.Values[id]
		}
		for _, r := range in.Regions {
			if err := r.checkRegion(done); err != nil {
				return fmt.Errorf("instruction %d, %s: %w", i, in.Op.Name, err)
			}
		}
		want, err := in.results(ins)
		if err != nil {
			return fmt.Errorf("instruction %d, %s: %w", i, in.Op.Name, err)
		}
		if len(want) != len(in.Out) {
			return fmt.Errorf("instruction %d, %s: %d results, want %d", i, in.Op.Name, len(in.Out), len(want))
		}
		for k, id := range in.Out {
			if err := define(id); err != nil {
				return fmt.Errorf("instruction %d, %s: %w", i, in.Op.Name, err)
			}
			if !p.Values[id].Equal(want[k]) {
				return fmt.Errorf("instruction %d, %s: result %d is %s, want %s", i, in.Op.Name, k, p.Values[id], want[k])
			}
		}
	}
	for _, id := range p.Outputs {
		if id < 0 || int(id) >= len(p.Values) || !defined[id] {
			return fmt.Errorf("output %d is not defined", id)
		}
	}
	done[p] = true
	return nil
}

// checkPlacement checks donation, mesh and shardings.
func (p *Program) checkPlacement() error {
	if p.Donated != nil && len(p.Donated) != len(p.Inputs) {
		return fmt.Errorf("%d marks of donation for %d inputs", len(p.Donated), len(p.Inputs))
	}
	if p.Mesh == nil {
		if p.InputShardings != nil || p.OutputShardings != nil {
			return fmt.Errorf("shardings without a mesh")
		}
		return p.checkMesh(nil, checked{})
	}
	if err := p.Mesh.Check(); err != nil {
		return err
	}
	check := func(what string, list []Sharding, ids []Value) error {
		if list != nil && len(list) != len(ids) {
			return fmt.Errorf("%d shardings for %d %ss", len(list), len(ids), what)
		}
		for i, s := range list {
			if err := s.Check(p.Mesh, p.Values[ids[i]]); err != nil {
				return fmt.Errorf("%s %d: %w", what, i, err)
			}
			if slices.Contains(s, Open) {
				return fmt.Errorf("%s %d: the sharding %s leaves an axis open, which only values inside a program may", what, i, s)
			}
		}
		return nil
	}
	if err := check("input", p.InputShardings, p.Inputs); err != nil {
		return err
	}
	if err := check("output", p.OutputShardings, p.Outputs); err != nil {
		return err
	}
	return p.checkMesh(p.Mesh, checked{})
}

// checkMesh checks that all values of the program and its regions that are divided are so over m.
func (p *Program) checkMesh(m *Mesh, done checked) error {
	if done[p] {
		return nil
	}
	done[p] = true
	for i, in := range p.Instrs {
		if a, ok := in.Attrs.(ShardAttrs); ok && !a.Mesh.Equal(m) {
			if m == nil {
				return fmt.Errorf("instruction %d, %s: it divides a value over %s in a program without a mesh", i, in.Op.Name, a.Mesh)
			}
			return fmt.Errorf("instruction %d, %s: it divides a value over %s in a program on %s", i, in.Op.Name, a.Mesh, m)
		}
		for _, b := range in.Regions {
			if err := b.checkMesh(m, done); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkRegion checks p as a region.
func (p *Program) checkRegion(done checked) error {
	if p == nil {
		return errors.New("a region is nil")
	}
	if err := p.check(done); err != nil {
		return fmt.Errorf("region %q: %w", p.Name, err)
	}
	if p.Mesh != nil || p.Donated != nil || p.InputShardings != nil || p.OutputShardings != nil {
		return fmt.Errorf("region %q has a mesh, shardings or marks of donation, which are the whole program's", p.Name)
	}
	return nil
}

// results returns the shapes that the results of a call must have; ins are those of operands and captured values. The
// regions are known to be well formed.
func (in *Instr) results(ins []shapes.Shape) ([]shapes.Shape, error) {
	if in.Op.Regions == nil {
		if len(in.Regions) > 0 || in.Captured != 0 {
			return nil, errors.New("it takes no functions")
		}
		return in.Op.Results(in.Attrs, ins)
	}
	if in.Captured < 0 || in.Captured > len(ins) {
		return nil, fmt.Errorf("%d captured values out of %d operands", in.Captured, len(ins))
	}
	operands, captured := ins[:len(ins)-in.Captured], ins[len(ins)-in.Captured:]
	signatures := make([]Signature, len(in.Regions))
	for k, r := range in.Regions {
		own := len(r.Inputs) - in.Captured
		if own < 0 {
			return nil, fmt.Errorf("region %q has %d inputs, and %d values are captured", r.Name, len(r.Inputs), in.Captured)
		}
		for i, id := range r.Inputs[own:] {
			if !r.Values[id].Equal(captured[i]) {
				return nil, fmt.Errorf("region %q: captured value %d is %s, got %s", r.Name, i, r.Values[id], captured[i])
			}
		}
		signatures[k] = r.signature(in.Captured)
	}
	return in.Op.Results(in.Attrs, operands, signatures...)
}
