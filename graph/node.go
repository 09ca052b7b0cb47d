package graph

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// NodeId numbers the nodes of a graph, from 0 in order of creation.
type NodeId int

// Node is a value in a graph: the result of an op, a parameter or a constant. Nodes are made by the
// ops and never change.
type Node struct {
	graph  *Graph
	fn     *Function
	id     NodeId
	index  int // in fn.nodes
	op     *ir.Op
	attrs  any
	inputs []*Node
	outs   []shapes.Shape
	site   ir.Site
	*rare  // nothingRare for most nodes
}

// rare is what few nodes have.
type rare struct {
	splits  []*Node // the results, if there are several
	bodies  []*body // of control ops, one per region of the instruction
	alias   string
	logged  string
	custom  *customGradient
	segment *segment // that gradients compute again
}

// nothingRare is what nodes without have.
var nothingRare = &rare{}

// more returns what n has of its own, to write.
func (n *Node) more() *rare {
	if n.rare == nothingRare {
		n.rare = &rare{}
	}
	return n.rare
}

// made panics with [Error] if n is nil or was not made by an op.
func (n *Node) made() *Node {
	if n == nil || n.graph == nil {
		panic(&Error{Err: errNilNode, pcs: callSite()})
	}
	return n
}

var errNilNode = errors.New("a node is nil, or a zero Node that no op has made: check that what should have been computed was")

// Graph returns the graph that n belongs to.
func (n *Node) Graph() *Graph { return n.made().graph }

// Id returns n's number in its graph.
func (n *Node) Id() NodeId { return n.made().id }

// Op returns the row of the operation that makes n's value. Parameters and the single results of ops
// with several have pseudo-ops, "Parameter" and "Output", that are not in the table.
func (n *Node) Op() *ir.Op { return n.made().op }

// Type returns the name of the operation that makes n's value.
func (n *Node) Type() string { return n.made().op.Name }

// Attrs returns the operation's attributes: the struct that its row names, nil if it has none.
func (n *Node) Attrs() any { return n.made().attrs }

// Inputs returns the operands. Treat the slice as read-only.
func (n *Node) Inputs() []*Node { return n.made().inputs }

// Input returns operand i.
func (n *Node) Input(i int) *Node {
	if n.made(); i < 0 || i >= len(n.inputs) {
		panic(&Error{Op: n.op.Name, Err: fmt.Errorf("it has %d operands, and none of number %d", len(n.inputs), i), pcs: callSite()})
	}
	return n.inputs[i]
}

// Function returns the function that n is part of.
func (n *Node) Function() *Function { return n.made().fn }

// Shape returns the shape of n's value.
func (n *Node) Shape() shapes.Shape {
	if len(n.made().outs) != 1 {
		return shapes.Shape{}
	}
	return n.outs[0]
}

// DType returns the element type of n's value.
func (n *Node) DType() dtypes.DType { return n.Shape().DType }

// Rank returns the number of axes of n's value.
func (n *Node) Rank() int { return n.Shape().Rank() }

// Dim returns the size of an axis; a negative one counts from the end. It panics with [Error] if there
// is no such axis.
func (n *Node) Dim(axis int) int { return n.Shape().Dimensions[MustAdjustAxis(axis, n)] }

// IsScalar reports whether n's value has no axes.
func (n *Node) IsScalar() bool { return n.Shape().IsScalar() }

// NumOutputs returns the number of results of the operation: 1, but for the inner nodes of ops with several.
func (n *Node) NumOutputs() int { return len(n.made().outs) }

// Results returns the results of the operation, as its function returned them: n itself where there is one.
func (n *Node) Results() []*Node {
	if n.made().splits == nil {
		return []*Node{n}
	}
	return slices.Clone(n.splits)
}

// Position returns the place in the user's code that made n.
func (n *Node) Position() Position { return n.made().site.Place() }

// Trace returns the stack of calls that made n, innermost first, a line each.
func (n *Node) Trace() string { return trace(n.made().site.Calls()) }

// Callers returns the program counters of the calls that made n, innermost first, for
// [runtime.CallersFrames].
func (n *Node) Callers() []uintptr { return n.made().site.Calls() }

// GetParameterName returns the name of a parameter, "" for other nodes.
func (n *Node) GetParameterName() string {
	a, _ := n.made().attrs.(ParameterAttrs)
	return a.Name
}

// ConstantValue returns the value of a node made by [Const], nil for other nodes.
func (n *Node) ConstantValue() *tensors.Tensor {
	a, ok := n.made().attrs.(ir.ConstAttrs)
	if !ok {
		return nil
	}
	return a.Value
}

