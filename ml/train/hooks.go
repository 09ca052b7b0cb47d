package train

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/quire-ml/quire/internal/guard"
	"github.com/quire-ml/quire/ml/data"
)

// Hook is called by a loop. An error, or a panic in it, ends the run and is returned by it, with the hook's name before it.
type Hook func(loop *Loop) error

type namedHook struct {
	name string
	fn   Hook
	due  func(loop *Loop) bool // whether it wants to be called after the step that was begun; nil: after every one
}

// hooks are what else a loop does at certain times, in order of registration.
type hooks struct {
	start, step, epoch []namedHook
	settling           []namedHook
	complete           []namedHook // at the end of a run that was neither interrupted nor failed, before ending
	ending             []func(loop *Loop, err error, interrupted bool) error
	eval               []func(loop *Loop, dataset string, results Metrics) error
	restored           []data.Dataset
	restorers          []func(loop *Loop, ds data.Dataset) error
}

// OnStart calls fn at the beginning of every run.
func (l *Loop) OnStart(name string, fn Hook) {
	l.hooks.start = append(l.hooks.start, namedHook{name, fn, nil})
}

// OnStep calls fn after every step, before the next one is begun: the loop then waits for the metrics of each step, see
// [Event]. [EveryNSteps] and the like wait only where they call.
func (l *Loop) OnStep(name string, fn Hook) {
	l.hooks.step = append(l.hooks.step, namedHook{name, fn, nil})
}

// OnEpoch calls fn at the end of every pass over the data, after evaluations.
func (l *Loop) OnEpoch(name string, fn Hook) {
	l.hooks.epoch = append(l.hooks.epoch, namedHook{name, fn, nil})
}

// OnSettled calls fn when all is done that belongs to a step: its hooks and evaluations, and, if a pass over the data
// is known to end with it, the end of the epoch; and once more after an epoch whose end was not known before. What is
// saved there and goes on from there goes on as if nothing had happened.
func (l *Loop) OnSettled(name string, fn Hook) {
	l.hooks.settling = append(l.hooks.settling, namedHook{name, fn, nil})
}

// OnSettledIf is [Loop.OnSettled] for a hook that mostly has nothing to do: fn is called as there, but the loop waits for a
// step because of it only if due, which is asked when the step was begun (of one of several that are begun by one call: when its batch
// was taken) and before its metrics are known, returns true. [Loop.Step] is then the number of the step before it. Of the steps that the
// loop does not wait for, fn is not told.
func (l *Loop) OnSettledIf(name string, due func(loop *Loop) bool, fn Hook) {
	l.hooks.settling = append(l.hooks.settling, namedHook{name, fn, due})
}

// OnEnd calls fn at the end of every run, with the error that the run ends with, and whether that is an
// interruption. What fn returns is added to the run's error.
func (l *Loop) OnEnd(name string, fn func(loop *Loop, err error, interrupted bool) error) {
	l.hooks.ending = append(l.hooks.ending, func(loop *Loop, err error, interrupted bool) error {
		return named(name, guard.Call(func() error { return fn(loop, err, interrupted) }))
	})
}

// OnEval calls fn after every evaluation in the loop.
func (l *Loop) OnEval(name string, fn func(loop *Loop, dataset string, results Metrics) error) {
	l.hooks.eval = append(l.hooks.eval, func(loop *Loop, dataset string, results Metrics) error {
		return named(name, guard.Call(func() error { return fn(loop, dataset, results) }))
	})
}

// OnDataset calls fn once for each data set that is trained on, before its first batch is asked for:
// there a saved place in it can be restored.
func (l *Loop) OnDataset(name string, fn func(loop *Loop, ds data.Dataset) error) {
	l.hooks.restorers = append(l.hooks.restorers, func(loop *Loop, ds data.Dataset) error {
		return named(name, guard.Call(func() error { return fn(loop, ds) }))
	})
}

// need panics if the loop that a function of the package hooks into is nil.
func need(loop *Loop, function string) {
	if loop == nil {
		panic("train." + function + ": the loop is nil: make it with NewLoop")
	}
}

