package plots_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/quire-ml/quire/viz"
	"github.com/quire-ml/quire/viz/internal/svgtest"
	"github.com/quire-ml/quire/viz/plots"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// moons returns two half circles.
func moons() (a, b plots.Points) {
	a.Name, b.Name = "upper", "lower"
	for i := range 60 {
		t := math.Pi * float64(i) / 59
		a.X, a.Y = append(a.X, math.Cos(t)), append(a.Y, math.Sin(t))
		b.X, b.Y = append(b.X, 1-math.Cos(t)), append(b.Y, 0.5-math.Sin(t))
	}
	return a, b
}

// pictureOf returns the only picture of a view.
func pictureOf(t *testing.T, b viz.Bundle) string {
	t.Helper()
	all := svgtest.Pictures(b.HTML())
	require.Len(t, all, 1, "%d pictures: %s", len(all), b.Text())
	return all[0]
}

func below(limit float64) func(x, y []float64) ([]int, error) {
	return func(x, y []float64) ([]int, error) {
		out := make([]int, len(x))
		for i := range x {
			if y[i] < limit {
				out[i] = 1
			}
		}
		return out, nil
	}
}

func TestPlots(t *testing.T) {
	a, b := moons()
	for name, c := range map[string]struct {
		view viz.Bundle
		text string
		has  map[string]int // elements of the picture
	}{
		"scatter": {plots.Scatter(plots.Options{Title: "two moons", XLabel: "x"}, a, b),
			"two moons\nupper: 60 points, x -1 to 1, y 0 to 0.9996\nlower: 60 points, x 0 to 2, y -0.4996 to 0.5\n", map[string]int{"<circle": 122}}, // two in the legend
		"lines": {plots.Lines(plots.Options{LogY: true}, plots.Points{Name: "loss", X: []float64{1, 2, 3, 4}, Y: []float64{1, math.NaN(), 0.1, 0.01}}),
			"loss: 4 points, x 1 to 4, y 0.01 to 1\n", map[string]int{`class="l0"`: 2, `class="l4"`: 1}}, // and a cross
		"dots and a line": {plots.Combine(plots.Options{}, plots.Dots(a), plots.Line(b), plots.Dashed(b)), "upper: 60 points", map[string]int{"<circle": 61, `class="l1"`: 2, `class="l2 dash"`: 2}},
		"boxes": {plots.Boxes(plots.Options{}, []string{"one", "two"}, []float64{1, 2, 3, 4, 50}, []float64{2, 2, 3, math.NaN()}),
			"one: 5 values, quartiles 2 3 4, range 1 to 50\ntwo: 3 values, quartiles 2 2 2.5, range 2 to 3\n", map[string]int{`pale"`: 2, "<circle": 1, ">two</text>": 1}},
		"bars": {plots.Bars(plots.Options{Title: "wins"}, []string{"Ada", "Bo"}, plots.Points{Name: "home", Y: []float64{3, 1}}, plots.Points{Name: "away", Y: []float64{-2, 5}}),
			"wins\n     home  away\n───────────────\nAda     3    -2\nBo      1     5\n", map[string]int{`class="f0"`: 3, `class="f1"`: 3, ">Ada</text>": 1}}, // a swatch each
		"heat map": {plots.HeatMap(plots.Options{XLabel: "to", YLabel: "from"}, [][]float64{{1, 2}, {3, 4.5}}, []string{"a", "b"}, []string{"c", "d"}),
			"   c    d\n─────────\na  1    2\nb  3  4.5\n", map[string]int{"<image": 2, ">4.5</text>": 2, ">from</text>": 1}}, // one in the cell, one beside the colour bar
		"regions": {plots.Regions(plots.Options{}, below(0.25), a, b), "upper: 60 points", map[string]int{"<image": 1, "<circle": 122}},
	} {
		p := pictureOf(t, c.view)
		assert.True(t, strings.HasPrefix(c.view.Text(), c.text), "%s: text\n%s\nwant\n%s", name, c.view.Text(), c.text)
		for part, n := range c.has {
			if got := strings.Count(p, part); got != n {
				t.Errorf("%s: %d times %s, want %d\n%s", name, got, part, n, p)
			}
		}
	}
}

