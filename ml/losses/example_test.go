package losses_test

import (
	"fmt"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/ml/losses"
)

// Two predictions that are right, the second one less sure of it: the mean of -log 0.8 and -log 0.6.
func ExampleBinaryCrossentropy() {
	loss := graph.MustCallOnce(gocpu.New(), func(labels, predictions *graph.Node) *graph.Node {
		return losses.BinaryCrossentropy([]*graph.Node{labels}, []*graph.Node{predictions})
	}, []float32{1, 0}, []float32{0.8, 0.4})
	fmt.Printf("%.4f\n", loss.Value())
	// Output:
	// 0.3670
}

// A logit of 0 is a probability of 1/2, whose loss is log 2.
func ExampleBinaryCrossentropyLogits() {
	loss := graph.MustCallOnce(gocpu.New(), func(labels, predictions *graph.Node) *graph.Node {
		return losses.BinaryCrossentropyLogits([]*graph.Node{labels}, []*graph.Node{predictions})
	}, []float32{1, 0}, []float32{0, 0})
	fmt.Printf("%.4f\n", loss.Value())
	// Output:
	// 0.6931
}

// With a smoothing of 0.2 the labels are 0.9 and 0.1: to be all too sure costs something.
func ExampleMakeBinaryCrossentropyLogits() {
	loss := graph.MustCallOnce(gocpu.New(), func(labels, predictions *graph.Node) *graph.Node {
		return losses.MakeBinaryCrossentropyLogits(0.2)([]*graph.Node{labels}, []*graph.Node{predictions})
	}, []float32{1, 0}, []float32{9, -9})
	fmt.Printf("%.4f\n", loss.Value())
	// Output:
	// 0.9001
}

// The label is one-hot: what counts is the probability of its class, here -log 0.5.
func ExampleCategoricalCrossEntropy() {
	loss := graph.MustCallOnce(gocpu.New(), func(labels, predictions *graph.Node) *graph.Node {
		return losses.CategoricalCrossEntropy([]*graph.Node{labels}, []*graph.Node{predictions})
	}, [][]float32{{0, 1, 0}}, [][]float32{{0.25, 0.5, 0.25}})
	fmt.Printf("%.4f\n", loss.Value())
	// Output:
	// 0.6931
}

// Equal logits of four classes: log 4.
func ExampleCategoricalCrossEntropyLogits() {
	loss := graph.MustCallOnce(gocpu.New(), func(labels, predictions *graph.Node) *graph.Node {
		return losses.CategoricalCrossEntropyLogits([]*graph.Node{labels}, []*graph.Node{predictions})
	}, [][]float32{{0, 1, 0, 0}}, [][]float32{{3, 3, 3, 3}})
	fmt.Printf("%.4f\n", loss.Value())
	// Output:
	// 1.3863
}

// Smoothing keeps the loss of a prediction that is right and sure from 0.
func ExampleMakeCategoricalCrossEntropyLogits() {
	loss := graph.MustCallOnce(gocpu.New(), func(labels, predictions *graph.Node) *graph.Node {
		return losses.MakeCategoricalCrossEntropyLogits(0.1)([]*graph.Node{labels}, []*graph.Node{predictions})
	}, [][]float32{{0, 1}}, [][]float32{{0, 8}})
	fmt.Printf("%.4f\n", loss.Value())
	// Output:
	// 0.4003
}

// Labels are the numbers of the classes. The first example is right and sure, the second knows nothing: half of log 3.
func ExampleSparseCategoricalCrossEntropyLogits() {
	loss := graph.MustCallOnce(gocpu.New(), func(labels, predictions *graph.Node) *graph.Node {
		return losses.SparseCategoricalCrossEntropyLogits([]*graph.Node{labels}, []*graph.Node{predictions})
	}, []int32{2, 0}, [][]float32{{0, 0, 30}, {1, 1, 1}})
	fmt.Printf("%.4f\n", loss.Value())
	// Output:
	// 0.5493
}

// A part of 0.1 of each label is spread over both classes.
func ExampleMakeSparseCategoricalCrossEntropyLogits() {
	loss := graph.MustCallOnce(gocpu.New(), func(labels, predictions *graph.Node) *graph.Node {
		return losses.MakeSparseCategoricalCrossEntropyLogits(0.1)([]*graph.Node{labels}, []*graph.Node{predictions})
	}, []int32{1}, [][]float32{{0, 8}})
	fmt.Printf("%.4f\n", loss.Value())
	// Output:
	// 0.4003
}

// The errors are 1 and 3: (1 + 9) / 2.
func ExampleMeanSquaredError() {
	loss := graph.MustCallOnce(gocpu.New(), func(labels, predictions *graph.Node) *graph.Node {
		return losses.MeanSquaredError([]*graph.Node{labels}, []*graph.Node{predictions})
	}, []float32{0, 0}, []float32{1, -3})
	fmt.Printf("%.4f\n", loss.Value())
	// Output:
	// 5.0000
}

