package plots_test

import (
	"fmt"
	"math"

	"github.com/quire-ml/quire/viz"
	"github.com/quire-ml/quire/viz/plots"
)

func ExampleCombine() {
	measured := plots.Points{Name: "measured", X: []float64{0, 1, 2, 3}, Y: []float64{0.1, 0.9, 2.2, 2.8}}
	fitted := plots.Points{Name: "fitted", X: []float64{0, 3}, Y: []float64{0.09, 2.91}}
	viz.Show(plots.Combine(plots.Options{XLabel: "x", YLimits: [2]float64{0, math.NaN()}}, plots.Dots(measured), plots.Line(fitted)))
	// Output:
	// measured: 4 points, x 0 to 3, y 0.1 to 2.8
	// fitted: 2 points, x 0 to 3, y 0.09 to 2.91
}

func ExampleBars() {
	viz.Show(plots.Bars(plots.Options{Title: "accuracy"}, []string{"linear", "deep"},
		plots.Points{Name: "train", Y: []float64{0.91, 0.99}}, plots.Points{Name: "test", Y: []float64{0.9, 0.95}}))
	// Output:
	// accuracy
	//         train  test
	// ───────────────────
	// linear   0.91   0.9
	// deep     0.99  0.95
}

func ExampleHeatMap() {
	viz.Show(plots.HeatMap(plots.Options{}, [][]float64{{1, 0.2}, {0.2, 1}}, []string{"a", "b"}, []string{"a", "b"}))
	// Output:
	//      a    b
	// ───────────
	// a    1  0.2
	// b  0.2    1
}

func ExampleBoxes() {
	viz.Show(plots.Boxes(plots.Options{YLabel: "error"}, []string{"linear", "deep"}, []float64{1, 2, 3, 4, 50}, []float64{1, 1, 2}))
	// Output:
	// linear: 5 values, quartiles 2 3 4, range 1 to 50
	// deep: 3 values, quartiles 1 1 1.5, range 1 to 2
}

func ExampleScatter() {
	viz.Show(plots.Scatter(plots.Options{Title: "two groups"},
		plots.Points{Name: "a", X: []float64{1, 2, 3}, Y: []float64{1, 1.5, 1}}, plots.Points{Name: "b", X: []float64{5, 6}, Y: []float64{3, 4}}))
	// Output:
	// two groups
	// a: 3 points, x 1 to 3, y 1 to 1.5
	// b: 2 points, x 5 to 6, y 3 to 4
}

func ExampleLines() {
	viz.Show(plots.Lines(plots.Options{LogY: true, YLabel: "loss"}, plots.Points{Name: "adam", X: []float64{0, 1, 2}, Y: []float64{1, 0.1, 0.01}}))
	// Output:
	// adam: 3 points, x 0 to 2, y 0.01 to 1
}

func ExampleRegions() {
	left := plots.Points{Name: "left", X: []float64{0, 1}, Y: []float64{0, 1}}
	right := plots.Points{Name: "right", X: []float64{3, 4}, Y: []float64{0, 1}}
	viz.Show(plots.Regions(plots.Options{}, func(x, y []float64) ([]int, error) {
		classes := make([]int, len(x)) // in a lesson a network's, all points in one batch
		for i := range x {
			if x[i] > 2 {
				classes[i] = 1
			}
		}
		return classes, nil
	}, left, right))
	// Output:
	// left: 2 points, x 0 to 1, y 0 to 1
	// right: 2 points, x 3 to 4, y 0 to 1
}

func ExampleDots() {
	measured := plots.Points{Name: "measured", X: []float64{0, 1, 2}, Y: []float64{1, 2, 4}}
	viz.Show(plots.Combine(plots.Options{Title: "growth"}, plots.Dots(measured)))
	// Output:
	// growth
	// measured: 3 points, x 0 to 2, y 1 to 4
}

func ExampleLine() {
	fitted := plots.Points{Name: "fitted", X: []float64{0, 2}, Y: []float64{1, 4}}
	viz.Show(plots.Combine(plots.Options{Title: "growth"}, plots.Line(fitted)))
	// Output:
	// growth
	// fitted: 2 points, x 0 to 2, y 1 to 4
}

