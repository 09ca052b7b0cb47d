package machine

import (
	"context"
	"sync"
	"time"

	"github.com/quire-ml/quire/backends/gocpu"
)

// This is the design of Gorgonia's GoMachine, in its own words. A node is a goroutine that goes from state to state. A publisher carries the
// value of a node to all that subscribe to it, and a subscriber carries what its node reads to the node's one input, with the position of
// the operand, since arrival has no order and a - b is not b - a. What is sent says which step has made a value; the value lies in the
// memory of the run, where the plan has a place for it.

// message is a value on its way: which step has made it, and which operand it is.
type message struct{ from, position int }

// node is a step as a goroutine.
type node struct {
	r        *Run
	s        *gocpu.Steps
	step     int
	arity    int
	input    chan message // nil if it reads nothing
	output   chan message // nil if nobody reads it
	received []bool       // by position
	missing  int
}

// publisher copies what a node emits to each subscriber.
type publisher struct {
	output      chan message
	subscribers []chan message
}

// subscriber collects what a node reads, a channel for each operand.
type subscriber struct {
	input    chan message
	operands []chan message
}

// stateFn is a state: what is done in it, and which comes next; nil at the end.
type stateFn func(n *node, ctx context.Context) stateFn

func start(n *node, _ context.Context) stateFn {
	if n.missing = n.arity; n.missing == 0 {
		n.r.ready(n.step, 0, n.r.now())
		return compute
	}
	return receive
}

func receive(n *node, ctx context.Context) stateFn {
	select {
	case <-ctx.Done():
		return nil
	case m := <-n.input:
		if n.received[m.position] {
			return nil // an operand comes once; the wiring sees to that
		}
		n.received[m.position] = true
		if n.missing--; n.missing > 0 {
			return receive
		}
		n.r.progress[n.step].missing.Store(0)
		n.r.ready(n.step, 0, n.r.now())
		return compute
	}
}

func compute(n *node, ctx context.Context) stateFn {
	slot := n.r.numbers.take()
	worker := slot
	if n.r.m.plan.waits[n.step] != "" {
		worker += n.r.m.set.workers
	}
	defer n.r.numbers.give(slot)
	w := n.s.Worker(n.r.inner)
	defer w.Close()
	if !n.r.do(w, n.step, worker, 1, func(int, time.Duration) { emit(n, ctx) }) {
		n.r.cancel()
	}
	return nil
}

func emit(n *node, ctx context.Context) {
	if n.output == nil {
		return
	}
	select {
	case <-ctx.Done():
	case n.output <- message{from: n.step}:
	}
}

// broadcast sends every message to all subscribers: a channel is a queue, whose messages one reader takes, not a topic.
func (p *publisher) broadcast(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case m := <-p.output:
			for _, to := range p.subscribers {
				select {
				case <-ctx.Done():
					return
				case to <- m:
				}
			}
		}
	}
}

// merge carries an operand to the node's input, with its position.
func (s *subscriber) merge(ctx context.Context, position int) {
	for {
		select {
		case <-ctx.Done():
			return
		case m := <-s.operands[position]:
			select {
			case <-ctx.Done():
				return
			case s.input <- message{m.from, position}:
			}
		}
	}
}

// runChannels wires the steps, and lets their goroutines run.
func runChannels(r *Run, s *gocpu.Steps) {
	p := r.m.plan
	nodes := make([]node, len(p.nodes))
	publishers := make([]publisher, len(p.nodes))
	subscribers := make([]subscriber, len(p.nodes))
	for i, edges := range p.edges {
		nodes[i] = node{r: r, s: s, step: i, arity: len(edges), received: make([]bool, len(edges))}
		if len(edges) > 0 {
			nodes[i].input = make(chan message)
			subscribers[i].input = nodes[i].input
		}
		for _, from := range edges {
			edge := make(chan message)
			subscribers[i].operands = append(subscribers[i].operands, edge)
			publishers[from].subscribers = append(publishers[from].subscribers, edge)
			if nodes[from].output == nil {
				nodes[from].output = make(chan message)
				publishers[from].output = nodes[from].output
			}
		}
	}
	wires, cut := context.WithCancel(r.ctx)
	var between, all sync.WaitGroup
	for i := range nodes {
		if publishers[i].output != nil {
			between.Go(func() { publishers[i].broadcast(wires) })
		}
		for position := range subscribers[i].operands {
			between.Go(func() { subscribers[i].merge(wires, position) })
		}
	}
	for i := range nodes {
		all.Go(func() {
			for state := stateFn(start); state != nil; {
				state = state(&nodes[i], r.ctx)
			}
		})
	}
	all.Wait()
	cut()
	between.Wait()
}
