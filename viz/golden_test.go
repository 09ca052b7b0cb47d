package viz_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	_ "image/png"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/quire-ml/quire/backends/machine"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir/runstate"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/golden"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"
	"github.com/quire-ml/quire/viz"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// views is every kind of view, with what it is called on.
func views() map[string]any {
	broken := wave(8, 12)
	tensors.MustMutableFlatData(broken, func(flat []float32) {
		flat[5], flat[17], flat[40] = float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))
	})
	labels := tensors.FromValue([]int32{0, 1, 2, 3, 4, 0})
	g := graph.NewGraph(nil, "constants")
	x := graph.Parameter(g, "x", f32(4))
	node := graph.Mul(graph.Add(x, graph.Const(g, float32(0.5))), graph.Const(g, []float32{1, 2, 3, 4}))
	program, err := graph.NewProgram(g, node)
	if err != nil {
		panic(err)
	}
	truth, predicted := []int{0, 0, 0, 1, 1, 2, 2, 2}, []int{0, 0, 1, 1, 1, 2, 0, 2}
	type sample struct {
		Name  string
		Score float64
		N     int `viz:"count"`
		Skip  int `viz:"-"`
	}
	mlpInputs := []any{f32(32, 64).WithAxisNames("batch", "pixel"), f32(64, 128), f32(128), f32(128, 10), f32(10)}
	return map[string]any{
		"batch_images":     viz.Batch(data.Batch{Inputs: []*tensors.Tensor{rings(6, 8)}, Labels: []*tensors.Tensor{labels}}, "zero", "one", "two"),
		"batch_table":      data.Batch{Inputs: []*tensors.Tensor{wave(6, 3)}, Labels: []*tensors.Tensor{labels}},
		"column":           penguinTable().Columns[1],
		"csv_table":        penguinTable(),
		"csv_counts":       viz.ValueCounts(penguinTable(), "year"),
		"csv_head":         viz.Head(penguinTable(), 2),
		"dataset":          inMemory(),
		"pipeline":         flow(),
		"pipeline_unread":  viz.Pipeline(data.Prefetch(data.Batched(inMemory(), 2, false), 3)),
		"input_button":     viz.Button("again"),
		"input_checkbox":   viz.Checkbox("normalise", true),
		"input_choice":     viz.Choice("activation", "relu", "gelu").Start("gelu"),
		"input_slider":     viz.Slider("learning rate", 0.001, 1).Log(),
		"input_whole":      viz.Slider("layers", 1, 9).Start(2),
		"input_wrong":      viz.Slider("layers", 9, 1),
		"loop":             ranLoop(),
		"loop_new":         train.NewLoop(realTrainer()),
		"store_tree":       realStore(),
		"scope":            realStore().Scope("/dense"),
		"tensor_pictures":  pictures(),
		"confusion":        viz.Confusion(truth, predicted, "cat", "dog", "eel"),
		"curves":           run(1000, 1000, 1),
		"curves_two":       viz.Curves(run(1000, 1000, 1), run(1000, 700, 2)),
		"curves_underway":  run(1000, 420, 1),
		"curves_none":      viz.NewRun(""),
		"curves_many":      viz.Curves(sweepOf(7)...),
		"curves_colored":   viz.CurvesWith(viz.CurveOptions{ColorBy: "learning rate"}, sweepOf(14)...),
		"roc":              viz.ROC(truthOf(twoClasses(200))),
		"roc_classes":      viz.ROC(truthOf(threeClasses(90))),
		"precision_recall": viz.PrecisionRecall(truthOf(twoClasses(200))),
		"calibration":      viz.Calibration(truthOf(twoClasses(200))),
		"calibration_top":  viz.Calibration(truthOf(threeClasses(90))),
		"regression":       viz.Regression(truthOf(aboutALine(60))),
		"schedule":         viz.Schedule(1000, viz.NamedRate{Name: "cosine", Rate: optimizers.WarmUp(100, optimizers.Cosine(900))}, viz.NamedRate{Name: "steps", Rate: optimizers.Step(250, 0.5)}),
		"rate_finder":      viz.RateFinder(foundRates()),
		"schedule_one":     viz.Schedule(5, optimizers.Constant()),
		"sweep":            viz.Sweep(sweepOf(12)...),
		"sweep_scatter":    viz.SweepScatter(sweepOf(12)...),
		"results":          viz.Results(wrongEvery(2), inMemory()),
		"results_numbers":  viz.Results(numbersModel{}, numbersSet(), viz.ResultOptions{Title: "numbers"}),
		"top_losses":       viz.TopLosses(wrongEvery(2), inMemory(), viz.ResultOptions{Count: 3, Classes: []string{"zero", "one", "two", "three", "four"}}),
		"images_range":     viz.Images(rings(3, 10), viz.ImageOptions{Range: [2]float64{0.2, 0.6}}),
		"graph_gpt":        gptView(),
		"error":            errors.New("data.Open \"a<b>.gz\": it & ended"),
		"graph":            viz.Graph(mlp, mlpInputs...),
		"graph_constants":  g,
		"graph_deep":       viz.Graph(deep, f32(3)),
		"graph_gradient":   viz.Graph(gradient, f32(8, 4), f32(4, 3)),
		"graph_program":    program,
		"graph_variables":  viz.Graph(variables, f32(32, 64)),
		"histogram":        viz.Histogram(wave(500)),
		"histogram_whole":  viz.Histogram([]int{1, 1, 2, 5, 5, 5}),
		"histogram_years":  viz.Histogram([]int{2007, 2007, 2008, 2009, 2009}),
		"image":            image.NewGray(image.Rect(0, 0, 4, 3)),
		"images_filters":   viz.Images(wave(3, 3, 1, 8), viz.ImageOptions{Channels: true, Title: "filters"}),
		"images_verdicts":  viz.Images(rings(3, 10), viz.ImageOptions{Truth: []int{0, 1, 2}, Predicted: []int{0, 2, 2}, Title: "mistakes"}),
		"images_wrong":     viz.Images(wave(2, 3, 4, 7)),
		"map":              map[string]int{"x": 1, "b": 20},
		"markdown":         viz.Markdown("# a *b*"),
		"node":             node,
		"profile":          aProfile(),
		"profile_limits":   measured(aProfile()),
		"run_done":         viz.States(steppedRun(-1)),
		"run_held":         steppedRun(7),
		"run_heat":         viz.HeatMap(steppedRun(-1)),
		"run_memory":       viz.MemoryCurve(steppedRun(-1)),
		"run_timeline":     viz.Timeline(steppedRun(-1)),
		"run_none":         viz.Timeline(nil),
		"runs":             viz.Runs(having(run(1000, 1000, 1), "learning rate", 1e-3, "width", 128, "batch", 32), having(run(1000, 700, 2), "learning rate", 3e-3, "width", 128, "batch", 32, "note", "a<b>")),
		"runs_one":         viz.Runs(having(run(1000, 1000, 1), "learning rate", 1e-3)),
		"runs_empty":       viz.Runs(viz.NewRun(""), viz.NewRun("named")),
		"runs_steps":       viz.Runs(onlySteps("a", 0.5), onlySteps("b", 0.25), ended("c", errors.New("step 3: the loss is NaN & <bad>"), false), ended("d", nil, true)),
		"shapes":           viz.Shapes(mlp, mlpInputs...),
		"shapes_error":     viz.Shapes(wrongWay, f32(32, 64), f32(10, 64)),
		"shapes_panic":     viz.Shapes(outOfRange, f32(3, 4)),
		"shapes_quiet":     viz.Shapes(quiet, f32(32, 64), f32(32, 64)),
		"shapes_wrong":     viz.Shapes(wrongWay, f32(32, 64)),
		"summary":          viz.Summary(variables, f32(32, 64)),
		"summary_mlp":      viz.Summary(mlp, mlpInputs...),
		"summary_store":    viz.Summary(store{}),
		"table":            []sample{{"a<b>", 0.25, 10000, 1}, {"two\nlines", 12.5, 3, 1}},
		"table_rows":       viz.Table([][]any{{"x", 1.5}, {"y", nil}}, "name", "value"),
		"table_wrong":      viz.Table(3),
		"tensor_0":         tensors.FromValue(float32(2.5)),
		"tensor_1":         wave(12),
		"tensor_2":         broken,
		"tensor_2_large":   wave(300, 100),
		"tensor_2_named":   named(wave(3, 4)),
		"tensor_3":         wave(3, 5, 5),
		"tensor_4":         wave(2, 3, 4, 4),
		"tensor_5":         wave(2, 2, 2, 4, 4),
		"tensor_bool":      tensors.FromValue([]bool{true, false, true}),
		"tensor_complex":   tensors.FromValue([]complex64{1 + 2i}),
		"tensor_empty":     tensors.FromValue([][]float32{}),
		"tensor_integers":  tensors.FromValue([][]int64{{100, -2}, {3, 4}}),
		"value":            struct{ A, B int }{1, 2},
		"stack":            viz.Stack("first", viz.Row(viz.Titled("left", 1), 2)),
		"timing":           viz.Timing{First: 3 * time.Millisecond, Least: 11.2e-6, Median: 12.34e-6, Calls: 28_000, Blocks: 7, Allocations: 3, Bytes: 4096},
		"render_panics":    panics{},
		"render_nil":       (*tensors.Tensor)(nil),
		"render_node_nil":  (*graph.Node)(nil),
		"render_graph_nil": (*graph.Graph)(nil),
	}
}

