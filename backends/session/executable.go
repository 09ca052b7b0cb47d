package session

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/quire-ml/quire/backends/session/internal/wire"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ir/capability"
	"github.com/quire-ml/quire/graph/shapes"
)

// executable is a program that the worker has compiled; one that is forgotten is closed by the collector. After the worker's end it is
// compiled again by the next one.
type executable struct {
	backend *backend
	program *program
	closed  atomic.Bool
	running string        // what a run is, for an error
	wanted  []atomic.Bool // outputs that were read before, and are small: answers bring them along

	mu sync.Mutex
	at *remote
}

// remote is what an executable is to a worker.
type remote struct {
	conn    *conn
	id      uint64
	ahead   bool // a run may return before it is done
	cleanup runtime.Cleanup
}

// number is what the collector needs to close an executable.
type number struct {
	conn *conn
	id   uint64
}

// on returns the executable as the worker has it that there is now.
func (e *executable) on(ctx context.Context) (*remote, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.at != nil && e.at.conn.live() {
		return e.at, nil
	}
	c, err := e.backend.connect(ctx)
	if err != nil {
		return nil, err
	}
	r, err := e.program.compile(ctx, c)
	if IsLost(err) && ctx.Err() == nil { // it ended between two calls: once more
		if c, err = e.backend.connect(ctx); err == nil {
			r, err = e.program.compile(ctx, c)
		}
	}
	if err != nil {
		return nil, err
	}
	r.cleanup = runtime.AddCleanup(e, func(n number) { n.conn.link.Later(wire.KindDropExe, n.id) }, number{r.conn, r.id})
	e.at = r
	return r, nil
}

// compile has a worker compile the program. It is sent if the worker does not know it.
func (w *program) compile(ctx context.Context, c *conn) (*remote, error) {
	c.mu.Lock()
	r := &remote{conn: c, id: c.next()}
	c.mu.Unlock()
	request := func(follows bool) (head wire.Writer) {
		head.Body = append(head.Body, w.hash[:]...)
		head.Uint(r.id)
		head.Uint(uint64(len(w.outputs)))
		for _, s := range w.outputs {
			head.Shape(s)
		}
		head.Bool(follows)
		return head
	}
	k := &call{what: fmt.Sprintf("program %q: compiling it", w.name)}
	err := c.ask(ctx, k, func(id uint64) error { return c.link.Send(wire.KindCompile, id, request(false).Body) })
	if wire.IsUnknown(err) {
		k = &call{what: k.what}
		err = c.ask(ctx, k, func(id uint64) error { return c.link.SendBytes(wire.KindCompile, id, request(true), w.text) })
	}
	if err != nil {
		return nil, w.fail(err)
	}
	answer := wire.NewReader(k.body)
	r.ahead = answer.Bool()
	return r, answer.Done()
}

// fail returns an error from the worker with the user's own places in it.
func (w *program) fail(err error) error {
	var e *wire.Error
	if !errors.As(err, &e) {
		return err
	}
	return &wire.Error{Cause: e.Cause, Text: w.placed(e.Text)}
}

// wants notes that an output was read, and reports whether runs that were begun since it was read before bring it along. conn.mu is
// held, as it is where runs are begun.
func (e *executable) wants(output int, s shapes.Shape) bool {
	return s.ByteSize() <= wire.BroughtBytes && e.wanted[output].Swap(true)
}

