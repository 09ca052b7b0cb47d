package train

import (
	"context"
	"math"
	"slices"

	"github.com/quire-ml/quire/ml/data"
)

// evaluation is done in a loop: every so many steps, or with every 0 after each epoch.
type evaluation struct {
	every int
	sets  []data.Dataset
}

// EvalEvery evaluates the data sets after every n steps of a run, and after its last one.
func (l *Loop) EvalEvery(n int, sets ...data.Dataset) {
	l.evals = append(l.evals, evaluation{max(1, n), sets})
}

// EvalEachEpoch evaluates the data sets after each pass over the training data.
func (l *Loop) EvalEachEpoch(sets ...data.Dataset) {
	l.evals = append(l.evals, evaluation{0, sets})
}

// EvalDatasets returns the names of the data sets that the loop evaluates.
func (l *Loop) EvalDatasets() (names []string) {
	for _, e := range l.evals {
		for _, ds := range e.sets {
			if !slices.Contains(names, ds.Name()) {
				names = append(names, ds.Name())
			}
		}
	}
	return names
}

// evaluate makes the evaluations that are due after a step, or at the end of an epoch.
func (l *Loop) evaluate(ctx context.Context, endOfEpoch bool) error {
	for _, e := range l.evals {
		due := endOfEpoch && e.every == 0
		if !endOfEpoch && e.every > 0 {
			due = l.step%e.every == 0 || l.step == l.steps
		}
		if !due {
			continue
		}
		for _, ds := range e.sets {
			results, err := l.trainer.EvalContext(ctx, ds)
			if err != nil {
				return err
			}
			l.results[ds.Name()] = results
			l.emit(Event{Kind: Eval, Dataset: ds.Name(), Metrics: results})
			if err := l.hooks.afterEval(l, ds.Name(), results); err != nil {
				return err
			}
		}
	}
	return nil
}

// EmitCheckpoint tells listeners that a checkpoint was saved at path. It is for packages that save them.
func (l *Loop) EmitCheckpoint(path string, best bool) {
	l.emit(Event{Kind: Checkpoint, Path: path, Best: best})
}

// EarlyStop says when training has stopped to help; see [EarlyStopping].
type EarlyStop struct {
	Metric   string  // name or short name of the metric; "loss" if empty
	Dataset  string  // the data set whose evaluations count; the first one evaluated if empty
	Patience int     // evaluations without improvement that are waited for; 5 if 0
	MinDelta float64 // what counts as an improvement: more than this
}

// EarlyStopping stops a run when the evaluations in it no longer improve: when the best value is Patience
// evaluations old. A metric that is not there, and NaN, is no improvement. The loop needs evaluations, see
// [Loop.EvalEvery].
func EarlyStopping(loop *Loop, when EarlyStop) {
	if when.Metric == "" {
		when.Metric = "loss"
	}
	if when.Patience <= 0 {
		when.Patience = 5
	}
	best, since := math.NaN(), 0
	loop.OnEval("early stopping", func(loop *Loop, dataset string, results Metrics) error {
		if when.Dataset == "" {
			when.Dataset = dataset
		}
		if dataset != when.Dataset {
			return nil
		}
		m, ok := results.Get(when.Metric)
		gain := best - m.Value
		if m.HigherIsBetter() {
			gain = -gain
		}
		if ok && !math.IsNaN(m.Value) && (math.IsNaN(best) || gain > when.MinDelta) {
			best, since = m.Value, 0
			return nil
		}
		if since++; since >= when.Patience {
			loop.Stop("early stopping: " + when.Metric + " of " + dataset + " has not improved")
		}
		return nil
	})
}
