package train

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"

	"github.com/quire-ml/quire/ml/model"
)

// BestPath is the scope in a store in which [KeepBest] and [EarlyStopping] keep the best model.
const BestPath = "/best"

// Best says which model is kept, see [KeepBest].
type Best struct {
	Metric   string  // name or short name of the metric; "loss" if empty
	Dataset  string  // the data set whose evaluations count; the first one evaluated if empty
	Mode     Mode    // whether smaller or larger values are better; the metric says so by itself
	MinDelta float64 // what counts as better: more than this
}

// KeepBest keeps the model of the best evaluation, and puts it back when a run has come to its end: then the store is what it was at that
// evaluation, variables, the state of optimizers with averages of weights, and the random state, bit for bit; only the global step stays, which
// counts what was made. The loop needs evaluations, see [Loop.EvalEvery]; their results are then those of the best model, see [Loop.Results]. A run that was interrupted, or failed, leaves the
// store as it is: it can go on.
//
//	err := train.KeepBest(loop, train.Best{Metric: "acc", Dataset: "validation"})
//
// The best model lies in variables of the store below [BestPath], which share their values with the model until that changes, and are saved with it: a
// run that goes on from a checkpoint puts back the same model as one that was never interrupted. Delete them
// ([model.Store.DeleteVariablesInScope]) to save a model alone. To keep the best one on disk is [checkpoints.Config.KeepBest].
//
// It returns an error if the trainer measures no such metric, which proposes the nearest name, or if the loop keeps a best model already. A run whose
// loop does not evaluate the data set is an error too.
//
// It is Keras' ModelCheckpoint(save_best_only=True) with restore_best_weights, and Lightning's ModelCheckpoint(save_top_k=1).
//
// [checkpoints.Config.KeepBest]: https://pkg.go.dev/github.com/quire-ml/quire/ml/checkpoints#Config.KeepBest
func KeepBest(loop *Loop, by Best) error {
	need(loop, "KeepBest")
	return keepBest(loop, newWatch("KeepBest", by.Metric, by.Dataset, by.Mode), by.MinDelta)
}

func keepBest(loop *Loop, w watch, delta float64) error {
	if err := w.check(loop); err != nil {
		return err
	}
	const name = "best model"
	if loop.memories.list[name] != nil {
		return fmt.Errorf("train.%s: the loop keeps a best model already: there is one %q in a store", w.caller, BestPath)
	}
	k := &keeper{watch: w, delta: delta, best: number(math.NaN())}
	if err := loop.Remember(name, k); err != nil {
		return err
	}
	loop.OnStart(name, k.checkEvaluated)
	loop.OnEval(name, k.afterEval)
	loop.hooks.complete = append(loop.hooks.complete, namedHook{name, k.putBack, nil})
	return nil
}

// BestRestored reports whether the last run has put back its best model, see [KeepBest].
func (l *Loop) BestRestored() bool { return l.bestRestored }

// keeper keeps the best model.
type keeper struct {
	watch
	delta   float64
	best    number
	step    int64              // the global step of the best evaluation
	results map[string]Metrics // all of that step

	evals    map[string]Metrics // of evalStep
	evalStep int64
}

func (k *keeper) afterEval(loop *Loop, dataset string, results Metrics) error {
	step := loop.Trainer().GlobalStep()
	if k.evals == nil || k.evalStep != step {
		k.evals, k.evalStep = map[string]Metrics{}, step
	}
	k.evals[dataset] = results
	m, counts, err := k.of(dataset, results)
	switch {
	case err != nil:
		return err
	case counts && k.improves(m, float64(k.best), k.delta):
		k.best, k.step, k.results = number(m.Value), step, maps.Clone(k.evals)
		return k.keep(loop.Trainer().Store())
	case k.results != nil && k.step == step: // of the best one too
		k.results[dataset] = results
	}
	return nil
}

// keep copies the store below [BestPath].
func (k *keeper) keep(store *model.Store) error {
	below := map[string]bool{}
	for v := range store.Scope(BestPath).IterVariables() {
		below[v.Path()] = true
	}
	for v := range store.IterVariables() {
		if below[v.Path()] || v.Path() == GlobalStepPath {
			continue
		}
		if err := store.CopyVariable(v.Path(), model.JoinPath(BestPath, v.Path())); err != nil {
			return err
		}
	}
	return nil
}

// putBack makes the store what it was at the best evaluation.
func (k *keeper) putBack(loop *Loop) error {
	if k.results == nil {
		return nil
	}
	store := loop.Trainer().Store()
	for v := range store.Scope(BestPath).IterVariables() {
		path := v.Path()[len(BestPath):]
		if store.GetVariable(path) == nil {
			continue
		}
		if err := store.CopyVariable(v.Path(), path); err != nil {
			return err
		}
	}
	loop.results, loop.bestRestored = maps.Clone(k.results), true
	return nil
}

type keeperState struct {
	Dataset  string             `json:"dataset"`
	Best     number             `json:"best"`
	Step     int64              `json:"step"`
	Results  map[string]Metrics `json:"results,omitempty"`
	Evals    map[string]Metrics `json:"evals,omitempty"`
	EvalStep int64              `json:"eval_step"`
}

// State returns what it remembers.
func (k *keeper) State() ([]byte, error) {
	return json.Marshal(keeperState{k.dataset, k.best, k.step, k.results, k.evals, k.evalStep})
}

// SetState restores it.
func (k *keeper) SetState(state []byte) error {
	var j keeperState
	if err := json.Unmarshal(state, &j); err != nil {
		return err
	}
	if k.dataset == "" || k.dataset == j.Dataset {
		k.dataset, k.best, k.step, k.results, k.evals, k.evalStep = j.Dataset, j.Best, j.Step, j.Results, j.Evals, j.EvalStep
	}
	return nil
}
