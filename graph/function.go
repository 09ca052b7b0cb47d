package graph

import (
	"errors"
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// Function is a piece of a graph with parameters and results of its own: the main one, or a closure
// that If, While or Call run. A closure may use nodes of the functions around it; they become operands
// of the call behind the scenes.
type Function struct {
	graph    *Graph
	name     string
	parent   *Function
	params   []*Node
	named    map[string]bool // the names of params
	outputs  []*Node
	nodes    []*Node
	captured []*Node                 // nodes of the parent that are used here, in order of first use
	inner    map[*Node]*Node         // what stands here for a node from outside
	again    func(outer *Node) *Node // computes here what is not worth passing in; or nil, as its result
	backs    map[string]*backward    // what goes back through it, by what of it
	depth    int                     // how many functions are around it
	runs     float64                 // see run; 0 until it is asked for
	returned bool
	seen     bool // a call in it does something besides returning results
}

// maxNesting is how deep functions may stand in each other. Passes go down as deep on their stack, and look at each function once
// for each around it: a nest of 128 loops is lowered in a second, the 64 that package stablehlo writes in a tenth of one.
const maxNesting = 128

// NewClosure builds a function from what define adds to the graph; it declares the function's
// parameters with [Parameter] and returns its results.
func NewClosure(g *Graph, define func(g *Graph) []*Node) *Function {
	return newFunction(g, g.UniqueName("closure"), define)
}

// NewFunction is [NewClosure] with a name, which shows in programs and errors.
func NewFunction(g *Graph, name string, define func(g *Graph) []*Node) *Function {
	return newFunction(g, name, define)
}

func newFunction(g *Graph, name string, define func(g *Graph) []*Node) *Function {
	f := &Function{graph: g, name: name, parent: g.made().current, inner: map[*Node]*Node{}}
	if define == nil {
		g.fail("", nil, fmt.Errorf("function %q: what defines it is nil", name))
	}
	if f.depth = f.parent.depth + 1; f.depth > maxNesting {
		g.fail("", nil, fmt.Errorf("functions are nested more than %d deep: repeat one (While, Scan), or pass its result on (Call), instead", maxNesting))
	}
	g.current = f
	defer func() { g.current = f.parent }()
	for i, n := range define(g) {
		if n == nil || n.graph != g {
			g.fail("", nil, fmt.Errorf("function %q: result %d is nil or of another graph", name, i))
		}
		f.outputs = append(f.outputs, f.local(n))
	}
	f.returned = true
	return f
}

// Outside runs define, in which new nodes go to the graph's main function, whatever closure is being built: it is for
// packages whose parameters and constants belong to the whole graph. The closure uses the nodes as any from around it.
func (g *Graph) Outside(define func()) {
	inside := g.made().current
	if define == nil {
		g.fail("Outside", nil, errors.New("what defines nodes is nil"))
	}
	g.current = g.main
	defer func() { g.current = inside }()
	define()
}

// Name returns the function's name; the graph's own is "main".
func (f *Function) Name() string { return f.name }

// Parent returns the function around f, nil for the main one.
func (f *Function) Parent() *Function { return f.parent }

// IsMain reports whether f is the graph's own function.
func (f *Function) IsMain() bool { return f.parent == nil }

// IsClosure reports whether f was made by [NewClosure] or [NewFunction].
func (f *Function) IsClosure() bool { return f.parent != nil }

// IsAncestorOf reports whether leaf lies inside f, or is f.
func (f *Function) IsAncestorOf(leaf *Function) bool {
	for ; leaf != nil; leaf = leaf.parent {
		if leaf == f {
			return true
		}
	}
	return false
}

// Nodes returns the function's nodes, in order of creation.
func (f *Function) Nodes() []*Node { return slices.Clone(f.nodes) }

// Parameters returns the parameters that [Parameter] declared, in order.
func (f *Function) Parameters() []*Node { return slices.Clone(f.params) }

// Outputs returns the function's results.
func (f *Function) Outputs() []*Node { return slices.Clone(f.outputs) }

// local returns the node that stands for x inside f: x itself, or, if x is from a function around f,
// a hidden parameter.
func (f *Function) local(x *Node) *Node {
	if x.made().fn == f {
		return x
	}
	if n := f.inner[x]; n != nil {
		return n
	}
	f.reaches(x)
	outer := f.parent.local(x)
	if n := f.inner[outer]; n != nil {
		f.inner[x] = n
		return n
	}
	old := f.graph.current
	f.graph.current = f
	defer func() { f.graph.current = old }()
	if f.again != nil {
		if n := f.again(outer); n != nil {
			f.inner[x], f.inner[outer] = n, n
			return n
		}
	}
	var n *Node
	if outer.op == constant { // cheaper to say again than to pass in
		n = f.graph.add(constant, outer.attrs, nil, outer.outs)
	} else {
		n = f.graph.add(parameter, ParameterAttrs{Name: fmt.Sprintf("captured%d", len(f.captured))}, nil, outer.outs)
		f.captured = append(f.captured, outer)
	}
	f.inner[x], f.inner[outer] = n, n
	return n
}

// reaches panics with Error unless f may use x: a node of its own, or of a function around it.
func (f *Function) reaches(x *Node) {
	if !x.made().fn.IsAncestorOf(f) {
		f.graph.fail("", []shapes.Shape{x.Shape()}, fmt.Errorf("%s is a value inside the closure %q and cannot be used outside of it: return it from the closure", x.op.Name, x.fn.name))
	}
}

// body is a function as a call runs it: every value it uses is among its inputs.
type body struct {
	fn      *Function
	own     int     // how many of inputs are not captured
	inputs  []*Node // its parameters, and per captured operand of the call the node inside; nil where the body ignores it
	outputs []*Node // its results, and behind them what a gradient wants to know of the run
	saved   []*Node // of a checkpoint, what a gradient stores
}

// run returns how many nodes a run of f has, with those of all functions that it runs.
func (f *Function) run() float64 {
	if f.runs == 0 {
		f.runs = float64(len(f.nodes))
		for _, n := range f.nodes {
			for _, b := range n.bodies {
				f.runs += b.fn.run()
			}
		}
	}
	return f.runs
}

// repeats reports whether a run of f runs the functions in it many times over. What a gradient would store of all these grows as
// their number does, which doubles where a function calls another one twice that calls a third one twice.
func (f *Function) repeats() bool {
	const few = 64 // nodes that are no matter
	if f.run() < few {
		return false
	}
	nodes, met := 0, map[*Function]bool{}
	var count func(f *Function)
	count = func(f *Function) {
		if met[f] {
			return
		}
		met[f] = true
		nodes += len(f.nodes)
		for _, n := range f.nodes {
			for _, b := range n.bodies {
				count(b.fn)
			}
		}
	}
	count(f)
	return f.run() > 4*float64(nodes)
}

// captured returns how many of the operands of a call with these bodies are captured.
func captured(bodies []*body) int {
	if len(bodies) == 0 {
		return 0
	}
	return len(bodies[0].inputs) - bodies[0].own
}

// signatures returns what the bodies take and return, without what they capture.
func signatures(bodies []*body) []ir.Signature {
	list := make([]ir.Signature, len(bodies))
	for i, b := range bodies {
		list[i] = ir.Signature{Name: b.fn.name, In: inShapes(b.inputs[:b.own]), Out: inShapes(b.outputs)}
	}
	return list
}

// bind returns, for functions that are called with the operands args and whatever they capture, the
// bodies and the captured operands, which are shared between the bodies.
func bind(g *Graph, op *ir.Op, fns ...*Function) (bodies []*body, captured []*Node) {
	for i, f := range fns {
		if f == nil || f.graph != g {
			g.fail(op.Name, nil, fmt.Errorf("function %d is nil or of another graph: make it with NewClosure or NewFunction on this one", i))
		}
	}
	for _, f := range fns {
		for _, c := range f.captured {
			if c = g.current.local(c); !slices.Contains(captured, c) {
				captured = append(captured, c)
			}
		}
	}
	for _, f := range fns {
		b := &body{fn: f, own: len(f.params), inputs: slices.Clone(f.params), outputs: f.outputs}
		for _, c := range captured {
			var in *Node
			for _, own := range f.captured {
				if g.current.local(own) == c {
					in = f.inner[own]
				}
			}
			b.inputs = append(b.inputs, in)
		}
		bodies = append(bodies, b)
	}
	return bodies, captured
}

// inline adds b's nodes to the current function once more, with args for its inputs, and returns the
// nodes that stand for its results.
func (b *body) inline(args []*Node) []*Node {
	g := b.fn.graph
	m := make([]*Node, len(b.fn.nodes))
	for i, in := range b.inputs {
		if in != nil {
			m[in.index] = args[i]
		}
	}
	return copyNodes(g, b.fn, b.outputs, m)
}

// needed tells of each node of a function whether outputs need it, and how many they need; with seen also what is seen from
// outside and all that it needs. Operands come before the nodes that use
// them, so one pass backwards finds them all, however long a chain they form.
func needed(nodes, outputs []*Node, seen bool) (need []bool, n int) {
	need = make([]bool, len(nodes))
	for _, n := range outputs {
		need[n.index] = true
	}
	for i, n := range nodes {
		need[i] = need[i] || seen && n.seen()
	}
	for i := len(nodes) - 1; i >= 0; i-- {
		if !need[i] {
			continue
		}
		n++
		for _, x := range nodes[i].inputs {
			need[x.index] = true
		}
	}
	return need, n
}

// copyNodes adds copies of the nodes of f that outputs need to g's current function, and returns those of outputs. m says by index
// what stands for which node, and is added to.
func copyNodes(g *Graph, f *Function, outputs, m []*Node) []*Node {
	need, _ := needed(f.nodes, outputs, false)
	custom := tracedRules(f, need)
	var in []*Node
	for i, n := range f.nodes[:len(need)] {
		if !need[i] || m[i] != nil || n.op == output {
			continue
		}
		if n.op == parameter {
			panic(fmt.Sprintf("graph: parameter %s was not bound", n))
		}
		in = in[:0]
		for _, x := range n.inputs {
			in = append(in, m[x.index])
		}
		made := apply(g, n.op, n.attrs, n.bodies, in)
		if m[i] = made.result(0); custom[n] != nil {
			made.more().custom = copiedRules(custom[n], func(outer *Node) *Node {
				if outer.index < len(m) {
					return m[outer.index]
				}
				return nil
			})
		}
		for k, s := range n.splits {
			m[s.index] = made.splits[k]
		}
	}
	results := make([]*Node, len(outputs))
	for i, n := range outputs {
		results[i] = m[n.index]
	}
	return results
}

// ApplyFunctions adds a call of an op that runs functions, and returns its results: operands are what the op's row
// speaks of, and what the functions use from around them is passed on behind the scenes. It is for packages that define
// such ops; others call the ops' functions ([If], [While], [Switch]). It panics with [Error] if something does not fit.
func ApplyFunctions(g *Graph, op *ir.Op, attrs any, operands []*Node, fns ...*Function) []*Node {
	checkOp(op)
	bodies, captured := bind(g, op, fns...)
	return apply(g, op, attrs, bodies, append(slices.Clone(operands), captured...)).Results()
}
