package machine

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/quire-ml/quire/internal/guard"
)

// Stream runs the program for each of the inputs, so many runs at once at most, and yields the runs, which have ended, in the order of their inputs,
// with what they ended with. Inputs are taken as there is room: what reads slowly is not run ahead of. Whoever leaves the loop
// cancels the runs that are under way.
//
//	for run, err := range m.Stream(ctx, batches, 4) {
//
// inputs runs on a goroutine of its own. If it panics or ends that, or ctx ends before the inputs do, the last run of the stream has the error.
func (m *Machine) Stream(ctx context.Context, inputs iter.Seq[[]any], inflight int) iter.Seq2[*Run, error] {
	return func(yield func(*Run, error) bool) {
		if ctx == nil {
			ctx = context.Background()
		}
		ctx, cancel := context.WithCancel(ctx)
		if inputs == nil {
			inputs = func(func([]any) bool) {}
		}
		from := newSource(inputs)
		var under []*Run
		defer func() {
			cancel()
			from.stop()
			for _, r := range under {
				<-r.ended
			}
		}()
		var ended error
		for {
			for ended == nil && len(under) < max(1, inflight) {
				var in []any
				if in, ended = from.next(ctx); ended == nil {
					under = append(under, m.Start(ctx, in...))
				}
			}
			if len(under) == 0 {
				if !errors.Is(ended, errNoMore) {
					yield(m.failed(ended), ended)
				}
				return
			}
			r := under[0]
			err := r.Wait()
			under = under[1:]
			if !yield(r, err) {
				return
			}
		}
	}
}

// failed returns a run that has not begun, for an error.
func (m *Machine) failed(err error) *Run {
	if !m.made() {
		return m.start(context.Background(), false, nil)
	}
	r := m.newRun(context.Background(), false)
	r.finish(nil, err)
	return r
}

// source is an iterator that is asked for one input after the other. It runs on a goroutine of its own, whatever becomes of that.
type source struct {
	ask   chan struct{}
	give  chan []any
	over  chan struct{} // nobody asks any more
	ended chan struct{}
	err   error // that it ended with
	busy  bool  // it was asked and has not answered
}

// errNoMore is the end of inputs.
var errNoMore = errors.New("there are no more inputs")

func newSource(inputs iter.Seq[[]any]) *source {
	s := &source{ask: make(chan struct{}), give: make(chan []any), over: make(chan struct{}), ended: make(chan struct{}), err: guard.ErrGoexit}
	go func() {
		defer close(s.ended)
		err := guard.Call(func() error {
			if !s.asked() {
				return nil
			}
			done := false
			inputs(func(in []any) bool {
				if done {
					panic("it yields inputs after yield has returned false")
				}
				select {
				case s.give <- in:
				case <-s.over:
				}
				done = !s.asked()
				return !done
			})
			return nil
		})
		if s.err = err; err == nil {
			s.err = errNoMore
		}
	}()
	return s
}

// asked waits until somebody asks for an input, and reports false if nobody will.
func (s *source) asked() bool {
	select {
	case <-s.ask:
		return true
	case <-s.over:
		return false
	}
}

// next returns the next input, or why there is none.
func (s *source) next(ctx context.Context) ([]any, error) {
	if ctx.Err() != nil {
		return nil, fmt.Errorf("the stream was ended: %w", context.Cause(ctx))
	}
	select {
	case s.ask <- struct{}{}:
	case <-s.ended:
	}
	select {
	case in := <-s.give:
		return in, nil
	case <-s.ended:
		if errors.Is(s.err, errNoMore) {
			return nil, s.err
		}
		return nil, fmt.Errorf("the inputs of the stream: %w", s.err)
	case <-ctx.Done():
		s.busy = true
		return nil, fmt.Errorf("the stream was ended while it waited for an input: %w", context.Cause(ctx))
	}
}

// stop ends the iterator, and waits for that unless it is busy with an input that nobody waits for any more.
func (s *source) stop() {
	close(s.over)
	if !s.busy {
		<-s.ended
	}
}
