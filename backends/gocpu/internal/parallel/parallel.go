// Package parallel runs loops on the process's one set of worker goroutines.
//
// There are GOMAXPROCS-1 workers for the whole process, started when first needed; the goroutine that
// asks for a loop works too. A loop that is asked for while another one runs (from a worker, or by
// another caller) runs on its own goroutine alone: all processors are busy anyway. After a loop, workers
// spin for a moment, since the next loop usually follows at once, and then park.
//
// How a loop is cut into chunks depends on its length and grain alone, never on the number of workers,
// so results cannot depend on it either.
//
// Each goroutine has a share of the chunks that lie side by side, the same one in all loops as long, and when it is through with
// that it takes of the others' from their far ends: what a loop reads that the one before it has written lies in the caches of the
// same processor for the most part. To bring it from another one's takes longer than most loops compute.
//
// Long loops go over their chunks forwards and backwards in turn: a loop begins where the one before it ended, so that it finds in
// the nearer caches what that one has read or written last, though both go over more memory than these hold.
package parallel

import (
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quire-ml/quire/internal/guard"
)

// Body computes the elements lo to hi of a loop for args. worker numbers the goroutine that runs it,
// from 0 to [Limit]-1, for scratch memory of its own.
type Body[A any] func(args *A, worker, lo, hi int)

// Panic is what a loop panics with when one of its bodies did.
type Panic struct {
	Value any    // what the body panicked with
	Stack string // where
}

// String describes the panic in one line.
func (p *Panic) String() string { return fmt.Sprint(p.Value) }

// loop is what workers see of a running loop: a call that claims and runs chunks until there are none.
type loop interface{ work(worker int) }

// Loop holds the state of one loop at a time, so that running loops allocates nothing. It belongs to one
// goroutine.
type Loop[A any] struct {
	// Done, if not nil, ends loops early once it is closed: chunks that have begun are finished, no other is begun.
	Done <-chan struct{}

	args     *A
	body     Body[A]
	n, grain int
	back     bool
	shares   []share // while workers run it
	failed   atomic.Pointer[Panic]
}

// share is the chunks that a goroutine begins with, but for those that are taken: from the number in the upper half to the one in
// the lower half.
type share struct {
	left atomic.Uint64
	_    [120]byte // others write it seldom: nothing else on its cache lines, which come in pairs
}

func (s *share) set(from, to int) { s.left.Store(uint64(from)<<32 | uint64(to)) }

// take takes the first chunk, or the last one; false if there are none.
func (s *share) take(last bool) (chunk int, ok bool) {
	for {
		left := s.left.Load()
		from, to := left>>32, left&math.MaxUint32
		switch {
		case from >= to:
			return 0, false
		case last:
			if s.left.CompareAndSwap(left, left-1) {
				return int(to - 1), true
			}
		case s.left.CompareAndSwap(left, left+1<<32):
			return int(from), true
		}
	}
}

// For calls body for chunks of grain elements that cover 0 to n, in any order, on up to workers goroutines
// (the caller's included). If a body panics, For panics with [*Panic] after all have ended; a Goexit on one of the workers is such a
// panic, one on the caller's goroutine ends that when all have ended.
func (l *Loop[A]) For(workers, n, grain int, args *A, body Body[A]) {
	if n <= 0 {
		return
	}
	grain = max(grain, 1)
	chunks := (n-1)/grain + 1
	l.n, l.grain, l.back = n, grain, turn(chunks)
	helpers := min(workers, chunks) - 1
	if helpers <= 0 || uint64(chunks) > math.MaxUint32 || !pool.acquire() {
		for i := 0; i < chunks && !l.Ended(); i++ {
			chunk := i
			if l.back {
				chunk = chunks - 1 - i
			}
			l.chunk(args, body, 0, chunk)
		}
		return
	}
	l.args, l.body, l.shares = args, body, pool.share(chunks, helpers+1)
	pool.run(l, helpers)
	l.args, l.body, l.shares = nil, nil, nil
	if p := l.failed.Swap(nil); p != nil {
		panic(p)
	}
}

// chunk runs a chunk.
func (l *Loop[A]) chunk(args *A, body Body[A], worker, chunk int) {
	at := chunk * l.grain
	body(args, worker, at, min(at+l.grain, l.n))
}

// InOrder calls body for consecutive chunks of grain elements that cover 0 to n, one after the other, on the calling goroutine.
func (l *Loop[A]) InOrder(n, grain int, args *A, body Body[A]) {
	grain = max(grain, 1)
	for lo := 0; lo < n && !l.Ended(); lo += grain {
		body(args, 0, lo, min(lo+grain, n))
	}
}

// longLoop is how many chunks a loop has that turns round. Fewer are about as much memory as the caches hold anyway.
const longLoop = 4

