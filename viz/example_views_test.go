package viz_test

import (
	"errors"
	"fmt"
	"html"
	"image"
	"io"
	"os"
	"regexp"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/train"
	"github.com/quire-ml/quire/viz"
)

var times = regexp.MustCompile(` · [0-9.]+(ns|µs|ms|s)(/step)?`)

// withoutTimes prints what f prints but for times: those differ from run to run.
func withoutTimes(f func()) {
	r, w, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	stdout := os.Stdout
	os.Stdout = w
	f()
	os.Stdout = stdout
	w.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		panic(err)
	}
	fmt.Print(times.ReplaceAllString(string(text), ""))
}

func ExampleBundle() {
	b := viz.Plain("bars of a, b")
	b.Data["image/svg+xml"] = []byte("<svg/>")
	b.Data["image/jpeg"] = []byte{0xff, 0xd8}
	b.Meta = map[string]any{"image/jpeg": map[string]any{"width": 320, "height": 240}}
	fmt.Println(b)
	message, err := b.MarshalJSON() // as Jupyter's protocol has it
	fmt.Println(string(message), err)
	// Output:
	// bars of a, b
	// {"data":{"image/jpeg":"/9g=","image/svg+xml":"\u003csvg/\u003e","text/plain":"bars of a, b"},"metadata":{"image/jpeg":{"height":240,"width":320}}} <nil>
}

func ExampleBundle_UnmarshalJSON() {
	var b viz.Bundle // an output of a saved notebook
	err := b.UnmarshalJSON([]byte(`{"data": {"text/plain": ["two\n", "lines"]}, "metadata": {}}`))
	fmt.Println(b.Text(), err)
	// Output:
	// two
	// lines <nil>
}

func ExamplePlain() {
	b := viz.Plain("1 < 2")
	fmt.Println(b.Text())
	fmt.Println(b.HTML())
	// Output:
	// 1 < 2
	// <pre style="margin:2px 0;font-size:12px;line-height:1.35;background-color:transparent">1 &lt; 2</pre>
}

func ExampleHTML() {
	name := "a<b>"
	b := viz.HTML("<b>"+html.EscapeString(name)+"</b>", name)
	fmt.Println(b.Text())
	fmt.Println(b.HTML())
	// Output:
	// a<b>
	// <b>a&lt;b&gt;</b>
}

func ExampleMarkdown() {
	viz.Show(viz.Markdown("loss is *falling*"))
	// Output: loss is *falling*
}

func ExampleSVG() {
	viz.Show(viz.SVG(`<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><circle cx="4" cy="4" r="4"/></svg>`, "a dot"))
	// Output: a dot
}

func ExampleImage() {
	b := viz.Image(image.NewGray(image.Rect(0, 0, 28, 28)))
	fmt.Println(b)
	fmt.Println(b.Meta[viz.MIMEPNG]) // few pixels are enlarged
	// Output:
	// image 28×28
	// map[height:140 width:140]
}

func ExampleError() {
	viz.Show(viz.Error(errors.New("no data set mnist")))
	// Output: error: no data set mnist
}

func ExampleStack() {
	viz.Show(viz.Stack("above", viz.Row("left", "right")))
	// Output:
	// above
	//
	// left
	//
	// right
}

func ExampleRow() {
	viz.Show(viz.Row(viz.Titled("before", 1), viz.Titled("after", 2)))
	// Output:
	// before
	// 1
	//
	// after
	// 2
}

func ExampleTime() {
	var sum int
	t := viz.Time(func() { sum++ })
	fmt.Println(t.Allocations < 1, t.Calls > 1000, t.Least <= t.Median)
	// Output: true true true
}

func ExampleTitled() {
	viz.Show(viz.Titled("weights", tensors.FromValue([]float32{1, 2})))
	// Output:
	// weights
	// float32[2]  8 B
	// min 1, max 2, mean 1.5, std 0.5
	// [1 2]
}

func ExampleRender() {
	b := viz.Render(map[string]int{"cats": 3, "dogs": 4})
	fmt.Println(b.Text())
	fmt.Println(len(b.Data[viz.MIMEHTML]) > 0)
	// Output:
	// key   value
	// ───────────
	// cats      3
	// dogs      4
	//
	// true
}

