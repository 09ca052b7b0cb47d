package viz_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/train"
	"github.com/quire-ml/quire/viz"
	"github.com/quire-ml/quire/viz/internal/svgtest"
)

// The tests of pictures take every other combination; QUIRE_SWEEP=1 takes all, which is half a minute.
var sweep = os.Getenv("QUIRE_SWEEP") != ""

// checkPictures holds for every picture of every view: nothing leaves it, no writing meets other writing or data.
func checkPictures(t *testing.T, name string, b viz.Bundle) {
	t.Helper()
	for i, p := range svgtest.Pictures(b.HTML()) {
		for _, wrong := range svgtest.Check(p) {
			t.Errorf("%s, picture %d: %s", name, i, wrong)
		}
	}
}

// A new view is checked here as soon as it is among the golden ones.
func TestPicturesOfAllViews(t *testing.T) {
	for name, v := range views() {
		checkPictures(t, name, viz.Render(v))
	}
}

// names returns n names of about the given length.
func names(n, length int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = strings.TrimSpace(fmt.Sprintf("%d %s", i, strings.Repeat("Wörter mit Wm ", length/14+1)[:max(0, length-2)]))
	}
	return out
}

// extremes is what values may be, by name: a factor and what is added.
var extremes = map[string]func(v float64) float64{
	"as they are": func(v float64) float64 { return v },
	"huge":        func(v float64) float64 { return (v - 0.5) * 1.7e308 },
	"tiny":        func(v float64) float64 { return v * 1e-310 },
	"close":       func(v float64) float64 { return 1 + math.Round(v)*2.3e-16 },
	"far":         func(v float64) float64 { return 1<<53 + math.Round(2*v) },
	"years":       func(v float64) float64 { return 2007 + math.Round(2*v) },
	"constant":    func(float64) float64 { return 3 },
	"with NaN":    func(v float64) float64 { return []float64{v, math.NaN(), math.Inf(1), math.Inf(-1)}[int(1000*v)%4] },
	"only NaN":    func(float64) float64 { return math.NaN() },
	"six decades": func(v float64) float64 { return math.Pow(10, 6*v-3) },
	"negative":    func(v float64) float64 { return -1e5 * v },
}

func TestPicturesOfRuns(t *testing.T) {
	for value, f := range extremes {
		for _, count := range []int{1, 2, 12} {
			for _, length := range []int{3, 60} {
				if !sweep && (count == 2) == (length == 60) {
					continue
				}
				name := fmt.Sprintf("%s, %d series with names of %d characters", value, count, length)
				labels := names(count, length)
				one := viz.NewRun(labels[0])
				var many []*viz.Run
				one.Add(train.Event{Kind: train.Start, Steps: 60})
				for k := range count {
					many = append(many, viz.NewRun(labels[k]))
				}
				for i := 1; i <= 60; i++ {
					e := train.Event{Kind: train.Step, Step: i, Steps: 60, GlobalStep: int64(i)}
					for k := range count {
						v := f(math.Mod(float64(i*(k+3))*0.137, 1))
						e.Metrics = append(e.Metrics, train.Metric{Name: labels[k], Kind: "loss", Value: v})
						many[k].Add(train.Event{Kind: train.Step, Step: i, GlobalStep: int64(i), Metrics: []train.Metric{{Name: "loss", Kind: labels[0], Value: v, Percent: k%2 == 1}}})
					}
					one.Add(e)
					if i%20 == 0 {
						e.Kind = train.Eval
						for _, e.Dataset = range labels {
							one.Add(e)
						}
						one.Add(train.Event{Kind: train.Checkpoint, GlobalStep: int64(i), Best: i == 40})
					}
				}
				one.Add(train.Event{Kind: train.End, GlobalStep: 60, Interrupted: true})
				checkPictures(t, "one run: "+name, one.Bundle())
				checkPictures(t, "runs: "+name, viz.Curves(many...))
				checkPictures(t, "small: "+name, viz.CurvesWith(viz.CurveOptions{Width: 200, Height: 100}, one))
			}
		}
	}
}