// backwards is the direction of the last long loop of the process. Where loops run at the same time it may be anything.
var backwards atomic.Bool

// turn reports whether a loop goes backwards.
func turn(chunks int) bool {
	if chunks < longLoop {
		return false
	}
	back := !backwards.Load()
	backwards.Store(back)
	return back
}

// Ended reports whether Done is closed.
func (l *Loop[A]) Ended() bool {
	if Looked != nil {
		Looked()
	}
	select {
	case <-l.Done:
		return true
	default: // also if Done is nil
		return false
	}
}

// Looked, if not nil, is called by every look whether a loop has ended: tests count them. It is set while none runs.
var Looked func()

func (l *Loop[A]) work(worker int) {
	ended := false
	defer func() {
		r := recover()
		if ended {
			return
		}
		p, ok := r.(*Panic)
		switch {
		case r == nil:
			p = &Panic{Value: guard.ErrGoexit}
		case !ok:
			p = &Panic{r, string(debug.Stack())}
		}
		l.failed.CompareAndSwap(nil, p)
	}()
	for k := range l.shares {
		s, last := &l.shares[(worker+k)%len(l.shares)], l.back == (k == 0)
		for {
			chunk, ok := s.take(last)
			if !ok {
				break
			}
			if l.failed.Load() != nil || l.Ended() { // nobody begins another chunk
				ended = true
				return
			}
			l.chunk(l.args, l.body, worker, chunk)
		}
	}
	ended = true
}

// Limit returns how many goroutines can work on one loop.
func Limit() int { return runtime.GOMAXPROCS(0) }

// The states of a worker. A worker that is assigned a loop may begin it; the caller takes the
// assignment back if all is done before the worker woke up.
const (
	idle int32 = iota
	assigned
	running
)

type worker struct {
	state  atomic.Int32
	loop   loop // valid from assigned to the next idle
	wake   chan struct{}
	asleep atomic.Bool
}

type workers struct {
	mu     sync.Mutex // held while a loop runs
	list   []*worker
	shares []share // of the loop
}

var pool workers

// acquire reports whether the workers are free, and takes them.
func (p *workers) acquire() bool { return p.mu.TryLock() }

// share divides chunks among so many goroutines.
func (p *workers) share(chunks, among int) []share {
	if len(p.shares) < among {
		p.shares = make([]share, among)
	}
	for i := range among {
		p.shares[i].set(i*chunks/among, (i+1)*chunks/among)
	}
	return p.shares[:among]
}

// spinTime is how long a worker without work waits before it parks, and a caller for a worker before it sleeps, a nap at a time. On an
// idle processor of a virtual machine it takes a parked goroutine 100 µs to begin; a worker that parks sooner than that
// misses the next loop, too, which the caller has run alone by then, and so on.
const (
	spinTime = 200 * time.Microsecond
	napTime  = 30 * time.Microsecond
)

// run runs l on the calling goroutine and up to helpers workers, and releases the workers.
func (p *workers) run(l loop, helpers int) {
	defer p.mu.Unlock()
	for len(p.list) < helpers {
		w := &worker{wake: make(chan struct{}, 1)}
		p.list = append(p.list, w)
		go w.live(len(p.list))
	}
	for _, w := range p.list[:helpers] {
		w.loop = l
		w.state.Store(assigned)
		if w.asleep.Load() {
			select {
			case w.wake <- struct{}{}:
			default:
			}
		}
	}
	defer p.settle(helpers) // also if a body ends this goroutine
	l.work(0)
}

// settle waits for the workers that have begun the loop.
func (p *workers) settle(helpers int) {
	for _, w := range p.list[:helpers] {
		if w.state.CompareAndSwap(assigned, idle) {
			continue
		}
		for start := time.Now(); w.state.Load() == running; {
			if time.Since(start) < spinTime {
				runtime.Gosched()
			} else {
				time.Sleep(napTime)
			}
		}
	}
}

// live is the life of worker number id. If a body ends its goroutine with a Goexit, another one goes on.
func (w *worker) live(id int) {
	defer func() {
		w.state.Store(idle)
		go w.live(id)
	}()
	debug.SetPanicOnFault(true) // as that of the goroutine whose loops it helps with
	for {
		w.await()
		if w.state.CompareAndSwap(assigned, running) {
			w.loop.work(id)
			w.state.Store(idle)
		}
	}
}

// await returns when there may be work.
func (w *worker) await() {
	for start := time.Now(); time.Since(start) < spinTime; {
		for range 64 {
			if w.state.Load() == assigned {
				return
			}
		}
		runtime.Gosched()
	}
	w.asleep.Store(true)
	if w.state.Load() != assigned { // an assignment before asleep was seen has sent no wake-up
		<-w.wake
	}
	w.asleep.Store(false)
}
