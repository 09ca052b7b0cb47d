package viz_test

import (
	"context"
	"fmt"

	"github.com/quire-ml/quire/ml/search"
	"github.com/quire-ml/quire/ml/train"
	"github.com/quire-ml/quire/viz"
)

func ExampleRateFinder() {
	curve := &train.RateCurve{ // in a program, of train.FindRate
		Rates:     []float64{0.001, 0.01, 0.1, 1},
		Losses:    []float64{2.5, 2.1, 0.9, 7},
		Smoothed:  []float64{2.5, 2.2, 1.2, 4},
		Suggested: 0.01,
		Diverged:  true,
	}
	viz.Show(viz.RateFinder(curve))
	// Output:
	//                            learning rate  loss
	// ─────────────────────────────────────────────
	// suggested: falls fastest           0.01   2.2
	// least                               0.1   1.2
	// first                             0.001   2.5
	// last                                  1     4
	// 4 learning rates from 0.001 to 1, where the loss grows: the loss falls fastest at 0.01
}

func ExampleSearchRuns() {
	trials, err := search.Run(context.Background(), search.Options{Trials: 3}, search.Space{"width": search.Ints(8, 64)}, func(_ context.Context, t *search.Trial) (float64, error) {
		return 1 / float64(t.Int("width")), nil // as if it had been trained
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	viz.Show(viz.Sweep(viz.SearchRuns(trials)...))
	// Output:
	// search value of 3 runs
	// run      width  search value
	// ────────────────────────────
	// trial 0     64       0.01562
	// trial 2     35       0.02857
	// trial 1     24       0.04167
}
