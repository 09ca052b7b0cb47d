package viz

import (
	"iter"
	"sync"
	"time"

	"github.com/quire-ml/quire/ml/train"
)

// Progress shows how far a loop of the caller's own is, and what it measures, as [Live] shows a train.Loop: in a notebook a
// bar and curves, in a terminal a bar, elsewhere a line every few seconds.
//
//	p := viz.NewProgress(1000)
//	for step := range p.Range() {
//		p.Set("loss", oneStep(step))
//	}
//
// A loop of another form calls [Progress.Step] after every step, and [Progress.Close] at its end. viz.Show(p) shows its
// curves once more. A step costs about a microsecond.
type Progress struct {
	view   *LiveView
	mu     sync.Mutex
	listen func(train.Event)
	start  time.Time
	step   int
	steps  int
	values []train.Metric
	ended  bool
}

// NewProgress returns the progress of a loop of so many steps; 0 or less if it is not known how many. At most one LiveOptions
// is taken.
func NewProgress(steps int, options ...LiveOptions) *Progress {
	if steps <= 0 {
		steps = -1
	}
	p := &Progress{steps: steps}
	p.view = Live(stepsOf{p}, options...)
	p.view.own = true
	return p
}

// stepsOf is the Listener of a Progress.
type stepsOf struct{ p *Progress }

// Listen lets fn be told of the steps.
func (s stepsOf) Listen(fn func(train.Event)) (cancel func()) {
	s.p.listen = fn
	return func() {}
}

// Run returns the record of the steps, for [Curves].
func (p *Progress) Run() *Run {
	if p == nil || p.view == nil {
		return nil
	}
	return p.view.Run
}

// Bundle returns the curves of what was measured.
func (p *Progress) Bundle() Bundle {
	if p == nil {
		return Plain("nil progress")
	}
	return p.Run().Bundle()
}

// Range returns the numbers of the steps from 0, to be ranged over: the loop's body is a step. It shows the end also of a loop
// that is left early. Where the number of steps is not known the loop must be left.
func (p *Progress) Range() iter.Seq[int] {
	return func(yield func(int) bool) {
		if !p.ready() {
			return
		}
		p.mu.Lock()
		p.begin()
		p.mu.Unlock()
		defer p.Close()
		for i := 0; p.steps < 0 || i < p.steps; i++ {
			if !yield(i) {
				return
			}
			p.Step()
		}
	}
}

// Set says what was measured in the step at hand; of several values under a name the last one counts.
func (p *Progress) Set(name string, value float64) {
	if !p.ready() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.values {
		if p.values[i].Name == name {
			p.values[i].Value = value
			return
		}
	}
	p.values = append(p.values, train.Metric{Name: name, Short: name, Kind: name, Value: value})
}

// Step says that a step is done.
func (p *Progress) Step() {
	if !p.ready() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begin()
	p.step++
	p.emit(train.Step)
	p.values = nil
}

// Close shows the end. What is set and done afterwards begins a run anew.
func (p *Progress) Close() {
	if !p.ready() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return
	}
	p.begin()
	p.emit(train.End)
	p.ended = true
}

// begin emits the beginning before the first step. The lock is held.
func (p *Progress) begin() {
	if p.start.IsZero() || p.ended {
		p.start, p.step, p.ended = time.Now(), 0, false
		values := p.values
		p.values = nil
		p.emit(train.Start)
		p.values = values
	}
}

func (p *Progress) emit(kind train.EventKind) {
	now := time.Now()
	e := train.Event{Kind: kind, Time: now, Step: p.step, Steps: p.steps, GlobalStep: int64(p.step), Epoch: 1, Metrics: p.values}
	if kind != train.Start {
		e.Elapsed = now.Sub(p.start)
	}
	p.listen(e)
}

func (p *Progress) ready() bool { return p != nil && p.listen != nil }
