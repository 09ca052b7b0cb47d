package losses_test

import (
	"fmt"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/ml/losses"
)

// measure prints the loss of labels and predictions.
func measure(loss losses.Fn, labels any, predictions ...any) {
	out := graph.MustCallOnce(gocpu.New(), func(in []*graph.Node) *graph.Node { return loss(in[:1], in[1:]) }, append([]any{labels}, predictions...)...)
	fmt.Printf("%.4f\n", out.Value())
}

// The sides of the triangle are 3 and 4.
func ExampleEuclideanDistance() {
	measure(losses.EuclideanDistance, [][]float32{{0, 0}}, [][]float32{{3, 4}})
	// Output:
	// 5.0000
}

// The sides of the triangle are 3 and 4.
func ExampleSquaredEuclideanDistance() {
	measure(losses.SquaredEuclideanDistance, [][]float32{{0, 0}}, [][]float32{{3, 4}})
	// Output:
	// 25.0000
}

// Where the distance is the middle, its power is 1.5.
func ExampleMakeAdaptivePowerLoss() {
	measure(losses.MakeAdaptivePowerLoss(2, 1, 4, 1), []float32{0}, []float32{4})
	// Output:
	// 8.0000
}

// To predict too little costs 0.9 of the error, too much 0.1.
func ExampleMakeQuantileLoss() {
	measure(losses.MakeQuantileLoss(0.9), []float32{1, 1}, []float32{0, 2})
	// Output:
	// 0.5000
}

// Large errors cost their absolute value, less log 2.
func ExampleLogCosh() {
	measure(losses.LogCosh, []float32{0}, []float32{10})
	// Output:
	// 9.3069
}

// No events where one is expected.
func ExamplePoisson() {
	measure(losses.Poisson, []float32{0}, []float32{1})
	// Output:
	// 1.0000
}

// A logit of 0 is a rate of 1.
func ExamplePoissonLogits() {
	measure(losses.PoissonLogits, []float32{0}, []float32{0})
	// Output:
	// 1.0000
}

// An error of 2 where a deviation of 2 is predicted: (log 4 + 1)/2.
func ExampleGaussianNegativeLogLikelihood() {
	measure(losses.GaussianNegativeLogLikelihood, []float32{0}, []float32{2}, []float32{4})
	// Output:
	// 1.1931
}

// The class 1 has the logarithm -0.5.
func ExampleNegativeLogLikelihood() {
	measure(losses.NegativeLogLikelihood, []int32{1}, [][]float32{{-1, -0.5}})
	// Output:
	// 0.5000
}

// From a coin that is fair to one that is not.
func ExampleKullbackLeibler() {
	measure(losses.KullbackLeibler, [][]float32{{0.5, 0.5}}, [][]float32{{0.25, 0.75}})
	// Output:
	// 0.1438
}

// Equal logits are a fair coin.
func ExampleKullbackLeiblerLogits() {
	measure(losses.KullbackLeiblerLogits, [][]float32{{0.5, 0.5}}, [][]float32{{1, 1}})
	// Output:
	// 0.0000
}

// Of a probability of 1/2 a quarter of the cross entropy is left.
func ExampleMakeFocalLossLogits() {
	measure(losses.MakeFocalLossLogits(2), []int32{0}, [][]float32{{0, 0}})
	// Output:
	// 0.1733
}

// A quarter for gamma, another for alpha.
func ExampleMakeBinaryFocalLossLogits() {
	measure(losses.MakeBinaryFocalLossLogits(0.25, 2), []float32{1}, []float32{0})
	// Output:
	// 0.0433
}

// Right by more than 1 costs nothing, wrong by 1 costs 2.
func ExampleHinge() {
	measure(losses.Hinge, []float32{1, -1}, []float32{3, 1})
	// Output:
	// 1.0000
}

// Right by more than 1 costs nothing, wrong by 1 costs 4.
func ExampleSquaredHinge() {
	measure(losses.SquaredHinge, []float32{1, -1}, []float32{3, 1})
	// Output:
	// 2.0000
}

// Another class comes as near as half of the margin; the mean is over two classes.
func ExampleMakeMultiMarginLoss() {
	measure(losses.MakeMultiMarginLoss(1), []int32{0}, [][]float32{{1, 0.5}})
	// Output:
	// 0.2500
}

