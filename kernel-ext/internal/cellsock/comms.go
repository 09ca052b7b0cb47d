package cellsock

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/quire-ml/quire/internal/cellwire"
	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
)

// Limits of what a program may open.
const (
	maxComms = 512
	maxID    = 128
	maxState = 32 << 20 // bytes of a widget
)

// Targets of the protocol of Jupyter's widgets, and the version of the one by which pages ask for all.
const (
	widgetTarget  = "jupyter.widget"
	controlTarget = "jupyter.widget.control"
)

// comm is a channel between a program and pages.
type comm struct {
	peer   *peer
	target string
	state  map[string]json.RawMessage // of a widget, as it was told last
	size   int
}

// commContent is the content of messages of comms.
type commContent struct {
	ID     string          `json:"comm_id"`
	Target string          `json:"target_name,omitempty"`
	Data   json.RawMessage `json:"data,omitempty"`
}

// widgetData is what is sent on a widget's comm.
type widgetData struct {
	Method string                     `json:"method"`
	State  map[string]json.RawMessage `json:"state"`
}

// learn notes what a message says about a widget's state.
func (c *comm) learn(data json.RawMessage, opening bool) error {
	if c.target != widgetTarget {
		return nil
	}
	var w widgetData
	if json.Unmarshal(data, &w) != nil || !opening && w.Method != "update" {
		return nil
	}
	for key, value := range w.State {
		c.size += len(value) - len(c.state[key])
		c.state[key] = value
	}
	if c.size > maxState || len(c.state) > maxComms {
		return errors.New("a widget whose state is too large")
	}
	return nil
}

// open opens a comm for a program.
func (p *peer) open(l cellwire.Line) error {
	s := p.server
	switch {
	case l.Comm == "" || len(l.Comm) > maxID || l.Target == "" || len(l.Target) > maxID:
		return errors.New("a comm without name or target")
	case s.comms[l.Comm] != nil:
		return fmt.Errorf("the comm %q is open", l.Comm)
	case p.comms >= maxComms:
		return fmt.Errorf("more than %d comms", maxComms)
	}
	c := &comm{peer: p, target: l.Target, state: map[string]json.RawMessage{}}
	if err := c.learn(l.Data, true); err != nil {
		return err
	}
	s.comms[l.Comm] = c
	p.comms++
	p.publish(commOpen, commContent{ID: l.Comm, Target: l.Target, Data: orEmpty(l.Data)}, l.Meta)
	return nil
}

// comm passes on what a program says on a comm, or closes it.
func (p *peer) comm(l cellwire.Line) error {
	c := p.server.comms[l.Comm]
	if c == nil || c.peer != p { // a page may have closed it meanwhile
		return nil
	}
	if l.Op == cellwire.CommClose {
		p.forget(l.Comm)
		p.publish(commClose, commContent{ID: l.Comm, Data: orEmpty(l.Data)}, l.Meta)
		return nil
	}
	if err := c.learn(l.Data, false); err != nil {
		return err
	}
	p.publish(commMsg, commContent{ID: l.Comm, Data: orEmpty(l.Data)}, l.Meta)
	return nil
}

// forget drops a comm; a program that stays for its controls alone ends with the last of them.
func (p *peer) forget(id string) {
	delete(p.server.comms, id)
	if p.comms--; p.comms == 0 && p.detached {
		p.end("its controls are closed", p.server.opts.patience)
	}
}

// Comm takes a comm_open, comm_msg or comm_close of a page. It reports whether that was for a cell.
func (s *Server) Comm(m jupyter.Message) bool {
	var content commContent
	if m.Decode(&content) != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if m.Header.Type == commOpen {
		return s.control(content)
	}
	if s.controls[content.ID] {
		s.askedForAll(m, content)
		return true
	}
	c := s.comms[content.ID]
	if c == nil {
		return false
	}
	if c.target == widgetTarget && method(content.Data) == "request_state" {
		s.tellState(m, content.ID, c)
		return true
	}
	l := cellwire.Line{Op: cellwire.CommMsg, Comm: content.ID, Data: orEmpty(content.Data)}
	c.peer.touched()
	if m.Header.Type == commClose {
		l.Op = cellwire.CommClose
		c.peer.say(l)
		c.peer.forget(content.ID)
		return true
	}
	if c.learn(content.Data, false) == nil {
		c.peer.say(l)
	}
	return true
}

// method is what is asked of a widget.
func method(data json.RawMessage) string {
	var w widgetData
	_ = json.Unmarshal(data, &w)
	return w.Method
}

// tellState answers a page that does not know a widget's state.
func (s *Server) tellState(m jupyter.Message, id string, c *comm) {
	data, err := json.Marshal(map[string]any{"method": "update", "state": c.state, "buffer_paths": []any{}})
	if err == nil {
		s.publish(m.Header, commMsg, commContent{ID: id, Data: data}, nil)
	}
}

// CommInfo returns the targets of open comms by their ids; target "" means all.
func (s *Server) CommInfo(target string) map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	open := map[string]string{}
	for id, c := range s.comms {
		if target == "" || c.target == target {
			open[id] = c.target
		}
	}
	return open
}

// control opens the comm by which a page that was loaded anew asks for the state of all widgets.
func (s *Server) control(c commContent) bool {
	if c.Target != controlTarget || c.ID == "" || len(c.ID) > maxID || len(s.controls) >= maxComms {
		return false
	}
	s.controls[c.ID] = true
	return true
}

// askedForAll answers on the comm of control.
func (s *Server) askedForAll(m jupyter.Message, content commContent) {
	switch {
	case m.Header.Type == commClose:
		delete(s.controls, content.ID)
		return
	case method(content.Data) != "request_states":
		return
	}
	answer := allStates{Method: "update_states", States: map[string]modelState{}, Buffers: []any{}}
	for id, c := range s.comms {
		if c.target == widgetTarget {
			answer.States[id] = modelState{c.state["_model_name"], c.state["_model_module"], c.state["_model_module_version"], c.state}
		}
	}
	data, err := json.Marshal(answer)
	if err != nil {
		return
	}
	s.publish(m.Header, commMsg, commContent{ID: content.ID, Data: data}, nil)
	for p := range s.peers {
		if p.comms > 0 {
			p.say(cellwire.Line{Op: cellwire.Joined})
		}
	}
}

// allStates is the answer to request_states of version 1.0.0 of the protocol of control.
type allStates struct {
	Method  string                `json:"method"`
	States  map[string]modelState `json:"states"`
	Buffers []any                 `json:"buffer_paths"`
}

type modelState struct {
	Name    json.RawMessage            `json:"model_name"`
	Module  json.RawMessage            `json:"model_module"`
	Version json.RawMessage            `json:"model_module_version"`
	State   map[string]json.RawMessage `json:"state"`
}

// The types of messages of comms.
const (
	commOpen  = "comm_open"
	commMsg   = "comm_msg"
	commClose = "comm_close"
)
