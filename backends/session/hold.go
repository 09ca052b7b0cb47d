package session

import (
	"context"
	"errors"
	"fmt"

	"github.com/quire-ml/quire/backends/session/internal/wire"
	"github.com/quire-ml/quire/graph/ir"
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
	x, ok := b.(*buffer)
	if !ok || x == nil {
		return "", fmt.Errorf("session.Hold: a buffer of another engine (%T), want one of a session", b)
	}
	c := x.conn
	k := &call{what: fmt.Sprintf("giving the buffer %s a name", x.shape)}
	c.mu.Lock()
	err = x.usable()
	var id uint64
	if err == nil {
		id, err = c.begin(k)
	}
	if err == nil { // under the lock: what frees it comes later
		var w wire.Writer
		w.Uint(x.id)
		if err := c.link.Send(wire.KindHold, id, w.Body); err != nil {
			c.mu.Unlock()
			return "", c.unsent(k, id, err)
		}
	}
	c.mu.Unlock()
	if err == nil {
		err = x.fail(c.wait(context.Background(), k, id))
	}
	if err != nil {
		return "", err
	}
	r := wire.NewReader(k.body)
	name = r.Text()
	return name, r.Done()
}

// Held returns the value of a name that [Hold] gave, as a buffer of b, which must be a session for the same device. The name keeps it. It
// is a [StaleError] if there is no such value any more, and says whether it was lost with the worker that held it.
func Held(b ir.Backend, name string) (ir.Buffer, error) {
	s, err := sessionOf(b, "session.Held")
	if err != nil {
		return nil, err
	}
	c, err := s.connect(context.Background())
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	number := c.next()
	c.mu.Unlock()
	k := &call{what: "looking for the value " + name}
	err = c.ask(context.Background(), k, func(id uint64) error {
		var w wire.Writer
		w.Text(name)
		w.Uint(number)
		return c.link.Send(wire.KindHeld, id, w.Body)
	})
	if wire.IsUnknown(err) {
		return nil, &StaleError{Device: s.device, Name: name, Why: err.Error()}
	}
	if err != nil {
		return nil, err
	}
	r := wire.NewReader(k.body)
	shape := r.Shape()
	return newBuffer(s, c, number, shape), r.Done()
}

// Drop forgets a name. The value goes with its last buffer; a name that is not known is none already.
func Drop(b ir.Backend, name string) error {
	s, err := sessionOf(b, "session.Drop")
	if err != nil {
		return err
	}
	c, err := s.connect(context.Background())
	if err != nil {
		return err
	}
	return c.ask(context.Background(), &call{what: "dropping the value " + name}, func(id uint64) error {
		var w wire.Writer
		w.Text(name)
		return c.link.Send(wire.KindDropHeld, id, w.Body)
	})
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
	Name   string // that Hold gave
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
