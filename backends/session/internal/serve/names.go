package serve

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/quire-ml/quire/backends/session/internal/wire"
)

// held is a value under a name.
type held struct {
	*value
	owner  string           // the folder of the notebook that it ends with, "" for none: then it ends with the worker
	pinned bool             // until the owner ends; otherwise it lives with what is below
	by     map[*client]bool // connections that gave the name
	files  int              // files that name it
}

// idle reports whether nobody keeps the value.
func (h *held) idle() bool { return !h.pinned && len(h.by) == 0 && h.files == 0 }

// anchor is a file with which values under names live.
type anchor struct {
	file  *os.File
	owner string
	names []string
}

// name does what a frame asks for about values under names.
func (c *client) name(f *wire.Frame, r *wire.Reader) error {
	switch f.Kind {
	case wire.KindHold:
		pinned, numbers := r.Bool(), r.Numbers()
		if err := r.Done(); err != nil {
			return err
		}
		values, id := make([]*value, len(numbers)), f.ID
		for i, number := range numbers {
			values[i] = c.held(number)
		}
		c.inBackground(id, func(ctx context.Context) error { return c.giveNames(ctx, id, values, pinned) })
	case wire.KindHeld:
		first, names := r.Uint(), r.Texts()
		if err := r.Done(); err != nil {
			return err
		}
		return c.borrow(f.ID, first, names)
	case wire.KindKeep:
		names := r.Texts()
		if err := r.Done(); err != nil {
			return err
		}
		if f.FD < 0 {
			return errors.New("a file is to keep values, and there is none")
		}
		file := os.NewFile(uintptr(f.FD), "keeper")
		f.FD = -1 // it is ours
		c.answer(f.ID, nil, c.keepWith(file, names))
	default:
		name := r.Text()
		if err := r.Done(); err != nil {
			return err
		}
		c.dropName(name)
		c.answer(f.ID, nil, nil)
	}
	return nil
}

// borrow gives values under names numbers, all or none, and answers their shapes.
func (c *client) borrow(id, first uint64, names []string) error {
	values := make([]*value, 0, len(names))
	release := func() {
		for _, v := range values {
			v.release()
		}
	}
	for _, name := range names {
		v, err := c.named(name)
		if err != nil {
			release()
			c.answer(id, nil, err)
			return nil
		}
		values = append(values, v)
	}
	var w wire.Writer
	for i, v := range values {
		if err := c.add(first+uint64(i), v); err != nil { // those before have their numbers, and go with the connection
			values = values[i:]
			release()
			return err
		}
		w.Shape(v.shape)
	}
	c.answer(id, w.Body, nil)
	return nil
}

// giveNames takes over a reference of each value, and answers their names. Where one could not be computed none gets any.
func (c *client) giveNames(ctx context.Context, id uint64, values []*value, pinned bool) (err error) {
	for _, v := range values {
		if v == nil {
			err = errGone
		} else if _, e := v.wait(ctx); e != nil && err == nil {
			err = e
		}
	}
	var w wire.Writer
	w.Uint(uint64(len(values)))
	c.Server.mu.Lock()
	for _, v := range values {
		if v == nil {
			continue
		}
		if err != nil {
			defer v.release()
			continue
		}
		h := c.names[v.name]
		if pinned || h == nil || h.owner != c.hello.Owner {
			h = &held{value: v, owner: c.hello.Owner, pinned: pinned, by: map[*client]bool{}}
			name := c.instance + "." + rand.Text()
			if c.names[name] = h; !pinned {
				v.name = name
			}
			w.Text(name)
		} else {
			defer v.release() // the name has one
			w.Text(v.name)
		}
		if !pinned {
			h.by[c] = true
		}
	}
	c.Server.mu.Unlock()
	if err != nil {
		return err
	}
	c.answer(id, w.Body, nil)
	return nil
}

// keepWith has values live with a file, which it takes over.
func (c *client) keepWith(file *os.File, names []string) error {
	c.Server.mu.Lock()
	defer c.Server.mu.Unlock()
	for _, name := range names {
		if c.names[name] == nil {
			file.Close()
			return c.unknown(name)
		}
	}
	for _, name := range names {
		c.names[name].files++
	}
	c.anchors = append(c.anchors, anchor{file, c.hello.Owner, names})
	return nil
}

// weigh gives up the anchors whose files have no name any more, or whose notebook is among those that have ended.
func (s *Server) weigh(ended []string) {
	s.mu.Lock()
	var files []*os.File
	s.anchors = slices.DeleteFunc(s.anchors, func(a anchor) bool {
		if _, linked := wire.Identify(a.file); linked && !slices.Contains(ended, a.owner) {
			return false
		}
		for _, name := range a.names {
			if h := s.names[name]; h != nil {
				h.files--
			}
		}
		files = append(files, a.file)
		return true
	})
	s.mu.Unlock()
	for _, f := range files {
		f.Close()
	}
	s.dropIf(func(h *held) bool { return h.idle() })
}

// leaveNames gives up the names that a client gave and no file has.
func (s *Server) leaveNames(c *client) {
	s.dropIf(func(h *held) bool {
		delete(h.by, c)
		return h.idle()
	})
}

// named returns the value of a name, for the caller to release.
func (s *Server) named(name string) (*value, error) {
	if v := s.known(name); v != nil {
		return v, nil
	}
	if err := s.takeUp(name); err != nil {
		return nil, err
	}
	if v := s.known(name); v != nil {
		return v, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return nil, s.unknown(name)
}

// known returns the value of a name, for the caller to release, nil if there is none.
func (s *Server) known(name string) *value {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.names[name]
	if h == nil {
		return nil
	}
	h.retain()
	return h.value
}

// unknown says what has become of a name. s.mu is held.
func (s *Server) unknown(name string) error {
	if instance, _, _ := strings.Cut(name, "."); !s.instances[instance] {
		return wire.Unknownf("%s: it was lost with the worker that held it, which has ended: this one began on %s", name, s.since.Local().Format(time.DateTime))
	}
	return wire.Unknownf("%s: it was dropped, or the notebook that it belonged to has ended", name)
}

// dropName forgets a name. One that is not known is none already.
func (s *Server) dropName(name string) {
	s.mu.Lock()
	h := s.names[name]
	delete(s.names, name)
	s.mu.Unlock()
	if h != nil {
		h.release()
	}
}

// dropIf forgets the names of which gone says so.
func (s *Server) dropIf(gone func(h *held) bool) {
	var list []*held
	s.mu.Lock()
	for name, h := range s.names {
		if gone(h) {
			list = append(list, h)
			delete(s.names, name)
		}
	}
	s.mu.Unlock()
	for _, h := range list {
		h.release()
	}
}
