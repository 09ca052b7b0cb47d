package graph_test

import (
	"fmt"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/graphtest"
)

// Interest on a balance, with what is paid in each year: the balance is carried, and each year's is stacked.
func ExampleScan() {
	years := graph.MustNewExec2(graphtest.Reference(), func(paid, rate *graph.Node) (balances, gradient *graph.Node) {
		balance := graph.ScalarZero(paid.Graph(), paid.DType())
		last, all := graph.Scan([]*graph.Node{balance}, []*graph.Node{paid}, func(carry, x []*graph.Node) (next, y []*graph.Node) {
			b := graph.Add(graph.Mul(carry[0], graph.OnePlus(rate)), x[0])
			return []*graph.Node{b}, []*graph.Node{b}
		}).Done()
		return all[0], graph.Gradient(last[0], paid)[0]
	})
	balances, gradient := years.MustCall([]float64{100, 100, 100}, 0.5)
	fmt.Println(balances.Value())
	fmt.Println(gradient.Value())
	// Output:
	// [100 250 475]
	// [2.25 1.5 1]
}

func ExampleForI() {
	show(func(g *graph.Graph) *graph.Node {
		one := graph.Const(g, 1.0)
		return graph.ForI(5, []*graph.Node{one}, func(i *graph.Node, state []*graph.Node) []*graph.Node {
			return []*graph.Node{graph.Mul(state[0], graph.ConvertDType(graph.OnePlus(i), one.DType()))}
		})[0]
	})
	// Output: 120
}

func ExampleMap() {
	show(func(g *graph.Graph) *graph.Node {
		x := graph.Const(g, [][]float64{{3, 4}, {6, 8}})
		return graph.Map(func(x []*graph.Node) []*graph.Node {
			return []*graph.Node{graph.Sqrt(graph.ReduceAllSum(graph.Square(x[0])))}
		}, x)[0]
	})
	// Output: [5 10]
}

// Digits become a number.
func ExampleReduce() {
	show(func(g *graph.Graph) *graph.Node {
		return graph.Reduce(graph.Const(g, int32(0)), graph.Const(g, []int32{2, 0, 2, 6}), 0, func(acc, x *graph.Node) *graph.Node {
			return graph.Add(graph.MulScalar(acc, 10), x)
		})
	})
	// Output: 2026
}

func ExampleAssociativeScan() {
	show(func(g *graph.Graph) *graph.Node {
		x := graph.Const(g, []int32{3, 1, 4, 1, 5, 9, 2, 6})
		return graph.AssociativeScan([]*graph.Node{x}, 0, func(a, b []*graph.Node) []*graph.Node {
			return []*graph.Node{graph.Max(a[0], b[0])}
		})[0]
	})
	// Output: [3 3 4 4 5 9 9 9]
}
