package machine

import (
	"fmt"
	"runtime"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ir/runstate"
)

// Engine says how the nodes of a program are run.
type Engine uint8

// The engines, see the package's comment.
const (
	Auto Engine = iota
	Sequential
	Dataflow
	Channels
)

// String names the engine.
func (e Engine) String() string {
	if names := [...]string{"auto", "sequential", "dataflow", "channels"}; int(e) < len(names) {
		return names[e]
	}
	return fmt.Sprintf("engine %d", uint8(e))
}

// Option is a setting of a machine.
type Option func(*settings)

type settings struct {
	engine    Engine
	workers   int
	retain    []ir.Value
	nodes     []*graph.Node
	all       bool
	fused     bool
	untraced  bool
	limits    map[string]int
	observers []Observer
}

func settingsOf(options []Option) settings {
	s := settings{workers: runtime.GOMAXPROCS(0), limits: map[string]int{}}
	for _, o := range options {
		if o != nil {
			o(&s)
		}
	}
	return s
}

// WithEngine chooses the engine; [Auto] unless given.
func WithEngine(e Engine) Option { return func(s *settings) { s.engine = e } }

// WithWorkers sets how many goroutines compute at once, at least 1; as many as there are processors unless given. Values do not depend on
// it.
func WithWorkers(n int) Option { return func(s *settings) { s.workers = max(1, min(n, maxWorkers)) } }

// maxWorkers leaves numbers for nodes that wait.
const maxWorkers = 1 << 12

// Limit sets how many nodes may wait for what is so named at once ([ir.Op.Waits]), in all runs of the machine together; 64 unless given.
func Limit(resource string, n int) Option {
	return func(s *settings) { s.limits[resource] = max(1, n) }
}

const defaultLimit = 64

// Retain keeps values, and the gradients with respect to them, as long as the run: [Run.Value] returns them.
func Retain(ids ...ir.Value) Option { return func(s *settings) { s.retain = append(s.retain, ids...) } }

// RetainNodes is [Retain] for nodes of the graph that the machine is made of.
func RetainNodes(nodes ...*graph.Node) Option {
	return func(s *settings) { s.nodes = append(s.nodes, nodes...) }
}

// RetainAll keeps all values as long as the run.
func RetainAll() Option { return func(s *settings) { s.all = true } }

// Fused lets the engine make one step of several nodes, as it does where nobody looks. The nodes of a step change their states together.
func Fused() Option { return func(s *settings) { s.fused = true } }

// Untraced keeps no events: a node takes some 100 ns less, and [Run.Trace] has the states alone.
func Untraced() Option { return func(s *settings) { s.untraced = true } }

// Observer is told of the events of runs, some times a second and when a run has ended. No run waits for it: while it is busy, events pile
// up, and the oldest are dropped and counted. One that panics, or ends its goroutine, is told no more of that run: [Run.Observed] says so.
type Observer interface {
	Observe(r *Run, events []runstate.Event, dropped int)
}

// WithObserver adds an observer.
func WithObserver(o Observer) Option {
	return func(s *settings) {
		if o != nil {
			s.observers = append(s.observers, o)
		}
	}
}
