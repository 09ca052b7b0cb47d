package train

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/quire-ml/quire/graph/ir/capability"
	"github.com/quire-ml/quire/internal/guard"
	"github.com/quire-ml/quire/internal/interrupts"
	"github.com/quire-ml/quire/ml/data"
)

// ErrInterrupted is in the chain of a loop's error when an interrupt or a context ended it. The store holds the model
// as it was after the last step, in this process: once that ends, or a notebook's cell, it is lost, unless checkpoints
// are attached to the loop, which then save it.
var ErrInterrupted = errors.New("training was interrupted")

// Loop trains on a data set, step by step, with whatever was attached to it: evaluations, listeners and
// hooks. A Loop may run several times, one after the other. But for Listen, Stop and History its methods
// are for the goroutine that trains.
type Loop struct {
	trainer   *Trainer
	listeners listeners
	hooks     hooks
	evals     []evaluation
	history   *History

	stop atomic.Pointer[string] // the reason, once somebody asked for a stop

	memories memories
	restored *loopState // of the run that the next one may go on with

	// Of the run at hand, or the last one.
	ds      data.Dataset
	last    Metrics // of the last step
	results map[string]Metrics
	started time.Time
	step    int
	steps   int
	epoch   int
	epochs  int
	times   durations
	pace    pace

	taken     []data.Batch // whose steps are not begun yet
	made      int          // steps that this run has made itself
	continues bool         // it goes on with the one that was restored
	restPass  bool         // its first pass is what was left of one
	inPass    bool         // a pass was begun and its Epoch is still to come
	pending   pending      // of the step
	evaluated int          // how many of the evaluations that are pending are done
	ending    bool

	bestRestored bool

	told    error           // by listeners that panicked
	written map[string]bool // warnings that nobody listened to
}

// NewLoop returns a loop for a trainer.
func NewLoop(trainer *Trainer) *Loop {
	l := &Loop{trainer: trainer, history: NewHistory(), results: map[string]Metrics{}}
	l.Listen(l.history.Record)
	return l
}

// Trainer returns the trainer.
func (l *Loop) Trainer() *Trainer { return l.trainer }

// Dataset returns the data set of the run at hand or of the last one, nil if there was none.
func (l *Loop) Dataset() data.Dataset { return l.ds }

// Step returns the number of steps made in the run at hand or in the last one. A run that goes on from a checkpoint
// counts those before it too, see [Loop.SetState].
func (l *Loop) Step() int { return l.step }

// Steps returns how many steps the run at hand will have, -1 if that is not known.
func (l *Loop) Steps() int { return l.steps }

// Epoch returns the number of the epoch of the run at hand, from 1.
func (l *Loop) Epoch() int { return l.epoch }

// LastMetrics returns the metrics of the last step.
func (l *Loop) LastMetrics() Metrics { return l.last }

// LastEval returns the results of the last evaluation on the data set with the given name, nil if there
// was none: loop.LastEval("test").Value("acc"), or shorter loop.Results().Value("test acc").
func (l *Loop) LastEval(dataset string) Metrics { return l.results[dataset] }

// History returns what was measured so far, over all runs of the loop.
func (l *Loop) History() *History { return l.history }

// MedianTrainStepDuration returns the median time that the last thousand steps took, with what came
// between them apart from evaluations; 0 if there was none.
func (l *Loop) MedianTrainStepDuration() time.Duration { return l.times.median() }

// Stop lets the run at hand end after its step, as if it had been asked for no more steps. It may be
// called from hooks and listeners, and from any goroutine. A listener may hear of a step when the next one is begun, or, on an engine in another
// process, the next ones, see [Event]: then the run ends after those.
func (l *Loop) Stop(reason string) { l.stop.Store(&reason) }

// StopReason returns why [Loop.Stop] ended the last run, "" if it did not.
func (l *Loop) StopReason() string {
	if r := l.stop.Load(); r != nil {
		return *r
	}
	return ""
}

// RunSteps trains for n steps; passes over ds follow each other as needed. It returns the metrics of the
// last step and the results of the last evaluations; also with an error, as far as they are known. The
// data set's batches are released after use.
func (l *Loop) RunSteps(ds data.Dataset, n int) (Metrics, error) {
	return l.RunStepsContext(context.Background(), ds, n)
}

