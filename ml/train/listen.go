package train

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"github.com/quire-ml/quire/internal/guard"
)

// listeners are those who are told events.
type listeners struct {
	mu   sync.Mutex
	next int
	list []listener
}

// none reports whether nobody listens but those that a loop has of its own.
func (s *listeners) none(own int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.list) <= own
}

type listener struct {
	id int
	fn func(Event)
}

// Listen lets fn be told of all events from now on, until cancel is called. It may be called from any
// goroutine; fn is called from the one that trains. A panic in fn ends its listening, and the run, with an error.
func (l *Loop) Listen(fn func(Event)) (cancel func()) { return l.listeners.add(fn) }

func (s *listeners) add(fn func(Event)) (cancel func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	id := s.next
	s.list = append(s.list, listener{id, fn})
	return func() { s.drop(id) }
}

// tell tells all of them. Those that panic are told no more; it returns what they said.
func (s *listeners) tell(e Event) (err error) {
	s.mu.Lock()
	list := s.list
	s.mu.Unlock()
	for _, x := range list {
		if bad := guard.Call(func() error { x.fn(e); return nil }); bad != nil {
			s.drop(x.id)
			err = errors.Join(err, fmt.Errorf("a listener, at a %s event: %w", e.Kind, bad))
		}
	}
	return unjoin(err)
}

func (s *listeners) drop(id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = slices.DeleteFunc(slices.Clone(s.list), func(x listener) bool { return x.id == id })
}

// Warn tells listeners of something that went wrong and does not end the run, in an event of kind [Warning]. If nobody
// listens, err is written to the standard error, once however often it comes.
func (l *Loop) Warn(err error) {
	if err == nil {
		return
	}
	if text := err.Error(); l.listeners.none(1) && !l.written[text] { // 1: the history
		if l.written == nil {
			l.written = map[string]bool{}
		}
		l.written[text] = true
		fmt.Fprintf(os.Stderr, "warning, step %d: %s\n", l.step, text)
	}
	l.emit(Event{Kind: Warning, Err: err})
}
