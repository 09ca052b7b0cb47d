package train

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/quire-ml/quire/ml/metrics"
)

// Metrics are values measured at one time.
type Metrics []Metric

// Get returns the metric with the given name or short name.
func (m Metrics) Get(name string) (Metric, bool) {
	for _, x := range m {
		if x.Name == name || x.Short == name {
			return x, true
		}
	}
	return Metric{}, false
}

// Value returns the value of the metric with the given name or short name, NaN if there is none.
func (m Metrics) Value(name string) float64 {
	if x, ok := m.Get(name); ok {
		return x.Value
	}
	return math.NaN()
}

// String writes the metrics in a line, such as "Mean loss 0.1234, Accuracy 97.31%".
func (m Metrics) String() string {
	parts := make([]string, len(m))
	for i, x := range m {
		parts[i] = x.String()
	}
	return strings.Join(parts, ", ")
}

// String writes the metric as "Accuracy 97.31%".
func (m Metric) String() string { return m.Name + " " + m.Format() }

// Format writes the value alone: percentages with two digits, others with four significant ones.
func (m Metric) Format() string {
	if m.Percent {
		return fmt.Sprintf("%.2f%%", 100*m.Value)
	}
	return fmt.Sprintf("%.4g", m.Value)
}

// HigherIsBetter reports whether larger values are better: those of kind "accuracy" or "score".
func (m Metric) HigherIsBetter() bool { return m.Kind == "accuracy" || m.Kind == "score" }

// MarshalJSON writes the metric; NaN and infinities, which JSON lacks, become text.
func (m Metric) MarshalJSON() ([]byte, error) {
	return json.Marshal(metricJSON{m.Name, m.Short, m.Kind, number(m.Value), m.Percent, numbersAs[number](m.State)})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (m *Metric) UnmarshalJSON(data []byte) error {
	var j metricJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	*m = Metric{j.Name, j.Short, j.Kind, float64(j.Value), j.Percent, numbersAs[float64](j.State)}
	return nil
}

type metricJSON struct {
	Name    string `json:"name"`
	Short   string `json:"short"`
	Kind    string `json:"kind"`
	Value   number `json:"value"`
	Percent bool   `json:"percent,omitempty"`

	State []number `json:"state,omitempty"`
}

// numbersAs returns numbers of one type as those of another, nil of none.
func numbersAs[To, From ~float64](list []From) (out []To) {
	for _, x := range list {
		out = append(out, To(x))
	}
	return out
}

// number is a float64 that JSON can hold whatever it is.
type number float64

func (n number) MarshalJSON() ([]byte, error) {
	if f := float64(n); math.IsNaN(f) || math.IsInf(f, 0) {
		return json.Marshal(fmt.Sprint(f))
	}
	return json.Marshal(float64(n))
}

func (n *number) UnmarshalJSON(data []byte) error {
	switch string(data) {
	case `"NaN"`:
		*n = number(math.NaN())
	case `"+Inf"`:
		*n = number(math.Inf(1))
	case `"-Inf"`:
		*n = number(math.Inf(-1))
	default:
		return json.Unmarshal(data, (*float64)(n))
	}
	return nil
}

// The loss among the metrics.
const (
	batchLossName = "Batch loss"
	lossName      = "Mean loss"
)

// accumulator puts the values of batches together, for one metric.
type accumulator[A any] interface {
	*A
	Add(value, weight float64)
	Value() float64
}

// add adds the values of a batch, one per accumulator.
func add[A any, P accumulator[A]](to []A, values, weights []float64) {
	for i := range to {
		P(&to[i]).Add(values[i], weights[i])
	}
}

// metricsOf returns the values of the loss and the metrics.
func metricsOf[A any, P accumulator[A]](means []A, list []metrics.Interface) Metrics {
	out := Metrics{{Name: lossName, Short: "loss", Kind: "loss", Value: P(&means[0]).Value()}}
	for i, m := range list {
		out = append(out, Metric{m.Name(), m.ShortName(), m.Kind(), P(&means[i+1]).Value(), m.Percent(), nil})
	}
	return out
}

// tally puts the batches of an evaluation together.
type tally struct {
	means  []metrics.Mean
	states [][]float64 // of streaming metrics
}

func (t *Trainer) newTally() *tally {
	return &tally{make([]metrics.Mean, 1+len(t.metrics)), make([][]float64, 1+len(t.metrics))}
}

// add adds a batch.
func (s *tally) add(o outcome, list []metrics.Interface) {
	add(s.means, o.values, o.weights)
	for i, m := range list {
		if state := o.states[1+i]; state != nil {
			s.states[1+i] = m.(metrics.Streaming).Join(s.states[1+i], state)
		}
	}
}

// metrics returns what was measured of all batches.
func (s *tally) metrics(list []metrics.Interface) Metrics {
	out := metricsOf(s.means, list)
	for i, m := range list {
		if state := s.states[1+i]; state != nil {
			out[1+i].Value, out[1+i].State = m.(metrics.Streaming).Measure(state), state
		}
	}
	return out
}