// RunStepsContext is [Loop.RunSteps] with a context that can end it, see [ErrInterrupted].
func (l *Loop) RunStepsContext(ctx context.Context, ds data.Dataset, n int) (Metrics, error) {
	if n < 0 {
		return nil, fmt.Errorf("train.RunSteps: %d steps, want 0 or more", n)
	}
	return l.run(ctx, ds, n, 0, false)
}

// RunToGlobalStep trains until the model has had so many updates in all, and not at all if it has had
// them: what a program wants that goes on from a checkpoint.
func (l *Loop) RunToGlobalStep(ds data.Dataset, target int64) (Metrics, error) {
	return l.RunToGlobalStepContext(context.Background(), ds, target)
}

// RunToGlobalStepContext is [Loop.RunToGlobalStep] with a context that can end it, see [ErrInterrupted].
func (l *Loop) RunToGlobalStepContext(ctx context.Context, ds data.Dataset, target int64) (Metrics, error) {
	if err := l.trainer.Err(); err != nil {
		return nil, err
	}
	updates := target - l.trainer.GlobalStep()
	n := int(updates)*l.trainer.accumulate - l.trainer.pending
	base, _ := l.base()
	return l.run(ctx, ds, base+max(0, n), 0, true)
}

// RunEpochs trains for n passes over ds. It returns what [Loop.RunSteps] returns.
func (l *Loop) RunEpochs(ds data.Dataset, n int) (Metrics, error) {
	return l.RunEpochsContext(context.Background(), ds, n)
}

// RunEpochsContext is [Loop.RunEpochs] with a context that can end it, see [ErrInterrupted].
func (l *Loop) RunEpochsContext(ctx context.Context, ds data.Dataset, n int) (Metrics, error) {
	if n < 0 {
		return nil, fmt.Errorf("train.RunEpochs: %d epochs, want 0 or more", n)
	}
	steps := -1
	if s, ok := ds.(data.Sized); ok && s.NumBatches() >= 0 && n <= math.MaxInt/max(1, s.NumBatches()) {
		steps = n * s.NumBatches()
	}
	return l.run(ctx, ds, steps, n, false)
}

// RunToEpoch trains until ds has been passed over so many times, counting those before: with a data set
// whose place was restored from a checkpoint, what is left of n epochs. The data set must be one of
// package data, or another [data.PassCounter].
func (l *Loop) RunToEpoch(ds data.Dataset, n int) (Metrics, error) {
	return l.RunToEpochContext(context.Background(), ds, n)
}

// RunToEpochContext is [Loop.RunToEpoch] with a context that can end it, see [ErrInterrupted].
func (l *Loop) RunToEpochContext(ctx context.Context, ds data.Dataset, n int) (Metrics, error) {
	if ds == nil {
		return nil, errNilDataset
	}
	counter, ok := ds.(data.PassCounter)
	if !ok {
		return nil, fmt.Errorf("train.RunToEpoch: the data set %q does not count its passes: use RunEpochs", ds.Name())
	}
	if err := l.hooks.restore(l, ds); err != nil {
		return nil, err
	}
	left := n - int(counter.Epoch())
	if left <= 0 {
		return l.Results(), nil
	}
	_, base := l.base()
	return l.run(ctx, ds, -1, base+left, true)
}

// Results returns the metrics of the last step, and the results of the last evaluations: their names are
// preceded by that of the data set. It is what the run returned.
//
//	loop.Results().Value("loss")     // of training
//	loop.Results().Value("test acc") // of the last evaluation on the data set "test"
func (l *Loop) Results() Metrics {
	out := slices.Clone(l.last)
	for _, e := range l.evals {
		for _, ds := range e.sets {
			for _, m := range l.results[ds.Name()] {
				m.Name, m.Short = ds.Name()+" "+m.Name, ds.Name()+" "+m.Short
				if _, found := out.Get(m.Name); !found {
					out = append(out, m)
				}
			}
		}
	}
	return out
}