func ExampleDashed() {
	x := []float64{0, 1, 2}
	upper := plots.Points{Name: "limit", X: x, Y: []float64{2, 3, 5}}
	viz.Show(plots.Combine(plots.Options{Title: "growth"}, plots.Dashed(upper)))
	// Output:
	// growth
	// limit: 3 points, x 0 to 2, y 2 to 5
}

func ExampleColor() {
	fmt.Println(plots.Color(0), plots.Color(1)) // for pictures of one's own beside these
	// Output: {31 111 208 255} {217 102 11 255}
}

func ExampleViolins() {
	viz.Show(plots.Violins(plots.Options{YLabel: "error"}, []string{"linear", "deep"}, []float64{1, 2, 3, 4, 5}, []float64{1, 1, 2}))
	// Output:
	// linear: 5 values, quartiles 2 3 4, range 1 to 5
	// deep: 3 values, quartiles 1 1 1.5, range 1 to 2
}

func ExampleErrorBars() {
	accuracy := plots.Points{Name: "accuracy", X: []float64{1, 2, 4}, Y: []float64{0.8, 0.9, 0.92}}
	viz.Show(plots.ErrorBars(plots.Options{XLabel: "layers"}, plots.Around(accuracy, 0.02, 0.01, 0.03)))
	// Output: accuracy: 3 points, x 1 to 4, y 0.8 to 0.92
}

func ExampleAround() {
	v := plots.Around(plots.Points{X: []float64{1, 2}, Y: []float64{10, 20}}, 1, 2)
	fmt.Println(v.Low, v.High)
	// Output: [9 18] [11 22]
}

func ExampleDotsWithin() {
	measured := plots.Around(plots.Points{Name: "measured", X: []float64{0, 1}, Y: []float64{1, 2}}, 0.1, 0.2)
	fitted := plots.Points{Name: "fitted", X: []float64{0, 1}, Y: []float64{1.05, 1.9}}
	viz.Show(plots.Combine(plots.Options{}, plots.DotsWithin(measured), plots.Line(fitted)))
	// Output:
	// measured: 2 points, x 0 to 1, y 1 to 2
	// fitted: 2 points, x 0 to 1, y 1.05 to 1.9
}

func ExampleLineWithin() {
	median := plots.Interval{Points: plots.Points{Name: "median", X: []float64{0, 1}, Y: []float64{1, 2}}, Low: []float64{0.5, 1}, High: []float64{2, 4}}
	viz.Show(plots.Combine(plots.Options{LogY: true}, plots.LineWithin(median)))
	// Output: median: 2 points, x 0 to 1, y 1 to 2
}

func ExampleFacets() {
	var panels []plots.Panel
	for _, name := range []string{"adam", "sgd"} {
		panels = append(panels, plots.Panel{Title: name, Layers: []plots.Layer{plots.Line(plots.Points{Name: "loss", X: []float64{0, 1}, Y: []float64{1, float64(len(name)) / 10}})}})
	}
	viz.Show(plots.Facets(plots.Options{Title: "by optimizer"}, panels...))
	// Output:
	// by optimizer
	// adam
	// loss: 2 points, x 0 to 1, y 0.4 to 1
	//
	// sgd
	// loss: 2 points, x 0 to 1, y 0.3 to 1
}

func ExampleContour() {
	bowl := plots.SurfaceOf(func(x, y float64) float64 { return x*x + y*y }, [2]float64{-1, 1}, [2]float64{-1, 1}, 21)
	viz.Show(plots.Contour(plots.Options{Title: "loss"}, bowl, 0.25, 0.5, 1))
	// Output:
	// loss
	// 21 by 21 heights, 0 to 2, levels [0.25 0.5 1]
}

func ExampleLevels() {
	saddle := plots.SurfaceOf(func(x, y float64) float64 { return x*x - y*y }, [2]float64{-1, 1}, [2]float64{-1, 1}, 21)
	viz.Show(plots.Levels(plots.Options{}, saddle, -0.5, 0, 0.5))
	// Output: 21 by 21 heights, -1 to 1, levels [-0.5 0 0.5]
}

func ExampleSurfaceOf() {
	s := plots.SurfaceOf(func(x, y float64) float64 { return x + 10*y }, [2]float64{0, 2}, [2]float64{0, 1}, 3)
	fmt.Println(s.X, s.Y, s.Z)
	// Output: [0 1 2] [0 0.5 1] [[0 1 2] [5 6 7] [10 11 12]]
}
