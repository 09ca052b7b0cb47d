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
	lot     *lot
	index   int // in the lot
	shape   shapes.Shape

	made *call       // the run whose output of that index it is, nil for what no run made
	of   *executable // whose run it is
}

// lot is values that got their numbers together, such as the outputs of a run: the collector looks at the lot, not at each.
type lot struct {
	conn  *conn
	first uint64
	open  []bool // guarded by conn.mu
}

// newBuffers returns buffers for values with numbers from first on, all of them in one piece of memory, with which they are forgotten.
func newBuffers(b *backend, c *conn, first uint64, of ...shapes.Shape) []buffer {
	l := &lot{conn: c, first: first, open: make([]bool, len(of))}
	list := make([]buffer, len(of))
	for i, s := range of {
		l.open[i] = true
		list[i] = buffer{backend: b, conn: c, lot: l, index: i, shape: s}
	}
	if len(list) > 0 {
		runtime.AddCleanup(&list[0], (*lot).forget, l)
	}
	return list
}

// newBuffer returns the buffer of one value.
func newBuffer(b *backend, c *conn, id uint64, s shapes.Shape) *buffer {
	return &newBuffers(b, c, id, s)[0]
}

// forget closes what nobody refers to any more.
func (l *lot) forget() {
	if !l.conn.mu.TryLock() { // held where something is sent, which may wait for the worker: not the collector
		go func() {
			l.conn.mu.Lock()
			l.free()
		}()
		return
	}
	l.free()
}

// free closes what is open, and gives conn.mu back.
func (l *lot) free() {
	defer l.conn.mu.Unlock()
	for i, open := range l.open {
		if open {
			l.close(i)
		}
	}
}

// close gives a value up that is open. conn.mu is held.
func (l *lot) close(i int) {
	if l.open[i] = false; l.conn.last(l.first + uint64(i)) {
		l.conn.link.Later(wire.KindFree, l.first+uint64(i))
	}
}

// id returns the number by which the worker knows the value.
func (x *buffer) id() uint64 { return x.lot.first + uint64(x.index) }

func (x *buffer) Shape() shapes.Shape { return x.shape }

func (x *buffer) Close() error {
	if x == nil { // a donated input that is a nil buffer: Run says so
		return nil
	}
	x.conn.mu.Lock()
	defer x.conn.mu.Unlock()
	if x.lot.open[x.index] {
		x.lot.close(x.index)
	}
	runtime.KeepAlive(x)
	return nil
}

// taken gives a value to a run, and reports whether it is the run's alone: other buffers may refer to it. conn.mu is held.
func (x *buffer) taken() bool {
	x.lot.open[x.index] = false
	return x.conn.last(x.id())
}

// Adopt implements [capability.Adopter]: the value of a buffer of another instance that has the same worker, which stays that instance's
// too, without a word to the worker.
func (b *backend) Adopt(buf ir.Buffer) (ir.Buffer, bool) {
	x, ok := buf.(*buffer)
	if !ok || x == nil || b.closed.Load() || x.conn.device != b.device {
		return nil, false
	}
	c := x.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if x.usable() != nil {
		return nil, false
	}
	c.more[x.id()]++
	y := newBuffer(b, c, x.id(), x.shape)
	return y, true
}

// last notes that a buffer gives its value up, and reports whether no other refers to it. mu is held.
func (c *conn) last(id uint64) bool {
	if n := c.more[id]; n > 1 {
		c.more[id]--
	} else if n == 1 {
		delete(c.more, id)
	} else {
		return true
	}
	return false
}

// usable returns why the buffer cannot be used. conn.mu is held.
func (x *buffer) usable() error {
	switch {
	case x.backend.closed.Load():
		return errClosed
	case !x.lot.open[x.index]:
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
		w.Uint(x.id())
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
	_ = x.conn.await(context.Background(), x.made.done)
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
