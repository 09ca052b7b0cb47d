package train

import (
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/quire-ml/quire/internal/guard"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/metrics"
	"github.com/quire-ml/quire/ml/model"
)

// held is what a trainer and its store were at one moment.
type held struct {
	t        *Trainer
	snapshot *model.Snapshot
	moving   []metrics.MovingAverage
	means    []metrics.Mean
	midway   bool
	pending  int
}

func (t *Trainer) hold() *held {
	return &held{t: t, snapshot: t.store.Snapshot(), moving: slices.Clone(t.moving), means: slices.Clone(t.means), midway: t.midway, pending: t.pending}
}

// putBack makes trainer and store what they were.
func (h *held) putBack() error {
	t := h.t
	t.forget()
	t.moving, t.means, t.midway, t.pending = h.moving, h.means, h.midway, h.pending
	return errors.Join(h.snapshot.Restore(), h.snapshot.Close())
}

// aside calls fn, which may train, for the function that is named, and then makes trainer and store what they were before, bit for bit.
func (t *Trainer) aside(caller string, fn func() error) (err error) {
	switch {
	case t == nil || t.execs == nil:
		return fmt.Errorf("train.%s: the trainer is nil or a zero value: make it with NewTrainer", caller)
	case t.invalid != nil:
		return t.invalid
	case len(t.flights) > 0:
		return fmt.Errorf("train.%s: called by a listener while a loop makes its steps: call it before the run", caller)
	}
	h := t.hold()
	defer func() { err = unjoin(errors.Join(err, h.putBack())) }()
	return guard.Call(fn)
}

// glance iterates over the batches of a data set, pass after pass, and leaves it where it is. Only one of somebody's own which is neither
// [data.Seekable] nor [data.Resumable] is taken from.
func glance(ds data.Dataset) iter.Seq2[data.Batch, error] {
	return func(yield func(data.Batch, error) bool) {
		seekable, ok := ds.(data.Seekable)
		r, resumable := ds.(data.Resumable)
		if !ok && resumable {
			place, err := r.State()
			if err != nil {
				yield(data.Batch{}, err)
				return
			}
			defer r.SetState(place) //nolint:errcheck // what State returned
		}
		for pass := int64(0); ; pass++ {
			batches := ds.Iter
			if ok {
				batches = func() iter.Seq2[data.Batch, error] { return seekable.IterFrom(data.Position{Epoch: pass}) }
			}
			any := false
			for b, err := range batches() {
				any = true
				if !yield(b, err) || err != nil {
					return
				}
			}
			if !any {
				yield(data.Batch{}, fmt.Errorf("the data set %q has no batches", ds.Name()))
				return
			}
		}
	}
}
