// Package counting is an engine around another one, for tests of who holds what: it counts the buffers and executables that
// live and the buffers that were given up to runs. Every use of a buffer that is closed or was given up is an error, and every
// run of an executable that is closed.
package counting

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"
)

// Backend counts what is done with another one. It is safe for several goroutines.
type Backend struct {
	graph.Backend
	live, given, reads, programs atomic.Int64
	beforeRun                    atomic.Pointer[func() error]
}

// New returns a backend around b.
func New(b graph.Backend) *Backend { return &Backend{Backend: b} }

// Live returns the number of buffers that are not closed.
func (b *Backend) Live() int { return int(b.live.Load()) }

// Programs returns the number of executables that are not closed.
func (b *Backend) Programs() int { return int(b.programs.Load()) }

// Given returns how many buffers were given up to runs so far.
func (b *Backend) Given() int { return int(b.given.Load()) }

// Reads returns how many buffers were read so far.
func (b *Backend) Reads() int { return int(b.reads.Load()) }

// BeforeRun lets fn be called before each run, which fails with its error.
func (b *Backend) BeforeRun(fn func() error) { b.beforeRun.Store(&fn) }

type buffer struct {
	graph.Buffer
	b      *Backend
	mu     sync.Mutex
	closed bool
}

var errClosed = errors.New("counting: the buffer is closed or was given up")

func (b *Backend) wrap(inner graph.Buffer) graph.Buffer {
	b.live.Add(1)
	return &buffer{Buffer: inner, b: b}
}

// Put implements ir.Backend.
func (b *Backend) Put(t *tensors.Tensor) (graph.Buffer, error) {
	inner, err := b.Backend.Put(t)
	if err != nil {
		return nil, err
	}
	return b.wrap(inner), nil
}

// ToHost implements ir.Buffer.
func (x *buffer) ToHost() (*tensors.Tensor, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return nil, errClosed
	}
	x.b.reads.Add(1)
	return x.Buffer.ToHost()
}

// Close implements ir.Buffer.
func (x *buffer) Close() error {
	if !x.end() {
		return nil
	}
	return x.Buffer.Close()
}

// end notes that x is closed, and reports whether it was not.
func (x *buffer) end() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return false
	}
	x.closed = true
	x.b.live.Add(-1)
	return true
}

// Compile implements ir.Backend.
func (b *Backend) Compile(ctx context.Context, p *graph.Program) (ir.Executable, error) {
	inner, err := b.Backend.Compile(ctx, p)
	if err != nil {
		return nil, err
	}
	b.programs.Add(1)
	return &executable{Executable: inner, b: b}, nil
}

type executable struct {
	ir.Executable
	b      *Backend
	closed atomic.Bool
}

// Close implements graph.Executable.
func (e *executable) Close() error {
	if !e.closed.Swap(true) {
		e.b.programs.Add(-1)
	}
	return e.Executable.Close()
}

// Run implements ir.Executable.
func (e *executable) Run(ctx context.Context, inputs []graph.Buffer, donate []bool) ([]graph.Buffer, error) {
	if e.closed.Load() {
		return nil, errors.New("counting: the executable is closed")
	}
	inner := make([]graph.Buffer, len(inputs))
	for i, in := range inputs {
		x := in.(*buffer)
		x.mu.Lock()
		closed := x.closed
		x.mu.Unlock()
		if closed {
			return nil, errClosed
		}
		inner[i] = x.Buffer
	}
	for i, in := range inputs {
		if donate != nil && donate[i] && in.(*buffer).end() {
			e.b.given.Add(1)
		}
	}
	if fn := e.b.beforeRun.Load(); fn != nil {
		if err := (*fn)(); err != nil {
			return nil, err
		}
	}
	out, err := e.Executable.Run(ctx, inner, donate)
	for i := range out {
		out[i] = e.b.wrap(out[i])
	}
	return out, err
}
