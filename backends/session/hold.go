package session

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/quire-ml/quire/backends/session/internal/wire"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// Is reports whether b is a session.
func Is(b ir.Backend) bool {
	_, ok := b.(*backend)
	return ok
}

// Hold gives the value of a buffer of a session a name, by which programs that begin later find it with [Held]: it stays in the worker's
// memory and does not move. It lives until [Drop], or until the notebook that this program belongs to ends; without a notebook,
// until the worker does. The buffer stays the caller's, to use and to close; a run that is given it works on a copy.
//
// It is an error if b is no buffer of a session, or cannot be read.
func Hold(b ir.Buffer) (name string, err error) {
	names, err := hold([]ir.Buffer{b}, true, "session.Hold")
	if err != nil {
		return "", err
	}
	return names[0], nil
}

// Lend is [Hold] for several buffers, all of one device, and for names that live as long as this program, and with the files that they are
// given to by [Keep]. A value that has such a name keeps it. It waits until the values are computed.
func Lend(bufs []ir.Buffer) (names []string, err error) { return hold(bufs, false, "session.Lend") }

func hold(bufs []ir.Buffer, pinned bool, caller string) ([]string, error) {
	if len(bufs) == 0 {
		return nil, nil
	}
	list := make([]*buffer, len(bufs))
	for i, b := range bufs {
		x, ok := b.(*buffer)
		if !ok || x == nil {
			return nil, fmt.Errorf("%s: a buffer of another engine (%T), want one of a session", caller, b)
		}
		if list[i] = x; x.conn.device != list[0].conn.device {
			return nil, fmt.Errorf("%s: buffers of session:%s and of session:%s, want those of one", caller, list[0].conn.device, x.conn.device)
		}
	}
	c := list[len(list)-1].conn
	k := &call{what: fmt.Sprintf("giving the buffer %s a name", list[0].shape)}
	c.mu.Lock()
	var w wire.Writer
	w.Bool(pinned)
	w.Uint(uint64(len(list)))
	var err error
	for _, x := range list {
		if x.conn == c && err == nil { // of another connection of this device: that one's worker has ended
			err = x.usable()
		} else if err == nil {
			err = x.elsewhere(c)
		}
		w.Uint(x.id())
	}
	var id uint64
	if err == nil {
		id, err = c.begin(k)
	}
	if err == nil { // under the lock: what frees them comes later
		if err := c.link.Send(wire.KindHold, id, w.Body); err != nil {
			c.mu.Unlock()
			return nil, c.unsent(k, id, err)
		}
	}
	c.mu.Unlock()
	if err == nil {
		err = list[0].fail(c.wait(context.Background(), k, id))
	}
	if err != nil {
		return nil, err
	}
	r := wire.NewReader(k.body)
	names := r.Texts()
	if err := r.Done(); err != nil || len(names) != len(bufs) {
		return nil, fmt.Errorf("%s: the worker named %d values, want %d: %w", caller, len(names), len(bufs), err)
	}
	return names, nil
}

// Keep has the values of names of [Lend] live as long as f has a name in the file system, if the notebook and the worker do: who removes the
// file, or puts another one in its place, gives them up. It is an error if there is no such value any more.
func Keep(b ir.Backend, names []string, f *os.File) error {
	if f == nil {
		return errors.New("session.Keep: the file is nil")
	}
	return request(b, "session.Keep", "keeping values", func(c *conn, id uint64) error {
		var w wire.Writer
		w.Texts(names)
		return c.link.SendFile(wire.KindKeep, id, w.Body, f)
	}, nil)
}

// Held returns the value of a name that [Hold] or [Lend] gave, as a buffer of b, which must be a session for the same device. The name keeps
// it. It is a [StaleError] if there is no such value any more, and says whether it was lost with the worker that held it.
func Held(b ir.Backend, name string) (ir.Buffer, error) {
	list, err := borrow(b, []string{name}, "session.Held")
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

// Borrow is [Held] for several names; all of them, or none.
func Borrow(b ir.Backend, names []string) ([]ir.Buffer, error) {
	return borrow(b, names, "session.Borrow")
}

func borrow(b ir.Backend, names []string, caller string) (list []ir.Buffer, err error) {
	var first uint64
	var at *conn
	err = request(b, caller, "looking for values", func(c *conn, id uint64) error {
		c.mu.Lock()
		at, first = c, c.number+1
		c.number += uint64(len(names))
		c.mu.Unlock()
		var w wire.Writer
		w.Uint(first)
		w.Texts(names)
		return c.link.Send(wire.KindHeld, id, w.Body)
	}, func(r *wire.Reader) error {
		of := make([]shapes.Shape, len(names))
		for i := range of {
			of[i] = r.Shape()
		}
		made := newBuffers(b.(*backend), at, first, of...)
		for i := range made {
			list = append(list, &made[i])
		}
		return r.Done()
	})
	return list, err
}

// request sends a request about names, and reads its answer.
func request(b ir.Backend, caller, what string, send func(c *conn, id uint64) error, read func(r *wire.Reader) error) error {
	s, err := sessionOf(b, caller)
	if err != nil {
		return err
	}
	c, err := s.connect(context.Background())
	if err != nil {
		return err
	}
	k := &call{what: what}
	err = c.ask(context.Background(), k, func(id uint64) error { return send(c, id) })
	var said *wire.Error
	if wire.IsUnknown(err) && errors.As(err, &said) {
		name, why, _ := strings.Cut(said.Text, ": ")
		return &StaleError{Device: s.device, Name: name, Why: why}
	}
	if err != nil || read == nil {
		return err
	}
	return read(wire.NewReader(k.body))
}

// Drop forgets a name. The value goes with its last buffer; a name that is not known is none already.
func Drop(b ir.Backend, name string) error {
	return request(b, "session.Drop", "dropping the value "+name, func(c *conn, id uint64) error {
		var w wire.Writer
		w.Text(name)
		return c.link.Send(wire.KindDropHeld, id, w.Body)
	}, nil)
}

func sessionOf(b ir.Backend, caller string) (*backend, error) {
	s, ok := b.(*backend)
	if !ok || s == nil {
		return nil, fmt.Errorf("%s: the engine is no session (%T)", caller, b)
	}
	return s, nil
}

// StaleError says that there is no value of a name any more.
type StaleError struct {
	Device string
	Name   string // that Hold or Lend gave
	Why    string
}

// Error is one sentence.
func (e *StaleError) Error() string {
	return fmt.Sprintf("session:%s: the value that was held as %q is not there: %s: run what made it again", e.Device, e.Name, e.Why)
}

// IsStale reports whether err says that there is no value of a name any more.
func IsStale(err error) bool {
	var stale *StaleError
	return errors.As(err, &stale)
}
