package graph

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/arena"
)

// Graph is a computation under construction: [Parameter] and the ops add nodes, [Graph.Compile] ends
// it, [Graph.Run] executes it. Most programs let an [Exec] do all of that. A Graph is for one
// goroutine while it is built; a compiled one may be run by several.
type Graph struct {
	name    string
	backend ir.Backend
	main    *Function
	current *Function // where new nodes go
	nodes   []*Node
	state   map[any]any
	aliases map[string]*Node
	scopes  []string // of aliases
	names   map[string]int
	numbers map[goNumber]*tensors.Tensor // constants, see scalarOf

	donated    []*Node // parameters
	mesh       *ir.Mesh
	placed     map[*Node]ir.Sharding // of parameters
	logged     []*Node
	executable ir.Executable
	program    *ir.Program
	numOutputs int // without logged nodes

	from     ir.Site // of the nodes that a transform adds; zero for nodes that come from where they are asked for
	unplaced bool    // nodes come from nowhere
	derived  []span  // the nodes that transforms have added, or copies
	sites    ir.Sites

	goingBack bool              // a gradient is being made
	backs     []back            // what gradients have made, in order
	sums      map[*Node][]*Node // by node, the gradients with respect to it

	branches []string // sorted; see [Graph.BranchOn]

	// Memory for nodes, and for the shapes of the operands of the call that is looked at.
	pieces arena.Of[Node]
	lists  arena.Of[*Node]
	shapes arena.Of[shapes.Shape]
	in     []shapes.Shape
}

// NewGraph starts an empty graph for a backend. The backend may be nil if the graph is only looked at,
// not compiled. The name shows in programs and errors.
func NewGraph(backend ir.Backend, name string) *Graph {
	g := &Graph{name: name, backend: backend, names: map[string]int{}}
	g.main = &Function{graph: g, name: "main"}
	g.current = g.main
	return g
}

// made panics with [Error] if g is nil or was not made by [NewGraph].
func (g *Graph) made() *Graph {
	if g == nil || g.main == nil {
		panic(&Error{Err: errNilGraph, pcs: callSite()})
	}
	return g
}

var errNilGraph = errors.New("the graph is nil, or a zero Graph: an Exec passes one to its function, and NewGraph makes one")

// Name returns the graph's name.
func (g *Graph) Name() string { return g.made().name }

// WithName renames the graph and returns it.
func (g *Graph) WithName(name string) *Graph {
	g.made().name = name
	return g
}

// Backend returns the backend that the graph will be compiled for.
func (g *Graph) Backend() ir.Backend { return g.made().backend }

// Graph returns g itself; with [Node.Graph] it makes a [GraphProvider].
func (g *Graph) Graph() *Graph { return g }

// GraphProvider is what belongs to a graph: a Graph or a Node.
type GraphProvider interface{ Graph() *Graph }

// Nodes returns all nodes in order of creation, those of closures included.
func (g *Graph) Nodes() []*Node { return slices.Clone(g.made().nodes) }

// NodeById returns the node with the given number, nil if there is none.
func (g *Graph) NodeById(id NodeId) *Node {
	if id < 0 || int(id) >= len(g.made().nodes) {
		return nil
	}
	return g.nodes[id]
}

// LastNode returns the newest node, nil if there is none.
func (g *Graph) LastNode() *Node { return g.NodeById(NodeId(len(g.nodes) - 1)) }

// CurrentFunc returns the function that new nodes are added to.
func (g *Graph) CurrentFunc() *Function { return g.made().current }

// IsMainFunc reports whether new nodes are added to the main function, not to a closure.
func (g *Graph) IsMainFunc() bool { return g.made().current == g.main }

// IsCompiled reports whether [Graph.Compile] has succeeded.
func (g *Graph) IsCompiled() bool { return g.made().executable != nil }

// NumParameters returns the number of parameters of the main function.
func (g *Graph) NumParameters() int { return len(g.made().main.params) }