func (e *executable) Close() error {
	if e.closed.Swap(true) {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.at != nil {
		e.at.cleanup.Stop()
		e.at.conn.link.Later(wire.KindDropExe, e.at.id)
		e.at = nil
	}
	runtime.KeepAlive(e)
	return nil
}

func (e *executable) Run(ctx context.Context, inputs []ir.Buffer, donate []bool) (out []ir.Buffer, err error) {
	defer func() {
		for i := range donate {
			if donate[i] && i < len(inputs) && inputs[i] != nil {
				inputs[i].Close()
			}
		}
		runtime.KeepAlive(e)
	}()
	if e.backend.closed.Load() {
		return nil, errClosed
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if e.closed.Load() {
		return nil, fmt.Errorf("program %q: the executable is closed", e.program.name)
	}
	if err := e.program.fits(inputs, donate); err != nil {
		return nil, fmt.Errorf("program %q: %w", e.program.name, err)
	}
	at, err := e.on(ctx)
	if err != nil {
		return nil, err
	}
	ahead := at.ahead && ctx.Done() == nil
	if ahead {
		at.conn.keepUp()
	}
	k := &call{what: e.running}
	id, bufs, err := e.begin(at, k, inputs, donate, ahead)
	if err != nil {
		return nil, err
	}
	if !ahead {
		if err := at.conn.wait(ctx, k, id); err != nil {
			for _, x := range bufs {
				x.Close()
			}
			return nil, e.program.fail(err)
		}
	}
	return bufs, nil
}

// fits returns what is wrong with the inputs, as far as they are no buffers of sessions or have other shapes.
func (w *program) fits(inputs []ir.Buffer, donate []bool) error {
	switch {
	case len(inputs) != len(w.inputs):
		return fmt.Errorf("it takes %d inputs, got %d", len(w.inputs), len(inputs))
	case donate != nil && len(donate) != len(inputs):
		return fmt.Errorf("%d inputs, but %d marks of donation", len(inputs), len(donate))
	}
	for i, in := range inputs {
		x, ok := in.(*buffer)
		switch want := w.inputs[i]; {
		case in == nil || ok && x == nil:
			return fmt.Errorf("input %d (%s) is nil", i, w.names[i])
		case !ok:
			return fmt.Errorf("input %d (%s) is a buffer of another backend: Put its tensor", i, w.names[i])
		case !x.shape.Equal(want):
			return fmt.Errorf("input %d (%s) is %s, want %s", i, w.names[i], x.shape, want)
		}
	}
	return nil
}

// begin sends a run. What it uses is looked at under the lock under which it is sent, so that no other call gives it up in between.
func (e *executable) begin(at *remote, k *call, inputs []ir.Buffer, donate []bool, ahead bool) (id uint64, bufs []ir.Buffer, err error) {
	c := at.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lost != nil {
		return 0, nil, &LostError{c.device, k.what, c.whyLost()}
	}
	for i, in := range inputs {
		x := in.(*buffer)
		if x.conn != c { // its own connection's lock is not needed: only the worker of c can be asked
			return 0, nil, fmt.Errorf("program %q: input %d (%s): %w", e.program.name, i, e.program.names[i], x.elsewhere(c))
		}
		if err := x.usable(); err != nil {
			return 0, nil, fmt.Errorf("program %q: input %d (%s): %w", e.program.name, i, e.program.names[i], err)
		}
	}
	if id, err = c.begin(k); err != nil {
		return 0, nil, err
	}
	body, first := e.request(at, inputs, donate, ahead)
	k.answer = func(_ *wire.Frame, r *wire.Reader) (err error) {
		k.brought, err = broughtBy(r)
		return err
	}
	bufs = make([]ir.Buffer, len(e.program.outputs))
	made := newBuffers(e.backend, c, first, e.program.outputs...)
	for i := range made {
		made[i].made, made[i].of = k, e
		bufs[i] = &made[i]
	}
	if err := c.link.Send(wire.KindRun, id, body); err != nil {
		c.mu.Unlock()
		err = c.unsent(k, id, err)
		c.mu.Lock()
		return 0, nil, err
	}
	if ahead {
		c.ahead = append(c.ahead, k)
	}
	return id, bufs, nil
}

// request writes a run, and gives it the inputs that are donated. conn.mu is held.
func (e *executable) request(at *remote, inputs []ir.Buffer, donate []bool, ahead bool) (body []byte, first uint64) {
	w := wire.Writer{Body: make([]byte, 0, 32+6*len(inputs))}
	w.Uint(at.id)
	w.Uint(uint64(len(inputs)))
	for _, in := range inputs {
		w.Uint(in.(*buffer).id())
	}
	for i, in := range inputs { // one that is given twice is open the first time
		x := in.(*buffer)
		w.Bool(donate != nil && donate[i] && x.lot.open[x.index] && x.taken())
	}
	first = at.conn.number + 1
	at.conn.number += uint64(len(e.program.outputs))
	w.Uint(first)
	var wanted []int
	for i := range e.wanted {
		if e.wanted[i].Load() {
			wanted = append(wanted, i)
		}
	}
	w.Uint(uint64(len(wanted)))
	for _, i := range wanted {
		w.Uint(uint64(i))
	}
	w.Bool(ahead)
	return w.Body, first
}

// broughtBy reads the outputs that came with the answer to a run.
func broughtBy(r *wire.Reader) (map[int][]byte, error) {
	if len(r.Rest()) == 0 {
		return nil, nil
	}
	brought := map[int][]byte{}
	for len(r.Rest()) > 0 {
		output := int(min(r.Uint(), 1<<30))
		brought[output] = slices.Clone(r.Bytes())
	}
	return brought, r.Done()
}

// elsewhere says why a buffer of another connection cannot be used on c.
func (x *buffer) elsewhere(c *conn) error {
	switch {
	case x.backend.closed.Load():
		return errClosed
	case x.conn.device != c.device:
		return fmt.Errorf("it is a buffer of session:%s: Put its tensor", x.conn.device)
	}
	return &LostError{x.conn.device, fmt.Sprintf("the buffer %s is lost", x.shape), "the worker that held it has ended"}
}

// tell asks the worker what an executable tells of itself.
func (e *executable) tell() (t wire.Telling, err error) {
	at, err := e.on(context.Background())
	if err != nil {
		return t, err
	}
	k := &call{what: "asking what a program needs"}
	err = at.conn.ask(context.Background(), k, func(id uint64) error {
		var w wire.Writer
		w.Uint(at.id)
		return at.conn.link.Send(wire.KindTell, id, w.Body)
	})
	if err == nil {
		err = t.Read(wire.NewReader(k.body))
	}
	return t, err
}

// Explain implements [capability.Explainer].
func (e *executable) Explain() string {
	t, err := e.tell()
	if err != nil {
		return err.Error() + "\n"
	}
	return e.program.placed(t.Explained)
}

// MemoryPlan implements [capability.MemoryPlanner]; without an answer of the worker all is zero.
func (e *executable) MemoryPlan() capability.Memory {
	t, err := e.tell()
	if err != nil || !t.Planned {
		return capability.Memory{}
	}
	return t.Memory
}
