package metrics

import "math"

// Mean puts values together to their weighted mean. The zero value is empty.
type Mean struct {
	Sum     float64 `json:"sum"`
	Weight  float64 `json:"weight"`
	Nothing bool    `json:"nothing,omitempty"` // values of weight 0 were added
}

// Add counts a value with its weight; one of weight 0 does not count, whatever it is.
func (m *Mean) Add(value, weight float64) {
	if weight == 0 {
		m.Nothing = true
		return
	}
	m.Sum += float64(value * weight)
	m.Weight += weight
}

// Value returns the mean. The mean of nothing is 0, as losses have it: of batches in which the mask hides
// everything. It is NaN if there was no batch at all, that is, if nothing was added.
func (m *Mean) Value() float64 {
	switch {
	case m.Weight != 0:
		return m.Sum / m.Weight
	case m.Nothing:
		return 0
	}
	return math.NaN()
}

// Reset empties the mean.
func (m *Mean) Reset() { *m = Mean{} }

// MovingAverage puts values together to a weighted mean that forgets: with each value the weights of those
// before it shrink by the part NewWeight, once there are so many that the newest counts for less than that
// part, so that it begins as the plain weighted mean:
//
//	W ← keep · W + weight                          keep = 1 for the first 1/NewWeight values, then 1 - NewWeight
//	mean ← mean + weight/W · (value - mean)
//
// Of values with equal weights the newest counts for the part NewWeight. The zero value is a plain mean.
type MovingAverage struct {
	NewWeight float64 `json:"newWeight"`
	Count     int64   `json:"count"`
	Average   float64 `json:"average"`
	Weight    float64 `json:"weight"`            // W
	Nothing   bool    `json:"nothing,omitempty"` // values of weight 0 were added
}

// Add counts a value with its weight; one of weight 0 does not count, whatever it is.
func (m *MovingAverage) Add(value, weight float64) {
	if weight == 0 {
		m.Nothing = true
		return
	}
	if m.Count > 0 && m.Weight == 0 { // saved by a version that counted values alone
		m.Weight = weight * float64(m.Count)
		if m.NewWeight > 0 {
			m.Weight = weight * min(float64(m.Count), 1/m.NewWeight)
		}
	}
	m.Count++
	keep := 1.0
	if float64(m.Count)*m.NewWeight > 1 {
		keep = 1 - m.NewWeight
	}
	m.Weight = float64(keep*m.Weight) + weight
	m.Average += float64(weight / m.Weight * (value - m.Average))
}

// Value returns the average, 0 if all that was added had no weight, and NaN if nothing was added; see
// [Mean.Value].
func (m *MovingAverage) Value() float64 {
	switch {
	case m.Count > 0:
		return m.Average
	case m.Nothing:
		return 0
	}
	return math.NaN()
}

// Reset empties the average.
func (m *MovingAverage) Reset() { *m = MovingAverage{NewWeight: m.NewWeight} }
