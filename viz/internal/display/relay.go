package display

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quire-ml/quire/internal/cellwire"
)

// Relay is a connection to the kernel past gonb, for what gonb has no way for: comms, data that is JSON, and a program that
// goes on when its cell has ended. It may be used by several goroutines. After an error it is closed, and every further call
// returns the same error.
type Relay struct {
	// Live says that somebody at a page may use controls.
	Live bool

	conn   *os.File
	handle func(cellwire.Line)

	mu     sync.Mutex // guards what follows, and writing
	err    error
	nextID int64
	acks   map[int64]chan struct{}
	done   chan struct{} // closed with the connection
}

// HasRelay reports whether the program runs as a cell of a kernel that listens to cells. One that a cell has started does not.
func HasRelay() bool { return os.Getenv(cellwire.RelayEnv) != "" && leash != nil }

// relayed is the relay that displays go through from now on.
var relayed atomic.Pointer[Relay]

// UseRelay connects to the kernel past gonb; from then on all displays go that way, in order. What the kernel says of comms,
// and that it has ended, handle gets, one line after the other.
func UseRelay(handle func(cellwire.Line)) (*Relay, error) {
	if pipe, err := notebookPipe(); err == nil { // what was displayed before comes before
		DrainStdout()
		_ = pipe.Sync()
	}
	r, err := DialRelay(os.Getenv(cellwire.RelayEnv), handle)
	if err == nil {
		relayed.Store(r)
	}
	return r, err
}

// DialRelay connects to the socket at path and says hello.
func DialRelay(path string, handle func(cellwire.Line)) (*Relay, error) {
	conn, err := dialSocket(path)
	if err != nil {
		return nil, fmt.Errorf("connecting to the kernel: %w", err)
	}
	r := &Relay{conn: conn, handle: handle, acks: map[int64]chan struct{}{}, done: make(chan struct{})}
	lines := cellwire.NewReader(conn, cellwire.MaxLine)
	if err := r.greet(lines); err != nil {
		conn.Close()
		return nil, fmt.Errorf("connecting to the kernel: %w", err)
	}
	go r.listen(lines)
	return r, nil
}

func (r *Relay) greet(lines *cellwire.Reader) error {
	if err := r.Say(cellwire.Line{Op: cellwire.Hello, Version: cellwire.Version}); err != nil {
		return err
	}
	r.conn.SetReadDeadline(time.Now().Add(syncTimeout))
	l, err := lines.Next()
	switch {
	case err != nil:
		return err
	case l.Op == cellwire.End:
		return errors.New(l.Text)
	case l.Op != cellwire.Welcome || l.Version != cellwire.Version:
		return fmt.Errorf("it answers %.20q of version %d to hello of version %d", l.Op, l.Version, cellwire.Version)
	}
	r.Live = l.Live
	r.conn.SetReadDeadline(time.Time{})
	return nil
}

// listen takes what the kernel says, until it ends.
func (r *Relay) listen(lines *cellwire.Reader) {
	for {
		l, err := lines.Next()
		if err != nil {
			r.mu.Lock()
			r.fail(fmt.Errorf("reading from the kernel: %w", err))
			r.mu.Unlock()
			r.handle(cellwire.Line{Op: cellwire.End, Text: err.Error()})
			return
		}
		if l.Op != cellwire.Synced {
			r.handle(l)
			continue
		}
		r.mu.Lock()
		if ack := r.acks[l.N]; ack != nil {
			close(ack)
			delete(r.acks, l.N)
		}
		r.mu.Unlock()
	}
}

// Say sends a line.
func (r *Relay) Say(l cellwire.Line) error {
	line, err := l.Encode()
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.write(line)
}

// write writes a line; the lock is held.
func (r *Relay) write(line []byte) error {
	if r.err != nil {
		return r.err
	}
	r.conn.SetWriteDeadline(time.Now().Add(syncTimeout))
	if _, err := r.conn.Write(line); err != nil {
		r.fail(fmt.Errorf("sending to the kernel: %w", err))
	}
	return r.err
}

// fail closes the connection; the lock is held.
func (r *Relay) fail(err error) {
	if r.err == nil {
		r.err = err
		close(r.done)
		r.conn.Close()
	}
}

// Close ends the connection.
func (r *Relay) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail(errors.New("the connection to the kernel is closed"))
}

// Done is closed when the connection has ended.
func (r *Relay) Done() <-chan struct{} { return r.done }

// Send displays a message.
func (r *Relay) Send(m Message) error {
	data, err := json.Marshal(m.Data) // bytes become base64
	if err != nil {
		return fmt.Errorf("displaying: %w", err)
	}
	l := cellwire.Line{Op: cellwire.Display, ID: m.ID, Data: data, Meta: m.metadata()}
	if m.ID != "" && known(m.ID) {
		l.Op = cellwire.Update
	}
	return r.Say(l)
}

// Sync returns when the kernel has published all that was sent before.
func (r *Relay) Sync() error {
	r.mu.Lock()
	r.nextID++
	id := r.nextID
	ack := make(chan struct{})
	r.acks[id] = ack
	line, err := cellwire.Line{Op: cellwire.Sync, N: id}.Encode()
	if err == nil {
		err = r.write(line)
	}
	r.mu.Unlock()
	if err != nil {
		return err
	}
	timeout := time.NewTimer(syncTimeout)
	defer timeout.Stop()
	select {
	case <-ack:
		return nil
	case <-r.done:
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.err
	case <-timeout.C:
		return fmt.Errorf("the kernel has not confirmed the display within %v", syncTimeout)
	}
}

// ids are the displays that were shown, by whichever way.
var ids sync.Map

// known reports whether a display was shown before, and notes that it is now.
func known(id string) bool {
	_, before := ids.LoadOrStore(id, true)
	return before
}
