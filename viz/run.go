package viz

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/quire-ml/quire/ml/train"
	"github.com/quire-ml/quire/viz/internal/display"
)

// Bounds on what a Run keeps besides its curves.
const (
	maxEpochRows = 2000
	maxMarks     = 200
)

// Run records a training run for its curves: a bounded summary of all [train.Event] values that it is
// given, whatever the length of the run. It may be used by several goroutines.
type Run struct {
	mu    sync.Mutex
	name  string
	steps []*curve // measured at steps: single batches, and means over the epoch so far
	train []*curve // means over epochs of training
	eval  []*curve
	rows  []epochRow
	cut   int // rows left out after the first half
	marks []mark

	epochStart time.Duration
	epochFrom  int64 // the step after which the epoch began
	saved      saved
	warnings   []string
	own        bool // steps measure values under names of the caller's own
	now        progress
	options    CurveOptions
	settings   []setting
	watch      Recorder // of what is set; nil for none
}

// curve is one metric over the steps.
type curve struct {
	metric  train.Metric
	dataset string // "" for training metrics
	epochs  bool   // of training: means over epochs, not values at steps
	own     bool   // under a name of the caller's own
	track   track
}

// saved is the latest checkpoint of a run.
type saved struct {
	step int64
	path string
	ok   bool
}

// epochRow is one line of the table of epochs.
type epochRow struct {
	epoch   int
	step    int64
	took    time.Duration
	train   []train.Metric            // means over the epoch, or what there is of it
	eval    map[string][]train.Metric // by data set
	partial bool                      // evaluated, but the epoch has not ended
}

type mark struct {
	step int64
	kind train.EventKind
	best bool
	text string
}

// progress is where a run is.
type progress struct {
	started, ended bool
	globalStep     int64
	step, steps    int
	epoch, epochs  int
	elapsed        time.Duration
	metrics        []train.Metric
	err            error
	interrupted    bool
	kept           string // after an interruption: what is left of the model
	recent         []tick // for the speed, the oldest first
}

type tick struct {
	step    int
	elapsed time.Duration
}

// NewRun returns an empty record under a name, which tells runs apart when several are shown.
func NewRun(name string) *Run { return &Run{name: name} }

// RunOf returns the record of a run that was measured before, such as that of a loaded checkpoint: its curves, and
// an epoch table without times.
func RunOf(name string, h *train.History) *Run {
	r := NewRun(name)
	r.now = progress{started: true, ended: true}
	if h == nil {
		r.now.err = errors.New("viz.RunOf: the history is nil")
		return r
	}
	rows := map[int64]*epochRow{}
	var steps []int64
	row := func(step int64) *epochRow {
		if rows[step] == nil {
			rows[step] = &epochRow{step: step, eval: map[string][]train.Metric{}}
			steps = append(steps, step)
		}
		return rows[step]
	}
	for _, s := range h.Series() {
		for i, step := range s.Steps {
			m := s.Metric
			m.Value = s.Values[i]
			r.now.globalStep = max(r.now.globalStep, step)
			switch s.Source {
			case "step":
				find(&r.steps, m, "").track.add(float64(step), m.Value)
			case "epoch":
				from := int64(0)
				if i > 0 {
					from = s.Steps[i-1]
				}
				r.addEpoch(m, from, step)
				e := row(step)
				e.train = append(e.train, m)
			default:
				find(&r.eval, m, s.Source).track.add(float64(step), m.Value)
				e := row(step)
				e.eval[s.Source] = append(e.eval[s.Source], m)
			}
		}
	}
	r.now.step = int(r.now.globalStep)
	slices.Sort(steps)
	for i, step := range steps[:min(len(steps), maxEpochRows)] {
		rows[step].epoch = i + 1
		r.rows = append(r.rows, *rows[step])
	}
	return r
}