// truthOf passes on what is known and what was predicted.
func truthOf[T, P any](truth T, predicted P) (any, any) { return truth, predicted }

// steppedRun is a training step on a machine, of which so many nodes are done and one broke, or all are; with times of a clock of its own.
func steppedRun(done int) *runstate.Trace {
	m, err := machine.FromFunc(gradient, []any{wave(8, 4), wave(4, 3)})
	if err != nil {
		panic(err)
	}
	defer m.Close()
	r, err := m.Run(context.Background(), wave(8, 4), wave(4, 3))
	if err != nil {
		panic(err)
	}
	t := r.Trace()
	t.Engine, t.Workers, t.Events, t.Took = machine.Dataflow.String(), 2, nil, 0
	for i, n := range t.Nodes {
		if n.Op == nil || n.Constant || t.States[i] == runstate.Skipped {
			continue
		}
		state, last := runstate.Computing, runstate.Done
		if n.Back >= 0 {
			state = runstate.ComputingGradient
		}
		at := t.Took
		t.Took += time.Duration(n.Bytes()+40) * time.Microsecond
		switch {
		case done == 0:
			last, t.Ended, t.Err = runstate.Failed, false, errors.New("example.go:3: Mul: it <broke>")
		case done < 0 && t.Ended, done > 0:
		default:
			t.States[i] = runstate.Waiting
			done--
			continue
		}
		done--
		t.States[i] = last
		for _, e := range []runstate.Event{{State: runstate.Waiting}, {State: runstate.Ready, At: at}, {State: state, At: at}, {State: runstate.Emitting, At: t.Took}, {State: last, At: t.Took}} {
			e.Node, e.Worker = i, uint16(i%2)
			t.Events = append(t.Events, e)
		}
	}
	return t
}

