package train

import (
	"context"
	"encoding/json"
	"errors"
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

// evaluate makes the evaluations that are due after a step, or at the end of an epoch: those that are not done yet, if an
// interrupt came between them.
func (l *Loop) evaluate(ctx context.Context, endOfEpoch bool) error {
	due := 0
	for _, e := range l.evals {
		for _, ds := range e.sets {
			if !e.due(l.step, l.steps, endOfEpoch) {
				continue
			}
			if due++; due <= l.evaluated {
				continue
			}
			if err := l.evaluateOne(ctx, ds); err != nil {
				return err
			}
			l.evaluated = due
		}
	}
	l.pending, l.evaluated = nothing, 0
	return nil
}

func (e evaluation) due(step, steps int, endOfEpoch bool) bool {
	if endOfEpoch || e.every == 0 {
		return endOfEpoch && e.every == 0
	}
	return step%e.every == 0 || step == steps
}

func (l *Loop) evaluateOne(ctx context.Context, ds data.Dataset) error {
	r, resumable := ds.(data.Resumable)
	var place []byte
	if resumable {
		place, _ = r.State()
	}
	results, err := l.trainer.EvalContext(ctx, ds)
	if err != nil {
		if resumable && place != nil && ctx.Err() != nil { // it will be done again, from its beginning
			err = errors.Join(err, r.SetState(place))
		}
		return unjoin(err)
	}
	l.results[ds.Name()] = results
	l.emit(Event{Kind: Eval, Dataset: ds.Name(), Metrics: results})
	return l.hooks.afterEval(l, ds.Name(), results)
}

// EmitCheckpoint tells listeners that a checkpoint was saved at path. It is for packages that save them.
func (l *Loop) EmitCheckpoint(path string, best bool) {
	l.emit(Event{Kind: Checkpoint, Path: path, Best: best})
}

// EarlyStop says when training has stopped to help; see [EarlyStopping].
type EarlyStop struct {
	Metric      string  // name or short name of the metric; "loss" if empty
	Dataset     string  // the data set whose evaluations count; the first one evaluated if empty
	Patience    int     // evaluations without improvement that are waited for; 5 if 0
	MinDelta    float64 // what counts as an improvement: more than this
	Mode        Mode    // whether smaller or larger values are better; the metric says so by itself
	RestoreBest bool    // the model of the best evaluation is put back when the run has ended, see [KeepBest]
}

// EarlyStopping stops a run when the evaluations in it no longer improve: when the best value is Patience
// evaluations old. NaN is no improvement. The loop needs evaluations, see
// [Loop.EvalEvery]: a run without, or on a trainer without the metric, ends at once with an error that proposes the nearest name. The best value and its age are part of [Loop.State]: a run that goes on from a checkpoint stops
// where it would have stopped without, and one that had stopped makes no step more.
func EarlyStopping(loop *Loop, when EarlyStop) {
	need(loop, "EarlyStopping")
	if when.Patience <= 0 {
		when.Patience = 5
	}
	s := &stopping{watch: newWatch("EarlyStopping", when.Metric, when.Dataset, when.Mode), patience: when.Patience, delta: when.MinDelta, best: number(math.NaN())}
	invalid := s.check(loop)
	name, err := loop.rememberNext("early stopping", s)
	if invalid == nil {
		invalid = err
	}
	if when.RestoreBest && invalid == nil {
		invalid = keepBest(loop, s.watch, when.MinDelta)
	}
	loop.OnStart(name, func(loop *Loop) error {
		if invalid != nil {
			return invalid
		}
		if loop.continues && s.since >= s.patience {
			s.stop(loop)
		}
		return s.checkEvaluated(loop)
	})
	loop.OnEval(name, s.afterEval)
}

// stopping is an EarlyStop at work.
type stopping struct {
	watch
	patience int
	delta    float64
	best     number
	since    int // evaluations
}

func (s *stopping) afterEval(loop *Loop, dataset string, results Metrics) error {
	m, counts, err := s.of(dataset, results)
	if err != nil || !counts {
		return err
	}
	if s.improves(m, float64(s.best), s.delta) {
		s.best, s.since = number(m.Value), 0
		return nil
	}
	if s.since++; s.since >= s.patience {
		s.stop(loop)
	}
	return nil
}

func (s *stopping) stop(loop *Loop) {
	loop.Stop("early stopping: " + s.metric + " of " + s.dataset + " has not improved")
}

type stoppingState struct {
	Dataset string `json:"dataset"`
	Best    number `json:"best"`
	Since   int    `json:"since"`
}

// State returns what it remembers.
func (s *stopping) State() ([]byte, error) {
	return json.Marshal(stoppingState{s.dataset, s.best, s.since})
}

// SetState restores it.
func (s *stopping) SetState(state []byte) error {
	var j stoppingState
	if err := json.Unmarshal(state, &j); err != nil {
		return err
	}
	if s.dataset == "" || s.dataset == j.Dataset {
		s.dataset, s.best, s.since = j.Dataset, j.Best, j.Since
	}
	return nil
}
