package cellwire

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// The environment of a cell.
const (
	// RelayEnv names the socket of the kernel that a cell may speak to.
	RelayEnv = "QUIRE_RELAY"
	// LeashEnv is the number of a file by which the guard of cells and the cell's program know of one another: its end is
	// the guard's, and [Loose] written into it asks the guard to go without the program.
	LeashEnv = "QUIRE_GUARD_LEASH"
)

// Loose is what a program writes to its guard when it stays and its cell ends.
const Loose = "loose\n"

// Version is the version of the lines. An end that hears another one says so and goes on without the other.
const Version = 1

// MaxLine is the most that a line may have, with its end: a display with large pictures fits, and a peer that never ends its
// line is stopped.
const MaxLine = 64 << 20

// The operations.
const (
	Hello     = "hello"      // Version
	Display   = "display"    // Data, Meta, ID
	Update    = "update"     // the same, of a display that is there
	Stream    = "stream"     // Name, Text
	CommOpen  = "comm_open"  // Comm, Target, Data, Meta
	CommMsg   = "comm_msg"   // Comm, Data
	CommClose = "comm_close" // Comm, Data
	Sync      = "sync"       // N
	Detach    = "detach"     // the cell is to end, and the program to stay

	Welcome = "welcome" // Version, Live
	Joined  = "joined"  // another page shows the comms from now on, and knows nothing of earlier displays
	Synced  = "synced"  // N: what was sent before the sync is published
	End     = "end"     // Text says why: the program is to say its last words and go
)

// Line is what one end says to the other.
type Line struct {
	Op      string          `json:"op"`
	Version int             `json:"version,omitempty"`
	Live    bool            `json:"live,omitempty"` // somebody may answer: comms make sense
	Comm    string          `json:"comm,omitempty"`
	Target  string          `json:"target,omitempty"`
	ID      string          `json:"id,omitempty"` // of a display
	Name    string          `json:"name,omitempty"`
	Text    string          `json:"text,omitempty"`
	N       int64           `json:"n,omitempty"`
	Data    json.RawMessage `json:"data,omitempty"`
	Meta    json.RawMessage `json:"metadata,omitempty"`
}

// Encode returns the line with its end.
func (l Line) Encode() ([]byte, error) {
	text, err := json.Marshal(l)
	if err != nil {
		return nil, fmt.Errorf("a line for the kernel: %w", err)
	}
	if len(text) >= MaxLine {
		return nil, fmt.Errorf("%s of %d bytes: a kernel takes less than %d at once", l.Op, len(text), MaxLine)
	}
	return append(text, '\n'), nil
}

// Decode reads a line.
func Decode(text []byte) (l Line, err error) {
	if err := json.Unmarshal(text, &l); err != nil {
		return l, fmt.Errorf("a line that is no message: %w", err)
	}
	if l.Op == "" {
		return l, errors.New("a line without an operation")
	}
	for name, part := range map[string]json.RawMessage{"data": l.Data, "metadata": l.Meta} {
		if len(part) > 0 && part[0] != '{' {
			return l, fmt.Errorf("%s: its %s is no object", l.Op, name)
		}
	}
	return l, nil
}

// Reader reads lines.
type Reader struct {
	lines *bufio.Scanner
}

// NewReader returns a reader of the lines of r, none of which may be longer than max bytes.
func NewReader(r io.Reader, max int) *Reader {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 0, min(4096, max)), max)
	return &Reader{lines: s}
}

// Next returns the next line; io.EOF after the last.
func (r *Reader) Next() (Line, error) {
	if r.lines.Scan() {
		return Decode(r.lines.Bytes())
	}
	switch err := r.lines.Err(); {
	case err == nil:
		return Line{}, io.EOF
	case errors.Is(err, bufio.ErrTooLong):
		return Line{}, errors.New("a line that is too long")
	default:
		return Line{}, err
	}
}