// WithAxisNames names the axes of n's value, one name per axis, "" for none. The names are printed
// in shapes, travel on, and are checked where axes meet. It returns n's value under the new names.
func (n *Node) WithAxisNames(names ...string) *Node {
	if len(names) != n.Rank() {
		n.graph.fail("WithAxisNames", []shapes.Shape{n.Shape()}, fmt.Errorf("%d names for %d axes", len(names), n.Rank()))
	}
	return Apply(nameAxes, ir.NameAxesAttrs{Names: names}, n)
}

// WithAlias gives n a name to find it by, with [Graph.GetNodeByAlias]; scopes pushed with
// [Graph.PushAliasScope] are put before it. It returns n.
func (n *Node) WithAlias(alias string) *Node {
	n.made()
	full := strings.Join(append(n.graph.scopes[:len(n.graph.scopes):len(n.graph.scopes)], alias), "/")
	if n.graph.aliases == nil {
		n.graph.aliases = map[string]*Node{}
	}
	if other := n.graph.aliases[full]; other != nil && other != n {
		n.graph.fail("WithAlias", nil, fmt.Errorf("the alias %q is taken", full))
	}
	n.more().alias = full
	n.graph.aliases[full] = n
	return n
}

// GetAlias returns the alias, with its scopes, "" if there is none.
func (n *Node) GetAlias() string { return n.made().alias }

// SetLogged marks n so that its value is handed to the node logger ([Exec.SetNodeLogger]) at each run,
// with the message.
func (n *Node) SetLogged(message string) {
	if n.made().fn != n.graph.main {
		n.graph.fail("SetLogged", nil, fmt.Errorf("%q: a node inside a closure cannot be logged", message))
	}
	if n.logged == "" {
		n.graph.logged = append(n.graph.logged, n)
	}
	n.more().logged = message
}

// SetLoggedf is [Node.SetLogged] with a formatted message.
func (n *Node) SetLoggedf(format string, args ...any) { n.SetLogged(fmt.Sprintf(format, args...)) }

// IsLogged reports whether n was marked with [Node.SetLogged].
func (n *Node) IsLogged() bool { return n.made().logged != "" }

// LogMessage returns the message given to [Node.SetLogged].
func (n *Node) LogMessage() string { return n.made().logged }

// AssertDims panics with [Error] unless n has exactly the dimensions given; -1 stands for any.
func (n *Node) AssertDims(dimensions ...int) {
	ok := len(dimensions) == n.Rank()
	for i := 0; ok && i < len(dimensions); i++ {
		ok = dimensions[i] < 0 || dimensions[i] == n.Shape().Dimensions[i]
	}
	if !ok {
		n.graph.fail("AssertDims", []shapes.Shape{n.Shape()}, fmt.Errorf("want dimensions %v (-1 for any)", dimensions))
	}
}

// AssertRank panics with [Error] unless n has the given number of axes.
func (n *Node) AssertRank(rank int) {
	if n.Rank() != rank {
		n.graph.fail("AssertRank", []shapes.Shape{n.Shape()}, fmt.Errorf("want %d axes, have %d", rank, n.Rank()))
	}
}

// AssertScalar panics with [Error] unless n has no axes.
func (n *Node) AssertScalar() { n.AssertRank(0) }

// String describes n in a line: number, op, operands, shape and place.
func (n *Node) String() string {
	if n == nil || n.graph == nil {
		return "nil"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%%%d = %s", n.id, n.op.Name)
	for _, x := range n.inputs {
		fmt.Fprintf(&b, " %%%d", x.id)
	}
	if text := ir.AttrString(n.attrs); text != "" {
		b.WriteString(" " + text)
	}
	for _, s := range n.outs {
		b.WriteString(" " + s.String())
	}
	if p := n.Position(); p.File != "" {
		fmt.Fprintf(&b, "  (%s)", p)
	}
	return b.String()
}

// MustAdjustAxis returns axis as a number from 0, counting a negative one from the end. It panics with
// [Error] if x has no such axis.
func MustAdjustAxis(axis int, x shapes.HasShape) int {
	if x == nil {
		panic(&Error{Err: errNilNode, pcs: callSite()})
	}
	a, err := shapes.AdjustAxis(axis, x.Shape().Rank())
	if err != nil {
		panic(&Error{In: []shapes.Shape{x.Shape()}, Err: fmt.Errorf("%s: %w", x.Shape(), err), pcs: callSite()})
	}
	return a
}