func ExampleText() {
	fmt.Println(viz.Text(shapes.Make(dtypes.Float32, 32, 64)))
	// Output: float32[32 64]
}

func ExampleTensor() {
	viz.Show(viz.Tensor(tensors.FromValue([][]float32{{1, 2}, {3, 4}})))
	// Output:
	// float32[2 2]  16 B
	// min 1, max 4, mean 2.5, std 1.118
	// [[1 2]
	//  [3 4]]
}

func ExampleHistogram() {
	viz.Show(viz.Histogram([]int{1, 1, 2, 5, 5, 5}))
	// Output:
	// int64[6]
	// min 1, max 5, mean 3.167, std 1.863
	// 1  ████████████████████░░░░░░░░░░ 2
	// 2  ██████████░░░░░░░░░░░░░░░░░░░░ 1
	// 3  ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ 0
	// 4  ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ 0
	// 5  ██████████████████████████████ 3
}

func ExampleImages() {
	digits := tensors.FromShape(shapes.Make(dtypes.Float32, 3, 8, 8)) // [N H W]
	viz.Show(viz.Images(digits, viz.ImageOptions{Title: "mistakes", Truth: []int{7, 1, 1}, Predicted: []int{7, 1, 4}}))
	// Output:
	// mistakes 3 pictures of 8×8 from float32[3 8 8]
	// 7 | 1 | 4, is 1
	// 2 of 3 right
}

func ExampleBatch() {
	b := data.Batch{
		Inputs: []*tensors.Tensor{tensors.FromValue([][]float32{{5.1, 3.5}, {6.2, 2.9}})},
		Labels: []*tensors.Tensor{tensors.FromValue([]int32{0, 1})},
	}
	viz.Show(viz.Batch(b, "setosa", "versicolor"))
	// Output:
	// shape         values
	// ───────────────────────────────────────────────────────────────────
	// input  float32[2 2]  min 2.9, max 6.2, mean 4.425, std 1.303
	// label  int32[2]      min 0, max 1, mean 0.5, std 0.5 · 1 zero (50%)
	//
	// #  [0]  [1]       label
	// ───────────────────────
	// 0  5.1  3.5      setosa
	// 1  6.2  2.9  versicolor
}

func ExampleConfusion() {
	viz.Show(viz.Confusion([]int{0, 0, 1, 1}, []int{0, 0, 1, 1}, "cat", "dog"))
	// Output:
	// accuracy 100.00% (4 of 4)
	//
	// true \ predicted  cat  dog
	// ──────────────────────────
	// cat                 2    ·
	// dog                 ·    2
	//
	// class  count  precision  recall      F1  mostly taken for
	// ─────────────────────────────────────────────────────────
	// cat        2     100.0%  100.0%  100.0%
	// dog        2     100.0%  100.0%  100.0%
}

// fit returns the record of a run of one's own: a value that is halved a few times.
func fit(name string, loss float64) *viz.Run {
	r := viz.NewRun(name)
	for step := 1; step <= 4; step++ {
		loss /= 2
		r.Add(train.Event{Kind: train.Step, Step: step, Steps: 4, GlobalStep: int64(step),
			Metrics: []train.Metric{{Name: "loss", Short: "loss", Kind: "loss", Value: loss}}})
	}
	r.Add(train.Event{Kind: train.End, Step: 4, Steps: 4, GlobalStep: 4})
	return r
}

func ExampleNewRun() {
	r := viz.NewRun("mine")
	r.Add(train.Event{Kind: train.Start, Steps: 2})
	for step := 1; step <= 2; step++ {
		r.Add(train.Event{Kind: train.Step, Step: step, Steps: 2, GlobalStep: int64(step),
			Metrics: []train.Metric{{Name: "loss", Short: "loss", Kind: "loss", Value: 1 / float64(step)}}})
	}
	viz.Show(r)
	// Output:
	// step 2/2
	// train loss  █▁  1.0000 → 0.5000
}

func ExampleCurves() {
	viz.Show(viz.Curves(fit("small", 8), fit("large", 2)))
	// Output:
	// run    step  time  train loss
	// ─────────────────────────────
	// small     4            0.5000
	// large     4            0.1250
	// best by train loss: large
}

