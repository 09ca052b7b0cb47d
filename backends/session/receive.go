package session

import (
	"context"
	"sync/atomic"
	"time"
)

// Frames are read by who waits for an answer: who goes on at once, where a goroutine that only reads would have to be woken before, and
// would have to wake it. Where nobody waits, or who waits may give up, an attendant reads.

// turns say who reads from a connection: one at a time.
type turns struct {
	free     chan struct{} // holds something when nobody reads
	readers  atomic.Int32  // who wait for an answer and would read
	watchers atomic.Int32  // who wait for one and may give up
	wake     chan struct{} // holds something when the attendant is to read

	// The timer wakes the attendant when nobody has read for a while. It ticks until then: to set it anew each time, which has the runtime
	// wake a thread, would cost more than reading does.
	timer   *time.Timer
	ticking atomic.Bool
	ended   atomic.Int64 // turns
	seen    atomic.Int64 // of these, at the last tick
}

// rest is how often it is looked whether anybody reads: after twice that without, the attendant does.
const rest = 10 * time.Millisecond

func newTurns() *turns {
	t := &turns{free: make(chan struct{}, 1), wake: make(chan struct{}, 1)}
	t.ticking.Store(true)
	t.timer = time.AfterFunc(rest, t.tick)
	t.free <- struct{}{}
	return t
}

// giveBack ends a turn.
func (t *turns) giveBack() {
	t.ended.Add(1)
	t.free <- struct{}{}
	if !t.ticking.Swap(true) {
		t.timer.Reset(rest)
	}
}

func (t *turns) tick() {
	if n := t.ended.Load(); t.seen.Swap(n) != n {
		t.timer.Reset(rest)
		return
	}
	t.ticking.Store(false)
	t.call()
}

// call has the attendant read.
func (t *turns) call() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// attend reads when nobody else does, until there is no connection any more.
func (c *conn) attend() {
	t := c.turns
	defer t.timer.Stop()
	for {
		select {
		case <-t.wake:
		case <-c.done:
			return
		}
		select {
		case <-t.free:
		case <-c.done:
			return
		}
		for more := true; more; more = t.readers.Load() == 0 {
			if !c.receive() {
				return
			}
		}
		t.giveBack()
	}
}

// begun is before all connections.
var begun = time.Now()

// receive reads a frame and hands the answer that it is to who waits for it; false if there is no connection any more. The turn is the
// caller's, who keeps it then.
func (c *conn) receive() bool {
	f, err := c.link.Receive()
	if err == nil {
		err = c.handle(&f)
		f.Close()
	}
	if err != nil {
		c.fail(err)
	}
	return err == nil
}

// await waits for done to be closed, which an answer or the end of the connection does, or for the end of ctx, whose error it returns then.
func (c *conn) await(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	default:
	}
	if ctx.Done() != nil { // it could not give up while it reads
		return c.watch(ctx, done)
	}
	t := c.turns
	t.readers.Add(1)
	select {
	case <-done:
		t.readers.Add(-1)
	case <-t.free:
		if !c.receiveUntil(done) {
			return nil
		}
		t.readers.Add(-1)
		t.giveBack()
	}
	if t.readers.Load()+t.watchers.Load() > 0 {
		t.call()
	}
	return nil
}

// receiveUntil receives until done is closed; false if there is no connection any more.
func (c *conn) receiveUntil(done <-chan struct{}) bool {
	for {
		select {
		case <-done:
			return true
		default:
		}
		if !c.receive() {
			<-done
			return false
		}
	}
}

// watch is await for who may give up.
func (c *conn) watch(ctx context.Context, done <-chan struct{}) error {
	c.turns.watchers.Add(1)
	defer c.turns.watchers.Add(-1)
	c.turns.call()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// lately is how long it is taken for granted that nothing came.
const lately = time.Millisecond

// catchUp handles what came when nobody read.
func (c *conn) catchUp() {
	now := time.Since(begun)
	if now-time.Duration(c.caughtUp.Load()) < lately {
		return
	}
	c.caughtUp.Store(int64(now))
	select {
	case <-c.turns.free:
	default:
		return
	}
	for c.link.Ready() {
		if !c.receive() {
			return
		}
	}
	c.turns.free <- struct{}{}
}