// run trains until steps steps are made, or epochs passes if that is not 0. If it may go on, these count from the
// beginning of the run that was restored.
func (l *Loop) run(parent context.Context, ds data.Dataset, steps, epochs int, mayGoOn bool) (results Metrics, err error) {
	switch {
	case parent == nil:
		return nil, errNilContext
	case ds == nil:
		return nil, errNilDataset
	case l.trainer.Err() != nil:
		return nil, l.trainer.Err()
	}
	for _, e := range l.evals {
		if slices.ContainsFunc(e.sets, func(x data.Dataset) bool { return sameDataset(x, ds) }) {
			return nil, fmt.Errorf("train: %q is trained on and evaluated on: evaluate on a data set of its own, made from the same data if you like, since both keep a place in it", ds.Name())
		}
	}
	ctx, release := catchInterrupt(parent)
	defer release()
	l.continues = mayGoOn && l.restored != nil
	l.ds, l.step, l.steps, l.epoch, l.epochs, l.started = ds, 0, steps, 0, epochs, time.Now()
	l.made, l.restPass, l.inPass, l.pending, l.evaluated, l.ending, l.bestRestored = 0, false, false, nothing, 0, false, false
	l.pace = pace{afar: capability.RunsAhead(l.trainer.backend)}
	if l.continues {
		l.step, l.epoch = l.base()
	}
	l.stop.Store(nil)

	ended := false
	defer func() {
		l.trainer.forget()
		l.drop(len(l.taken))
		if !ended { // a function of the user ended this goroutine: who listens must not wait for the end
			l.emit(Event{Kind: End, Err: guard.ErrGoexit})
		}
	}()
	err = guard.Call(func() error { // models, losses, data sets, evaluations: all may panic
		if err := l.hooks.begin(l); err != nil {
			return err
		}
		l.emit(Event{Kind: Start})
		if err := l.goOn(ctx); err != nil {
			return err
		}
		if err := l.passes(ctx); err != nil {
			return err
		}
		return l.hooks.completed(l)
	})
	if err != nil { // what was taken or begun is counted too, if it can be
		err = unjoin(errors.Join(err, guard.Call(func() error { return l.endSteps(ctx) })))
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) { // from within a compilation or an evaluation
		err = l.interruption(ctx)
	}
	interrupted := errors.Is(err, ErrInterrupted)
	l.ending = true
	err = l.said(errors.Join(err, l.hooks.end(l, err, interrupted)))
	end := Event{Kind: End, Metrics: l.Results(), Interrupted: interrupted}
	if !interrupted {
		end.Err = err
	}
	ended = true
	l.emit(end)
	return l.Results(), l.said(err)
}

// passes goes over the data set until the run is complete.
func (l *Loop) passes(ctx context.Context) error {
	for !l.complete() || l.restPass && l.stop.Load() == nil && l.passEnds() {
		if ctx.Err() != nil {
			return l.interruption(ctx)
		}
		rest := l.restPass
		l.restPass = false
		l.epoch++
		if !rest && l.betweenPasses() {
			l.trainer.midway = false
		}
		l.trainer.beginEpoch()
		l.inPass = true
		before := l.step
		if err := l.pass(ctx, rest); err != nil {
			return err
		}
		if l.step == before && !rest && !l.complete() {
			return fmt.Errorf("train: the data set %q has no batches: there is nothing to train on", l.ds.Name())
		}
	}
	return nil
}

// complete reports whether the run has all its steps or passes. Within a pass the latter does not count.
func (l *Loop) complete() bool {
	if l.stop.Load() != nil {
		return true
	}
	if l.epochs > 0 {
		return l.epoch >= l.epochs
	}
	return l.step >= l.steps
}

// batches iterates over the next pass, or over what is left of one, which may be nothing.
func (l *Loop) batches(rest bool) iter.Seq2[data.Batch, error] {
	if r, ok := l.ds.(data.RestIterable); ok && rest {
		return r.IterRest()
	}
	return l.ds.Iter()
}

