// Package visits tells apart how often a line of the user's code has added nodes to a graph, and what it computed each time. Views
// of shapes show it beside lines, and notebooks where the cursor is.
package visits

import (
	"runtime"
	"strconv"
	"strings"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/shapes"
)

// Visit is one execution of a line, with the nodes that it added, in order.
type Visit struct {
	first string // key of the first node's calls
	Nodes []*graph.Node
}

// Lines are the visits of the lines of one function, by line.
type Lines struct {
	ByLine map[int][]Visit
	last   int // line of the latest node, to tell visits apart
}

// Add notes a node on a line: as part of the present visit, or as the first of a new one. A visit is over when another
// line has added a node, or when the calls that began it come again. key is [Key] of the calls that made the node.
func (l *Lines) Add(line int, key string, n *graph.Node) {
	if l.ByLine == nil {
		l.ByLine = map[int][]Visit{}
	}
	vs := l.ByLine[line]
	if l.last == line && len(vs) > 0 && vs[len(vs)-1].first != key {
		vs[len(vs)-1].Nodes = append(vs[len(vs)-1].Nodes, n)
		return
	}
	l.last = line
	l.ByLine[line] = append(vs, Visit{key, []*graph.Node{n}})
}

// Key returns what calls are known by, innermost first; it begins with that of the calls further in.
func Key(inner string, f runtime.Frame) string {
	return inner + strconv.FormatUint(uint64(f.PC), 16) + " "
}

// Results returns the shapes of the values that the visit ends with: several if its last call returned several.
func (v Visit) Results() (list []shapes.Shape) {
	for _, n := range v.Ends() {
		list = append(list, n.Shape())
	}
	return list
}

// Ends returns the values that the visit ends with.
func (v Visit) Ends() (list []*graph.Node) {
	last := v.Nodes[len(v.Nodes)-1]
	if !IsResult(last) {
		return []*graph.Node{last}
	}
	for _, n := range v.Nodes {
		if IsResult(n) && n.Input(0) == last.Input(0) {
			list = append(list, n)
		}
	}
	return list
}

// Operands returns the values from elsewhere that the visit's nodes take, in the order of first use.
func (v Visit) Operands() (list []*graph.Node) {
	known := map[*graph.Node]bool{}
	for _, n := range v.Nodes {
		known[n] = true
	}
	for _, n := range v.Nodes {
		for _, x := range n.Inputs() {
			if !known[x] && x.NumOutputs() == 1 {
				known[x] = true
				list = append(list, x)
			}
		}
	}
	return list
}

// String writes the shapes of the results.
func (v Visit) String() string {
	var parts []string
	for _, s := range v.Results() {
		parts = append(parts, s.String())
	}
	return strings.Join(parts, ", ")
}

// IsResult reports whether a node is one result of a call that has several.
func IsResult(n *graph.Node) bool {
	_, is := n.Attrs().(graph.OutputAttrs)
	return is
}

// IsParameter reports whether a node is an input of a graph or of a function in it.
func IsParameter(n *graph.Node) bool {
	_, is := n.Attrs().(graph.ParameterAttrs)
	return is
}

// Op returns the name of the op that the visit ends with.
func (v Visit) Op() string {
	last := v.Nodes[len(v.Nodes)-1]
	if IsResult(last) {
		last = last.Input(0)
	}
	return last.Type()
}
