package quire_test

import (
	"fmt"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
)

// The examples of docs/gomlx.md, the page for those who come from GoMLX. What GoMLX does was run there, with v0.28.

func Example_gomlxWhere() {
	rows := func(g *graph.Graph) *graph.Node {
		chosen := graph.Const(g, []bool{true, false, true})
		x := graph.Const(g, [][]float32{{1, 2, 3}, {4, 5, 6}, {7, 8, 9}})
		zero := graph.ScalarZero(g, x.DType())
		byColumn := graph.Where(chosen, x, zero)                    // NumPy's rule, as everywhere in Quire
		byRow := graph.Where(graph.ExpandAxes(chosen, -1), x, zero) // what Where(chosen, x, zero) is in GoMLX
		return graph.Stack([]*graph.Node{byColumn, byRow}, 0)
	}
	fmt.Println(graph.MustCallOnce(backends.MustNew(), rows).Value())
	// Output: [[[1 0 3] [4 0 6] [7 0 9]] [[1 2 3] [0 0 0] [7 8 9]]]
}

func Example_gomlxMaskedReduce() {
	sums := func(g *graph.Graph) *graph.Node {
		mask := graph.Const(g, []bool{true, false})
		x := graph.Const(g, [][]float32{{1, 2}, {3, 4}})
		byColumn := graph.MaskedReduceAllSum(x, mask)                    // 1 + 3
		byRow := graph.MaskedReduceAllSum(x, graph.ExpandAxes(mask, -1)) // 1 + 2, what GoMLX returns for the line above
		return graph.Stack([]*graph.Node{byColumn, byRow}, 0)
	}
	fmt.Println(graph.MustCallOnce(backends.MustNew(), sums).Value())
	// Output: [4 3]
}

func Example_gomlxAbs() {
	slope := func(g *graph.Graph) *graph.Node {
		x := graph.Const(g, []float32{-2, 0, 2})
		return graph.Gradient(graph.ReduceAllSum(graph.Abs(x)), x)[0] // GoMLX: [-1 1 1]
	}
	fmt.Println(graph.MustCallOnce(backends.MustNew(), slope).Value())
	// Output: [-1 0 1]
}

func Example_gomlxTies() {
	slopes := func(g *graph.Graph) []*graph.Node {
		x, y := graph.Const(g, []float32{1, 2}), graph.Const(g, []float32{1, 1})
		atMax := graph.Gradient(graph.ReduceAllSum(graph.Max(x, y)), x, y) // GoMLX: [1 1] and [0 0]
		z := graph.Const(g, []float32{5, 5, 1})
		atReduceMax := graph.Gradient(graph.ReduceMax(z), z) // GoMLX: [1 1 0]
		return append(atMax, atReduceMax...)
	}
	for _, t := range graph.MustCallOnceN(backends.MustNew(), slopes) {
		fmt.Println(t.Value())
	}
	// Output:
	// [0.5 1]
	// [0.5 0]
	// [0.5 0.5 0]
}

func Example_gomlxComplexGradient() {
	slope := func(g *graph.Graph) *graph.Node {
		z := graph.Const(g, []complex128{3 - 4i})
		dz := graph.Gradient(graph.ReduceAllSum(graph.Abs(z)), z)[0] // GoMLX: 0.6-0.8i, the way up
		return graph.Concatenate([]*graph.Node{dz, graph.Conj(dz)}, 0)
	}
	fmt.Println(graph.MustCallOnce(backends.MustNew(), slope).Value())
	// Output: [(0.6+0.8i) (0.6-0.8i)]
}

func Example_gomlxCosineSimilarity() {
	slope := func(g *graph.Graph) *graph.Node {
		x, y := graph.Const(g, [][]float64{{0, 0}}), graph.Const(g, [][]float64{{3, 4}})
		return graph.Gradient(graph.ReduceAllSum(graph.CosineSimilarity(x, y, -1)), x)[0] // GoMLX: [[0 0]]
	}
	fmt.Println(graph.MustCallOnce(backends.MustNew(), slope).Value())
	// Output: [[0.6 0.8]]
}

func Example_gomlxIntegerGradient() {
	slope := func(x *graph.Node) *graph.Node { return graph.Gradient(graph.ReduceAllSum(x), x)[0] }
	_, err := graph.CallOnce(backends.MustNew(), slope, []int64{1, 2, 3}) // GoMLX: [1 1 1]
	e, _ := graph.AsError(err)
	fmt.Println(e.Unwrap())
	// Output: the output must be a float scalar (reduce it with ReduceAllSum or ReduceAllMean)
}

func Example_gomlxDynamicSlice() {
	corner := func(x, at *graph.Node) *graph.Node { // GoMLX also takes all starts in one tensor, at itself
		starts := []*graph.Node{graph.Slice(at, graph.AxisElem(0)), graph.Slice(at, graph.AxisElem(1))}
		for i, s := range starts {
			starts[i] = graph.Reshape(s)
		}
		return graph.DynamicSlice(x, starts, []int{2, 1})
	}
	fmt.Println(graph.MustCallOnce(backends.MustNew(), corner, [][]float32{{0, 1}, {2, 3}, {4, 5}}, []int32{1, 1}).Value())
	// Output: [[3] [5]]
}

func Example_gomlxConcatenate() {
	pair := func(x, y *graph.Node) *graph.Node { return graph.Stack([]*graph.Node{x, y}, 0) } // GoMLX: Concatenate takes scalars too
	fmt.Println(graph.MustCallOnce(backends.MustNew(), pair, 1.0, 2.0).Value())
	// Output: [1 2]
}

func Example_gomlxCall() {
	sum := graph.MustNewExec(backends.MustNew(), func(x, y *graph.Node) *graph.Node { return graph.Add(x, y) })
	list := []*tensors.Tensor{tensors.FromValue(1.0), tensors.FromValue(2.0)}
	y, err := sum.Call1(list[0], list[1]) // one argument per input; GoMLX also takes the list as one argument
	fmt.Println(y.Value(), err)
	// Output: 3 <nil>
}

func Example_gomlxWeights() {
	loss := func(labels, predictions, weights *graph.Node) *graph.Node {
		return losses.MeanSquaredError([]*graph.Node{labels, weights}, []*graph.Node{predictions})
	}
	y := graph.MustCallOnce(backends.MustNew(), loss, []float32{0, 0}, []float32{1, 3}, []float32{1, 3})
	fmt.Println(y.Value()) // (1·1 + 3·9) / (1 + 3); GoMLX divides by the number of examples: 28 / 2
	// Output: 7
}

func Example_gomlxCoefficients() {
	attention := func(scope *model.Scope, x *graph.Node) *graph.Node {
		_, coefficients := layers.SelfAttention(scope, x, 2, 4).DoneWithCoefficients()
		return coefficients
	}
	x := tensors.FromShape(shapes.Make(dtypes.Float32, 1, 5, 8))
	y := model.MustCallOnce(backends.MustNew(), model.NewStore(), attention, x)
	fmt.Println(y.Shape()) // [batch, heads, queries, keys]; GoMLX: [batch, queries, heads, keys]
	// Output: float32[1 2 5 5]
}
