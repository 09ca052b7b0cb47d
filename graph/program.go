package graph

import (
	"errors"
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/internal/arena"
)

// NewProgram returns the program that computes outputs, nodes of g's main function, from g's parameters,
// all of which are inputs. What no output needs is left out, but for calls with an effect, and nothing else is changed: [ir.Lower] makes of it what a
// backend runs.
func NewProgram(g *Graph, outputs ...*Node) (p *ir.Program, err error) {
	if g == nil || g.main == nil {
		return nil, &Error{Err: errNilGraph, pcs: callSite()}
	}
	err = Catch(func() { p = newProgram(g, outputs) })
	return p, err
}

func newProgram(g *Graph, outputs []*Node) *ir.Program {
	if len(outputs) == 0 {
		g.fail("", nil, fmt.Errorf("the graph %q has no outputs", g.name))
	}
	for i, n := range outputs {
		if n == nil || n.graph != g {
			g.fail("", nil, fmt.Errorf("output %d of the graph %q is nil or of another graph", i, g.name))
		}
	}
	local := make([]*Node, len(outputs))
	for i, n := range outputs {
		local[i] = g.main.local(n)
	}
	e := &emitter{}
	p := e.emit(g.name, g.main, g.main.params, local)
	p.Branches = slices.Clone(g.branches)
	return g.divide(p, local)
}

// emitter holds the regions that were written, so that each is written once.
type emitter struct {
	regions map[string]*ir.Program
}

// emit writes the nodes of a function that outputs need as a program.
func (e *emitter) emit(name string, f *Function, inputs, outputs []*Node) *ir.Program {
	b := ir.NewBuilder(name)
	values := make([]ir.Value, len(f.nodes)) // by index
	for _, n := range inputs {
		v := must(b.Input(n.GetParameterName(), n.Shape()))
		if n.fn == f {
			values[n.index] = v
		}
	}
	need, calls := needed(f.nodes, outputs, f.seen)
	b.Grow(calls)
	var room arena.Of[ir.Value]
	for i, n := range f.nodes {
		if need[i] && n.op != parameter && n.op != output {
			e.emitCall(b, n, values, arena.Take(&room, len(n.inputs)))
		}
	}
	return must(b.Program(valuesOf(outputs, values, make([]ir.Value, len(outputs)))...))
}

// emitCall writes a node. Its shapes were inferred when it was made.
func (e *emitter) emitCall(b *ir.Builder, n *Node, values, in []ir.Value) {
	b.At(n.site)
	captured := captured(n.bodies)
	var regions []*ir.Program
	for _, r := range n.bodies {
		regions = append(regions, e.region(r, n.inputs[len(n.inputs)-captured:]))
	}
	out := b.Known(n.op, n.attrs, valuesOf(n.inputs, values, in), captured, regions, n.outs)
	for i, v := range out {
		values[n.result(i).index] = v
	}
}

// valuesOf fills list with the values of nodes, and returns it.
func valuesOf(nodes []*Node, values, list []ir.Value) []ir.Value {
	for i, n := range nodes {
		list[i] = values[n.index]
	}
	return list
}

// region writes a body as a region; a captured value that it ignores still is an input.
func (e *emitter) region(b *body, captured []*Node) *ir.Program {
	key := fmt.Sprintf("%p", b.fn)
	inputs := slices.Clone(b.inputs)
	own := len(inputs) - len(captured)
	for i, in := range inputs[own:] {
		if in == nil {
			in = &Node{graph: b.fn.graph, op: parameter, attrs: ParameterAttrs{Name: fmt.Sprintf("unused%d", i)}, outs: captured[i].outs, rare: nothingRare}
			inputs[own+i] = in
			key += fmt.Sprintf(" unused %s", captured[i].Shape())
			continue
		}
		key += fmt.Sprintf(" %p", in)
	}
	for _, out := range b.outputs {
		key += fmt.Sprintf(" returns %p", out)
	}
	p := e.regions[key]
	if p == nil {
		p = e.emit(b.fn.name, b.fn, inputs, b.outputs)
		if e.regions == nil {
			e.regions = map[string]*ir.Program{}
		}
		e.regions[key] = p
	}
	return p
}

