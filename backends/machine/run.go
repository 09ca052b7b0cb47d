package machine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ir/runstate"
	"github.com/quire-ml/quire/graph/tensors"
)

// Run is one execution of a machine's program. It is safe for several goroutines.
type Run struct {
	m      *Machine
	ctx    context.Context
	cancel context.CancelFunc
	inner  context.Context // of nodes: bodies that they run are not runs of the machine
	begun  time.Time
	ended  chan struct{}

	states  []atomic.Uint32 // by node
	missing []atomic.Int32  // by step: operands that are not made
	after   []atomic.Bool   // by step: it has ended
	left    atomic.Int64    // steps that nothing follows, and that have not ended: without any all have
	opened  atomic.Bool     // nodes are in their first states
	lanes   []lane          // by worker; the last one is for those that wait
	traced  bool            // events are kept
	gate    gate
	numbers slots // of goroutines that are no workers

	mu      sync.Mutex
	steps   *gocpu.Steps // while they run
	inputs  []*tensors.Tensor
	results []*tensors.Tensor // by slot
	root    *NodeError
	err     error
	took    time.Duration
}

// lane is what one worker notes.
type lane struct {
	mu      sync.Mutex
	events  [][]runstate.Event // in pieces, so that none is copied while the run goes on
	pending []runstate.Event   // for observers
	dropped int
	working atomic.Int32
	_       [64]byte
}

// pieceOf is how many events a piece of a lane holds.
const pieceOf = 512

// keepPending is how many events of a worker wait for observers.
const keepPending = 2048

// start begins a run.
func (m *Machine) start(ctx context.Context, paused bool, inputs []any) *Run {
	if !m.made() {
		r := &Run{err: errNoMachine, ended: make(chan struct{})}
		close(r.ended)
		return r
	}
	if ctx == nil {
		ctx = context.Background()
	}
	r := &Run{m: m, begun: time.Now(), ended: make(chan struct{}), states: make([]atomic.Uint32, len(m.nodes)), missing: make([]atomic.Int32, len(m.plan.nodes)), after: make([]atomic.Bool, len(m.plan.nodes))}
	r.ctx, r.cancel = context.WithCancel(ctx)
	r.inner = context.WithValue(r.ctx, runKey{}, (*Run)(nil))
	r.traced = !m.set.untraced || len(m.set.observers) > 0
	r.lanes = make([]lane, m.set.workers+1)
	r.gate.init(paused)
	r.left.Store(int64(m.plan.lasts))
	for i, after := range m.plan.after {
		r.missing[i].Store(int32(len(after)))
	}
	if !m.begin() {
		r.finish(nil, ErrClosed)
		return r
	}
	if len(m.set.observers) > 0 {
		go r.collect()
	}
	for i, v := range inputs {
		t, err := tensors.FromAnyValue(v)
		if err != nil {
			m.end()
			r.finish(nil, fmt.Errorf("machine %q: input %d: %w", m.program.Name, i, err))
			return r
		}
		r.inputs = append(r.inputs, t)
	}
	if paused {
		context.AfterFunc(r.ctx, r.gate.wake)
	}
	go r.execute()
	return r
}

// runKey finds the run in the context that the engine passes to its runner.
type runKey struct{}

// runner runs the steps of machines: those of a program by the machine's engine, those of bodies one after the other.
type runner struct{}

// Run is what the engine calls.
func (runner) Run(ctx context.Context, s *gocpu.Steps) error {
	r, _ := ctx.Value(runKey{}).(*Run)
	if r == nil {
		for i := range s.Len() {
			if err := s.Do(ctx, i); err != nil {
				return err
			}
		}
		return nil
	}
	return r.run(s)
}

// execute runs the program.
func (r *Run) execute() {
	defer r.m.end()
	var bufs []ir.Buffer
	defer func() {
		for _, b := range bufs {
			b.Close()
		}
	}()
	for i, t := range r.inputs {
		b, err := r.m.backend.Put(t)
		if err != nil {
			r.finish(nil, fmt.Errorf("machine %q: input %d: %w", r.m.program.Name, i, err))
			return
		}
		bufs = append(bufs, b)
	}
	out, err := r.m.exe.Run(context.WithValue(r.ctx, runKey{}, r), bufs, nil)
	results := make([]*tensors.Tensor, len(out))
	for i, b := range out {
		t, e := b.ToHost()
		err = errors.Join(err, e)
		results[i] = t
		b.Close()
	}
	r.finish(results, err)
}

