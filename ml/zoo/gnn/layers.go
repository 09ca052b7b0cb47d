// Package gnn has nets on graphs: layers in which each node looks at those that have an edge to it, and classifiers of nodes and of whole graphs.
//
//	e := gnn.Edges{From: from, To: to}                    // int32[E] each, numbers of nodes
//	h := graph.Relu(gnn.GCN(scope.In("one"), x, e, 64))   // float32[N F] to float32[N 64]
//
// Several graphs are one with several parts, see [Join]. An edge to the node -1 is none, so that edges may be filled up to one number of them.
package gnn

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/segment"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/ml/initializers"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/model"
)

// Edges are the edges of a graph, of each the node that it comes from and the one it goes to, [E] integers. An edge that goes both ways is two.
type Edges struct{ From, To *graph.Node }

// check tells what is wrong with a layer's arguments.
func (e Edges) check(layer string, x *graph.Node, out int) {
	switch {
	case x == nil || x.Rank() != 2 || !x.DType().IsFloat():
		graph.Errorf("%s: nodes are %s, want floats of [nodes, features]", layer, shapeOf(x))
	case e.From == nil || e.To == nil || e.From.Rank() != 1 || e.To.Rank() != 1 || e.From.Dim(0) != e.To.Dim(0) || !e.From.DType().IsInt() || !e.To.DType().IsInt():
		graph.Errorf("%s: edges are from %s to %s, want the numbers of two nodes for each, integers", layer, shapeOf(e.From), shapeOf(e.To))
	case out < 1:
		graph.Errorf("%s: %d features come out, want 1 and more", layer, out)
	}
}

func shapeOf(x *graph.Node) string {
	if x == nil {
		return "nothing"
	}
	return x.Shape().String()
}

// sources returns what the nodes have that edges come from, [E, …].
func (e Edges) sources(x *graph.Node) *graph.Node {
	return graph.Gather(x, graph.ExpandAxes(e.From, -1))
}

// withLoops returns the edges, and one from each of n nodes to itself.
func (e Edges) withLoops(n int) Edges {
	loops := graph.Iota(e.To.Graph(), shapes.Make(dtypes.Int32, n), 0)
	add := func(x *graph.Node) *graph.Node {
		return graph.Concatenate([]*graph.Node{graph.ConvertDType(x, dtypes.Int32), loops}, 0)
	}
	return Edges{add(e.From), add(e.To)}
}

// GCN is a graph convolution:
//
//	y[i] = Σ x[j] · weights / √(d[j] · d[i]) + biases    over all edges from j to i, and j = i
//
// with d[i] the number of edges to i, that from itself among them. x is [N, F], a float, the result [N, out].
//
// Source: Kipf and Welling, "Semi-Supervised Classification with Graph Convolutional Networks", 2016, arXiv:1609.02907, eq. 2.
func GCN(scope *model.Scope, x *graph.Node, e Edges, out int) *graph.Node {
	e.check("GCN", x, out)
	n := x.Dim(0)
	e = e.withLoops(n)
	h := layers.Dense(scope, x, false, out)                                             // [N, out]
	d := segment.Sum(graph.OnesLike(graph.ConvertDType(e.To, dtypes.Float32)), e.To, n) // [N]
	scale := graph.ExpandAxes(graph.ConvertDType(graph.Rsqrt(d), x.DType()), 1)         // [N, 1]
	y := graph.Mul(segment.Sum(e.sources(graph.Mul(h, scale)), e.To, n), scale)         // [N, out]
	biases := scope.WithInitializer(initializers.Zero).VariableWithShape("biases", shapes.Make(y.DType(), out))
	return scope.Result(graph.Add(y, biases.NodeValue(y)))
}

// SAGE is a layer of GraphSAGE, with the mean over neighbours:
//
//	y[i] = x[i] · self + biases + mean(x[j]) · neighbours    over all edges from j to i
//
// the mean of none being 0. x is [N, F], a float, the result [N, out].
//
// Source: Hamilton, Ying and Leskovec, "Inductive Representation Learning on Large Graphs", 2017, arXiv:1706.02216, algorithm 1 with the mean of section 3.3, before the activation.
func SAGE(scope *model.Scope, x *graph.Node, e Edges, out int) *graph.Node {
	e.check("SAGE", x, out)
	near := segment.Mean(e.sources(x), e.To, x.Dim(0)) // [N, F]
	return scope.Result(graph.Add(layers.Dense(scope.In("self"), x, true, out), layers.Dense(scope.In("neighbours"), near, false, out)))
}

// GAT is a layer of graph attention, in which nodes weigh those that have an edge to them, and themselves:
//
//	h    = x · weights                                                        of each head
//	a[e] = softmax(leaky(h[j] · from + h[i] · to)),  e from j to i            over all edges to i, and j = i
//	y[i] = Σ a[e] · h[j] + biases
//
// with leaky(v) = max(v, v/5). Heads come one after the other: x is [N, F], a float, the result [N, heads·out].
//
// Source: Veličković et al., "Graph Attention Networks", 2017, arXiv:1710.10903, eq. 1 to 5.
func GAT(scope *model.Scope, x *graph.Node, e Edges, heads, out int) *graph.Node {
	e.check("GAT", x, out)
	if heads < 1 {
		graph.Errorf("GAT: %d heads, want 1 and more", heads)
	}
	n := x.Dim(0)
	e = e.withLoops(n)
	h := layers.Dense(scope, x, false, heads, out) // [N, heads, out]
	score := func(name string) *graph.Node {       // [N, heads]
		v := scope.VariableWithShape(name, shapes.Make(x.DType(), heads, out)).NodeValue(x)
		return graph.ReduceSum(graph.Mul(h, graph.ExpandAxes(v, 0)), 2)
	}
	from, to := score("from"), score("to")
	s := graph.Add(e.sources(from), graph.Gather(to, graph.ExpandAxes(e.To, -1))) // [E, heads]
	a := segment.Softmax(layers.LeakyRelu(s, 0.2), e.To, n)                       // [E, heads]
	y := segment.Sum(graph.Mul(e.sources(h), graph.ExpandAxes(a, 2)), e.To, n)    // [N, heads, out]
	y = graph.Reshape(y, n, heads*out)
	biases := scope.WithInitializer(initializers.Zero).VariableWithShape("biases", shapes.Make(y.DType(), heads*out))
	return scope.Result(graph.Add(y, biases.NodeValue(y)))
}

// GIN is a layer of the graph isomorphism network, which tells apart what sums of neighbours tell apart:
//
//	y[i] = relu(((1 + epsilon) · x[i] + Σ x[j]) · w + b) · w' + b'    over all edges from j to i
//
// epsilon being learned, and 0 at first. x is [N, F], a float; both dense layers have the width out, and the result is [N, out].
//
// Source: Xu, Hu, Leskovec and Jegelka, "How Powerful are Graph Neural Networks?", 2018, arXiv:1810.00826, eq. 4.1.
func GIN(scope *model.Scope, x *graph.Node, e Edges, out int) *graph.Node {
	e.check("GIN", x, out)
	epsilon := scope.WithInitializer(initializers.Zero).VariableWithShape("epsilon", shapes.Make(x.DType())).NodeValue(x)
	h := graph.Add(graph.Mul(graph.OnePlus(epsilon), x), segment.Sum(e.sources(x), e.To, x.Dim(0)))
	h = graph.Relu(layers.Dense(scope.In("up"), h, true, out))
	return scope.Result(layers.Dense(scope.In("down"), h, true, out))
}
