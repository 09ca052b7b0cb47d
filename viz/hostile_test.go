package viz_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"image"
	imagecolor "image/color"
	"io/fs"
	"iter"
	"math"
	"os"
	"reflect"
	runtimemetrics "runtime/metrics"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir/runstate"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/data/csv"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/search"
	"github.com/quire-ml/quire/ml/train"
	"github.com/quire-ml/quire/viz"
	"github.com/quire-ml/quire/viz/plots"
)

// exported is every function that the packages export, by name. TestHostileCallsAreOfAllFunctions reads the source for
// what is missing.
var exported = map[string]map[string]any{
	".": {
		"States": viz.States, "Timeline": viz.Timeline, "HeatMap": viz.HeatMap, "MemoryCurve": viz.MemoryCurve, "Watch": viz.Watch,
		"Batch": viz.Batch, "Pipeline": viz.Pipeline, "Confusion": viz.Confusion, "Curves": viz.Curves, "Describe": viz.Describe, "Head": viz.Head, "Store": viz.Store, "ValueCounts": viz.ValueCounts, "CurvesWith": viz.CurvesWith, "Error": viz.Error, "Graph": viz.Graph, "HTML": viz.HTML,
		"Histogram": viz.Histogram, "Image": viz.Image, "Images": viz.Images, "Live": viz.Live, "Markdown": viz.Markdown, "NewArea": viz.NewArea, "NewProgress": viz.NewProgress, "NewRun": viz.NewRun,
		"Plain": viz.Plain, "Profile": viz.Profile, "Register": viz.Register[registered], "Render": viz.Render, "ROC": viz.ROC, "PrecisionRecall": viz.PrecisionRecall, "Calibration": viz.Calibration, "Regression": viz.Regression, "Schedule": viz.Schedule, "Sweep": viz.Sweep, "SweepScatter": viz.SweepScatter,
		"Results": viz.Results, "RateFinder": viz.RateFinder, "SearchRuns": viz.SearchRuns, "TopLosses": viz.TopLosses, "Track": viz.Track[int], "Track2": viz.Track2[int, string], "TrackRow": viz.TrackRow, "GraphWith": viz.GraphWith, "Interactive": viz.Interactive, "Row": viz.Row, "RunOf": viz.RunOf, "Runs": viz.Runs, "RecordTo": viz.RecordTo, "SVG": viz.SVG, "Shapes": viz.Shapes,
		"Button": viz.Button, "Checkbox": viz.Checkbox, "Choice": viz.Choice[string], "Interact": viz.Interact, "Slider": viz.Slider[float64],
		"Show": viz.Show, "Stack": viz.Stack, "Summary": viz.Summary, "Table": viz.Table, "Tensor": viz.Tensor, "Text": viz.Text, "Time": viz.Time, "Titled": viz.Titled,
	},
	"plots": {
		"Bars": plots.Bars, "Boxes": plots.Boxes, "Color": plots.Color, "Combine": plots.Combine, "Dashed": plots.Dashed, "Dots": plots.Dots, "HeatMap": plots.HeatMap,
		"Line": plots.Line, "Lines": plots.Lines, "Regions": plots.Regions, "Scatter": plots.Scatter,
		"Around": plots.Around, "Contour": plots.Contour, "DotsWithin": plots.DotsWithin, "ErrorBars": plots.ErrorBars, "Facets": plots.Facets, "Levels": plots.Levels, "LineWithin": plots.LineWithin, "SurfaceOf": plots.SurfaceOf, "Violins": plots.Violins,
	},
}

// receivers returns values of the exported types with methods, good and bad ones.
// wildRun is a trace that fits together nowhere.
func wildRun() *runstate.Trace {
	t := *steppedRun(5)
	t.States = []runstate.State{99}
	t.Took, t.Workers = math.MinInt64, -3
	t.Events = []runstate.Event{{Node: -1}, {Node: math.MaxInt32, State: 77, At: math.MaxInt64}, {Node: 0, Worker: 65535, At: -1}}
	return &t
}

