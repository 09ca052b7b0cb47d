package viz

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/quire-ml/quire/ml/train"
	"github.com/quire-ml/quire/viz/internal/display"
	"github.com/quire-ml/quire/viz/internal/svg"
)

// Listener is what emits training events: a training loop. It calls back from the goroutine that trains;
// cancel ends that.
type Listener interface {
	Listen(func(train.Event)) (cancel func())
}

// LiveOptions say how [Live] shows a run. The zero value shows it well.
type LiveOptions struct {
	CurveOptions
	Name    string        // of the run, for comparing it with others later
	Refresh time.Duration // time between drawings in a notebook or terminal; 0.25 s, not below 0.1 s
	Report  time.Duration // time between lines where stdout is neither; 10 s
}

// LiveView is a run that is being shown. It is also the record of that run: viz.Show(view) shows its
// curves once more, and [Curves] compares several.
type LiveView struct {
	*Run
	cancel func()
	once   sync.Once
	close  func()
}

// Live shows the training that loop does from now on: in a notebook the curves of loss and metrics,
// training and evaluation, with progress and the table of epochs; in a terminal a progress bar; elsewhere a
// line per epoch and every few seconds. What it shows at the end stays. After [RecordTo] it shows nothing.
//
// Drawing takes at most a twentieth of the time, and none of the training goroutine's but the
// recording of an event. At most one LiveOptions is taken.
func Live(loop Listener, options ...LiveOptions) *LiveView {
	var o LiveOptions
	if len(options) > 0 {
		o = options[0]
	}
	if o.Refresh == 0 {
		o.Refresh = 250 * time.Millisecond
	}
	if o.Report == 0 {
		o.Report = 10 * time.Second
	}
	v := &LiveView{Run: NewRun(o.Name), close: func() {}, cancel: func() {}}
	v.options = o.CurveOptions
	if isNil(loop) {
		v.now = progress{started: true, ended: true, err: errors.New("viz.Live: the loop is nil: make one with train.NewLoop")}
		printText(Error(v.now.err))
		return v
	}
	var show func(train.Event)
	if to := recordTo.Load(); to != nil {
		v.watch = *to
		show = func(e train.Event) { v.watch.Event(v.name, e) }
	} else if display.InNotebook() {
		show, v.close = v.inNotebook(newArea(inNotebook{}), o)
	} else {
		t := &liveText{run: v.Run, w: os.Stdout, options: o}
		if display.IsTerminal(os.Stdout) {
			t.width = func() int { return display.Width(os.Stdout, 80) }
		}
		show, v.close = t.event, t.finish
	}
	if cancel := loop.Listen(func(e train.Event) {
		v.Add(e)
		show(e)
	}); cancel != nil {
		v.cancel = cancel
	}
	return v
}

// Close ends listening and draws the present state. A run that has ended needs no Close.
func (v *LiveView) Close() {
	if v == nil {
		return
	}
	v.once.Do(func() {
		if v.cancel != nil {
			v.cancel()
		}
		if v.close != nil {
			v.close()
		}
	})
}

// Bundle returns the curves of the run, as [Run.Bundle] does.
func (v *LiveView) Bundle() Bundle {
	if v == nil {
		return Plain("nil live view")
	}
	return v.Run.Bundle()
}

// Set notes a choice that was made for the run, as [Run.Set] does.
func (v *LiveView) Set(name string, value any) {
	if v != nil {
		v.Run.Set(name, value)
	}
}

// Setting returns what was set under a name, as [Run.Setting] does.
func (v *LiveView) Setting(name string) string {
	if v == nil {
		return ""
	}
	return v.Run.Setting(name)
}

// Add records an event, as [Run.Add] does.
func (v *LiveView) Add(e train.Event) {
	if v != nil {
		v.Run.Add(e)
	}
}

func (v *LiveView) inNotebook(a *Area, o LiveOptions) (show func(train.Event), finish func()) {
	var last time.Time
	return func(e train.Event) {
		switch {
		case e.Kind == train.Start || e.Kind == train.End:
			a.UpdateFunc(v.liveBundle)
			a.Flush() // at the end, so that nothing is lost if the program ends now
			last = e.Time
		case e.Kind != train.Step || e.Time.Sub(last) >= o.Refresh:
			last = e.Time
			a.UpdateFunc(v.liveBundle)
		}
	}, func() { a.UpdateFunc(v.liveBundle); a.Flush() }
}

// liveBundle is what a notebook shows: progress, curves, table.
func (r *Run) liveBundle() Bundle {
	r = r.snapshot()
	p := &r.now
	var b strings.Builder
	b.WriteString(`<div style="margin:2px 0;font-size:12px">`)
	if f, ok := p.fraction(); ok {
		color := svg.SeriesColor(0)
		switch {
		case p.err != nil && !p.interrupted:
			color = svg.SeriesColor(4)
		case p.interrupted:
			color = svg.SeriesColor(1)
		case p.ended:
			color = svg.SeriesColor(2)
		}
		b.WriteString(progressBar(f, color))
	}
	b.WriteString(tag("span", "vertical-align:middle", esc(p.statusText())) + "</div>")
	if p.err != nil && !p.interrupted {
		b.WriteString(Error(p.err).HTML())
	}
	b.WriteString(r.warningNotes())
	b.WriteString(charts(r.options, []*Run{r}))
	if t := r.table(); len(t.rows) > 0 {
		b.WriteString(t.html())
	}
	return HTML(b.String(), r.curveText())
}

// warningNotes is the HTML of what went wrong without ending the run.
func (r *Run) warningNotes() string {
	var b strings.Builder
	for _, w := range r.warnings {
		b.WriteString(note("warning: " + w))
	}
	return b.String()
}

// statusText says in a line where the run is.
func (p *progress) statusText() string {
	var parts []string
	if p.epochs > 0 {
		parts = append(parts, fmt.Sprintf("epoch %d/%d", min(p.epoch, p.epochs), p.epochs))
	}
	if p.steps > 0 {
		parts = append(parts, fmt.Sprintf("step %s/%s", count(int64(p.step)), count(int64(p.steps))))
	} else {
		parts = append(parts, "step "+count(int64(p.step)))
	}
	if t := p.stepTime(); t > 0 {
		parts = append(parts, duration(t)+"/step")
	}
	if p.elapsed > 0 {
		parts = append(parts, duration(p.elapsed))
	}
	if left, ok := p.left(); ok {
		parts = append(parts, duration(left)+" left")
	}
	switch {
	case p.interrupted:
		parts = append(parts, "interrupted; "+p.kept)
	case p.err != nil:
		parts = append(parts, "stopped by an error: "+p.err.Error())
	case p.early():
		parts = append(parts, "stopped early")
	case p.ended:
		parts = append(parts, "done")
	case !p.started:
		parts = []string{"not started"}
	}
	return strings.Join(parts, " · ")
}