// Add records an event. Events must come in order.
func (r *Run) Add(e train.Event) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	p := &r.now
	p.globalStep, p.step, p.steps = max(p.globalStep, e.GlobalStep), e.Step, e.Steps
	p.epoch, p.epochs, p.elapsed = max(e.Epoch, 1), e.Epochs, e.Elapsed
	switch e.Kind {
	case train.Start:
		*p = progress{started: true, globalStep: e.GlobalStep, step: e.Step, steps: e.Steps, epochs: e.Epochs, epoch: max(e.Epoch, 1)}
		p.recent = []tick{{e.Step, e.Elapsed}} // a run that goes on from a checkpoint has made steps before
		r.epochStart, r.epochFrom, r.saved = 0, e.GlobalStep, saved{}
	case train.Step:
		p.metrics = slices.Clone(e.Metrics)
		r.tick(e.Step, e.Elapsed)
		for _, m := range e.Metrics {
			c := find(&r.steps, m, "")
			c.own = r.own
			c.track.add(float64(e.GlobalStep), m.Value)
		}
	case train.Epoch:
		for _, m := range e.Metrics {
			r.addEpoch(m, r.epochFrom, e.GlobalStep)
		}
		row := r.row(e)
		row.train, row.took, row.partial = slices.Clone(e.Metrics), e.Elapsed-r.epochStart, false
		r.epochStart, r.epochFrom = e.Elapsed, e.GlobalStep
	case train.Eval:
		for _, m := range e.Metrics {
			find(&r.eval, m, e.Dataset).track.add(float64(e.GlobalStep), m.Value)
		}
		row := r.row(e)
		if row.train == nil {
			row.train, row.partial = slices.Clone(p.metrics), true
		}
		if row.eval == nil {
			row.eval = map[string][]train.Metric{}
		}
		row.eval[e.Dataset] = slices.Clone(e.Metrics)
	case train.Checkpoint:
		r.mark(mark{step: e.GlobalStep, kind: e.Kind, best: e.Best})
		r.saved = saved{e.GlobalStep, e.Path, true}
	case train.End:
		p.ended, p.err, p.interrupted = true, e.Err, e.Interrupted
		if e.Interrupted {
			p.kept = r.saved.sentence(e.GlobalStep)
		}
		switch {
		case e.Interrupted:
			r.mark(mark{step: e.GlobalStep, kind: e.Kind, text: "interrupted"})
		case e.Err != nil:
			r.mark(mark{step: e.GlobalStep, kind: e.Kind, text: "error"})
		}
	default:
		r.warn(e)
	}
}

// maxWarnings bounds what a run keeps of what went wrong without ending it.
const maxWarnings = 20

// warn records what an event of a kind that tells of a trouble says.
func (r *Run) warn(e train.Event) {
	if e.Err == nil {
		return
	}
	if len(r.warnings) == maxWarnings { // the first and the latest ones say most
		r.warnings = slices.Delete(r.warnings, maxWarnings/2, maxWarnings/2+1)
	}
	r.warnings = append(r.warnings, fmt.Sprintf("step %s: %v", count(e.GlobalStep), e.Err))
}

// addEpoch records a mean over the steps from one to another: its place is the middle, since at the end the model was
// better than that.
func (r *Run) addEpoch(m train.Metric, from, to int64) {
	c := find(&r.train, m, "")
	c.epochs = true
	c.track.add((float64(from)+float64(to))/2, m.Value)
}

// sentence says what an interruption at a step leaves of the model.
func (s saved) sentence(step int64) string {
	at := ""
	if s.path != "" {
		at = ": " + s.path
	}
	switch {
	case s.ok && s.step == step:
		return "the model is saved" + at
	case s.ok:
		return fmt.Sprintf("saved is step %s%s", count(s.step), at)
	case display.InNotebook():
		return "no checkpoint was saved: the model is lost when this cell ends"
	}
	return "no checkpoint was saved: the model lives in this process only"
}

// snapshot returns a copy that nobody else changes: drawing takes longer than training may be held up.
func (r *Run) snapshot() *Run {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := &Run{name: r.name, rows: slices.Clone(r.rows), cut: r.cut, marks: slices.Clone(r.marks), now: r.now, options: r.options, own: r.own, warnings: slices.Clone(r.warnings),
		settings: slices.Clone(r.settings)}
	c.now.recent = slices.Clone(r.now.recent)
	for i := range c.rows {
		c.rows[i].eval = maps.Clone(c.rows[i].eval)
	}
	c.steps, c.train, c.eval = copyCurves(r.steps), copyCurves(r.train), copyCurves(r.eval)
	return c
}

