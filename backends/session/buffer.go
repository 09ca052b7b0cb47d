package session

import (
	"context"
	"fmt"
	"runtime"

	"github.com/quire-ml/quire/backends/session/internal/wire"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// buffer is a value that the worker holds, or will hold. One that is forgotten is closed by the collector.
type buffer struct {
	backend *backend
	conn    *conn
	id      uint64
	shape   shapes.Shape
	closed  bool // guarded by conn.mu

	made    *call       // the run whose output it is, nil for what was put
	index   int         // which output it is
	of      *executable // whose run it is
	cleanup runtime.Cleanup
}

// number is what the collector needs to close a buffer.
type number struct {
	conn *conn
	id   uint64
}

func newBuffer(b *backend, c *conn, id uint64, s shapes.Shape) *buffer {
	x := &buffer{backend: b, conn: c, id: id, shape: s}
	x.cleanup = runtime.AddCleanup(x, func(n number) { n.conn.link.Later(wire.KindFree, n.id) }, number{c, id})
	return x
}

func (x *buffer) Shape() shapes.Shape { return x.shape }

func (x *buffer) Close() error {
	if x == nil { // a donated input that is a nil buffer: Run says so
		return nil
	}
	x.conn.mu.Lock()
	defer x.conn.mu.Unlock()
	if !x.closed {
		x.taken()
		x.conn.link.Later(wire.KindFree, x.id)
	}
	return nil
}

// taken notes that the number is nobody's any more. conn.mu is held.
func (x *buffer) taken() {
	x.closed = true
	x.cleanup.Stop()
}

// usable returns why the buffer cannot be used. conn.mu is held.
func (x *buffer) usable() error {
	switch {
	case x.backend.closed.Load():
		return errClosed
	case x.closed:
		return fmt.Errorf("the buffer %s is closed or was donated", x.shape)
	case x.conn.lost != nil:
		return &LostError{x.conn.device, fmt.Sprintf("the buffer %s is lost", x.shape), x.conn.whyLost()}
	}
	return nil
}

// whyLost says how the connection ended. mu is held.
func (c *conn) whyLost() string {
	if e, ok := c.lost.(*LostError); ok {
		return e.Why
	}
	return c.lost.Error()
}

func (x *buffer) ToHost() (*tensors.Tensor, error) {
	k := &call{what: fmt.Sprintf("reading the buffer %s", x.shape)}
	var t *tensors.Tensor
	k.answer = func(f *wire.Frame, r *wire.Reader) (err error) {
		t, err = x.conn.link.ReceiveValue(f, r)
		return err
	}
	c := x.conn
	c.mu.Lock()
	if err := x.usable(); err != nil {
		c.mu.Unlock()
		return nil, err
	}
	if x.made != nil && x.of.wants(x.index, x.shape) {
		c.mu.Unlock()
		if t, err := x.brought(); t != nil || err != nil {
			return t, err
		}
		c.mu.Lock()
		if err := x.usable(); err != nil { // it was closed meanwhile
			c.mu.Unlock()
			return nil, err
		}
	}
	id, err := c.begin(k)
	if err == nil { // under the lock: what frees it comes later
		var w wire.Writer
		w.Uint(x.id)
		err = c.link.Send(wire.KindGet, id, w.Body)
		if err != nil {
			c.mu.Unlock()
			return nil, c.unsent(k, id, err)
		}
	}
	c.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if err := c.wait(context.Background(), k, id); err != nil {
		return nil, x.fail(err)
	}
	if !t.Shape().Equal(x.shape) {
		return nil, fmt.Errorf("reading the buffer %s: the worker sent %s", x.shape, t.Shape())
	}
	return t, nil
}

// brought returns the value if it came with the answer to the run that made it, for which it waits; nil if it did not.
func (x *buffer) brought() (*tensors.Tensor, error) {
	<-x.made.done
	if x.made.err != nil {
		return nil, x.fail(x.made.err)
	}
	if data, ok := x.made.brought[x.index]; ok {
		return tensors.FromBytes(x.shape, data)
	}
	return nil, nil
}

// fail returns an error from the worker as the user is to see it.
func (x *buffer) fail(err error) error {
	if x.of != nil {
		return x.of.program.fail(err)
	}
	return err
}

var _ ir.Buffer = (*buffer)(nil)
