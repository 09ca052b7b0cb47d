package live

import (
	"errors"
	"sync"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/internal/cache"
)

// Session is what arrays belong to that are computed together: an engine, the programs that were compiled for it, and the account of the
// values at hand. Functions of this package use the session [Default], methods those of another one, see [NewSession]. A Session is safe
// for several goroutines.
type Session struct {
	backend func() (ir.Backend, error) // opened once it is needed

	mu          sync.Mutex // of what recording and walks change
	sites       ir.Sites
	operations  map[string]*operation
	traced      map[uint64][]*operation
	tracedCount int
	numbered    uint64
	walks       uint64
	random      randomness

	queues   queues
	programs cache.Cache[string, *compiled]
	memory   memory
	report   reporter
}

// maxPrograms is how many compiled programs a session keeps.
const maxPrograms = 256

// NewSession returns a session that computes on the given backend, which stays the caller's to close.
func NewSession(backend ir.Backend) (*Session, error) {
	if backend == nil {
		return nil, errors.New("live.NewSession: the backend is nil: open one with backends.New")
	}
	return newSession(func() (ir.Backend, error) { return backend, nil }), nil
}

func newSession(open func() (ir.Backend, error)) *Session {
	s := &Session{backend: open, operations: map[string]*operation{}, traced: map[uint64][]*operation{}}
	s.programs = cache.New[string, *compiled](maxPrograms, func(a, b string) bool { return a == b })
	s.memory.values = map[*value]struct{}{}
	s.report.init()
	return s
}

// byDefault is the session of functions of this package. Its engine is that of [backends.New], opened when the first value is asked for.
var byDefault = newSession(sync.OnceValues(func() (ir.Backend, error) { return backends.New() }))

// Default returns the session of the functions of this package. Its engine is what [backends.New] opens without a configuration.
func Default() *Session { return byDefault }

// Backend returns the engine of s, which is opened if it is not yet.
func (s *Session) Backend() (ir.Backend, error) { return s.made().backend() }

// made returns s, the default session if there is none.
func (s *Session) made() *Session {
	if s == nil || s.backend == nil {
		return Default()
	}
	return s
}

// Close gives back all values at hand, as [Release] does, and the compiled programs, each as soon as nobody runs it. The engine stays open. What is
// recorded afterwards is compiled anew.
func (s *Session) Close() error {
	s = s.made()
	where := s.whereabouts()
	s.memory.sweep()
	for _, a := range s.memory.owners() {
		a.release(where)
	}
	return s.programs.Close()
}
