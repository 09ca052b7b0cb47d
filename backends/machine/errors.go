package machine

import (
	"errors"
	"fmt"
	"strings"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph/host"
	"github.com/quire-ml/quire/graph/ir/runstate"
	"github.com/quire-ml/quire/graph/shapes"
)

// What a machine and its runs answer where there is nothing to give.
var (
	ErrClosed      = errors.New("the machine is closed")
	ErrUnknown     = errors.New("the program has no such value")
	ErrNotRetained = errors.New("the value was not kept: make the machine with Retain, RetainNodes or RetainAll")
	ErrNotComputed = errors.New("the value is not computed yet, or never was: the node has not ended")
	ErrNoGradient  = errors.New("no gradient was asked for that goes through the node: take graph.Gradient of the loss, and make the machine of the graph")
)

// NodeError is what a run ends with if a node breaks: the first one. The others, which are canceled for that, do not show.
type NodeError struct {
	Node   runstate.Node
	Inputs []shapes.Shape
	State  runstate.State // in which it broke
	Stack  string         // of a panic; "" if the node returned an error
	Err    error
}

// Error says which node broke, with its line and operands, and of what.
func (e *NodeError) Error() string {
	var in []string
	for _, s := range e.Inputs {
		in = append(in, s.String())
	}
	where := strings.TrimSpace(e.Node.Name + " " + strings.Join(in, " · "))
	if at := e.Node.Place.String(); at != "" {
		where = at + ": " + where
	}
	return fmt.Sprintf("%s: %v", where, e.Err)
}

// Unwrap returns what the node broke of.
func (e *NodeError) Unwrap() error { return e.Err }

// nodeError returns the error for what broke in a step.
func (r *Run) nodeError(step int, err error) *NodeError {
	e := &NodeError{State: runstate.Computing, Err: err}
	if nodes := r.m.plan.nodes[step]; len(nodes) > 0 {
		last := nodes[len(nodes)-1]
		e.Node, e.State = r.m.nodes[last], r.m.computing(last)
		for _, in := range e.Node.In {
			e.Inputs = append(e.Inputs, r.m.nodes[in].Shapes...)
		}
	}
	var panicked *host.PanicError
	if errors.As(err, &panicked) {
		defer func() { e.Stack = panicked.Stack }()
	}
	var broke *gocpu.StepError
	if errors.As(err, &broke) {
		e.Stack = broke.Stack
		switch inner := broke.Op != nil && e.Node.Op != nil && broke.Op != e.Node.Op; {
		case inner: // a part of an expansion, or of a body: its own sentence says more
		case broke.Err != nil:
			e.Err = broke.Err
		default:
			e.Err = fmt.Errorf("the kernel broke: %v", broke.Broke)
		}
	}
	return e
}
