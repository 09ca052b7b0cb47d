package machine

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quire-ml/quire/backends/gocpu"
)

// dataflow is a run by workers. Each has a queue of steps that are ready; one that has none takes from the others.
type dataflow struct {
	r      *Run
	s      *gocpu.Steps
	p      *plan
	queues []queue // of the workers, and behind them that of steps which others have made ready
	spare  processors

	owed []owed // by worker

	asleep atomic.Int32
	wake   chan struct{}  // one for each worker that should look
	over   chan struct{}  // closed when no step is left, or none may begin
	ended  atomic.Bool    // it is closed
	others sync.WaitGroup // goroutines of steps that wait for something outside
}

// runDataflow runs steps as their operands are made.
func runDataflow(r *Run, s *gocpu.Steps) {
	n := r.m.set.workers
	d := &dataflow{r: r, s: s, p: r.m.plan, queues: make([]queue, n+1), owed: make([]owed, n), wake: make(chan struct{}, n), over: make(chan struct{})}
	d.spare.free.Store(int32(n))
	first := make([]int, len(d.p.roots))
	at := len(first) // the last one in a queue is the first out
	for _, i := range d.p.roots {
		if next := d.begin(i, 0, d.r.now()); next >= 0 {
			at--
			first[at] = next
		}
	}
	d.queues[0].fill(first[at:])
	if len(d.p.nodes) == 0 {
		d.end()
	}
	var workers sync.WaitGroup
	for w := range n { // none on this goroutine: a kernel of the user's may end one
		workers.Go(func() { d.work(w) })
	}
	workers.Wait()
	d.others.Wait()
}

func (d *dataflow) end() {
	if !d.ended.Swap(true) {
		close(d.over)
	}
}

// begin notes that step i is ready. It returns it for the caller to run or queue, -1 if it waits for something outside: then another
// goroutine runs it.
func (d *dataflow) begin(i, worker int, at time.Duration) int {
	d.r.ready(i, worker, at)
	if d.p.waits[i] == "" {
		return i
	}
	d.others.Go(func() {
		slot := d.r.numbers.take()
		defer d.r.numbers.give(slot)
		w := d.s.Worker(d.r.inner)
		defer w.Close()
		d.step(w, i, len(d.queues)-1+slot, 1, func(i int, at time.Duration) {
			if next := d.emit(i, len(d.queues)-1, at); next >= 0 {
				d.queues[len(d.queues)-1].push(next)
				d.rouse(1)
			}
		})
	})
	return -1
}

// step runs step i, and ends the run if it breaks.
func (d *dataflow) step(w *gocpu.Worker, i, worker, goroutines int, release func(step int, at time.Duration)) {
	ok := false
	defer func() {
		if !ok || d.r.left.Load() == 0 {
			d.end()
		}
	}()
	ok = d.r.do(w, i, worker, goroutines, release)
}

// emit tells the steps that follow step i. It returns one that is ready for the caller to run, -1 if there is none; others go into a
// queue.
func (d *dataflow) emit(i, q int, at time.Duration) int {
	next, queued := -1, 0
	for _, k := range d.p.next[i] {
		made := int32(1)
		if q < len(d.owed) && d.p.tiny[i] && !d.r.gate.on.Load() && len(d.p.after[k]) >= manyOperands {
			if k, made = d.owed[q].add(k); k < 0 {
				continue
			}
		}
		if d.r.progress[k].missing.Add(-made) > 0 {
			continue
		}
		if k = d.begin(k, q, at); k < 0 {
			continue
		}
		if next < 0 {
			next = k
			continue
		}
		d.queues[q].push(k)
		queued++
	}
	d.rouse(queued)
	return next
}

// manyOperands is from how many operands on their count is not changed for each of them: workers would wait for each other's changes.
const manyOperands = 32

// owed is what a worker has made of the operands of one step and not counted yet. It counts them before it does anything that takes time.
type owed struct {
	step, made int32
	_          [64]byte
}

// add notes an operand of step k. It returns another step whose operands are to be counted now, and how many; -1 if there is none.
func (o *owed) add(k int) (step int, made int32) {
	if o.made > 0 && int(o.step) != k {
		step, made = int(o.step), o.made
		o.step, o.made = int32(k), 1
		return step, made
	}
	o.step, o.made = int32(k), o.made+1
	return -1, 0
}

// settle counts what worker w owes. It returns the step if that is ready, and is for the caller to run; -1 if not.
func (d *dataflow) settle(w int) int {
	o := &d.owed[w]
	if o.made == 0 {
		return -1
	}
	made := o.made
	o.made = 0
	if d.r.progress[o.step].missing.Add(-made) > 0 {
		return -1
	}
	return d.begin(int(o.step), w, d.r.now())
}

// pay settles what worker w owes, and queues the step that becomes ready.
func (d *dataflow) pay(w int) {
	if k := d.settle(w); k >= 0 {
		d.queues[w].push(k)
		d.rouse(1)
	}
}

// rouse wakes workers for n steps.
func (d *dataflow) rouse(n int) {
	for n = min(n, int(d.asleep.Load())); n > 0; n-- {
		select {
		case d.wake <- struct{}{}:
		default:
			return
		}
	}
}