// The errors are 1 and 3: (1 + 3) / 2.
func ExampleMeanAbsoluteError() {
	loss := graph.MustCallOnce(gocpu.New(), func(labels, predictions *graph.Node) *graph.Node {
		return losses.MeanAbsoluteError([]*graph.Node{labels}, []*graph.Node{predictions})
	}, []float32{0, 0}, []float32{1, -3})
	fmt.Printf("%.4f\n", loss.Value())
	// Output:
	// 2.0000
}

// The error 0.5 counts by its square, 0.5²/2; the error 10 only by its size, 10 - 1/2.
func ExampleMakeHuberLoss() {
	loss := graph.MustCallOnce(gocpu.New(), func(labels, predictions *graph.Node) *graph.Node {
		return losses.MakeHuberLoss(1)([]*graph.Node{labels}, []*graph.Node{predictions})
	}, []float32{0, 0}, []float32{0.5, 10})
	fmt.Printf("%.4f\n", loss.Value())
	// Output:
	// 4.8125
}

// A penalty for large weights is added where the weights are made; trainers add it to the loss.
func ExampleAddL2Regularization() {
	extra := graph.MustCallOnce(gocpu.New(), func(weights *graph.Node) *graph.Node {
		losses.AddL2Regularization(0.1, weights)
		return losses.Extra(weights.Graph())
	}, []float32{3, -4})
	fmt.Printf("%.4f\n", extra.Value()) // 0.1 · (9 + 16)
	// Output:
	// 2.5000
}

// What is added twice is summed.
func ExampleAddExtra() {
	extra := graph.MustCallOnce(gocpu.New(), func(x *graph.Node) *graph.Node {
		losses.AddExtra(graph.ReduceAllSum(x))
		losses.AddExtra(graph.ReduceAllMax(x))
		return losses.Extra(x.Graph())
	}, []float32{1, 2, 3})
	fmt.Println(extra.Value())
	// Output:
	// 9
}

// Without an extra loss there is no node.
func ExampleExtra() {
	fmt.Println(losses.Extra(graph.NewGraph(gocpu.New(), "plain")) == nil)
	// Output:
	// true
}

// The second example counts three times as much: (1 + 3·5) / 4.
func ExampleReduce() {
	mean := graph.MustCallOnce(gocpu.New(), func(y, weights, loss *graph.Node) *graph.Node {
		return losses.Reduce(loss, []*graph.Node{y, weights})
	}, []float32{0, 0}, []float32{1, 3}, []float32{1, 5})
	fmt.Println(mean.Value())
	// Output:
	// 4
}

// A mask hides the last example: the mean of the others weighs two among other batches.
func ExampleMeanAndWeight() {
	out := graph.MustCallOnceN(gocpu.New(), func(y, mask, loss *graph.Node) (mean, weight *graph.Node) {
		return losses.MeanAndWeight(loss, []*graph.Node{y, mask})
	}, []float32{0, 0, 0}, []bool{true, true, false}, []float32{1, 2, 99})
	fmt.Println(out[0].Value(), out[1].Value())
	// Output:
	// 1.5 2
}

// Two sequences of three and of one element: the batch weighs four.
func ExampleTotalWeight() {
	weight := graph.MustCallOnce(gocpu.New(), func(y, mask, p *graph.Node) *graph.Node {
		return losses.TotalWeight([]*graph.Node{y, mask}, []*graph.Node{p})
	}, [][]float32{{1, 2, 3}, {4, 0, 0}}, [][]bool{{true, true, true}, {true, false, false}}, [][]float32{{0, 0, 0}, {0, 0, 0}})
	fmt.Println(weight.Value())
	// Output:
	// 4
}

// Weights and mask stand behind the label in either order; each gets the rank of the loss.
func ExampleWeightsAndMask() {
	g := graph.NewGraph(gocpu.New(), "losses")
	y, mask, weights := graph.Const(g, [][]float32{{1, 2}}), graph.Const(g, []bool{true}), graph.Const(g, []float32{2})
	w, m := losses.WeightsAndMask(y.Shape(), []*graph.Node{y, mask, weights})
	fmt.Println(w.Shape(), m.Shape())
	// Output:
	// float32[1 1] bool[1 1]
}

// A column of labels becomes a vector, as a loss over [..., C] needs it.
func ExampleSparseLabels() {
	k := graph.MustCallOnce(gocpu.New(), func(labels, logits *graph.Node) *graph.Node {
		return losses.SparseLabels("mine", []*graph.Node{labels}, []*graph.Node{logits})
	}, [][]int32{{2}, {0}}, [][]float32{{1, 2, 3}, {1, 2, 3}})
	fmt.Println(k.Value())
	// Output:
	// [2 0]
}