// Parameters returns the parameters of the main function, in order of creation.
func (g *Graph) Parameters() []*Node { return slices.Clone(g.made().main.params) }

// Donate marks parameters whose buffers runs are expected to give up (see [ir.Executable]), so that a backend can
// compile the program to work in place. It is a hint, and given before [Graph.Compile].
func (g *Graph) Donate(params ...*Node) { g.donated = append(g.donated, params...) }

// GetParameterByName returns the parameter of the main function with the given name, nil if there is none.
func (g *Graph) GetParameterByName(name string) *Node {
	for _, p := range g.made().main.params {
		if p.GetParameterName() == name {
			return p
		}
	}
	return nil
}

// UniqueName returns base, or base with a number if it was asked for before.
func (g *Graph) UniqueName(base string) string {
	n := g.made().names[base]
	g.names[base]++
	if n == 0 {
		return base
	}
	return fmt.Sprintf("%s_%d", base, n)
}

// AttachState keeps a value with the graph under a key, for packages that build on it. Keys should be
// of a type of that package's own.
func (g *Graph) AttachState(key, value any) {
	if !canBeKey(key) {
		g.fail("", nil, fmt.Errorf("the key of a state is a %T, which cannot be compared", key))
	}
	if g.made().state == nil {
		g.state = map[any]any{}
	}
	g.state[key] = value
}

// State returns what was attached under key, nil if nothing was.
func (g *Graph) State(key any) any {
	if g.made(); !canBeKey(key) {
		return nil
	}
	return g.state[key]
}

// canBeKey reports whether a key can be compared, as the language does it: without looking into the value.
func canBeKey(key any) (ok bool) {
	defer func() { ok = recover() == nil }()
	_ = map[any]bool(nil)[key]
	return true
}

// BranchOn notes that a function, what, adds other nodes or constants for other sizes than these, where they are more than other numbers of the
// sizes (polynomials with whole coefficients): it has as many steps as a size has digits, or pads to a power of two. [Exec.DeriveSizes] derives
// programs of those that have noted the same sizes alone, and has the function called for each size otherwise.
func (g *Graph) BranchOn(what string, sizes ...int) {
	g.made()
	text := strings.Trim(fmt.Sprint(sizes), "[]")
	g.branchedOn(what + " by " + text)
}

func (g *Graph) branchedOn(branches ...string) {
	for _, text := range branches {
		if i, known := slices.BinarySearch(g.branches, text); !known {
			g.branches = slices.Insert(g.branches, i, text)
		}
	}
}

// PushAliasScope makes scope a prefix of the aliases given from now on; see [Node.WithAlias].
func (g *Graph) PushAliasScope(scope string) { g.scopes = append(g.made().scopes, scope) }

// PopAliasScope undoes the latest PushAliasScope.
func (g *Graph) PopAliasScope() {
	if len(g.made().scopes) > 0 {
		g.scopes = g.scopes[:len(g.scopes)-1]
	}
}

// GetNodeByAlias returns the node with the given alias (with its scopes, joined by "/"), nil if there is none.
func (g *Graph) GetNodeByAlias(alias string) *Node { return g.made().aliases[alias] }

// IterAliasedNodes iterates over the nodes with an alias, in order of creation.
func (g *Graph) IterAliasedNodes() iter.Seq2[string, *Node] {
	return func(yield func(string, *Node) bool) {
		for _, n := range g.made().nodes {
			if n.alias != "" && !yield(n.alias, n) {
				return
			}
		}
	}
}

// LoggedNodes returns the nodes marked with [Node.SetLogged].
func (g *Graph) LoggedNodes() []*Node { return slices.Clone(g.made().logged) }

// String lists the graph's nodes, a line each.
func (g *Graph) String() string {
	if g == nil || g.main == nil {
		return "nil"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "graph %q, %d parameters, %d nodes\n", g.name, len(g.main.params), len(g.nodes))
	for _, n := range g.nodes {
		fmt.Fprintf(&b, "  %s\n", n)
	}
	return b.String()
}

