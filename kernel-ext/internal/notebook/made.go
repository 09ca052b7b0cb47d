package notebook

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Made is with what a notebook was executed: its metadata key "quire".
type Made struct {
	Quire   string            `json:"quire"`             // version of the module that cells import
	Go      string            `json:"go"`                // "go1.26.1"
	GoNB    string            `json:"gonb"`              // version of the kernel
	Modules map[string]string `json:"modules,omitempty"` // version of each other module that cells import or require
	Backend string            `json:"backend"`           // engine, as $QUIRE_BACKEND names it
	Seeds   []int64           `json:"seeds,omitempty"`   // that cells set with a number
	Machine Machine           `json:"machine"`
}

// Machine is where it was executed.
type Machine struct {
	CPU  string `json:"cpu,omitempty"`  // the processor's name
	Tier string `json:"tier,omitempty"` // vector instructions that the engine go uses
	OS   string `json:"os"`             // "linux/amd64"
}

// madeKey is the key of the notebook's metadata.
const madeKey = "quire"

// Made returns what the notebook says of its last execution; ok is false if it says nothing that can be read.
func (nb *Notebook) Made() (m Made, ok bool) {
	text, err := json.Marshal(nb.Metadata[madeKey])
	if err != nil || nb.Metadata[madeKey] == nil || json.Unmarshal(text, &m) != nil {
		return Made{}, false
	}
	return m, m.Quire != ""
}

// SetMade writes down with what the notebook was executed.
func (nb *Notebook) SetMade(m Made) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	var fields map[string]any
	dec := json.NewDecoder(strings.NewReader(string(text)))
	dec.UseNumber() // a seed has more digits than a float64
	if err := dec.Decode(&fields); err != nil {
		return err
	}
	nb.Metadata[madeKey] = fields
	return nil
}

// Difference is one thing that is not as it was.
type Difference struct {
	What, Then, Now string
	// Harmless says that it cannot change a result: another processor of the same tier.
	Harmless bool
}

// String says it in one line.
func (d Difference) String() string {
	return fmt.Sprintf("%s: recorded with %s, now %s", d.What, orNone(d.Then), orNone(d.Now))
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// Differences returns what is not as it was when m was written down, in a fixed order.
func (m Made) Differences(now Made) (list []Difference) {
	add := func(what, then, now string, harmless bool) {
		if then != now {
			list = append(list, Difference{what, then, now, harmless})
		}
	}
	add("Quire", m.Quire, now.Quire, false)
	add("Go", m.Go, now.Go, false)
	add("GoNB", m.GoNB, now.GoNB, false)
	names := slices.Collect(maps.Keys(m.Modules))
	for name := range now.Modules {
		if _, known := m.Modules[name]; !known {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		add("module "+name, m.Modules[name], now.Modules[name], false)
	}
	add("backend", m.Backend, now.Backend, false)
	add("seeds", numbers(m.Seeds), numbers(now.Seeds), false)
	add("system", m.Machine.OS, now.Machine.OS, false)
	add("vector instructions", m.Machine.Tier, now.Machine.Tier, false)
	add("processor", m.Machine.CPU, now.Machine.CPU, true)
	return list
}

func numbers(list []int64) string { return strings.Trim(fmt.Sprint(list), "[]") }
