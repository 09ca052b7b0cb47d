package wire

import (
	"errors"
	"fmt"
	"hash/fnv"
	"reflect"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/quire-ml/quire/graph/ir"
)

// Protocol is the version of the frames.
const Protocol = 3

// prefix begins the first frame of each end.
const prefix = "quire session\n"

// Version is what both ends must have in common.
type Version struct {
	Protocol    int
	Fingerprint string // of the table of ops and of the form of programs
	Release     string // of Quire, for people
}

// AnyDevice stands for the device of a worker that is asked about itself.
const AnyDevice = "*"

// Hello is what a client says first.
type Hello struct {
	Version
	Device  string
	PID     int
	Program string // the worker that the client would start, if it knows
	Owner   string // the folder whose lock says that the client's notebook lives
}

// Welcome is what the worker says first.
type Welcome struct {
	Version
	OK       bool
	Why      string // if not OK
	Device   string
	PID      int
	Program  string
	Instance string // differs for each worker
	Since    time.Time
	Clients  int // besides this one
	Held     int // values that notebooks hold
}

// Idle reports whether nobody needs the worker.
func (w *Welcome) Idle() bool { return w.Clients == 0 && w.Held == 0 }

// The first frames are lines "name value", a text quoted as in Go, so that versions can tell each other that they differ: what a line is
// called that one does not know it skips, and what it misses is zero. Cells need no package for it.

// fields writes or reads the lines of a version.
func (v *Version) fields(l *lines) {
	l.number("protocol", &v.Protocol)
	l.text("fingerprint", &v.Fingerprint)
	l.text("release", &v.Release)
}

func (h *Hello) fields(l *lines) {
	h.Version.fields(l)
	l.text("device", &h.Device)
	l.number("pid", &h.PID)
	l.text("program", &h.Program)
	l.text("owner", &h.Owner)
}

func (w *Welcome) fields(l *lines) {
	w.Version.fields(l)
	ok, since := 0, 0
	if !l.reads {
		since = int(w.Since.UnixNano())
		if w.OK {
			ok = 1
		}
	}
	l.number("ok", &ok)
	l.text("why", &w.Why)
	l.text("device", &w.Device)
	l.number("pid", &w.PID)
	l.text("program", &w.Program)
	l.text("instance", &w.Instance)
	l.number("since", &since)
	l.number("clients", &w.Clients)
	l.number("held", &w.Held)
	if l.reads {
		w.OK, w.Since = ok == 1, time.Unix(0, int64(since))
	}
}

// First is a first frame: a [Hello] or a [Welcome].
type First interface{ fields(l *lines) }

// lines are those of a first frame, that is written or read.
type lines struct {
	reads bool
	out   []byte
	in    map[string]string
	err   error
}

func (l *lines) text(name string, value *string) {
	if !l.reads {
		l.out = append(strconv.AppendQuote(append(append(l.out, name...), ' '), *value), '\n')
	} else if text, ok := l.in[name]; ok {
		var err error
		if *value, err = strconv.Unquote(text); err != nil && l.err == nil {
			l.err = fmt.Errorf("the first frame: %s %s: want a quoted text", name, text)
		}
	}
}

func (l *lines) number(name string, value *int) {
	if !l.reads {
		l.out = append(strconv.AppendInt(append(append(l.out, name...), ' '), int64(*value), 10), '\n')
	} else if text, ok := l.in[name]; ok {
		var err error
		if *value, err = strconv.Atoi(text); err != nil && l.err == nil {
			l.err = fmt.Errorf("the first frame: %s %s: want a number", name, text)
		}
	}
}

// Marshal writes a first frame's body.
func Marshal(first First) []byte {
	l := &lines{out: []byte(prefix)}
	first.fields(l)
	return l.out
}

// Unmarshal reads a first frame's body.
func Unmarshal(body []byte, first First) error {
	text, ok := strings.CutPrefix(string(body), prefix)
	if !ok {
		return errors.New("the other end is no session of Quire")
	}
	l := &lines{reads: true, in: map[string]string{}}
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if !ok {
			return errors.New("the first frame has a line without a value")
		}
		l.in[name] = value
	}
	first.fields(l)
	return l.err
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
	h := fnv.New128a()
	fmt.Fprintln(h, "form", ir.Format)
	describe(h, reflect.TypeFor[ir.Program](), map[reflect.Type]bool{})
	known := map[reflect.Type]bool{}
	for _, op := range ir.Ops() {
		fmt.Fprintln(h, op.Name, op.DTypes, op.Variadic)
		if op.Attrs != nil {
			describe(h, reflect.TypeOf(op.Attrs), known)
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil))
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