// fail panics with an Error at the place of the call into the package.
func (g *Graph) fail(op string, in []shapes.Shape, err error) {
	panic(&Error{Op: op, In: slices.Clone(in), Err: err, pcs: callSite()})
}

// Parameter adds an input to the function being built: a value given at each run. An empty name is
// replaced by "p0", "p1", ….
func Parameter(g *Graph, name string, shape shapes.Shape) *Node {
	if err := shape.Check(); err != nil {
		g.fail("Parameter", nil, fmt.Errorf("%q: %w", name, err))
	}
	f := g.made().current
	if name == "" {
		name = fmt.Sprintf("p%d", len(f.params))
	}
	if f.named[name] {
		g.fail("Parameter", nil, fmt.Errorf("the name %q is taken", name))
	}
	if f.named == nil {
		f.named = map[string]bool{}
	}
	f.named[name] = true
	n := g.add(parameter, ParameterAttrs{Name: name}, nil, g.shape(shape))
	f.params = append(f.params, n)
	return n
}

// ParameterAttrs names an input of a program.
type ParameterAttrs struct{ Name string }

// parameter and output are not rows: they are the joints of a graph, and not part of programs.
var (
	parameter = &ir.Op{Name: "Parameter", Attrs: ParameterAttrs{}}
	output    = &ir.Op{Name: "Output", Attrs: OutputAttrs{}}
)

// OutputAttrs says which result of a node with several this one is.
type OutputAttrs struct{ Index int }

// Apply adds a call of op to the graph of its operands and returns its result. It is for packages that
// define ops; others call the ops' functions. It panics with [Error] if the operands do not fit.
func Apply(op *ir.Op, attrs any, in ...*Node) *Node {
	return ApplyIn(graphOf(op, in), op, attrs, in...)
}

// ApplyIn is [Apply] for ops that may have no operands.
func ApplyIn(g *Graph, op *ir.Op, attrs any, in ...*Node) *Node {
	n := apply(g, op, attrs, nil, in)
	if n.splits != nil && len(n.splits) != 1 {
		panic(fmt.Sprintf("graph: op %s has %d results, not one", op.Name, len(n.splits)))
	}
	return n.result(0)
}

// ApplyMulti is [Apply] for ops with several results.
func ApplyMulti(op *ir.Op, attrs any, in ...*Node) []*Node {
	return apply(graphOf(op, in), op, attrs, nil, in).Results()
}

func graphOf(op *ir.Op, in []*Node) *Graph {
	checkOp(op)
	for i, x := range in {
		if x == nil || x.graph == nil {
			panic(&Error{Op: op.Name, Err: fmt.Errorf("operand %d is nil", i), pcs: callSite()})
		}
	}
	if len(in) == 0 {
		panic(&Error{Op: op.Name, Err: fmt.Errorf("no operands"), pcs: callSite()})
	}
	return in[0].graph
}

// checkOp panics with [Error] if op is not a row of the table.
func checkOp(op *ir.Op) {
	if op == nil || op.Name == "" {
		panic(&Error{Err: errors.New("the op is nil or has no name: it must be a row of the table of ops (Define, OpByName)"), pcs: callSite()})
	}
}

