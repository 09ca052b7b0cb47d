package checkpoints

import (
	"fmt"

	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/train"
)

// hookName is put before errors of saving and loading in a loop.
const hookName = "checkpoints"

// Attach lets a loop save a checkpoint after every so many steps, or for 0 at the end of each epoch, and
// at the end of each run, also of one that was interrupted, but not of one that failed. A step for which
// several of these hold, or which is also the best, is saved once. Attach restores, from
// the checkpoint that was loaded, the trainer's means, the loop's history, and before the first run on a
// data set of the same name the place in it.
//
// It returns an error if every is negative, if the handler is attached already, or if loop trains another store.
func (h *Handler) Attach(loop *train.Loop, every int) error {
	switch {
	case every < 0:
		return fmt.Errorf("checkpoints.Attach: every %d steps, want 1 or more, or 0 for every epoch", every)
	case h.loop != nil:
		return fmt.Errorf("checkpoints.Attach: the handler is attached already")
	case loop.Trainer().Store() != h.config.store:
		return fmt.Errorf("checkpoints.Attach: the loop trains another store than the one that is saved")
	}
	h.loop = loop
	h.restoreLoop()
	loop.OnDataset(hookName, h.restoreDataset)
	loop.OnStart(hookName, h.checkEvaluated)
	if every > 0 {
		train.EveryNSteps(loop, every, hookName, h.saveInLoop)
	} else {
		loop.OnEpoch(hookName, h.saveInLoop)
	}
	loop.OnEval(hookName, h.afterEval)
	loop.OnEnd(hookName, func(loop *train.Loop, err error, interrupted bool) error {
		if err != nil && !interrupted || loop.Step() == 0 {
			return nil
		}
		return h.saveInLoop(loop)
	})
	return nil
}

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

// saveInLoop saves the step at hand: once, whatever asks for it.
func (h *Handler) saveInLoop(loop *train.Loop) error {
	wasBest := h.isBest(h.last)
	done, err := h.renew()
	if err != nil || done && h.isBest(h.last) == wasBest {
		return err
	}
	if !done {
		if _, err := h.Save(); err != nil {
			return err
		}
	}
	loop.EmitCheckpoint(h.last.Path(), h.isBest(h.last))
	return nil
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
	m, ok := results.Get(h.config.bestMetric)
	switch {
	case !ok && h.config.bestChosen:
		return fmt.Errorf("KeepBest(%q, %q): %s", dataset, h.config.bestMetric, unknownMetric(dataset, h.config.bestMetric, results))
	case !ok || m.Value != m.Value:
		return nil
	}
	if best, found := h.Best(); found {
		if old, ok := h.judge(best); ok && !better(m, old) {
			return nil
		}
	}
	return h.saveInLoop(loop)
}
