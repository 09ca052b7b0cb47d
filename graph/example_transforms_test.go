package graph_test

import (
	"fmt"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ops"
)

// The gradient of each example's loss, of a model that is written for one.
func ExampleVMap() {
	loss := func(x, y, w *graph.Node) *graph.Node { return graph.Square(graph.Sub(graph.DotProduct(x, w), y)) }
	perExample := graph.MustNewExec1(graphtest.Reference(), func(x, y, w *graph.Node) *graph.Node {
		return graph.VMap(func(example []*graph.Node) []*graph.Node {
			return graph.Gradient(loss(example[0], example[1], w), w)
		}, x, y).Done()[0]
	})
	fmt.Println(perExample.MustCall([][]float64{{1, 0}, {0, 1}, {1, 1}}, []float64{1, 2, 3}, []float64{2, 2}).Value())
	// Output: [[2 0] [0 0] [2 2]]
}

func ExampleJVP() {
	along := graph.MustNewExec2(graphtest.Reference(), func(x, v *graph.Node) (y, dy *graph.Node) {
		ys, dys := graph.JVP([]*graph.Node{graph.Mul(x, x)}, []*graph.Node{x}, []*graph.Node{v})
		return ys[0], dys[0]
	})
	y, dy := along.MustCall([]float64{1, 2, 3}, []float64{1, 0, 10})
	fmt.Println(y.Value(), dy.Value())
	// Output: [1 4 9] [2 0 60]
}

func ExampleJacFwd() {
	show(func(g *graph.Graph) *graph.Node {
		x := graph.Const(g, []float64{2, 3})
		return graph.JacFwd(graph.Stack([]*graph.Node{graph.ReduceAllSum(x), graph.ReduceAllMultiply(x), graph.ReduceAllMax(x)}, 0), x)[0]
	})
	// Output: [[1 1] [3 2] [0 1]]
}

func ExampleJacRev() {
	show(func(g *graph.Graph) *graph.Node {
		x := graph.Const(g, []float64{2, 3, 4})
		return graph.JacRev(graph.Stack([]*graph.Node{graph.ReduceAllSum(x), graph.ReduceAllMultiply(x)}, 0), x)[0]
	})
	// Output: [[1 1 1] [12 8 6]]
}

func ExampleHessian() {
	show(func(g *graph.Graph) *graph.Node {
		x := graph.Const(g, []float64{2, 3, 4})
		return graph.Hessian(graph.ReduceAllMultiply(x), x)
	})
	// Output: [[0 4 3] [4 0 2] [3 2 0]]
}

// The product of a Hessian with a vector, without the Hessian.
func ExampleHVP() {
	show(func(g *graph.Graph) *graph.Node {
		x, v := graph.Const(g, []float64{2, 3, 4}), graph.Const(g, []float64{1, 0, 0})
		return graph.HVP(graph.ReduceAllMultiply(x), []*graph.Node{x}, []*graph.Node{v})[0]
	})
	// Output: [0 4 3]
}

// The derivative at a point is computed once, for any number of directions.
func ExampleLinearize() {
	show(func(g *graph.Graph) *graph.Node {
		x := graph.Const(g, []float64{1, 2, 3})
		f := graph.Linearize([]*graph.Node{graph.Square(x)}, []*graph.Node{x})
		a := f.Call(graph.Const(g, []float64{1, 0, 0}))
		b := f.Call(graph.Const(g, []float64{0, 1, 1}))
		return graph.Stack(append(a, b...), 0)
	})
	// Output: [[2 0 0] [0 4 6]]
}

func ExampleValueAndGradient() {
	show(func(g *graph.Graph) *graph.Node {
		x := graph.Const(g, []float64{1, 2, 3})
		value, gradients := graph.ValueAndGradient(func(xs []*graph.Node) *graph.Node { return graph.ReduceAllSum(graph.Square(xs[0])) }, x)
		return graph.Mul(value, gradients[0])
	})
	// Output: [28 56 84]
}

// What a gradient needs of the two layers is computed again; the first layer's product is stored.
func ExampleCheckpoint() {
	show(func(g *graph.Graph) *graph.Node {
		x, w := graph.Const(g, [][]float64{{1, 2}}), graph.Const(g, [][]float64{{0.5, -0.5}, {0.25, 0.5}})
		y := graph.Checkpoint(func(xs []*graph.Node) []*graph.Node {
			h := graph.Square(graph.MatMul(xs[0], w))
			return []*graph.Node{graph.MatMul(h, w)}
		}, func(n *graph.Node) bool { return n.Op() == ops.MatMul }, x)[0]
		return graph.Gradient(graph.ReduceAllSum(y), x)[0]
	})
	// Output: [[-0.375 0.375]]
}

// The derivative of log(1 + eˣ) is the logistic function also where eˣ is no number any more.
func ExampleWithCustomTangent() {
	show(func(g *graph.Graph) *graph.Node {
		softplus := func(x *graph.Node) *graph.Node {
			return graph.WithCustomTangent([]*graph.Node{x},
				func(in []*graph.Node) []*graph.Node { return []*graph.Node{graph.Log(graph.OnePlus(graph.Exp(in[0])))} },
				func(in, _, dIn []*graph.Node) []*graph.Node {
					return []*graph.Node{graph.Mul(graph.Sigmoid(in[0]), dIn[0])}
				})[0]
		}
		x := graph.Const(g, []float64{0, 1000})
		return graph.Gradient(graph.ReduceAllSum(softplus(x)), x)[0]
	})
	// Output: [0.5 1]
}
