package session

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/quire-ml/quire/backends/internal/registry"
	"github.com/quire-ml/quire/backends/session/internal/wire"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/tensors"
)

// Name is the engine's name; what it holds follows behind a colon.
const Name = "session"

// Without a rank the engine is opened by its name alone.
func init() { registry.Known.Register(registry.Engine{Name: Name, Open: open}) }

// Open opens the session of a device, such as "go" or "xla:cpu", as backends.New opens "session:" and its name, for who links no other
// engine.
func Open(device string) (ir.Backend, error) { return open(device) }

// open opens the engine that a configuration names behind "session:". The worker is started now, so that what is wrong is said here.
func open(device string) (ir.Backend, error) {
	if err := checkDevice(device); err != nil {
		return nil, err
	}
	if err := wire.Unsupported(); err != nil {
		return nil, err
	}
	b := &backend{device: device, shared: shareOf(device)}
	if _, err := b.connect(context.Background()); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

// checkDevice returns what is wrong with the name of what a worker is to hold.
func checkDevice(device string) error {
	name, _, _ := strings.Cut(device, ":")
	switch {
	case name == "":
		return errors.New("it lacks the engine that the worker is to hold: session:xla:cpu, say, or session:go")
	case name == Name:
		return errors.New("a session holds no session: session:xla:cpu, say, or session:go")
	case strings.ContainsFunc(device, func(r rune) bool { return r < ' ' }) || len(device) > 1000:
		return errors.New("the engine has no name for people")
	}
	return nil
}

// backend is the engine: a device with a worker, by a connection that all instances in the program share.
type backend struct {
	device string
	shared *shared
	closed atomic.Bool
}

// shared is what instances for one device have in common.
type shared struct {
	device string
	mu     sync.Mutex
	users  int
	conn   *conn
}

var (
	sharedMu sync.Mutex
	sharing  = map[string]*shared{}
)

// shareOf returns what instances for a device share, with one user more.
func shareOf(device string) *shared {
	sharedMu.Lock()
	defer sharedMu.Unlock()
	s := sharing[device]
	if s == nil {
		s = &shared{device: device}
		sharing[device] = s
	}
	s.users++
	return s
}

// leave is for a user that is closed. With the last one the connection ends.
func (s *shared) leave() {
	sharedMu.Lock()
	s.users--
	last := s.users == 0
	if last {
		delete(sharing, s.device)
	}
	sharedMu.Unlock()
	if !last {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		s.conn.close()
	}
}

// connect returns the connection, a new one if there is none or its worker has ended.
func (b *backend) connect(ctx context.Context) (*conn, error) {
	if b.closed.Load() {
		return nil, errClosed
	}
	s := b.shared
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil && s.conn.live() {
		return s.conn, nil
	}
	c, err := reach(ctx, s.device)
	if err != nil {
		return nil, fmt.Errorf("session:%s: %w", s.device, err)
	}
	s.conn = c
	return c, nil
}

func (b *backend) Name() string { return Name + ":" + b.device }

// Lowers takes every call: programs are lowered in the worker, for the engine that it holds. Ops of the program's own are expanded here,
// since the worker does not know them.
func (b *backend) Lowers(c ir.Call) bool { return c.Op == nil || c.Op.Expand == nil || ops.Has(c.Op) }

// RunsAhead implements [capability.AheadRunner].
func (b *backend) RunsAhead() bool { return true }

func (b *backend) Compile(ctx context.Context, p *ir.Program) (ir.Executable, error) {
	if err := p.Check(); err != nil {
		if p == nil {
			return nil, err
		}
		return nil, fmt.Errorf("program %q: %w", p.Name, err)
	}
	return b.CompileChecked(ctx, p)
}

// CompileChecked is Compile without a check, see [ir.Trusting]. The worker checks what it reads.
func (b *backend) CompileChecked(ctx context.Context, p *ir.Program) (ir.Executable, error) {
	if b.closed.Load() {
		return nil, errClosed
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w, err := newProgram(p)
	if err != nil {
		return nil, err
	}
	e := &executable{backend: b, program: w, running: fmt.Sprintf("running the program %q", w.name), wanted: make([]atomic.Bool, len(w.outputs))}
	if _, err := e.on(ctx); err != nil {
		return nil, err
	}
	return e, nil
}

func (b *backend) Put(t *tensors.Tensor) (ir.Buffer, error) {
	if b.closed.Load() {
		return nil, errClosed
	}
	if err := t.CheckValid(); err != nil {
		return nil, err
	}
	c, err := b.connect(context.Background())
	if err != nil {
		return nil, err
	}
	x, err := b.putOn(c, t)
	if err == nil || c.live() {
		return x, err
	}
	if c, err = b.connect(context.Background()); err != nil { // the worker ended between two calls: once more
		return nil, err
	}
	return b.putOn(c, t)
}

// putOn sends a tensor. What the worker has against it is told by what uses the buffer.
func (b *backend) putOn(c *conn, t *tensors.Tensor) (ir.Buffer, error) {
	c.mu.Lock()
	id := c.next()
	c.mu.Unlock()
	var head wire.Writer
	head.Uint(id)
	if err := c.link.QueueValue(wire.KindPut, 0, head, t); err != nil {
		if broken(err) {
			_ = c.await(context.Background(), c.done)
			return nil, c.lost
		}
		return nil, fmt.Errorf("putting %s: %w", t.Shape(), err)
	}
	return newBuffer(b, c, id, t.Shape()), nil
}

func (b *backend) Close() error {
	if b.closed.Swap(true) {
		return nil
	}
	b.shared.leave()
	return nil
}