func receivers() map[string][]any {
	return map[string][]any{
		"Area":          {(*viz.Area)(nil), &viz.Area{}, viz.NewArea()},
		"Bundle":        {viz.Bundle{}, viz.Bundle{Data: map[string][]byte{viz.MIMEPNG: {0xff}}, Meta: map[string]any{viz.MIMEPNG: make(chan int)}}, viz.Plain("x")},
		"ButtonInput":   {(*viz.ButtonInput)(nil), &viz.ButtonInput{}, viz.Button("x")},
		"CheckboxInput": {(*viz.CheckboxInput)(nil), &viz.CheckboxInput{}, viz.Checkbox("x", true)},
		"ChoiceInput":   {(*viz.ChoiceInput[string])(nil), &viz.ChoiceInput[string]{}, viz.Choice[string]("x"), viz.Choice("x", "a", "b")},
		"SliderInput":   {(*viz.SliderInput[float64])(nil), &viz.SliderInput[float64]{}, viz.Slider("x", 1.0, 0), viz.Slider("x", 0.0, 1), viz.Slider("x", math.MinInt, math.MaxInt)},
		"LiveView":      {(*viz.LiveView)(nil), &viz.LiveView{}, viz.Live(nil)},
		"NamedRate":     {viz.NamedRate{}, viz.NamedRate{Rate: viz.RateFunc(math.Sqrt), Name: "root"}},
		"Progress":      {(*viz.Progress)(nil), &viz.Progress{}, viz.NewProgress(3)},
		"RateFunc":      {viz.RateFunc(nil), viz.RateFunc(math.Sqrt)},
		"Run":           {(*viz.Run)(nil), &viz.Run{}, run(100, 40, 1), viz.RunOf("x", nil)},
		"Timing":        {viz.Timing{}, viz.Timing{Calls: -1, Least: -1, Median: math.MaxInt64}},
	}
}

// callersOwn is what functions panic with that are handed in.
const callersOwn = "in a function of the caller's"

// silent is a recorder that forgets.
type silent struct{}

func (silent) Event(string, train.Event)  {}
func (silent) Set(string, string, string) {}

type registered struct{ _ int }

