package train

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/internal/ordered"
)

// loopState is what a loop keeps outside of its trainer, its data set and its history.
type loopState struct {
	Step      int                `json:"step"`
	Epoch     int                `json:"epoch"`
	InPass    bool               `json:"in_pass"` // the pass has not ended: its Epoch is still to come
	Pending   pending            `json:"pending,omitzero"`
	Evaluated int                `json:"evaluated,omitzero"` // of the evaluations that are pending
	Stop      *string            `json:"stop,omitempty"`     // the reason, if the run was about to end
	Last      Metrics            `json:"last,omitempty"`
	Results   map[string]Metrics `json:"results,omitempty"`
	Evals     map[string][]byte  `json:"evals,omitempty"` // the places in the data sets that are evaluated, by name
	Hooks     map[string][]byte  `json:"hooks,omitempty"` // what they remember, by name
}

// pending says what of a step is still to be done.
type pending int

const (
	nothing    pending = iota
	afterStep          // evaluations after the step
	afterEpoch         // evaluations after the epoch, whose event was emitted
)

// memories are what hooks remember, by name.
type memories struct {
	list     map[string]data.Resumable
	restored map[string][]byte // of hooks that are not there yet
}

// Remember lets what a hook knows be saved with the loop and restored: memory's State goes into [Loop.State], and
// what was saved under this name, whether the loop was restored before or is later, is given to its SetState. A
// hook whose decisions depend on more than the model and the step at hand needs that to decide after a resume as it
// would have decided without; [EarlyStopping] does so. It returns an error if the name is taken, or what SetState returns.
func (l *Loop) Remember(name string, memory data.Resumable) error {
	m := &l.memories
	if _, taken := m.list[name]; taken {
		return fmt.Errorf("train.Remember: the name %q is taken", name)
	}
	if m.list == nil {
		m.list = map[string]data.Resumable{}
	}
	m.list[name] = memory
	if state, ok := m.restored[name]; ok {
		if err := memory.SetState(state); err != nil {
			return fmt.Errorf("train.Remember: what %q remembered: %w", name, err)
		}
	}
	return nil
}

// State returns where the loop is: its step and epoch, its last results, what its hooks remember. Together with the
// states of trainer, data set and history it makes a run that goes on equal one that was never interrupted.
func (l *Loop) State() ([]byte, error) {
	s := loopState{Step: l.step, Epoch: l.epoch, InPass: l.inPass, Pending: l.pending, Evaluated: l.evaluated, Last: l.last, Results: l.results, Evals: map[string][]byte{}, Hooks: map[string][]byte{}}
	if !l.ending {
		s.Stop = l.stop.Load()
	}
	for name, m := range ordered.All(l.memories.list) {
		state, err := m.State()
		if err != nil {
			return nil, fmt.Errorf("train: what %q remembers: %w", name, err)
		}
		s.Hooks[name] = state
	}
	for name, state := range l.memories.restored { // of hooks that this program does not have
		if _, ok := s.Hooks[name]; !ok {
			s.Hooks[name] = state
		}
	}
	for name, ds := range ordered.All(l.places()) {
		state, err := ds.State()
		if err != nil {
			return nil, fmt.Errorf("train: the place in %q: %w", name, err)
		}
		s.Evals[name] = state
	}
	return json.Marshal(s)
}

// places returns the data sets that are evaluated and have a place, by name: shuffled ones come in another order in
// every evaluation, and their sums end with other bits.
func (l *Loop) places() map[string]data.Resumable {
	sets := map[string]data.Resumable{}
	for _, e := range l.evals {
		for _, ds := range e.sets {
			r, ok := ds.(data.Resumable)
			name := ds.Name()
			for i := 2; sets[name] != nil; i++ { // another one of this name
				name = fmt.Sprintf("%s %d", ds.Name(), i)
			}
			if ok {
				sets[name] = r
			}
		}
	}
	return sets
}

// SetState restores what State returned. The next [Loop.RunToGlobalStep] or [Loop.RunToEpoch] then is the rest of the
// run that was saved: it counts its steps and epochs on from there, so that evaluations, hooks and saves come at the
// steps at which they would have come. It returns an error if state is none; then nothing has changed.
func (l *Loop) SetState(state []byte) error {
	var s loopState
	if err := json.Unmarshal(state, &s); err != nil {
		return fmt.Errorf("train: the loop's state: %w", err)
	}
	if s.Step < 0 || s.Epoch < 0 || s.InPass && s.Epoch == 0 {
		return fmt.Errorf("train: the loop's state has step %d and epoch %d: it is no such state", s.Step, s.Epoch)
	}
	for name, m := range ordered.All(l.memories.list) {
		if state, ok := s.Hooks[name]; ok {
			if err := m.SetState(state); err != nil {
				return fmt.Errorf("train: what %q remembered: %w", name, err)
			}
		}
	}
	l.memories.restored = s.Hooks
	l.pending, l.evaluated = s.Pending, s.Evaluated
	l.restored, l.last = &s, s.Last
	l.step, l.epoch, l.inPass = s.Step, s.Epoch, s.InPass
	for name, results := range s.Results {
		l.results[name] = results
	}
	return nil
}

// goOn brings the counters of a run that begins to where the restored one was. Runs of a number of steps or epochs
// begin to count anew, but they too first complete the pass that was left.
func (l *Loop) goOn(ctx context.Context) error {
	s := l.restored
	l.restored = nil
	if s == nil {
		return nil
	}
	l.restPass = s.InPass
	for name, ds := range ordered.All(l.places()) {
		if state, ok := s.Evals[name]; ok {
			if err := ds.SetState(state); err != nil {
				return fmt.Errorf("train: the place in %q: %w", name, err)
			}
		}
	}
	if !l.continues {
		return nil
	}
	if s.Stop != nil {
		l.stop.Store(s.Stop)
	}
	l.pending, l.evaluated = s.Pending, s.Evaluated
	if s.Pending != afterStep {
		return nil
	}
	epoch := l.epoch
	l.epoch, l.inPass = s.Epoch, s.InPass // of the step that is being completed
	if err := l.evaluate(ctx, false); err != nil {
		return err
	}
	if !l.passEnds() {
		if err := l.hooks.settled(l); err != nil {
			return err
		}
	}
	l.epoch = epoch
	return nil
}

// base returns how many steps, and whole passes, the run had made that the next one goes on with.
func (l *Loop) base() (steps, epochs int) {
	s := l.restored
	if s == nil {
		return 0, 0
	}
	if s.InPass {
		return s.Step, s.Epoch - 1
	}
	return s.Step, s.Epoch
}