// run runs the steps by the machine's engine.
func (r *Run) run(s *gocpu.Steps) error {
	r.mu.Lock()
	r.steps = s
	r.mu.Unlock()
	r.open()
	switch r.m.engine {
	case Dataflow:
		runDataflow(r, s)
	case Channels:
		runChannels(r, s)
	default:
		runSequential(r, s)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.outcome()
	if err != nil { // what was made goes with the memory of the run
		r.results = make([]*tensors.Tensor, len(r.m.plan.result))
		for o := range r.results {
			r.results[o], _ = r.copied(o)
		}
	}
	r.steps = nil
	return err
}

// outcome returns what the steps have ended with.
func (r *Run) outcome() error {
	switch {
	case r.root != nil:
		return r.root
	case r.left.Load() > 0:
		return r.canceled()
	}
	return nil
}

func (r *Run) canceled() error {
	done := 0
	for i := range r.after {
		if r.after[i].Load() {
			done++
		}
	}
	cause := context.Cause(r.ctx)
	if cause == nil {
		cause = context.Canceled
	}
	return fmt.Errorf("machine %q: the run was ended after %d of %d steps: %w", r.m.program.Name, done, len(r.after), cause)
}

// open brings the nodes into their first states.
func (r *Run) open() {
	at := r.now()
	for i := range r.m.nodes {
		n := &r.m.nodes[i]
		switch {
		case n.Op == nil || n.Constant:
			r.set(i, runstate.Emitting, 0, at)
			r.set(i, runstate.Done, 0, at)
		case r.m.plan.stepOf[i] < 0:
			r.set(i, runstate.Skipped, 0, at)
		case r.traced:
			r.set(i, runstate.Waiting, 0, at)
		}
	}
	r.opened.Store(true)
}

// finish ends the run.
func (r *Run) finish(results []*tensors.Tensor, err error) {
	at := r.now()
	for i := range r.states {
		if s := runstate.State(r.states[i].Load()); !s.Ended() {
			r.set(i, runstate.Canceled, 0, at)
		}
	}
	r.mu.Lock()
	if err == nil {
		r.results = results
	}
	r.err, r.took = err, time.Since(r.begun)
	r.mu.Unlock()
	r.cancel()
	close(r.ended)
	r.gate.end()
}

// now is the time of an event. Without a trace nobody asks.
func (r *Run) now() time.Duration {
	if !r.traced {
		return 0
	}
	return time.Since(r.begun)
}

// set brings a node into a state at a time, which a worker notes.
func (r *Run) set(node int, s runstate.State, worker int, at time.Duration) {
	r.states[node].Store(uint32(s))
	if !r.traced {
		return
	}
	l := &r.lanes[min(worker, len(r.lanes)-1)]
	l.mu.Lock()
	l.add(runstate.Event{Node: node, State: s, Worker: uint16(min(worker, 1<<16-1)), At: at}, !r.m.set.untraced, len(r.m.set.observers) > 0)
	l.mu.Unlock()
}

// add notes an event for the trace, and for observers.
func (l *lane) add(e runstate.Event, keep, tell bool) {
	if keep {
		n := len(l.events) - 1
		if n < 0 || len(l.events[n]) == pieceOf {
			l.events, n = append(l.events, make([]runstate.Event, 0, pieceOf)), n+1
		}
		l.events[n] = append(l.events[n], e)
	}
	if !tell {
		return
	}
	if len(l.pending) == keepPending {
		half := copy(l.pending, l.pending[keepPending/2:])
		l.pending, l.dropped = l.pending[:half], l.dropped+keepPending-half
	}
	l.pending = append(l.pending, e)
}

// all brings the nodes of a step into a state.
func (r *Run) all(step int, s runstate.State, worker int, at time.Duration) {
	for _, n := range r.m.plan.nodes[step] {
		r.set(n, s, worker, at)
	}
}

// ready notes that a step has all that it needs.
func (r *Run) ready(step, worker int, at time.Duration) {
	if r.traced {
		r.all(step, runstate.Ready, worker, at)
	}
}

// do runs a step that is ready, on at most so many goroutines, and reports whether it has emitted: those that read it may begin.
// release, called with the step and the time, lets them.
func (r *Run) do(s *gocpu.Steps, step, worker, goroutines int, release func(step int, at time.Duration)) bool {
	if !r.admit(step, worker) {
		return false
	}
	defer r.leave(worker)
	state := runstate.Computing
	nodes := r.m.plan.nodes[step]
	resource := r.m.plan.waits[step]
	switch {
	case resource != "":
		state = runstate.Blocked
	case len(nodes) > 0 && r.m.nodes[nodes[len(nodes)-1]].Back >= 0:
		state = runstate.ComputingGradient
	}
	at := r.now()
	for _, n := range nodes {
		own := state
		if state != runstate.Blocked {
			own = runstate.Computing
			if r.m.nodes[n].Back >= 0 {
				own = runstate.ComputingGradient
			}
		}
		r.set(n, own, worker, at)
	}
	if resource != "" {
		places := r.m.limit(resource)
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
		case <-r.ctx.Done():
			return false
		}
	}
	if err := s.DoOn(r.inner, step, goroutines); err != nil {
		r.broke(step, worker, state, err)
		return false
	}
	at = r.now()
	if r.traced {
		r.all(step, runstate.Emitting, worker, at)
	}
	r.after[step].Store(true)
	release(step, at)
	if len(r.m.plan.next[step]) == 0 {
		r.left.Add(-1)
	}
	if r.m.engine == Channels { // whose nodes wait until somebody takes what they emit
		at = r.now()
	}
	r.all(step, runstate.Done, worker, at)
	return true
}

