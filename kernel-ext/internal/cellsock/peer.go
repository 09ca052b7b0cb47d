package cellsock

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/quire-ml/quire/internal/cellwire"
	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
)

// maxQueued is how many lines wait for a peer; one that does not read them is not waited for.
const maxQueued = 1024

// peer is a program of a cell.
type peer struct {
	server *Server
	conn   net.Conn
	pid    int           // 0 if the system does not tell
	lines  chan []byte   // what is to be written
	gone   chan struct{} // closed when the connection has ended

	// The server's lock guards what follows.
	cell     Cell
	greeted  bool
	detached bool
	ending   bool // it was asked to
	used     time.Time
	idle     *time.Timer
	comms    int
}

// write writes lines until the connection's end.
func (p *peer) write() {
	for {
		select {
		case line := <-p.lines:
			_ = p.conn.SetWriteDeadline(time.Now().Add(helloTime))
			if _, err := p.conn.Write(line); err != nil {
				p.conn.Close()
				return
			}
		case <-p.gone:
			return
		}
	}
}

// say queues a line; who has let too many lie loses the connection.
func (p *peer) say(l cellwire.Line) {
	line, err := l.Encode()
	if err != nil {
		return
	}
	select {
	case p.lines <- line:
	default:
		p.conn.Close()
	}
}

// read reads lines until the connection's end.
func (p *peer) read() {
	_ = p.conn.SetReadDeadline(time.Now().Add(helloTime))
	r := cellwire.NewReader(p.conn, cellwire.MaxLine)
	for {
		l, err := r.Next()
		if err == nil {
			err = p.heard(l)
		}
		if err != nil {
			p.left(err)
			return
		}
	}
}

// left takes leave of a peer whose connection has ended, or that has said what nobody understands.
func (p *peer) left(err error) {
	s := p.server
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.peers, p)
	close(p.gone)
	p.conn.Close()
	if p.idle != nil {
		p.idle.Stop()
	}
	for id, c := range s.comms {
		if c.peer == p {
			delete(s.comms, id)
			p.publish(commClose, commContent{ID: id}, nil)
		}
	}
	switch {
	case p.ending || !p.greeted:
	case !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed):
		p.complain(fmt.Sprintf("the kernel no longer listens to a program: %v\n", err))
	case p.detached:
		p.complain("the program behind the controls of this cell has ended: run the cell again\n")
	}
}

// complain shows a sentence on the cell's stderr.
func (p *peer) complain(text string) {
	p.publish(jupyter.StreamOutput, jupyter.Stream{Name: "stderr", Text: text}, nil)
}

// end asks the program to end, and kills it if it does not; the lock is held.
func (p *peer) end(why string, patience time.Duration) {
	if p.ending {
		return
	}
	p.ending = true
	p.say(cellwire.Line{Op: cellwire.End, Text: why})
	detached := p.detached
	time.AfterFunc(patience, func() {
		select {
		case <-p.gone:
		default: // still connected, so the number is still its own
			if detached {
				kill(p.pid)
			}
			p.conn.Close()
		}
	})
}

// heard does what a line asks for.
func (p *peer) heard(l cellwire.Line) error {
	s := p.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if !p.greeted {
		return p.hello(l)
	}
	switch l.Op {
	case cellwire.Display, cellwire.Update:
		return p.display(l)
	case cellwire.Stream:
		if l.Name != "stdout" && l.Name != "stderr" {
			return fmt.Errorf("a stream %.20q", l.Name)
		}
		p.publish(jupyter.StreamOutput, jupyter.Stream{Name: l.Name, Text: l.Text}, nil)
	case cellwire.CommOpen:
		return p.open(l)
	case cellwire.CommMsg, cellwire.CommClose:
		return p.comm(l)
	case cellwire.Sync:
		p.say(cellwire.Line{Op: cellwire.Synced, N: l.N})
	case cellwire.Detach:
		p.detach()
	default:
		return fmt.Errorf("the operation %.20q is not known", l.Op)
	}
	return nil
}

func (p *peer) hello(l cellwire.Line) error {
	s := p.server
	switch {
	case l.Op != cellwire.Hello:
		return fmt.Errorf("%.20q before hello", l.Op)
	case l.Version != cellwire.Version:
		p.end(fmt.Sprintf("the kernel speaks version %d, the cell version %d: the quire command and the module are of different versions", cellwire.Version, l.Version), s.opts.patience)
		return nil
	case s.now == nil:
		p.end("no cell is running", s.opts.patience)
		return nil
	}
	p.greeted, p.cell, p.used = true, *s.now, time.Now()
	_ = p.conn.SetReadDeadline(time.Time{})
	p.say(cellwire.Line{Op: cellwire.Welcome, Version: cellwire.Version, Live: s.opts.Live})
	return nil
}

// detach lets the program outlive its cell.
func (p *peer) detach() {
	s := p.server
	if p.detached {
		return
	}
	p.detached, p.used = true, time.Now()
	p.idle = time.AfterFunc(s.opts.Idle, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		p.end(fmt.Sprintf("nobody has used it for %v", s.opts.Idle), s.opts.patience)
	})
	if p.comms == 0 {
		p.end("it has no controls", s.opts.patience)
	}
	s.crowded()
}

// touched notes that somebody uses the program.
func (p *peer) touched() {
	p.used = time.Now()
	if p.idle != nil && !p.ending {
		p.idle.Reset(p.server.opts.Idle)
	}
}

// displayContent is the content of display_data and update_display_data.
type displayContent struct {
	Data      json.RawMessage `json:"data"`
	Metadata  json.RawMessage `json:"metadata"`
	Transient struct {
		ID string `json:"display_id,omitempty"`
	} `json:"transient"`
}

func (p *peer) display(l cellwire.Line) error {
	kind := jupyter.DisplayData
	if l.Op == cellwire.Update {
		kind = jupyter.UpdateDisplayData
	}
	if len(l.Data) == 0 || kind == jupyter.UpdateDisplayData && l.ID == "" {
		return fmt.Errorf("%s without data or id", l.Op)
	}
	c := displayContent{Data: l.Data, Metadata: orEmpty(l.Meta)}
	c.Transient.ID = l.ID
	p.publish(kind, c, nil)
	return nil
}

// publish sends a message as one of the peer's cell.
func (p *peer) publish(kind string, content any, metadata json.RawMessage) {
	p.server.publish(p.cell.Request, kind, content, metadata)
}

func (s *Server) publish(parent jupyter.Header, kind string, content any, metadata json.RawMessage) {
	m, err := jupyter.NewMessage("", kind, parent, content)
	if err == nil {
		m.Metadata = metadata
		s.opts.Send(m)
	}
}

func orEmpty(part json.RawMessage) json.RawMessage {
	if len(part) == 0 {
		return json.RawMessage("{}")
	}
	return part
}