// work is what worker w does. While it runs steps it has a processor.
func (d *dataflow) work(w int) {
	d.spare.take()
	defer func() { d.spare.give(1) }()
	worker := d.s.Worker(d.r.inner)
	defer worker.Close()
	next := -1
	release := func(i int, at time.Duration) { next = d.emit(i, w, at) }
	var room [fewTiny]int
	var at hand
	for {
		i, ok := at.next()
		if !ok {
			if at, ok = d.queues[w].popTiny(room[:0], d.p.tiny); ok {
				i, _ = at.next()
			} else if i, ok = d.find(w); !ok {
				return
			}
		}
		for i >= 0 && !d.ended.Load() {
			next = -1
			helpers := 0
			if !d.p.tiny[i] {
				if len(at) > 0 { // which others would wait for
					d.queues[w].push(at...)
					d.rouse(len(at))
					at = nil
				}
				d.pay(w)
				if !d.queued() { // else others are about to need a processor
					helpers = d.spare.takeAll()
				}
			}
			if d.r.gate.on.Load() { // it may wait there, and people look at what is ready
				d.pay(w)
			}
			d.step(worker, i, w, 1+helpers, release)
			if helpers > 0 {
				d.spare.give(helpers)
			}
			i = next
		}
	}
}

// queued reports whether a step waits in a queue.
func (d *dataflow) queued() bool {
	for i := range d.queues {
		if d.queues[i].some.Load() {
			return true
		}
	}
	return false
}

// fewTiny is how many tiny steps a worker takes from its queue at once, where nobody can steal them until it puts them back.
const fewTiny = 8

// hand is steps that a worker has taken from its queue, the first one last.
type hand []int

func (h *hand) next() (step int, ok bool) {
	n := len(*h)
	if n == 0 {
		return 0, false
	}
	step = (*h)[n-1]
	*h = (*h)[:n-1]
	return step, true
}

// find returns the next step for worker w, false if the run is over.
func (d *dataflow) find(w int) (step int, ok bool) {
	if d.ended.Load() {
		return 0, false
	}
	if i := d.settle(w); i >= 0 {
		return i, !d.ended.Load()
	}
	const looks = 8 // before it sleeps
	for range looks {
		if d.ended.Load() {
			return 0, false
		}
		if i, ok := d.steal(w); ok {
			return i, true
		}
		runtime.Gosched()
	}
	d.spare.give(1)
	defer d.spare.take()
	for {
		d.asleep.Add(1)
		i, ok := d.steal(w) // what was queued before anybody saw it asleep
		if ok {
			d.asleep.Add(-1)
			return i, true
		}
		select {
		case <-d.wake:
		case <-d.over:
			d.asleep.Add(-1)
			return 0, false
		case <-d.r.ctx.Done():
			d.asleep.Add(-1)
			d.end()
			return 0, false
		}
		d.asleep.Add(-1)
		if i, ok := d.steal(w); ok {
			return i, true
		}
	}
}

// steal takes steps from another queue, and returns the oldest of them.
func (d *dataflow) steal(w int) (step int, ok bool) {
	for k := range d.queues {
		v := (w + 1 + k) % len(d.queues)
		if v == w {
			continue
		}
		var some [32]int
		n := d.queues[v].takeHalf(some[:])
		if n == 0 {
			continue
		}
		if n > 1 {
			d.queues[w].push(some[1:n]...)
			d.rouse(n - 1)
		}
		return some[0], true
	}
	return 0, false
}

// queue is a list of steps that are ready. Its worker takes the latest, others the oldest.
type queue struct {
	mu    sync.Mutex
	steps []int
	from  int // the oldest one's place
	some  atomic.Bool
	_     [64]byte
}

func (q *queue) push(steps ...int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.steps = append(q.steps, steps...)
	if len(steps) > 0 && !q.some.Load() {
		q.some.Store(true)
	}
}

// fill makes steps, which are nobody else's, the queue's, before others know it.
func (q *queue) fill(steps []int) {
	q.steps = steps
	q.some.Store(len(steps) > 0)
}

// popTiny takes the latest step, and if it is tiny some of those before it that are; false if there is none.
func (q *queue) popTiny(room []int, tiny []bool) (hand, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := len(q.steps)
	if n == q.from {
		return nil, false
	}
	from := n - 1
	for tiny[q.steps[n-1]] && from > q.from && n-from < cap(room) && tiny[q.steps[from-1]] {
		from--
	}
	list := append(room, q.steps[from:]...)
	q.steps = q.steps[:from]
	q.tidy()
	return list, true
}

// takeHalf takes the older half of the steps, as far as they fit into the list, and returns how many.
func (q *queue) takeHalf(to []int) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := copy(to, q.steps[q.from:q.from+(len(q.steps)-q.from+1)/2])
	q.from += n
	q.tidy()
	return n
}

func (q *queue) tidy() {
	if q.from == len(q.steps) {
		q.steps, q.from = q.steps[:0], 0
		q.some.Store(false)
	}
}

// processors counts those that no worker uses. A kernel takes them as helpers, if no other step is there for them; a worker that wakes up takes one, and waits for it if
// kernels have them all.
type processors struct {
	free    atomic.Int32
	waiting atomic.Int32
	mu      sync.Mutex
	cond    *sync.Cond
}

// takeAll takes all that are free.
func (p *processors) takeAll() int {
	for {
		n := p.free.Load()
		if n <= 0 || p.waiting.Load() > 0 {
			return 0
		}
		if p.free.CompareAndSwap(n, 0) {
			return int(n)
		}
	}
}

func (p *processors) try() bool {
	for {
		n := p.free.Load()
		if n <= 0 {
			return false
		}
		if p.free.CompareAndSwap(n, n-1) {
			return true
		}
	}
}

// take takes one, and waits until one is free.
func (p *processors) take() {
	if p.try() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cond == nil {
		p.cond = sync.NewCond(&p.mu)
	}
	p.waiting.Add(1)
	defer p.waiting.Add(-1)
	for !p.try() {
		p.cond.Wait()
	}
}

// give gives n back.
func (p *processors) give(n int) {
	p.free.Add(int32(n))
	if p.waiting.Load() > 0 {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.cond.Broadcast()
	}
}
