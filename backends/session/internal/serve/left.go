package serve

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/quire-ml/quire/backends/session/internal/wire"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"
)

// A worker that ends in order, since it is asked to or idle, writes out what notebooks hold and carry; the next one of the device takes it
// up when a name is asked for that it does not know. What is lost with a worker is lost by a crash.

// writeOut writes the values that somebody can still ask for. Nobody uses the worker any more.
func (s *Server) writeOut() error {
	l := &wire.Left{}
	wanted := map[string]*held{}
	s.mu.Lock()
	for _, a := range s.anchors {
		id, linked := wire.Identify(a.file)
		if path := wire.PathOf(a.file); linked && path != "" && (a.owner == "" || wire.Lives(a.owner)) {
			l.Keepers = append(l.Keepers, wire.Keeper{Path: path, File: id, Owner: a.owner, Names: a.names})
			for _, name := range a.names {
				if h := s.names[name]; h != nil {
					wanted[name] = h
				}
			}
		}
	}
	for name, h := range s.names {
		if h.pinned && wire.Lives(h.owner) {
			wanted[name] = h
		}
	}
	s.mu.Unlock()
	var values []*value
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		h := wanted[name]
		if h.settled() { // else it could not be computed, of which its name tells nothing
			l.Values = append(l.Values, wire.LeftValue{Name: name, Shape: h.shape, Owner: h.owner, Pinned: h.pinned})
			values = append(values, h.value)
		}
	}
	if len(values) == 0 {
		return nil
	}
	return l.Write(wire.LeftPath(s.dir, s.device, s.instance), func(i int, w io.Writer) error {
		t, err := values[i].buf.ToHost()
		if err != nil {
			return err
		}
		defer t.Close()
		var written error
		err = t.ConstBytes(func(data []byte) { _, written = w.Write(data) })
		if err == nil {
			err = written
		}
		return err
	})
}

// takeUp takes up the values that another worker has left, if one of them has the given name.
func (s *Server) takeUp(name string) error {
	s.taking.Lock()
	defer s.taking.Unlock()
	for _, path := range wire.LeftFiles(s.dir, s.device) {
		l, f, err := wire.OpenLeft(path)
		if err != nil {
			continue // of another version, or damaged: then the values are lost
		}
		if l.Has(name) {
			if err = s.takeUpAll(l, f); err == nil {
				os.Remove(path)
			}
		}
		f.Close()
		if err != nil {
			return fmt.Errorf("taking up what the worker before has left: %w", s.explained(err))
		}
	}
	return nil
}

// takeUpAll gives values their names again, all or none.
func (s *Server) takeUpAll(l *wire.Left, f io.ReaderAt) (err error) {
	made := map[string]*held{}
	defer func() {
		if err != nil {
			for _, h := range made {
				h.release()
			}
		}
	}()
	at := l.Offsets()
	for i, v := range l.Values {
		x := &value{shape: v.Shape, ready: present, refs: 1}
		if x.buf, err = s.read(v, io.NewSectionReader(f, at[i], int64(v.Shape.ByteSize()))); err != nil {
			return err
		}
		if !v.Pinned {
			x.name = v.Name
		}
		made[v.Name] = &held{value: x, owner: v.Owner, pinned: v.Pinned, by: map[*client]bool{}}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range l.Keepers {
		if file := k.Open(); file != nil {
			for _, name := range k.Names {
				if h := made[name]; h != nil {
					h.files++
				}
			}
			s.anchors = append(s.anchors, anchor{file, k.Owner, k.Names})
		}
	}
	for name, h := range made {
		instance, _, _ := strings.Cut(name, ".")
		s.names[name], s.instances[instance] = h, true
	}
	return nil
}

// read brings a value to the engine.
func (s *Server) read(v wire.LeftValue, from io.Reader) (buf ir.Buffer, err error) {
	memory, err := tensors.NewStorage(v.Shape.ByteSize())
	if err != nil {
		return nil, err
	}
	t, err := tensors.FromStorage(v.Shape, memory)
	if err != nil {
		memory.Release()
		return nil, err
	}
	defer t.Close()
	if _, err := io.ReadFull(from, memory.Bytes()[:v.Shape.ByteSize()]); err != nil {
		return nil, err
	}
	err = guarded(func() (err error) {
		buf, err = s.backend.Put(t)
		return err
	})
	return buf, err
}
