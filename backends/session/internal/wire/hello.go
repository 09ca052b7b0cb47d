package wire

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"sync"
	"time"

	"github.com/quire-ml/quire/graph/ir"
)

// Protocol is the version of the frames.
const Protocol = 2

// prefix begins the first frame of each end.
const prefix = "quire session\n"

// Version is what both ends must have in common.
type Version struct {
	Protocol    int    `json:"protocol"`
	Fingerprint string `json:"fingerprint"` // of the table of ops and of the form of programs
	Release     string `json:"release"`     // of Quire, for people
}

// AnyDevice stands for the device of a worker that is asked about itself.
const AnyDevice = "*"

// Hello is what a client says first.
type Hello struct {
	Version
	Device  string `json:"device"`
	PID     int    `json:"pid"`
	Program string `json:"program,omitempty"` // the worker that the client would start, if it knows
	Owner   string `json:"owner,omitempty"`   // the folder whose lock says that the client's notebook lives
}

// Welcome is what the worker says first.
type Welcome struct {
	Version
	OK       bool      `json:"ok"`
	Why      string    `json:"why,omitempty"` // if not OK
	Device   string    `json:"device"`
	PID      int       `json:"pid"`
	Program  string    `json:"program"`
	Instance string    `json:"instance"` // differs for each worker
	Since    time.Time `json:"since"`
	Clients  int       `json:"clients"` // besides this one
	Held     int       `json:"held"`    // values that notebooks hold
}

// Idle reports whether nobody needs the worker.
func (w *Welcome) Idle() bool { return w.Clients == 0 && w.Held == 0 }

// Marshal writes a first frame's body.
func Marshal(first any) ([]byte, error) {
	text, err := json.Marshal(first)
	return append([]byte(prefix), text...), err
}

// Unmarshal reads a first frame's body.
func Unmarshal(body []byte, first any) error {
	text, ok := bytes.CutPrefix(body, []byte(prefix))
	if !ok {
		return errors.New("the other end is no session of Quire")
	}
	if err := json.Unmarshal(text, first); err != nil {
		return fmt.Errorf("the first frame: %w", err)
	}
	return nil
}

// Current returns the version of this program.
var Current = sync.OnceValue(func() Version { return Version{Protocol, fingerprint(), release()} })

// Differs returns what is different about another version, "" if nothing is that matters.
func (v Version) Differs(other Version) string {
	switch {
	case v.Protocol != other.Protocol:
		return fmt.Sprintf("it speaks version %d of the protocol, this program version %d", other.Protocol, v.Protocol)
	case v.Fingerprint != other.Fingerprint:
		return fmt.Sprintf("it is of another version of Quire (%s, this program has %s)", other.Release, v.Release)
	}
	return ""
}

// fingerprint is made of what programs are made of: the rows with their attributes, down to the names of fields, and the version
// of the form. A program that one end writes the other can read if it is the same.
func fingerprint() string {
	h := sha256.New()
	fmt.Fprintln(h, "form", ir.Format)
	describe(h, reflect.TypeFor[ir.Program](), map[reflect.Type]bool{})
	known := map[reflect.Type]bool{}
	for _, op := range ir.Ops() {
		fmt.Fprintln(h, op.Name, op.DTypes, op.Variadic)
		if op.Attrs != nil {
			describe(h, reflect.TypeOf(op.Attrs), known)
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:12])
}

// describe writes the exported structure of a type.
func describe(w interface{ Write([]byte) (int, error) }, t reflect.Type, known map[reflect.Type]bool) {
	fmt.Fprintln(w, t.Kind(), t)
	if known[t] {
		return
	}
	known[t] = true
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() && f.Type != reflect.TypeFor[*ir.Op]() {
				fmt.Fprintln(w, f.Name, f.Tag)
				describe(w, f.Type, known)
			}
		}
	case reflect.Slice, reflect.Array, reflect.Pointer:
		describe(w, t.Elem(), known)
	}
}

// release returns the version of Quire that this program is made of.
func release() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "an unknown one"
	}
	const path = "github.com/quire-ml/quire"
	for _, m := range append([]*debug.Module{&info.Main}, info.Deps...) {
		if m.Path == path && m.Version != "" {
			return m.Version
		}
	}
	return "a checkout"
}
