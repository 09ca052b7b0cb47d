package train

import (
	"encoding/json"
	"slices"
	"sync"
)

// Series is the course of one metric.
type Series struct {
	Metric            // its names and kind; Value is the last one
	Source    string  // "step", "epoch" or the name of the data set that was evaluated
	Steps     []int64 // the global steps at which it was measured
	Values    []float64
	stride    int64 // of "step": only every so manyth value is kept
	sinceKept int64
}

// History collects what is measured while training, to be drawn or saved. Of the metrics of steps it keeps
// evenly spread ones, at most 2048 each. It is safe for several goroutines.
type History struct {
	mu     sync.Mutex
	series []*Series
}

// maxPoints is the number of values of steps at which every other one is dropped: more than a screen is wide.
const maxPoints = 2048

// NewHistory returns an empty history.
func NewHistory() *History { return &History{} }

// Record adds the metrics of an event. A loop's own history listens to its events by itself.
func (h *History) Record(e Event) {
	source := ""
	switch e.Kind {
	case Step:
		source = "step"
	case Epoch:
		source = "epoch"
	case Eval:
		source = e.Dataset
	default:
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range e.Metrics {
		s := h.find(source, m)
		s.Value = m.Value
		s.add(e.GlobalStep, m.Value)
	}
}

func (h *History) find(source string, m Metric) *Series {
	for _, s := range h.series {
		if s.Source == source && s.Name == m.Name {
			return s
		}
	}
	s := &Series{Metric: m, Source: source, stride: 1}
	h.series = append(h.series, s)
	return s
}

func (s *Series) add(step int64, value float64) {
	if s.Source == "step" {
		if s.sinceKept++; s.sinceKept < s.stride {
			return
		}
		s.sinceKept = 0
		if len(s.Steps) >= maxPoints {
			for i := range maxPoints / 2 {
				s.Steps[i], s.Values[i] = s.Steps[2*i+1], s.Values[2*i+1]
			}
			s.Steps, s.Values = s.Steps[:maxPoints/2], s.Values[:maxPoints/2]
			s.stride *= 2
		}
	}
	s.Steps, s.Values = append(s.Steps, step), append(s.Values, value)
}

// Series returns copies of all series, in the order in which they began.
func (h *History) Series() []Series {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make([]Series, len(h.series))
	for i, s := range h.series {
		out[i] = *s
		out[i].Steps, out[i].Values = slices.Clone(s.Steps), slices.Clone(s.Values)
	}
	return out
}

// Get returns the series of a metric, by name or short name, and a source: "step", "epoch" or the name of a
// data set.
func (h *History) Get(source, metric string) (Series, bool) {
	for _, s := range h.Series() {
		if s.Source == source && (s.Name == metric || s.Short == metric) {
			return s, true
		}
	}
	return Series{}, false
}

// Clone returns a copy, which later events do not change.
func (h *History) Clone() *History {
	c := NewHistory()
	for _, s := range h.Series() {
		c.series = append(c.series, &s)
	}
	return c
}

type seriesJSON struct {
	Metric    Metric   `json:"metric"`
	Source    string   `json:"source"`
	Steps     []int64  `json:"steps"`
	Values    []number `json:"values"`
	Stride    int64    `json:"stride"`
	SinceKept int64    `json:"sinceKept"`
}

// MarshalJSON writes the history.
func (h *History) MarshalJSON() ([]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := make([]seriesJSON, len(h.series))
	for i, s := range h.series {
		list[i] = seriesJSON{Metric: s.Metric, Source: s.Source, Steps: s.Steps, Stride: s.stride, SinceKept: s.sinceKept}
		for _, v := range s.Values {
			list[i].Values = append(list[i].Values, number(v))
		}
	}
	return json.Marshal(list)
}

// UnmarshalJSON replaces the history by one that MarshalJSON wrote.
func (h *History) UnmarshalJSON(data []byte) error {
	var list []seriesJSON
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.series = nil
	for _, j := range list {
		s := &Series{Metric: j.Metric, Source: j.Source, Steps: j.Steps, stride: max(1, j.Stride), sinceKept: j.SinceKept}
		n := min(len(j.Steps), len(j.Values))
		s.Steps = s.Steps[:n]
		for _, v := range j.Values[:n] {
			s.Values = append(s.Values, float64(v))
		}
		h.series = append(h.series, s)
	}
	return nil
}
