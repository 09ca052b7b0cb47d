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
	Explained string            `json:"explained,omitempty"`
	Planned   bool              `json:"planned"`
	Memory    capability.Memory `json:"memory"`
}

// TellingOf asks an executable.
func TellingOf(e ir.Executable) Telling {
	t := Telling{Explained: capability.Explain(e)}
	if limit := MaxBody / 4; len(t.Explained) > limit { // JSON may write a character as six
		t.Explained = t.Explained[:limit/4] + "…"
	}
	t.Memory, t.Planned = capability.MemoryPlan(e)
	return t
}
