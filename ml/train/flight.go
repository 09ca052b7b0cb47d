package train

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"
)

// flight is a step of training that was begun, and whose report is not read yet: the backend may still be at it.
//
// A step is begun before the report of the one before is read. So that nothing is made of one that failed, each takes the
// result of the one before: whether it was made. Where it was not, the next one changes nothing either, and is forgotten.
type flight struct {
	g      *graph.Graph
	report graph.Buffer
	made   graph.Buffer // a bool: the step was made, and so were those before it
	number int64        // of the update that it is or that it is a part of, from 1
	update bool         // it makes an update, not only a part of one
}

func (f *flight) close() {
	f.report.Close()
	f.made.Close()
}

var wentWell = tensors.FromScalar(true)

// begin begins a step on a batch, which may be closed afterwards.
func (t *Trainer) begin(ctx context.Context, batch data.Batch) error {
	switch {
	case t.invalid != nil:
		return t.invalid
	case t.optimizer == nil:
		return errNoOptimizer
	case len(t.flights) == 0:
		t.steps = t.GlobalStep()
	}
	number, done := t.ahead()
	m := modeTrain
	if done+1 < t.accumulate {
		m = modeAccumulate
	}
	f := &flight{number: number + 1, update: m == modeTrain}
	err := t.checkDivides(batch)
	if err == nil {
		err = t.launch(ctx, m, batch, f)
	}
	if err != nil {
		return stepError(err, f.number)
	}
	t.flights = append(t.flights, f)
	return nil
}

// ahead returns how many updates there are, and how many batches since the last one, with the steps that were begun.
func (t *Trainer) ahead() (updates int64, pending int) {
	updates, pending = t.steps, t.pending
	for _, f := range t.flights {
		if pending = (pending + 1) % t.accumulate; f.update {
			updates++
		}
	}
	return updates, pending
}

// launch runs a step's program.
func (t *Trainer) launch(ctx context.Context, m mode, batch data.Batch, f *flight) error {
	var before any = wentWell
	if n := len(t.flights); n > 0 {
		before = t.flights[n-1].made
	}
	e, args, err := t.execFor(m, batch)
	if err != nil {
		return err
	}
	defer t.execs.Release(e)
	out, g, err := e.CallToBuffers(ctx, append(args, before)...)
	if err != nil {
		return err
	}
	f.g, f.report, f.made = g, out[0], out[1]
	return nil
}

// end reads the report of the first step that was begun, and counts it. If it was not made, those begun after it are forgotten.
func (t *Trainer) end() (Metrics, error) {
	f := t.flights[0]
	t.flights = slices.Delete(t.flights, 0, 1)
	defer f.close()
	numbers, err := f.report.ToHost()
	if err != nil {
		t.forget()
		return nil, stepError(err, f.number)
	}
	defer numbers.Close()
	out := read(f.g, numbers)
	if out.failed() {
		t.forget()
		return nil, out.failure(f.number)
	}
	if t.pending = (t.pending + 1) % t.accumulate; f.update {
		t.steps++
	}
	t.counted = 0
	if len(t.flights) == 0 {
		t.counted = t.stepVersion()
	}
	add(t.moving, out.values, out.weights)
	add(t.means, out.values, out.weights)
	first := Metric{Name: batchLossName, Short: "batch", Kind: "loss", Value: out.values[0]}
	return append(Metrics{first}, metricsOf(t.moving, t.metrics)...), nil
}

// forget gives up on the steps that were begun: their reports are never read.
func (t *Trainer) forget() {
	for _, f := range t.flights {
		f.close()
	}
	clear(t.flights)
	t.flights, t.counted = t.flights[:0], 0
}

// stepVersion returns the version of the variable that counts updates, 0 if there is none.
func (t *Trainer) stepVersion() int64 {
	if v := t.store.GetVariable(GlobalStepPath); v != nil {
		return v.Version()
	}
	return 0
}

// GlobalStep returns the number of updates of the model so far, over all runs; while a loop is a step ahead of its reports
// (see [Event]), of those that are known to have been made.
func (t *Trainer) GlobalStep() int64 {
	if len(t.flights) > 0 {
		return t.steps
	}
	version := t.stepVersion()
	if version == 0 || version != t.counted {
		t.steps, t.counted = t.readSteps(), version
	}
	return t.steps
}

// readSteps returns the value of the variable that counts updates. Where that was lost in a run that failed, the updates
// that are known stay known: errors speak of them.
func (t *Trainer) readSteps() int64 {
	v := t.store.GetVariable(GlobalStepPath)
	if v == nil {
		return 0
	}
	value, err := v.Value()
	if err != nil {
		return t.steps
	}
	return tensors.ToScalar[int64](value)
}

// stepError says which step failed, unless the error names the user's own line.
func stepError(err error, step int64) error {
	if _, ok := graph.AsError(err); ok {
		return err
	}
	return fmt.Errorf("training step %d: %w", step, err)
}

var errNoOptimizer = errors.New("train.TrainStep: the trainer has no optimizer: it evaluates and predicts; to train, give NewTrainer one, such as optimizers.Adam().Done()")

// TrainStep makes one step of training on a batch, which stays the caller's, and returns the loss of the
// batch and the moving averages of loss and metrics. It waits for them.
func (t *Trainer) TrainStep(batch data.Batch) (Metrics, error) {
	return t.TrainStepContext(context.Background(), batch)
}

// TrainStepContext is [Trainer.TrainStep] with a context: a step is not begun when it has ended, and
// finished once it is begun.
func (t *Trainer) TrainStepContext(ctx context.Context, batch data.Batch) (Metrics, error) {
	if len(t.flights) > 0 {
		return nil, errors.New("train.TrainStep: called by a listener while a loop makes its steps: use a hook")
	}
	if err := t.begin(ctx, batch); err != nil {
		return nil, err
	}
	return t.end()
}

// execFor returns the form of the model for a batch, for the caller to release, and its arguments.
func (t *Trainer) execFor(m mode, batch data.Batch) (*form, []any, error) {
	e, err := t.form(execKey{m, batch.Spec, len(batch.Inputs)})
	if err != nil {
		return nil, nil, err
	}
	args := make([]any, 0, len(batch.Inputs)+len(batch.Labels)+1)
	for _, x := range batch.Inputs {
		args = append(args, x)
	}
	for _, x := range batch.Labels {
		args = append(args, x)
	}
	return e, args, nil
}