func TestLimits(t *testing.T) {
	nan := math.NaN()
	p := plots.Points{X: []float64{0, 1, 2}, Y: []float64{0, 50, 1e300}}
	for _, c := range []struct {
		o       plots.Options
		has, no string
	}{
		{plots.Options{YLimits: [2]float64{0, 100}}, ">100</text>", "e300"},
		{plots.Options{YLimits: [2]float64{nan, 60}}, ">60</text>", "e300"},
		{plots.Options{YLimits: [2]float64{10, nan}}, "e300", ">Inf<"},
		{plots.Options{XLimits: [2]float64{-1, 4}}, ">4</text>", ">5</text>"},
		{plots.Options{XLimits: [2]float64{5, 6}}, ">5.2</text>", ">2</text>"}, // beyond all data
	} {
		for _, view := range []viz.Bundle{plots.Scatter(c.o, p), plots.Lines(c.o, p)} {
			s := pictureOf(t, view)
			if !strings.Contains(s, c.has) || strings.Contains(s, c.no) {
				t.Errorf("%+v: want %s, not %s:\n%s", c.o, c.has, c.no, s)
			}
			for _, wrong := range svgtest.Check(s) {
				t.Errorf("%+v: %s", c.o, wrong)
			}
		}
	}
	s := pictureOf(t, plots.HeatMap(plots.Options{YLimits: [2]float64{0, 10}}, [][]float64{{1, 99}}, nil, nil))
	assert.Contains(t, s, ">10</text>", "the colour bar of a heat map ends elsewhere")
}

// names returns n names of about the given length.
func names(n, length int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = strings.TrimSpace(fmt.Sprintf("%d %s", i, strings.Repeat("Wörter mit Wm ", length/14+1)[:max(0, length-2)]))
	}
	return out
}

// values are what points may be.
var values = map[string]func(v float64) float64{
	"as they are": func(v float64) float64 { return v },
	"both signs":  func(v float64) float64 { return 200*v - 100 },
	"huge":        func(v float64) float64 { return (v - 0.5) * 1.7e308 },
	"tiny":        func(v float64) float64 { return v * 1e-310 },
	"close":       func(v float64) float64 { return 1 + math.Round(v)*2.3e-16 },
	"far":         func(v float64) float64 { return 1<<53 + math.Round(2*v) },
	"years":       func(v float64) float64 { return 2007 + math.Round(2*v) },
	"constant":    func(float64) float64 { return 3 },
	"with NaN":    func(v float64) float64 { return []float64{v, math.NaN(), math.Inf(1), math.Inf(-1)}[int(1000*v)%4] },
	"only NaN":    func(float64) float64 { return math.NaN() },
	"six decades": func(v float64) float64 { return math.Pow(10, 6*v-3) },
}

// surfaceOf returns a surface with heights of one kind.
func surfaceOf(f func(v float64) float64) plots.Surface {
	return plots.SurfaceOf(func(x, y float64) float64 { return f(math.Abs(math.Sin(3*x) * math.Cos(2*y))) }, [2]float64{0, 2}, [2]float64{-1, 1}, 12)
}

// sweep takes all combinations, for half a minute.
var sweep = os.Getenv("QUIRE_SWEEP") != ""

// Every function of the package that draws is here, with one, two and twelve series, short and long names.
func TestPicturesOfPlots(t *testing.T) {
	for value, f := range values {
		for _, n := range []int{1, 2, 12, 40} {
			for _, length := range []int{0, 12, 60} {
				if n == 40 && value != "with NaN" || !sweep && (length == 12 || n == 2 && length == 0 || n > 2 && value != "with NaN" && value != "huge" && value != "years") {
					continue
				}
				labels := names(n, length)
				var sets []plots.Points
				var layers []plots.Layer
				var ys [][]float64
				for k := range n {
					p := plots.Points{Name: labels[k]}
					for i := range n + 5 {
						p.X = append(p.X, f(math.Mod(float64(i)*0.37, 1)))
						p.Y = append(p.Y, f(math.Mod(float64(i*(k+2))*0.137, 1)))
					}
					sets, ys = append(sets, p), append(ys, p.Y[:n])
					layers = append(layers, []plots.Layer{plots.Dots(p), plots.Line(p), plots.Dashed(p)}[k%3])
				}
				var bars []plots.Points
				for _, s := range sets[:min(n, 12)] {
					bars = append(bars, plots.Points{Name: s.Name, Y: s.Y[:n]})
				}
				for _, o := range []plots.Options{{}, {Title: names(1, 2*length)[0], XLabel: labels[0], YLabel: labels[0]}, {Width: 150, Height: 90, Title: labels[0]}, {LogX: true, LogY: true},
					{XLimits: [2]float64{0.1, 0.5}, YLimits: [2]float64{0.2, 1e9}}} {
					classified, surface := sets, plots.Surface{}
					if n == 1 && length == 0 || sweep { // slow likewise
						surface = surfaceOf(f)
					}
					if n > 2 || !sweep && o.Title == "" { // slow: it is asked for 14,400 points
						classified = nil
					}
					for name, view := range map[string]viz.Bundle{
						"scatter": plots.Scatter(o, sets...), "lines": plots.Lines(o, sets...), "combined": plots.Combine(o, layers...),
						"bars": plots.Bars(o, labels, bars...), "one set of bars": plots.Bars(o, labels, bars[0]), "boxes": plots.Boxes(o, labels, ys...),
						"heat map": plots.HeatMap(o, ys, labels, labels), "numbered heat map": plots.HeatMap(o, ys, nil, nil), "regions": plots.Regions(o, below(0.5), classified...),
						"violins": plots.Violins(o, labels, ys...), "error bars": plots.ErrorBars(o, plots.Around(sets[0], slices.Repeat([]float64{0.1}, len(sets[0].Y))...)),
						"contour": plots.Contour(o, surface), "levels": plots.Levels(o, surface), "facets": plots.Facets(o, plots.Panel{Title: labels[0], Layers: layers[:min(n, 3)]}, plots.Panel{Title: labels[0], Layers: layers[:1]}),
					} {
						pictures := svgtest.Pictures(view.HTML())
						if len(pictures) == 0 && !strings.HasPrefix(view.Text(), "error: plots.") {
							t.Errorf("%s of values %s: neither a picture nor a sentence: %s", name, value, view.Text())
						}
						for _, p := range pictures {
							for _, wrong := range svgtest.Check(p) {
								t.Errorf("%s, %d, %s, names of %d, %+v: %s", name, n, value, length, o, wrong)
							}
						}
					}
				}
			}
		}
	}
}