// pass makes the steps of one pass over the data set, or those that are left.
func (l *Loop) pass(ctx context.Context, rest bool) error {
	for batch, err := range l.batches(rest) {
		if err != nil {
			if ended := l.endSteps(ctx); ended != nil {
				return ended
			}
			return fmt.Errorf("step %d, data set %q: %w", l.step+1, l.ds.Name(), err)
		}
		n, due, err := l.take(ctx, batch)
		if err != nil {
			return err
		}
		if n == 0 {
			continue
		}
		begin := time.Now()
		if err := l.beginSteps(ctx, n); err != nil {
			return err
		}
		settle := due || l.interrupted(ctx) || l.waits(l.step+l.trainer.numBegun())
		if settle {
			if err := l.endSteps(ctx); err != nil {
				return err
			}
		}
		l.times.spent(time.Since(begin), n, settle || l.pace.most() == 1)
		if !settle {
			continue
		}
		l.pace.pause()
		if err := l.settle(ctx); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return l.interruption(ctx)
		}
		if (l.stop.Load() != nil || l.epochs == 0 && l.step >= l.steps) && !l.passEnds() {
			return nil
		}
	}
	if err := l.endSteps(ctx); err != nil { // of a pass whose end was not known
		return err
	}
	if l.pending != afterEpoch {
		l.emit(Event{Kind: Epoch, Metrics: l.epochMetrics()})
		l.pending = afterEpoch
	}
	if err := l.evaluate(ctx, true); err != nil {
		return err
	}
	l.inPass = false
	if err := l.hooks.afterEpoch(l); err != nil {
		return err
	}
	return l.hooks.settled(l)
}

// take takes a batch. It returns how many steps are to be begun now: none if that of the batch is to be begun together with those of the next
// ones; and whether it is known that something is due after the last of them.
func (l *Loop) take(ctx context.Context, batch data.Batch) (n int, due bool, err error) {
	if l.taken = append(l.taken, batch); len(l.taken) > 1 && !joins(l.taken[0], batch) {
		if err := l.beginSteps(ctx, len(l.taken)-1); err != nil {
			return 0, false, err
		}
	}
	if n = len(l.taken); n >= l.trainer.mostFor(l.taken[0]) {
		return n, false, nil
	}
	if l.interrupted(ctx) || l.waits(l.step+l.trainer.numBegun()+n) {
		return n, true, nil
	}
	return 0, false, nil
}

// beginSteps begins the steps of the first n batches that were taken, by one call if these are as many as one makes, and ends those
// before, but for as many calls as may be under way.
func (l *Loop) beginSteps(ctx context.Context, n int) error {
	t, each := l.trainer, 1
	if n == t.mostFor(l.taken[0]) {
		each = n
	}
	for ; n > 0; n -= each {
		// A batch that was taken is used, or a run that goes on from here would miss it. Only the first
		// step, which compiles, can be given up: nothing is saved before it.
		if l.made > 0 {
			ctx = context.WithoutCancel(ctx)
		}
		err := t.begin(ctx, l.taken[:each])
		l.made += each
		err = unjoin(errors.Join(err, l.drop(each)))
		l.pace.begun(time.Now())
		under := l.pace.most()
		if err != nil {
			under = 0
		}
		for len(t.flights) > under {
			if ended := l.endCall(); ended != nil {
				err = ended
				break
			}
		}
		if err != nil {
			l.drop(len(l.taken))
			return err
		}
	}
	return nil
}

// drop closes the first n batches that were taken.
func (l *Loop) drop(n int) (err error) {
	for _, b := range l.taken[:n] {
		err = errors.Join(err, b.Close())
	}
	l.taken = slices.Delete(l.taken, 0, n)
	return err
}

// endCall ends the steps of the oldest call.
func (l *Loop) endCall() error {
	for range l.trainer.flights[0].left() {
		if err := l.endStep(); err != nil {
			return err
		}
	}
	return nil
}

// interrupted reports whether the run is to end.
func (l *Loop) interrupted(ctx context.Context) bool {
	return ctx.Err() != nil || l.stop.Load() != nil || l.told != nil
}

// waits reports whether a step, whose batch was just taken, is to be ended before the next one is begun: something is to be
// done between them.
func (l *Loop) waits(step int) bool {
	counted := l.step
	l.step = step - 1 // for those who are asked
	defer func() { l.step = counted }()
	return step == l.steps || l.passEnds() || l.hooks.due(l) ||
		slices.ContainsFunc(l.evals, func(e evaluation) bool { return e.due(step, l.steps, false) })
}

// endSteps begins the steps of all batches that were taken, and ends all steps.
func (l *Loop) endSteps(ctx context.Context) error {
	if n := len(l.taken); n > 0 {
		if err := l.beginSteps(ctx, n); err != nil {
			return err
		}
	}
	for len(l.trainer.flights) > 0 {
		if err := l.endCall(); err != nil {
			return err
		}
	}
	return nil
}

// endStep waits for the metrics of the oldest step that was begun, and tells them.
func (l *Loop) endStep() error {
	m, err := l.trainer.end()
	if err != nil {
		return err
	}
	l.step++
	m = l.named(m)
	l.last = m
	l.emit(Event{Kind: Step, Metrics: m})
	return nil
}

