package checkpoints

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/quire-ml/quire/internal/guard"
	"github.com/quire-ml/quire/internal/safefile"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/train"
)

// hookName is put before errors of saving and loading in a loop.
const hookName = "checkpoints"

// Attach lets a loop save a checkpoint after every so many steps, or for 0 at the end of each epoch, and
// at the end of each run, also of one that was interrupted, but not of one that failed. A step is saved when all is done
// that belongs to it, evaluations and the end of the epoch, once, whatever asks for it. Attach restores, from
// the checkpoint that was loaded, the trainer's means, the loop's place, history and hooks, and before the first run on a
// data set of the same name the place in it: what follows, by RunToGlobalStep or RunToEpoch, is what an undisturbed run
// would have done, step by step, in what it evaluates, saves, keeps and decides. What an interrupt made that such a run
// would not have saved is replaced by the next save.
//
// While a run lasts, no other process can save in the directory: a second run there ends at once with an error that says
// who is saving. A save that goes wrong is reported, and training goes on; see [Config.FailedSaves].
//
// It returns an error if every is negative, if the handler is attached already, or if loop trains another store.
func (h *Handler) Attach(loop *train.Loop, every int) error {
	switch {
	case loop == nil || loop.Trainer() == nil:
		return fmt.Errorf("checkpoints.Attach: the loop is nil or has no trainer: make it with train.NewLoop")
	case every < 0:
		return fmt.Errorf("checkpoints.Attach: every %d steps, want 1 or more, or 0 for every epoch", every)
	case h.loop != nil:
		return fmt.Errorf("checkpoints.Attach: the handler is attached already")
	case loop.Trainer().Store() != h.config.store:
		return fmt.Errorf("checkpoints.Attach: the loop trains another store than the one that is saved")
	}
	h.loop = loop
	h.restoreLoop()
	ask := func(*train.Loop) error { h.asked = true; return nil }
	loop.OnDataset(hookName, h.restoreDataset)
	loop.OnStart(hookName, h.begin)
	if every > 0 {
		train.EveryNSteps(loop, every, hookName, ask)
	} else {
		loop.OnEpoch(hookName, ask)
	}
	loop.OnEval(hookName, h.afterEval)
	// What asks for a save makes the loop wait for its step already.
	loop.OnSettledIf(hookName, func(*train.Loop) bool { return h.job.isDone() }, func(loop *train.Loop) error {
		if h.job.isDone() {
			if err := h.join(); err != nil {
				return err
			}
		}
		if !h.asked {
			return nil
		}
		return h.saveInLoop()
	})
	loop.OnEnd(hookName, h.end)
	return nil
}

// begin checks what can be checked before the first step, and keeps other processes away.
func (h *Handler) begin(loop *train.Loop) (err error) {
	h.asked, h.began, h.failures = false, loop.Step(), 0
	h.tell() // of loading, when nobody could listen
	if err := h.checkEvaluated(loop); err != nil {
		return err
	}
	h.lock, err = h.takeLock()
	return err
}

// end saves the last step of a run, if that is not done, and lets others save.
func (h *Handler) end(loop *train.Loop, err error, interrupted bool) error {
	defer func() {
		h.lock.Unlock()
		h.lock = nil
	}()
	before := h.join()
	nothingNew := loop.Step() == h.began && !loop.BestRestored()
	if err != nil && !interrupted || nothingNew || h.lock == nil {
		return before
	}
	err = h.saveOnce(interrupted && !h.asked)
	if saved := (*cleaningError)(nil); errors.As(err, &saved) { // all is saved; a file too many ends no run well made
		h.failures = 0
		err = h.judgeFailure(err)
	}
	return errors.Join(before, err)
}

// tell tells the loop the warnings that it was not told.
func (h *Handler) tell() {
	if h.loop == nil {
		return
	}
	h.mu.Lock()
	news := h.warnings[h.told:]
	h.told = len(h.warnings)
	h.mu.Unlock()
	for _, text := range news {
		h.loop.Warn(fmt.Errorf("%s: %s", hookName, text))
	}
}

// judgeFailure reports a save that went wrong, and ends the run after too many of them.
func (h *Handler) judgeFailure(err error) error {
	if err == nil {
		h.failures = 0
		return nil
	}
	h.failures++
	if h.failures >= h.config.patience {
		return fmt.Errorf("%d saves in a row went wrong: %w", h.failures, err)
	}
	h.mu.Lock()
	h.warnings = append(h.warnings, err.Error())
	h.told = len(h.warnings)
	h.mu.Unlock()
	h.loop.Warn(fmt.Errorf("%s: %w; training goes on, and ends if %d saves in a row go wrong", hookName, err, h.config.patience))
	return nil
}

// takeLock keeps other processes from saving in the same directory.
func (h *Handler) takeLock() (*safefile.Lock, error) {
	lock, err := safefile.TryLock(filepath.Join(h.config.dir, lockName), 0o666)
	if held := (*safefile.LockedError)(nil); errors.As(err, &held) {
		return nil, fmt.Errorf("the directory %q is being saved to by another run: %w; wait for its end, or give this run a directory of its own", h.config.dir, err)
	}
	return lock, err
}

