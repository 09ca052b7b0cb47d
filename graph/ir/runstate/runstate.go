// Package runstate says what the nodes of a program go through while it runs: their states, which follow which, and the events of a run.
// Those that run programs so that they can be watched (package backends/machine) write it, and those that draw (package viz) read it; neither
// knows the other.
//
// The states and what may follow them:
//
//	Idle → Waiting → Ready → Computing → Emitting → Done
//	                       → ComputingGradient ↗
//	                       → Blocked ↗
//
// Idle is a node of a run that has not begun. A node is Waiting until all its operands are made, and Ready until somebody has time for it.
// It is Computing, ComputingGradient if it carries a gradient back, or Blocked if it waits for something outside of the program. It is
// Emitting while its value goes to those that read it. Inputs and constants are made already, and only emit. What the engine does within
// other nodes, or not at all, such as a reshape, is Skipped. A node whose work breaks is Failed; what has not ended then, or when the run is
// cancelled, is Canceled.
package runstate

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// State is what a node does.
type State uint8

// The states, in the order in which most nodes come to them.
const (
	Idle State = iota
	Waiting
	Ready
	Computing
	ComputingGradient
	Blocked
	Emitting
	Done
	Failed
	Canceled
	Skipped
	NumStates // how many there are
)

var names = [NumStates]string{"idle", "waiting", "ready", "computing", "computing gradient", "blocked", "emitting", "done", "failed", "canceled", "skipped"}

// String names the state.
func (s State) String() string {
	if s < NumStates {
		return names[s]
	}
	return fmt.Sprintf("state %d", uint8(s))
}

// next is the automaton: what may follow each state.
var next = [NumStates][]State{
	Idle:              {Waiting, Emitting, Skipped, Canceled},
	Waiting:           {Ready, Canceled},
	Ready:             {Computing, ComputingGradient, Blocked, Canceled},
	Computing:         {Emitting, Failed, Canceled},
	ComputingGradient: {Emitting, Failed, Canceled},
	Blocked:           {Emitting, Failed, Canceled},
	Emitting:          {Done},
}

// Next returns the states that may follow s; none if a node ends in it.
func (s State) Next() []State {
	if s >= NumStates {
		return nil
	}
	return slices.Clone(next[s])
}

// Follows reports whether s may come right after before.
func (s State) Follows(before State) bool {
	return before < NumStates && slices.Contains(next[before], s)
}

// Ended reports whether a node stays in s.
func (s State) Ended() bool { return s >= NumStates || len(next[s]) == 0 }

// Working reports whether a node of state s is being computed, or waits outside of the program.
func (s State) Working() bool { return s == Computing || s == ComputingGradient || s == Blocked }

// Node is a node of a program that runs: an input, or an instruction.
type Node struct {
	ID     ir.Value // its value, the first one if it has several
	Values []ir.Value
	Op     *ir.Op // nil for inputs
	Name   string // of the op, or of the input
	Detail string // attributes, as far as they are short
	In     []int  // the nodes whose values it takes
	Shapes []shapes.Shape
	Place  ir.Place // in the user's code

	Constant bool
	Waits    string // what it waits for outside of the program, "" if it computes
	Back     int    // the node through which it carries a gradient back, -1 for those of the forward pass
}

// Bytes returns the size of the node's values.
func (n *Node) Bytes() (sum int) {
	for _, s := range n.Shapes {
		sum += s.ByteSize()
	}
	return sum
}

// Event is that a node came into a state.
type Event struct {
	Node   int // in the list of nodes
	State  State
	Worker uint16        // who did it: 0 for the goroutine that began the run, behind the workers those that wait
	At     time.Duration // since the run began
}

// Trace is a run, or what there is of it so far.
type Trace struct {
	Program *ir.Program
	Nodes   []Node
	Engine  string
	Workers int // that compute; events of waiting nodes have higher numbers

	States []State // of the nodes, now
	Events []Event // in the order of time; those of one node are in their own order
	Took   time.Duration
	Ended  bool
	Held   bool  // it is paused
	Err    error // that the run ended with
}