// expansion returns the expansion of an op, written with nodes, as a program.
func expansion(name string, expand func(attrs any, in []*Node) []*Node) func(any, []shapes.Shape) (*ir.Program, error) {
	return func(attrs any, in []shapes.Shape) (p *ir.Program, err error) {
		err = Catch(func() {
			g := NewGraph(nil, name)
			g.unplaced = true // they stand where the call does
			if len(in) == 0 { // its graph is told by an operand
				panic(&Error{Op: name, Err: errors.New("an op without operands cannot be expanded"), pcs: callSite()})
			}
			nodes := make([]*Node, len(in))
			for i, s := range in {
				nodes[i] = Parameter(g, "", s)
			}
			p = newProgram(g, expand(attrs, nodes))
		})
		return p, err
	}
}

// Inline adds the calls of a program to the graph of in, which stand for its inputs, and returns the nodes of its
// outputs: a program that was read or transformed goes on as part of a graph, with gradients. The nodes stand where Inline is called; those of a
// program that a graph of this process became stand where that one's do, and count as derived, see [Node.IsDerived]. It panics with [Error]
// if in does not fit.
func Inline(g *Graph, p *ir.Program, in ...*Node) []*Node {
	g.made()
	if err := p.Check(); err != nil {
		g.fail("Inline", nil, err)
	}
	if len(in) != len(p.Inputs) {
		g.fail("Inline", inShapes(in), fmt.Errorf("the program %q takes %d inputs, got %d", p.Name, len(p.Inputs), len(in)))
	}
	need("Inline", in...)
	for i, v := range p.Inputs {
		if !in[i].Shape().Equal(p.Values[v]) {
			g.fail("Inline", inShapes(in), fmt.Errorf("input %d (%s) of the program %q is %s, got %s", i, p.InputNames[i], p.Name, p.Values[v], in[i].Shape()))
		}
	}
	begin := NodeId(len(g.nodes))
	out := inline(g, p, in)
	if end := NodeId(len(g.nodes)); end > begin && g.from == (ir.Site{}) && slices.ContainsFunc(p.Instrs, func(in ir.Instr) bool { return in.Place.Calls() != nil }) {
		g.derived = append(g.derived, span{begin, end})
	}
	return out
}

func inline(g *Graph, p *ir.Program, in []*Node) []*Node {
	g.branchedOn(p.Branches...)
	nodes := make([]*Node, len(p.Values))
	for i, v := range p.Inputs {
		nodes[v] = in[i]
	}
	at := func(values []ir.Value) []*Node {
		list := make([]*Node, len(values))
		for i, v := range values {
			list[i] = nodes[v]
		}
		return list
	}
	from := g.from
	defer func() { g.from = from }()
	for _, instr := range p.Instrs {
		if g.from = from; g.unplaced || instr.Place.Calls() != nil { // an expansion is unplaced: what it takes over stands where it stood
			g.from = instr.Place
		}
		args := at(instr.In)
		var out []*Node
		if instr.Op.Regions == nil {
			out = apply(g, instr.Op, instr.Attrs, nil, args).Results()
		} else {
			own := len(args) - instr.Captured
			fns := make([]*Function, len(instr.Regions))
			for i, r := range instr.Regions {
				fns[i] = inlineRegion(g, r, args[own:])
			}
			out = ApplyFunctions(g, instr.Op, instr.Attrs, args[:own], fns...)
		}
		for i, v := range instr.Out {
			nodes[v] = out[i]
		}
	}
	return at(p.Outputs)
}

func inlineRegion(g *Graph, r *ir.Program, captured []*Node) *Function {
	return newFunction(g, r.Name, func(g *Graph) []*Node {
		var in []*Node
		for _, v := range r.Inputs[:len(r.Inputs)-len(captured)] {
			in = append(in, Parameter(g, "", r.Values[v]))
		}
		return inline(g, r, append(in, captured...))
	})
}
