package train

import (
	"slices"
	"sync"
)

// listeners are those who are told events.
type listeners struct {
	mu   sync.Mutex
	next int
	list []listener
}

type listener struct {
	id int
	fn func(Event)
}

// Listen lets fn be told of all events from now on, until cancel is called. It may be called from any
// goroutine; fn is called from the one that trains.
func (l *Loop) Listen(fn func(Event)) (cancel func()) {
	s := &l.listeners
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	id := s.next
	s.list = append(s.list, listener{id, fn})
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.list = slices.DeleteFunc(slices.Clone(s.list), func(x listener) bool { return x.id == id })
	}
}

func (s *listeners) tell(e Event) {
	s.mu.Lock()
	list := s.list
	s.mu.Unlock()
	for _, x := range list {
		x.fn(e)
	}
}

// Warn tells listeners of something that went wrong and does not end the run, in an event of kind [Warning].
func (l *Loop) Warn(err error) { l.emit(Event{Kind: Warning, Err: err}) }