// At right angles.
func ExampleCosineDistance() {
	measure(losses.CosineDistance, [][]float32{{1, 0}}, [][]float32{{0, 3}})
	// Output:
	// 1.0000
}

// Half of what is predicted is there.
func ExampleMakeDiceLoss() {
	measure(losses.MakeDiceLoss(1e-6), [][]float32{{1, 0, 0}}, [][]float32{{1, 1, 0}})
	// Output:
	// 0.3333
}

// One of two places is in both.
func ExampleMakeIoULoss() {
	measure(losses.MakeIoULoss(1e-6), [][]float32{{1, 0, 0}}, [][]float32{{1, 1, 0}})
	// Output:
	// 0.5000
}

// A pair that belongs together is 1 apart, one that does not is too near by 1.
func ExampleMakeContrastiveLoss() {
	measure(losses.MakeContrastiveLoss(2), []float32{1, 0}, [][]float32{{0}, {0}}, [][]float32{{1}, {1}})
	// Output:
	// 1.0000
}

// Each is like its other one, and not like the others.
func ExampleMakeInfoNCELoss() {
	measure(losses.MakeInfoNCELoss(0.1, true), []int32{0, 0}, [][]float32{{1, 0}, {0, 1}}, [][]float32{{2, 0}, {0, 3}})
	// Output:
	// 0.0000
}

// The positive is 1 away from its anchor, the negative 2.
func ExampleMakeTripletLoss() {
	measure(losses.MakeTripletLoss(losses.Hard, losses.L2, 1.5), []int32{0, 0, 1}, [][]float32{{0}, {1}, {-2}})
	// Output:
	// 0.2500
}

// Three of four paths of two frames are the label: 1-, -1 and 11.
func ExampleCTCLogits() {
	measure(losses.CTCLogits, [][]int32{{1}}, [][][]float32{{{0, 0}, {0, 0}}})
	// Output:
	// 0.2877
}

// The sum of the squares 1 and 4.
func ExampleWithReduction() {
	measure(losses.WithReduction(losses.MeanSquaredError, losses.Sum), []float32{0, 0}, []float32{1, 2})
	// Output:
	// 5.0000
}

// An autoencoder's labels are its inputs, and a variance that the model has named is kept near 1.
func ExampleInputs() {
	loss := func(_, predictions []*graph.Node) *graph.Node {
		g := predictions[0].Graph()
		variance := losses.Output(g, "variance")
		return graph.Add(losses.MeanSquaredError(losses.Inputs(g), predictions), graph.ReduceAllMean(graph.Square(graph.OneMinus(variance))))
	}
	out := graph.MustCallOnce(gocpu.New(), func(x *graph.Node) *graph.Node { // a trainer does this
		losses.SetInputs(x.Graph(), []*graph.Node{x})
		losses.SetOutput("variance", graph.MulScalar(x, 2))
		return loss(nil, []*graph.Node{graph.OnePlus(x)})
	}, []float32{1, 1})
	fmt.Println(out.Value())
	// Output:
	// 2
}

// See the example of Inputs.
func ExampleSetInputs() {
	out := graph.MustCallOnce(gocpu.New(), func(x *graph.Node) *graph.Node {
		losses.SetInputs(x.Graph(), []*graph.Node{x})
		return losses.Inputs(x.Graph())[0]
	}, float32(3))
	fmt.Println(out.Value())
	// Output:
	// 3
}

// See the example of Inputs.
func ExampleSetOutput() {
	out := graph.MustCallOnce(gocpu.New(), func(x *graph.Node) *graph.Node {
		losses.SetOutput("twice", graph.MulScalar(x, 2))
		return losses.Output(x.Graph(), "twice")
	}, float32(3))
	fmt.Println(out.Value())
	// Output:
	// 6
}

// See the example of Inputs.
func ExampleOutput() {
	err := graph.Catch(func() { losses.Output(graph.NewGraph(gocpu.New(), "model"), "mean") })
	fmt.Println(err)
	// Output:
	// shelves_example_test.go:226: Output: there is no output "mean" (the model has named none with SetOutput)
}