func TestPicturesOfTensors(t *testing.T) {
	for value, f := range extremes {
		for k, dims := range [][]int{{1}, {2}, {12}, {300}, {1, 1}, {2, 12}, {12, 2}, {1, 300}, {300, 1}, {3, 4, 5}, {30, 2, 2}, {2, 3, 4, 5}, {1, 1, 28, 28}, {4, 28, 28, 1}, {2, 8, 8, 3}, {2, 2, 2, 2, 2}} {
			if !sweep && (k+len(value))%2 == 0 {
				continue
			}
			x := tensors.FromShape(shapes.Make(dtypes.Float64, dims...))
			tensors.MustMutableFlatData(x, func(flat []float64) {
				for i := range flat {
					flat[i] = f(math.Mod(float64(i)*0.137, 1))
				}
			})
			name := fmt.Sprintf("%s, %v", value, dims)
			checkPictures(t, "tensor: "+name, viz.Tensor(x))
			checkPictures(t, "histogram: "+name, viz.Histogram(x))
			if value != "as they are" && value != "huge" && value != "with NaN" {
				continue // what follows does not depend on the values
			}
			checkPictures(t, "pictures: "+name, viz.Images(x, viz.ImageOptions{Channels: true, Title: strings.Repeat("a long title ", 12), Captions: names(12, 40)}))
			for _, length := range []int{1, 40} {
				long, err := x.WithAxisNames(names(len(dims), length)...)
				if err == nil {
					checkPictures(t, fmt.Sprintf("named %d: %s", length, name), viz.Tensor(long))
				}
			}
			checkPictures(t, "batch: "+name, viz.Batch(data.Batch{Inputs: []*tensors.Tensor{x}, Labels: []*tensors.Tensor{tensors.FromValue(make([]int32, dims[0]))}}, names(12, 30)...))
		}
	}
}

// Graphs are drawn with random edges, and names and shapes of all lengths.
func TestPicturesOfGraphs(t *testing.T) {
	for _, nodes := range []int{1, 2, 12, 60, 150} {
		for _, length := range []int{1, 12, 60} {
			for seed := range 3 {
				if !sweep && seed > 0 {
					continue
				}
				r := rand.New(rand.NewPCG(uint64(seed), uint64(nodes)))
				g := graph.NewGraph(nil, names(1, length)[0])
				list := []*graph.Node{graph.Parameter(g, names(1, length)[0], f32(1000000, 1, 123456)), graph.Parameter(g, "y", f32(1000000, 1, 123456))}
				for range nodes {
					x, y := list[r.IntN(len(list))], list[max(0, len(list)-1-r.IntN(4))]
					list = append(list, []*graph.Node{graph.Add(x, y), graph.Neg(x), graph.AddScalar(y, 1.23456789), graph.Transpose(graph.Transpose(x, 0, 1), 0, 1)}[r.IntN(4)])
				}
				checkPictures(t, fmt.Sprintf("%d nodes, names of %d, seed %d", nodes, length, seed), viz.Graph(g))
			}
		}
	}
}

func TestPicturesOfConfusions(t *testing.T) {
	for _, classes := range []int{1, 2, 12, 40} {
		for _, length := range []int{1, 9, 60} {
			var truth, predicted []int
			for i := range 5000 {
				truth, predicted = append(truth, i%classes), append(predicted, i*i%classes)
			}
			checkPictures(t, fmt.Sprintf("%d classes with names of %d characters", classes, length), viz.Confusion(truth, predicted, names(classes, length)...))
			p := make([]int, min(classes, 4))
			checkPictures(t, "verdicts", viz.Images(rings(4, 8), viz.ImageOptions{Truth: truth[:4], Predicted: p, Classes: names(classes, length)}))
		}
	}
}