func named(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", name, err)
}

// due reports whether a hook wants to be called after the step that was begun.
func (h *hooks) due(loop *Loop) bool {
	due := func(x namedHook) bool { return x.due == nil || x.due(loop) }
	return slices.ContainsFunc(h.step, due) || slices.ContainsFunc(h.settling, due)
}

func call(loop *Loop, list []namedHook) error {
	for _, h := range list {
		if err := named(h.name, guard.Call(func() error { return h.fn(loop) })); err != nil {
			return err
		}
	}
	return nil
}

func (h *hooks) restore(loop *Loop, ds data.Dataset) error {
	if slices.ContainsFunc(h.restored, func(x data.Dataset) bool { return sameDataset(x, ds) }) {
		return nil
	}
	h.restored = append(h.restored, ds)
	for _, fn := range h.restorers {
		if err := fn(loop, ds); err != nil {
			return err
		}
	}
	return nil
}

// sameDataset reports whether a and b are one data set. Those of types that cannot be compared are not.
func sameDataset(a, b data.Dataset) bool {
	return reflect.TypeOf(a) == reflect.TypeOf(b) && reflect.TypeOf(a).Comparable() && a == b
}

func (h *hooks) begin(loop *Loop) error {
	if err := h.restore(loop, loop.ds); err != nil {
		return err
	}
	return call(loop, h.start)
}

func (h *hooks) afterStep(loop *Loop) error  { return call(loop, h.step) }
func (h *hooks) afterEpoch(loop *Loop) error { return call(loop, h.epoch) }
func (h *hooks) settled(loop *Loop) error    { return call(loop, h.settling) }
func (h *hooks) completed(loop *Loop) error  { return call(loop, h.complete) }

func (h *hooks) afterEval(loop *Loop, dataset string, results Metrics) error {
	for _, fn := range h.eval {
		if err := fn(loop, dataset, results); err != nil {
			return err
		}
	}
	return nil
}

func (h *hooks) end(loop *Loop, err error, interrupted bool) (all error) {
	for _, fn := range h.ending {
		all = errors.Join(all, fn(loop, err, interrupted))
	}
	return all
}

// EveryNSteps calls fn after every n steps of a run.
func EveryNSteps(loop *Loop, n int, name string, fn Hook) {
	need(loop, "EveryNSteps")
	n = max(1, n)
	loop.onStepIf(name, func(step int) bool { return step%n == 0 }, fn)
}

// NTimesDuringLoop calls fn n times in each run whose number of steps is known, evenly spread, the last
// time after the last step.
func NTimesDuringLoop(loop *Loop, n int, name string, fn Hook) {
	need(loop, "NTimesDuringLoop")
	loop.onStepIf(name, func(step int) bool {
		return loop.steps > 0 && step*n/loop.steps != (step-1)*n/loop.steps
	}, fn)
}

// onStepIf calls fn after the steps of a run whose number is due.
func (l *Loop) onStepIf(name string, due func(step int) bool, fn Hook) {
	l.hooks.step = append(l.hooks.step, namedHook{name, func(loop *Loop) error {
		if !due(loop.step) {
			return nil
		}
		return fn(loop)
	}, func(loop *Loop) bool { return due(loop.step + 1) }})
}

// PeriodicCallback calls fn after a step when so much time has passed since the last call, and if
// callOnEnd is set once more at the end of a run.
func PeriodicCallback(loop *Loop, period time.Duration, callOnEnd bool, name string, fn Hook) {
	need(loop, "PeriodicCallback")
	var last time.Time
	loop.OnStart(name, func(*Loop) error {
		last = time.Now()
		return nil
	})
	loop.onStepIf(name, func(int) bool { return time.Since(last) >= period }, func(loop *Loop) error {
		err := fn(loop)
		last = time.Now()
		return err
	})
	if callOnEnd {
		loop.OnEnd(name, func(loop *Loop, _ error, _ bool) error { return fn(loop) })
	}
}
