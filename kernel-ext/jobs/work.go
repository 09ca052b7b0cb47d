package jobs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/quire-ml/quire/kernel-ext/keep"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/train"
	"github.com/quire-ml/quire/viz"
)

// Work is the job for the function that runs in it. It may be used by several goroutines.
type Work struct {
	name string
	ctx  context.Context
	out  *recorder
}

// errNoWork is what a Work says that Start did not give to a function.
var errNoWork = errors.New("jobs.Work: it belongs to the function of a job, which Start gives it to")

func (w *Work) none() bool { return w == nil || w.out == nil }

// Name returns the job's name.
func (w *Work) Name() string {
	if w.none() {
		return ""
	}
	return w.name
}

// Context is done when the job is to stop. A training loop hears of that by itself.
func (w *Work) Context() context.Context {
	if w.none() {
		return context.Background()
	}
	return w.ctx
}

// Set notes a choice that was made for the job, such as the learning rate: viz.Runs tells jobs apart by these.
func (w *Work) Set(name string, value any) {
	if w.none() {
		return
	}
	r := viz.NewRun("")
	r.Set(name, value)
	w.out.Set("", name, r.Setting(name))
}

// Watch lets the log have the events of a training loop, as viz.Live(loop) does in a job.
func (w *Work) Watch(loop viz.Listener) *viz.LiveView {
	return viz.Live(loop, viz.LiveOptions{Name: w.name})
}

// Keep keeps a store, for [Job.Store] and for keep.Get[*model.Store]("jobs/NAME"). A later call takes the place of an earlier one.
func (w *Work) Keep(store *model.Store) error {
	if w.none() {
		return errNoWork
	}
	if store == nil {
		return errors.New("jobs.Work.Keep: the store is nil")
	}
	if err := keep.Put(storeName(w.name), store); err != nil {
		return fmt.Errorf("jobs.Work.Keep: %w", err)
	}
	w.out.send(entry{Kind: kept, Text: storeName(w.name)})
	return nil
}

// storeName is the name under which a job's store is kept.
func storeName(job string) string { return "jobs/" + job }

// recorder sends what happens in a job to the process that writes the log.
type recorder struct {
	mu   sync.Mutex
	to   *os.File
	runs map[string]*sampler
}

// sampler thins out the steps of a run: of so many that would be seen in a curve all are written, of more every second, fourth,
// eighth one, so that the log of a long run stays small.
type sampler struct {
	seen, written, every int
	skipped              *entry // the last step, if it was not written
}

// manySteps is how many steps are written before every second one is left out: a curve has fewer points.
const manySteps = 2048

// take reports whether a step is written.
func (s *sampler) take() bool {
	if s.every == 0 {
		s.every = 1
	}
	s.seen++
	if s.seen%s.every != 0 {
		return false
	}
	if s.written++; s.written%manySteps == 0 {
		s.every *= 2
	}
	return true
}

// Event is for package viz.
func (r *recorder) Event(run string, e train.Event) {
	out := write(e)
	if out == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.runs[run]
	if s == nil {
		s = &sampler{}
		r.runs[run] = s
	}
	at := e.Time
	if at.IsZero() {
		at = time.Now()
	}
	line := entry{Time: at, Kind: isEvent, Run: run, Event: out}
	if e.Kind == train.Step && !s.take() {
		s.skipped = &line
		return
	}
	if s.skipped != nil && e.Kind != train.Step { // what the step has measured is the last that is known
		r.put(*s.skipped)
	}
	s.skipped = nil
	r.put(line)
}

// Set is for package viz.
func (r *recorder) Set(run, name, value string) {
	r.send(entry{Kind: isSet, Run: run, Name: name, Text: value})
}

func (r *recorder) send(e entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.put(e)
}

// put writes a line. If nobody reads it, the process that watches is gone, and soon this one is.
func (r *recorder) put(e entry) { _, _ = r.to.Write(e.line()) }
