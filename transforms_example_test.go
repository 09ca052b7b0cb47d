package quire_test

import (
	"fmt"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/model"
)

// The examples of docs/transforms.md.

func Example_transformsPerExample() {
	loss := func(scope *model.Scope, x, label *graph.Node) *graph.Node { // of one example: x is [4], label []
		logits := layers.Dense(scope.In("readout"), graph.ExpandAxes(x, 0), true, 3) // layers want a batch: here it is one of 1
		return graph.ReduceAllSum(graph.SoftmaxCrossEntropy(logits, graph.ExpandAxes(label, 0)))
	}
	norms := func(scope *model.Scope, x, labels *graph.Node) *graph.Node {
		each := graph.VMap(func(example []*graph.Node) []*graph.Node {
			y := loss(scope, example[0], example[1])
			weights := scope.At("readout").GetVariable("weights").NodeValue(y)
			return graph.Gradient(y, weights) // [4 3], of this example alone
		}, x, labels).Done()[0] // [examples 4 3]
		return graph.Sqrt(graph.ReduceSum(graph.Square(each), 1, 2)) // what private training clips
	}
	exec := model.MustNewExec(backends.MustNew(), model.NewStore(), norms)
	y := exec.MustCall([][]float32{{1, 0, 0, 0}, {2, 0, 0, 0}, {0, 0, 0, 0}}, []int32{0, 0, 2})[0]
	fmt.Println(y.Shape(), "of the last, whose input is 0:", y.Value().([]float32)[2])
	// Output: float32[3] of the last, whose input is 0: 0
}

func Example_transformsNewton() {
	// Rosenbrock's function, whose minimum is at [1 1].
	f := func(x *graph.Node) *graph.Node {
		a, b := graph.SliceAxis(x, 0, graph.AxisElem(0)), graph.SliceAxis(x, 0, graph.AxisElem(1))
		valley := graph.Sub(b, graph.Square(a))
		return graph.ReduceAllSum(graph.Add(graph.Square(graph.OneMinus(a)), graph.MulScalar(graph.Square(valley), 100)))
	}
	newton := func(x *graph.Node) *graph.Node {
		return graph.ForI(6, []*graph.Node{x}, func(_ *graph.Node, state []*graph.Node) []*graph.Node {
			x := state[0]
			y := f(x)
			gradient, h := graph.Gradient(y, x)[0], graph.Hessian(y, x) // [2] and [2 2]
			l := graph.Cholesky(h, true)
			step := graph.TriangularSolve(l, graph.ExpandAxes(gradient, -1), true, true, false, ir.NotTransposed)
			step = graph.TriangularSolve(l, step, true, true, false, ir.Transposed)
			return []*graph.Node{graph.Sub(x, graph.Squeeze(step, -1))}
		})[0]
	}
	from := [][]float64{{1.2, 1.2}, {0.9, 0.7}, {1.5, 2}} // all at once
	all := func(x *graph.Node) *graph.Node {
		return graph.VMap(func(x []*graph.Node) []*graph.Node { return []*graph.Node{newton(x[0])} }, x).Done()[0]
	}
	fmt.Printf("%.4f\n", graph.MustCallOnce(backends.MustNew(), all, from).Value())
	// Output: [[1.0000 1.0000] [1.0000 1.0000] [1.0000 1.0000]]
}

func Example_transformsForward() {
	// The square root by Heron's rule: nobody knows how many turns it takes.
	root := func(a *graph.Node) *graph.Node {
		g := a.Graph()
		cond := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
			y := graph.Parameter(g, "y", a.Shape())
			return []*graph.Node{graph.GreaterThan(graph.Abs(graph.Sub(graph.Square(y), a)), graph.Scalar(g, y.DType(), 1e-12))}
		})
		body := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
			y := graph.Parameter(g, "y", a.Shape())
			return []*graph.Node{graph.MulScalar(graph.Add(y, graph.Div(a, y)), 0.5)}
		})
		return graph.While(cond, body, a)[0]
	}
	slope := func(a *graph.Node) (y, dy *graph.Node) {
		ys, dys := graph.JVP([]*graph.Node{root(a)}, []*graph.Node{a}, []*graph.Node{graph.OnesLike(a)})
		return ys[0], dys[0] // the same loop computes both
	}
	y, dy := graph.MustNewExec2(backends.MustNew(), slope).MustCall(16.0)
	fmt.Printf("%.6f %.6f\n", y.Value(), dy.Value()) // 4 and 1/(2·4)
	// Output: 4.000000 0.125000
}

func Example_transformsImplicit() {
	// The x with x = cos(a·x), by a loop that gradients do not go through: they solve dx = -sin(a·x)·(a·dx + x·da) for dx.
	fixedPoint := func(a *graph.Node) *graph.Node {
		return graph.WithCustomGradient([]*graph.Node{a}, func(in []*graph.Node) []*graph.Node {
			a := in[0]
			return graph.ForI(100, []*graph.Node{graph.OnesLike(a)}, func(_ *graph.Node, x []*graph.Node) []*graph.Node {
				return []*graph.Node{graph.Cos(graph.Mul(a, x[0]))}
			})
		}, func(in, out, dOut []*graph.Node) []*graph.Node {
			a, x := in[0], out[0]
			s := graph.Sin(graph.Mul(a, x))
			return []*graph.Node{graph.Neg(graph.Div(graph.Mul(dOut[0], graph.Mul(s, x)), graph.OnePlus(graph.Mul(a, s))))}
		})[0]
	}
	slopes := func(a *graph.Node) (x, first, second *graph.Node) {
		x = fixedPoint(a)
		first = graph.Gradient(x, a)[0]
		return x, first, graph.Gradient(first, a)[0]
	}
	x, first, second := graph.MustNewExec3(backends.MustNew(), slopes).MustCall(0.5)
	fmt.Printf("%.6f %.6f %.6f\n", x.Value(), first.Value(), second.Value())
	// Output: 0.900367 -0.321771 -0.174385
}
