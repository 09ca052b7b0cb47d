package metrics_test

import (
	"fmt"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/metrics"
	"github.com/quire-ml/quire/ml/model"
)

// measure returns what a metric finds for one batch, and what that weighs among other batches.
func measure(metric metrics.Interface, labels, predictions any) (value, weight any) {
	out := model.MustCallOnceN(gocpu.New(), model.NewStore(), func(scope *model.Scope, y, p *graph.Node) (value, weight *graph.Node) {
		return metric.UpdateGraph(scope, []*graph.Node{y}, []*graph.Node{p})
	}, labels, predictions)
	return out[0].Value(), out[1].Value()
}

// The largest logit is at the label in two of four examples.
func ExampleNewSparseCategoricalAccuracy() {
	value, weight := measure(metrics.NewSparseCategoricalAccuracy(), []int32{0, 1, 1, 0}, [][]float32{{2, 1}, {0, 3}, {5, 4}, {1, 2}})
	fmt.Printf("%.4f of %v\n", value, weight)
	// Output:
	// 0.5000 of 4
}

// Labels are one-hot; the second prediction is wrong.
func ExampleNewCategoricalAccuracy() {
	value, weight := measure(metrics.NewCategoricalAccuracy(), [][]float32{{1, 0}, {0, 1}}, [][]float32{{2, 1}, {4, 3}})
	fmt.Printf("%.4f of %v\n", value, weight)
	// Output:
	// 0.5000 of 2
}

// A probability of 0.4 is a no, of 0.9 a yes: one of the three is wrong.
func ExampleNewBinaryAccuracy() {
	value, weight := measure(metrics.NewBinaryAccuracy(), []float32{0, 1, 1}, []float32{0.4, 0.9, 0.2})
	fmt.Printf("%.4f of %v\n", value, weight)
	// Output:
	// 0.6667 of 3
}

// A logit below 0 is a no.
func ExampleNewBinaryLogitsAccuracy() {
	value, weight := measure(metrics.NewBinaryLogitsAccuracy(), []float32{0, 1, 1, 1}, []float32{-1, 2, -3, 0.1})
	fmt.Printf("%.4f of %v\n", value, weight)
	// Output:
	// 0.7500 of 4
}

// The label of the second example has only the third largest logit.
func ExampleNewTopKAccuracy() {
	value, weight := measure(metrics.NewTopKAccuracy(2), []int32{0, 0}, [][]float32{{2, 3, 1}, {1, 2, 3}})
	fmt.Printf("%.4f of %v\n", value, weight)
	// Output:
	// 0.5000 of 2
}

// The errors are 1 and 3.
func ExampleNewMeanAbsoluteError() {
	value, weight := measure(metrics.NewMeanAbsoluteError(), []float32{0, 0}, []float32{1, -3})
	fmt.Printf("%.4f of %v\n", value, weight)
	// Output:
	// 2.0000 of 2
}

// A loss, shown as a metric.
func ExampleFromLoss() {
	value, weight := measure(metrics.FromLoss("Squared error", "mse", losses.MeanSquaredError), []float32{0, 0}, []float32{1, -3})
	fmt.Printf("%.4f of %v\n", value, weight)
	// Output:
	// 5.0000 of 2
}

// A metric of one's own: how often a prediction is off by less than 1.
func ExampleNew() {
	near := metrics.New("Near", "near", "accuracy", func(_ *model.Scope, labels, predictions []*graph.Node) *graph.Node {
		off := graph.Abs(graph.Sub(predictions[0], labels[0]))
		return graph.LessThan(off, graph.ConstAs(off, 1))
	}).AsPercent()
	value, weight := measure(near, []float32{1, 2, 3, 4}, []float32{1.5, 2, 5, 3.25})
	fmt.Printf("%s: %.4f of %v\n", near.Name(), value, weight)
	// Output:
	// Near: 0.7500 of 4
}

// A last batch of one example counts for one: (32·0.5 + 1·1) / 33.
func ExampleMean() {
	var mean metrics.Mean
	mean.Add(0.5, 32)
	mean.Add(1, 1)
	fmt.Printf("%.4f\n", mean.Value())
	// Output:
	// 0.5152
}

// The newest value counts for a quarter, once there are four.
func ExampleMovingAverage() {
	average := metrics.MovingAverage{NewWeight: 0.25}
	for _, loss := range []float64{8, 4, 0, 0, 0} {
		average.Add(loss, 1)
		fmt.Printf("%.2f ", average.Value())
	}
	// Output:
	// 8.00 6.00 4.00 3.00 2.25
}