// hostile returns values of a type that a function may be called with, the first of them harmless.
func hostile(t reflect.Type) []any {
	inf, nan := math.Inf(1), math.NaN()
	floats := []float64{1, 0, -1, nan, inf, -inf, 5e-324, math.MaxFloat64, 1e-300}
	slicesOf := [][]float64{{1, 2, 3}, nil, {nan}, {inf, -inf, nan}, {1e308, -1e308}, {1, 1 + 2.3e-16}, {1 << 53, 1<<53 + 2}, {0, 5e-324}, {7, 7}, {math.MaxFloat64, 0}, {2007, 2009, 2008}, {-1e308, 1e308, 1e-308}}
	names := []any{[]string{"a", "b", "c"}, []string(nil), []string{strings.Repeat("é", 5000), "\x00\xff"}, make([]string, 300)}
	switch t {
	case reflect.TypeFor[viz.Input]():
		return []any{viz.Slider("x", 0.0, 1), nil, (*viz.ButtonInput)(nil), &viz.ChoiceInput[any]{}, viz.Choice[any]("n", nil, 1), viz.Checkbox("\x00", true)}
	case reflect.TypeFor[float64]():
		return anys(floats)
	case reflect.TypeFor[int]():
		return []any{1, 0, -1, math.MaxInt, math.MinInt}
	case reflect.TypeFor[string]():
		return []any{"x", "", strings.Repeat("long ", 3000), "\x00<script>\xff", "日本語"}
	case reflect.TypeFor[bool]():
		return []any{false, true}
	case reflect.TypeFor[[]string]():
		return names
	case reflect.TypeFor[[]float64]():
		return anys(slicesOf)
	case reflect.TypeFor[[][]float64]():
		out := []any{[][]float64{{1, 2}, {3, 4}}, [][]float64(nil), [][]float64{nil, nil}, [][]float64{{1}, {1, 2}}, make([][]float64, 100_000)}
		for _, s := range slicesOf {
			out = append(out, [][]float64{s, s})
		}
		return out
	case reflect.TypeFor[plots.Points]():
		out := []any{plots.Points{}, plots.Points{X: []float64{1}}, plots.Points{Name: strings.Repeat("W", 5000)}}
		for _, s := range slicesOf {
			out = append(out, plots.Points{Name: "n", X: s, Y: s})
		}
		return out
	case reflect.TypeFor[plots.Options]():
		out := []any{plots.Options{}, plots.Options{LogX: true, LogY: true}}
		for _, v := range floats {
			for _, w := range floats {
				out = append(out, plots.Options{Width: v, Height: w, XLimits: [2]float64{v, w}, YLimits: [2]float64{w, v}}, plots.Options{Width: v, Height: w, YLimits: [2]float64{v, w}, LogY: true})
			}
		}
		return out
	case reflect.TypeFor[plots.Layer]():
		return []any{plots.Dots(plots.Points{X: slicesOf[0], Y: slicesOf[0]}), plots.Layer{}, plots.Line(plots.Points{X: slicesOf[4], Y: slicesOf[4]})}
	case reflect.TypeFor[viz.CurveOptions]():
		out := []any{viz.CurveOptions{}}
		for _, v := range floats {
			out = append(out, viz.CurveOptions{XLimits: [2]float64{v, 1}, YLimits: [2]float64{-1, v}}, viz.CurveOptions{Smooth: v, Width: v, Height: v, Axis: viz.Axis(int8(min(max(v, -9), 9)))})
		}
		return out
	case reflect.TypeFor[plots.Interval]():
		return []any{plots.Around(plots.Points{X: slicesOf[0], Y: slicesOf[0]}, 1, 1, 1), plots.Interval{}, plots.Around(plots.Points{X: slicesOf[0], Y: slicesOf[0]}, nan), plots.Around(plots.Points{X: slicesOf[4], Y: slicesOf[4]}, inf, 1e308)}
	case reflect.TypeFor[plots.Panel]():
		return []any{plots.Panel{Title: "a", Layers: []plots.Layer{plots.Dots(plots.Points{X: slicesOf[0], Y: slicesOf[0]})}}, plots.Panel{}, plots.Panel{Title: strings.Repeat("W", 5000), Layers: []plots.Layer{plots.Line(plots.Points{X: slicesOf[4], Y: slicesOf[4]})}}}
	case reflect.TypeFor[plots.Surface]():
		out := []any{plots.SurfaceOf(func(x, y float64) float64 { return x * y }, [2]float64{0, 1}, [2]float64{0, 1}, 4), plots.Surface{}, plots.Surface{X: make([]float64, 2), Y: make([]float64, 2), Z: make([][]float64, 2)}, plots.Surface{X: make([]float64, 1<<20), Y: make([]float64, 2)}}
		for _, v := range floats {
			for _, w := range floats {
				out = append(out, plots.Surface{X: []float64{-1, 2}, Y: []float64{0, 1}, Z: [][]float64{{v, w}, {w, 1}}}, plots.Surface{X: []float64{v, w}, Y: []float64{v, w}, Z: [][]float64{{1, 2}, {3, 4}}})
			}
		}
		return out
	case reflect.TypeFor[[2]float64]():
		out := []any{[2]float64{0, 1}}
		for _, v := range floats {
			out = append(out, [2]float64{v, 1}, [2]float64{-1, v})
		}
		return out
	case reflect.TypeFor[iter.Seq[int]]():
		return []any{slices.Values([]int{1, 2}), iter.Seq[int](nil)}
	case reflect.TypeFor[iter.Seq2[int, string]]():
		return []any{slices.All([]string{"a"}), iter.Seq2[int, string](nil)}
	case reflect.TypeFor[viz.TrackOptions]():
		return []any{viz.TrackOptions{}, viz.TrackOptions{Name: "\x00", Total: math.MinInt}, viz.TrackOptions{Total: math.MaxInt}}
	case reflect.TypeFor[viz.Rate]():
		return []any{viz.RateFunc(math.Sqrt), nil, viz.RateFunc(nil), viz.NamedRate{}, viz.NamedRate{Name: strings.Repeat("n", 5000), Rate: viz.RateFunc(func(s float64) float64 { return []float64{nan, inf, -inf, 1e308, -1e308}[int(s)%5] })}}
	case reflect.TypeFor[viz.Predictor](), reflect.TypeFor[viz.Evaluator]():
		return []any{numbersModel{}, nil, (*train.Trainer)(nil), realTrainer(), wrongEvery(1)}
	case reflect.TypeFor[data.Dataset]():
		return []any{numbersSet(), nil, (*data.InMemoryDataset)(nil), broken{}, oneBatch{}, oneBatch{data.Batch{Inputs: []*tensors.Tensor{nil}}}, oneBatch{data.Batch{Inputs: []*tensors.Tensor{wave(3, 2)}, Labels: []*tensors.Tensor{wave(2)}}},
			oneBatch{data.Batch{Inputs: []*tensors.Tensor{tensors.FromShape(shapes.Make(dtypes.Float32, 0, 4))}}}, oneBatch{data.Batch{Inputs: []*tensors.Tensor{tensors.FromValue(float32(1))}}}}
	case reflect.TypeFor[viz.ResultOptions]():
		return []any{viz.ResultOptions{}, viz.ResultOptions{Count: math.MaxInt, Most: math.MinInt, Title: "\x00", Classes: []string{""}}, viz.ResultOptions{Count: -1, Most: 1}}
	case reflect.TypeFor[viz.GraphOptions]():
		return []any{viz.GraphOptions{}, viz.GraphOptions{Depth: math.MaxInt}, viz.GraphOptions{Depth: math.MinInt}, viz.GraphOptions{Depth: 1}}
	case reflect.TypeFor[viz.InteractiveOptions]():
		return []any{viz.InteractiveOptions{}, viz.InteractiveOptions{Title: "</script>", Path: "\x00"}}
	case reflect.TypeFor[viz.LiveOptions]():
		return []any{viz.LiveOptions{}, viz.LiveOptions{Refresh: -1, Report: -1, Name: "\x00", CurveOptions: viz.CurveOptions{Width: nan}}, viz.LiveOptions{Refresh: math.MaxInt64, Report: math.MaxInt64}}
	case reflect.TypeFor[viz.ImageOptions]():
		return []any{viz.ImageOptions{}, viz.ImageOptions{Limit: -3, Columns: -2, Side: nan}, viz.ImageOptions{Limit: math.MaxInt, Columns: math.MaxInt, Side: inf, Channels: true, ChannelsFirst: true},
			viz.ImageOptions{Range: [2]float64{nan, inf}}, viz.ImageOptions{Clip: nan}, viz.ImageOptions{Clip: 0.4}, viz.ImageOptions{Range: [2]float64{-1e308, 1e308}}, viz.ImageOptions{Truth: []int{-1}, Predicted: []int(nil)}, viz.ImageOptions{Truth: make(chan int), Title: strings.Repeat("t", 9999)}, viz.ImageOptions{Truth: []int{5}, Predicted: []float64{nan}, Classes: []string{""}}}
	case reflect.TypeFor[viz.Listener]():
		return []any{&quiet2{}, nil, (*train.Loop)(nil), (*quiet2)(nil)}
	case reflect.TypeFor[*runstate.Trace]():
		return []any{steppedRun(3), (*runstate.Trace)(nil), &runstate.Trace{}, wildRun()}
	case reflect.TypeFor[runstate.Snapshotter]():
		return []any{endedRun{steppedRun(-1)}, nil, endedRun{}, endedRun{wildRun()}}
	case reflect.TypeFor[viz.Recorder]():
		return []any{silent{}, (*silent)(nil), nil} // the last one ends recording
	case reflect.TypeFor[train.Event]():
		return []any{train.Event{}, train.Event{Kind: -1}, train.Event{Kind: 99, Step: math.MinInt, Steps: math.MinInt, GlobalStep: math.MinInt64, Elapsed: math.MinInt64, Epoch: math.MinInt, Epochs: math.MaxInt},
			train.Event{Kind: train.Step, Step: math.MaxInt, Steps: 1, GlobalStep: math.MaxInt64, Metrics: []train.Metric{{Value: nan}, {Value: inf, Percent: true}, {}}},
			train.Event{Kind: train.Eval, Metrics: []train.Metric{{Value: 1e308}, {Value: -1e308}}}, train.Event{Kind: train.Epoch}, train.Event{Kind: train.End, Err: errors.New("")}, train.Event{Kind: train.Start, Steps: math.MaxInt}}
	case reflect.TypeFor[*viz.Run]():
		return []any{viz.NewRun("a"), (*viz.Run)(nil), &viz.Run{}}
	case reflect.TypeFor[*train.History]():
		return []any{train.NewHistory(), (*train.History)(nil), &train.History{}}
	case reflect.TypeFor[*train.RateCurve]():
		return []any{&train.RateCurve{Rates: []float64{1e-3, 1e-2, 1e-1}, Losses: []float64{2, 1, 9}, Smoothed: []float64{2, 1, 9}, Suggested: 1e-3}, (*train.RateCurve)(nil), &train.RateCurve{},
			&train.RateCurve{Rates: []float64{1}}, &train.RateCurve{Rates: []float64{0, -1, nan, inf}, Losses: []float64{nan, inf, -inf, 1e308}, Smoothed: []float64{-1e308, 1e308, nan, inf}, Suggested: nan}}
	case reflect.TypeFor[search.Trials]():
		return []any{search.Trials{}, search.Trials{All: []*search.Trial{nil, {}, {Params: map[string]any{"rate": nan, "": nil, "f": func() {}}, Value: inf, Err: errors.New("no")}, {Number: -1, Steps: math.MinInt}}}}
	case reflect.TypeFor[*tensors.Tensor]():
		return hostileTensors()
	case reflect.TypeFor[data.Batch]():
		return []any{data.Batch{}, data.Batch{Inputs: []*tensors.Tensor{nil}, Labels: []*tensors.Tensor{nil}}, data.Batch{Inputs: []*tensors.Tensor{wave(3, 4)}, Labels: []*tensors.Tensor{wave(2)}},
			data.Batch{Inputs: []*tensors.Tensor{wave(3, 9, 9)}, Labels: []*tensors.Tensor{tensors.FromShape(shapes.Make(dtypes.Float32, 3, 0))}}, data.Batch{Labels: []*tensors.Tensor{finalized()}}}
	case reflect.TypeFor[data.Dataset]():
		return []any{inMemory(), nil, (*data.Pipeline)(nil), new(data.Pipeline), (*data.InMemoryDataset)(nil), new(data.InMemoryDataset), data.Batched(nil, 0, true)}
	case reflect.TypeFor[viz.Tabular]():
		return []any{penguinTable(), nil, (*csv.Table)(nil), &csv.Table{}, &csv.Table{Rows: math.MaxInt}, &csv.Table{Rows: -1, Columns: make([]csv.Column, 1000)}, csv.Column{}, csv.Column{Kind: csv.Category, Index: []int32{5, -7}}, csv.Column{Numbers: []float64{nan, inf, -1e308, 1e308}}}
	case reflect.TypeFor[model.StoreProvider]():
		return []any{realStore(), nil, (*model.Store)(nil), new(model.Store), (*model.Scope)(nil), new(model.Scope), realStore().Scope("/none")}
	case reflect.TypeFor[image.Image]():
		return []any{image.NewGray(image.Rect(0, 0, 2, 2)), nil, (*image.Gray)(nil), image.NewGray(image.Rect(0, 0, 0, 0)), image.NewUniform(imagecolor.Black), image.NewGray(image.Rect(0, 0, 100_000, 1))}
	case reflect.TypeFor[error]():
		return []any{errors.New("no"), nil, (*graph.Error)(nil), (*fs.PathError)(nil)}
	case reflect.TypeFor[any]():
		return hostileValues()
	}
	switch t.Kind() {
	case reflect.Func:
		if t == reflect.TypeFor[func(x, y []float64) ([]int, error)]() {
			return []any{func(x, y []float64) ([]int, error) { return make([]int, len(x)), nil }, (func(x, y []float64) ([]int, error))(nil),
				func(x, y []float64) ([]int, error) { return nil, nil }, func(x, y []float64) ([]int, error) { panic("in classify") },
				func(x, y []float64) ([]int, error) {
					return slices.Repeat([]int{math.MaxInt, math.MinInt}, len(x)/2), nil
				}}
		}
		harmless := reflect.MakeFunc(t, func([]reflect.Value) []reflect.Value {
			var out []reflect.Value
			for i := range t.NumOut() {
				out = append(out, reflect.Zero(t.Out(i)))
			}
			return out
		})
		panics := reflect.MakeFunc(t, func([]reflect.Value) []reflect.Value { panic(callersOwn) })
		return []any{harmless.Interface(), reflect.Zero(t).Interface(), panics.Interface()}
	}
	panic("hostile values of " + t.String() + " are not known: add some")
}

