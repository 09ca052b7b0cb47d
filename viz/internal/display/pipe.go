package display

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/janpfeifer/gonb/gonbui/protocol"
)

// Limits on waiting for the kernel. It answers in microseconds; a process that outlives its cell (a
// job in the background) finds nobody there and must not hang.
const (
	openTimeout = 2 * time.Second
	syncTimeout = 10 * time.Second
)

// Pipe is a connection to the kernel. It may be used by several goroutines. After an error it is
// closed, and every further call returns the same error.
type Pipe struct {
	mu      sync.Mutex
	out, in *os.File
	enc     *gob.Encoder
	err     error
	nextID  int
	acks    map[int]chan struct{}
	done    chan struct{} // closed with the connection
}

// Dial opens the two named pipes, to the kernel and back.
func Dial(to, from string) (*Pipe, error) {
	p := &Pipe{acks: map[int]chan struct{}{}, done: make(chan struct{})}
	var err error
	if p.out, err = openPipe(to, os.O_WRONLY); err != nil {
		return nil, err
	}
	if p.in, err = openPipe(from, os.O_RDONLY); err != nil {
		p.out.Close()
		return nil, err
	}
	p.enc = gob.NewEncoder(p.out)
	go p.listen()
	return p, nil
}

// openPipe opens one end of a named pipe, which blocks until somebody has the other end open.
func openPipe(path string, flag int) (*os.File, error) {
	type result struct {
		f   *os.File
		err error
	}
	ch := make(chan result, 1)
	go func() {
		f, err := os.OpenFile(path, flag, 0)
		ch <- result{f, err}
	}()
	select {
	case r := <-ch:
		if r.err != nil {
			return nil, fmt.Errorf("opening the notebook's display: %w", r.err)
		}
		return r.f, nil
	case <-time.After(openTimeout):
		go func() { // whoever opens it one day finds it closed
			if r := <-ch; r.f != nil {
				r.f.Close()
			}
		}()
		return nil, fmt.Errorf("opening the notebook's display: nobody is at the other end of %s: the cell has ended?", path)
	}
}

// Send displays a message.
func (p *Pipe) Send(m Message) error {
	d := m.displayData()
	if m.ID != "" {
		known(m.ID)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.send(d)
}

func (p *Pipe) send(d *protocol.DisplayData) error {
	if p.err != nil {
		return p.err
	}
	p.out.SetWriteDeadline(time.Now().Add(syncTimeout)) // an error means that this kind of file has none
	if err := p.enc.Encode(d); err != nil {
		p.fail(fmt.Errorf("sending to the notebook: %w", err))
	}
	return p.err
}

// fail closes the connection; the lock is held.
func (p *Pipe) fail(err error) {
	if p.err == nil {
		p.err = err
		close(p.done)
		p.out.Close()
		p.in.Close()
	}
}

// Close ends the connection.
func (p *Pipe) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail(errors.New("the connection to the notebook is closed"))
}

// Sync returns when the kernel has passed on all that was sent before.
func (p *Pipe) Sync() error {
	p.mu.Lock()
	id := p.nextID
	p.nextID++
	ack := make(chan struct{})
	p.acks[id] = ack
	err := p.send(&protocol.DisplayData{Data: map[protocol.MIMEType]any{
		protocol.MIMECommValue: &protocol.CommValue{Address: protocol.GonbuiSyncAddress, Value: id},
	}})
	p.mu.Unlock()
	if err != nil {
		return err
	}
	timeout := time.NewTimer(syncTimeout)
	defer timeout.Stop()
	select {
	case <-ack:
		return nil
	case <-p.done:
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.err
	case <-timeout.C:
		return fmt.Errorf("the notebook has not confirmed the display within %v", syncTimeout)
	}
}

// listen takes acknowledgements. Other messages are for widgets, which Quire does not use.
func (p *Pipe) listen() {
	dec := gob.NewDecoder(p.in)
	for {
		var v protocol.CommValue
		if err := dec.Decode(&v); err != nil {
			if errors.Is(err, io.EOF) {
				err = errors.New("the kernel has closed it")
			}
			p.mu.Lock()
			p.fail(fmt.Errorf("reading from the notebook: %w", err))
			p.mu.Unlock()
			return
		}
		if id, ok := v.Value.(int); ok && v.Address == protocol.GonbuiSyncAckAddress {
			p.mu.Lock()
			if ack := p.acks[id]; ack != nil {
				close(ack)
				delete(p.acks, id)
			}
			p.mu.Unlock()
		}
	}
}
