package ir

import (
	"math"
	"slices"

	"github.com/quire-ml/quire/graph/shapes"
)

// Value numbers a value of a [Program].
type Value int

// Program is a computation as backends get it: a list of instructions in an order in which they can run, over numbered
// values of known shapes. It is immutable and made by a [Builder]; it can be printed ([Program.String]) and serialised
// (as JSON).
type Program struct {
	Name       string
	Values     []shapes.Shape // by Value
	Inputs     []Value
	InputNames []string
	Instrs     []Instr
	Outputs    []Value

	// Donated, nil or one per input, marks inputs that runs are expected to donate (see [Executable]). It is a
	// hint: a backend may prepare for it, and takes any donation at any run.
	Donated []bool

	// Mesh, if not nil, is where the program runs; the shardings, nil or one per input and output, say how those
	// are divided over it. Executables take and return whole values all the same. A backend with one device
	// ignores all three. Regions have none of their own.
	Mesh            *Mesh
	InputShardings  []Sharding
	OutputShardings []Sharding

	// Branches lists, sorted, by which sizes code in Go has decided what the program consists of, such as "CumSum by 12". Two programs of one
	// function that have the same may differ in nothing but numbers; see [graph.Graph.BranchOn].
	Branches []string

	whole *Program // itself if a Builder made it, which has checked each call; a copy is another program
}

// Instr is one instruction: a call of an op.
type Instr struct {
	Op    *Op
	Attrs any
	In    []Value // the operands, and behind them the captured values
	Out   []Value

	// Regions are the functions that the op runs. The inputs of each are its own and then the captured values, the
	// last Captured ones of In. See [Regions].
	Regions  []*Program
	Captured int

	Place Site // in the user's code
}

// Operands returns In without the captured values.
func (in *Instr) Operands() []Value { return in.In[:len(in.In)-in.Captured] }

// branched returns [Program.Branches] of what is made of two programs.
func branched(a, b []string) []string {
	if len(b) == 0 {
		return a
	}
	list := slices.Concat(a, b)
	slices.Sort(list)
	return slices.Compact(list)
}

// Call returns what an instruction of p calls.
func (p *Program) Call(in *Instr) Call {
	if in == nil {
		return Call{}
	}
	return Call{in.Op, in.Attrs, p.ShapesOf(in.In), p.ShapesOf(in.Out)}
}

// ShapesOf returns the shapes of values, zero ones for those that p does not have.
func (p *Program) ShapesOf(values []Value) []shapes.Shape {
	list := make([]shapes.Shape, len(values))
	for i, v := range values {
		if v >= 0 && int(v) < len(p.Values) {
			list[i] = p.Values[v]
		}
	}
	return list
}

// signature returns what p, a region with captured values, takes and returns without them.
func (p *Program) signature(captured int) Signature {
	return Signature{p.Name, p.ShapesOf(p.Inputs[:len(p.Inputs)-captured]), p.ShapesOf(p.Outputs)}
}

// NumInstrs returns the number of instructions, those of regions included as often as they are called from different
// places; at most [math.MaxInt].
func (p *Program) NumInstrs() int { return p.numInstrs(map[*Program]int{}) }

func (p *Program) numInstrs(known map[*Program]int) int {
	if n, ok := known[p]; ok {
		return n
	}
	n := len(p.Instrs)
	for _, in := range p.Instrs {
		for _, r := range in.Regions {
			if k := r.numInstrs(known); n > math.MaxInt-k {
				n = math.MaxInt
			} else {
				n += k
			}
		}
	}
	known[p] = n
	return n
}
