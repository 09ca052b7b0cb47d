package train

import (
	"context"
	"iter"
	"time"
)

// Progress is for a training loop that one writes oneself: it emits the events of a [Loop], so that whatever shows or
// records those, such as viz.Live, works.
//
//	p := train.NewProgress()
//	viz.Live(p)
//	for step := range p.Steps(1000) {
//		loss := …
//		p.Report(train.Metric{Name: "Batch loss", Short: "batch", Kind: "loss", Value: loss})
//	}
//
// It is for one goroutine, but for Listen and History.
type Progress struct {
	listeners listeners
	history   *History
	metrics   Metrics
}

// NewProgress returns one that has a history of its own.
func NewProgress() *Progress {
	p := &Progress{history: NewHistory()}
	p.Listen(p.history.Record)
	return p
}

// Listen lets fn be told of all events from now on, until cancel is called, see [Loop.Listen].
func (p *Progress) Listen(fn func(Event)) (cancel func()) {
	return p.listeners.add(fn)
}

// History returns what was reported so far.
func (p *Progress) History() *History { return p.history }

// Report sets the metrics of the step at hand.
func (p *Progress) Report(metrics ...Metric) { p.metrics = metrics }

// Steps yields the numbers 1 to n. It emits Start before the first, a Step with what was reported after each, and End,
// also when the loop is left. An interrupt (Ctrl-C, or the stop button of a notebook) ends it after the step at hand,
// and so does a listener that panics, with an error in the End event.
func (p *Progress) Steps(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		ctx, release := catchInterrupt(context.Background())
		defer release()
		started, step := time.Now(), 0
		var failed error
		tell := func(e Event) {
			e.Time = time.Now()
			e.Elapsed, e.Step, e.Steps, e.GlobalStep, e.Epoch = e.Time.Sub(started), step, n, int64(step), 1
			if err := p.listeners.tell(e); failed == nil {
				failed = err
			}
		}
		tell(Event{Kind: Start})
		defer func() { tell(Event{Kind: End, Metrics: p.metrics, Interrupted: ctx.Err() != nil, Err: failed}) }()
		for step < n && ctx.Err() == nil && failed == nil {
			p.metrics = nil
			goOn := yield(step + 1)
			step++
			tell(Event{Kind: Step, Metrics: p.metrics})
			if !goOn {
				return
			}
		}
	}
}
