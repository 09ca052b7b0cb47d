package wire

import (
	"time"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ir/capability"
)

// Status is what a worker does and holds.
type Status struct {
	Device    string         `json:"device"`
	PID       int            `json:"pid"`
	Since     time.Time      `json:"since"`
	Version   Version        `json:"version"`
	Programs  int            `json:"programs"` // compiled ones that are kept
	Held      int            `json:"held"`     // values that notebooks hold
	HeldBytes int64          `json:"held_bytes"`
	Clients   []ClientStatus `json:"clients"`
}

// ClientStatus is what a worker knows of a client.
type ClientStatus struct {
	PID     int    `json:"pid"`
	Owner   string `json:"owner,omitempty"`
	Values  int    `json:"values"`
	Bytes   int64  `json:"bytes"`
	Running int    `json:"running"`
}

// Telling is what an executable tells of itself.
type Telling struct {
	Explained string
	Planned   bool
	Memory    capability.Memory
}

// Write writes what it tells.
func (t *Telling) Write(w *Writer) {
	w.Text(t.Explained)
	w.Bool(t.Planned)
	for _, n := range t.sizes() {
		w.Uint(uint64(*n))
	}
}

// Read reads what [Telling.Write] wrote.
func (t *Telling) Read(r *Reader) error {
	t.Explained, t.Planned = r.Text(), r.Bool()
	for _, n := range t.sizes() {
		*n = int(min(r.Uint(), 1<<62))
	}
	return r.Done()
}

func (t *Telling) sizes() []*int {
	m := &t.Memory
	return []*int{&m.Arguments, &m.Results, &m.Donatable, &m.Temporary, &m.Constants}
}

// TellingOf asks an executable.
func TellingOf(e ir.Executable) Telling {
	t := Telling{Explained: capability.Explain(e)}
	if limit := MaxBody / 2; len(t.Explained) > limit {
		t.Explained = t.Explained[:limit] + "…"
	}
	t.Memory, t.Planned = capability.MemoryPlan(e)
	return t
}
