package live_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/live"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// counting is an engine that counts what is asked of it, and can be made to wait.
type counting struct {
	ir.Backend
	mu       sync.Mutex
	compiles int
	runs     int
	results  []int // of each run
	live     int64 // bytes of buffers that are open
	gate     chan struct{}
	entered  chan struct{}
}

func counted(t testing.TB) (*live.Session, *counting) {
	e := &counting{Backend: gocpu.New(), entered: make(chan struct{}, 100)}
	t.Cleanup(func() { e.Backend.Close() })
	s, err := live.NewSession(e)
	require.NoError(t, err)
	return s, e
}

// counts returns how many programs were compiled and run.
func (e *counting) counts() (compiles, runs int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.compiles, e.runs
}

func (e *counting) bytes() int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.live
}

type countedBuffer struct {
	ir.Buffer
	engine *counting
	closed sync.Once
}

func (e *counting) wrap(b ir.Buffer) ir.Buffer {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.live += int64(b.Shape().ByteSize())
	return &countedBuffer{Buffer: b, engine: e}
}

func (b *countedBuffer) Close() error {
	b.closed.Do(func() {
		b.engine.mu.Lock()
		defer b.engine.mu.Unlock()
		b.engine.live -= int64(b.Shape().ByteSize())
	})
	return b.Buffer.Close()
}

func (e *counting) Put(t *tensors.Tensor) (ir.Buffer, error) {
	b, err := e.Backend.Put(t)
	if err != nil {
		return nil, err
	}
	return e.wrap(b), nil
}

type countedExecutable struct {
	ir.Executable
	engine *counting
}

func (e *counting) Compile(ctx context.Context, p *ir.Program) (ir.Executable, error) {
	exe, err := e.Backend.Compile(ctx, p)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.compiles++
	return &countedExecutable{exe, e}, err
}

func (x *countedExecutable) Run(ctx context.Context, in []ir.Buffer, donate []bool) ([]ir.Buffer, error) {
	e := x.engine
	e.mu.Lock()
	gate := e.gate
	e.mu.Unlock()
	if gate != nil {
		e.entered <- struct{}{}
		select {
		case <-gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	inner := make([]ir.Buffer, len(in))
	for i, b := range in {
		inner[i] = b.(*countedBuffer).Buffer
	}
	out, err := x.Executable.Run(ctx, inner, donate)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	e.runs++
	e.results = append(e.results, len(out))
	e.mu.Unlock()
	for i, b := range out {
		out[i] = e.wrap(b)
	}
	return out, nil
}

// shut makes runs wait until what it returns is called.
func (e *counting) shut() (open func()) {
	gate := make(chan struct{})
	e.mu.Lock()
	e.gate = gate
	e.mu.Unlock()
	return func() {
		e.mu.Lock()
		e.gate = nil
		e.mu.Unlock()
		close(gate)
	}
}

var _ shapes.HasShape = (*live.Array)(nil)
