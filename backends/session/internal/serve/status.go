package serve

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/quire-ml/quire/backends/session/internal/wire"
	"github.com/quire-ml/quire/internal/bytesize"
)

// status tells what the worker does and holds.
func (s *Server) status() wire.Status {
	st := wire.Status{Device: s.device, PID: s.pid, Since: s.since, Version: wire.Current(), Programs: len(s.programs.kept.Values())}
	for _, c := range s.listed() {
		one := wire.ClientStatus{PID: c.pid, Owner: c.hello.Owner}
		c.mu.Lock()
		for _, v := range c.values {
			one.Values++
			one.Bytes += int64(v.shape.ByteSize())
		}
		one.Running = len(c.running)
		c.mu.Unlock()
		st.Clients = append(st.Clients, one)
	}
	slices.SortFunc(st.Clients, func(a, b wire.ClientStatus) int { return cmp.Compare(a.PID, b.PID) })
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.names {
		st.Held++
		st.HeldBytes += int64(h.shape.ByteSize())
	}
	return st
}

// listed returns the clients of this moment.
func (s *Server) listed() (list []*client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.clients {
		list = append(list, c)
	}
	return list
}

func (c *client) answerJSON(id uint64, v any) error {
	body, err := json.Marshal(v)
	if err == nil && len(body) > wire.MaxBody {
		err = errors.New("the answer is too long")
	}
	c.answer(id, body, err)
	return nil
}

// largest bounds how many values an error names that says that there is no memory.
const largest = 5

// explained says of an error for want of memory what takes it: the values of all clients, and those under names.
func (s *Server) explained(err error) error {
	if err == nil || !short(err) {
		return err
	}
	seen := map[*value]bool{}
	for _, c := range s.listed() {
		c.mu.Lock()
		for _, v := range c.values {
			seen[v] = true
		}
		c.mu.Unlock()
	}
	s.mu.Lock()
	for _, h := range s.names {
		seen[h.value] = true
	}
	s.mu.Unlock()
	var list []string
	sizes := map[string]int64{}
	total := int64(0)
	for v := range seen {
		if v.settled() {
			text := v.shape.String()
			list, sizes[text] = append(list, text), int64(v.shape.ByteSize())
			total += sizes[text]
		}
	}
	if len(list) == 0 {
		return err
	}
	slices.SortFunc(list, func(a, b string) int { return cmp.Or(cmp.Compare(sizes[b], sizes[a]), cmp.Compare(a, b)) })
	return fmt.Errorf("%w; values in the session take %s, the largest are %s", err, bytesize.Text(total), strings.Join(list[:min(largest, len(list))], ", "))
}

// short reports whether an error is for want of memory, by the words of the engines.
func short(err error) bool {
	text := err.Error()
	return strings.Contains(text, "no memory for") || strings.Contains(text, "RESOURCE_EXHAUSTED") || strings.Contains(text, "of memory:")
}

// stop ends the worker for a client that asks for it: if it is the only one, or others do not count.
func (c *client) stop(f *wire.Frame, r *wire.Reader) error {
	force := r.Bool()
	if err := r.Done(); err != nil {
		return err
	}
	if others, held := c.others(c); !force && others+held > 0 {
		c.answer(f.ID, nil, fmt.Errorf("the worker is in use: other programs: %d, values that notebooks hold: %d", others, held))
		return nil
	}
	var w wire.Writer
	w.Uint(uint64(c.Server.status().HeldBytes))
	c.answer(f.ID, w.Body, nil)
	c.quit("a client asked for it")
	return nil
}

// others counts the clients besides one, and the values under names.
func (s *Server) others(me *client) (clients, held int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.users(me), len(s.names)
}

// users counts the clients besides one, without those that only ask what the worker does. s.mu is held.
func (s *Server) users(me *client) (n int) {
	for c := range s.clients {
		if c != me && c.hello.Device != wire.AnyDevice {
			n++
		}
	}
	return n
}
