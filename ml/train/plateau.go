package train

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/quire-ml/quire/ml/optimizers"
)

// Plateau says when the learning rate is to be lowered; see [ReduceOnPlateau].
type Plateau struct {
	Metric   string  // name or short name of the metric; "loss" if empty
	Dataset  string  // the data set whose evaluations count; the first one evaluated if empty
	Factor   float64 // what the learning rate is multiplied by; 0.1 if 0
	Patience int     // evaluations without improvement that are waited for; 10 if 0
	Cooldown int     // evaluations after a change that do not count
	MinDelta float64 // what counts as an improvement: more than this part of the best value; 1e-4 if 0, none if negative
	Mode     Mode    // whether smaller or larger values are better; the metric says so by itself
	Smallest float64 // the least factor that the learning rate comes to, of what the optimizer says
}

// ReduceOnPlateau multiplies the learning rate by Factor when the evaluations of a run no longer improve: when the best value is more than Patience
// evaluations old. It is done by [optimizers.SetRateFactor], on top of any schedule, and recompiles nothing. The loop needs evaluations, see
// [Loop.EvalEvery]. What it remembers is part of [Loop.State], and the factor part of the model. It returns an error if a setting makes no sense, if the trainer measures no such metric, which proposes the nearest name, or
// if the factor cannot be set. A run whose loop does not evaluate the data set is an error.
//
// Source: PyTorch's ReduceLROnPlateau, with a relative threshold.
func ReduceOnPlateau(loop *Loop, when Plateau) error {
	need(loop, "ReduceOnPlateau")
	if when.Factor == 0 {
		when.Factor = 0.1
	}
	if when.Patience == 0 {
		when.Patience = 10
	}
	switch {
	case when.MinDelta == 0:
		when.MinDelta = 1e-4
	case when.MinDelta < 0:
		when.MinDelta = 0
	}
	if !(when.Factor > 0 && when.Factor < 1) || when.Patience < 0 || when.Cooldown < 0 || !(when.Smallest >= 0) {
		return fmt.Errorf("train.ReduceOnPlateau: a factor of %g, want one between 0 and 1; patience %d, cooldown %d and smallest %g, want 0 or more", when.Factor, when.Patience, when.Cooldown, when.Smallest)
	}
	p := &plateau{Plateau: when, watch: newWatch("ReduceOnPlateau", when.Metric, when.Dataset, when.Mode), best: number(math.NaN())}
	if err := p.check(loop); err != nil {
		return err
	}
	store := loop.Trainer().Store()
	factor, err := optimizers.RateFactor(store)
	if err == nil {
		err = optimizers.SetRateFactor(store, factor) // before the first step, so that nothing is compiled twice
	}
	if err != nil {
		return err
	}
	name, err := loop.rememberNext("reduce on plateau", p)
	if err != nil {
		return err
	}
	loop.OnStart(name, p.checkEvaluated)
	loop.OnEval(name, p.afterEval)
	return nil
}

// plateau is a Plateau at work.
type plateau struct {
	Plateau
	watch
	best           number
	since, resting int // evaluations
}

func (p *plateau) afterEval(loop *Loop, dataset string, results Metrics) error {
	m, counts, err := p.of(dataset, results)
	if err != nil || !counts {
		return err
	}
	best := float64(p.best)
	if p.since++; p.improves(m, best, p.MinDelta*math.Abs(best)) {
		p.best, p.since = number(m.Value), 0
	}
	if p.resting > 0 {
		p.resting--
		p.since = 0
	}
	if p.since <= p.Patience {
		return nil
	}
	p.since, p.resting = 0, p.Cooldown
	store := loop.Trainer().Store()
	factor, err := optimizers.RateFactor(store)
	if err != nil || factor <= p.Smallest {
		return err
	}
	return optimizers.SetRateFactor(store, max(p.Smallest, factor*p.Factor))
}

type plateauState struct {
	Dataset string `json:"dataset"`
	Best    number `json:"best"`
	Since   int    `json:"since"`
	Resting int    `json:"resting"`
}

// State returns what it remembers.
func (p *plateau) State() ([]byte, error) {
	return json.Marshal(plateauState{p.dataset, p.best, p.since, p.resting})
}

// SetState restores it.
func (p *plateau) SetState(state []byte) error {
	var j plateauState
	if err := json.Unmarshal(state, &j); err != nil {
		return err
	}
	if p.dataset == "" || p.dataset == j.Dataset {
		p.dataset, p.best, p.since, p.resting = j.Dataset, j.Best, j.Since, j.Resting
	}
	return nil
}
