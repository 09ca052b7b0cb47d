package ir

import (
	"slices"

	"github.com/quire-ml/quire/graph/shapes"
)

// Fingerprint returns a number that is equal for programs that are [Program.Same], and mostly another for others: it is made of what
// reads which value, and of shapes. It is for tables of programs within a process.
func (p *Program) Fingerprint() uint64 {
	if p == nil {
		return 0
	}
	h := hash(len(p.Values))
	p.fingerprint(&h)
	return uint64(h)
}

func (p *Program) fingerprint(h *hash) {
	h.addValues(p.Inputs)
	h.addValues(p.Outputs)
	for i := range p.Values {
		h.add(uint64(p.Values[i].DType))
		for _, d := range p.Values[i].Dimensions {
			h.add(uint64(d))
		}
	}
	for i := range p.Instrs {
		in := &p.Instrs[i]
		if in.Op != nil { // as in a program that is not well formed
			h.add(uint64(len(in.Op.Name)))
		}
		h.addValues(in.In)
		h.add(uint64(len(in.Regions)))
	}
}

func (h *hash) addValues(values []Value) {
	h.add(uint64(len(values)))
	for _, v := range values {
		h.add(uint64(v))
	}
}

// Same reports whether q computes what p does in the same way, under the same names, and comes from the same lines of the user's code:
// one may be run for the other, and nobody can tell. Constants are compared by their bytes.
func (p *Program) Same(q *Program) bool {
	if p == q {
		return true
	}
	if p == nil || q == nil {
		return false
	}
	return sameness{}.programs(p, q)
}

// sameness holds the regions that are known to be the same.
type sameness map[[2]*Program]bool

func (known sameness) programs(p, q *Program) bool {
	if same, ok := known[[2]*Program{p, q}]; p == q || ok {
		return p == q || same
	}
	known[[2]*Program{p, q}] = false // until it is known; and so for a program that contains itself
	same := p.Name == q.Name && slices.Equal(p.InputNames, q.InputNames) && slices.Equal(p.Donated, q.Donated) &&
		slices.Equal(p.Inputs, q.Inputs) && slices.Equal(p.Outputs, q.Outputs) && slices.EqualFunc(p.Values, q.Values, shapes.Shape.Identical) &&
		len(p.Instrs) == len(q.Instrs) && p.Mesh.Equal(q.Mesh) && sameShardings(p.InputShardings, q.InputShardings) && sameShardings(p.OutputShardings, q.OutputShardings)
	for i := 0; same && i < len(p.Instrs); i++ {
		x, y := &p.Instrs[i], &q.Instrs[i]
		same = x.Op == y.Op && x.Captured == y.Captured && slices.Equal(x.In, y.In) && slices.Equal(x.Out, y.Out) &&
			slices.EqualFunc(x.Regions, y.Regions, known.programs) && sameAttrs(x.Attrs, y.Attrs)
	}
	same = same && samePlaces(p, q)
	known[[2]*Program{p, q}] = same
	return same
}

func sameShardings(a, b []Sharding) bool {
	return slices.EqualFunc(a, b, func(x, y Sharding) bool { return slices.Equal(x, y) })
}

// samePlaces reports whether the calls of p and q come from the same lines. Those that come from the same calls need not be looked up,
// and calls that follow one another mostly have one site.
func samePlaces(p, q *Program) bool {
	var a, b Site
	for i := range p.Instrs {
		x, y := p.Instrs[i].Place, q.Instrs[i].Place
		if x == a && y == b {
			continue
		}
		if a, b = x, y; a != b && !(len(a.Calls()) > 0 && slices.Equal(a.Calls(), b.Calls())) && a.Place() != b.Place() {
			return false
		}
	}
	return true
}
