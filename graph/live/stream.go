package live

import (
	"context"
	"errors"
	"sync"

	"github.com/quire-ml/quire/internal/guard"
)

// Stream is an order of evaluations: those of one stream run one after the other, in the order in which they were begun, beside those of other
// streams, and beside those that are of none, as [Eval]'s. One that needs what another stream computes waits for that, which is a fence; [Report]
// tells of them. A stream is safe for several goroutines.
//
//	load, step := live.On("load"), live.On("step")
//	next := load.AsyncEval(ctx, batch)   // beside the step
//	err := step.Eval(ctx, loss, weights)
type Stream struct {
	session *Session
	name    string
}

// On returns the stream of a name of the session [Default].
func On(stream string) *Stream { return Default().On(stream) }

// On is [On] of the session s.
func (s *Session) On(stream string) *Stream { return &Stream{s.made(), stream} }

// queues are the streams of a session.
type queues struct {
	mu   sync.Mutex
	last map[string]chan struct{} // by name, of those that are under way: closed when what was begun last has ended
}

var errOtherSession = errors.New("an array belongs to another session than the stream: use the stream of its session")

// Eval is [Eval] on the stream.
func (st *Stream) Eval(ctx context.Context, arrays ...*Array) error {
	p := st.AsyncEval(ctx, arrays...)
	<-p.done // if ctx ends, so does the evaluation
	return p.err
}

// AsyncEval is [AsyncEval] on the stream.
func (st *Stream) AsyncEval(ctx context.Context, arrays ...*Array) *Pending {
	if st == nil || st.session == nil {
		st = On("")
	}
	p := &Pending{done: make(chan struct{})}
	fail := func(err error) *Pending {
		p.err = err
		close(p.done)
		return p
	}
	if ctx == nil {
		return fail(errNoContext)
	}
	list := make([]*Array, len(arrays))
	for i, a := range arrays {
		switch list[i] = a.check(); {
		case list[i].err != nil:
			return fail(list[i].err)
		case list[i].session != st.session:
			return fail(here(errOtherSession))
		}
	}
	if len(list) == 0 {
		return fail(nil)
	}
	q := &st.session.queues
	q.mu.Lock() // what is begun first has its turn first
	r, err := begin(list, st.name)
	if err != nil {
		q.mu.Unlock()
		return fail(err)
	}
	before, turn := q.last[st.name], make(chan struct{})
	if before == nil {
		before = closed
	}
	if q.last == nil {
		q.last = map[string]chan struct{}{}
	}
	q.last[st.name] = turn
	q.mu.Unlock()
	leave := sync.OnceFunc(func() {
		close(turn)
		q.mu.Lock()
		defer q.mu.Unlock()
		if q.last[st.name] == turn { // nothing is behind it: of a stream that rests nothing stays
			delete(q.last, st.name)
		}
	})
	go func() {
		p.err = guard.Apart(func() error {
			select {
			case <-before:
			case <-ctx.Done():
				r.land(nil, false, ctx.Err())
				return ctx.Err()
			}
			return finish(ctx, list, r, leave)
		})
		close(p.done)
		<-before // also if it did not come to its turn: those behind it wait for those before it
		leave()
	}()
	return p
}