func anys[T any](list []T) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = v
	}
	return out
}

// oneBatch is a data set of one batch.
type oneBatch struct{ batch data.Batch }

func (oneBatch) Name() string { return "one" }

func (o oneBatch) Iter() iter.Seq2[data.Batch, error] {
	return func(yield func(data.Batch, error) bool) { yield(o.batch, nil) }
}

// quiet2 is a Listener without events.
type quiet2 struct{ a int }

func (q *quiet2) Listen(func(train.Event)) func() { q.a++; return nil }

func finalized() *tensors.Tensor {
	t := wave(3)
	t.Close()
	return t
}

func hostileTensors() []any {
	out := []any{wave(3, 4), (*tensors.Tensor)(nil), new(tensors.Tensor), finalized()}
	for _, dims := range [][]int{{0}, {1 << 32, 0}, {0, 1 << 32}, {1 << 20, 1 << 20, 0, 3}, {3, 0, 1}, {1, 1, 1, 1, 1, 1, 1}, {1 << 16, 1}, {1, 1 << 16}, {2, 1 << 15, 1, 1}} {
		out = append(out, tensors.FromShape(shapes.Make(dtypes.Float32, dims...)))
	}
	for _, v := range [][]float64{{1e308, -1e308}, {1, 1 + 2.3e-16}, {0, 5e-324}, {1 << 53, 1<<53 + 2}, {math.NaN()}, {math.Inf(1), math.Inf(-1)}, {math.MaxFloat64, math.MaxFloat64}, {2007, 2009}} {
		out = append(out, tensors.FromValue(v), tensors.FromValue([][]float64{v}), tensors.FromValue([][][]float64{{v}, {v}}), tensors.FromValue([][][][]float64{{{v}}, {{v}}}))
	}
	return append(out, tensors.FromValue([]complex128{complex(math.NaN(), 1)}), tensors.FromValue([]bool{true}), tensors.FromValue([]uint64{math.MaxUint64, 0}), tensors.FromValue([]int64{math.MinInt64, math.MaxInt64}), tensors.FromValue(math.NaN()))
}

