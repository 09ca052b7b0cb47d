package metrics_test

import (
	"fmt"
	"strings"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/ml/metrics"
	"github.com/quire-ml/quire/ml/model"
)

// stream prints what a streaming metric measures of two batches, of an example more in the second.
func stream[L, P any](metric metrics.Streaming, labels []L, predictions []P) {
	exec := model.MustNewExec(gocpu.New(), model.NewStore(), func(scope *model.Scope, y, p *graph.Node) []*graph.Node {
		state, weight := metric.UpdateGraph(scope, []*graph.Node{y}, []*graph.Node{p})
		return []*graph.Node{state, weight}
	})
	var all []float64
	half := len(labels) / 2
	for _, batch := range [][2]any{{labels[:half], predictions[:half]}, {labels[half:], predictions[half:]}} {
		all = metric.Join(all, exec.MustCall(batch[0], batch[1])[0].Value().([]float64))
	}
	fmt.Printf("%s %.4f\n", metric.Name(), metric.Measure(all))
}

// One of two that is taken for class 0 is, two of three that are taken for class 1 are.
func ExampleNewPrecision() {
	stream(metrics.NewPrecision(metrics.Macro), []int32{0, 1, 1, 0, 1}, [][]float32{{2, 1}, {0, 3}, {5, 4}, {1, 2}, {1, 2}})
	// Output:
	// Precision 0.5833
}

// A half of class 0, two thirds of class 1.
func ExampleNewRecall() {
	stream(metrics.NewRecall(metrics.Macro), []int32{0, 1, 1, 0, 1}, [][]float32{{2, 1}, {0, 3}, {5, 4}, {1, 2}, {1, 2}})
	// Output:
	// Recall 0.5833
}

// The harmonic mean of both.
func ExampleNewF1() {
	stream(metrics.NewF1(metrics.Macro), []int32{0, 1, 1, 0, 1}, [][]float32{{2, 1}, {0, 3}, {5, 4}, {1, 2}, {1, 2}})
	// Output:
	// F1 0.5833
}

// Three of five are right.
func ExampleNewConfusion() {
	stream(metrics.NewConfusion(), []int32{0, 1, 1, 0, 1}, [][]float32{{2, 1}, {0, 3}, {5, 4}, {1, 2}, {1, 2}})
	// Output:
	// Confusion 0.6000
}

// One of three and two of four.
func ExampleNewMeanIoU() {
	stream(metrics.NewMeanIoU(), []int32{0, 1, 1, 0, 1}, [][]float32{{2, 1}, {0, 3}, {5, 4}, {1, 2}, {1, 2}})
	// Output:
	// Mean IoU 0.4167
}

// Two of three above 1/2 are positive.
func ExampleNewBinaryPrecision() {
	stream(metrics.NewBinaryPrecision(0.5), []float32{0, 1, 1, 0, 1}, []float32{0.1, 0.8, 0.4, 0.6, 0.7})
	// Output:
	// Precision 0.6667
}

// Two of three that are positive are above 1/2.
func ExampleNewBinaryRecall() {
	stream(metrics.NewBinaryRecall(0.5), []float32{0, 1, 1, 0, 1}, []float32{0.1, 0.8, 0.4, 0.6, 0.7})
	// Output:
	// Recall 0.6667
}

// The harmonic mean of both.
func ExampleNewBinaryF1() {
	stream(metrics.NewBinaryF1(0.5), []float32{0, 1, 1, 0, 1}, []float32{0.1, 0.8, 0.4, 0.6, 0.7})
	// Output:
	// F1 0.6667
}

// Five of six pairs are in order.
func ExampleNewROCAUC() {
	stream(metrics.NewROCAUC(), []float32{0, 1, 1, 0, 1}, []float32{0.1, 0.8, 0.4, 0.6, 0.7})
	// Output:
	// ROC AUC 0.8333
}

// The third positive comes after a negative.
func ExampleNewPRAUC() {
	stream(metrics.NewPRAUC(), []float32{0, 1, 1, 0, 1}, []float32{0.1, 0.8, 0.4, 0.6, 0.7})
	// Output:
	// PR AUC 0.9167
}

// In doubt between two words.
func ExampleNewPerplexity() {
	stream(metrics.NewPerplexity(), []int32{0, 1, 1}, [][]float32{{1, 1}, {2, 2}, {0, 0}})
	// Output:
	// Perplexity 2.0000
}

// Most of the variance is predicted.
func ExampleNewR2() {
	stream(metrics.NewR2(), []float32{0, 1, 2, 3}, []float32{0, 1, 2, 2})
	// Output:
	// R² 0.8000
}

// The squares are 9, 16 and 0.
func ExampleNewRootMeanSquaredError() {
	stream(metrics.NewRootMeanSquaredError(), []float32{3, 4, 0}, []float32{0, 0, 0})
	// Output:
	// Root mean squared error 2.8868
}

// The errors are 1, 2 and 300.
func ExampleNewMedianAbsoluteError() {
	stream(metrics.NewMedianAbsoluteError(), []float32{1, 2, 300}, []float32{0, 0, 0})
	// Output:
	// Median absolute error 2.0000
}

// A metric of one's own: the ratio of two sums.
func ExampleNewSums() {
	bias := metrics.NewSums("Bias", "bias", "score", func(_ *model.Scope, labels, predictions []*graph.Node) *graph.Node {
		return graph.Stack([]*graph.Node{graph.ReduceAllSum(predictions[0]), graph.ReduceAllSum(labels[0])}, 0)
	}, func(sums []float64) float64 { return sums[0] / sums[1] })
	stream(bias, []float32{1, 2, 3}, []float32{2, 2, 5})
	// Output:
	// Bias 1.5000
}

// A metric of one's own: the largest error.
func ExampleNewCollected() {
	worst := metrics.NewCollected("Largest error", "max", "error", func(_ *model.Scope, labels, predictions []*graph.Node) *graph.Node {
		return graph.Abs(graph.Sub(predictions[0], labels[0]))
	}, func(all []float64) float64 {
		largest := 0.0
		for _, x := range all {
			largest = max(largest, x)
		}
		return largest
	})
	stream(worst, []float32{1, 2, 3}, []float32{2, 2, 5})
	// Output:
	// Largest error 2.0000
}

// Class 0 was once taken for class 1, and once for what is no number.
func ExampleConfusion() {
	fmt.Println(metrics.Confusion([]float64{5, 1, 1, 0, 7, 0}))
	// Output:
	// [[5 1 1] [0 7 0]]
}

// One word of seven is wrong.
func ExampleBLEU() {
	fmt.Println(metrics.BLEU([][]string{strings.Fields("the cat sat on the red mat")}, [][][]string{{strings.Fields("the cat sat on the blue mat")}}))
	// Output:
	// 0.6434588841607616 <nil>
}

// It has another name.
func ExampleUnweighted() {
	fmt.Println(metrics.Unweighted(metrics.NewBinaryAccuracy()).Name())
	// Output:
	// Unweighted accuracy
}
