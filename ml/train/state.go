package train

import (
	"encoding/json"
	"fmt"

	"github.com/quire-ml/quire/ml/metrics"
)

// trainerState is what a trainer keeps outside of the store.
type trainerState struct {
	Pending int                     `json:"pending"`
	Moving  []metrics.MovingAverage `json:"moving"`
	Means   []metrics.Mean          `json:"means"`
}

// State returns what the trainer keeps outside of the store, to be saved beside it: the means of its
// metrics, and how many batches wait for their update.
func (t *Trainer) State() ([]byte, error) {
	return json.Marshal(trainerState{t.pending, t.moving, t.means})
}

// SetState restores what State returned. It returns an error if that is from a trainer with another
// number of metrics or with fewer batches per update; then nothing has changed.
func (t *Trainer) SetState(state []byte) error {
	var s trainerState
	if err := json.Unmarshal(state, &s); err != nil {
		return fmt.Errorf("train: the trainer's state: %w", err)
	}
	if len(s.Moving) != 1+len(t.metrics) || len(s.Means) != 1+len(t.metrics) {
		return fmt.Errorf("train: the trainer's state has %d metrics, the trainer %d", max(0, len(s.Moving)-1), len(t.metrics))
	}
	if s.Pending < 0 || s.Pending >= t.accumulate {
		return fmt.Errorf("train: the trainer's state has %d batches that wait for an update of %d: call AccumulateGradients before", s.Pending, t.accumulate)
	}
	t.pending, t.moving, t.means, t.midway = s.Pending, s.Moving, s.Means, true
	return nil
}