// broke ends the run because of what a step returned.
func (r *Run) broke(step, worker int, state runstate.State, err error) {
	if r.ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
		return // it was canceled: finish says so
	}
	r.mu.Lock()
	first := r.root == nil
	if first {
		r.root = r.nodeError(step, state, err)
	}
	r.mu.Unlock()
	if first {
		r.all(step, runstate.Failed, worker, r.now())
	}
	r.cancel()
}

// Wait returns when the run has ended, and what with.
func (r *Run) Wait() error {
	if !r.made() {
		return errNoMachine
	}
	<-r.ended
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Ended is closed when the run has ended.
func (r *Run) Ended() <-chan struct{} {
	if !r.made() {
		return closed
	}
	return r.ended
}

// closed is the end of what never began.
var closed = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// made reports whether there is a run, of a machine.
func (r *Run) made() bool { return r != nil && r.m != nil }

// Cancel ends the run: nodes that are under way end early where they can, others do not begin.
func (r *Run) Cancel() {
	if r.made() {
		r.cancel()
	}
}

// Outputs returns the program's outputs, nil unless the run has ended without an error. They belong to the run.
func (r *Run) Outputs() []*tensors.Tensor {
	if !r.made() {
		return nil
	}
	select {
	case <-r.ended:
	default:
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil || len(r.results) < r.m.outputs {
		return nil
	}
	return slices.Clone(r.results[:r.m.outputs])
}

// Value returns a value of the run, also while it goes on: that of an input, of an output, or of what the machine retains. The error is
// [ErrUnknown], [ErrNotRetained] or [ErrNotComputed] if there is none. It belongs to the run: it is to be read.
func (r *Run) Value(id ir.Value) (*tensors.Tensor, error) {
	if !r.made() {
		return nil, errNoMachine
	}
	m := r.m
	if id < 0 || int(id) >= len(m.program.Values) {
		return nil, fmt.Errorf("machine %q: value %d: %w", m.program.Name, id, ErrUnknown)
	}
	node := m.nodeOf[id]
	n := &m.nodes[node]
	r.mu.Lock()
	defer r.mu.Unlock()
	switch slot, kept := m.slots[id]; {
	case n.Op == nil:
		if node < len(r.inputs) {
			return r.inputs[node], nil
		}
	case n.Constant:
		return m.program.Instrs[node-len(m.program.Inputs)].Attrs.(ir.ConstAttrs).Value, nil
	case !kept:
		return nil, fmt.Errorf("machine %q: value %d of %s: %w", m.program.Name, id, n.Name, ErrNotRetained)
	case slot < len(r.results) && r.results[slot] != nil:
		return r.results[slot], nil
	default:
		if t, ok := r.copied(slot); ok {
			return t, nil
		}
	}
	return nil, fmt.Errorf("machine %q: value %d of %s, which is %s: %w", m.program.Name, id, n.Name, r.state(node), ErrNotComputed)
}

// copied returns a copy of a result of steps that run, if it is made. It is called with the lock held.
func (r *Run) copied(slot int) (*tensors.Tensor, bool) {
	if r.steps == nil || !r.after[r.m.plan.result[slot]].Load() {
		return nil, false
	}
	v, ok := r.steps.Result(slot)
	if !ok {
		return nil, false
	}
	t, err := tensors.New(v.Shape)
	if err != nil {
		return nil, false
	}
	t.MustMutableBytes(func(data []byte) { copy(data, v.Data) })
	return t, true
}

// Grad returns the gradient with respect to a value, as [Run.Value] does: what [graph.Gradient] has found for it, the last time that it came
// by. It is [ErrNoGradient] if it never did.
func (r *Run) Grad(id ir.Value) (*tensors.Tensor, error) {
	if !r.made() {
		return nil, errNoMachine
	}
	if id < 0 || int(id) >= len(r.m.program.Values) {
		return nil, fmt.Errorf("machine %q: value %d: %w", r.m.program.Name, id, ErrUnknown)
	}
	dv, ok := r.m.grads[id]
	if !ok {
		return nil, fmt.Errorf("machine %q: value %d of %s: %w", r.m.program.Name, id, r.m.nodes[r.m.nodeOf[id]].Name, ErrNoGradient)
	}
	return r.Value(dv)
}

// State returns what the node of a value does; [runstate.Idle] if there is none.
func (r *Run) State(id ir.Value) runstate.State {
	if !r.made() || id < 0 || int(id) >= len(r.m.nodeOf) {
		return runstate.Idle
	}
	return r.state(r.m.nodeOf[id])
}

func (r *Run) state(node int) runstate.State {
	s := runstate.State(r.states[node].Load())
	if step := r.m.plan.stepOf[node]; s == runstate.Idle && step >= 0 && r.opened.Load() { // nobody notes it without a trace
		if s = runstate.Waiting; r.missing[step].Load() == 0 {
			s = runstate.Ready
		}
	}
	return s
}

// Trace returns what has happened so far. With [Untraced] it has no events.
func (r *Run) Trace() *runstate.Trace {
	if !r.made() {
		return &runstate.Trace{Ended: true, Err: errNoMachine}
	}
	m := r.m
	t := &runstate.Trace{Program: m.program, Nodes: m.nodes, Engine: m.engine.String(), Workers: m.set.workers}
	select {
	case <-r.ended:
		t.Ended = true
	default:
		t.Held = r.gate.holds()
	}
	for i := range r.lanes {
		l := &r.lanes[i]
		l.mu.Lock()
		for _, piece := range l.events {
			t.Events = append(t.Events, piece...)
		}
		l.mu.Unlock()
	}
	slices.SortStableFunc(t.Events, func(a, b runstate.Event) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.State, b.State))
	})
	for i := range m.nodes {
		t.States = append(t.States, r.state(i))
	}
	r.mu.Lock()
	t.Err, t.Took = r.err, r.took
	r.mu.Unlock()
	if !t.Ended {
		t.Took = time.Since(r.begun)
	}
	return t
}

// collect tells the observers what happens, until the run has ended and they know it all.
func (r *Run) collect() {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for over := false; !over; {
		select {
		case <-tick.C:
		case <-r.ended:
			over = true
		}
		var batch []runstate.Event
		dropped := 0
		for i := range r.lanes {
			l := &r.lanes[i]
			l.mu.Lock()
			batch = append(batch, l.pending...)
			dropped += l.dropped
			l.pending, l.dropped = nil, 0
			l.mu.Unlock()
		}
		if len(batch) == 0 && dropped == 0 {
			continue
		}
		slices.SortStableFunc(batch, func(a, b runstate.Event) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.State, b.State)) })
		for _, o := range r.m.set.observers {
			o.Observe(r, batch, dropped)
		}
	}
}

// slots numbers goroutines that are no workers: the smallest numbers that nobody has.
type slots struct {
	mu   sync.Mutex
	used []bool
}

func (s *slots) take() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.used, false); i >= 0 {
		s.used[i] = true
		return i
	}
	s.used = append(s.used, true)
	return len(s.used) - 1
}

func (s *slots) give(i int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used[i] = false
}
