package serve

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	"github.com/quire-ml/quire/backends/session/internal/wire"
)

// held is a value under a name.
type held struct {
	*value
	owner string // the folder of the notebook that it ends with, "" for none: then it ends with the worker
	since time.Time
}

// name does what a frame asks for about values under names.
func (c *client) name(f *wire.Frame, r *wire.Reader) error {
	if f.Kind == wire.KindHold {
		number := r.Uint()
		if err := r.Done(); err != nil {
			return err
		}
		v, id := c.held(number), f.ID
		c.inBackground(id, func(ctx context.Context) error { return c.giveName(ctx, id, v) })
		return nil
	}
	name, number := r.Text(), uint64(0)
	if f.Kind == wire.KindHeld {
		number = r.Uint()
	}
	if err := r.Done(); err != nil {
		return err
	}
	if f.Kind == wire.KindDropHeld {
		c.answer(f.ID, nil, c.dropName(name))
		return nil
	}
	v, err := c.named(name)
	if err != nil {
		c.answer(f.ID, nil, err)
		return nil
	}
	if err := c.add(number, v); err != nil {
		v.release()
		return err
	}
	var w wire.Writer
	w.Shape(v.shape)
	c.answer(f.ID, w.Body, nil)
	return nil
}

// giveName takes over a reference of a value, and answers its name. A value that could not be computed gets none.
func (c *client) giveName(ctx context.Context, id uint64, v *value) error {
	if v == nil {
		return errGone
	}
	if _, err := v.wait(ctx); err != nil {
		v.release()
		return err
	}
	name := c.instance + "." + rand.Text()
	c.Server.mu.Lock()
	c.names[name] = held{v, c.hello.Owner, time.Now()}
	c.Server.mu.Unlock()
	var w wire.Writer
	w.Text(name)
	c.answer(id, w.Body, nil)
	return nil
}

// named returns the value of a name, for the caller to release.
func (s *Server) named(name string) (*value, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, ok := s.names[name]
	if !ok {
		return nil, s.unknown(name)
	}
	h.retain()
	return h.value, nil
}

// unknown says what has become of a name.
func (s *Server) unknown(name string) error {
	if instance, _, _ := strings.Cut(name, "."); instance != s.instance {
		return wire.Unknownf("it was lost with the worker that held it, which has ended: this one began on %s", s.since.Local().Format(time.DateTime))
	}
	return wire.Unknownf("it was dropped, or the notebook that it belonged to has ended")
}

// dropName forgets a name. One that is not known is none already.
func (s *Server) dropName(name string) error {
	s.mu.Lock()
	h, ok := s.names[name]
	delete(s.names, name)
	s.mu.Unlock()
	if ok {
		h.release()
	}
	return nil
}

// dropNames forgets the names of a notebook that has ended.
func (s *Server) dropNames(owner string) {
	var gone []held
	s.mu.Lock()
	for name, h := range s.names {
		if h.owner == owner {
			gone = append(gone, h)
			delete(s.names, name)
		}
	}
	s.mu.Unlock()
	for _, h := range gone {
		h.release()
	}
}
