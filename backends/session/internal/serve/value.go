package serve

import (
	"context"
	"sync"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// value is a value of the engine that may still be computed. Numbers of clients, names and runs refer to it; with the last of these
// its buffer is closed.
type value struct {
	shape shapes.Shape
	ready chan struct{} // closed when buf or err is there
	by    *run          // whose output it is, nil if it never was awaited
	name  string        // by which files keep it; guarded by Server.mu

	mu   sync.Mutex
	refs int
	last *run // that took a reference
	buf  ir.Buffer
	err  error
}

// present is the channel of values that were never awaited.
var present = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// settle says what has become of the value, before ready is closed.
func (v *value) settle(buf ir.Buffer, err error) {
	v.mu.Lock()
	v.buf, v.err = buf, err
	unwanted := v.refs == 0
	v.mu.Unlock()
	if unwanted && buf != nil {
		buf.Close()
	}
}

// retain adds a reference.
func (v *value) retain() {
	v.mu.Lock()
	v.refs++
	v.mu.Unlock()
}

// retainFor adds a reference of a run, and reports whether it has one already. Where others take references meanwhile it may not see that;
// then the value is not the run's alone either.
func (v *value) retainFor(u *run) (again bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.refs++
	again, v.last = v.last == u, u
	return again
}

// release gives a reference back.
func (v *value) release() {
	v.mu.Lock()
	v.refs--
	last := v.refs == 0
	buf := v.buf
	v.mu.Unlock()
	if last && buf != nil {
		buf.Close()
	}
}

// only reports whether the caller, who has n references, is the only one.
func (v *value) only(n int) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.refs == n
}

// wait returns the buffer when it is there.
func (v *value) wait(ctx context.Context) (ir.Buffer, error) {
	select {
	case <-v.ready:
		return v.buf, v.err
	default:
	}
	select {
	case <-v.ready:
		return v.buf, v.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// settled reports whether the engine holds a buffer for the value.
func (v *value) settled() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.buf != nil
}
