package graph

import (
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
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
	outputs  []*Node
	nodes    []*Node
	captured []*Node         // nodes of the parent that are used here, in order of first use
	inner    map[*Node]*Node // what stands here for a node from outside
	seen     map[string]*Node
	returned bool
}

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
	if f.parent == nil {
		f.graph.fail("", []shapes.Shape{x.Shape()}, fmt.Errorf("%s is a value inside the closure %q and cannot be used outside of it: return it from the closure", x.op.Name, x.fn.name))
	}
	outer := f.parent.local(x)
	if n := f.inner[outer]; n != nil {
		f.inner[x] = n
		return n
	}
	old := f.graph.current
	f.graph.current = f
	defer func() { f.graph.current = old }()
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

// body is a function as a call runs it: every value it uses is among its inputs.
type body struct {
	fn     *Function
	inputs []*Node // per operand that the body gets, the node inside; nil where the body ignores it
}

// bind returns, for functions that are called with the operands args and whatever they capture, the
// bodies and the captured operands, which are shared between the bodies.
func bind(g *Graph, fns ...*Function) (bodies []*body, captured []*Node) {
	for i, f := range fns {
		if f == nil || f.graph != g {
			g.fail("", nil, fmt.Errorf("function %d is nil or of another graph: make it with NewClosure or NewFunction on this one", i))
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
		b := &body{fn: f, inputs: slices.Clone(f.params)}
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

// key is the same for bodies that are one function with the same inputs.
func (b *body) key() string {
	key := fmt.Sprintf("%p", b.fn)
	for _, in := range b.inputs {
		key += fmt.Sprintf(" %p", in)
	}
	return key
}

// inline adds b's nodes to the current function once more, with args for its inputs, and returns the
// nodes that stand for its results.
func (b *body) inline(args []*Node) []*Node {
	g := b.fn.graph
	m := map[*Node]*Node{}
	for i, in := range b.inputs {
		if in != nil {
			m[in] = args[i]
		}
	}
	return copyNodes(g, b.fn.nodes, b.fn.outputs, m)
}

// needed returns the nodes of a function that outputs need, as far as done has nothing for them. Operands come before
// the nodes that use them, so one pass backwards finds them all, however long a chain they form.
func needed[T any](nodes, outputs []*Node, done map[*Node]T) map[*Node]bool {
	need := map[*Node]bool{}
	for _, n := range outputs {
		need[n] = true
	}
	for i := len(nodes) - 1; i >= 0; i-- {
		n := nodes[i]
		if !need[n] {
			continue
		}
		if _, ok := done[n]; ok {
			continue
		}
		for _, x := range n.inputs {
			need[x] = true
		}
	}
	return need
}

// copyNodes adds copies of the nodes that outputs need to g's current function. m says what stands for
// which node, and is added to.
func copyNodes(g *Graph, nodes, outputs []*Node, m map[*Node]*Node) []*Node {
	need := needed(nodes, outputs, m)
	old := g.site
	defer func() { g.site = old }()
	for _, n := range nodes {
		if !need[n] || m[n] != nil || n.op == output {
			continue
		}
		g.site = n.pcs
		in := make([]*Node, len(n.inputs))
		for i, x := range n.inputs {
			in[i] = m[x]
		}
		if n.op == parameter {
			panic(fmt.Sprintf("graph: parameter %s was not bound", n))
		}
		bodies := n.bodies
		if bodies != nil && bodies[0].fn.graph != g {
			bodies = copyBodies(g, bodies)
		}
		out := apply(g, n.op, n.attrs, bodies, in)
		if n.splits == nil {
			m[n] = out[0]
			continue
		}
		for i, s := range n.splits {
			m[s] = out[i]
		}
		if n.custom != nil && out[0].op == output { // not expanded
			out[0].inputs[0].custom = n.custom
		}
		m[n] = out[0]
	}
	results := make([]*Node, len(outputs))
	for i, n := range outputs {
		results[i] = m[n]
	}
	return results
}

// copyBodies makes the functions of bodies anew in another graph, with all they use as parameters. A body that was
// copied before is not copied again: functions that call functions twice would otherwise double at each level.
func copyBodies(g *Graph, bodies []*body) []*body {
	copies := make([]*body, len(bodies))
	for i, b := range bodies {
		key := b.key()
		if copies[i] = g.copied[key]; copies[i] != nil {
			continue
		}
		c := &body{inputs: make([]*Node, len(b.inputs))}
		c.fn = newFunction(g, b.fn.name, func(g *Graph) []*Node {
			m := map[*Node]*Node{}
			for k, in := range b.inputs {
				if in != nil {
					c.inputs[k] = g.add(parameter, in.attrs, nil, in.outs)
					m[in] = c.inputs[k]
				}
			}
			return copyNodes(g, b.fn.nodes, b.fn.outputs, m)
		})
		copies[i], g.copied[key] = c, c
	}
	return copies
}

// Call runs the function on inputs, which must have the shapes of its parameters, and returns its results.
func (f *Function) Call(inputs ...*Node) []*Node {
	if f == nil || f.graph == nil {
		panic(&Error{Op: callOp.Name, Err: fmt.Errorf("the function is nil, or a zero Function: make it with NewClosure or NewFunction"), pcs: callSite(nil)})
	}
	g := f.graph
	bodies, captured := bind(g, f)
	return apply(g, callOp, nil, bodies, append(slices.Clone(inputs), captured...))
}

// If returns the results of trueBranch where pred, a bool scalar, holds, and of falseBranch where it
// does not; only one of the two is computed. The branches have no parameters, may use any node around
// them, and must have results of the same shapes.
func If(pred *Node, trueBranch, falseBranch *Function) []*Node {
	g := graphOf(ifOp, []*Node{pred})
	bodies, captured := bind(g, trueBranch, falseBranch)
	return apply(g, ifOp, nil, bodies, append([]*Node{pred}, captured...))
}

// While runs body as long as cond holds, and returns the last state: cond maps the state to a bool
// scalar, body maps it to a state of the same shapes. Both may use any node around them.
//
// There is no reverse-mode gradient through While yet: asking for one is an error. A loop whose number
// of steps is known when the graph is built can be written as a Go loop.
func While(cond, body *Function, initialState ...*Node) []*Node {
	g := graphOf(whileOp, initialState)
	bodies, captured := bind(g, cond, body)
	return apply(g, whileOp, WhileAttrs{NumState: len(initialState)}, bodies, append(slices.Clone(initialState), captured...))
}

// WhileAttrs says how many of While's operands are its state; the others are captured values.
type WhileAttrs struct{ NumState int }

var ifOp, whileOp, callOp *Op

// checkBody reports whether the function f can be called with operands of the given shapes.
func checkBody(f *Function, in []shapes.Shape, extra int) error {
	if len(f.params) != len(in)-extra {
		return fmt.Errorf("the function %q takes %d values, got %d", f.name, len(f.params), len(in)-extra)
	}
	for i, p := range f.params {
		if !p.Shape().Equal(in[i]) {
			return fmt.Errorf("parameter %q of the function %q is %s, got %s", p.GetParameterName(), f.name, p.Shape(), in[i])
		}
	}
	return nil
}

func outShapes(f *Function) []shapes.Shape {
	out := make([]shapes.Shape, len(f.outputs))
	for i, n := range f.outputs {
		out[i] = n.Shape()
	}
	return out
}

func sameShapes(what string, a, b []shapes.Shape) error {
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

// bodyResults is the shape rule of the ops with bodies. A lowered body has all operands as inputs, a
// body as the user built it only its own parameters.
func bodyResults(op *Op, bodies []*body, in []shapes.Shape) ([]shapes.Shape, error) {
	switch op {
	case ifOp:
		if in[0].DType != dtypes.Bool || in[0].Rank() != 0 {
			return nil, fmt.Errorf("the condition must be a bool scalar, not %s", in[0])
		}
		for _, b := range bodies {
			if n := len(b.fn.params); n > 0 {
				return nil, fmt.Errorf("the branch %q has %d parameters, but branches take none: use the nodes around them", b.fn.name, n)
			}
		}
		t, f := outShapes(bodies[0].fn), outShapes(bodies[1].fn)
		return t, sameShapes("the branches differ", t, f)
	case whileOp:
		cond, step := bodies[0].fn, bodies[1].fn
		n := len(step.outputs)
		if c := outShapes(cond); len(c) != 1 || c[0].DType != dtypes.Bool || c[0].Rank() != 0 {
			return nil, fmt.Errorf("the condition %q must return one bool scalar, not %v", cond.name, c)
		}
		if cond.graph.lowers == nil {
			extra := len(bodies[1].inputs) - len(step.params)
			if err := checkBody(step, in, extra); err != nil {
				return nil, err
			}
			if err := checkBody(cond, in, extra); err != nil {
				return nil, err
			}
			n = len(in) - extra
		}
		state := in[:min(n, len(in))]
		return state, sameShapes("the state changes its shape", state, outShapes(step))
	}
	if f := bodies[0].fn; f.graph.lowers == nil {
		if err := checkBody(f, in, len(bodies[0].inputs)-len(f.params)); err != nil {
			return nil, err
		}
	}
	return outShapes(bodies[0].fn), nil
}

func init() {
	infer := func(any, []shapes.Shape) ([]shapes.Shape, error) {
		panic("graph: shapes of bodies come from bodyResults")
	}
	state := []Input{ScalarValue(1.5), ScalarValue(-0.5)}
	closure := func(g *Graph, f func() *Node) *Function {
		return NewClosure(g, func(*Graph) []*Node { return []*Node{f()} })
	}
	branch := func(positive bool) func(in []*Node) []*Node {
		return func(in []*Node) []*Node {
			x, y, g := in[0], in[1], in[0].Graph()
			pred := GreaterThan(x, y)
			if !positive {
				pred = LessThan(x, y)
			}
			return If(pred, closure(g, func() *Node { return Mul(x, Mul(x, y)) }), closure(g, func() *Node { return Add(x, y) }))
		}
	}
	ifOp = Define(Op{
		Name: "If", Family: "control", Bodies: 2, InferMulti: infer, HLO: "stablehlo.if",
		Doc:      "the results of one of two branches, by a bool scalar",
		VJPMulti: ifVJP,
		Samples: []Sample{
			{Name: "true", In: state, Build: branch(true), DTypes: dtypes.Floats},
			{Name: "false", In: state, Build: branch(false), DTypes: dtypes.Floats},
		},
		Tol: ULP(2, "the branches' own rounding"),
	})
	whileOp = Define(Op{
		Name: "While", Family: "control", Bodies: 2, InferMulti: infer, HLO: "stablehlo.while", Attrs: WhileAttrs{},
		Doc:    "the state after repeating a body while a condition holds",
		NoGrad: "reverse mode through a loop of unknown length is not built yet; write a loop of known length in Go",
		Samples: []Sample{{In: []Input{ScalarValue(1), ScalarValue(3)}, DTypes: dtypes.Reals, Build: func(in []*Node) []*Node {
			g := in[0].Graph()
			limit := Const(g, float32(20))
			cond := NewClosure(g, func(g *Graph) []*Node {
				x := Parameter(g, "x", in[0].Shape())
				Parameter(g, "y", in[1].Shape())
				return []*Node{LessThan(ConvertDType(x, dtypes.Float32), limit)}
			})
			body := NewClosure(g, func(g *Graph) []*Node {
				x, y := Parameter(g, "x", in[0].Shape()), Parameter(g, "y", in[1].Shape())
				return []*Node{Add(x, y), Sub(y, in[0])}
			})
			one := ScalarOne(g, in[0].DType())
			return While(cond, body, in[0], Add(in[1], Add(one, Add(one, Mul(in[1], Add(one, one))))))
		}}},
	})
	callOp = Define(Op{
		Name: "Call", Family: "control", Bodies: 1, InferMulti: infer, HLO: "func.call",
		Doc:      "the results of a function",
		VJPMulti: callVJP,
		Samples: []Sample{{In: state, DTypes: dtypes.Floats, Build: func(in []*Node) []*Node {
			g := in[0].Graph()
			f := NewFunction(g, "f", func(g *Graph) []*Node {
				x := Parameter(g, "x", in[0].Shape())
				return []*Node{Mul(x, in[1]), Add(x, x)}
			})
			out := f.Call(Add(in[0], in[1]))
			return f.Call(Sub(out[0], out[1]))
		}}},
		Tol: ULP(2, "the function's own rounding"),
	})
}