// having notes choices: names and values in turn.
func having(r *viz.Run, choices ...any) *viz.Run {
	for i := 0; i < len(choices); i += 2 {
		r.Set(choices[i].(string), choices[i+1])
	}
	return r
}

// onlySteps is a run by steps, without epochs and evaluations.
func onlySteps(name string, rate float64) *viz.Run {
	r := having(viz.NewRun(name), "rate", rate)
	r.Add(train.Event{Kind: train.Start, Steps: 100})
	for i := range 40 {
		e := train.Event{Kind: train.Step, Step: i + 1, Steps: 100, GlobalStep: int64(i + 1), Elapsed: time.Duration(i) * time.Second}
		e.Metrics = []train.Metric{{Name: "Batch loss", Short: "batch", Kind: "loss", Value: math.Exp(-rate * float64(i) / 8)}}
		r.Add(e)
	}
	return r
}

// ended is a run that has ended otherwise than it should.
func ended(name string, err error, interrupted bool) *viz.Run {
	r := onlySteps(name, 0.1)
	r.Add(train.Event{Kind: train.End, Step: 40, Steps: 100, GlobalStep: 40, Err: err, Interrupted: interrupted})
	return r
}

// run is a training run of which so many steps are done.
func run(steps, done int, seed int64) *viz.Run {
	h := viz.NewRun(fmt.Sprintf("seed %d", seed))
	for _, e := range events(steps, done, seed) {
		h.Add(e)
	}
	return h
}

// events is what a loop of five epochs emits.
func events(steps, done int, seed int64) []train.Event {
	start := time.Unix(1e9, 0)
	list := []train.Event{{Kind: train.Start, Time: start, Steps: steps, Epochs: 5}}
	var epoch averages
	for i := 1; i <= done; i++ {
		t := float64(i) / float64(steps)
		noise := math.Sin(float64(int64(i)*(seed+1))*12.9898) * 0.04
		loss, acc := 2.3*math.Exp(-6*t)+0.05+noise*math.Exp(-3*t), 1-0.9*math.Exp(-8*t)-math.Abs(noise)
		e := train.Event{Kind: train.Step, GlobalStep: int64(i), Step: i, Steps: steps, Epochs: 5, Epoch: 1 + (i-1)*5/steps,
			Elapsed: time.Duration(i) * 3 * time.Millisecond, Metrics: atStep(loss, acc, epoch.add(loss, acc))}
		e.Time = start.Add(e.Elapsed)
		list = append(list, e)
		if i%(steps/5) == 0 {
			e.Kind, e.Metrics, epoch = train.Epoch, metrics(epoch.loss, epoch.acc), averages{}
			list = append(list, e)
			e.Kind, e.Dataset, e.Metrics = train.Eval, "test", metrics(loss*1.2+0.02, acc-0.03)
			list = append(list, e)
			e.Kind, e.Best, e.Metrics = train.Checkpoint, i > steps/2, nil
			list = append(list, e)
		}
	}
	if done == steps {
		list = append(list, train.Event{Kind: train.End, Time: start.Add(time.Duration(done) * 3 * time.Millisecond), GlobalStep: int64(done), Step: done, Steps: steps,
			Epoch: 5, Epochs: 5, Elapsed: time.Duration(done) * 3 * time.Millisecond})
	}
	return list
}

