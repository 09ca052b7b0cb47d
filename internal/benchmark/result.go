package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// result is a case measured on one system: a line of JSON. The peers' programs write such lines too.
type result struct {
	Case    string `json:"case"`
	Threads int    `json:"threads,omitempty"`
	Round   int    `json:"round,omitempty"` // of a run of several programs in turn

	NS          float64 `json:"ns"` // the median of the clean samples, or of all if none is
	Unit        string  `json:"unit"`
	System      string  `json:"system"`
	MinNS       float64 `json:"min_ns"`
	AllMedianNS float64 `json:"all_median_ns"`
	CPUNS       float64 `json:"cpu_ns,omitempty"` // the least CPU time of a call, user and system, of all threads
	Clean       int     `json:"clean"`
	Samples     int     `json:"samples"`

	Rate     float64 `json:"rate,omitempty"` // by the median
	MaxRate  float64 `json:"max_rate,omitempty"`
	RateUnit string  `json:"rate_unit,omitempty"`
	GBs      float64 `json:"gb_per_s,omitempty"` // arguments and results, each once, by the median
}

// result returns what the samples say.
func (m *sampled) result(system string) result {
	r := result{Case: m.name, Threads: m.threads, Unit: "ns/op", System: system, Clean: len(m.clean), Samples: len(m.wall),
		MinNS: slices.Min(m.wall), AllMedianNS: median(m.wall), CPUNS: slices.Min(m.cpu)}
	r.NS = r.AllMedianNS
	if len(m.clean) > 0 {
		r.NS = median(m.clean)
	}
	work := m.flops
	r.RateUnit = "GFLOP/s"
	if work == 0 {
		work, r.RateUnit = m.elements, "Gelem/s"
	}
	if work == 0 {
		r.RateUnit = ""
	}
	r.Rate, r.MaxRate, r.GBs = work/r.NS, work/r.MinNS, m.bytes/r.NS
	return r
}

// median returns the middle of list, which is not empty.
func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}

func writeJSON(w io.Writer, results []result) error {
	e := json.NewEncoder(w)
	for _, r := range results {
		if err := e.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

// readResults reads the lines of files. Lines that are no objects are left out: programs say other things too.
func readResults(names []string) (list []result, err error) {
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		for n := 1; lines.Scan(); n++ {
			if !strings.HasPrefix(lines.Text(), "{") {
				continue
			}
			var r result
			if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
				return nil, fmt.Errorf("%s:%d: %w", name, n, err)
			}
			if r.Case == "" || r.System == "" || !(r.NS > 0) {
				return nil, fmt.Errorf("%s:%d: want a line with case, system and ns, got %s", name, n, lines.Text())
			}
			list = append(list, r)
		}
		if err := lines.Err(); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return list, nil
}
