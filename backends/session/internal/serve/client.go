package serve

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/quire-ml/quire/backends/session/internal/wire"
	"github.com/quire-ml/quire/graph/shapes"
)

// client is a connection that has been welcomed.
type client struct {
	*Server
	link  *wire.Link
	hello wire.Hello
	pid   int

	ctx    context.Context // ends with the connection
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu      sync.Mutex
	values  map[uint64]*value
	exes    map[uint64]*program
	running map[uint64]context.CancelFunc // requests that can be cancelled
	ahead   int                           // runs that nobody waits for and that are not over
	most    int                           // of these, since an answer to one was sent
	idle    chan *run                     // to runners that have nothing to do
	answers chan answer                   // those that runners have no time for
}

// answer is an answer that is still to be sent.
type answer struct {
	id   uint64
	body []byte
	err  error
}

// program is what a client has of a compiled one.
type program struct {
	*compiled
	outputs []shapes.Shape
}

// serve answers the frames of the connection until it ends.
func (c *client) serve() error {
	defer c.end()
	c.work.Go(c.answerer)
	for {
		f, err := c.link.Receive()
		if err != nil {
			return err
		}
		err = c.handle(&f)
		f.Close()
		if err != nil {
			_ = c.link.Send(wire.KindError, 0, failure(fmt.Errorf("the worker ends the connection: %w", err))) // if there is somebody who reads it
			return err
		}
	}
}

// end gives back all that the connection had.
func (c *client) end() {
	c.cancel()
	c.link.Conn.Close() // so that those who send stop
	c.work.Wait()
	c.mu.Lock()
	values, exes := c.values, c.exes
	c.values, c.exes = nil, nil
	c.mu.Unlock()
	c.leaveNames(c)
	for _, v := range values {
		v.release()
	}
	for _, p := range exes {
		c.programs.kept.Release(p.compiled)
	}
	c.link.Discard()
	c.link.End()
}

// handle does what a frame asks for. An error is one of the protocol, and ends the connection.
func (c *client) handle(f *wire.Frame) error {
	if handled, err := c.link.Handle(f); handled {
		return err
	}
	r := wire.NewReader(f.Payload)
	switch f.Kind {
	case wire.KindCompile:
		return c.compile(f, r)
	case wire.KindPut:
		return c.put(f, r)
	case wire.KindRun:
		return c.run(f, r)
	case wire.KindFree, wire.KindDropExe:
		ids := r.Numbers()
		c.free(f.Kind, ids)
		return r.Done()
	case wire.KindCancel:
		id := r.Uint()
		c.mu.Lock()
		if cancel := c.running[id]; cancel != nil {
			cancel()
		}
		c.mu.Unlock()
		return r.Done()
	case wire.KindGet:
		id := r.Uint()
		if err := r.Done(); err != nil {
			return err
		}
		v := c.held(id)
		c.inBackground(f.ID, func(ctx context.Context) error { return c.get(ctx, f.ID, v) })
		return nil
	case wire.KindHold, wire.KindHeld, wire.KindDropHeld, wire.KindKeep:
		return c.name(f, r)
	case wire.KindTell:
		return c.tell(f, r)
	case wire.KindStatus:
		return c.answerJSON(f.ID, c.Server.status())
	case wire.KindStop:
		return c.stop(f, r)
	}
	return fmt.Errorf("a frame of kind %d, which a client does not send", f.Kind)
}

func failure(err error) []byte {
	var w wire.Writer
	w.Err(err)
	return w.Body
}

// answer answers a request by a body, or by an error.
func (c *client) answer(id uint64, body []byte, err error) {
	if err != nil {
		_ = c.link.Send(wire.KindError, id, failure(c.explained(err)))
		return
	}
	_ = c.link.Send(wire.KindOK, id, body) // who is gone gets no answer
}

// answerer sends answers for runners. The system may have the client run where its answer is sent, at the cost of who sends it:
// that should not be who is about to run the next program.
func (c *client) answerer() {
	for {
		select {
		case a := <-c.answers:
			c.answer(a.id, a.body, a.err)
		case <-c.ctx.Done():
			return
		}
	}
}

// holds notes that a run is over that nobody waited for when it was begun, and reports whether its answer may wait for those of others:
// until half of the runs are made that there were. So a client that keeps several under way is woken for several answers at once, and early
// enough to send more. c.mu is held.
func (c *client) holds() bool {
	c.ahead--
	if c.ahead > c.most/2 {
		return true
	}
	c.most = c.ahead
	return false
}

