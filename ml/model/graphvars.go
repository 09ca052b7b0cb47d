package model

import (
	"strings"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir"
)

// parameterPrefix begins the names of the parameters that stand for variables, so that they meet no input's name.
const parameterPrefix = "var:"

// VariablePath returns the path of the variable that a graph's parameter of the given name stands for. The name of another
// parameter is returned as it is, and is not ok.
func VariablePath(parameter string) (path string, ok bool) {
	return strings.CutPrefix(parameter, parameterPrefix)
}

// graphVars is what a graph knows of a store's variables.
type graphVars struct {
	graph   *graph.Graph
	nodes   map[*Variable]*graphVar
	order   []*Variable // of first use: the order of their parameters
	created []*Variable // made while this graph was built
}

type graphVar struct {
	param    *graph.Node
	current  *graph.Node
	sharding ir.Sharding // nil without a mesh
}

type graphVarsKey struct{ store *Store }

// inGraph returns what g knows of s's variables.
func (s *Store) inGraph(g *graph.Graph) *graphVars {
	key := graphVarsKey{s}
	gv, _ := g.State(key).(*graphVars)
	if gv == nil {
		gv = &graphVars{graph: g, nodes: map[*Variable]*graphVar{}}
		g.AttachState(key, gv)
	}
	return gv
}

// inGraph returns the state of v in g; at the first use v becomes a parameter of g.
func (v *Variable) inGraph(g *graph.Graph) *graphVar {
	v = v.own()
	if v.made != nil {
		graph.Errorf("%w", v.gone)
	}
	gv := v.store.inGraph(g)
	if n := gv.nodes[v]; n != nil {
		return n
	}
	n := &graphVar{}
	g.Outside(func() { // a closure uses it as any node from around it
		n.param = graph.Parameter(g, parameterPrefix+v.path, v.shape)
		n.current, n.sharding = n.param, v.place(n.param)
	})
	gv.nodes[v] = n
	gv.order = append(gv.order, v)
	return n
}

// graphOf returns the graph of a node, or the graph itself; it panics with [graph.Error] if that is nil.
func graphOf(p graph.GraphProvider) *graph.Graph {
	if p == nil {
		graph.Errorf("the node or graph in which a variable is used is nil")
	}
	return p.Graph()
}

// NodeValue returns v's value in a graph: the one at the beginning of the run, or what
// [Variable.SetNodeValue] made of it. A closure, such as the body of a loop, uses it as any value from around it.
// For a layer it is what wrappers make of that, see [Store.WrapVariables].
func (v *Variable) NodeValue(nodeOrGraph graph.GraphProvider) *graph.Node {
	g := graphOf(nodeOrGraph)
	if v.made != nil {
		return v.madeIn(g)
	}
	x := v.inGraph(g).current
	if compute, ok := v.viewed(g); ok {
		return graph.ConvertDType(x, compute)
	}
	return x
}

// SetNodeValue makes value what v holds from here on: in the graph at once, in the store after the run.
// It panics with [graph.Error] if the shape differs from v's, or inside a closure.
func (v *Variable) SetNodeValue(value *graph.Node) {
	g := value.Graph()
	if compute, ok := v.viewed(g); ok && value.DType() == compute {
		value = graph.ConvertDType(value, v.DType())
	}
	if !value.Shape().Equal(v.shape) {
		graph.Errorf("variable %q is %s%s: its value cannot become a %s", v.path, v.shape, at(", made at ", v.madeAt), value.Shape())
	}
	if !value.Function().IsMain() || !g.IsMainFunc() {
		graph.Errorf("variable %q is set inside the closure %q: return the value from the closure and set it outside", v.path, g.CurrentFunc().Name())
	}
	v.inGraph(g).current = value
}

// InUseByGraph reports whether g reads or sets v.
func (v *Variable) InUseByGraph(g *graph.Graph) bool { return v.store.inGraph(g).nodes[v.own()] != nil }

// ChangedInGraph reports whether g sets v.
func (v *Variable) ChangedInGraph(g *graph.Graph) bool {
	n := v.store.inGraph(g).nodes[v.own()]
	return n != nil && n.current != n.param
}

// NodeBefore returns v's value at the beginning of the run of a graph, whatever the graph makes of it.
func (v *Variable) NodeBefore(nodeOrGraph graph.GraphProvider) *graph.Node {
	return v.inGraph(graphOf(nodeOrGraph)).param
}

// VariablesOf returns the variables of the store that a graph uses so far, in order of first use.
func (s *Store) VariablesOf(g *graph.Graph) []*Variable {
	return append([]*Variable(nil), s.inGraph(g).order...)
}
