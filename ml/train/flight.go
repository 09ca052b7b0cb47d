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

// flight is a call that makes a step of training, or several, and whose reports are not all read yet: the backend may still be at it.
//
// A step is begun before the report of the one before is read. So that nothing is made of one that failed, each takes the
// result of the one before: whether it was made. Where it was not, the next one changes nothing either, and is forgotten.
type flight struct {
	reports []*report
	steps   []step       // one for each of reports
	next    int          // the first one that is not counted yet
	batches []data.Batch // of the steps, if they may be looked at again

	report  graph.Buffer    // the vectors of reports
	numbers *tensors.Tensor // the same, once it is read
	made    graph.Buffer    // a bool: all steps were made, and so were those before
}

// step is one that was begun.
type step struct {
	number int64 // of the update that it is or that it is a part of, from 1
	update bool  // it makes an update, not only a part of one
}

func (f *flight) close() {
	f.report.Close()
	f.made.Close()
	for _, b := range f.batches {
		b.Close()
	}
	if f.numbers != nil {
		f.numbers.Close()
	}
}

// fail says which steps failed, unless the error names the user's own line.
func (f *flight) fail(err error) error {
	if _, ok := graph.AsError(err); ok {
		return err
	}
	first, last := f.steps[0].number, f.steps[len(f.steps)-1].number
	if first < last {
		return fmt.Errorf("training steps %d to %d, which are one call: %w", first, last, err)
	}
	return fmt.Errorf("training step %d: %w", first, err)
}

// left returns the steps that are not counted yet.
func (f *flight) left() []step { return f.steps[f.next:] }

var wentWell = tensors.FromScalar(true)

// begin begins a step for each batch, by one call; the batches may be closed afterwards.
func (t *Trainer) begin(ctx context.Context, batches []data.Batch) error {
	switch {
	case t.invalid != nil:
		return t.invalid
	case t.optimizer == nil:
		return errNoOptimizer
	case len(t.flights) == 0:
		t.steps = t.GlobalStep()
	}
	f := &flight{steps: make([]step, 0, len(batches))}
	number, _ := t.ahead()
	todo := t.modes(len(batches))
	for _, m := range todo {
		s := step{number + 1, m == updates}
		if f.steps = append(f.steps, s); s.update {
			number++
		}
	}
	err := t.checkDivides(batches[0])
	if err == nil {
		err = t.launch(ctx, todo, batches, f)
	}
	if err != nil {
		return f.fail(err)
	}
	if t.locates {
		for _, b := range batches {
			f.batches = append(f.batches, shared(b))
		}
	}
	t.flights = append(t.flights, f)
	return nil
}

// ahead returns how many updates there are, and how many batches since the last one, with the steps that were begun.
func (t *Trainer) ahead() (updates int64, pending int) {
	updates, pending = t.steps, t.pending
	for _, f := range t.flights {
		for _, s := range f.left() {
			if pending = (pending + 1) % t.accumulate; s.update {
				updates++
			}
		}
	}
	return updates, pending
}

// numBegun returns how many steps were begun that are not counted yet.
func (t *Trainer) numBegun() (n int) {
	for _, f := range t.flights {
		n += len(f.left())
	}
	return n
}

// launch runs the program of steps.
func (t *Trainer) launch(ctx context.Context, todo modes, batches []data.Batch, f *flight) error {
	var before any = wentWell
	if n := len(t.flights); n > 0 {
		before = t.flights[n-1].made
	}
	batch := batches[0]
	key := keyFor(todo.first(), batch)
	key.turn = t.turnOf(f.steps[0].number)
	if len(batches) > 1 {
		all, err := data.Stack(batches...)
		if err != nil {
			return err
		}
		defer all.Close()
		batch, key.modes = all, todo
	}
	e, err := t.form(key)
	if err != nil {
		return err
	}
	defer t.execs.Release(e)
	out, g, err := e.CallToBuffers(ctx, append(t.argumentsOf(batch), before)...)
	if err != nil {
		return err
	}
	if f.report, f.made, f.reports = out[0], out[1], reportsOf(g); len(batches) == 1 {
		t.madeSingly(batch, len(g.LoggedNodes()) > 0)
	}
	return nil
}

// end reads the report of the first step that was begun, and counts it. If it was not made, those begun after it are forgotten.
func (t *Trainer) end() (Metrics, error) {
	f := t.flights[0]
	s := f.steps[f.next]
	if f.numbers == nil {
		var err error
		if f.numbers, err = f.report.ToHost(); err != nil {
			t.forget()
			return nil, f.fail(err)
		}
	}
	out := f.reports[f.next].read(f.numbers, f.next)
	if out.failed() {
		err := out.failure(s.number)
		if f.batches != nil {
			m := modeAccumulate
			if s.update {
				m = modeTrain
			}
			err = t.located(err, out, m, s.number, f.batches[f.next])
		}
		t.forget()
		return nil, err
	}
	if f.next++; len(f.left()) == 0 {
		t.flights = slices.Delete(t.flights, 0, 1)
		f.close()
	}
	if t.pending = (t.pending + 1) % t.accumulate; s.update {
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
	if err := t.begin(ctx, []data.Batch{batch}); err != nil {
		return nil, err
	}
	return t.end()
}

// keyFor returns what tells the form of the model for a batch apart.
func keyFor(m mode, batch data.Batch) execKey {
	return execKey{mode: m, spec: batch.Spec, numInputs: len(batch.Inputs), turn: -1}
}

// argumentsOf returns what a form is called with, with room for one more: what the backend holds of the batch already, or its tensors.
func (t *Trainer) argumentsOf(batch data.Batch) []any {
	args := make([]any, 0, len(batch.Inputs)+len(batch.Labels)+1)
	if buffers := batch.Buffers(t.backend); buffers != nil {
		for _, x := range buffers {
			args = append(args, x)
		}
		return args
	}
	for _, x := range batch.Inputs {
		args = append(args, x)
	}
	for _, x := range batch.Labels {
		args = append(args, x)
	}
	return args
}
