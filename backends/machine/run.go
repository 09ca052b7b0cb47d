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
	"github.com/quire-ml/quire/internal/guard"
)

// Run is one execution of a machine's program. It is safe for several goroutines.
type Run struct {
	m      *Machine
	ctx    context.Context
	cancel context.CancelFunc
	inner  context.Context // of nodes: bodies that they run are not runs of the machine
	begun  time.Time
	ended  chan struct{}

	progress []progress   // by step
	times    []times      // by step, of a run that is traced
	left     atomic.Int64 // steps that nothing follows, and that have not ended: without any all have
	opened   stamp        // when nodes came into their first states
	closed   stamp        // when the run ended
	lanes    []lane       // by worker; the last one is for those that wait
	told     bool         // there are observers
	gate     gate
	numbers  slots // of goroutines that are no workers
	observed chan struct{}

	mu      sync.Mutex
	steps   *gocpu.Steps // while they run
	inputs  []*tensors.Tensor
	results []*tensors.Tensor // by slot
	root    *NodeError
	err     error
	took    time.Duration
	blind   []error // of observers that broke
}

// progress is how far a step is. What its nodes do follows from it, see [Run.state].
type progress struct {
	state   atomic.Uint32 // [runstate.Idle] until it is computed
	missing atomic.Int32  // operands that are not made
}

// emitted reports whether the step has made its values.
func (p *progress) emitted() bool {
	s := runstate.State(p.state.Load())
	return s == runstate.Emitting || s == runstate.Done
}

// times are when a step came into its states, and by whom. Events are made of them when somebody asks: to write them down takes a tenth of
// what lists of events would.
type times struct {
	ready, began, emitted, ended stamp
	readied, by                  atomic.Uint32 // workers
}

// stamp is a time since the run began, 0 for none yet.
type stamp struct{ atomic.Int64 }

func (s *stamp) set(at time.Duration) { s.Store(int64(at) + 1) }

func (s *stamp) at() (at time.Duration, ok bool) {
	v := s.Load()
	return time.Duration(max(0, v-1)), v > 0
}

// lane is what one worker notes for observers.
type lane struct {
	mu      sync.Mutex
	pending []runstate.Event
	dropped int
	working atomic.Int32 // steps under way
	_       [64]byte
}

// keepPending is how many events of a worker wait for observers.
const keepPending = 2048