func TestWhatCannotBeDrawn(t *testing.T) {
	a, _ := moons()
	inf := math.Inf(1)
	for _, c := range []struct {
		view viz.Bundle
		want string
	}{
		{plots.Scatter(plots.Options{}, plots.Points{Name: "p", X: []float64{1}}), `plots.Scatter: "p" has 1 x and 0 y`},
		{plots.Scatter(plots.Options{XLimits: [2]float64{2, 1}}, a), "plots.Scatter: XLimits from 2 to 1: the second must be larger"},
		{plots.Lines(plots.Options{YLimits: [2]float64{0, inf}}, a), "plots.Lines: YLimits from 0 to +Inf: an axis has finite ends"},
		{plots.Lines(plots.Options{LogY: true, YLimits: [2]float64{0, 1}}, plots.Points{}), "logarithmic axis has no place for zero"},
		{plots.Boxes(plots.Options{}, []string{"a"}), "1 names for 0 sets"},
		{plots.Boxes(plots.Options{}, nil), "nothing to draw"},
		{plots.Boxes(plots.Options{}, []string{"a"}, []float64{math.NaN()}), `"a" has no finite values`},
		{plots.Boxes(plots.Options{LogY: true}, []string{"a"}, []float64{0, 1}), `"a": y is 0 at point 0`},
		{plots.Bars(plots.Options{}, []string{"a"}, plots.Points{Name: "p"}), `plots.Bars: "p" has 0 values for 1 names`},
		{plots.Bars(plots.Options{}, nil), "nothing to draw"},
		{plots.HeatMap(plots.Options{}, nil, nil, nil), "nothing to draw"},
		{plots.HeatMap(plots.Options{}, [][]float64{{1}, {1, 2}}, nil, nil), "row 1 has 2 values, row 0 has 1"},
		{plots.HeatMap(plots.Options{}, [][]float64{{1}}, []string{"a", "b"}, nil), "2 names for 1 rows"},
		{plots.HeatMap(plots.Options{}, [][]float64{{1}}, nil, []string{}), "0 names for 1 columns"},
		{plots.Regions(plots.Options{}, below(0)), "no points"},
		{plots.Regions(plots.Options{}, nil, a), "classify is nil"},
		{plots.Regions(plots.Options{LogX: true}, below(0), plots.Points{X: []float64{1}, Y: []float64{1}}), "no logarithmic axes"},
		{plots.Regions(plots.Options{}, func(x, y []float64) ([]int, error) { return nil, errors.New("no model") }, a), "no model"},
		{plots.Regions(plots.Options{}, func(x, y []float64) ([]int, error) { return []int{1}, nil }, a), "1 classes for 14400 points"},
		{plots.Lines(plots.Options{LogY: true}, plots.Points{Name: "p", X: []float64{1, 2}, Y: []float64{0, 1}}), `"p": y is 0 at point 0, for which a logarithmic axis has no place`},
	} {
		if got := c.view.Text(); !strings.HasPrefix(got, "error: plots.") || !strings.Contains(got, c.want) {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