// Span is when a node was worked on.
type Span struct {
	Node       int
	Worker     int
	From, To   time.Duration
	State      State // while it worked
	Unfinished bool  // it had not ended when the trace was taken
}

// Spans returns when nodes were worked on, in the order in which that began: one for each that came to be.
func (t *Trace) Spans() []Span {
	var list []Span
	at := map[int]int{}
	for _, e := range t.Events {
		if e.State.Working() {
			at[e.Node] = len(list)
			list = append(list, Span{e.Node, int(e.Worker), e.At, max(t.Took, e.At), e.State, true})
			continue
		}
		if i, ok := at[e.Node]; ok && list[i].Unfinished {
			list[i].To, list[i].Unfinished = e.At, false
		}
	}
	return list
}

// Check returns an error unless every node's events follow the automaton of the states, inputs never compute, and nodes that go back, and
// only they, compute gradients.
func (t *Trace) Check() error {
	now := make([]State, len(t.Nodes))
	for _, e := range t.Events {
		if e.Node < 0 || e.Node >= len(t.Nodes) {
			return fmt.Errorf("an event of node %d of %d", e.Node, len(t.Nodes))
		}
		n, was := &t.Nodes[e.Node], now[e.Node]
		switch {
		case !e.State.Follows(was):
			return fmt.Errorf("node %d (%s) is %s after it was %s", e.Node, n.Name, e.State, was)
		case (n.Op == nil || n.Constant) && e.State.Working():
			return fmt.Errorf("node %d (%s) is made before the run, and %s", e.Node, n.Name, e.State)
		case (e.State == ComputingGradient) != (n.Back >= 0 && n.Waits == "") && e.State.Working() && e.State != Blocked:
			return fmt.Errorf("node %d (%s) is %s, and goes back: %v", e.Node, n.Name, e.State, n.Back >= 0)
		case (e.State == Blocked) != (n.Waits != "") && e.State.Working():
			return fmt.Errorf("node %d (%s) is %s, and waits for %q", e.Node, n.Name, e.State, n.Waits)
		}
		now[e.Node] = e.State
	}
	for i, s := range now {
		if i < len(t.States) && t.Ended && s != t.States[i] {
			return fmt.Errorf("node %d (%s) is %s by its events, and %s in the end", i, t.Nodes[i].Name, s, t.States[i])
		}
		if t.Ended && !s.Ended() {
			return fmt.Errorf("node %d (%s) is %s when the run has ended", i, t.Nodes[i].Name, s)
		}
	}
	return nil
}

// Timeline returns the spans of the run in the trace event format, as JSON, which timeline viewers of browsers read: an event for each node
// that was worked on, a thread for each worker.
func (t *Trace) Timeline() ([]byte, error) {
	type event struct {
		Name     string            `json:"name"`
		Category string            `json:"cat"`
		Phase    string            `json:"ph"`
		Process  int               `json:"pid"`
		Thread   int               `json:"tid"`
		From     float64           `json:"ts"` // µs
		Took     float64           `json:"dur"`
		Args     map[string]string `json:"args"`
	}
	list := []event{}
	for _, s := range t.Spans() {
		if s.Node < 0 || s.Node >= len(t.Nodes) {
			return nil, fmt.Errorf("an event of node %d of %d", s.Node, len(t.Nodes))
		}
		n := &t.Nodes[s.Node]
		list = append(list, event{n.Name, s.State.String(), "X", 1, s.Worker, s.From.Seconds() * 1e6, (s.To - s.From).Seconds() * 1e6,
			map[string]string{"value": fmt.Sprint(int(n.ID)), "at": n.Place.String(), "attributes": n.Detail}})
	}
	return json.Marshal(map[string]any{"traceEvents": list, "displayTimeUnit": "ms"})
}

// Snapshotter is a run that can be looked at while it goes on.
type Snapshotter interface {
	// Trace returns what has happened so far.
	Trace() *Trace
	// Ended is closed when the run has ended.
	Ended() <-chan struct{}
}