// start begins a run.
func (m *Machine) start(ctx context.Context, paused bool, inputs []any) *Run {
	if !m.made() {
		r := &Run{err: errNoMachine, ended: make(chan struct{})}
		close(r.ended)
		return r
	}
	r := m.newRun(ctx, paused)
	if !m.begin() {
		r.finish(nil, ErrClosed)
		return r
	}
	if r.told {
		r.observed = make(chan struct{})
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

// newRun returns a run that has not begun.
func (m *Machine) newRun(ctx context.Context, paused bool) *Run {
	if ctx == nil {
		ctx = context.Background()
	}
	r := &Run{m: m, begun: time.Now(), ended: make(chan struct{}), observed: closed, progress: make([]progress, len(m.plan.nodes)), told: len(m.set.observers) > 0}
	r.ctx, r.cancel = context.WithCancel(ctx)
	r.inner = context.WithValue(r.ctx, runKey{}, (*Run)(nil))
	if !m.set.untraced {
		r.times = make([]times, len(m.plan.nodes))
	}
	r.lanes = make([]lane, m.set.workers+1)
	r.gate.init(paused)
	r.left.Store(int64(m.plan.lasts))
	for i, after := range m.plan.after {
		r.progress[i].missing.Store(int32(len(after)))
	}
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
	for i := range r.progress {
		if r.progress[i].emitted() {
			done++
		}
	}
	cause := context.Cause(r.ctx)
	if cause == nil {
		cause = context.Canceled
	}
	return fmt.Errorf("machine %q: the run was ended after %d of %d steps: %w", r.m.program.Name, done, len(r.progress), cause)
}

// open brings the nodes into their first states.
func (r *Run) open() {
	at := r.now()
	r.opened.set(at)
	if !r.told {
		return
	}
	for i := range r.m.nodes {
		for _, s := range r.first(i) {
			r.tell(i, s, 0, at)
		}
	}
}

// first returns the states that a node comes into when the run begins.
func (r *Run) first(node int) []runstate.State {
	n := &r.m.nodes[node]
	switch {
	case n.Op == nil || n.Constant:
		return madeBefore
	case r.m.plan.stepOf[node] < 0:
		return madeWithin
	}
	return madeLater
}

var (
	madeBefore = []runstate.State{runstate.Emitting, runstate.Done}
	madeWithin = []runstate.State{runstate.Skipped}
	madeLater  = []runstate.State{runstate.Waiting}
)

// finish ends the run.
func (r *Run) finish(results []*tensors.Tensor, err error) {
	at := r.now()
	r.closed.set(at)
	for i := range r.progress {
		if p := &r.progress[i]; !runstate.State(p.state.Load()).Ended() {
			if r.times != nil {
				r.times[i].ended.set(at)
			}
			p.state.Store(uint32(runstate.Canceled))
			r.tellAll(i, runstate.Canceled, 0, at)
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
	if r.times == nil && !r.told {
		return 0
	}
	return time.Since(r.begun)
}

// tellAll notes for observers that the nodes of a step came into a state. [runstate.Computing] is for each what it does.
func (r *Run) tellAll(step int, s runstate.State, worker int, at time.Duration) {
	if !r.told {
		return
	}
	for _, n := range r.m.plan.nodes[step] {
		own := s
		if s == runstate.Computing {
			own = r.m.computing(n)
		}
		r.tell(n, own, worker, at)
	}
}

// tell notes an event for observers.
func (r *Run) tell(node int, s runstate.State, worker int, at time.Duration) {
	l := &r.lanes[min(worker, len(r.lanes)-1)]
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.pending) == keepPending {
		half := copy(l.pending, l.pending[keepPending/2:])
		l.pending, l.dropped = l.pending[:half], l.dropped+keepPending-half
	}
	l.pending = append(l.pending, runstate.Event{Node: node, State: s, Worker: number(worker), At: at})
}

// number is a worker's as events have it.
func number(worker int) uint16 { return uint16(min(worker, 1<<16-1)) }

// computing returns what a node is while it is computed.
func (m *Machine) computing(node int) runstate.State {
	switch n := &m.nodes[node]; {
	case n.Waits != "":
		return runstate.Blocked
	case n.Back >= 0:
		return runstate.ComputingGradient
	}
	return runstate.Computing
}

// ready notes that a step has all that it needs.
func (r *Run) ready(step, worker int, at time.Duration) {
	if r.times != nil {
		t := &r.times[step]
		t.readied.Store(uint32(worker))
		t.ready.set(at)
	}
	r.tellAll(step, runstate.Ready, worker, at)
}

// do runs a step that is ready, on at most so many goroutines, and reports whether it has emitted: those that read it may begin.
// release, called with the step and the time, lets them.
func (r *Run) do(w *gocpu.Worker, step, worker, goroutines int, release func(step int, at time.Duration)) bool {
	if !r.admit(step, worker) {
		return false
	}
	returned := false
	defer func() {
		if !returned { // a kernel of the user's has ended the goroutine
			r.broke(step, worker, guard.ErrGoexit)
		}
		r.leave(worker)
	}()
	plan, p := r.m.plan, &r.progress[step]
	at := r.now()
	if r.times != nil {
		t := &r.times[step]
		t.by.Store(uint32(worker))
		t.began.set(at)
	}
	p.state.Store(uint32(runstate.Computing))
	r.tellAll(step, runstate.Computing, worker, at)
	if resource := plan.waits[step]; resource != "" {
		places := r.m.limit(resource)
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
		case <-r.ctx.Done():
			returned = true
			return false
		}
	}
	err := w.Do(step, goroutines)
	returned = true
	if err != nil {
		r.broke(step, worker, err)
		return false
	}
	at = r.now()
	if r.times != nil {
		r.times[step].emitted.set(at)
	}
	p.state.Store(uint32(runstate.Emitting))
	r.tellAll(step, runstate.Emitting, worker, at)
	release(step, at)
	if len(plan.next[step]) == 0 {
		r.left.Add(-1)
	}
	if r.m.engine == Channels { // whose nodes wait until somebody takes what they emit
		at = r.now()
	}
	if r.times != nil {
		r.times[step].ended.set(at)
	}
	p.state.Store(uint32(runstate.Done))
	r.tellAll(step, runstate.Done, worker, at)
	return true
}

// broke ends the run because of what a step returned.
func (r *Run) broke(step, worker int, err error) {
	if r.ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
		return // it was canceled: finish says so
	}
	r.mu.Lock()
	first := r.root == nil
	if first {
		r.root = r.nodeError(step, err)
	}
	r.mu.Unlock()
	if first {
		at := r.now()
		if r.times != nil {
			r.times[step].ended.set(at)
		}
		r.progress[step].state.Store(uint32(runstate.Failed))
		r.tellAll(step, runstate.Failed, worker, at)
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
	if r.steps == nil || !r.progress[r.m.plan.result[slot]].emitted() {
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
	_, opened := r.opened.at()
	_, closed := r.closed.at()
	step := r.m.plan.stepOf[node]
	switch {
	case opened && step < 0:
		first := r.first(node)
		return first[len(first)-1]
	case opened:
	case closed:
		return runstate.Canceled
	default:
		return runstate.Idle
	}
	p := &r.progress[step]
	switch s := runstate.State(p.state.Load()); {
	case s == runstate.Computing:
		return r.m.computing(node)
	case s != runstate.Idle:
		return s
	case p.missing.Load() == 0:
		return runstate.Ready
	}
	return runstate.Waiting
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
	for i := range m.nodes {
		s := r.state(i)
		t.States = append(t.States, s)
		if r.times != nil {
			t.Events = r.appendEvents(t.Events, i, s)
		}
	}
	slices.SortStableFunc(t.Events, inTime)
	r.mu.Lock()
	t.Err, t.Took = r.err, r.took
	r.mu.Unlock()
	if !t.Ended {
		t.Took = time.Since(r.begun)
	}
	return t
}

// inTime is the order of events: those of one node at one time come in the order of states.
func inTime(a, b runstate.Event) int {
	return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.State, b.State))
}

// appendEvents appends the events of a node up to the state that it is in. What it came to since then is not asked.
func (r *Run) appendEvents(list []runstate.Event, node int, now runstate.State) []runstate.Event {
	add := func(s runstate.State, worker uint32, at time.Duration) {
		list = append(list, runstate.Event{Node: node, State: s, Worker: number(int(worker)), At: at})
	}
	opened, ok := r.opened.at()
	if ok {
		for _, s := range r.first(node) {
			add(s, 0, opened)
		}
	}
	step := r.m.plan.stepOf[node]
	if closed, over := r.closed.at(); !ok && over {
		add(runstate.Canceled, 0, closed)
	}
	if !ok || step < 0 {
		return list
	}
	t := &r.times[step]
	if at, ok := t.ready.at(); ok {
		add(runstate.Ready, t.readied.Load(), at)
	}
	if now == runstate.Waiting || now == runstate.Ready {
		return list
	}
	if at, ok := t.began.at(); ok {
		add(r.m.computing(node), t.by.Load(), at)
	}
	if at, ok := t.emitted.at(); ok && !now.Working() {
		add(runstate.Emitting, t.by.Load(), at)
	}
	if at, ok := t.ended.at(); ok && now.Ended() {
		by := t.by.Load()
		if now == runstate.Canceled {
			by = 0
		}
		add(now, by, at)
	}
	return list
}

// collect tells the observers what happens, until the run has ended and they know it all.
func (r *Run) collect() {
	defer close(r.observed)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	observers := slices.Clone(r.m.set.observers)
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
		slices.SortStableFunc(batch, inTime)
		observers = slices.DeleteFunc(observers, func(o Observer) bool {
			err := guard.Apart(func() error {
				o.Observe(r, batch, dropped)
				return nil
			})
			if err != nil {
				r.mu.Lock()
				r.blind = append(r.blind, fmt.Errorf("machine %q: an observer, %T, which is told no more of the run: %w", r.m.program.Name, o, err))
				r.mu.Unlock()
			}
			return err != nil
		})
	}
}

// Observed waits until the observers know all that has happened in the run, and returns what they broke of: an observer that panics is told no more of
// the run, which goes on. It returns the error of ctx if that ends before.
func (r *Run) Observed(ctx context.Context) error {
	if !r.made() {
		return errNoMachine
	}
	if ctx == nil {
		ctx = context.Background()
	}
	select {
	case <-r.observed:
	case <-ctx.Done():
		return ctx.Err()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(r.blind...)
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