// knot holds itself, in every way that a value can.
type knot struct {
	Name  string
	Next  *knot
	Any   any
	List  []any
	Table map[string]any
}

func hostileValues() []any {
	k := &knot{Name: "k", List: make([]any, 1), Table: map[string]any{}}
	k.Next, k.Any, k.List[0], k.Table["k"] = k, k, k.List, k.Table
	self := make([]any, 1)
	self[0] = self
	out := append(hostileTensors(), nil, 0, "", errors.New("e"), (error)((*graph.Error)(nil)), []int(nil), []int{}, make([]int, 200_000), make([]struct{ A int }, 100_000), []*registered{nil}, []any{nil, 1, "x"},
		k, self, map[string]any{"self": self}, []knot{*k}, map[[2]int]float64{{1, 2}: math.NaN()}, map[string]int(nil), make(chan int), (chan int)(nil), func() {}, (func())(nil), (func(*graph.Node) *graph.Node)(nil),
		func(x *graph.Node) *graph.Node { return nil }, func(x *graph.Node) *graph.Node { return x }, func(x ...*graph.Node) []*graph.Node { return x }, func(x *graph.Node) *graph.Node { panic("in a model") },
		func(s *model.Scope, x *graph.Node) *graph.Node { return x }, func(a, b, c int) {},
		(*graph.Graph)(nil), graph.NewGraph(nil, ""), (*graph.Program)(nil), new(graph.Program), (*graph.Node)(nil), new(graph.Node), (*model.Store)(nil), new(model.Store), model.NewStore(), (*model.Scope)(nil), (*model.Variable)(nil),
		(*train.Loop)(nil), new(train.Loop), (*train.Trainer)(nil), (*train.History)(nil), shapes.Shape{}, shapes.Make(dtypes.Float32, 1<<40), data.Batch{}, image.Image(nil), image.NewUniform(imagecolor.White), viz.Bundle{}, panics{}, (*viz.Run)(nil),
		struct{ f func() }{}, struct{ p *knot }{k}, [3]float64{}, [0]int{}, uintptr(7), complex(math.Inf(1), 0), []error{nil, errors.New("x")}, time.Time{}, context.Background(), []variable{{}}, []*variable{nil})
	return append(out, anys([][]float64{{1, 1 + 2.3e-16}, {1e308, -1e308}, {math.NaN()}})...)
}

