package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/quire-ml/quire/backends/session/internal/wire"
)

// conn is a connection to a worker, with what is known of the requests that are not answered yet.
type conn struct {
	link    *wire.Link
	device  string
	welcome wire.Welcome

	// mu is held while something is sent whose order matters: what frees and what uses a value.
	mu        sync.Mutex
	number    uint64           // the last one that was given to a value, an executable or a request
	calls     map[uint64]*call // that are not answered yet
	more      map[uint64]int   // how many buffers besides one refer to a value
	lost      error            // why there is no connection any more
	done      chan struct{}    // closed then
	ahead     []*call          // runs that nobody waited for, oldest first
	closedHow bool             // this program has closed it

	turns    *turns
	caughtUp atomic.Int64 // when, since begun
}

// call is a request. Its fields are set when done is closed.
type call struct {
	done    chan struct{}
	body    []byte // a copy, unless answer took it
	answer  func(f *wire.Frame, r *wire.Reader) error
	err     error
	brought map[int][]byte // outputs of a run that came with the answer
	what    string         // what is done, for an error
}

// maxAhead bounds the runs that a program may have begun without waiting for any.
const maxAhead = 32

func newConn(link *wire.Link, device string, w wire.Welcome) *conn {
	c := &conn{link: link, device: device, welcome: w, calls: map[uint64]*call{}, more: map[uint64]int{}, done: make(chan struct{}), turns: newTurns()}
	go c.attend()
	return c
}

// close ends the connection, on purpose.
func (c *conn) close() {
	c.mu.Lock()
	c.closedHow = true
	c.mu.Unlock()
	c.link.Conn.Close()
	_ = c.await(context.Background(), c.done)
}

// keepUp waits until so few runs are under way that nobody waits for that another one may be begun.
func (c *conn) keepUp() {
	for {
		c.mu.Lock()
		for len(c.ahead) > 0 && isClosed(c.ahead[0].done) {
			c.ahead = slices.Delete(c.ahead, 0, 1)
		}
		var oldest *call
		if len(c.ahead) >= maxAhead {
			oldest = c.ahead[0]
		}
		c.mu.Unlock()
		if oldest == nil {
			return
		}
		_ = c.await(context.Background(), oldest.done)
	}
}

func isClosed(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// handle hands an answer to who waits for it.
func (c *conn) handle(f *wire.Frame) error {
	if handled, err := c.link.Handle(f); handled {
		return err
	}
	if f.Kind == wire.KindError && f.ID == 0 {
		return wire.NewReader(f.Payload).Error()
	}
	c.mu.Lock()
	k := c.calls[f.ID]
	delete(c.calls, f.ID)
	c.mu.Unlock()
	switch {
	case k == nil:
		return fmt.Errorf("an answer to nothing (%d)", f.ID)
	case f.Kind == wire.KindError:
		r := wire.NewReader(f.Payload)
		k.err = r.Error()
		if err := r.Err(); err != nil {
			k.err = err
		}
	case f.Kind == wire.KindOK && k.answer != nil:
		r := wire.NewReader(f.Payload)
		k.err = k.answer(f, r)
	case f.Kind == wire.KindOK:
		k.body = append([]byte(nil), f.Payload...)
	default:
		k.err = fmt.Errorf("a frame of kind %d, which a worker does not send", f.Kind)
	}
	close(k.done)
	return nil
}

// fail ends all requests: there is no connection any more.
func (c *conn) fail(err error) {
	c.link.Conn.Close()
	c.mu.Lock()
	why := c.why(err)
	c.lost = &LostError{c.device, "the connection to the worker is lost", why}
	if c.closedHow {
		c.lost = errClosed
	}
	calls := c.calls
	c.calls = map[uint64]*call{}
	close(c.done)
	c.mu.Unlock()
	for _, k := range calls {
		if k.err = c.lost; !c.closedHow {
			k.err = &LostError{c.device, k.what, why}
		}
		close(k.done)
	}
	c.link.Discard()
	c.link.End()
}

// why says how the connection ended.
func (c *conn) why(err error) string {
	var said *wire.Error
	if errors.As(err, &said) {
		return said.Text
	}
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, os.ErrClosed) && !broken(err) {
		return fmt.Sprintf("the worker (process %d) sent what is no answer: %v", c.welcome.PID, err)
	}
	return fmt.Sprintf("the worker (process %d) has ended%s", c.welcome.PID, lastWords(c.device))
}

// broken reports whether sending found nobody at the other end.
func broken(err error) bool {
	text := err.Error()
	return strings.Contains(text, "broken pipe") || strings.Contains(text, "connection reset")
}

// next returns a new number. c.mu is held.
func (c *conn) next() uint64 {
	c.number++
	return c.number
}

// begin notes a request, and returns its number. c.mu is held.
func (c *conn) begin(k *call) (id uint64, err error) {
	if c.lost != nil {
		return 0, c.lost
	}
	k.done = make(chan struct{})
	id = c.next()
	c.calls[id] = k
	return id, nil
}

// ask sends a request and waits for its answer, or the end of ctx, at which the worker is told that nobody waits.
func (c *conn) ask(ctx context.Context, k *call, send func(id uint64) error) error {
	c.mu.Lock()
	id, err := c.begin(k)
	c.mu.Unlock()
	if err != nil {
		return err
	}
	if err := send(id); err != nil {
		return c.unsent(k, id, err)
	}
	return c.wait(ctx, k, id)
}

// unsent returns the error of a request that could not be sent: that of the connection if it is at its end.
func (c *conn) unsent(k *call, id uint64, err error) error {
	if broken(err) || errors.Is(err, os.ErrClosed) {
		_ = c.await(context.Background(), k.done) // who receives finds the same
		return k.err
	}
	c.mu.Lock()
	waits := c.calls[id] != nil
	delete(c.calls, id)
	c.mu.Unlock()
	if waits {
		k.err = err
		close(k.done)
	}
	return err
}

// wait waits for the answer to a request.
func (c *conn) wait(ctx context.Context, k *call, id uint64) error {
	if err := c.await(ctx, k.done); err != nil {
		var w wire.Writer
		w.Uint(id)
		_ = c.link.Send(wire.KindCancel, 0, w.Body) // without a connection there is nothing to cancel
		return err
	}
	return k.err
}

// live reports whether there is a connection.
func (c *conn) live() bool {
	c.catchUp()
	return !isClosed(c.done)
}
