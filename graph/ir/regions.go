package ir

import (
	"fmt"

	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Regions is what a row says of the functions that its op runs. The operands of a call come first; behind them stand
// the values that its functions use from around them, the captured ones ([Instr.Captured]). Every function gets its own
// inputs and then all captured values. What stands here speaks of operands and own inputs alone.
type Regions struct {
	// Names says what each function is for, such as "condition"; a last name of "…" stands for any number of those before.
	Names []string

	// Inputs returns the shapes of the inputs of region i, for operands of the given shapes.
	Inputs func(attrs any, i int, in []shapes.Shape) []shapes.Shape

	// Infer returns the shapes of the results. That the regions take what Inputs says was checked before.
	Infer func(attrs any, in []shapes.Shape, regions []Signature) ([]shapes.Shape, error)

	// Ref computes what the op means, running regions as often as it takes.
	Ref func(attrs any, in []*tensors.Tensor, regions []Run) []*tensors.Tensor

	// Expand returns a program that computes the same as a call from other ops, with an input per operand and captured value,
	// as [Op.Expand] does; nil for ops that every backend must run.
	Expand func(attrs any, in []shapes.Shape, captured int, regions []*Program) (*Program, error)

	// Parts says which results of a call hang on what; nil for ops all of whose results are needed if one is.
	Parts *Parts

	// Endless says that values decide whether it ever ends.
	Endless bool
}

// Run runs a region on its own inputs.
type Run func(in ...*tensors.Tensor) []*tensors.Tensor

// Signature is what a region takes and returns, without what it captures.
type Signature struct {
	Name    string
	In, Out []shapes.Shape
}

// more ends the names of regions of which there are any number.
const more = "…"

// name returns what region i is for.
func (r *Regions) name(i int) string {
	if last := len(r.Names) - 1; r.Names[last] == more && i >= last {
		return fmt.Sprintf("%s %d", r.Names[last-1], i-last+1)
	}
	return r.Names[i]
}

// count returns an error unless a call may have n regions.
func (r *Regions) count(n int) error {
	want := len(r.Names)
	if r.Names[want-1] == more {
		if n < want-1 {
			return fmt.Errorf("it takes at least %d functions, got %d", want-1, n)
		}
		return nil
	}
	if n != want {
		return fmt.Errorf("it takes %d functions, got %d", want, n)
	}
	return nil
}

// check returns an error unless regions are as many as the op takes, and take what they get.
func (r *Regions) check(attrs any, in []shapes.Shape, regions []Signature) error {
	if err := r.count(len(regions)); err != nil {
		return err
	}
	for i, f := range regions {
		want := r.Inputs(attrs, i, in)
		if len(f.In) != len(want) {
			return fmt.Errorf("the %s %q has %d parameters, but gets %d values: it may use the nodes around it", r.name(i), f.Name, len(f.In), len(want))
		}
		for k, s := range want {
			if !f.In[k].Equal(s) {
				return fmt.Errorf("the %s %q: parameter %d is %s, but gets %s", r.name(i), f.Name, k, f.In[k], s)
			}
		}
	}
	return nil
}

// SameShapes returns an error that begins with what unless a and b, results of functions, are of the same shapes.
func SameShapes(what string, a, b []shapes.Shape) error {
	if len(a) != len(b) {
		return fmt.Errorf("%s: %d results against %d", what, len(a), len(b))
	}
	for i := range a {
		if !a[i].Equal(b[i]) {
			return fmt.Errorf("%s: result %d is %s against %s", what, i, a[i], b[i])
		}
	}
	return nil
}
