package metrics

import "math"

// Mean puts values together to their weighted mean. The zero value is empty.
type Mean struct {
	Sum    float64 `json:"sum"`
	Weight float64 `json:"weight"`
}

// Add counts a value with its weight; one of weight 0 does not count.
func (m *Mean) Add(value, weight float64) {
	if weight != 0 {
		m.Sum += float64(value * weight)
		m.Weight += weight
	}
}

// Value returns the mean, NaN if nothing was added.
func (m *Mean) Value() float64 {
	if m.Weight == 0 {
		return math.NaN()
	}
	return m.Sum / m.Weight
}

// Reset empties the mean.
func (m *Mean) Reset() { *m = Mean{} }

// MovingAverage puts values together to a mean in which the newest one counts for at least the part
// NewWeight and older ones for less and less:
//
//	mean ← mean + max(1/n, newWeight) · (value - mean)        n the number of values so far
//
// so that it begins as the plain mean. The zero value is a plain mean over batches.
type MovingAverage struct {
	NewWeight float64 `json:"newWeight"`
	Count     int64   `json:"count"`
	Average   float64 `json:"average"`
}

// Add counts a value; one of weight 0 does not count.
func (m *MovingAverage) Add(value, weight float64) {
	if weight == 0 {
		return
	}
	m.Count++
	m.Average += float64(max(1/float64(m.Count), m.NewWeight) * (value - m.Average))
}

// Value returns the average, NaN if nothing was added.
func (m *MovingAverage) Value() float64 {
	if m.Count == 0 {
		return math.NaN()
	}
	return m.Average
}

// Reset empties the average.
func (m *MovingAverage) Reset() { m.Count, m.Average = 0, 0 }
