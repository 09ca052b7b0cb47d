package train

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/quire-ml/quire/ml/metrics"
)

// trainerState is what a trainer keeps outside of the store.
type trainerState struct {
	Pending int          `json:"pending"`
	Moving  []movingJSON `json:"moving"`
	Means   []meanJSON   `json:"means"`
}

// movingJSON and meanJSON are metrics.MovingAverage and metrics.Mean with numbers that JSON can hold: a metric that is
// 0/0 in one batch leaves NaN in them.
type (
	movingJSON struct {
		NewWeight number `json:"newWeight"`
		Count     int64  `json:"count"`
		Average   number `json:"average"`
		Weight    number `json:"weight"` // absent: saved by a version that counted values alone
		Nothing   bool   `json:"nothing,omitempty"`
	}
	meanJSON struct {
		Sum     number `json:"sum"`
		Weight  number `json:"weight"`
		Nothing bool   `json:"nothing,omitempty"`
	}
)

// State returns what the trainer keeps outside of the store, to be saved beside it: the means of its
// metrics, and how many batches wait for their update.
func (t *Trainer) State() ([]byte, error) {
	if len(t.flights) > 0 {
		return nil, errors.New("train: the state was asked for by a listener while the next step is under way: ask in a hook, such as OnStep")
	}
	s := trainerState{Pending: t.pending}
	for _, m := range t.moving {
		s.Moving = append(s.Moving, movingJSON{number(m.NewWeight), m.Count, number(m.Average), number(m.Weight), m.Nothing})
	}
	for _, m := range t.means {
		s.Means = append(s.Means, meanJSON{number(m.Sum), number(m.Weight), m.Nothing})
	}
	return json.Marshal(s)
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
	t.pending, t.moving, t.means, t.midway = s.Pending, nil, nil, true
	for _, m := range s.Moving {
		t.moving = append(t.moving, metrics.MovingAverage{NewWeight: float64(m.NewWeight), Count: m.Count, Average: float64(m.Average), Weight: float64(m.Weight), Nothing: m.Nothing})
	}
	for _, m := range s.Means {
		t.means = append(t.means, metrics.Mean{Sum: float64(m.Sum), Weight: float64(m.Weight), Nothing: m.Nothing})
	}
	return nil
}
