package train

import (
	"errors"
	"fmt"
	"slices"

	"github.com/quire-ml/quire/ml/data"
)

// OverfitReport is what [Overfit] found.
type OverfitReport struct {
	Losses []float64 // of the batch, at each step
	Failed error     // why there are no more of them, a [NotFiniteError]; nil if all steps were made
}

// First returns the loss before the first step.
func (r *OverfitReport) First() float64 { return r.Losses[0] }

// Last returns the loss of the last step.
func (r *OverfitReport) Last() float64 { return r.Losses[len(r.Losses)-1] }

// learnt is the part of its first loss that a batch which was learnt by heart has at most.
const learnt = 0.05

// Learnt reports whether the loss came near 0: to a twentieth of the first one. A loss that begins below 0 says nothing of that: it is false.
func (r *OverfitReport) Learnt() bool {
	return r.Failed == nil && len(r.Losses) > 0 && r.near0(r.Last())
}

// near0 reports whether a loss is near 0, or below it, where the first one was not.
func (r *OverfitReport) near0(loss float64) bool { return r.First() >= 0 && loss <= learnt*r.First() }

// String says it in a sentence.
func (r *OverfitReport) String() string {
	if len(r.Losses) == 0 {
		return "no step was made"
	}
	course := fmt.Sprintf("loss %.4g → %.4g in %d steps on one batch", r.First(), r.Last(), len(r.Losses))
	switch best := slices.Min(r.Losses); {
	case r.Failed != nil:
		return fmt.Sprintf("%s: %v", course, r.Failed)
	case r.Learnt():
		return course + ": the model learns it by heart"
	case r.near0(best):
		return fmt.Sprintf("%s, with a least loss of %.4g: it learns, and loses it again: lower the learning rate", course, best)
	case r.Last() >= r.First():
		return course + ": it does not fall: look at the learning rate, at frozen variables, at the sign of the loss"
	}
	return course + ": it falls, not to 0: make more steps, or look at dropout, regularisation, labels that contradict each other, and losses that have no 0"
}

// Overfit trains on one batch, which stays the caller's, for so many steps, and tells how the loss falls: a model that cannot learn one batch by
// heart has a mistake. Store and trainer are afterwards what they were, bit for bit; variables that were made meanwhile are deleted. A batch of few examples
// and a few hundred steps are enough. A loss that is not finite ends it, and is part of the report.
//
// It is Lightning's overfit_batches=1.
func Overfit(t *Trainer, batch data.Batch, steps int) (*OverfitReport, error) {
	if steps < 1 {
		return nil, fmt.Errorf("train.Overfit: %d steps, want 1 or more", steps)
	}
	r := &OverfitReport{}
	err := t.aside("Overfit", func() error {
		for range steps {
			m, err := t.TrainStep(batch)
			if bad := (*NotFiniteError)(nil); errors.As(err, &bad) && len(r.Losses) > 0 {
				r.Failed = err
				return nil
			}
			if err != nil {
				return err
			}
			r.Losses = append(r.Losses, m[0].Value)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("train.Overfit: %w", err)
	}
	return r, nil
}