// watched calls fn, and returns what it panicked with. A call that allocates without end ends the test process, with its name:
// nothing else would stop it.
func watched(t *testing.T, name string, fn func()) (panicked any) {
	t.Helper()
	const limit = 3 << 29
	sample := []runtimemetrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	allocated := func() uint64 { runtimemetrics.Read(sample); return sample[0].Value.Uint64() }
	begin := allocated()
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for ticks := 0; ; ticks++ {
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
				if n := allocated() - begin; n > limit {
					fmt.Fprintf(os.Stderr, "FAIL: %s has allocated %d MB and goes on\n", name, n>>20)
					os.Exit(1)
				}
				if ticks == 60_000 { // five minutes: a hang, not a slow machine
					fmt.Fprintf(os.Stderr, "FAIL: %s does not end\n", name)
					os.Exit(1)
				}
			}
		}
	}()
	defer func() {
		panicked = recover()
		close(done)
		<-ended
	}()
	fn()
	return nil
}

// sentence checks that what comes out of a call can be looked at and speaks of no nil pointer.
func sentence(t *testing.T, name string, out []reflect.Value) {
	t.Helper()
	for _, o := range out {
		b, ok := o.Interface().(viz.Bundle)
		if !ok {
			if d, is := o.Interface().(viz.Displayer); is && o.Interface() != nil {
				b, ok = d.Bundle(), true
			}
		}
		if !ok {
			continue
		}
		for _, bad := range []string{"nil pointer dereference", "index out of range", "reflect:", "invalid memory", "nil map", "makeslice"} {
			if strings.Contains(b.Text(), bad) {
				t.Errorf("%s: %.300s", name, b.Text())
			}
		}
		if len(b.Text()) > 1<<20 || len(b.HTML()) > 16<<20 {
			t.Errorf("%s: %d bytes of text, %d of HTML", name, len(b.Text()), len(b.HTML()))
		}
	}
}

