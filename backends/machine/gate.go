package machine

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ir/runstate"
)

// gate holds nodes back before they are computed. While nobody asks for that it is one load.
type gate struct {
	on     atomic.Bool // somebody has asked
	mu     sync.Mutex
	moved  *sync.Cond
	held   bool
	budget int          // nodes that may pass though it is held
	queue  int          // steps that wait to pass
	breaks map[int]bool // nodes that hold the run when they are about to be computed
	slow   time.Duration
	over   bool // the run has ended
	waked  bool // the end of the context wakes those that wait
}

func (g *gate) init(held bool) {
	g.moved = sync.NewCond(&g.mu)
	g.held = held
	g.waked = held
	g.on.Store(held)
}

// wake lets all that wait look anew.
func (g *gate) wake() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.moved.Broadcast()
}

// end lets everybody go: the run has ended.
func (g *gate) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.over = true
	g.moved.Broadcast()
}

func (g *gate) holds() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.held && !g.over
}

// admit waits until a step may be computed. It reports false if the run has ended meanwhile.
func (r *Run) admit(step, worker int) bool {
	if r.ctx.Err() != nil {
		return false
	}
	l := &r.lanes[min(worker, len(r.lanes)-1)]
	l.working.Add(1)
	g := &r.gate
	if !g.on.Load() {
		return true
	}
	nodes := r.m.plan.nodes[step]
	if len(nodes) == 0 { // it copies a result
		return true
	}
	r.progress[step].missing.Store(0) // which an engine that needs no count has left
	l.working.Add(-1)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.moved.Broadcast() // for those that wait until all that is under way is here
	for _, n := range nodes {
		if g.breaks[n] {
			delete(g.breaks, n) // it holds once
			g.held, g.budget = true, 0
			g.moved.Broadcast()
		}
	}
	g.queue++
	for g.held && g.budget == 0 && r.ctx.Err() == nil {
		g.moved.Wait()
	}
	g.queue--
	if r.ctx.Err() != nil {
		return false
	}
	if g.held {
		g.budget--
	}
	l.working.Add(1)
	return true
}

// leave notes that a step that was admitted has ended.
func (r *Run) leave(worker int) {
	r.lanes[min(worker, len(r.lanes)-1)].working.Add(-1)
	if !r.gate.on.Load() {
		return
	}
	r.gate.mu.Lock()
	slow := r.gate.slow
	r.gate.moved.Broadcast()
	r.gate.mu.Unlock()
	if slow > 0 {
		t := time.NewTimer(slow)
		defer t.Stop()
		select {
		case <-t.C:
		case <-r.ctx.Done():
		}
	}
}

// ask changes what the gate does.
func (r *Run) ask(change func(g *gate)) {
	g := &r.gate
	g.mu.Lock()
	first := !g.waked
	g.waked = true
	change(g)
	g.on.Store(g.held || g.slow > 0 || len(g.breaks) > 0)
	g.moved.Broadcast()
	g.mu.Unlock()
	if first {
		context.AfterFunc(r.ctx, g.wake)
	}
}

// quiet waits until the run is held and no node is under way, or has ended; it reports whether it is held. Some node must have come to the gate:
// a run that has not begun, or is between two nodes, is not quiet.
func (r *Run) quiet(ctx context.Context, held func(g *gate) bool) bool {
	stop := context.AfterFunc(ctx, r.gate.wake)
	defer stop()
	g := &r.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	for !g.over && ctx.Err() == nil {
		if held(g) && g.queue > 0 && r.working() == 0 {
			return true
		}
		g.moved.Wait()
	}
	return false
}

// working returns how many nodes are under way.
func (r *Run) working() (n int32) {
	for i := range r.lanes {
		n += r.lanes[i].working.Load()
	}
	return n
}

// Pause holds the run: no other node begins. It returns when those that are under way have ended.
func (r *Run) Pause() {
	if !r.made() {
		return
	}
	r.ask(func(g *gate) { g.held, g.budget = true, 0 })
	r.quiet(context.Background(), func(g *gate) bool { return g.held })
}

// Resume lets a run go on that is paused.
func (r *Run) Resume() {
	if r.made() {
		r.ask(func(g *gate) { g.held, g.budget = false, 0 })
	}
}

// Step lets n nodes be computed, and holds the run again. It returns when they have ended, or the run has.
func (r *Run) Step(n int) {
	if !r.made() || n < 1 {
		return
	}
	r.ask(func(g *gate) { g.held, g.budget = true, n })
	r.quiet(context.Background(), func(g *gate) bool { return g.held && g.budget == 0 })
}

// Break has the run paused, once, when the node of a value is about to be computed. [Run.AwaitPause] waits for that.
func (r *Run) Break(ids ...ir.Value) error {
	if !r.made() {
		return errNoMachine
	}
	for _, id := range ids {
		if id < 0 || int(id) >= len(r.m.nodeOf) {
			return fmt.Errorf("machine %q: a break at value %d: %w", r.m.program.Name, id, ErrUnknown)
		}
		if node := r.m.nodeOf[id]; r.m.plan.stepOf[node] < 0 {
			return fmt.Errorf("machine %q: a break at value %d of %s, which is never computed by itself: break at one that reads it", r.m.program.Name, id, r.m.nodes[node].Name)
		}
	}
	r.ask(func(g *gate) {
		if g.breaks == nil {
			g.breaks = map[int]bool{}
		}
		for _, id := range ids {
			g.breaks[r.m.nodeOf[id]] = true
		}
	})
	return nil
}

// AwaitPause waits until the run is paused and no node is under way, and reports true; false if the run or the context ends before.
func (r *Run) AwaitPause(ctx context.Context) bool {
	if !r.made() {
		return false
	}
	if ctx == nil {
		ctx = context.Background()
	}
	return r.quiet(ctx, func(g *gate) bool { return g.held && g.budget == 0 })
}

// SlowMotion has whoever computes a node wait so long after each, for people to see; 0 for not at all.
func (r *Run) SlowMotion(d time.Duration) {
	if r.made() {
		r.ask(func(g *gate) { g.slow = max(0, d) })
	}
}

// Waiting returns the values of nodes that are ready to be computed, in the order of the program: what [Run.Step] may do next.
func (r *Run) Waiting() (ids []ir.Value) {
	if !r.made() {
		return nil
	}
	for i := range r.m.nodes {
		if r.m.plan.stepOf[i] >= 0 && r.state(i) == runstate.Ready {
			ids = append(ids, r.m.nodes[i].ID)
		}
	}
	return slices.Clip(ids)
}