// inBackground runs what a request asks for beside others. What fails, or panics, is the answer.
func (c *client) inBackground(id uint64, do func(ctx context.Context) error) {
	ctx, cancel := context.WithCancel(c.ctx)
	c.mu.Lock()
	c.running[id] = cancel
	c.mu.Unlock()
	c.work.Go(func() {
		defer func() {
			c.mu.Lock()
			delete(c.running, id)
			c.mu.Unlock()
			cancel()
		}()
		if err := guarded(func() error { return do(ctx) }); err != nil {
			c.answer(id, nil, err)
		}
	})
}

// guarded returns a panic as an error: an engine that breaks must not take other clients' values with it.
func guarded(do func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the worker broke: %v", r)
		}
	}()
	return do()
}

func (c *client) compile(f *wire.Frame, r *wire.Reader) error {
	id, want, follows := f.ID, hash(r.Fixed(wire.HashBytes)), false
	number := r.Uint()
	outputs := make([]shapes.Shape, r.Count())
	for i := range outputs {
		outputs[i] = r.Shape()
	}
	follows = r.Bool()
	if !follows {
		if err := r.Done(); err != nil {
			return err
		}
		known, ok := c.programs.kept.Find(want)
		if !ok {
			c.answer(id, nil, wire.Unknownf("the program is not known"))
			return nil
		}
		return c.keep(id, number, &program{known, outputs})
	}
	data, done, err := c.link.ReceiveBytes(f, r)
	if err != nil {
		return err
	}
	text := append([]byte(nil), data...)
	done()
	if hash(wire.HashOf(text)) != want {
		return errors.New("a program has another hash than was said")
	}
	c.inBackground(id, func(ctx context.Context) error {
		made, err := c.programs.compile(ctx, want, text)
		if err != nil {
			return err
		}
		return c.keep(id, number, &program{made, outputs})
	})
	return nil
}

// keep notes an executable of the client's, and answers.
func (c *client) keep(id, number uint64, p *program) error {
	c.mu.Lock()
	_, taken := c.exes[number]
	if !taken && c.exes != nil {
		c.exes[number] = p
	}
	c.mu.Unlock()
	if taken {
		c.programs.kept.Release(p.compiled)
		return fmt.Errorf("two executables have the number %d", number)
	}
	var w wire.Writer
	w.Bool(p.ahead)
	c.answer(id, w.Body, nil)
	return nil
}

// put takes a value. It is not answered: what is wrong with it is told by what uses it.
func (c *client) put(f *wire.Frame, r *wire.Reader) error {
	number := r.Uint()
	t, err := c.link.ReceiveValue(f, r)
	if err != nil {
		return err
	}
	defer t.Close()
	v := &value{shape: t.Shape(), ready: present, refs: 1}
	err = guarded(func() (err error) {
		v.buf, err = c.backend.Put(t)
		return err
	})
	v.err = c.explained(err)
	if err := c.add(number, v); err != nil {
		v.release()
		return err
	}
	return nil
}

// add gives a value its number.
func (c *client) add(number uint64, v *value) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.values[number] != nil {
		return fmt.Errorf("two values have the number %d", number)
	}
	c.values[number] = v
	return nil
}

// held returns a value for the caller to release, nil if there is none of this number.
func (c *client) held(number uint64) *value {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.values[number]
	if v != nil {
		v.retain()
	}
	return v
}

var errGone = wire.Unknownf("the buffer is closed or was donated")

func (c *client) get(ctx context.Context, id uint64, v *value) error {
	if v == nil {
		return errGone
	}
	defer v.release()
	buf, err := v.wait(ctx)
	if err != nil {
		return err
	}
	t, err := buf.ToHost()
	if err != nil {
		return err
	}
	defer t.Close()
	if err := c.link.SendValue(wire.KindOK, id, wire.Writer{}, t); err != nil {
		return fmt.Errorf("reading %s: %w", t.Shape(), err)
	}
	return nil
}

func (c *client) free(kind wire.Kind, ids []uint64) {
	var values []*value
	var exes []*program
	c.mu.Lock()
	for _, id := range ids {
		if kind == wire.KindFree {
			if v := c.values[id]; v != nil {
				values = append(values, v)
				delete(c.values, id)
			}
		} else if p := c.exes[id]; p != nil {
			exes = append(exes, p)
			delete(c.exes, id)
		}
	}
	c.mu.Unlock()
	for _, v := range values {
		v.release()
	}
	for _, p := range exes {
		c.programs.kept.Release(p.compiled)
	}
}

func (c *client) tell(f *wire.Frame, r *wire.Reader) error {
	number := r.Uint()
	if err := r.Done(); err != nil {
		return err
	}
	c.mu.Lock()
	p := c.exes[number]
	c.mu.Unlock()
	if p == nil {
		c.answer(f.ID, nil, wire.Unknownf("the executable is closed"))
		return nil
	}
	var w wire.Writer
	t := wire.TellingOf(p.exe)
	t.Write(&w)
	c.answer(f.ID, w.Body, nil)
	return nil
}