// callAll calls fn with each hostile value in each place, the harmless ones in the others, and with as few and as many values
// for a variadic parameter.
func callAll(t *testing.T, name string, fn reflect.Value) {
	ft := fn.Type()
	var pools [][]any
	for i := range ft.NumIn() {
		p := ft.In(i)
		if ft.IsVariadic() && i == ft.NumIn()-1 {
			p = p.Elem()
		}
		pools = append(pools, hostile(p))
	}
	call := func(args []any, types []reflect.Type) {
		var in []reflect.Value
		var said []string
		for i, a := range args {
			v := reflect.Zero(types[i])
			if a != nil {
				v = reflect.ValueOf(a)
			}
			in = append(in, v)
			s := fmt.Sprintf("%T", a)
			switch x := a.(type) {
			case *tensors.Tensor:
				if x.Ok() {
					s = x.Shape().String()
				}
			case int, float64, string, bool, []float64, plots.Options, viz.CurveOptions:
				s = fmt.Sprintf("%.100s", fmt.Sprintf("%T %v", a, a))
			}
			said = append(said, s)
		}
		title := fmt.Sprintf("%s(%s)", name, strings.Join(said, ", "))
		var out []reflect.Value
		p := watched(t, title, func() { out = fn.Call(in) })
		if p == callersOwn && (name == ". Time" || name == "plots SurfaceOf") { // they call a plain function: what that does is its caller's affair
			return
		}
		if p != nil {
			t.Errorf("%s panics: %v", title, p)
			return
		}
		sentence(t, title, out)
	}
	types := make([]reflect.Type, len(pools))
	base := make([]any, len(pools))
	for i, p := range pools {
		base[i], types[i] = p[0], ft.In(i)
		if ft.IsVariadic() && i == len(pools)-1 {
			types[i] = ft.In(i).Elem()
		}
	}
	for i, p := range pools {
		for _, v := range p {
			args := slices.Clone(base)
			args[i] = v
			call(args, types)
			if ft.IsVariadic() && (sweep || i == len(pools)-1) {
				call(args[:len(args)-1], types)
				call(append(args, args[len(args)-1]), append(types, types[len(types)-1]))
			}
		}
	}
	if len(pools) == 0 {
		call(nil, nil)
	}
}