func ExampleCurvesWith() {
	viz.Show(viz.CurvesWith(viz.CurveOptions{Width: 300, Height: 150}, fit("small", 8)))
	// Output:
	// step 4/4 · done
	// train loss  █▄▂▁  4.0000 → 0.5000
}

func ExampleRunOf() {
	h := &train.History{}
	h.Record(train.Event{Kind: train.Step, Step: 1, Steps: 2, GlobalStep: 1, Metrics: []train.Metric{{Name: "loss", Short: "loss", Kind: "loss", Value: 3}}})
	h.Record(train.Event{Kind: train.Step, Step: 2, Steps: 2, GlobalStep: 2, Metrics: []train.Metric{{Name: "loss", Short: "loss", Kind: "loss", Value: 1.5}}})
	viz.Show(viz.RunOf("restored", h))
	// Output:
	// step 2 · done
	// train loss  █▁  3.0000 → 1.5000
}

// halving is a loop of one's own that emits training events.
type halving struct{ listeners []func(train.Event) }

func (h *halving) Listen(fn func(train.Event)) (cancel func()) {
	h.listeners = append(h.listeners, fn)
	return func() {}
}

func (h *halving) run(steps int) {
	emit := func(e train.Event) {
		for _, fn := range h.listeners {
			fn(e)
		}
	}
	emit(train.Event{Kind: train.Start, Steps: steps})
	x := 8.0
	for step := 1; step <= steps; step++ {
		x /= 2
		emit(train.Event{Kind: train.Step, Step: step, Steps: steps, GlobalStep: int64(step), Metrics: []train.Metric{{Name: "x", Short: "x", Kind: "x", Value: x}}})
	}
	emit(train.Event{Kind: train.End, Step: steps, Steps: steps, GlobalStep: int64(steps)})
}

func ExampleLive() {
	loop := &halving{} // or a train.Loop
	viz.Live(loop)
	loop.run(3)
	// Output:
	// step 3/3 · done · train x 1.0000
}

func ExampleNewArea() {
	area := viz.NewArea()
	for i := range 3 {
		area.Update(fmt.Sprintf("step %d", i+1)) // in a notebook or terminal in place of the one before
	}
	area.Close()
	// Output: step 3
}

func ExampleNewProgress() {
	withoutTimes(func() {
		x := 8.0
		p := viz.NewProgress(3)
		for range p.Range() { // a loop of one's own: halving x
			x /= 2
			p.Set("x", x)
		}
		viz.Show(p) // its curves once more
	})
	// Output:
	// step 3/3 · done · x 1.0000
	// step 3/3 · done
	// x  █▃▁  4.0000 → 1.0000
}

func ExampleRuns() {
	small, large := fit("small", 8), fit("large", 2)
	small.Set("width", 16)
	large.Set("width", 512)
	small.Set("batch", 32) // the same in both: it tells nothing
	large.Set("batch", 32)
	viz.Show(viz.Runs(small, large))
	// Output:
	// run    width  train loss  step  time  train loss over steps
	// ───────────────────────────────────────────────────────────
	// small     16      0.5000     4        █▄▂▁
	// large    512      0.1250     4        █▄▂▁
}

// notebookLess prints what it is told.
type notebookLess struct{}

func (notebookLess) Event(run string, e train.Event)    { fmt.Println(run, e.Kind, e.GlobalStep) }
func (notebookLess) Set(run string, name, value string) { fmt.Println(run, name, value) }

// oneStep is a training loop of one step.
type oneStep struct{ tell func(train.Event) }

func (l *oneStep) Listen(tell func(train.Event)) (cancel func()) { l.tell = tell; return func() {} }

// A program without a screen has what Live would show.
func ExampleRecordTo() {
	viz.RecordTo(notebookLess{})
	defer viz.RecordTo(nil)
	loop := &oneStep{}
	view := viz.Live(loop, viz.LiveOptions{Name: "mlp"})
	view.Set("width", 16)
	loop.tell(train.Event{Kind: train.Start})
	loop.tell(train.Event{Kind: train.Step, GlobalStep: 1})
	// Output:
	// mlp width 16
	// mlp start 0
	// mlp step 1
}