// averages are means over an epoch so far.
type averages struct{ n, loss, acc float64 }

func (a *averages) add(loss, acc float64) averages {
	a.n++
	a.loss, a.acc = a.loss+(loss-a.loss)/a.n, a.acc+(acc-a.acc)/a.n
	return *a
}

// atStep is what a step measures: loss and accuracy of the batch, and means over the epoch so far.
func atStep(loss, acc float64, soFar averages) []train.Metric {
	single := []train.Metric{{Name: "Batch loss", Short: "batch", Kind: "loss", Value: loss}, {Name: "Batch Accuracy", Short: "batch acc", Kind: "accuracy", Value: acc, Percent: true}}
	return append(single, metrics(soFar.loss, soFar.acc)...)
}

func metrics(loss, acc float64) []train.Metric {
	return []train.Metric{{Name: "Mean loss", Short: "loss", Kind: "loss", Value: loss}, {Name: "Accuracy", Short: "acc", Kind: "accuracy", Value: acc, Percent: true}}
}

// pictures is a tensor [4 8 8 1].
func pictures() *tensors.Tensor {
	t, err := rings(4, 8).Reshaped(4, 8, 8, 1)
	if err != nil {
		panic(err)
	}
	return t
}

func named(t *tensors.Tensor) *tensors.Tensor {
	t, err := t.WithAxisNames("row", "column")
	if err != nil {
		panic(err)
	}
	return t
}

type panics struct{}

func (panics) Bundle() viz.Bundle { panic("on <purpose>") }

func TestGolden(t *testing.T) {
	for name, v := range views() {
		t.Run(name, func(t *testing.T) {
			b := viz.Render(v)
			assert.NotEmpty(t, b.Text(), "a view without text")
			golden.Check(t, "testdata/"+name+".txt", b.Text())
			golden.Check(t, "testdata/"+name+".html", readable(t, b.HTML()))
		})
	}
}

var (
	svgURI = regexp.MustCompile(`data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)`)
	pngURI = regexp.MustCompile(`data:image/png;base64,([A-Za-z0-9+/=]+)`)
	sheet  = regexp.MustCompile(`(?s)<style>text\{.*?</style>`)
	lines  = regexp.MustCompile(`(</(?:tr|div|table|details|pre)>)`)
)

// readable writes HTML for a diff: SVG in the clear but for the common style sheet, PNG as size and checksum of
// the pixels (its compression is another library's affair).
func readable(t *testing.T, html string) string {
	html = svgURI.ReplaceAllStringFunc(html, func(uri string) string {
		data, err := base64.StdEncoding.DecodeString(svgURI.FindStringSubmatch(uri)[1])
		require.NoError(t, err)
		assert.LessOrEqual(t, len(data), 100_000, "a picture of %d bytes", len(data))
		return "\n" + sheet.ReplaceAllString(string(data), "<style>…</style>")
	})
	html = pngURI.ReplaceAllStringFunc(html, func(uri string) string {
		data := base64.NewDecoder(base64.StdEncoding, strings.NewReader(pngURI.FindStringSubmatch(uri)[1]))
		img, _, err := image.Decode(data)
		require.NoError(t, err)
		sum := crc32.NewIEEE()
		for y := range img.Bounds().Dy() {
			for x := range img.Bounds().Dx() {
				r, g, b, a := img.At(x, y).RGBA()
				sum.Write([]byte{byte(r >> 8), byte(g >> 8), byte(b >> 8), byte(a >> 8)})
			}
		}
		return fmt.Sprintf("png:%dx%d:%08x", img.Bounds().Dx(), img.Bounds().Dy(), sum.Sum32())
	})
	return lines.ReplaceAllString(html, "$1\n")
}

// foundRates is a sweep of learning rates whose loss falls fastest at about 0.03, and grows from 0.5 on.
func foundRates() *train.RateCurve {
	c := &train.RateCurve{Diverged: true}
	for i := range 80 {
		rate := math.Pow(10, -6+float64(i)*0.08)
		loss := 2.3/(1+rate/0.03) + 5*rate*rate
		c.Rates, c.Smoothed = append(c.Rates, rate), append(c.Smoothed, loss)
		c.Losses = append(c.Losses, loss*(1+0.1*math.Sin(float64(7*i))))
		if i == 56 {
			c.Suggested = rate
		}
	}
	return c
}