func copyCurves(list []*curve) []*curve {
	out := make([]*curve, len(list))
	for i, c := range list {
		d := *c
		d.track.buckets = slices.Clone(c.track.buckets)
		out[i] = &d
	}
	return out
}

// tick notes when a step was done, for the speed over the last few seconds.
func (r *Run) tick(step int, elapsed time.Duration) {
	p := &r.now
	n := len(p.recent)
	if n > 0 && elapsed-p.recent[n-1].elapsed < 250*time.Millisecond && n > 1 {
		p.recent[n-1] = tick{step, elapsed}
		return
	}
	p.recent = append(p.recent, tick{step, elapsed})
	if len(p.recent) > 40 {
		p.recent = slices.Delete(p.recent, 0, 1)
	}
}

// row returns the line of the table for the epoch (or, in a run by steps, the evaluation) of e.
func (r *Run) row(e train.Event) *epochRow {
	if n := len(r.rows); n > 0 {
		last := &r.rows[n-1]
		if last.step == e.GlobalStep || (last.epoch == e.Epoch && last.partial && e.Kind == train.Epoch) {
			last.step = e.GlobalStep
			return last
		}
	}
	if len(r.rows) >= maxEpochRows { // what is in the middle is missed least
		r.rows = slices.Delete(r.rows, maxEpochRows/2, maxEpochRows/2+1)
		r.cut++
	}
	r.rows = append(r.rows, epochRow{epoch: e.Epoch, step: e.GlobalStep})
	return &r.rows[len(r.rows)-1]
}

// mark adds a mark; an ordinary checkpoint makes room if there are too many.
func (r *Run) mark(m mark) {
	if m.best { // only the latest best one counts
		for i := range r.marks {
			r.marks[i].best = false
		}
	}
	if len(r.marks) >= maxMarks {
		i := slices.IndexFunc(r.marks, func(m mark) bool { return m.kind == train.Checkpoint && !m.best })
		r.marks = slices.Delete(r.marks, max(i, 0), max(i, 0)+1)
	}
	r.marks = append(r.marks, m)
}

func find(curves *[]*curve, m train.Metric, dataset string) *curve {
	for _, c := range *curves {
		if c.metric.Name == m.Name && c.dataset == dataset {
			return c
		}
	}
	c := &curve{metric: m, dataset: dataset}
	*curves = append(*curves, c)
	return c
}

// stepTime returns the time of a step over the last few seconds, 0 if it is not known.
func (p *progress) stepTime() time.Duration {
	if n := len(p.recent); n > 1 {
		if steps := p.recent[n-1].step - p.recent[0].step; steps > 0 {
			return (p.recent[n-1].elapsed - p.recent[0].elapsed) / time.Duration(steps)
		}
	}
	return 0
}

// fraction returns how much of the run is done, from 0 to 1, and whether that is known.
func (p *progress) fraction() (float64, bool) {
	switch {
	case p.ended && p.err == nil && !p.interrupted && !p.early():
		return 1, true
	case p.steps > 0:
		return min(1, float64(p.step)/float64(p.steps)), true
	case p.epochs > 0:
		return min(1, max(0, float64(p.epoch-1)/float64(p.epochs))), true
	}
	return 0, false
}

// early reports whether the run has ended before its time, though without an error.
func (p *progress) early() bool {
	return p.ended && p.err == nil && !p.interrupted && p.steps > 0 && p.step < p.steps && (p.epochs <= 0 || p.epoch < p.epochs)
}

// left returns the time that the rest of the run will take at the present speed, and whether it is known.
func (p *progress) left() (time.Duration, bool) {
	if t := p.stepTime(); t > 0 && p.steps > 0 && !p.ended {
		return t * time.Duration(max(0, p.steps-p.step)), true
	}
	return 0, false
}
