package viz_test

import (
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"
	"github.com/quire-ml/quire/viz"
)

func ExampleROC() {
	viz.Show(viz.ROC([]int{0, 0, 1, 1}, []float64{0.1, 0.4, 0.35, 0.8}, "ham", "spam"))
	// Output:
	// ROC
	// class  of it  others    area
	// ────────────────────────────
	// spam       2       2  0.7500
}

func ExamplePrecisionRecall() {
	viz.Show(viz.PrecisionRecall([]int{0, 0, 1, 1}, []float64{0.1, 0.4, 0.35, 0.8}, "ham", "spam"))
	// Output:
	// precision and recall
	// class  of it  others  average precision
	// ───────────────────────────────────────
	// spam       2       2             0.8333
}

func ExampleCalibration() {
	viz.Show(viz.Calibration([]int{0, 1, 1, 0}, []float64{0.1, 0.9, 0.85, 0.3}))
	// Output:
	// expected calibration error 0.1625, Brier score 0.0331, 4 examples
	// probability  examples   mean    true
	// ────────────────────────────────────
	// 0.0 to 0.1          1  0.100    0.0%
	// 0.2 to 0.3          1  0.300    0.0%
	// 0.8 to 0.9          2  0.875  100.0%
}

func ExampleRegression() {
	viz.Show(viz.Regression([]float64{3, -0.5, 2, 7}, []float64{2.5, 0, 2, 8}))
	// Output: R² 0.9486, RMSE 0.6124, MAE 0.5, mean difference 0.25, largest 1, 4 examples
}

func ExampleSchedule() {
	viz.Show(viz.Schedule(1001, optimizers.WarmUp(100, optimizers.Linear(1000)), viz.RateFunc(func(float64) float64 { return 0.5 })))
	// Output:
	// schedule    over steps                                   first  largest   at  last
	// ──────────────────────────────────────────────────────────────────────────────────
	// schedule 1  ▁▃▅▇█████▇▇▇▇▆▆▆▆▆▅▅▅▅▄▄▄▄▃▃▃▃▃▂▂▂▂▁▁▁▁▁  0.009901        1  100   0.1
	// schedule 2  ▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄       0.5      0.5    0   0.5
}

func ExampleRateFunc_Value() {
	halved := viz.RateFunc(func(step float64) float64 { return 1 / (1 + step/100) })
	fmt.Println(halved.Value(100))
	// Output: 0.5
}

func ExampleSweep() {
	var runs []*viz.Run
	for i, rate := range []float64{0.1, 0.01, 0.001} {
		r := viz.NewRun(fmt.Sprintf("trial %d", i+1))
		r.Set("learning rate", rate)
		r.Add(train.Event{Kind: train.Eval, GlobalStep: 10, Dataset: "test", Metrics: []train.Metric{{Name: "Mean loss", Short: "loss", Kind: "loss", Value: []float64{0.9, 0.2, 0.5}[i]}}})
		runs = append(runs, r)
	}
	viz.Show(viz.Sweep(runs...))
	// Output:
	// test loss of 3 runs
	// run      learning rate  test loss
	// ─────────────────────────────────
	// trial 2           0.01        0.2
	// trial 3          0.001        0.5
	// trial 1            0.1        0.9
}

func ExampleSweepScatter() {
	var runs []*viz.Run
	for i, width := range []int{32, 64} {
		r := viz.NewRun(fmt.Sprintf("trial %d", i+1))
		r.Set("width", width)
		r.Add(train.Event{Kind: train.Eval, GlobalStep: 10, Dataset: "test", Metrics: []train.Metric{{Name: "Mean loss", Short: "loss", Kind: "loss", Value: 1 / float64(width)}}})
		runs = append(runs, r)
	}
	viz.Show(viz.SweepScatter(runs...))
	// Output:
	// run      width  test loss
	// ─────────────────────────
	// trial 2     64    0.01562
	// trial 1     32    0.03125
}

// half is a model that predicts half of its input.
type half struct{}

func (half) Predict(inputs ...any) ([]*tensors.Tensor, error) {
	return []*tensors.Tensor{tensors.FromValue(float32(inputs[0].(*tensors.Tensor).Float64At(0) / 2))}, nil
}

func (h half) EvalStep(b data.Batch) (train.Metrics, error) {
	d := b.Inputs[0].Float64At(0)/2 - b.Labels[0].Float64At(0)
	return train.Metrics{{Name: "Mean loss", Value: d * d}}, nil
}

func halves() *data.InMemoryDataset {
	ds, err := data.InMemory("halves", []float32{1, 2, 3}, []float32{0.5, 1, 9})
	if err != nil {
		panic(err)
	}
	return ds.BatchSize(3, false)
}

func ExampleResults() {
	viz.Show(viz.Results(half{}, halves())) // in a program a *train.Trainer
	// Output:
	// example  truth  predicted  input
	// ────────────────────────────────
	//       0  0.5    0.5        1
	//       1  1      1          2
	//       2  9      1.5        3
}

func ExampleTopLosses() {
	viz.Show(viz.TopLosses(half{}, halves(), viz.ResultOptions{Count: 1}))
	// Output:
	// the largest losses of 3 examples
	// example   loss  truth  predicted  input
	// ───────────────────────────────────────
	//       2  56.25  9      1.5        3
}

func ExampleTrack() {
	withoutTimes(func() {
		for fold := range viz.Track(slices.Values([]string{"a", "b"}), viz.TrackOptions{Name: "folds", Total: 2}) {
			viz.TrackRow("fold", fold, "accuracy", 0.5)
		}
	})
	// Output:
	// folds  ████████████████████████ 2/2 each · done
	// fold  accuracy
	// ──────────────
	//    a       0.5
	//    b       0.5
}

func ExampleTrack2() {
	withoutTimes(func() {
		for i, name := range viz.Track2(slices.All([]string{"a", "b"})) {
			_, _ = i, name
		}
	})
	// Output: 2 each · done
}

func ExampleTrackRow() {
	viz.TrackRow("fold", 1, "accuracy", 0.5) // outside of a tracked loop it is shown at once
	// Output:
	// fold  accuracy
	// ──────────────
	//    1       0.5
}

func ExampleGraphWith() {
	b := viz.GraphWith(viz.GraphOptions{Depth: 1}, func(x *graph.Node) *graph.Node { return graph.Tanh(graph.Neg(x)) }, f32(3))
	fmt.Println(b)
	// Output:
	// "viz_test.ExampleGraphWith.func1": 1 input, 2 ops, 6 FLOPs
	//     op         operands     shape       at
	// ────────────────────────────────────────────────────────────────
	// %0  Parameter            x  float32[3]
	// %1  Neg        %0           float32[3]  example_many_test.go:169
	// %2  Tanh *     %1           float32[3]  example_many_test.go:169
	// * result
}

func ExampleInteractive() {
	viz.Show(viz.Interactive("text")) // curves, runs, plots, tensors and graphs have a page
	// Output:
	// no interactive page: there is nothing in it that an interactive page could show: curves, runs, plots, tensors of one or two axes and graphs are shown
	// text
}