// apply adds a call and returns its node.
func apply(g *Graph, op *ir.Op, attrs any, bodies []*body, in []*Node) *Node {
	checkOp(op)
	g.made()
	local := arena.Take(&g.lists, len(in))
	for i, x := range in {
		switch {
		case x == nil || x.graph == nil:
			g.fail(op.Name, nil, fmt.Errorf("operand %d is nil", i))
		case x.graph != g:
			g.fail(op.Name, nil, fmt.Errorf("operand %d is a node of another graph (%q, not %q): pass values between graphs as tensors", i, x.graph.name, g.name))
		}
		local[i] = g.current.local(x) // which may add calls
	}
	ins := g.in[:0] // rules do not keep it
	for _, x := range local {
		ins = append(ins, x.Shape())
	}
	g.in = ins
	if g.executable != nil {
		g.fail(op.Name, ins, fmt.Errorf("the graph %q is compiled: nothing can be added", g.name))
	}
	if op.Regions != nil && bodies == nil {
		g.fail(op.Name, ins, errors.New("it runs functions: call it with ApplyFunctions, or by a function of its own"))
	}
	out, err := op.AppendResults(arena.Take(&g.shapes, 1)[:0], attrs, ins[:len(in)-captured(bodies)], signatures(bodies)...)
	if err != nil {
		g.fail(op.Name, ins, err)
	}
	n := g.add(op, attrs, local, out)
	if op == quantizedDot {
		g.BranchOn(op.Name, ins[0].Dim(-2)) // engines have a kernel for few rows
	}
	if bodies != nil {
		n.more().bodies = bodies
	}
	g.current.seen = g.current.seen || n.seen()
	if op.Infer != nil {
		return n
	}
	splits := arena.Take(&g.lists, len(out))
	n.more().splits = splits
	for i := range out {
		splits[i] = g.add(output, OutputAttrs{i}, g.list(n), out[i:i+1])
	}
	return n
}

// seen reports whether n does something besides returning results, itself or in a function that it runs.
func (n *Node) seen() bool {
	return n.op.Effect != ir.Pure || slices.ContainsFunc(n.bodies, func(b *body) bool { return b.fn.seen })
}

// shape and list are slices of one element.
func (g *Graph) shape(s shapes.Shape) []shapes.Shape {
	list := arena.Take(&g.shapes, 1)
	list[0] = s
	return list
}

func (g *Graph) list(n *Node) []*Node {
	list := arena.Take(&g.lists, 1)
	list[0] = n
	return list
}

// numResults returns the number of the results of the operation, and result one of them.
func (n *Node) numResults() int {
	if n.splits != nil {
		return len(n.splits)
	}
	return 1
}

func (n *Node) result(i int) *Node {
	if n.splits != nil {
		return n.splits[i]
	}
	return n
}

// maxNodes is how many nodes a graph may have: some GB of memory. Only a mistake makes more.
var maxNodes = 1 << 22

func (g *Graph) add(op *ir.Op, attrs any, in []*Node, out []shapes.Shape) *Node {
	f := g.current
	if len(g.nodes) >= maxNodes {
		g.fail(op.Name, nil, fmt.Errorf("the graph %q has %d nodes, the most that are allowed: repeat with While, or do less at once", g.name, maxNodes))
	}
	n := arena.One(&g.pieces)
	*n = Node{graph: g, fn: f, id: NodeId(len(g.nodes)), index: len(f.nodes), op: op, attrs: attrs, inputs: in, outs: out, site: g.site(), rare: nothingRare}
	g.nodes = append(g.nodes, n)
	f.nodes = append(f.nodes, n)
	return n
}

// site returns where the node comes from that is added.
//
//go:noinline
func (g *Graph) site() ir.Site {
	if g.unplaced || g.from != (ir.Site{}) {
		return g.from
	}
	return g.sites.Here()
}

// at runs fn for each of nodes. What fn adds, and what goes wrong in it, comes from where the node does; that of a transform within
// a transform comes from where the outer one says.
func (g *Graph) at(nodes iter.Seq2[int, *Node], fn func(n *Node)) {
	if g.from != (ir.Site{}) {
		for _, n := range nodes {
			fn(n)
		}
		return
	}
	begin := NodeId(len(g.nodes))
	defer func() {
		from := g.from
		g.from = ir.Site{}
		if end := NodeId(len(g.nodes)); end > begin {
			g.derived = append(g.derived, span{begin, end})
		}
		if r := recover(); r != nil {
			if e, ok := r.(*Error); ok {
				e.pcs = from.Calls()
			}
			panic(r)
		}
	}()
	for _, n := range nodes {
		g.from = n.site
		fn(n)
	}
}

func isInexact(d dtypes.DType) bool { return dtypes.Inexact.Has(d) }