func TestHostileCalls(t *testing.T) {
	t.Setenv("GONB_PIPE", "")
	captureStdout(t, func() {
		for pkg, functions := range exported {
			for name, fn := range functions {
				callAll(t, pkg+" "+name, reflect.ValueOf(fn))
			}
		}
		for name, list := range receivers() {
			for k, r := range list {
				v := reflect.ValueOf(r)
				for i := range v.NumMethod() {
					callAll(t, fmt.Sprintf("%s %d %s", name, k, v.Type().Method(i).Name), v.Method(i))
				}
			}
		}
	})
}

// A function or method that is added to the packages must be in the tables above.
func TestHostileCallsAreOfAllFunctions(t *testing.T) {
	var known map[string][]any
	captureStdout(t, func() { known = receivers() })
	for pkg, functions := range exported {
		for _, file := range testenv.Files(t, pkg) {
			for _, d := range file.Decls {
				f, ok := d.(*ast.FuncDecl)
				if !ok || !f.Name.IsExported() {
					continue
				}
				if f.Recv == nil && functions[f.Name.Name] == nil {
					t.Errorf("%s is not called with hostile values", f.Name.Name)
				}
				if f.Recv != nil {
					recv := f.Recv.List[0].Type
					if star, ok := recv.(*ast.StarExpr); ok {
						recv = star.X
					}
					if id, ok := recv.(*ast.Ident); ok && id.IsExported() && known[id.Name] == nil {
						t.Errorf("methods of %s are not called with hostile values", id.Name)
					}
				}
			}
		}
	}
}