// settle does what belongs to a step that was ended, before the next one is begun.
func (l *Loop) settle(ctx context.Context) error {
	l.pending = afterStep
	if err := l.hooks.afterStep(l); err != nil {
		return err
	}
	if err := l.evaluate(ctx, false); err != nil {
		return err
	}
	if err := l.said(nil); err != nil {
		return err
	}
	if l.passEnds() { // more belongs to this step
		return nil
	}
	return l.hooks.settled(l)
}

// named returns the metrics of a step as its event has them: of data whose passes have a known end, means over the pass
// so far, so that those of its last step are those of the epoch. [Trainer.TrainStep], which knows no passes, returns
// averages that move on.
func (l *Loop) named(m Metrics) Metrics {
	if !l.passesEnd() || len(m) == 0 {
		return m
	}
	return append(Metrics{m[0]}, l.trainer.EpochMetrics()...)
}

// epochMetrics returns the metrics of an epoch: those of its last step, without its batch's own loss.
func (l *Loop) epochMetrics() Metrics {
	if !l.passesEnd() && len(l.last) > 0 {
		return slices.Clone(l.last[1:])
	}
	return l.trainer.EpochMetrics()
}

// passesEnd reports whether it is known that a pass over the data set has an end.
func (l *Loop) passesEnd() bool {
	s, ok := l.ds.(data.Sized)
	return ok && s.NumBatches() > 0
}

// passEnds reports whether the batch just used was the last one of its pass, as far as that is known:
// then a run that ends here has ended an epoch too.
func (l *Loop) passEnds() bool {
	s, ok := l.ds.(data.Sized)
	p, positioned := l.ds.(data.Positioned)
	return ok && positioned && s.NumBatches() > 0 && p.Position().Batch == int64(s.NumBatches())
}

// betweenPasses reports whether the data set is known to be at no place within a pass.
func (l *Loop) betweenPasses() bool {
	p, positioned := l.ds.(data.Positioned)
	return positioned && p.Position().Batch == 0 || l.passEnds()
}

// joined is what errors.Join returns.
type joined interface{ Unwrap() []error }

// unjoin returns the only error in a join of one.
func unjoin(err error) error {
	if j, ok := err.(joined); ok {
		if list := j.Unwrap(); len(list) == 1 {
			return list[0]
		}
	}
	return err
}

// interruption returns the error of a run that ctx ended.
func (l *Loop) interruption(ctx context.Context) error {
	cause := context.Cause(ctx)
	if errors.Is(cause, errSignal) {
		return fmt.Errorf("%w at step %d (global step %d): %s", ErrInterrupted, l.step, l.trainer.GlobalStep(), whatIsKept)
	}
	return fmt.Errorf("%w at step %d (global step %d): %w: %s", ErrInterrupted, l.step, l.trainer.GlobalStep(), cause, whatIsKept)
}

// whatIsKept is true whether or not checkpoints are attached, of which a loop knows nothing.
const whatIsKept = "the store holds the model of this step, in this process only; on disk is what checkpoints saved, if any are attached"

var errSignal = errors.New("interrupt")

// catchInterrupt returns a context that also ends with the first interrupt of the process. The second
// interrupt does what it does without us: it ends the process.
func catchInterrupt(parent context.Context) (ctx context.Context, release func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	done := make(chan struct{})
	stop := interrupts.Notify(signals)
	go func() {
		select {
		case <-signals:
			stop()
			cancel(errSignal)
		case <-done:
		}
	}()
	return ctx, func() {
		stop()
		close(done)
		cancel(context.Canceled)
	}
}

// emit tells the listeners of an event at this moment.
func (l *Loop) emit(e Event) {
	now := time.Now()
	e.Time, e.Elapsed = now, now.Sub(l.started)
	e.GlobalStep, e.Step, e.Steps, e.Epoch, e.Epochs = l.trainer.GlobalStep(), l.step, l.steps, l.epoch, l.epochs
	if err := l.listeners.tell(e); err != nil {
		l.told = errors.Join(l.told, err)
	}
}

// said returns err, or else what listeners came to since it was last asked for.
func (l *Loop) said(err error) error {
	told := l.told
	l.told = nil
	return unjoin(errors.Join(err, told))
}
