package stablehlo

import (
	"reflect"

	"github.com/quire-ml/quire/graph"
)

// agreement finds which values of a loop are the same on all devices, given what surrounds it on each, by what the text computes them of.
type agreement struct {
	module *Module
	scopes []*scope
	outer  map[string]bool // of the surroundings, as far as they were asked for
}

// loop reports whether the condition of a loop is the same on all devices in every turn.
func (a *agreement) loop(op *operation, args [][]*graph.Node) bool {
	state := make([]bool, len(args[0]))
	for i := range state {
		state[i] = sameOn(len(args), func(d int) *graph.Node { return args[d][i] })
	}
	for changed := true; changed; {
		changed = false
		for i, same := range a.results(op.regions[1], state) {
			if i < len(state) && state[i] && !same {
				state[i], changed = false, true
			}
		}
	}
	goesOn := a.results(op.regions[0], state)
	return len(goesOn) == 1 && goesOn[0]
}

// results says which results of a region are alike, if some of its arguments are.
func (a *agreement) results(r *region, args []bool) (out []bool) {
	inside := map[string]bool{}
	for i, same := range args {
		inside[r.args[i]] = same
	}
	for _, op := range r.ops {
		same := !a.module.places(op) && a.reads(op, inside)
		if returns[op.name] {
			for _, name := range op.operands {
				out = append(out, a.value(name, inside))
			}
			return out
		}
		for _, name := range op.results {
			inside[name] = same
		}
	}
	return nil
}

// reads reports whether all that an operation reads is alike, its regions included.
func (a *agreement) reads(op *operation, inside map[string]bool) bool {
	for _, name := range op.operands {
		if !a.value(name, inside) {
			return false
		}
	}
	for _, r := range op.regions {
		for _, inner := range r.ops {
			if !a.reads(inner, inside) {
				return false
			}
		}
	}
	return true
}

// value reports whether a value is alike; those of inner regions, of which nothing is known, depend on what else is read there.
func (a *agreement) value(name string, inside map[string]bool) bool {
	if same, known := inside[name]; known {
		return same
	}
	same, known := a.outer[name]
	if !known {
		same = sameOn(len(a.scopes), func(d int) *graph.Node { return a.scopes[d].find(name) })
		a.outer[name] = same
	}
	return same
}

// sameOn reports whether the values of n devices are computed alike.
func sameOn(n int, of func(d int) *graph.Node) bool {
	for d := 1; d < n; d++ {
		if !computedAlike(of(0), of(d), maxAlike) {
			return false
		}
	}
	return true
}

// maxAlike is how deep is looked for what values are computed of: a start of a loop is a constant, or not far from one.
const maxAlike = 6

func computedAlike(x, y *graph.Node, depth int) bool {
	if x == y {
		return true
	}
	if x == nil || y == nil || depth == 0 {
		return false
	}
	if s, t := x.ConstantValue(), y.ConstantValue(); s != nil || t != nil {
		return s != nil && t != nil && s.Equal(t)
	}
	a, b := x.Inputs(), y.Inputs()
	if x.Op() != y.Op() || x.Op().Regions != nil || len(a) == 0 || len(a) != len(b) || !x.Shape().Equal(y.Shape()) || !reflect.DeepEqual(x.Attrs(), y.Attrs()) {
		return false
	}
	for i := range a {
		if !computedAlike(a[i], b[i], depth-1) {
			return false
		}
	}
	return true
}
