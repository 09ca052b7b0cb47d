package gnn

import (
	"fmt"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/segment"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/model"
)

// Kind is a kind of layer.
type Kind string

// The layers that there are: "" is that of Convolution.
const (
	Convolution Kind = "gcn"  // GCN
	Sample      Kind = "sage" // SAGE
	Attention   Kind = "gat"  // GAT
	Isomorphism Kind = "gin"  // GIN
)

// Config is the sizes of a classifier of nodes or of graphs.
type Config struct {
	Kind    Kind
	Widths  []int // of the layers
	Heads   int   // of attention, divides all widths; 1 if it is 0
	Classes int
	Dropout float64 // before each layer, while training
}

// Hidden returns what the last layer makes of nodes, [N, width]; between layers and behind the last one stands relu. x is [N, F], floats.
func (c Config) Hidden(scope *model.Scope, x *graph.Node, e Edges) *graph.Node {
	if len(c.Widths) == 0 || c.Classes < 1 || c.Heads < 0 {
		graph.Errorf("gnn: layers of %v, %d heads and %d classes, want one layer and one class at least", c.Widths, c.Heads, c.Classes)
	}
	heads := max(1, c.Heads)
	for i, width := range c.Widths {
		in := scope.In("layer_%d", i)
		x = layers.Dropout(in.In("dropout"), x, c.Dropout)
		switch c.Kind {
		case Convolution, "":
			x = GCN(in, x, e, width)
		case Sample:
			x = SAGE(in, x, e, width)
		case Attention:
			if width%heads != 0 {
				graph.Errorf("gnn: %d heads do not divide a width of %d", heads, width)
			}
			x = GAT(in, x, e, heads, width/heads)
		case Isomorphism:
			x = GIN(in, x, e, width)
		default:
			graph.Errorf("gnn: the layer %q is not known: known are %s, %s, %s and %s", c.Kind, Convolution, Sample, Attention, Isomorphism)
		}
		x = graph.Relu(x)
	}
	return x
}

// Nodes returns a number for each class of each node, [N, Classes]. Its inputs are nodes x, [N, F] floats, and the edges' From and To, [E] integers: it is a model for a trainer,
// whose labels have a mask if only some nodes' classes are known.
func (c Config) Nodes(scope *model.Scope, inputs []*graph.Node) *graph.Node {
	if len(inputs) != 3 {
		graph.Errorf("gnn: %d inputs, want three: nodes, and from where to where edges go", len(inputs))
	}
	h := c.Hidden(scope, inputs[0], Edges{inputs[1], inputs[2]})
	return layers.Dense(scope.In("classifier"), h, true, c.Classes)
}

// Graphs returns a model for a trainer, which returns a number for each class of each of n graphs, [n, Classes]. Its inputs are those of Nodes and the number of the graph that each
// node is of, [N] integers, -1 for a node that only fills up, as [Join] makes them. A graph is the mean of its nodes.
func (c Config) Graphs(n int) func(scope *model.Scope, inputs []*graph.Node) *graph.Node {
	return func(scope *model.Scope, inputs []*graph.Node) *graph.Node {
		if len(inputs) != 4 || n < 1 {
			graph.Errorf("gnn: %d inputs for %d graphs, want four for one and more: nodes, from where to where edges go, and which graph nodes are of", len(inputs), n)
		}
		h := c.Hidden(scope, inputs[0], Edges{inputs[1], inputs[2]})
		return layers.Dense(scope.In("classifier"), segment.Mean(h, inputs[3], n), true, c.Classes)
	}
}

// Graph is a graph in memory: what its nodes have, and its edges, from and to.
type Graph struct {
	Nodes [][]float32
	Edges [][2]int32
}

// Joined is several graphs as one.
type Joined struct {
	Nodes    *tensors.Tensor // float32[N F]
	From, To *tensors.Tensor // int32[E]
	Of       *tensors.Tensor // int32[N], the number of the graph
}

// Inputs returns them as inputs of a model, as those that Graphs makes.
func (j Joined) Inputs() []*tensors.Tensor { return []*tensors.Tensor{j.Nodes, j.From, j.To, j.Of} }

// maxRoom is the largest number of nodes and edges that batches are filled up to.
const maxRoom = 1 << 24

// Join joins graphs, with nodes and edges that are none behind them until there are so many, so that batches have one shape and one program does for all; 0 adds none. It returns an
// error if there are more, or if these are less than 0 or more than 16,777,216, if nodes have different numbers of features, or if an edge has a node that its graph has not.
func Join(list []Graph, nodes, edges int) (Joined, error) {
	fail := func(format string, args ...any) (Joined, error) {
		return Joined{}, fmt.Errorf("gnn.Join: "+format, args...)
	}
	var x []float32
	var from, to, of []int32
	features := -1
	for k, g := range list {
		first := int32(len(of))
		for i, node := range g.Nodes {
			if features < 0 {
				features = len(node)
			}
			if len(node) != features {
				return fail("node %d of graph %d has %d features, and those before it have %d", i, k, len(node), features)
			}
			x, of = append(x, node...), append(of, int32(k))
		}
		for i, e := range g.Edges {
			for _, node := range e {
				if node < 0 || int(node) >= len(g.Nodes) {
					return fail("edge %d of graph %d is from %d to %d, and the graph has %d nodes", i, k, e[0], e[1], len(g.Nodes))
				}
			}
			from, to = append(from, first+e[0]), append(to, first+e[1])
		}
	}
	switch {
	case nodes < 0 || edges < 0 || nodes > maxRoom || edges > maxRoom:
		return fail("room for %d nodes and %d edges, want 0 to %d", nodes, edges, maxRoom)
	case features < 0:
		return fail("there are no nodes")
	case nodes != 0 && nodes < len(of) || edges != 0 && edges < len(to):
		return fail("there are %d nodes and %d edges, more than %d and %d", len(of), len(to), nodes, edges)
	}
	for len(of) < nodes {
		x, of = append(x, make([]float32, features)...), append(of, -1)
	}
	for len(to) < edges {
		from, to = append(from, 0), append(to, -1)
	}
	var j Joined
	var err error
	if j.Nodes, err = tensors.New(shapes.Make(dtypes.Float32, len(of), features)); err != nil {
		return fail("%w", err)
	}
	copy(tensors.Flat[float32](j.Nodes), x)
	vector := func(v []int32) *tensors.Tensor { return tensors.FromFlatDataAndDimensions(v, len(v)) }
	j.From, j.To, j.Of = vector(from), vector(to), vector(of)
	return j, nil
}