// lockName is the file that stands for the lock of a directory.
const lockName = "lock"

// restoreLoop gives the trainer and the loop what was loaded. What does not fit is left out, with a
// warning: the model itself has been loaded.
func (h *Handler) restoreLoop() {
	if h.loaded == nil {
		return
	}
	if len(h.loaded.Trainer) > 0 {
		if err := h.loop.Trainer().SetState(h.loaded.Trainer); err != nil {
			h.warnings = append(h.warnings, fmt.Sprintf("the means of the metrics start anew: %v", err))
		}
	}
	if len(h.loaded.Loop) > 0 {
		if err := h.loop.SetState(h.loaded.Loop); err != nil {
			h.warnings = append(h.warnings, fmt.Sprintf("the steps of the run count anew: %v", err))
		}
	}
	if h.loaded.History != nil {
		if text, err := h.loaded.History.MarshalJSON(); err == nil {
			h.loop.History().UnmarshalJSON(text)
		}
	}
}

// restoreDataset brings a data set to the place where it was.
func (h *Handler) restoreDataset(_ *train.Loop, ds data.Dataset) error {
	r, ok := ds.(data.Resumable)
	if !ok || h.loaded == nil || h.loaded.DatasetState == nil || h.loaded.Dataset != ds.Name() {
		return nil
	}
	state := h.loaded.DatasetState
	h.loaded.DatasetState = nil // for one data set, once
	if err := r.SetState(state); err != nil {
		return fmt.Errorf("the place in %q: %w", ds.Name(), err)
	}
	return nil
}

// saveInLoop saves the step at hand, in the background if that is asked for.
func (h *Handler) saveInLoop() error {
	if !h.config.behind {
		return h.judgeFailure(h.saveOnce(false))
	}
	if err := h.join(); err != nil {
		return err
	}
	h.asked = false
	p, err := h.collect(false)
	if err != nil {
		return h.judgeFailure(err)
	}
	h.job = &job{done: make(chan struct{})}
	go func(j *job) {
		defer close(j.done)
		defer p.close()
		j.err = guard.Call(func() (err error) {
			j.news, err = h.writeStep(p)
			return err
		})
	}(h.job)
	return nil
}

// job is a save in the background.
type job struct {
	done chan struct{} // closed when it is over
	news bool          // there is a new checkpoint, or the last one is the best now
	err  error
}

func (j *job) isDone() bool {
	if j == nil {
		return false
	}
	select {
	case <-j.done:
		return true
	default:
		return false
	}
}

// join waits for the save in the background, if there is one, and reports it.
func (h *Handler) join() error {
	if h.job == nil {
		return nil
	}
	<-h.job.done
	j := h.job
	h.job = nil
	h.report(j.news)
	return h.judgeFailure(j.err)
}

// saveOnce saves the step at hand, and waits for it. An interim save is made by an interrupt, where an undisturbed run makes none.
func (h *Handler) saveOnce(interim bool) error {
	h.asked = false
	p, err := h.collect(interim)
	if err != nil {
		return err
	}
	defer p.close()
	news, err := h.writeStep(p)
	h.report(news)
	return err
}

// report tells the loop of a save.
func (h *Handler) report(news bool) {
	h.tell()
	if news {
		h.loop.EmitCheckpoint(h.last.Path(), h.isBest(h.last))
	}
}

// writeStep writes a step once, whatever asks for it, and reports whether there is something to tell.
func (h *Handler) writeStep(p *picture) (news bool, err error) {
	wasBest := h.isBest(h.last)
	done, err := h.renew(p)
	if err != nil || done {
		return err == nil && h.isBest(h.last) != wasBest, err
	}
	_, err = h.save(p)
	return err == nil, err
}

// isBest reports whether c is the best checkpoint by KeepBest.
func (h *Handler) isBest(c Checkpoint) bool {
	if h.config.bestMetric == "" {
		return false
	}
	best, ok := h.Best()
	return ok && best == c
}

// afterEval notes the results, and saves if they are the best so far.
func (h *Handler) afterEval(loop *train.Loop, dataset string, results train.Metrics) error {
	if step := loop.Trainer().GlobalStep(); step != h.evalStep || h.evals == nil {
		h.evals, h.evalStep = map[string]train.Metrics{}, step
	}
	h.evals[dataset] = results
	if dataset != h.config.bestDataset {
		return nil
	}
	if err := h.join(); err != nil { // the save under way may be the best one so far
		return err
	}
	m, ok := results.Get(h.config.bestMetric)
	switch {
	case !ok && h.config.bestChosen:
		return fmt.Errorf("KeepBest(%q, %q): %s", dataset, h.config.bestMetric, unknownMetric(dataset, h.config.bestMetric, results))
	case !ok || m.Value != m.Value:
		return nil
	}
	if best, found := h.Best(); found {
		if old, ok := h.judge(best); ok && !h.config.bestMode.Better(m, old) {
			return nil
		}
	}
	h.asked = true
	return nil
}
